//! Which page tables are in force on this CPU, and what the CPUs of an interleaved machine remember of tables.
//!
//! Such a CPU remembers every entry that it has used, under the number of its address space, until it is told to forget it: it goes on using a page that a table no longer gives
//! it, as a machine with tagged translations may. So whoever lets a page go, or takes a right away, before all CPUs have forgotten it is found out. A CPU that remembers less than
//! is in the table (a page that it may only read) looks at the table again, as machines do. Elsewhere tables are walked on every access and there is nothing to forget.

use crate::{cpu, interleave};
use address::FrameNumber;
use seam::{Access, CpuSet, MAX_CPUS};
use std::cell::{Cell, RefCell};
use std::ops::Range;

/// A leaf of a table that was used.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// The addresses that it maps.
    pub(crate) range: Range<u64>,
    /// Where the first of them lies.
    pub(crate) base: *mut u8,
    pub(crate) may_write: bool,
}

/// What a CPU remembers.
#[derive(Debug, Default)]
struct Remembered {
    /// The address space in force; 0 for none.
    space: u64,
    /// With the number of the address space.
    leaves: Vec<(u64, Leaf)>,
}

thread_local! {
    static ROOT: Cell<u64> = const { Cell::new(0) };
    static REMEMBERED: RefCell<Vec<Remembered>> = const { RefCell::new(Vec::new()) };
}

fn with_remembered<T>(of: usize, then: impl FnOnce(&mut Remembered) -> T) -> Option<T> {
    REMEMBERED.with(|all| all.borrow_mut().get_mut(of).map(then))
}

/// An interleaved machine begins: its CPUs remember nothing.
pub(crate) fn begin() {
    REMEMBERED.with(|all| {
        let mut all = all.borrow_mut();
        all.clear();
        all.resize_with(MAX_CPUS, Remembered::default);
    });
}

/// Puts an address space in force.
pub fn activate(root: FrameNumber, space: u64) {
    set(root.0, space);
}

/// Puts the kernel's own tables in force: no program's memory is there.
pub fn activate_kernel() {
    set(0, 0);
}

fn set(root: u64, space: u64) {
    if interleave::set_root(root).is_none() {
        ROOT.with(|cell| cell.set(root));
    } else {
        with_remembered(cpu::current(), |remembered| remembered.space = space);
    }
}

/// The root table in force; frame 0 if none.
#[must_use]
pub fn root() -> FrameNumber {
    FrameNumber(interleave::root().unwrap_or_else(|| ROOT.with(Cell::get)))
}

/// Where an address lies, if this CPU remembers a leaf that allows the access.
pub(crate) fn recall(address: u64, access: Access) -> Option<*mut u8> {
    if !interleave::is_on() {
        return None;
    }
    let found = with_remembered(cpu::current(), |remembered| {
        let space = remembered.space;
        let leaf = remembered.leaves.iter().find_map(|(of, leaf)| {
            let fits = *of == space && leaf.range.contains(&address);
            (fits && (leaf.may_write || access != Access::Write)).then_some(leaf)
        })?;
        Some(leaf.base.wrapping_add((address - leaf.range.start) as usize))
    });
    found.flatten()
}

/// This CPU remembers a leaf that it has found in the table in force.
pub(crate) fn remember(leaf: Leaf) {
    if interleave::is_on() {
        with_remembered(cpu::current(), |remembered| {
            let space = remembered.space;
            forget_of(remembered, space, &leaf.range);
            remembered.leaves.push((space, leaf));
        });
    }
}

fn forget_of(remembered: &mut Remembered, space: u64, range: &Range<u64>) {
    let is_outside = |leaf: &Leaf| leaf.range.end <= range.start || range.end <= leaf.range.start;
    remembered.leaves.retain(|(of, leaf)| *of != space || is_outside(leaf));
}

/// The entries of the root table that the kernel has in every address space, with their places.
pub fn for_each_kernel_entry(_each: impl FnMut(usize, u64)) {}

/// Forgets what was known of a range of the address space in force, on this CPU.
pub fn forget(start: u64, end: u64) {
    if interleave::is_on() {
        with_remembered(cpu::current(), |remembered| {
            let space = remembered.space;
            forget_of(remembered, space, &(start..end));
        });
    }
}

/// Forgets what was known of a range of an address space, on other CPUs; returns when they have.
pub fn forget_on(cpus: CpuSet, space: u64, start: u64, end: u64) {
    if !interleave::is_on() {
        return;
    }
    for other in (0..MAX_CPUS).filter(|other| cpus >> other & 1 == 1 && *other != cpu::current()) {
        interleave::point();
        with_remembered(other, |remembered| forget_of(remembered, space, &(start..end)));
    }
}

/// Forgets everything known of the address space in force, on this CPU.
pub fn forget_all() {
    forget(0, u64::MAX);
}

/// Answers another CPU's request: there are none.
pub fn answer() {}
