//! Kernel messages and boot marks.
//!
//! Messages go to the serial line, which the command on the host shows on its standard error. They have four levels; those above the level in force cost one load and a
//! branch. Boot marks ([`mark`]) are taken whenever a phase of the boot ends and printed together when the application starts, so that
//! printing them is not part of what they measure.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use hal::console::{self, Stream};

/// How much a message matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Level {
    /// Something failed that somebody must know of.
    Error = 0,
    /// Something is not as it should be.
    Warn = 1,
    /// Worth knowing when one wonders.
    Info = 2,
    /// For those who look for a fault.
    Debug = 3,
}

impl Level {
    /// The level with a name.
    #[must_use]
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"error" => Some(Self::Error),
            b"warn" => Some(Self::Warn),
            b"info" => Some(Self::Info),
            b"debug" => Some(Self::Debug),
            _ => None,
        }
    }
}

static LEVEL: AtomicU8 = AtomicU8::new(Level::Warn as u8);

/// Sets the level: messages that matter less are not printed.
pub fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// Whether messages of a level are printed.
#[must_use]
#[inline]
pub fn is_on(level: Level) -> bool {
    level as u8 <= LEVEL.load(Ordering::Relaxed)
}

struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console::write(Stream::Serial, text.as_bytes());
        Ok(())
    }
}

/// Prints a message; what the macros expand to.
#[cold]
pub fn message(level: Level, text: fmt::Arguments<'_>) {
    let name = ["error", "warning", "info", "debug"][level as usize];
    let now = hal::clock::now() / 1000;
    let _ = writeln!(Serial, "[{:5}.{:06}] {name}: {text}", now / 1_000_000, now % 1_000_000);
}

/// Prints a line as it is.
#[cold]
pub fn line(text: &str) {
    let _ = writeln!(Serial, "{text}");
}

/// Prints a message that something failed.
#[macro_export]
macro_rules! error { ($($text:tt)*) => { if $crate::is_on($crate::Level::Error) { $crate::message($crate::Level::Error, format_args!($($text)*)) } }; }
/// Prints a message that something is not as it should be.
#[macro_export]
macro_rules! warn { ($($text:tt)*) => { if $crate::is_on($crate::Level::Warn) { $crate::message($crate::Level::Warn, format_args!($($text)*)) } }; }
/// Prints a message worth knowing when one wonders.
#[macro_export]
macro_rules! info { ($($text:tt)*) => { if $crate::is_on($crate::Level::Info) { $crate::message($crate::Level::Info, format_args!($($text)*)) } }; }
/// Prints a message for those who look for a fault.
#[macro_export]
macro_rules! debug { ($($text:tt)*) => { if $crate::is_on($crate::Level::Debug) { $crate::message($crate::Level::Debug, format_args!($($text)*)) } }; }

/// When each phase of the boot ended.
static TIMES: [AtomicU64; Phase::ALL.len()] = [const { AtomicU64::new(0) }; Phase::ALL.len()];

/// The phases of the boot, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Phase {
    /// Firmware and entry: until the kernel's own tables are in force.
    Machine = 0,
    /// Memory and scheduler.
    Memory,
    /// The root file system is mounted.
    Root,
    /// The program has been loaded.
    Load,
}

impl Phase {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Machine, "machine"),
        (Self::Memory, "memory"),
        (Self::Root, "root"),
        (Self::Load, "load"),
    ];
}

/// A phase of the boot has ended.
pub fn mark(phase: Phase) {
    TIMES[phase as usize].store(hal::clock::now(), Ordering::Relaxed);
}

/// Says when each phase of the boot ended: to the command on the host if it listens, to the person otherwise.
pub fn print_boot_chart() {
    let mut before = 0;
    for (phase, name) in Phase::ALL {
        let end = TIMES[phase as usize].load(Ordering::Relaxed);
        if console::is_split() {
            let _ = writeln!(Control, "boot {name} {end}");
        } else {
            let took = end.saturating_sub(before);
            let _ = writeln!(Serial, "boot: {name:10} {:6}.{:03} us", took / 1000, took % 1000);
        }
        before = end;
    }
}

struct Control;

impl Write for Control {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console::write(Stream::Control, text.as_bytes());
        Ok(())
    }
}
