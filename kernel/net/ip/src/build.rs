//! Frames in the making.
//!
//! Headers and short pieces are copied, one behind the other, into a page of the frame's own. Long pieces that lie in large objects of the kernel's heap, as what a stream has to send does, become parts of
//! the frame where they are: the frame holds the pages that they lie in, so that a card reads what was there even if the stream has let go of it
//! (`docs/decisions/0023-large-objects-are-lent.md`).

use crate::output::Way;
use crate::transport::Outgoing;
use abi::{Errno, Error, Result};
use frames::Page;
use link::{Frame, MOST_PARTS, Part};
use packet::ethernet::{self, IPV4, IPV6, Mac};

const NO_MEMORY: Error = Error::new(Errno::ENOBUFS, "no memory for a frame");
const PAGE: usize = 4096;
/// Bytes that are rather copied than lent.
const WORTH_LENDING: usize = 1024;

/// Writes into a frame whom it is for.
pub(crate) fn address_to(frame: &Frame, to: Mac) {
    if let Some(first) = frame.parts.first() {
        first.page.write(first.offset as usize, &to);
    }
}

/// A frame made of pieces.
pub(crate) fn frame_of(pieces: &[&[u8]]) -> Option<Frame> {
    let mut builder = Builder::default();
    pieces.iter().try_for_each(|piece| builder.add(piece)).ok()?;
    Some(builder.frame)
}

/// A frame in the making.
#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) frame: Frame,
    /// The last part is somebody else's, and nothing is written behind it.
    is_lent: bool,
}

impl Builder {
    /// Begins with the Ethernet header.
    pub(crate) fn begin(way: &Way, packet: &Outgoing<'_>) -> Result<Self> {
        let mut builder = Self::default();
        let header = ethernet::Header {
            to: way.to.unwrap_or_default(),
            from: way.from,
            kind: if packet.destination.is_ipv4() { IPV4 } else { IPV6 },
        };
        builder.add(&header.to_bytes())?;
        Ok(builder)
    }

    #[inline]
    pub(crate) fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let rest = match self.frame.parts.last_mut() {
            Some(last) if !self.is_lent => append(last, bytes),
            _ => bytes,
        };
        if rest.is_empty() { Ok(()) } else { self.add_pages(rest) }
    }

    /// Adds bytes of the kernel's own without copying them where there are many of them, and the frame does not come to be in too many parts with the `left` bytes that are to follow.
    pub(crate) fn lend(&mut self, bytes: &[u8], left: usize) -> Result<()> {
        let pages = (bytes.as_ptr().addr() % PAGE + bytes.len()).div_ceil(PAGE) + left.div_ceil(PAGE);
        if bytes.len() < WORTH_LENDING || self.frame.parts.len() + pages > MOST_PARTS {
            return self.add(bytes);
        }
        let mut rest = bytes;
        while let Some((page, offset, len)) = Page::of_heap(rest) {
            self.frame.parts.push(Part::new(page, offset as u32, len as u32));
            self.is_lent = true;
            rest = &rest[len..];
            if rest.is_empty() {
                return Ok(());
            }
        }
        self.add(rest)
    }

    fn add_pages(&mut self, bytes: &[u8]) -> Result<()> {
        for bytes in bytes.chunks(PAGE) {
            // What is not written of it does not go.
            let page = Page::unset_for_kernel().map_err(|_| NO_MEMORY)?;
            let mut part = Part::new(page, 0, 0);
            append(&mut part, bytes);
            self.frame.parts.push(part);
            self.is_lent = false;
        }
        Ok(())
    }
}

/// Adds bytes to a page of a frame in the making; what found no room.
#[inline]
fn append<'a>(part: &mut Part, bytes: &'a [u8]) -> &'a [u8] {
    let used = part.len as usize;
    let (now, later) = bytes.split_at(bytes.len().min(PAGE - used));
    part.page.write(used, now);
    part.len += now.len() as u32;
    later
}
