//! Copies to and from a program's memory that survive a fault.
//!
//! The copying instructions are few and labelled; a page fault at one of them that the kernel cannot put right goes on at its
//! fix-up, which says how much is left. Ranges are checked before, so that no copy reaches the kernel's half.

use crate::cpu;
use address::USER_END;
use core::arch::{asm, global_asm};

global_asm!(
    r#"
    .macro fixed_up_at at, fix
    .pushsection .fix_ups, "a"
    .quad \at, \fix
    .popsection
    .endm

    .section .text.user_copy, "ax"
    # rdi = to, rsi = from, rdx = bytes; returns the bytes that were not copied
user_copy:
    mov rcx, rdx
    cmp rdx, 8
    jb 3f
    shr rcx, 3
2:  rep movsq
    fixed_up_at 2b, 6f
    mov ecx, edx
    and ecx, 7
3:  jrcxz 5f
4:  rep movsb
    fixed_up_at 4b, 7f
5:  xor eax, eax
    ret

    # rdi = to, rdx = bytes; returns the bytes that were not cleared
user_clear:
    xor eax, eax
    mov rcx, rdx
    shr rcx, 3
2:  rep stosq
    fixed_up_at 2b, 6f
    mov ecx, edx
    and ecx, 7
4:  rep stosb
    fixed_up_at 4b, 7f
    ret

    # The rest of a copy or a clearing that stopped among its words, or among its last bytes
6:  and edx, 7
    lea rax, [rdx + rcx * 8]
    ret
7:  mov rax, rcx
    ret

    # rdi = at, esi = old, edx = new; returns the word that was there, or bit 63 for a fault
user_exchange:
    mov eax, esi
2:  lock cmpxchg [rdi], edx
    fixed_up_at 2b, 8f
    mov eax, eax
    ret

    # rdi = where vector state lies or goes; return 0, or bit 63 for a fault
user_save_vectors:
    mov eax, -1
    mov edx, -1
2:  xsave64 [rdi]
    fixed_up_at 2b, 8f
    xor eax, eax
    ret
user_load_vectors:
    mov eax, -1
    mov edx, -1
    .globl user_load_vectors_at
user_load_vectors_at:
    xrstor64 [rdi]
    fixed_up_at user_load_vectors_at, 8f
    xor eax, eax
    ret

    .globl user_word_fix
user_word_fix:
8:  mov rax, -1
    ret
    .purgem fixed_up_at
    "#
);

// SAFETY: the assembly above defines the functions with these arguments; of the labels only the addresses are used. The linker script puts the
// two ends around the table of fix-ups.
unsafe extern "C" {
    #[link_name = "user_copy"]
    fn user_copy_code();
    fn user_clear(to: *mut u8, unused: usize, len: usize) -> usize;
    fn user_exchange(at: *mut u32, old: u32, new: u32) -> u64;
    fn user_save_vectors(to: *mut u8) -> u64;
    fn user_load_vectors(from: *const u8) -> u64;
    safe static user_load_vectors_at: u8;
    safe static user_word_fix: u8;
    safe static fix_ups_start: [[u64; 2]; 0];
    safe static fix_ups_end: [[u64; 2]; 0];
}

/// The copying instructions, each with where a fault at it goes on.
fn fix_ups() -> &'static [[u64; 2]] {
    let (start, end) = (fix_ups_start.as_ptr(), fix_ups_end.as_ptr());
    let count = (end.addr() - start.addr()) / size_of::<[u64; 2]>();
    // SAFETY: the linker put the entries of all the assembly, and nothing else, between the two, and they do not change.
    unsafe { core::slice::from_raw_parts(start, count) }
}

/// Where a faulting copy goes on, if `at` is one of the copying instructions.
pub(crate) fn fix_up(at: u64) -> Option<u64> {
    fix_ups().iter().find_map(|&[from, to]| (from == at).then_some(to))
}

/// Where loading vector state goes on, if `at` is the instruction that does so: it refuses what a program made up by a protection fault.
pub(crate) fn protection_fix_up(at: u64) -> Option<u64> {
    let loads = core::ptr::from_ref(&user_load_vectors_at).addr() as u64 == at;
    loads.then(|| core::ptr::from_ref(&user_word_fix).addr() as u64)
}

const VECTOR_ALIGNMENT: u64 = 64;

/// Saves this CPU's vector state, of `size` bytes, to a program's memory; whether that could be written. The CPU has `xsave`.
pub(crate) fn save_vectors(to: u64, size: usize) -> bool {
    if !to.is_multiple_of(VECTOR_ALIGNMENT) || reachable(to, size) < size {
        return false;
    }
    // SAFETY: the area lies in the program's half and its faults are fixed up.
    with_access(|| unsafe { user_save_vectors(user_pointer(to)) }) == 0
}

/// Loads this CPU's vector state, of `size` bytes, from a program's memory; whether that could be read and loaded. The CPU has `xsave`.
pub(crate) fn load_vectors(from: u64, size: usize) -> bool {
    if !from.is_multiple_of(VECTOR_ALIGNMENT) || reachable(from, size) < size {
        return false;
    }
    // SAFETY: the area lies in the program's half and its faults are fixed up, those for what it holds too.
    with_access(|| unsafe { user_load_vectors(user_pointer(from)) }) == 0
}

/// Lets the kernel touch a program's pages while `then` runs.
#[inline]
fn with_access<T>(then: impl FnOnce() -> T) -> T {
    lock::order::may_touch_user_memory();
    if !cpu::has_smap() {
        return then();
    }
    // SAFETY: the flag matters only for explicit user accesses, which `then` is.
    unsafe { asm!("stac", options(nostack)) };
    let value = then();
    // SAFETY: back to no access.
    unsafe { asm!("clac", options(nostack)) };
    value
}

/// Whether all of `len` bytes at `address` lie in a program's half.
#[inline]
fn is_reachable(address: u64, len: usize) -> bool {
    len as u64 <= USER_END && address <= USER_END - len as u64
}

/// How many of `len` bytes at `address` lie in a program's half: nearly always all.
#[inline]
fn reachable(address: u64, len: usize) -> usize {
    if is_reachable(address, len) {
        return len;
    }
    len.min(USER_END.saturating_sub(address) as usize)
}

/// Calls `user_copy`, which changes fewer registers than a call usually does.
///
/// # Safety
/// Both sides are valid for `len` bytes, but that the program's may fault.
#[inline]
unsafe fn user_copy(to: *mut u8, from: *const u8, len: usize) -> usize {
    let left: usize;
    // SAFETY: the caller's promise; the registers are those that the code uses.
    unsafe {
        asm!("call {code}", code = sym user_copy_code, inout("rdi") to => _, inout("rsi") from => _, inout("rdx") len => _, out("rcx") _, out("rax") left)
    };
    left
}

/// A load in place, of the given instruction; bit 63 is set for a fault.
macro_rules! load {
    ($instruction:literal, $from:expr) => {
        with_access(|| {
            let value: u64;
            // SAFETY: the address lies in the program's half; a fault goes on behind the instruction, which has then changed nothing.
            unsafe { asm!(
                concat!("2: ", $instruction),
                "3:",
                ".pushsection .fix_ups, \"a\"",
                ".quad 2b, 3b",
                ".popsection",
                from = in(reg) $from,
                inout("rax") u64::MAX => value,
                options(nostack, preserves_flags, readonly)
            ) };
            value
        })
    };
}

/// Copies words in place, without a call; returns how many were not copied.
///
/// # Safety
/// Both sides are valid for that many words, but that the program's may fault.
#[inline]
unsafe fn user_copy_words(to: *mut u8, from: *const u8, words: usize) -> usize {
    let left: usize;
    // SAFETY: the caller's promise; a fault goes on behind the instruction, whose counter says what is left.
    unsafe {
        asm!(
            "2: rep movsq",
            "3:",
            ".pushsection .fix_ups, \"a\"",
            ".quad 2b, 3b",
            ".popsection",
            inout("rdi") to => _, inout("rsi") from => _, inout("rcx") words => left, options(nostack, preserves_flags)
        )
    };
    left
}

fn user_pointer(address: u64) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(address as usize)
}

/// Copies from a program's memory; returns how many bytes came.
///
/// # Safety
/// `to` is valid for `len` bytes.
#[inline]
pub unsafe fn copy_in_raw(to: *mut u8, from: u64, len: usize) -> usize {
    let len = reachable(from, len);
    // SAFETY: `to` by the caller's promise; the user side lies in the program's half and its faults are fixed up.
    len - with_access(|| unsafe { user_copy(to, user_pointer(from), len) })
}

/// Copies to a program's memory; returns how many bytes went.
///
/// # Safety
/// `from` is valid for `len` bytes.
#[inline]
pub unsafe fn copy_out_raw(to: u64, from: *const u8, len: usize) -> usize {
    let len = reachable(to, len);
    // SAFETY: as in `copy_in_raw`, the other way.
    len - with_access(|| unsafe { user_copy(user_pointer(to), from, len) })
}

/// Copies from a program's memory; returns how many bytes came.
#[inline]
pub fn copy_in(to: &mut [u8], from: u64) -> usize {
    // SAFETY: `to` is a slice.
    unsafe { copy_in_raw(to.as_mut_ptr(), from, to.len()) }
}

/// Copies to a program's memory; returns how many bytes went.
#[inline]
pub fn copy_out(to: u64, from: &[u8]) -> usize {
    // SAFETY: `from` is a slice.
    unsafe { copy_out_raw(to, from.as_ptr(), from.len()) }
}

/// Copies whole words, for things whose size is known when the kernel is built; whether all of them went.
#[inline]
pub fn copy_out_words(to: u64, from: &[u8]) -> bool {
    let whole = from.len().is_multiple_of(8) && is_reachable(to, from.len());
    // SAFETY: `from` is a slice; the user side lies in the program's half and its faults are fixed up.
    whole && with_access(|| unsafe { user_copy_words(user_pointer(to), from.as_ptr(), from.len() / 8) }) == 0
}

/// Copies whole words, for things whose size is known when the kernel is built; whether all of them came.
#[inline]
pub fn copy_in_words(to: &mut [u8], from: u64) -> bool {
    let whole = to.len().is_multiple_of(8) && is_reachable(from, to.len());
    // SAFETY: as above, the other way.
    whole && with_access(|| unsafe { user_copy_words(to.as_mut_ptr(), user_pointer(from), to.len() / 8) }) == 0
}

/// Clears a program's memory; returns how many bytes were cleared.
pub fn clear(to: u64, len: usize) -> usize {
    let len = reachable(to, len);
    // SAFETY: the range lies in the program's half and its faults are fixed up.
    len - with_access(|| unsafe { user_clear(user_pointer(to), 0, len) })
}

/// Reads a byte; `None` where that faults.
#[must_use]
#[inline]
pub fn load_u8(from: u64) -> Option<u8> {
    if from >= USER_END {
        return None;
    }
    u8::try_from(load!("movzx eax, byte ptr [{from}]", from)).ok()
}

/// Reads a word; `None` where that faults or the address is not a multiple of four.
#[must_use]
pub fn load_u32(from: u64) -> Option<u32> {
    if !from.is_multiple_of(4) || !is_reachable(from, 4) {
        return None;
    }
    u32::try_from(load!("mov eax, dword ptr [{from}]", from)).ok()
}

/// Puts `new` in place of `old` at once; the word that was there, or `None` where that faults.
#[must_use]
pub fn compare_exchange_u32(at: u64, old: u32, new: u32) -> Option<u32> {
    if !at.is_multiple_of(4) || !is_reachable(at, 4) {
        return None;
    }
    // SAFETY: the word lies in the program's half and its faults are fixed up.
    let word = with_access(|| unsafe { user_exchange(user_pointer(at).cast(), old, new) });
    u32::try_from(word).ok()
}
