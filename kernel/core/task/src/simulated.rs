//! The scheduler on an interleaved machine: what tests of this crate and of those above it run in.
//!
//! [`explore`] boots a machine with one to four CPUs for each seed and runs a test's main task there; it makes others with [`spawn`], and looks at what came of it after [`Joins::join`]. A
//! task is a kernel thread; where it stands for a program it calls [`in_program`] now and then, which is where interrupts come and time slices end. When nothing can run any more, every
//! task must have ended; otherwise the run is a hang, and the tasks that did not end are named.

use crate::current::with_current;
use crate::payload::Payload;
use crate::queue::WaitQueue;
use crate::scheduler;
use crate::task::{Task, Work};
use crate::wait::wait_until;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::interleave::{self, Outcome, Random};
use hal::thread::{Handlers, KernelThread};
use lock::SpinLock;

/// What the scheduler does when the machine calls; crates above it add what they do.
pub const HANDLERS: Handlers = Handlers {
    timer: scheduler::timer_interrupt,
    reschedule: scheduler::reschedule_interrupt,
    ..Handlers::NONE
};

static SCHEDULING: Handlers = HANDLERS;

/// A task that was spawned here, with what became of it.
struct Spawned {
    name: &'static str,
    ended: AtomicBool,
    end: WaitQueue,
}

/// All of this run.
static SPAWNED: SpinLock<Vec<Arc<Spawned>>> = SpinLock::new(Vec::new());

/// Waits for a task.
#[must_use]
pub struct Joins(Arc<Spawned>, Arc<Task>);

impl core::fmt::Debug for Joins {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.0.name)
    }
}

impl Joins {
    /// Waits until the task has ended.
    ///
    /// # Panics
    /// When the wait ends otherwise.
    pub fn join(self) {
        let ended = || self.0.ended.load(Ordering::SeqCst).then_some(());
        wait_until(&[&self.0.end], None, ended).expect("nobody interrupts a join");
    }

    /// The task.
    #[must_use]
    pub fn task(&self) -> &Arc<Task> {
        &self.1
    }
}

/// Starts a task.
///
/// # Panics
/// When there is no memory.
pub fn spawn(name: &'static str, main: impl FnOnce() + Send + 'static) -> Joins {
    spawn_with(name, None, main)
}

/// Starts a task with a payload.
///
/// # Panics
/// When there is no memory.
pub fn spawn_with(name: &'static str, payload: Option<Payload>, main: impl FnOnce() + Send + 'static) -> Joins {
    let spawned = Arc::new(Spawned {
        name,
        ended: AtomicBool::new(false),
        end: WaitQueue::new(),
    });
    SPAWNED.lock().push(Arc::clone(&spawned));
    let mine = Arc::clone(&spawned);
    let thread = KernelThread::with_closure(move || {
        scheduler::finish_switch();
        main();
        mine.ended.store(true, Ordering::SeqCst);
        mine.end.wake_all();
        drop(mine);
        scheduler::exit_current()
    });
    let task = Task::new(thread.expect("the host has memory"), payload);
    scheduler::spawn(&task);
    Joins(spawned, task)
}

/// The running task is in its program for a moment: interrupts come, and what is to be done before it goes on there is done. Signals are left to whoever
/// knows of them.
pub fn in_program() {
    interleave::open_interrupts();
    if with_current(|task| task.work()) & Work::RESCHEDULE != 0 {
        with_current(|task| task.clear_work(Work::RESCHEDULE));
        scheduler::reschedule_if_needed();
    }
}

/// The running task's program looks again and again at what another does.
#[track_caller]
pub fn pause() {
    interleave::pause();
    in_program();
}

/// Runs a test's main task under many seeds; it is told the seed's numbers.
///
/// # Panics
/// When the task panics, or the run hangs.
pub fn explore(main: impl Fn(&mut Random) + Send + Sync + 'static) {
    explore_with(&SCHEDULING, || {}, main);
}

/// As [`explore`], with what the kernel does when the machine calls, and what each CPU does first.
///
/// # Panics
/// As [`explore`].
pub fn explore_with(handlers: &'static Handlers, first: fn(), main: impl Fn(&mut Random) + Send + Sync + 'static) {
    let main = Arc::new(main);
    interleave::explore(|seed| {
        if let Err(why) = run(handlers, first, seed, &main) {
            panic!("{why}");
        }
    });
}

/// Runs a test's main task under one seed; returns what is the same for the same choices.
///
/// # Errors
/// What went wrong.
pub fn try_seed(seed: u64, main: impl Fn(&mut Random) + Send + Sync + 'static) -> Result<u64, String> {
    run(&SCHEDULING, || {}, seed, &Arc::new(main))
}

fn run<F>(handlers: &'static Handlers, first: fn(), seed: u64, main: &Arc<F>) -> Result<u64, String>
where
    F: Fn(&mut Random) + Send + Sync + 'static,
{
    hal::thread::set_handlers(handlers);
    scheduler::forget_all();
    time::forget_all();
    SPAWNED.lock().clear();
    let mut random = Random::new(seed ^ 0x7365_6564);
    let cpus = random.one_of(&[1, 2, 2, 3, 3, 4]);
    let main = Arc::clone(main);
    let outcome = interleave::run(seed, cpus, move |cpu| {
        scheduler::start_on_this_cpu();
        first();
        if cpu == 0 {
            let (main, mut random) = (Arc::clone(&main), random.clone());
            let _joins = spawn("main", move || main(&mut random));
        }
        scheduler::idle()
    });
    let left: Vec<Arc<Spawned>> = core::mem::take(&mut *SPAWNED.lock());
    let left = left.iter().filter(|task| !task.ended.load(Ordering::SeqCst));
    let left: Vec<&str> = left.map(|task| task.name).collect();
    match outcome {
        Outcome::Quiet(hash) if left.is_empty() => Ok(hash),
        Outcome::Quiet(_) => {
            let left = left.join(", ");
            Err(format!(
                "a hang: nothing can run, and these tasks have not ended: {left}"
            ))
        }
        Outcome::Endless => {
            let (steps, left) = (interleave::LIMIT, left.join(", "));
            Err(format!("no end after {steps} steps; not ended: {left}"))
        }
        Outcome::Panicked(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!(
                "a panic on a simulated CPU: {}",
                text.unwrap_or("of another kind")
            ))
        }
    }
}
