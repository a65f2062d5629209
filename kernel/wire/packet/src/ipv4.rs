//! IPv4 (RFC 791).

use crate::checksum;
use core::net::Ipv4Addr;

/// Bytes of a header without options.
pub const LEN: usize = 20;
/// Most bytes of a header.
pub const LONGEST: usize = 60;

const DONT_FRAGMENT: u16 = 0x4000;
const MORE: u16 = 0x2000;
const OFFSET: u16 = 0x1fff;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Type of service: class and congestion.
    pub traffic_class: u8,
    /// Which packet a fragment is of.
    pub identification: u16,
    /// Nobody may cut it.
    pub dont_fragment: bool,
    /// Further fragments follow.
    pub more_fragments: bool,
    /// Where a fragment begins, in bytes.
    pub offset: u16,
    /// How many hops it may still take.
    pub hop_limit: u8,
    /// What it carries.
    pub protocol: u8,
    /// From whom.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// Options, with their padding.
    pub options: &'a [u8],
}

impl<'a> Header<'a> {
    /// Takes a packet apart, if its checksum is right.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut sum = checksum::Sum::new();
        let len = usize::from(bytes.first()? & 0xf) * 4;
        sum.add(bytes.get(..len)?);
        if !sum.is_right() {
            return None;
        }
        Self::parse_unchecked(bytes).and_then(|(header, total)| Some((header, bytes.get(len..total)?)))
    }

    /// Reads a header only, right or not, and how long it says that the packet is: what an ICMP message quotes may end early.
    #[must_use]
    pub fn parse_unchecked(bytes: &'a [u8]) -> Option<(Self, usize)> {
        let head = bytes.first_chunk::<LEN>()?;
        let len = usize::from(head[0] & 0xf) * 4;
        let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let total = usize::from(word(2));
        if head[0] >> 4 != 4 || len < LEN || total < len {
            return None;
        }
        let header = Self {
            traffic_class: head[1],
            identification: word(4),
            dont_fragment: word(6) & DONT_FRAGMENT != 0,
            more_fragments: word(6) & MORE != 0,
            offset: (word(6) & OFFSET) * 8,
            hop_limit: head[8],
            protocol: head[9],
            source: Ipv4Addr::from(*head[12..].first_chunk::<4>()?),
            destination: Ipv4Addr::from(*head[16..].first_chunk::<4>()?),
            options: bytes.get(LEN..len)?,
        };
        Some((header, total))
    }

    /// Whether it is a part of a packet only.
    #[must_use]
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.offset != 0
    }

    /// Bytes of the header.
    #[must_use]
    pub fn len(&self) -> usize {
        LEN + self.options.len().min(LONGEST - LEN).next_multiple_of(4)
    }

    /// Never: a header has bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes it for so many bytes of payload; how long it is.
    pub fn write(&self, payload: usize, into: &mut [u8; LONGEST]) -> usize {
        let len = self.len();
        let flags = if self.dont_fragment { DONT_FRAGMENT } else { 0 } | if self.more_fragments { MORE } else { 0 };
        into[0] = 0x40 | (len / 4) as u8;
        into[1] = self.traffic_class;
        into[2..4].copy_from_slice(&((len + payload).min(65535) as u16).to_be_bytes());
        into[4..6].copy_from_slice(&self.identification.to_be_bytes());
        into[6..8].copy_from_slice(&(flags | (self.offset / 8) & OFFSET).to_be_bytes());
        (into[8], into[9]) = (self.hop_limit, self.protocol);
        into[10..12].fill(0);
        into[12..16].copy_from_slice(&self.source.octets());
        into[16..20].copy_from_slice(&self.destination.octets());
        into[LEN..].fill(0);
        for (to, from) in into[LEN..].iter_mut().zip(self.options) {
            *to = *from;
        }
        let sum = checksum::of(&into[..len]);
        into[10..12].copy_from_slice(&sum);
        len
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_built_is_parsed(numbers: (u8, u16, bool, bool, u16, u8, u8), ends: (u32, u32), words in 0usize..11, payload in proptest::collection::vec(any::<u8>(), 0..100)) {
            let options = std::vec![7; words * 4];
            let header = Header {
                traffic_class: numbers.0,
                identification: numbers.1,
                dont_fragment: numbers.2,
                more_fragments: numbers.3,
                offset: numbers.4 & !7,
                hop_limit: numbers.5,
                protocol: numbers.6,
                source: Ipv4Addr::from(ends.0),
                destination: Ipv4Addr::from(ends.1),
                options: &options,
            };
            let mut bytes = [0xaa; LONGEST];
            let len = header.write(payload.len(), &mut bytes);
            let whole = [&bytes[..len], &payload, &[9; 6]].concat();
            prop_assert_eq!(Header::parse(&whole), Some((header, payload.as_slice())));
            let mut broken = whole;
            broken[8] ^= 0x10;
            prop_assert_eq!(Header::parse(&broken), None);
        }

        #[test]
        fn nothing_is_too_strange(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), repair: bool) {
            if repair && bytes.len() >= LEN {
                bytes[0] = 0x45;
                bytes[10..12].fill(0);
                let sum = checksum::of(&bytes[..LEN]);
                bytes[10..12].copy_from_slice(&sum);
            }
            if let Some((_, payload)) = Header::parse(&bytes) {
                prop_assert!(payload.len() <= bytes.len() - LEN);
            }
        }
    }
}
