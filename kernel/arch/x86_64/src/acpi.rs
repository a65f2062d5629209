//! Which CPUs there are and where the I/O APICs are, from ACPI's MADT.
//!
//! Nothing is read until somebody asks, and machines without ACPI (QEMU's microvm with `acpi=off`) have the fixed places that every PC has.

use crate::{boot, cpu, tables};
use acpi_view::{Entry, Root};
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use seam::MAX_CPUS;

const IO_APIC: u64 = 0xfec0_0000;
const SLOT: usize = 8;
/// Tables that are looked at before the MADT is given up.
const MOST_TABLES: usize = 64;
/// Controllers of interrupt lines that are kept.
const MOST_IO_APICS: usize = 4;

/// Identities at the interrupt controller: by CPU, where the tables were read.
static IDS: [AtomicU32; MAX_CPUS] = [const { AtomicU32::new(0) }; MAX_CPUS];
static IDS_KNOWN: AtomicUsize = AtomicUsize::new(0);

/// Controllers of lines: the address and the number of the first line.
static IO_APICS: [(AtomicU64, AtomicU32); MOST_IO_APICS] =
    [const { (AtomicU64::new(0), AtomicU32::new(0)) }; MOST_IO_APICS];
static IO_APICS_KNOWN: AtomicUsize = AtomicUsize::new(0);

/// The controller that serves a line: where its registers are, and which line its first is.
pub(crate) fn io_apic(line: u32) -> (u64, u32) {
    let known = IO_APICS.iter().take(IO_APICS_KNOWN.load(Ordering::Relaxed));
    known
        .map(|(address, first)| (address.load(Ordering::Relaxed), first.load(Ordering::Relaxed)))
        .filter(|&(_, first)| first <= line)
        .max_by_key(|&(_, first)| first)
        .unwrap_or((IO_APIC, 0))
}

/// The identity of a CPU that has not started: what the tables say, or else its number.
pub(crate) fn id_of(number: usize) -> u32 {
    match IDS.get(number) {
        Some(id) if number < IDS_KNOWN.load(Ordering::Relaxed) => id.load(Ordering::Relaxed),
        _ => number as u32,
    }
}

/// Bytes at a physical address, through the firmware window.
fn at(address: u64, len: usize) -> &'static [u8] {
    // Two slots side by side, so that a table may cross from one 2 MiB to the next.
    let pointer = tables::map_firmware(SLOT, address);
    tables::map_firmware(SLOT + 1, (address & !0x1f_ffff) + 0x20_0000);
    // SAFETY: the window shows at least 2 MiB from `address` on; callers ask for less and use it before they ask again.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(pointer as usize), len.min(0x20_0000)) }
}

/// The number of CPUs that the MADT lists as usable; 0 where there is no MADT.
pub(crate) fn count_cpus() -> usize {
    let pointer = boot::rsdp();
    if pointer == 0 {
        return 0;
    }
    let Some(root) = Root::parse(at(pointer, acpi_view::ROOT_POINTER)) else {
        return 0;
    };
    let whole = |address| acpi_view::length(at(address, acpi_view::HEADER)).map(|len| at(address, len));
    for index in 0..MOST_TABLES {
        // The window shows one table at a time.
        let Some(table) = whole(root.address).and_then(|list| root.tables(list).nth(index)) else {
            return 0;
        };
        if at(table, 4) == acpi_view::MADT {
            return whole(table).map_or(0, take);
        }
    }
    0
}

/// Notes what the MADT says. The CPU that booted is the first, wherever it is listed.
fn take(madt: &[u8]) -> usize {
    let own = cpu::apic_id(0).unwrap_or(0);
    let (mut cpus, mut controllers) = (1, 0);
    IDS[0].store(own, Ordering::Relaxed);
    for entry in acpi_view::madt(madt) {
        match entry {
            Entry::Cpu { id } if id != own && cpus < MAX_CPUS => {
                IDS[cpus].store(id, Ordering::Relaxed);
                cpus += 1;
            }
            Entry::Lines { address, first } if controllers < MOST_IO_APICS => {
                IO_APICS[controllers].0.store(address, Ordering::Relaxed);
                IO_APICS[controllers].1.store(first, Ordering::Relaxed);
                controllers += 1;
            }
            _ => {}
        }
    }
    IDS_KNOWN.store(cpus, Ordering::Relaxed);
    IO_APICS_KNOWN.store(controllers, Ordering::Relaxed);
    cpus
}
