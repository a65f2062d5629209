//! A machine whose every step is chosen by a seed: one seed is one interleaving of its CPUs.
//!
//! The kernel's own code runs on simulated CPUs, all of which are one host thread. Before each operation on a lock or an atomic word, interrupt, and switch of kernel threads
//! ([`lock::step`]), the machine chooses which CPU goes on (`choice`): nothing else lets another CPU run, so that a seed says all. A CPU that waits for an interrupt goes on when
//! another kicks it or when its timer is due; time passes a little with each step, in jumps now and then, and up to the next timer when no CPU can run otherwise.
//!
//! When no CPU can run and no timer is set, the run is over, and whoever started it says whether that is the end or a hang. A run without end is stopped after [`LIMIT`] steps.
//! A panic on any CPU ends the run too. [`explore`] runs many seeds and prints the one that failed, with the last steps.
//!
//! Invariants: interrupts come only where a machine has them open: in [`wait`] and [`open_interrupts`]. All CPUs see operations in one order (see [`lock::atomic`] on what that leaves
//! out). It does not do: interrupts in kernel code (the kernel has them off), devices.
//!
//! Why not host threads that take turns, as [`crate::thread`] has otherwise: a turn takes ten microseconds, and much longer on a host that has other work. Why not `loom` or
//! `shuttle`: they bring their own threads and would test the kernel's algorithms with another scheduler; here the scheduler itself is what is tested.

use crate::choice::Choice;
pub use crate::choice::Random;
pub use crate::explore::{explore, first_failing};
use crate::fiber::Fiber;
use crate::thread;
use lock::step::Step;
use seam::CpuSet;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

/// Steps after which a run is said to have no end.
pub const LIMIT: u64 = 400_000;
/// Steps that are kept to be shown.
const SHOWN: usize = 60;
/// Code whose steps are nobody else's business.
const UNSEEN: &str = "kernel/core/frames/";

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing can happen any more. The number is the same whenever the same choices were made.
    Quiet(u64),
    /// No end was in sight.
    Endless,
    /// A CPU panicked.
    Panicked(Box<dyn Any + Send>),
}

#[derive(Debug)]
struct Cpu {
    /// Where it stopped while another CPU goes on.
    stopped: Fiber,
    waits: bool,
    kicked: bool,
    timer: Option<u64>,
    local: usize,
    root: u64,
}

struct State {
    cpus: Vec<Cpu>,
    running: usize,
    choice: Choice,
    now: u64,
    steps: u64,
    hash: u64,
    last: VecDeque<(usize, &'static Location<'static>)>,
    over: Option<Outcome>,
}

struct Machine {
    state: RefCell<State>,
    /// Where whoever started the run waits.
    runner: Fiber,
}

thread_local! {
    static MACHINE: Cell<*const Machine> = const { Cell::new(std::ptr::null()) };
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The machine that this host thread is, if it is one.
fn machine() -> Option<&'static Machine> {
    // SAFETY: `run` puts the address of its machine there and takes it out before the machine goes.
    unsafe { MACHINE.with(Cell::get).as_ref() }
}

/// Whether this host thread is an interleaved machine now.
#[must_use]
pub fn is_on() -> bool {
    machine().is_some()
}

fn with<T>(then: impl FnOnce(&mut State) -> T) -> Option<T> {
    machine().map(|machine| then(&mut machine.state.borrow_mut()))
}

impl State {
    fn is_ready(&self, cpu: &Cpu) -> bool {
        !cpu.waits || cpu.kicked || cpu.timer.is_some_and(|timer| timer <= self.now)
    }

    fn ready(&self) -> CpuSet {
        let ready = self.cpus.iter().enumerate().filter(|(_, cpu)| self.is_ready(cpu));
        ready.fold(0, |set, (number, _)| set | 1 << number)
    }

    /// The CPU that goes on; none when the run is over.
    fn choose(&mut self, stays: bool) -> Option<usize> {
        self.steps += 1;
        if self.steps > LIMIT {
            self.over = Some(Outcome::Endless);
            return None;
        }
        self.now += self.choice.passes();
        let mut ready = self.ready();
        if ready == 0 {
            let Some(next) = self.cpus.iter().filter_map(|cpu| cpu.timer).min() else {
                self.over = Some(Outcome::Quiet(self.hash));
                return None;
            };
            self.now = next;
            ready = self.ready();
        }
        let chosen = self.choice.next(ready, self.running, stays, self.steps);
        self.hash = (self.hash.rotate_left(5) ^ chosen as u64).wrapping_mul(0x517c_c1b7_2722_0a95);
        Some(chosen)
    }
}

impl Machine {
    /// Lets the CPU go on that is chosen now; comes back when this one is.
    fn change(&self, stays: bool) {
        let mut state = self.state.borrow_mut();
        let from = state.running;
        let to = match state.choose(stays) {
            Some(to) if to == from => return,
            Some(to) => {
                state.running = to;
                &raw const state.cpus[to].stopped
            }
            None => &raw const self.runner,
        };
        let from = &raw const state.cpus[from].stopped;
        drop(state);
        let held = lock::order::exchange(lock::order::Held::default());
        // SAFETY: the CPUs of a machine are neither moved nor dropped while it runs.
        unsafe { (*from).change(&*to) };
        lock::order::exchange(held);
    }
}

fn step(what: Step, place: &'static Location<'static>) {
    let Some(machine) = machine() else { return };
    // A CPU that panics goes on alone, to its end. How many steps it takes to get a page depends on what was there before, and must not be part of a seed.
    if std::thread::panicking() || (what == Step::Act && place.file().starts_with(UNSEEN)) {
        return;
    }
    let mut state = machine.state.borrow_mut();
    let running = state.running;
    if state.last.len() == SHOWN {
        state.last.pop_front();
    }
    state.last.push_back((running, place));
    drop(state);
    machine.change(what == Step::Act);
}

/// A point at which another CPU may go on.
#[track_caller]
pub fn point() {
    step(Step::Act, Location::caller());
}

/// A point at which others go on first: a program that looks again and again at what another does. It has looked many times when this returns: slices end.
#[track_caller]
pub fn pause() {
    const LOOKS: u64 = 20_000;
    with(|state| state.now += LOOKS);
    step(Step::Spin, Location::caller());
}

/// Takes the interrupts that are pending on this CPU.
pub fn open_interrupts() {
    enum Interrupt {
        Timer,
        Kick,
    }
    loop {
        point();
        let next = with(|state| {
            let now = state.now;
            let running = state.running;
            let cpu = &mut state.cpus[running];
            if cpu.timer.is_some_and(|timer| timer <= now) {
                cpu.timer = None;
                return Some(Interrupt::Timer);
            }
            std::mem::take(&mut cpu.kicked).then_some(Interrupt::Kick)
        });
        match next.flatten() {
            Some(Interrupt::Timer) => thread::timer_interrupt(),
            Some(Interrupt::Kick) => thread::reschedule_interrupt(),
            None => return,
        }
    }
}

/// Waits for an interrupt and takes it.
#[track_caller]
pub(crate) fn wait() {
    let Some(machine) = machine() else { return };
    point();
    let set = |waits| {
        let mut state = machine.state.borrow_mut();
        let running = state.running;
        state.cpus[running].waits = waits;
    };
    set(true);
    machine.change(false);
    set(false);
    open_interrupts();
}

/// The number of the CPU that runs.
pub(crate) fn current() -> Option<usize> {
    with(|state| state.running)
}

pub(crate) fn count() -> Option<usize> {
    with(|state| state.cpus.len())
}

pub(crate) fn kick(cpu: usize) {
    point();
    with(|state| state.cpus[cpu].kicked = true);
}

pub(crate) fn set_timer(deadline: Option<u64>) {
    with(|state| {
        let running = state.running;
        state.cpus[running].timer = deadline;
    });
}

pub(crate) fn now() -> Option<u64> {
    with(|state| state.now)
}

pub(crate) fn local() -> Option<usize> {
    with(|state| state.cpus[state.running].local)
}

pub(crate) fn set_local(value: usize) -> Option<()> {
    with(|state| {
        let running = state.running;
        state.cpus[running].local = value;
    })
}

pub(crate) fn root() -> Option<u64> {
    with(|state| state.cpus[state.running].root)
}

pub(crate) fn set_root(root: u64) -> Option<()> {
    with(|state| {
        let running = state.running;
        state.cpus[running].root = root;
    })
}

/// Runs `main` on a stack of the machine's; a panic in it ends the run.
pub(crate) fn guarded(main: impl FnOnce()) -> ! {
    let end = match catch_unwind(AssertUnwindSafe(main)) {
        Ok(()) => Outcome::Panicked(Box::new("the main function of a simulated CPU or thread returned")),
        Err(panic) => Outcome::Panicked(panic),
    };
    if let Some(machine) = machine() {
        machine.state.borrow_mut().over = Some(end);
        Fiber::running().change(&machine.runner);
    }
    std::process::abort()
}

/// Starts a machine with so many CPUs, on each of which `main` runs with its number and never returns; comes back when the run is over.
///
/// # Panics
/// On a host thread that is a machine already.
pub fn run(seed: u64, cpus: usize, main: impl Fn(usize) + Clone + 'static) -> Outcome {
    assert!(!is_on(), "a machine in a machine");
    lock::step::set_step(step);
    crate::entropy::seed(seed);
    crate::tlb::begin();
    let cpu = |number| {
        let main = main.clone();
        Cpu {
            stopped: Fiber::new(move || guarded(move || main(number))),
            waits: false,
            kicked: false,
            timer: None,
            local: 0,
            root: 0,
        }
    };
    let machine = Machine {
        state: RefCell::new(State {
            cpus: (0..cpus).map(cpu).collect(),
            running: 0,
            choice: Choice::new(seed, cpus),
            now: 1_000_000_000,
            steps: 0,
            hash: seed,
            last: VecDeque::new(),
            over: None,
        }),
        runner: Fiber::running(),
    };
    MACHINE.with(|cell| cell.set(&raw const machine));
    let first = {
        let state = machine.state.borrow();
        &raw const state.cpus[0].stopped
    };
    // SAFETY: the CPUs of a machine are neither moved nor dropped while it runs.
    machine.runner.change(unsafe { &*first });
    MACHINE.with(|cell| cell.set(std::ptr::null()));
    let state = machine.state.into_inner();
    LAST.with(|last| *last.borrow_mut() = describe(&state));
    state.over.unwrap_or(Outcome::Endless)
}

fn describe(state: &State) -> String {
    let mut text = String::new();
    for (cpu, place) in &state.last {
        let _ = writeln!(text, "  CPU {cpu} at {}:{}", place.file(), place.line());
    }
    let _ = writeln!(text, "after {} steps", state.steps);
    text
}

/// The last steps of the last run on this host thread.
#[must_use]
pub fn last_steps() -> String {
    LAST.with(|last| last.borrow().clone())
}
