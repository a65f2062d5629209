//! Stacks that grow down when memory below them is touched.

use crate::layout::STACK_GAP;
use crate::vma::VmaFlags;
use crate::{FaultKind, LOWEST, State};
use address::{PAGE_SIZE, USER_END};

impl State {
    /// Extends the mapping above `page` down to it, if that is a stack and may grow so far.
    pub(crate) fn grow_down(&mut self, page: u64) -> Result<(), FaultKind> {
        let (range, vma) = self
            .vmas
            .overlapping(page..USER_END)
            .next()
            .filter(|(_, vma)| vma.flags.contains(VmaFlags::GROWS_DOWN))
            .ok_or(FaultKind::MapErr)?;
        let in_the_way = self
            .vmas
            .overlapping(page.saturating_sub(STACK_GAP)..page)
            .last()
            .is_some_and(|(_, below)| below.is_accessible() && !below.flags.contains(VmaFlags::GROWS_DOWN));
        if page < LOWEST || in_the_way || range.end - page > self.limits.stack {
            return Err(FaultKind::MapErr);
        }
        let pages = (range.start - page) / PAGE_SIZE;
        let vma = vma.clone();
        self.may_expand(&vma, pages)
            .and_then(|()| self.may_lock(vma.flags, pages))
            .and_then(|()| self.may_add_mappings(1))
            .and_then(|()| Self::may_promise(&vma, pages))
            .map_err(|_| FaultKind::MapErr)?;
        self.insert(page..range.start, vma);
        Ok(())
    }
}
