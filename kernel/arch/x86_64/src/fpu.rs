//! Vector state: which of it there is, and saving it when another program's thread runs.

use crate::cpu;
use crate::instructions::cpuid;
use core::arch::asm;
use core::sync::atomic::{AtomicUsize, Ordering};

/// x87, SSE, AVX and AVX-512: what the kernel saves where the CPU has it.
const WANTED: u64 = 0b1110_0111;
/// The legacy area and the header.
const LEGACY: usize = 512 + 64;

static SIZE: AtomicUsize = AtomicUsize::new(512);

/// Most bytes that vector state takes: AVX-512 ends at 2688.
pub(crate) const MAX_SIZE: usize = 2752;

/// Switches vector state on, on this CPU.
pub(crate) fn start() {
    if !cpu::features().xsave {
        return;
    }
    let found = cpuid(13, 0);
    let mask = (u64::from(found[3]) << 32 | u64::from(found[0])) & WANTED;
    // SAFETY: only components that the CPU reports are switched on.
    unsafe { asm!("xsetbv", in("ecx") 0, in("eax") mask as u32, in("edx") (mask >> 32) as u32, options(nostack)) };
    SIZE.store((cpuid(13, 0)[1] as usize).clamp(LEGACY, MAX_SIZE), Ordering::Relaxed);
}

/// Bytes of vector state.
pub(crate) fn size() -> usize {
    SIZE.load(Ordering::Relaxed)
}

/// What the state of a new program says: everything clear, exceptions masked.
pub(crate) fn set_initial(area: &mut [u8]) {
    area.fill(0);
    area[..2].copy_from_slice(&0x037fu16.to_le_bytes());
    area[24..28].copy_from_slice(&0x1f80u32.to_le_bytes());
}

/// Saves the vector state of this CPU.
///
/// # Safety
/// `area` is 64-aligned and has [`size`] bytes.
pub(crate) unsafe fn save(area: *mut u8) {
    if cpu::features().xsave {
        // SAFETY: the caller's promise.
        unsafe { asm!("xsave64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack)) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { asm!("fxsave64 [{}]", in(reg) area, options(nostack)) };
    }
}

/// Loads the vector state of this CPU.
///
/// # Safety
/// `area` is 64-aligned and holds what [`save`] or [`set_initial`] left.
pub(crate) unsafe fn restore(area: *const u8) {
    if cpu::features().xsave {
        // SAFETY: the caller's promise.
        unsafe { asm!("xrstor64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack)) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { asm!("fxrstor64 [{}]", in(reg) area, options(nostack)) };
    }
}
