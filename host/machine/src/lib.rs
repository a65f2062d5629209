//! Describes a virtual machine, starts it, and connects it to the terminal until it ends.
//!
//! | module | holds |
//! |---|---|
//! | `kernel_line` | the kernel's command line, encoded and decoded |
//! | `spec` | a machine and its QEMU arguments |
//! | `network` | network cards, and what is behind each one |
//! | `launch` | the QEMU process, its channels, its end |
//! | `run` | one run from start to outcome: the loop that moves bytes |
//! | `channels` | pieces of bytes that are there, and that are taken |
//! | `signals` | signals to the command, as channels |
//! | `stdin` | framing of standard input |
//! | `frames` | where return addresses are on a kernel stack |
//! | `messages` | kernel messages and backtraces on their way to the terminal |
//! | `symbols` | names for kernel addresses |
//! | `terminal` | raw mode, size, and coming back from it |
#![forbid(unsafe_code)]

mod channels;
mod frames;
mod kernel_line;
mod launch;
mod messages;
mod network;
mod run;
mod signals;
mod spec;
mod stdin;
mod symbols;
pub mod terminal;

pub use kernel_line::{Console, KernelLine};
pub use launch::enter_launcher;
pub use network::{Backend, Card, Forward, MOST_CARDS, Mac, Protocol};
pub use run::{Options, Outcome, run};
pub use spec::{Accel, Kind, MachineSpec, shell_line, shell_word};
