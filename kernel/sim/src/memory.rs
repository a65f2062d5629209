//! Physical memory: one zeroed allocation of the host, at "physical" address 0.

use address::{HUGE_SIZE, PAGE_LEN, PhysAddr};
use std::alloc::{Layout, alloc_zeroed};
use std::sync::OnceLock;

/// Bytes of simulated RAM.
pub const SIZE: usize = 64 << 20;

static BASE: OnceLock<usize> = OnceLock::new();

fn base() -> *mut u8 {
    let base = *BASE.get_or_init(|| {
        let layout = Layout::from_size_align(SIZE, HUGE_SIZE as usize).expect("a constant layout");
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc_zeroed(layout) };
        assert!(!memory.is_null(), "the host has no memory for the simulated RAM");
        memory.expose_provenance()
    });
    std::ptr::with_exposed_provenance_mut(base)
}

/// Where a physical address can be touched.
#[must_use]
pub fn pointer(address: PhysAddr) -> *mut u8 {
    assert!((address.0 as usize) < SIZE, "no such simulated memory: {address:?}");
    base().wrapping_add(address.0 as usize)
}

/// The physical address of a pointer into the direct map.
#[must_use]
pub fn physical(pointer: *const u8) -> Option<PhysAddr> {
    let offset = (pointer.addr()).checked_sub(base().addr())?;
    (offset < SIZE).then_some(PhysAddr(offset as u64))
}

/// The physical address of something in the kernel's own file: a test is not in the simulated memory.
#[must_use]
pub fn physical_of_kernel(_address: usize) -> Option<PhysAddr> {
    None
}

/// Makes a chunk of RAM usable.
pub fn accept(_chunk: PhysAddr, _table: &mut dyn FnMut() -> Option<PhysAddr>) -> bool {
    true
}

/// Copies bytes that do not overlap.
///
/// # Safety
/// Both sides are valid for `len` bytes.
pub unsafe fn copy(to: *mut u8, from: *const u8, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { to.copy_from_nonoverlapping(from, len) };
}

/// Copies a page.
///
/// # Safety
/// Both sides are whole pages, and distinct.
pub unsafe fn copy_page(to: *mut u8, from: *const u8) {
    // SAFETY: the caller's promise.
    unsafe { copy(to, from, PAGE_LEN) };
}

/// Clears a page.
///
/// # Safety
/// `page` is a whole page that the caller owns.
pub unsafe fn zero_page(page: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { page.write_bytes(0, PAGE_LEN) };
}

/// Clears pages.
///
/// # Safety
/// `page` begins `count` pages that the caller owns.
pub unsafe fn zero_pages(page: *mut u8, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { page.write_bytes(0, PAGE_LEN * count) };
}
