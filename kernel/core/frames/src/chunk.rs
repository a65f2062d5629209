//! One chunk: 512 frames, a bit for each that is free, and a count for each that is not.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Frames in a chunk.
pub const FRAMES: usize = 512;
const WORDS: usize = FRAMES / 64;

/// Which frames of a chunk are free. Runs are powers of two, aligned to their length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    words: [u64; WORDS],
    free: u32,
}

impl Bitmap {
    /// A chunk with no free frame.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            words: [0; WORDS],
            free: 0,
        }
    }

    /// Free frames.
    #[must_use]
    pub const fn free(&self) -> u32 {
        self.free
    }

    /// Whether every frame is free.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.free as usize == FRAMES
    }

    /// Takes one frame.
    pub fn take_one(&mut self) -> Option<usize> {
        let (index, word) = self.words.iter_mut().enumerate().find(|(_, word)| **word != 0)?;
        let bit = word.trailing_zeros() as usize;
        *word &= *word - 1;
        self.free -= 1;
        Some(index * 64 + bit)
    }

    /// Takes an aligned run of `1 << order` frames.
    pub fn take(&mut self, order: u32) -> Option<usize> {
        match order {
            0 => self.take_one(),
            1..=5 => self.take_in_word(order),
            6..=9 => self.take_words(order),
            _ => None,
        }
    }

    /// Gives back the run that starts at `first`.
    pub fn give(&mut self, first: usize, order: u32) {
        if order < 6 {
            let mask = run_mask(order) << (first % 64);
            debug_assert!(
                self.words[first / 64] & mask == 0,
                "a frame is given back that is free already"
            );
            self.words[first / 64] |= mask;
        } else {
            self.words[first / 64..][..1 << (order - 6)].fill(u64::MAX);
        }
        self.free += 1 << order;
    }

    fn take_in_word(&mut self, order: u32) -> Option<usize> {
        let length = 1usize << order;
        let mask = run_mask(order);
        for (index, word) in self.words.iter_mut().enumerate().filter(|(_, word)| **word != 0) {
            for start in (0..64).step_by(length) {
                if *word >> start & mask == mask {
                    *word &= !(mask << start);
                    self.free -= 1 << order;
                    return Some(index * 64 + start);
                }
            }
        }
        None
    }

    fn take_words(&mut self, order: u32) -> Option<usize> {
        let count = 1usize << (order - 6);
        let start = (0..WORDS)
            .step_by(count)
            .find(|&at| self.words[at..at + count].iter().all(|&word| word == u64::MAX))?;
        self.words[start..start + count].fill(0);
        self.free -= 1 << order;
        Some(start * 64)
    }
}

const fn run_mask(order: u32) -> u64 {
    (1u64 << (1u32 << order)) - 1
}

/// The part of a chunk's bookkeeping that the pool's lock guards.
#[derive(Debug)]
#[repr(C)]
pub struct Head {
    /// Free frames.
    pub bitmap: Bitmap,
    /// The chunk's number: its address divided by 2 MiB.
    pub number: u32,
    /// Neighbours in the pool's list that the chunk is in.
    pub next: Option<u32>,
    /// See `next`.
    pub previous: Option<u32>,
}

/// What is known of an accepted chunk; it lives in a page of its own.
#[derive(Debug)]
#[repr(C)]
pub struct Chunk {
    /// Guarded by the pool's lock.
    pub head: Head,
    /// References to the chunk as one huge page.
    pub whole: AtomicU32,
    /// Whether somebody holds its parts singly while others hold the whole. Each count has one for all of those together then.
    pub parted: AtomicBool,
    /// References to each frame that is in use.
    pub counts: [AtomicU32; FRAMES],
}

/// A count that is never reached by counting: the frame is not the pool's (the root image, the kernel).
pub const PINNED: u32 = 1 << 30;

/// What the heap's own reference to a frame of a large object counts besides the one: those who may be lent it tell it by that from others.
pub const HEAP: u32 = 1 << 29;

impl Chunk {
    /// Marks the frames of a large object of the heap.
    pub fn mark(&self, first: usize, count: usize) {
        for count in &self.counts[first..][..count] {
            count.store(HEAP + 1, Ordering::Relaxed);
        }
    }

    /// Gives up the heap's reference to a frame; whether nobody has been lent it who still holds it.
    #[must_use]
    pub fn unmark(&self, index: usize) -> bool {
        self.counts[index].fetch_sub(HEAP + 1, Ordering::AcqRel) == HEAP + 1
    }

    /// One more reference to a frame.
    pub fn hold(&self, index: usize) {
        self.counts[index].fetch_add(1, Ordering::Relaxed);
    }

    /// One reference fewer; whether it was the last.
    #[must_use]
    pub fn release(&self, index: usize) -> bool {
        let count = &self.counts[index];
        if count.load(Ordering::Acquire) == 1 {
            count.store(0, Ordering::Relaxed);
            return true;
        }
        count.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn a_whole_chunk_is_one_run_of_order_nine() {
        let mut bitmap = Bitmap::full();
        bitmap.give(0, 9);
        assert!(bitmap.is_whole());
        assert_eq!(bitmap.take(9), Some(0));
        assert_eq!((bitmap.free(), bitmap.take_one()), (0, None));
    }

    proptest! {
        #[test]
        fn runs_never_overlap_and_all_come_back(orders in proptest::collection::vec(0u32..9, 1..200)) {
            let mut bitmap = Bitmap::full();
            bitmap.give(0, 9);
            let mut owner = [false; FRAMES];
            let mut taken = Vec::new();
            for order in orders {
                if let Some(first) = bitmap.take(order) {
                    prop_assert_eq!(first % (1 << order), 0);
                    for frame in &mut owner[first..first + (1 << order)] {
                        prop_assert!(!*frame);
                        *frame = true;
                    }
                    taken.push((first, order));
                }
            }
            prop_assert_eq!(bitmap.free() as usize, owner.iter().filter(|used| !**used).count());
            taken.into_iter().for_each(|(first, order)| bitmap.give(first, order));
            prop_assert!(bitmap.is_whole());
        }
    }
}
