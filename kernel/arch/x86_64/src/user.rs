//! Copies to and from a program's memory that survive a fault.
//!
//! The copying instructions are few and labelled; a page fault at one of them that the kernel cannot put right goes on at its
//! fix-up, which says how much is left. Ranges are checked before, so that no copy reaches the kernel's half.

use crate::cpu;
use address::USER_END;
use core::arch::{asm, global_asm};

global_asm!(
    r#"
    .section .text.user_copy, "ax"
    # rdi = to, rsi = from, rdx = bytes; returns the bytes that were not copied
    .globl user_copy
user_copy:
    mov rcx, rdx
    cmp rdx, 8
    jb 3f
    shr rcx, 3
    .globl user_copy_words
user_copy_words:
    rep movsq
    mov ecx, edx
    and ecx, 7
3:  jrcxz 4f
    .globl user_copy_bytes
user_copy_bytes:
    rep movsb
4:  xor eax, eax
    ret
    .globl user_copy_words_fix
user_copy_words_fix:
    and edx, 7
    lea rax, [rdx + rcx * 8]
    ret
    .globl user_copy_bytes_fix
user_copy_bytes_fix:
    mov rax, rcx
    ret

    # rdi = to, rdx = bytes; returns the bytes that were not cleared
user_clear:
    xor eax, eax
    mov rcx, rdx
    shr rcx, 3
    .globl user_clear_words
user_clear_words:
    rep stosq
    mov ecx, edx
    and ecx, 7
    .globl user_clear_bytes
user_clear_bytes:
    rep stosb
    ret
    .globl user_clear_words_fix
user_clear_words_fix:
    and edx, 7
    lea rax, [rdx + rcx * 8]
    ret
    .globl user_clear_bytes_fix
user_clear_bytes_fix:
    mov rax, rcx
    ret

    # rdi = from; returns the word, or bit 63 for a fault
    .globl user_load
user_load:
    mov eax, [rdi]
    ret
    # rdi = from; returns the byte, or bit 63 for a fault
    .globl user_load_byte
user_load_byte:
    movzx eax, byte ptr [rdi]
    ret
    # rdi = at, esi = old, edx = new; returns the word that was there, or bit 63 for a fault
user_exchange:
    mov eax, esi
    .globl user_exchange_at
user_exchange_at:
    lock cmpxchg [rdi], edx
    mov eax, eax
    ret
    .globl user_word_fix
user_word_fix:
    mov rax, -1
    ret

    # rdi = where vector state lies or goes; return 0, or bit 63 for a fault
user_save_vectors:
    mov eax, -1
    mov edx, -1
    .globl user_save_vectors_at
user_save_vectors_at:
    xsave64 [rdi]
    xor eax, eax
    ret
user_load_vectors:
    mov eax, -1
    mov edx, -1
    .globl user_load_vectors_at
user_load_vectors_at:
    xrstor64 [rdi]
    xor eax, eax
    ret
    "#
);

// SAFETY: the assembly above defines the functions with these arguments; of the labels only the addresses are used.
unsafe extern "C" {
    #[link_name = "user_copy"]
    fn user_copy_code();
    fn user_clear(to: *mut u8, unused: usize, len: usize) -> usize;
    fn user_load(from: *const u32) -> u64;
    #[link_name = "user_load_byte"]
    fn user_load_byte_code();
    fn user_exchange(at: *mut u32, old: u32, new: u32) -> u64;
    fn user_save_vectors(to: *mut u8) -> u64;
    fn user_load_vectors(from: *const u8) -> u64;
    safe static user_save_vectors_at: u8;
    safe static user_load_vectors_at: u8;
    safe static user_copy_words: u8;
    safe static user_copy_bytes: u8;
    safe static user_copy_words_fix: u8;
    safe static user_copy_bytes_fix: u8;
    safe static user_clear_words: u8;
    safe static user_clear_bytes: u8;
    safe static user_clear_words_fix: u8;
    safe static user_clear_bytes_fix: u8;
    safe static user_exchange_at: u8;
    safe static user_word_fix: u8;
}

/// Where a faulting copy goes on, if `at` is one of the copying instructions.
pub(crate) fn fix_up(at: u64) -> Option<u64> {
    let address = |symbol: &'static u8| core::ptr::from_ref(symbol).addr() as u64;
    [
        (address(&user_copy_words), address(&user_copy_words_fix)),
        (address(&user_copy_bytes), address(&user_copy_bytes_fix)),
        (address(&user_clear_words), address(&user_clear_words_fix)),
        (address(&user_clear_bytes), address(&user_clear_bytes_fix)),
        (user_load as *const () as usize as u64, address(&user_word_fix)),
        (
            user_load_byte_code as *const () as usize as u64,
            address(&user_word_fix),
        ),
        (address(&user_exchange_at), address(&user_word_fix)),
        (address(&user_save_vectors_at), address(&user_word_fix)),
        (address(&user_load_vectors_at), address(&user_word_fix)),
    ]
    .into_iter()
    .find_map(|(from, to)| (from == at).then_some(to))
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

/// How many of `len` bytes at `address` lie in a program's half: nearly always all.
#[inline]
fn reachable(address: u64, len: usize) -> usize {
    if len as u64 <= USER_END && address <= USER_END - len as u64 {
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

/// Calls `user_load_byte`, likewise.
///
/// # Safety
/// The address lies in the program's half.
#[inline]
unsafe fn user_load_byte(from: *const u8) -> u64 {
    let byte: u64;
    // SAFETY: the caller's promise; the registers are those that the code uses.
    unsafe { asm!("call {code}", code = sym user_load_byte_code, in("rdi") from, out("rax") byte) };
    byte
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
    // SAFETY: the byte lies in the program's half and its faults are fixed up.
    let byte = with_access(|| unsafe { user_load_byte(user_pointer(from)) });
    u8::try_from(byte).ok()
}

/// Reads a word; `None` where that faults or the address is not a multiple of four.
#[must_use]
pub fn load_u32(from: u64) -> Option<u32> {
    if !from.is_multiple_of(4) || reachable(from, 4) < 4 {
        return None;
    }
    // SAFETY: the word lies in the program's half and its faults are fixed up.
    let word = with_access(|| unsafe { user_load(user_pointer(from).cast()) });
    u32::try_from(word).ok()
}

/// Puts `new` in place of `old` at once; the word that was there, or `None` where that faults.
#[must_use]
pub fn compare_exchange_u32(at: u64, old: u32, new: u32) -> Option<u32> {
    if !at.is_multiple_of(4) || reachable(at, 4) < 4 {
        return None;
    }
    // SAFETY: the word lies in the program's half and its faults are fixed up.
    let word = with_access(|| unsafe { user_exchange(user_pointer(at).cast(), old, new) });
    u32::try_from(word).ok()
}
