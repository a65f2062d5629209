//! One thread of a program: the payload of its task.

use crate::rseq;
use crate::shared::Process;
use crate::signals::ThreadSignals;
use alloc::sync::{Arc, Weak};
use lock::atomic::{AtomicU32, AtomicU64, Ordering};
use lock::{Once, SpinLock};
use task::Task;

/// Bytes of a thread's name, with its closing zero.
pub const NAME: usize = 16;

/// One thread of a program.
pub struct Thread {
    tid: AtomicU32,
    /// What it shares with the other threads of its program.
    pub process: Arc<Process>,
    task: Once<Weak<Task>>,
    /// Where zero is stored and a futex woken when the thread ends; 0 for nowhere.
    pub clear_child_tid: AtomicU64,
    /// The list of robust futexes that it holds; 0 for none.
    pub robust_list: AtomicU64,
    /// Its priority for input and output (`ioprio_set`); none of the machine's devices has queues to order by it.
    pub io_priority: AtomicU32,
    /// Its mask, what is pending for it, its alternate stack.
    pub signals: ThreadSignals,
    /// Nanoseconds by which its timers may be late (`PR_SET_TIMERSLACK`): told, and not made use of.
    pub timer_slack: AtomicU64,
    /// Page faults that were answered.
    pub faults: AtomicU64,
    /// Its area of restartable sequences.
    pub rseq: rseq::Area,
    name: SpinLock<[u8; NAME]>,
}

impl core::fmt::Debug for Thread {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "thread {} of process {}", self.tid(), self.process.pid)
    }
}

impl Thread {
    /// A thread of a process, not yet running.
    #[must_use]
    pub fn new(tid: u32, process: Arc<Process>, name: [u8; NAME]) -> Arc<Self> {
        Arc::new(Self {
            tid: AtomicU32::new(tid),
            process,
            task: Once::new(),
            clear_child_tid: AtomicU64::new(0),
            robust_list: AtomicU64::new(0),
            io_priority: AtomicU32::new(0),
            signals: ThreadSignals::default(),
            timer_slack: AtomicU64::new(50_000),
            faults: AtomicU64::new(0),
            rseq: rseq::Area::default(),
            name: SpinLock::new(name),
        })
    }

    /// Its number.
    #[must_use]
    #[inline]
    pub fn tid(&self) -> u32 {
        self.tid.load(Ordering::Relaxed)
    }

    /// Gives it another number: the process's own, when it is the one that goes on after `execve`.
    pub(crate) fn set_tid(&self, tid: u32) {
        self.tid.store(tid, Ordering::Relaxed);
    }

    /// Says which task it is; once.
    pub fn set_task(&self, task: &Arc<Task>) {
        let _ = self.task.set(Arc::downgrade(task));
    }

    /// The task that it is, while it lives.
    #[must_use]
    pub fn task(&self) -> Option<Arc<Task>> {
        self.task.get()?.upgrade()
    }

    /// Adds to what it must do before it returns to its program.
    pub fn add_work(&self, bits: u32) {
        if let Some(task) = self.task() {
            task.add_work(bits);
        }
    }

    /// Its name, padded with zeros.
    #[must_use]
    pub fn name(&self) -> [u8; NAME] {
        *self.name.lock()
    }

    /// Gives it a name, cut to 15 bytes.
    pub fn set_name(&self, name: &[u8]) {
        let mut padded = [0; NAME];
        let len = name.len().min(NAME - 1);
        padded[..len].copy_from_slice(&name[..len]);
        *self.name.lock() = padded;
    }
}

/// Calls `then` with the running thread, if a program's thread runs on this CPU.
#[inline]
pub fn with_thread<T>(then: impl FnOnce(&Thread) -> T) -> Option<T> {
    task::with_current(|task| task.payload::<Thread>().map(then))
}
