//! The end by a broken invariant: says what and where, and stops.

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::callers::{self, Caller};
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

/// Prints where this CPU is and what may have called there; the command on the host finds out what did, and puts names to it.
fn backtrace(out: &mut impl Write) {
    callers::each(|caller| {
        let _ = match caller {
            Caller::Here(address) => writeln!(out, "  ip {address:#018x}"),
            Caller::Above(address, distance) => writeln!(out, "  at {address:#018x} +{distance:#x}"),
        };
    });
}
