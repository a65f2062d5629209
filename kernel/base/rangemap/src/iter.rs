//! Walking over the entries of a range.

use core::ops::Range;

use crate::{Place, RangeMap};

/// The entries that overlap a range, in ascending order.
#[derive(Debug)]
pub struct Overlapping<'a, V> {
    map: &'a RangeMap<V>,
    place: Place,
    end: u64,
}

impl<V> Clone for Overlapping<'_, V> {
    fn clone(&self) -> Self {
        Self {
            map: self.map,
            place: self.place,
            end: self.end,
        }
    }
}

impl<'a, V> Overlapping<'a, V> {
    pub(crate) fn new(map: &'a RangeMap<V>, range: Range<u64>) -> Self {
        // An empty range overlaps nothing, even inside an entry.
        let end = if range.start < range.end { range.end } else { 0 };
        Self {
            map,
            place: map.first_ending_after(range.start),
            end,
        }
    }
}

impl<'a, V> Iterator for Overlapping<'a, V> {
    type Item = (Range<u64>, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.map.entry(self.place)?;
        if entry.start >= self.end {
            return None;
        }
        self.place = self.map.next(self.place);
        Some((entry.range(), &entry.value))
    }
}
