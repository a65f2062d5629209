//! From the machine to a system call and back, and the program with which everything begins.
//!
//! A program's system call arrives in [`entry::system_call`], is looked up in the [`table`] of the calls in the crates `syscall` and `seldom`, and is carried
//! out there.
//!
//! | module | what |
//! |---|---|
//! | [`entry`] | from the machine to the call and back; traps and interrupt lines |
//! | [`table`] | calls by number, made when the kernel is compiled; two with one number do not compile |
//! | `restart` | the call that makes another |
//! | `strace` | `--strace` |
//! | `out_of_memory` | who is killed when memory runs out |
//! | [`start`] | the first program |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod entry;
mod out_of_memory;
mod restart;
pub mod start;
mod strace;
pub mod table;
