//! A copy of an address space, for `fork`.
//!
//! The list of mappings is copied; of the page tables the lowest are shared whole, until one of the two processes changes its own (`table::own`), so that the price
//! of a fork does not depend on how much is mapped. Only where a part of what is there must not be inherited are entries copied one by one.

use crate::vma::VmaFlags;
use crate::{AddressSpace, NO_MEMORY, State};
use abi::Result;
use address::{HUGE_SIZE, USER_END};
use alloc::sync::Arc;
use alloc::vec::Vec;

impl AddressSpace {
    /// An address space with the same contents. Private memory is the same until one of the two writes it; shared memory stays shared.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn fork(&self) -> Result<Arc<Self>> {
        let (limits, layout) = {
            let state = self.state.lock();
            (state.limits, state.layout)
        };
        let mut child = Self::empty(limits, layout)?;
        {
            let mut parent = self.change();
            if !frames::has_headroom(8 + parent.vmas.len() as u64 / 32) {
                return Err(NO_MEMORY);
            }
            let copied = parent.copy_to(child.state.get_mut());
            parent.table.forget_writes();
            copied?;
        }
        Ok(Arc::new(child))
    }
}

impl State {
    fn copy_to(&mut self, child: &mut Self) -> Result<()> {
        child.program_break = self.program_break;
        child.stack_start = self.stack_start;
        // Runs of mappings between those that the child begins without.
        let mut start = 0;
        let mut left_out = Vec::new();
        for (range, vma) in self.vmas.iter() {
            let is_copied = !vma.flags.contains(VmaFlags::DONT_FORK);
            if is_copied {
                let mut copy = vma.clone();
                // Locks are not inherited.
                copy.flags -= VmaFlags::LOCKED | VmaFlags::ON_FAULT;
                child.insert(range.clone(), copy);
            }
            if !is_copied || vma.flags.contains(VmaFlags::WIPE_ON_FORK) {
                self.table.share(&mut child.table, start..range.start)?;
                start = range.end;
                left_out.push(range);
            }
        }
        self.table
            .share(&mut child.table, start..USER_END.next_multiple_of(HUGE_SIZE))?;
        child.table.count_as(&self.table, left_out.into_iter());
        Ok(())
    }
}
