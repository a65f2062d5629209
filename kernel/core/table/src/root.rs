//! The topmost table, the CPUs that have it in force, and how they are made to forget.
//!
//! A CPU keeps the root alive for as long as it has it in force, so an address space can be dropped anywhere. CPUs that had it in force earlier
//! may still remember entries (a machine that tags them need not forget on a switch); they are not interrupted but noted as *stale*, and forget
//! when they come back.
//!
//! The order that makes it safe: whoever takes an entry away writes the entry, notes the stale CPUs, then looks who is active; whoever comes back says
//! that it is active, then looks whether it is stale. One of the two sees the other. A CPU that goes to other tables between being looked at and being
//! asked is the machine's business: `hal::tlb::forget_on` names the address space.

use address::FrameNumber;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering, fence};
use frames::Page;
use frames::pool::OutOfMemory;
use hal::{CpuSet, MAX_CPUS};
use lock::SpinLock;

/// The root that each CPU has in force.
static IN_FORCE: [SpinLock<Option<Arc<Root>>>; MAX_CPUS] = [const { SpinLock::new(None) }; MAX_CPUS];

/// The topmost table of an address space.
#[derive(Debug)]
pub struct Root {
    id: u64,
    page: Page,
    /// CPUs that have it in force.
    active: AtomicU64,
    /// CPUs that have ever had it in force.
    seen: AtomicU64,
    /// CPUs that must forget before they put it in force again.
    stale: AtomicU64,
}

impl Root {
    pub(crate) fn new(id: u64) -> Result<Self, OutOfMemory> {
        let page = Page::zeroed()?;
        hal::tlb::for_each_kernel_entry(|index, entry| page.words()[index % 512].store(entry, Ordering::Relaxed));
        Ok(Self {
            id,
            page,
            active: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            stale: AtomicU64::new(0),
        })
    }

    /// The number of the address space.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn frame(&self) -> FrameNumber {
        self.page.number()
    }

    /// Puts the tables in force on this CPU.
    pub fn activate(self: &Arc<Self>) {
        let cpu = hal::cpu::current();
        let bit = 1 << cpu;
        let mut slot = IN_FORCE[cpu].lock();
        if slot.as_ref().is_some_and(|now| Arc::ptr_eq(now, self)) {
            return;
        }
        self.seen.fetch_or(bit, Ordering::SeqCst);
        self.active.fetch_or(bit, Ordering::SeqCst);
        hal::tlb::activate(self.page.number(), self.id);
        if self.stale.load(Ordering::SeqCst) & bit != 0 {
            self.stale.fetch_and(!bit, Ordering::SeqCst);
            hal::tlb::forget_all();
        }
        if let Some(before) = slot.replace(Arc::clone(self)) {
            before.active.fetch_and(!bit, Ordering::SeqCst);
        }
    }

    /// Makes every CPU forget what it knew of `start..end`. Returns when none can use it any more.
    pub(crate) fn forget(&self, start: u64, end: u64) {
        let others = self.forget_here(start, end);
        self.forget_there(others, start, end);
    }

    /// Makes this CPU forget what it knew of `start..end`, and those that do not have the tables in force before they do so again. Returns the
    /// others, for [`Root::forget_there`].
    #[inline]
    pub(crate) fn forget_here(&self, start: u64, end: u64) -> CpuSet {
        fence(Ordering::SeqCst);
        let seen = self.seen.load(Ordering::SeqCst);
        if seen == 0 {
            return 0;
        }
        let mut active = self.active.load(Ordering::SeqCst);
        let elsewhere = seen & !active;
        if elsewhere != 0 {
            self.stale.fetch_or(elsewhere, Ordering::SeqCst);
            active |= self.active.load(Ordering::SeqCst);
        }
        let here = 1 << hal::cpu::current();
        if active & here != 0 {
            hal::tlb::forget(start, end);
        }
        active & !here
    }

    /// Makes other CPUs forget what they knew of `start..end`; returns when they have.
    #[inline]
    pub(crate) fn forget_there(&self, others: CpuSet, start: u64, end: u64) {
        if others != 0 {
            hal::tlb::forget_on(others, self.id, start, end);
        }
    }

    /// Whether other CPUs have the tables in force.
    pub(crate) fn runs_elsewhere(&self) -> bool {
        self.active.load(Ordering::Relaxed) & !(1 << hal::cpu::current()) != 0
    }
}

/// Puts the kernel's own tables in force on this CPU: for one that has no program to run, so that it does not keep a program's root.
pub fn leave() {
    let cpu = hal::cpu::current();
    let mut slot = IN_FORCE[cpu].lock();
    if let Some(before) = slot.take() {
        hal::tlb::activate_kernel();
        before.active.fetch_and(!(1 << cpu), Ordering::SeqCst);
    }
}
