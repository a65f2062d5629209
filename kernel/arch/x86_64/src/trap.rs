//! Entries from exceptions, interrupts and system calls.
//!
//! Every entry from a program leaves a [`UserFrame`] at the top of the thread's kernel stack, in the order of Linux's `pt_regs`. System calls leave by
//! `sysret`, which loses `rcx` and `r11` and must never be given an instruction pointer that is not canonical (it would fault in ring 0 on the
//! program's stack). So it is used only while the frame still says which call it was: whoever puts other registers in a frame (a new program, a
//! signal) sets `original_rax` to all ones, and the frame leaves by `iret`. The instruction pointer of a call itself is canonical, because the last
//! page of a program's half is never mapped. Interrupts are off from entry to exit.

use crate::cpu::{self, KERNEL_CODE, KERNEL_STACK, USER_CODE, USER_DATA, USER_STACK};
use crate::instructions::read_cr2;
use crate::thread::{self, UserFrame};
use crate::{apic, callers, tlb, user};
use address::USER_END;
use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU64, Ordering};
use seam::{Access, Fault, MAX_CPUS};

/// Vector of the local timer.
pub(crate) const TIMER: u8 = 0x20;
/// First vector of interrupt lines.
pub(crate) const LINES: u8 = 0x30;
/// Last vector of interrupt lines, plus one.
pub(crate) const LINES_END: u8 = 0x60;
/// Vector by which another CPU asks to look at the run queue.
pub(crate) const RESCHEDULE: u8 = 0xe0;
/// Vector by which another CPU asks to forget translations, or says that all have. Its class is the highest: see `tlb`.
pub(crate) const FORGET: u8 = 0xf1;
/// Vector by which a panicking CPU stops the others.
pub(crate) const HALT: u8 = 0xf2;
/// Vector of interrupts that were withdrawn.
pub(crate) const SPURIOUS: u8 = 0xff;

const DOUBLE_FAULT: u64 = 8;
const PROTECTION_FAULT: u64 = 13;
const PAGE_FAULT: u64 = 14;

global_asm!(
    r#"
    .macro save_registers
    push rsi
    push rdx
    push rcx
    push rax
    push r8
    push r9
    push r10
    push r11
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    .endm

    .macro load_registers
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    pop r11
    pop r10
    pop r9
    pop r8
    pop rax
    pop rcx
    pop rdx
    pop rsi
    pop rdi
    .endm

    .section .text.trap, "ax"
    .globl system_call_entry
    .align 64
system_call_entry:
    swapgs
    mov gs:[{user_stack}], rsp
    mov rsp, gs:[{kernel_stack}]
    push {user_data}
    push qword ptr gs:[{user_stack}]
    push r11
    push {user_code}
    push rcx
    push rax
    push rdi
    save_registers
    mov rdi, rsp
    call [rip + {system_call}]

    .globl leave_system_call
leave_system_call:
    cmp qword ptr [rsp + 15 * 8], 0
    jl leave_by_iret
    mov rcx, [rsp + 16 * 8]       # ip
    mov r11, [rsp + 18 * 8]       # flags
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    add rsp, 8
    pop r10
    pop r9
    pop r8
    pop rax
    add rsp, 8
    pop rdx
    pop rsi
    pop rdi
    mov rsp, [rsp + 4 * 8]
    swapgs
    sysretq

leave_by_iret:
    load_registers
    add rsp, 8
    swapgs
    .globl user_iret
user_iret:
    iretq

    .align 16
trap_common:
    cld
    cmp byte ptr [rip + {smap}], 0
    je 1f
    clac                          # the program may have set it, or the kernel was copying
1:  save_registers
    mov rsi, [rsp + 15 * 8]       # error code
    mov qword ptr [rsp + 15 * 8], -1
    mov rdx, rdi                  # vector
    mov rdi, rsp
    test byte ptr [rsp + 17 * 8], 3
    jz 2f
    swapgs
    call {trap_from_user}
    jmp leave_by_iret
    # A fault of the last instruction comes with the program's `gs` already in place.
2:  lea rcx, [rip + user_iret]
    cmp [rsp + 16 * 8], rcx
    jne 3f
    swapgs
3:  call {trap_from_kernel}
    load_registers
    add rsp, 8
    iretq

    # Double fault, NMI, machine check: from the kernel `gs` may be either's, which only its sign tells; they never return.
trap_emergency:
    cld
    cmp byte ptr [rip + {smap}], 0
    je 1f
    clac
1:  save_registers
    mov rsi, [rsp + 15 * 8]
    mov rdx, rdi
    mov rdi, rsp
    push rdx
    test byte ptr [rdi + 17 * 8], 3
    jnz 2f
    mov ecx, 0xc0000101
    rdmsr
    test edx, edx
    js 3f
2:  swapgs
3:  pop rdx
    call {emergency}
    ud2

    .align 16
trap_stubs:
    .set vector, 0
    .rept 256
    .align 16
    .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
    nop
    .else
    push 0
    .endif
    push rdi
    mov edi, vector
    .if vector == 2 || vector == 8 || vector == 18
    jmp trap_emergency
    .else
    jmp trap_common
    .endif
    .set vector, vector + 1
    .endr
    "#,
    smap = sym cpu::SMAP,
    user_stack = const USER_STACK,
    kernel_stack = const KERNEL_STACK,
    user_data = const USER_DATA,
    user_code = const USER_CODE,
    system_call = sym thread::SYSTEM_CALL,
    trap_from_user = sym trap_from_user,
    trap_from_kernel = sym trap_from_kernel,
    emergency = sym emergency,
);

// SAFETY: the symbols are labels in the assembly above; only their addresses are used.
unsafe extern "C" {
    #[link_name = "system_call_entry"]
    safe static SYSTEM_CALL_ENTRY: u8;
    safe static trap_stubs: u8;
    safe static user_iret: u8;
}

pub(crate) fn system_call_entry() -> u64 {
    (&raw const SYSTEM_CALL_ENTRY).addr() as u64
}

#[repr(C, align(16))]
struct InterruptTable([AtomicU64; 512]);

static TABLE: InterruptTable = InterruptTable([const { AtomicU64::new(0) }; 512]);

/// Fills the interrupt table and loads it on this CPU.
pub(crate) fn install() {
    const STUB: u64 = 16;
    let stubs = (&raw const trap_stubs).addr() as u64;
    for vector in 0..256u64 {
        let at = stubs + vector * STUB;
        let stack = match vector {
            DOUBLE_FAULT => 1,
            2 => 2,
            18 => 3,
            _ => 0,
        };
        // A breakpoint and an overflow may be asked for by a program itself.
        let ring = if matches!(vector, 3 | 4) { 3 << 5 } else { 0 };
        let low =
            at & 0xffff | u64::from(KERNEL_CODE) << 16 | stack << 32 | (0x8e | ring) << 40 | (at >> 16 & 0xffff) << 48;
        TABLE.0[vector as usize * 2].store(low, Ordering::Relaxed);
        TABLE.0[vector as usize * 2 + 1].store(at >> 32, Ordering::Relaxed);
    }
    load();
}

/// Loads the interrupt table on this CPU.
pub(crate) fn load() {
    #[repr(C, packed)]
    struct Pointer(u16, u64);
    let pointer = Pointer(4095, (&raw const TABLE).addr() as u64);
    // SAFETY: the table lives for ever and its entries are valid.
    unsafe { asm!("lidt [{}]", in(reg) &pointer, options(readonly, nostack, preserves_flags)) };
}

extern "C" fn trap_from_user(frame: &mut UserFrame, error: u64, vector: u64) {
    let handlers = thread::handlers();
    if vector == PAGE_FAULT {
        let address = read_cr2();
        let access = access_of(error);
        LAST_FAULT[cpu::current()].store(frame.ip, Ordering::Relaxed);
        if !(handlers.page_fault)(address, access) {
            (handlers.user_page_fault)(frame, address, access, error as u32);
        }
    } else if vector < 32 {
        (handlers.fault)(frame, fault_of(frame, vector, error));
    } else {
        interrupt(vector as u8, is_behind_kernel(frame));
    }
    (handlers.before_user)(frame);
}

/// Where each CPU's program was when it had its last page fault.
static LAST_FAULT: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];

/// Whether an interrupt came as soon as the kernel returned to the program, so that it was probably held back until then: behind a call (`syscall` leaves the address that it
/// returns to in `rcx`), or where the program had its last page fault.
fn is_behind_kernel(frame: &UserFrame) -> bool {
    frame.ip == frame.rcx || frame.ip == LAST_FAULT[cpu::current()].load(Ordering::Relaxed)
}

extern "C" fn trap_from_kernel(frame: &mut UserFrame, error: u64, vector: u64) {
    if vector >= 32 {
        return interrupt(vector as u8, false);
    }
    if vector == PAGE_FAULT
        && let Some(fix_up) = user::fix_up(frame.ip)
    {
        let address = read_cr2();
        if address >= USER_END || !(thread::handlers().page_fault)(address, access_of(error)) {
            frame.ip = fix_up;
        }
        return;
    }
    if vector == PROTECTION_FAULT
        && let Some(fix_up) = user::protection_fix_up(frame.ip)
    {
        frame.ip = fix_up;
        return;
    }
    if frame.ip == (&raw const user_iret).addr() as u64 {
        // A frame that a program made up (by a signal return) cannot be returned to: the fault is the program's.
        return bad_return(frame, error, vector);
    }
    fatal(frame, error, vector)
}

/// `iret` refused a program's frame: reports it as a fault of the program, on the frame that was being returned to.
fn bad_return(frame: *const UserFrame, error: u64, vector: u64) {
    let place = thread::current_user_frame();
    // SAFETY: the thread was about to return to a program, so its user frame is at the top of its stack.
    let (ip, flags, sp) = unsafe { ((*place).ip, (*place).flags, (*place).sp) };
    // SAFETY: both are frames on this stack. The general registers were loaded by then and are what the kernel's frame holds; it was pushed just below
    // what `iret` reads, so the two overlap.
    unsafe { core::ptr::copy(frame, place, 1) };
    // SAFETY: as above; the other frame is not looked at again.
    let user = unsafe { &mut *place };
    (user.ip, user.cs, user.flags, user.sp, user.ss) = (
        ip,
        u64::from(USER_CODE),
        flags & 0xcd5 | 0x202,
        sp,
        u64::from(USER_DATA),
    );
    let handlers = thread::handlers();
    (handlers.fault)(user, fault_of(user, vector, error));
    (handlers.before_user)(user);
    thread::leave(user)
}

fn interrupt(vector: u8, behind_kernel: bool) {
    let handlers = thread::handlers();
    if vector != SPURIOUS {
        apic::acknowledge();
    }
    match vector {
        TIMER => (handlers.timer)(behind_kernel),
        FORGET => tlb::answer(),
        RESCHEDULE => (handlers.reschedule)(),
        HALT => halt(),
        LINES..LINES_END => (handlers.line)(vector - LINES),
        _ => {}
    }
}

/// Stops this CPU for good.
pub(crate) fn halt() -> ! {
    loop {
        // SAFETY: interrupts are off and stay off.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

fn access_of(error: u64) -> Access {
    if error & 16 != 0 {
        Access::Execute
    } else if error & 2 != 0 {
        Access::Write
    } else {
        Access::Read
    }
}

/// What a trap of a program is in Linux's words.
fn fault_of(frame: &UserFrame, vector: u64, error: u64) -> Fault {
    const KERNEL: i32 = 0x80;
    let (signal, code, address) = match vector {
        0 => (8, 1, frame.ip),
        1 => (5, 2, frame.ip),
        3 => (5, KERNEL, 0),
        6 => (4, 2, frame.ip),
        9 => (8, KERNEL, 0),
        11 | 12 => (7, KERNEL, 0),
        16 | 19 => (8, floating_point_code(vector), frame.ip),
        17 => (7, 1, 0),
        _ => (11, KERNEL, 0),
    };
    Fault {
        signal,
        code,
        address,
        trap: vector as u32,
        error: error as u32,
    }
}

/// `si_code` of a floating-point trap, from the flags of the unit that raised it.
fn floating_point_code(vector: u64) -> i32 {
    let flags = if vector == 19 {
        let mut status = 0u32;
        // SAFETY: stores the SSE status word to the local.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut status, options(nostack)) };
        status & !(status >> 7) & 0x3f
    } else {
        let (mut status, mut control) = (0u16, 0u16);
        // SAFETY: stores the x87 status and control words to the locals.
        unsafe {
            asm!("fnstsw [{}]", "fnstcw [{}]", in(reg) &raw mut status, in(reg) &raw mut control, options(nostack))
        };
        u32::from(status & !control & 0x3f)
    };
    match flags {
        flags if flags & 1 != 0 => 7,
        flags if flags & 4 != 0 => 3,
        flags if flags & 8 != 0 => 4,
        flags if flags & 0x12 != 0 => 5,
        flags if flags & 0x20 != 0 => 6,
        _ => 14,
    }
}

extern "C" fn emergency(frame: &mut UserFrame, error: u64, vector: u64) -> ! {
    fatal(frame, error, vector)
}

fn fatal(frame: &UserFrame, error: u64, vector: u64) -> ! {
    let name = match vector {
        0 => "divide error",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        6 => "invalid instruction",
        DOUBLE_FAULT => "double fault (kernel stack overflow?)",
        PROTECTION_FAULT => "general protection fault",
        PAGE_FAULT => "page fault",
        18 => "machine check",
        _ => "trap",
    };
    callers::remember_fault(frame.ip, frame.sp);
    panic!(
        "{name} in the kernel on CPU {}: vector {vector}, error {error:#x}, ip {:#x}, sp {:#x}, bp {:#x}, cr2 {:#x}",
        cpu::current(),
        frame.ip,
        frame.sp,
        frame.rbp,
        read_cr2()
    )
}
