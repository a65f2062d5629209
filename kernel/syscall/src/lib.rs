//! The Linux personality: one file per call or tight family.
//!
//! A program's system call arrives in [`entry::system_call`], is looked up in the table made from [`calls`], has its arguments decoded into types, and is
//! carried out by mechanisms of the crates below. A call is one type that implements [`Syscall`]; its row in the list of its family enters it in the table, from
//! which the trace, `docs/syscalls.md` and the fuzzer's dictionary derive too.
//!
//! | module | what |
//! |---|---|
//! | [`entry`] | from the machine to the call and back; what is done before returning to a program |
//! | [`table`] | calls by number, made when the kernel is compiled; two with one number do not compile |
//! | [`argument`] | arguments as types: decoded once, shown in traces |
//! | [`strace`] | `--strace` |
//! | `out_of_memory` | who is killed when memory runs out |
//! | [`start`] | the first program |
//! | [`calls`] | the calls |
//!
//! It does not do: 32-bit calls, mechanisms (they live below).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod argument;
pub mod calls;
pub mod entry;
mod out_of_memory;
pub mod start;
pub mod strace;
pub mod table;

use abi::Result;
use alloc::sync::Arc;
use argument::Arguments;
use hal::thread::UserFrame;
use process::{Process, Thread};

/// Who makes a call, and with which registers.
pub struct Caller<'a> {
    /// The thread.
    pub thread: &'a Thread,
    /// Its registers, as they will be when the call returns.
    pub frame: &'a mut UserFrame,
}

impl Caller<'_> {
    /// The caller's process.
    #[must_use]
    #[inline]
    pub fn process(&self) -> &Arc<Process> {
        &self.thread.process
    }
}

/// How much of a call there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Support {
    /// All of it.
    Full,
    /// Not all: what is missing, and what happens instead.
    Partial(&'static str),
}

/// One system call.
pub trait Syscall {
    /// Linux's name.
    const NAME: &'static str;
    /// Its number on x86-64.
    const NUMBER: usize;
    /// How much of it there is.
    const SUPPORT: Support = Support::Full;
    /// Its arguments.
    type Args: Arguments;

    /// Does it.
    ///
    /// # Errors
    /// What Linux answers.
    fn call(caller: &mut Caller<'_>, args: Self::Args) -> Result<u64>;
}
