//! A map from disjoint half-open ranges of `u64` to values: the list of mappings of an address space.
//!
//! Entries lie sorted in chunks of at most [`CHUNK`] entries. An address space has some thirty mappings, in two or three
//! chunks; one with sixty thousand has some six thousand chunks, and an insertion still moves no more than one chunk. A `BTreeMap` was the
//! alternative: its stable interface has no cursors, so that each "entry at or before" costs two descents, and a split or merge several look-ups.
//!
//! Invariants: no chunk is empty; entries are sorted, non-empty and disjoint; `len` counts them; the hint of [`gap`] holds what it says.
//!
//! It does not merge by itself (only the owner knows which neighbours are alike: [`RangeMap::merge_at`]), and it does not lock.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod edit;
mod gap;
mod iter;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

pub use iter::Overlapping;

/// The most entries of one chunk: enough that most address spaces are two or three chunks, few enough that moving them is cheap.
const CHUNK: usize = 16;

#[derive(Debug, Clone)]
struct Entry<V> {
    start: u64,
    end: u64,
    value: V,
}

impl<V> Entry<V> {
    fn range(&self) -> Range<u64> {
        self.start..self.end
    }
}

/// The place of an entry: chunk and index in it. The place behind the last entry is `(chunks.len(), 0)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    chunk: usize,
    index: usize,
}

/// Why [`RangeMap::insert`] refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InsertError {
    /// The range is empty or its end lies before its start.
    Empty,
    /// Some part of the range is taken.
    Overlap,
}

/// A map from disjoint half-open ranges to values.
#[derive(Debug, Clone)]
pub struct RangeMap<V> {
    chunks: Vec<Vec<Entry<V>>>,
    len: usize,
    hint: gap::Hint,
    last: Last,
}

/// What [`RangeMap::beside`] says.
enum Beside {
    /// There it is.
    Found(Place),
    /// No entry starts so early.
    BeforeAll,
    /// It has to be searched for.
    Elsewhere,
}

/// The last place that was asked for. It may be out of date, or nowhere: whoever uses it looks.
#[derive(Debug)]
struct Last(AtomicU32);

impl Last {
    fn get(&self) -> Place {
        let packed = self.0.load(Ordering::Relaxed) as usize;
        Place {
            chunk: packed / CHUNK,
            index: packed % CHUNK,
        }
    }

    fn set(&self, place: Place) {
        self.0
            .store((place.chunk * CHUNK + place.index) as u32, Ordering::Relaxed);
    }
}

impl Clone for Last {
    fn clone(&self) -> Self {
        Self(AtomicU32::new(0))
    }
}

impl<V> Default for RangeMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> RangeMap<V> {
    /// An empty map; it allocates nothing before the first insertion.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
            hint: gap::Hint::NONE,
            last: Last(AtomicU32::new(0)),
        }
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the map has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry that contains `addr`.
    #[inline]
    #[must_use]
    pub fn get(&self, addr: u64) -> Option<(Range<u64>, &V)> {
        let entry = self.entry(self.at_or_before(addr)?)?;
        (addr < entry.end).then(|| (entry.range(), &entry.value))
    }

    /// The entry that contains `addr`, to be changed in place.
    #[inline]
    pub fn get_mut(&mut self, addr: u64) -> Option<(Range<u64>, &mut V)> {
        let place = self.at_or_before(addr)?;
        let entry = self.entry_mut(place)?;
        (addr < entry.end).then(|| (entry.range(), &mut entry.value))
    }

    /// All entries in ascending order.
    pub fn iter(&self) -> Overlapping<'_, V> {
        self.overlapping(0..u64::MAX)
    }

    /// The entries that share at least one address with `range`, in ascending order, each with its whole range.
    pub fn overlapping(&self, range: Range<u64>) -> Overlapping<'_, V> {
        Overlapping::new(self, range)
    }

    /// The entry with the lowest range.
    #[must_use]
    pub fn first(&self) -> Option<(Range<u64>, &V)> {
        let entry = self.chunks.first()?.first()?;
        Some((entry.range(), &entry.value))
    }

    /// The entry with the highest range.
    #[must_use]
    pub fn last(&self) -> Option<(Range<u64>, &V)> {
        let entry = self.chunks.last()?.last()?;
        Some((entry.range(), &entry.value))
    }

    /// Whether every address of `range` lies in some entry. An empty range is covered.
    #[must_use]
    pub fn covered(&self, range: Range<u64>) -> bool {
        let mut reached = range.start;
        for (entry, _) in self.overlapping(range.clone()) {
            if entry.start > reached {
                return false;
            }
            reached = entry.end;
        }
        reached >= range.end
    }

    /// Whether no address of `range` lies in any entry.
    #[must_use]
    pub fn is_free(&self, range: Range<u64>) -> bool {
        self.overlapping(range).next().is_none()
    }

    /// The last entry that starts at or before `addr`. One call after the other asks about the same neighbourhood, so the last answer is looked at
    /// first, and then the entries beside it.
    #[inline]
    fn at_or_before(&self, addr: u64) -> Option<Place> {
        let last = self.last.get();
        if let Some(chunk) = self.chunks.get(last.chunk)
            && let [entry, next, ..] = chunk.get(last.index..).unwrap_or_default()
            && entry.start <= addr
            && addr < next.start
        {
            return Some(last);
        }
        self.look_around(last, addr)
    }

    fn look_around(&self, last: Place, addr: u64) -> Option<Place> {
        let place = match self.beside(last, addr) {
            Beside::Found(place) => place,
            Beside::BeforeAll => return None,
            Beside::Elsewhere => self.search(addr)?,
        };
        self.last.set(place);
        Some(place)
    }

    /// Whether the entry that [`RangeMap::at_or_before`] looks for is beside `last`.
    fn beside(&self, last: Place, addr: u64) -> Beside {
        let Some(chunk) = self.chunks.get(last.chunk) else {
            return Beside::Elsewhere;
        };
        let here = |index| {
            Beside::Found(Place {
                chunk: last.chunk,
                index,
            })
        };
        match chunk.get(last.index) {
            Some(entry) if entry.start > addr => {
                return match last.index.checked_sub(1).and_then(|before| chunk.get(before)) {
                    Some(before) if before.start <= addr => here(last.index - 1),
                    None if last.chunk == 0 => Beside::BeforeAll,
                    _ => Beside::Elsewhere,
                };
            }
            Some(_) => {}
            None => return Beside::Elsewhere,
        }
        for index in last.index..last.index + 2 {
            match chunk.get(index + 1) {
                Some(next) if next.start > addr => return here(index),
                Some(_) => {}
                None if last.chunk + 1 == self.chunks.len() => return here(index),
                None => return Beside::Elsewhere,
            }
        }
        Beside::Elsewhere
    }

    fn search(&self, addr: u64) -> Option<Place> {
        let chunk = if self.chunks.len() == 1 {
            0
        } else {
            self.chunks
                .partition_point(|chunk| chunk.first().is_some_and(|entry| entry.start <= addr))
                .checked_sub(1)?
        };
        let index = self
            .chunks
            .get(chunk)?
            .partition_point(|entry| entry.start <= addr)
            .checked_sub(1)?;
        Some(Place { chunk, index })
    }

    /// The first entry that ends after `addr`: the one that contains it, or else the next one.
    fn first_ending_after(&self, addr: u64) -> Place {
        match self.at_or_before(addr) {
            None => Place { chunk: 0, index: 0 },
            Some(place) if self.entry(place).is_some_and(|entry| entry.end > addr) => place,
            Some(place) => self.next(place),
        }
    }

    fn next(&self, place: Place) -> Place {
        if self
            .chunks
            .get(place.chunk)
            .is_some_and(|chunk| place.index + 1 < chunk.len())
        {
            Place {
                chunk: place.chunk,
                index: place.index + 1,
            }
        } else {
            Place {
                chunk: place.chunk + 1,
                index: 0,
            }
        }
    }

    /// The place before `place`, which may be the place behind the last entry.
    fn previous(&self, place: Place) -> Option<Place> {
        if let Some(index) = place.index.checked_sub(1) {
            return Some(Place {
                chunk: place.chunk,
                index,
            });
        }
        let chunk = place.chunk.checked_sub(1)?;
        Some(Place {
            chunk,
            index: self.chunks.get(chunk)?.len().checked_sub(1)?,
        })
    }

    #[inline]
    fn entry(&self, place: Place) -> Option<&Entry<V>> {
        self.chunks.get(place.chunk)?.get(place.index)
    }

    #[inline]
    fn entry_mut(&mut self, place: Place) -> Option<&mut Entry<V>> {
        self.chunks.get_mut(place.chunk)?.get_mut(place.index)
    }
}
