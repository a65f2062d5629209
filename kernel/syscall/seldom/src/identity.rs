//! Who a process is: numbers, users, groups, sessions, capabilities.

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use process::registry;
use syscall::Caller;
use usermem::UserPtr;
use vfs::{Credentials, capability, securebits};

syscall::calls! {
    39 "getpid" = getpid();
    102 "getuid" = getuid();
    104 "getgid" = getgid();
    105 "setuid" = setuid(u32);
    106 "setgid" = setgid(u32);
    107 "geteuid" = geteuid();
    108 "getegid" = getegid();
    109 "setpgid" = setpgid(u32, u32);
    110 "getppid" = getppid();
    111 "getpgrp" = getpgrp();
    112 "setsid" = setsid();
    113 "setreuid" = setreuid(u32, u32);
    114 "setregid" = setregid(u32, u32);
    115 "getgroups" = getgroups(i32, UserPtr<u32>);
    116 "setgroups" = setgroups(i32, UserPtr<u32>);
    117 "setresuid" = setresuid(u32, u32, u32);
    118 "getresuid" = getresuid(UserPtr<u32>, UserPtr<u32>, UserPtr<u32>);
    119 "setresgid" = setresgid(u32, u32, u32);
    120 "getresgid" = getresgid(UserPtr<u32>, UserPtr<u32>, UserPtr<u32>);
    121 "getpgid" = getpgid(u32);
    122 "setfsuid" = setfsuid(u32);
    123 "setfsgid" = setfsgid(u32);
    124 "getsid" = getsid(u32);
    125 "capget" = capget(UserPtr<[u32; 2]>, UserPtr<[u32; 3]>);
    126 "capset" = capset(UserPtr<[u32; 2]>, UserPtr<[u32; 3]>);
    186 "gettid" = gettid();
}

const NOT_ALLOWED: Error = Error::new(Errno::EPERM, "the process may not become that");
const KEEP: u32 = u32::MAX;

fn getpid(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    Ok(u64::from(caller.process().pid))
}

fn gettid(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    Ok(u64::from(caller.thread.tid()))
}

fn getppid(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    Ok(caller.process().parent().map_or(0, |parent| u64::from(parent.pid)))
}

fn getuid(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    Ok(u64::from(caller.process().credentials().uid))
}

fn geteuid(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    Ok(u64::from(caller.process().credentials().euid))
}

fn getgid(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    Ok(u64::from(caller.process().credentials().gid))
}

fn getegid(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    Ok(u64::from(caller.process().credentials().egid))
}

/// Changes who the process is; what has to do with users drops and regains capabilities as Linux does.
fn change(caller: &Caller<'_>, change: impl FnOnce(&mut Credentials) -> Result<()>) -> Result<u64> {
    let old = caller.process().credentials();
    let mut new = Credentials::clone(&old);
    change(&mut new)?;
    adjust_capabilities(&old, &mut new);
    let process = caller.process();
    let ids = |who: &Credentials| (who.euid, who.egid, who.fsuid, who.fsgid);
    if ids(&old) != ids(&new) || new.permitted & !old.permitted != 0 {
        // Who could look at it before must not see what it reads now.
        process.dumpable.store(0, Ordering::Relaxed);
        process.parent_death_signal.store(0, Ordering::Relaxed);
    }
    if new.uid != old.uid {
        let too_many = new.uid != 0 && has_too_many(process, new.uid);
        process.is_too_many.store(too_many, Ordering::Relaxed);
    }
    // Whether it may lock without limit and map the lowest pages goes with the user.
    let for_space = process.limits.lock().for_space(new.euid == 0);
    process.change_view(|view| view.credentials = Arc::new(new));
    process.space().set_limits(for_space);
    Ok(0)
}

/// Whether a user has more threads than the process may let it have.
pub(super) fn has_too_many(process: &process::Process, uid: u32) -> bool {
    let limit = process.limit(abi::resource::RLIMIT_NPROC);
    registry::thread_count() as u64 > limit && registry::tasks_of(uid) > limit
}

/// What only concerns files: these capabilities follow the user for files.
const FOR_FILES: u64 = 1 << capability::CHOWN
    | 1 << capability::DAC_OVERRIDE
    | 1 << capability::DAC_READ_SEARCH
    | 1 << capability::FOWNER
    | 1 << capability::FSETID
    | 1 << 9
    | 1 << capability::MKNOD
    | 1 << 32;

/// Capabilities when user numbers change (capabilities(7), "Effect of user ID changes on capabilities").
fn adjust_capabilities(old: &Credentials, new: &mut Credentials) {
    if new.securebits & securebits::NO_SETUID_FIXUP != 0 {
        return;
    }
    let any_root = |who: &Credentials| who.uid == 0 || who.euid == 0 || who.suid == 0;
    if any_root(old) && !any_root(new) {
        if new.securebits & securebits::KEEP_CAPS == 0 {
            new.permitted = 0;
            new.effective = 0;
        }
        new.ambient = 0;
    }
    match (old.euid == 0, new.euid == 0) {
        (true, false) => new.effective = 0,
        (false, true) => new.effective = new.permitted,
        _ if old.euid != new.euid => {}
        _ => match (old.fsuid == 0, new.fsuid == 0) {
            (true, false) => new.effective &= !FOR_FILES,
            (false, true) => new.effective |= new.permitted & FOR_FILES,
            _ => {}
        },
    }
}

fn setuid(caller: &mut Caller<'_>, (uid,): (u32,)) -> Result<u64> {
    change(caller, |who| {
        if who.has(capability::SETUID) {
            (who.uid, who.suid) = (uid, uid);
        } else if uid != who.uid && uid != who.suid {
            return Err(NOT_ALLOWED);
        }
        (who.euid, who.fsuid) = (uid, uid);
        Ok(())
    })
}

fn setgid(caller: &mut Caller<'_>, (gid,): (u32,)) -> Result<u64> {
    change(caller, |who| {
        if who.has(capability::SETGID) {
            (who.gid, who.sgid) = (gid, gid);
        } else if gid != who.gid && gid != who.sgid {
            return Err(NOT_ALLOWED);
        }
        (who.egid, who.fsgid) = (gid, gid);
        Ok(())
    })
}

/// Whether each wish is to keep, or one of the allowed numbers.
fn allowed(wishes: &[u32], numbers: &[u32]) -> bool {
    wishes.iter().all(|wish| *wish == KEEP || numbers.contains(wish))
}

fn set(slot: &mut u32, wish: u32) {
    if wish != KEEP {
        *slot = wish;
    }
}

fn setreuid(caller: &mut Caller<'_>, (real, effective): (u32, u32)) -> Result<u64> {
    change(caller, |who| {
        let privileged = who.has(capability::SETUID);
        let fits = allowed(&[real], &[who.uid, who.euid]) && allowed(&[effective], &[who.uid, who.euid, who.suid]);
        if !privileged && !fits {
            return Err(NOT_ALLOWED);
        }
        let old_real = who.uid;
        set(&mut who.uid, real);
        set(&mut who.euid, effective);
        if real != KEEP || (effective != KEEP && effective != old_real) {
            who.suid = who.euid;
        }
        who.fsuid = who.euid;
        Ok(())
    })
}

fn setregid(caller: &mut Caller<'_>, (real, effective): (u32, u32)) -> Result<u64> {
    change(caller, |who| {
        let privileged = who.has(capability::SETGID);
        let fits = allowed(&[real], &[who.gid, who.egid]) && allowed(&[effective], &[who.gid, who.egid, who.sgid]);
        if !privileged && !fits {
            return Err(NOT_ALLOWED);
        }
        let old_real = who.gid;
        set(&mut who.gid, real);
        set(&mut who.egid, effective);
        if real != KEEP || (effective != KEEP && effective != old_real) {
            who.sgid = who.egid;
        }
        who.fsgid = who.egid;
        Ok(())
    })
}

fn setresuid(caller: &mut Caller<'_>, (real, effective, saved): (u32, u32, u32)) -> Result<u64> {
    change(caller, |who| {
        if !who.has(capability::SETUID) && !allowed(&[real, effective, saved], &[who.uid, who.euid, who.suid]) {
            return Err(NOT_ALLOWED);
        }
        set(&mut who.uid, real);
        set(&mut who.euid, effective);
        set(&mut who.suid, saved);
        who.fsuid = who.euid;
        Ok(())
    })
}

fn setresgid(caller: &mut Caller<'_>, (real, effective, saved): (u32, u32, u32)) -> Result<u64> {
    change(caller, |who| {
        if !who.has(capability::SETGID) && !allowed(&[real, effective, saved], &[who.gid, who.egid, who.sgid]) {
            return Err(NOT_ALLOWED);
        }
        set(&mut who.gid, real);
        set(&mut who.egid, effective);
        set(&mut who.sgid, saved);
        who.fsgid = who.egid;
        Ok(())
    })
}

type Three = (UserPtr<u32>, UserPtr<u32>, UserPtr<u32>);

fn getresuid(caller: &mut Caller<'_>, (real, effective, saved): Three) -> Result<u64> {
    let who = caller.process().credentials();
    real.write(&who.uid)?;
    effective.write(&who.euid)?;
    saved.write(&who.suid)?;
    Ok(0)
}

fn getresgid(caller: &mut Caller<'_>, (real, effective, saved): Three) -> Result<u64> {
    let who = caller.process().credentials();
    real.write(&who.gid)?;
    effective.write(&who.egid)?;
    saved.write(&who.sgid)?;
    Ok(0)
}

fn setfsuid(caller: &mut Caller<'_>, (uid,): (u32,)) -> Result<u64> {
    let old = caller.process().credentials();
    let may = old.has(capability::SETUID) || allowed(&[uid], &[old.uid, old.euid, old.suid, old.fsuid]);
    if uid != KEEP && may {
        change(caller, |who| {
            who.fsuid = uid;
            Ok(())
        })?;
    }
    Ok(u64::from(old.fsuid))
}

fn setfsgid(caller: &mut Caller<'_>, (gid,): (u32,)) -> Result<u64> {
    let old = caller.process().credentials();
    let may = old.has(capability::SETGID) || allowed(&[gid], &[old.gid, old.egid, old.sgid, old.fsgid]);
    if gid != KEEP && may {
        change(caller, |who| {
            who.fsgid = gid;
            Ok(())
        })?;
    }
    Ok(u64::from(old.fsgid))
}

fn getgroups(caller: &mut Caller<'_>, (room, out): (i32, UserPtr<u32>)) -> Result<u64> {
    let who = caller.process().credentials();
    if room < 0 || (room != 0 && (room as usize) < who.groups.len()) {
        return Err(Error::new(Errno::EINVAL, "the array is too short for the groups"));
    }
    if room != 0 {
        for (at, group) in who.groups.iter().enumerate() {
            out.at(at as u64).write(group)?;
        }
    }
    Ok(who.groups.len() as u64)
}

fn setgroups(caller: &mut Caller<'_>, (count, groups): (i32, UserPtr<u32>)) -> Result<u64> {
    const MOST: i32 = 65536;
    if !caller.process().credentials().has(capability::SETGID) {
        return Err(NOT_ALLOWED);
    }
    if !(0..=MOST).contains(&count) {
        return Err(Error::new(Errno::EINVAL, "there are too many groups"));
    }
    let mut groups = groups.read_many(count as usize)?;
    sortedmap::sort(&mut groups);
    change(caller, |who| {
        who.groups = groups;
        Ok(())
    })
}

const NO_PROCESS: Error = Error::new(Errno::ESRCH, "there is no such process");

/// The process with a number; 0 is the caller's own.
pub(super) fn process_or_own(caller: &Caller<'_>, pid: u32) -> Result<Arc<process::Process>> {
    if pid == 0 || pid == caller.process().pid {
        return Ok(Arc::clone(caller.process()));
    }
    registry::process(pid).ok_or(NO_PROCESS)
}

fn getpgid(caller: &mut Caller<'_>, (pid,): (u32,)) -> Result<u64> {
    Ok(u64::from(process_or_own(caller, pid)?.group.load(Ordering::Relaxed)))
}

fn getpgrp(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    Ok(u64::from(caller.process().group.load(Ordering::Relaxed)))
}

fn getsid(caller: &mut Caller<'_>, (pid,): (u32,)) -> Result<u64> {
    Ok(u64::from(process_or_own(caller, pid)?.session.load(Ordering::Relaxed)))
}

fn setpgid(caller: &mut Caller<'_>, (pid, group): (u32, u32)) -> Result<u64> {
    if group > i32::MAX as u32 {
        return Err(Error::new(Errno::EINVAL, "the group's number is negative"));
    }
    let own = caller.process();
    let process = process_or_own(caller, pid)?;
    let is_child = process.parent().is_some_and(|parent| Arc::ptr_eq(&parent, own));
    if !Arc::ptr_eq(&process, own) && !is_child {
        return Err(NO_PROCESS);
    }
    let session = process.session.load(Ordering::Relaxed);
    if session != own.session.load(Ordering::Relaxed) || session == process.pid {
        return Err(Error::new(
            Errno::EPERM,
            "the process leads a session, or is in another",
        ));
    }
    if is_child && process.has_executed.load(Ordering::Relaxed) {
        return Err(Error::new(Errno::EACCES, "the child runs another program already"));
    }
    let group = if group == 0 { process.pid } else { group };
    let in_session = |other: &Arc<process::Process>| {
        other.group.load(Ordering::Relaxed) == group && other.session.load(Ordering::Relaxed) == session
    };
    if group != process.pid && !registry::processes().iter().any(in_session) {
        return Err(Error::new(Errno::EPERM, "the session has no such group"));
    }
    process.group.store(group, Ordering::Relaxed);
    Ok(0)
}

fn setsid(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    let own = caller.process();
    let leads = registry::processes()
        .iter()
        .any(|other| other.group.load(Ordering::Relaxed) == own.pid);
    if leads {
        return Err(Error::new(Errno::EPERM, "the process leads a group already"));
    }
    own.begin_session();
    Ok(u64::from(own.pid))
}

const CAPABILITY_VERSION_1: u32 = 0x1998_0330;
const CAPABILITY_VERSION_2: u32 = 0x2007_1026;
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// How many words of each set a version of the interface has.
fn words_of(header: UserPtr<[u32; 2]>) -> Result<(usize, u32)> {
    let [version, pid] = header.read()?;
    match version {
        CAPABILITY_VERSION_1 => Ok((1, pid)),
        CAPABILITY_VERSION_2 | CAPABILITY_VERSION_3 => Ok((2, pid)),
        _ => {
            header.cast::<u32>().write(&CAPABILITY_VERSION_3)?;
            Err(Error::new(Errno::EINVAL, "no such version of the interface"))
        }
    }
}

fn capget(caller: &mut Caller<'_>, (header, data): (UserPtr<[u32; 2]>, UserPtr<[u32; 3]>)) -> Result<u64> {
    let (words, pid) = match words_of(header) {
        Err(error) if error.errno == Errno::EINVAL && data.is_null() => return Ok(0),
        other => other?,
    };
    let who = process_or_own(caller, pid)?.credentials();
    if data.is_null() {
        return Ok(0);
    }
    for word in 0..words {
        let part = |set: u64| (set >> (32 * word)) as u32;
        data.at(word as u64)
            .write(&[part(who.effective), part(who.permitted), part(who.inheritable)])?;
    }
    Ok(0)
}

fn capset(caller: &mut Caller<'_>, (header, data): (UserPtr<[u32; 2]>, UserPtr<[u32; 3]>)) -> Result<u64> {
    let (words, pid) = words_of(header)?;
    if pid != 0 && pid != caller.thread.tid() {
        return Err(Error::new(Errno::EPERM, "capabilities are set for oneself"));
    }
    let [mut effective, mut permitted, mut inheritable] = [0u64; 3];
    for word in 0..words {
        let [e, p, i] = data.at(word as u64).read()?;
        effective |= u64::from(e) << (32 * word);
        permitted |= u64::from(p) << (32 * word);
        inheritable |= u64::from(i) << (32 * word);
    }
    change(caller, |who| {
        let grows = permitted & !who.permitted != 0 || effective & !permitted != 0;
        let inherits = inheritable & !(who.inheritable | who.permitted) != 0 && !who.has(capability::SETPCAP);
        if grows || inherits || inheritable & !(who.inheritable | who.bounding) != 0 {
            return Err(NOT_ALLOWED);
        }
        (who.effective, who.permitted, who.inheritable) = (effective, permitted, inheritable);
        who.ambient &= permitted & inheritable;
        Ok(())
    })
}
