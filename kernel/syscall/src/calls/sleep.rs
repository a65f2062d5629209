//! Time: clocks, sleeping, setting the time.

use crate::Caller;
use abi::time::{
    CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, CLOCK_REALTIME_ALARM, CLOCK_REALTIME_COARSE, CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID, TIMER_ABSTIME, Timespec, Timeval,
};
use abi::{Errno, Error, Result};
use usermem::UserPtr;
use vfs::capability;

calls! {
    35 "nanosleep" = nanosleep(UserPtr<Timespec>, UserPtr<Timespec>);
    96 "gettimeofday" = gettimeofday(UserPtr<Timeval>, UserPtr<[u32; 2]>);
    164 "settimeofday" = settimeofday(UserPtr<Timeval>, UserPtr<[u32; 2]>);
    201 "time" = time_of_day(UserPtr<i64>);
    227 "clock_settime" = clock_settime(i32, UserPtr<Timespec>);
    228 "clock_gettime" = clock_gettime(i32, UserPtr<Timespec>);
    229 "clock_getres" = clock_getres(i32, UserPtr<Timespec>);
    230 "clock_nanosleep" = clock_nanosleep(i32, u32, UserPtr<Timespec>, UserPtr<Timespec>);
}

pub(super) const NO_CLOCK: Error = Error::new(Errno::EINVAL, "no such clock");

/// What a clock says, in nanoseconds.
fn read_clock(caller: &Caller<'_>, clock: i32) -> Result<u64> {
    Ok(match clock {
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE | CLOCK_REALTIME_ALARM => time::wall_now(),
        CLOCK_TAI => time::tai_now(),
        CLOCK_MONOTONIC | CLOCK_MONOTONIC_RAW | CLOCK_MONOTONIC_COARSE | CLOCK_BOOTTIME | CLOCK_BOOTTIME_ALARM => {
            time::now()
        }
        CLOCK_PROCESS_CPUTIME_ID => caller.process().run_time(),
        CLOCK_THREAD_CPUTIME_ID => task::with_current(|task| task.run_time()),
        clock if clock < 0 => read_cpu_clock(caller, clock)?,
        _ => return Err(NO_CLOCK),
    })
}

/// The running time of another process or thread: the clock's number is the complement of its number, shifted by three bits of kind.
fn read_cpu_clock(caller: &Caller<'_>, clock: i32) -> Result<u64> {
    const THREAD: i32 = 4;
    const KIND: i32 = 3;
    if clock & KIND == KIND {
        return Err(NO_CLOCK);
    }
    let number = !(clock >> 3) as u32;
    if clock & THREAD != 0 {
        if number == 0 {
            return Ok(task::with_current(|task| task.run_time()));
        }
        let thread = process::registry::thread(number).filter(|thread| thread.process.pid == caller.process().pid);
        return Ok(thread.and_then(|thread| thread.task()).ok_or(NO_CLOCK)?.run_time());
    }
    if number == 0 {
        return Ok(caller.process().run_time());
    }
    Ok(process::registry::process(number).ok_or(NO_CLOCK)?.run_time())
}

fn clock_gettime(caller: &mut Caller<'_>, (clock, out): (i32, UserPtr<Timespec>)) -> Result<u64> {
    out.write(&Timespec::from_nanos(read_clock(caller, clock)?))?;
    Ok(0)
}

fn clock_getres(caller: &mut Caller<'_>, (clock, out): (i32, UserPtr<Timespec>)) -> Result<u64> {
    read_clock(caller, clock)?;
    let coarse = matches!(clock, CLOCK_REALTIME_COARSE | CLOCK_MONOTONIC_COARSE);
    out.write_if_some(&Timespec {
        sec: 0,
        nsec: if coarse { 4_000_000 } else { 1 },
    })?;
    Ok(0)
}

fn may_set_time(caller: &Caller<'_>) -> Result<()> {
    if caller.process().credentials().has(capability::SYS_TIME) {
        return Ok(());
    }
    Err(Error::new(Errno::EPERM, "setting the time needs CAP_SYS_TIME"))
}

fn clock_settime(caller: &mut Caller<'_>, (clock, new): (i32, UserPtr<Timespec>)) -> Result<u64> {
    let new = new.read()?;
    if clock != CLOCK_REALTIME {
        read_clock(caller, clock)?;
        return Err(Error::new(Errno::EINVAL, "only the time of day is set"));
    }
    let nanos = new.to_nanos().ok_or(Error::new(Errno::EINVAL, "no such time"))?;
    may_set_time(caller)?;
    time::set_wall(nanos);
    Ok(0)
}

fn gettimeofday(_caller: &mut Caller<'_>, (out, zone): (UserPtr<Timeval>, UserPtr<[u32; 2]>)) -> Result<u64> {
    out.write_if_some(&Timeval::from_nanos(time::wall_now()))?;
    zone.write_if_some(&[0; 2])?;
    Ok(0)
}

fn settimeofday(caller: &mut Caller<'_>, (new, _zone): (UserPtr<Timeval>, UserPtr<[u32; 2]>)) -> Result<u64> {
    let Some(new) = new.non_null() else { return Ok(0) };
    let nanos = new
        .read()?
        .to_nanos()
        .ok_or(Error::new(Errno::EINVAL, "no such time"))?;
    may_set_time(caller)?;
    time::set_wall(nanos);
    Ok(0)
}

fn time_of_day(_caller: &mut Caller<'_>, (out,): (UserPtr<i64>,)) -> Result<u64> {
    let seconds = time::wall_now() / abi::time::NANOS_PER_SEC;
    out.write_if_some(&(seconds as i64))?;
    Ok(seconds)
}

/// A time to sleep, checked.
fn duration(time: UserPtr<Timespec>) -> Result<u64> {
    time.read()?.to_nanos().ok_or(Error::new(Errno::EINVAL, "no such time"))
}

const NANOSLEEP: u64 = 35;
const CLOCK_NANOSLEEP: u64 = 230;

/// Sleeps for a time; a signal is told how much was left, and call `number` goes on to the same end if no handler runs.
fn sleep_for(caller: &Caller<'_>, number: u64, nanos: u64, left: UserPtr<Timespec>) -> Result<u64> {
    let deadline = super::signal::deadline(caller, nanos);
    if task::sleep_until(deadline).is_err() {
        left.write_if_some(&Timespec::from_nanos(deadline.saturating_sub(time::now())))?;
        return Err(super::signal::interrupted(caller, number, deadline));
    }
    Ok(0)
}

/// Sleeps until a time since boot.
fn sleep_until(deadline: u64) -> Result<u64> {
    match task::sleep_until(deadline) {
        Ok(()) => Ok(0),
        Err(error) => Err(Error::new(Errno::ERESTARTNOHAND, error.why())),
    }
}

fn nanosleep(caller: &mut Caller<'_>, (time, left): (UserPtr<Timespec>, UserPtr<Timespec>)) -> Result<u64> {
    let nanos = duration(time)?;
    sleep_for(caller, NANOSLEEP, nanos, left)
}

fn clock_nanosleep(
    caller: &mut Caller<'_>,
    (clock, flags, time, left): (i32, u32, UserPtr<Timespec>, UserPtr<Timespec>),
) -> Result<u64> {
    let wanted = duration(time)?;
    if clock == CLOCK_THREAD_CPUTIME_ID {
        return Err(Error::new(
            Errno::EINVAL,
            "a thread cannot wait for its own running time",
        ));
    }
    let now = read_clock(caller, clock)?;
    if matches!(
        clock,
        CLOCK_MONOTONIC_RAW | CLOCK_REALTIME_COARSE | CLOCK_MONOTONIC_COARSE
    ) {
        return Err(Error::new(Errno::EOPNOTSUPP, "the clock cannot be slept on"));
    }
    if flags & TIMER_ABSTIME != 0 {
        return sleep_until(time::now().saturating_add(wanted.saturating_sub(now)));
    }
    sleep_for(caller, CLOCK_NANOSLEEP, wanted, left)
}
