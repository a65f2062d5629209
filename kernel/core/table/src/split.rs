//! 2 MiB that become 512 single pages, because a part of them is to be treated differently.

use crate::Table;
use crate::level::{HUGE_LEVEL, Level, Owned};
use address::HUGE_SIZE;
use frames::Page;
use frames::pool::OutOfMemory;
use hal::{PageFlags, pte};

impl Table {
    /// Turns 2 MiB around an address, if they are mapped there, into 512 single pages. Those that others hold too lose the right to be written until
    /// they are.
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
        if !at.is_leaf(entry) {
            return Ok(());
        }
        let table = Page::zeroed_for_kernel()?;
        let lowest = Level::lowest(&table);
        let mut flags = pte::flags(entry) - PageFlags::HUGE;
        let Some(Owned::Huge(page)) = at.take(index) else {
            return Ok(());
        };
        let (first, shared) = page.split();
        if shared {
            flags = (flags - PageFlags::WRITE) | PageFlags::COPY_ON_WRITE;
        }
        lowest.fill_from_split(first, flags, pte::is_present(entry));
        at.put(index, Owned::Table(table), flags);
        self.root.forget(start, start + HUGE_SIZE);
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
