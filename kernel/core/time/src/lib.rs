//! What time it is, and what happens later.
//!
//! Time is nanoseconds since boot. Each CPU keeps the timers that were set on it in order and has its machine timer set for the earliest (or for the
//! end of a time slice, which `task` asks for through [`arm`]); a CPU with nothing to wait for has no timer set at all.
//!
//! Invariants: the machine timer of a CPU is set no later than its earliest timer. An expired timer's work runs on that CPU, in interrupt or scheduler context, without
//! any lock of this crate held; it must not sleep. It does not do: timer slack, migration of timers between CPUs.
//!
//! Lock order: a CPU's timer lock is a leaf.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod timers;

pub use timers::{Expire, TimerId, add, arm, cancel, run_expired};

use core::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds that leap seconds put TAI ahead of UTC; the kernel is told by `adjtimex`, and nobody does.
const TAI_OFFSET: u64 = 0;

/// Wall-clock correction made by `clock_settime`, added to the machine's, wrapping.
static WALL_ADJUSTMENT: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds since boot.
#[must_use]
#[inline]
pub fn now() -> u64 {
    hal::clock::now()
}

/// Nanoseconds since 1970.
#[must_use]
pub fn wall_now() -> u64 {
    wall_at_boot().wrapping_add(now())
}

/// Nanoseconds from 1970 to boot.
#[must_use]
pub fn wall_at_boot() -> u64 {
    hal::clock::wall_at_boot().wrapping_add(WALL_ADJUSTMENT.load(Ordering::Relaxed))
}

/// Sets the time of day: nanoseconds since 1970.
pub fn set_wall(nanos: u64) {
    let adjustment = nanos.wrapping_sub(now()).wrapping_sub(hal::clock::wall_at_boot());
    WALL_ADJUSTMENT.store(adjustment, Ordering::Relaxed);
}

/// Nanoseconds of atomic time since 1970.
#[must_use]
pub fn tai_now() -> u64 {
    wall_now() + TAI_OFFSET
}
