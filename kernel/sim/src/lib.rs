//! The host behind the same seam, for tests.
//!
//! Kernel crates run on it as ordinary code under `cargo test`. Physical memory is one allocation of the host; page tables are
//! walked in software by [`user`], so that demand paging and copy-on-write behave as on a machine; time moves only when a test
//! moves it, or by a step on each look; random bytes come from a seed. Each host thread is a CPU of its own.
//!
//! A test of what several CPUs do at once runs on an interleaved machine ([`interleave`]): one host thread, on which a seed chooses every step.
//!
//! It does not do: devices, and real preemption.
#![cfg(not(target_os = "none"))]
// UNSAFETY: it stands in for a machine, whose memory is raw.
#![expect(unsafe_code, reason = "simulated physical memory is raw memory of the host")]

pub mod boot;
mod choice;
pub mod clock;
pub mod console;
pub mod cpu;
pub mod device;
pub mod entropy;
mod explore;
mod fiber;
pub mod interleave;
pub mod memory;
pub mod power;
pub mod thread;
pub mod tlb;
pub mod user;
