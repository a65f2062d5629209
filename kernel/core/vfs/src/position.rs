//! The position of an open file: a number that one reader or writer at a time holds.
//!
//! Threads and processes that share an open file take turns, so that each byte is read once and writes do not overlap. The highest bit says that
//! somebody is at it; taking the position costs one atomic exchange.

use abi::Result;
use core::sync::atomic::{AtomicU64, Ordering};
use task::{WaitQueue, wait_until};

const TAKEN: u64 = 1 << 63;

/// Those who wait for any file's position: collisions are rare.
static COLLISIONS: WaitQueue = WaitQueue::new();

#[derive(Debug, Default)]
pub(crate) struct Position {
    value: AtomicU64,
}

impl Position {
    /// The position, whoever holds it.
    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed) & !TAKEN
    }

    #[inline]
    fn try_take(&self) -> Option<u64> {
        let value = self.value.load(Ordering::Relaxed);
        if value & TAKEN != 0 {
            return None;
        }
        let taken = self
            .value
            .compare_exchange(value, value | TAKEN, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then_some(value & !TAKEN)
    }

    #[cold]
    fn wait(&self) -> Result<u64> {
        wait_until(&[&COLLISIONS], None, || self.try_take())
    }

    /// Calls `work` with the position, which says where it is afterwards.
    #[inline]
    pub(crate) fn with<T>(&self, work: impl FnOnce(u64) -> (u64, Result<T>)) -> Result<T> {
        let value = match self.try_take() {
            Some(value) => value,
            None => self.wait()?,
        };
        let (after, result) = work(value);
        self.value.store(after & !TAKEN, Ordering::SeqCst);
        if !COLLISIONS.is_empty() {
            COLLISIONS.wake_all();
        }
        result
    }
}
