//! Sending signals.

use crate::Caller;
use abi::signal::{SI_TKILL, SI_USER, Signal};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use process::signals::{Info, ToMany};
use process::{Process, Thread, registry, signals};
use usermem::UserPtr;

calls! {
    62 "kill" = kill(i32, u32);
    129 "rt_sigqueueinfo" = rt_sigqueueinfo(i32, u32, UserPtr<[u8; 128]>);
    200 "tkill" = tkill(i32, u32);
    234 "tgkill" = tgkill(i32, i32, u32);
    297 "rt_tgsigqueueinfo" = rt_tgsigqueueinfo(i32, i32, u32, UserPtr<[u8; 128]>);
}

const NO_THREAD: Error = Error::new(Errno::ESRCH, "there is no such thread");
const NO_PROCESS: Error = Error::new(Errno::ESRCH, "there is no such process");

/// The signal with a number; none for 0, which only asks whether it could be sent.
///
/// # Errors
/// `EINVAL`.
pub fn signal(number: u32) -> Result<Option<Signal>> {
    if number == 0 {
        return Ok(None);
    }
    let signal = Signal::new(number).ok_or(Error::new(Errno::EINVAL, "no such signal"))?;
    Ok(Some(signal))
}

/// A signal as sent by the caller.
pub fn sent(caller: &Caller<'_>, signal: Signal, code: i32) -> Info {
    Info::sent(signal, code, caller.process().pid, caller.process().credentials().uid)
}

/// Whether the caller may send a signal to a process.
///
/// # Errors
/// `EPERM` if it may not.
pub fn may_signal(caller: &Caller<'_>, target: &Process, signal: Option<Signal>) -> Result<()> {
    let (own, other) = (caller.process().credentials(), target.credentials());
    let same_user = [own.uid, own.euid]
        .iter()
        .any(|id| [other.uid, other.suid].contains(id));
    let same_session = signal == Some(Signal::CONT)
        && caller.process().session.load(Ordering::Relaxed) == target.session.load(Ordering::Relaxed);
    if own.has(vfs::capability::KILL) || same_user || same_session {
        return Ok(());
    }
    Err(Error::new(Errno::EPERM, "the process is another user's"))
}

/// Sends a signal from the caller to a process, or to one thread of it. False when too many are pending.
#[inline]
pub fn send(caller: &Caller<'_>, target: &Arc<Process>, thread: Option<&Thread>, info: Info) -> bool {
    if signals::is_shielded(caller.process(), target, info.signal) {
        return true;
    }
    match thread {
        Some(thread) => thread.send(info),
        None => signals::send(target, info),
    }
}

fn queued(fits: bool) -> Result<u64> {
    if fits {
        Ok(0)
    } else {
        Err(Error::new(Errno::EAGAIN, "too many signals are pending"))
    }
}

fn kill(caller: &mut Caller<'_>, (pid, number): (i32, u32)) -> Result<u64> {
    let signal = signal(number);
    if pid > 0 {
        let pid = pid.unsigned_abs();
        let target = if pid == caller.process().pid {
            Arc::clone(caller.process())
        } else {
            registry::process(pid).ok_or(NO_PROCESS)?
        };
        let signal = signal?;
        let info = signal.map(|signal| sent(caller, signal, SI_USER));
        return to_one(caller, &target, signal, info).map(|()| 0);
    }
    let own = caller.process();
    let own_group = own.group.load(Ordering::Relaxed);
    let _many = ToMany::begin();
    let targets = || {
        let mut all = registry::processes();
        all.retain(|process| match pid {
            0 => process.group.load(Ordering::Relaxed) == own_group,
            -1 => process.pid != 1 && process.pid != own.pid,
            _ => process.group.load(Ordering::Relaxed) == pid.unsigned_abs(),
        });
        all
    };
    let first = targets();
    if first.is_empty() {
        return Err(NO_PROCESS);
    }
    let signal = signal?;
    let info = signal.map(|signal| sent(caller, signal, SI_USER));
    let answer = match to_all(caller, &first, signal, info) {
        // Of all that may be signalled there may be none.
        Err(error) if pid == -1 && error.errno == Errno::EPERM => Ok(0),
        answer => answer,
    };
    // Whoever was being made meanwhile is not let go.
    while signal == Some(Signal::KILL) {
        let mut late = targets();
        late.retain(|process| !process.is_ending() && may_signal(caller, process, signal).is_ok());
        if late.is_empty() {
            break;
        }
        let _ = to_all(caller, &late, signal, info);
    }
    answer
}

/// Sends a signal to all members of a process group that the caller may signal.
///
/// # Errors
/// `ESRCH` if there are no members, `EPERM` if it may signal none of them.
pub fn to_group(caller: &Caller<'_>, group: u32, signal: Option<Signal>, info: Option<Info>) -> Result<u64> {
    let _many = ToMany::begin();
    let mut members = registry::processes();
    members.retain(|process| process.group.load(Ordering::Relaxed) == group);
    to_all(caller, &members, signal, info)
}

/// Sends a signal to those that the caller may signal; it has to be one at least.
fn to_all(caller: &Caller<'_>, targets: &[Arc<Process>], signal: Option<Signal>, info: Option<Info>) -> Result<u64> {
    let mut refused = NO_PROCESS;
    let mut reached = false;
    for target in targets {
        match to_one(caller, target, signal, info) {
            Ok(()) => reached = true,
            Err(error) => refused = error,
        }
    }
    if reached { Ok(0) } else { Err(refused) }
}

fn to_one(caller: &Caller<'_>, target: &Arc<Process>, signal: Option<Signal>, info: Option<Info>) -> Result<()> {
    if !Arc::ptr_eq(target, caller.process()) {
        may_signal(caller, target, signal)?;
    }
    if let Some(info) = info {
        send(caller, target, None, info);
    }
    Ok(())
}

/// The thread that a call names, if the caller may signal it.
fn target(caller: &Caller<'_>, group: Option<i32>, tid: i32, number: u32) -> Result<(Arc<Thread>, Option<Signal>)> {
    if tid <= 0 || group.is_some_and(|group| group <= 0) {
        return Err(Error::new(Errno::EINVAL, "no such number"));
    }
    let target = registry::thread(tid.unsigned_abs()).ok_or(NO_THREAD)?;
    if group.is_some_and(|group| target.process.pid != group.unsigned_abs()) {
        return Err(NO_THREAD);
    }
    let signal = signal(number)?;
    may_signal(caller, &target.process, signal)?;
    Ok((target, signal))
}

fn kill_thread(caller: &Caller<'_>, group: Option<i32>, tid: i32, number: u32) -> Result<u64> {
    let (target, signal) = target(caller, group, tid, number)?;
    queued(signal.is_none_or(|signal| send(caller, &target.process, Some(&target), sent(caller, signal, SI_TKILL))))
}

fn tkill(caller: &mut Caller<'_>, (tid, number): (i32, u32)) -> Result<u64> {
    kill_thread(caller, None, tid, number)
}

fn tgkill(caller: &mut Caller<'_>, (group, tid, number): (i32, i32, u32)) -> Result<u64> {
    kill_thread(caller, Some(group), tid, number)
}

/// What a program says of a signal that it sends; it may not pretend to another process that the kernel sent it.
fn described(caller: &Caller<'_>, to: i32, number: u32, info: UserPtr<[u8; 128]>) -> Result<Option<Info>> {
    let bytes = info.read()?;
    let made_up = Signal::new(number).unwrap_or(Signal::KILL);
    let info = signal::siginfo::from_bytes(made_up, &bytes);
    let kernels = info.code >= 0 || info.code == SI_TKILL;
    if kernels && caller.thread.tid() != to.unsigned_abs() {
        return Err(Error::new(
            Errno::EPERM,
            "only the kernel and the thread itself may say so",
        ));
    }
    Ok(signal(number)?.map(|signal| Info { signal, ..info }))
}

fn rt_sigqueueinfo(caller: &mut Caller<'_>, (pid, number, info): (i32, u32, UserPtr<[u8; 128]>)) -> Result<u64> {
    let info = described(caller, pid, number, info)?;
    let target = registry::process(pid.unsigned_abs())
        .filter(|_| pid > 0)
        .ok_or(NO_PROCESS)?;
    may_signal(caller, &target, info.map(|info| info.signal))?;
    queued(info.is_none_or(|info| send(caller, &target, None, info)))
}

fn rt_tgsigqueueinfo(
    caller: &mut Caller<'_>,
    (group, tid, number, info): (i32, i32, u32, UserPtr<[u8; 128]>),
) -> Result<u64> {
    if group <= 0 || tid <= 0 {
        info.read()?;
        return Err(Error::new(Errno::EINVAL, "no such number"));
    }
    let info = described(caller, tid, number, info)?;
    let (target, _) = target(caller, Some(group), tid, number)?;
    queued(info.is_none_or(|info| send(caller, &target.process, Some(&target), info)))
}
