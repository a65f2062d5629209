//! What is written, and shown of what is typed, on its way to the screen.

use super::{Discipline, is_control, to_lower};
use abi::ioctl::{ECHOCTL, OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, TABDLY};
use alloc::vec::Vec;

/// Most bytes of echo that wait for the screen; what is typed beyond is not shown.
const ECHO_CAPACITY: usize = 4096;

impl Discipline {
    /// Prepares written bytes for the screen.
    pub fn output(&mut self, bytes: &[u8], screen: &mut Vec<u8>) {
        if self.termios.oflag & OPOST == 0 {
            screen.extend_from_slice(bytes);
            return;
        }
        for &byte in bytes {
            self.output_byte(byte, screen);
        }
    }

    fn output_byte(&mut self, byte: u8, screen: &mut Vec<u8>) {
        let flags = self.termios.oflag;
        match byte {
            b'\n' => {
                if flags & ONLRET != 0 {
                    self.column = 0;
                }
                if flags & ONLCR != 0 {
                    self.column = 0;
                    screen.push(b'\r');
                }
                self.line_column = self.column;
                screen.push(b'\n');
            }
            b'\r' if flags & ONOCR != 0 && self.column == 0 => {}
            b'\r' if flags & OCRNL != 0 => {
                if flags & ONLRET != 0 {
                    (self.column, self.line_column) = (0, 0);
                }
                screen.push(b'\n');
            }
            b'\r' => {
                (self.column, self.line_column) = (0, 0);
                screen.push(b'\r');
            }
            b'\t' => {
                let width = 8 - self.column % 8;
                self.column += width;
                if flags & TABDLY == TABDLY {
                    screen.extend(core::iter::repeat_n(b' ', width));
                } else {
                    screen.push(b'\t');
                }
            }
            8 => {
                self.column = self.column.saturating_sub(1);
                screen.push(8);
            }
            byte => {
                // A character of several bytes takes one place.
                self.column += usize::from(!is_control(byte) && !self.is_continuation(byte));
                let upper = flags & OLCUC != 0 && to_lower(byte) == byte;
                screen.push(if upper { to_upper(byte) } else { byte });
            }
        }
    }

    /// Shows a typed byte: control characters as `^X`, if so set.
    pub(super) fn echo(&mut self, byte: u8) {
        if self.local(ECHOCTL) && is_control(byte) && byte != b'\t' {
            self.echo_bytes(&[b'^', byte ^ 0x40]);
            self.column += 2;
        } else {
            self.echo_raw(byte);
        }
    }

    /// Shows a byte as if it had been written.
    pub(super) fn echo_raw(&mut self, byte: u8) {
        let mut shown = core::mem::take(&mut self.echo);
        if shown.len() >= ECHO_CAPACITY {
            self.echo = shown;
            return;
        }
        self.output(&[byte], &mut shown);
        self.echo = shown;
    }

    /// Sends bytes to the screen as they are.
    pub(super) fn echo_bytes(&mut self, bytes: &[u8]) {
        if self.echo.len() + bytes.len() <= ECHO_CAPACITY {
            self.echo.extend_from_slice(bytes);
        }
    }
}

/// Upper case, Latin-1 as Linux knows it.
const fn to_upper(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | 0xe0..=0xf6 | 0xf8..=0xfe => byte - 0x20,
        _ => byte,
    }
}
