//! Names in directories, and their hash.

use alloc::boxed::Box;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;

/// Bytes of a name that need no allocation of their own.
const INLINE: usize = 30;

/// One component of a path. Short ones live where they are used.
#[derive(Clone)]
pub enum Name {
    /// A short name: its length and bytes.
    Short(u8, [u8; INLINE]),
    /// A longer one.
    Long(Box<[u8]>),
}

impl Name {
    /// A name with those bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut inline = [0; INLINE];
        match inline.get_mut(..bytes.len()) {
            Some(to) => {
                to.copy_from_slice(bytes);
                Self::Short(bytes.len() as u8, inline)
            }
            None => Self::Long(bytes.into()),
        }
    }

    /// Its bytes.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

/// One step of the hash over a name (the walk hashes while it looks for the slash).
#[inline]
pub(crate) const fn hash_step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

/// Where a hash begins.
pub(crate) const HASH_START: u32 = 0x811c_9dc5;

/// The hash of a whole name.
pub(crate) fn hash(name: &[u8]) -> u32 {
    name.iter().fold(HASH_START, |hash, byte| hash_step(hash, *byte))
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}
