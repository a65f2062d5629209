//! The 16550 serial line, and the streams to the command on the host (QEMU's `isa-debugcon`, a byte to a port each).

use crate::instructions::{inb, outb, outsb};
use core::sync::atomic::{AtomicBool, Ordering};
use lock::SpinLock;

pub use seam::Stream;

const COM1: u16 = 0x3f8;
const DATA: u16 = COM1;
const INTERRUPTS: u16 = COM1 + 1;
const FIFO: u16 = COM1 + 2;
const LINE: u16 = COM1 + 3;
const MODEM: u16 = COM1 + 4;
const STATUS: u16 = COM1 + 5;
const CAN_READ: u8 = 1;
const CAN_WRITE: u8 = 0x20;
const EMPTY: u8 = 0x40;

/// Legacy interrupt line of the first serial port.
pub const INTERRUPT_LINE: u8 = 4;

static READY: AtomicBool = AtomicBool::new(false);
static SPLIT: AtomicBool = AtomicBool::new(false);
static TURN: SpinLock<()> = SpinLock::new(());

/// Says that the host listens on the streams' ports.
pub fn set_split() {
    SPLIT.store(true, Ordering::Relaxed);
}

/// Whether the host listens on the streams' ports.
#[must_use]
pub fn is_split() -> bool {
    SPLIT.load(Ordering::Relaxed)
}

/// Writes bytes. Streams other than the serial line exist only after [`set_split`]; control lines are dropped without it.
pub fn write(stream: Stream, bytes: &[u8]) {
    let split = SPLIT.load(Ordering::Relaxed);
    let port = match stream {
        Stream::Output if split => 0x500,
        Stream::Error if split => 0x501,
        Stream::Control if split => 0x502,
        Stream::Control => return,
        _ => return write_serial(bytes),
    };
    // SAFETY: the host listens on these ports, and a write does nothing but pass the byte on.
    unsafe { outsb(port, bytes) };
}

fn write_serial(bytes: &[u8]) {
    // A panicking CPU must not wait for one that holds the line for ever.
    let _turn = (0..1 << 20).find_map(|_| TURN.try_lock());
    if !READY.swap(true, Ordering::Relaxed) {
        start();
    }
    for &byte in bytes {
        let mut patience = 1 << 20;
        // SAFETY: reading the status of the serial port has no effect.
        while unsafe { inb(STATUS) } & CAN_WRITE == 0 && patience > 0 {
            patience -= 1;
        }
        // SAFETY: the port sends the byte.
        unsafe { outb(DATA, byte) };
    }
}

/// Waits until the last byte has left the serial line.
pub(crate) fn drain() {
    let mut patience = 1 << 20;
    // SAFETY: reading the status of the serial port has no effect.
    while READY.load(Ordering::Relaxed) && unsafe { inb(STATUS) } & EMPTY == 0 && patience > 0 {
        patience -= 1;
    }
}

/// 115200 baud, eight bits, FIFOs on, no interrupts.
fn start() {
    for (port, value) in [
        (INTERRUPTS, 0),
        (LINE, 0x80),
        (DATA, 1),
        (INTERRUPTS, 0),
        (LINE, 3),
        (FIFO, 0x07),
        (MODEM, 0x0b),
    ] {
        // SAFETY: the registers of the serial port, set as its manual says.
        unsafe { outb(port, value) };
    }
}

/// Asks for an interrupt when a byte comes in.
pub fn listen() {
    if !READY.swap(true, Ordering::Relaxed) {
        start();
    }
    // SAFETY: the serial port's interrupt-enable register; the handler is in place.
    unsafe { outb(INTERRUPTS, 1) };
    crate::apic::route_line(INTERRUPT_LINE);
    // The command on the host holds input back until now, because setting the line up clears what has come in.
    write(Stream::Control, b"ready\n");
}

/// The next byte of input, if one is there.
#[must_use]
pub fn read() -> Option<u8> {
    // SAFETY: reading the status of the serial port has no effect.
    if unsafe { inb(STATUS) } & CAN_READ == 0 {
        return None;
    }
    // SAFETY: a byte is there; reading takes it.
    Some(unsafe { inb(DATA) })
}
