//! Ethernet frames.

/// Bytes of a header.
pub const LEN: usize = 14;
/// A station's address.
pub type Mac = [u8; 6];
/// Everybody's address.
pub const BROADCAST: Mac = [0xff; 6];

/// What a frame carries: the older protocol.
pub const IPV4: u16 = 0x0800;
/// Who has which address of it.
pub const ARP: u16 = 0x0806;
/// The newer protocol.
pub const IPV6: u16 = 0x86dd;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// To whom.
    pub to: Mac,
    /// From whom.
    pub from: Mac,
    /// What it carries.
    pub kind: u16,
}

impl Header {
    /// Takes a frame apart.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (head, body) = bytes.split_first_chunk::<LEN>()?;
        let (to, rest) = head.split_first_chunk()?;
        let (from, kind) = rest.split_first_chunk()?;
        let kind = u16::from_be_bytes(*kind.first_chunk()?);
        let header = Self {
            to: *to,
            from: *from,
            kind,
        };
        Some((header, body))
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..6].copy_from_slice(&self.to);
        bytes[6..12].copy_from_slice(&self.from);
        bytes[12..].copy_from_slice(&self.kind.to_be_bytes());
        bytes
    }
}

/// Whether an address is not one station's.
#[must_use]
pub const fn is_group(mac: Mac) -> bool {
    mac[0] & 1 != 0
}
