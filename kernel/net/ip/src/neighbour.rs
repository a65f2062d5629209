//! Who on the local network has which address, for both protocols: ARP and neighbour discovery feed the same table.
//!
//! The states are those of RFC 4861, section 7.3. Who is reachable is believed for half a minute; after that the address is still used, and whoever uses it is asked whether it is still there: five seconds
//! later, so that the transport protocol may find out by itself. Frames for somebody whose address is not known yet wait, so many at most.

use alloc::vec::Vec;
use core::mem;
use core::net::IpAddr;
use link::Frame;
use packet::ethernet::Mac;

const SECOND: u64 = 1_000_000_000;
/// How long who was heard of is believed.
const REACHABLE: u64 = 30 * SECOND;
/// How long a question waits for its answer.
const RETRANSMIT: u64 = SECOND;
/// How long who is used without having been heard of is left alone.
const DELAY: u64 = 5 * SECOND;
/// How often is asked.
const QUESTIONS: u8 = 3;
/// Frames that wait for one neighbour.
const MOST_HELD: usize = 32;
/// Pages of frames that wait for all of them.
const MOST_PAGES: usize = 256;
/// Neighbours that are known.
const MOST: usize = 1024;

/// Who: on which interface, with which address.
pub(crate) type Key = (u32, IpAddr);

/// What is known of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing: the question is out.
    Incomplete,
    /// It was heard of, until then.
    Reachable(u64),
    /// It was heard of long ago.
    Stale,
    /// It is used without having been heard of.
    Delay,
    /// It is asked whether it is still there.
    Probe,
    /// A program said so, and nobody is asked.
    Permanent,
}

/// Somebody.
pub(crate) struct Neighbour {
    pub(crate) key: Key,
    pub(crate) mac: Mac,
    pub(crate) state: State,
    /// When something is to be done about it.
    due: Option<u64>,
    asked: u8,
    used: u64,
    pub(crate) held: Vec<Frame>,
}

/// What is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) key: Key,
    /// Whom, if not everybody.
    pub(crate) to: Option<Mac>,
}

/// How something was learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// It answered.
    Answer,
    /// It said so by itself, or while asking something else.
    Hint,
    /// The same, but only who is known already is kept.
    Gossip,
    /// A program of this machine says so.
    Said(State),
}

/// All of them, in the order of their keys.
pub(crate) struct Neighbours {
    all: Vec<Neighbour>,
    /// Nothing is due before: asked for with every packet, so it is not looked for then. It may be too early.
    next: u64,
}

impl Neighbours {
    pub(crate) const fn new() -> Self {
        Self {
            all: Vec::new(),
            next: u64::MAX,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Neighbour> {
        self.all.iter()
    }

    fn find(&self, key: Key) -> Result<usize, usize> {
        self.all.binary_search_by(|neighbour| neighbour.key.cmp(&key))
    }

    /// Where frames for somebody go, if that is known, and what is to be asked.
    pub(crate) fn look_up(&mut self, now: u64, key: Key) -> (Option<Mac>, Option<Question>) {
        let at = match self.find(key) {
            Ok(at) => at,
            Err(_) => self.insert(now, key, State::Incomplete),
        };
        let neighbour = &mut self.all[at];
        neighbour.used = now;
        match neighbour.state {
            State::Incomplete if neighbour.due.is_none() => {
                neighbour.due = Some(now + RETRANSMIT);
                self.next = self.next.min(now + RETRANSMIT);
                neighbour.asked = 1;
                (None, Some(Question { key, to: None }))
            }
            State::Incomplete => (None, None),
            State::Reachable(until) if now < until => (Some(neighbour.mac), None),
            State::Reachable(_) | State::Stale => {
                neighbour.state = State::Delay;
                neighbour.due = Some(now + DELAY);
                self.next = self.next.min(now + DELAY);
                (Some(neighbour.mac), None)
            }
            State::Delay | State::Probe | State::Permanent => (Some(neighbour.mac), None),
        }
    }

    /// Where frames for somebody go, where nothing is to be asked or noted for it but that it is in use.
    pub(crate) fn known(&mut self, now: u64, key: Key) -> Option<Mac> {
        let at = self.find(key).ok()?;
        let neighbour = &mut self.all[at];
        let is_known = match neighbour.state {
            State::Reachable(until) => now < until,
            State::Delay | State::Probe | State::Permanent => true,
            State::Incomplete | State::Stale => false,
        };
        neighbour.used = now;
        is_known.then_some(neighbour.mac)
    }

    fn insert(&mut self, now: u64, key: Key, state: State) -> usize {
        if self.all.len() >= MOST {
            self.forget_oldest();
        }
        let at = self.find(key).unwrap_or_else(|at| at);
        let neighbour = Neighbour {
            key,
            mac: [0; 6],
            state,
            due: None,
            asked: 0,
            used: now,
            held: Vec::new(),
        };
        self.all.insert(at, neighbour);
        at
    }

    /// Makes room for many, so that it is not made for each of those who come in a flood: of those that nothing waits for, who was unused for longer than the mean goes.
    #[cold]
    fn forget_oldest(&mut self) {
        let (mut sum, mut count) = (0u64, 0);
        let stays = |one: &Neighbour| one.state == State::Permanent;
        for one in self.all.iter().filter(|one| one.held.is_empty() && !stays(one)) {
            sum = sum.saturating_add(one.used);
            count += 1;
        }
        let mean = sum.checked_div(count);
        self.all
            .retain(|one| stays(one) || mean.is_some_and(|mean| !one.held.is_empty() || one.used > mean));
    }

    /// Keeps a frame until its receiver is known; gives it back with the receiver's address if that is known meanwhile, or without if it cannot wait.
    pub(crate) fn hold(&mut self, key: Key, frame: Frame) -> Option<(Option<Mac>, Frame)> {
        let Ok(at) = self.find(key) else {
            return Some((None, frame));
        };
        if self.all[at].state != State::Incomplete {
            return Some((Some(self.all[at].mac), frame));
        }
        self.make_room(frame.parts.len());
        let neighbour = &mut self.all[at];
        // The oldest gives way, as on Linux.
        let lost = (neighbour.held.len() >= MOST_HELD).then(|| neighbour.held.remove(0));
        neighbour.held.push(frame);
        lost.map(|lost| (None, lost))
    }

    /// Lets go of what waits for who has the most waiting, until there is room for so many pages more.
    fn make_room(&mut self, pages: usize) {
        let pages_of = |one: &Neighbour| one.held.iter().map(|frame| frame.parts.len()).sum::<usize>();
        let mut all: usize = self.all.iter().map(pages_of).sum();
        while all > 0 && all + pages > MOST_PAGES {
            let most = self.all.iter_mut().max_by_key(|one| pages_of(one));
            let Some(most) = most else { return };
            all -= most.held.remove(0).parts.len();
        }
    }

    /// Somebody was heard of: frames that waited for that.
    pub(crate) fn learn(&mut self, now: u64, key: Key, mac: Mac, word: Word) -> Vec<Frame> {
        let at = match (self.find(key), word) {
            (Ok(at), _) => at,
            (Err(_), Word::Hint | Word::Said(_)) => self.insert(now, key, State::Stale),
            (Err(_), _) => return Vec::new(),
        };
        let neighbour = &mut self.all[at];
        if let Word::Said(state) = word {
            let state = match state {
                State::Reachable(_) => State::Reachable(now + REACHABLE),
                state => state,
            };
            (neighbour.mac, neighbour.state, neighbour.due) = (mac, state, None);
            return mem::take(&mut neighbour.held);
        }
        if neighbour.state == State::Permanent {
            return Vec::new();
        }
        let changed = neighbour.mac != mac || neighbour.state == State::Incomplete;
        neighbour.mac = mac;
        if word == Word::Answer {
            neighbour.state = State::Reachable(now + REACHABLE);
            neighbour.due = None;
        } else if changed {
            neighbour.state = State::Stale;
            neighbour.due = None;
        }
        mem::take(&mut neighbour.held)
    }

    /// The transport protocol knows that somebody is there.
    pub(crate) fn confirm(&mut self, now: u64, key: Key) {
        if let Ok(at) = self.find(key)
            && !matches!(self.all[at].state, State::Incomplete | State::Permanent)
        {
            self.all[at].state = State::Reachable(now + REACHABLE);
            self.all[at].due = None;
        }
    }

    /// Nobody of an interface is known any more, or one of them.
    pub(crate) fn forget(&mut self, interface: u32, ip: Option<IpAddr>) {
        self.all
            .retain(|one| one.key.0 != interface || ip.is_some_and(|ip| one.key.1 != ip));
    }

    /// What is due: questions, and frames for those who do not answer.
    pub(crate) fn tick(&mut self, now: u64, questions: &mut Vec<Question>, lost: &mut Vec<(Key, Vec<Frame>)>) {
        self.all.retain_mut(|one| {
            if one.due.is_none_or(|due| due > now) {
                return true;
            }
            if one.state == State::Delay {
                (one.state, one.asked) = (State::Probe, 0);
            }
            if one.asked >= QUESTIONS {
                lost.push((one.key, mem::take(&mut one.held)));
                return false;
            }
            one.asked += 1;
            one.due = Some(now + RETRANSMIT);
            questions.push(Question {
                key: one.key,
                to: (one.state == State::Probe).then_some(one.mac),
            });
            true
        });
        self.next = self.all.iter().filter_map(|one| one.due).min().unwrap_or(u64::MAX);
    }

    /// When something may be due next.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use frames::Page;
    use link::Part;

    const MAC: Mac = [2, 0, 0, 0, 0, 7];

    fn key() -> Key {
        (2, IpAddr::from([10, 0, 2, 2]))
    }

    #[test]
    fn who_does_not_answer_is_asked_three_times_and_given_up() {
        let mut all = Neighbours::new();
        assert_eq!(all.look_up(0, key()), (None, Some(Question { key: key(), to: None })));
        assert_eq!(all.look_up(1, key()), (None, None));
        for _ in 0..MOST_HELD {
            assert!(all.hold(key(), Frame::default()).is_none());
        }
        assert!(all.hold(key(), Frame::default()).is_some(), "too many");
        let (mut questions, mut lost) = (Vec::new(), Vec::new());
        for second in 1..=3 {
            all.tick(second * SECOND, &mut questions, &mut lost);
        }
        assert_eq!((questions.len(), lost.len()), (2, 1));
        assert_eq!(lost[0].1.len(), MOST_HELD);
        assert_eq!(all.next(), u64::MAX);
    }

    #[test]
    fn who_answers_is_believed_then_asked_again() {
        let mut all = Neighbours::new();
        all.look_up(0, key());
        all.hold(key(), Frame::default());
        assert_eq!(all.learn(0, key(), MAC, Word::Answer).len(), 1);
        assert_eq!(all.look_up(SECOND, key()), (Some(MAC), None));
        let late = 31 * SECOND;
        assert_eq!(all.look_up(late, key()), (Some(MAC), None));
        let (mut questions, mut lost) = (Vec::new(), Vec::new());
        all.tick(late + DELAY, &mut questions, &mut lost);
        assert_eq!(
            questions,
            [Question {
                key: key(),
                to: Some(MAC)
            }]
        );
        all.confirm(late + DELAY, key());
        all.tick(all.next(), &mut questions, &mut lost);
        assert_eq!((all.next(), questions.len()), (u64::MAX, 1));
    }

    #[test]
    fn what_waits_for_very_many_takes_little_room() {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        let mut all = Neighbours::new();
        let mut lost = 0;
        for number in 0..1000u32 {
            let key = (2, IpAddr::V4(number.into()));
            all.look_up(0, key);
            let mut frame = Frame::default();
            let page = || Page::zeroed().expect("there is memory");
            frame.parts = (0..3).map(|_| Part::new(page(), 0, 1)).collect();
            lost += u32::from(all.hold(key, frame).is_some());
        }
        let pages: usize = all
            .all
            .iter()
            .flat_map(|one| &one.held)
            .map(|frame| frame.parts.len())
            .sum();
        assert!(
            pages > MOST_PAGES - 3 && pages <= MOST_PAGES && lost == 0,
            "{pages} pages"
        );
    }

    #[test]
    fn gossip_creates_nobody_and_there_are_never_too_many() {
        let mut all = Neighbours::new();
        all.learn(0, key(), MAC, Word::Gossip);
        assert_eq!(all.all.len(), 0);
        for number in 0..2 * MOST as u32 {
            all.learn(u64::from(number), (2, IpAddr::V4(number.into())), MAC, Word::Hint);
        }
        assert!(all.all.len() > MOST / 4 && all.all.len() <= MOST);
        let newest = (2, IpAddr::V4((2 * MOST as u32 - 1).into()));
        assert!(all.find(newest).is_ok(), "who was heard of last is known");
    }
}
