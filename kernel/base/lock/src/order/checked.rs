//! The checks.

pub use super::held::Held;

use super::graph::{self, Edge, Name};
use super::held::{Entry, Manner};
use core::panic::Location;
use core::sync::atomic::{AtomicBool, AtomicU16, Ordering};

/// The class of a lock, as the lock keeps it.
#[derive(Debug)]
pub(crate) struct Class {
    place: &'static Location<'static>,
    manner: Manner,
    by_address: bool,
    /// The class's number, once the lock has been taken.
    number: AtomicU16,
}

/// Something was wrong and has been told; what comes after would only hide it.
static OVER: AtomicBool = AtomicBool::new(false);

impl Class {
    #[track_caller]
    pub(crate) const fn new() -> Self {
        Self {
            place: Location::caller(),
            manner: Manner::Spin,
            by_address: false,
            number: AtomicU16::new(0),
        }
    }

    pub(crate) const fn by_address(mut self) -> Self {
        self.by_address = true;
        self
    }

    pub(crate) const fn over_sleep(mut self) -> Self {
        self.manner = Manner::OverSleep;
        self
    }

    pub(crate) const fn over_user_memory(mut self) -> Self {
        self.manner = Manner::OverUserMemory;
        self
    }

    fn address(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    fn number<T: ?Sized>(&self) -> u16 {
        match self.number.load(Ordering::Relaxed) {
            0 => {
                let number = graph::class(self.place, core::any::type_name::<T>());
                self.number.store(number, Ordering::Relaxed);
                number
            }
            number => number,
        }
    }

    /// The lock is about to be waited for; `is_below` if the caller answers for its order among locks of its class.
    #[track_caller]
    pub(crate) fn before<T: ?Sized>(&self, is_below: bool) {
        let held = cpu::with(|held| *held).unwrap_or_default();
        if held.entries().next().is_none() || OVER.load(Ordering::Relaxed) {
            return;
        }
        let taken_at = Location::caller();
        let after = self.number::<T>();
        for entry in held.entries().filter(|entry| entry.class != 0 && after != 0) {
            if entry.class == after {
                let in_order = is_below || (self.by_address && entry.address < self.address());
                if !in_order {
                    fail();
                    panic!(
                        "lock order: a second {} is taken at {taken_at} in no order that its class has, while these are held:{held}",
                        Name(after)
                    );
                }
            } else if !graph::has_seen(entry.class, after) {
                let edge = Edge {
                    before: entry.class,
                    after,
                    held_at: entry.place,
                    taken_at,
                };
                if let Some(path) = graph::note(edge) {
                    fail();
                    panic!(
                        "lock order: {} is taken at {taken_at} while these are held:{held}\nbut the other order has been seen:{path}",
                        Name(after)
                    );
                }
            }
        }
    }

    /// The lock has been taken.
    #[track_caller]
    pub(crate) fn taken<T: ?Sized>(&self) {
        let entry = Entry {
            class: self.number::<T>(),
            manner: self.manner,
            address: self.address(),
            place: Location::caller(),
        };
        cpu::with(|held| held.push(entry));
    }

    /// The lock is given back.
    pub(crate) fn released(&self) {
        cpu::with(|held| held.remove(self.address()));
    }
}

/// From here on nothing is checked: this CPU is about to panic, and to take locks in whatever order it is in. A test on the host panics by itself.
fn fail() {
    OVER.store(cfg!(target_os = "none"), Ordering::Relaxed);
}

/// Says how a CPU finds its number.
pub fn set_cpu(cpu: fn() -> usize) {
    cpu::set(cpu);
}

fn check(what: &str, is_allowed: impl Fn(Manner) -> bool) {
    let held = cpu::with(|held| *held).unwrap_or_default();
    if !held.entries().all(|entry| is_allowed(entry.manner)) && !OVER.load(Ordering::Relaxed) {
        fail();
        panic!("lock order: {what} while these are held:{held}");
    }
}

/// The task may sleep here.
///
/// # Panics
/// When a lock is held that may not be.
pub fn may_sleep() {
    check("the task may sleep", |manner| manner == Manner::OverSleep);
}

/// User memory may be touched here.
///
/// # Panics
/// When a lock is held that may not be.
pub fn may_touch_user_memory() {
    check("user memory is touched", |manner| manner != Manner::Spin);
}

/// The task leaves its CPU, and what it holds goes with it.
#[must_use]
pub fn put_away() -> Held {
    may_sleep();
    exchange(Held::NOTHING)
}

/// The task is back on a CPU.
pub fn take_back(held: Held) {
    exchange(held);
}

/// Another CPU of the simulated machine goes on: what it holds instead of what this one does.
pub fn exchange(other: Held) -> Held {
    cpu::with(|held| core::mem::replace(held, other)).unwrap_or_default()
}

/// Tells every order that was seen.
pub fn observed(mut each: impl FnMut(&dyn core::fmt::Display)) {
    graph::for_each(|edge| each(edge));
}

/// What each CPU holds: on the host, each host thread.
#[cfg(not(target_os = "none"))]
mod cpu {
    extern crate std;
    use super::Held;
    use std::cell::RefCell;

    std::thread_local! {
        static HELD: RefCell<Held> = const { RefCell::new(Held::NOTHING) };
    }

    pub(super) fn with<T>(then: impl FnOnce(&mut Held) -> T) -> Option<T> {
        HELD.try_with(|held| then(&mut held.borrow_mut())).ok()
    }

    pub(super) fn set(_cpu: fn() -> usize) {}
}

/// What each CPU holds.
#[cfg(target_os = "none")]
mod cpu {
    use super::Held;
    use crate::Once;
    use core::cell::UnsafeCell;

    /// Most CPUs of a machine.
    const CPUS: usize = 64;

    struct PerCpu([UnsafeCell<Held>; CPUS]);

    // SAFETY: each CPU touches its own alone.
    unsafe impl Sync for PerCpu {}

    static HELD: PerCpu = PerCpu([const { UnsafeCell::new(Held::NOTHING) }; CPUS]);
    static NUMBER: Once<fn() -> usize> = Once::new();

    pub(super) fn with<T>(then: impl FnOnce(&mut Held) -> T) -> Option<T> {
        // Before anybody says how CPUs find their numbers there is one.
        let cpu = NUMBER.get().map_or(0, |number| number());
        // SAFETY: this CPU's own, with interrupts off, and `then` takes no lock.
        HELD.0.get(cpu).map(|held| then(unsafe { &mut *held.get() }))
    }

    pub(super) fn set(cpu: fn() -> usize) {
        let _ = NUMBER.set(cpu);
    }
}
