//! What becomes of typed and written bytes: the line discipline, without a terminal around it.
//!
//! Behaviour is that of `drivers/tty/n_tty.c` of Linux 6.12.

use crate::editing::Line;
use abi::ioctl::{
    ECHO, ECHOCTL, ECHONL, ICANON, ICRNL, IEXTEN, IGNCR, INLCR, ISIG, ISTRIP, IXANY, IXON, NOFLSH, OCRNL, ONLCR,
    ONLRET, ONOCR, OPOST, Termios, VEOF, VEOL, VEOL2, VERASE, VINTR, VKILL, VLNEXT, VMIN, VQUIT, VREPRINT, VSTART,
    VSTOP, VSUSP, VTIME, VWERASE,
};
use abi::signal::Signal;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Most bytes that wait to be read.
pub const CAPACITY: usize = 4096;
/// Bits of `oflag` that say how tabs go out; all of them set means as spaces.
const TABS: u32 = 0o14000;

/// What a typed byte leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Effect {
    /// A signal for the foreground.
    pub signal: Option<Signal>,
    /// Whether there is more to read than before.
    pub readable: bool,
}

/// A terminal's state between its keyboard, its screen and its readers.
pub struct Discipline {
    termios: Termios,
    /// Bytes to be read; in canonical mode made of the records below.
    ready: VecDeque<u8>,
    /// Lengths of lines (and of what an end-of-file key cut off: 0 is the end of the file).
    records: VecDeque<usize>,
    line: Line,
    /// The next byte is taken as it is.
    literal: bool,
    /// Output is stopped.
    stopped: bool,
    column: usize,
}

impl Default for Discipline {
    fn default() -> Self {
        Self::new()
    }
}

impl Discipline {
    /// A cooked, echoing terminal.
    #[must_use]
    pub fn new() -> Self {
        Self {
            termios: Termios::default(),
            ready: VecDeque::new(),
            records: VecDeque::new(),
            line: Line::default(),
            literal: false,
            stopped: false,
            column: 0,
        }
    }

    /// The settings.
    #[must_use]
    pub const fn termios(&self) -> &Termios {
        &self.termios
    }

    /// Changes the settings. What was typed stays, as lines or as bytes.
    pub fn set_termios(&mut self, termios: Termios) {
        let (was, is) = (self.is_canonical(), termios.lflag & ICANON != 0);
        self.termios = termios;
        if was != is {
            let pending = self.line.take();
            self.ready.extend(pending);
            self.records.clear();
            if is && !self.ready.is_empty() {
                self.records.push_back(self.ready.len());
            }
        }
        if termios.iflag & IXON == 0 {
            self.stopped = false;
        }
    }

    /// Whether output is stopped.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Stops or restarts output.
    pub fn set_stopped(&mut self, stopped: bool) {
        self.stopped = stopped;
    }

    /// Forgets what was typed and not read.
    pub fn flush_input(&mut self) {
        self.ready.clear();
        self.records.clear();
        self.line.take();
        self.literal = false;
    }

    /// Whether more can be typed.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.ready.len() + self.line.len() < CAPACITY
    }

    fn is_canonical(&self) -> bool {
        self.termios.lflag & ICANON != 0
    }

    fn local(&self, flag: u32) -> bool {
        self.termios.lflag & flag != 0
    }

    fn input_flag(&self, flag: u32) -> bool {
        self.termios.iflag & flag != 0
    }

    /// Whether a byte is the control character at `index` (a zero there switches it off).
    fn is_key(&self, byte: u8, index: usize) -> bool {
        byte != 0 && self.termios.cc.get(index) == Some(&byte)
    }

    /// Takes a typed byte; what is to be shown is added to `screen`.
    pub fn input(&mut self, byte: u8, screen: &mut Vec<u8>) -> Effect {
        let byte = if self.input_flag(ISTRIP) { byte & 0x7f } else { byte };
        if core::mem::take(&mut self.literal) {
            return self.store(byte, screen);
        }
        if self.input_flag(IXON) {
            if self.is_key(byte, VSTART) {
                self.stopped = false;
                return Effect::default();
            }
            if self.is_key(byte, VSTOP) {
                self.stopped = true;
                return Effect::default();
            }
            if self.input_flag(IXANY) {
                self.stopped = false;
            }
        }
        if self.local(ISIG)
            && let Some(signal) = self.signal_of(byte)
        {
            return self.raise(byte, signal, screen);
        }
        let byte = match byte {
            b'\r' if self.input_flag(IGNCR) => return Effect::default(),
            b'\r' if self.input_flag(ICRNL) => b'\n',
            b'\n' if self.input_flag(INLCR) => b'\r',
            byte => byte,
        };
        if self.is_canonical()
            && let Some(effect) = self.edit(byte, screen)
        {
            return effect;
        }
        self.store(byte, screen)
    }

    fn signal_of(&self, byte: u8) -> Option<Signal> {
        [(VINTR, Signal::INT), (VQUIT, Signal::QUIT), (VSUSP, Signal::TSTP)]
            .into_iter()
            .find(|(index, _)| self.is_key(byte, *index))
            .map(|(_, signal)| signal)
    }

    fn raise(&mut self, byte: u8, signal: Signal, screen: &mut Vec<u8>) -> Effect {
        if !self.local(NOFLSH) {
            self.flush_input();
        }
        if self.input_flag(IXON) {
            self.stopped = false;
        }
        if self.local(ECHO) {
            self.echo(byte, screen);
        }
        Effect {
            signal: Some(signal),
            readable: false,
        }
    }

    /// The keys that edit a line; nothing for a byte that goes into it.
    fn edit(&mut self, byte: u8, screen: &mut Vec<u8>) -> Option<Effect> {
        let extended = self.local(IEXTEN);
        if self.is_key(byte, VERASE) || self.is_key(byte, VKILL) || (extended && self.is_key(byte, VWERASE)) {
            self.erase(byte, screen);
            return Some(Effect::default());
        }
        if extended && self.is_key(byte, VLNEXT) {
            self.literal = true;
            if self.local(ECHO) && self.local(ECHOCTL) {
                self.output(b"^\x08", screen);
            }
            return Some(Effect::default());
        }
        if extended && self.local(ECHO) && self.is_key(byte, VREPRINT) {
            self.echo(byte, screen);
            self.output(b"\n", screen);
            let line = self.line.bytes().to_vec();
            line.into_iter().for_each(|byte| self.echo(byte, screen));
            return Some(Effect::default());
        }
        if byte == b'\n' {
            if self.local(ECHO) || self.local(ECHONL) {
                self.output(b"\n", screen);
            }
            return Some(self.complete(Some(byte)));
        }
        if self.is_key(byte, VEOF) {
            return Some(self.complete(None));
        }
        if self.is_key(byte, VEOL) || (extended && self.is_key(byte, VEOL2)) {
            if self.local(ECHO) {
                self.echo(byte, screen);
            }
            return Some(self.complete(Some(byte)));
        }
        None
    }

    fn erase(&mut self, key: u8, screen: &mut Vec<u8>) {
        let whole = self.is_key(key, VKILL);
        let word = self.is_key(key, VWERASE);
        let shown = self.line.erase(&self.termios, key, whole, word, self.column);
        self.output_raw(&shown, screen);
    }

    /// Ends the line, with the byte that did.
    fn complete(&mut self, byte: Option<u8>) -> Effect {
        let mut line = self.line.take();
        line.extend(byte);
        self.records.push_back(line.len());
        self.ready.extend(line);
        Effect {
            signal: None,
            readable: true,
        }
    }

    /// Puts a byte into the line, or to the bytes to be read.
    fn store(&mut self, byte: u8, screen: &mut Vec<u8>) -> Effect {
        // The last place is for the byte that ends the line.
        if self.ready.len() + self.line.len() + 1 >= CAPACITY {
            if self.input_flag(abi::ioctl::IMAXBEL) {
                screen.push(7);
            }
            return Effect::default();
        }
        let canonical = self.is_canonical();
        if self.line.is_empty() {
            self.line.begin(self.column);
        }
        if self.local(ECHO) {
            if byte == b'\n' {
                self.output(b"\n", screen);
            } else {
                self.echo(byte, screen);
            }
        }
        if canonical {
            self.line.push(byte);
        } else {
            self.ready.push_back(byte);
        }
        Effect {
            signal: None,
            readable: !canonical,
        }
    }

    /// Shows a typed byte: control characters as `^X`, if so set.
    fn echo(&mut self, byte: u8, screen: &mut Vec<u8>) {
        let control = byte < b' ' || byte == 0x7f;
        if self.local(ECHOCTL) && control && byte != b'\t' {
            self.output_raw(&[b'^', byte ^ 0x40], screen);
        } else {
            self.output(&[byte], screen);
        }
    }

    /// Prepares written bytes for the screen.
    pub fn output(&mut self, bytes: &[u8], screen: &mut Vec<u8>) {
        if self.termios.oflag & OPOST == 0 {
            return self.output_raw(bytes, screen);
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
                screen.push(b'\n');
            }
            b'\r' if flags & ONOCR != 0 && self.column == 0 => {}
            b'\r' if flags & OCRNL != 0 => {
                if flags & ONLRET != 0 {
                    self.column = 0;
                }
                screen.push(b'\n');
            }
            b'\r' => {
                self.column = 0;
                screen.push(b'\r');
            }
            b'\t' => {
                let width = 8 - self.column % 8;
                self.column += width;
                if flags & TABS == TABS {
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
                if byte >= b' ' && byte != 0x7f && byte & 0xc0 != 0x80 {
                    self.column += 1;
                }
                screen.push(byte);
            }
        }
    }

    /// Bytes that go to the screen as they are; the column follows.
    fn output_raw(&mut self, bytes: &[u8], screen: &mut Vec<u8>) {
        for &byte in bytes {
            match byte {
                8 => self.column = self.column.saturating_sub(1),
                b'\r' | b'\n' => self.column = 0,
                byte if byte >= b' ' && byte & 0xc0 != 0x80 => self.column += 1,
                _ => {}
            }
        }
        screen.extend_from_slice(bytes);
    }

    fn setting(&self, index: usize) -> usize {
        self.termios.cc.get(index).map_or(0, |value| usize::from(*value))
    }

    /// How many bytes a read of `want` bytes can have now; nothing means that it has to wait. `patient` is false for a read that
    /// does not wait for more than there is.
    #[must_use]
    pub fn available(&self, want: usize, patient: bool) -> Option<usize> {
        if self.is_canonical() {
            return Some((*self.records.front()?).min(want));
        }
        let (least, has_timer) = (self.setting(VMIN), self.setting(VTIME) > 0);
        let needed = match (least, has_timer) {
            (0, false) => 0,
            (0, true) | (_, true) => 1,
            (least, false) if patient => least.min(want),
            _ => 1,
        };
        (self.ready.len() >= needed).then(|| self.ready.len().min(want))
    }

    /// Whether `poll` says that there is something to read.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        if self.is_canonical() {
            return !self.records.is_empty();
        }
        let least = if self.setting(VTIME) == 0 {
            self.setting(VMIN)
        } else {
            1
        };
        self.ready.len() >= least.max(1)
    }

    /// How long a read waits at most, in nanoseconds, where `VTIME` says so.
    #[must_use]
    pub fn read_timeout(&self) -> Option<u64> {
        let time = self.setting(VTIME) as u64;
        (!self.is_canonical() && self.setting(VMIN) == 0 && time > 0).then_some(time * 100_000_000)
    }

    /// Bytes that wait to be read (`FIONREAD`).
    #[must_use]
    pub fn pending(&self) -> usize {
        self.ready.len()
    }

    /// Takes bytes that [`Discipline::available`] promised: of one line only, in canonical mode. Says whether that line goes on.
    pub fn take(&mut self, into: &mut [u8]) -> (usize, bool) {
        let mut len = into.len().min(self.ready.len());
        let mut goes_on = false;
        if self.is_canonical()
            && let Some(record) = self.records.front_mut()
        {
            len = len.min(*record);
            *record -= len;
            goes_on = *record > 0;
            if !goes_on {
                self.records.pop_front();
            }
        }
        for (to, from) in into.iter_mut().zip(self.ready.drain(..len)) {
            *to = from;
        }
        (len, goes_on)
    }
}
