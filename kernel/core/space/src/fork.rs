//! A copy of an address space, for `fork`.
//!
//! All mappings are walked and all entries of private ones are shared at once. To do that later, when the child first touches a part, is a matter of this file alone: the
//! child would begin with its list of mappings and fill its table in [`crate::fault`].

use crate::vma::VmaFlags;
use crate::{AddressSpace, NO_MEMORY, State};
use abi::Result;
use alloc::sync::Arc;

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
        let child = Self::empty(limits, layout)?;
        {
            let mut parent = self.change();
            if !frames::has_headroom(8 + parent.vmas.len() as u64 / 32) {
                return Err(NO_MEMORY);
            }
            let mut state = child.state.lock();
            let copied = parent.copy_to(&mut state);
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
        for (range, vma) in self.vmas.iter() {
            if vma.flags.contains(VmaFlags::DONT_FORK) {
                continue;
            }
            let mut copy = vma.clone();
            // Locks are not inherited.
            copy.flags -= VmaFlags::LOCKED | VmaFlags::ON_FAULT;
            child.insert(range.clone(), copy);
            // What is shared anyway the child finds in the object.
            if !vma.is_shared() && !vma.flags.contains(VmaFlags::WIPE_ON_FORK) {
                self.table.share(&mut child.table, range)?;
            }
        }
        Ok(())
    }
}
