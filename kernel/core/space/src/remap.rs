//! `mremap`.

use crate::layout::STACK_GAP;
use crate::map::is_user;
use crate::place::Place;
use crate::vma::{Source, Vma, VmaFlags};
use crate::{AddressSpace, Leftovers, MAX_MAPPINGS, State};
use abi::mman::RemapFlags;
use abi::{Errno, Error, Result};
use address::{HUGE_SIZE, PAGE_SIZE, USER_END, page_ceil};
use core::ops::Range;
use table::ROOM;

/// What `mremap` was asked for, in whole pages.
struct Move {
    address: u64,
    old: u64,
    new: u64,
    flags: RemapFlags,
    target: u64,
}

const fn invalid(why: &'static str) -> Error {
    Error::new(Errno::EINVAL, why)
}

impl AddressSpace {
    /// Changes the length of a mapping, and its place if need be; returns where it is then.
    ///
    /// # Errors
    /// As `mremap(2)`.
    pub fn remap(&self, address: u64, old: u64, new: u64, flags: RemapFlags, target: u64) -> Result<u64> {
        if flags.bits() & !RemapFlags::all().bits() != 0 {
            return Err(invalid("an unknown flag"));
        }
        if flags.contains(RemapFlags::FIXED) && !flags.contains(RemapFlags::MAYMOVE) {
            return Err(invalid("MREMAP_FIXED without MREMAP_MAYMOVE"));
        }
        if flags.contains(RemapFlags::DONTUNMAP) && (!flags.contains(RemapFlags::MAYMOVE) || old != new) {
            return Err(invalid(
                "MREMAP_DONTUNMAP with another length or without MREMAP_MAYMOVE",
            ));
        }
        if !address::is_page_aligned(address) {
            return Err(invalid("the address is not on a page boundary"));
        }
        let request = Move {
            address,
            old: page_ceil(old).unwrap_or(0),
            new: page_ceil(new).unwrap_or(0),
            flags,
            target,
        };
        if request.new == 0 {
            return Err(invalid("the new length is zero"));
        }
        let mut room = ROOM;
        let mut leftovers = Leftovers::new(&self.root, &mut room);
        let mut state = self.change();
        let result = state.remap(&request, &mut leftovers);
        let locked = result
            .ok()
            .and_then(|at| state.vmas.get(at))
            .is_some_and(|(_, vma)| vma.flags.contains(VmaFlags::LOCKED) && !vma.flags.contains(VmaFlags::ON_FAULT));
        self.finish(state, &mut leftovers);
        let at = result?;
        if locked && request.new > request.old {
            // What cannot be had is left to the program's own touch.
            let _ = self.populate(at + request.old..at + request.new);
        }
        Ok(at)
    }
}

impl State {
    fn remap(&mut self, request: &Move, leftovers: &mut Leftovers<'_>) -> Result<u64> {
        let Move { address, old, new, .. } = *request;
        if self.vmas.get(address).is_none() {
            return Err(Error::new(Errno::EFAULT, "nothing is mapped there"));
        }
        if request.flags.intersects(RemapFlags::FIXED | RemapFlags::DONTUNMAP) {
            return self.remap_to(request, leftovers);
        }
        if old >= new {
            if old > new {
                let end = address.checked_add(old).ok_or(invalid("the range wraps around"))?;
                self.unmap_user(address + new..end, leftovers)?;
            }
            return Ok(address);
        }
        let (whole, vma) = self.resizable(request, old)?;
        if address + old == whole.end && self.is_free_above(whole.end, new - old) {
            let pages = (new - old) / PAGE_SIZE;
            Self::may_promise(&vma, pages)?;
            let more = vma.split(whole.end - whole.start);
            self.insert(whole.end..address + new, more);
            return Ok(address);
        }
        if !request.flags.contains(RemapFlags::MAYMOVE) {
            return Err(Error::new(Errno::ENOMEM, "there is no room behind it"));
        }
        let target = self.place(&Place {
            address: 0,
            length: new,
            fixed: false,
            low: false,
            huge: vma.is_anonymous() && new.is_multiple_of(HUGE_SIZE),
        })?;
        self.move_mapping(&(address..address + old), target..target + new, &vma, false, leftovers)?;
        Ok(target)
    }

    /// To a place that the program names, or with the old place left behind empty.
    fn remap_to(&mut self, request: &Move, leftovers: &mut Leftovers<'_>) -> Result<u64> {
        let Move {
            address,
            mut old,
            new,
            flags,
            target,
        } = *request;
        let fixed = flags.contains(RemapFlags::FIXED);
        if !address::is_page_aligned(target) {
            return Err(invalid("the new address is not on a page boundary"));
        }
        if new > USER_END || target > USER_END - new {
            return Err(invalid("past the end of the address space"));
        }
        if address.saturating_add(old) > target && target + new > address {
            return Err(invalid("the old and the new place overlap"));
        }
        if self.vmas.len() + 2 >= MAX_MAPPINGS - 3 {
            return Err(Error::new(Errno::ENOMEM, "vm.max_map_count"));
        }
        if fixed {
            self.may_map_at(target)?;
            self.unmap_range(target..target + new, leftovers)?;
        }
        if old > new {
            let end = address.checked_add(old).ok_or(invalid("the range wraps around"))?;
            self.unmap_user(address + new..end, leftovers)?;
            old = new;
        }
        let (_, vma) = self.resizable(request, old)?;
        let keep = flags.contains(RemapFlags::DONTUNMAP);
        if keep {
            self.may_expand(&vma, old / PAGE_SIZE)?;
        }
        let target = self.place(&Place {
            address: target,
            length: new,
            fixed,
            low: false,
            huge: false,
        })?;
        self.move_mapping(&(address..address + old), target..target + new, &vma, keep, leftovers)?;
        Ok(target)
    }

    fn unmap_user(&mut self, range: Range<u64>, leftovers: &mut Leftovers<'_>) -> Result<()> {
        if !is_user(&range) {
            return Err(invalid("past the end of the address space"));
        }
        self.unmap_range(range, leftovers)
    }

    /// The mapping that is to get another length or place, if it may (Linux: `vma_to_resize`).
    fn resizable(&self, request: &Move, old: u64) -> Result<(Range<u64>, Vma)> {
        let Some((whole, vma)) = self.vmas.get(request.address) else {
            return Err(Error::new(Errno::EFAULT, "nothing is mapped there"));
        };
        if old == 0 && !vma.is_shared() {
            return Err(invalid("a private mapping cannot be had twice"));
        }
        if old > whole.end - request.address {
            return Err(Error::new(Errno::EFAULT, "more than one mapping"));
        }
        if request.new != old {
            if let Source::Object { first, .. } = &vma.source {
                let last = (first + (request.address - whole.start) / PAGE_SIZE).checked_add(request.new / PAGE_SIZE);
                if last.is_none() {
                    return Err(invalid("past the end of what a file can be"));
                }
            }
            let pages = request.new.saturating_sub(old) / PAGE_SIZE;
            self.may_lock(vma.flags, pages)?;
            self.may_expand(vma, pages)?;
        }
        self.may_add_mappings(3)?;
        Ok((whole, vma.clone()))
    }

    fn is_free_above(&self, end: u64, more: u64) -> bool {
        end.checked_add(more).is_some_and(|until| {
            until <= USER_END
                && self
                    .vmas
                    .overlapping(end..until.saturating_add(STACK_GAP))
                    .next()
                    .is_none_or(|(next, vma)| next.start >= until && !vma.flags.contains(VmaFlags::GROWS_DOWN))
        })
    }

    /// Moves `from`, a part of the mapping `vma`, to the free range `to`, which may be longer.
    fn move_mapping(
        &mut self,
        from: &Range<u64>,
        to: Range<u64>,
        vma: &Vma,
        keep: bool,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<()> {
        let Some((whole, _)) = self.vmas.get(from.start) else {
            return Err(Error::new(Errno::EFAULT, "nothing is mapped there"));
        };
        let moved = vma.split(from.start - whole.start);
        Self::may_promise(&moved, (to.end - to.start) / PAGE_SIZE)?;
        let moving = (from.end - from.start).min(to.end - to.start);
        // Before there is something in the new place that no mapping speaks for.
        self.give_up_left_now();
        self.table.move_range(from.start, to.start, moving)?;
        // The new mapping is entered first, so that the old one's tables are not taken for unused.
        self.insert(to, moved);
        if !keep && !from.is_empty() {
            self.unmap_range(from.clone(), leftovers)?;
        } else if keep && vma.flags.contains(VmaFlags::LOCKED) {
            // What stays behind is not locked (Linux: `move_vma`).
            self.counters.locked -= moving / PAGE_SIZE;
            self.vmas.update_range(from.clone(), Vma::split, |_, vma| {
                vma.flags -= VmaFlags::LOCKED | VmaFlags::ON_FAULT;
            });
        }
        Ok(())
    }
}
