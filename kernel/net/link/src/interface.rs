//! The cards that there are, with their names and numbers; where frames that come go, and those that wait to go.

mod wanted;

use crate::burst::{Burst, Came};
use crate::{Abilities, Card, Frame, View, loopback, view};
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use lock::{Once, SpinLock};
use time::Expire;
use wanted::Wanted;

/// Number 1 is that of loopback on every Linux.
const FIRST: i32 = 2;
/// Frames that are taken before programs run again.
const BUDGET: u32 = 64;
/// The least time that programs get then.
const PAUSE: u64 = 20_000;
/// Frames that wait for room on the card if nobody says how many, as many as Linux keeps.
const QUEUE_LEN: usize = 1000;
/// Of the memory's pages, frames that wait have at most one in so many.
const PART_THAT_WAITS: u64 = 8;
/// The smallest packets that IPv4 can live with.
const LEAST_MTU: u32 = 68;

/// `IFF_*`: what is set, and what follows from what it is.
pub mod flag {
    /// Somebody has switched it on.
    pub const UP: u32 = 1;
    /// It reaches everybody at once.
    pub const BROADCAST: u32 = 2;
    /// What it sends comes back.
    pub const LOOPBACK: u32 = 8;
    /// It is on and the link is there.
    pub const RUNNING: u32 = 0x40;
    /// It takes all frames.
    pub const PROMISCUOUS: u32 = 0x100;
    /// It takes all frames for groups.
    pub const ALL_GROUPS: u32 = 0x200;
    /// It reaches groups.
    pub const MULTICAST: u32 = 0x1000;
    /// The link is there (in answers with 32 bits only).
    pub const LOWER_UP: u32 = 0x10000;
}

/// Work that the card or the stack does for the protocols, and that can be switched off.
pub mod work {
    /// The card completes checksums.
    pub const CHECKSUM: u32 = 1;
    /// It cuts large packets of each [`Kind`](crate::Kind), which needs that it completes checksums.
    pub const CUTS: [u32; 3] = [2, 4, 8];
    /// Segments that come in a row are put together.
    pub const JOINING: u32 = 16;
}

/// What happens to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is new.
    Added,
    /// It is switched on or off, its link came or went, or its address or longest packet changed.
    Changed,
    /// Others should be told who has its addresses: the machine has moved.
    Announce,
    /// There is room again for frames that go.
    Room,
}

/// Who is told of what happens.
pub type Watcher = fn(&Arc<Interface>, Event);

static ALL: SpinLock<Vec<Arc<Interface>>> = SpinLock::new(Vec::new());
static LOOPBACK: Once<Arc<Interface>> = Once::new();
static WATCHERS: SpinLock<Vec<Watcher>> = SpinLock::new(Vec::new());

/// Takes what came.
pub type Protocols = fn(&Interface, &Came<'_>);

static PROTOCOLS: Once<Protocols> = Once::new();
static WORK: [Work; hal::MAX_CPUS] = [const { Work::new() }; hal::MAX_CPUS];

/// What a CPU did for cards.
struct Work {
    frames: AtomicU64,
    pauses: AtomicU64,
}

impl Work {
    const fn new() -> Self {
        Self {
            frames: AtomicU64::new(0),
            pauses: AtomicU64::new(0),
        }
    }
}

/// For each CPU, how many frames it took, and how often it stopped before the end so that programs ran.
pub fn work() -> impl Iterator<Item = [u64; 2]> {
    let of_cpus = WORK.iter().take(hal::cpu::count());
    of_cpus.map(|work| [&work.frames, &work.pauses].map(|counted| counted.load(Ordering::Relaxed)))
}

/// Says who takes frames that come, besides packet sockets. The first to say so does.
pub fn set_protocols(protocols: Protocols) {
    let _ = PROTOCOLS.set(protocols);
}

/// A card with a name and a number.
pub struct Interface {
    /// Its number, which programs name it by.
    pub index: i32,
    /// Its name.
    pub name: String,
    /// The card.
    pub card: Arc<dyn Card>,
    /// Those of its flags that programs set.
    set: AtomicU32,
    mtu: AtomicU32,
    queue_len: AtomicUsize,
    /// The address that the card began with.
    pub permanent: [u8; 6],
    /// What the card or the stack could do and is not to do ([`work`]).
    off: AtomicU32,
    wanted: SpinLock<Wanted>,
    waiting: SpinLock<VecDeque<Frame>>,
    /// How many of them there are, and in how many pages.
    backlog: AtomicUsize,
    pages: AtomicUsize,
    dropped: AtomicUsize,
}

impl core::fmt::Debug for Interface {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.name, self.index)
    }
}

fn make(index: i32, name: String, card: Arc<dyn Card>) -> Arc<Interface> {
    let (mtu, permanent) = (card.abilities().mtu, card.mac());
    Arc::new(Interface {
        index,
        name,
        card,
        set: AtomicU32::new(flag::UP),
        mtu: AtomicU32::new(mtu),
        queue_len: AtomicUsize::new(QUEUE_LEN),
        permanent,
        off: AtomicU32::new(0),
        wanted: SpinLock::default(),
        waiting: SpinLock::default(),
        backlog: AtomicUsize::new(0),
        pages: AtomicUsize::new(0),
        dropped: AtomicUsize::new(0),
    })
}

/// Makes a card an interface.
pub fn add(card: Arc<dyn Card>) -> Arc<Interface> {
    let mut all = ALL.lock();
    let number = all.len();
    let interface = make(FIRST.saturating_add(number as i32), format!("eth{number}"), card);
    all.push(Arc::clone(&interface));
    drop(all);
    let [a, b, c, d, e, f] = interface.card.mac();
    trace::info!(
        "{} is {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}, packets of {} bytes, link {}",
        interface.name,
        interface.card.abilities().mtu,
        if interface.card.has_link() { "up" } else { "down" }
    );
    interface.tell(Event::Added);
    interface
}

/// Has everything that happens to interfaces told, also from interrupts.
pub fn watch(watcher: Watcher) {
    let mut watchers = WATCHERS.lock();
    if !watchers.iter().any(|known| core::ptr::fn_addr_eq(*known, watcher)) {
        watchers.push(watcher);
    }
}

/// The one that no frame leaves through.
pub fn loopback() -> Arc<Interface> {
    let made = || make(1, String::from("lo"), Arc::new(loopback::Loopback));
    Arc::clone(LOOPBACK.get_or_init(made))
}

/// All interfaces, in the order of their numbers.
#[must_use]
pub fn all() -> Vec<Arc<Interface>> {
    let mut list = alloc::vec![loopback()];
    list.extend(ALL.lock().iter().cloned());
    list
}

/// The interface with a number.
#[must_use]
pub fn by_index(index: i32) -> Option<Arc<Interface>> {
    all().into_iter().find(|interface| interface.index == index)
}

/// The interface with a name.
#[must_use]
pub fn by_name(name: &[u8]) -> Option<Arc<Interface>> {
    all().into_iter().find(|interface| interface.name.as_bytes() == name)
}

impl Interface {
    /// Whether it is that of loopback.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.index < FIRST
    }

    /// Its flags (`IFF_*`).
    #[must_use]
    pub fn flags(&self) -> u32 {
        let set = self.set.load(Ordering::Relaxed);
        let kind = if self.is_loopback() {
            flag::LOOPBACK
        } else {
            flag::BROADCAST | flag::MULTICAST
        };
        let on = set & flag::UP != 0 && self.card.has_link();
        set | kind | if on { flag::RUNNING | flag::LOWER_UP } else { 0 }
    }

    /// Whether frames come and go.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.flags() & flag::RUNNING != 0
    }

    /// Sets those of the flags in `mask` that programs may set.
    pub fn set_flags(self: &Arc<Self>, flags: u32, mask: u32) {
        let mask = mask & (flag::UP | flag::PROMISCUOUS | flag::ALL_GROUPS);
        let change = |before: u32| before & !mask | flags & mask;
        let changed = self
            .set
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| Some(change(before)));
        let before = changed.unwrap_or_else(|before| before);
        let after = change(before);
        if (before ^ after) & (flag::PROMISCUOUS | flag::ALL_GROUPS) != 0 {
            self.filter();
        }
        if before != after {
            self.tell(Event::Changed);
        }
    }

    /// Bytes of the longest packet.
    #[must_use]
    pub fn mtu(&self) -> u32 {
        self.mtu.load(Ordering::Relaxed)
    }

    /// Sets that.
    ///
    /// # Errors
    /// `EINVAL` for what the card cannot do.
    pub fn set_mtu(self: &Arc<Self>, mtu: u32) -> Result<()> {
        // In Linux's words, which programs show.
        if mtu < LEAST_MTU && !self.is_loopback() {
            return Err(Error::new(Errno::EINVAL, "mtu less than device minimum"));
        }
        if mtu > self.card.abilities().most {
            return Err(Error::new(Errno::EINVAL, "mtu greater than device maximum"));
        }
        if self.mtu.swap(mtu, Ordering::Relaxed) != mtu {
            self.tell(Event::Changed);
        }
        Ok(())
    }

    /// How many frames wait for room on the card at most.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue_len.load(Ordering::Relaxed)
    }

    /// Sets that.
    pub fn set_queue_len(self: &Arc<Self>, len: usize) {
        if self.queue_len.swap(len, Ordering::Relaxed) != len {
            self.tell(Event::Changed);
        }
    }

    /// What the card can do for the stack, without what is switched off.
    #[must_use]
    pub fn abilities(&self) -> Abilities {
        let off = self.off.load(Ordering::Relaxed);
        let mut abilities = self.card.abilities();
        abilities.checksum &= off & work::CHECKSUM == 0;
        for (cut, work) in abilities.cuts.iter_mut().zip(work::CUTS) {
            *cut &= abilities.checksum && off & work == 0;
        }
        abilities
    }

    /// What is switched off ([`work`]).
    #[must_use]
    pub fn off(&self) -> u32 {
        self.off.load(Ordering::Relaxed)
    }

    /// Switches off what `off` has of `mask`, and on what it has not.
    pub fn set_off(self: &Arc<Self>, off: u32, mask: u32) {
        let change = |before: u32| before & !mask | off & mask;
        let changed = self
            .off
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| Some(change(before)));
        if changed.is_ok_and(|before| before != change(before)) {
            self.tell(Event::Changed);
        }
    }

    /// Gives it another hardware address.
    ///
    /// # Errors
    /// `EOPNOTSUPP`; `EADDRNOTAVAIL` for a group's.
    pub fn set_mac(self: &Arc<Self>, mac: [u8; 6]) -> Result<()> {
        if mac[0] & 1 != 0 || mac == [0; 6] {
            return Err(Error::new(Errno::EADDRNOTAVAIL, "no station has that address"));
        }
        if !self.card.set_mac(mac) {
            return Err(Error::new(Errno::EOPNOTSUPP, "the card keeps its address"));
        }
        self.tell(Event::Changed);
        Ok(())
    }

    /// Takes frames that have come; if they do not end, the rest after programs had as much time as this took.
    pub fn poll(self: &Arc<Self>) {
        let began = time::now();
        let counted = &WORK[hal::cpu::current() % hal::MAX_CPUS];
        let mut frames = 0;
        let mut burst = Burst::default();
        let mut go_on = |came: &Came<'_>| {
            if let Some(take) = PROTOCOLS.get() {
                take(self, came);
            }
        };
        for _ in 0..BUDGET {
            let Some(frame) = self.card.receive() else {
                // Before others may be interrupted for what comes later.
                burst.end(&mut go_on);
                if self.card.rest() {
                    continue;
                }
                counted.frames.fetch_add(frames, Ordering::Relaxed);
                return;
            };
            frames += 1;
            if self.set.load(Ordering::Relaxed) & flag::UP == 0 {
                self.card.give_back(frame);
                continue;
            }
            if view::has_any() {
                view::show(self, &frame, View::Coming);
            }
            burst.take(&frame, &mut go_on);
            if self.off.load(Ordering::Relaxed) & work::JOINING != 0 {
                burst.end(&mut go_on);
            }
            self.card.give_back(frame);
        }
        burst.end(&mut go_on);
        counted.frames.fetch_add(frames, Ordering::Relaxed);
        counted.pauses.fetch_add(1, Ordering::Relaxed);
        let now = time::now();
        let pause = match task::scheduler::runnable() {
            // Nobody waits for it.
            0 => 0,
            _ => now.saturating_sub(began).max(PAUSE),
        };
        time::add(now.saturating_add(pause), Arc::clone(self) as _);
    }

    /// Sends a frame, which packet sockets see too. Where the card has no room it waits here.
    ///
    /// # Errors
    /// The frame, when there is no room here either ([`Event::Room`] tells when there is), it asks for what the card cannot do, or the interface is off.
    pub fn send(self: &Arc<Self>, frame: Frame) -> core::result::Result<(), Frame> {
        self.send_as(frame, Some(View::Going))
    }

    /// The same, shown to those who see all frames as it is said, or not at all.
    ///
    /// # Errors
    /// As [`Interface::send`].
    pub fn send_as(self: &Arc<Self>, frame: Frame, shown: Option<View>) -> core::result::Result<(), Frame> {
        if self.set.load(Ordering::Relaxed) & flag::UP == 0 || !self.card.can(&frame) || self.is_full() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return Err(frame);
        }
        if view::has_any()
            && let Some(view) = shown
        {
            view::show(self, &frame, view);
        }
        let refused = if self.backlog.load(Ordering::Acquire) == 0 {
            self.card.transmit(frame)
        } else {
            Err(frame)
        };
        if let Err(frame) = refused {
            let mut waiting = self.waiting.lock();
            self.pages.fetch_add(frame.parts.len(), Ordering::Relaxed);
            waiting.push_back(frame);
            self.backlog.store(waiting.len(), Ordering::Release);
            drop(waiting);
            // There may be room since.
            self.flush();
        }
        Ok(())
    }

    /// Whether everything has left that was to be sent.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.backlog.load(Ordering::Acquire) == 0 && self.card.is_idle()
    }

    /// Whether a frame more would be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) < self.queue_len()
    }

    /// Those who asked for room at the same time all get it, so there is more than they are told; but not more of long frames than a part of the memory.
    fn is_full(&self) -> bool {
        let backlog = self.backlog.load(Ordering::Relaxed);
        backlog > 0
            && (backlog >= 2 * self.queue_len().max(1)
                || self.pages.load(Ordering::Relaxed) as u64 > frames::usage().total / PART_THAT_WAITS)
    }

    /// Frames that were dropped on their way out.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }

    fn flush(&self) {
        let mut waiting = self.waiting.lock();
        while let Some(frame) = waiting.pop_front() {
            let pages = frame.parts.len();
            if let Err(frame) = self.card.transmit(frame) {
                waiting.push_front(frame);
                break;
            }
            self.pages.fetch_sub(pages, Ordering::Relaxed);
        }
        self.backlog.store(waiting.len(), Ordering::Release);
    }

    /// The card has room again.
    pub fn has_room_again(self: &Arc<Self>) {
        self.flush();
        if self.backlog.load(Ordering::Relaxed) <= self.queue_len() / 2 {
            self.tell(Event::Room);
        }
    }

    /// Tells those who watch.
    pub fn tell(self: &Arc<Self>, event: Event) {
        let watchers = WATCHERS.lock().clone();
        for watcher in watchers {
            watcher(self, event);
        }
    }
}

impl Expire for Interface {
    fn expire(self: Arc<Self>) {
        self.poll();
    }
}
