//! Which page tables are in force, and forgetting what they used to say.
//!
//! A CPU that must make others forget posts one request and waits until each has answered; while it waits for its turn it answers requests
//! of others (`lock::relax` calls [`answer`]), so two CPUs can never wait for each other.

use crate::instructions::{invlpg, read_cr3, write_cr3};
use crate::{apic, cpu, tables, trap};
use address::{FrameNumber, PAGE_SIZE};
use core::sync::atomic::{AtomicU64, Ordering};
use lock::SpinLock;
use seam::{CpuSet, MAX_CPUS};

/// Beyond this many pages it is cheaper to forget everything.
const MANY: u64 = 32;

static TURN: SpinLock<()> = SpinLock::new(());
static START: AtomicU64 = AtomicU64::new(0);
static END: AtomicU64 = AtomicU64::new(0);
static PENDING: AtomicU64 = AtomicU64::new(0);

/// Address spaces whose translations a CPU keeps under numbers of their own (PCIDs), where it can.
const KEPT: usize = 6;
/// In CR3: do not forget what is known under the number.
const KEEP: u64 = 1 << 63;

/// The spaces whose translations a CPU keeps; the number of each is its place, plus one. Whether what is kept still holds is the business of whoever
/// puts a space in force: after [`activate`] it calls [`forget_space`] if something was unmapped meanwhile.
struct KeptSpaces {
    spaces: [u64; KEPT],
    next: usize,
}

static SPACES: [SpinLock<KeptSpaces>; MAX_CPUS] = [const {
    SpinLock::new(KeptSpaces {
        spaces: [0; KEPT],
        next: 0,
    })
}; MAX_CPUS];

/// Puts an address space in force.
pub fn activate(root: FrameNumber, space: u64) {
    let number = if cpu::features().pcid { number_of(space) } else { 0 };
    // SAFETY: every root has the kernel's entries (`for_each_kernel_entry`).
    unsafe { write_cr3(root.address().0 | number) };
}

/// The number for a space on this CPU, with [`KEEP`] if it had it before.
fn number_of(space: u64) -> u64 {
    let mut kept = SPACES[cpu::current()].lock();
    if let Some(index) = kept.spaces.iter().position(|&other| other == space) {
        return (index as u64 + 1) | KEEP;
    }
    let index = kept.next;
    kept.next = (index + 1) % KEPT;
    kept.spaces[index] = space;
    index as u64 + 1
}

/// Puts the kernel's own tables in force: no program's memory is there.
pub fn activate_kernel() {
    let keep = if cpu::features().pcid { KEEP } else { 0 };
    // SAFETY: the kernel's tables map the kernel; there is nothing of a program under their number 0.
    unsafe { write_cr3(cpu::kernel_root() | keep) };
}

/// The root table in force.
#[must_use]
pub fn root() -> FrameNumber {
    FrameNumber(read_cr3() >> 12)
}

/// The entries of the root table that the kernel has in every address space, with their places.
pub fn for_each_kernel_entry(each: impl FnMut(usize, u64)) {
    tables::for_each_kernel_entry(each);
}

/// Forgets what was known of a range of an address space, on this CPU.
#[inline]
pub fn forget(_space: u64, start: u64, end: u64) {
    if end.wrapping_sub(start) > MANY * PAGE_SIZE {
        // SAFETY: the same tables again.
        unsafe { write_cr3(read_cr3()) };
        return;
    }
    let mut at = start;
    while at < end {
        invlpg(at);
        at += PAGE_SIZE;
    }
}

/// Forgets everything known of the address space in force, on this CPU.
pub fn forget_space(_space: u64) {
    // SAFETY: the same tables again.
    unsafe { write_cr3(read_cr3()) };
}

/// Forgets what was known of a range of an address space, on other CPUs; returns when they have.
pub fn forget_on(cpus: CpuSet, _space: u64, start: u64, end: u64) {
    let others = cpus & cpu::online() & !(1 << cpu::current());
    if others == 0 {
        return;
    }
    let _turn = TURN.lock();
    START.store(start, Ordering::Relaxed);
    END.store(end, Ordering::Relaxed);
    PENDING.store(others, Ordering::Release);
    let mut left = others;
    while left != 0 {
        apic::send(left.trailing_zeros() as usize, trap::FORGET);
        left &= left - 1;
    }
    while PENDING.load(Ordering::Acquire) != 0 {
        core::hint::spin_loop();
    }
}

/// Answers another CPU's request, if there is one.
pub fn answer() {
    let mine = 1 << cpu::current();
    if PENDING.load(Ordering::Acquire) & mine != 0 {
        forget(0, START.load(Ordering::Relaxed), END.load(Ordering::Relaxed));
        PENDING.fetch_and(!mine, Ordering::AcqRel);
    }
}
