//! Linux as data: numbers, structures, flags and errno; no behaviour.
//!
//! Everything here is what a program sees, byte for byte, on the architectures that Chiton runs on. Names are Linux's.
#![no_std]
// UNSAFETY: one small module keeps the sentence of an error as a pointer and a length.
#![deny(unsafe_code)]

pub mod auxv;
mod errno;
mod error;
pub mod fcntl;
pub mod ioctl;
pub mod mman;
pub mod numbers;
pub mod poll;
pub mod resource;
pub mod sched;
pub mod signal;
pub mod socket;
pub mod stat;
pub mod time;
pub mod uts;

pub use errno::Errno;
pub use error::{Error, Result};
