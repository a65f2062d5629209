//! What was sent and is not acknowledged: which of it has come (RFC 2018), and which is lost (RACK, RFC 8985).
//!
//! One record for each segment, in the order of the stream. A record is split where an acknowledgement or a retransmission takes only a part of it.

use crate::Seq;
use alloc::collections::VecDeque;

const SACKED: u8 = 1;
const LOST: u8 = 2;
const AGAIN: u8 = 4;

/// A segment that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) start: Seq,
    pub(crate) end: Seq,
    /// When, the last time.
    at: u64,
    flags: u8,
}

impl Sent {
    fn len(&self) -> u32 {
        self.end.since(self.start)
    }

    const fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// What an acknowledgement brought.
#[derive(Clone, Copy, Default)]
pub(crate) struct News {
    /// Bytes that were not known to have come.
    pub(crate) delivered: u32,
    /// When the latest was sent of those that were sent once only.
    pub(crate) sent_at: Option<u64>,
    /// The shortest time that an answer ever took.
    pub(crate) least: u64,
    /// Something had come in another order than it was sent.
    pub(crate) reordered: bool,
    /// The end of what had come twice, and how many bytes those are.
    pub(crate) twice: Option<(Seq, u32)>,
}

/// The newest of what has come, and how long what came last took (RFC 8985, 5.2 and 6.2).
#[derive(Clone, Copy, Default)]
struct Rack {
    at: u64,
    end: Seq,
    rtt: u64,
}

/// The records.
#[derive(Default)]
pub(crate) struct Scoreboard {
    list: VecDeque<Sent>,
    pub(crate) sacked: u32,
    pub(crate) lost: u32,
    /// Before this one, none is lost.
    first_lost: usize,
    rack: Rack,
    /// The furthest that is known to have come.
    furthest: Seq,
    pub(crate) has_reordering: bool,
}

impl Scoreboard {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn push(&mut self, start: Seq, end: Seq, at: u64) {
        if self.list.is_empty() {
            self.furthest = start;
        }
        self.list.push_back(Sent {
            start,
            end,
            at,
            flags: 0,
        });
    }

    pub(crate) fn has_sacked(&self) -> bool {
        self.sacked > 0
    }

    /// Everything before a place has come.
    pub(crate) fn acknowledge(&mut self, una: Seq, now: u64, news: &mut News) {
        while let Some(first) = self.list.front_mut()
            && first.start.before(una)
        {
            if first.end.after(una) {
                let head = Sent { end: una, ..*first };
                first.start = una;
                self.count(&head, now, news);
                break;
            }
            let first = *first;
            self.list.pop_front();
            self.first_lost = self.first_lost.saturating_sub(1);
            self.count(&first, now, news);
        }
        if self.list.is_empty() && self.list.capacity() > 32 {
            self.list = VecDeque::new();
        }
    }

    /// Takes a record, or a part of one, out of the sums.
    fn count(&mut self, sent: &Sent, now: u64, news: &mut News) {
        if sent.is(LOST) {
            self.lost -= sent.len();
        }
        if sent.is(SACKED) {
            self.sacked -= sent.len();
        } else {
            self.deliver(sent, now, news);
        }
    }

    fn deliver(&mut self, sent: &Sent, now: u64, news: &mut News) {
        news.delivered += sent.len();
        if !sent.is(AGAIN) {
            news.sent_at = Some(news.sent_at.unwrap_or(0).max(sent.at));
            if sent.end.before(self.furthest) {
                news.reordered = true;
                self.has_reordering = true;
            }
        }
        self.furthest = self.furthest.max(sent.end);
        let rtt = now.saturating_sub(sent.at);
        // An answer that comes sooner than any can is one to what was sent before.
        if sent.is(AGAIN) && rtt < news.least {
            return;
        }
        let is_newer = self.rack.rtt == 0 || (sent.at, sent.end.since(self.rack.end) as i32) > (self.rack.at, 0);
        // Also of what was sent earlier and is late: others may take as long now.
        self.rack.rtt = rtt.max(1);
        if is_newer {
            self.rack.at = sent.at;
            self.rack.end = sent.end;
        }
    }

    /// Makes a place the end of a record.
    fn split(&mut self, at: Seq) -> usize {
        let index = self.list.partition_point(|sent| !sent.end.after(at));
        if let Some(sent) = self.list.get_mut(index)
            && sent.start.before(at)
        {
            let head = Sent { end: at, ..*sent };
            sent.start = at;
            self.list.insert(index, head);
            return index + 1;
        }
        index
    }

    /// Bytes between two places have come.
    pub(crate) fn sack(&mut self, start: Seq, end: Seq, now: u64, news: &mut News) {
        let first = self.list.partition_point(|sent| !sent.end.after(start));
        // Most blocks are told again and again.
        let mut index = first;
        let mut all = true;
        while let Some(sent) = self.list.get(index)
            && sent.start.before(end)
        {
            all &= sent.is(SACKED);
            index += 1;
        }
        if all {
            return;
        }
        let first = self.split(start);
        let last = self.split(end);
        for index in first..last {
            let Some(sent) = self.list.get_mut(index) else { break };
            let before = *sent;
            if before.is(SACKED) {
                continue;
            }
            sent.flags = sent.flags & !LOST | SACKED;
            if before.is(LOST) {
                self.lost -= before.len();
            }
            self.sacked += before.len();
            self.deliver(&before, now, news);
        }
    }

    /// Finds what is lost: what was sent so long before something that has come. When to look again.
    pub(crate) fn find_lost(&mut self, now: u64, patience: u64) -> Option<u64> {
        if self.rack.rtt == 0
            || (self.sacked == 0 && self.lost == 0 && !self.list.front().is_some_and(|sent| sent.is(AGAIN)))
        {
            return None;
        }
        let mut again: Option<u64> = None;
        for (index, sent) in self.list.iter_mut().enumerate() {
            if sent.flags & (SACKED | LOST) != 0 {
                continue;
            }
            let is_newer = (sent.at, sent.end.since(self.rack.end) as i32) > (self.rack.at, 0);
            if is_newer {
                if sent.is(AGAIN) {
                    continue;
                }
                break;
            }
            let due = sent.at + self.rack.rtt + patience;
            if due <= now {
                sent.flags |= LOST;
                self.lost += sent.len();
                self.first_lost = self.first_lost.min(index);
            } else {
                again = Some(again.unwrap_or(0).max(due));
            }
        }
        again
    }

    /// Nothing was heard: everything that is not known to have come is lost; if the receiver has forgotten what it said, that too.
    pub(crate) fn lose_all(&mut self, forget: bool) {
        self.first_lost = 0;
        for sent in &mut self.list {
            if forget {
                sent.flags &= !SACKED;
            }
            if sent.flags & (SACKED | LOST) == 0 {
                sent.flags |= LOST;
                self.lost += sent.len();
            }
        }
        if forget {
            self.sacked = 0;
        }
    }

    /// The first is lost: three later ones have come, as the receiver says without words.
    pub(crate) fn lose_first(&mut self) {
        if let Some(first) = self.list.front_mut()
            && first.flags & (SACKED | LOST | AGAIN) == 0
        {
            first.flags |= LOST;
            self.lost += first.len();
            self.first_lost = 0;
        }
    }

    /// Segments longer than a path takes are lost on it.
    pub(crate) fn lose_longer(&mut self, most: u32) {
        self.first_lost = 0;
        for sent in &mut self.list {
            if sent.flags & (SACKED | LOST) == 0 && sent.len() > most {
                sent.flags |= LOST;
                self.lost += sent.len();
            }
        }
    }

    /// The first that is lost.
    pub(crate) fn next_lost(&mut self) -> Option<Sent> {
        if self.lost == 0 {
            return None;
        }
        while let Some(sent) = self.list.get(self.first_lost) {
            if sent.is(LOST) {
                return Some(*sent);
            }
            self.first_lost += 1;
        }
        None
    }

    /// The first that was not said to have come, and the last: for probes.
    pub(crate) fn ends(&self) -> Option<(Sent, Sent)> {
        Some((*self.list.front()?, *self.list.back()?))
    }

    /// What begins at a place was sent again, up to another.
    pub(crate) fn sent_again(&mut self, start: Seq, end: Seq, now: u64) {
        let first = self.split(start);
        let last = self.split(end);
        for index in first..last {
            let Some(sent) = self.list.get_mut(index) else { break };
            if sent.is(LOST) {
                self.lost -= sent.len();
            }
            sent.flags = sent.flags & !LOST | AGAIN;
            sent.at = now;
        }
    }

    /// It was no loss after all.
    pub(crate) fn find_all(&mut self) {
        for sent in &mut self.list {
            sent.flags &= !LOST;
        }
        self.lost = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_may_take_as_long_as_what_came_last() {
        let (mut sent, mut news) = (
            Scoreboard::default(),
            News {
                least: 40,
                ..News::default()
            },
        );
        for (place, at) in [(0, 1), (100, 11), (200, 21), (300, 31)] {
            sent.push(Seq(place), Seq(place + 100), at);
        }
        sent.sack(Seq(200), Seq(300), 71, &mut news);
        assert_eq!(
            (sent.find_lost(71, 15), sent.lost),
            (Some(76), 100),
            "the first, after 50 and 15"
        );
        sent.sent_again(Seq(0), Seq(100), 72);
        // The first that was sent has come after all: that is too soon for what was sent again.
        sent.sack(Seq(0), Seq(100), 80, &mut news);
        assert_eq!(sent.find_lost(75, 15), Some(76));
        sent.sack(Seq(300), Seq(400), 121, &mut news);
        assert_eq!((sent.find_lost(115, 15), sent.lost), (Some(116), 0), "90 and 15 now");
    }
}
