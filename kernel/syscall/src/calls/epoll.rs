//! `epoll` and timers that are read.

use super::open::add;
use super::pipe::known_flags;
use super::poll::{after, after_millis, with_mask};
use crate::Caller;
use crate::argument::Fd;
use ::epoll::Epoll;
use abi::fcntl::OpenFlags;
use abi::poll::{EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EpollEvent};
use abi::signal::SigSet;
use abi::time::{
    CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM, CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_REALTIME_ALARM, Itimerspec, Timespec,
};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use ipc::TimerFile;
use usermem::UserPtr;
use vfs::downcast_file_like;

calls! {
    213 "epoll_create" = epoll_create(i32);
    232 "epoll_wait" = epoll_wait(Fd, UserPtr<EpollEvent>, i32, i32);
    233 "epoll_ctl" = epoll_ctl(Fd, u32, Fd, UserPtr<EpollEvent>);
    281 "epoll_pwait" = epoll_pwait(Fd, UserPtr<EpollEvent>, i32, i32, UserPtr<SigSet>, usize);
    283 "timerfd_create" = timerfd_create(i32, u32);
    286 "timerfd_settime" = timerfd_settime(Fd, u32, UserPtr<Itimerspec>, UserPtr<Itimerspec>);
    287 "timerfd_gettime" = timerfd_gettime(Fd, UserPtr<Itimerspec>);
    291 "epoll_create1" = epoll_create1(u32);
    441 "epoll_pwait2" = epoll_pwait2(Fd, UserPtr<EpollEvent>, i32, UserPtr<Timespec>, UserPtr<SigSet>, usize);
}

fn epoll_create(caller: &mut Caller<'_>, (size,): (i32,)) -> Result<u64> {
    if size <= 0 {
        return Err(Error::new(Errno::EINVAL, "the size is not positive"));
    }
    add(caller, ::epoll::epoll(), false)
}

fn epoll_create1(caller: &mut Caller<'_>, (flags,): (u32,)) -> Result<u64> {
    let flags = known_flags(flags, OpenFlags::CLOEXEC)?;
    add(caller, ::epoll::epoll(), flags.contains(OpenFlags::CLOEXEC))
}

const NO_EPOLL: Error = Error::new(Errno::EINVAL, "the descriptor is not an epoll");

fn set(caller: &Caller<'_>, fd: Fd) -> Result<Arc<Epoll>> {
    let file = caller.process().files().get(fd.0)?;
    file.behaviour().and_then(downcast_file_like).ok_or(NO_EPOLL)
}

fn epoll_ctl(
    caller: &mut Caller<'_>,
    (epoll, operation, fd, event): (Fd, u32, Fd, UserPtr<EpollEvent>),
) -> Result<u64> {
    let event = if operation == EPOLL_CTL_DEL {
        EpollEvent::default()
    } else {
        event.read()?
    };
    let files = caller.process().files();
    let holder = files.get(epoll.0)?;
    let file = files.get(fd.0)?;
    let pollable = |direction| file.queue(direction).is_some();
    if !pollable(vfs::Direction::Read) && !pollable(vfs::Direction::Write) {
        return Err(Error::new(Errno::EPERM, "the file is always ready"));
    }
    let set = set(caller, epoll)?;
    if Arc::ptr_eq(&holder, &file) {
        return Err(Error::new(Errno::EINVAL, "a set does not contain itself"));
    }
    match operation {
        EPOLL_CTL_ADD => set.add(fd.0, &file, event)?,
        EPOLL_CTL_MOD => set.change(fd.0, &file, event)?,
        EPOLL_CTL_DEL => set.remove(fd.0, &file)?,
        _ => return Err(Error::new(Errno::EINVAL, "no such operation")),
    }
    Ok(0)
}

fn wait(caller: &Caller<'_>, fd: Fd, out: UserPtr<EpollEvent>, most: i32, deadline: Option<u64>) -> Result<u64> {
    const MOST: usize = i32::MAX as usize / size_of::<EpollEvent>();
    let most = usize::try_from(most)
        .ok()
        .filter(|most| (1..=MOST).contains(most))
        .ok_or(Error::new(Errno::EINVAL, "no such number of events"))?;
    let file = caller.process().file(fd.0)?;
    let set: &Epoll = file.behaviour().and_then(|like| like.downcast()).ok_or(NO_EPOLL)?;
    let mut next = out;
    let given = set.wait(most, deadline, &mut |event| {
        next.write(&event)?;
        next = next.at(1);
        Ok(())
    })?;
    Ok(given as u64)
}

fn epoll_wait(caller: &mut Caller<'_>, (fd, out, most, millis): (Fd, UserPtr<EpollEvent>, i32, i32)) -> Result<u64> {
    wait(caller, fd, out, most, after_millis(millis))
}

fn epoll_pwait(
    caller: &mut Caller<'_>,
    (fd, out, most, millis, mask, size): (Fd, UserPtr<EpollEvent>, i32, i32, UserPtr<SigSet>, usize),
) -> Result<u64> {
    let deadline = after_millis(millis);
    with_mask(caller, mask, size, || wait(caller, fd, out, most, deadline))
}

fn epoll_pwait2(
    caller: &mut Caller<'_>,
    (fd, out, most, timeout, mask, size): (Fd, UserPtr<EpollEvent>, i32, UserPtr<Timespec>, UserPtr<SigSet>, usize),
) -> Result<u64> {
    let deadline = after(timeout.non_null().map(UserPtr::read).transpose()?)?;
    with_mask(caller, mask, size, || wait(caller, fd, out, most, deadline))
}

const ABSOLUTE: u32 = 1;
const CANCEL_ON_SET: u32 = 2;

fn timerfd_create(caller: &mut Caller<'_>, (clock, flags): (i32, u32)) -> Result<u64> {
    const WAKE_ALARM: u32 = 35;
    let flags = known_flags(flags, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    match clock {
        CLOCK_REALTIME | CLOCK_MONOTONIC | CLOCK_BOOTTIME => {}
        CLOCK_REALTIME_ALARM | CLOCK_BOOTTIME_ALARM => {
            if !caller.process().credentials().has(WAKE_ALARM) {
                return Err(Error::new(Errno::EPERM, "alarms need CAP_WAKE_ALARM"));
            }
        }
        _ => return Err(Error::new(Errno::EINVAL, "no timer has such a clock")),
    }
    add(caller, ipc::timerfd(clock, flags), flags.contains(OpenFlags::CLOEXEC))
}

fn timer(caller: &Caller<'_>, fd: Fd) -> Result<Arc<TimerFile>> {
    let file = caller.process().files().get(fd.0)?;
    file.behaviour()
        .and_then(downcast_file_like)
        .ok_or(Error::new(Errno::EINVAL, "the descriptor is not a timer"))
}

fn shown((left, interval): (u64, u64)) -> Itimerspec {
    Itimerspec {
        interval: Timespec::from_nanos(interval),
        value: Timespec::from_nanos(left),
    }
}

fn timerfd_settime(
    caller: &mut Caller<'_>,
    (fd, flags, new, old): (Fd, u32, UserPtr<Itimerspec>, UserPtr<Itimerspec>),
) -> Result<u64> {
    let invalid = || Error::new(Errno::EINVAL, "no such time, or unknown flags");
    let new = new.read()?;
    let interval = new.interval.to_nanos().ok_or_else(invalid)?;
    let value = new.value.to_nanos().ok_or_else(invalid)?;
    if flags & !(ABSOLUTE | CANCEL_ON_SET) != 0 {
        return Err(invalid());
    }
    let timer = timer(caller, fd)?;
    let of_day = matches!(timer.clock(), CLOCK_REALTIME | CLOCK_REALTIME_ALARM);
    let next = match value {
        0 => None,
        value if flags & ABSOLUTE == 0 => Some(time::now().saturating_add(value)),
        value if of_day => Some(value.saturating_sub(time::wall_at_boot())),
        value => Some(value),
    };
    let at_time_of_day = of_day && flags & ABSOLUTE != 0;
    let before = timer.set(next, interval, at_time_of_day.then_some(flags & CANCEL_ON_SET != 0));
    old.write_if_some(&shown(before))?;
    Ok(0)
}

fn timerfd_gettime(caller: &mut Caller<'_>, (fd, out): (Fd, UserPtr<Itimerspec>)) -> Result<u64> {
    let timer = timer(caller, fd)?;
    out.write(&shown(timer.get()))?;
    Ok(0)
}
