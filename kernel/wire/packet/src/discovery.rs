//! Messages of neighbour discovery (RFC 4861) and what routers say (also RFC 8106): the bodies of `ICMPv6` messages, and their options.

use crate::ethernet::Mac;
use crate::{u16_at, u32_at};
use core::net::Ipv6Addr;

/// Kinds of `ICMPv6` messages: errors first.
pub mod kind {
    #![expect(missing_docs, reason = "the names are those of RFC 4443, RFC 4861 and RFC 3810")]
    pub const UNREACHABLE: u8 = 1;
    pub const TOO_BIG: u8 = 2;
    pub const TIME_EXCEEDED: u8 = 3;
    pub const PARAMETER: u8 = 4;
    pub const ECHO: u8 = 128;
    pub const ECHO_REPLY: u8 = 129;
    pub const LISTENER_QUERY: u8 = 130;
    pub const ROUTER_SOLICITATION: u8 = 133;
    pub const ROUTER_ADVERTISEMENT: u8 = 134;
    pub const SOLICITATION: u8 = 135;
    pub const ADVERTISEMENT: u8 = 136;
    pub const REDIRECT: u8 = 137;
    pub const LISTENER_REPORT: u8 = 143;
}

/// Flags of an advertisement, in the four bytes behind the checksum.
pub const ROUTER: u32 = 1 << 31;
/// It answers a question.
pub const SOLICITED: u32 = 1 << 30;
/// What was known before is wrong.
pub const OVERRIDE: u32 = 1 << 29;

/// Numbers of options.
const SOURCE_MAC: u8 = 1;
const TARGET_MAC: u8 = 2;
const PREFIX: u8 = 3;
const MTU: u8 = 5;
const ROUTE: u8 = 24;
const NAMESERVERS: u8 = 25;
const SEARCH: u8 = 31;

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// The sender's address on the local network.
    SourceMac(Mac),
    /// The target's.
    TargetMac(Mac),
    /// A prefix: its length, whether it is on the local network, whether hosts make addresses of it, for how many seconds, and for how many such addresses are preferred.
    Prefix(Ipv6Addr, u8, bool, bool, u32, u32),
    /// The longest packet.
    Mtu(u32),
    /// A route by the sender: destination, length of the prefix, preference (as RFC 4191), for how many seconds.
    Route(Ipv6Addr, u8, u8, u32),
    /// Whom to ask for names, and for how many seconds: addresses of 16 bytes.
    Nameservers(u32, &'a [u8]),
    /// The domains in which names are looked for, and for how many seconds: a list as [`names`](crate::names) reads it.
    Search(u32, &'a [u8]),
}

/// The options at the end of a message; nothing if one of them has no length, which makes the whole message invalid.
#[must_use]
pub fn items(bytes: &[u8]) -> Option<impl Iterator<Item = Item<'_>>> {
    let mut rest = bytes;
    while let Some(len) = rest.get(1) {
        if *len == 0 {
            return None;
        }
        rest = rest.get(usize::from(*len) * 8..)?;
    }
    let mut rest = bytes;
    let next = move || {
        let len = usize::from(*rest.get(1)?) * 8;
        let (item, after) = rest.split_at_checked(len)?;
        rest = after;
        Some(item)
    };
    Some(core::iter::from_fn(next).filter_map(item))
}

fn item(bytes: &[u8]) -> Option<Item<'_>> {
    let mac = || bytes.get(2..)?.first_chunk().copied();
    Some(match *bytes.first()? {
        SOURCE_MAC => Item::SourceMac(mac()?),
        TARGET_MAC => Item::TargetMac(mac()?),
        PREFIX => {
            let (len, flags) = (*bytes.get(2)?, *bytes.get(3)?);
            let prefix = Ipv6Addr::from(*bytes.get(16..)?.first_chunk::<16>()?);
            let (valid, preferred) = (u32_at(bytes, 4)?, u32_at(bytes, 8)?);
            Item::Prefix(
                prefix,
                len.min(128),
                flags & 0x80 != 0,
                flags & 0x40 != 0,
                valid,
                preferred,
            )
        }
        MTU => Item::Mtu(u32_at(bytes, 4)?),
        ROUTE => {
            let mut prefix = [0; 16];
            let given = bytes.get(8..)?;
            let len = given.len().min(16);
            prefix[..len].copy_from_slice(&given[..len]);
            let bits = (*bytes.get(2)?).min(len as u8 * 8);
            Item::Route(prefix.into(), bits, *bytes.get(3)? >> 3 & 3, u32_at(bytes, 4)?)
        }
        NAMESERVERS => Item::Nameservers(u32_at(bytes, 4)?, bytes.get(8..)?),
        SEARCH => Item::Search(u32_at(bytes, 4)?, bytes.get(8..)?),
        _ => return None,
    })
}

/// The option that says an own address on the local network.
#[must_use]
pub const fn mac_option(is_target: bool, mac: Mac) -> [u8; 8] {
    let kind = if is_target { TARGET_MAC } else { SOURCE_MAC };
    [kind, 1, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]]
}

/// What a router says, without its options: the hops that packets should take, for how many seconds it is a way to everywhere, whether addresses or other things come by DHCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// 0 if it does not say.
    pub hop_limit: u8,
    /// 0 if it is no way.
    pub lifetime: u16,
    /// As RFC 4191 numbers it.
    pub preference: u8,
    /// Servers have addresses.
    pub stateful: bool,
    /// Servers know more than routers say.
    pub informed: bool,
}

impl Advertisement {
    /// Reads a message's four bytes behind the checksum, and its body; and gives the options.
    #[must_use]
    pub fn parse(rest: u32, body: &[u8]) -> Option<(Self, &[u8])> {
        let bytes = rest.to_be_bytes();
        let advertisement = Self {
            hop_limit: bytes[0],
            preference: bytes[1] >> 3 & 3,
            lifetime: u16_at(&bytes, 2)?,
            stateful: bytes[1] & 0x80 != 0,
            informed: bytes[1] & 0x40 != 0,
        };
        Some((advertisement, body.get(8..)?))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    #[test]
    fn options_are_read_and_one_without_a_length_spoils_all() {
        let mac = [2, 0, 0, 0, 0, 1];
        let mut bytes = mac_option(false, mac).to_vec();
        bytes.extend([5, 1, 0, 0, 0, 0, 5, 0xdc, 99, 1, 0, 0, 0, 0, 0, 0]);
        let found: Vec<_> = items(&bytes).expect("options").collect();
        assert_eq!(found, [Item::SourceMac(mac), Item::Mtu(1500)]);
        bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        assert!(items(&bytes).is_none());
    }

    proptest! {
        #[test]
        fn nothing_is_too_strange(bytes in proptest::collection::vec(prop_oneof![0u8..6, any::<u8>()], 0..100), rest: u32) {
            if let Some(items) = items(&bytes) {
                prop_assert!(items.count() <= bytes.len());
            }
            let _ = Advertisement::parse(rest, &bytes);
        }
    }
}
