//! Futexes that name their owner (`FUTEX_LOCK_PI` and its kin).
//!
//! The word holds the number of the thread that has the lock, and a bit that says that others wait. Threads take it without the kernel while nobody waits. There is one
//! scheduling class, so that nothing is inherited: a waiter that is woken tries again, and whoever comes first has the lock. A thread that had
//! to wait takes the lock with the waiters' bit set, because it cannot know whether it was the last.

use crate::{ANY, Scope, wait, wake};
use abi::sched::{FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS};
use abi::{Errno, Error, Result};
use space::AddressSpace;
use task::Until;

/// Takes the lock for thread `tid`, if it is free; whether it was.
///
/// # Errors
/// `EDEADLK` when the thread has it already; `EFAULT`, `EINVAL`.
pub fn try_lock(address: u64, tid: u32) -> Result<bool> {
    take(address, tid, 0).map(|busy| busy.is_none())
}

/// Takes the lock with extra bits; returns the word when somebody else has it.
fn take(address: u64, tid: u32, extra: u32) -> Result<Option<u32>> {
    let mut word = usermem::load_u32(address)?;
    loop {
        let owner = word & FUTEX_TID_MASK;
        if owner == tid {
            return Err(Error::new(Errno::EDEADLK, "the thread has the lock already"));
        }
        if owner != 0 {
            return Ok(Some(word));
        }
        let new = tid | extra | word & FUTEX_OWNER_DIED;
        let found = usermem::compare_exchange_u32(address, word, new)?;
        if found == word {
            return Ok(None);
        }
        word = found;
    }
}

/// Takes the lock for thread `tid`, waiting until it is free. `is_alive` tells whether a thread exists.
///
/// # Errors
/// `EDEADLK`; `ESRCH` when the owner is no thread; `ETIMEDOUT`; `ERESTARTSYS` for a signal; `EFAULT`, `EINVAL`.
pub fn lock(
    space: &AddressSpace,
    address: u64,
    tid: u32,
    until: Option<Until>,
    scope: Scope,
    is_alive: impl Fn(u32) -> bool,
) -> Result<()> {
    let mut extra = 0;
    while let Some(word) = take(address, tid, extra)? {
        if !is_alive(word & FUTEX_TID_MASK) {
            return Err(Error::new(Errno::ESRCH, "the lock's owner is no thread"));
        }
        let waited = word | FUTEX_WAITERS;
        if word != waited && usermem::compare_exchange_u32(address, word, waited)? != word {
            continue;
        }
        extra = FUTEX_WAITERS;
        match wait(space, address, waited, ANY, until, scope) {
            Err(error) if error.errno != Errno::EAGAIN => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Gives the lock up and wakes who waits first.
///
/// # Errors
/// `EPERM` when another thread has it; `EFAULT`, `EINVAL`.
pub fn unlock(space: &AddressSpace, address: u64, tid: u32, scope: Scope) -> Result<()> {
    let mut word = usermem::load_u32(address)?;
    loop {
        if word & FUTEX_TID_MASK != tid {
            return Err(Error::new(Errno::EPERM, "another thread has the lock"));
        }
        let found = usermem::compare_exchange_u32(address, word, 0)?;
        if found == word {
            wake(space, address, 1, ANY, scope)?;
            return Ok(());
        }
        word = found;
    }
}
