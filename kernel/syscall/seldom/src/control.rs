//! `prctl`: a thread's name and timers, a process's place among others, and what it may gain.

use abi::{Errno, Error, Result};
use core::sync::atomic::Ordering;
use process::thread::NAME;
use syscall::Caller;
use syscall::argument::Hex;
use usermem::{UserPtr, UserSlice};
use vfs::{capability, securebits};

syscall::calls! {
    157 "prctl" = prctl(u32, Hex, Hex, Hex, Hex) partial "no filters, no speculation control, no PR_SET_MM, no PR_SET_VMA, the time-stamp counter cannot be taken away";
}

const SET_PDEATHSIG: u32 = 1;
const GET_PDEATHSIG: u32 = 2;
const GET_DUMPABLE: u32 = 3;
const SET_DUMPABLE: u32 = 4;
const GET_KEEPCAPS: u32 = 7;
const SET_KEEPCAPS: u32 = 8;
const GET_TIMING: u32 = 13;
const SET_TIMING: u32 = 14;
const SET_NAME: u32 = 15;
const GET_NAME: u32 = 16;
const GET_SECCOMP: u32 = 21;
const CAPBSET_READ: u32 = 23;
const CAPBSET_DROP: u32 = 24;
const GET_TSC: u32 = 25;
const SET_TSC: u32 = 26;
const GET_SECUREBITS: u32 = 27;
const SET_SECUREBITS: u32 = 28;
const SET_TIMERSLACK: u32 = 29;
const GET_TIMERSLACK: u32 = 30;
const TASK_PERF_EVENTS_DISABLE: u32 = 31;
const TASK_PERF_EVENTS_ENABLE: u32 = 32;
const MCE_KILL_GET: u32 = 34;
const SET_CHILD_SUBREAPER: u32 = 36;
const GET_CHILD_SUBREAPER: u32 = 37;
const SET_NO_NEW_PRIVS: u32 = 38;
const GET_NO_NEW_PRIVS: u32 = 39;
const GET_TID_ADDRESS: u32 = 40;
const SET_THP_DISABLE: u32 = 41;
const GET_THP_DISABLE: u32 = 42;
const CAP_AMBIENT: u32 = 47;
const GET_AUXV: u32 = 0x4155_5856;

const INVALID: Error = Error::new(Errno::EINVAL, "no such option, or a value that it does not take");
const NOT_ALLOWED: Error = Error::new(Errno::EPERM, "the process may not have that");

fn prctl(caller: &mut Caller<'_>, (option, a, b, c, d): (u32, Hex, Hex, Hex, Hex)) -> Result<u64> {
    let rest = [b.0, c.0, d.0];
    match option {
        SET_NAME | GET_NAME | SET_TIMERSLACK | GET_TIMERSLACK | GET_TID_ADDRESS => of_thread(caller, option, a.0),
        GET_KEEPCAPS | SET_KEEPCAPS | CAPBSET_READ | CAPBSET_DROP | GET_SECUREBITS | SET_SECUREBITS | CAP_AMBIENT => {
            of_privilege(caller, option, a.0, rest)
        }
        _ => of_process(caller, option, a.0, rest),
    }
}

fn of_thread(caller: &Caller<'_>, option: u32, value: u64) -> Result<u64> {
    /// Nanoseconds by which timers may be late where nothing was said.
    const USUAL_SLACK: u64 = 50_000;
    let thread = caller.thread;
    match option {
        SET_NAME => {
            let name = usermem::read_string(value, NAME, Errno::EFAULT);
            let name = match name {
                Err(error) if error.errno == Errno::EFAULT => UserSlice::new(value, NAME - 1).to_vec()?,
                other => other?,
            };
            thread.set_name(&name);
        }
        GET_NAME => UserSlice::new(value, NAME).write(&thread.name())?,
        SET_TIMERSLACK => {
            let slack = if value as i64 <= 0 { USUAL_SLACK } else { value };
            thread.timer_slack.store(slack, Ordering::Relaxed);
        }
        GET_TIMERSLACK => return Ok(thread.timer_slack.load(Ordering::Relaxed)),
        _ => UserPtr::new(value).write(&thread.clear_child_tid.load(Ordering::Relaxed))?,
    }
    Ok(0)
}

fn of_process(caller: &Caller<'_>, option: u32, value: u64, rest: [u64; 3]) -> Result<u64> {
    const TSC_ENABLED: u32 = 1;
    const MCE_KILL_DEFAULT: u64 = 2;
    let process = caller.process();
    let nothing = rest == [0; 3];
    match option {
        SET_DUMPABLE if value <= 1 => process.dumpable.store(value as u32, Ordering::Relaxed),
        GET_DUMPABLE => return Ok(u64::from(process.dumpable.load(Ordering::Relaxed))),
        SET_PDEATHSIG if value <= 64 => process.parent_death_signal.store(value as u32, Ordering::Relaxed),
        GET_PDEATHSIG => UserPtr::new(value).write(&process.parent_death_signal.load(Ordering::Relaxed))?,
        SET_CHILD_SUBREAPER => process.subreaper.store(value != 0, Ordering::Relaxed),
        GET_CHILD_SUBREAPER => UserPtr::new(value).write(&u32::from(process.subreaper.load(Ordering::Relaxed)))?,
        SET_NO_NEW_PRIVS if value == 1 && nothing => process.no_new_privileges.store(true, Ordering::Relaxed),
        GET_NO_NEW_PRIVS if value == 0 && nothing => {
            return Ok(u64::from(process.no_new_privileges.load(Ordering::Relaxed)));
        }
        SET_THP_DISABLE if nothing => process.no_huge_pages.store(value != 0, Ordering::Relaxed),
        GET_THP_DISABLE if value == 0 && nothing => {
            return Ok(u64::from(process.no_huge_pages.load(Ordering::Relaxed)));
        }
        GET_TSC => UserPtr::new(value).write(&TSC_ENABLED)?,
        SET_TSC if value == u64::from(TSC_ENABLED) => {}
        MCE_KILL_GET if value == 0 && nothing => return Ok(MCE_KILL_DEFAULT),
        SET_TIMING if value == 0 => {}
        GET_TIMING | GET_SECCOMP | TASK_PERF_EVENTS_DISABLE | TASK_PERF_EVENTS_ENABLE => {}
        GET_AUXV if rest[1..] == [0; 2] => {
            let vector = process.program.lock().auxiliary.clone();
            UserSlice::new(value, rest[0] as usize).write(&vector)?;
            return Ok(vector.len() as u64);
        }
        _ => return Err(INVALID),
    }
    Ok(0)
}

/// A capability's bit, if there is one with that number.
fn bit(number: u64) -> Result<u64> {
    if number <= u64::from(capability::LAST) {
        Ok(1 << number)
    } else {
        Err(INVALID)
    }
}

fn of_privilege(caller: &Caller<'_>, option: u32, value: u64, rest: [u64; 3]) -> Result<u64> {
    let who = caller.process().credentials();
    let change = |change: &dyn Fn(&mut vfs::Credentials)| {
        let mut new = vfs::Credentials::clone(&who);
        change(&mut new);
        caller
            .process()
            .change_view(|view| view.credentials = alloc::sync::Arc::new(new));
        Ok(0)
    };
    match option {
        GET_KEEPCAPS => Ok(u64::from(who.securebits & securebits::KEEP_CAPS != 0)),
        SET_KEEPCAPS if value > 1 => Err(INVALID),
        SET_KEEPCAPS if who.securebits & securebits::KEEP_CAPS << 1 != 0 => Err(NOT_ALLOWED),
        SET_KEEPCAPS => change(&|new| {
            new.securebits &= !securebits::KEEP_CAPS;
            new.securebits |= if value == 1 { securebits::KEEP_CAPS } else { 0 };
        }),
        CAPBSET_READ => Ok(u64::from(who.bounding & bit(value)? != 0)),
        CAPBSET_DROP if !who.has(capability::SETPCAP) => Err(NOT_ALLOWED),
        CAPBSET_DROP => {
            let bit = bit(value)?;
            change(&|new| new.bounding &= !bit)
        }
        GET_SECUREBITS => Ok(u64::from(who.securebits)),
        SET_SECUREBITS => {
            let (old, wanted) = (u64::from(who.securebits), value);
            let locks = old & u64::from(securebits::LOCKS);
            let locked = locks >> 1 & (old ^ wanted) != 0 || locks & !wanted != 0;
            if locked || wanted & !u64::from(securebits::ALL) != 0 || !who.has(capability::SETPCAP) {
                return Err(NOT_ALLOWED);
            }
            change(&|new| new.securebits = wanted as u32)
        }
        _ => ambient(&who, value, rest, &change),
    }
}

type Change<'a> = dyn Fn(&dyn Fn(&mut vfs::Credentials)) -> Result<u64> + 'a;

/// Capabilities that programs keep without being root.
fn ambient(who: &vfs::Credentials, what: u64, rest: [u64; 3], change: &Change<'_>) -> Result<u64> {
    const IS_SET: u64 = 1;
    const RAISE: u64 = 2;
    const LOWER: u64 = 3;
    const CLEAR_ALL: u64 = 4;
    if what == CLEAR_ALL {
        return if rest == [0; 3] {
            change(&|new| new.ambient = 0)
        } else {
            Err(INVALID)
        };
    }
    let bit = bit(rest[0])?;
    if rest[1..] != [0; 2] {
        return Err(INVALID);
    }
    match what {
        IS_SET => Ok(u64::from(who.ambient & bit != 0)),
        RAISE if who.permitted & who.inheritable & bit == 0 || who.securebits & securebits::NO_AMBIENT_RAISE != 0 => {
            Err(NOT_ALLOWED)
        }
        RAISE => change(&|new| new.ambient |= bit),
        LOWER => change(&|new| new.ambient &= !bit),
        _ => Err(INVALID),
    }
}
