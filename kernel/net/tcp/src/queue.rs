//! Bytes in the order of a stream, in pieces that are allocated when they are needed.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// What is shorter is joined with what comes next.
const SMALL: usize = 2048;
/// Room that is taken at once for what arrives in small pieces, and at most.
const ROOM: usize = 8192;
const LARGEST: usize = 32_768;

/// A queue of bytes.
#[derive(Default)]
pub(crate) struct Queue {
    pieces: VecDeque<Vec<u8>>,
    /// Bytes of the first piece that are gone.
    gone: usize,
    len: usize,
}

impl Queue {
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes with those that are gone or not there yet, for which memory is kept all the same.
    pub(crate) fn memory(&self) -> usize {
        let spare = self.pieces.back().map_or(0, |last| last.capacity() - last.len());
        self.len + self.gone + spare
    }

    /// Adds bytes at the end, without copying them when they are many.
    pub(crate) fn push(&mut self, bytes: Vec<u8>) {
        if bytes.len() < SMALL && !self.pieces.is_empty() {
            self.append(&bytes);
        } else if !bytes.is_empty() {
            self.len += bytes.len();
            self.pieces.push_back(bytes);
        }
    }

    /// Copies bytes to the end.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len();
        if let Some(last) = self.pieces.back_mut() {
            let (head, rest) = bytes.split_at(bytes.len().min(last.capacity() - last.len()));
            last.extend_from_slice(head);
            bytes = rest;
        }
        for bytes in bytes.chunks(LARGEST) {
            // The first piece of an empty queue is only as long as it must be: most that come alone are read before the next.
            let room = if self.pieces.is_empty() { bytes.len() } else { ROOM };
            let mut piece = Vec::with_capacity(room.max(bytes.len()));
            piece.extend_from_slice(bytes);
            self.pieces.push_back(piece);
        }
    }

    /// Forgets bytes at the front.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.len);
        self.len -= count;
        self.gone += count;
        while let Some(first) = self.pieces.front()
            && self.gone >= first.len()
        {
            self.gone -= first.len();
            self.pieces.pop_front();
        }
        self.rest();
    }

    /// The bytes from `from` on, as slices; how many they have, at most `len`.
    pub(crate) fn slices<'a>(&'a self, from: usize, len: usize, into: &mut [&'a [u8]]) -> (usize, usize) {
        let mut skip = from + self.gone;
        let (mut used, mut total) = (0, 0);
        for piece in &self.pieces {
            if skip >= piece.len() {
                skip -= piece.len();
                continue;
            }
            if total == len || used == into.len() {
                break;
            }
            let part = &piece[skip..];
            let part = &part[..part.len().min(len - total)];
            into[used] = part;
            used += 1;
            total += part.len();
            skip = 0;
        }
        (used, total)
    }

    /// The first piece, and where its bytes begin in it.
    pub(crate) fn take(&mut self) -> Option<(Vec<u8>, usize)> {
        let piece = self.pieces.pop_front()?;
        let gone = core::mem::take(&mut self.gone);
        self.len -= piece.len() - gone;
        self.rest();
        Some((piece, gone))
    }

    /// Puts back what was not needed of the first piece.
    pub(crate) fn give_back(&mut self, piece: Vec<u8>, gone: usize) {
        if gone < piece.len() {
            self.len += piece.len() - gone;
            self.pieces.push_front(piece);
            self.gone = gone;
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// An idle connection keeps no memory.
    fn rest(&mut self) {
        if self.pieces.is_empty() {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut queue = Queue::default();
        for (len, value) in [(3000, 1), (1, 2), (5000, 3), (10, 4)] {
            queue.push(vec![value; len]);
        }
        assert_eq!(queue.len(), 8011);
        queue.consume(2999);
        let mut slices: [&[u8]; 8] = [&[]; 8];
        let (used, total) = queue.slices(1, 5002, &mut slices);
        assert_eq!(
            (total, slices[..used].concat()),
            (5002, [vec![2; 1], vec![3; 5000], vec![4; 1]].concat())
        );
        assert_eq!(queue.slices(0, 9999, &mut slices[..1]).1, 1);
        let (piece, gone) = queue.take().expect("a piece");
        assert_eq!((queue.len(), &piece[gone..]), (5011, &[1][..]));
        queue.give_back(piece, gone);
        assert_eq!(queue.len(), 5012);
        queue.consume(9999);
        assert_eq!((queue.len(), queue.take().is_none()), (0, true));
    }
}
