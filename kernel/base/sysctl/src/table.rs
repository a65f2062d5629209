//! The text of all settings, read when it is compiled (where numbers are, and what they are at first) and when a file is looked at.

use crate::rows::TEXT;
use core::sync::atomic::AtomicI32;

/// A line whose numbers stand in the array: the place of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting(pub(crate) u16);

/// How many lines there are.
pub const LINES: usize = count_lines();
/// How many numbers all of them have; a line of interfaces has three.
pub(crate) const NUMBERS: usize = scan(b"").0;
const OF_INTERFACES: usize = 3;

/// A line, taken apart.
pub(crate) struct Row {
    pub(crate) path: &'static [u8],
    /// `=`, `!`, or the least number; nothing for a list.
    pub(crate) kind: &'static [u8],
    /// What stands behind that.
    pub(crate) rest: &'static [u8],
}

const fn count_lines() -> usize {
    let (text, mut at, mut count) = (TEXT, 0, 0);
    while at < text.len() {
        count += (text[at] == b'\n') as usize;
        at += 1;
    }
    count
}

/// How many numbers all lines before the one of a path have, and which it is; all lines for a path that is not there.
const fn scan(path: &[u8]) -> (usize, usize) {
    let text = TEXT;
    let (mut at, mut numbers, mut line) = (0, 0, 0);
    while at < text.len() {
        let (mut len, mut same, mut has_star) = (0, true, false);
        while text[at + len] != b' ' && text[at + len] != b'\n' {
            same = same && len < path.len() && text[at + len] == path[len];
            has_star = has_star || text[at + len] == b'*';
            len += 1;
        }
        if same && len == path.len() {
            return (numbers, line);
        }
        at += len;
        let has_numbers = text[at] == b' ' && text[at + 1] != b'=' && text[at + 1] != b'!';
        let mut words = 0;
        while text[at] != b'\n' {
            words += (text[at] == b' ') as usize;
            at += 1;
        }
        if has_numbers {
            numbers += if has_star { OF_INTERFACES } else { words - 2 };
        }
        (at, line) = (at + 1, line + 1);
    }
    (numbers, usize::MAX)
}

impl Setting {
    /// The setting of a path, which there must be.
    pub(crate) const fn named(path: &str) -> Self {
        let (place, line) = scan(path.as_bytes());
        assert!(line != usize::MAX, "no line has that path");
        Self(place as u16)
    }

    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
}

/// The numbers as they are at first.
pub(crate) const fn first_values() -> [AtomicI32; NUMBERS] {
    let mut values = [const { AtomicI32::new(0) }; NUMBERS];
    let (text, mut at, mut place) = (TEXT, 0, 0);
    while at < text.len() {
        let (mut has_star, mut word, mut count, mut number) = (false, 0, 0, 0);
        let is_number = {
            let mut end = at;
            while text[end] != b' ' && text[end] != b'\n' {
                has_star = has_star || text[end] == b'*';
                end += 1;
            }
            text[end] == b' ' && text[end + 1] != b'=' && text[end + 1] != b'!'
        };
        loop {
            let byte = text[at];
            at += 1;
            if byte == b' ' || byte == b'\n' {
                if word > 2 && is_number {
                    values[place + count] = AtomicI32::new(number);
                    count += 1;
                }
                (word, number) = (word + 1, 0);
            } else if word > 2 && is_number {
                number = number * 10 + (byte - b'0') as i32;
                // What stands last counts for who has no number.
                let mut rest = count + 1;
                while has_star && rest < OF_INTERFACES {
                    values[place + rest] = AtomicI32::new(number);
                    rest += 1;
                }
            }
            if byte == b'\n' {
                break;
            }
        }
        place += if is_number && has_star { OF_INTERFACES } else { count };
    }
    values
}

/// The path of a line, below `/proc/sys/net`.
#[must_use]
pub fn path(line: usize) -> &'static [u8] {
    row(line).map_or(&[], |row| row.path)
}

/// A line, taken apart.
#[inline(never)]
pub(crate) fn row(line: usize) -> Option<Row> {
    let text = TEXT.split(|byte| *byte == b'\n').nth(line)?;
    let mut words = words(text);
    let path = words.next()?;
    let kind = words.next().unwrap_or_default();
    let rest = text.get(path.len() + kind.len() + 2..).unwrap_or_default();
    Some(Row { path, kind, rest })
}

/// The words of a text.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// A number as programs write it.
#[inline(never)]
pub(crate) fn number(word: &[u8]) -> Option<i32> {
    let (is_negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (base, digits) = match digits {
        [b'0', b'x', digits @ ..] => (16, digits),
        digits => (10, digits),
    };
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    let mut number = 0_i64;
    for digit in digits {
        number = number * i64::from(base) + i64::from(char::from(*digit).to_digit(base)?);
    }
    i32::try_from(if is_negative { -number } else { number }).ok()
}

impl Row {
    /// Where its numbers are, if it has some.
    pub(crate) fn setting(&self) -> Option<Setting> {
        (!matches!(self.kind, b"=" | b"!" | b"")).then(|| Setting(scan(self.path).0 as u16))
    }

    /// Whether it is for interfaces.
    pub(crate) fn is_of_interfaces(&self) -> bool {
        self.path.contains(&b'*')
    }

    /// How many numbers it has.
    pub(crate) fn count(&self) -> usize {
        if self.is_of_interfaces() {
            OF_INTERFACES
        } else {
            words(self.rest).count() - 1
        }
    }

    /// The least and the most that a number may be.
    pub(crate) fn limits(&self) -> (i32, i32) {
        let most = words(self.rest).next().and_then(number);
        (number(self.kind).unwrap_or(0), most.unwrap_or(i32::MAX))
    }
}
