//! IPv6 and its extension headers (RFC 8200).

use crate::{u16_at, u32_at};
use core::net::Ipv6Addr;

/// Bytes of a header.
pub const LEN: usize = 40;
/// Bytes of a fragment's header.
pub const FRAGMENT_LEN: usize = 8;

/// Options for every router on the way.
pub const HOP_BY_HOP: u8 = 0;
/// A way by several addresses.
pub const ROUTING: u8 = 43;
/// A part of a packet.
pub const FRAGMENT: u8 = 44;
/// Nothing follows.
pub const NOTHING: u8 = 59;
/// Options for the receiver.
pub const DESTINATION: u8 = 60;

/// Most extension headers that a packet may have.
const MOST_EXTENSIONS: usize = 8;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Class and congestion.
    pub traffic_class: u8,
    /// Which flow it is of.
    pub flow: u32,
    /// What follows.
    pub next: u8,
    /// How many hops it may still take.
    pub hop_limit: u8,
    /// From whom.
    pub source: Ipv6Addr,
    /// To whom.
    pub destination: Ipv6Addr,
}

impl Header {
    /// Takes a packet apart.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (header, len) = Self::parse_unchecked(bytes)?;
        Some((header, bytes.get(LEN..LEN + len)?))
    }

    /// Reads a header only, and how many bytes it says that follow: what a message quotes may end early.
    #[must_use]
    pub fn parse_unchecked(bytes: &[u8]) -> Option<(Self, usize)> {
        let head = bytes.first_chunk::<LEN>()?;
        let first = u32_at(head, 0)?;
        if first >> 28 != 6 {
            return None;
        }
        let header = Self {
            traffic_class: (first >> 20) as u8,
            flow: first & 0xf_ffff,
            next: head[6],
            hop_limit: head[7],
            source: Ipv6Addr::from(*head[8..].first_chunk::<16>()?),
            destination: Ipv6Addr::from(*head[24..].first_chunk::<16>()?),
        };
        Some((header, usize::from(u16_at(head, 4)?)))
    }

    /// Its bytes, for so many that follow.
    #[must_use]
    pub fn to_bytes(&self, payload: usize) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow & 0xf_ffff;
        bytes[..4].copy_from_slice(&first.to_be_bytes());
        bytes[4..6].copy_from_slice(&(payload.min(65535) as u16).to_be_bytes());
        (bytes[6], bytes[7]) = (self.next, self.hop_limit);
        bytes[8..24].copy_from_slice(&self.source.octets());
        bytes[24..].copy_from_slice(&self.destination.octets());
        bytes
    }
}

/// A fragment's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// What follows in the whole packet.
    pub next: u8,
    /// Where it begins, in bytes.
    pub offset: u16,
    /// Whether others follow.
    pub more: bool,
    /// Which packet it is of.
    pub identification: u32,
}

impl Fragment {
    /// Reads one.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let word = u16_at(bytes, 2)?;
        Some(Self {
            next: *bytes.first()?,
            offset: word & !7,
            more: word & 1 != 0,
            identification: u32_at(bytes, 4)?,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; FRAGMENT_LEN] {
        let mut bytes = [0; FRAGMENT_LEN];
        bytes[0] = self.next;
        bytes[2..4].copy_from_slice(&(self.offset & !7 | u16::from(self.more)).to_be_bytes());
        bytes[4..].copy_from_slice(&self.identification.to_be_bytes());
        bytes
    }
}

/// What is behind the extension headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind<'a> {
    /// A transport protocol's packet: its number and bytes.
    Payload(u8, &'a [u8]),
    /// A part of one.
    Part(Fragment, &'a [u8]),
    /// Something that is not known and may not be skipped: the code and where, for a message about it.
    Unknown(u8, usize),
    /// Nothing that makes sense, to be dropped in silence.
    Broken,
}

/// Goes over the extension headers of a packet: `next` is what the header says, `at` where it ends.
#[must_use]
pub fn behind(next: u8, bytes: &[u8], to_group: bool) -> Behind<'_> {
    const UNKNOWN_NEXT: u8 = 1;
    let (mut next, mut rest) = (next, bytes);
    // Where the number of what comes next was read, from the packet's beginning.
    let mut named_at = 6;
    for count in 0..=MOST_EXTENSIONS {
        let at = LEN + bytes.len() - rest.len();
        let (Some(&[after, len]), true) = (rest.first_chunk::<2>(), is_extension(next)) else {
            return match next {
                HOP_BY_HOP if count > 0 => Behind::Unknown(UNKNOWN_NEXT, named_at),
                _ if is_extension(next) || next == NOTHING => Behind::Broken,
                _ => Behind::Payload(next, rest),
            };
        };
        if next == FRAGMENT {
            let (Some(fragment), Some(part)) = (Fragment::parse(rest), rest.get(FRAGMENT_LEN..)) else {
                return Behind::Broken;
            };
            // A packet in one fragment is whole (RFC 8200 section 4.5).
            if fragment.offset == 0 && !fragment.more {
                (next, rest, named_at) = (fragment.next, part, at);
                continue;
            }
            return Behind::Part(fragment, part);
        }
        let Some((header, behind)) = rest.split_at_checked(usize::from(len) * 8 + 8) else {
            return Behind::Broken;
        };
        match next {
            HOP_BY_HOP if count > 0 => return Behind::Unknown(UNKNOWN_NEXT, named_at),
            // Ways by several addresses are not followed.
            ROUTING if header[3] != 0 => return Behind::Unknown(0, at + 2),
            HOP_BY_HOP | DESTINATION => {
                if let Some((offset, silent)) = unknown_option(header, to_group) {
                    return if silent {
                        Behind::Broken
                    } else {
                        Behind::Unknown(2, at + offset)
                    };
                }
            }
            _ => {}
        }
        (next, rest, named_at) = (after, behind, at);
    }
    Behind::Broken
}

const fn is_extension(next: u8) -> bool {
    matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION)
}

/// The first option that is not known and that the packet may not live without: where, and whether nobody is told.
fn unknown_option(header: &[u8], to_group: bool) -> Option<(usize, bool)> {
    let mut at = 2;
    while at < header.len() {
        let kind = header[at];
        // Padding of one byte has no length.
        if kind == 0 {
            at += 1;
            continue;
        }
        let Some(&len) = header.get(at + 1) else {
            return Some((at, true));
        };
        match kind >> 6 {
            // Router alert and padding are known, others of this class are skipped.
            0 => {}
            1 => return Some((at, true)),
            2 => return Some((at, false)),
            _ => return Some((at, to_group)),
        }
        at += 2 + usize::from(len);
    }
    None
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn what_was_built_is_parsed(numbers: (u8, u32, u8, u8), ends: (u128, u128), payload in proptest::collection::vec(any::<u8>(), 0..50)) {
            let header = Header {
                traffic_class: numbers.0,
                flow: numbers.1 & 0xf_ffff,
                next: numbers.2,
                hop_limit: numbers.3,
                source: ends.0.into(),
                destination: ends.1.into(),
            };
            let whole = [&header.to_bytes(payload.len())[..], &payload, &[1; 4]].concat();
            prop_assert_eq!(Header::parse(&whole), Some((header, payload.as_slice())));
            let fragment = Fragment { next: numbers.2, offset: numbers.1 as u16 & !7, more: numbers.0 % 2 == 0, identification: numbers.1 };
            prop_assert_eq!(Fragment::parse(&fragment.to_bytes()), Some(fragment));
        }

        #[test]
        fn nothing_is_too_strange(next in prop_oneof![Just(0u8), Just(43), Just(44), Just(60), any::<u8>()], bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(60), any::<u8>()], 0..80)) {
            let _ = Header::parse(&bytes);
            match behind(next, &bytes, false) {
                Behind::Payload(_, rest) | Behind::Part(_, rest) => prop_assert!(rest.len() <= bytes.len()),
                Behind::Unknown(_, at) => prop_assert!(at <= LEN + bytes.len()),
                Behind::Broken => {}
            }
        }
    }

    #[test]
    fn extension_headers_are_skipped_or_told_of() {
        let options = |kind: u8| [17, 0, kind, 4, 0, 0, 0, 0, 9, 9];
        assert_eq!(behind(17, &[1, 2], false), Behind::Payload(17, &[1, 2]));
        assert_eq!(behind(HOP_BY_HOP, &options(1), false), Behind::Payload(17, &[9, 9]));
        assert_eq!(behind(DESTINATION, &options(0x05), false), Behind::Payload(17, &[9, 9]));
        assert_eq!(behind(DESTINATION, &options(0x45), false), Behind::Broken);
        assert_eq!(behind(DESTINATION, &options(0x85), true), Behind::Unknown(2, 42));
        assert_eq!(
            (
                behind(DESTINATION, &options(0xc5), true),
                behind(DESTINATION, &options(0xc5), false)
            ),
            (Behind::Broken, Behind::Unknown(2, 42))
        );
        assert_eq!(
            behind(ROUTING, &[17, 0, 0, 1, 0, 0, 0, 0], false),
            Behind::Unknown(0, 42)
        );
        assert_eq!(
            behind(ROUTING, &[17, 0, 0, 0, 0, 0, 0, 0, 9], false),
            Behind::Payload(17, &[9])
        );
        assert_eq!(behind(NOTHING, &[], false), Behind::Broken);
        let second: Vec<u8> = [&[0, 0, 1, 4, 0, 0, 0, 0][..], &[17, 0, 1, 4, 0, 0, 0, 0]].concat();
        assert_eq!(behind(DESTINATION, &second, false), Behind::Unknown(1, 40));
        let whole: [u8; 9] = [17, 0, 0, 0, 0, 0, 0, 7, 5];
        assert_eq!(behind(FRAGMENT, &whole, false), Behind::Payload(17, &[5]));
        let part: [u8; 9] = [17, 0, 0, 9, 0, 0, 0, 7, 5];
        assert!(matches!(
            behind(FRAGMENT, &part, false),
            Behind::Part(
                Fragment {
                    offset: 8,
                    more: true,
                    identification: 7,
                    next: 17
                },
                &[5]
            )
        ));
        let endless: Vec<u8> = [60, 0, 1, 4, 0, 0, 0, 0].repeat(20);
        assert_eq!(behind(DESTINATION, &endless, false), Behind::Broken);
    }
}
