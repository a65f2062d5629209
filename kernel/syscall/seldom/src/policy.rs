//! Policies: of the scheduler, of memory on a machine with one node, of input and output, of protection keys; barriers between threads.

use abi::{Errno, Error, Result};
use core::sync::atomic::Ordering;
use syscall::Caller;
use syscall::argument::Hex;
use syscall::calls::thread::{RESET_ON_FORK, check_scheduling, may_schedule_as, task_of};
use usermem::UserPtr;
use vfs::capability;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

syscall::calls! {
    237 "mbind" = mbind(Hex, usize, u32, UserPtr<u64>, u64, u32);
    238 "set_mempolicy" = set_mempolicy(u32, UserPtr<u64>, u64);
    239 "get_mempolicy" = get_mempolicy(UserPtr<u32>, UserPtr<u64>, u64, Hex, u32);
    251 "ioprio_set" = ioprio_set(u32, u32, u32);
    252 "ioprio_get" = ioprio_get(u32, u32);
    314 "sched_setattr" = sched_setattr(u32, UserPtr<SchedAttr>, u32) partial "only SCHED_OTHER, SCHED_BATCH and SCHED_IDLE";
    315 "sched_getattr" = sched_getattr(u32, UserPtr<SchedAttr>, u32, u32);
    324 "membarrier" = membarrier(u32, u32, i32);
    329 "pkey_mprotect" = pkey_mprotect(Hex, usize, u32, i32);
    330 "pkey_alloc" = pkey_alloc(u32, u32);
    331 "pkey_free" = pkey_free(i32);
}

const fn invalid(why: &'static str) -> Error {
    Error::new(Errno::EINVAL, why)
}

const MPOL_DEFAULT: u32 = 0;
const MPOL_LOCAL: u32 = 4;
const MPOL_LAST: u32 = 6;
const MPOL_MODE_FLAGS: u32 = 0xe000;

/// Checks a policy and its nodes: node 0 is all there is.
fn check_policy(mode: u32, nodes: UserPtr<u64>, max: u64) -> Result<()> {
    const MOST_NODES: u64 = 4096 * 8;
    if mode & !MPOL_MODE_FLAGS > MPOL_LAST {
        return Err(invalid("no such policy"));
    }
    if max.saturating_sub(1) > MOST_NODES {
        return Err(invalid("there are too many nodes"));
    }
    let count = max.saturating_sub(1);
    let named = match nodes.non_null() {
        Some(nodes) if count > 0 => nodes.read_many(count.div_ceil(64) as usize)?,
        _ => alloc::vec::Vec::new(),
    };
    let beyond = named
        .iter()
        .enumerate()
        .any(|(at, word)| word & !u64::from(at == 0) != 0);
    let any = named.iter().any(|word| *word != 0);
    match mode & !MPOL_MODE_FLAGS {
        MPOL_DEFAULT | MPOL_LOCAL if any => Err(invalid("the policy takes no nodes")),
        MPOL_DEFAULT | MPOL_LOCAL => Ok(()),
        _ if !any || beyond => Err(invalid("the machine has node 0 only")),
        _ => Ok(()),
    }
}

fn mbind(
    _caller: &mut Caller<'_>,
    (start, _len, mode, nodes, max, flags): (Hex, usize, u32, UserPtr<u64>, u64, u32),
) -> Result<u64> {
    const KNOWN: u32 = 7;
    if flags & !KNOWN != 0 || !start.0.is_multiple_of(address::PAGE_SIZE) {
        return Err(invalid("unknown flags, or an address inside a page"));
    }
    check_policy(mode, nodes, max)?;
    Ok(0)
}

fn set_mempolicy(_caller: &mut Caller<'_>, (mode, nodes, max): (u32, UserPtr<u64>, u64)) -> Result<u64> {
    check_policy(mode, nodes, max)?;
    Ok(0)
}

fn get_mempolicy(
    _caller: &mut Caller<'_>,
    (mode, nodes, max, address, flags): (UserPtr<u32>, UserPtr<u64>, u64, Hex, u32),
) -> Result<u64> {
    const NODE: u32 = 1;
    const ADDRESS: u32 = 2;
    const ALLOWED: u32 = 4;
    if flags & !(NODE | ADDRESS | ALLOWED) != 0 || (address.0 != 0 && flags & ADDRESS == 0) {
        return Err(invalid("unknown flags, or an address without its flag"));
    }
    if flags & ALLOWED != 0 && flags != ALLOWED {
        return Err(invalid("what is allowed depends on nothing else"));
    }
    if nodes.non_null().is_some() && max < 1 {
        return Err(invalid("there is no room for the nodes"));
    }
    mode.write_if_some(&MPOL_DEFAULT)?;
    nodes.write_if_some(&u64::from(flags & ALLOWED != 0))?;
    Ok(0)
}

const IOPRIO_PROCESS: u32 = 1;
const IOPRIO_USER: u32 = 3;
const IOPRIO_CLASS_SHIFT: u32 = 13;
const IOPRIO_REAL_TIME: u32 = 1;
const IOPRIO_IDLE: u32 = 3;

/// Checks whom a priority is about; real threads are found.
fn check_who(which: u32, who: u32) -> Result<()> {
    if !(IOPRIO_PROCESS..=IOPRIO_USER).contains(&which) {
        return Err(invalid("no such group of processes"));
    }
    if which == IOPRIO_PROCESS {
        task_of(who)?;
    }
    Ok(())
}

fn ioprio_set(caller: &mut Caller<'_>, (which, who, priority): (u32, u32, u32)) -> Result<u64> {
    let (class, level) = (priority >> IOPRIO_CLASS_SHIFT, priority & 7);
    match class {
        IOPRIO_REAL_TIME if !caller.process().credentials().has(capability::SYS_ADMIN) => {
            return Err(Error::new(Errno::EPERM, "real-time priorities need CAP_SYS_ADMIN"));
        }
        0 if level != 0 => return Err(invalid("no class has no level")),
        0..=IOPRIO_IDLE => {}
        _ => return Err(invalid("no such class")),
    }
    check_who(which, who)?;
    match process::registry::thread(who) {
        Some(thread) if which == IOPRIO_PROCESS => {
            may_prioritize(caller, &thread)?;
            thread.io_priority.store(priority, Ordering::Relaxed);
        }
        _ => caller.thread.io_priority.store(priority, Ordering::Relaxed),
    }
    Ok(0)
}

/// Whether the caller may say how soon a thread's input and output are done.
fn may_prioritize(caller: &Caller<'_>, thread: &process::Thread) -> Result<()> {
    let (own, other) = (caller.process().credentials(), thread.process.credentials());
    if [own.uid, own.euid].contains(&other.uid) || own.has(capability::SYS_NICE) {
        return Ok(());
    }
    Err(Error::new(Errno::EPERM, "the thread is another user's"))
}

fn ioprio_get(caller: &mut Caller<'_>, (which, who): (u32, u32)) -> Result<u64> {
    check_who(which, who)?;
    let priority = match process::registry::thread(who) {
        Some(thread) if which == IOPRIO_PROCESS => thread.io_priority.load(Ordering::Relaxed),
        _ => caller.thread.io_priority.load(Ordering::Relaxed),
    };
    Ok(u64::from(priority))
}

/// `struct sched_attr`, as it was first.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// [`RESET_ON_FORK`] in [`SchedAttr::flags`].
const FLAG_RESET_ON_FORK: u64 = 1;

const ATTR_SIZE: u32 = size_of::<SchedAttr>() as u32;

fn sched_setattr(caller: &mut Caller<'_>, (tid, attr, flags): (u32, UserPtr<SchedAttr>, u32)) -> Result<u64> {
    const KNOWN: u64 = 0x7f;
    if attr.is_null() || (tid as i32) < 0 || flags != 0 {
        return Err(invalid("no attributes, no such thread, or unknown flags"));
    }
    let size = attr.cast::<u32>().read()?;
    if size != 0 && size < ATTR_SIZE {
        attr.cast::<u32>().write(&ATTR_SIZE)?;
        return Err(Error::new(
            Errno::E2BIG,
            "the structure is shorter than its first version",
        ));
    }
    let attr = attr.read()?;
    let task = task_of(tid)?;
    if attr.flags & !KNOWN != 0 {
        return Err(invalid("unknown flags"));
    }
    check_scheduling(attr.policy, attr.priority)?;
    let nice = attr.nice.clamp(-20, 19);
    let reset = if attr.flags & FLAG_RESET_ON_FORK == 0 {
        0
    } else {
        RESET_ON_FORK
    };
    may_schedule_as(caller, tid, &task, attr.policy | reset, nice)?;
    task.set_policy(attr.policy | reset);
    task.set_nice(nice);
    Ok(0)
}

fn sched_getattr(
    _caller: &mut Caller<'_>,
    (tid, out, size, flags): (u32, UserPtr<SchedAttr>, u32, u32),
) -> Result<u64> {
    if out.is_null() || (tid as i32) < 0 || flags != 0 || !(ATTR_SIZE..=4096).contains(&size) {
        return Err(invalid("no room, no such thread, or unknown flags"));
    }
    let task = task_of(tid)?;
    let attr = SchedAttr {
        size: ATTR_SIZE,
        policy: task.policy() & !RESET_ON_FORK,
        flags: if task.policy() & RESET_ON_FORK == 0 {
            0
        } else {
            FLAG_RESET_ON_FORK
        },
        nice: task.nice(),
        ..SchedAttr::default()
    };
    out.write(&attr)?;
    Ok(0)
}

const MEMBARRIER_QUERY: u32 = 0;
const MEMBARRIER_GLOBAL: u32 = 1;
/// Global expedited, private expedited and private expedited with a serializing instruction, with their registrations.
const MEMBARRIER_EXPEDITED: [u32; 3] = [2, 8, 32];
const MEMBARRIER_REGISTER: [u32; 3] = [4, 16, 64];
const MEMBARRIER_KNOWN: u32 = 0x7f;

/// An interrupt on every other CPU is a barrier there, and serializes; its being answered is one here.
fn membarrier(_caller: &mut Caller<'_>, (command, flags, _cpu): (u32, u32, i32)) -> Result<u64> {
    if flags != 0 {
        return Err(invalid("unknown flags"));
    }
    match command {
        MEMBARRIER_QUERY => Ok(u64::from(MEMBARRIER_KNOWN)),
        command if MEMBARRIER_REGISTER.contains(&command) => Ok(0),
        command if command == MEMBARRIER_GLOBAL || MEMBARRIER_EXPEDITED.contains(&command) => {
            core::sync::atomic::fence(Ordering::SeqCst);
            hal::tlb::forget_on(hal::cpu::online(), 0, 0, 0);
            Ok(0)
        }
        _ => Err(invalid("no such barrier")),
    }
}

fn pkey_mprotect(caller: &mut Caller<'_>, (address, len, prot, key): (Hex, usize, u32, i32)) -> Result<u64> {
    if key != -1 {
        return Err(invalid("no protection key has been given out"));
    }
    let prot = abi::mman::Prot::from_bits_retain(prot);
    caller.process().space().protect(address.0, len as u64, prot)?;
    Ok(0)
}

fn pkey_alloc(_caller: &mut Caller<'_>, (flags, rights): (u32, u32)) -> Result<u64> {
    if flags != 0 || rights & !3 != 0 {
        return Err(invalid("unknown flags or rights"));
    }
    Err(Error::new(Errno::ENOSPC, "there are no protection keys"))
}

fn pkey_free(_caller: &mut Caller<'_>, (_key,): (i32,)) -> Result<u64> {
    Err(invalid("no protection key has been given out"))
}
