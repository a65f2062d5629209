//! Limits and usage.

use super::identity::process_or_own;
use abi::resource::{RLIMIT_CPU, RLIMIT_NICE, RLIMIT_NOFILE, Rlimit, Rusage};
use abi::time::{Timeval, Tms};
use abi::{Errno, Error, Result};
use address::PAGE_SIZE;
use alloc::sync::Arc;
use alloc::vec::Vec;
use process::usage::Usage;
use process::{Process, Thread, registry};
use syscall::Caller;
use usermem::UserPtr;
use vfs::capability;

syscall::calls! {
    97 "getrlimit" = getrlimit(u32, UserPtr<Rlimit>);
    98 "getrusage" = getrusage(i32, UserPtr<Rusage>);
    100 "times" = times(UserPtr<Tms>);
    140 "getpriority" = getpriority(u32, u32);
    141 "setpriority" = setpriority(u32, u32, i32);
    160 "setrlimit" = setrlimit(u32, UserPtr<Rlimit>);
    302 "prlimit64" = prlimit64(u32, u32, UserPtr<Rlimit>, UserPtr<Rlimit>);
}

fn getrlimit(caller: &mut Caller<'_>, (which, out): (u32, UserPtr<Rlimit>)) -> Result<u64> {
    prlimit64(caller, (0, which, UserPtr::new(0), out))
}

fn setrlimit(caller: &mut Caller<'_>, (which, new): (u32, UserPtr<Rlimit>)) -> Result<u64> {
    let value = new.read()?;
    set(caller, caller.process(), which as usize, value)?;
    Ok(0)
}

fn prlimit64(
    caller: &mut Caller<'_>,
    (pid, which, new, old): (u32, u32, UserPtr<Rlimit>, UserPtr<Rlimit>),
) -> Result<u64> {
    let new = new.non_null().map(UserPtr::read).transpose()?;
    let process = process_or_own(caller, pid)?;
    may_limit(caller, &process)?;
    let current = process.limits.lock().get(which as usize);
    let current = current.ok_or(Error::new(Errno::EINVAL, "no such limit"))?;
    if let Some(new) = new {
        set(caller, &process, which as usize, new)?;
    }
    old.write_if_some(&current)?;
    Ok(0)
}

/// Whether the caller may look at a process's limits and set them.
fn may_limit(caller: &Caller<'_>, process: &Arc<Process>) -> Result<()> {
    let (own, its) = (caller.process().credentials(), process.credentials());
    let same = [its.uid, its.euid, its.suid].iter().all(|uid| *uid == own.uid)
        && [its.gid, its.egid, its.sgid].iter().all(|gid| *gid == own.gid);
    if Arc::ptr_eq(process, caller.process()) || same || own.has(capability::SYS_RESOURCE) {
        return Ok(());
    }
    Err(Error::new(Errno::EPERM, "the process is another user's"))
}

fn set(caller: &Caller<'_>, process: &Arc<Process>, which: usize, new: Rlimit) -> Result<()> {
    let who = caller.process().credentials();
    let current = process
        .limits
        .lock()
        .get(which)
        .ok_or(Error::new(Errno::EINVAL, "no such limit"))?;
    if new.soft > new.hard {
        return Err(Error::new(Errno::EINVAL, "the soft limit is above the hard one"));
    }
    if which == RLIMIT_NOFILE && new.hard > process::files::MAX_DESCRIPTORS {
        return Err(Error::new(Errno::EPERM, "no table of descriptors is so long"));
    }
    if new.hard > current.hard && !who.has(capability::SYS_RESOURCE) {
        return Err(Error::new(Errno::EPERM, "raising a hard limit needs CAP_SYS_RESOURCE"));
    }
    process.set_limit(which, new);
    if which == RLIMIT_CPU {
        process.timers.watch_limit(process);
    }
    let for_space = process.limits.lock().for_space(process.credentials().euid == 0);
    process.space().set_limits(for_space);
    Ok(())
}

const RUSAGE_SELF: i32 = 0;
const RUSAGE_CHILDREN: i32 = -1;
const RUSAGE_THREAD: i32 = 1;

/// As `getrusage` and `wait4` tell it.
pub(super) fn to_rusage(usage: &Usage) -> Rusage {
    Rusage {
        utime: Timeval::from_nanos(usage.times.user),
        stime: Timeval::from_nanos(usage.times.system),
        maxrss: (usage.peak * PAGE_SIZE / 1024) as i64,
        minflt: usage.faults as i64,
        nvcsw: usage.voluntary as i64,
        nivcsw: usage.involuntary as i64,
        ..Rusage::default()
    }
}

fn getrusage(caller: &mut Caller<'_>, (who, out): (i32, UserPtr<Rusage>)) -> Result<u64> {
    let process = caller.process();
    let usage = match who {
        RUSAGE_SELF => process.usage(),
        RUSAGE_CHILDREN => process.children_usage(),
        RUSAGE_THREAD => Usage {
            peak: process.usage().peak,
            ..caller.thread.usage()
        },
        _ => return Err(Error::new(Errno::EINVAL, "no such sum")),
    };
    out.write(&to_rusage(&usage))?;
    Ok(0)
}

fn times(caller: &mut Caller<'_>, (out,): (UserPtr<Tms>,)) -> Result<u64> {
    const TICK: u64 = 10_000_000;
    let process = caller.process();
    let (own, children) = (process.usage().times, process.children_usage().times);
    let ticks = |nanos: u64| (nanos / TICK) as i64;
    out.write_if_some(&Tms {
        utime: ticks(own.user),
        stime: ticks(own.system),
        cutime: ticks(children.user),
        cstime: ticks(children.system),
    })?;
    Ok(time::now() / TICK)
}

const PRIO_PROCESS: u32 = 0;
const PRIO_GROUP: u32 = 1;
const PRIO_USER: u32 = 2;

/// The threads that are named; 0 is the caller, its group, its user.
fn named(caller: &Caller<'_>, which: u32, who: u32) -> Result<Vec<Arc<Thread>>> {
    let own = caller.process();
    let all = |wanted: &dyn Fn(&Process) -> bool| {
        let mut processes = registry::processes();
        processes.retain(|process| wanted(process));
        processes
            .iter()
            .flat_map(|process| process.threads())
            .collect::<Vec<_>>()
    };
    let named = match which {
        PRIO_PROCESS => {
            let number = if who == 0 { caller.thread.tid() } else { who };
            registry::thread(number).into_iter().collect()
        }
        PRIO_GROUP => {
            let group = if who == 0 { own.group() } else { who };
            all(&|process| process.group() == group)
        }
        PRIO_USER => {
            let user = if who == 0 { own.credentials().uid } else { who };
            all(&|process| process.credentials().uid == user)
        }
        _ => return Err(Error::new(Errno::EINVAL, "no such group of processes")),
    };
    if named.is_empty() {
        return Err(Error::new(Errno::ESRCH, "there is no such process"));
    }
    Ok(named)
}

fn getpriority(caller: &mut Caller<'_>, (which, who): (u32, u32)) -> Result<u64> {
    let threads = named(caller, which, who)?;
    let tasks = threads.iter().filter_map(|thread| thread.task());
    let best = tasks.map(|task| 20 - task.nice()).max();
    best.map(|best| best as u64)
        .ok_or(Error::new(Errno::ESRCH, "there is no such process"))
}

fn setpriority(caller: &mut Caller<'_>, (which, who, nice): (u32, u32, i32)) -> Result<u64> {
    let nice = nice.clamp(-20, 19);
    let own = caller.process().credentials();
    let privileged = own.has(capability::SYS_NICE);
    let mut refused = None;
    for thread in named(caller, which, who)? {
        let other = thread.process.credentials();
        let Some(task) = thread.task() else { continue };
        let floor = thread.process.limit(RLIMIT_NICE);
        if !privileged && other.uid != own.euid && other.euid != own.euid {
            refused = Some(Error::new(Errno::EPERM, "the process is another user's"));
        } else if nice < task.nice() && !privileged && (20 - nice) as u64 > floor {
            refused = Some(Error::new(Errno::EACCES, "a better priority needs CAP_SYS_NICE"));
        } else {
            task.set_nice(nice);
        }
    }
    refused.map_or(Ok(0), Err)
}
