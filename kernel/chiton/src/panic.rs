//! The end by a broken invariant: says what and where, and stops.

use core::arch::asm;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::console::{self, Stream};

static PANICKING: AtomicBool = AtomicBool::new(false);

struct To(Stream);

impl Write for To {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console::write(self.0, text.as_bytes());
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if PANICKING.swap(true, Ordering::AcqRel) {
        hal::power::stop(0x7f);
    }
    hal::cpu::halt_others();
    let mut serial = To(Stream::Serial);
    let _ = writeln!(serial, "\nchiton: kernel panic: {}", info.message());
    if let Some(location) = info.location() {
        let _ = writeln!(serial, "  in {}:{}", location.file(), location.line());
    }
    backtrace(&mut serial);
    let _ = writeln!(To(Stream::Control), "panic {}", info.message());
    hal::power::stop(0x7f)
}

/// Prints the return addresses that the chain of frame pointers leads to; the command on the host puts names to them.
fn backtrace(out: &mut impl Write) {
    const KERNEL: u64 = 0xffff_8000_0000_0000;
    let mut frame: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) frame, options(nomem, nostack, preserves_flags)) };
    for _ in 0..32 {
        if frame < KERNEL || !frame.is_multiple_of(8) {
            return;
        }
        let words: *const [u64; 2] = core::ptr::with_exposed_provenance(frame as usize);
        // SAFETY: frame pointers of the kernel lead from frame to frame on mapped stacks; a broken chain ends in a second panic,
        // which stops at once.
        let [next, address] = unsafe { words.read() };
        if address < KERNEL {
            return;
        }
        let _ = writeln!(out, "  at {address:#018x}");
        if next <= frame {
            return;
        }
        frame = next;
    }
}
