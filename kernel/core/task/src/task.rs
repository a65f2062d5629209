//! A thread of control: a kernel stack with a state, and what hangs on it.

use crate::payload::Payload;
use crate::queue::Wake;
use crate::sample::{Samples, Times};
use crate::scheduler;
use alloc::sync::Arc;
use hal::thread::KernelThread;
use lock::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// A task's state: none of these bits while it has a CPU or is about to get one.
pub(crate) const RUNNABLE: u8 = 0;
/// It sleeps, or is about to, and a wake-up puts it in a run queue.
pub(crate) const WAITING: u8 = 1;
/// It has ended.
pub(crate) const DEAD: u8 = 2;
/// It is in a run queue. Together with `WAITING`: it was woken before it slept, and what it looked at to see whether it must sleep made it wait for
/// something else.
pub(crate) const QUEUED: u8 = 4;

/// What a task of a program must do before it returns to it; bits of [`Task::work`].
#[derive(Clone, Copy, Debug)]
pub struct Work;

impl Work {
    /// Give the CPU up: the time slice is over.
    pub const RESCHEDULE: u32 = 1;
    /// Look at signals; also ends interruptible sleeps.
    pub const SIGNAL: u32 = 2;
    /// End: the process exits or another program takes its place. Also ends sleeps.
    pub const EXIT: u32 = 4;
    /// Another CPU than before runs the task.
    pub const CPU: u32 = 8;
}

/// A thread of control.
pub struct Task {
    pub(crate) thread: KernelThread,
    pub(crate) state: AtomicU8,
    pub(crate) cpu: AtomicUsize,
    /// The CPU that it ran on last.
    pub(crate) ran_on: AtomicUsize,
    affinity: AtomicU64,
    work: AtomicU32,
    /// When the task was last given a CPU.
    pub(crate) since: AtomicU64,
    /// Nanoseconds that it has had a CPU.
    pub(crate) ran: AtomicU64,
    /// Times that it gave its CPU up by itself, and that it was made to.
    pub(crate) voluntary: AtomicU64,
    pub(crate) involuntary: AtomicU64,
    /// What samples say of the running time.
    pub(crate) samples: Samples,
    nice: AtomicU8,
    /// The policy that was asked for, which is only remembered.
    policy: AtomicU32,
    /// How often it was about to sleep; only the task itself looks.
    waits: AtomicU64,
    /// Which memory it runs in, as the upper layers number it; 0 for none.
    memory: AtomicU64,
    /// Whether it is a program's thread, and not one that idles.
    is_program: bool,
    payload: Payload,
}

impl core::fmt::Debug for Task {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Task")
            .field("state", &self.state)
            .field("cpu", &self.cpu)
            .finish_non_exhaustive()
    }
}

const NICE_ZERO: u8 = 20;

impl Task {
    /// A task that will run on `thread` when it is spawned.
    #[must_use]
    pub fn new(thread: KernelThread, payload: Option<Payload>) -> Arc<Self> {
        Arc::new(Self {
            thread,
            state: AtomicU8::new(WAITING),
            cpu: AtomicUsize::new(hal::cpu::current()),
            ran_on: AtomicUsize::new(usize::MAX),
            affinity: AtomicU64::new(u64::MAX),
            work: AtomicU32::new(0),
            since: AtomicU64::new(0),
            ran: AtomicU64::new(0),
            voluntary: AtomicU64::new(0),
            involuntary: AtomicU64::new(0),
            samples: Samples::new(),
            nice: AtomicU8::new(NICE_ZERO),
            policy: AtomicU32::new(0),
            waits: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            is_program: payload.is_some(),
            payload: payload.unwrap_or_else(Payload::none),
        })
    }

    /// The upper layers' own thread, if this task is a program's.
    #[must_use]
    #[inline]
    pub fn payload<T: 'static>(&self) -> Option<&T> {
        self.payload.get()
    }

    /// What must be done before the task returns to its program: bits of [`Work`].
    #[must_use]
    #[inline]
    pub fn work(&self) -> u32 {
        self.work.load(Ordering::Relaxed)
    }

    /// Adds to the work; the task sees it before it returns to its program, at once if it sleeps interruptibly.
    pub fn add_work(self: &Arc<Self>, bits: u32) {
        self.work.fetch_or(bits, Ordering::AcqRel);
        if bits & (Work::SIGNAL | Work::EXIT) != 0 {
            scheduler::wake(self);
            scheduler::nudge(self);
        }
    }

    /// Adds to the work of the running task, or of one that is about to run.
    pub fn note_work(&self, bits: u32) {
        self.work.fetch_or(bits, Ordering::AcqRel);
    }

    /// Work has been done.
    pub fn clear_work(&self, bits: u32) {
        self.work.fetch_and(!bits, Ordering::AcqRel);
    }

    /// Whether an interruptible sleep must end.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.work() & (Work::SIGNAL | Work::EXIT) != 0
    }

    /// Which memory it runs in; 0 for none.
    #[must_use]
    #[inline]
    pub(crate) fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// Says which memory it runs in: a number that no other memory has.
    pub fn set_memory(&self, number: u64) {
        self.memory.store(number, Ordering::Relaxed);
    }

    /// The CPUs it may run on.
    #[must_use]
    pub fn affinity(&self) -> u64 {
        self.affinity.load(Ordering::Relaxed)
    }

    /// Says on which CPUs it may run.
    pub fn set_affinity(&self, cpus: u64) {
        self.affinity.store(cpus, Ordering::Relaxed);
    }

    /// Its nice value, -20 to 19.
    #[must_use]
    pub fn nice(&self) -> i32 {
        i32::from(self.nice.load(Ordering::Relaxed)) - i32::from(NICE_ZERO)
    }

    /// Its scheduling policy and flags, as the upper layers number them; nice values alone decide who runs how long.
    #[must_use]
    pub fn policy(&self) -> u32 {
        self.policy.load(Ordering::Relaxed)
    }

    /// Remembers another policy.
    pub fn set_policy(&self, policy: u32) {
        self.policy.store(policy, Ordering::Relaxed);
    }

    /// Sets its nice value, within -20 to 19.
    pub fn set_nice(&self, nice: i32) {
        let stored = (nice.clamp(-20, 19) + i32::from(NICE_ZERO)).unsigned_abs() as u8;
        self.nice.store(stored, Ordering::Relaxed);
    }

    /// The CPU that it runs on or ran on last.
    #[must_use]
    pub fn cpu(&self) -> usize {
        self.cpu.load(Ordering::Relaxed)
    }

    /// Whether it has a CPU or waits for one (as opposed to sleeping).
    #[must_use]
    pub fn is_runnable(&self) -> bool {
        matches!(self.state.load(Ordering::Relaxed), RUNNABLE | QUEUED)
    }

    /// Nanoseconds that it has had a CPU, up to now if it runs.
    #[must_use]
    pub fn run_time(&self) -> u64 {
        let since = self.since.load(Ordering::Relaxed);
        let now = if self.thread.is_running() {
            time::now().saturating_sub(since)
        } else {
            0
        };
        self.ran.load(Ordering::Relaxed) + now
    }

    /// [`Task::run_time`], divided into the program's and the kernel's.
    #[must_use]
    pub fn times(&self) -> Times {
        self.samples.divide(self.run_time())
    }

    pub(crate) fn is_program(&self) -> bool {
        self.is_program
    }

    /// Times that it gave its CPU up by itself, and that it was made to.
    #[must_use]
    pub fn switches(&self) -> (u64, u64) {
        (
            self.voluntary.load(Ordering::Relaxed),
            self.involuntary.load(Ordering::Relaxed),
        )
    }

    /// The kernel stack, for what the machine keeps with it.
    #[must_use]
    pub fn thread(&self) -> &KernelThread {
        &self.thread
    }

    /// Marks the running task as about to sleep; a wake-up from here on is not lost. Says which wait of the task it is.
    pub(crate) fn prepare_to_wait(&self) -> u64 {
        let number = self.waits.load(Ordering::Relaxed) + 1;
        self.waits.store(number, Ordering::Relaxed);
        self.state.fetch_or(WAITING, Ordering::SeqCst);
        number
    }

    /// Whether it has waited for something else since [`Task::prepare_to_wait`] gave the number: then it is awake, and a wake-up may be lost.
    pub(crate) fn waited_since(&self, number: u64) -> bool {
        self.waits.load(Ordering::Relaxed) != number
    }

    /// The running task does not sleep after all. False if somebody woke it meanwhile and so put it in a run queue.
    pub(crate) fn stay(&self) -> bool {
        self.state.fetch_and(!WAITING, Ordering::SeqCst) == WAITING
    }

    /// Ends a sleep; whether there was one. `enter` puts the task in a run queue, if it is not in one.
    pub(crate) fn end_wait(&self, enter: impl FnOnce()) -> bool {
        loop {
            let state = self.state.load(Ordering::SeqCst);
            if state & WAITING == 0 {
                return false;
            }
            let change = self
                .state
                .compare_exchange(state, QUEUED, Ordering::SeqCst, Ordering::SeqCst);
            if change.is_ok() {
                if state & QUEUED == 0 {
                    enter();
                }
                return true;
            }
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>, _events: u32) -> bool {
        scheduler::wake(&self)
    }
}

impl time::Expire for Task {
    fn expire(self: Arc<Self>) {
        scheduler::wake(&self);
    }
}
