//! Which page tables are in force, and forgetting what they used to say.
//!
//! A CPU that must make others forget writes down what ([`Request`], one for each CPU that asks), notes itself with each of them ([`ASKED`]), interrupts those
//! that nobody else has noted himself with, and waits until each has answered. Several may ask at once; a CPU that is asked by several answers all in one go.
//! While a CPU waits, for answers or for a lock (`lock::relax` calls [`answer`]), it answers others, so two CPUs can never wait for each other.
//!
//! Whoever waits long sleeps: a virtual CPU that spins may be what keeps the one that it waits for from running at all. Only vectors of the highest class come through
//! then (the priority register holds back the rest), so that no handler runs that could want a lock of the code that waits. Whoever answers
//! last wakes the sleeper by the same vector.
//!
//! A request names its address space. A CPU that has gone to another since it was asked keeps translations of the old one under their number; it gives the number up.

use crate::instructions::{invlpg, read_cr3, write_cr3};
use crate::{apic, cpu, tables, trap};
use address::{FrameNumber, PAGE_SIZE};
use core::arch::asm;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use seam::{CpuSet, MAX_CPUS};

/// Beyond this many pages it is cheaper to forget everything.
const MANY: u64 = 32;
/// Turns of a wait before it becomes a sleep.
const PATIENCE: u32 = 500;

/// What a CPU asks of others.
struct Request {
    space: AtomicU64,
    start: AtomicU64,
    end: AtomicU64,
    /// Those who have not answered.
    pending: AtomicU64,
    /// Whether the CPU that asks sleeps until they have.
    asleep: AtomicBool,
}

static REQUESTS: [Request; MAX_CPUS] = [const {
    Request {
        space: AtomicU64::new(0),
        start: AtomicU64::new(0),
        end: AtomicU64::new(0),
        pending: AtomicU64::new(0),
        asleep: AtomicBool::new(false),
    }
}; MAX_CPUS];

/// For each CPU, the CPUs whose requests it has to answer.
static ASKED: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];

/// Address spaces whose translations a CPU keeps under numbers of their own (PCIDs), where it can.
const KEPT: usize = 6;
/// In CR3: do not forget what is known under the number.
const KEEP: u64 = 1 << 63;

/// The spaces whose translations a CPU keeps; the number of each is its place, plus one. Whether what is kept still holds is the business of whoever
/// puts a space in force: after [`activate`] it calls [`forget_all`] if something was unmapped meanwhile. Only the CPU itself looks at its own.
struct KeptSpaces {
    spaces: [AtomicU64; KEPT],
    next: AtomicUsize,
    /// The space in force; 0 for none.
    in_force: AtomicU64,
}

static SPACES: [KeptSpaces; MAX_CPUS] = [const {
    KeptSpaces {
        spaces: [const { AtomicU64::new(0) }; KEPT],
        next: AtomicUsize::new(0),
        in_force: AtomicU64::new(0),
    }
}; MAX_CPUS];

/// Puts an address space in force.
pub fn activate(root: FrameNumber, space: u64) {
    let number = if cpu::features().pcid { number_of(space) } else { 0 };
    // SAFETY: every root has the kernel's entries (`for_each_kernel_entry`).
    unsafe { write_cr3(root.address().0 | number) };
}

/// The number for a space on this CPU, with [`KEEP`] if it had it before.
fn number_of(space: u64) -> u64 {
    let kept = &SPACES[cpu::current()];
    kept.in_force.store(space, Ordering::Relaxed);
    let mut places = kept.spaces.iter();
    if let Some(index) = places.position(|other| other.load(Ordering::Relaxed) == space) {
        return (index as u64 + 1) | KEEP;
    }
    let index = kept.next.load(Ordering::Relaxed) % KEPT;
    kept.next.store(index + 1, Ordering::Relaxed);
    kept.spaces[index].store(space, Ordering::Relaxed);
    index as u64 + 1
}

/// Puts the kernel's own tables in force: no program's memory is there.
pub fn activate_kernel() {
    let keep = if cpu::features().pcid {
        SPACES[cpu::current()].in_force.store(0, Ordering::Relaxed);
        KEEP
    } else {
        0
    };
    // SAFETY: the kernel's tables map the kernel; there is nothing of a program under their number 0.
    unsafe { write_cr3(cpu::kernel_root() | keep) };
}

/// The root table in force.
#[must_use]
pub fn root() -> FrameNumber {
    FrameNumber((read_cr3() & 0x000f_ffff_ffff_f000) >> 12)
}

/// The entries of the root table that the kernel has in every address space, with their places.
pub fn for_each_kernel_entry(each: impl FnMut(usize, u64)) {
    tables::for_each_kernel_entry(each);
}

/// Forgets what was known of a range of the address space in force, on this CPU.
#[inline]
pub fn forget(start: u64, end: u64) {
    if end.wrapping_sub(start) > MANY * PAGE_SIZE {
        return forget_all();
    }
    let mut at = start;
    while at < end {
        invlpg(at);
        at += PAGE_SIZE;
    }
}

/// Forgets everything known of the address space in force, on this CPU.
pub fn forget_all() {
    // SAFETY: the same tables again.
    unsafe { write_cr3(read_cr3()) };
}

/// Forgets what was known of a range of an address space, on other CPUs; returns when they have. An empty range is a barrier on each of them.
pub fn forget_on(cpus: CpuSet, space: u64, start: u64, end: u64) {
    let me = cpu::current();
    let others = cpus & cpu::online() & !(1 << me);
    if others == 0 {
        return;
    }
    let request = &REQUESTS[me];
    request.space.store(space, Ordering::Relaxed);
    request.start.store(start, Ordering::Relaxed);
    request.end.store(end, Ordering::Relaxed);
    request.pending.store(others, Ordering::Release);
    let mut left = others;
    while left != 0 {
        let other = left.trailing_zeros() as usize;
        left &= left - 1;
        // Whoever noted itself before has sent, or is about to send, the interrupt after which all are answered.
        if ASKED[other].fetch_or(1 << me, Ordering::SeqCst) == 0 {
            apic::send(other, trap::FORGET);
        }
    }
    wait_for_answers(request);
}

fn wait_for_answers(request: &Request) {
    let mut turns = 0;
    while request.pending.load(Ordering::Acquire) != 0 {
        answer();
        core::hint::spin_loop();
        turns += 1;
        if turns > PATIENCE {
            request.asleep.store(true, Ordering::SeqCst);
            if request.pending.load(Ordering::SeqCst) != 0 {
                sleep_until_asked();
            }
            request.asleep.store(false, Ordering::SeqCst);
        }
    }
}

/// Sleeps until an interrupt of the highest class comes: a request, an answer, or the end.
fn sleep_until_asked() {
    const ALL_BUT_HIGHEST: u64 = (trap::FORGET >> 4) as u64 - 1;
    // SAFETY: the handlers are in place, and those that the priority lets in take no lock; `sti` takes effect after `hlt` has begun.
    unsafe {
        asm!(
            "mov cr8, {class}",
            "sti",
            "hlt",
            "cli",
            "mov cr8, {none}",
            class = in(reg) ALL_BUT_HIGHEST,
            none = in(reg) 0u64,
            options(nostack),
        );
    }
}

/// Answers other CPUs' requests, if there are any.
#[inline]
pub fn answer() {
    let me = cpu::current();
    if ASKED[me].load(Ordering::Relaxed) != 0 {
        answer_all(me);
    }
}

#[cold]
fn answer_all(me: usize) {
    let asked = ASKED[me].swap(0, Ordering::SeqCst);
    let each = |act: &dyn Fn(usize)| {
        let mut left = asked;
        while left != 0 {
            act(left.trailing_zeros() as usize);
            left &= left - 1;
        }
    };
    each(&|asker| {
        let request = &REQUESTS[asker];
        let [space, start, end] =
            [&request.space, &request.start, &request.end].map(|word| word.load(Ordering::Relaxed));
        forget_of(me, space, start, end);
    });
    each(&|asker| {
        let request = &REQUESTS[asker];
        let left = request.pending.fetch_and(!(1 << me), Ordering::SeqCst) & !(1 << me);
        if left == 0 && request.asleep.load(Ordering::SeqCst) {
            apic::send(asker, trap::FORGET);
        }
    });
}

/// Forgets what this CPU knows of a range of a space, in force or not.
fn forget_of(me: usize, space: u64, start: u64, end: u64) {
    let kept = &SPACES[me];
    if cpu::features().pcid && kept.in_force.load(Ordering::Relaxed) != space {
        let of_it = |place: &&AtomicU64| place.load(Ordering::Relaxed) == space;
        let places = kept.spaces.iter().filter(of_it);
        return places.for_each(|place| place.store(0, Ordering::Relaxed));
    }
    forget(start, end);
}
