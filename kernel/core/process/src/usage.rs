//! What processes use: running time, page faults, memory, switches (`getrusage(2)`, `times(2)`, `/proc`).
//!
//! Threads count for themselves; a process adds up those that run and keeps the sum of those that have ended, and of its children that have been waited for.

use crate::shared::Process;
use crate::thread::Thread;
use core::ops::AddAssign;
use lock::SpinLock;
use lock::atomic::Ordering;
use task::Times;

/// What a thread, a process or several have used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Running time.
    pub times: Times,
    /// Page faults that were answered.
    pub faults: u64,
    /// Times that the CPU was given up.
    pub voluntary: u64,
    /// Times that the CPU was taken away.
    pub involuntary: u64,
    /// Largest resident size, in pages.
    pub peak: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.times += other.times;
        self.faults += other.faults;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
        self.peak = self.peak.max(other.peak);
    }
}

/// What a process has used that is not its running threads'.
#[derive(Debug, Default)]
pub(crate) struct Past {
    threads: SpinLock<Usage>,
    children: SpinLock<Usage>,
}

impl Thread {
    /// What it has used, but for memory, which it has with others.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage {
            faults: self.faults.load(Ordering::Relaxed),
            ..Usage::default()
        };
        if let Some(task) = self.task() {
            usage.times = task.times();
            (usage.voluntary, usage.involuntary) = task.switches();
        }
        usage
    }
}

impl Process {
    /// What it has used, with those of its threads that have ended.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = *self.past.threads.lock();
        for thread in self.threads() {
            usage += thread.usage();
        }
        usage.peak = usage.peak.max(self.peak_now());
        usage
    }

    /// What its children have used that it has waited for, and those that they waited for.
    #[must_use]
    pub fn children_usage(&self) -> Usage {
        *self.past.children.lock()
    }

    fn peak_now(&self) -> u64 {
        match self.status() {
            Some(_) => 0,
            None => self.space().counters().peak_resident,
        }
    }

    /// Notes how much memory it had, which it is about to lose.
    pub fn note_peak(&self) {
        let peak = self.peak_now();
        let mut past = self.past.threads.lock();
        past.peak = past.peak.max(peak);
    }

    /// A thread of it ends.
    pub(crate) fn keep_usage_of(&self, thread: &Thread) {
        let usage = thread.usage();
        *self.past.threads.lock() += usage;
    }

    /// A child has been waited for.
    pub(crate) fn keep_usage_of_child(&self, child: &Self) {
        let mut usage = child.usage();
        usage += child.children_usage();
        *self.past.children.lock() += usage;
    }

    /// Nanoseconds that its threads ran, those that have ended included.
    #[must_use]
    pub fn run_time(&self) -> u64 {
        let threads = self.threads();
        let tasks = threads.iter().filter_map(|thread| thread.task());
        let live: u64 = tasks.map(|task| task.run_time()).sum();
        let ended = self.past.threads.lock().times;
        live + ended.user + ended.system
    }

    /// Nanoseconds of [`Process::run_time`] that were spent in its program, as far as samples tell.
    #[must_use]
    pub fn user_time(&self) -> u64 {
        self.usage().times.user
    }
}
