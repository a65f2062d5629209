//! Bytes that go straight behind those of a vector.
//!
//! `Vec::resize` writes zeros that are overwritten at once, which costs more than the copy itself. Here room is reserved, filled by the copy, and counted only as far as it was.

use crate::Page;
use address::PAGE_LEN;
use alloc::vec::Vec;

/// Appends bytes of a program's memory; how many came before a page that is not there. There are none where no memory is left for them.
#[must_use]
pub fn from_user(into: &mut Vec<u8>, user: u64, len: usize) -> usize {
    // SAFETY: room for `len` bytes is what the pointer leads to; the user side is checked and may fault.
    unsafe { with_room(into, len, |room| hal::user::copy_in_raw(room, user, len)) }
}

/// Appends bytes of a page, as many as lie in it; whether there was memory for them.
#[must_use]
pub fn from_page(into: &mut Vec<u8>, page: &Page, offset: usize, len: usize) -> bool {
    let len = len.min(PAGE_LEN.saturating_sub(offset));
    // SAFETY: room for `len` bytes is what the pointer leads to, and so many lie in the page behind the offset.
    let done = unsafe { with_room(into, len, |room| page.copy_out(offset, room, len)) };
    done == len
}

/// Has room for `len` bytes behind those of a vector filled; how many it has more then.
///
/// # Safety
/// `fill` says how many bytes it has written, from the beginning of the room on and no more than `len`.
unsafe fn with_room(into: &mut Vec<u8>, len: usize, fill: impl FnOnce(*mut u8) -> usize) -> usize {
    if into.try_reserve(len).is_err() {
        return 0;
    }
    let done = fill(into.spare_capacity_mut().as_mut_ptr().cast());
    // SAFETY: so many bytes behind the old end have been written, and there was room for them.
    unsafe { into.set_len(into.len() + done) };
    done
}
