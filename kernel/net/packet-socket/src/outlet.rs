//! Places for frames that go (`PACKET_TX_RING`): a program fills them one after the other and says so, and whoever sends takes all that are to go.

use crate::ring::{Memory, Shape, Version, status};
use abi::{Errno, Error, Result};

/// The places.
pub(crate) struct Outlet {
    pub(crate) memory: Memory,
    shape: Shape,
    /// The place that goes next.
    next: usize,
    /// Bytes that have gone for a program that waits until it can send the rest.
    pub(crate) gone: usize,
}

impl Outlet {
    /// Places of that shape.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM`.
    pub(crate) fn new(shape: Shape) -> Result<Self> {
        if shape.version == Version::V3 && shape.more != [0; 3] {
            return Err(Error::new(Errno::EINVAL, "frames that go have places of one length"));
        }
        Ok(Self {
            memory: Memory::new(&shape)?,
            shape,
            next: 0,
            gone: 0,
        })
    }

    /// The word that says whose a place is, and where in the word.
    fn status_at(&self) -> (usize, u32) {
        let at = self.shape.place(self.next);
        match self.shape.version {
            Version::V3 => (at + 16, 32),
            _ => (at, 0),
        }
    }

    fn status(&self) -> u32 {
        let (at, shift) = self.status_at();
        (self.memory.word(at) >> shift) as u32
    }

    /// Whether the program may fill the next place.
    pub(crate) fn is_writable(&self) -> bool {
        self.status() == status::KERNELS
    }

    /// Most bytes that a place has room for.
    pub(crate) fn room(&self) -> usize {
        self.shape.frame - self.shape.version.header()
    }

    /// What is to go next, of so many bytes at most: where it lies and how long it is. `from` is where the program says that it lies, if it may say so: 0 for the frame, 1 for what is behind its header.
    pub(crate) fn next(&self, most: usize, from: Option<usize>) -> Option<Result<(usize, usize)>> {
        if self.status() != status::TO_SEND {
            return None;
        }
        let at = self.shape.place(self.next);
        let word = |offset: usize| {
            let mut bytes = [0; 4];
            self.memory.read(at + offset, &mut bytes);
            u32::from_ne_bytes(bytes)
        };
        let (len_at, offsets_at) = match self.shape.version {
            Version::V1 => (8, 16),
            Version::V2 => (4, 12),
            Version::V3 => (16, 24),
        };
        const WRONG: Error = Error::new(Errno::EINVAL, "the frame lies nowhere");
        if self.shape.version == Version::V3 && word(0) != 0 {
            return Some(Err(WRONG));
        }
        let len = word(len_at) as usize;
        if len > most {
            return Some(Err(Error::new(Errno::EMSGSIZE, "longer than the interface takes")));
        }
        let header = self.shape.version.header();
        let skip = match from {
            None => header,
            Some(which) => usize::from((word(offsets_at) >> (16 * which)) as u16),
        };
        if skip < header || skip + len > self.shape.frame {
            return Some(Err(WRONG));
        }
        Some(Ok((at + skip, len)))
    }

    /// The place that was to go next is the program's again, for that reason.
    pub(crate) fn give_back(&self, status: u32) {
        let (at, shift) = self.status_at();
        let others = self.memory.word(at) & !(u64::from(u32::MAX) << shift);
        self.memory.set_word(at, others | u64::from(status) << shift);
    }

    /// Goes on to the next place.
    pub(crate) fn step(&mut self) {
        self.next = (self.next + 1) % self.shape.count;
    }
}
