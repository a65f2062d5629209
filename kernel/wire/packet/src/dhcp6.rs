//! DHCP for the newer protocol (RFC 8415): messages between clients and servers, and their options.

use crate::ethernet::Mac;
use crate::{u16_at, u32_at};
use alloc::vec::Vec;
use core::net::Ipv6Addr;

/// The ports of clients and of servers.
pub const CLIENT: u16 = 546;
/// As above.
pub const SERVER: u16 = 547;
/// Every server and relay on the local network.
pub const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// What messages there are.
pub mod kind {
    #![expect(missing_docs, reason = "the names are those of RFC 8415")]
    pub const SOLICIT: u8 = 1;
    pub const ADVERTISE: u8 = 2;
    pub const REQUEST: u8 = 3;
    pub const RENEW: u8 = 5;
    pub const REBIND: u8 = 6;
    pub const REPLY: u8 = 7;
    pub const RELEASE: u8 = 8;
    pub const DECLINE: u8 = 9;
    pub const INFORMATION: u8 = 11;
}

/// Numbers of options.
pub mod option {
    #![expect(missing_docs, reason = "the names are those of RFC 8415 and RFC 3646")]
    pub const CLIENT: u16 = 1;
    pub const SERVER: u16 = 2;
    pub const ADDRESSES: u16 = 3;
    pub const ADDRESS: u16 = 5;
    pub const WANTED: u16 = 6;
    pub const ELAPSED: u16 = 8;
    pub const STATUS: u16 = 13;
    pub const RAPID: u16 = 14;
    pub const NAMESERVERS: u16 = 23;
    pub const DOMAINS: u16 = 24;
    pub const REFRESH: u16 = 32;
}

/// Where the options of a message begin, those of an association of addresses, and those of an address.
const HEAD: usize = 4;
const ASSOCIATION: usize = 12;
const ADDRESS: usize = 24;
/// An identifier made of an Ethernet address (RFC 8415 section 11.4).
const BY_MAC: [u8; 4] = [0, 3, 0, 1];
/// Longer identifiers nobody may have.
const LONGEST_ID: usize = 130;

/// The value of the first option of a number; options that break off end the list.
#[must_use]
pub fn find(options: &[u8], name: u16) -> Option<&[u8]> {
    walk(options).find_map(|(kind, value)| (kind == name).then_some(value))
}

fn walk(options: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = options;
    core::iter::from_fn(move || {
        let (kind, len) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let (value, after) = rest.get(4..)?.split_at_checked(len)?;
        rest = after;
        Some((kind, value))
    })
}

/// Whether options say that something went wrong.
#[must_use]
pub fn is_refused(options: &[u8]) -> bool {
    find(options, option::STATUS).is_some_and(|status| u16_at(status, 0) != Some(0))
}

/// An address that a server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Itself.
    pub ip: Ipv6Addr,
    /// For how many seconds it is preferred, and good.
    pub preferred: u32,
    /// As above.
    pub valid: u32,
}

/// An association of addresses in a message of a server: when its client is to ask for more time (0 leaves it to the client), and the options with the addresses.
#[derive(Clone, Copy, Debug)]
pub struct Association<'a> {
    /// Seconds until the server is asked.
    pub renew: u32,
    /// Seconds until everybody is asked.
    pub rebind: u32,
    /// The rest.
    pub options: &'a [u8],
}

impl<'a> Association<'a> {
    /// That of a number, if the message has it.
    #[must_use]
    pub fn find(options: &'a [u8], number: u32) -> Option<Self> {
        let mut all = walk(options).filter(|(kind, _)| *kind == option::ADDRESSES);
        let value = all.find_map(|(_, value)| (u32_at(value, 0)? == number).then_some(value))?;
        Some(Self {
            renew: u32_at(value, 4)?,
            rebind: u32_at(value, 8)?,
            options: value.get(ASSOCIATION..)?,
        })
    }

    /// Its addresses, without those that are refused.
    pub fn addresses(&self) -> impl Iterator<Item = Given> + use<'a> {
        let all = walk(self.options).filter(|(kind, _)| *kind == option::ADDRESS);
        all.filter_map(|(_, value)| {
            let given = Given {
                ip: Ipv6Addr::from(*value.first_chunk::<16>()?),
                preferred: u32_at(value, 16)?,
                valid: u32_at(value, 20)?,
            };
            (!is_refused(value.get(ADDRESS..)?)).then_some(given)
        })
    }
}

/// A message of a server.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// What it is.
    pub kind: u8,
    /// Whose question it answers, 24 bits.
    pub number: u32,
    /// Who sent it.
    pub server: &'a [u8],
    /// Everything that it says.
    pub options: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Takes one apart that is for a client with this card.
    #[must_use]
    pub fn parse(bytes: &'a [u8], mac: Mac) -> Option<Self> {
        let options = bytes.get(HEAD..)?;
        let head = u32_at(bytes, 0)?;
        let server = find(options, option::SERVER)?;
        let is_mine = find(options, option::CLIENT)? == client_id(mac);
        let is_fine = is_mine && !server.is_empty() && server.len() <= LONGEST_ID;
        is_fine.then_some(Self {
            kind: (head >> 24) as u8,
            number: head & 0xff_ffff,
            server,
            options,
        })
    }
}

/// How a client with this card calls itself.
#[must_use]
pub fn client_id(mac: Mac) -> [u8; 10] {
    let mut id = [0; 10];
    id[..4].copy_from_slice(&BY_MAC);
    id[4..].copy_from_slice(&mac);
    id
}

/// A message of a client.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What it is.
    pub kind: u8,
    /// Its number, 24 bits.
    pub number: u32,
    /// The client's card.
    pub mac: Mac,
    /// Hundredths of a second since the client began.
    pub elapsed: u16,
    /// Whom it is for, if only one server is meant.
    pub server: &'a [u8],
    /// The association that it is about, and an address of it.
    pub association: Option<(u32, Option<Ipv6Addr>)>,
}

impl Question<'_> {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((u32::from(self.kind) << 24 | self.number & 0xff_ffff).to_be_bytes());
        put(&mut bytes, option::CLIENT, &[&client_id(self.mac)]);
        if !self.server.is_empty() {
            put(&mut bytes, option::SERVER, &[self.server]);
        }
        put(&mut bytes, option::ELAPSED, &[&self.elapsed.to_be_bytes()]);
        if self.kind != kind::DECLINE {
            let wanted = [option::NAMESERVERS, option::DOMAINS, option::REFRESH].map(u16::to_be_bytes);
            put(&mut bytes, option::WANTED, &[wanted.as_flattened()]);
        }
        if self.kind == kind::SOLICIT {
            put(&mut bytes, option::RAPID, &[]);
        }
        if let Some((number, ip)) = self.association {
            let mut address = Vec::new();
            if let Some(ip) = ip {
                // For how long is for the server to say.
                put(&mut address, option::ADDRESS, &[&ip.octets(), &[0; 8]]);
            }
            put(
                &mut bytes,
                option::ADDRESSES,
                &[&number.to_be_bytes(), &[0; 8], &address],
            );
        }
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, name: u16, pieces: &[&[u8]]) {
    let len: usize = pieces.iter().map(|piece| piece.len()).sum();
    bytes.extend(name.to_be_bytes());
    bytes.extend((len as u16).to_be_bytes());
    pieces.iter().for_each(|piece| bytes.extend(*piece));
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    const MAC: Mac = [2, 0, 0, 0, 0, 9];

    #[test]
    fn a_question_is_what_an_answer_is_parsed_from() {
        let ip: Ipv6Addr = "fd00::7".parse().expect("an address");
        let question = Question {
            kind: kind::REQUEST,
            number: 0x12_3456,
            mac: MAC,
            elapsed: 7,
            server: b"server",
            association: Some((9, Some(ip))),
        };
        let bytes = question.to_bytes();
        let answer = Answer::parse(&bytes, MAC).expect("a message");
        assert_eq!(
            (answer.kind, answer.number, answer.server),
            (kind::REQUEST, 0x12_3456, &b"server"[..])
        );
        assert!(Answer::parse(&bytes, [2; 6]).is_none(), "somebody else's");
        let found = Association::find(answer.options, 9).expect("addresses");
        let given = Given {
            ip,
            preferred: 0,
            valid: 0,
        };
        assert!(found.addresses().eq([given]) && Association::find(answer.options, 8).is_none());
        let decline = Question {
            kind: kind::DECLINE,
            ..question
        };
        assert!(find(&decline.to_bytes()[4..], option::WANTED).is_none());
    }

    #[test]
    fn what_is_refused_is_not_given() {
        let mut address = [&[0xfd][..], &[0; 22], &[9]].concat();
        address.extend([0, 13, 0, 2, 0, 2]);
        let mut options = std::vec![0, 5, 0, address.len() as u8];
        options.extend(&address);
        let count = |options: &[u8]| {
            let association = Association {
                renew: 0,
                rebind: 0,
                options,
            };
            association.addresses().count()
        };
        assert_eq!(count(&options), 0);
        *options.last_mut().expect("a status") = 0;
        assert_eq!(count(&options), 1);
        assert!(is_refused(&[0, 13, 0, 2, 0, 2]) && !is_refused(&[0, 13, 0, 2, 0, 0]) && is_refused(&[0, 13, 0, 0]));
    }

    proptest! {
        #[test]
        fn nothing_is_too_strange(bytes in proptest::collection::vec(prop_oneof![Just(0u8), 0u8..30, any::<u8>()], 0..200)) {
            let whole = [&[7, 0, 0, 1, 0, 1, 0, 10][..], &client_id(MAC), &[0, 2, 0, 1, 5], &bytes].concat();
            let answer = Answer::parse(&whole, MAC).expect("a message");
            if let Some(found) = Association::find(answer.options, 0) {
                prop_assert!(found.addresses().count() <= bytes.len());
            }
            let _ = (is_refused(&bytes), Answer::parse(&bytes, MAC).is_some());
        }
    }
}
