//! What came out of order, and what is told of it (RFC 2018, RFC 2883).
//!
//! Places are offsets in the whole stream here, so that they can be ordered.

use crate::segment::BLOCKS;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Holes at most; what would make more is dropped and sent again.
const HOLES: usize = 1024;
/// Pieces are joined up to this length.
const JOINED: usize = 16384;
/// What a piece costs besides its bytes.
const OVERHEAD: usize = 128;

/// Bytes without gaps between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u64,
    end: u64,
    /// When it last grew.
    stamp: u32,
}

/// What waits for what is missing before it.
#[derive(Default)]
pub(crate) struct Assembler {
    /// Bytes and their place, in order. Pieces are long or holes are between them, so there are never many.
    pieces: VecDeque<(u64, Vec<u8>)>,
    ranges: Vec<Range>,
    bytes: usize,
    stamp: u32,
    /// What came twice, to be told once.
    twice: Option<(u64, u64)>,
}

impl Assembler {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Memory that it takes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes + self.pieces.len() * OVERHEAD
    }

    /// Notes that bytes came that had come before.
    pub(crate) const fn came_twice(&mut self, start: u64, end: u64) {
        self.twice = Some((start, end));
    }

    /// Takes bytes that begin after what is missing; false if they were dropped.
    pub(crate) fn insert(&mut self, mut start: u64, mut bytes: &[u8]) -> bool {
        let end = start + bytes.len() as u64;
        let at = self.ranges.partition_point(|range| range.end < start);
        let touches = self.ranges.get(at).is_some_and(|range| range.start <= end);
        if !touches && self.ranges.len() >= HOLES {
            return false;
        }
        if let Some(range) = self.ranges.get(at)
            && range.start <= start
            && end <= range.end
        {
            self.twice = Some((start, end));
        }
        self.stamp = self.stamp.wrapping_add(1);
        self.cover(at, start, end);
        // What is there already stays; the rest is put between.
        while !bytes.is_empty() {
            let at = self.pieces.partition_point(|(first, _)| *first <= start);
            let before = at.checked_sub(1).and_then(|at| self.pieces.get(at));
            let known_to = before.map_or(0, |(first, piece)| first + piece.len() as u64);
            if known_to > start {
                let known = (known_to - start).min(bytes.len() as u64);
                start += known;
                bytes = &bytes[known as usize..];
                continue;
            }
            let next = self.pieces.get(at).map_or(end, |(first, _)| (*first).min(end));
            let (new, rest) = bytes.split_at((next - start) as usize);
            self.put(at, known_to == start, start, new);
            start = next;
            bytes = rest;
        }
        true
    }

    /// Puts bytes at the `at`th place, or at the end of the piece before, if they join.
    fn put(&mut self, at: usize, joins: bool, start: u64, new: &[u8]) {
        self.bytes += new.len();
        if joins
            && let Some((_, piece)) = at.checked_sub(1).and_then(|at| self.pieces.get_mut(at))
            && piece.len() + new.len() <= JOINED
        {
            return piece.extend_from_slice(new);
        }
        self.pieces.insert(at, (start, new.to_vec()));
    }

    /// Makes one range of a new one and all that it touches, from the `at`th on.
    fn cover(&mut self, at: usize, mut start: u64, mut end: u64) {
        let mut until = at;
        while let Some(range) = self.ranges.get(until).filter(|range| range.start <= end) {
            start = start.min(range.start);
            end = end.max(range.end);
            until += 1;
        }
        let stamp = self.stamp;
        self.ranges.splice(at..until, [Range { start, end, stamp }]);
    }

    /// A piece that nothing is missing before any more, without what is known of it.
    pub(crate) fn take(&mut self, next: u64) -> Option<(Vec<u8>, usize)> {
        while let Some((start, _)) = self.pieces.front()
            && *start <= next
            && let Some((start, piece)) = self.pieces.pop_front()
        {
            self.bytes -= piece.len();
            let end = start + piece.len() as u64;
            self.ranges.retain(|range| range.end > end);
            if end > next {
                return Some((piece, (next - start) as usize));
            }
        }
        None
    }

    /// Whether there is something to tell.
    pub(crate) const fn has_blocks(&self) -> bool {
        !self.ranges.is_empty() || self.twice.is_some()
    }

    /// What to tell: what came twice, if that is told, then what came last, and so on.
    pub(crate) fn blocks(&mut self, most: usize, twice: bool) -> ([(u64, u64); BLOCKS], usize) {
        let mut blocks = [(0, 0); BLOCKS];
        let mut count = 0;
        if let Some(known) = self.twice.take()
            && twice
        {
            blocks[0] = known;
            count = 1;
        }
        let mut age = None;
        while count < most.min(BLOCKS) {
            let older = |range: &&Range| age.is_none_or(|age| self.stamp.wrapping_sub(range.stamp) > age);
            let next = self.ranges.iter().filter(older);
            let Some(range) = next.min_by_key(|range| self.stamp.wrapping_sub(range.stamp)) else {
                break;
            };
            blocks[count] = (range.start, range.end);
            count += 1;
            age = Some(self.stamp.wrapping_sub(range.stamp));
        }
        (blocks, count)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_make_one_stream() {
        let stream: Vec<u8> = (0..=255).collect();
        let mut seed = 1_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) % below
        };
        for _ in 0..200 {
            let mut assembler = Assembler::default();
            for _ in 0..40 {
                let start = 1 + next(250);
                let end = (start + 1 + next(20)).min(256);
                assert!(assembler.insert(start, &stream[start as usize..end as usize]));
                let (blocks, count) = assembler.blocks(4, true);
                assert!(blocks[..count].iter().any(|block| block.0 <= start && end <= block.1));
            }
            assembler.insert(0, &stream[..120]);
            let mut out = Vec::new();
            while let Some((piece, from)) = assembler.take(out.len() as u64) {
                out.extend_from_slice(&piece[from..]);
            }
            assert!(out.len() >= 120 && out[..] == stream[..out.len()]);
            assert_eq!(assembler.ranges.is_empty(), assembler.is_empty());
            let bytes: usize = assembler.pieces.iter().map(|(_, piece)| piece.len()).sum();
            assert_eq!(bytes, assembler.bytes);
        }
    }

    #[test]
    fn what_came_last_is_told_first() {
        let mut assembler = Assembler::default();
        for start in [10, 30, 50, 20] {
            assembler.insert(start, &[0; 5]);
        }
        assembler.insert(31, &[0; 2]);
        let (blocks, count) = assembler.blocks(4, true);
        assert_eq!((count, &blocks), (4, &[(31, 33), (30, 35), (20, 25), (50, 55)]));
    }
}
