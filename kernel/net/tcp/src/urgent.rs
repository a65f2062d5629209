//! The byte that is out of band, as Linux has it: the last that a pointer points to, kept beside the stream or in it (`SO_OOBINLINE`).

use crate::connection::Connection;
use crate::{Segment, Seq};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;

/// What comes out of band.
#[derive(Clone, Copy, Default)]
pub(crate) struct Urgent {
    /// Its place in the stream, plus one; 0 for none.
    pub(crate) mark: u64,
    pub(crate) byte: Option<u8>,
    pub(crate) was_read: bool,
}

impl Connection {
    /// A segment says that something is urgent.
    pub(crate) fn on_urgent(&mut self, segment: &Segment<'_>) {
        if segment.urgent == 0 {
            return;
        }
        // As Linux has it, the pointer points behind the byte that is urgent.
        let Some(mark) = self.offset(segment.seq + u32::from(segment.urgent)) else {
            return;
        };
        if mark > self.urgent.mark && mark > self.read_offset() {
            self.urgent = Urgent {
                mark,
                byte: None,
                was_read: false,
            };
            self.find_urgent(segment.seq, segment.payload);
        }
    }

    /// Keeps the byte that is urgent, if it is among these.
    pub(crate) fn find_urgent(&mut self, start: Seq, bytes: &[u8]) {
        if self.urgent.mark == 0 || self.urgent.byte.is_some() || self.urgent.was_read {
            return;
        }
        if let Some(offset) = self.offset(start)
            && let Some(at) = (self.urgent.mark - 1).checked_sub(offset)
            && let Some(byte) = bytes.get(at as usize)
        {
            self.urgent.byte = Some(*byte);
        }
    }

    /// Whether something is urgent that nobody has read.
    #[must_use]
    pub const fn has_urgent(&self) -> bool {
        self.urgent.byte.is_some() && !self.urgent.was_read && self.urgent.mark > self.read_offset()
    }

    /// The place in the stream behind the last that was said to be urgent; 0 while nothing was.
    #[must_use]
    pub const fn urgent_mark(&self) -> u64 {
        self.urgent.mark
    }

    /// Whether the next byte was urgent and is left out of the stream.
    const fn leaves_out_next(&self) -> bool {
        self.is_at_mark() && !self.settings.urgent_inline && self.readable() > 0
    }

    /// Bytes that who reads finds, whether at once or one call after the other.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.readable() - usize::from(self.leaves_out_next())
    }

    /// Bytes before what is urgent, as `FIONREAD` tells them.
    #[must_use]
    pub fn before_urgent(&self) -> usize {
        if self.urgent.mark == 0 || self.settings.urgent_inline {
            return self.readable();
        }
        match (self.urgent.mark - 1).checked_sub(self.read_offset()) {
            Some(before) => self.readable().min(before as usize),
            None => self.readable(),
        }
    }

    /// Whether what was urgent is next.
    #[must_use]
    pub const fn is_at_mark(&self) -> bool {
        self.urgent.mark > 0 && self.urgent.mark - 1 == self.read_offset()
    }

    /// The byte that is urgent; nothing if the stream has ended without.
    ///
    /// # Errors
    /// `EINVAL` if there is none, `EAGAIN` if it has not come yet.
    pub fn take_urgent(&mut self, stays: bool) -> Result<Option<u8>> {
        let has_ended = self.has_ended();
        let urgent = &mut self.urgent;
        if self.settings.urgent_inline || urgent.mark == 0 || urgent.was_read {
            return Err(Error::new(Errno::EINVAL, "nothing comes out of band"));
        }
        match urgent.byte {
            Some(byte) => {
                urgent.was_read = !stays;
                Ok(Some(byte))
            }
            None if has_ended => Ok(None),
            None => Err(Errno::EAGAIN.into()),
        }
    }

    /// A piece of what waits to be read, and where its bytes begin in it; what is not needed of it is given back. It ends before what is urgent, which is left out.
    pub fn take(&mut self) -> Option<(Vec<u8>, usize)> {
        if self.urgent.mark == 0 {
            return self.queue.take();
        }
        if self.leaves_out_next() {
            self.queue.consume(1);
        }
        let before = (self.urgent.mark - 1).checked_sub(self.read_offset());
        let (mut piece, gone) = self.queue.take()?;
        if let Some(before) = before.map(|before| before as usize)
            && before > 0
            && gone + before < piece.len()
        {
            let rest = piece.split_off(gone + before);
            self.queue.give_back(rest, 0);
        }
        Some((piece, gone))
    }
}
