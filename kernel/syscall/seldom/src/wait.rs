//! Waiting for children: `wait4`, `waitid`.

use abi::fcntl::OpenFlags;
use abi::resource::Rusage;
use abi::signal::Signal;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use process::exit::{Status, bury_child};
use process::family;
use process::stop::News;
use process::{Process, pidfd};
use syscall::Caller;
use usermem::UserPtr;

syscall::calls! {
    61 "wait4" = wait4(i32, UserPtr<i32>, u32, UserPtr<Rusage>);
    247 "waitid" = waitid(u32, u32, UserPtr<[u32; 32]>, u32, UserPtr<Rusage>);
}

const WNOHANG: u32 = 1;
const WUNTRACED: u32 = 2;
const WEXITED: u32 = 4;
const WCONTINUED: u32 = 8;
const WNOWAIT: u32 = 0x0100_0000;
const WNOTHREAD: u32 = 0x2000_0000;
const WALL: u32 = 0x4000_0000;
const WCLONE: u32 = 0x8000_0000;

/// Which children are waited for.
enum Which {
    Any,
    Process(u32),
    Group(u32),
    /// The one that a descriptor names; whether the descriptor is in non-blocking mode.
    Named(Arc<Process>, bool),
}

impl Which {
    fn includes(&self, child: &Arc<Process>) -> bool {
        match self {
            Self::Any => true,
            Self::Process(pid) => child.pid == *pid,
            Self::Group(group) => child.group.load(Ordering::Relaxed) == *group,
            Self::Named(process, _) => Arc::ptr_eq(child, process),
        }
    }
}

/// What became of a child.
#[derive(Clone, Copy)]
enum Change {
    Ended(Status),
    Other(News),
}

struct Found {
    child: Arc<Process>,
    change: Change,
}

/// Looks for a child that has changed; nothing if there are children but none has.
fn look(own: &Process, which: &Which, options: u32) -> Result<Option<Found>> {
    family::with_children(own, |children| {
        let mine = children.iter().filter(|child| which.includes(child));
        let mut mine = mine.filter(|child| is_of_kind(child, options)).peekable();
        if mine.peek().is_none() {
            return Err(Error::new(Errno::ECHILD, "there is no such child"));
        }
        let found = mine.find_map(|child| {
            let change = change_of(child, options)?;
            let child = Arc::clone(child);
            Some(Found { child, change })
        });
        Ok(found)
    })
}

/// Children that end without `SIGCHLD` are waited for by those who say so, and only they are.
fn is_of_kind(child: &Process, options: u32) -> bool {
    let is_clone = child.exit_signal.load(Ordering::Relaxed) != u32::from(Signal::CHLD.0);
    options & WALL != 0 || is_clone == (options & WCLONE != 0)
}

/// What became of a child, if that is asked for.
fn change_of(child: &Process, options: u32) -> Option<Change> {
    match child.status() {
        Some(status) => (options & WEXITED != 0).then_some(Change::Ended(status)),
        None => child
            .stop
            .take_news(
                options & WUNTRACED != 0,
                options & WCONTINUED != 0,
                options & WNOWAIT != 0,
            )
            .map(Change::Other),
    }
}

/// Waits for a child that changes. Of two threads that see the same child ended, one gets it and the other looks again.
fn wait(caller: &Caller<'_>, which: &Which, options: u32) -> Result<Option<Found>> {
    let own = caller.process();
    let attempt = || match look_and_take(own, which, options) {
        Ok(Some(found)) => Some(Ok(Some(found))),
        Ok(None) if options & WNOHANG != 0 => Some(Ok(None)),
        Ok(None) if matches!(which, Which::Named(_, true)) => Some(Err(Error::new(
            Errno::EAGAIN,
            "the descriptor does not block and the process runs",
        ))),
        Ok(None) => None,
        Err(error) => Some(Err(error)),
    };
    task::wait_until(&[&own.changed], None, attempt)?
}

/// As [`look`]; a child that has ended is this thread's then, unless it is to stay.
fn look_and_take(own: &Process, which: &Which, options: u32) -> Result<Option<Found>> {
    loop {
        match look(own, which, options)? {
            Some(found) if !is_taken(own, &found, options) => {}
            other => return Ok(other),
        }
    }
}

/// Takes an ended child away, unless it is to stay or another thread was faster.
fn is_taken(own: &Process, found: &Found, options: u32) -> bool {
    if !matches!(found.change, Change::Ended(_)) || options & WNOWAIT != 0 {
        return true;
    }
    bury_child(own, &found.child)
}

/// As `wait4` tells it.
fn status_word(change: Change) -> i32 {
    match change {
        Change::Ended(status) => status.to_wait(),
        Change::Other(News::Stopped(signal)) => i32::from(signal.0) << 8 | 0x7f,
        Change::Other(News::Continued) => 0xffff,
    }
}

/// What a child that changed has used; one that has ended, with those of its own children that it waited for.
fn usage_of(child: &Process) -> Rusage {
    let mut usage = child.usage();
    usage += child.children_usage();
    super::limits::to_rusage(&usage)
}

fn wait4(
    caller: &mut Caller<'_>,
    (pid, status, options, usage): (i32, UserPtr<i32>, u32, UserPtr<Rusage>),
) -> Result<u64> {
    if options & !(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE) != 0 {
        return Err(Error::new(Errno::EINVAL, "unknown options"));
    }
    let which = match pid {
        i32::MIN => return Err(Error::new(Errno::ESRCH, "there is no such group")),
        -1 => Which::Any,
        0 => Which::Group(caller.process().group.load(Ordering::Relaxed)),
        1.. => Which::Process(pid as u32),
        _ => Which::Group(pid.unsigned_abs()),
    };
    let Some(found) = wait(caller, &which, options | WEXITED)? else {
        return Ok(0);
    };
    status.write_if_some(&status_word(found.change))?;
    usage.write_if_some(&usage_of(&found.child))?;
    Ok(u64::from(found.child.pid))
}

const P_ALL: u32 = 0;
const P_PID: u32 = 1;
const P_PGID: u32 = 2;
const P_PIDFD: u32 = 3;

fn waitid(
    caller: &mut Caller<'_>,
    (kind, id, out, options, usage): (u32, u32, UserPtr<[u32; 32]>, u32, UserPtr<Rusage>),
) -> Result<u64> {
    let asked = options & (WEXITED | WUNTRACED | WCONTINUED);
    let known = WNOHANG | WNOWAIT | WEXITED | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE;
    if options & !known != 0 || asked == 0 {
        return Err(Error::new(Errno::EINVAL, "unknown options, or nothing to wait for"));
    }
    let which = match kind {
        P_ALL => Which::Any,
        P_PID if id as i32 > 0 => Which::Process(id),
        P_PGID if id == 0 => Which::Group(caller.process().group.load(Ordering::Relaxed)),
        P_PGID if id as i32 > 0 => Which::Group(id),
        P_PIDFD if id as i32 >= 0 => named(caller, id as i32)?,
        _ => return Err(Error::new(Errno::EINVAL, "no such children can be named")),
    };
    let Some(found) = wait(caller, &which, options)? else {
        if let Some(out) = out.non_null() {
            out.write(&[0; 32])?;
        }
        return Ok(0);
    };
    if let Some(out) = out.non_null() {
        out.write(&information(&found))?;
    }
    usage.write_if_some(&usage_of(&found.child))?;
    Ok(0)
}

/// The process that a descriptor names.
fn named(caller: &Caller<'_>, fd: i32) -> Result<Which> {
    let file = caller.process().file(fd)?;
    let process = Arc::clone(pidfd::of(&file)?.process());
    Ok(Which::Named(process, file.flags().contains(OpenFlags::NONBLOCK)))
}

/// The `siginfo_t` that tells of a change.
fn information(found: &Found) -> [u32; 32] {
    const CODES: [u32; 4] = [1, 2, 5, 6];
    let (code, status) = match found.change {
        Change::Ended(Status::Exited(code)) => (CODES[0], u32::from(code)),
        Change::Ended(Status::Signaled(signal)) => (CODES[1], u32::from(signal.0)),
        Change::Other(News::Stopped(signal)) => (CODES[2], u32::from(signal.0)),
        Change::Other(News::Continued) => (CODES[3], u32::from(Signal::CONT.0)),
    };
    let mut words = [0; 32];
    words[0] = u32::from(Signal::CHLD.0);
    words[2] = code;
    words[4] = found.child.pid;
    words[5] = found.child.credentials().uid;
    words[6] = status;
    words
}
