//! A clock that a test holds: every look takes a microsecond, and [`advance`] moves it on.

use crate::interleave;
use std::sync::atomic::{AtomicU64, Ordering};

static NOW: AtomicU64 = AtomicU64::new(1_000_000_000);

/// Nanoseconds since the simulated start.
pub fn now() -> u64 {
    interleave::now().unwrap_or_else(|| NOW.fetch_add(1000, Ordering::Relaxed))
}

/// Nanoseconds from 1970 to the simulated start.
#[must_use]
pub fn wall_at_boot() -> u64 {
    1_767_225_600 * 1_000_000_000
}

/// Moves time on.
pub fn advance(nanos: u64) {
    NOW.fetch_add(nanos, Ordering::Relaxed);
}

/// Asks for a timer interrupt. Only an interleaved machine has them; other tests call the timer's work themselves.
pub fn set_timer(deadline: Option<u64>) {
    interleave::set_timer(deadline);
}

/// What a program's clock needs; nothing reads it here.
#[must_use]
pub fn vdso_parameters() -> [u64; 3] {
    [0; 3]
}
