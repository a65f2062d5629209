//! Lowest tables that several address spaces share, from a `fork` until one of them has to change its own.
//!
//! The entry that leads to such a table withholds the right to write from everything below, so the table itself stays as it was, and sharing it costs the same
//! however many pages it maps. Whoever has to change an entry in it (a write, a page that is mapped anew, a part that is unmapped) first makes the
//! table its own: who is left alone with it keeps it; another makes a copy whose pages, and those of the original, are copied on write.
//!
//! Invariants: a table to which more than one entry leads is *shared* in all of them, and its entries change in one way only, towards copy-on-write. Whoever
//! gives up the last reference to it lets go what its entries own.

use crate::Table;
use crate::level::{HUGE_LEVEL, Level, Owned};
use address::{FrameNumber, HUGE_SIZE, PAGE_SIZE};
use core::mem::ManuallyDrop;
use core::ops::Range;
use frames::Page;
use frames::pool::OutOfMemory;
use hal::{PageFlags, pte};

/// A counted reference to a lowest table.
#[derive(Debug)]
pub struct SharedTable {
    page: ManuallyDrop<Page>,
}

impl SharedTable {
    pub(crate) fn new(page: Page) -> Self {
        Self {
            page: ManuallyDrop::new(page),
        }
    }

    pub(crate) fn into_raw(mut self) -> FrameNumber {
        // SAFETY: `self` is forgotten, so the page is not taken again.
        let page = unsafe { ManuallyDrop::take(&mut self.page) };
        core::mem::forget(self);
        page.into_raw()
    }

    /// Takes back a reference that [`SharedTable::into_raw`] gave up.
    ///
    /// # Safety
    /// As for [`Page::from_raw`].
    pub(crate) unsafe fn from_raw(frame: FrameNumber) -> Self {
        // SAFETY: the caller's promise.
        Self::new(unsafe { Page::from_raw(frame) })
    }
}

impl Drop for SharedTable {
    fn drop(&mut self) {
        // SAFETY: this is the end of `self`, so the page is not taken again.
        let page = unsafe { ManuallyDrop::take(&mut self.page) };
        if let Some(page) = page.into_last() {
            let table = Level::lowest(&page);
            for index in used_of(table) {
                drop(table.take(index));
            }
        }
    }
}

/// The entries of a lowest table that are not empty.
fn used_of(table: Level<'_>) -> impl Iterator<Item = usize> {
    let mut next = 0;
    core::iter::from_fn(move || {
        let index = table.next_used(next, 511)?;
        next = index + 1;
        Some(index)
    })
}

/// How many pages a lowest table maps.
pub(crate) fn pages_in(table: Level<'_>) -> u64 {
    let is_counted = |index: &usize| !crate::zero::is_zero_frame(pte::frame(table.get(*index)));
    used_of(table).filter(is_counted).count() as u64
}

impl Table {
    /// Makes the lowest table that serves an address, if there is one, this address space's own: its entries may be changed then.
    ///
    /// # Errors
    /// [`OutOfMemory`]; nothing has changed then.
    pub fn own(&self, address: u64) -> Result<(), OutOfMemory> {
        let index = pte::index(address, HUGE_LEVEL);
        match self.huge_level(address) {
            Some(at) if at.child(index).is_some_and(Level::is_shared) => self.own_at(at, index, address),
            _ => Ok(()),
        }
    }

    /// Makes every lowest table that serves a part of `range` this address space's own.
    ///
    /// # Errors
    /// [`OutOfMemory`]; the contents have not changed then.
    pub fn own_all(&self, range: Range<u64>) -> Result<(), OutOfMemory> {
        let mut result = Ok(());
        for_each_part(Level::top(&self.root), range, &mut |at, index, address| {
            if result.is_ok() && at.child(index).is_some_and(Level::is_shared) {
                result = self.own_at(at, index, address);
            }
        });
        result
    }

    #[cold]
    pub(crate) fn own_at(&self, at: Level<'_>, index: usize, address: u64) -> Result<(), OutOfMemory> {
        if at.keep_table(index) {
            return Ok(());
        }
        let Some(shared) = at.child(index) else { return Ok(()) };
        let own = Page::zeroed_for_kernel()?;
        let copy = Level::lowest(&own);
        for index in used_of(shared) {
            let visible = pte::is_present(shared.get(index));
            shared.change(index, |flags| {
                ((flags - PageFlags::WRITE) | PageFlags::COPY_ON_WRITE, visible)
            });
            shared.copy_to(index, copy);
        }
        let before = at.put(index, Owned::Table(own), PageFlags::empty());
        let start = address & !(HUGE_SIZE - 1);
        // One page names the table as well as all of them do: a machine that forgets an address forgets the way to it.
        self.root.forget(start, start + HUGE_SIZE);
        drop(before);
        Ok(())
    }
}

/// Calls `each` with every entry in `range` that leads to a lowest table or maps 2 MiB: its table, its index there, its first address.
pub(crate) fn for_each_part<'a>(at: Level<'a>, range: Range<u64>, each: &mut impl FnMut(Level<'a>, usize, u64)) {
    let span = crate::level::span(at.number());
    for (index, start) in crate::range::used(at, &range) {
        if at.number() == HUGE_LEVEL {
            each(at, index, start);
        } else if let Some(child) = at.child(index) {
            let part = start.max(range.start)..(start + span).min(range.end);
            for_each_part(child, part, each);
        }
    }
}

const _: () = assert!(HUGE_SIZE / PAGE_SIZE == 512);
