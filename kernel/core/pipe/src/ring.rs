//! A pipe's bytes: a ring of pages that are taken when they are needed.

use crate::packets::Packets;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use frames::Page;
use usermem::{Sink, Source};

const PAGE: usize = 4096;

/// Bytes in the order in which they came.
pub struct Ring {
    pages: Vec<Option<Page>>,
    start: usize,
    len: usize,
    /// Where packets end.
    pub(crate) packets: Packets,
}

impl Ring {
    /// An empty ring for so many pages.
    #[must_use]
    pub fn new(pages: usize) -> Self {
        let mut ring = Self {
            pages: Vec::new(),
            start: 0,
            len: 0,
            packets: Packets::default(),
        };
        ring.pages.resize(pages, None);
        ring
    }

    /// Whether there are no bytes.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many bytes it can hold.
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> usize {
        self.pages.len() * PAGE
    }

    /// How many bytes fit. As on Linux, a page that was read in part has room again when all of it was read.
    #[must_use]
    #[inline]
    pub fn room(&self) -> usize {
        (self.capacity() - self.len).saturating_sub(self.start % PAGE)
    }

    /// The page that holds a place in the ring, and where in it.
    #[inline]
    fn place(&self, offset: usize) -> (usize, usize) {
        let mut at = self.start + offset;
        if at >= self.capacity() {
            at -= self.capacity();
        }
        (at / PAGE, at % PAGE)
    }

    /// Takes bytes in, as many as there is room for. Mostly they lie in one page.
    ///
    /// # Errors
    /// `EFAULT`, `ENOMEM`, if nothing was taken.
    #[inline(always)]
    pub fn fill(&mut self, from: &mut Source<'_>) -> Result<usize> {
        let (index, within) = self.place(self.len);
        let wanted = from.left();
        if wanted > PAGE - within || wanted > self.room() {
            return self.fill_pages(from);
        }
        let taken = from.take_page(self.page(index)?, within, wanted)?;
        self.len += taken;
        Ok(taken)
    }

    #[inline(never)]
    fn fill_pages(&mut self, from: &mut Source<'_>) -> Result<usize> {
        let mut done = 0;
        while from.left() > 0 {
            let room = self.room();
            if room == 0 {
                break;
            }
            let (index, within) = self.place(self.len);
            let len = (PAGE - within).min(room);
            let taken = self.page(index).and_then(|page| from.take_page(page, within, len));
            match taken {
                Ok(taken) => {
                    self.len += taken;
                    done += taken;
                }
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    #[inline(always)]
    fn page(&mut self, index: usize) -> Result<&Page> {
        match self.pages.get_mut(index) {
            Some(Some(page)) => Ok(page),
            Some(slot) => new_page(slot),
            None => Err(Errno::EIO.into()),
        }
    }

    /// Gives bytes out, as many as there are and fit, but at most `most`. Mostly they lie in one page.
    ///
    /// # Errors
    /// `EFAULT`, if nothing was given.
    #[inline(always)]
    pub fn drain(&mut self, into: &mut Sink<'_>, most: usize) -> Result<usize> {
        let (index, within) = (self.start / PAGE, self.start % PAGE);
        let len = self.len.min(into.left()).min(most);
        let done = match self.pages.get(index) {
            Some(Some(page)) if len <= PAGE - within => into.put_page(page, within, len)?,
            _ => self.peek(into, most)?,
        };
        self.start += done;
        if self.start >= self.capacity() {
            self.start -= self.capacity();
        }
        self.len -= done;
        if self.len == 0 {
            self.rest();
        }
        Ok(done)
    }

    /// The same, where a few instructions do not count.
    ///
    /// # Errors
    /// `EFAULT`, if nothing was given.
    #[inline(never)]
    pub fn drain_some(&mut self, into: &mut Sink<'_>, most: usize) -> Result<usize> {
        self.drain(into, most)
    }

    /// As [`Ring::drain`], but the bytes stay.
    ///
    /// # Errors
    /// `EFAULT`, if nothing was given.
    pub fn peek(&self, into: &mut Sink<'_>, most: usize) -> Result<usize> {
        self.peek_behind(0, into, most)
    }

    /// The same without the first bytes, of which there are at least so many.
    ///
    /// # Errors
    /// `EFAULT`, if nothing was given.
    #[inline(never)]
    pub fn peek_behind(&self, skip: usize, into: &mut Sink<'_>, most: usize) -> Result<usize> {
        let end = most.min(self.len - skip);
        let mut done = 0;
        while into.left() > 0 && done < end {
            let (index, within) = self.place(skip + done);
            let len = (PAGE - within).min(end - done);
            let put = match self.pages.get(index) {
                Some(Some(page)) => into.put_page(page, within, len),
                _ => into.put_zeros(len),
            };
            match put {
                Ok(put) => done += put,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    /// Takes away the first bytes.
    pub fn discard(&mut self, len: usize) {
        self.start = (self.start + len) % self.capacity().max(1);
        self.len -= len;
        if self.len == 0 {
            self.rest();
        }
    }

    /// Whether so many bytes fit into the page of the last ones, which are no packet.
    pub(crate) fn fits_behind_last(&self, len: usize) -> bool {
        let within = (self.start + self.len) % PAGE;
        self.len > 0 && !self.packets.ends_with_packet() && within > 0 && len <= PAGE - within
    }

    /// How many bytes can be added to those that have packets among them.
    pub(crate) fn room_beside_packets(&self) -> usize {
        let free = self.pages.len().saturating_sub(self.packets.pages());
        (free * PAGE).min(self.capacity() - self.len)
    }

    /// Nothing is in the ring: the next byte goes into the first page, which stays, and the others are given back.
    #[inline]
    fn rest(&mut self) {
        if self.start > PAGE {
            self.pages.iter_mut().skip(1).for_each(|page| *page = None);
        }
        self.start = 0;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.len = 0;
        self.start = 0;
        self.pages.iter_mut().for_each(|page| *page = None);
        self.packets.clear();
    }

    /// Changes the capacity to so many pages; false if what is in the ring does not fit.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn resize(&mut self, pages: usize) -> Result<bool> {
        if self.len > pages * PAGE || self.packets.pages() > pages {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(self.len)
            .map_err(|_| Error::from(Errno::ENOMEM))?;
        bytes.resize(self.len, 0);
        self.drain(&mut Sink::kernel(&mut bytes), usize::MAX)?;
        let packets = core::mem::take(&mut self.packets);
        *self = Self::new(pages);
        self.packets = packets;
        self.fill(&mut Source::kernel(&bytes))?;
        Ok(true)
    }
}

#[inline(never)]
fn new_page(slot: &mut Option<Page>) -> Result<&Page> {
    Ok(slot.insert(Page::zeroed()?))
}
