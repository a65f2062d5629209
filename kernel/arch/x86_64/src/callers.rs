//! Where a CPU is and what called there, for the text of a panic.
//!
//! The kernel keeps no frame pointers: they cost every call of a function three instructions and a register. What is left on a stack are return
//! addresses among other words. So every word above the stack pointer that follows a call in the kernel's text is told, with its distance from the stack
//! pointer; some are left over from earlier calls. The command on the host has the kernel's tables of frames, which say at what distance the
//! next return address lies, and keeps those (`host/machine/src/symbols.rs`).
//!
//! After a fault in the kernel that is the place of the fault, even if it is handled on another stack.

use core::arch::asm;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::layout::{DIRECT, STACKS};
use crate::thread::{STACK_SIZE, STACK_STEP, current_stack_top};

// SAFETY: the linker script defines both.
unsafe extern "C" {
    safe static kernel_start: u8;
    safe static text_end: u8;
}

/// Something that is on the way to where a CPU is.
pub enum Caller {
    /// The instruction where it is.
    Here(u64),
    /// A return address, and how far above the stack pointer it lies.
    Above(u64, u64),
}

/// Where a fault happened, and the stack pointer there.
static FAULT: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

pub(crate) fn remember_fault(ip: u64, stack_pointer: u64) {
    FAULT[0].store(ip, Ordering::Relaxed);
    FAULT[1].store(stack_pointer, Ordering::Relaxed);
}

/// Tells of the instruction where this CPU is, or was when it faulted, and of what may be return addresses, nearest first.
#[inline(never)]
pub fn each(mut tell: impl FnMut(Caller)) {
    let mut ip = FAULT[0].load(Ordering::Relaxed);
    let mut stack_pointer = FAULT[1].load(Ordering::Relaxed);
    if ip == 0 {
        // SAFETY: reads two registers.
        unsafe {
            asm!("lea {}, [rip]", "mov {}, rsp", out(reg) ip, out(reg) stack_pointer, options(nomem, nostack, preserves_flags));
        };
    }
    tell(Caller::Here(ip));
    let text = (&raw const kernel_start).addr() as u64..(&raw const text_end).addr() as u64;
    for place in words(stack_pointer).step_by(8) {
        let word = read(place);
        if follows_call(word, &text) {
            tell(Caller::Above(word, place - stack_pointer));
        }
    }
}

/// Where there may be words of the stack. A thread's stack has nothing mapped below it, where the pointer of one that is full lies.
fn words(stack_pointer: u64) -> Range<u64> {
    if stack_pointer < DIRECT || !stack_pointer.is_multiple_of(8) {
        return 0..0;
    }
    let boot = current_stack_top();
    let top = if (STACKS..STACKS + (1 << 39)).contains(&stack_pointer) {
        stack_pointer.next_multiple_of(STACK_STEP)
    } else if (boot.saturating_sub(STACK_SIZE)..boot).contains(&stack_pointer) {
        boot
    } else {
        stack_pointer.next_multiple_of(4096)
    };
    stack_pointer.max(top.saturating_sub(STACK_SIZE))..top
}

fn read(place: u64) -> u64 {
    let place: *const u64 = ptr::with_exposed_provenance(place as usize);
    // SAFETY: a word of a mapped stack, or of the kernel's text, which is mapped; another CPU's writes do not matter. A wrong place ends in a
    // second panic, which stops at once.
    unsafe { place.read_unaligned() }
}

/// Whether the instruction before this address can be a call: `e8` and four bytes, or `ff /2` in one of its lengths.
fn follows_call(address: u64, text: &Range<u64>) -> bool {
    if address < text.start + 8 || address >= text.end {
        return false;
    }
    let before = read(address - 8).to_le_bytes();
    before[3] == 0xe8
        || [2, 3, 6, 7]
            .iter()
            .any(|length| before[8 - length] == 0xff && (before[9 - length] >> 3) & 7 == 2)
}
