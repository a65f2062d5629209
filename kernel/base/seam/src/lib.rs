//! The words that a machine and the kernel above it share.
//!
//! `hal` is the seam; the machines behind it (`arch/*`, `sim`) and the crates above it both speak in these types.
#![no_std]
#![forbid(unsafe_code)]

use address::PhysAddr;
use bitflags::bitflags;
use core::ops::Range;

/// Most CPUs that a machine may have.
pub const MAX_CPUS: usize = 64;

/// A set of CPUs, by bit.
pub type CpuSet = u64;

/// How memory was touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Read.
    Read,
    /// Written.
    Write,
    /// Fetched to run.
    Execute,
}

bitflags! {
    /// What a page-table entry says of its page.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct PageFlags: u32 {
        /// May be written.
        const WRITE = 1;
        /// May be run.
        const EXECUTE = 2;
        /// Belongs to a program (as opposed to the kernel).
        const USER = 4;
        /// Has been written since the flag was last cleared.
        const DIRTY = 8;
        /// Has been touched since the flag was last cleared.
        const ACCESSED = 16;
        /// Kernel's note: shared until the next write, which copies it.
        const COPY_ON_WRITE = 32;
        /// Maps 2 MiB, in an entry of the second level.
        const HUGE = 64;
        /// The same in every address space.
        const GLOBAL = 128;
    }
}

/// Which way bytes of the console go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// The serial line.
    Serial,
    /// The application's standard output.
    Output,
    /// The application's standard error.
    Error,
    /// Lines for the command on the host.
    Control,
}

/// A trap of a program that the machine reports, in Linux's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The signal that it becomes.
    pub signal: u8,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`.
    pub address: u64,
    /// The machine's number of the trap, for the signal frame.
    pub trap: u32,
    /// The machine's error code, for the signal frame.
    pub error: u32,
}

/// What the machine found at boot.
#[derive(Clone, Debug)]
pub struct BootInfo {
    /// RAM, in ascending order.
    pub ram: [Range<PhysAddr>; MAX_RANGES],
    /// How many entries of `ram` count.
    pub ram_count: usize,
    /// Parts of RAM that the kernel may not hand out: itself, the root image, what the firmware said.
    pub reserved: [Range<PhysAddr>; MAX_RANGES],
    /// How many entries of `reserved` count.
    pub reserved_count: usize,
    /// The root image, if there is one.
    pub image: Option<Range<PhysAddr>>,
}

/// Most ranges in a [`BootInfo`].
pub const MAX_RANGES: usize = 32;

impl BootInfo {
    /// Nothing found.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            ram: [const { PhysAddr(0)..PhysAddr(0) }; MAX_RANGES],
            ram_count: 0,
            reserved: [const { PhysAddr(0)..PhysAddr(0) }; MAX_RANGES],
            reserved_count: 0,
            image: None,
        }
    }

    /// Notes a range of RAM; those beyond what fits are not used.
    pub fn add_ram(&mut self, range: Range<PhysAddr>) {
        if self.ram_count < MAX_RANGES && range.start < range.end {
            self.ram[self.ram_count] = range;
            self.ram_count += 1;
        }
    }

    /// Notes a reserved range.
    pub fn reserve(&mut self, range: Range<PhysAddr>) {
        if self.reserved_count < MAX_RANGES && range.start < range.end {
            self.reserved[self.reserved_count] = range;
            self.reserved_count += 1;
        }
    }
}

impl Default for BootInfo {
    fn default() -> Self {
        Self::new()
    }
}
