//! Stopping and going on: job control as a process sees it.
//!
//! A stop signal without a handler stops all threads of a process: each waits on its way back to its program until `SIGCONT` comes ([`wait`]). When the last does,
//! the parent is told by `SIGCHLD`, and finds the news with `wait4` or `waitid` ([`Stop::take_news`]).

use crate::exit::TICK;
use crate::shared::Process;
use crate::signals::{self, Delivery, Fields, Info};
use crate::thread::Thread;
use abi::signal::{SA_NOCLDSTOP, SIG_IGN, Signal};
use alloc::sync::Arc;
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicUsize, Ordering};
use task::{WaitQueue, Work};

/// What a parent may learn of a child that has not ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// It was stopped by a signal.
    Stopped(Signal),
    /// It goes on.
    Continued,
}

/// Whether a process is stopped.
#[derive(Debug, Default)]
pub struct Stop {
    stopped: AtomicBool,
    /// The signal that stops it, until all of its threads wait.
    coming: SpinLock<Option<Signal>>,
    /// How many of its threads wait.
    waiting: AtomicUsize,
    news: SpinLock<Option<News>>,
    ended: WaitQueue,
}

const STOPPED: i32 = 5;
const CONTINUED: i32 = 6;

impl Stop {
    /// Whether the process is stopped.
    #[must_use]
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// What the parent has not been told yet, if it is of a kind that it asks for; `keep` leaves it there.
    pub fn take_news(&self, stopped: bool, continued: bool, keep: bool) -> Option<News> {
        let mut news = self.news.lock();
        let wanted = news.filter(|news| match news {
            News::Stopped(_) => stopped,
            News::Continued => continued,
        });
        if wanted.is_some() && !keep {
            *news = None;
        }
        wanted
    }
}

/// Stops the process of a thread, which has taken a stop signal: all its threads wait as soon as they are about to return to their program. If `SIGCONT` has come meanwhile nothing
/// happens, for whoever sent it expects the process to go on.
pub fn stop(thread: &Thread, signal: &Delivery) {
    let process = &thread.process;
    let mut coming = process.stop.coming.lock();
    if thread.was_cancelled(signal) || process.stop.stopped.swap(true, Ordering::AcqRel) {
        return;
    }
    *coming = Some(signal.info().signal);
    drop(coming);
    for thread in process.threads() {
        thread.add_work(Work::SIGNAL);
    }
}

/// The running thread waits while its process is stopped; its end is let through.
pub fn wait(process: &Process) {
    let stop = &process.stop;
    if !stop.is_stopped() {
        return;
    }
    stop.waiting.fetch_add(1, Ordering::AcqRel);
    look_whether_all_wait(process);
    while stop.is_stopped() {
        let ending = task::with_current(|task| {
            task.clear_work(Work::SIGNAL);
            task.work() & Work::EXIT != 0
        });
        if ending {
            break;
        }
        // What ends the sleep otherwise is looked at when the process goes on.
        let _ = task::wait_until(&[&stop.ended], None, || (!stop.is_stopped()).then_some(()));
    }
    stop.waiting.fetch_sub(1, Ordering::AcqRel);
}

/// Tells the parent if all threads of a process that stops wait now.
pub(crate) fn look_whether_all_wait(process: &Process) {
    let stop = &process.stop;
    let threads = process.thread_count();
    if threads == 0 || !stop.is_stopped() || stop.waiting.load(Ordering::Acquire) < threads {
        return;
    }
    let coming = stop.coming.lock().take();
    if let Some(signal) = coming {
        *stop.news.lock() = Some(News::Stopped(signal));
        tell_parent(process, STOPPED, signal);
    }
}

/// Lets a stopped process go on.
pub(crate) fn go_on(process: &Arc<Process>) {
    // Who stops the process meanwhile has looked whether this signal came before this takes the lock, or looks after that.
    let mut coming = process.stop.coming.lock();
    if !process.stop.stopped.swap(false, Ordering::AcqRel) {
        return;
    }
    *coming = None;
    drop(coming);
    *process.stop.news.lock() = Some(News::Continued);
    process.stop.ended.wake_all();
    tell_parent(process, CONTINUED, Signal::CONT);
}

fn tell_parent(process: &Process, code: i32, signal: Signal) {
    // Who was adopted by the kernel has a parent that knows nothing of it.
    let parent = process.parent().filter(|_| !process.is_adopted.load(Ordering::Acquire));
    let Some(parent) = parent else { return };
    let action = parent.signals.action(Signal::CHLD);
    if action.handler != SIG_IGN && action.flags & SA_NOCLDSTOP == 0 {
        let times = process.usage().times;
        let fields = Fields::Child {
            pid: process.pid,
            uid: process.credentials().uid,
            status: i32::from(signal.0),
            user: (times.user / TICK) as i64,
            system: (times.system / TICK) as i64,
        };
        let info = Info {
            signal: Signal::CHLD,
            code,
            errno: 0,
            fields,
        };
        signals::send(&parent, info);
    }
    parent.changed.wake_all();
}
