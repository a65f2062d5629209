//! Paths out of a program's memory.

use crate::{FAULT, read_string};
use abi::fcntl::PATH_MAX;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::ops::Deref;

/// Bytes of a path that needs no allocation.
const INLINE: usize = 64;

/// The text of a path. Short ones live where they are used.
#[derive(Clone, Debug)]
pub enum PathText {
    /// A short path: its length and bytes.
    Short(usize, [u8; INLINE]),
    /// A longer one.
    Long(Vec<u8>),
}

impl Deref for PathText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => bytes.get(..*len).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

/// Copies a path out of a program's memory.
///
/// # Errors
/// `EFAULT`, `ENAMETOOLONG`.
pub fn read_path(address: u64) -> Result<PathText> {
    // Never past the page that the first byte is in: what lies behind it need not be there.
    let want = INLINE.min(4096 - address as usize % 4096);
    let mut bytes = [0; INLINE];
    let got = hal::user::copy_in(bytes.get_mut(..want).unwrap_or_default(), address);
    if got == 0 {
        return Err(FAULT);
    }
    match first_zero(&bytes).filter(|end| *end < got) {
        Some(end) => Ok(PathText::Short(end, bytes)),
        None => Ok(PathText::Long(read_string(address, PATH_MAX, Errno::ENAMETOOLONG)?)),
    }
}

/// Where the first zero is. Eight bytes are looked at at once.
#[inline]
fn first_zero(bytes: &[u8; INLINE]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, _) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let zeros = word.wrapping_sub(ONES) & !word & HIGH;
        if zeros != 0 {
            return Some(at * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_its_bytes() {
        let mut bytes = [0; INLINE];
        bytes[..4].copy_from_slice(b"/dev");
        assert_eq!(&*PathText::Short(4, bytes), b"/dev");
        assert!(read_path(0x1000).is_err());
    }

    #[test]
    fn the_first_zero_is_found_wherever_it_is() {
        let mut bytes = [0xff; INLINE];
        assert_eq!(first_zero(&bytes), None);
        for at in (0..INLINE).rev() {
            bytes[at] = 0;
            assert_eq!(first_zero(&bytes), Some(at));
            bytes[at] = if at % 2 == 0 { 1 } else { 0x80 };
            assert_eq!(first_zero(&bytes), None);
        }
    }
}
