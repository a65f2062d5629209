//! Console output goes to the test's standard error; input is empty.

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// The serial line.
    Serial,
    /// The application's standard output.
    Output,
    /// The application's standard error.
    Error,
    /// Lines for the command on the host.
    Control,
}

/// Writes bytes.
#[expect(clippy::print_stderr, reason = "the host's standard error is the simulated console")]
pub fn write(_stream: Stream, bytes: &[u8]) {
    eprint!("{}", String::from_utf8_lossy(bytes));
}

/// The next byte of input, if one is there.
#[must_use]
pub fn read() -> Option<u8> {
    None
}

/// Says that the host listens on the streams' ports.
pub fn set_split() {}

/// Whether the host listens on the streams' ports.
#[must_use]
pub fn is_split() -> bool {
    false
}
