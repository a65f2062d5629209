//! Starting the other CPUs.
//!
//! Each begins in real mode at the trampoline, takes the boot tables, and arrives in [`arrive`] on a stack of its own. CPUs are started one after the
//! other: the words at the end of the trampoline are for the one that is being started.

use crate::boot::TRAMPOLINE;
use crate::layout::IMAGE;
use crate::{acpi, apic, cpu, memory, tables, trap};
use address::PhysAddr;
use core::arch::{asm, global_asm};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

global_asm!(
    r#"
    .section .rodata.trampoline, "a"
    .code16
trampoline_start:
    cli
    cld
    xor ax, ax
    mov ds, ax
    .byte 0x66, 0x0f, 0x01, 0x16   # lgdt
    .word {at} + (trampoline_gdt_pointer - trampoline_start)
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xea               # jmp far 8:trampoline_32
    .long {at} + (trampoline_32 - trampoline_start)
    .word 8
    .code32
trampoline_32:
    mov ax, 16
    mov ds, ax
    mov eax, 0x6a0
    mov cr4, eax
    mov eax, offset boot_root - {image}
    mov cr3, eax
    mov ecx, 0xc0000080
    mov eax, 0x901
    xor edx, edx
    wrmsr
    mov eax, 0x80050033
    mov cr0, eax
    .byte 0xea                     # jmp far 24:trampoline_64
    .long {at} + (trampoline_64 - trampoline_start)
    .word 24
    .code64
trampoline_64:
    mov rdx, [rip + trampoline_stack]
    mov rdi, [rip + trampoline_number]
    mov rsi, [rip + trampoline_block]
    mov rcx, [rip + trampoline_root]
    movabs rax, offset cpu_high
    jmp rax
    .align 8
trampoline_gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
trampoline_gdt_pointer:
    .word 31
    .long {at} + (trampoline_gdt - trampoline_start)
    .align 8
trampoline_stack:
    .quad 0
trampoline_number:
    .quad 0
trampoline_block:
    .quad 0
trampoline_root:
    .quad 0
trampoline_end:

    # The boot tables do not show the stack (it lies in the direct map), and the kernel's do not show the trampoline: the tables are changed here,
    # in the image, which both show.
    .section .text.boot, "ax"
cpu_high:
    mov cr3, rcx
    mov rsp, rdx
    call {arrive}
    ud2
    "#,
    at = const TRAMPOLINE,
    image = const IMAGE,
    arrive = sym arrive,
);

// SAFETY: the symbols are labels in the trampoline above; only their addresses are used.
unsafe extern "C" {
    safe static trampoline_start: u8;
    safe static trampoline_stack: u8;
    safe static trampoline_end: u8;
}

/// What the trampoline is told.
#[repr(C)]
struct Told {
    stack: u64,
    number: u64,
    block: u64,
    root: u64,
}

static MAIN: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Starts all CPUs that the machine has; each runs `main`.
pub(crate) fn start_all(main: fn() -> !, pages: &mut dyn FnMut(u32) -> Option<PhysAddr>) {
    MAIN.store(main as *mut (), Ordering::Release);
    let start = (&raw const trampoline_start).addr();
    let len = (&raw const trampoline_end).addr() - start;
    let place = memory::pointer(PhysAddr(TRAMPOLINE));
    // SAFETY: the trampoline's page was reserved at boot, and its chunk has been accepted with the first memory.
    unsafe { memory::copy(place, &raw const trampoline_start, len) };
    let told: *mut Told = place.wrapping_add((&raw const trampoline_stack).addr() - start).cast();
    for number in 1..cpu::count() {
        let Some(told_now) = prepare(number, pages) else { break };
        // SAFETY: the words lie in the trampoline's page, and no CPU is being started that reads them.
        unsafe { told.write_volatile(told_now) };
        start_one(number);
    }
}

/// A block, emergency stacks and a boot stack for a CPU: 8 pages, the block in the first, the boot stack in the last four.
fn prepare(number: usize, pages: &mut dyn FnMut(u32) -> Option<PhysAddr>) -> Option<Told> {
    let base = memory::pointer(pages(3)?).addr() as u64;
    Some(Told {
        stack: base + 8 * 4096,
        number: number as u64,
        block: base,
        root: tables::root(),
    })
}

fn start_one(number: usize) {
    let id = acpi::id_of(number);
    apic::send_init(id);
    wait_micros(200);
    for _ in 0..2 {
        apic::send_startup(id, (TRAMPOLINE >> 12) as u8);
        for _ in 0..2000 {
            if cpu::online() >> number & 1 == 1 {
                return;
            }
            wait_micros(50);
        }
    }
}

fn wait_micros(micros: u64) {
    let until = crate::clock::now() + micros * 1000;
    while crate::clock::now() < until {
        lock::relax();
    }
}

extern "C" fn arrive(number: u64, block: u64) -> ! {
    let block: *mut cpu::PerCpu = ptr::with_exposed_provenance_mut(block as usize);
    let base = block.addr() as u64;
    // SAFETY: `prepare` made the block, the emergency stacks behind it and the stack for this CPU alone.
    unsafe { cpu::start(block, number as usize, base + 8 * 4096, base + 4096) };
    trap::load();
    apic::start();
    cpu::set_online(number as usize);
    let main = MAIN.load(Ordering::Acquire);
    // SAFETY: `start_all` stored a `fn() -> !`.
    let main: fn() -> ! = unsafe { core::mem::transmute::<*mut (), fn() -> !>(main) };
    main()
}

/// Stops all CPUs but this one.
pub(crate) fn halt_others() {
    apic::send_others(trap::HALT);
    // SAFETY: a pause.
    unsafe { asm!("pause", options(nomem, nostack)) };
}
