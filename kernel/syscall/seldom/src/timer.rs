//! Timers that send signals, and signals read from a file.

use abi::fcntl::OpenFlags;
use abi::signal::{SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD, SIGEV_THREAD_ID, SigEvent, SigSet, Signal};
use abi::time::{
    CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM, CLOCK_REALTIME_COARSE, CLOCK_TAI, Itimerspec, Itimerval, TIMER_ABSTIME, Timespec, Timeval,
};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use process::registry;
use process::timers::{Clock, Interval, Notify, Setting, Timer};
use signal::descriptor::SignalFile;
use syscall::Caller;
use syscall::argument::Fd;
use syscall::calls::open::add;
use syscall::calls::pipe::known_flags;
use syscall::calls::signal::check_set_size;
use syscall::calls::sleep::running_time;
use usermem::UserPtr;

syscall::calls! {
    36 "getitimer" = getitimer(u32, UserPtr<Itimerval>);
    37 "alarm" = alarm(u32);
    38 "setitimer" = setitimer(u32, UserPtr<Itimerval>, UserPtr<Itimerval>);
    222 "timer_create" = timer_create(i32, UserPtr<SigEvent>, UserPtr<i32>);
    223 "timer_settime" = timer_settime(i32, u32, UserPtr<Itimerspec>, UserPtr<Itimerspec>);
    224 "timer_gettime" = timer_gettime(i32, UserPtr<Itimerspec>);
    225 "timer_getoverrun" = timer_getoverrun(i32);
    226 "timer_delete" = timer_delete(i32);
    282 "signalfd" = signalfd(Fd, UserPtr<SigSet>, usize);
    289 "signalfd4" = signalfd4(Fd, UserPtr<SigSet>, usize, u32);
}

const NO_TIME: Error = Error::new(Errno::EINVAL, "no such time");
const NO_TIMER: Error = Error::new(Errno::EINVAL, "there is no such timer");

fn interval_timer(caller: &Caller<'_>, which: u32) -> Result<Arc<Timer>> {
    let which = match which {
        0 => Interval::Real,
        1 => Interval::Virtual,
        2 => Interval::Profiling,
        _ => return Err(NO_TIMER),
    };
    let process = caller.process();
    Ok(process.timers.interval(process, which))
}

/// In microseconds, rounded up: a timer that runs is never shown as one that does not.
fn to_itimerval(setting: Setting) -> Itimerval {
    Itimerval {
        interval: Timeval::from_nanos(setting.interval),
        value: Timeval::from_nanos(setting.left.saturating_add(999)),
    }
}

fn getitimer(caller: &mut Caller<'_>, (which, out): (u32, UserPtr<Itimerval>)) -> Result<u64> {
    out.write(&to_itimerval(interval_timer(caller, which)?.setting()))?;
    Ok(0)
}

fn setitimer(caller: &mut Caller<'_>, (which, new, old): (u32, UserPtr<Itimerval>, UserPtr<Itimerval>)) -> Result<u64> {
    let new = new.non_null().map_or(Ok(Itimerval::default()), UserPtr::read)?;
    let value = new.value.to_nanos().ok_or(NO_TIME)?;
    let interval = new.interval.to_nanos().ok_or(NO_TIME)?;
    let before = interval_timer(caller, which)?.set(value, interval, false);
    old.write_if_some(&to_itimerval(before))?;
    Ok(0)
}

/// The answer is in whole seconds, rounded, but never 0 for an alarm that was set.
fn alarm(caller: &mut Caller<'_>, (seconds,): (u32,)) -> Result<u64> {
    const SECOND: u64 = abi::time::NANOS_PER_SEC;
    let timer = interval_timer(caller, 0)?;
    let left = timer.set(u64::from(seconds) * SECOND, 0, false).left;
    let rounded = left.saturating_add(SECOND / 2) / SECOND;
    Ok(if left > 0 { rounded.max(1) } else { 0 })
}

fn clock_of(caller: &Caller<'_>, clock: i32) -> Result<Clock> {
    match clock {
        CLOCK_REALTIME | CLOCK_TAI => Ok(Clock::Wall),
        CLOCK_MONOTONIC | CLOCK_BOOTTIME => Ok(Clock::Boot),
        CLOCK_MONOTONIC_RAW
        | CLOCK_REALTIME_COARSE
        | CLOCK_MONOTONIC_COARSE
        | CLOCK_REALTIME_ALARM
        | CLOCK_BOOTTIME_ALARM => Err(Error::new(Errno::EOPNOTSUPP, "the clock has no timers")),
        clock => running_time(caller, clock),
    }
}

/// Whom a timer is to tell, and how; `None` for its process by `SIGALRM`.
fn notification(caller: &Caller<'_>, event: UserPtr<SigEvent>) -> Result<Option<Notify>> {
    let Some(event) = event.non_null() else { return Ok(None) };
    let event = event.read()?;
    if event.notify == SIGEV_NONE {
        return Ok(Some(Notify::Nobody));
    }
    let invalid = Error::new(Errno::EINVAL, "no such signal, or no such way to tell it");
    let signal = u32::try_from(event.signal).ok().and_then(Signal::new).ok_or(invalid)?;
    match event.notify {
        SIGEV_SIGNAL | SIGEV_THREAD => Ok(Some(Notify::Process(signal, event.value))),
        SIGEV_THREAD_ID => {
            let thread = registry::thread(event.thread as u32).ok_or(invalid)?;
            if thread.process.pid != caller.process().pid {
                return Err(invalid);
            }
            Ok(Some(Notify::Thread(Arc::downgrade(&thread), signal, event.value)))
        }
        _ => Err(invalid),
    }
}

fn timer_create(caller: &mut Caller<'_>, (clock, event, out): (i32, UserPtr<SigEvent>, UserPtr<i32>)) -> Result<u64> {
    let clock = clock_of(caller, clock)?;
    let notify = notification(caller, event)?;
    let process = caller.process();
    let id = process.timers.create(process, clock, |id| {
        notify.unwrap_or(Notify::Process(Signal::ALRM, u64::from(id as u32)))
    })?;
    if let Err(error) = out.write(&id) {
        process.timers.delete(id);
        return Err(error);
    }
    Ok(0)
}

fn to_itimerspec(setting: Setting) -> Itimerspec {
    Itimerspec {
        interval: Timespec::from_nanos(setting.interval),
        value: Timespec::from_nanos(setting.left),
    }
}

fn timer_settime(
    caller: &mut Caller<'_>,
    (id, flags, new, old): (i32, u32, UserPtr<Itimerspec>, UserPtr<Itimerspec>),
) -> Result<u64> {
    let new = new.non_null().ok_or(NO_TIME)?.read()?;
    let value = new.value.to_nanos().ok_or(NO_TIME)?;
    let interval = new.interval.to_nanos().ok_or(NO_TIME)?;
    let timer = caller.process().timers.find(id).ok_or(NO_TIMER)?;
    let before = timer.set(value, interval, flags & TIMER_ABSTIME != 0);
    old.write_if_some(&to_itimerspec(before))?;
    Ok(0)
}

fn timer_gettime(caller: &mut Caller<'_>, (id, out): (i32, UserPtr<Itimerspec>)) -> Result<u64> {
    let timer = caller.process().timers.find(id).ok_or(NO_TIMER)?;
    out.write(&to_itimerspec(timer.setting()))?;
    Ok(0)
}

fn timer_getoverrun(caller: &mut Caller<'_>, (id,): (i32,)) -> Result<u64> {
    let timer = caller.process().timers.find(id).ok_or(NO_TIMER)?;
    Ok(u64::from(timer.overrun().unsigned_abs()))
}

fn timer_delete(caller: &mut Caller<'_>, (id,): (i32,)) -> Result<u64> {
    if caller.process().timers.delete(id) {
        Ok(0)
    } else {
        Err(NO_TIMER)
    }
}

fn signalfd(caller: &mut Caller<'_>, (fd, set, size): (Fd, UserPtr<SigSet>, usize)) -> Result<u64> {
    signalfd4(caller, (fd, set, size, 0))
}

fn signalfd4(caller: &mut Caller<'_>, (fd, set, size, flags): (Fd, UserPtr<SigSet>, usize, u32)) -> Result<u64> {
    check_set_size(size)?;
    let wanted = set.read()?;
    let flags = known_flags(flags, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    if fd.0 == -1 {
        let file = signal::descriptor::signalfd(wanted, flags);
        return add(caller, file, flags.contains(OpenFlags::CLOEXEC));
    }
    let file = caller.process().files().get(fd.0)?;
    let signals = file.behaviour().and_then(|like| like.downcast::<SignalFile>());
    let signals = signals.ok_or(Error::new(Errno::EINVAL, "signals are not read from that file"))?;
    signals.set_wanted(wanted);
    Ok(u64::from(fd.0.unsigned_abs()))
}
