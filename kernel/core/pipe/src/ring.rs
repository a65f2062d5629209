//! A pipe's bytes: a ring of pages that are taken when they are needed, as long as there is room for them altogether ([`room`]).

use crate::packets::Packets;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use frames::Page;
use room::Account;
use usermem::{Sink, Source};

const PAGE: usize = 4096;

/// Bytes in the order in which they came.
pub struct Ring {
    pages: Vec<Option<Page>>,
    /// How many of them are there.
    held: usize,
    /// Where they count.
    account: &'static Account,
    start: usize,
    len: usize,
    /// Where packets end.
    pub(crate) packets: Packets,
}

impl Ring {
    /// An empty ring for so many pages.
    #[must_use]
    pub fn new(pages: usize, account: &'static Account) -> Self {
        let mut ring = Self {
            pages: Vec::new(),
            held: 0,
            account,
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

    /// Whether so many bytes fit, and are not more than may wait here now.
    pub(crate) fn may_take(&self, bytes: usize) -> bool {
        self.room() >= bytes && !self.account.is_beyond(self.len + bytes)
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
    /// `EFAULT`, `ENOMEM`, and `EAGAIN` where no more may wait, if nothing was taken.
    #[inline(always)]
    pub fn fill(&mut self, from: &mut Source<'_>) -> Result<usize> {
        self.fill_from(from, false)
    }

    /// The same, but nothing is taken of what fits into a page if not all of it may wait.
    ///
    /// # Errors
    /// As [`Ring::fill`].
    #[inline(always)]
    pub(crate) fn fill_whole(&mut self, from: &mut Source<'_>) -> Result<usize> {
        self.fill_from(from, true)
    }

    #[inline(always)]
    fn fill_from(&mut self, from: &mut Source<'_>, is_whole: bool) -> Result<usize> {
        let (index, within) = self.place(self.len);
        let wanted = from.left();
        match self.pages.get(index) {
            Some(Some(page)) if wanted <= PAGE - within && wanted <= self.room() => {
                let taken = from.take_page(page, within, wanted)?;
                self.len += taken;
                Ok(taken)
            }
            _ => self.fill_pages(from, is_whole),
        }
    }

    #[inline(never)]
    fn fill_pages(&mut self, from: &mut Source<'_>, is_whole: bool) -> Result<usize> {
        if is_whole && from.left() <= PAGE && !self.may_take(from.left()) {
            return Err(Errno::EAGAIN.into());
        }
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

    fn page(&mut self, index: usize) -> Result<&Page> {
        if !matches!(self.pages.get(index), Some(Some(_))) {
            self.add_page(index)?;
        }
        match self.pages.get(index) {
            Some(Some(page)) => Ok(page),
            _ => Err(Errno::EIO.into()),
        }
    }

    /// A page for a place, unless no more may wait: a new one, or, where memory is short, one whose bytes are gone.
    #[inline(never)]
    fn add_page(&mut self, index: usize) -> Result<()> {
        if self.account.is_beyond(self.len + 1) {
            return Err(Errno::EAGAIN.into());
        }
        let unused = if self.is_limited() { self.unused() } else { None };
        let page = match unused {
            Some(page) => page,
            None => {
                let page = Page::unset()?;
                self.account.take_page();
                self.held += 1;
                page
            }
        };
        if let Some(slot) = self.pages.get_mut(index) {
            *slot = Some(page);
        }
        Ok(())
    }

    /// Whether less may wait than there is room for.
    #[inline]
    fn is_limited(&self) -> bool {
        self.account.each() < self.capacity()
    }

    /// Takes a page out in which there are no bytes.
    fn unused(&mut self) -> Option<Page> {
        let first = self.start / PAGE;
        let used = (self.start % PAGE + self.len).div_ceil(PAGE);
        let count = self.pages.len();
        (used..count).find_map(|at| self.pages.get_mut((first + at) % count)?.take())
    }

    /// Gives the pages back in which there are no bytes.
    #[cold]
    #[inline(never)]
    fn give_unused(&mut self) {
        let used = (self.start % PAGE + self.len).div_ceil(PAGE);
        self.give_behind(used, used);
    }

    /// Gives the pages back behind so many from where the bytes begin; `kept` of those that are there are not among them.
    fn give_behind(&mut self, used: usize, kept: usize) {
        let (first, count) = (self.start / PAGE, self.pages.len());
        let mut given = 0;
        for at in used..count {
            if self.held - given == kept {
                break;
            }
            let page = self.pages.get_mut((first + at) % count).and_then(Option::take);
            given += usize::from(page.is_some());
        }
        if given > 0 {
            self.held -= given;
            self.account.give_pages(given);
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
        self.pass(done);
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
        self.pass(len);
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

    /// Goes past the first bytes. If nothing is left, the next byte goes into the first page.
    #[inline(always)]
    fn pass(&mut self, len: usize) {
        self.start += len;
        self.len -= len;
        if self.len == 0 {
            self.start = 0;
            if self.held > 1 {
                self.rest();
            }
            return;
        }
        if self.start >= self.capacity() {
            self.start -= self.capacity();
        }
        if self.is_limited() {
            self.give_unused();
        }
    }

    /// Nothing is in the ring. One that was filled to the brim will be again, and keeps its pages while there are plenty.
    #[inline(never)]
    fn rest(&mut self) {
        if self.held == self.pages.len() && self.account.has_plenty() {
            return;
        }
        let has_first = self.pages.first().is_some_and(Option::is_some);
        self.give_behind(1, usize::from(has_first));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.len = 0;
        self.start = 0;
        self.give_unused();
        self.packets.clear();
    }

    /// Changes the capacity to so many pages; false if what is in the ring does not fit. As on Linux, a page that was read in part is a page.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn resize(&mut self, pages: usize) -> Result<bool> {
        let used = (self.start % PAGE + self.len).div_ceil(PAGE);
        if used > pages || self.packets.pages() > pages {
            return Ok(false);
        }
        let mut moved = Vec::new();
        moved.try_reserve_exact(pages).map_err(|_| Error::from(Errno::ENOMEM))?;
        let (first, count) = (self.start / PAGE, self.pages.len());
        moved.extend((0..used).map(|at| self.pages.get_mut((first + at) % count)?.take()));
        self.give_unused();
        moved.resize(pages, None);
        self.pages = moved;
        self.start %= PAGE;
        Ok(true)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.account.give_pages(self.held);
    }
}
