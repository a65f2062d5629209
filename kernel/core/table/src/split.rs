//! 2 MiB that become 512 single pages, because a part of them is to be treated differently.

use crate::Table;
use crate::level::{HUGE_LEVEL, HeldAt, Level, Owned};
use address::{HUGE_SIZE, PAGE_SIZE};
use frames::pool::OutOfMemory;
use frames::{HugePage, Page};
use hal::{PageFlags, pte};

impl Table {
    /// Turns 2 MiB around an address, if they are mapped there, into 512 single pages. If others hold the 2 MiB too, the single pages are copies.
    ///
    /// # Errors
    /// [`OutOfMemory`]; nothing has changed then.
    pub fn split(&mut self, address: u64) -> Result<(), OutOfMemory> {
        let start = address & !(HUGE_SIZE - 1);
        let index = pte::index(address, HUGE_LEVEL);
        let Some(at) = self.huge_level(address) else {
            return Ok(());
        };
        let entry = at.get(index);
        let Some(HeldAt::Huge(held)) = at.held(index) else {
            return Ok(());
        };
        let flags = pte::flags(entry) - PageFlags::HUGE;
        let table = Page::zeroed_for_kernel()?;
        let lowest = Level::lowest(&table);
        let shared = !held.is_sole();
        if shared {
            fill_with_copies(lowest, &held, flags - PageFlags::COPY_ON_WRITE)?;
        }
        let before = at.take(index);
        let rest = match before {
            Some(Owned::Huge(page)) if !shared => {
                lowest.fill_from_split(page.split().map_err(|_| OutOfMemory)?, flags);
                None
            }
            other => other,
        };
        if !pte::is_present(entry) {
            for part in 0..512 {
                lowest.change(part, |flags| (flags, false));
            }
        }
        at.put(index, Owned::Table(table), flags);
        self.root.forget(start, start + HUGE_SIZE);
        drop(rest);
        Ok(())
    }

    /// Splits 2 MiB that lie across `address`: what follows concerns only one side of it.
    pub(crate) fn split_across(&mut self, address: u64) -> Result<(), OutOfMemory> {
        if address.is_multiple_of(HUGE_SIZE) {
            return Ok(());
        }
        self.split(address)
    }
}

/// Fills a table that nothing leads to yet with copies of the parts of 2 MiB.
fn fill_with_copies(lowest: Level<'_>, from: &HugePage, flags: PageFlags) -> Result<(), OutOfMemory> {
    for part in 0..(HUGE_SIZE / PAGE_SIZE) as usize {
        match from.duplicate_part(part) {
            Ok(page) => drop(lowest.put(part, Owned::Page(page), flags)),
            Err(error) => {
                (0..part).for_each(|part| drop(lowest.take(part)));
                return Err(error);
            }
        }
    }
    Ok(())
}
