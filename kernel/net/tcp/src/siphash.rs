//! `SipHash` (Aumasson, Bernstein): a hash that nobody can foresee who does not know the key. In the form 2-4 for what others see, and 1-3 for the places of tables, which they do not.

/// A secret.
#[derive(Clone, Copy, Default)]
pub struct Key(pub [u64; 2]);

impl Key {
    /// The hash of some words.
    #[must_use]
    pub fn hash(&self, words: &[u64]) -> u64 {
        self.sum(words, 2, 4)
    }

    /// A hash of some words that is not shown to anybody.
    #[must_use]
    pub fn place(&self, words: &[u64]) -> u64 {
        self.sum(words, 1, 3)
    }

    #[inline]
    fn sum(&self, words: &[u64], each: usize, last: usize) -> u64 {
        let [k0, k1] = self.0;
        let mut v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        let length = (words.len() as u64 * 8) << 56;
        for word in words.iter().copied().chain([length]) {
            v[3] ^= word;
            rounds(&mut v, each);
            v[0] ^= word;
        }
        v[2] ^= 0xff;
        rounds(&mut v, last);
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }
}

#[inline]
fn rounds(v: &mut [u64; 4], count: usize) {
    for _ in 0..count {
        v[0] = v[0].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[2] = v[2].rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors() {
        let key = Key([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        assert_eq!(key.hash(&[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(key.hash(&[0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
    }
}
