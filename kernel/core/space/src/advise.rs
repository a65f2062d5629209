//! `madvise`.

use crate::vma::{Source, Vma, VmaFlags};
use crate::{AddressSpace, Backing, FaultKind, Leftovers, State};
use abi::mman::*;
use abi::{Errno, Error, Result};
use address::PAGE_SIZE;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use hal::Access;
use table::{Gather, ROOM};

/// What an advice does to each mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Advice {
    /// Nothing that could be noticed here.
    Nothing,
    /// Nothing, but not for locked memory.
    NothingUnlessLocked,
    /// Pages will be wanted.
    Want,
    /// Pages are let go; what comes back is what the source gives.
    Drop,
    /// The same, even if locked.
    DropLocked,
    /// The same, for nameless private memory. Linux waits until it needs the memory; to let it go at once is one of the things that the
    /// program has to expect.
    Free,
    /// The pages of the object become a hole.
    Punch,
    /// Flags come and go.
    Flags(VmaFlags, VmaFlags),
    /// A child gets zeros.
    Wipe,
    /// Pages are touched now.
    Populate(Access),
}

const NONE: VmaFlags = VmaFlags::empty();
const HOLE: Error = Error::new(Errno::ENOMEM, "a part of the range is not mapped");
const LOCKED: Error = Error::new(Errno::EINVAL, "the memory is locked");

impl Advice {
    fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            MADV_NORMAL | MADV_RANDOM | MADV_SEQUENTIAL | MADV_MERGEABLE | MADV_UNMERGEABLE => Self::Nothing,
            MADV_COLD | MADV_PAGEOUT => Self::NothingUnlessLocked,
            MADV_WILLNEED => Self::Want,
            MADV_DONTNEED => Self::Drop,
            MADV_DONTNEED_LOCKED => Self::DropLocked,
            MADV_FREE => Self::Free,
            MADV_REMOVE => Self::Punch,
            MADV_DONTFORK => Self::Flags(VmaFlags::DONT_FORK, NONE),
            MADV_DOFORK => Self::Flags(NONE, VmaFlags::DONT_FORK),
            MADV_HUGEPAGE => Self::Flags(VmaFlags::HUGE, VmaFlags::NO_HUGE),
            MADV_NOHUGEPAGE => Self::Flags(VmaFlags::NO_HUGE, VmaFlags::HUGE),
            MADV_DONTDUMP => Self::Flags(VmaFlags::DONT_DUMP, NONE),
            MADV_DODUMP => Self::Flags(NONE, VmaFlags::DONT_DUMP),
            MADV_WIPEONFORK => Self::Wipe,
            MADV_KEEPONFORK => Self::Flags(NONE, VmaFlags::WIPE_ON_FORK),
            MADV_POPULATE_READ => Self::Populate(Access::Read),
            MADV_POPULATE_WRITE => Self::Populate(Access::Write),
            _ => return None,
        })
    }
}

/// Work on an object that may sleep, to be done without the lock.
type Later = (Arc<dyn Backing>, Range<u64>);

impl AddressSpace {
    /// Takes a program's advice on a range.
    ///
    /// # Errors
    /// As `madvise(2)`; `MADV_COLLAPSE` and the advices about broken memory are `EINVAL`.
    pub fn advise(&self, address: u64, length: u64, advice: u32) -> Result<()> {
        let advice = Advice::from_number(advice).ok_or(Error::new(Errno::EINVAL, "an unknown advice"))?;
        let range = crate::page_range(address, length, Errno::EINVAL)?;
        if range.is_empty() {
            return Ok(());
        }
        if let Advice::Populate(access) = advice {
            return self.populate_as(range, access);
        }
        let mut later = Vec::new();
        let mut room = ROOM;
        let mut leftovers = Leftovers::new(&self.root, &mut room);
        let mut state = self.change();
        let result = state.advise(range, advice, &mut later, &mut leftovers.gather);
        self.finish(state, &mut leftovers);
        for (object, pages) in later {
            if advice == Advice::Punch {
                object.punch(pages)?;
            } else {
                object.prefetch(pages);
            }
        }
        result
    }

    /// `MADV_POPULATE_READ` and `MADV_POPULATE_WRITE`.
    fn populate_as(&self, range: Range<u64>, access: Access) -> Result<()> {
        let mut at = range.start;
        while at < range.end {
            at = self.populate_one(at, access).map_err(|fault| match fault {
                FaultKind::MapErr => HOLE,
                FaultKind::OutOfMemory => crate::NO_MEMORY,
                FaultKind::AccErr => Error::new(Errno::EINVAL, "the mapping does not allow it"),
                FaultKind::BusAdrErr => Error::new(Errno::EFAULT, "the object has no page there"),
            })?;
        }
        Ok(())
    }
}

impl State {
    fn advise(
        &mut self,
        range: Range<u64>,
        advice: Advice,
        later: &mut Vec<Later>,
        gather: &mut Gather<'_>,
    ) -> Result<()> {
        let mut at = range.start;
        let mut result = Ok(());
        while at < range.end {
            let Some((whole, _)) = self.vmas.overlapping(at..range.end).next() else {
                result = Err(HOLE);
                break;
            };
            if whole.start > at {
                // The rest is advised all the same; the hole is told at the end.
                result = Err(HOLE);
            }
            let part = whole.start.max(at)..whole.end.min(range.end);
            at = part.end;
            self.advise_part(part, advice, later, gather)?;
        }
        if let Advice::Flags(..) | Advice::Wipe = advice {
            self.vmas.merge_range(range, Vma::continues);
        }
        result
    }

    fn advise_part(
        &mut self,
        part: Range<u64>,
        advice: Advice,
        later: &mut Vec<Later>,
        gather: &mut Gather<'_>,
    ) -> Result<()> {
        let Some((whole, vma)) = self.vmas.get(part.start) else {
            return Err(HOLE);
        };
        let locked = vma.flags.contains(VmaFlags::LOCKED);
        let pages = match &vma.source {
            Source::Object { object, first } => {
                let from = first + (part.start - whole.start) / PAGE_SIZE;
                Some((Arc::clone(object), from..from + (part.end - part.start) / PAGE_SIZE))
            }
            Source::Anonymous => None,
        };
        match advice {
            Advice::Nothing | Advice::Populate(_) => Ok(()),
            Advice::NothingUnlessLocked if locked => Err(LOCKED),
            Advice::NothingUnlessLocked => Ok(()),
            Advice::Want => {
                later.extend(pages);
                Ok(())
            }
            Advice::Drop if locked => Err(LOCKED),
            Advice::Drop | Advice::DropLocked => self.let_go(part, gather),
            Advice::Free if !vma.is_anonymous() => Err(Error::new(Errno::EINVAL, "not nameless private memory")),
            Advice::Free if locked => Ok(()),
            Advice::Free => self.let_go(part, gather),
            Advice::Punch if locked => Err(LOCKED),
            Advice::Punch => {
                let pages = pages.ok_or(Error::new(Errno::EINVAL, "nothing is behind the memory"))?;
                if !vma.is_shared() || !vma.flags.contains(VmaFlags::MAY_WRITE) {
                    return Err(Error::new(Errno::EACCES, "not shared and writable"));
                }
                self.cuts += 1;
                later.push(pages);
                self.let_go(part, gather)
            }
            Advice::Wipe if !vma.is_anonymous() => Err(Error::new(Errno::EINVAL, "not nameless private memory")),
            Advice::Wipe => self.change_flags(part, VmaFlags::WIPE_ON_FORK, NONE),
            Advice::Flags(add, remove) => self.change_flags(part, add, remove),
        }
    }

    /// Unmaps the pages of a range whose mappings stay.
    fn let_go(&mut self, part: Range<u64>, gather: &mut Gather<'_>) -> Result<()> {
        Ok(self.table.unmap(part.clone(), part, gather)?)
    }

    fn change_flags(&mut self, part: Range<u64>, add: VmaFlags, remove: VmaFlags) -> Result<()> {
        self.may_add_mappings(2)?;
        self.vmas
            .update_range(part, Vma::split, |_, vma| vma.flags = (vma.flags | add) - remove);
        Ok(())
    }
}
