//! Local and I/O interrupt controllers: the timer, messages between CPUs, and interrupt lines.
//!
//! The local controller is reached through registers (x2APIC) where the CPU has that, through memory otherwise.

use crate::instructions::{outb, rdmsr, wrmsr};
use crate::{acpi, cpu, tables, trap};
use core::arch::asm;
use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use lock::SpinLock;

const APIC_BASE: u32 = 0x1b;
const LOCAL: u64 = 0xfee0_0000;
const LOCAL_SLOT: usize = 0;
const IO_SLOT: usize = 1;

const ID: u32 = 0x20;
const END_OF_INTERRUPT: u32 = 0xb0;
const SPURIOUS: u32 = 0xf0;
const COMMAND: u32 = 0x300;
const COMMAND_HIGH: u32 = 0x310;
const TIMER: u32 = 0x320;
const INITIAL_COUNT: u32 = 0x380;
const CURRENT_COUNT: u32 = 0x390;
const DIVIDE: u32 = 0x3e0;

const MASKED: u32 = 1 << 16;
const DEADLINE_MODE: u32 = 2 << 17;
const TSC_DEADLINE: u32 = 0x6e0;

static LOCAL_AT: AtomicU64 = AtomicU64::new(0);
static IO_TURN: SpinLock<()> = SpinLock::new(());
static X2APIC: AtomicBool = AtomicBool::new(false);

fn read(register: u32) -> u32 {
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: the mode is on, so the register exists.
        return unsafe { rdmsr(0x800 + (register >> 4)) } as u32;
    }
    let at: *mut u32 = with_exposed_provenance_mut((LOCAL_AT.load(Ordering::Relaxed) + u64::from(register)) as usize);
    // SAFETY: the controller's registers are mapped there.
    unsafe { at.read_volatile() }
}

fn write(register: u32, value: u32) {
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: the mode is on, so the register exists.
        return unsafe { wrmsr(0x800 + (register >> 4), u64::from(value)) };
    }
    let at: *mut u32 = with_exposed_provenance_mut((LOCAL_AT.load(Ordering::Relaxed) + u64::from(register)) as usize);
    // SAFETY: the controller's registers are mapped there.
    unsafe { at.write_volatile(value) };
}

/// Makes what was written before visible, and done, before a register is written: such a write waits for nothing by itself (Intel SDM 3A, 11.5.4.1 and 11.12.3).
fn settle() {
    // SAFETY: fences.
    unsafe { asm!("mfence", "lfence", options(nostack, preserves_flags)) };
}

/// Masks the two legacy controllers of machines that have them: their interrupts would come at the vectors of exceptions.
fn mask_legacy() {
    for port in [0x21, 0xa1] {
        // SAFETY: the mask register of a legacy controller; where there is none, nothing happens.
        unsafe { outb(port, 0xff) };
    }
}

/// Prepares the controller of the CPU that booted.
pub(crate) fn start_first() {
    mask_legacy();
    LOCAL_AT.store(tables::map_device(LOCAL_SLOT, LOCAL), Ordering::Relaxed);
    X2APIC.store(cpu::features().x2apic, Ordering::Relaxed);
    start();
}

/// Prepares the controller of this CPU.
pub(crate) fn start() {
    let mode = if X2APIC.load(Ordering::Relaxed) { 0xc00 } else { 0x800 };
    // SAFETY: every x86-64 CPU has the register; the controller is switched on where it is.
    unsafe { wrmsr(APIC_BASE, (rdmsr(APIC_BASE) & !0xc00) | mode) };
    write(SPURIOUS, 0x100 | u32::from(trap::SPURIOUS));
    let deadline = if cpu::features().tsc_deadline { DEADLINE_MODE } else { 0 };
    write(TIMER, deadline | u32::from(trap::TIMER));
    write(DIVIDE, 0b1011);
    let id = read(ID);
    let id = if X2APIC.load(Ordering::Relaxed) { id } else { id >> 24 };
    if let Some(block) = cpu::block(cpu::current()) {
        // SAFETY: the block is this CPU's own.
        unsafe { cpu::set_apic_id(block.as_ptr(), id) };
    }
}

/// The interrupt has been taken.
pub(crate) fn acknowledge() {
    write(END_OF_INTERRUPT, 0);
}

/// Sends an interrupt to another CPU.
pub(crate) fn send(cpu: usize, vector: u8) {
    if let Some(id) = cpu::apic_id(cpu) {
        command(id, 0x4000 | u32::from(vector));
    }
}

/// Sends an interrupt to all CPUs but this one.
pub(crate) fn send_others(vector: u8) {
    command(0, 0xc_4000 | u32::from(vector));
}

/// Begins the start of another CPU.
pub(crate) fn send_init(id: u32) {
    command(id, 0x4500);
}

/// Lets another CPU run from a page below 1 MiB.
pub(crate) fn send_startup(id: u32, page: u8) {
    command(id, 0x4600 | u32::from(page));
}

fn command(id: u32, what: u32) {
    if X2APIC.load(Ordering::Relaxed) {
        settle();
        // SAFETY: the mode is on; the command register takes the target in its upper half.
        return unsafe { wrmsr(0x800 + (COMMAND >> 4), u64::from(id) << 32 | u64::from(what)) };
    }
    while read(COMMAND) & 1 << 12 != 0 {
        core::hint::spin_loop();
    }
    write(COMMAND_HIGH, id << 24);
    write(COMMAND, what);
}

/// Starts the timer's counter at its top, to be read as a clock.
pub(crate) fn start_counting() {
    write(TIMER, MASKED | u32::from(trap::TIMER));
    write(INITIAL_COUNT, u32::MAX);
}

/// How far the counter has come since [`start_counting`].
pub(crate) fn counted() -> u32 {
    u32::MAX - read(CURRENT_COUNT)
}

/// Ends counting: the timer is a timer again.
pub(crate) fn stop_counting() {
    write(INITIAL_COUNT, 0);
    let deadline = if cpu::features().tsc_deadline { DEADLINE_MODE } else { 0 };
    write(TIMER, deadline | u32::from(trap::TIMER));
}

/// Asks for a timer interrupt after so many counts of the timer; none for 0.
pub(crate) fn set_count(counts: u32) {
    write(INITIAL_COUNT, counts);
}

/// Asks for a timer interrupt at a TSC value; none for 0.
pub(crate) fn set_deadline(tsc: u64) {
    settle();
    // SAFETY: used only where the CPU has the feature.
    unsafe { wrmsr(TSC_DEADLINE, tsc) };
}

/// How a line says that it wants something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trigger {
    /// By rising.
    Edge,
    /// By being high for as long as it does.
    Level,
}

/// Lets an interrupt line in, to the first CPU.
pub(crate) fn route_line(line: u8, trigger: Trigger) {
    let (address, first) = acpi::io_apic(u32::from(line));
    let _turn = IO_TURN.lock();
    let base = tables::map_device(IO_SLOT, address);
    let entry = 0x10 + 2 * (u32::from(line) - first);
    let level = if trigger == Trigger::Level { 1 << 15 } else { 0 };
    write_io(base, entry + 1, cpu::apic_id(0).unwrap_or(0) << 24);
    write_io(base, entry, level | u32::from(trap::LINES + line));
}

fn write_io(base: u64, register: u32, value: u32) {
    let select: *mut u32 = with_exposed_provenance_mut(base as usize);
    let window: *mut u32 = with_exposed_provenance_mut((base + 0x10) as usize);
    // SAFETY: the controller's registers are mapped there.
    unsafe { select.write_volatile(register) };
    // SAFETY: as above.
    unsafe { window.write_volatile(value) };
}
