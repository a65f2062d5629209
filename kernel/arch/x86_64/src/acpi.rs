//! How many CPUs there are and where the I/O APIC is, from ACPI's MADT.
//!
//! Nothing is read until somebody asks, and machines without ACPI (QEMU's microvm with `acpi=off`) have the fixed places that every PC has.

use crate::{boot, tables};
use core::sync::atomic::{AtomicU64, Ordering};

const IO_APIC: u64 = 0xfec0_0000;
const SLOT: usize = 8;

static IO_APIC_AT: AtomicU64 = AtomicU64::new(IO_APIC);

/// Where the I/O APIC's registers are.
pub(crate) fn io_apic() -> u64 {
    IO_APIC_AT.load(Ordering::Relaxed)
}

/// Bytes at a physical address, through the firmware window.
fn at(address: u64, len: usize) -> &'static [u8] {
    // Two slots side by side, so that a table may cross from one 2 MiB to the next.
    let pointer = tables::map_firmware(SLOT, address);
    tables::map_firmware(SLOT + 1, (address & !0x1f_ffff) + 0x20_0000);
    // SAFETY: the window shows at least 2 MiB from `address` on; callers ask for less and use it before they ask again.
    unsafe { core::slice::from_raw_parts(core::ptr::with_exposed_provenance(pointer as usize), len.min(0x20_0000)) }
}

fn word(bytes: &[u8], offset: usize) -> u32 {
    bytes
        .get(offset..offset + 4)
        .and_then(|word| word.try_into().ok())
        .map_or(0, u32::from_le_bytes)
}

fn long(bytes: &[u8], offset: usize) -> u64 {
    bytes
        .get(offset..offset + 8)
        .and_then(|word| word.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}

/// The number of CPUs that the MADT lists as usable; 0 where there is no MADT.
pub(crate) fn count_cpus() -> usize {
    let root = boot::rsdp();
    if root == 0 {
        return 0;
    }
    let pointer = at(root, 36);
    if !pointer.starts_with(b"RSD PTR ") {
        return 0;
    }
    let (table, width) = match (pointer[15], long(pointer, 24)) {
        (2.., extended) if extended != 0 => (extended, 8),
        _ => (u64::from(word(pointer, 16)), 4),
    };
    let len = word(at(table, 8), 4) as usize;
    let entries = len.saturating_sub(36) / width;
    for index in 0..entries.min(64) {
        let list = at(table, len);
        let entry = if width == 8 {
            long(list, 36 + index * 8)
        } else {
            u64::from(word(list, 36 + index * 4))
        };
        if at(entry, 8).starts_with(b"APIC") {
            return read_madt(entry);
        }
    }
    0
}

fn read_madt(address: u64) -> usize {
    let len = word(at(address, 8), 4) as usize;
    let table = at(address, len);
    let mut cpus = 0;
    let mut offset = 44;
    while let Some(&[kind, size]) = table.get(offset..offset + 2).and_then(|head| head.first_chunk::<2>()) {
        let entry = table.get(offset..offset + usize::from(size)).unwrap_or(&[]);
        match kind {
            0 if word(entry, 4) & 1 != 0 => cpus += 1,
            9 if word(entry, 8) & 1 != 0 => cpus += 1,
            1 => IO_APIC_AT.store(u64::from(word(entry, 4)), Ordering::Relaxed),
            _ => {}
        }
        if size < 2 {
            break;
        }
        offset += usize::from(size);
    }
    cpus
}
