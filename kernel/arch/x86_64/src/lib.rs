//! The bare x86-64 machine behind the seam.
//!
//! | module | what it owns |
//! |---|---|
//! | [`boot`] | the entry points (PVH and 64-bit Linux boot protocol), what the loader said |
//! | [`layout`] | where things are in the kernel's half of the address space |
//! | [`tables`] | the kernel's own page tables: text, data, direct map, devices, stacks |
//! | [`cpu`] | per-CPU data, descriptor tables, control registers, features |
//! | [`trap`] | entries from exceptions, interrupts and system calls, and what is done with them |
//! | [`thread`] | kernel stacks, switching, entering programs, their registers and vector state |
//! | [`callers`] | where a CPU is and what called there, for a panic |
//! | `registers`, `vectors` | a program's registers and vector state in a signal's frame |
//! | [`apic`] | local and I/O interrupt controllers, the timer, messages between CPUs |
//! | [`clock`] | time from TSC or kvm-clock |
//! | [`smp`] | starting the other CPUs |
//! | [`acpi`] | how many CPUs there are, where the I/O APIC is |
//! | [`device`] | registers of devices in memory, and their interrupt lines |
//! | [`console`] | 16550 serial line and the streams to the command on the host |
//! | [`user`] | copies to and from a program's memory that survive a fault |
//!
//! Address map of the kernel's half: see [`layout`]. Interrupts are off in the kernel except where [`cpu::wait_for_interrupt`] waits.
//! Nothing here knows Linux beyond the layout of the registers that signals and `ptrace` show.
#![no_std]
#![cfg(target_os = "none")]
// UNSAFETY: this is the machine: registers, tables, ports and traps.
#![expect(unsafe_code, reason = "this crate drives the machine")]

extern crate alloc;

mod acpi;
mod apic;
mod bases;
pub mod boot;
pub mod callers;
pub mod clock;
pub mod console;
pub mod cpu;
pub mod device;
pub mod entropy;
mod fpu;
mod instructions;
mod layout;
pub mod memory;
pub mod power;
mod registers;
mod smp;
mod tables;
pub mod thread;
pub mod tlb;
mod trap;
pub mod user;
mod vectors;
