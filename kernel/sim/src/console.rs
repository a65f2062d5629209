//! Console output goes to the test's standard error; input is what a test types.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

pub use seam::Stream;

/// Writes bytes.
#[expect(clippy::print_stderr, reason = "the host's standard error is the simulated console")]
pub fn write(_stream: Stream, bytes: &[u8]) {
    eprint!("{}", String::from_utf8_lossy(bytes));
}

static TYPED: Mutex<VecDeque<u8>> = Mutex::new(VecDeque::new());

/// Lets bytes come in.
pub fn type_in(bytes: &[u8]) {
    TYPED.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
}

/// The next byte of input, if one is there.
#[must_use]
#[track_caller]
pub fn read() -> Option<u8> {
    let byte = TYPED.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    // Something may come in as soon as this has looked.
    crate::interleave::point();
    byte
}

/// Says that the host listens on the streams' ports.
pub fn set_split() {}

/// Whether the host listens on the streams' ports.
#[must_use]
pub fn is_split() -> bool {
    false
}
