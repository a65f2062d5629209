//! `msync` and `mincore`: what is in memory, and what is on its way back to its file.

use crate::vma::{Source, VmaFlags};
use crate::{AddressSpace, Backing};
use abi::mman::SyncFlags;
use abi::{Errno, Error, Result};
use address::PAGE_SIZE;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// Pages of an object.
type Part = (Arc<dyn Backing>, Range<u64>);

const HOLE: Error = Error::new(Errno::ENOMEM, "a part of the range is not mapped");

impl AddressSpace {
    /// Writes back what was changed in shared mappings of files.
    ///
    /// # Errors
    /// As `msync(2)`.
    pub fn sync(&self, address: u64, length: u64, flags: SyncFlags) -> Result<()> {
        if flags.bits() & !SyncFlags::all().bits() != 0 {
            return Err(Error::new(Errno::EINVAL, "an unknown flag"));
        }
        if !address::is_page_aligned(address) {
            return Err(Error::new(Errno::EINVAL, "the address is not on a page boundary"));
        }
        if flags.contains(SyncFlags::ASYNC | SyncFlags::SYNC) {
            return Err(Error::new(Errno::EINVAL, "both MS_ASYNC and MS_SYNC"));
        }
        // A length that cannot be rounded up is none at all: Linux adds without looking.
        let length = address::page_ceil(length).unwrap_or(0);
        let range = crate::page_range(address, length, Errno::ENOMEM)?;
        let (dirty, covered) = self.shared_parts(&range, flags.contains(SyncFlags::INVALIDATE))?;
        if flags.contains(SyncFlags::SYNC) {
            for (object, pages) in dirty {
                object.sync(pages)?;
            }
        }
        if covered { Ok(()) } else { Err(HOLE) }
    }

    /// The objects behind the shared mappings in a range, and whether the range has no hole.
    fn shared_parts(&self, range: &Range<u64>, invalidate: bool) -> Result<(Vec<Part>, bool)> {
        let state = self.state.lock();
        let mut parts = Vec::new();
        for (whole, vma) in state.vmas.overlapping(range.clone()) {
            if invalidate && vma.flags.contains(VmaFlags::LOCKED) {
                return Err(Error::new(Errno::EBUSY, "the memory is locked"));
            }
            let Source::Object { object, first } = &vma.source else {
                continue;
            };
            if vma.is_shared() {
                let from = first + (range.start.max(whole.start) - whole.start) / PAGE_SIZE;
                let until = first + (range.end.min(whole.end) - whole.start) / PAGE_SIZE;
                parts.push((Arc::clone(object), from..until));
            }
        }
        Ok((parts, state.vmas.covered(range.clone())))
    }

    /// Says of each page from `address` on whether it is in memory: one byte for each, 0 or 1.
    ///
    /// # Errors
    /// As `mincore(2)`: `EINVAL` for an address that is not on a page boundary, `ENOMEM` for a hole.
    pub fn residency(&self, address: u64, into: &mut [u8]) -> Result<()> {
        let range = crate::page_range(address, into.len() as u64 * PAGE_SIZE, Errno::ENOMEM)?;
        let state = self.state.lock();
        if !state.vmas.covered(range.clone()) {
            return Err(HOLE);
        }
        for (whole, vma) in state.vmas.overlapping(range.clone()) {
            let part = whole.start.max(range.start)..whole.end.min(range.end);
            for at in part.step_by(PAGE_SIZE as usize) {
                let in_memory = state.table.lookup(at).is_some()
                    || match &vma.source {
                        Source::Anonymous => false,
                        Source::Object { object, first } => {
                            let index = first + (at - whole.start) / PAGE_SIZE;
                            index < object.len().div_ceil(PAGE_SIZE) && object.resident(index).is_some()
                        }
                    };
                into[((at - range.start) / PAGE_SIZE) as usize] = u8::from(in_memory);
            }
        }
        Ok(())
    }
}
