//! A program's memory: the page tables in force, walked in software.

use crate::tlb::{self, Leaf};
use crate::{interleave, memory, thread};
use address::{PhysAddr, USER_END};
use seam::Access;

const PRESENT: u64 = 1;
const WRITE: u64 = 2;
const HUGE: u64 = 1 << 7;
const FRAME: u64 = 0x000f_ffff_ffff_f000;

/// How often a touch faults at the most: others may take away again what a fault gave.
const RETRIES: u32 = 100;

/// The leaf for `address` in the tables in force, if it allows the access.
fn walk(address: u64, access: Access) -> Option<Leaf> {
    let mut table = tlb::root().address();
    let mut may_write = true;
    for level in (0..4u32).rev() {
        let index = address >> (12 + 9 * level) & 511;
        let at = memory::pointer(PhysAddr(table.0 + index * 8)).cast::<u64>();
        // SAFETY: a table is a page of simulated memory.
        let entry = unsafe { at.read_volatile() };
        may_write &= entry & WRITE != 0;
        if entry & PRESENT == 0 || (access == Access::Write && !may_write) {
            return None;
        }
        let base = PhysAddr(entry & FRAME);
        if level == 0 || entry & HUGE != 0 {
            let size = 1u64 << (12 + 9 * level);
            let start = address & !(size - 1);
            return Some(Leaf {
                range: start..start + size,
                base: memory::pointer(base),
                may_write,
            });
        }
        table = base;
    }
    None
}

/// Where `address` lies in simulated memory, if the tables allow the access, or this CPU remembers that they did.
fn translate(address: u64, access: Access) -> Option<*mut u8> {
    if let Some(pointer) = tlb::recall(address, access) {
        return Some(pointer);
    }
    let leaf = walk(address, access)?;
    let pointer = leaf.base.wrapping_add((address - leaf.range.start) as usize);
    tlb::remember(leaf);
    Some(pointer)
}

fn touch(address: u64, access: Access) -> Option<*mut u8> {
    lock::order::may_touch_user_memory();
    interleave::point();
    if address >= USER_END || tlb::root().0 == 0 {
        return None;
    }
    for _ in 0..RETRIES {
        if let Some(pointer) = translate(address, access) {
            return Some(pointer);
        }
        if !thread::page_fault(address, access) {
            return None;
        }
    }
    None
}

/// Calls `each` with the pieces of `len` bytes at `address` that lie in one page; returns how many bytes went.
fn pieces(address: u64, len: usize, access: Access, mut each: impl FnMut(*mut u8, usize, usize)) -> usize {
    let mut done = 0;
    while done < len {
        let Some(at) = address.checked_add(done as u64) else {
            break;
        };
        let piece = (4096 - at as usize % 4096).min(len - done);
        let Some(pointer) = touch(at, access) else { break };
        each(pointer, done, piece);
        done += piece;
    }
    done
}

/// Copies from a program's memory; returns how many bytes came.
///
/// # Safety
/// `to` is valid for `len` bytes.
pub unsafe fn copy_in_raw(to: *mut u8, from: u64, len: usize) -> usize {
    // SAFETY: the piece lies in simulated memory and in `to`.
    pieces(from, len, Access::Read, |user, at, piece| unsafe {
        to.add(at).copy_from(user, piece)
    })
}

/// Copies to a program's memory; returns how many bytes went.
///
/// # Safety
/// `from` is valid for `len` bytes.
pub unsafe fn copy_out_raw(to: u64, from: *const u8, len: usize) -> usize {
    // SAFETY: the piece lies in simulated memory and in `from`.
    pieces(to, len, Access::Write, |user, at, piece| unsafe {
        user.copy_from(from.add(at), piece)
    })
}

/// Copies from a program's memory; returns how many bytes came.
pub fn copy_in(to: &mut [u8], from: u64) -> usize {
    // SAFETY: `to` is a slice.
    unsafe { copy_in_raw(to.as_mut_ptr(), from, to.len()) }
}

/// Copies to a program's memory; returns how many bytes went.
pub fn copy_out(to: u64, from: &[u8]) -> usize {
    // SAFETY: `from` is a slice.
    unsafe { copy_out_raw(to, from.as_ptr(), from.len()) }
}

/// Copies whole words; whether all of them went.
pub fn copy_out_words(to: u64, from: &[u8]) -> bool {
    from.len().is_multiple_of(8) && copy_out(to, from) == from.len()
}

/// Copies whole words; whether all of them came.
pub fn copy_in_words(to: &mut [u8], from: u64) -> bool {
    to.len().is_multiple_of(8) && copy_in(to, from) == to.len()
}

/// Clears a program's memory; returns how many bytes were cleared.
pub fn clear(to: u64, len: usize) -> usize {
    // SAFETY: the piece lies in simulated memory.
    pieces(to, len, Access::Write, |user, _, piece| unsafe {
        user.write_bytes(0, piece)
    })
}

/// Reads a byte; `None` where that faults.
#[must_use]
pub fn load_u8(from: u64) -> Option<u8> {
    let mut byte = [0];
    (copy_in(&mut byte, from) == 1).then_some(byte[0])
}

/// Reads a word; `None` where that faults or the address is not a multiple of four.
#[must_use]
pub fn load_u32(from: u64) -> Option<u32> {
    let mut bytes = [0; 4];
    (from.is_multiple_of(4) && copy_in(&mut bytes, from) == 4).then(|| u32::from_le_bytes(bytes))
}

/// Puts `new` in place of `old` at once; the word that was there, or `None` where that faults.
#[must_use]
pub fn compare_exchange_u32(at: u64, old: u32, new: u32) -> Option<u32> {
    use std::sync::atomic::{AtomicU32, Ordering};
    if !at.is_multiple_of(4) {
        return None;
    }
    let pointer = touch(at, Access::Write)?.cast::<AtomicU32>();
    // SAFETY: an aligned word of simulated memory, which may be shared because it is only touched atomically.
    let word = unsafe { &*pointer };
    Some(
        word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire)
            .unwrap_or_else(|found| found),
    )
}
