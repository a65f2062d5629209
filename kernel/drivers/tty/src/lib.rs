//! Terminals: the line discipline, the console, pseudo-terminals, job control.
//!
//! A terminal stands between a line and programs. The line is the machine's console, or a pseudo-terminal's master; everything between is the same for both, once:
//!
//! ```text
//!   keyboard ──▶ typed ──▶ ┌────────────┐ ──▶ lines or bytes ──▶ read   ┐
//!   (master writes)        │ discipline │                               ├ programs
//!   screen   ◀── shown ◀── └────────────┘ ◀───────────────────── write  ┘
//!   (master reads)            ╰─ echo, signals
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`discipline`] | what becomes of typed and written bytes: pure, tested by itself |
//! | `terminal` | a terminal: a discipline, what waits before and behind it, who waits |
//! | `line` | what is at the other end: a screen and a keyboard, or a master |
//! | `open` | a terminal that somebody has open: reading, writing |
//! | [`pty`] | pseudo-terminals: masters, and which there are |
//! | [`job`] | sessions and their terminals, the foreground and the background |
//! | `request` | the requests of `ioctl(2)` |
//! | [`console`] | the console: one terminal, or standard streams as the command on the host wants them |
//! | [`bulk`] | a faster way for much output |
//! | `stream` | standard streams that are no terminals |
//!
//! *One lock* per terminal covers the discipline and the queues on its line, so that echo, output and input have one order; signals are sent and sleepers woken after it
//! is released (`Terminal::change`). *Hanging up* is a number that goes up: who opened the terminal before that has no terminal any more. A process knows its controlling
//! terminal as `process::session` has it, and the terminal knows the session and the group in the foreground.
//!
//! Lock order: the console's decoder → a terminal's state → the faster way; the pairs, whom a terminal belongs to, its size, and its owner are leaves.
//! It does not do: breaks, parity errors and modem lines (no line of ours has them), stopping a keyboard that types too fast (`IXOFF`; the line itself waits), other line disciplines.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod bulk;
pub mod console;
pub mod discipline;
pub mod job;
mod line;
mod open;
pub mod pty;
mod request;
mod stream;
mod terminal;

pub use open::open;
pub use request::{OpenPeer, set_peer};
pub use terminal::Terminal;
