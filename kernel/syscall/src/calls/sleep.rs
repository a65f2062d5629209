//! Time: clocks, sleeping, setting the time.

use crate::Caller;
use abi::time::{
    CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID, CLOCK_REALTIME, CLOCK_REALTIME_ALARM, CLOCK_REALTIME_COARSE, CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID, TIMER_ABSTIME, Timespec, Timeval,
};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use process::registry;
use process::timers::Clock;
use task::Until;
use usermem::UserPtr;
use vfs::capability;

calls! {
    35 "nanosleep" = nanosleep(UserPtr<Timespec>, UserPtr<Timespec>);
    96 "gettimeofday" = gettimeofday(UserPtr<Timeval>, UserPtr<[u32; 2]>);
    159 "adjtimex" = adjtimex(UserPtr<Timex>) partial "the clock's rate cannot be changed: EPERM for all but ADJ_SETOFFSET";
    164 "settimeofday" = settimeofday(UserPtr<Timeval>, UserPtr<[u32; 2]>);
    201 "time" = time_of_day(UserPtr<i64>);
    227 "clock_settime" = clock_settime(i32, UserPtr<Timespec>);
    228 "clock_gettime" = clock_gettime(i32, UserPtr<Timespec>);
    229 "clock_getres" = clock_getres(i32, UserPtr<Timespec>);
    230 "clock_nanosleep" = clock_nanosleep(i32, u32, UserPtr<Timespec>, UserPtr<Timespec>);
    305 "clock_adjtime" = clock_adjtime(i32, UserPtr<Timex>) partial "the clock's rate cannot be changed: EPERM for all but ADJ_SETOFFSET";
}

const NO_CLOCK: Error = Error::new(Errno::EINVAL, "no such clock");

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
        clock => running_time(caller, clock)?.now(),
    })
}

/// A clock of running time: the caller's, or one by number, which is the complement of a process's or thread's number shifted by three bits of kind. Threads show their
/// clocks to their own process only.
///
/// # Errors
/// `EINVAL`.
pub fn running_time(caller: &Caller<'_>, clock: i32) -> Result<Clock> {
    const THREAD: i32 = 4;
    const KIND: i32 = 3;
    const IN_PROGRAM: i32 = 1;
    let own = caller.process();
    let (is_thread, kind, number) = match clock {
        CLOCK_PROCESS_CPUTIME_ID => (false, 0, 0),
        CLOCK_THREAD_CPUTIME_ID => (true, 0, 0),
        clock if clock < 0 && clock & KIND != KIND => (clock & THREAD != 0, clock & KIND, !(clock >> 3) as u32),
        _ => return Err(NO_CLOCK),
    };
    if is_thread {
        let number = if number == 0 { caller.thread.tid() } else { number };
        let thread = registry::thread(number).filter(|thread| Arc::ptr_eq(&thread.process, own));
        return Ok(Clock::Thread(Arc::downgrade(&thread.ok_or(NO_CLOCK)?)));
    }
    let process = match number {
        0 => Arc::downgrade(own),
        number => Arc::downgrade(&registry::process(number).ok_or(NO_CLOCK)?),
    };
    Ok(if kind == IN_PROGRAM {
        Clock::User(process)
    } else {
        Clock::Process(process)
    })
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
    set_time_of_day(nanos);
    Ok(0)
}

/// `struct timex`, word by word.
type Timex = [i64; 26];

fn adjtimex(caller: &mut Caller<'_>, (out,): (UserPtr<Timex>,)) -> Result<u64> {
    const SET_OFFSET: u32 = 0x100;
    const NANOSECONDS: u32 = 0x2000;
    const OFFSET_READ: u32 = 0xa001;
    /// Nothing disciplines the clock.
    const UNSYNCHRONIZED: (i64, u64) = (0x40, 5);
    let mut words = out.read()?;
    let modes = words[0] as u32;
    if modes != 0 && modes != OFFSET_READ {
        may_set_time(caller)?;
        if modes & !NANOSECONDS != SET_OFFSET {
            return Err(Error::new(Errno::EPERM, "the clock's rate is the machine's"));
        }
        let scale = if modes & NANOSECONDS == 0 { 1000 } else { 1 };
        let (seconds, part) = (words[9], words[10]);
        if part < 0 || part >= 1_000_000_000 / scale {
            return Err(Error::new(Errno::EINVAL, "no such time"));
        }
        let step = seconds
            .saturating_mul(abi::time::NANOS_PER_SEC as i64)
            .saturating_add(part * scale);
        set_time_of_day(time::wall_now().saturating_add_signed(step));
    }
    let now = Timeval::from_nanos(time::wall_now());
    words[1..].fill(0);
    let told = [
        (3, 16_000_000),
        (4, 16_000_000),
        (5, UNSYNCHRONIZED.0),
        (6, 2),
        (7, 1),
        (8, 32_768_000),
        (9, now.sec),
        (10, now.usec),
        (11, 10_000),
    ];
    told.iter().for_each(|&(at, value)| words[at] = value);
    out.write(&words)?;
    Ok(UNSYNCHRONIZED.1)
}

fn clock_adjtime(caller: &mut Caller<'_>, (clock, out): (i32, UserPtr<Timex>)) -> Result<u64> {
    if clock != CLOCK_REALTIME {
        read_clock(caller, clock)?;
        return Err(Error::new(Errno::EOPNOTSUPP, "the clock cannot be adjusted"));
    }
    adjtimex(caller, (out,))
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
    set_time_of_day(nanos);
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

/// Sleeps until somebody else has run for so long.
fn sleep_for_running_time(clock: &Clock, until: u64) -> Result<u64> {
    loop {
        let left = until.saturating_sub(clock.now());
        if left == 0 {
            return Ok(0);
        }
        sleep_until(clock.earliest(left))?;
    }
}

fn sleep_until_time_of_day(until: u64) -> Result<u64> {
    match task::wait_for::<()>(None, Some(Until::OfDay(until)), || None) {
        Err(error) if error.errno != Errno::ETIMEDOUT => Err(Error::new(Errno::ERESTARTNOHAND, error.why())),
        _ => Ok(0),
    }
}

/// Sets the time of day, and has all look again who wait for one.
fn set_time_of_day(nanos: u64) {
    time::set_wall(nanos);
    task::time_was_set();
    ipc::time_was_set();
    for process in registry::processes() {
        process.timers.time_was_set();
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
    let now = read_clock(caller, clock)?;
    if matches!(
        clock,
        CLOCK_MONOTONIC_RAW | CLOCK_REALTIME_COARSE | CLOCK_MONOTONIC_COARSE | CLOCK_THREAD_CPUTIME_ID
    ) {
        return Err(Error::new(Errno::EOPNOTSUPP, "the clock cannot be slept on"));
    }
    let wanted = duration(time)?;
    if clock == CLOCK_PROCESS_CPUTIME_ID || clock < 0 {
        let clock = running_time(caller, clock)?;
        let until = if flags & TIMER_ABSTIME != 0 {
            wanted
        } else {
            now.saturating_add(wanted)
        };
        return sleep_for_running_time(&clock, until);
    }
    if clock == CLOCK_REALTIME && flags & TIMER_ABSTIME != 0 {
        return sleep_until_time_of_day(wanted);
    }
    if flags & TIMER_ABSTIME != 0 {
        return sleep_until(time::now().saturating_add(wanted.saturating_sub(now)));
    }
    sleep_for(caller, CLOCK_NANOSLEEP, wanted, left)
}
