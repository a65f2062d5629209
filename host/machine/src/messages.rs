//! Kernel messages on their way to standard error.
//!
//! Messages come in pieces and are printed in whole lines, so that the addresses of a backtrace can be explained. While
//! the terminal is in raw mode a line needs a carriage return as well.

use std::io::{self, IsTerminal, Write};

use crate::symbols::{Line, Symbols};

/// Longer lines than this are printed in pieces.
const MAX_LINE: usize = 8192;

/// Where kernel messages gather.
pub(crate) struct Messages {
    line: Vec<u8>,
    symbols: Symbols,
    ending: &'static str,
}

impl Messages {
    /// `raw` says whether the terminal is in raw mode.
    pub(crate) fn new(symbols: Symbols, raw: bool) -> Messages {
        let ending = if raw && io::stderr().is_terminal() {
            "\r\n"
        } else {
            "\n"
        };
        Messages {
            line: Vec::new(),
            symbols,
            ending,
        }
    }

    /// Takes bytes from the serial port.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\r' => {}
                b'\n' => self.print(),
                byte => self.line.push(*byte),
            }
            if self.line.len() >= MAX_LINE {
                self.print();
            }
        }
    }

    /// Prints what is left.
    pub(crate) fn finish(&mut self) {
        if !self.line.is_empty() {
            self.print();
        }
    }

    /// Prints a line of our own.
    pub(crate) fn say(&mut self, text: &str) {
        let mut out = Vec::new();
        for line in text.lines() {
            out.extend(line.as_bytes());
            out.extend(self.ending.as_bytes());
        }
        // Standard error is the last place to complain to.
        io::stderr().write_all(&out).ok();
    }

    fn print(&mut self) {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        match self.symbols.explain(&line) {
            Line::Other => self.say(if line.is_empty() { "\n" } else { &line }),
            Line::Stale => {}
            Line::Functions(names, guessed) => {
                let address = line.split_whitespace().nth(1).unwrap_or_default();
                let mark = if guessed { "? " } else { "" };
                let mut names = names.into_iter();
                self.say(&format!("  at {address} {mark}{}", names.next().unwrap_or_default()));
                names.for_each(|name| self.say(&format!("     inlined into {name}")));
            }
        }
    }
}
