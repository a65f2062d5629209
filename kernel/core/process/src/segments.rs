//! Shared memory segments of System V (`shmget(2)`): memory with a key and permissions, which is there until somebody removes it.
//!
//! How many have a segment attached is how many mappings hold it. One that was removed goes with its last mapping; until then its number still names it.

use crate::keyed::{PRIVATE, Rights};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ops::Range;
use frames::Page;
use hal::Access;
use lock::SpinLock;
use sortedmap::SortedMap;
use space::{Backing, SharedMemory};

/// Most segments that there are at one time (`kernel.shmmni`).
pub const MOST: usize = 4096;

/// What changes about a segment.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of shmctl(2)")]
pub struct State {
    pub rights: Rights,
    pub cpid: u32,
    pub lpid: u32,
    /// Seconds since 1970, or 0 for never.
    pub atime: u64,
    pub dtime: u64,
    pub ctime: u64,
    /// Whether it has been removed.
    pub removed: bool,
}

/// A segment.
pub struct Segment {
    /// Its number.
    pub id: u32,
    /// Its length, as it was asked for.
    pub size: u64,
    /// What changes.
    pub state: SpinLock<State>,
    memory: SharedMemory,
}

impl core::fmt::Debug for Segment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "segment {}", self.id)
    }
}

impl Backing for Segment {
    fn id(&self) -> u64 {
        self.memory.id()
    }

    fn len(&self) -> u64 {
        self.memory.len()
    }

    fn page(&self, index: u64, access: Access) -> Result<Page> {
        self.memory.page(index, access)
    }

    fn resident(&self, index: u64) -> Option<Page> {
        self.memory.resident(index)
    }

    fn punch(&self, range: Range<u64>) -> Result<()> {
        self.memory.punch(range)
    }

    fn name(&self) -> Vec<u8> {
        alloc::format!("/SYSV{:08x} (deleted)", self.state.lock().rights.key).into_bytes()
    }

    fn ids(&self) -> (u64, u64) {
        (1, u64::from(self.id))
    }
}

enum Entry {
    Kept(Arc<Segment>),
    /// Removed: only mappings keep it.
    Removed(Weak<Segment>),
}

struct Segments {
    all: SortedMap<u32, Entry>,
    next: u32,
}

static SEGMENTS: SpinLock<Segments> = SpinLock::new(Segments {
    all: SortedMap::new(),
    next: 0,
});

/// The segment with a number.
///
/// # Errors
/// `EINVAL`.
pub fn find(id: u32) -> Result<Arc<Segment>> {
    let mut segments = SEGMENTS.lock();
    let found = match segments.all.get(&id) {
        Some(Entry::Kept(segment)) => Some(Arc::clone(segment)),
        Some(Entry::Removed(segment)) => segment.upgrade(),
        None => None,
    };
    if found.is_none() {
        segments.all.remove(&id);
    }
    found.ok_or(Error::new(Errno::EINVAL, "there is no such segment"))
}

/// The segment with a key, if there is one.
#[must_use]
pub fn with_key(key: i32) -> Option<Arc<Segment>> {
    let segments = SEGMENTS.lock();
    let kept = segments.all.values().filter_map(|entry| match entry {
        Entry::Kept(segment) => Some(segment),
        Entry::Removed(_) => None,
    });
    let mut kept = kept.filter(|segment| segment.state.lock().rights.key == key);
    kept.next().filter(|_| key != PRIVATE).cloned()
}

/// Makes a segment of `size` bytes, which begins as `state` says.
///
/// # Errors
/// `ENOSPC` when there are too many.
pub fn make(size: u64, state: State) -> Result<Arc<Segment>> {
    let mut segments = SEGMENTS.lock();
    segments.all.retain(|_, entry| match entry {
        Entry::Kept(_) => true,
        Entry::Removed(segment) => segment.strong_count() > 0,
    });
    if segments.all.len() >= MOST {
        return Err(Error::new(Errno::ENOSPC, "there are too many segments"));
    }
    while segments.all.contains_key(&segments.next) {
        segments.next = (segments.next + 1) & 0x7fff_ffff;
    }
    let id = segments.next;
    segments.next = (id + 1) & 0x7fff_ffff;
    let segment = Arc::new(Segment {
        id,
        size,
        state: SpinLock::new(state),
        memory: SharedMemory::new(size),
    });
    segments.all.insert(id, Entry::Kept(Arc::clone(&segment)));
    Ok(segment)
}

/// Removes a segment: its key is free, and it goes when nobody has it attached.
pub fn remove(segment: &Arc<Segment>) {
    let mut state = segment.state.lock();
    (state.rights.key, state.removed) = (PRIVATE, true);
    drop(state);
    let entry = Entry::Removed(Arc::downgrade(segment));
    let before = SEGMENTS.lock().all.insert(segment.id, entry);
    drop(before);
}

/// How many mappings there are of a segment that the caller holds once.
#[must_use]
pub fn attached(segment: &Arc<Segment>) -> u64 {
    let holders = if segment.state.lock().removed { 1 } else { 2 };
    (Arc::strong_count(segment) as u64).saturating_sub(holders)
}

/// All segments, and the highest number.
#[must_use]
pub fn all() -> (Vec<Arc<Segment>>, u32) {
    let segments = SEGMENTS.lock();
    let there = segments.all.values().filter_map(|entry| match entry {
        Entry::Kept(segment) => Some(Arc::clone(segment)),
        Entry::Removed(segment) => segment.upgrade(),
    });
    let there: Vec<_> = there.collect();
    let last = there.last().map_or(0, |segment| segment.id);
    (there, last)
}

impl Segment {
    /// How many of its pages are in memory.
    #[must_use]
    pub fn resident_pages(&self) -> u64 {
        let pages = self.size.div_ceil(address::PAGE_SIZE);
        (0..pages).filter(|index| self.resident(*index).is_some()).count() as u64
    }
}

/// `/proc/sysvipc/shm`.
#[must_use]
pub fn listing() -> Vec<u8> {
    let mut text = alloc::string::String::from(
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n",
    );
    for segment in all().0 {
        let state = *segment.state.lock();
        let Rights { key, mode, .. } = state.rights;
        let who = state.rights.columns();
        let mode = mode | if state.removed { 0o1000 } else { 0 };
        text += &alloc::format!(
            "{key:10} {:10}  {mode:4o} {:21} {:5} {:5}  {:5} {who} {:10} {:10} {:10} {:21} {:21}\n",
            segment.id,
            segment.size,
            state.cpid,
            state.lpid,
            attached(&segment),
            state.atime,
            state.dtime,
            state.ctime,
            segment.resident_pages() * address::PAGE_SIZE,
            0
        );
    }
    text.into_bytes()
}
