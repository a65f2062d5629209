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

#[cfg(not(target_os = "none"))]
pub use timers::forget_all;
pub use timers::{Expire, TimerId, add, arm, armed, cancel, run_expired};

use lock::Once;
use lock::atomic::{AtomicBool, AtomicU64, Ordering};

/// Nanoseconds that leap seconds put TAI ahead of UTC; the kernel is told by `adjtimex`, and nobody does.
const TAI_OFFSET: u64 = 0;

/// Wall-clock correction made by `clock_settime`, added to the machine's, wrapping.
static WALL_ADJUSTMENT: AtomicU64 = AtomicU64::new(0);

/// Whether the machine has been asked for the time of day, which takes long the first time.
static WALL_IS_KNOWN: AtomicBool = AtomicBool::new(false);

/// Who is told when the time of day becomes known or is set.
static WATCHER: Once<fn()> = Once::new();

/// Registers who is told when the time of day becomes known or is set.
pub fn set_watcher(watcher: fn()) {
    let _ = WATCHER.set(watcher);
}

/// The time of day has become known, or another.
#[cold]
fn wall_has_changed() {
    WALL_IS_KNOWN.store(true, Ordering::Release);
    if let Some(tell) = WATCHER.get() {
        tell();
    }
}

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
    let wall = hal::clock::wall_at_boot();
    if !WALL_IS_KNOWN.load(Ordering::Acquire) {
        wall_has_changed();
    }
    wall.wrapping_add(WALL_ADJUSTMENT.load(Ordering::Relaxed))
}

/// Nanoseconds from 1970 to boot, if anybody has asked for them before.
#[must_use]
pub fn known_wall_at_boot() -> Option<u64> {
    WALL_IS_KNOWN.load(Ordering::Acquire).then(wall_at_boot)
}

/// Sets the time of day: nanoseconds since 1970.
pub fn set_wall(nanos: u64) {
    let adjustment = nanos.wrapping_sub(now()).wrapping_sub(hal::clock::wall_at_boot());
    WALL_ADJUSTMENT.store(adjustment, Ordering::Relaxed);
    wall_has_changed();
}

/// Nanoseconds of atomic time since 1970.
#[must_use]
pub fn tai_now() -> u64 {
    wall_now() + TAI_OFFSET
}
