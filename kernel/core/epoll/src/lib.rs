//! Waiting for many files at once.
//!
//! Apart from the crate `ipc`, which is compiled to be small: a server asks this for each of its turns.
//!
//! | module | what |
//! |---|---|
//! | `poll` | waiting until one of several files is ready |
//! | `epoll` | sets of files of which those that are ready are listed |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod epoll;
mod poll;

pub use crate::epoll::{Epoll, epoll};
pub use poll::{Watched, poll};
