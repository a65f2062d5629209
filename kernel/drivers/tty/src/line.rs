//! What is at the other end of a terminal's line.

use crate::pty::Pair;
use alloc::boxed::Box;

/// The other end.
pub(crate) enum Line {
    /// A screen and a keyboard of the machine.
    Console {
        /// Shows bytes.
        screen: fn(&[u8]),
        /// Asks the keyboard for what did not fit before.
        keyboard: fn(),
    },
    /// The master of a pseudo-terminal.
    Pair(Box<Pair>),
}
