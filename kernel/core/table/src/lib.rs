//! Page tables: four levels of entries, each of which owns the page that it maps.
//!
//! A [`Table`] is what the machine reads to turn a program's addresses into frames. Every entry holds a counted reference to its page, so that a
//! page cannot be given away while it is mapped; and a page that leaves the table is let go only after every CPU has forgotten the entry
//! (see [`gather`]). Above this crate nobody sees an entry or a frame number that is not owned.
//!
//! | module | what it owns |
//! |---|---|
//! | [`root`] | the topmost table, the CPUs that have it in force, and how they are made to forget |
//! | [`level`] | one table of 512 entries: the only place where an entry becomes a reference and back |
//! | [`gather`] | pages on their way out |
//! | [`map`] | mapping, looking up, copying on write |
//! | [`range`] | what concerns many entries: unmapping, protecting, moving |
//! | [`split`] | 2 MiB that become single pages |
//! | [`share`] | what `fork` does to two tables |
//! | [`own`] | lowest tables that several address spaces share until one changes its own |
//! | [`zero`] | the page of zeros that stands for memory nobody has written |
//!
//! Invariants: an entry that is not empty owns exactly one reference: to a table (present, not huge, above the lowest level), to a 2 MiB page
//! (huge), or to a page. An entry that is *hidden* (see `hal::pte::hide`) owns its page as well. Only the lower half of a root is ours.
//! A table has no lock of its own: the address space around it has one.
//! Sideways: it uses `frames`, whose pages it holds. It does not do: deciding what a page should be (`space` does).
#![no_std]
// UNSAFETY: an entry holds a page's reference as a bare number; that is where ownership goes through the machine's format.
#![expect(unsafe_code, reason = "entries own pages by number")]

extern crate alloc;

mod gather;
mod level;
mod map;
mod own;
mod range;
mod root;
mod share;
mod split;
mod zero;

pub use gather::{Gather, ROOM, Room};
pub use level::Owned;
pub use map::{Held, Leaf};
pub use root::{Root, leave};
pub use zero::{is_zero_page, zero_page};

use alloc::sync::Arc;
use frames::pool::OutOfMemory;

/// The page tables of one address space.
#[derive(Debug)]
pub struct Table {
    root: Arc<Root>,
    /// Pages of 4 KiB that are mapped, without the page of zeros.
    resident: u64,
    /// The most that `resident` has been.
    peak: u64,
}

impl Table {
    /// Tables that map the kernel and nothing else. `id` is the address space's number, never used for another.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn new(id: u64) -> Result<Self, OutOfMemory> {
        Ok(Self {
            root: Arc::new(Root::new(id)?),
            resident: 0,
            peak: 0,
        })
    }

    /// What a CPU needs to put the tables in force.
    #[must_use]
    pub fn root(&self) -> &Arc<Root> {
        &self.root
    }

    /// Pages of 4 KiB that are mapped, without the page of zeros.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.resident
    }

    /// The most that [`Table::resident`] has been.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak
    }

    #[inline]
    fn count_in(&mut self, pages: u64) {
        self.resident += pages;
        self.peak = self.peak.max(self.resident);
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.clear();
    }
}
