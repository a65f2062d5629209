//! What a CPU holds, in the order in which it took it.

use core::fmt;
use core::panic::Location;

/// Most locks that are held at once.
const MOST: usize = 16;

/// When a lock may be held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Manner {
    /// For a moment.
    Spin,
    /// While user memory is touched too.
    OverUserMemory,
    /// While its task sleeps too.
    OverSleep,
}

/// A lock that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) class: u16,
    pub(super) manner: Manner,
    pub(super) address: usize,
    pub(super) place: &'static Location<'static>,
}

/// What a CPU holds.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    entries: [Option<Entry>; MOST],
    count: usize,
}

impl Default for Held {
    fn default() -> Self {
        Self::NOTHING
    }
}

impl Held {
    pub(super) const NOTHING: Self = Self {
        entries: [None; MOST],
        count: 0,
    };

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries[..self.count].iter().flatten()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        assert!(self.count < MOST, "more locks are held at once than the checker keeps");
        self.entries[self.count] = Some(entry);
        self.count += 1;
    }

    /// Guards may be dropped in any order. A lock that was taken before the checker ran is not there.
    pub(super) fn remove(&mut self, address: usize) {
        let at = self.entries[..self.count]
            .iter()
            .rposition(|entry| entry.is_some_and(|entry| entry.address == address));
        if let Some(at) = at {
            self.entries.copy_within(at + 1..self.count, at);
            self.count -= 1;
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in self.entries() {
            write!(f, "\n  {}, taken at {}", super::graph::Name(entry.class), entry.place)?;
        }
        Ok(())
    }
}
