//! The byte of a stream that is urgent, as Linux has it: the last of what was sent with `MSG_OOB`, kept beside the stream, or in it if the receiver asks for that (`SO_OOBINLINE`).
//!
//! Reading stops where it is; going on from there leaves it out. There is one at a time: a later one makes the earlier a byte like others, or, if the reader stands right before it, loses it.

use super::{Channel, Content, Stream};
use abi::{Errno, Error, Result};
use lock::atomic::Ordering;
use usermem::Sink;

/// What those who only look know of it.
pub(super) const NONE: u8 = 0;
const UNREAD: u8 = 1;
const READ: u8 = 2;

/// What is known of it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Byte {
    #[default]
    None,
    Unread(u8),
    /// It was read, and the stream has not come past it.
    Read,
}

/// The urgent byte of a stream.
#[derive(Clone, Copy, Default)]
pub(super) struct Urgent {
    /// Its place among all that was ever sent.
    at: u64,
    byte: Byte,
    /// Whether it is read where it is.
    is_inline: bool,
}

impl Urgent {
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.byte == Byte::None
    }

    /// What those who only look are to know.
    pub(super) fn state(&self) -> u8 {
        match self.byte {
            Byte::None => NONE,
            Byte::Unread(_) => UNREAD,
            Byte::Read => READ,
        }
    }

    /// Whether the stream stands right before it, and goes on behind it.
    pub(super) fn is_left_out_at(&self, first: u64) -> bool {
        !self.is_none() && self.at == first && !self.is_inline
    }

    /// How far one may read that stands at a place before it.
    pub(super) fn ahead_of(&self, first: u64) -> usize {
        if self.is_none() || self.at <= first {
            usize::MAX
        } else {
            (self.at - first) as usize
        }
    }

    /// The stream has come to a place.
    pub(super) fn was_passed(&mut self, first: u64) {
        if first > self.at {
            self.byte = Byte::None;
        }
    }
}

impl Stream {
    /// Bytes that who reads finds, whether at once or one call after the other.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        if self.urgent.is_none() {
            return self.ring.len();
        }
        self.ring.len() - usize::from(self.urgent.is_left_out_at(self.first))
    }

    /// Bytes that the next call finds, as far as `FIONREAD` tells.
    pub(super) fn before_urgent(&self) -> usize {
        match self.urgent {
            urgent if urgent.is_left_out_at(self.first) => 0,
            urgent if urgent.is_inline => self.ring.len(),
            urgent => self.ring.len().min(urgent.ahead_of(self.first)),
        }
    }

    /// The last byte is urgent.
    #[cold]
    #[inline(never)]
    pub(super) fn set_urgent(&mut self) -> Result<()> {
        let last = self.ring.len().saturating_sub(1);
        let mut byte = [0];
        self.ring.peek_behind(last, &mut Sink::kernel(&mut byte), 1)?;
        let at = self.first + last as u64;
        // Who stands right before an earlier one never sees that.
        if last > 0 {
            self.pass_urgent();
        }
        (self.urgent.at, self.urgent.byte) = (at, Byte::Unread(byte[0]));
        Ok(())
    }

    /// Goes past the byte that is left out, if the stream stands right before it.
    pub(super) fn pass_urgent(&mut self) {
        if self.urgent.is_left_out_at(self.first) && self.ring.len() > 0 {
            self.ring.discard(1);
            self.first += 1;
            self.urgent.byte = Byte::None;
        }
    }
}

impl Channel {
    /// The byte that is urgent.
    ///
    /// # Errors
    /// `EINVAL` if there is none.
    pub fn take_urgent(&self, stays: bool) -> Result<u8> {
        const NONE: Error = Error::new(Errno::EINVAL, "nothing comes out of band");
        let mut content = self.content.lock();
        match &mut *content {
            Content::Bytes(stream) if !stream.urgent.is_inline => {
                let Byte::Unread(byte) = stream.urgent.byte else {
                    return Err(NONE);
                };
                if !stays {
                    stream.urgent.byte = Byte::Read;
                    self.urgent.store(READ, Ordering::Relaxed);
                }
                Ok(byte)
            }
            _ => Err(NONE),
        }
    }

    /// Whether what is or was urgent is next.
    pub fn is_at_urgent(&self) -> bool {
        match &*self.content.lock() {
            Content::Bytes(stream) => !stream.urgent.is_none() && stream.urgent.at == stream.first,
            Content::Messages(..) => false,
        }
    }

    /// Whether something urgent waits that nobody has read.
    #[inline]
    pub fn has_urgent(&self) -> bool {
        self.urgent.load(Ordering::Relaxed) == UNREAD
    }

    /// Who wants to read finds nothing but what is left out.
    #[cold]
    #[inline(never)]
    pub(super) fn pass_urgent(&self) {
        if let Content::Bytes(stream) = &mut *self.content.lock() {
            stream.pass_urgent();
            self.urgent.store(stream.urgent.state(), Ordering::Relaxed);
        }
    }

    /// Says whether what is urgent is read where it is (`SO_OOBINLINE`).
    pub fn set_urgent_inline(&self, is_inline: bool) {
        if let Content::Bytes(stream) = &mut *self.content.lock() {
            stream.urgent.is_inline = is_inline;
            self.len.store(stream.waiting(), Ordering::Relaxed);
        }
    }
}
