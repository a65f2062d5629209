//! The keys that edit the line being typed, and what the screen shows of that.

use super::{Discipline, is_control, is_word};
use abi::ioctl::{
    ECHO, ECHOCTL, ECHOE, ECHOK, ECHOKE, ECHONL, ECHOPRT, IEXTEN, PARMRK, VEOF, VEOL, VEOL2, VERASE, VKILL, VLNEXT,
    VREPRINT, VWERASE,
};

/// Takes one character off the screen.
const RUB_OUT: &[u8] = b"\x08 \x08";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Erase {
    Character,
    Word,
    Line,
}

impl Discipline {
    /// Does what a key does that edits the line; whether it was one, and whether a line is complete with it.
    pub(super) fn edit(&mut self, byte: u8) -> (bool, bool) {
        const USED: (bool, bool) = (true, false);
        const ENDED: (bool, bool) = (true, true);
        let extended = self.local(IEXTEN);
        if self.is_key(byte, VERASE) || self.is_key(byte, VKILL) || (extended && self.is_key(byte, VWERASE)) {
            self.erase(byte);
            return USED;
        }
        if extended && self.is_key(byte, VLNEXT) {
            self.literal = true;
            if self.local(ECHO) {
                self.finish_erasing();
                if self.local(ECHOCTL) {
                    self.echo_raw(b'^');
                    self.echo_raw(8);
                }
            }
            return USED;
        }
        if extended && self.local(ECHO) && self.is_key(byte, VREPRINT) {
            self.reprint(byte);
            return USED;
        }
        if byte == b'\n' {
            if self.local(ECHO) || self.local(ECHONL) {
                self.echo_raw(b'\n');
            }
            self.queue.end_line(Some(byte));
            return ENDED;
        }
        if self.is_key(byte, VEOF) {
            self.queue.end_line(None);
            return ENDED;
        }
        if self.is_key(byte, VEOL) || (extended && self.is_key(byte, VEOL2)) {
            if self.local(ECHO) {
                self.note_line_column();
                self.echo(byte);
            }
            if byte == 0xff && self.input_flag(PARMRK) {
                self.queue.push(byte);
            }
            self.queue.end_line(Some(byte));
            return ENDED;
        }
        (false, false)
    }

    /// The column in which a line begins, if this is its first byte.
    pub(super) fn note_line_column(&mut self) {
        if self.queue.line_len() == 0 {
            self.line_column = self.column;
        }
    }

    /// Closes what `ECHOPRT` has shown as erased.
    pub(super) fn finish_erasing(&mut self) {
        if core::mem::take(&mut self.erasing) {
            self.echo_raw(b'/');
        }
    }

    fn reprint(&mut self, key: u8) {
        self.finish_erasing();
        self.echo(key);
        self.echo_raw(b'\n');
        for at in 0..self.queue.line_len() {
            if let Some(byte) = self.queue.line_byte(at) {
                self.echo(byte);
            }
        }
    }

    fn erase(&mut self, key: u8) {
        if self.queue.line_len() == 0 {
            return;
        }
        let what = if self.is_key(key, VERASE) {
            Erase::Character
        } else if self.is_key(key, VWERASE) {
            Erase::Word
        } else {
            Erase::Line
        };
        if what == Erase::Line && !self.erases_line_by_line() {
            return;
        }
        let mut in_word = false;
        while let Some((byte, at)) = self.last_character() {
            if what == Erase::Word {
                if in_word && !is_word(byte) {
                    break;
                }
                in_word |= is_word(byte);
            }
            if self.local(ECHO) {
                self.show_erased(key, what, byte, at);
            }
            self.queue.cut_line(at);
            if what == Erase::Character {
                break;
            }
        }
        if self.queue.line_len() == 0 && self.local(ECHO) {
            self.finish_erasing();
        }
    }

    /// Whether a line is taken off the screen character by character; if it is not, it is forgotten here.
    fn erases_line_by_line(&mut self) -> bool {
        let set = [ECHOK, ECHOKE, ECHOE].iter().all(|flag| self.local(*flag));
        if self.local(ECHO) && set {
            return true;
        }
        self.queue.cut_line(0);
        if self.local(ECHO) {
            self.finish_erasing();
            self.echo(self.key(VKILL));
            if self.local(ECHOK) {
                self.echo_raw(b'\n');
            }
        }
        false
    }

    /// The last character of the line: its first byte, and where it begins. Nothing for bytes that only go on with a character.
    fn last_character(&self) -> Option<(u8, usize)> {
        let mut at = self.queue.line_len().checked_sub(1)?;
        let mut byte = self.queue.line_byte(at)?;
        while at > 0 && self.is_continuation(byte) {
            at -= 1;
            byte = self.queue.line_byte(at)?;
        }
        (!self.is_continuation(byte)).then_some((byte, at))
    }

    /// Shows that a character is erased, which is still in the line.
    fn show_erased(&mut self, key: u8, what: Erase, byte: u8, at: usize) {
        if self.local(ECHOPRT) {
            if !self.erasing {
                self.echo_raw(b'\\');
                self.erasing = true;
            }
            self.echo(byte);
            for further in at + 1..self.queue.line_len() {
                if let Some(byte) = self.queue.line_byte(further) {
                    self.echo_raw(byte);
                    self.column = self.column.saturating_sub(1);
                }
            }
        } else if what == Erase::Character && !self.local(ECHOE) {
            self.echo(key);
        } else if byte == b'\t' {
            self.erase_tab(at);
        } else {
            let shown = if is_control(byte) {
                2 * usize::from(self.local(ECHOCTL))
            } else {
                1
            };
            for byte in RUB_OUT.iter().cycle().take(shown * RUB_OUT.len()) {
                self.echo_raw(*byte);
            }
        }
    }

    /// Goes back by as many columns as a tab took: what lies before it, from the tab before or the start of the line on, says how many.
    fn erase_tab(&mut self, at: usize) {
        let mut columns = 0;
        let mut from_tab = false;
        for before in (0..at).rev() {
            match self.queue.line_byte(before) {
                Some(b'\t') => {
                    from_tab = true;
                    break;
                }
                Some(byte) if is_control(byte) => columns += 2 * usize::from(self.local(ECHOCTL)),
                Some(byte) if !self.is_continuation(byte) => columns += 1,
                _ => {}
            }
        }
        if !from_tab {
            columns += self.line_column;
        }
        let back = 8 - columns % 8;
        self.echo_bytes(&[8; 8][..back]);
        self.column = self.column.saturating_sub(back);
    }
}
