//! Descriptors of processes: making them, signalling through them, taking files of the process.

use abi::fcntl::OpenFlags;
use abi::signal::{SI_TKILL, SI_USER, Signal};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use process::pidfd::{self, ProcessFile};
use process::registry;
use process::signals::Info;
use syscall::Caller;
use syscall::argument::Fd;
use syscall::calls::send;
use usermem::UserPtr;
use vfs::{File, Kind};

syscall::calls! {
    424 "pidfd_send_signal" = pidfd_send_signal(Fd, u32, UserPtr<[u8; 128]>, u32);
    434 "pidfd_open" = pidfd_open(i32, OpenFlags);
    438 "pidfd_getfd" = pidfd_getfd(Fd, Fd, u32);
}

/// `PIDFD_THREAD`: the descriptor names a thread.
const THREAD: OpenFlags = OpenFlags::EXCL;

const GONE: Error = Error::new(Errno::ESRCH, "the process has been waited for");

fn pidfd_open(caller: &mut Caller<'_>, (pid, flags): (i32, OpenFlags)) -> Result<u64> {
    let known = (OpenFlags::NONBLOCK | THREAD).bits();
    if caller.frame.arguments()[1] as u32 & !known != 0 || pid <= 0 {
        return Err(Error::new(
            Errno::EINVAL,
            "unknown flags, or a number that no process has",
        ));
    }
    let number = pid.unsigned_abs();
    let thread = registry::thread(number);
    let file = match (registry::process(number), thread) {
        (_, Some(thread)) if flags.contains(THREAD) => pidfd::open(&Arc::clone(&thread.process), Some(thread), flags),
        (Some(process), _) => pidfd::open(&process, None, flags),
        (None, Some(_)) => return Err(Error::new(Errno::ENOENT, "the number is that of a thread")),
        (None, None) => return Err(Error::new(Errno::ESRCH, "there is no such process")),
    };
    syscall::calls::open::add(caller, file, true)
}

const SIGNAL_THREAD: u32 = 1;
const SIGNAL_PROCESS: u32 = 2;
const SIGNAL_GROUP: u32 = 4;

fn pidfd_send_signal(
    caller: &mut Caller<'_>,
    (fd, number, info, flags): (Fd, u32, UserPtr<[u8; 128]>, u32),
) -> Result<u64> {
    if flags > SIGNAL_GROUP || flags.count_ones() > 1 {
        return Err(Error::new(Errno::EINVAL, "unknown flags, or more than one"));
    }
    let file = caller.process().file(fd.0)?;
    let file = directory_of_process(&file)?.unwrap_or(file);
    let named = pidfd::of(&file)?;
    let signal = send::signal(number)?;
    let to = match flags {
        0 if named.thread().is_some() => SIGNAL_THREAD,
        0 => SIGNAL_PROCESS,
        given => given,
    };
    let info = describe(caller, named, signal, info, to)?;
    if named.is_gone() {
        return Err(GONE);
    }
    if to == SIGNAL_GROUP {
        let group = named.process().group.load(Ordering::Relaxed);
        return send::to_group(caller, group, signal, info);
    }
    send::may_signal(caller, named.process(), signal)?;
    let Some(info) = info else { return Ok(0) };
    let thread = match named.thread() {
        Some(thread) if to == SIGNAL_THREAD => Some(Arc::clone(thread)),
        None if to == SIGNAL_THREAD => Some(registry::thread(named.process().pid).ok_or(GONE)?),
        _ => None,
    };
    send::send(caller, named.process(), thread.as_deref(), info);
    Ok(0)
}

/// A process's directory in `/proc` names it too.
fn directory_of_process(file: &File) -> Result<Option<Arc<File>>> {
    let place = file.path();
    if file.kind() != Kind::Directory || place.mount.file_system().name() != "proc" {
        return Ok(None);
    }
    let name = place.dentry.name();
    let number = core::str::from_utf8(name.as_bytes())
        .ok()
        .and_then(|name| name.parse().ok());
    let process = number.and_then(registry::process);
    let is_top = place.parent().dentry.parent().is_none();
    match process.filter(|_| is_top) {
        Some(process) => Ok(Some(pidfd::open(&process, None, OpenFlags::empty()))),
        None if number.is_some() => Err(GONE),
        None => Ok(None),
    }
}

/// What is known of the signal: what the caller says, or that the caller sent it.
fn describe(
    caller: &Caller<'_>,
    named: &ProcessFile,
    signal: Option<Signal>,
    info: UserPtr<[u8; 128]>,
    to: u32,
) -> Result<Option<Info>> {
    if info.is_null() {
        let code = if to == SIGNAL_THREAD { SI_TKILL } else { SI_USER };
        return Ok(signal.map(|signal| send::sent(caller, signal, code)));
    }
    let bytes = info.read()?;
    let [a, b, c, d, ..] = bytes;
    let says = u32::from_ne_bytes([a, b, c, d]);
    if says != signal.map_or(0, |signal| u32::from(signal.0)) {
        return Err(Error::new(Errno::EINVAL, "the information is about another signal"));
    }
    let told = signal.map(|signal| signal::siginfo::from_bytes(signal, &bytes));
    let own = Arc::ptr_eq(caller.process(), named.process()) && to <= SIGNAL_PROCESS;
    let kernels = told.is_some_and(|info| info.code >= 0 || info.code == SI_TKILL);
    if kernels && !own {
        return Err(Error::new(
            Errno::EPERM,
            "only the kernel and the process itself may say so",
        ));
    }
    Ok(told)
}

fn pidfd_getfd(caller: &mut Caller<'_>, (fd, wanted, flags): (Fd, Fd, u32)) -> Result<u64> {
    if flags != 0 {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    let file = caller.process().file(fd.0)?;
    let named = pidfd::of(&file)?;
    if named.has_ended() {
        return Err(Error::new(Errno::ESRCH, "the process has ended"));
    }
    caller.may_inspect(named.process())?;
    let taken = named.process().file(wanted.0)?;
    syscall::calls::open::add(caller, taken, true)
}
