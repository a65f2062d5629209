//! The one way to sleep until a condition holds.
//!
//! Everything that can block is written as a transition that never does (`try_x`); this is the only place that turns "not yet" into
//! sleep, and so the only place that knows of timeouts and of signals.

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
pub fn wait_until<T>(queues: &[&WaitQueue], deadline: Option<u64>, mut try_it: impl FnMut() -> Option<T>) -> Result<T> {
    if let Some(value) = try_it() {
        return Ok(value);
    }
    let task = current();
    let wake: Arc<dyn Wake> = task.clone();
    let mut timer = None;
    let result = loop {
        task.prepare_to_wait();
        queues.iter().for_each(|queue| queue.add(Arc::clone(&wake)));
        let outcome = look(&task, deadline, &mut try_it);
        if outcome.is_none() {
            if timer.is_none() {
                timer = deadline.map(|deadline| time::add(deadline, task.clone()));
            }
            scheduler::sleep();
        } else if !task.stay() {
            // Somebody woke the task meanwhile and put it in a run queue, perhaps another CPU's: take its turn there.
            scheduler::sleep();
        }
        queues.iter().for_each(|queue| queue.remove(&wake));
        if let Some(outcome) = outcome {
            break outcome;
        }
    };
    cancel(timer);
    result
}

/// Sleeps on the queues until `try_it` gives something, whatever signals come, unless the task is to end: then there is nothing.
pub fn wait_killable<T>(queues: &[&WaitQueue], mut try_it: impl FnMut() -> Option<T>) -> Option<T> {
    let task = current();
    let wake: Arc<dyn Wake> = task.clone();
    loop {
        task.prepare_to_wait();
        queues.iter().for_each(|queue| queue.add(Arc::clone(&wake)));
        let outcome = try_it();
        let over = outcome.is_some() || task.work() & Work::EXIT != 0;
        if !over || !task.stay() {
            scheduler::sleep();
        }
        queues.iter().for_each(|queue| queue.remove(&wake));
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
        task.prepare_to_wait();
        let outcome = look(&task, deadline, &mut try_it);
        if outcome.is_none() {
            if timer.is_none() {
                timer = deadline.map(|deadline| time::add(deadline, task.clone()));
            }
            scheduler::sleep();
        } else if !task.stay() {
            scheduler::sleep();
        }
        if let Some(outcome) = outcome {
            break outcome;
        }
    };
    queues.iter().for_each(|queue| queue.remove(&wake));
    cancel(timer);
    result
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

fn cancel(timer: Option<TimerId>) {
    if let Some(timer) = timer {
        time::cancel(timer);
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
