//! The line being typed: what is in it, and what the screen shows when something is erased.

use abi::ioctl::{ECHO, ECHOCTL, ECHOE, ECHOK, ECHOKE, IUTF8, Termios};
use alloc::vec::Vec;

/// A line that is not complete yet.
#[derive(Default)]
pub(crate) struct Line {
    bytes: Vec<u8>,
    /// The column in which it begins on the screen.
    start: usize,
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

impl Line {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Notes where it begins.
    pub(crate) fn begin(&mut self, column: usize) {
        self.start = column;
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// All of it; an empty line is left.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }

    /// Erases a character, a word or everything; returns what the screen is sent.
    pub(crate) fn erase(&mut self, termios: &Termios, key: u8, whole: bool, word: bool, column: usize) -> Vec<u8> {
        let flag = |flag| termios.lflag & flag != 0;
        let mut shown = Vec::new();
        if self.bytes.is_empty() {
            return shown;
        }
        if whole && !(flag(ECHO) && flag(ECHOK) && flag(ECHOKE) && flag(ECHOE)) {
            self.bytes.clear();
            if flag(ECHO) {
                show(key, flag(ECHOCTL), &mut shown);
                if flag(ECHOK) {
                    shown.push(b'\n');
                }
            }
            return shown;
        }
        let mut column = column;
        let mut in_word = false;
        while let Some((byte, at)) = self.last(termios) {
            if word {
                let wordy = byte.is_ascii_alphanumeric() || byte == b'_';
                if in_word && !wordy {
                    break;
                }
                in_word |= wordy;
            }
            let after = self.width_to(self.bytes.len(), flag(ECHOCTL));
            self.bytes.truncate(at);
            if flag(ECHO) {
                let width = after - self.width_to(at, flag(ECHOCTL));
                if flag(ECHOE) {
                    rub_out(byte, width, &mut column, &mut shown);
                } else if !whole {
                    show(key, flag(ECHOCTL), &mut shown);
                }
            }
            if !whole && !word {
                break;
            }
        }
        shown
    }

    /// The last character: its first byte, and where it begins.
    fn last(&self, termios: &Termios) -> Option<(u8, usize)> {
        let mut at = self.bytes.len().checked_sub(1)?;
        if termios.iflag & IUTF8 != 0 {
            while at > 0 && self.bytes.get(at).is_some_and(|byte| is_continuation(*byte)) {
                at -= 1;
            }
        }
        Some((*self.bytes.get(at)?, at))
    }

    /// Columns from the start of the line to a place in it.
    fn width_to(&self, end: usize, control_shown: bool) -> usize {
        let mut column = self.start;
        for byte in self.bytes.iter().take(end) {
            column += match byte {
                b'\t' => 8 - column % 8,
                0..b' ' | 0x7f if control_shown => 2,
                0..b' ' | 0x7f => 0,
                byte if is_continuation(*byte) => 0,
                _ => 1,
            };
        }
        column - self.start
    }
}

/// Shows a byte, a control character as `^X` if so set.
fn show(byte: u8, control_shown: bool, shown: &mut Vec<u8>) {
    if control_shown && (byte < b' ' || byte == 0x7f) {
        shown.extend_from_slice(&[b'^', byte ^ 0x40]);
    } else {
        shown.push(byte);
    }
}

/// Takes a character of that width off the screen. A tab leaves nothing to overwrite.
fn rub_out(byte: u8, width: usize, column: &mut usize, shown: &mut Vec<u8>) {
    for _ in 0..width.min(*column) {
        shown.extend_from_slice(if byte == b'\t' { b"\x08" } else { b"\x08 \x08" });
        *column = column.saturating_sub(1);
    }
}
