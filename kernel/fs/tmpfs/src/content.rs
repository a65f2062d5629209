//! The bytes of a file: pages of its own over pages of the lower layer.

use crate::room::Room;
use abi::{Errno, Error, Result};
use address::{PAGE_LEN, PAGE_SIZE};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use frames::Page;
use hal::Access;
use lock::SpinLock;
use sortedmap::LargeMap;
use usermem::{Sink, Source};
use vfs::Inode;

/// What lies at a page of the file.
enum Piece {
    /// Nothing there was written: zeros.
    Hole,
    /// A page of the lower layer.
    Lower,
    /// A page of its own.
    Own(Page),
}

/// A file's length and pages, under one lock.
pub(crate) struct Content {
    state: SpinLock<State>,
}

struct State {
    size: u64,
    pages: LargeMap<u64, Page>,
    /// How many pages of the lower layer still show where there is none of its own.
    lower_pages: u64,
}

/// The parts of a node that its content needs.
pub(crate) struct Ground<'a> {
    pub(crate) room: &'a Room,
    pub(crate) lower: Option<&'a Arc<dyn Inode>>,
}

const BEYOND: Error = Error::new(Errno::EFAULT, "the page lies behind the end of the file");

fn place(offset: u64) -> (u64, usize) {
    (offset / PAGE_SIZE, (offset % PAGE_SIZE) as usize)
}

impl Content {
    pub(crate) fn new(size: u64, layered: bool) -> Self {
        Self {
            state: SpinLock::new(State {
                size,
                pages: LargeMap::new(),
                lower_pages: if layered { size.div_ceil(PAGE_SIZE) } else { 0 },
            }),
        }
    }

    #[inline]
    pub(crate) fn size(&self) -> u64 {
        self.state.lock().size
    }

    /// Its length, and the pages that it occupies in its own layer and below.
    #[inline]
    pub(crate) fn extent(&self) -> (u64, u64) {
        let state = self.state.lock();
        let (size, lower_pages, untouched) = (state.size, state.lower_pages, state.pages.is_empty());
        drop(state);
        if untouched {
            (size, lower_pages)
        } else {
            self.extent_with_own()
        }
    }

    #[cold]
    fn extent_with_own(&self) -> (u64, u64) {
        let state = self.state.lock();
        (state.size, state.lower_pages + state.uncovering())
    }

    /// Whether nothing of its own is in it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.state.lock().pages.is_empty()
    }

    #[inline]
    pub(crate) fn read_at(&self, ground: &Ground<'_>, offset: u64, into: &mut Sink<'_>) -> Result<usize> {
        let mut at = offset;
        while into.left() > 0 {
            let (index, within) = place(at);
            let mut state = self.state.lock();
            if at >= state.size {
                break;
            }
            let size = state.size;
            let untouched = state.pages.is_empty() && state.lower_pages == size.div_ceil(PAGE_SIZE);
            if let Some(lower) = ground.lower
                && untouched
                && at == offset
            {
                // The lower layer has locks of its own.
                drop(state);
                if size == lower.length() {
                    return lower.read_at(offset, into);
                }
                state = self.state.lock();
            }
            let len = (PAGE_LEN - within).min((size - at).min(PAGE_SIZE) as usize);
            let piece = state.piece(index);
            drop(state);
            let result = match piece {
                Piece::Own(page) => into.put_page(&page, within, len),
                Piece::Hole => into.put_zeros(len),
                Piece::Lower => match ground.lower {
                    Some(lower) => into.put_page(&lower.page(index, Access::Read)?, within, len),
                    None => into.put_zeros(len),
                },
            };
            match result {
                Ok(done) => at += done as u64,
                Err(error) if at == offset => return Err(error),
                Err(_) => break,
            }
        }
        Ok((at - offset) as usize)
    }

    pub(crate) fn write_at(&self, ground: &Ground<'_>, offset: u64, from: &mut Source<'_>) -> Result<usize> {
        let mut at = offset;
        let state = self.state.lock();
        if offset > state.size {
            state.clean_tail();
        }
        drop(state);
        while from.left() > 0 {
            let (index, within) = place(at);
            let written = self
                .own_page(ground, index)
                .and_then(|page| from.take_page(&page, within, PAGE_LEN - within));
            match written {
                Ok(done) => {
                    at += done as u64;
                    self.state.lock().grow(at);
                }
                Err(error) if at == offset => return Err(error),
                Err(_) => break,
            }
        }
        Ok((at - offset) as usize)
    }

    /// The page of its own with that index, made or copied up if there is none.
    #[inline]
    fn own_page(&self, ground: &Ground<'_>, index: u64) -> Result<Page> {
        let state = self.state.lock();
        match state.piece(index) {
            Piece::Own(page) => Ok(page),
            piece => {
                drop(state);
                self.make_page(ground, index, matches!(piece, Piece::Lower))
            }
        }
    }

    fn make_page(&self, ground: &Ground<'_>, index: u64, copy: bool) -> Result<Page> {
        ground.room.take(1)?;
        let made = match ground.lower.filter(|_| copy) {
            Some(lower) => lower
                .page(index, Access::Read)
                .and_then(|page| page.duplicate().map_err(Error::from)),
            None => Page::zeroed().map_err(Error::from),
        };
        let page = made.inspect_err(|_| ground.room.give(1))?;
        let mut state = self.state.lock();
        // Somebody else may have made it meanwhile.
        if let Some(found) = state.pages.get(&index) {
            let found = found.clone();
            drop(state);
            ground.room.give(1);
            return Ok(found);
        }
        state.pages.insert(index, page.clone());
        Ok(page)
    }

    /// A page for a mapping.
    pub(crate) fn page(&self, ground: &Ground<'_>, index: u64, access: Access) -> Result<Page> {
        let state = self.state.lock();
        if index >= state.size.div_ceil(PAGE_SIZE) {
            return Err(BEYOND);
        }
        let piece = state.piece(index);
        drop(state);
        match (piece, ground.lower) {
            (Piece::Own(page), _) => Ok(page),
            (Piece::Lower, Some(lower)) if access != Access::Write => lower.page(index, access),
            (piece, _) => self.make_page(ground, index, matches!(piece, Piece::Lower)),
        }
    }

    /// A page that is there without work.
    pub(crate) fn resident(&self, ground: &Ground<'_>, index: u64) -> Option<Page> {
        let state = self.state.lock();
        if index >= state.size.div_ceil(PAGE_SIZE) {
            return None;
        }
        match state.piece(index) {
            Piece::Own(page) => Some(page),
            Piece::Lower => ground.lower?.resident(index),
            Piece::Hole => None,
        }
    }

    /// The pages of a range that are there without work.
    pub(crate) fn resident_in(&self, ground: &Ground<'_>, range: Range<u64>, each: &mut dyn FnMut(u64, Page)) {
        let state = self.state.lock();
        let end = range.end.min(state.size.div_ceil(PAGE_SIZE));
        if state.pages.is_empty() {
            let shown = range.start..end.min(state.lower_pages);
            drop(state);
            if let Some(lower) = ground.lower {
                lower.resident_in(shown, each);
            }
            return;
        }
        drop(state);
        for index in range.start..end {
            if let Some(page) = self.resident(ground, index) {
                each(index, page);
            }
        }
    }

    /// Cuts or extends the file.
    pub(crate) fn resize(&self, ground: &Ground<'_>, size: u64) -> Result<()> {
        let (index, within) = place(size);
        let shrinks = size < self.size();
        if shrinks && within != 0 {
            let state = self.state.lock();
            let piece = state.piece(index);
            drop(state);
            let edge = match piece {
                Piece::Hole => None,
                Piece::Own(page) => Some(page),
                Piece::Lower => Some(self.make_page(ground, index, true)?),
            };
            if let Some(edge) = edge {
                edge.zero_range(within, PAGE_LEN - within);
            }
        }
        let mut state = self.state.lock();
        if size >= state.size {
            state.clean_tail();
            state.grow(size);
            return Ok(());
        }
        state.size = size;
        let kept = size.div_ceil(PAGE_SIZE);
        state.lower_pages = state.lower_pages.min(kept);
        let cut: Vec<Page> = state.pages.split_off(&kept).into_values().collect();
        drop(state);
        let_go(ground.room, cut);
        Ok(())
    }

    /// Makes a range read as zeros. Whole pages are given back where nothing shows through below.
    pub(crate) fn clear(&self, ground: &Ground<'_>, offset: u64, len: u64) -> Result<()> {
        let end = offset.saturating_add(len).min(self.size());
        let mut at = offset;
        while at < end {
            let (index, within) = place(at);
            let piece_len = ((PAGE_LEN - within) as u64).min(end - at);
            let whole = piece_len == PAGE_SIZE;
            let mut state = self.state.lock();
            let below = index < state.lower_pages;
            if whole && !below {
                let cut = state.pages.remove(&index);
                drop(state);
                let_go(ground.room, cut.into_iter().collect());
            } else {
                let hole = matches!(state.piece(index), Piece::Hole);
                drop(state);
                if !hole {
                    self.own_page(ground, index)?.zero_range(within, piece_len as usize);
                }
            }
            at += piece_len;
        }
        Ok(())
    }

    /// Makes pages for a range, and extends the file to its end unless `keep_size`.
    pub(crate) fn reserve(&self, ground: &Ground<'_>, offset: u64, len: u64, keep_size: bool) -> Result<()> {
        let end = offset.saturating_add(len);
        let (used, max) = ground.room.usage();
        let (first, behind) = (offset / PAGE_SIZE, end.div_ceil(PAGE_SIZE));
        if behind - first > max.saturating_sub(used) + self.extent().1 {
            return Err(Error::new(Errno::ENOSPC, "the file system is full"));
        }
        for index in first..behind {
            let hole = matches!(self.state.lock().piece(index), Piece::Hole);
            if hole {
                drop(self.make_page(ground, index, false)?);
            }
        }
        if !keep_size {
            let mut state = self.state.lock();
            state.clean_tail();
            state.grow(end);
        }
        Ok(())
    }

    /// The first offset from `offset` on with data, or with a hole.
    pub(crate) fn seek(&self, offset: u64, hole: bool) -> Result<u64> {
        let state = self.state.lock();
        let beyond = Error::new(Errno::ENXIO, "nothing lies behind the end");
        if offset >= state.size {
            return Err(beyond);
        }
        let mut index = offset / PAGE_SIZE;
        if hole {
            while !matches!(state.piece(index), Piece::Hole) {
                index = (index + 1).max(state.lower_pages);
            }
        } else if index >= state.lower_pages {
            index = *state.pages.range_from(&index).next().ok_or(beyond)?.0;
        }
        let found = (index * PAGE_SIZE).max(offset);
        match hole {
            true => Ok(found.min(state.size)),
            false if found < state.size => Ok(found),
            false => Err(beyond),
        }
    }

    /// Gives all pages back, because the file is gone.
    pub(crate) fn release(&mut self, room: &Room) {
        let pages = core::mem::take(&mut self.state.get_mut().pages);
        room.give(pages.len() as u64);
    }
}

/// Lets go of pages that were cut off. Who has one mapped still sees zeros there.
fn let_go(room: &Room, pages: Vec<Page>) {
    room.give(pages.len() as u64);
    for page in pages {
        if !page.is_sole() {
            page.zero();
        }
    }
}

impl State {
    #[inline]
    fn piece(&self, index: u64) -> Piece {
        match self.pages.get(&index) {
            Some(page) => Piece::Own(page.clone()),
            None if index < self.lower_pages => Piece::Lower,
            None => Piece::Hole,
        }
    }

    /// Pages of its own that hide none of the lower layer.
    fn uncovering(&self) -> u64 {
        let covering = self.pages.count_before(&self.lower_pages);
        (self.pages.len() - covering) as u64
    }

    #[inline]
    fn grow(&mut self, size: u64) {
        self.size = self.size.max(size);
    }

    /// Zeroes what lies behind the end in the last page, before the end moves on: a mapping may have written there.
    fn clean_tail(&self) {
        let (index, within) = place(self.size);
        if within != 0
            && let Some(page) = self.pages.get(&index)
        {
            page.zero_range(within, PAGE_LEN - within);
        }
    }
}
