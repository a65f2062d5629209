//! How many pages a file system may use.

use abi::{Errno, Error, Result};
use core::sync::atomic::{AtomicU64, Ordering};

/// A count of pages with a limit.
pub(crate) struct Room {
    used: AtomicU64,
    max: u64,
}

impl Room {
    pub(crate) const fn new(max: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            max,
        }
    }

    /// Takes room for pages.
    pub(crate) fn take(&self, pages: u64) -> Result<()> {
        let before = self.used.fetch_add(pages, Ordering::Relaxed);
        if before.saturating_add(pages) > self.max {
            self.give(pages);
            return Err(Error::new(Errno::ENOSPC, "the file system is full"));
        }
        Ok(())
    }

    /// Gives room back.
    pub(crate) fn give(&self, pages: u64) {
        self.used.fetch_sub(pages, Ordering::Relaxed);
    }

    /// Pages used, and how many there may be.
    pub(crate) fn usage(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.max)
    }
}
