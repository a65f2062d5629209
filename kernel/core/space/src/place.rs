//! Finding free addresses, as Linux's `arch_get_unmapped_area_topdown` does.

use crate::layout::STACK_GAP;
use crate::vma::VmaFlags;
use crate::{LOWEST, NO_MEMORY, State};
use abi::{Errno, Error, Result};
use address::{HUGE_SIZE, PAGE_SIZE, USER_END};
use core::ops::Range;

/// Mappings of `MAP_32BIT` end here.
const LOW_END: u64 = 0x8000_0000;

/// What kind of place is wanted.
pub(crate) struct Place {
    /// Where, if not zero.
    pub(crate) address: u64,
    /// In bytes, whole pages.
    pub(crate) length: u64,
    /// Nowhere else.
    pub(crate) fixed: bool,
    /// In the lowest two gigabytes.
    pub(crate) low: bool,
    /// On a boundary of 2 MiB, if the address does not matter.
    pub(crate) huge: bool,
}

impl State {
    /// The start of a place for a mapping.
    pub(crate) fn place(&mut self, wanted: &Place) -> Result<u64> {
        if wanted.length > USER_END {
            return Err(Error::new(Errno::ENOMEM, "longer than the address space"));
        }
        if wanted.fixed {
            if wanted.address > USER_END - wanted.length {
                return Err(Error::new(Errno::ENOMEM, "past the end of the address space"));
            }
            if !address::is_page_aligned(wanted.address) {
                return Err(Error::new(Errno::EINVAL, "the address is not on a page boundary"));
            }
            self.may_map_at(wanted.address)?;
            return Ok(wanted.address);
        }
        let end = if wanted.low { LOW_END } else { USER_END };
        if let Some(start) = self.hinted(wanted, end) {
            return Ok(start);
        }
        if wanted.low {
            let within = self.layout.low..LOW_END;
            return self.gap(wanted.length, PAGE_SIZE, within, false).ok_or(NO_MEMORY);
        }
        let below = LOWEST..self.layout.mmap_top;
        let align = if wanted.huge && wanted.address == 0 {
            HUGE_SIZE
        } else {
            PAGE_SIZE
        };
        self.gap(wanted.length, align, below.clone(), true)
            .or_else(|| self.gap(wanted.length, PAGE_SIZE, below, true))
            .or_else(|| self.gap(wanted.length, PAGE_SIZE, LOWEST..USER_END, false))
            .ok_or(Error::new(Errno::ENOMEM, "no free addresses are left"))
    }

    /// The wished address, if it is free.
    fn hinted(&self, wanted: &Place, end: u64) -> Option<u64> {
        let start = match address::page_floor(wanted.address) {
            0 => return None,
            low if low < LOWEST => LOWEST,
            start => start,
        };
        let until = start.checked_add(wanted.length)?;
        (until <= end && self.is_free_with_gap(start..until)).then_some(start)
    }

    /// Whether nothing is mapped in `range`, and no stack behind it would lose the room that it has to keep.
    fn is_free_with_gap(&self, range: Range<u64>) -> bool {
        self.vmas
            .overlapping(range.start..range.end.saturating_add(STACK_GAP))
            .next()
            .is_none_or(|(next, vma)| next.start >= range.end && !vma.flags.contains(VmaFlags::GROWS_DOWN))
    }

    fn gap(&mut self, length: u64, align: u64, mut within: Range<u64>, from_top: bool) -> Option<u64> {
        loop {
            let start = self.vmas.find_gap(length, align, within.clone(), from_top)?;
            let found = start..start + length;
            if (from_top && !self.has_low_stack) || self.is_free_with_gap(found.clone()) {
                return Some(start);
            }
            // A stack lies close behind: look further away from it.
            let (stack, _) = self.vmas.overlapping(found.end..found.end + STACK_GAP).next()?;
            if from_top {
                within.end = stack.start.saturating_sub(STACK_GAP);
            } else {
                within.start = stack.end;
            }
        }
    }
}
