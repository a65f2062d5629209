//! Vector state: which of it there is, and saving it when another program's thread runs.

use crate::cpu;
use crate::instructions::cpuid;
use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// x87, SSE, AVX and AVX-512: what the kernel saves where the CPU has it.
const WANTED: u64 = 0b1110_0111;
/// The legacy area and the header.
const LEGACY: usize = 512 + 64;

static SIZE: AtomicUsize = AtomicUsize::new(512);
/// Which components are switched on.
static ENABLED: AtomicU64 = AtomicU64::new(0);
/// Bits of `mxcsr` that may be set; those that every CPU has until the CPU has said more.
static MXCSR_MASK: AtomicU32 = AtomicU32::new(0xffbf);

/// Most bytes that vector state takes: AVX-512 ends at 2688.
pub(crate) const MAX_SIZE: usize = 2752;

/// Switches vector state on, on this CPU.
pub(crate) fn start() {
    note_mxcsr_mask();
    if !cpu::features().xsave {
        return;
    }
    let found = cpuid(13, 0);
    let mask = (u64::from(found[3]) << 32 | u64::from(found[0])) & WANTED;
    // SAFETY: only components that the CPU reports are switched on.
    unsafe { asm!("xsetbv", in("ecx") 0, in("eax") mask as u32, in("edx") (mask >> 32) as u32, options(nostack)) };
    ENABLED.store(mask, Ordering::Relaxed);
    SIZE.store((cpuid(13, 0)[1] as usize).clamp(LEGACY, MAX_SIZE), Ordering::Relaxed);
}

#[repr(C, align(16))]
struct LegacyArea([u8; 512]);

fn note_mxcsr_mask() {
    let mut area = LegacyArea([0; 512]);
    // SAFETY: the area is aligned and has the size that the instruction takes.
    unsafe { asm!("fxsave64 [{}]", in(reg) &raw mut area, options(nostack)) };
    let [.., a, b, c, d] = *area.0.first_chunk::<32>().unwrap_or(&[0; 32]);
    let mask = u32::from_le_bytes([a, b, c, d]);
    if mask != 0 {
        MXCSR_MASK.store(mask, Ordering::Relaxed);
    }
}

/// Bits of `mxcsr` that may be set.
pub(crate) fn mxcsr_mask() -> u32 {
    MXCSR_MASK.load(Ordering::Relaxed)
}

/// Which components of vector state there are, as bits of `xcr0`.
pub(crate) fn enabled() -> u64 {
    ENABLED.load(Ordering::Relaxed)
}

/// Bytes of vector state.
pub(crate) fn size() -> usize {
    SIZE.load(Ordering::Relaxed)
}

/// What the state of a new program says: everything clear, exceptions masked.
pub(crate) fn set_initial(area: &mut [u8]) {
    area.fill(0);
    for (place, byte) in area.iter_mut().zip(INITIAL.0) {
        *place = byte;
    }
}

#[repr(C, align(64))]
struct Beginning([u8; LEGACY]);

/// The control words with exceptions masked, and a header that says that everything else is clear.
static INITIAL: Beginning = {
    let mut bytes = [0; LEGACY];
    let [a, b] = 0x037fu16.to_le_bytes();
    (bytes[0], bytes[1]) = (a, b);
    let [a, b, c, d] = 0x1f80u32.to_le_bytes();
    (bytes[24], bytes[25], bytes[26], bytes[27]) = (a, b, c, d);
    Beginning(bytes)
};

/// Gives this CPU the vector state of a new program.
pub(crate) fn load_initial() {
    // SAFETY: the area is aligned, and its header says that there is nothing behind it.
    unsafe { restore(INITIAL.0.as_ptr()) };
}

/// Saves the vector state of this CPU.
///
/// # Safety
/// `area` is 64-aligned and has [`size`] bytes.
pub(crate) unsafe fn save(area: *mut u8) {
    if cpu::has_xsave() {
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
/// `area` is 64-aligned and holds what [`save`] or [`set_initial`] left, as far as its header says that there is anything.
pub(crate) unsafe fn restore(area: *const u8) {
    if cpu::has_xsave() {
        // SAFETY: the caller's promise.
        unsafe { asm!("xrstor64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX, options(nostack)) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { asm!("fxrstor64 [{}]", in(reg) area, options(nostack)) };
    }
}
