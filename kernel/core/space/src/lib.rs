//! Address spaces: what each page of a process means, and the page tables that say so to the machine.
//!
//! An [`AddressSpace`] is a list of mappings and a table. The list says what a program may expect at an address; the table what the machine has been
//! told already. [`fault`] makes the second from the first, page by page, when a program first touches it. All calls have Linux's semantics down
//! to the order in which errors are noticed (Linux 6.12, `mm/mmap.c`, `mm/mprotect.c`, `mm/mremap.c`, `mm/madvise.c`, `mm/mlock.c`).
//!
//! | module | what it is about |
//! |---|---|
//! | [`backing`] | what a file (or shared memory) has to offer to be mapped |
//! | [`shared_memory`] | memory that processes share and that no file holds |
//! | [`vma`] | one mapping: rights, flags, what is behind it |
//! | [`layout`] | where things go, and how random that is |
//! | [`limits`], [`account`] | what a process may have, and what it has |
//! | [`place`] | finding free addresses |
//! | [`map`], [`unmap`], [`protect`], [`remap`], [`advise`], [`program_break`], [`pin`], [`sync`] | the calls |
//! | [`fault`], [`grow`] | page faults, stacks that grow |
//! | [`fork`], [`futex`], [`foreign`], [`listing`] | copies of spaces, names of words, other people's memory, `/proc/self/maps` |
//!
//! Invariants: a page is mapped only inside a mapping, and never with more rights than the mapping gives. A page that somebody else may also hold
//! is never writable in a private mapping.
//! Changes of the list and other CPUs: what is unmapped, or loses rights, is taken out of list and table under the lock; then the lock is given back, the CPUs that run
//! the space are interrupted until they have forgotten it, and the pages go (`table::Gather`). In between, [`State::flushing`] says which addresses some
//! CPU may still reach wrongly. Whoever wants to change mappings sleeps until it is empty ([`AddressSpace::change`]), and so does a fault in that range: so nothing new appears
//! there that an old entry could be mistaken for. Nobody spins meanwhile. A space that runs on one CPU never gets that far: that CPU forgets under the lock.
//! What has to be forgotten before anybody may look again (a page that is copied on writing, a `fork`, pages that move) is forgotten under the lock.
//! Lock order: address space → object's pages ([`backing::Backing::resident`] only) → frames. Nobody holds the address space's lock across a copy from or to a
//! program's memory, a call that may sleep ([`backing::Backing::page`]), or the drop of an object.
//! Sideways: it uses `table` and `frames`, whose pages it hands out, and `task` to sleep. It does not do: swapping, NUMA, huge pages of files.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod account;
mod advise;
pub mod backing;
mod fault;
mod foreign;
mod fork;
mod futex;
mod grow;
pub mod layout;
pub mod limits;
mod listing;
mod map;
mod pin;
mod place;
mod program_break;
mod protect;
mod remap;
mod shared_memory;
mod sync;
mod unmap;
mod vma;

pub use account::Counters;
pub use backing::{Backing, new_object_id};
pub use fault::{FaultKind, set_fault_around};
pub use futex::FutexKey;
pub use hal::Access;
pub use layout::Layout;
pub use limits::Limits;
pub use listing::MappingInfo;
pub use map::{FileMapping, Mapping};
pub use pin::Pinning;
pub use shared_memory::SharedMemory;
pub use table::leave;

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use lock::{SpinGuard, SpinLock};
use rangemap::RangeMap;
use table::{Gather, ROOM, Room, Root, Table};
use task::WaitQueue;
use vma::Vma;

/// The most mappings of an address space (`vm.max_map_count`).
pub const MAX_MAPPINGS: usize = 65530;
/// The lowest address that an unprivileged program may map (`vm.mmap_min_addr`).
pub const LOWEST: u64 = 65536;

const NO_MEMORY: Error = Error::new(Errno::ENOMEM, "no memory is left");

/// The memory of a process, as the process sees it.
#[derive(Debug)]
pub struct AddressSpace {
    id: u64,
    root: Arc<Root>,
    state: SpinLock<State>,
    /// Those who wait for [`State::flushing`] to be empty.
    flushed: WaitQueue,
    /// How many processes run in it. (Others may hold it for a moment, to look.)
    users: AtomicUsize,
}

/// What the lock of an address space guards.
#[derive(Debug)]
struct State {
    vmas: RangeMap<Vma>,
    table: Table,
    counters: Counters,
    limits: Limits,
    layout: Layout,
    program_break: program_break::Break,
    /// Flags that `mlockall(MCL_FUTURE)` gives to new mappings.
    future: vma::VmaFlags,
    stack_start: u64,
    /// Whether a stack was ever mapped among the other mappings, which must leave it room then.
    has_low_stack: bool,
    /// What was unmapped last and left its tables behind.
    left: Range<u64>,
    /// What was taken out and may still be remembered by a CPU that is being asked to forget it.
    flushing: Range<u64>,
    /// How often an object was cut short, so that a fault that slept meanwhile looks again.
    cuts: u64,
}

/// What lost its mapping. It goes after the lock is given back.
struct Leftovers<'a> {
    /// The last reference to a file may have work to do.
    objects: Vec<Arc<dyn Backing>>,
    /// Other CPUs may have to forget first.
    gather: Gather<'a>,
}

impl<'a> Leftovers<'a> {
    #[inline]
    fn new(root: &'a Root, room: &'a mut Room) -> Self {
        Self {
            objects: Vec::new(),
            gather: Gather::new(root, room),
        }
    }
}

impl AddressSpace {
    /// An address space with nothing in it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(limits: Limits, layout: Layout) -> Result<Arc<Self>> {
        Ok(Arc::new(Self::empty(limits, layout)?))
    }

    fn empty(limits: Limits, layout: Layout) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let table = Table::new(id)?;
        Ok(Self {
            id,
            root: Arc::clone(table.root()),
            state: SpinLock::new(State {
                vmas: RangeMap::new(),
                table,
                counters: Counters::default(),
                limits,
                layout,
                program_break: program_break::Break::default(),
                future: vma::VmaFlags::empty(),
                stack_start: 0,
                has_low_stack: false,
                left: 0..0,
                flushing: 0..0,
                cuts: 0,
            }),
            flushed: WaitQueue::new(),
            users: AtomicUsize::new(0),
        })
    }

    /// A process runs in it from here on.
    pub fn add_user(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
    }

    /// A process no longer runs in it; whether it was the last.
    pub fn remove_user(&self) -> bool {
        self.users.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether several processes run in it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.users.load(Ordering::Relaxed) > 1
    }

    /// The number of the address space; no other ever has the same.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Puts the address space in force on this CPU. The CPU keeps the topmost table until it puts another in force, or calls [`leave`].
    pub fn activate(&self) {
        self.root.activate();
    }

    /// Where things go.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.state.lock().layout
    }

    /// Changes what the process may have.
    pub fn set_limits(&self, limits: Limits) {
        self.state.lock().limits = limits;
    }

    /// What the process has.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let state = self.state.lock();
        Counters {
            resident: state.table.resident(),
            peak_resident: state.table.peak(),
            ..state.counters
        }
    }

    /// Takes the lock to change mappings, once nobody waits for other CPUs to forget any. May sleep.
    #[inline]
    fn change(&self) -> SpinGuard<'_, State> {
        loop {
            let state = self.state.lock();
            if state.flushing.is_empty() {
                return state;
            }
            drop(state);
            self.wait_for_flush();
        }
    }

    /// Gives the lock back after a change, and makes every CPU forget what left the table.
    #[inline]
    fn finish(&self, state: SpinGuard<'_, State>, leftovers: &mut Leftovers<'_>) {
        if leftovers.gather.forget_here() {
            self.flush(state, leftovers);
        }
    }

    #[cold]
    fn flush(&self, mut state: SpinGuard<'_, State>, leftovers: &mut Leftovers<'_>) {
        state.flushing = leftovers.gather.range();
        drop(state);
        leftovers.gather.finish();
        self.state.lock().flushing = 0..0;
        self.flushed.wake_all();
    }

    /// Sleeps while other CPUs are asked to forget; may come back early.
    #[cold]
    fn wait_for_flush(&self) {
        let over = || self.state.lock().flushing.is_empty().then_some(());
        if !task::current::exists() || task::wait_killable(&[&self.flushed], over).is_none() {
            lock::relax();
        }
    }

    /// Unmaps everything: for a process that ends while others still hold the address space.
    pub fn clear(&self) {
        let mut room = ROOM;
        let mut leftovers = Leftovers::new(&self.root, &mut room);
        let mut state = self.change();
        state.table.clear();
        state
            .vmas
            .remove_range_with(0..u64::MAX, Vma::split, |_, vma| vma.leave_object(&mut leftovers));
        state.counters = Counters {
            peak_total: state.counters.peak_total,
            faults: state.counters.faults,
            ..Counters::default()
        };
    }
}

/// The range of a call that takes an address on a page boundary and a length that is rounded up.
fn page_range(address: u64, length: u64, overflow: Errno) -> Result<Range<u64>> {
    if !address::is_page_aligned(address) {
        return Err(Error::new(Errno::EINVAL, "the address is not on a page boundary"));
    }
    address::page_ceil(length)
        .and_then(|length| address.checked_add(length))
        .map(|end| address..end)
        .ok_or(Error::new(overflow, "the range wraps around"))
}
