//! Frames: parts of pages, and what the card is to do or has done.

use alloc::vec::{self, Vec};
use core::{iter, option, slice};
use frames::Page;

/// Parts of a frame that every card takes: 64 KiB in pages, wherever it begins, with a part for the headers.
pub const MOST_PARTS: usize = 18;

/// Bytes of an Ethernet header.
pub const ETHERNET: u32 = 14;

/// A part of a frame.
#[derive(Debug)]
pub struct Part {
    /// The page that it lies in.
    pub page: Page,
    /// Where in the page.
    pub offset: u32,
    /// How many bytes.
    pub len: u32,
}

impl Part {
    /// A part of a page, as far as it lies in it.
    #[must_use]
    pub fn new(page: Page, offset: u32, len: u32) -> Self {
        let offset = offset.min(4096);
        Self {
            page,
            offset,
            len: len.min(4096 - offset),
        }
    }
}

/// The parts of a frame, in order. The first needs no memory besides the frame's own, and most frames have no other.
#[derive(Debug, Default)]
pub struct Parts {
    first: Option<Part>,
    rest: Vec<Part>,
}

impl Parts {
    /// Adds one at the end.
    #[inline]
    pub fn push(&mut self, part: Part) {
        if self.first.is_none() {
            self.first = Some(part);
        } else {
            self.rest.push(part);
        }
    }

    /// How many there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The first.
    #[must_use]
    #[inline]
    pub fn first(&self) -> Option<&Part> {
        self.first.as_ref()
    }

    /// The last.
    #[must_use]
    #[inline]
    pub fn last_mut(&mut self) -> Option<&mut Part> {
        self.rest.last_mut().or(self.first.as_mut())
    }

    /// One after the other.
    #[inline]
    pub fn iter(&self) -> iter::Chain<option::Iter<'_, Part>, slice::Iter<'_, Part>> {
        self.first.iter().chain(&self.rest)
    }
}

impl<'a> IntoIterator for &'a Parts {
    type Item = &'a Part;
    type IntoIter = iter::Chain<option::Iter<'a, Part>, slice::Iter<'a, Part>>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Parts {
    type Item = Part;
    type IntoIter = iter::Chain<option::IntoIter<Part>, vec::IntoIter<Part>>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut all = Self::default();
        parts.into_iter().for_each(|part| all.push(part));
        all
    }
}

/// What is known of a frame's checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// Nothing: it is in the frame, to be looked at.
    #[default]
    Unknown,
    /// It was right.
    Valid,
    /// It is that of the pseudo header only, and covers the frame from `start` on; it lies `offset` bytes behind that. The card completes it on the way out. What
    /// came like this came from this very host, and is right.
    Partial {
        /// Where what it covers begins.
        start: u16,
        /// Where it lies from there on.
        offset: u16,
    },
}

/// What a large packet is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP over IPv4.
    Tcp4 = 0,
    /// TCP over IPv6.
    Tcp6 = 1,
    /// UDP.
    Udp = 2,
}

/// How a large packet is cut, or was put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segmentation {
    /// What it is.
    pub kind: Kind,
    /// Bytes of payload in each piece.
    pub size: u16,
    /// Bytes of headers that each piece gets.
    pub headers: u16,
    /// Whether it says that there was congestion on the way.
    pub congested: bool,
}

/// A frame, from its Ethernet header on.
#[derive(Debug, Default)]
pub struct Frame {
    /// Its bytes.
    pub parts: Parts,
    /// Its checksum.
    pub checksum: Checksum,
    /// If it is a large packet.
    pub segmentation: Option<Segmentation>,
}

impl Frame {
    /// One with these bytes; nothing if there is no memory for it.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Option<Self> {
        let mut frame = Self::default();
        for piece in bytes.chunks(4096) {
            let page = Page::zeroed_for_kernel().ok()?;
            page.write(0, piece);
            frame.parts.push(Part::new(page, 0, piece.len() as u32));
        }
        Some(frame)
    }

    /// Bytes of it.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.len))
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies the bytes from an offset on to the end of a vector; whether there was memory for them.
    #[must_use]
    pub fn append_to(&self, offset: u32, into: &mut Vec<u8>) -> bool {
        let (mut parts, mut skip) = (self.parts.iter(), offset);
        parts.all(|part| {
            let skipped = skip.min(part.len);
            skip -= skipped;
            let (offset, len) = (part.offset + skipped, part.len - skipped);
            frames::append::from_page(into, &part.page, offset as usize, len as usize)
        })
    }

    /// Copies bytes from an offset on; how many there were.
    pub fn read(&self, offset: u32, into: &mut [u8]) -> usize {
        let (mut skip, mut done) = (offset as usize, 0);
        for part in &self.parts {
            let len = part.len as usize;
            if skip >= len {
                skip -= len;
                continue;
            }
            let piece = (len - skip).min(into.len() - done);
            part.page
                .read(part.offset as usize + skip, &mut into[done..done + piece]);
            (skip, done) = (0, done + piece);
            if done == into.len() {
                break;
            }
        }
        done
    }
}
