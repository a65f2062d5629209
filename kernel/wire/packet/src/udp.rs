//! UDP (RFC 768).

use crate::checksum::Sum;
use crate::u16_at;
use core::net::IpAddr;

/// Bytes of a header.
pub const LEN: usize = 8;
/// Its number.
pub const PROTOCOL: u8 = 17;
/// Where the checksum lies.
pub const CHECKSUM_AT: u16 = 6;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// From which port.
    pub source: u16,
    /// To which.
    pub destination: u16,
    /// Whether the sender summed it.
    pub has_checksum: bool,
}

impl Header {
    /// Takes a datagram apart. Its checksum is not looked at.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let len = usize::from(u16_at(bytes, 4)?);
        let header = Self {
            source: u16_at(bytes, 0)?,
            destination: u16_at(bytes, 2)?,
            has_checksum: u16_at(bytes, 6)? != 0,
        };
        Some((header, bytes.get(LEN..len)?))
    }

    /// The bytes of a header for so many bytes of payload, with the checksum's field as given.
    #[must_use]
    pub fn to_bytes(&self, payload: usize, checksum: [u8; 2]) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..2].copy_from_slice(&self.source.to_be_bytes());
        bytes[2..4].copy_from_slice(&self.destination.to_be_bytes());
        bytes[4..6].copy_from_slice(&((payload + LEN).min(65535) as u16).to_be_bytes());
        bytes[6..].copy_from_slice(&checksum);
        bytes
    }

    /// The same with the checksum over it and its payload.
    #[must_use]
    pub fn summed(&self, source: IpAddr, destination: IpAddr, payload: &[u8]) -> [u8; LEN] {
        let mut bytes = self.to_bytes(payload.len(), [0; 2]);
        let mut sum = Sum::pseudo(source, destination, PROTOCOL, payload.len() + LEN);
        sum.add(&bytes);
        sum.add(payload);
        // All zeros would mean that there is none.
        let sum = match sum.finish() {
            [0, 0] => [0xff; 2],
            sum => sum,
        };
        bytes[6..].copy_from_slice(&sum);
        bytes
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_built_is_parsed_and_right(ports: (u16, u16), ends: (u32, u32), payload in proptest::collection::vec(any::<u8>(), 0..100)) {
            let header = Header { source: ports.0, destination: ports.1, has_checksum: true };
            let (source, destination) = (IpAddr::V4(ends.0.into()), IpAddr::V4(ends.1.into()));
            let whole = [&header.summed(source, destination, &payload)[..], &payload].concat();
            prop_assert_eq!(Header::parse(&whole), Some((header, payload.as_slice())));
            let mut sum = Sum::pseudo(source, destination, PROTOCOL, whole.len());
            sum.add(&whole);
            prop_assert!(sum.is_right());
        }

        #[test]
        fn nothing_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = Header::parse(&bytes);
        }
    }
}
