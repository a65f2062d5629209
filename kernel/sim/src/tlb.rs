//! Which page tables are in force on this CPU. There is nothing to forget: tables are walked on every access.

use crate::interleave;
use address::FrameNumber;
use seam::CpuSet;
use std::cell::Cell;

thread_local! {
    static ROOT: Cell<u64> = const { Cell::new(0) };
}

/// Puts an address space in force.
pub fn activate(root: FrameNumber, _space: u64) {
    set(root.0);
}

/// Puts the kernel's own tables in force: no program's memory is there.
pub fn activate_kernel() {
    set(0);
}

fn set(root: u64) {
    if interleave::set_root(root).is_none() {
        ROOT.with(|cell| cell.set(root));
    }
}

/// The root table in force; frame 0 if none.
#[must_use]
pub fn root() -> FrameNumber {
    FrameNumber(interleave::root().unwrap_or_else(|| ROOT.with(Cell::get)))
}

/// The entries of the root table that the kernel has in every address space, with their places.
pub fn for_each_kernel_entry(_each: impl FnMut(usize, u64)) {}

/// Forgets what was known of a range of the address space in force, on this CPU.
pub fn forget(_start: u64, _end: u64) {}

/// Forgets what was known of a range of an address space, on other CPUs; returns when they have.
pub fn forget_on(_cpus: CpuSet, _space: u64, _start: u64, _end: u64) {}

/// Forgets everything known of the address space in force, on this CPU.
pub fn forget_all() {}

/// Answers another CPU's request: there are none.
pub fn answer() {}
