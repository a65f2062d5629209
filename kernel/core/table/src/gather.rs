//! Pages on their way out: they are let go only after every CPU has forgotten the entries that led to them.

use crate::Root;
use crate::level::Owned;
use core::mem::MaybeUninit;

/// How many wait at most. More than a machine forgets one by one, so that a large range costs few interruptions of other CPUs.
const MOST: usize = 64;

/// Where pages wait. It lies in the caller's frame, so that it is not copied.
pub(crate) type Room = [MaybeUninit<Owned>; MOST];

/// A place for pages to wait.
pub(crate) const ROOM: Room = [const { MaybeUninit::uninit() }; MOST];

/// Pages that left the tables and that some CPU may still reach.
pub(crate) struct Gather<'a> {
    root: &'a Root,
    held: &'a mut Room,
    count: usize,
    start: u64,
    end: u64,
}

impl<'a> Gather<'a> {
    pub(crate) fn new(root: &'a Root, held: &'a mut Room) -> Self {
        Self {
            root,
            held,
            count: 0,
            start: u64::MAX,
            end: 0,
        }
    }

    /// Takes something that was mapped at `start..end` and no longer is.
    #[inline]
    pub(crate) fn add(&mut self, owned: Owned, start: u64, end: u64) {
        if self.count == MOST {
            self.finish();
        }
        self.note(start, end);
        self.held[self.count].write(owned);
        self.count += 1;
    }

    /// Notes that `start..end` must be forgotten though no page goes.
    #[inline]
    pub(crate) fn note(&mut self, start: u64, end: u64) {
        self.start = self.start.min(start);
        self.end = self.end.max(end);
    }

    /// Makes the CPUs forget, then lets the pages go.
    pub(crate) fn finish(&mut self) {
        if self.start >= self.end {
            return;
        }
        self.root.forget(self.start, self.end);
        for held in &mut self.held[..self.count] {
            // SAFETY: the first `count` are set, and `count` is reset before anything else can look.
            unsafe { held.assume_init_drop() };
        }
        (self.count, self.start, self.end) = (0, u64::MAX, 0);
    }
}

impl Drop for Gather<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}
