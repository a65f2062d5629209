//! What a system call is, and those that programs make all the time: one file per call or tight family.
//!
//! A call is a function of its [`Caller`] and its arguments, which are decoded into types. Its row in the list of its family is an [`Entry`]; from the entries
//! of all families, these and those of the crate `seldom`, the crate `dispatch` makes the table by which calls are found, and the trace and
//! `docs/syscalls.md` derive from it too.
//!
//! What is in this crate is compiled to be fast, what is in `seldom` to be small. A call is here if a program's speed depends on it, or a call that is here
//! needs a part of it.
//!
//! | module | what |
//! |---|---|
//! | [`argument`] | arguments as types: decoded once, shown in traces |
//! | [`calls`] | the calls |
//! | [`leave`] | what is done before returning to a program |
//! | [`cpus`] | the other CPUs, once there is something for them to do |
//!
//! It does not do: 32-bit calls, mechanisms (they live below).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod argument;
pub mod calls;
pub mod cpus;
pub mod leave;

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use argument::Show;
use core::sync::atomic::Ordering;
use hal::thread::UserFrame;
use process::{Process, Thread};
use vfs::capability;

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

    /// Whether the caller may look into a process: its own, one of the same user, or any with `CAP_SYS_PTRACE`.
    ///
    /// # Errors
    /// `EPERM` if it may not.
    pub fn may_inspect(&self, other: &Arc<Process>) -> Result<()> {
        if Arc::ptr_eq(other, self.process()) {
            return Ok(());
        }
        let (own, its) = (self.process().credentials(), other.credentials());
        let same = [its.uid, its.euid, its.suid].iter().all(|uid| *uid == own.uid)
            && [its.gid, its.egid, its.sgid].iter().all(|gid| *gid == own.gid);
        let open = same && other.dumpable.load(Ordering::Relaxed) == 1;
        if open || own.has(capability::SYS_PTRACE) {
            return Ok(());
        }
        Err(Error::new(Errno::EPERM, "the process is somebody else's"))
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

/// What does a call: takes the arguments from the registers.
pub type Call = fn(&mut Caller<'_>) -> Result<u64>;

/// One system call.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Linux's name.
    pub name: &'static str,
    /// Its number on x86-64.
    pub number: usize,
    /// How much of it there is.
    pub support: Support,
    /// Decodes the arguments and does it.
    pub call: Call,
    /// How its arguments are shown.
    pub shown: &'static [Show],
}

impl core::fmt::Debug for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.name, self.number)
    }
}
