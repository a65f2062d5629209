//! Threads: scheduling them, naming them, their end.

use crate::Caller;
use crate::argument::Hex;
use abi::sched::SchedParam;
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use process::exit::{Status, exit_process, exit_thread};
use process::{registry, rseq};
use task::Task;
use usermem::UserPtr;
use vfs::capability;

calls! {
    24 "sched_yield" = sched_yield();
    60 "exit" = exit(i32);
    142 "sched_setparam" = sched_setparam(u32, UserPtr<SchedParam>);
    143 "sched_getparam" = sched_getparam(u32, UserPtr<SchedParam>);
    144 "sched_setscheduler" = sched_setscheduler(u32, u32, UserPtr<SchedParam>) partial "only SCHED_OTHER, SCHED_BATCH and SCHED_IDLE";
    145 "sched_getscheduler" = sched_getscheduler(u32);
    146 "sched_get_priority_max" = sched_get_priority_max(u32);
    147 "sched_get_priority_min" = sched_get_priority_min(u32);
    148 "sched_rr_get_interval" = sched_rr_get_interval(u32, UserPtr<Timespec>);
    158 "arch_prctl" = arch_prctl(u32, Hex);
    203 "sched_setaffinity" = sched_setaffinity(u32, usize, UserPtr<u64>);
    204 "sched_getaffinity" = sched_getaffinity(u32, usize, UserPtr<u64>);
    218 "set_tid_address" = set_tid_address(Hex);
    231 "exit_group" = exit_group(i32);
    334 "rseq" = rseq(Hex, u32, u32, u32);
}

fn exit(_caller: &mut Caller<'_>, (code,): (i32,)) -> Result<u64> {
    exit_thread(Status::Exited(code as u8))
}

fn exit_group(_caller: &mut Caller<'_>, (code,): (i32,)) -> Result<u64> {
    exit_process(Status::Exited(code as u8))
}

fn sched_yield(_caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    task::yield_now();
    Ok(0)
}

fn set_tid_address(caller: &mut Caller<'_>, (address,): (Hex,)) -> Result<u64> {
    caller.thread.clear_child_tid.store(address.0, Ordering::Relaxed);
    Ok(u64::from(caller.thread.tid()))
}

fn rseq(caller: &mut Caller<'_>, (area, length, flags, signature): (Hex, u32, u32, u32)) -> Result<u64> {
    const UNREGISTER: u32 = 1;
    match flags {
        0 => rseq::register(caller.thread, area.0, length, signature)?,
        UNREGISTER => rseq::unregister(caller.thread, area.0, length, signature)?,
        _ => return Err(Error::new(Errno::EINVAL, "unknown flags")),
    }
    Ok(0)
}

const NO_THREAD: Error = Error::new(Errno::ESRCH, "there is no such thread");

/// The task of a thread; 0 is the caller's own.
///
/// # Errors
/// `ESRCH`.
pub fn task_of(tid: u32) -> Result<Arc<Task>> {
    if tid == 0 {
        return Ok(task::current());
    }
    registry::thread(tid).and_then(|thread| thread.task()).ok_or(NO_THREAD)
}

/// As [`task_of`], for the calls about scheduling, which tell negative numbers apart.
fn scheduled(tid: u32) -> Result<Arc<Task>> {
    if (tid as i32) < 0 {
        return Err(Error::new(Errno::EINVAL, "a negative number names no thread"));
    }
    task_of(tid)
}

/// What a call about scheduling is given, which asks for that and for the thread's number before it looks at either.
fn given(tid: u32, param: UserPtr<SchedParam>) -> Result<UserPtr<SchedParam>> {
    let param = param.non_null().filter(|_| (tid as i32) >= 0);
    param.ok_or(Error::new(Errno::EINVAL, "a negative number, or no parameters"))
}

/// Whether the caller may say where and how a thread runs.
pub(super) fn may_schedule(caller: &Caller<'_>, tid: u32) -> Result<()> {
    let own = caller.process().credentials();
    let other = registry::thread(tid).map(|thread| thread.process.credentials());
    let same_user = other.is_none_or(|other| [other.uid, other.euid].contains(&own.euid));
    if same_user || own.has(capability::SYS_NICE) {
        return Ok(());
    }
    Err(Error::new(Errno::EPERM, "the thread is another user's"))
}

/// The CPUs of the machine, as a mask.
fn all_cpus() -> u64 {
    u64::MAX >> (64 - hal::cpu::count())
}

fn sched_getaffinity(_caller: &mut Caller<'_>, (tid, len, out): (u32, usize, UserPtr<u64>)) -> Result<u64> {
    if len < 8 || !len.is_multiple_of(8) {
        return Err(Error::new(Errno::EINVAL, "the mask is too short, or not made of words"));
    }
    out.write(&(task_of(tid)?.affinity() & all_cpus()))?;
    Ok(8)
}

fn sched_setaffinity(caller: &mut Caller<'_>, (tid, len, mask): (u32, usize, UserPtr<u64>)) -> Result<u64> {
    let mut bytes = [0; 8];
    let given = len.min(8);
    usermem::read_bytes(mask.address(), &mut bytes[..given])?;
    let task = task_of(tid)?;
    may_schedule(caller, tid)?;
    let cpus = u64::from_le_bytes(bytes) & all_cpus();
    if cpus == 0 {
        return Err(Error::new(Errno::EINVAL, "the mask has no CPU of this machine"));
    }
    if cpus & hal::cpu::online() == 0 {
        crate::cpus::start_other_cpus();
    }
    task.set_affinity(cpus);
    task::scheduler::follow_affinity(&task);
    Ok(0)
}

const SCHED_OTHER: u32 = 0;
const SCHED_FIFO: u32 = 1;
const SCHED_RR: u32 = 2;
const SCHED_BATCH: u32 = 3;
const SCHED_IDLE: u32 = 5;
const SCHED_DEADLINE: u32 = 6;

/// Among the policies: children do not get the better nice value (nor a real-time policy, but there is none here).
pub const RESET_ON_FORK: u32 = 0x4000_0000;

/// The policy and nice value with which a child of the task begins.
pub fn inherited(task: &Task) -> (u32, i32) {
    if task.policy() & RESET_ON_FORK == 0 {
        (task.policy(), task.nice())
    } else {
        (task.policy() & !RESET_ON_FORK, task.nice().max(0))
    }
}

/// Checks a policy (without flags) and its priority.
///
/// # Errors
/// `EINVAL`.
pub fn check_scheduling(policy: u32, priority: u32) -> Result<()> {
    match policy {
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE if priority == 0 => Ok(()),
        SCHED_FIFO | SCHED_RR if (1..=99).contains(&priority) => {
            Err(Error::new(Errno::EPERM, "there are no real-time threads"))
        }
        _ => Err(Error::new(
            Errno::EINVAL,
            "no such policy, or a priority that it does not have",
        )),
    }
}

/// Whether the caller may give a thread a policy (with flags) and a nice value (Linux: `user_check_sched_setscheduler`).
///
/// # Errors
/// `EPERM` if it may not.
pub fn may_schedule_as(caller: &Caller<'_>, tid: u32, task: &Task, policy: u32, nice: i32) -> Result<()> {
    may_schedule(caller, tid)?;
    if caller.process().credentials().has(capability::SYS_NICE) {
        return Ok(());
    }
    let other =
        registry::thread(tid).map_or_else(|| Arc::clone(caller.process()), |thread| Arc::clone(&thread.process));
    let is_allowed = |nice: i32| (20 - nice) as u64 <= other.limit(abi::resource::RLIMIT_NICE);
    let idle = |policy: u32| policy & !RESET_ON_FORK == SCHED_IDLE;
    let better = nice < task.nice() && !is_allowed(nice);
    let wakes_up = idle(task.policy()) && !idle(policy) && !is_allowed(task.nice());
    let keeps = task.policy() & RESET_ON_FORK != 0 && policy & RESET_ON_FORK == 0;
    if better || wakes_up || keeps {
        return Err(Error::new(Errno::EPERM, "scheduling it so needs CAP_SYS_NICE"));
    }
    Ok(())
}

fn sched_getscheduler(_caller: &mut Caller<'_>, (tid,): (u32,)) -> Result<u64> {
    Ok(u64::from(scheduled(tid)?.policy()))
}

fn sched_setscheduler(caller: &mut Caller<'_>, (tid, policy, param): (u32, u32, UserPtr<SchedParam>)) -> Result<u64> {
    let param = given(tid, param)?.read()?;
    let task = task_of(tid)?;
    check_scheduling(policy & !RESET_ON_FORK, param.priority as u32)?;
    may_schedule_as(caller, tid, &task, policy, task.nice())?;
    task.set_policy(policy);
    Ok(0)
}

fn sched_getparam(_caller: &mut Caller<'_>, (tid, out): (u32, UserPtr<SchedParam>)) -> Result<u64> {
    let out = given(tid, out)?;
    task_of(tid)?;
    out.write(&SchedParam { priority: 0 })?;
    Ok(0)
}

fn sched_setparam(caller: &mut Caller<'_>, (tid, param): (u32, UserPtr<SchedParam>)) -> Result<u64> {
    let param = given(tid, param)?.read()?;
    task_of(tid)?;
    if param.priority != 0 {
        return Err(Error::new(Errno::EINVAL, "the policy has no priorities"));
    }
    may_schedule(caller, tid).map(|()| 0)
}

fn priority_bound(policy: u32, real_time: u64) -> Result<u64> {
    match policy {
        SCHED_FIFO | SCHED_RR => Ok(real_time),
        SCHED_OTHER | SCHED_BATCH | SCHED_IDLE | SCHED_DEADLINE => Ok(0),
        _ => Err(Error::new(Errno::EINVAL, "no such policy")),
    }
}

fn sched_get_priority_max(_caller: &mut Caller<'_>, (policy,): (u32,)) -> Result<u64> {
    priority_bound(policy, 99)
}

fn sched_get_priority_min(_caller: &mut Caller<'_>, (policy,): (u32,)) -> Result<u64> {
    priority_bound(policy, 1)
}

/// How long a thread runs before others of its rank get their turn.
fn sched_rr_get_interval(_caller: &mut Caller<'_>, (tid, out): (u32, UserPtr<Timespec>)) -> Result<u64> {
    scheduled(tid)?;
    let nsec = task::scheduler::SLICE as i64;
    out.write(&Timespec { sec: 0, nsec })?;
    Ok(0)
}

const ARCH_SET_GS: u32 = 0x1001;
const ARCH_SET_FS: u32 = 0x1002;
const ARCH_GET_FS: u32 = 0x1003;
const ARCH_GET_GS: u32 = 0x1004;

fn arch_prctl(_caller: &mut Caller<'_>, (code, address): (u32, Hex)) -> Result<u64> {
    let set = |done: bool| {
        if done {
            Ok(0)
        } else {
            Err(Error::new(Errno::EPERM, "not an address of a program"))
        }
    };
    match code {
        ARCH_SET_FS => set(hal::thread::set_fs_base(address.0)),
        ARCH_SET_GS => set(hal::thread::set_gs_base(address.0)),
        ARCH_GET_FS => UserPtr::new(address.0).write(&hal::thread::fs_base()).map(|()| 0),
        ARCH_GET_GS => UserPtr::new(address.0).write(&hal::thread::gs_base()).map(|()| 0),
        _ => Err(Error::new(Errno::EINVAL, "no such code")),
    }
}
