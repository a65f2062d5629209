//! DHCP for the older protocol (RFC 2131, RFC 2132).

use crate::ethernet::Mac;
use crate::u32_at;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// The ports of clients and of servers.
pub const CLIENT: u16 = 68;
/// As above.
pub const SERVER: u16 = 67;

/// What messages there are.
pub const DISCOVER: u8 = 1;
/// A server has an address.
pub const OFFER: u8 = 2;
/// A client wants it.
pub const REQUEST: u8 = 3;
/// Somebody else has what a server gave.
pub const DECLINE: u8 = 4;
/// It has it.
pub const ACK: u8 = 5;
/// It cannot have it.
pub const NAK: u8 = 6;

/// It needs it no more.
pub const RELEASE: u8 = 7;

const COOKIE: [u8; 4] = [99, 130, 83, 99];
const FIXED: usize = 236;

/// Numbers of options.
pub mod option {
    #![expect(missing_docs, reason = "the names are those of RFC 2132")]
    pub const MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const NAMESERVERS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN: u8 = 15;
    pub const MTU: u8 = 26;
    pub const BROADCAST: u8 = 28;
    pub const ADDRESS: u8 = 50;
    pub const LEASE: u8 = 51;
    pub const KIND: u8 = 53;
    pub const SERVER: u8 = 54;
    pub const WANTED: u8 = 55;
    pub const RENEW: u8 = 58;
    pub const REBIND: u8 = 59;
    pub const CLIENT: u8 = 61;
    pub const ROUTES: u8 = 121;
}

/// An answer of a server.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Whose question it answers.
    pub number: u32,
    /// The client's address.
    pub mac: Mac,
    /// The address that it gets.
    pub ip: Ipv4Addr,
    /// What it is.
    pub kind: u8,
    options: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Takes one apart.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let options = bytes.get(FIXED..)?.strip_prefix(&COOKIE)?;
        // An answer, by Ethernet.
        if bytes[..3] != [2, 1, 6] {
            return None;
        }
        let mut answer = Self {
            number: u32_at(bytes, 4)?,
            mac: *bytes[28..].first_chunk()?,
            ip: Ipv4Addr::from(u32_at(bytes, 16)?),
            kind: 0,
            options,
        };
        answer.kind = *answer.option(option::KIND)?.first()?;
        Some(answer)
    }

    /// The value of an option, if it is there.
    #[must_use]
    pub fn option(&self, name: u8) -> Option<&'a [u8]> {
        let mut rest = self.options;
        loop {
            let (&kind, after) = rest.split_first()?;
            rest = after;
            if kind == 0 {
                continue;
            }
            if kind == 255 {
                return None;
            }
            let (&len, after) = rest.split_first()?;
            let (value, after) = after.split_at_checked(usize::from(len))?;
            if kind == name {
                return Some(value);
            }
            rest = after;
        }
    }

    /// An option that is an address, or the first of several.
    #[must_use]
    pub fn address(&self, name: u8) -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from(*self.option(name)?.first_chunk::<4>()?))
    }

    /// An option that is a number of four bytes.
    #[must_use]
    pub fn number_of(&self, name: u8) -> Option<u32> {
        u32_at(self.option(name)?, 0)
    }
}

/// A question of a client.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Its number.
    pub number: u32,
    /// Seconds since the client began.
    pub seconds: u16,
    /// The client's address on the local network.
    pub mac: Mac,
    /// The address that it has already and uses.
    pub ip: Ipv4Addr,
    /// Whether answers have to go to everybody.
    pub broadcast: bool,
    /// What it is.
    pub kind: u8,
    /// The address that it wants, and whose offer that was.
    pub wanted: Option<Ipv4Addr>,
    /// As above.
    pub server: Option<Ipv4Addr>,
    /// What it is called.
    pub host_name: &'a [u8],
}

impl Question<'_> {
    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![0; FIXED];
        bytes[..3].copy_from_slice(&[1, 1, 6]);
        bytes[4..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[10] = if self.broadcast { 0x80 } else { 0 };
        bytes[12..16].copy_from_slice(&self.ip.octets());
        bytes[28..34].copy_from_slice(&self.mac);
        bytes.extend(COOKIE);
        bytes.extend([option::KIND, 1, self.kind]);
        bytes.extend([option::CLIENT, 7, 1]);
        bytes.extend(self.mac);
        for (name, ip) in [(option::ADDRESS, self.wanted), (option::SERVER, self.server)] {
            if let Some(ip) = ip {
                bytes.extend([name, 4]);
                bytes.extend(ip.octets());
            }
        }
        if !self.host_name.is_empty() && self.host_name.len() < 64 {
            bytes.extend([option::HOST_NAME, self.host_name.len() as u8]);
            bytes.extend(self.host_name);
        }
        let wanted = [
            option::MASK,
            option::ROUTES,
            option::ROUTER,
            option::NAMESERVERS,
            option::HOST_NAME,
            option::DOMAIN,
            option::MTU,
        ];
        bytes.extend([option::WANTED, wanted.len() as u8]);
        bytes.extend(wanted);
        bytes.push(255);
        // Shorter ones are dropped by some relays.
        bytes.resize(bytes.len().max(300), 0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_is_what_an_answer_is_parsed_from() {
        let question = Question {
            number: 7,
            seconds: 1,
            mac: [2, 3, 4, 5, 6, 7],
            ip: Ipv4Addr::UNSPECIFIED,
            broadcast: true,
            kind: REQUEST,
            wanted: Some(Ipv4Addr::new(10, 0, 2, 15)),
            server: Some(Ipv4Addr::new(10, 0, 2, 2)),
            host_name: b"me",
        };
        let mut bytes = question.to_bytes();
        assert!(Answer::parse(&bytes).is_none(), "it is a question");
        bytes[0] = 2;
        let answer = Answer::parse(&bytes).expect("an answer");
        assert_eq!((answer.number, answer.mac, answer.kind), (7, question.mac, REQUEST));
        assert_eq!(answer.address(option::SERVER), question.server);
        assert_eq!(answer.option(option::HOST_NAME), Some(&b"me"[..]));
        assert_eq!(answer.option(option::MTU), None);
        assert_eq!(bytes.len(), 300);
    }

    proptest! {
        #[test]
        fn nothing_is_too_strange(options in proptest::collection::vec(any::<u8>(), 0..60), cut in 0usize..300) {
            let mut bytes = std::vec![0; FIXED];
            bytes[..3].copy_from_slice(&[2, 1, 6]);
            bytes.extend(COOKIE);
            bytes.extend([53, 1, 2]);
            bytes.extend(options);
            bytes.truncate(bytes.len().max(cut));
            if let Some(answer) = Answer::parse(&bytes) {
                for name in 0..=255 {
                    let _ = answer.option(name);
                    let _ = answer.address(name);
                }
            }
        }
    }
}
