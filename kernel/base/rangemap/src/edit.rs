//! Insertion, removal, change and merging.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use crate::{CHUNK, Entry, InsertError, Place, RangeMap};

impl<V> RangeMap<V> {
    /// Adds `value` for `range`, which must be free.
    ///
    /// # Errors
    /// [`InsertError`] when the range is empty or some part of it is taken; the map is unchanged then.
    pub fn insert(&mut self, range: Range<u64>, value: V) -> Result<(), InsertError> {
        if range.start >= range.end {
            return Err(InsertError::Empty);
        }
        let before = self.at_or_before(range.start);
        if before
            .and_then(|place| self.entry(place))
            .is_some_and(|entry| entry.end > range.start)
        {
            return Err(InsertError::Overlap);
        }
        let after = before.map_or(Place { chunk: 0, index: 0 }, |place| self.next(place));
        if self.entry(after).is_some_and(|entry| entry.start < range.end) {
            return Err(InsertError::Overlap);
        }
        self.put_after(before, range, value);
        Ok(())
    }

    /// Adds `value` for `range`, which must be free, and joins it with the entries that end where it starts or start where it ends, if `can` allows it;
    /// the value of the left one stays, as in [`RangeMap::merge_at`]. `can` is asked with the left range and value, then the right ones.
    ///
    /// # Errors
    /// As [`RangeMap::insert`].
    pub fn insert_joined(
        &mut self,
        range: Range<u64>,
        value: V,
        can: impl Fn(&Range<u64>, &V, &Range<u64>, &V) -> bool,
    ) -> Result<(), InsertError> {
        if range.start >= range.end {
            return Err(InsertError::Empty);
        }
        let before = self.at_or_before(range.start);
        let after = before.map_or(Place { chunk: 0, index: 0 }, |place| self.next(place));
        let left = before.and_then(|place| self.entry(place));
        let right = self.entry(after);
        if left.is_some_and(|left| left.end > range.start) || right.is_some_and(|right| right.start < range.end) {
            return Err(InsertError::Overlap);
        }
        let joins_left =
            left.is_some_and(|left| left.end == range.start && can(&left.range(), &left.value, &range, &value));
        let joins_right =
            right.is_some_and(|right| right.start == range.end && can(&range, &value, &right.range(), &right.value));
        match before.filter(|_| joins_left) {
            Some(place) => {
                if let Some(left) = self.entry_mut(place) {
                    left.end = range.end;
                }
                if joins_right {
                    self.merge_at(range.end, can);
                }
            }
            None if joins_right => {
                if let Some(right) = self.entry_mut(after) {
                    right.start = range.start;
                    // What is on the right of the border began there; the joined entry begins with the new value.
                    right.value = value;
                }
            }
            None => self.put_after(before, range, value),
        }
        Ok(())
    }

    fn put_after(&mut self, before: Option<Place>, range: Range<u64>, value: V) {
        let place = before.map_or(Place { chunk: 0, index: 0 }, |before| Place {
            chunk: before.chunk,
            index: before.index + 1,
        });
        let entry = Entry {
            start: range.start,
            end: range.end,
            value,
        };
        self.put(place, entry);
    }

    /// Takes everything in `range` out. An entry across an edge is cut there: `split(value, offset)` makes the value of its right-hand part, which
    /// starts `offset` bytes after its start. Returns what was taken out, in ascending order.
    pub fn remove_range(&mut self, range: Range<u64>, split: impl FnMut(&V, u64) -> V) -> Vec<(Range<u64>, V)> {
        let mut taken = Vec::new();
        self.remove_range_with(range, split, |range, value| taken.push((range, value)));
        taken
    }

    /// As [`RangeMap::remove_range`], handing each part to `take` instead of collecting them.
    pub fn remove_range_with(
        &mut self,
        range: Range<u64>,
        mut split: impl FnMut(&V, u64) -> V,
        mut take: impl FnMut(Range<u64>, V),
    ) {
        if range.start >= range.end {
            return;
        }
        self.hint.freed(range.end);
        if let Some(taken) = self.remove_from_one(&range, &mut split) {
            take(range, taken);
            return;
        }
        self.isolate(&range, split);
        let mut place = self.first_ending_after(range.start);
        while let Some(chunk) = self.chunks.get_mut(place.chunk) {
            let until = chunk.partition_point(|entry| entry.start < range.end);
            if until <= place.index {
                break;
            }
            let reached_end_of_chunk = until == chunk.len();
            self.len -= until - place.index;
            if until - place.index == 1 {
                let entry = chunk.remove(place.index);
                take(entry.range(), entry.value);
            } else {
                for entry in chunk.drain(place.index..until) {
                    take(entry.range(), entry.value);
                }
            }
            if chunk.is_empty() {
                self.chunks.remove(place.chunk);
            } else if reached_end_of_chunk {
                place.chunk += 1;
            }
            place.index = 0;
            if !reached_end_of_chunk {
                break;
            }
        }
        self.join_small(place.chunk);
    }

    /// Lets `change` change every entry in `range`; entries across an edge are cut first (see [`RangeMap::remove_range`]).
    pub fn update_range(
        &mut self,
        range: Range<u64>,
        split: impl FnMut(&V, u64) -> V,
        mut change: impl FnMut(Range<u64>, &mut V),
    ) {
        if range.start >= range.end {
            return;
        }
        self.isolate(&range, split);
        let mut place = self.first_ending_after(range.start);
        while let Some(entry) = self.entry_mut(place) {
            if entry.start >= range.end {
                break;
            }
            change(entry.range(), &mut entry.value);
            place = self.next(place);
        }
    }

    /// Joins the entry that ends at `addr` with the one that starts there, if both exist and `can` allows it; the left value stays. Says whether it did.
    pub fn merge_at(&mut self, addr: u64, can: impl FnOnce(&Range<u64>, &V, &Range<u64>, &V) -> bool) -> bool {
        let Some(right) = self.at_or_before(addr) else {
            return false;
        };
        let Some(left) = self.previous(right) else { return false };
        let (Some(low), Some(high)) = (self.entry(left), self.entry(right)) else {
            return false;
        };
        if high.start != addr || low.end != addr || !can(&low.range(), &low.value, &high.range(), &high.value) {
            return false;
        }
        let end = high.end;
        self.take(right);
        if let Some(low) = self.entry_mut(left) {
            low.end = end;
        }
        true
    }

    /// Calls [`RangeMap::merge_at`] for every border between entries from `range.start` to `range.end`, both included.
    pub fn merge_range(&mut self, range: Range<u64>, mut can: impl FnMut(&Range<u64>, &V, &Range<u64>, &V) -> bool) {
        let mut addr = range.start;
        loop {
            self.merge_at(addr, &mut can);
            match self.get(addr) {
                Some((entry, _)) if entry.end <= range.end => addr = entry.end,
                Some(_) => break,
                None => match self.overlapping(addr..range.end).next() {
                    Some((entry, _)) => addr = entry.start,
                    None => break,
                },
            }
        }
    }

    /// Takes `range` out if it is all of one entry, or the beginning or the end of one.
    fn remove_from_one(&mut self, range: &Range<u64>, split: &mut impl FnMut(&V, u64) -> V) -> Option<V> {
        let place = self.at_or_before(range.start)?;
        let entry = self.entry_mut(place)?;
        match (entry.start == range.start, entry.end == range.end) {
            (true, true) => {
                let entry = self.take(place)?;
                self.join_small(place.chunk);
                Some(entry.value)
            }
            (true, false) if range.end < entry.end => {
                let rest = split(&entry.value, range.end - range.start);
                entry.start = range.end;
                Some(mem::replace(&mut entry.value, rest))
            }
            (false, true) => {
                let taken = split(&entry.value, range.start - entry.start);
                entry.end = range.start;
                Some(taken)
            }
            _ => None,
        }
    }

    /// Makes the edges of `range` edges of entries.
    fn isolate(&mut self, range: &Range<u64>, mut split: impl FnMut(&V, u64) -> V) {
        self.cut(range.start, &mut split);
        self.cut(range.end, &mut split);
    }

    fn cut(&mut self, addr: u64, split: &mut impl FnMut(&V, u64) -> V) {
        let Some(place) = self.at_or_before(addr) else { return };
        let Some(entry) = self.entry_mut(place) else { return };
        if entry.start < addr && addr < entry.end {
            let right = Entry {
                start: addr,
                end: entry.end,
                value: split(&entry.value, addr - entry.start),
            };
            entry.end = addr;
            self.put(
                Place {
                    chunk: place.chunk,
                    index: place.index + 1,
                },
                right,
            );
        }
    }

    /// Puts an entry at a place of a chunk (which may be one behind its last entry), splitting the chunk if it is full.
    fn put(&mut self, mut place: Place, entry: Entry<V>) {
        self.len += 1;
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
        }
        let Some(chunk) = self.chunks.get_mut(place.chunk) else {
            return;
        };
        if chunk.len() >= CHUNK {
            let upper = chunk.split_off(CHUNK / 2);
            self.chunks.insert(place.chunk + 1, upper);
            if place.index > CHUNK / 2 {
                place = Place {
                    chunk: place.chunk + 1,
                    index: place.index - CHUNK / 2,
                };
            }
        }
        if let Some(chunk) = self.chunks.get_mut(place.chunk) {
            chunk.insert(place.index, entry);
        }
    }

    fn take(&mut self, place: Place) -> Option<Entry<V>> {
        let chunk = self
            .chunks
            .get_mut(place.chunk)
            .filter(|chunk| place.index < chunk.len())?;
        let entry = chunk.remove(place.index);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(place.chunk);
        }
        Some(entry)
    }

    /// Joins the chunk with its left neighbour when both together are less than half full, so that removal does not leave a long list of tiny chunks.
    fn join_small(&mut self, chunk: usize) {
        let Some(left) = chunk.checked_sub(1) else { return };
        let (Some(low), Some(high)) = (self.chunks.get(left), self.chunks.get(chunk)) else {
            return;
        };
        if low.len() + high.len() <= CHUNK / 2 {
            let mut high = self.chunks.remove(chunk);
            if let Some(low) = self.chunks.get_mut(left) {
                low.append(&mut high);
            }
        }
    }
}
