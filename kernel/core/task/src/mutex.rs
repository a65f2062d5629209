//! A lock that may be held across user copies and sleeps.
//!
//! For what a program can make slow: a file's position while its read copies, a pipe's ends, a directory while it is changed. Waiting for it does not end at a
//! signal: its holders never wait for the outside world.

use crate::current::current;
use crate::queue::{WaitQueue, Wake};
use crate::scheduler;
use alloc::sync::Arc;
use core::ops::{Deref, DerefMut};
use lock::atomic::{AtomicBool, Ordering};
use lock::{SpinGuard, SpinLock};

/// Data that one task at a time may touch, for as long as it likes.
///
/// The data lies behind a spin lock that is only ever taken by the task that has taken `taken`, so that taking it never waits; it is
/// what gives exclusive access without `unsafe`.
#[derive(Debug)]
pub struct SleepLock<T> {
    taken: AtomicBool,
    waiting: WaitQueue,
    data: SpinLock<T>,
}

/// The right to touch the data of a [`SleepLock`].
pub struct SleepGuard<'a, T> {
    // Goes first: whoever takes the lock next finds the data free.
    data: SpinGuard<'a, T>,
    _taken: Taken<'a>,
}

/// The lock is taken until this goes.
struct Taken<'a> {
    taken: &'a AtomicBool,
    waiting: &'a WaitQueue,
}

impl<T: Default> Default for SleepLock<T> {
    #[cfg_attr(debug_assertions, track_caller)]
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> SleepLock<T> {
    /// An open lock around `data`.
    #[cfg_attr(debug_assertions, track_caller)]
    pub const fn new(data: T) -> Self {
        Self {
            taken: AtomicBool::new(false),
            waiting: WaitQueue::new(),
            data: SpinLock::over_sleep(data),
        }
    }

    /// Waits for the lock and takes it.
    #[inline]
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> SleepGuard<'_, T> {
        lock::order::may_sleep();
        if self.taken.swap(true, Ordering::Acquire) {
            self.wait();
        }
        SleepGuard {
            data: self.data.lock(),
            _taken: self.is_taken(),
        }
    }

    /// Takes the lock if it is free.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn try_lock(&self) -> Option<SleepGuard<'_, T>> {
        if self.taken.swap(true, Ordering::Acquire) {
            return None;
        }
        let taken = self.is_taken();
        Some(SleepGuard {
            data: self.data.try_lock()?,
            _taken: taken,
        })
    }

    #[inline]
    fn is_taken(&self) -> Taken<'_> {
        Taken {
            taken: &self.taken,
            waiting: &self.waiting,
        }
    }

    #[cold]
    fn wait(&self) {
        let task = current();
        let wake: Arc<dyn Wake> = task.clone();
        loop {
            task.prepare_to_wait();
            self.waiting.add(Arc::clone(&wake));
            let mine = !self.taken.swap(true, Ordering::Acquire);
            if !mine || !task.stay() {
                scheduler::sleep();
            }
            self.waiting.remove(&wake);
            if mine {
                return;
            }
        }
    }
}

impl<T> Deref for SleepGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.data
    }
}

impl<T> DerefMut for SleepGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.data
    }
}

impl Drop for Taken<'_> {
    #[inline]
    fn drop(&mut self) {
        self.taken.store(false, Ordering::SeqCst);
        self.waiting.wake_one();
    }
}
