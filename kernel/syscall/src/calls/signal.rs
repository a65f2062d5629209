//! Signals as the receiver sees them: actions, masks, waiting, the alternate stack, the way back from a handler.

use crate::Caller;
use abi::signal::{SA_KNOWN, SIG_BLOCK, SIG_SETMASK, SIG_UNBLOCK, SigAction, SigSet, SigStack, Signal};
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use process::signals::Info;
use usermem::UserPtr;

calls! {
    13 "rt_sigaction" = rt_sigaction(u32, UserPtr<SigAction>, UserPtr<SigAction>, usize);
    14 "rt_sigprocmask" = rt_sigprocmask(u32, UserPtr<SigSet>, UserPtr<SigSet>, usize);
    15 "rt_sigreturn" = rt_sigreturn();
    34 "pause" = pause();
    127 "rt_sigpending" = rt_sigpending(UserPtr<SigSet>, usize);
    128 "rt_sigtimedwait" = rt_sigtimedwait(UserPtr<SigSet>, UserPtr<[u8; 128]>, UserPtr<Timespec>, usize);
    130 "rt_sigsuspend" = rt_sigsuspend(UserPtr<SigSet>, usize);
    131 "sigaltstack" = sigaltstack(UserPtr<SigStack>, UserPtr<SigStack>);
}

/// Refuses sets that are not of the size that the kernel's have.
///
/// # Errors
/// `EINVAL`.
pub fn check_set_size(size: usize) -> Result<()> {
    if size == size_of::<SigSet>() {
        Ok(())
    } else {
        Err(Error::new(Errno::EINVAL, "the set has another size"))
    }
}

fn rt_sigaction(
    caller: &mut Caller<'_>,
    (number, new, old, size): (u32, UserPtr<SigAction>, UserPtr<SigAction>, usize),
) -> Result<u64> {
    check_set_size(size)?;
    let signal = Signal::new(number).ok_or(Error::new(Errno::EINVAL, "no such signal"))?;
    let process = caller.process();
    let previous = match new.non_null() {
        Some(new) => {
            let mut action = new.read()?;
            if signal == Signal::KILL || signal == Signal::STOP {
                return Err(Error::new(Errno::EINVAL, "the signal cannot be handled"));
            }
            action.flags &= SA_KNOWN;
            action.mask = SigSet(action.mask.0 & !SigSet::UNBLOCKABLE.0);
            process.set_action(signal, action)
        }
        None => process.signals.action(signal),
    };
    old.write_if_some(&previous)?;
    Ok(0)
}

fn rt_sigprocmask(
    caller: &mut Caller<'_>,
    (how, set, old, size): (u32, UserPtr<SigSet>, UserPtr<SigSet>, usize),
) -> Result<u64> {
    check_set_size(size)?;
    let mask = caller.thread.signals.mask();
    if let Some(set) = set.non_null() {
        let set = set.read()?;
        caller.thread.set_mask(match how {
            SIG_BLOCK => SigSet(mask.0 | set.0),
            SIG_UNBLOCK => SigSet(mask.0 & !set.0),
            SIG_SETMASK => set,
            _ => return Err(Error::new(Errno::EINVAL, "no such way to change the mask")),
        });
    }
    old.write_if_some(&mask)?;
    Ok(0)
}

/// Where there is no frame to go back to, the program has lost its way, and is told so by `SIGSEGV`.
fn rt_sigreturn(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    if signal::frame::pop(caller.thread, caller.frame).is_err() {
        caller.frame.forget_call();
        caller.thread.force(Info::kernel(Signal::SEGV));
        return Ok(0);
    }
    Ok(caller.frame.result())
}

fn rt_sigpending(caller: &mut Caller<'_>, (out, size): (UserPtr<SigSet>, usize)) -> Result<u64> {
    if size > size_of::<SigSet>() {
        return Err(Error::new(Errno::EINVAL, "the set has another size"));
    }
    let thread = caller.thread;
    let pending = (thread.signals.pending().0 | caller.process().signals.pending().0) & thread.signals.mask().0;
    usermem::write_bytes(out.address(), &pending.to_le_bytes()[..size])?;
    Ok(0)
}

fn sigaltstack(caller: &mut Caller<'_>, (new, old): (UserPtr<SigStack>, UserPtr<SigStack>)) -> Result<u64> {
    let sp = caller.frame.stack_pointer();
    let current = *caller.thread.signals.stack.lock();
    if let Some(new) = new.non_null() {
        let changed = signal::stack::change(&current, new.read()?, sp)?;
        *caller.thread.signals.stack.lock() = changed;
    }
    old.write_if_some(&signal::stack::show(&current, sp))?;
    Ok(0)
}

/// Sleeps until a signal comes that has a handler.
fn sleep_for_signal() -> Result<u64> {
    match task::wait_until::<u64>(&[], None, || None) {
        Err(error) => Err(Error::new(Errno::ERESTARTNOHAND, error.why())),
        woken => woken,
    }
}

fn pause(_caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    sleep_for_signal()
}

fn rt_sigsuspend(caller: &mut Caller<'_>, (mask, size): (UserPtr<SigSet>, usize)) -> Result<u64> {
    check_set_size(size)?;
    caller.thread.replace_mask(mask.read()?);
    sleep_for_signal()
}

fn rt_sigtimedwait(
    caller: &mut Caller<'_>,
    (set, info, timeout, size): (UserPtr<SigSet>, UserPtr<[u8; 128]>, UserPtr<Timespec>, usize),
) -> Result<u64> {
    check_set_size(size)?;
    let wanted = SigSet(set.read()?.0 & !SigSet::UNBLOCKABLE.0);
    let deadline = match timeout.non_null() {
        Some(timeout) => {
            let nanos = timeout.read()?.to_nanos();
            let nanos = nanos.ok_or(Error::new(Errno::EINVAL, "no such time"))?;
            Some(time::now().saturating_add(nanos))
        }
        None => None,
    };
    let thread = caller.thread;
    let taken = task::wait_until(&[&thread.process.signals.arrived], deadline, || {
        thread.take_signal_except(SigSet(!wanted.0))
    });
    let taken = taken.map_err(|error| match error.errno {
        Errno::ETIMEDOUT => Error::new(Errno::EAGAIN, "no signal came in time"),
        _ => Error::new(Errno::EINTR, "another signal came"),
    })?;
    info.write_if_some(&signal::siginfo::to_bytes(&taken))?;
    Ok(u64::from(taken.signal.0))
}

/// When a call with a relative time ends: after `nanos`, or, if it is gone on with after an interruption, when it would have ended without.
pub fn deadline(caller: &Caller<'_>, nanos: u64) -> u64 {
    const RESTART_SYSCALL: u64 = 219;
    let restart = caller.thread.signals.restart.lock().take();
    match restart {
        Some(restart) if caller.frame.number() == RESTART_SYSCALL => restart.deadline,
        _ => time::now().saturating_add(nanos),
    }
}

/// The answer of call `number`, which ends at `deadline`, when a signal interrupted it: it is gone on with unless a handler runs.
pub(super) fn interrupted(caller: &Caller<'_>, number: u64, deadline: u64) -> Error {
    *caller.thread.signals.restart.lock() = Some(process::signals::Restart { number, deadline });
    Error::new(Errno::ERESTART_RESTARTBLOCK, "a signal came")
}
