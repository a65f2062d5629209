//! Local and I/O interrupt controllers: the timer, messages between CPUs, and interrupt lines.
//!
//! The local controller is reached through registers (x2APIC) where the CPU has that, through memory otherwise.

use crate::instructions::{outb, rdmsr, wrmsr};
use crate::{acpi, cpu, tables, trap};
use apic_registers::{Message, Timer, Way};
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

const TSC_DEADLINE: u32 = 0x6e0;

static LOCAL_AT: AtomicU64 = AtomicU64::new(0);
static IO_TURN: SpinLock<()> = SpinLock::new(());
static X2APIC: AtomicBool = AtomicBool::new(false);

fn read(register: u32) -> u32 {
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: the mode is on, so the register exists.
        return unsafe { rdmsr(apic_registers::register(register)) } as u32;
    }
    let at: *mut u32 = with_exposed_provenance_mut((LOCAL_AT.load(Ordering::Relaxed) + u64::from(register)) as usize);
    // SAFETY: the controller's registers are mapped there.
    unsafe { at.read_volatile() }
}

fn write(register: u32, value: u32) {
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: the mode is on, so the register exists.
        return unsafe { wrmsr(apic_registers::register(register), u64::from(value)) };
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
    // SAFETY: every x86-64 CPU has the register; the controller is switched on where it is.
    unsafe { wrmsr(APIC_BASE, apic_registers::switched_on(rdmsr(APIC_BASE), way())) };
    write(SPURIOUS, 0x100 | u32::from(trap::SPURIOUS));
    let_timer_interrupt();
    write(DIVIDE, 0b1011);
    let id = apic_registers::identity(way(), read(ID));
    if let Some(block) = cpu::block(cpu::current()) {
        // SAFETY: the block is this CPU's own.
        unsafe { cpu::set_apic_id(block.as_ptr(), id) };
    }
}

fn way() -> Way {
    if X2APIC.load(Ordering::Relaxed) {
        Way::Registers
    } else {
        Way::Memory
    }
}

/// The timer interrupts when its time has come.
fn let_timer_interrupt() {
    let kind = if cpu::features().tsc_deadline {
        Timer::Deadline
    } else {
        Timer::Count
    };
    write(TIMER, apic_registers::timer(kind, trap::TIMER));
}

/// The interrupt has been taken.
pub(crate) fn acknowledge() {
    write(END_OF_INTERRUPT, 0);
}

/// Sends an interrupt to another CPU.
pub(crate) fn send(cpu: usize, vector: u8) {
    if let Some(id) = cpu::apic_id(cpu) {
        command(id, apic_registers::command(Message::Interrupt(vector)));
    }
}

/// Sends an interrupt to all CPUs but this one.
pub(crate) fn send_others(vector: u8) {
    command(
        0,
        apic_registers::ALL_OTHERS | apic_registers::command(Message::Interrupt(vector)),
    );
}

/// Begins the start of another CPU.
pub(crate) fn send_init(id: u32) {
    command(id, apic_registers::command(Message::Init));
}

/// Lets another CPU run from a page below 1 MiB.
pub(crate) fn send_startup(id: u32, page: u8) {
    command(id, apic_registers::command(Message::Start(page)));
}

fn command(id: u32, what: u32) {
    if X2APIC.load(Ordering::Relaxed) {
        settle();
        // SAFETY: the mode is on; the command register takes the target in its upper half.
        return unsafe {
            wrmsr(
                apic_registers::register(COMMAND),
                apic_registers::whole_command(id, what),
            )
        };
    }
    while read(COMMAND) & apic_registers::PENDING != 0 {
        core::hint::spin_loop();
    }
    write(COMMAND_HIGH, apic_registers::upper_command(id));
    write(COMMAND, what);
}

/// Starts the timer's counter at its top, to be read as a clock.
pub(crate) fn start_counting() {
    write(TIMER, apic_registers::timer(Timer::Silent, trap::TIMER));
    write(INITIAL_COUNT, u32::MAX);
}

/// How far the counter has come since [`start_counting`].
pub(crate) fn counted() -> u32 {
    u32::MAX - read(CURRENT_COUNT)
}

/// Ends counting: the timer is a timer again.
pub(crate) fn stop_counting() {
    write(INITIAL_COUNT, 0);
    let_timer_interrupt();
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

/// Lets an interrupt line in, to the first CPU. It interrupts when it rises: devices are looked at after they have been told that the interrupt was taken, so
/// nothing is missed, and none is told twice.
pub(crate) fn route_line(line: u8) {
    let (address, first) = acpi::io_apic(u32::from(line));
    let _turn = IO_TURN.lock();
    let base = tables::map_device(IO_SLOT, address);
    let entry = apic_registers::line_register(u32::from(line) - first);
    let target = cpu::apic_id(0).unwrap_or(0);
    let [low, high] = apic_registers::line(trap::LINES + line, false, target);
    write_io(base, entry + 1, high);
    write_io(base, entry, low);
}

fn write_io(base: u64, register: u32, value: u32) {
    let select: *mut u32 = with_exposed_provenance_mut(base as usize);
    let window: *mut u32 = with_exposed_provenance_mut((base + 0x10) as usize);
    // SAFETY: the controller's registers are mapped there.
    unsafe { select.write_volatile(register) };
    // SAFETY: as above.
    unsafe { window.write_volatile(value) };
}
