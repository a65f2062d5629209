//! `munmap`, and what unmaps on behalf of others.

use crate::map::is_user;
use crate::vma::{Source, Vma};
use crate::{AddressSpace, Leftovers, MAX_MAPPINGS, State};
use abi::{Errno, Error, Result};
use address::{HUGE_SIZE, PAGE_SIZE, USER_END, page_ceil};
use alloc::sync::Arc;
use core::ops::Range;
use table::{Gather, ROOM};

impl AddressSpace {
    /// Unmaps whatever is mapped in a range.
    ///
    /// # Errors
    /// As `munmap(2)`.
    pub fn unmap(&self, address: u64, length: u64) -> Result<()> {
        let end = page_ceil(length).and_then(|length| address.checked_add(length));
        let range = end
            .map(|end| address..end)
            .filter(|range| address::is_page_aligned(address) && range.start < range.end && is_user(range));
        let range = range.ok_or(Error::new(Errno::EINVAL, "not a range of whole pages of a program"))?;
        let mut room = ROOM;
        let mut leftovers = Leftovers::new(&self.root, &mut room);
        let mut state = self.change();
        let result = state.unmap_range(range, &mut leftovers);
        self.finish(state, &mut leftovers);
        result
    }

    /// Unmaps the pages of an object from number `from` on, in shared and private mappings alike, with the copies that were made on writing: the object was
    /// cut short. Touching them is a bus error from now on, if the object says so. Never sleeps: the CPUs forget under the lock.
    pub fn forget_backing(&self, id: u64, from: u64) {
        let mut room = ROOM;
        let mut state = self.state.lock();
        let mut gather = Gather::new(&self.root, &mut room);
        state.cuts += 1;
        let state = &mut *state;
        for (range, vma) in state.vmas.iter() {
            let Source::Object { object, first } = &vma.source else {
                continue;
            };
            let pages = (range.end - range.start) / PAGE_SIZE;
            if object.id() == id && first + pages > from {
                let start = range.start + from.saturating_sub(*first) * PAGE_SIZE;
                // There are no 2 MiB pages of objects, so nothing has to be split and this cannot fail.
                let _ = state.table.unmap(start..range.end, start..range.end, &mut gather);
            }
        }
        gather.finish();
    }
}

impl State {
    /// Unmaps whatever is mapped in `range`.
    pub(crate) fn unmap_range(&mut self, range: Range<u64>, leftovers: &mut Leftovers<'_>) -> Result<()> {
        if self.vmas.len() >= MAX_MAPPINGS && self.is_inside_one(&range) {
            return Err(Error::new(Errno::ENOMEM, "vm.max_map_count"));
        }
        let room = self.vmas.gap_around(range.clone());
        let room = room.start..room.end.min(USER_END + PAGE_SIZE);
        let limits = self.tables_to_give_up(&range, room, leftovers);
        self.table.unmap(range.clone(), limits, &mut leftovers.gather)?;
        let counters = &mut self.counters;
        self.vmas.remove_range_with(range, Vma::split, |part, vma| {
            counters.remove(&vma, &part);
            vma.leave_object(leftovers);
        });
        Ok(())
    }

    /// Where tables may go with what is mapped in `range`: in the whole `room` around it, as nothing else is there. But a program that unmaps
    /// little is likely to map as little there again: then its tables stay, until it does the same elsewhere.
    fn tables_to_give_up(&mut self, range: &Range<u64>, room: Range<u64>, leftovers: &mut Leftovers<'_>) -> Range<u64> {
        if range.end - range.start > HUGE_SIZE {
            return room;
        }
        let first = range.start & !(HUGE_SIZE - 1);
        if room.start > first || room.end < first + HUGE_SIZE {
            return range.clone();
        }
        if self.left.start < room.start || room.end < self.left.end {
            self.give_up_left(&mut leftovers.gather);
        }
        self.left = range.clone();
        range.clone()
    }

    /// Gives up the tables that the last small range to be unmapped left behind.
    pub(crate) fn give_up_left(&mut self, gather: &mut Gather<'_>) {
        let left = core::mem::take(&mut self.left);
        for part in (left.start & !(HUGE_SIZE - 1)..left.end).step_by(HUGE_SIZE as usize) {
            let whole = part..part + HUGE_SIZE;
            if self.vmas.is_free(whole.clone()) {
                let gap = self.vmas.gap_around(whole.clone());
                // Nothing is mapped there, so nothing has to be split and this cannot fail.
                let _ = self
                    .table
                    .unmap(whole, gap.start..gap.end.min(USER_END + PAGE_SIZE), gather);
            }
        }
    }

    /// The same, for who does not leave the lock before something else is mapped there.
    #[inline]
    pub(crate) fn give_up_left_now(&mut self) {
        if !self.left.is_empty() {
            let root = Arc::clone(self.table.root());
            let mut room = ROOM;
            self.give_up_left(&mut Gather::new(&root, &mut room));
        }
    }

    /// Whether to take the range out makes two mappings of one.
    fn is_inside_one(&self, range: &Range<u64>) -> bool {
        let whole = self.vmas.get(range.start);
        whole.is_some_and(|(whole, _)| whole.start < range.start && range.end < whole.end)
    }
}
