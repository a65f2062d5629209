//! What a process has, and whether it may have more.

use crate::vma::{Vma, VmaFlags};
use crate::{MAX_MAPPINGS, NO_MEMORY, State};
use abi::mman::Prot;
use abi::{Errno, Error, Result};
use address::PAGE_SIZE;
use core::ops::Range;

/// How much of everything an address space has, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Mapped.
    pub total: u64,
    /// The most that was ever mapped.
    pub peak_total: u64,
    /// Private and writable, but no stack.
    pub data: u64,
    /// Of stacks.
    pub stack: u64,
    /// Executable and not writable.
    pub exec: u64,
    /// Locked.
    pub locked: u64,
    /// In memory.
    pub resident: u64,
    /// The most that was ever in memory.
    pub peak_resident: u64,
    /// Page faults that were answered.
    pub faults: u64,
}

/// Which of the counters a mapping counts in.
fn is_data(vma: &Vma) -> bool {
    vma.prot.contains(Prot::WRITE) && !vma.flags.intersects(VmaFlags::SHARED | VmaFlags::GROWS_DOWN)
}

impl Counters {
    pub(crate) fn add(&mut self, vma: &Vma, range: &Range<u64>) {
        self.change(vma, |count| *count += (range.end - range.start) / PAGE_SIZE);
        self.peak_total = self.peak_total.max(self.total);
    }

    pub(crate) fn remove(&mut self, vma: &Vma, range: &Range<u64>) {
        self.change(vma, |count| *count -= (range.end - range.start) / PAGE_SIZE);
    }

    fn change(&mut self, vma: &Vma, change: impl Fn(&mut u64)) {
        change(&mut self.total);
        if vma.flags.contains(VmaFlags::GROWS_DOWN) {
            change(&mut self.stack);
        } else if is_data(vma) {
            change(&mut self.data);
        } else if vma.prot.contains(Prot::EXEC) && !vma.prot.contains(Prot::WRITE) {
            change(&mut self.exec);
        }
        if vma.flags.contains(VmaFlags::LOCKED) {
            change(&mut self.locked);
        }
    }
}

impl State {
    /// Whether `pages` more of such a mapping stay within `RLIMIT_AS` and `RLIMIT_DATA` (Linux: `may_expand_vm`).
    pub(crate) fn may_expand(&self, vma: &Vma, pages: u64) -> Result<()> {
        let limits = &self.limits;
        if self.counters.total + pages > limits.address_space / PAGE_SIZE {
            return Err(Error::new(Errno::ENOMEM, "RLIMIT_AS"));
        }
        if is_data(vma) && self.counters.data + pages > limits.mapped_data / PAGE_SIZE {
            return Err(Error::new(Errno::ENOMEM, "RLIMIT_DATA"));
        }
        Ok(())
    }

    /// Refuses what can never be: more at once than the machine has (Linux: the heuristic of `vm.overcommit_memory=0`).
    pub(crate) fn may_promise(vma: &Vma, pages: u64) -> Result<()> {
        if vma.is_promised() && pages > frames::usage().total {
            return Err(Error::new(Errno::ENOMEM, "more than the machine has"));
        }
        Ok(())
    }

    /// Whether `pages` more may be locked.
    pub(crate) fn may_lock(&self, flags: VmaFlags, pages: u64) -> Result<()> {
        let limit = self.limits.locked / PAGE_SIZE;
        if flags.contains(VmaFlags::LOCKED) && !self.limits.privileged && self.counters.locked + pages > limit {
            return Err(Error::new(Errno::EAGAIN, "RLIMIT_MEMLOCK"));
        }
        Ok(())
    }

    /// Whether `more` mappings may come to be, and the kernel has memory to write them down.
    pub(crate) fn may_add_mappings(&self, more: usize) -> Result<()> {
        if self.vmas.len() + more > MAX_MAPPINGS {
            return Err(Error::new(Errno::ENOMEM, "vm.max_map_count"));
        }
        if frames::has_headroom(2) {
            Ok(())
        } else {
            Err(NO_MEMORY)
        }
    }
}
