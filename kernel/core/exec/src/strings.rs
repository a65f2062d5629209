//! Arguments and environments: many strings, which together may be longer than the kernel's longest piece of memory.
//!
//! They lie one behind the other in pieces, each with its zero, as the program is going to find them.

use abi::{Errno, Error, Result};
use alloc::vec::Vec;

/// A piece takes no further string once it is so long.
const PIECE: usize = 64 << 10;

/// Strings in their order.
#[derive(Clone, Debug, Default)]
pub struct Strings {
    pieces: Vec<Vec<u8>>,
    count: usize,
    bytes: usize,
}

impl Strings {
    /// Adds a string, which has no zeros in it.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn push(&mut self, text: &[u8]) -> Result<()> {
        let full = self.pieces.last().is_none_or(|piece| piece.len() >= PIECE);
        if full {
            self.pieces.push(Vec::new());
        }
        if let Some(piece) = self.pieces.last_mut() {
            let room = piece.try_reserve(text.len() + 1);
            room.map_err(|_| Error::new(Errno::ENOMEM, "no memory is left for the strings"))?;
            piece.extend_from_slice(text);
            piece.push(0);
        }
        self.count += 1;
        self.bytes += text.len() + 1;
        Ok(())
    }

    /// The strings, without their zeros.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let without_last = |piece: &Vec<u8>| piece.len().saturating_sub(1);
        self.pieces
            .iter()
            .flat_map(move |piece| piece[..without_last(piece)].split(|&byte| byte == 0))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes they have with their zeros.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes of all of them, each string with its zero.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(Vec::as_slice)
    }

    /// The strings of a list.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn of<T: AsRef<[u8]>>(list: &[T]) -> Result<Self> {
        let mut strings = Self::default();
        for text in list {
            strings.push(text.as_ref())?;
        }
        Ok(strings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_out_as_they_went_in() {
        let long = alloc::vec![b'x'; PIECE];
        let texts: [&[u8]; 7] = [b"a", b"", b"bc", &long, b"", b"d", b""];
        let strings = Strings::of(&texts).expect("there is memory");
        assert!(strings.iter().eq(texts));
        assert_eq!(strings.len(), texts.len());
        assert_eq!(strings.bytes(), strings.pieces().map(<[u8]>::len).sum::<usize>());
        assert_eq!(Strings::default().iter().count(), 0);
    }
}
