//! Registers of devices in memory, and their interrupt lines.

use crate::{apic, boot, cpu, tables};
use address::HUGE_SIZE;
use core::ptr::with_exposed_provenance;
use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::{Ordering, fence};
use lock::SpinLock;

/// The slots of the device window that this module hands out, 2 MiB each.
const FIRST_SLOT: usize = 16;
const SLOTS: usize = 128;

/// What each slot shows; 0 for nothing yet.
static SHOWN: SpinLock<[u64; SLOTS]> = SpinLock::new([0; SLOTS]);

/// The registers of a device.
#[derive(Debug)]
pub struct Registers {
    at: u64,
    len: u32,
}

impl Registers {
    /// Shows registers at a physical address, for ever. `None` where that cannot be: more than 2 MiB apart, in RAM, or too many.
    #[must_use]
    pub fn map(address: u64, len: u32) -> Option<Self> {
        let end = address.checked_add(u64::from(len))?;
        let base = address & !(HUGE_SIZE - 1);
        let info = boot::info();
        let mut ram = info.ram[..info.ram_count].iter();
        if base == 0 || len == 0 || end - base > HUGE_SIZE || ram.any(|ram| address < ram.end.0 && ram.start.0 < end) {
            return None;
        }
        let mut shown = SHOWN.lock();
        let known = shown.iter().position(|&other| other == base);
        let index = known.or_else(|| shown.iter().position(|&other| other == 0))?;
        shown[index] = base;
        Some(Self {
            at: tables::map_device(FIRST_SLOT + index, address),
            len,
        })
    }

    /// Bytes of registers.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where a register is, if it is one of these.
    fn place(&self, offset: u32, size: u32) -> Option<usize> {
        let end = offset.checked_add(size)?;
        (offset.is_multiple_of(size) && end <= self.len).then(|| (self.at + u64::from(offset)) as usize)
    }

    /// Reads a register of 4 bytes; all ones where there is none.
    #[must_use]
    pub fn read_32(&self, offset: u32) -> u32 {
        let Some(place) = self.place(offset, 4) else {
            return u32::MAX;
        };
        // SAFETY: device registers are mapped there for ever, and no RAM.
        unsafe { with_exposed_provenance::<u32>(place).read_volatile() }
    }

    /// Reads a register of one byte; all ones where there is none.
    #[must_use]
    pub fn read_8(&self, offset: u32) -> u8 {
        let Some(place) = self.place(offset, 1) else {
            return u8::MAX;
        };
        // SAFETY: as above.
        unsafe { with_exposed_provenance::<u8>(place).read_volatile() }
    }

    /// Writes a register of 4 bytes, if there is one.
    pub fn write_32(&self, offset: u32, value: u32) {
        if let Some(place) = self.place(offset, 4) {
            // SAFETY: as above. What a device does to memory is its driver's business, which gives it only pages that it owns.
            unsafe { with_exposed_provenance_mut::<u32>(place).write_volatile(value) };
        }
    }
}

/// Lets a device's interrupt line in. False where there is no such line.
#[must_use]
pub fn listen(line: u32) -> bool {
    let Ok(line) = u8::try_from(line) else { return false };
    if line >= crate::trap::LINES_END - crate::trap::LINES {
        return false;
    }
    apic::route_line(line);
    true
}

/// What this CPU stored is seen by devices before it loads anything more.
///
/// QEMU's translator leaves barriers out where it runs one CPU at a time, though its devices run beside that CPU (decision 0026). `pause` makes it leave the translated code, through
/// a lock that no processor moves loads across.
#[inline]
pub fn barrier() {
    fence(Ordering::SeqCst);
    if cpu::is_translated() {
        core::hint::spin_loop();
    }
}
