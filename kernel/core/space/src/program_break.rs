//! `brk`.

use crate::layout::STACK_GAP;
use crate::vma::{Source, Vma, VmaFlags};
use crate::{AddressSpace, Leftovers, State};
use abi::Result;
use abi::mman::Prot;
use address::{PAGE_SIZE, USER_END, page_ceil};
use table::ROOM;

/// The heap that `brk` moves the end of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Break {
    /// Where the heap begins.
    pub(crate) start: u64,
    /// Where it ends: the program break.
    pub(crate) end: u64,
    /// How much the program's own data counts against `RLIMIT_DATA`.
    data: u64,
}

impl AddressSpace {
    /// Says where the program's data end; the heap begins behind them, at a random distance. Returns where.
    pub fn set_program_end(&self, end: u64, data: u64) -> u64 {
        let mut state = self.state.lock();
        let start = page_ceil(end)
            .unwrap_or(USER_END)
            .saturating_add(state.layout.break_gap);
        state.program_break = Break {
            start,
            end: start,
            data,
        };
        start
    }

    /// Moves the program break, if that can be; returns where it is then.
    #[must_use]
    pub fn set_break(&self, end: u64) -> u64 {
        let mut room = ROOM;
        let mut leftovers = Leftovers::new(&self.root, &mut room);
        let (now, grown) = {
            let mut state = self.change();
            let before = state.program_break.end;
            let moved = state.set_break(end, &mut leftovers).is_ok();
            if moved {
                state.program_break.end = end;
            }
            let locked = state.future.contains(VmaFlags::LOCKED) && !state.future.contains(VmaFlags::ON_FAULT);
            let grown = (moved && locked && before < end).then(|| address::page_floor(before)..end);
            let now = state.program_break.end;
            self.finish(state, &mut leftovers);
            (now, grown)
        };
        if let Some(range) = grown {
            // What cannot be had is left to the program's own touch.
            let _ = self.populate(range);
        }
        now
    }
}

impl State {
    fn set_break(&mut self, end: u64, leftovers: &mut Leftovers<'_>) -> Result<()> {
        let Break { start, end: now, data } = self.program_break;
        let refused = Err(crate::NO_MEMORY);
        let (Some(old), Some(new)) = (page_ceil(now), page_ceil(end)) else {
            return refused;
        };
        if end < start || new > USER_END {
            return refused;
        }
        if (end - start).saturating_add(data) > self.limits.data {
            return refused;
        }
        if new <= old {
            return if new < old {
                self.unmap_range(new..old, leftovers)
            } else {
                Ok(())
            };
        }
        let vma = Vma {
            prot: Prot::READ | Prot::WRITE,
            flags: self.future | VmaFlags::MAY_WRITE | VmaFlags::MAY_EXEC,
            source: Source::Anonymous,
        };
        let pages = (new - old) / PAGE_SIZE;
        self.may_map_at(old)?;
        self.may_lock(vma.flags, pages)?;
        if !self.is_free_for_growth(old, new) {
            return refused;
        }
        self.may_expand(&vma, pages)?;
        self.may_add_mappings(1)?;
        Self::may_promise(&vma, pages)?;
        self.insert(old..new, vma);
        Ok(())
    }

    /// Whether a mapping that ends at `old` may end at `new`: with a page between it and the next, and more if that is a stack.
    fn is_free_for_growth(&self, old: u64, new: u64) -> bool {
        let next = self.vmas.overlapping(old..new + STACK_GAP).next();
        next.is_none_or(|(next, vma)| {
            let gap = if vma.flags.contains(VmaFlags::GROWS_DOWN) {
                STACK_GAP
            } else {
                PAGE_SIZE
            };
            next.start >= new + gap
        })
    }
}
