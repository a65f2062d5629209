//! The task that runs on this CPU.

// UNSAFETY: the CPU's word holds a counted reference as a bare pointer, so that finding the running task costs one load.
#![expect(unsafe_code, reason = "the running task is found through a bare pointer of the CPU")]

use crate::task::Task;
use alloc::sync::Arc;
use core::mem::ManuallyDrop;
use lock::atomic::{AtomicPtr, Ordering};

/// Calls `then` with the running task.
///
/// # Panics
/// Before the scheduler has been started on this CPU.
#[inline]
pub fn with_current<T>(then: impl FnOnce(&Arc<Task>) -> T) -> T {
    let pointer: *const Task = core::ptr::with_exposed_provenance(hal::cpu::local());
    assert!(!pointer.is_null(), "the scheduler has been started");
    // SAFETY: `set` stored a counted reference that the CPU holds while the task runs, and the caller runs on that task, which
    // cannot end before `then` returns.
    let task = ManuallyDrop::new(unsafe { Arc::from_raw(pointer) });
    then(&task)
}

/// Whether a task runs on this CPU: false before the scheduler has been started.
#[must_use]
pub fn exists() -> bool {
    hal::cpu::local() != 0
}

/// The running task.
#[must_use]
#[inline]
pub fn current() -> Arc<Task> {
    with_current(Arc::clone)
}

/// The task that a CPU has just left: a counted reference as a bare pointer, or nothing. Only the CPU itself looks at it.
pub(crate) struct Left(AtomicPtr<Task>);

impl Left {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(core::ptr::null_mut()))
    }

    /// Takes the reference out.
    pub(crate) fn take(&self) -> Option<Arc<Task>> {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(core::ptr::null_mut(), Ordering::Relaxed);
        if left.is_null() {
            return None;
        }
        // SAFETY: `switch` put a counted reference there, and nobody else takes it: other CPUs do not look.
        Some(unsafe { Arc::from_raw(left) })
    }
}

/// Makes `task`, whose stack runs already, the first task of this CPU.
pub(crate) fn adopt(task: Arc<Task>) {
    hal::cpu::set_local(Arc::into_raw(task).expose_provenance());
}

/// Runs `next` on this CPU. The CPU's reference to the task that is left goes to `left`, for `next` to drop: nothing is left on the old stack
/// that would have to be dropped there, so a task that has ended can be left too.
pub(crate) fn switch(next: Arc<Task>, left: &Left) {
    let old: *const Task = core::ptr::with_exposed_provenance(hal::cpu::local());
    let new = Arc::into_raw(next);
    hal::cpu::set_local(new.expose_provenance());
    // The word held the reference that `adopt` or an earlier `switch` put there, and it has just been replaced.
    left.0.store(old.cast_mut(), Ordering::Relaxed);
    // SAFETY: `left` holds the old task until the new one runs, and the CPU's word holds the new one while it runs.
    let (from, to) = unsafe { (&*old, &*new) };
    let held = lock::order::put_away();
    from.thread.switch(&to.thread);
    lock::order::take_back(held);
}
