//! Pipes, with and without names, and the ring of bytes that is also the inside of a local stream socket.
//!
//! Apart from the crate `ipc`, which is compiled to be small: how fast bytes go through pipes decides how fast shells and many servers are.
//!
//! | module | what |
//! |---|---|
//! | `ring` | a pipe's bytes, in pages |
//! | `packets` | where packets end in them |
//! | `pipe` | a pipe and its ends |
//! | `fifo` | pipes that have a name |
//!
//! How much may wait in all pipes is the crate [`room`]'s business: where memory is short a pipe takes less than its capacity.
//!
//! Invariants: a pipe's bytes are behind a lock that may be held over a copy of user memory. Lock order: none is taken under another.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod fifo;
mod packets;
mod pipe;
mod ring;

pub use crate::pipe::{End, MAX_CAPACITY, PIPE_BUF, pipe};
pub use fifo::register;
pub use ring::Ring;
