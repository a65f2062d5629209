//! The direct map: where physical memory can be touched, and how it gets there.

use crate::layout::{DIRECT, DIRECT_ROOTS, IMAGE};
use crate::tables;
use address::PhysAddr;
use core::arch::asm;

const DIRECT_SIZE: u64 = (DIRECT_ROOTS as u64) << 39;

/// Where a physical address can be touched, once its chunk has been accepted.
#[must_use]
#[inline]
pub fn pointer(address: PhysAddr) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut((DIRECT + address.0) as usize)
}

/// The physical address of a pointer into the direct map.
#[must_use]
#[inline]
pub fn physical(pointer: *const u8) -> Option<PhysAddr> {
    let offset = (pointer.addr() as u64).wrapping_sub(DIRECT);
    (offset < DIRECT_SIZE).then_some(PhysAddr(offset))
}

/// The physical address of something in the kernel's own file.
#[must_use]
pub fn physical_of_kernel(address: usize) -> Option<PhysAddr> {
    (address as u64).checked_sub(IMAGE).map(PhysAddr)
}

/// Makes a 2 MiB chunk of RAM usable: enters it in the direct map. `table` gives a frame where a table is needed; the frame may lie in
/// the chunk itself. (On a confidential machine this is also where its pages are accepted.)
pub fn accept(chunk: PhysAddr, table: &mut dyn FnMut() -> Option<PhysAddr>) -> bool {
    chunk.0 < DIRECT_SIZE && tables::map_direct(chunk, table)
}

/// Copies bytes that do not overlap.
///
/// # Safety
/// Both sides are valid for `len` bytes.
#[inline]
pub unsafe fn copy(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { to.copy_from_nonoverlapping(from, len) };
}

/// Copies a page.
///
/// # Safety
/// Both sides are whole pages, and distinct.
#[inline]
pub unsafe fn copy_page(to: *mut u8, from: *const u8) {
    // SAFETY: the caller's promise; 512 words are a page.
    unsafe {
        asm!("rep movsq", inout("rcx") 512usize => _, inout("rdi") to => _, inout("rsi") from => _, options(nostack, preserves_flags));
    }
}

/// Clears a page.
///
/// # Safety
/// `page` is a whole page that the caller owns.
#[inline]
pub unsafe fn zero_page(page: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { zero_pages(page, 1) };
}

/// Clears pages.
///
/// # Safety
/// `page` begins `count` pages that the caller owns.
#[inline]
pub unsafe fn zero_pages(page: *mut u8, count: usize) {
    // SAFETY: the caller's promise; 512 words are a page.
    unsafe {
        asm!("rep stosq", inout("rcx") count * 512 => _, inout("rdi") page => _, in("rax") 0, options(nostack, preserves_flags));
    }
}
