//! No checks: nothing is noted, and every function is empty.

/// The class of a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class;

impl Class {
    pub(crate) const fn new() -> Self {
        Self
    }

    pub(crate) const fn by_address(self) -> Self {
        self
    }

    pub(crate) const fn over_sleep(self) -> Self {
        self
    }

    pub(crate) const fn over_user_memory(self) -> Self {
        self
    }

    #[inline(always)]
    pub(crate) fn before<T: ?Sized>(&self, _is_below: bool) {}

    #[inline(always)]
    pub(crate) fn taken<T: ?Sized>(&self) {}

    #[inline(always)]
    pub(crate) fn released(&self) {}
}

/// What a CPU holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held;

/// Says how a CPU finds its number.
#[inline(always)]
pub fn set_cpu(_cpu: fn() -> usize) {}

/// The task may sleep here.
#[inline(always)]
pub fn may_sleep() {}

/// User memory may be touched here.
#[inline(always)]
pub fn may_touch_user_memory() {}

/// The task leaves its CPU.
#[inline(always)]
pub fn put_away() -> Held {
    Held
}

/// The task is back on a CPU.
#[inline(always)]
pub fn take_back(_held: Held) {}

/// Another CPU of the simulated machine goes on.
#[inline(always)]
pub fn exchange(_held: Held) -> Held {
    Held
}

/// Tells every order that was seen.
#[inline(always)]
pub fn observed(_each: impl FnMut(&dyn core::fmt::Display)) {}
