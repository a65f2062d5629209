//! ARP: who has which address (RFC 826), for Ethernet and the older protocol.

use crate::ethernet::Mac;
use core::net::Ipv4Addr;

/// Bytes of a message.
pub const LEN: usize = 28;
const START: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u8 = 1;
const REPLY: u8 = 2;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether it answers.
    pub is_reply: bool,
    /// Who says it.
    pub sender: Mac,
    /// That one's address.
    pub sender_ip: Ipv4Addr,
    /// To whom it is said.
    pub target: Mac,
    /// Whose address is asked for.
    pub target_ip: Ipv4Addr,
}

impl Message {
    /// Takes one apart.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<LEN>()?;
        let is_reply = match bytes[6..8] {
            [0, REQUEST] => false,
            [0, REPLY] => true,
            _ => return None,
        };
        if bytes[..6] != START {
            return None;
        }
        Some(Self {
            is_reply,
            sender: *bytes[8..].first_chunk()?,
            sender_ip: Ipv4Addr::from(*bytes[14..].first_chunk::<4>()?),
            target: *bytes[18..].first_chunk()?,
            target_ip: Ipv4Addr::from(*bytes[24..].first_chunk::<4>()?),
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..6].copy_from_slice(&START);
        bytes[7] = if self.is_reply { REPLY } else { REQUEST };
        bytes[8..14].copy_from_slice(&self.sender);
        bytes[14..18].copy_from_slice(&self.sender_ip.octets());
        bytes[18..24].copy_from_slice(&self.target);
        bytes[24..].copy_from_slice(&self.target_ip.octets());
        bytes
    }
}
