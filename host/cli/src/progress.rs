//! A line about work that takes more than a second, on a terminal only.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(100);

/// Progress of one piece of work.
pub(crate) struct Progress {
    what: &'static str,
    next: Instant,
    shown: bool,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Progress {
        Progress {
            what,
            next: Instant::now() + QUIET,
            shown: false,
            terminal: io::stderr().is_terminal(),
        }
    }

    /// `done` of `total` bytes are done.
    pub(crate) fn report(&mut self, done: u64, total: u64) {
        let now = Instant::now();
        if !self.terminal || now < self.next {
            return;
        }
        self.next = now + STEP;
        self.shown = true;
        let percent = (done * 100).checked_div(total).unwrap_or(100);
        // A terminal that takes no text needs no progress either.
        write!(
            io::stderr(),
            "\r{}: {percent} % of {} MB\x1b[K",
            self.what,
            total / 1_000_000
        )
        .ok();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            write!(io::stderr(), "\r\x1b[K").ok();
        }
    }
}
