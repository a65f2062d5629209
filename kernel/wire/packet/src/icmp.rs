//! ICMP (RFC 792).

use crate::{checksum, u16_at, u32_at};

/// Bytes of a header.
pub const LEN: usize = 8;

/// What messages there are.
pub const ECHO_REPLY: u8 = 0;
/// A packet did not reach its end.
pub const UNREACHABLE: u8 = 3;
/// There is a better way.
pub const REDIRECT: u8 = 5;
/// The question.
pub const ECHO: u8 = 8;
/// A packet took too many hops, or its fragments too long.
pub const TIME_EXCEEDED: u8 = 11;
/// A packet made no sense.
pub const PARAMETER: u8 = 12;

/// Why a packet did not reach its end: nobody is at the port.
pub const PORT: u8 = 3;
/// It did not fit and nobody might cut it.
pub const TOO_BIG: u8 = 4;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is.
    pub kind: u8,
    /// What exactly.
    pub code: u8,
    /// The four bytes behind the checksum: identifier and number of an echo, the next hop's limit, …
    pub rest: u32,
    /// What follows.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes one apart, if its checksum is right.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut sum = checksum::Sum::new();
        sum.add(bytes);
        if !sum.is_right() {
            return None;
        }
        Self::parse_unchecked(bytes)
    }

    /// Takes one apart.
    #[must_use]
    pub fn parse_unchecked(bytes: &'a [u8]) -> Option<Self> {
        u16_at(bytes, 2)?;
        Some(Self {
            kind: *bytes.first()?,
            code: *bytes.get(1)?,
            rest: u32_at(bytes, 4)?,
            body: bytes.get(LEN..)?,
        })
    }

    /// The header's bytes, with the checksum over them and the body, and over what was summed before.
    #[must_use]
    pub fn header(&self, mut sum: checksum::Sum) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        (bytes[0], bytes[1]) = (self.kind, self.code);
        bytes[4..].copy_from_slice(&self.rest.to_be_bytes());
        sum.add(&bytes);
        sum.add(self.body);
        bytes[2..4].copy_from_slice(&sum.finish());
        bytes
    }

    /// Whether it says that something went wrong: such messages are never answered.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(self.kind, UNREACHABLE | 4 | REDIRECT | TIME_EXCEEDED | PARAMETER)
    }
}
