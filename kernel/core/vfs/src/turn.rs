//! A lock whose holder may copy user memory: those who wait for it sleep.

use crate::wait::{WaitQueue, wait_until};
use abi::Result;
use core::sync::atomic::{AtomicU32, Ordering};

const TAKEN: u32 = 1;
const WANTED: u32 = 2;

/// Those who wait for any turn: collisions are rare.
static COLLISIONS: WaitQueue = WaitQueue::new();

/// A turn that one at a time has.
#[derive(Debug, Default)]
pub struct Turn {
    state: AtomicU32,
}

/// Having the turn, until dropped.
#[must_use]
#[derive(Debug)]
pub struct TurnGuard<'a> {
    turn: &'a Turn,
}

impl Turn {
    /// Nobody's turn.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: AtomicU32::new(0),
        }
    }

    fn try_take(&self) -> Option<TurnGuard<'_>> {
        let before = self.state.fetch_or(TAKEN, Ordering::Acquire);
        (before & TAKEN == 0).then_some(TurnGuard { turn: self })
    }

    /// Waits for the turn.
    ///
    /// # Errors
    /// What interrupts the wait.
    pub fn take(&self) -> Result<TurnGuard<'_>> {
        if let Some(guard) = self.try_take() {
            return Ok(guard);
        }
        wait_until(&[&COLLISIONS], None, || {
            self.state.fetch_or(WANTED, Ordering::Relaxed);
            self.try_take()
        })
    }
}

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        if self.turn.state.swap(0, Ordering::Release) & WANTED != 0 {
            COLLISIONS.wake_all();
        }
    }
}
