//! What `fork` does to two tables: both lead to the same pages, which lose the right to be written until one side writes and copies.

use crate::Table;
use crate::level::{HUGE_LEVEL, Level, TOP, span};
use crate::range::for_each_leaf;
use crate::zero::is_zero_frame;
use address::{HUGE_SIZE, PAGE_SIZE};
use core::ops::Range;
use frames::pool::OutOfMemory;
use hal::{PageFlags, pte};

impl Table {
    /// Gives `child`, where nothing is mapped in `range`, the pages that are mapped there, until one of the two writes them. [`Table::forget_writes`] has to follow, once for all ranges.
    ///
    /// # Errors
    /// [`OutOfMemory`]; `child` has some of the pages then.
    pub fn share(&mut self, child: &mut Self, range: Range<u64>) -> Result<(), OutOfMemory> {
        self.split_across(range.start)?;
        self.split_across(range.end)?;
        let mut result = Ok(());
        let mut pages = 0;
        let mut lowest: Option<(u64, Level<'_>)> = None;
        for_each_leaf(Level::top(&self.root), range, &mut |at, index, address| {
            if result.is_err() {
                return;
            }
            match child.place_for(at.number(), address, &mut lowest) {
                Ok(other) => {
                    let visible = pte::is_present(at.get(index));
                    at.change(index, |flags| {
                        ((flags - PageFlags::WRITE) | PageFlags::COPY_ON_WRITE, visible)
                    });
                    if !is_zero_frame(pte::frame(at.get(index))) {
                        pages += span(at.number()) / PAGE_SIZE;
                    }
                    at.copy_to(index, other);
                }
                Err(error) => result = Err(error),
            }
        });
        child.count_in(pages);
        result
    }

    /// Makes every CPU forget what it may write, after [`Table::share`].
    pub fn forget_writes(&mut self) {
        self.root.forget(0, span(TOP) * pte::KERNEL_FIRST as u64);
    }

    /// The table that has, or gets, the entry for a leaf of a level. `lowest` remembers the lowest table of the last call.
    fn place_for<'a>(
        &'a self,
        level: u32,
        address: u64,
        lowest: &mut Option<(u64, Level<'a>)>,
    ) -> Result<Level<'a>, OutOfMemory> {
        if level == HUGE_LEVEL {
            return self.huge_level_or_new(address);
        }
        let part = address / HUGE_SIZE;
        if let Some((of, table)) = *lowest
            && of == part
        {
            return Ok(table);
        }
        let table = self.lowest_or_new(address)?.ok_or(OutOfMemory)?;
        *lowest = Some((part, table));
        Ok(table)
    }
}
