//! TCP (RFC 9293): what happens between two ends, without sockets.
//!
//! Segments go in, segments come out; the time is an argument. There is no lock, no timer, no device and no address here: who owns a [`Connection`] keeps it behind a lock of its own, finds it
//! by the four numbers that name it, writes addresses and checksums, and calls [`Connection::on_timer`] when [`Connection::deadline`] has come. So two connections can be
//! joined by a simulated link in a test and see a year of losses in a second.
//!
//! The course of things is always the same. [`Connection::on_segment`] and [`Connection::on_timer`], and the calls of a program ([`Connection::push`], [`Connection::take`], [`Connection::finish`],
//! …), change what is known and what is wanted; none of them sends. [`Connection::poll`] afterwards sends what may be sent now: first what is lost, then what is new, then an
//! acknowledgement, if one is due and nothing has carried it. So a burst of segments that come together is answered once.
//!
//! | module | what it owns |
//! |---|---|
//! | [`segment`] | segments as bytes |
//! | `connection`, `settings` | the state of one connection, and what programs set |
//! | `buffers` | what waits either way, and how much of it there may be |
//! | `end` | how a connection ends |
//! | `input`, `acknowledge` | what a segment that comes changes: the checks of RFC 9293 and 5961, the stream; the window and what was sent |
//! | `output` | what may be sent: Nagle, silly windows, segments for a card to cut |
//! | `timers` | what happens when nothing comes |
//! | `urgent` | the byte that is out of band |
//! | `info` | what programs are told of it all (`TCP_INFO`) |
//! | `sent` | what is under way: selective acknowledgements and RACK |
//! | `congestion`, `rtt` | how much, and how long |
//! | `assembler`, `queue` | bytes out of order, and in order |
//! | [`listener`] | connections that are half open, cookies when there are too many |
//! | [`time_wait`] | connections that are over, for those who have not heard |
//!
//! A connection costs some 800 bytes; bytes of the stream and records of segments are allocated while there are some. What comes is never trusted: nothing here indexes or
//! allocates by a number out of a segment that was not checked against the window.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod acknowledge;
mod assembler;
mod buffers;
mod congestion;
mod connection;
mod end;
mod info;
mod input;
pub mod listener;
mod output;
mod queue;
mod rtt;
pub mod segment;
mod sent;
mod sequence;
mod settings;
pub mod siphash;
#[cfg(test)]
mod tests;
pub mod time_wait;
mod timers;
mod urgent;

pub use connection::Connection;
pub use output::Output;
pub use segment::{Header, Options, Segment, flags};
pub use sequence::Seq;
pub use settings::{Ends, Machine, Settings, State};
pub use time_wait::TimeWait;
