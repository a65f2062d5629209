//! The kernel's own page tables.
//!
//! Text is executable and read-only, constants are read-only, everything else is writable and never executable. The tables of the image, of the
//! first GiB of the direct map and of the devices are part of the kernel; others come from whoever needs them. The root entries of the
//! kernel's half are filled once, here, so that every address space can copy them and stays right for ever.

use crate::instructions::{invlpg, write_cr3};
use crate::layout::{DEVICES, DIRECT, DIRECT_ROOT, DIRECT_ROOTS, IMAGE, STACKS, STACKS_ROOT};
use address::{HUGE_SIZE, PAGE_SIZE, PhysAddr};
use core::sync::atomic::{AtomicU64, Ordering};
use lock::SpinLock;

#[repr(C, align(4096))]
struct Table([AtomicU64; 512]);

impl Table {
    const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; 512])
    }

    /// The physical address of a table that is part of the image.
    fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64 - IMAGE
    }

    fn set(&self, index: usize, entry: u64) {
        self.0[index].store(entry, Ordering::Release);
    }

    fn get(&self, index: usize) -> u64 {
        self.0[index].load(Ordering::Acquire)
    }
}

const PRESENT: u64 = 1;
const WRITE: u64 = 1 << 1;
const UNCACHED: u64 = 1 << 3 | 1 << 4;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const HUGE: u64 = 1 << 7;
const GLOBAL: u64 = 1 << 8;
const NO_EXECUTE: u64 = 1 << 63;
const FRAME: u64 = 0x000f_ffff_ffff_f000;
const LINK: u64 = PRESENT | WRITE | ACCESSED;
const DATA: u64 = PRESENT | WRITE | ACCESSED | DIRTY | GLOBAL | NO_EXECUTE;

/// Most tables of 2 MiB for the image.
const IMAGE_TABLES: usize = 4;

static ROOT: Table = Table::new();
static DIRECT_DIRECTORIES: [Table; DIRECT_ROOTS] = [const { Table::new() }; DIRECT_ROOTS];
static DIRECT_FIRST: Table = Table::new();
static STACK_DIRECTORY: Table = Table::new();
static IMAGE_DIRECTORY: Table = Table::new();
static IMAGE_MIDDLE: Table = Table::new();
static IMAGE_PAGES: [Table; IMAGE_TABLES] = [const { Table::new() }; IMAGE_TABLES];
static DEVICE_MIDDLE: Table = Table::new();
static CHANGE: SpinLock<()> = SpinLock::new(());

// SAFETY: the linker script and the entry code define the symbols; only the addresses of those of type `u8` are used.
unsafe extern "C" {
    safe static kernel_start: u8;
    safe static text_end: u8;
    safe static rodata_end: u8;
    safe static kernel_end: u8;
    safe static boot_stack_guard: u8;
}

/// The kernel's root table, for CPUs that run no program.
pub(crate) fn root() -> u64 {
    ROOT.address()
}

/// Where a physical address below 1 GiB can be read until [`forget_identity`]: the boot tables' identity map.
pub(crate) fn boot_pointer(address: u64) -> *const u8 {
    core::ptr::with_exposed_provenance(address as usize)
}

/// Builds the tables and puts them in force.
pub(crate) fn build() {
    for (index, directory) in DIRECT_DIRECTORIES.iter().enumerate() {
        ROOT.set(DIRECT_ROOT + index, directory.address() | LINK);
    }
    DIRECT_DIRECTORIES[0].set(0, DIRECT_FIRST.address() | LINK);
    ROOT.set(STACKS_ROOT, STACK_DIRECTORY.address() | LINK);
    ROOT.set(511, IMAGE_DIRECTORY.address() | LINK);
    IMAGE_DIRECTORY.set(510, IMAGE_MIDDLE.address() | LINK);
    IMAGE_DIRECTORY.set(511, DEVICE_MIDDLE.address() | LINK);
    map_image();
    ROOT.set(0, boot_identity());
    // SAFETY: the new tables map the image where it runs now, its stack included.
    unsafe { write_cr3(ROOT.address()) };
}

/// The root entry of the boot tables' identity map.
fn boot_identity() -> u64 {
    // SAFETY: the linker script and the entry code define the symbols; only the addresses of those of type `u8` are used.
    unsafe extern "C" {
        safe static boot_root: AtomicU64;
    }
    boot_root.load(Ordering::Relaxed)
}

/// Takes the identity map out of the kernel's root, once nothing of the loader's is read any more.
pub(crate) fn forget_identity() {
    ROOT.set(0, 0);
    // SAFETY: the same tables again, to forget the identity map.
    unsafe { write_cr3(ROOT.address()) };
}

fn map_image() {
    let address = |symbol: &'static u8| core::ptr::from_ref(symbol).addr() as u64;
    let (start, text, constants, end) = (
        address(&kernel_start),
        address(&text_end),
        address(&rodata_end),
        address(&kernel_end),
    );
    let guard = address(&boot_stack_guard);
    for (index, table) in IMAGE_PAGES.iter().enumerate() {
        IMAGE_MIDDLE.set(index, table.address() | LINK);
    }
    let mut at = start;
    while at < end {
        let flags = if at < text {
            PRESENT | ACCESSED | GLOBAL
        } else if at < constants {
            PRESENT | ACCESSED | GLOBAL | NO_EXECUTE
        } else {
            DATA
        };
        let page = ((at - IMAGE) / PAGE_SIZE) as usize;
        if at != guard {
            IMAGE_PAGES[page / 512].set(page % 512, (at - IMAGE) | flags);
        }
        at += PAGE_SIZE;
    }
}

/// A table that another table's entry leads to, through the direct map.
fn follow(entry: u64) -> &'static Table {
    let pointer: *const Table = crate::memory::pointer(PhysAddr(entry & FRAME)).cast();
    // SAFETY: entries of the kernel's tables lead to tables that are never freed and lie in accepted chunks.
    unsafe { &*pointer }
}

/// Enters a 2 MiB chunk in the direct map.
pub(crate) fn map_direct(chunk: PhysAddr, table: &mut dyn FnMut() -> Option<PhysAddr>) -> bool {
    let gib = (chunk.0 >> 30) as usize;
    let slot = (chunk.0 / HUGE_SIZE) as usize % 512;
    let entry = chunk.0 | DATA | HUGE;
    if gib == 0 {
        DIRECT_FIRST.set(slot, entry);
        return true;
    }
    let directory = &DIRECT_DIRECTORIES[gib / 512];
    if directory.get(gib % 512) == 0 {
        let Some(frame) = table() else { return false };
        return start_gib(directory, gib, slot, entry, frame, chunk);
    }
    follow(directory.get(gib % 512)).set(slot, entry);
    true
}

/// Makes the table of a GiB from `frame`, which may lie in the chunk that is being entered and so may not be mapped yet.
fn start_gib(directory: &Table, gib: usize, slot: usize, entry: u64, frame: PhysAddr, chunk: PhysAddr) -> bool {
    let inside = frame.0 & !(HUGE_SIZE - 1) == chunk.0;
    if inside {
        with_window(frame, |window| clear_and_set(window, slot, entry));
    } else {
        clear_and_set(follow(frame.0), slot, entry);
    }
    directory.set(gib % 512, frame.0 | LINK);
    true
}

fn clear_and_set(table: &Table, slot: usize, entry: u64) {
    table.0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    table.set(slot, entry);
}

/// Shows a frame that is not in the direct map as a table, for the length of a call.
fn with_window(frame: PhysAddr, then: impl FnOnce(&Table)) {
    let _turn = CHANGE.lock();
    let slot = 511;
    let base = frame.0 & !(HUGE_SIZE - 1);
    DEVICE_MIDDLE.set(slot, base | DATA | HUGE);
    let at = DEVICES + slot as u64 * HUGE_SIZE;
    let pointer: *const Table = core::ptr::with_exposed_provenance((at + (frame.0 - base)) as usize);
    // SAFETY: the window shows RAM that the caller owns, for the length of the call.
    then(unsafe { &*pointer });
    DEVICE_MIDDLE.set(slot, 0);
    invlpg(at);
}

/// Shows 2 MiB of device registers, uncached, in one of the first 500 slots; returns where.
pub(crate) fn map_device(slot: usize, address: u64) -> u64 {
    let base = address & !(HUGE_SIZE - 1);
    DEVICE_MIDDLE.set(slot, base | DATA | HUGE | UNCACHED);
    let at = DEVICES + slot as u64 * HUGE_SIZE;
    invlpg(at);
    at + (address - base)
}

/// Shows 2 MiB of firmware tables, read-only, in a slot; returns where.
pub(crate) fn map_firmware(slot: usize, address: u64) -> u64 {
    let base = address & !(HUGE_SIZE - 1);
    DEVICE_MIDDLE.set(slot, base | PRESENT | ACCESSED | HUGE | NO_EXECUTE);
    let at = DEVICES + slot as u64 * HUGE_SIZE;
    invlpg(at);
    at + (address - base)
}

/// Maps the pages of a kernel stack. `table` gives a zeroed page where a table is needed.
pub(crate) fn map_stack_page(at: u64, frame: PhysAddr, table: &mut dyn FnMut() -> Option<PhysAddr>) -> Option<()> {
    let _turn = CHANGE.lock();
    debug_assert!(at >= STACKS, "stacks lie in their own region");
    let mut level = &STACK_DIRECTORY;
    for shift in [30, 21] {
        let index = (at >> shift) as usize % 512;
        if level.get(index) == 0 {
            level.set(index, table()?.0 | LINK);
        }
        level = follow(level.get(index));
    }
    level.set((at >> 12) as usize % 512, frame.0 | DATA);
    Some(())
}

/// The root entries that every address space shares.
pub(crate) fn for_each_kernel_entry(mut each: impl FnMut(usize, u64)) {
    for index in 0..DIRECT_ROOTS {
        each(DIRECT_ROOT + index, ROOT.get(DIRECT_ROOT + index));
    }
    each(STACKS_ROOT, ROOT.get(STACKS_ROOT));
    each(511, ROOT.get(511));
}

const _: () = assert!(DIRECT == 0xffff_8000_0000_0000);
