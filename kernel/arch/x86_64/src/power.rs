//! The end of the machine.

use crate::console::{self, Stream};
use crate::instructions::{outb, outl};
use core::arch::asm;

/// Port of QEMU's `isa-debug-exit`.
const DEBUG_EXIT: u16 = 0xf4;

/// Ends with the application's code: says it to the command on the host, then switches off.
pub fn exit(code: u8) -> ! {
    let mut line = *b"exit 000\n";
    line[5] += code / 100;
    line[6] += code / 10 % 10;
    line[7] += code % 10;
    console::write(Stream::Control, &line);
    stop(u32::from(code))
}

/// Ends after a kernel panic.
pub fn stop(code: u32) -> ! {
    console::drain();
    // SAFETY: where the device exists the machine ends here; where it does not, nothing happens.
    unsafe { outl(DEBUG_EXIT, code) };
    // SAFETY: the keyboard controller's reset line, for machines without the device: a reset is what is wanted.
    unsafe { outb(0x64, 0xfe) };
    triple_fault()
}

/// Loads an empty interrupt table and traps: the CPU resets, and QEMU ends because of `-no-reboot`.
fn triple_fault() -> ! {
    let empty = [0u16; 5];
    // SAFETY: nothing runs after this; a reset is what is wanted.
    unsafe { asm!("lidt [{}]", "int3", "2: hlt", "jmp 2b", in(reg) &empty, options(noreturn)) }
}
