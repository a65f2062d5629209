//! `mlock` and its kin. Nothing is ever swapped out here, so that to lock memory is to have it in memory now, and to count it.

use crate::vma::{Vma, VmaFlags};
use crate::{AddressSpace, FaultKind, State};
use abi::mman::LockAllFlags;
use abi::{Errno, Error, Result};
use address::{PAGE_SIZE, page_ceil, page_floor};
use core::ops::Range;

const LOCK_FLAGS: VmaFlags = VmaFlags::LOCKED.union(VmaFlags::ON_FAULT);
const HOLE: Error = Error::new(Errno::ENOMEM, "a part of the range is not mapped");
const TOO_MUCH: Error = Error::new(Errno::ENOMEM, "RLIMIT_MEMLOCK");

/// How much a call locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pinning {
    /// Every page, now.
    Now,
    /// Each page once it has been touched (`MLOCK_ONFAULT`).
    OnFault,
}

impl AddressSpace {
    /// Locks a range in memory.
    ///
    /// # Errors
    /// As `mlock(2)`.
    pub fn lock(&self, address: u64, length: u64, pinning: Pinning) -> Result<()> {
        let flags = match pinning {
            Pinning::Now => VmaFlags::LOCKED,
            Pinning::OnFault => LOCK_FLAGS,
        };
        let range = {
            let mut state = self.state.lock();
            state.can_lock()?;
            let range = pages_around(address, length)?;
            let pages = (range.end - range.start) / PAGE_SIZE;
            let already = state.locked_pages(&range);
            let limit = state.limits.locked / PAGE_SIZE;
            if !state.limits.privileged && state.counters.locked + pages.saturating_sub(already) > limit {
                return Err(TOO_MUCH);
            }
            state.set_locked(range.clone(), flags)?;
            range
        };
        if pinning == Pinning::OnFault {
            return Ok(());
        }
        self.populate(range).map_err(|fault| match fault {
            FaultKind::OutOfMemory => Error::new(Errno::EAGAIN, "no memory is left"),
            _ => Error::new(Errno::ENOMEM, "a part of the range cannot be had"),
        })
    }

    /// Unlocks a range.
    ///
    /// # Errors
    /// As `munlock(2)`.
    pub fn unlock(&self, address: u64, length: u64) -> Result<()> {
        let range = pages_around(address, length)?;
        self.state.lock().set_locked(range, VmaFlags::empty())
    }

    /// Locks everything that is or will be mapped.
    ///
    /// # Errors
    /// As `mlockall(2)`.
    pub fn lock_all(&self, flags: LockAllFlags) -> Result<()> {
        let unknown = flags.bits() & !LockAllFlags::all().bits() != 0;
        if unknown || flags.is_empty() || flags == LockAllFlags::ONFAULT {
            return Err(Error::new(Errno::EINVAL, "neither MCL_CURRENT nor MCL_FUTURE"));
        }
        let new = if flags.contains(LockAllFlags::ONFAULT) {
            LOCK_FLAGS
        } else {
            VmaFlags::LOCKED
        };
        let mut state = self.state.lock();
        state.can_lock()?;
        let within = state.counters.total <= state.limits.locked / PAGE_SIZE;
        if flags.contains(LockAllFlags::CURRENT) && !within && !state.limits.privileged {
            return Err(TOO_MUCH);
        }
        state.future = if flags.contains(LockAllFlags::FUTURE) {
            new
        } else {
            VmaFlags::empty()
        };
        if !flags.contains(LockAllFlags::CURRENT) {
            return Ok(());
        }
        state.set_all_locked(new);
        let ranges: alloc::vec::Vec<_> = state.vmas.iter().map(|(range, _)| range).collect();
        drop(state);
        if new == VmaFlags::LOCKED {
            for range in ranges {
                // What cannot be had is left to the program's own touch.
                let _ = self.populate(range);
            }
        }
        Ok(())
    }

    /// Unlocks everything.
    pub fn unlock_all(&self) {
        let mut state = self.state.lock();
        state.future = VmaFlags::empty();
        state.set_all_locked(VmaFlags::empty());
    }
}

/// The whole pages that a range touches. A length that cannot be rounded up is none at all: Linux adds without looking.
fn pages_around(address: u64, length: u64) -> Result<Range<u64>> {
    let start = page_floor(address);
    let length = page_ceil(length.wrapping_add(address - start)).unwrap_or(0);
    start
        .checked_add(length)
        .map(|end| start..end)
        .ok_or(Error::new(Errno::EINVAL, "the range wraps around"))
}

impl State {
    fn can_lock(&self) -> Result<()> {
        if self.limits.locked == 0 && !self.limits.privileged {
            return Err(Error::new(Errno::EPERM, "RLIMIT_MEMLOCK is zero"));
        }
        Ok(())
    }

    fn locked_pages(&self, range: &Range<u64>) -> u64 {
        self.vmas
            .overlapping(range.clone())
            .filter(|(_, vma)| vma.flags.contains(VmaFlags::LOCKED))
            .map(|(part, _)| (part.end.min(range.end) - part.start.max(range.start)) / PAGE_SIZE)
            .sum()
    }

    /// Gives everything in a range, up to the first hole, these of the lock flags.
    fn set_locked(&mut self, range: Range<u64>, flags: VmaFlags) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        self.may_add_mappings(2)?;
        let mut reached = range.start;
        for (part, _) in self.vmas.overlapping(range.clone()) {
            if part.start > reached {
                break;
            }
            reached = part.end.min(range.end);
        }
        if reached > range.start {
            self.update_locked(range.start..reached, flags);
        }
        if reached < range.end { Err(HOLE) } else { Ok(()) }
    }

    fn set_all_locked(&mut self, flags: VmaFlags) {
        self.update_locked(0..u64::MAX, flags);
    }

    fn update_locked(&mut self, range: Range<u64>, flags: VmaFlags) {
        let counters = &mut self.counters;
        self.vmas.update_range(range.clone(), Vma::split, |part, vma| {
            counters.remove(vma, &part);
            vma.flags = (vma.flags - LOCK_FLAGS) | flags;
            counters.add(vma, &part);
        });
        self.vmas.merge_range(range, Vma::continues);
    }
}
