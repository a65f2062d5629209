//! Points between which the simulated machine changes from one CPU to another.
//!
//! On the host, every operation on a lock and every one of [`crate::atomic`] calls the function registered with [`set_step`] first. On a bare machine there is nothing
//! here: CPUs run by themselves.

use core::panic::Location;
use core::sync::atomic::{AtomicPtr, Ordering};

/// What a CPU is about to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Something that others may see.
    Act,
    /// Look again at what it waits for.
    Spin,
}

/// What is called at each point.
pub type Stepper = fn(Step, &'static Location<'static>);

static STEPPER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Registers what is called at each point.
pub fn set_step(stepper: Stepper) {
    STEPPER.store(stepper as *mut (), Ordering::Release);
}

/// A point between two steps.
#[inline]
#[track_caller]
pub fn step(what: Step) {
    let stepper = STEPPER.load(Ordering::Acquire);
    if !stepper.is_null() {
        // SAFETY: `set_step` is the only writer of a non-null value, and it stores a `Stepper`.
        let stepper: Stepper = unsafe { core::mem::transmute::<*mut (), Stepper>(stepper) };
        stepper(what, Location::caller());
    }
}
