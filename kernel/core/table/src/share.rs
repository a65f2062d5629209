//! What `fork` does to two tables: both lead to the same pages, which lose the right to be written until one side writes and copies.

use crate::Table;
use crate::level::{Level, Owned, TOP, span};
use crate::own::for_each_part;
use crate::range::used;
use address::HUGE_SIZE;
use core::ops::Range;
use frames::pool::OutOfMemory;
use hal::{PageFlags, pte};

impl Table {
    /// Gives `child`, where nothing is mapped in `range`, the pages that are mapped there, until one of the two writes them. Of whole lowest tables only the table is
    /// shared. [`Table::forget_writes`] has to follow, once for all ranges, and [`Table::count_as`].
    ///
    /// # Errors
    /// [`OutOfMemory`]; `child` has some of the pages then.
    pub fn share(&mut self, child: &mut Self, range: Range<u64>) -> Result<(), OutOfMemory> {
        self.split_across(range.start)?;
        self.split_across(range.end)?;
        let mut result = Ok(());
        for_each_part(Level::top(&self.root), range.clone(), &mut |at, index, address| {
            if result.is_ok() {
                result = self.share_part(child, at, index, address, &range);
            }
        });
        result
    }

    /// Shares what one entry of the level of 2 MiB leads to.
    fn share_part(
        &self,
        child: &Self,
        at: Level<'_>,
        index: usize,
        address: u64,
        range: &Range<u64>,
    ) -> Result<(), OutOfMemory> {
        if at.is_leaf(at.get(index)) {
            share_leaf(at, index, child.huge_level_or_new(address)?);
        } else if range.start <= address && address + HUGE_SIZE <= range.end {
            let other = child.huge_level_or_new(address)?;
            other.put(index, Owned::Shared(at.share_table(index)), PageFlags::empty());
        } else {
            self.own(address)?;
            let part = range.start.max(address)..range.end.min(address + HUGE_SIZE);
            let other = child.lowest_or_new(address)?.ok_or(OutOfMemory)?;
            if let Some(lowest) = at.child(index) {
                used(lowest, &part).for_each(|(index, _)| share_leaf(lowest, index, other));
            }
        }
        Ok(())
    }

    /// Makes every CPU forget what it may write, after [`Table::share`].
    pub fn forget_writes(&mut self) {
        self.root.forget(0, span(TOP) * pte::KERNEL_FIRST as u64);
    }

    /// Says that as much is mapped here as in `parent`, but for what is there in `left_out`: what [`Table::share`] shared was not looked at page by page.
    pub fn count_as(&mut self, parent: &Self, left_out: impl Iterator<Item = Range<u64>>) {
        let mut without = 0;
        for range in left_out {
            parent.for_each(range, |_, _, pages, _| without += pages);
        }
        self.count_in(parent.resident - without);
    }
}

/// Shares what one leaf maps.
fn share_leaf(at: Level<'_>, index: usize, other: Level<'_>) {
    let visible = pte::is_present(at.get(index));
    at.change(index, |flags| {
        ((flags - PageFlags::WRITE) | PageFlags::COPY_ON_WRITE, visible)
    });
    at.copy_to(index, other);
}
