//! What was typed and has not been read: bytes, some of which end a line.
//!
//! The bytes in front, as far as lines are complete, can be read line by line; behind them is the line that is being typed. An end-of-file key ends a line too;
//! its place is kept by a zero that is not read. As in Linux there is one queue for both ways of reading, so that a change of mode finds what was typed.

use alloc::collections::VecDeque;

/// Most bytes that wait to be read.
pub const CAPACITY: usize = 4096;
/// Marks the byte that ends a line.
const END: u16 = 0x100;
/// The end-of-file key.
const END_OF_FILE: u16 = END;

/// Bytes between a keyboard and its readers.
#[derive(Default)]
pub(super) struct Queue {
    cells: VecDeque<u16>,
    /// How many of them belong to complete lines.
    complete: usize,
}

const fn byte_of(cell: u16) -> u8 {
    (cell & 0xff) as u8
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.complete = 0;
    }

    /// Whether a line is complete.
    pub(super) fn has_line(&self) -> bool {
        self.complete > 0
    }

    pub(super) fn push(&mut self, byte: u8) {
        self.cells.push_back(u16::from(byte));
    }

    /// Takes the last byte back that was put there, whatever it was.
    pub(super) fn drop_last(&mut self) {
        self.cells.pop_back();
    }

    /// Ends the line, with the byte that did, or with the end-of-file key.
    pub(super) fn end_line(&mut self, byte: Option<u8>) {
        let cell = byte.map_or(END_OF_FILE, |byte| u16::from(byte) | END);
        self.cells.push_back(cell);
        self.complete = self.cells.len();
    }

    /// How many bytes the line has that is being typed.
    pub(super) fn line_len(&self) -> usize {
        self.cells.len() - self.complete
    }

    /// A byte of the line that is being typed.
    pub(super) fn line_byte(&self, at: usize) -> Option<u8> {
        self.cells.get(self.complete + at).map(|cell| byte_of(*cell))
    }

    /// Cuts the line that is being typed.
    pub(super) fn cut_line(&mut self, len: usize) {
        self.cells.truncate(self.complete + len);
    }

    /// Forgets what the lines are; with `as_line`, all that is there becomes one.
    pub(super) fn set_mode(&mut self, as_line: bool) {
        self.cells.iter_mut().for_each(|cell| *cell &= !END);
        self.complete = 0;
        if as_line && let Some(last) = self.cells.back_mut() {
            *last |= END;
            self.complete = self.cells.len();
        }
    }

    /// How many bytes a reader of lines would get in all.
    pub(super) fn in_lines(&self) -> usize {
        let read = self.cells.iter().take(self.complete);
        read.filter(|cell| **cell != END_OF_FILE).count()
    }

    /// Takes bytes of one line, if one is complete; says how many, and whether the line goes on.
    pub(super) fn take_line(&mut self, into: &mut [u8]) -> Option<(usize, bool)> {
        if self.complete == 0 {
            return None;
        }
        let mut taken = 0;
        while self.complete > 0 {
            let cell = *self.cells.front()?;
            if cell != END_OF_FILE {
                let Some(place) = into.get_mut(taken) else {
                    return Some((taken, true));
                };
                *place = byte_of(cell);
                taken += 1;
            }
            self.cells.pop_front();
            self.complete -= 1;
            if cell & END != 0 {
                return Some((taken, false));
            }
        }
        Some((taken, false))
    }

    /// Takes bytes, whatever lines they are in.
    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        let len = into.len().min(self.cells.len());
        for (to, cell) in into.iter_mut().zip(self.cells.drain(..len)) {
            *to = byte_of(cell);
        }
        len
    }
}
