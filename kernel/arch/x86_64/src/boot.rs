//! The entry points, and what the loader said.
//!
//! Two ways in, both with the kernel loaded at its physical address:
//! * **PVH** (QEMU, Cloud Hypervisor, Xen): 32-bit protected mode, paging off, `ebx` points at `hvm_start_info`;
//! * **64-bit Linux boot** (Firecracker): long mode with an identity map, `rsi` points at `boot_params`.
//!
//! Both arrive in [`arrive`] on the boot stack, in the high half, with the static boot tables (first GiB, identity and high) in force.
//! The boot tables stay: other CPUs start through them.

use crate::layout::IMAGE;
use crate::{cpu, memory, tables, trap};
use address::PhysAddr;
use core::arch::global_asm;
use core::ops::Range;
use core::slice;
use lock::Once;
use seam::BootInfo;

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .align 4
    .long 4, 4, 18
    .asciz "Xen"
    .long pvh_entry - {image}

    .section .text.boot, "ax"
    .code32
pvh_entry:
    cld
    mov esi, ebx
    xor edi, edi
    mov esp, offset boot_stack_end - {image}
    mov eax, 0x6a0                # PAE, PGE, OSFXSR, OSXMMEXCPT (bits 5, 7, 9, 10)
    mov cr4, eax
    mov eax, offset boot_root - {image}
    mov cr3, eax
    mov ecx, 0xc0000080
    mov eax, 0x901                # SCE, LME, NXE
    xor edx, edx
    wrmsr
    mov eax, 0x80050033           # PG, AM, WP, NE, ET, MP, PE
    mov cr0, eax
    lgdt [boot_gdt_pointer - {image}]
    .byte 0xea                    # jmp far 8:pvh_long
    .long pvh_long - {image}
    .word 8
    .code64
pvh_long:
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    movabs rax, offset boot_high
    jmp rax

    .globl linux_entry
linux_entry:
    cli
    cld
    mov edi, 1
    lea rax, [rip + boot_root]
    mov cr3, rax
    mov ecx, 0xc0000080
    mov eax, 0xd01                # SCE, LME, LMA, NXE
    xor edx, edx
    wrmsr
    mov eax, 0x6a0
    mov cr4, rax
    mov eax, 0x80050033
    mov cr0, rax
    lgdt [rip + boot_gdt_pointer]
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    movabs rax, offset boot_high
    push 8
    push rax
    retfq

boot_high:
    lea rsp, [rip + boot_stack_end]
    call {arrive}
    ud2

    .section .rodata.boot, "a"
    .align 8
boot_gdt:
    .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdt_pointer:
    .word 23
    .long boot_gdt - {image}
    .long 0

    .section .data.boot, "aw"
    .align 4096
    .globl boot_root
boot_root:
    .quad boot_low - {image} + 3
    .fill 510, 8, 0
    .quad boot_high_directory - {image} + 3
boot_low:
    .quad boot_first_gib - {image} + 3
    .fill 511, 8, 0
boot_high_directory:
    .fill 510, 8, 0
    .quad boot_first_gib - {image} + 3
    .quad 0
boot_first_gib:
    .set page, 0
    .rept 512
    .quad page + 0x83
    .set page, page + 0x200000
    .endr

    .section .bss.stack, "aw", @nobits
    .align 4096
    .globl boot_stack_guard
boot_stack_guard:
    .skip 4096
    .globl boot_stack
boot_stack:
    // The first CPU idles on it below what started the machine, and interrupts go up through the whole network from there: that took 7 of 16 KiB, and more were not left.
    .skip 32768
    .globl boot_stack_end
boot_stack_end:
    "#,
    image = const IMAGE,
    arrive = sym arrive,
);

// SAFETY: the linker script defines the symbols, `kernel_main` is the linked kernel's and has this type.
unsafe extern "C" {
    safe static kernel_start: u8;
    safe static kernel_end: u8;
    fn kernel_main() -> !;
}

/// `hvm_start_info`, version 1.
#[derive(Clone, Copy)]
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// `hvm_modlist_entry`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Module {
    address: u64,
    size: u64,
    command_line: u64,
    reserved: u64,
}

/// `hvm_memmap_table_entry`.
#[derive(Clone, Copy)]
#[repr(C)]
struct MemoryRange {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

const START_INFO_MAGIC: u32 = 0x336e_c578;
const RAM: u32 = 1;
const FIRST_GIB: u64 = 1 << 30;
const COMMAND_LINE: usize = 64 << 10;
/// Where other CPUs begin, and what they are told.
pub(crate) const TRAMPOLINE: u64 = 0x8000;

struct Found {
    info: BootInfo,
    command_line: &'static [u8],
    rsdp: u64,
}

static FOUND: Once<Found> = Once::new();

extern "C" fn arrive(how: u64, said: u64) -> ! {
    tables::build();
    cpu::start_first();
    trap::install();
    let found = if how == 0 { from_pvh(said) } else { from_linux(said) };
    let _ = FOUND.set(found);
    // SAFETY: the linked kernel defines it, as the last step into code that does not know the machine.
    unsafe { kernel_main() }
}

/// A structure that the loader left in the first GiB, not necessarily aligned.
fn loader_value<T: Copy>(address: u64) -> Option<T> {
    let end = address.checked_add(size_of::<T>() as u64)?;
    if address == 0 || end > FIRST_GIB {
        return None;
    }
    // SAFETY: the boot tables map the first GiB, and the loader's structures are plain numbers.
    Some(unsafe { tables::boot_pointer(address).cast::<T>().read_unaligned() })
}

/// The structures of an array that the loader left.
fn loader_values<T: Copy>(address: u64, count: u64) -> impl Iterator<Item = T> {
    (0..count).map_while(move |index| loader_value(address.checked_add(index.checked_mul(size_of::<T>() as u64)?)?))
}

fn from_pvh(said: u64) -> Found {
    let mut info = BootInfo::new();
    let mut found = Found {
        info: BootInfo::new(),
        command_line: b"",
        rsdp: 0,
    };
    reserve_fixed(&mut info);
    let Some(start) = loader_value::<StartInfo>(said).filter(|start| start.magic == START_INFO_MAGIC) else {
        return found;
    };
    reserve(&mut info, said, size_of::<StartInfo>() as u64);
    if start.version >= 1 {
        for range in loader_values::<MemoryRange>(start.memory_map, u64::from(start.memory_map_entries)) {
            if range.kind == RAM {
                info.add_ram(PhysAddr(range.address)..PhysAddr(range.address.saturating_add(range.size)));
            }
        }
    }
    if let Some(module) = loader_values::<Module>(start.modules, u64::from(start.module_count)).next() {
        set_image(&mut info, module.address, module.size);
    }
    found.command_line = string(&mut info, start.command_line);
    found.rsdp = start.rsdp;
    found.info = info;
    found
}

/// Offsets into `boot_params` (the "zero page" of the Linux boot protocol).
mod zero_page {
    pub(super) const E820_COUNT: u64 = 0x1e8;
    pub(super) const RAMDISK: u64 = 0x218;
    pub(super) const RAMDISK_SIZE: u64 = 0x21c;
    pub(super) const COMMAND_LINE: u64 = 0x228;
    pub(super) const E820: u64 = 0x2d0;
    pub(super) const E820_ENTRY: u64 = 20;
    pub(super) const RSDP: u64 = 0x70;
}

fn from_linux(said: u64) -> Found {
    let mut info = BootInfo::new();
    reserve_fixed(&mut info);
    reserve(&mut info, said, 4096);
    let byte = |offset: u64| loader_value::<u8>(said + offset).unwrap_or(0);
    let word = |offset: u64| {
        (0..4)
            .rev()
            .fold(0u64, |value, at| value << 8 | u64::from(byte(offset + at)))
    };
    let long = |offset: u64| word(offset) | word(offset + 4) << 32;
    for index in 0..u64::from(byte(zero_page::E820_COUNT)) {
        let entry = zero_page::E820 + index * zero_page::E820_ENTRY;
        if word(entry + 16) == u64::from(RAM) {
            info.add_ram(PhysAddr(long(entry))..PhysAddr(long(entry).saturating_add(long(entry + 8))));
        }
    }
    set_image(&mut info, word(zero_page::RAMDISK), word(zero_page::RAMDISK_SIZE));
    let command_line = string(&mut info, word(zero_page::COMMAND_LINE));
    Found {
        info,
        command_line,
        rsdp: long(zero_page::RSDP),
    }
}

fn set_image(info: &mut BootInfo, address: u64, size: u64) {
    if size > 0 {
        info.image = Some(PhysAddr(address)..PhysAddr(address.saturating_add(size)));
        reserve(info, address, size);
    }
}

/// A zero-ended string of the loader's.
fn string(info: &mut BootInfo, address: u64) -> &'static [u8] {
    let room = FIRST_GIB.saturating_sub(address).min(COMMAND_LINE as u64);
    if address == 0 {
        return b"";
    }
    // SAFETY: the boot tables map the first GiB, and the pages of the string are reserved below.
    let bytes = unsafe { slice::from_raw_parts(tables::boot_pointer(address), room as usize) };
    let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
    reserve(info, address, len as u64 + 1);
    &bytes[..len]
}

/// What is taken before the loader says anything: frame 0, the trampoline, the kernel itself.
fn reserve_fixed(info: &mut BootInfo) {
    reserve(info, 0, 4096);
    reserve(info, TRAMPOLINE, 4096);
    let start = (&raw const kernel_start).addr() as u64 - IMAGE;
    let end = (&raw const kernel_end).addr() as u64 - IMAGE;
    reserve(info, start, end - start);
}

fn reserve(info: &mut BootInfo, address: u64, size: u64) {
    info.reserve(PhysAddr(address & !0xfff)..PhysAddr(address.saturating_add(size)));
}

/// What memory there is.
#[must_use]
pub fn info() -> BootInfo {
    FOUND.get().map_or_else(BootInfo::new, |found| found.info.clone())
}

/// The kernel command line; to be copied before [`finish`].
#[must_use]
pub fn command_line() -> &'static [u8] {
    FOUND.get().map_or(b"", |found| found.command_line)
}

/// Where the firmware put ACPI's root pointer; 0 if it did not say.
pub(crate) fn rsdp() -> u64 {
    FOUND.get().map_or(0, |found| found.rsdp)
}

/// The root image, once the chunks that it lies in have been accepted.
#[must_use]
pub fn image() -> Option<&'static [u8]> {
    let Range { start, end } = FOUND.get()?.info.image.clone()?;
    // SAFETY: the image is reserved, so nobody writes it, and the caller has had its chunks accepted.
    Some(unsafe { slice::from_raw_parts(memory::pointer(start), (end.0 - start.0) as usize) })
}

/// The loader's words have been copied: takes the map that shows them away.
pub fn finish() {
    tables::forget_identity();
}
