//! The terminal that the command was started from: raw mode, its size, and the way back.
//!
//! The settings to go back to are kept in one place for the whole process, so that a panic hook can restore them too.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::termios::{self, OptionalActions, Termios};

/// Ctrl-].
const ESCAPE: u8 = 0x1d;
const ESCAPES: usize = 3;

static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// Raw mode as long as it lives: every key goes to the guest, none is echoed or means a signal here.
#[derive(Debug)]
pub struct RawMode(());

impl RawMode {
    /// Puts the terminal on standard input into raw mode; `None` if it is no terminal.
    ///
    /// # Errors
    /// The terminal does not allow it.
    pub fn enter() -> io::Result<Option<RawMode>> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(None);
        }
        let saved = termios::tcgetattr(&stdin)?;
        let mut raw = saved.clone();
        raw.make_raw();
        *SAVED.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved);
        termios::tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Some(RawMode(())))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

/// Brings the terminal back to how it was, if it is in raw mode.
pub fn restore() {
    if let Some(saved) = SAVED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // Nobody is left to tell when the terminal itself is gone.
        termios::tcsetattr(io::stdin(), OptionalActions::Drain, &saved).ok();
    }
}

/// Notices the keys that end the machine while every other key is the guest's: Ctrl-], three times within a second.
#[derive(Debug, Default)]
pub(crate) struct WayOut {
    times: VecDeque<Instant>,
}

impl WayOut {
    /// Whether these bytes complete the wish to end.
    pub(crate) fn asked(&mut self, bytes: &[u8], now: Instant) -> bool {
        for byte in bytes {
            if *byte == ESCAPE {
                self.times.push_back(now);
            } else {
                self.times.clear();
            }
        }
        self.times
            .retain(|time| now.duration_since(*time) < Duration::from_secs(1));
        self.times.len() >= ESCAPES
    }
}

/// Rows and columns of the first of standard input, output and error that is a terminal with a size.
pub fn size() -> Option<(u16, u16)> {
    let sizes = [
        termios::tcgetwinsize(io::stdin()),
        termios::tcgetwinsize(io::stdout()),
        termios::tcgetwinsize(io::stderr()),
    ];
    let size = sizes
        .into_iter()
        .flatten()
        .find(|size| size.ws_row > 0 && size.ws_col > 0)?;
    Some((size.ws_row, size.ws_col))
}

/// Which of standard input, output and error are terminals, as the letters `i`, `o`, `e`.
pub fn letters() -> String {
    let streams = [
        ('i', io::stdin().is_terminal()),
        ('o', io::stdout().is_terminal()),
        ('e', io::stderr().is_terminal()),
    ];
    streams
        .into_iter()
        .filter(|(_, terminal)| *terminal)
        .map(|(letter, _)| letter)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quick_escapes_are_the_way_out() {
        let start = Instant::now();
        let mut keys = WayOut::default();
        assert!(!keys.asked(b"\x1d\x1d", start));
        assert!(keys.asked(b"\x1d", start + Duration::from_millis(500)));
        let mut keys = WayOut::default();
        assert!(!keys.asked(b"\x1d\x1da\x1d", start));
        assert!(!keys.asked(b"\x1d\x1d", start + Duration::from_secs(2)));
    }
}
