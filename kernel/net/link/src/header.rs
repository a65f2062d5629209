//! The 12 bytes before each frame (`virtio_net_hdr`, virtio 1.2, 5.1.6), made and checked.

use crate::{Checksum, Kind, Segmentation};

/// Bytes of the header.
pub const BYTES: u32 = 12;

const NEEDS_CHECKSUM: u8 = 1;
const CHECKSUM_VALID: u8 = 2;

const TCP4: u8 = 1;
const TCP6: u8 = 4;
const UDP: u8 = 5;
const CONGESTED: u8 = 0x80;

/// What the header says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The frame's checksum.
    pub checksum: Checksum,
    /// If it is a large packet.
    pub segmentation: Option<Segmentation>,
    /// In how many buffers it came.
    pub buffers: u16,
}

impl Header {
    /// The bytes for a frame that goes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BYTES as usize] {
        let mut words = [0u16; 5];
        let mut flags = 0;
        if let Checksum::Partial { start, offset } = self.checksum {
            flags |= NEEDS_CHECKSUM;
            (words[2], words[3]) = (start, offset);
        }
        let mut kind = 0;
        if let Some(how) = self.segmentation {
            kind = match how.kind {
                Kind::Tcp4 => TCP4,
                Kind::Tcp6 => TCP6,
                Kind::Udp => UDP,
            } | if how.congested { CONGESTED } else { 0 };
            (words[0], words[1]) = (how.headers, how.size);
        }
        let mut bytes = [0; BYTES as usize];
        (bytes[0], bytes[1]) = (flags, kind);
        for (place, word) in bytes[2..].chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// What the bytes before a frame that came say. How much of it is believed is for [`Header::fits`] to say, once the frame's length is known.
    #[must_use]
    pub fn parse(bytes: [u8; BYTES as usize]) -> Self {
        let word = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let checksum = if bytes[0] & NEEDS_CHECKSUM != 0 {
            Checksum::Partial {
                start: word(6),
                offset: word(8),
            }
        } else if bytes[0] & CHECKSUM_VALID != 0 {
            Checksum::Valid
        } else {
            Checksum::Unknown
        };
        let kind = match bytes[1] & !CONGESTED {
            TCP4 => Some(Kind::Tcp4),
            TCP6 => Some(Kind::Tcp6),
            UDP => Some(Kind::Udp),
            _ => None,
        };
        let segmentation = kind.map(|kind| Segmentation {
            kind,
            size: word(4),
            headers: word(2),
            congested: bytes[1] & CONGESTED != 0,
        });
        Self {
            checksum,
            segmentation,
            buffers: word(10),
        }
    }

    /// Whether what the header says can be true of a frame of so many bytes.
    #[must_use]
    pub fn fits(&self, len: u32) -> bool {
        let checksum = match self.checksum {
            Checksum::Partial { start, offset } => u32::from(start) + u32::from(offset) + 2 <= len,
            Checksum::Unknown | Checksum::Valid => true,
        };
        // How long the headers are is a hint only, and the stack finds out itself.
        checksum && self.segmentation.is_none_or(|how| how.size > 0)
    }
}
