//! Processes: identity, descriptors, limits, credentials, and their end.
//!
//! | module | what |
//! |---|---|
//! | `shared` | [`Process`]: what all threads of a program share |
//! | [`thread`] | [`Thread`]: one thread of a program, the payload of its task |
//! | [`files`] | [`FileTable`]: descriptors |
//! | [`limits`] | resource limits |
//! | [`program`] | what runs in a process: its file, name, arguments |
//! | [`pidfd`] | files that name processes |
//! | [`registry`] | numbers of processes and threads |
//! | [`segments`], [`semaphores`], [`messages`], [`keyed`] | shared memory, semaphores and message queues of System V, and what they have in common |
//! | [`session`] | sessions, their terminals, orphaned groups |
//! | [`rseq`] | sequences that begin again when their thread loses its CPU |
//! | [`signals`], `pending` | actions, masks, what is pending |
//! | `sharing` | what processes share that are not threads of one |
//! | [`timers`] | timers that send signals |
//! | [`usage`] | running time, page faults, memory |
//! | [`stop`] | stopping and going on |
//! | [`exit`] | the end of threads and processes |
//! | [`family`] | parents and children |
//! | [`mapped`] | open files as the backing of mappings |
//!
//! The process with number 1 is the application: when it ends, the machine ends with its code (see [`exit::set_end`]).
//!
//! Invariants: a thread's number is in the registry from before it first runs until it has ended. A process's space is replaced only by its sole thread.
//! Lock order: family → one field of a process; registry → process fields (each a leaf by itself, never two at once unless written there).
//! It does not do: namespaces, cgroups.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod exit;
pub mod family;
pub mod files;
pub mod keyed;
pub mod limits;
pub mod mapped;
pub mod messages;
mod pending;
pub mod pidfd;
pub mod program;
pub mod registry;
pub mod rseq;
pub mod segments;
pub mod semaphores;
pub mod session;
mod shared;
mod sharing;
pub mod signals;
pub mod stop;
pub mod thread;
pub mod timers;
pub mod usage;

pub use exit::Status;
pub use files::FileTable;
pub use limits::LimitSet;
pub use mapped::{MappedFile, is_mapped};
pub use program::Program;
pub use shared::{Beginnings, Process, current};
pub use thread::{Thread, with_thread};
