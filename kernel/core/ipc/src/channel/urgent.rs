//! The byte of a stream that is urgent, as Linux has it: the last of what was sent with `MSG_OOB`, kept beside the stream, or in it if the receiver asks for that (`SO_OOBINLINE`).
//!
//! Reading stops where it is; going on from there leaves it out. There is one at a time: a later one makes the earlier a byte like others, or, if the reader stands right before it, loses it.
//! Between local sockets that is not lost either, who reads it takes it out of the stream, and a socket where nothing else waits is readable all the same.
//!
//! It does not do: local sockets that stay readable, and count a byte, where one was read or left out, until the next call.

use super::stream::Stream;
use super::{Channel, Content};
use abi::{Errno, Error, Result};
use alloc::vec;
use lock::atomic::Ordering;
use usermem::{Sink, Source};

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
    /// It was taken out of the stream, which has not come past its place.
    Taken,
}

/// The urgent byte of a stream.
#[derive(Clone, Copy, Default)]
pub(super) struct Urgent {
    /// Its place among all that was ever sent.
    at: u64,
    byte: Byte,
    /// Whether it is read where it is.
    is_inline: bool,
    /// Whether the sockets are local ones.
    is_local: bool,
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
            Byte::Read | Byte::Taken => READ,
        }
    }

    /// Whether the stream stands right before it, and goes on behind it.
    pub(super) fn is_left_out_at(&self, first: u64) -> bool {
        !matches!(self.byte, Byte::None | Byte::Taken) && self.at == first && !self.is_inline
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

    /// The same as far as those see who only look.
    #[inline]
    pub(super) fn seen(&self) -> usize {
        if self.urgent.is_none() || self.urgent.is_local {
            self.ring.len()
        } else {
            self.waiting()
        }
    }

    /// Bytes that the next call finds, as far as `FIONREAD` tells.
    pub(super) fn before_urgent(&self) -> usize {
        match self.urgent {
            urgent if urgent.is_local => self.ring.len(),
            urgent if urgent.is_left_out_at(self.first) => 0,
            urgent if urgent.is_inline => self.ring.len(),
            urgent => self.ring.len().min(urgent.ahead_of(self.first)),
        }
    }

    /// The last byte is urgent.
    #[cold]
    #[inline(never)]
    pub(super) fn set_urgent(&mut self, is_local: bool) -> Result<()> {
        self.urgent.is_local = is_local;
        let last = self.ring.len().saturating_sub(1);
        let mut byte = [0];
        self.ring.peek_behind(last, &mut Sink::kernel(&mut byte), 1)?;
        let at = self.first + last as u64;
        // Who stands right before an earlier one never sees that.
        if last > 0 && !is_local {
            self.pass_urgent();
        }
        (self.urgent.at, self.urgent.byte) = (at, Byte::Unread(byte[0]));
        Ok(())
    }

    /// Goes past the byte that is left out, if the stream stands right before it.
    pub(super) fn pass_urgent(&mut self) {
        if self.urgent.byte == Byte::Taken && self.urgent.at == self.first {
            self.urgent.byte = Byte::None;
        }
        if self.urgent.is_left_out_at(self.first) && !self.ring.is_empty() {
            self.ring.discard(1);
            self.first += 1;
            self.urgent.byte = Byte::None;
        }
    }
}

impl Stream {
    /// Takes the urgent byte out of the stream: what comes behind it moves up.
    fn take_out(&mut self) -> Result<()> {
        let at = self.urgent.at;
        let ahead = (at - self.first) as usize;
        let mut bytes = vec![0; self.ring.len()];
        self.ring.drain(&mut Sink::kernel(&mut bytes), usize::MAX)?;
        bytes.remove(ahead);
        self.ring.fill(&mut Source::kernel(&bytes))?;
        for mark in &mut self.marks {
            mark.start -= u64::from(mark.start > at);
            mark.end -= u64::from(mark.end > at);
        }
        self.urgent.byte = Byte::Taken;
        Ok(())
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
                if !stays && stream.urgent.is_local {
                    stream.take_out()?;
                    self.len.store(stream.seen(), Ordering::Relaxed);
                    self.urgent.store(READ, Ordering::Relaxed);
                } else if !stays {
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
            Content::Messages(_) => false,
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
            self.len.store(stream.seen(), Ordering::Relaxed);
            self.urgent.store(stream.urgent.state(), Ordering::Relaxed);
        }
    }

    /// Says whether what is urgent is read where it is (`SO_OOBINLINE`).
    pub fn set_urgent_inline(&self, is_inline: bool) {
        if let Content::Bytes(stream) = &mut *self.content.lock() {
            stream.urgent.is_inline = is_inline;
            self.len.store(stream.seen(), Ordering::Relaxed);
        }
    }
}
