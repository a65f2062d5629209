//! Spin locks for a kernel that runs with interrupts off.
//!
//! Kernel code is never preempted and never interrupted (see `docs/decisions`), so a lock needs no interrupt bookkeeping: one
//! atomic exchange takes it and one store gives it back. What a spinning CPU must still do is answer the others (they may
//! wait for it to flush its TLB while it waits for them): every turn of the wait calls the function registered with
//! [`set_relax`].
//!
//! Invariants: a guard is never held across a call that sleeps or that touches user memory. Lock order is written where the
//! locks are declared; `ARCHITECTURE.md` has the whole list, and debug builds check it ([`order`]). It does not do: fairness, recursion, poisoning.
#![no_std]
// UNSAFETY: a lock hands out `&mut` to shared data; that is what `UnsafeCell` is for.
#![expect(unsafe_code, reason = "a lock hands out exclusive references to shared data")]

pub mod atomic;
pub mod order;
#[cfg(not(target_os = "none"))]
pub mod step;

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};
use order::Class;

static RELAX: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Registers what a CPU does on each turn of a wait.
pub fn set_relax(relax: fn()) {
    RELAX.store(relax as *mut (), Ordering::Release);
}

/// One turn of a busy wait.
#[cold]
#[cfg_attr(not(target_os = "none"), track_caller)]
pub fn relax() {
    #[cfg(not(target_os = "none"))]
    step::step(step::Step::Spin);
    let hook = RELAX.load(Ordering::Acquire);
    if !hook.is_null() {
        // SAFETY: `set_relax` is the only writer of a non-null value, and it stores a `fn()`.
        let hook: fn() = unsafe { core::mem::transmute::<*mut (), fn()>(hook) };
        hook();
    }
    core::hint::spin_loop();
}

/// Waits until a lock that is taken can be taken, and takes it.
#[cold]
#[inline(never)]
fn take_later(taken: &AtomicBool) {
    loop {
        while taken.load(Ordering::Relaxed) {
            relax();
        }
        if !taken.swap(true, Ordering::Acquire) {
            return;
        }
    }
}

/// Data that one CPU at a time may touch.
pub struct SpinLock<T: ?Sized> {
    taken: AtomicBool,
    class: Class,
    data: UnsafeCell<T>,
}

// SAFETY: the lock gives access to one holder at a time, so sharing it needs only that the data may move between CPUs.
unsafe impl<T: ?Sized + Send> Sync for SpinLock<T> {}
// SAFETY: moving the lock moves the data.
unsafe impl<T: ?Sized + Send> Send for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// An open lock around `data`.
    #[cfg_attr(debug_assertions, track_caller)]
    pub const fn new(data: T) -> Self {
        Self::of_class(Class::new(), data)
    }

    /// As [`SpinLock::new`], of a class of which several are held at once, taken in order of their addresses (in an array, of their numbers).
    #[cfg_attr(debug_assertions, track_caller)]
    pub const fn by_address(data: T) -> Self {
        Self::of_class(Class::new().by_address(), data)
    }

    /// As [`SpinLock::new`], of a class that may be held while user memory is touched which is known to be there.
    #[cfg_attr(debug_assertions, track_caller)]
    pub const fn over_user_memory(data: T) -> Self {
        Self::of_class(Class::new().over_user_memory().by_address(), data)
    }

    /// As [`SpinLock::new`], for what makes a lock that sleeps of it: it is held while its task sleeps, and nobody ever waits for it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub const fn over_sleep(data: T) -> Self {
        Self::of_class(Class::new().over_sleep().by_address(), data)
    }

    const fn of_class(class: Class, data: T) -> Self {
        Self {
            taken: AtomicBool::new(false),
            class,
            data: UnsafeCell::new(data),
        }
    }

    /// Takes the lock apart.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Waits for the lock and takes it.
    #[inline]
    #[cfg_attr(any(debug_assertions, not(target_os = "none")), track_caller)]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        self.take(false)
    }

    /// As [`SpinLock::lock`], under another lock of its class that comes first whenever both are held. The caller says why that is so.
    #[inline]
    #[cfg_attr(any(debug_assertions, not(target_os = "none")), track_caller)]
    pub fn lock_below(&self) -> SpinGuard<'_, T> {
        self.take(true)
    }

    #[inline(always)]
    #[cfg_attr(any(debug_assertions, not(target_os = "none")), track_caller)]
    fn take(&self, is_below: bool) -> SpinGuard<'_, T> {
        #[cfg(not(target_os = "none"))]
        step::step(step::Step::Act);
        self.class.before::<T>(is_below);
        if self.taken.swap(true, Ordering::Acquire) {
            take_later(&self.taken);
        }
        self.class.taken::<T>();
        SpinGuard { lock: self }
    }

    /// Takes the lock if it is free.
    #[inline]
    #[cfg_attr(any(debug_assertions, not(target_os = "none")), track_caller)]
    pub fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        #[cfg(not(target_os = "none"))]
        step::step(step::Step::Act);
        if self.taken.swap(true, Ordering::Acquire) {
            None
        } else {
            self.class.taken::<T>();
            Some(SpinGuard { lock: self })
        }
    }

    /// The data, through an exclusive reference to the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

impl<T: Default> Default for SpinLock<T> {
    #[cfg_attr(debug_assertions, track_caller)]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for SpinLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_tuple("SpinLock").field(&&*guard).finish(),
            None => f.write_str("SpinLock(taken)"),
        }
    }
}

/// The right to touch the data of a [`SpinLock`], until dropped.
#[must_use]
pub struct SpinGuard<'a, T: ?Sized> {
    lock: &'a SpinLock<T>,
}

impl<T: ?Sized> Deref for SpinGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard is the only holder of the lock.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard is the only holder of the lock, and it is borrowed exclusively.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.class.released();
        self.lock.taken.store(false, Ordering::Release);
        #[cfg(not(target_os = "none"))]
        step::step(step::Step::Act);
    }
}

const EMPTY: u8 = 0;
const FILLING: u8 = 1;
const FULL: u8 = 2;

/// A value that is set once, usually at boot, and read without cost afterwards.
pub struct Once<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written once, before `state` says `FULL`, and only read afterwards.
unsafe impl<T: Send + Sync> Sync for Once<T> {}
// SAFETY: moving the cell moves the value.
unsafe impl<T: Send> Send for Once<T> {}

impl<T> Once<T> {
    /// An empty cell.
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if it has been set.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.state.load(Ordering::Acquire) == FULL {
            // SAFETY: `FULL` is stored after the value was written, and nobody writes it again.
            Some(unsafe { (*self.value.get()).assume_init_ref() })
        } else {
            None
        }
    }

    /// Sets the value; gives it back if there is one already.
    ///
    /// # Errors
    /// The value, when the cell was not empty.
    pub fn set(&self, value: T) -> Result<(), T> {
        if self
            .state
            .compare_exchange(EMPTY, FILLING, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return Err(value);
        }
        // SAFETY: only the CPU that moved the state from `EMPTY` to `FILLING` gets here, and readers wait for `FULL`.
        unsafe { (*self.value.get()).write(value) };
        self.state.store(FULL, Ordering::Release);
        Ok(())
    }

    /// The value, made now if it is not there yet. `make` may run on several CPUs at once; one result is kept.
    #[inline]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.init(make),
        }
    }

    #[cold]
    fn init(&self, make: impl FnOnce() -> T) -> &T {
        drop(self.set(make()));
        loop {
            if let Some(value) = self.get() {
                return value;
            }
            relax();
        }
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        if *self.state.get_mut() == FULL {
            // SAFETY: `FULL` means that the value was written, and it is dropped only here.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::sync::Arc;
    use std::vec::Vec;

    #[test]
    fn increments_from_several_threads_all_count() {
        let lock = Arc::new(SpinLock::new(0u64));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let lock = Arc::clone(&lock);
                std::thread::spawn(move || (0..1000).for_each(|_| *lock.lock() += 1))
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("the thread ran"));
        assert_eq!(*lock.lock(), 4000);
    }

    #[test]
    fn once_keeps_the_first_value() {
        let once = Once::new();
        assert!(once.get().is_none());
        assert_eq!(once.set(1), Ok(()));
        assert_eq!(once.set(2), Err(2));
        assert_eq!(once.get(), Some(&1));
    }
}
