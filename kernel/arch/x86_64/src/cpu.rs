//! Per-CPU data, descriptor tables, control registers and features.
//!
//! `gs` points at this CPU's [`PerCpu`] whenever the kernel runs; `swapgs` at the edges exchanges it with the program's.

use crate::instructions::{cpuid, wrmsr};
use crate::layout::IMAGE;
use crate::{apic, clock, fpu, smp, tables};
use address::PhysAddr;
use core::arch::asm;
use core::mem::offset_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use lock::Once;
use seam::{CpuSet, MAX_CPUS};

/// What belongs to one CPU. The assembly in `trap` and `thread` knows the first fields by their offsets.
#[repr(C, align(64))]
pub(crate) struct PerCpu {
    /// Its own address.
    this: *mut PerCpu,
    /// Top of the kernel stack that system calls start on.
    pub(crate) kernel_stack: u64,
    /// A program's stack pointer while its system call changes stacks.
    pub(crate) user_stack: u64,
    number: usize,
    local: usize,
    pub(crate) apic_id: u32,
    task_state: TaskState,
    descriptors: [u64; 10],
}

/// The 64-bit TSS.
#[repr(C, packed(4))]
struct TaskState {
    reserved0: u32,
    stacks: [u64; 3],
    reserved1: u64,
    interrupt_stacks: [u64; 7],
    reserved2: u64,
    reserved3: u16,
    io_map: u16,
}

/// Stacks of double fault, NMI and machine check: each a page, so that each works when everything else is broken.
#[repr(C, align(4096))]
struct EmergencyStacks([[u8; 4096]; 3]);

pub(crate) const KERNEL_STACK: usize = offset_of!(PerCpu, kernel_stack);
pub(crate) const USER_STACK: usize = offset_of!(PerCpu, user_stack);

pub(crate) const KERNEL_CODE: u16 = 0x10;
pub(crate) const KERNEL_DATA: u16 = 0x18;
/// Selectors of a program, the same as Linux's; `sysret` computes them from the base 0x20: data at +8, 64-bit code at +16.
pub(crate) const USER_DATA: u16 = 0x28 | 3;
pub(crate) const USER_CODE: u16 = 0x30 | 3;
const TASK_STATE: u16 = 0x38;
/// The descriptor after the task state (selector 0x48): data of a program whose limit is the CPU's number, for the vDSO to read with `lsl`.
const CPU_NUMBER: u64 = 0x0040_f200_0000_0000;
/// `STAR`: where the selectors of `sysret` and of `syscall` begin.
const SELECTOR_BASES: u64 = 0x0020_0010 << 32;

const EFER: u32 = 0xc000_0080;
const STAR: u32 = 0xc000_0081;
const LSTAR: u32 = 0xc000_0082;
const FMASK: u32 = 0xc000_0084;
const GS_BASE: u32 = 0xc000_0101;

/// What this kind of CPU can do, of what the kernel makes use of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Features {
    /// Random numbers from the CPU.
    pub rdrand: bool,
    /// `rdfsbase` and its kin.
    pub fsgsbase: bool,
    /// The kernel may not touch a program's pages by accident.
    pub smap: bool,
    /// Translations can be kept under a number while another address space is in force.
    pub pcid: bool,
    smep: bool,
    umip: bool,
    /// Vector state beyond SSE.
    pub xsave: bool,
    /// The local timer can be given a TSC value.
    pub tsc_deadline: bool,
    /// Interrupt controller through registers instead of memory.
    pub x2apic: bool,
    /// The hypervisor's signature, if there is one.
    pub hypervisor: Option<[u8; 12]>,
}

static FEATURES: Once<Features> = Once::new();
static ONLINE: AtomicU64 = AtomicU64::new(1);
static COUNT: AtomicUsize = AtomicUsize::new(1);
static CPUS: [AtomicPtr<PerCpu>; MAX_CPUS] = [const { AtomicPtr::new(ptr::null_mut()) }; MAX_CPUS];
static mut FIRST: PerCpu = PerCpu::new();
static mut FIRST_EMERGENCY: EmergencyStacks = EmergencyStacks([[0; 4096]; 3]);

// SAFETY: the symbol is a label in the entry code; only its address is used.
unsafe extern "C" {
    safe static boot_stack_end: u8;
}

impl PerCpu {
    const fn new() -> Self {
        Self {
            this: ptr::null_mut(),
            kernel_stack: 0,
            user_stack: 0,
            number: 0,
            local: 0,
            apic_id: 0,
            task_state: TaskState {
                reserved0: 0,
                stacks: [0; 3],
                reserved1: 0,
                interrupt_stacks: [0; 7],
                reserved2: 0,
                reserved3: 0,
                io_map: size_of::<TaskState>() as u16,
            },
            descriptors: [
                0,
                0,
                0x00af_9b00_0000_ffff,
                0x00cf_9300_0000_ffff,
                0x00cf_fb00_0000_ffff,
                0x00cf_f300_0000_ffff,
                0x00af_fb00_0000_ffff,
                0,
                0,
                0,
            ],
        }
    }
}

fn detect() -> Features {
    let leaf1 = cpuid(1, 0);
    let leaf7 = if cpuid(0, 0)[0] >= 7 { cpuid(7, 0) } else { [0; 4] };
    let bit = |word: u32, bit: u32| word >> bit & 1 == 1;
    let hypervisor = bit(leaf1[2], 31).then(|| {
        let leaf = cpuid(0x4000_0000, 0);
        let mut name = [0; 12];
        for (piece, word) in name.chunks_mut(4).zip([leaf[1], leaf[2], leaf[3]]) {
            piece.copy_from_slice(&word.to_le_bytes());
        }
        name
    });
    Features {
        rdrand: bit(leaf1[2], 30),
        fsgsbase: bit(leaf7[1], 0),
        smap: bit(leaf7[1], 20),
        pcid: bit(leaf1[2], 17),
        smep: bit(leaf7[1], 7),
        umip: bit(leaf7[2], 2),
        xsave: bit(leaf1[2], 26),
        tsc_deadline: bit(leaf1[2], 24),
        x2apic: bit(leaf1[2], 21),
        hypervisor,
    }
}

/// What this kind of CPU can do.
#[must_use]
#[inline]
pub fn features() -> &'static Features {
    FEATURES.get_or_init(detect)
}

/// Whether the kernel has to say when it means to touch a program's pages: a copy of the feature, for the hot path.
pub(crate) static SMAP: AtomicBool = AtomicBool::new(false);
/// The same for what a switch between programs asks.
static FSGSBASE: AtomicBool = AtomicBool::new(false);
static XSAVE: AtomicBool = AtomicBool::new(false);
/// Whether QEMU translates instead of running what is here, for barriers.
static TRANSLATED: AtomicBool = AtomicBool::new(false);

#[inline]
pub(crate) fn has_fsgsbase() -> bool {
    FSGSBASE.load(Ordering::Relaxed)
}

#[inline]
pub(crate) fn has_xsave() -> bool {
    XSAVE.load(Ordering::Relaxed)
}

#[inline]
pub(crate) fn has_smap() -> bool {
    SMAP.load(Ordering::Relaxed)
}

#[inline]
pub(crate) fn is_translated() -> bool {
    TRANSLATED.load(Ordering::Relaxed)
}

/// Prepares the CPU that booted.
pub(crate) fn start_first() {
    let stack = (&raw const boot_stack_end).addr() as u64;
    let emergency = (&raw const FIRST_EMERGENCY).addr() as u64;
    // SAFETY: `FIRST` is this CPU's for ever, and no reference to it exists but what this CPU makes.
    unsafe { start(&raw mut FIRST, 0, stack, emergency) };
    apic::start_first();
    clock::start();
}

/// Makes a block of per-CPU data the current CPU's.
///
/// # Safety
/// The block and the three pages of emergency stacks are this CPU's for ever.
pub(crate) unsafe fn start(block: *mut PerCpu, number: usize, stack: u64, emergency: u64) {
    // SAFETY: the caller's promise.
    let cpu = unsafe { &mut *block };
    *cpu = PerCpu::new();
    cpu.this = block;
    cpu.number = number;
    cpu.kernel_stack = stack;
    cpu.task_state.stacks[0] = stack;
    for index in 0..3 {
        cpu.task_state.interrupt_stacks[index] = emergency + 4096 * (index as u64 + 1);
    }
    let base = (&raw const cpu.task_state).addr() as u64;
    let limit = size_of::<TaskState>() as u64 - 1;
    cpu.descriptors[7] = limit | (base & 0xff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56;
    cpu.descriptors[8] = base >> 32;
    cpu.descriptors[9] = CPU_NUMBER | number as u64;
    // SAFETY: the block lives for ever and its descriptors are valid.
    unsafe { load_descriptors(&cpu.descriptors) };
    // SAFETY: `gs` points at this CPU's block from here on.
    unsafe { wrmsr(GS_BASE, block.addr() as u64) };
    // SAFETY: the entry point and selectors of `syscall` as this kernel lays them out.
    unsafe { set_system_call_entry() };
    set_control_registers();
    fpu::start();
    CPUS[number].store(block, Ordering::Release);
}

/// # Safety
/// The descriptors live for ever.
unsafe fn load_descriptors(descriptors: &[u64; 10]) {
    #[repr(C, packed)]
    struct Pointer(u16, u64);
    let pointer = Pointer(79, descriptors.as_ptr().addr() as u64);
    // SAFETY: the caller's promise; the code selector stays what it is.
    unsafe {
        asm!(
            "lgdt [{pointer}]",
            "push {code}",
            "lea {scratch}, [rip + 2f]",
            "push {scratch}",
            "retfq",
            "2:",
            "mov ss, {data:x}",
            "mov ds, {zero:x}",
            "mov es, {zero:x}",
            "mov fs, {zero:x}",
            "mov gs, {zero:x}",
            "ltr {task:x}",
            pointer = in(reg) &pointer,
            code = const KERNEL_CODE,
            data = in(reg) u32::from(KERNEL_DATA),
            zero = in(reg) 0u32,
            task = in(reg) u32::from(TASK_STATE),
            scratch = out(reg) _,
        );
    }
}

/// # Safety
/// Called once on each CPU, after its descriptor table is loaded.
unsafe fn set_system_call_entry() {
    // Clear on entry: TF, IF, DF, IOPL, NT, AC.
    const CLEARED: u64 = 0x100 | 0x200 | 0x400 | 0x3000 | 0x4000 | 0x4_0000;
    let entry = crate::trap::system_call_entry();
    for (register, value) in [(EFER, 0xd01), (STAR, SELECTOR_BASES), (LSTAR, entry), (FMASK, CLEARED)] {
        // SAFETY: these registers exist on every x86-64 CPU; the values match the descriptor table.
        unsafe { wrmsr(register, value) };
    }
}

fn set_control_registers() {
    let features = features();
    SMAP.store(features.smap, Ordering::Relaxed);
    FSGSBASE.store(features.fsgsbase, Ordering::Relaxed);
    XSAVE.store(features.xsave, Ordering::Relaxed);
    TRANSLATED.store(features.hypervisor == Some(*b"TCGTCGTCGTCG"), Ordering::Relaxed);
    // PAE, MCE, PGE, OSFXSR, OSXMMEXCPT.
    let mut cr4: u64 = 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 10;
    for (has, bit) in [
        (features.umip, 11),
        (features.fsgsbase, 16),
        (features.pcid, 17),
        (features.xsave, 18),
        (features.smep, 20),
        (features.smap, 21),
    ] {
        cr4 |= u64::from(has) << bit;
    }
    // SAFETY: only features that the CPU has are switched on, and the kernel is written for them.
    unsafe { asm!("mov cr4, {}", in(reg) cr4, options(nostack)) };
}

/// The number of this CPU.
#[must_use]
#[inline]
pub fn current() -> usize {
    let number;
    // SAFETY: `gs` points at this CPU's block.
    unsafe {
        asm!("mov {}, gs:[{at}]", out(reg) number, at = const offset_of!(PerCpu, number), options(pure, readonly, nostack, preserves_flags))
    };
    number
}

/// A word of this CPU that the scheduler may use.
#[must_use]
#[inline]
pub fn local() -> usize {
    let value;
    // SAFETY: `gs` points at this CPU's block.
    unsafe {
        asm!("mov {}, gs:[{at}]", out(reg) value, at = const offset_of!(PerCpu, local), options(readonly, nostack, preserves_flags))
    };
    value
}

/// Sets the word of this CPU.
#[inline]
pub fn set_local(value: usize) {
    // SAFETY: `gs` points at this CPU's block.
    unsafe {
        asm!("mov gs:[{at}], {}", in(reg) value, at = const offset_of!(PerCpu, local), options(nostack, preserves_flags))
    };
}

/// Sets the stack that the next trap from a program starts on.
#[inline]
pub(crate) fn set_kernel_stack(top: u64) {
    const FIELD: usize = offset_of!(PerCpu, task_state) + offset_of!(TaskState, stacks);
    // SAFETY: `gs` points at this CPU's block; the stack is the running thread's.
    unsafe {
        asm!("mov gs:[{at}], {top}", "mov gs:[{state}], {top}", top = in(reg) top, at = const KERNEL_STACK, state = const FIELD, options(nostack, preserves_flags));
    }
}

/// The other CPU's block, if it has started.
pub(crate) fn block(number: usize) -> Option<NonNull<PerCpu>> {
    NonNull::new(CPUS.get(number)?.load(Ordering::Acquire))
}

/// The identity of a CPU at the interrupt controller.
pub(crate) fn apic_id(number: usize) -> Option<u32> {
    // SAFETY: blocks live for ever and the field is written before the block is published.
    block(number).map(|block| unsafe { (*block.as_ptr()).apic_id })
}

/// Notes this CPU's identity at the interrupt controller.
///
/// # Safety
/// `block` is this CPU's own.
pub(crate) unsafe fn set_apic_id(block: *mut PerCpu, id: u32) {
    // SAFETY: the caller's promise.
    unsafe { (*block).apic_id = id };
}

/// How many CPUs the machine has, started or not.
#[must_use]
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// Says how many CPUs the machine has, where it could not tell itself.
pub fn set_count(count: usize) {
    COUNT.store(count.clamp(1, MAX_CPUS), Ordering::Relaxed);
}

/// The CPUs that run.
#[must_use]
pub fn online() -> CpuSet {
    ONLINE.load(Ordering::Acquire)
}

pub(crate) fn set_online(number: usize) {
    ONLINE.fetch_or(1 << number, Ordering::AcqRel);
}

/// Starts the other CPUs; each runs `main` on a stack of its own. `pages` gives runs of `1 << order` zeroed frames.
pub fn start_others(main: fn() -> !, pages: &mut dyn FnMut(u32) -> Option<PhysAddr>) {
    smp::start_all(main, pages);
}

/// Makes another CPU look at its run queue.
pub fn kick(cpu: usize) {
    apic::send(cpu, crate::trap::RESCHEDULE);
}

/// Waits for an interrupt; it is handled before this returns.
pub fn wait_for_interrupt() {
    // SAFETY: the handlers are in place; `sti` takes effect after `hlt` has begun, so no interrupt is missed.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) };
}

/// The root that CPUs without a program use.
pub(crate) fn kernel_root() -> u64 {
    tables::root()
}

const _: () = assert!(IMAGE == 0xffff_ffff_8000_0000);

/// Stops all other CPUs for good: the kernel has panicked.
pub fn halt_others() {
    if online() != 1 << current() {
        smp::halt_others();
    }
}

/// How many CPUs the firmware's tables list; 0 where there are none.
#[must_use]
pub fn count_listed() -> usize {
    crate::acpi::count_cpus()
}

/// What `AT_HWCAP` and `AT_HWCAP2` tell a program.
#[must_use]
pub fn capabilities() -> [u64; 2] {
    // HWCAP2: bit 1 says that programs may use `rdfsbase` and its kin.
    [u64::from(cpuid(1, 0)[3]), u64::from(features().fsgsbase) << 1]
}
