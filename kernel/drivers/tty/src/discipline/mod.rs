//! What becomes of typed and written bytes: the line discipline, without a terminal around it.
//!
//! Behaviour is that of `drivers/tty/n_tty.c` of Linux 6.12, down to what happens when the queue is full (the last byte of an unfinished line gives way to the next)
//! and which bytes are shown as `^X` in which mode.
//!
//! It does not do: breaks and parity errors, which no line of ours has; of the flags about them only `PARMRK` matters, for the byte 0xff.

mod editing;
mod output;
mod queue;

use abi::ioctl::{
    ECHO, EXTPROC, ICANON, ICRNL, IEXTEN, IGNCR, INLCR, ISIG, ISTRIP, IUCLC, IUTF8, IXANY, IXON, NOFLSH, PARMRK,
    Termios2, VEOF, VEOL, VEOL2, VERASE, VINTR, VKILL, VLNEXT, VMIN, VQUIT, VREPRINT, VSTART, VSTOP, VSUSP, VTIME,
    VWERASE,
};
use abi::signal::Signal;
use alloc::vec::Vec;
use queue::Queue;

pub use queue::CAPACITY;

/// What typed bytes lead to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effects {
    /// Signals for the foreground.
    pub signals: Vec<Signal>,
    /// Whether there is more to read than before.
    pub readable: bool,
    /// Whether a signal's key threw away what waited, in both directions.
    pub flushed: bool,
}

/// How a read without lines waits, as `VMIN` and `VTIME` say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Bytes that it waits for.
    pub least: usize,
    /// Bytes that it returns at most.
    pub most: usize,
    /// Nanoseconds for which it waits for the first byte, if not for ever.
    pub first: Option<u64>,
    /// Nanoseconds for which it waits for each further one, if not for ever.
    pub further: Option<u64>,
}

/// A terminal's state between its keyboard, its screen and its readers.
#[derive(Default)]
pub struct Discipline {
    termios: Termios2,
    queue: Queue,
    /// What is to be shown of what was typed.
    echo: Vec<u8>,
    /// The next byte is taken as it is.
    literal: bool,
    /// An erased part is being shown (`ECHOPRT`).
    erasing: bool,
    /// Output is stopped.
    stopped: bool,
    /// Output was stopped by `tcflow`: no key starts it again.
    held: bool,
    column: usize,
    /// The column in which the line being typed begins.
    line_column: usize,
}

/// What Linux's character table calls control characters.
const fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7f
}

/// What belongs to a word: letters (of Latin-1 too, as Linux has it), digits and underscores.
const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || (byte >= 0xc0 && byte != 0xd7 && byte != 0xf7)
}

/// Lower case, Latin-1 as Linux knows it.
const fn to_lower(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xde => byte + 0x20,
        _ => byte,
    }
}

impl Discipline {
    /// A cooked, echoing terminal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings.
    #[must_use]
    pub const fn termios(&self) -> &Termios2 {
        &self.termios
    }

    /// Changes the settings. What was typed stays, as a line or as bytes. Whether output goes on that was stopped.
    pub fn set_termios(&mut self, termios: Termios2) -> bool {
        let before = core::mem::replace(&mut self.termios, termios);
        if (before.lflag ^ termios.lflag) & (ICANON | EXTPROC) != 0 {
            self.queue.set_mode(self.local(ICANON));
            self.literal = false;
            self.erasing = false;
        }
        before.iflag & IXON != 0 && !self.input_flag(IXON) && self.start()
    }

    /// Whether output is stopped.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Stops output; whether it went before.
    pub fn stop(&mut self) -> bool {
        !core::mem::replace(&mut self.stopped, true)
    }

    /// Lets output go on, unless `tcflow` stopped it; whether it was stopped.
    pub fn start(&mut self) -> bool {
        !self.held && core::mem::replace(&mut self.stopped, false)
    }

    /// Stops output, or lets it go on, as `tcflow` does; whether that changed something.
    pub fn hold(&mut self, held: bool) -> bool {
        if core::mem::replace(&mut self.held, held) == held {
            return false;
        }
        if held { self.stop() } else { self.start() }
    }

    /// Forgets what was typed and not read.
    pub fn flush_input(&mut self) {
        self.queue.clear();
        self.literal = false;
        self.erasing = false;
    }

    /// Takes what is to be shown of what was typed.
    pub fn take_echo(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.echo)
    }

    /// Whether something typed is to be shown.
    #[must_use]
    pub fn has_echo(&self) -> bool {
        !self.echo.is_empty()
    }

    /// Whether more can be typed.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.room() > 0 || self.is_overfull()
    }

    /// Bytes that fit, one being kept for the end of the line.
    fn room(&self) -> usize {
        let left = CAPACITY.saturating_sub(self.queue.len());
        let each = if self.input_flag(PARMRK) { 3 } else { 1 };
        left.div_ceil(each).saturating_sub(1)
    }

    /// Whether all there is is a line without an end: keys are still taken, for one of them may erase.
    fn is_overfull(&self) -> bool {
        self.local(ICANON) && !self.queue.has_line()
    }

    /// Whether reads end at the end of a line.
    fn has_lines(&self) -> bool {
        self.local(ICANON) && !self.local(EXTPROC)
    }

    fn local(&self, flag: u32) -> bool {
        self.termios.lflag & flag != 0
    }

    fn input_flag(&self, flag: u32) -> bool {
        self.termios.iflag & flag != 0
    }

    fn is_continuation(&self, byte: u8) -> bool {
        self.input_flag(IUTF8) && byte & 0xc0 == 0x80
    }

    /// A control character.
    fn key(&self, index: usize) -> u8 {
        self.termios.cc.get(index).copied().unwrap_or(0)
    }

    /// Whether a byte is the control character at `index` (a zero there switches it off).
    fn is_key(&self, byte: u8, index: usize) -> bool {
        byte != 0 && self.key(index) == byte
    }

    /// Takes a typed byte.
    pub fn input(&mut self, byte: u8, effects: &mut Effects) {
        if self.queue.len() >= CAPACITY && self.is_overfull() {
            self.queue.drop_last();
        }
        let mut byte = byte;
        if self.input_flag(ISTRIP) {
            byte &= 0x7f;
        }
        if self.input_flag(IUCLC) && self.local(IEXTEN) {
            byte = to_lower(byte);
        }
        if core::mem::take(&mut self.literal) {
            self.ordinary(byte);
        } else if self.local(EXTPROC) {
            self.queue.push(byte);
        } else if self.is_special(byte) {
            self.special(byte, effects);
        } else {
            self.ordinary(byte);
        }
        effects.readable |= !self.has_lines() && self.queue.len() > 0;
    }

    /// Whether the settings have something to say about a byte.
    fn is_special(&self, byte: u8) -> bool {
        let any = |keys: &[usize]| keys.iter().any(|key| self.is_key(byte, *key));
        (byte == b'\r' && self.input_flag(IGNCR | ICRNL))
            || (byte == b'\n' && (self.input_flag(INLCR) || self.local(ICANON)))
            || (self.local(ICANON)
                && (any(&[VERASE, VKILL, VEOF, VEOL])
                    || (self.local(IEXTEN) && any(&[VWERASE, VLNEXT, VEOL2, VREPRINT]))))
            || (self.input_flag(IXON) && any(&[VSTART, VSTOP]))
            || (self.local(ISIG) && any(&[VINTR, VQUIT, VSUSP]))
    }

    fn special(&mut self, byte: u8, effects: &mut Effects) {
        if self.input_flag(IXON) {
            if self.is_key(byte, VSTART) {
                self.start();
                return;
            }
            if self.is_key(byte, VSTOP) {
                self.stop();
                return;
            }
        }
        if self.local(ISIG)
            && let Some(signal) = self.signal_of(byte)
        {
            self.raise(byte, signal, effects);
            return;
        }
        self.start_by_any();
        let byte = match byte {
            b'\r' if self.input_flag(IGNCR) => return,
            b'\r' if self.input_flag(ICRNL) => b'\n',
            b'\n' if self.input_flag(INLCR) => b'\r',
            byte => byte,
        };
        if self.local(ICANON) {
            let (used, ended) = self.edit(byte);
            effects.readable |= ended;
            if used {
                return;
            }
        }
        if self.local(ECHO) {
            self.finish_erasing();
            if byte == b'\n' {
                self.echo_raw(byte);
            } else {
                self.note_line_column();
                self.echo(byte);
            }
        }
        self.store(byte);
    }

    fn ordinary(&mut self, byte: u8) {
        self.start_by_any();
        if self.local(ECHO) {
            self.finish_erasing();
            self.note_line_column();
            self.echo(byte);
        }
        self.store(byte);
    }

    /// Any key lets output go on, if so set.
    fn start_by_any(&mut self) {
        if self.stopped && self.termios.iflag & (IXON | IXANY) == IXON | IXANY {
            self.start();
        }
    }

    fn store(&mut self, byte: u8) {
        if byte == 0xff && self.input_flag(PARMRK) {
            self.queue.push(byte);
        }
        self.queue.push(byte);
    }

    fn signal_of(&self, byte: u8) -> Option<Signal> {
        [(VINTR, Signal::INT), (VQUIT, Signal::QUIT), (VSUSP, Signal::TSTP)]
            .into_iter()
            .find(|(index, _)| self.is_key(byte, *index))
            .map(|(_, signal)| signal)
    }

    fn raise(&mut self, byte: u8, signal: Signal, effects: &mut Effects) {
        if !self.local(NOFLSH) {
            self.flush_input();
            self.echo.clear();
            effects.flushed = true;
        }
        if self.input_flag(IXON) {
            self.start();
        }
        if self.local(ECHO) {
            self.echo(byte);
        }
        effects.signals.push(signal);
    }

    /// How a read waits. With more than 64 bytes asked for at least, 64 are what it gets: Linux reads in pieces of that size.
    #[must_use]
    pub fn patience(&self) -> Patience {
        const PIECE: usize = 64;
        const TENTH: u64 = 100_000_000;
        let endless = Patience {
            least: 1,
            most: usize::MAX,
            first: None,
            further: None,
        };
        if self.local(ICANON) {
            return endless;
        }
        let (least, time) = (usize::from(self.key(VMIN)), u64::from(self.key(VTIME)) * TENTH);
        if least == 0 {
            return Patience {
                first: Some(time),
                ..endless
            };
        }
        Patience {
            least: least.min(PIECE),
            most: if least > PIECE { PIECE } else { usize::MAX },
            further: (time > 0).then_some(time),
            ..endless
        }
    }

    /// Whether a read would find something.
    #[must_use]
    pub fn has_input(&self) -> bool {
        if self.has_lines() {
            self.queue.has_line()
        } else {
            self.queue.len() > 0
        }
    }

    /// Whether `poll` says that there is something to read.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let least = if self.key(VTIME) == 0 { self.key(VMIN).max(1) } else { 1 };
        if self.has_lines() {
            self.queue.has_line()
        } else {
            self.queue.len() >= usize::from(least)
        }
    }

    /// Bytes that wait to be read (`FIONREAD`).
    #[must_use]
    pub fn pending(&self) -> usize {
        if self.has_lines() {
            self.queue.in_lines()
        } else {
            self.queue.len()
        }
    }

    /// Whether a read ends at the end of a line.
    #[must_use]
    pub fn reads_lines(&self) -> bool {
        self.has_lines()
    }

    /// Takes bytes, of one line only where lines are read; says how many, and whether that line goes on (or more bytes are there). Nothing if there is nothing.
    pub fn take(&mut self, into: &mut [u8]) -> Option<(usize, bool)> {
        if self.has_lines() {
            return self.queue.take_line(into);
        }
        match self.queue.take(into) {
            0 => None,
            taken => Some((taken, self.queue.len() > 0)),
        }
    }
}
