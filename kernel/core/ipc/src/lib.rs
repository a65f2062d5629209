//! What processes talk through besides sockets: pipes, fifos, event counters.
//!
//! Each is a [`vfs::FileLike`] whose transitions never block; [`vfs::File`] does the waiting, on queues of the task crate.
//!
//! | module | what |
//! |---|---|
//! | `ring` | a pipe's bytes, in pages |
//! | `pipe` | a pipe and its ends |
//! | `fifo` | pipes that have a name |
//! | `eventfd` | event counters |
//!
//! Invariants: a pipe's bytes are behind a lock that may be held over a copy of user memory. Lock order: none is taken under another.
//! It does not do: packet mode (`O_DIRECT`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod eventfd;
mod fifo;
mod pipe;
mod ring;

pub use eventfd::{EventCounter, eventfd};
pub use fifo::register;
pub use pipe::{End, MAX_CAPACITY, PIPE_BUF, pipe};
