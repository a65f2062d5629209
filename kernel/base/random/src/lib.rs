//! The kernel's generator of random bytes: ChaCha20 (RFC 8439) whose key is replaced with each run.
//!
//! A run ciphers zeros; the first 32 bytes become the next key, what follows is handed out, at once or later: small requests share a run, because at boot there are several and a run costs more
//! than a thousand instructions. What has been handed out is erased. Whoever reads the kernel's memory later cannot say what was handed out before. A seed is mixed into the key, so one
//! that an attacker chose takes nothing away from what was there; what was left of the last run goes.
//!
//! It does not measure entropy: the machine seeds it at boot with what it has (`hal::entropy`), devices add to it (`virtio-rng`).
//! Lock: one, a leaf.
#![no_std]
#![forbid(unsafe_code)]

use lock::SpinLock;

/// Words of a key.
type Key = [u32; 8];
/// Bytes that one block of the cipher has.
const BLOCK: usize = 64;
const KEY_BYTES: usize = 32;

struct Generator {
    key: Key,
    /// The second half of the last run's first block.
    spare: [u8; BLOCK - KEY_BYTES],
    /// How many bytes of it, at its end, have not been handed out.
    left: usize,
}

static GENERATOR: SpinLock<Generator> = SpinLock::new(Generator::new());

/// Mixes bytes into the key.
pub fn seed(bytes: &[u8]) {
    let mut generator = GENERATOR.lock();
    for (number, piece) in bytes.chunks(KEY_BYTES).enumerate() {
        if number > 0 {
            generator.run();
        }
        for (word, four) in generator.key.iter_mut().zip(piece.chunks(4)) {
            *word ^= four.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte));
        }
    }
    generator.spare.fill(0);
    generator.left = 0;
}

/// Fills a slice.
pub fn fill(bytes: &mut [u8]) {
    let mut generator = GENERATOR.lock();
    let (blocks, rest) = bytes.as_chunks_mut::<BLOCK>();
    if !blocks.is_empty() {
        let key = generator.run();
        for (piece, counter) in blocks.iter_mut().zip(1..) {
            copy(piece, &block(&key, counter));
        }
    }
    generator.give(rest);
}

impl Generator {
    const fn new() -> Self {
        Self {
            key: [0; 8],
            spare: [0; BLOCK - KEY_BYTES],
            left: 0,
        }
    }

    /// Replaces the key and fills the spare bytes; returns the key that was, whose later blocks nobody has seen.
    fn run(&mut self) -> Key {
        let first = block(&self.key, 0);
        let was = self.key;
        self.key.copy_from_slice(&first[..8]);
        copy(&mut self.spare, &first[8..]);
        self.left = self.spare.len();
        was
    }

    /// Hands spare bytes out.
    fn give(&mut self, mut to: &mut [u8]) {
        while !to.is_empty() {
            if self.left == 0 {
                self.run();
            }
            let len = to.len().min(self.left);
            let from = self.spare.len() - self.left;
            let (piece, rest) = to.split_at_mut(len);
            let given = &mut self.spare[from..from + len];
            piece.copy_from_slice(given);
            given.fill(0);
            self.left -= len;
            to = rest;
        }
    }
}

fn copy(into: &mut [u8], words: &[u32]) {
    for (four, word) in into.chunks_mut(4).zip(words) {
        four.copy_from_slice(&word.to_le_bytes()[..four.len()]);
    }
}

/// One block of the cipher's stream, without a nonce.
fn block(key: &Key, counter: u32) -> [u32; 16] {
    cipher(key, counter, [0; 3])
}

fn cipher(key: &Key, counter: u32, nonce: [u32; 3]) -> [u32; 16] {
    let mut start = [0; 16];
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    start[4..12].copy_from_slice(key);
    start[12] = counter;
    start[13..].copy_from_slice(&nonce);
    let mut state = start;
    for _ in 0..10 {
        for column in 0..4 {
            quarter(&mut state, [column, column + 4, column + 8, column + 12]);
        }
        for column in 0..4 {
            let diagonal = |row: usize| row * 4 + (column + row) % 4;
            quarter(&mut state, [diagonal(0), diagonal(1), diagonal(2), diagonal(3)]);
        }
    }
    for (word, start) in state.iter_mut().zip(start) {
        *word = word.wrapping_add(start);
    }
    state
}

#[inline]
fn quarter(state: &mut [u32; 16], [a, b, c, d]: [usize; 4]) {
    for [sum, from, turned, by] in [[a, b, d, 16], [c, d, b, 12], [a, b, d, 8], [c, d, b, 7]] {
        state[sum] = state[sum].wrapping_add(state[from]);
        state[turned] = (state[turned] ^ state[sum]).rotate_left(by as u32);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn the_cipher_is_that_of_the_rfc() {
        let mut key = [0; 8];
        for (index, word) in key.iter_mut().enumerate() {
            let at = 4 * index as u32;
            *word = at | (at + 1) << 8 | (at + 2) << 16 | (at + 3) << 24;
        }
        // RFC 8439, 2.3.2.
        let words = cipher(&key, 1, [0x0900_0000, 0x4a00_0000, 0]);
        assert_eq!(words[..4], [0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3]);
        assert_eq!(words[12..], [0xd19c_12b5, 0xb94e_16de, 0xe883_d0cb, 0x4e3c_50a2]);
    }

    #[test]
    fn nothing_comes_twice_and_a_seed_changes_what_follows() {
        let take = |len: usize| {
            let mut bytes = vec![0; len];
            fill(&mut bytes);
            bytes
        };
        let long = take(1000);
        let mut blocks: Vec<&[u8]> = long.chunks_exact(8).collect();
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 125);
        assert_ne!(take(32), take(32));

        let known = || {
            *GENERATOR.lock() = Generator {
                key: [7; 8],
                ..Generator::new()
            }
        };
        known();
        let unseeded = take(32);
        known();
        seed(b"something that nobody knows, and longer than one key");
        assert_ne!(take(32), unseeded);
        // What a run left is not handed out after a seed.
        known();
        let _ = take(8);
        let after = take(8);
        known();
        let _ = take(8);
        seed(&[1]);
        assert_ne!(take(8), after);
    }
}
