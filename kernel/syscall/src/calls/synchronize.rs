//! `futex` and what goes with it.

use crate::Caller;
use crate::argument::Hex;
use abi::sched::{
    FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE, FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE,
    FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE, FUTEX_WAKE_BITSET, FUTEX_WAKE_OP,
};
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use core::sync::atomic::Ordering;
use futex::{ANY, Scope};
use task::Until;
use usermem::UserPtr;

calls! {
    202 "futex" = futex_call(Hex, u32, u32, Hex, Hex, u32) partial "FUTEX_LOCK_PI locks without inheriting priorities, which there are none of; FUTEX_WAIT_REQUEUE_PI answers ENOSYS";
    273 "set_robust_list" = set_robust_list(Hex, usize);
    274 "get_robust_list" = get_robust_list(u32, UserPtr<u64>, UserPtr<u64>);
}

const COMMAND: u32 = !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);

/// When a wait ends: relative for `FUTEX_WAIT`, absolute on one of two clocks otherwise.
fn end_of_wait(caller: &Caller<'_>, timeout: UserPtr<Timespec>, operation: u32) -> Result<Option<Until>> {
    let Some(timeout) = timeout.non_null() else {
        return Ok(None);
    };
    let nanos = timeout
        .read()?
        .to_nanos()
        .ok_or(Error::new(Errno::EINVAL, "no such time"))?;
    Ok(Some(match operation & COMMAND {
        FUTEX_WAIT => Until::SinceBoot(super::signal::deadline(caller, nanos)),
        FUTEX_LOCK_PI => Until::OfDay(nanos),
        _ if operation & FUTEX_CLOCK_REALTIME != 0 => Until::OfDay(nanos),
        _ => Until::SinceBoot(nanos),
    }))
}

fn futex_call(
    caller: &mut Caller<'_>,
    (word, operation, value, fourth, second, third): (Hex, u32, u32, Hex, Hex, u32),
) -> Result<u64> {
    let command = operation & COMMAND;
    let scope = if operation & FUTEX_PRIVATE_FLAG != 0 {
        Scope::Private
    } else {
        Scope::Shared
    };
    if operation & FUTEX_CLOCK_REALTIME != 0 && !matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET | FUTEX_LOCK_PI2) {
        return Err(Error::new(Errno::ENOSYS, "only waits know clocks"));
    }
    let space = caller.process().space();
    let count = value as i32 as usize;
    let (moved, bits) = (fourth.0 as i32 as usize, third);
    match command {
        FUTEX_WAIT | FUTEX_WAIT_BITSET => {
            let bits = if command == FUTEX_WAIT { ANY } else { bits };
            let until = end_of_wait(caller, UserPtr::new(fourth.0), operation)?;
            let waited = futex::wait(&space, word.0, value, bits, until, scope);
            waited.map(|()| 0).map_err(|error| interrupted(caller, until, error))
        }
        FUTEX_LOCK_PI | FUTEX_LOCK_PI2 => {
            let until = end_of_wait(caller, UserPtr::new(fourth.0), operation)?;
            let is_alive = |tid| process::registry::thread(tid).is_some();
            futex::owned::lock(&space, word.0, caller.thread.tid(), until, scope, is_alive).map(|()| 0)
        }
        FUTEX_TRYLOCK_PI if futex::owned::try_lock(word.0, caller.thread.tid())? => Ok(0),
        FUTEX_TRYLOCK_PI => Err(Error::new(Errno::EAGAIN, "another thread has the lock")),
        FUTEX_UNLOCK_PI => futex::owned::unlock(&space, word.0, caller.thread.tid(), scope).map(|()| 0),
        FUTEX_WAKE => Ok(futex::wake(&space, word.0, count.max(1), ANY, scope)? as u64),
        FUTEX_WAKE_BITSET => Ok(futex::wake(&space, word.0, count.max(1), bits, scope)? as u64),
        FUTEX_REQUEUE => {
            check_counts(value, fourth)?;
            let (woken, moved) = futex::requeue(&space, word.0, second.0, (count, moved), None, scope)?;
            Ok((woken + moved) as u64)
        }
        FUTEX_CMP_REQUEUE => {
            check_counts(value, fourth)?;
            let (woken, moved) = futex::requeue(&space, word.0, second.0, (count, moved), Some(third), scope)?;
            Ok((woken + moved) as u64)
        }
        FUTEX_WAKE_OP => Ok(futex::wake_op(&space, word.0, second.0, (count, moved), third, scope)? as u64),
        _ => Err(Error::new(Errno::ENOSYS, "no such futex operation")),
    }
}

/// A wait with an end that a signal interrupted goes on to the same end, unless a handler runs.
fn interrupted(caller: &Caller<'_>, until: Option<Until>, error: Error) -> Error {
    const FUTEX: u64 = 202;
    match until {
        _ if error.errno != Errno::ERESTARTSYS => error,
        None => error,
        Some(Until::SinceBoot(deadline)) => super::signal::interrupted(caller, FUTEX, deadline),
        // The call's own arguments say when.
        Some(Until::OfDay(_)) => Error::new(Errno::ERESTARTNOHAND, error.why()),
    }
}

fn check_counts(woken: u32, moved: Hex) -> Result<()> {
    if (woken as i32) < 0 || (moved.0 as i32) < 0 {
        return Err(Error::new(Errno::EINVAL, "a count is negative"));
    }
    Ok(())
}

const LIST_HEAD: usize = 24;

fn set_robust_list(caller: &mut Caller<'_>, (head, len): (Hex, usize)) -> Result<u64> {
    if len != LIST_HEAD {
        return Err(Error::new(Errno::EINVAL, "the list's head has another size"));
    }
    caller.thread.robust_list.store(head.0, Ordering::Relaxed);
    Ok(0)
}

fn get_robust_list(caller: &mut Caller<'_>, (tid, head, len): (u32, UserPtr<u64>, UserPtr<u64>)) -> Result<u64> {
    let list = if tid == 0 {
        caller.thread.robust_list.load(Ordering::Relaxed)
    } else {
        let thread = process::registry::thread(tid).ok_or(Error::new(Errno::ESRCH, "there is no such thread"))?;
        caller.may_inspect(&thread.process)?;
        thread.robust_list.load(Ordering::Relaxed)
    };
    len.write(&(LIST_HEAD as u64))?;
    head.write(&list)?;
    Ok(0)
}
