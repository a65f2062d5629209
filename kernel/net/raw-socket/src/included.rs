//! Packets that a program gives with their header (`IP_HDRINCL`, `IPV6_HDRINCL`): they go as they are, fragments too.

use crate::{HEADER_INCLUDED, HEADER_INCLUDED_NEWER, RAW, RawSocket};
use abi::socket::AF_INET;
use abi::{Errno, Error, Result};
use core::net::IpAddr;
use inet_options::cork::Prepared;
use inet_options::options::{IPPROTO_IP, IPPROTO_IPV6};
use packet::{checksum, ipv4, ipv6};

const WRONG: Error = Error::new(Errno::EINVAL, "the packet has no right header");

impl RawSocket {
    pub(crate) fn includes_header(&self) -> bool {
        let otherwise = i32::from(self.protocol == RAW);
        let (level, name) = if self.family == AF_INET {
            (IPPROTO_IP, HEADER_INCLUDED)
        } else {
            (IPPROTO_IPV6, HEADER_INCLUDED_NEWER)
        };
        self.options.kept(level, name).unwrap_or(otherwise) != 0
    }

    pub(crate) fn send_with_header(&self, whole: &Prepared) -> Result<()> {
        let mut bytes = whole.bytes.clone();
        let (protocol, header) = match whole.route.source {
            IpAddr::V4(source) => complete(&mut bytes, source.octets())?,
            IpAddr::V6(_) => {
                let (header, _) = ipv6::Header::parse_unchecked(&bytes).ok_or(WRONG)?;
                (header.next, ipv6::LEN)
            }
        };
        let payload = [&bytes[header..]];
        let packet = ip::Outgoing {
            source: Some(whole.route.source),
            via: whole.via,
            ..ip::Outgoing::new(whole.to.ip(), protocol, &[], &payload)
        };
        ip::send_by_hand(&packet, &bytes)
    }
}

/// As on Linux, how long a packet is and its sum need not be said, nor its number and its source; its protocol and where its header ends.
fn complete(bytes: &mut [u8], source: [u8; 4]) -> Result<(u8, usize)> {
    let len = bytes.len();
    let first = bytes.first_chunk_mut::<{ ipv4::LEN }>().ok_or(WRONG)?;
    let end = usize::from(first[0] & 15) * 4;
    if first[0] >> 4 != 4 || !(ipv4::LEN..=len).contains(&end) {
        return Err(WRONG);
    }
    first[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    if first[4..6] == [0; 2] {
        first[4..6].copy_from_slice(&ip::next_number().to_be_bytes());
    }
    if first[12..16] == [0; 4] {
        first[12..16].copy_from_slice(&source);
    }
    first[10..12].fill(0);
    let protocol = first[9];
    let sum = checksum::of(&bytes[..end]);
    bytes[10..12].copy_from_slice(&sum);
    Ok((protocol, end))
}
