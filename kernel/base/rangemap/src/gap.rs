//! Finding free space.
//!
//! Walking from the top is linear in the number of entries that lie close together there, which is the usual picture below the `mmap` base. The
//! hint remembers how far down the last walk found nothing large enough, so that the next one starts there.

use core::ops::Range;

use crate::{Place, RangeMap};

/// What earlier walks found: every gap inside `low..top` is at most `largest` long (a gap that reaches across `low` counts only above it).
#[derive(Debug, Clone)]
pub(crate) struct Hint {
    top: u64,
    low: u64,
    largest: u64,
}

impl Hint {
    pub(crate) const NONE: Self = Self {
        top: 0,
        low: 0,
        largest: 0,
    };

    /// Something that ended at `end` was taken out: what lies below is unknown again.
    pub(crate) fn freed(&mut self, end: u64) {
        self.low = self.low.max(end.min(self.top));
    }
}

impl<V> RangeMap<V> {
    /// The start of a free range of `len` bytes, aligned to `align` (a power of two), inside `within`: the highest one if `top_down`, else the lowest.
    ///
    /// The top-down search is `&mut` because it remembers where it got to.
    pub fn find_gap(&mut self, len: u64, align: u64, within: Range<u64>, top_down: bool) -> Option<u64> {
        if len == 0 || !align.is_power_of_two() || within.end.saturating_sub(within.start) < len {
            return None;
        }
        if !top_down {
            return self.find_up(len, align, within);
        }
        if self.hint.top == within.end && len > self.hint.largest && self.hint.low > within.start {
            let from = self
                .entry(self.first_ending_after(self.hint.low))
                .map_or(within.end, |entry| entry.start.max(self.hint.low));
            let seen = self.hint.largest;
            return self.find_down(len, align, within.start..from.min(within.end), within.end, seen);
        }
        self.find_down(len, align, within.clone(), within.end, 0)
    }

    /// `range` with the free space on both sides of it. An entry that reaches across an edge leaves no space there.
    #[must_use]
    pub fn gap_around(&self, range: Range<u64>) -> Range<u64> {
        let before = match self.at_or_before(range.start) {
            Some(place) if self.entry(place).is_some_and(|entry| entry.start == range.start) => self.previous(place),
            other => other,
        };
        let low = before
            .and_then(|place| self.entry(place))
            .map_or(0, |entry| entry.end.min(range.start));
        let high = self
            .entry(self.first_ending_after(range.end))
            .map_or(u64::MAX, |entry| entry.start.max(range.end));
        low..high
    }

    fn find_up(&self, len: u64, align: u64, within: Range<u64>) -> Option<u64> {
        let mut low = within.start;
        for (entry, _) in self.overlapping(within.clone()) {
            if let Some(start) = fit_low(low..entry.start, len, align) {
                return Some(start);
            }
            low = entry.end;
        }
        fit_low(low..within.end, len, align)
    }

    /// Walks down from the end of `within`; `seen` is the largest gap known between there and `top`.
    fn find_down(&mut self, len: u64, align: u64, within: Range<u64>, top: u64, seen: u64) -> Option<u64> {
        let mut high = within.end;
        let mut largest = seen;
        let mut place = match self.at_or_before(within.end.saturating_sub(1)) {
            Some(place) => self.next(place),
            None => Place { chunk: 0, index: 0 },
        };
        loop {
            let entry = self
                .previous(place)
                .and_then(|before| Some((before, self.entry(before)?)));
            let low = entry.map_or(within.start, |(_, entry)| entry.end.max(within.start));
            if low < high {
                if let Some(start) = fit_high(low..high, len, align) {
                    self.remember(top, high, largest);
                    return Some(start);
                }
                largest = largest.max(high - low);
            }
            match entry {
                Some((before, entry)) if entry.start > within.start => {
                    high = high.min(entry.start);
                    place = before;
                }
                _ => break,
            }
        }
        self.remember(top, within.start, largest);
        None
    }

    /// Keeps the new knowledge if it reaches further down than the old, or replaces knowledge about another range.
    fn remember(&mut self, top: u64, low: u64, largest: u64) {
        if self.hint.top != top || low <= self.hint.low {
            self.hint = Hint { top, low, largest };
        }
    }
}

fn fit_low(gap: Range<u64>, len: u64, align: u64) -> Option<u64> {
    let start = gap.start.checked_next_multiple_of(align)?;
    (start.checked_add(len)? <= gap.end).then_some(start)
}

fn fit_high(gap: Range<u64>, len: u64, align: u64) -> Option<u64> {
    let start = gap.end.checked_sub(len)? & !(align - 1);
    (start >= gap.start).then_some(start)
}
