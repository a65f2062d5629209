//! Pages on their way out: they are let go only after every CPU has forgotten the entries that led to them.
//!
//! Whoever takes entries away does it in three steps, so that nobody waits for other CPUs under the lock of an address space:
//!
//! 1. under the lock, the entries are taken out, their pages wait here;
//! 2. still under the lock, [`Gather::forget_here`]: this CPU forgets, CPUs that do not run the address space are told to forget before they do, and
//!    those that run it now are noted;
//! 3. without the lock, [`Gather::finish`]: those are interrupted and answer, and the pages go.
//!
//! Between 2 and 3 other CPUs may still reach the old pages, so nothing else may be mapped at these addresses: the caller keeps them free
//! ([`Gather::range`] says which they are). A gather that is dropped after step 1 does the rest by itself, wherever it is.

use crate::Root;
use crate::level::Owned;
use alloc::vec::Vec;
use core::mem::MaybeUninit;
use core::ops::Range;
use hal::CpuSet;

/// How many wait in the caller's frame. More than a machine forgets one by one, so that a large range costs few interruptions of other CPUs.
const MOST: usize = 64;
/// How many more wait on the heap, where other CPUs have to be interrupted, before they are let go under the caller's lock.
const MORE: usize = 1024;

/// Where pages wait. It lies in the caller's frame, so that it is not copied.
pub type Room = [MaybeUninit<Owned>; MOST];

/// A place for pages to wait.
pub const ROOM: Room = [const { MaybeUninit::uninit() }; MOST];

/// Pages that left the tables and that some CPU may still reach.
#[derive(Debug)]
pub struct Gather<'a> {
    root: &'a Root,
    held: &'a mut Room,
    count: usize,
    more: Vec<Owned>,
    start: u64,
    end: u64,
    /// The CPUs that have still to forget, once this one has.
    others: Option<CpuSet>,
}

impl<'a> Gather<'a> {
    /// Nothing yet; `root` is that of the tables that pages will be taken from.
    #[inline]
    pub fn new(root: &'a Root, held: &'a mut Room) -> Self {
        Self {
            root,
            held,
            count: 0,
            more: Vec::new(),
            start: u64::MAX,
            end: 0,
            others: None,
        }
    }

    /// Takes something that was mapped at `start..end` and no longer is.
    #[inline]
    pub(crate) fn add(&mut self, owned: Owned, start: u64, end: u64) {
        self.note(start, end);
        if self.count == MOST {
            if self.wants_more() {
                return self.more.push(owned);
            }
            // What was noted is forgotten by now.
            self.note(start, end);
        }
        self.held[self.count].write(owned);
        self.count += 1;
    }

    /// The frame's room is used up: whether there is some on the heap, and it is worth it. Otherwise everything has been let go.
    #[inline(never)]
    fn wants_more(&mut self) -> bool {
        let worth = self.root.runs_elsewhere() && self.more.len() < MORE;
        let wants = worth && self.more.try_reserve(1).is_ok();
        if !wants {
            self.finish();
        }
        wants
    }

    /// Notes that `start..end` must be forgotten though no page goes.
    #[inline]
    pub(crate) fn note(&mut self, start: u64, end: u64) {
        debug_assert!(self.others.is_none(), "this CPU has forgotten already");
        self.start = self.start.min(start);
        self.end = self.end.max(end);
    }

    /// The addresses that some CPU may still remember; empty if there are none.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        if self.start < self.end {
            self.start..self.end
        } else {
            0..0
        }
    }

    /// The second step, under the lock that guards the tables. Says whether other CPUs have to be interrupted.
    #[inline]
    pub fn forget_here(&mut self) -> bool {
        if self.start >= self.end {
            return false;
        }
        let others = self.root.forget_here(self.start, self.end);
        self.others = Some(others);
        others != 0
    }

    /// Makes the CPUs forget that have not, then lets the pages go.
    pub fn finish(&mut self) {
        if self.start >= self.end {
            return;
        }
        let others = match self.others.take() {
            Some(others) => others,
            None => self.root.forget_here(self.start, self.end),
        };
        self.root.forget_there(others, self.start, self.end);
        for held in &mut self.held[..self.count] {
            // SAFETY: the first `count` are set, and `count` is reset before anything else can look.
            unsafe { held.assume_init_drop() };
        }
        self.more.clear();
        (self.count, self.start, self.end) = (0, u64::MAX, 0);
    }
}

impl Drop for Gather<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.start < self.end {
            self.finish();
        }
    }
}
