//! `mprotect`.

use crate::map::PROT_SEM;
use crate::vma::{Vma, VmaFlags};
use crate::{AddressSpace, Leftovers, MAX_MAPPINGS, State};
use abi::mman::Prot;
use abi::{Errno, Error, Result};
use core::ops::Range;
use table::{Gather, ROOM};

const RIGHTS: Prot = Prot::READ.union(Prot::WRITE).union(Prot::EXEC);
const HOLE: Error = Error::new(Errno::ENOMEM, "a part of the range is not mapped");

impl AddressSpace {
    /// Changes the rights of a range.
    ///
    /// # Errors
    /// As `mprotect(2)`. What comes before the mapping that fails has been changed then.
    pub fn protect(&self, address: u64, length: u64, prot: Prot) -> Result<()> {
        let grows = prot & (Prot::GROWSDOWN | Prot::GROWSUP);
        if grows == (Prot::GROWSDOWN | Prot::GROWSUP) {
            return Err(Error::new(Errno::EINVAL, "both PROT_GROWSDOWN and PROT_GROWSUP"));
        }
        if !address::is_page_aligned(address) {
            return Err(Error::new(Errno::EINVAL, "the address is not on a page boundary"));
        }
        if length == 0 {
            return Ok(());
        }
        let mut range = crate::page_range(address, length, Errno::ENOMEM)?;
        if (prot - grows).bits() & !(RIGHTS.bits() | PROT_SEM) != 0 {
            return Err(Error::new(Errno::EINVAL, "an unknown right"));
        }
        let mut room = ROOM;
        let mut leftovers = Leftovers::new(&self.root, &mut room);
        let mut state = self.change();
        if !grows.is_empty() {
            let (found, vma) = state.vmas.overlapping(range.clone()).next().ok_or(HOLE)?;
            if grows.contains(Prot::GROWSUP) || !vma.flags.contains(VmaFlags::GROWS_DOWN) {
                return Err(Error::new(Errno::EINVAL, "the mapping does not grow that way"));
            }
            range.start = found.start;
        }
        let result = state.protect_range(range, prot & RIGHTS, &mut leftovers.gather);
        self.finish(state, &mut leftovers);
        result
    }
}

impl State {
    fn protect_range(&mut self, range: Range<u64>, prot: Prot, gather: &mut Gather<'_>) -> Result<()> {
        let mut at = range.start;
        let mut result = Ok(());
        while at < range.end && result.is_ok() {
            let Some((whole, vma)) = self.vmas.get(at) else {
                result = Err(HOLE);
                break;
            };
            let part = at..whole.end.min(range.end);
            at = part.end;
            if vma.prot != prot {
                let mut changed = vma.clone();
                changed.prot = prot;
                result = self.protect_part(part, &whole, changed, gather);
            }
        }
        self.vmas.merge_range(range.start..at, Vma::continues);
        result
    }

    /// Gives a part of one mapping the rights of `changed`.
    fn protect_part(
        &mut self,
        part: Range<u64>,
        whole: &Range<u64>,
        changed: Vma,
        gather: &mut Gather<'_>,
    ) -> Result<()> {
        let prot = changed.prot;
        if prot.contains(Prot::WRITE) && !changed.flags.contains(VmaFlags::MAY_WRITE) {
            return Err(Error::new(Errno::EACCES, "the file was not opened for writing"));
        }
        if prot.contains(Prot::EXEC) && !changed.flags.contains(VmaFlags::MAY_EXEC) {
            return Err(Error::new(Errno::EACCES, "the file system is mounted noexec"));
        }
        let edges = usize::from(part.start != whole.start) + usize::from(part.end != whole.end);
        if edges > 0 && self.vmas.len() + edges > MAX_MAPPINGS {
            return Err(Error::new(Errno::ENOMEM, "vm.max_map_count"));
        }
        self.recount(&part, &changed)?;
        if let Err(error) = self.table.protect(part.clone(), changed.rights(), gather) {
            self.recount_back(&part, &changed);
            return Err(error.into());
        }
        self.vmas.update_range(part, Vma::split, |_, vma| vma.prot = prot);
        Ok(())
    }

    /// Counts a part of a mapping as what it is to be, if the limits allow it.
    fn recount(&mut self, part: &Range<u64>, changed: &Vma) -> Result<()> {
        let pages = (part.end - part.start) / address::PAGE_SIZE;
        let Some((_, vma)) = self.vmas.get(part.start) else {
            return Err(HOLE);
        };
        let promised = vma.is_promised();
        self.counters.remove(vma, part);
        if let Err(error) = self.may_expand(changed, pages).and_then(|()| {
            if promised {
                Ok(())
            } else {
                Self::may_promise(changed, pages)
            }
        }) {
            if let Some((_, vma)) = self.vmas.get(part.start) {
                self.counters.add(vma, part);
            }
            return Err(error);
        }
        self.counters.add(changed, part);
        Ok(())
    }

    fn recount_back(&mut self, part: &Range<u64>, changed: &Vma) {
        self.counters.remove(changed, part);
        if let Some((_, vma)) = self.vmas.get(part.start) {
            self.counters.add(vma, part);
        }
    }
}
