//! CPUs: one for each host thread that asks.

use crate::interleave;
use seam::{CpuSet, MAX_CPUS};
use std::cell::Cell;
use std::sync::Mutex;

static TAKEN: Mutex<CpuSet> = Mutex::new(0);

struct Number(usize);

impl Drop for Number {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner) &= !(1 << self.0);
    }
}

thread_local! {
    static NUMBER: Number = Number(take());
    static LOCAL: Cell<usize> = const { Cell::new(0) };
}

fn take() -> usize {
    let mut taken = TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let number = (!*taken).trailing_zeros() as usize;
    assert!(number < MAX_CPUS, "more host threads than simulated CPUs");
    *taken |= 1 << number;
    number
}

/// The number of this CPU.
#[must_use]
pub fn current() -> usize {
    interleave::current().unwrap_or_else(|| NUMBER.with(|number| number.0))
}

/// How many CPUs the machine has.
#[must_use]
pub fn count() -> usize {
    interleave::count().unwrap_or(4)
}

/// The CPUs that run.
#[must_use]
pub fn online() -> CpuSet {
    interleave::count().map_or(1, |count| (1 << count) - 1)
}

/// Starts the others: they are host threads already.
pub fn start_others(_main: fn() -> !, _pages: &mut dyn FnMut(u32) -> Option<address::PhysAddr>) {}

/// Makes another CPU look at its run queue. CPUs that are host threads look all the time.
pub fn kick(cpu: usize) {
    interleave::kick(cpu);
}

/// Waits for something to happen.
pub fn wait_for_interrupt() {
    if interleave::is_on() {
        interleave::wait();
    } else {
        std::thread::yield_now();
    }
}

/// A word of this CPU that the scheduler may use.
#[must_use]
pub fn local() -> usize {
    interleave::local().unwrap_or_else(|| LOCAL.with(Cell::get))
}

/// Sets the word of this CPU.
pub fn set_local(value: usize) {
    if interleave::set_local(value).is_none() {
        LOCAL.with(|local| local.set(value));
    }
}

/// What `AT_HWCAP` and `AT_HWCAP2` tell a program.
#[must_use]
pub fn capabilities() -> [u64; 2] {
    [0; 2]
}

/// Says how many CPUs the machine has: it knows.
pub fn set_count(_count: usize) {}

/// How many CPUs the firmware's tables list.
#[must_use]
pub fn count_listed() -> usize {
    0
}
