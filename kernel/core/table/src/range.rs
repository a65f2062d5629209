//! What concerns many entries: unmapping, protecting, moving.

use crate::Table;
use crate::gather::{Gather, ROOM};
use crate::level::{HUGE_LEVEL, Level, Owned, TOP, span};
use crate::map::HUGE_PAGES;
use crate::own::pages_in;
use crate::zero::is_zero_frame;
use address::{FrameNumber, HUGE_SIZE, PAGE_SIZE};
use alloc::sync::Arc;
use core::ops::Range;
use frames::pool::OutOfMemory;
use hal::{PageFlags, pte};

/// The part of a table's entries, and the pages that left it.
struct Clearing<'a, 'g> {
    gather: &'a mut Gather<'g>,
    /// Tables that lie in here with all their entries go too.
    limits: Range<u64>,
    pages: u64,
    /// Whether anybody wants to know how many pages went.
    counts: bool,
}

/// What serves a range.
enum Lowest<'a> {
    /// One lowest table.
    Table(Level<'a>),
    /// Nothing is mapped there, and no table is there that could.
    Nothing,
    /// More than one table, or 2 MiB.
    Several,
}

impl Table {
    /// Unmaps everything in `range`. `limits` is the free space that `range` lies in, as far as nothing else is or will be mapped there: tables that
    /// serve only that space go too. What was mapped waits in `gather`.
    ///
    /// # Errors
    /// [`OutOfMemory`] when 2 MiB across an edge cannot be split; nothing has changed then.
    pub fn unmap(&mut self, range: Range<u64>, limits: Range<u64>, gather: &mut Gather<'_>) -> Result<(), OutOfMemory> {
        if !goes(range.start, &limits) {
            match self.lowest_for(&range)? {
                Lowest::Table(_) => {
                    self.unmap_in(range, gather);
                    return Ok(());
                }
                Lowest::Nothing => return Ok(()),
                Lowest::Several => {}
            }
        }
        for edge in [range.start, range.end] {
            self.split_across(edge)?;
            if !edge.is_multiple_of(HUGE_SIZE) && !goes(edge, &limits) {
                self.own(edge)?;
            }
        }
        self.unmap_whole(range, limits, gather);
        Ok(())
    }

    /// Unmaps what one lowest table, which is there and stays, maps in `range`.
    fn unmap_in(&mut self, range: Range<u64>, gather: &mut Gather<'_>) {
        let at = self.deepest(range.start);
        let mut pages = 0;
        for (index, address) in used(at, &range) {
            if let Some(owned) = at.take(index) {
                pages += pages_of(&owned);
                gather.add(owned, address, address + PAGE_SIZE);
            }
        }
        self.resident -= pages;
    }

    fn unmap_whole(&mut self, range: Range<u64>, limits: Range<u64>, gather: &mut Gather<'_>) {
        let mut clearing = Clearing {
            gather,
            limits,
            pages: 0,
            counts: true,
        };
        clear(Level::top(&self.root), range, &mut clearing);
        self.resident -= clearing.pages;
    }

    /// Unmaps everything.
    pub fn clear(&mut self) {
        let all = 0..span(TOP) * pte::KERNEL_FIRST as u64;
        let root = Arc::clone(&self.root);
        let mut room = ROOM;
        let mut clearing = Clearing {
            gather: &mut Gather::new(&root, &mut room),
            limits: all.clone(),
            pages: 0,
            counts: false,
        };
        clear(Level::top(&self.root), all, &mut clearing);
        self.resident = 0;
    }

    /// Says anew what a program may do with what is mapped in `range`: nothing at all if `rights` is `None`, else to read, and to write and run what is
    /// named. Pages that are shared until the next write stay without the right to write. What CPUs may remember wrongly is noted in `gather`.
    ///
    /// # Errors
    /// [`OutOfMemory`] when 2 MiB across an edge cannot be split; nothing has changed then.
    pub fn protect(
        &mut self,
        range: Range<u64>,
        rights: Option<PageFlags>,
        gather: &mut Gather<'_>,
    ) -> Result<(), OutOfMemory> {
        const RIGHTS: PageFlags = PageFlags::WRITE.union(PageFlags::EXECUTE);
        let wanted = rights.unwrap_or_default() & RIGHTS;
        let mut change = |at: Level<'_>, index: usize, address: u64| {
            let lost = at.change(index, |flags| {
                let mut new = (flags - RIGHTS) | wanted;
                if flags.contains(PageFlags::COPY_ON_WRITE) {
                    new.remove(PageFlags::WRITE);
                }
                (new, rights.is_some())
            });
            if lost {
                gather.note(address, address + span(at.number()));
            }
        };
        match self.lowest_for(&range)? {
            Lowest::Table(at) => used(at, &range).for_each(|(index, address)| change(at, index, address)),
            Lowest::Nothing => {}
            Lowest::Several => {
                self.split_across(range.start)?;
                self.split_across(range.end)?;
                self.own_all(range.clone())?;
                for_each_leaf(Level::top(&self.root), range, &mut change);
            }
        }
        Ok(())
    }

    /// What the lowest table is that serves all of `range`; it is this address space's own then.
    fn lowest_for(&self, range: &Range<u64>) -> Result<Lowest<'_>, OutOfMemory> {
        if range.end - (range.start & !(HUGE_SIZE - 1)) > HUGE_SIZE {
            return Ok(Lowest::Several);
        }
        let at = self.deepest(range.start);
        if at.number() == 0 {
            if at.is_shared() {
                self.own(range.start)?;
                return Ok(Lowest::Table(self.deepest(range.start)));
            }
            return Ok(Lowest::Table(at));
        }
        Ok(if at.is_leaf(at.get(pte::index(range.start, at.number()))) {
            Lowest::Several
        } else {
            Lowest::Nothing
        })
    }

    /// Calls `each` with the first address, the first frame, the number of pages and the flags of each leaf in `range`, but for the page of zeros.
    pub fn for_each(&self, range: Range<u64>, mut each: impl FnMut(u64, FrameNumber, u64, PageFlags)) {
        for_each_leaf(Level::top(&self.root), range, &mut |at, index, address| {
            let entry = at.get(index);
            let frame = pte::frame(entry);
            if !is_zero_frame(frame) {
                each(address, frame, span(at.number()) / PAGE_SIZE, pte::flags(entry));
            }
        });
    }

    /// Moves what is mapped in `from..from + len` to `to`, where nothing is mapped. The two do not overlap.
    ///
    /// # Errors
    /// [`OutOfMemory`]; everything is where it was then.
    pub fn move_range(&mut self, from: u64, to: u64, len: u64) -> Result<(), OutOfMemory> {
        self.split_across(from)?;
        self.split_across(from + len)?;
        let delta = to.wrapping_sub(from);
        let whole = delta.is_multiple_of(HUGE_SIZE);
        if !whole {
            self.split_all(from..from + len)?;
        }
        self.own_all(from..from + len)?;
        self.make_room(from..from + len, delta)?;
        let mut room = ROOM;
        let mut gather = Gather::new(&self.root, &mut room);
        for_each_leaf(Level::top(&self.root), from..from + len, &mut |at, index, address| {
            let target = address.wrapping_add(delta);
            let level = if at.number() == 0 {
                Some(self.deepest(target))
            } else {
                self.huge_level(target)
            };
            if let Some(other) = level.filter(|other| other.number() == at.number()) {
                at.move_to(index, other, pte::index(target, at.number()));
                gather.note(address, address + span(at.number()));
            }
        });
        Ok(())
    }

    /// Splits every 2 MiB in `range`.
    fn split_all(&mut self, range: Range<u64>) -> Result<(), OutOfMemory> {
        let mut at = range.start;
        while let Some(address) = self.first_huge(at..range.end) {
            self.split(address)?;
            at = address + HUGE_SIZE;
        }
        Ok(())
    }

    fn first_huge(&self, range: Range<u64>) -> Option<u64> {
        let mut found = None;
        for_each_leaf(Level::top(&self.root), range, &mut |at, _, address| {
            if at.number() == HUGE_LEVEL && found.is_none() {
                found = Some(address);
            }
        });
        found
    }

    /// Makes the tables that the leaves in `range` need `delta` further on.
    fn make_room(&self, range: Range<u64>, delta: u64) -> Result<(), OutOfMemory> {
        let mut result = Ok(());
        for_each_leaf(Level::top(&self.root), range, &mut |at, _, address| {
            let target = address.wrapping_add(delta);
            if result.is_ok() {
                result = if at.number() == 0 {
                    self.lowest_or_new(target)
                        .and_then(|lowest| lowest.map(drop).ok_or(OutOfMemory))
                } else {
                    self.huge_level_or_new(target).map(|level| {
                        // An empty table may be left from before.
                        if let Some(table) = level.take(pte::index(target, HUGE_LEVEL)) {
                            self.root.forget(target, target + HUGE_SIZE);
                            drop(table);
                        }
                    })
                };
            }
        });
        result
    }
}

/// Whether the table that serves an address serves only free space, and goes with what is mapped there.
#[inline]
fn goes(address: u64, limits: &Range<u64>) -> bool {
    let part = address & !(HUGE_SIZE - 1);
    limits.start <= part && part + HUGE_SIZE <= limits.end
}

/// How many pages an entry counted for.
#[inline]
pub(crate) fn pages_of(owned: &Owned) -> u64 {
    match owned {
        Owned::Page(page) if is_zero_frame(page.number()) => 0,
        Owned::Page(_) => 1,
        Owned::Huge(_) => HUGE_PAGES,
        Owned::Table(_) | Owned::Shared(_) => 0,
    }
}

/// The entries of a table that are not empty and stand for a part of `range`, which lies in what the table stands for: the index and the first address of each.
pub(crate) fn used<'a>(at: Level<'a>, range: &Range<u64>) -> impl Iterator<Item = (usize, u64)> + use<'a> {
    let span = span(at.number());
    let base = range.start & !((span << 9) - 1);
    let mut next = pte::index(range.start, at.number());
    let last = pte::index(range.end.wrapping_sub(1), at.number());
    let is_empty = range.is_empty();
    core::iter::from_fn(move || {
        if is_empty {
            return None;
        }
        let index = at.next_used(next, last)?;
        next = index + 1;
        Some((index, base + index as u64 * span))
    })
}

/// Empties the entries of `range` in a table and those below it.
fn clear(at: Level<'_>, range: Range<u64>, clearing: &mut Clearing<'_, '_>) {
    let span = span(at.number());
    for (index, start) in used(at, &range) {
        let end = start + span;
        if let Some(child) = (at.number() > 0).then(|| at.child(index)).flatten() {
            let whole = range.start <= start && end <= range.end;
            let goes = clearing.limits.start <= start && end <= clearing.limits.end;
            if child.is_shared() && (goes || whole) {
                if clearing.counts {
                    clearing.pages += pages_in(child);
                }
                if let Some(table) = at.take(index) {
                    clearing.gather.add(table, start, end);
                }
                continue;
            }
            // A table that goes takes along what small unmappings left below it, in the range or not.
            let part = if goes && child.number() > 0 {
                start..end
            } else {
                start.max(range.start)..end.min(range.end)
            };
            clear(child, part, clearing);
            if goes && let Some(table) = at.take(index) {
                clearing.gather.add(table, start, end);
            }
        } else if let Some(owned) = at.take(index) {
            clearing.pages += pages_of(&owned);
            clearing.gather.add(owned, start, end);
        }
    }
}

/// Calls `each` with every leaf in `range`: its table, its index there, its first address.
pub(crate) fn for_each_leaf<'a>(at: Level<'a>, range: Range<u64>, each: &mut impl FnMut(Level<'a>, usize, u64)) {
    let span = span(at.number());
    for (index, start) in used(at, &range) {
        if at.is_leaf(at.get(index)) {
            each(at, index, start);
        } else if let Some(child) = at.child(index) {
            let part = start.max(range.start)..(start + span).min(range.end);
            for_each_leaf(child, part, each);
        }
    }
}
