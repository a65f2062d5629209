//! The one way to sleep until a condition holds.
//!
//! Everything that can block is written as a transition that never does (`try_x`); this is the only place that turns "not yet" into
//! sleep, and so the only place that knows of timeouts and of signals.
//!
//! A wake-up of one that reaches a task which has just found what it waited for, or gives up, goes on to the next: it may mean something else, and nobody would come for that.

#[cfg(test)]
mod tests;

use crate::current::current;
use crate::queue::{WaitQueue, Wake};
use crate::scheduler;
use crate::task::{Task, Work};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use time::TimerId;

const INTERRUPTED: Error = Error::new(Errno::ERESTARTSYS, "a signal came");
const TIMED_OUT: Error = Error::new(Errno::ETIMEDOUT, "the time is up");

/// Sleeps on the queues until `try_it` gives something. `deadline` is in nanoseconds since boot.
///
/// # Errors
/// `ETIMEDOUT` when the deadline passes; `ERESTARTSYS` when a signal comes, which the system-call layer turns into a restart or `EINTR`.
#[inline]
pub fn wait_until<T>(queues: &[&WaitQueue], deadline: Option<u64>, mut try_it: impl FnMut() -> Option<T>) -> Result<T> {
    lock::order::may_sleep();
    match try_it() {
        Some(value) => Ok(value),
        None => wait_more(queues, deadline, try_it),
    }
}

/// As [`wait_until`], for who has just tried in vain.
///
/// # Errors
/// As [`wait_until`].
pub fn wait_more<T>(queues: &[&WaitQueue], deadline: Option<u64>, try_it: impl FnMut() -> Option<T>) -> Result<T> {
    // A reference of its own: the CPU lets go of its own when the task sleeps, and a task without queues has no other.
    wait_as(&current(), queues, deadline, try_it)
}

fn wait_as<T>(
    task: &Arc<Task>,
    queues: &[&WaitQueue],
    deadline: Option<u64>,
    mut try_it: impl FnMut() -> Option<T>,
) -> Result<T> {
    let mut timer = None;
    let result = loop {
        let wait = task.prepare_to_wait();
        queues.iter().for_each(|queue| queue.add(task.clone()));
        let outcome = look(task, deadline, &mut try_it);
        if outcome.is_none() && timer.is_none() {
            timer = deadline.map(|deadline| time::add(deadline, task.clone()));
        }
        rest(task, wait, outcome.is_some());
        queues.iter().for_each(|queue| leave(queue, task, outcome.is_some()));
        if let Some(outcome) = outcome {
            break outcome;
        }
        // Mostly what the task was woken for is there now, and it need not queue again.
        if let Some(value) = try_it() {
            break Ok(value);
        }
    };
    cancel(timer);
    result
}

/// Sleeps on the queues until `try_it` gives something, whatever signals come, unless the task is to end: then there is nothing.
pub fn wait_killable<T>(queues: &[&WaitQueue], mut try_it: impl FnMut() -> Option<T>) -> Option<T> {
    let task = current();
    loop {
        let wait = task.prepare_to_wait();
        queues.iter().for_each(|queue| queue.add(task.clone()));
        let outcome = try_it();
        let over = outcome.is_some() || task.work() & Work::EXIT != 0;
        rest(&task, wait, over);
        queues.iter().for_each(|queue| leave(queue, &task, over));
        if over {
            return outcome;
        }
    }
}

/// As [`wait_until`], for many queues of which each may have many sleepers: every wake-up reaches this one, and it stays in the queues until
/// it is done (`poll`).
///
/// # Errors
/// Those of [`wait_until`].
pub fn watch_until<T>(
    queues: &[&WaitQueue],
    deadline: Option<u64>,
    mut try_it: impl FnMut() -> Option<T>,
) -> Result<T> {
    let task = current();
    let wake: Arc<dyn Wake> = task.clone();
    queues.iter().for_each(|queue| queue.add_shared(Arc::clone(&wake)));
    let mut timer = None;
    let result = loop {
        let wait = task.prepare_to_wait();
        let outcome = look(&task, deadline, &mut try_it);
        if outcome.is_none() && timer.is_none() {
            timer = deadline.map(|deadline| time::add(deadline, task.clone()));
        }
        rest(&task, wait, outcome.is_some());
        if let Some(outcome) = outcome {
            break outcome;
        }
    };
    queues.iter().for_each(|queue| {
        queue.remove(&wake);
    });
    cancel(timer);
    result
}

/// When a wait is over at the latest.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// A time in nanoseconds since boot.
    SinceBoot(u64),
    /// A time of day in nanoseconds since 1970, which comes sooner or later when the time of day is set.
    OfDay(u64),
}

/// Who waits until a time of day at the latest.
static OF_DAY: WaitQueue = WaitQueue::new();

/// The time of day has been set: who waits for one works out anew how long.
pub fn time_was_set() {
    OF_DAY.wake_all();
}

/// As [`wait_until`], on one queue or none, and perhaps until a time of day.
///
/// # Errors
/// Those of [`wait_until`].
#[inline]
pub fn wait_for<T>(
    queue: Option<&WaitQueue>,
    until: Option<Until>,
    mut try_it: impl FnMut() -> Option<T>,
) -> Result<T> {
    let deadline = match until {
        None => None,
        Some(Until::SinceBoot(deadline)) => Some(deadline),
        Some(Until::OfDay(until)) => {
            let mut value = None;
            wait_for_time_of_day(queue, until, &mut || {
                value = try_it();
                value.is_some()
            })?;
            return value.ok_or(TIMED_OUT);
        }
    };
    wait_until(queue.as_slice(), deadline, try_it)
}

#[cold]
fn wait_for_time_of_day(queue: Option<&WaitQueue>, until: u64, is_there: &mut dyn FnMut() -> bool) -> Result<()> {
    let queues = [&OF_DAY, queue.unwrap_or(&OF_DAY)];
    let queues = &queues[..1 + usize::from(queue.is_some())];
    loop {
        let base = time::wall_at_boot();
        let look = || {
            let over = is_there();
            (over || time::wall_at_boot() != base).then_some(over)
        };
        if watch_until(queues, Some(since_boot(until, base)), look)? {
            return Ok(());
        }
    }
}

/// The time since boot of a time of day. Boot may have been before 1970, if somebody says so.
fn since_boot(of_day: u64, at_boot: u64) -> u64 {
    let at_boot = at_boot.cast_signed();
    if at_boot < 0 {
        of_day.saturating_add(at_boot.unsigned_abs())
    } else {
        of_day.saturating_sub(at_boot.unsigned_abs())
    }
}

/// Takes the task out of a queue. If a wake-up has done so and the wait is `over` anyhow, the next is woken.
#[inline]
fn leave(queue: &WaitQueue, task: &Arc<Task>, over: bool) {
    let was_there = !queue.is_empty() && {
        let wake: Arc<dyn Wake> = task.clone();
        queue.remove(&wake)
    };
    if over && !was_there {
        queue.wake_one();
    }
}

/// Sleeps in the wait with that number, unless it is over. Somebody who woke the task meanwhile put it in a run queue, perhaps another CPU's: then it
/// takes its turn there. Where looking had to wait for something else (a lock, a page), the task is awake and what it was woken for may have passed
/// unseen: it does not sleep, and looks again.
#[inline]
fn rest(task: &Task, wait: u64, over: bool) {
    if !task.waited_since(wait) && (!over || !task.stay()) {
        scheduler::sleep();
    }
}

fn look<T>(task: &Task, deadline: Option<u64>, try_it: &mut impl FnMut() -> Option<T>) -> Option<Result<T>> {
    if let Some(value) = try_it() {
        return Some(Ok(value));
    }
    if task.is_interrupted() {
        return Some(Err(INTERRUPTED));
    }
    if deadline.is_some_and(|deadline| time::now() >= deadline) {
        return Some(Err(TIMED_OUT));
    }
    None
}

#[inline]
fn cancel(timer: Option<TimerId>) {
    if let Some(timer) = timer {
        time::cancel(timer);
    }
}

/// Sleeps until a time since boot, whatever signals come; who is to end does not sleep.
pub fn rest_until(deadline: u64) {
    let task = current();
    let timer = time::add(deadline, task.clone());
    loop {
        let wait = task.prepare_to_wait();
        let over = time::now() >= deadline || task.work() & Work::EXIT != 0;
        rest(&task, wait, over);
        if over {
            break;
        }
    }
    time::cancel(timer);
}

/// Looks again and again, with rests between, whether something is so, until a time since boot: for what nobody tells of, where it is soon so.
pub fn look_until(deadline: u64, is_so: &mut dyn FnMut() -> bool) {
    const REST: u64 = 100_000;
    while !is_so() && time::now() < deadline {
        rest_until(time::now() + REST);
    }
}

/// Sleeps until a time since boot.
///
/// # Errors
/// `ERESTARTSYS` when a signal comes first.
pub fn sleep_until(deadline: u64) -> Result<()> {
    match wait_until::<()>(&[], Some(deadline), || None) {
        Err(error) if error.errno == Errno::ETIMEDOUT => Ok(()),
        other => other,
    }
}
