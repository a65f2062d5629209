//! Threads: the scheduler, and everything one sleeps on.
//!
//! | module | what |
//! |---|---|
//! | [`task`](mod@crate::task) | [`Task`]: a kernel stack with a state, and what hangs on it |
//! | [`scheduler`] | run queues, switching, waking, idling, stealing |
//! | [`sample`] | whose time it was |
//! | [`payload`] | what hangs on a task |
//! | [`current`] | the task that runs on this CPU |
//! | [`queue`] | [`WaitQueue`]: who is to be woken when something happens |
//! | [`wait`] | [`wait_until`]: the one way to sleep until a condition holds, or until a time since boot or of day |
//! | [`mutex`] | [`SleepLock`]: a lock that may be held across user copies and sleeps |
//! | `simulated` | on the host: the scheduler on an interleaved machine, for tests |
//!
//! Kernel code is never preempted: a task gives its CPU up in [`wait_until`], [`yield_now`], when it returns to its program after its time slice, and at its
//! end. Each CPU has a run queue of its own; a CPU without work looks into the others' queues before it halts.
//!
//! Invariants: a task is in at most one run queue (its state says whether), and not when a wait has ended; it is woken by whoever moves its state from waiting
//! to runnable, exactly once. Lock order: wait queue → run queue; timers are a leaf.
//! It does not do: priorities beyond nice values, real-time classes, kernel preemption.
#![no_std]
// UNSAFETY: a CPU names its running task by a bare pointer, and a task its payload, in two small modules.
#![deny(unsafe_code)]

extern crate alloc;

pub mod current;
pub mod mutex;
pub mod payload;
pub mod queue;
pub mod sample;
pub mod scheduler;
#[cfg(not(target_os = "none"))]
pub mod simulated;
pub mod task;
pub mod wait;

pub use current::{current, with_current};
pub use mutex::{SleepGuard, SleepLock};
pub use payload::Payload;
pub use queue::{WaitQueue, Wake};
pub use sample::Times;
pub use scheduler::{exit_current, reschedule_if_needed, spawn, take_out, yield_now};
pub use task::{Task, Work};
pub use wait::{
    Until, look_until, sleep_until, time_was_set, wait_for, wait_killable, wait_more, wait_until, watch_until,
};
