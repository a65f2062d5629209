//! What processes talk through and wait for besides the network: local sockets, event counters, timers, queues of messages.
//! (Pipes and sets of files are crates of their own.)
//!
//! Each is a [`vfs::FileLike`] whose transitions never block; [`vfs::File`] does the waiting, on queues of the task crate.
//!
//! | module | what |
//! |---|---|
//! | [`channel`] | one direction between two sockets |
//! | [`options`] | the options that all sockets have |
//! | `unix` | sockets of one machine |
//! | `inotify` | lists of what happened to files |
//! | `eventfd` | event counters |
//! | [`mqueue`] | message queues with names |
//! | `timerfd` | timers that are read |
//!
//! How much may wait in sockets altogether is the crate [`room`]'s business.
//!
//! Invariants: a stream's bytes are behind a lock that may be held over a copy of user memory. Lock order: none is taken under another.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod channel;
mod eventfd;
pub mod filter;
mod inotify;
pub mod mqueue;
pub mod options;
mod timerfd;
mod unix;

pub use eventfd::{EventCounter, eventfd};
pub use inotify::{IN_DONT_FOLLOW, IN_ONLYDIR, Inotify, inotify, is_known_mask};
pub use timerfd::{TimerFile, time_was_set, timerfd};
pub use unix::{Style, UnixSocket, socket, socket_pair};
