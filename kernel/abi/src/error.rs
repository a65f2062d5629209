//! The error that kernel code returns: a number for the program, and a sentence for the person who reads a trace.
//!
//! Nearly every function of the kernel returns one in a `Result`. It is kept to two words, so that such a result travels in registers: the sentence is a bare
//! pointer and a short length instead of a `&str`.

// UNSAFETY: the sentence is put together again from the pointer and the length that it was taken apart into.
#![expect(unsafe_code, reason = "a sentence is kept as a pointer and a short length")]

use crate::Errno;
use core::fmt;
use core::ptr::NonNull;

/// Why a request of a program was refused.
#[derive(Clone, Copy)]
pub struct Error {
    sentence: NonNull<u8>,
    length: u32,
    /// What the program gets.
    pub errno: Errno,
}

// SAFETY: the pointer leads to a constant.
unsafe impl Send for Error {}
// SAFETY: as above.
unsafe impl Sync for Error {}

/// What kernel code returns.
pub type Result<T, E = Error> = core::result::Result<T, E>;

impl Error {
    /// An error with its sentence: lower-case and specific.
    #[must_use]
    #[inline]
    pub const fn new(errno: Errno, why: &'static str) -> Self {
        // A reference is never null.
        let sentence = match NonNull::new(why.as_ptr().cast_mut()) {
            Some(sentence) => sentence,
            None => NonNull::dangling(),
        };
        Self {
            sentence,
            length: why.len() as u32,
            errno,
        }
    }

    /// The sentence; empty where the number says it all.
    #[must_use]
    pub fn why(&self) -> &'static str {
        let length = self.length as usize;
        // SAFETY: `new` took pointer and length from a `&'static str`, and nobody else makes the fields.
        let bytes = unsafe { core::slice::from_raw_parts(self.sentence.as_ptr(), length) };
        // SAFETY: as above: they were a string.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }
}

impl From<Errno> for Error {
    #[inline]
    fn from(errno: Errno) -> Self {
        Self::new(errno, "")
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.errno == other.errno
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.errno)?;
        if self.length == 0 {
            Ok(())
        } else {
            write!(f, " ({})", self.why())
        }
    }
}

const _: () = assert!(size_of::<Result<u64>>() == 16);
