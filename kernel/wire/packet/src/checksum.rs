//! The internet checksum (RFC 1071), in pieces.
//!
//! The sum is the same whichever order the bytes of its words are in, so words are added as the machine has them and only the result is bytes again.

use core::net::{IpAddr, Ipv4Addr};

/// A sum under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    value: u64,
    /// An odd number of bytes came so far: the next begins in the middle of a word.
    odd: bool,
}

impl Sum {
    /// Nothing summed.
    #[must_use]
    pub const fn new() -> Self {
        Self { value: 0, odd: false }
    }

    /// The sum of addresses, protocol and length that transport protocols begin with (RFC 768, RFC 8200 section 8.1).
    #[must_use]
    pub fn pseudo(source: IpAddr, destination: IpAddr, protocol: u8, len: usize) -> Self {
        let mut sum = Self::behind(&[], protocol, len);
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let word = |ip: Ipv4Addr| u64::from(u32::from_ne_bytes(ip.octets()));
                sum.value += word(source) + word(destination);
            }
            (source, destination) => {
                for ip in [source, destination] {
                    match ip {
                        IpAddr::V4(ip) => sum.add(&ip.to_ipv6_mapped().octets()),
                        IpAddr::V6(ip) => sum.add(&ip.octets()),
                    }
                }
            }
        }
        sum
    }

    /// The same, with the addresses as they lie in a packet.
    #[must_use]
    pub fn behind(addresses: &[u8], protocol: u8, len: usize) -> Self {
        let mut sum = Self {
            value: u64::from(u16::from_ne_bytes([0, protocol])) + u64::from((len as u32).to_be()),
            odd: false,
        };
        sum.add(addresses);
        sum
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        let (mut value, mut rest) = if bytes.len() < BLOCK {
            (0, bytes)
        } else {
            of_blocks(bytes)
        };
        while let Some((wide, behind)) = rest.split_first_chunk() {
            let wide = u64::from_ne_bytes(*wide);
            value += (wide & 0xffff_ffff) + (wide >> 32);
            rest = behind;
        }
        if let Some((word, behind)) = rest.split_first_chunk() {
            value += u64::from(u32::from_ne_bytes(*word));
            rest = behind;
        }
        if let Some((short, behind)) = rest.split_first_chunk() {
            value += u64::from(u16::from_ne_bytes(*short));
            rest = behind;
        }
        if let [last] = *rest {
            value += u64::from(u16::from_ne_bytes([last, 0]));
        }
        // Each is below 2^32 times the number of words, of which there are too few to overflow.
        self.value += if self.odd {
            u64::from(fold(value).swap_bytes())
        } else {
            value
        };
        self.odd ^= bytes.len() % 2 == 1;
    }

    /// The bytes for a header's field: with them in it, what was summed is right.
    #[must_use]
    pub fn finish(self) -> [u8; 2] {
        (!fold(self.value)).to_ne_bytes()
    }

    /// The sum as it stands, for a card that completes it.
    #[must_use]
    pub fn partial(self) -> [u8; 2] {
        fold(self.value).to_ne_bytes()
    }

    /// Whether what was summed, its checksum included, is right.
    #[must_use]
    pub fn is_right(self) -> bool {
        fold(self.value) == 0xffff
    }
}

/// Bytes that are added in one go.
const BLOCK: usize = 64;

/// The sum of whole blocks, as numbers that the machine adds, each with the carry of the one before; and what is left.
fn of_blocks(bytes: &[u8]) -> (u64, &[u8]) {
    let (mut sum, mut carries) = (0u64, 0u64);
    let mut blocks = bytes.chunks_exact(BLOCK);
    for block in &mut blocks {
        let mut carry = false;
        for wide in block.chunks_exact(8) {
            let wide = wide.first_chunk().map_or(0, |wide| u64::from_ne_bytes(*wide));
            (sum, carry) = sum.carrying_add(wide, carry);
        }
        carries += u64::from(carry);
    }
    ((sum & 0xffff_ffff) + (sum >> 32) + carries, blocks.remainder())
}

fn fold(mut value: u64) -> u16 {
    while value > 0xffff {
        value = (value & 0xffff) + (value >> 16);
    }
    value as u16
}

/// The checksum of some bytes.
#[must_use]
pub fn of(bytes: &[u8]) -> [u8; 2] {
    let mut sum = Sum::new();
    sum.add(bytes);
    sum.finish()
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// As RFC 1071 has it.
    fn slow(bytes: &[u8]) -> [u8; 2] {
        let words = bytes
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
        let mut sum = words.fold(0u64, |sum, word| sum + u64::from(word));
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        (!(sum as u16)).to_be_bytes()
    }

    proptest! {
        #[test]
        fn pieces_give_what_the_whole_gives(bytes in proptest::collection::vec(any::<u8>(), 0..300), cuts in proptest::collection::vec(0usize..300, 0..5)) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&cut| cut < bytes.len()).collect();
            cuts.sort_unstable();
            let mut sum = Sum::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                sum.add(&bytes[from..cut]);
                from = cut;
            }
            prop_assert_eq!(sum.finish(), slow(&bytes));
            prop_assert_eq!(of(&bytes), slow(&bytes));
        }
    }

    #[test]
    fn with_its_checksum_in_it_a_header_is_right() {
        let mut bytes = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7,
        ];
        let sum = of(&bytes);
        assert_eq!(sum, [0xb8, 0x61]);
        bytes[10..12].copy_from_slice(&sum);
        let mut check = Sum::new();
        check.add(&bytes);
        assert!(check.is_right());
    }
}
