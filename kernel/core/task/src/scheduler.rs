//! Run queues, switching, waking, idling, stealing.
//!
//! A task that is woken goes to the queue of an idle CPU that it may run on, or else of the CPU that it ran on last. Queues are first in, first out, with a time slice when
//! others wait; nice values shorten and lengthen the slice. A task that was woken while its CPU has not yet finished leaving it is
//! left alone by others until it has; a CPU that has nothing else to run waits for that in its idle task, and one that has sets its timer to look again soon. (Were it to wait on the stack of the task that it leaves, two CPUs could wait
//! for each other.)
//!
//! What a CPU leaves in its queue is offered to a CPU that idles. A task changes queues only under the lock of the one that it is in or goes to, which is also when its `cpu` changes. Affinity is
//! looked at when a task is taken, so one that was queued while its affinity changed may lie where it may not run: the CPU that finds it first in its own queue sends it on.

use crate::current::{self, current, with_current};
use crate::sample;
use crate::task::{DEAD, QUEUED, RUNNABLE, Task, WAITING, Work};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use hal::MAX_CPUS;
use hal::thread::KernelThread;
use lock::atomic::{AtomicU64, AtomicUsize, Ordering};
use lock::{Once, SpinLock};

/// Nanoseconds of a time slice at nice 0.
pub const SLICE: u64 = 4_000_000;

struct RunQueue {
    tasks: VecDeque<Arc<Task>>,
}

static QUEUES: [SpinLock<RunQueue>; MAX_CPUS] =
    [const { SpinLock::new(RunQueue { tasks: VecDeque::new() }) }; MAX_CPUS];
/// Lengths of the queues, to look at without their locks.
static LENGTHS: [AtomicUsize; MAX_CPUS] = [const { AtomicUsize::new(0) }; MAX_CPUS];
/// CPUs that have nothing to run.
static IDLE: AtomicU64 = AtomicU64::new(0);
/// The task of each CPU that runs when nothing else does.
static IDLE_TASKS: [SpinLock<Option<Arc<Task>>>; MAX_CPUS] = [const { SpinLock::new(None) }; MAX_CPUS];
/// The task that this CPU has just left, until the next one drops the CPU's reference to it: on its own stack nobody could.
static LEFT: [current::Left; MAX_CPUS] = [const { current::Left::new() }; MAX_CPUS];
/// Which memory each CPU has in force, as [`Task::set_memory`] numbers it.
static MEMORY: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];
/// What the upper layers do when a CPU goes to a task that runs in other memory.
static ON_MEMORY: Once<fn(&Task)> = Once::new();
static SWITCHES: AtomicU64 = AtomicU64::new(0);

/// Makes what runs on this CPU its first task, the one that idles.
pub fn start_on_this_cpu() {
    let task = Task::new(KernelThread::current(), None);
    task.state.store(RUNNABLE, Ordering::Relaxed);
    *IDLE_TASKS[hal::cpu::current()].lock() = Some(Arc::clone(&task));
    current::adopt(task);
}

/// Runs what there is to run on this CPU, for ever.
pub fn idle() -> ! {
    let cpu = hal::cpu::current();
    let me = 1u64 << cpu;
    loop {
        if let Some(next) = pick(cpu, None) {
            IDLE.fetch_and(!me, Ordering::SeqCst);
            switch_to(next);
            continue;
        }
        IDLE.fetch_or(me, Ordering::SeqCst);
        if LENGTHS[cpu].load(Ordering::SeqCst) == 0 {
            hal::cpu::wait_for_interrupt();
        } else {
            // Another CPU has not finished leaving what waits here.
            lock::relax();
        }
    }
}

/// Forgets what another simulated machine left.
#[cfg(not(target_os = "none"))]
pub(crate) fn forget_all() {
    IDLE.store(0, Ordering::SeqCst);
    sample::forget_all();
    for cpu in 0..MAX_CPUS {
        QUEUES[cpu].lock().tasks.clear();
        LENGTHS[cpu].store(0, Ordering::SeqCst);
        MEMORY[cpu].store(0, Ordering::SeqCst);
        let _ = (IDLE_TASKS[cpu].lock().take(), LEFT[cpu].take());
    }
}

/// Registers what is done when a CPU is about to go on with a task that runs in other memory: putting it in force.
pub fn set_on_memory(on_memory: fn(&Task)) {
    let _ = ON_MEMORY.set(on_memory);
}

/// The running task has put other memory in force by itself.
pub fn change_memory(number: u64) {
    MEMORY[hal::cpu::current()].store(number, Ordering::Relaxed);
    with_current(|task| task.set_memory(number));
}

/// Lets a new task run.
pub fn spawn(task: &Arc<Task>) {
    wake(task);
}

/// Wakes a task if it sleeps; whether it did.
pub fn wake(task: &Arc<Task>) -> bool {
    if task.state.load(Ordering::SeqCst) & WAITING == 0 {
        return false;
    }
    let target = place(task);
    let mut queue = QUEUES[target].lock();
    let mut waiting = 0;
    let did_sleep = task.end_wait(|| waiting = push(&mut queue, target, Arc::clone(task)));
    drop(queue);
    if did_sleep {
        alert(target, waiting);
    }
    did_sleep
}

/// Makes a CPU look at its queue, which has become `waiting` tasks long, if it does not do so anyhow.
fn alert(target: usize, waiting: usize) {
    let this = hal::cpu::current();
    if target == this {
        // Whoever runs here gives way at the end of its slice.
        let since = with_current(|task| task.since.load(Ordering::Relaxed));
        if time::armed() > since + SLICE {
            time::arm(time::now() + SLICE);
        }
    } else if IDLE.load(Ordering::SeqCst) >> target & 1 == 1 {
        hal::cpu::kick(target);
    } else if waiting == 1 {
        // Its timer may not be set, because nobody waited there: let it see that somebody does.
        hal::cpu::kick(target);
    }
}

/// Makes the CPU that runs a task see its work soon.
pub(crate) fn nudge(task: &Arc<Task>) {
    let cpu = task.cpu.load(Ordering::Relaxed);
    if task.thread.is_running() && cpu != hal::cpu::current() {
        hal::cpu::kick(cpu);
    }
}

/// The CPU that a woken task goes to.
fn place(task: &Task) -> usize {
    let last = task.cpu.load(Ordering::Relaxed);
    let online = hal::cpu::online();
    if online == 1 {
        return 0;
    }
    let allowed = match task.affinity() & online {
        0 => online,
        some => some,
    };
    let idle = IDLE.load(Ordering::Relaxed) & allowed;
    match (idle >> last & 1 == 1, idle, allowed >> last & 1 == 1) {
        (true, ..) | (_, 0, true) => last,
        (_, 0, false) => allowed.trailing_zeros() as usize,
        _ => idle.trailing_zeros() as usize,
    }
}

/// Puts a task in a CPU's queue, and says how many are there now.
fn push(queue: &mut RunQueue, cpu: usize, task: Arc<Task>) -> usize {
    task.cpu.store(cpu, Ordering::Relaxed);
    queue.tasks.push_back(task);
    let waiting = queue.tasks.len();
    LENGTHS[cpu].store(waiting, Ordering::SeqCst);
    waiting
}

/// The next task for a CPU: the first of its queue, or one from another's. `running` is the task that the CPU runs now, which it may go on with.
#[inline]
fn pick(cpu: usize, running: Option<&Arc<Task>>) -> Option<Arc<Task>> {
    if LENGTHS[cpu].load(Ordering::SeqCst) > 0
        && let Some(task) = take(cpu, cpu, running)
    {
        return Some(task);
    }
    let mut others = hal::cpu::online() & !(1 << cpu);
    while others != 0 {
        let other = others.trailing_zeros() as usize;
        others &= others - 1;
        if LENGTHS[other].load(Ordering::Relaxed) > 0
            && let Some(task) = take(other, cpu, None)
        {
            return Some(task);
        }
    }
    None
}

/// Whether a task may run on a CPU: one that may run only where no CPU is may run anywhere.
fn may_run(task: &Task, cpu: usize) -> bool {
    let affinity = task.affinity();
    affinity >> cpu & 1 == 1 || affinity & hal::cpu::online() == 0
}

/// Sends the first tasks of this CPU's queue, which may not run here, to where they may: they were put here while their affinity changed. Takes what comes after them.
#[cold]
fn take_behind_forbidden(cpu: usize, running: Option<&Arc<Task>>) -> Option<Arc<Task>> {
    loop {
        let mut queue = QUEUES[cpu].lock();
        if may_run(queue.tasks.front()?, cpu) {
            break;
        }
        let first = queue.tasks.pop_front()?;
        LENGTHS[cpu].store(queue.tasks.len(), Ordering::SeqCst);
        drop(queue);
        send(first);
    }
    take(cpu, cpu, running)
}

/// Puts a task that has been taken out of a queue in that of a CPU where it may run. It counts as queued all the time: nobody else puts it anywhere.
fn send(task: Arc<Task>) {
    let target = place(&task);
    let waiting = push(&mut QUEUES[target].lock(), target, task);
    alert(target, waiting);
}

/// Takes something out of a short queue, past what is before it. (`VecDeque::remove` is 600 bytes of code for each type.)
pub fn take_out<T>(queue: &mut VecDeque<T>, at: usize) -> Option<T> {
    (0..at).rev().for_each(|place| queue.swap(place, place + 1));
    queue.pop_front()
}

/// Takes a task from `cpu`'s queue for `by` to run.
fn take(cpu: usize, by: usize, running: Option<&Arc<Task>>) -> Option<Arc<Task>> {
    let mut queue = QUEUES[cpu].lock();
    let fits = |task: &Arc<Task>| {
        let mine = running.is_some_and(|running| Arc::ptr_eq(running, task));
        may_run(task, by) && (mine || !task.thread.is_running())
    };
    let first = queue.tasks.front()?;
    let task = if fits(first) {
        queue.tasks.pop_front()?
    } else if cpu == by && !may_run(first, by) {
        drop(queue);
        return take_behind_forbidden(cpu, running);
    } else {
        let at = queue.tasks.iter().position(fits)?;
        take_out(&mut queue.tasks, at)?
    };
    task.state.store(RUNNABLE, Ordering::SeqCst);
    task.cpu.store(by, Ordering::Relaxed);
    LENGTHS[cpu].store(queue.tasks.len(), Ordering::SeqCst);
    Some(task)
}

/// The running task sleeps (its state says so) or goes on if it has been woken.
#[inline]
pub(crate) fn sleep() {
    with_current(|task| {
        task.voluntary.fetch_add(1, Ordering::Relaxed);
        leave(task);
    });
}

/// Lets others run first.
pub fn yield_now() {
    let cpu = hal::cpu::current();
    if LENGTHS[cpu].load(Ordering::Relaxed) == 0 {
        return;
    }
    with_current(|task| {
        task.voluntary.fetch_add(1, Ordering::Relaxed);
        enqueue_again(task, cpu);
        leave(task);
    });
}

/// The running task's slice is over: lets others run, if there are any. Whether there were.
pub fn reschedule_if_needed() -> bool {
    let cpu = hal::cpu::current();
    if leave_forbidden_cpu() {
        return true;
    }
    if LENGTHS[cpu].load(Ordering::Relaxed) == 0 {
        return false;
    }
    with_current(|task| {
        task.involuntary.fetch_add(1, Ordering::Relaxed);
        enqueue_again(task, cpu);
        leave(task);
    });
    true
}

/// The running task may have been forbidden its CPU: goes to one that it may use. Whether it did.
pub fn leave_forbidden_cpu() -> bool {
    let cpu = hal::cpu::current();
    if with_current(|task| may_run(task, cpu)) {
        return false;
    }
    let task = current();
    let target = place(&task);
    enqueue_again(&task, target);
    hal::cpu::kick(target);
    leave(&task);
    true
}

/// It has been said on which CPUs a task may run: it goes there if it is elsewhere, at the latest when it is about to return to its program.
pub fn follow_affinity(task: &Arc<Task>) {
    if with_current(|current| Arc::ptr_eq(current, task)) {
        leave_forbidden_cpu();
        return;
    }
    task.note_work(Work::RESCHEDULE);
    nudge(task);
    loop {
        let at = task.cpu();
        if may_run(task, at) {
            return;
        }
        let mut queue = QUEUES[at].lock();
        if task.cpu() != at {
            // Somebody has just put it elsewhere.
            continue;
        }
        let place = queue.tasks.iter().position(|queued| Arc::ptr_eq(queued, task));
        let moved = place.and_then(|place| take_out(&mut queue.tasks, place));
        LENGTHS[at].store(queue.tasks.len(), Ordering::SeqCst);
        drop(queue);
        return moved.map_or((), send);
    }
}

fn enqueue_again(task: &Arc<Task>, cpu: usize) {
    let mut queue = QUEUES[cpu].lock();
    if task.state.fetch_or(QUEUED, Ordering::SeqCst) & QUEUED == 0 {
        push(&mut queue, cpu, Arc::clone(task));
    }
}

/// Gives this CPU to the next task, or to the one that idles.
fn leave(task: &Arc<Task>) {
    let cpu = hal::cpu::current();
    match pick(cpu, Some(task)) {
        Some(next) if Arc::ptr_eq(&next, task) => {
            if LENGTHS[cpu].load(Ordering::SeqCst) > 0 {
                // Another CPU has not finished leaving what waits here: soon it will have.
                time::arm(time::now() + SLICE / 8);
            }
        }
        Some(next) => switch_to(next),
        None => {
            let idle = IDLE_TASKS[cpu].lock().clone();
            match idle {
                Some(idle) if !Arc::ptr_eq(&idle, task) => switch_to(idle),
                _ => {}
            }
        }
    }
}

fn switch_to(next: Arc<Task>) {
    let cpu = hal::cpu::current();
    let now = time::now();
    if next.ran_on.load(Ordering::Relaxed) != cpu {
        next.ran_on.store(cpu, Ordering::Relaxed);
        next.note_work(Work::CPU);
    }
    let slice = if LENGTHS[cpu].load(Ordering::Relaxed) > 0 {
        Some(now + slice_of(&next))
    } else {
        None
    };
    if let Some(end) = slice {
        time::arm(end);
    }
    SWITCHES.fetch_add(1, Ordering::Relaxed);
    with_current(|from| sample::switch(from, &next, cpu, now));
    let memory = next.memory();
    if memory != MEMORY[cpu].load(Ordering::Relaxed)
        && let Some(put_in_force) = ON_MEMORY.get()
    {
        MEMORY[cpu].store(memory, Ordering::Relaxed);
        put_in_force(&next);
    }
    current::switch(next, &LEFT[cpu]);
    finish_switch();
}

/// What the task that has just been switched to does for the one that was left: lets a CPU that has nothing to do take it, and drops this CPU's reference to it.
/// The first thing that a new task calls.
pub fn finish_switch() {
    let left = LEFT[hal::cpu::current()].take();
    let idle = IDLE.load(Ordering::Relaxed);
    if idle != 0
        && let Some(left) = left
        && left.state.load(Ordering::Relaxed) & QUEUED != 0
    {
        let able = left.affinity() & idle;
        if able != 0 {
            hal::cpu::kick(able.trailing_zeros() as usize);
        }
    }
}

/// Ends the running task.
pub fn exit_current() -> ! {
    let task = current();
    task.state.store(DEAD, Ordering::SeqCst);
    drop(task);
    let cpu = hal::cpu::current();
    let idle = IDLE_TASKS[cpu].lock().clone();
    if let Some(next) = pick(cpu, None).or(idle) {
        switch_to(next);
    }
    unreachable!("a CPU has at least the task that idles")
}

fn slice_of(task: &Task) -> u64 {
    let nice = task.nice();
    if nice <= 0 {
        SLICE + SLICE / 4 * u64::from(nice.unsigned_abs())
    } else {
        (SLICE / (1 + nice.unsigned_abs() as u64)).max(500_000)
    }
}

/// The timer interrupt of this CPU: does what is due, and notes whether the running task's slice is over. `behind_kernel` says whether the interrupt seems to have waited
/// until the kernel returned to its program.
pub fn timer_interrupt(behind_kernel: bool) {
    time::run_expired();
    let cpu = hal::cpu::current();
    with_current(|task| sample::tick(task, cpu, behind_kernel));
    if LENGTHS[cpu].load(Ordering::Relaxed) == 0 {
        return;
    }
    with_current(|task| {
        let end = task.since.load(Ordering::Relaxed) + slice_of(task);
        if time::now() + SLICE / 16 >= end {
            task.note_work(Work::RESCHEDULE);
        } else {
            time::arm(end);
        }
    });
}

/// Another CPU put something in this CPU's queue.
pub fn reschedule_interrupt() {
    if LENGTHS[hal::cpu::current()].load(Ordering::Relaxed) > 0 {
        with_current(|task| time::arm(task.since.load(Ordering::Relaxed) + slice_of(task)));
    }
}

/// Tasks that wait for a CPU or have one, for load averages.
#[must_use]
pub fn runnable() -> usize {
    let queues = &LENGTHS[..hal::cpu::count()];
    let waiting: usize = queues.iter().map(|length| length.load(Ordering::Relaxed)).sum();
    let busy = hal::cpu::online() & !IDLE.load(Ordering::Relaxed);
    waiting + busy.count_ones() as usize
}

/// Switches between tasks since boot.
#[must_use]
pub fn switches() -> u64 {
    SWITCHES.load(Ordering::Relaxed)
}
