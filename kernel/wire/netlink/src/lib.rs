//! Messages of netlink (`netlink(7)`, RFC 3549), as checked views and as builders.
//!
//! A datagram is a row of messages, a message a header of 16 bytes, a body of fixed length and attributes. Everything is aligned to 4 bytes and in the machine's byte order.
//! What a program sends is looked at through [`messages`] and [`attributes`], which stop at the first thing that does not fit; [`Builder`] makes what it gets.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

/// Bytes of a message's header.
pub const HEADER: usize = 16;

/// Flags of messages (`NLM_F_*`).
pub mod flag {
    /// It asks for something.
    pub const REQUEST: u16 = 1;
    /// It is one of several.
    pub const MULTI: u16 = 2;
    /// It asks to be told that all went well.
    pub const ACK: u16 = 4;
    /// What it gives is what a request asked to change (for requests: everything).
    pub const ROOT: u16 = 0x100;
    /// It asks for all that match.
    pub const MATCH: u16 = 0x200;
    /// It asks for a list.
    pub const DUMP: u16 = ROOT | MATCH;
    /// What is there may be replaced.
    pub const REPLACE: u16 = 0x100;
    /// What is there must not be touched.
    pub const EXCLUSIVE: u16 = 0x200;
    /// What is not there may be made.
    pub const CREATE: u16 = 0x400;
    /// It comes behind what is there.
    pub const APPEND: u16 = 0x800;
    /// In an answer that something went wrong: the message that it is about is not there whole.
    pub const CAPPED: u16 = 0x100;
}

/// Kinds of messages that every protocol has.
pub mod kind {
    /// How a request came out.
    pub const ERROR: u16 = 2;
    /// The end of a list.
    pub const DONE: u16 = 3;
    /// The first that is a protocol's own.
    pub const FIRST_OWN: u16 = 16;
}

/// The next multiple of 4.
#[must_use]
pub const fn align(len: usize) -> usize {
    len.wrapping_add(3) & !3
}

/// A message's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: u16,
    /// `NLM_F_*`.
    pub flags: u16,
    /// Which of its sender's messages, or of the one that it answers.
    pub sequence: u32,
    /// The sender's port, or its of the one that it answers.
    pub port: u32,
}

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    /// All of its bytes, the header's first.
    pub whole: &'a [u8],
}

impl<'a> Message<'a> {
    /// What is behind the header.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        self.whole.get(HEADER..).unwrap_or_default()
    }

    /// What is behind a body of fixed length.
    #[must_use]
    pub fn attributes(&self, fixed: usize) -> Attributes<'a> {
        attributes(self.body().get(align(fixed)..).unwrap_or_default())
    }
}

/// A number of 2 bytes at an offset; 0 behind the end.
#[must_use]
pub fn word16(bytes: &[u8], at: usize) -> u16 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u16::from_ne_bytes(*bytes))
}

/// A number of 4 bytes at an offset; 0 behind the end.
#[must_use]
pub fn word32(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

/// A number of 8 bytes at an offset; 0 behind the end.
#[must_use]
pub fn word64(bytes: &[u8], at: usize) -> u64 {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

/// The messages of a datagram.
#[must_use]
pub fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages(datagram)
}

/// See [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let len = word32(self.0, 0) as usize;
        let whole = self.0.get(..len).filter(|whole| whole.len() >= HEADER)?;
        self.0 = self.0.get(align(len)..).unwrap_or_default();
        let header = Header {
            kind: word16(whole, 4),
            flags: word16(whole, 6),
            sequence: word32(whole, 8),
            port: word32(whole, 12),
        };
        Some(Message { header, whole })
    }
}

/// An attribute: its kind, without the bits that say how it is written, and its value.
pub type Attribute<'a> = (u16, &'a [u8]);

/// The attributes in some bytes.
#[must_use]
pub fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes(bytes)
}

/// See [`attributes`].
#[derive(Clone, Debug)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        const KIND: u16 = 0x3fff;
        let len = usize::from(word16(self.0, 0));
        let whole = self.0.get(..len)?;
        let value = whole.get(4..)?;
        let kind = word16(whole, 2) & KIND;
        self.0 = self.0.get(align(len)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Makes messages, one behind the other. Its parts are called from many places, none of them hot, and stay functions.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    bytes: Vec<u8>,
    /// Where the last one begins.
    start: usize,
}

impl Builder {
    /// Begins a message; its length is right from here on, whatever is added.
    #[inline(never)]
    pub fn message(&mut self, header: Header, body: &[u8]) {
        self.start = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.bytes.extend(header.kind.to_ne_bytes());
        self.bytes.extend(header.flags.to_ne_bytes());
        self.bytes.extend(header.sequence.to_ne_bytes());
        self.bytes.extend(header.port.to_ne_bytes());
        self.put(body);
    }

    /// Adds an attribute to the last message.
    #[inline(never)]
    pub fn attribute(&mut self, kind: u16, value: &[u8]) {
        let len = value.len().saturating_add(4) as u16;
        self.bytes.extend(len.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.put(value);
    }

    /// Adds an attribute that is a number.
    #[inline(never)]
    pub fn number(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// Adds an attribute that is text, with a zero behind it.
    #[inline(never)]
    pub fn text(&mut self, kind: u16, value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes);
    }

    #[inline(never)]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(align(self.bytes.len()), 0);
        let len = self.bytes.len() - self.start;
        if let Some(place) = self.bytes.get_mut(self.start..self.start + 4) {
            place.copy_from_slice(&(len as u32).to_ne_bytes());
        }
    }

    /// Bytes so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The messages.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        self.start = 0;
        core::mem::take(&mut self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_built_is_found_again(
            all in proptest::collection::vec(
                (any::<[u16; 2]>(), any::<[u32; 2]>(), proptest::collection::vec((0u16..0x4000, proptest::collection::vec(any::<u8>(), 0..40)), 0..5)),
                0..5,
            ),
        ) {
            let mut builder = Builder::default();
            for ([kind, flags], [sequence, port], list) in &all {
                builder.message(Header { kind: *kind, flags: *flags, sequence: *sequence, port: *port }, &[9; 6]);
                list.iter().for_each(|(kind, value)| builder.attribute(*kind, value));
            }
            let bytes = builder.take();
            let found: Vec<_> = messages(&bytes).collect();
            prop_assert_eq!(found.len(), all.len());
            for (message, ([kind, ..], [sequence, _], list)) in found.iter().zip(&all) {
                prop_assert_eq!((message.header.kind, message.header.sequence), (*kind, *sequence));
                let attributes: Vec<_> = message.attributes(6).map(|(kind, value)| (kind, value.to_vec())).collect();
                prop_assert_eq!(&attributes, list);
            }
        }

        #[test]
        fn whatever_bytes_come_views_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let count: usize = messages(&bytes).map(|message| message.attributes(0).count()).sum();
            prop_assert!(count <= 50);
            prop_assert!(attributes(&bytes).count() <= 50);
        }
    }
}
