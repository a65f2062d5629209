//! Terminals: the line discipline, and the console.
//!
//! | module | what |
//! |---|---|
//! | [`discipline`] | what becomes of typed and written bytes: pure, tested by itself |
//! | `editing` | the line being typed: erasing and echoing |
//! | `terminal` | a terminal as a file: reading, writing, requests |
//! | `request` | the requests of `ioctl(2)` |
//! | [`console`] | the console: one terminal, or standard streams as the command on the host wants them |
//! | `stream` | standard streams that are no terminals |
//!
//! Signals that keys raise go to whoever registered with [`set_signaller`].
//! Lock order: the console's decoder → a terminal's discipline; nothing is taken under a discipline.
//! It does not do: the inter-byte timer of `VMIN` and `VTIME` both set (a read then returns with the first bytes), stopping background jobs.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod console;
pub mod discipline;
mod editing;
mod request;
mod stream;
mod terminal;

pub use terminal::{Terminal, set_signaller};
