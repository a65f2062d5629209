//! The seam: what the kernel asks of a machine.
//!
//! The machine is chosen when the kernel is compiled: the bare one (`arch/*`) for a target without an operating system, the host
//! (`sim`) otherwise. Calls are direct; there is no trait to go through and nothing to pay. Every machine has these modules:
//!
//! | module | what the kernel asks |
//! |---|---|
//! | `boot` | what memory there is, the command line, the root image |
//! | `clock` | the time since boot and of day, and the one-shot timer of this CPU |
//! | `console` | the serial line and the streams to the command on the host |
//! | `cpu` | which CPU this is, starting the others, waking them, waiting for an interrupt |
//! | `device` | registers of devices in memory, and their interrupt lines |
//! | `entropy` | random bytes |
//! | `memory` | the direct map, accepting RAM, copying and clearing pages |
//! | `power` | the end |
//! | `thread` | kernel stacks, switching between them, entering a program, its registers |
//! | `tlb` | which page tables are in force, and forgetting what they used to say |
//! | `user` | copies to and from a program's memory that survive a fault |
//!
//! The bare machine has one more, `callers`, for the text of a panic; the host has `interleave`, a machine whose every step is chosen by a seed, for tests.
//!
//! Sideways: this crate names the machines beside it, because it is the place where one is chosen.
#![no_std]
#![forbid(unsafe_code)]

pub mod pte;

#[cfg(target_os = "none")]
pub use arch_x86_64::{boot, callers, clock, console, cpu, device, entropy, memory, power, thread, tlb, user};
pub use seam::{Access, BootInfo, CpuSet, Fault, MAX_CPUS, PageFlags};
#[cfg(not(target_os = "none"))]
pub use sim::{boot, clock, console, cpu, device, entropy, interleave, memory, power, thread, tlb, user};
