//! What processes talk through and wait for besides the network: pipes, fifos, local sockets, event counters, timers, sets of files.
//!
//! Each is a [`vfs::FileLike`] whose transitions never block; [`vfs::File`] does the waiting, on queues of the task crate.
//!
//! | module | what |
//! |---|---|
//! | `ring` | a pipe's bytes, in pages |
//! | `packets` | where packets end in them |
//! | `pipe` | a pipe and its ends |
//! | `fifo` | pipes that have a name |
//! | [`channel`] | one direction between two sockets |
//! | [`options`] | the options that all sockets have |
//! | `unix` | sockets of one machine |
//! | `inotify` | lists of what happened to files |
//! | `eventfd` | event counters |
//! | [`mqueue`] | message queues with names |
//! | `timerfd` | timers that are read |
//! | `poll` | waiting until one of several files is ready |
//! | `epoll` | sets of files of which those that are ready are listed |
//!
//! Invariants: a pipe's bytes are behind a lock that may be held over a copy of user memory. Lock order: none is taken under another.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod channel;
mod epoll;
mod eventfd;
mod fifo;
pub mod filter;
mod inotify;
pub mod mqueue;
pub mod options;
mod packets;
mod pipe;
mod poll;
mod ring;
mod timerfd;
mod unix;

pub use epoll::{Epoll, epoll};
pub use eventfd::{EventCounter, eventfd};
pub use fifo::register;
pub use inotify::{IN_DONT_FOLLOW, IN_ONLYDIR, Inotify, inotify, is_known_mask};
pub use pipe::{End, MAX_CAPACITY, PIPE_BUF, pipe};
pub use poll::{Watched, poll};
pub use timerfd::{TimerFile, time_was_set, timerfd};
pub use unix::{Style, UnixSocket, socket, socket_pair};
