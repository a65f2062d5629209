//! Segments as bytes: a checked view of what came, and the header of what goes.

use crate::Seq;

/// Flags of a segment.
pub mod flags {
    /// Nothing comes after this.
    pub const FIN: u8 = 1;
    /// The stream begins.
    pub const SYN: u8 = 2;
    /// There is no connection (any more).
    pub const RST: u8 = 4;
    /// The receiver should not wait for more.
    pub const PSH: u8 = 8;
    /// The acknowledgement counts.
    pub const ACK: u8 = 16;
    /// The urgent pointer counts.
    pub const URG: u8 = 32;
    /// A packet was marked on its way here.
    pub const ECE: u8 = 64;
    /// That was heard, and less is sent.
    pub const CWR: u8 = 128;
}

/// Bytes of a header without options, and with all that fit.
pub const SHORTEST: usize = 20;
/// See [`SHORTEST`].
pub const LONGEST: usize = 60;
/// Blocks that a selective acknowledgement can have.
pub(crate) const BLOCKS: usize = 4;

/// What a segment says besides its header's fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Most bytes that its sender takes in one segment.
    pub mss: Option<u16>,
    /// By how many bits its sender's windows are shifted.
    pub scale: Option<u8>,
    /// Its sender understands selective acknowledgements.
    pub may_sack: bool,
    /// Its sender's clock, and the clock of the receiver that it echoes.
    pub stamp: Option<(u32, u32)>,
    /// What has come beyond the acknowledgement.
    pub blocks: [(Seq, Seq); BLOCKS],
    /// How many of them there are.
    pub count: usize,
}

/// A segment that came.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The sender's port.
    pub source: u16,
    /// The receiver's port.
    pub destination: u16,
    /// The place of its first byte (or of its beginning or end).
    pub seq: Seq,
    /// The place that its sender waits for.
    pub ack: Seq,
    /// [`flags`].
    pub flags: u8,
    /// How much its sender takes, not shifted.
    pub window: u16,
    /// Where what is urgent ends.
    pub urgent: u16,
    /// Options.
    pub options: Options,
    /// Bytes of the stream.
    pub payload: &'a [u8],
    /// The packet was marked on its way (RFC 3168).
    pub marked: bool,
    /// Bytes of each segment that it was put together from; 0 if it is one.
    pub piece: u16,
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl<'a> Segment<'a> {
    /// What a packet carries, if it is a segment. The checksum is the caller's to look at.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let len = usize::from(bytes.get(12)? >> 4) * 4;
        let options = bytes.get(SHORTEST..len)?;
        let payload = bytes.get(len..)?;
        Some(Self {
            source: short(bytes, 0)?,
            destination: short(bytes, 2)?,
            seq: Seq(long(bytes, 4)?),
            ack: Seq(long(bytes, 8)?),
            flags: *bytes.get(13)?,
            window: short(bytes, 14)?,
            urgent: short(bytes, 18)?,
            options: Options::parse(options),
            payload,
            marked: false,
            piece: 0,
        })
    }

    /// Whether all of some flags are set.
    #[must_use]
    #[inline]
    pub const fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    /// Places that it takes in the stream.
    #[must_use]
    #[inline]
    pub fn len(&self) -> u32 {
        let ends = u32::from(self.has(flags::SYN)) + u32::from(self.has(flags::FIN));
        self.payload.len() as u32 + ends
    }

    /// How many segments it was put together from.
    pub(crate) fn pieces(&self) -> u32 {
        match self.piece {
            0 => 1,
            piece => self.payload.len().div_ceil(usize::from(piece)).max(1) as u32,
        }
    }

    /// Whether it takes none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place behind it.
    #[must_use]
    #[inline]
    pub fn end(&self) -> Seq {
        self.seq + self.len()
    }

    /// The answer to a segment that no connection is for; nothing to a reset.
    #[must_use]
    pub fn refusal(&self) -> Option<Header> {
        if self.has(flags::RST) {
            return None;
        }
        let (seq, ack, flags) = if self.has(flags::ACK) {
            (self.ack, Seq(0), flags::RST)
        } else {
            (Seq(0), self.end(), flags::RST | flags::ACK)
        };
        Some(Header {
            source: self.destination,
            destination: self.source,
            seq,
            ack,
            flags,
            window: 0,
            urgent: 0,
        })
    }
}

impl Options {
    /// Bytes that what has come beyond a gap takes: nothing in most segments, so that it is no part of the longest segment's length.
    pub(crate) const fn len_of_blocks(&self) -> u32 {
        match self.count {
            0 => 0,
            count => 4 + 8 * count as u32,
        }
    }

    /// Options as they are; what is malformed ends them.
    fn parse(mut bytes: &[u8]) -> Self {
        let mut options = Self::default();
        while let [kind, rest @ ..] = bytes {
            match kind {
                0 => break,
                1 => {
                    bytes = rest;
                    continue;
                }
                _ => {}
            }
            let Some((option, left)) = rest
                .first()
                .and_then(|len| bytes.split_at_checked(usize::from(*len).max(2)))
            else {
                break;
            };
            bytes = left;
            options.take(*kind, &option[2..]);
        }
        options
    }

    fn take(&mut self, kind: u8, body: &[u8]) {
        match (kind, body) {
            (2, [high, low]) => self.mss = Some(u16::from_be_bytes([*high, *low])),
            (3, [shift]) => self.scale = Some((*shift).min(14)),
            (4, []) => self.may_sack = true,
            (5, blocks) if blocks.len() % 8 == 0 => {
                self.count = 0;
                for block in blocks.chunks_exact(8).take(BLOCKS) {
                    if let (Some(start), Some(end)) = (long(block, 0), long(block, 4)) {
                        self.blocks[self.count] = (Seq(start), Seq(end));
                        self.count += 1;
                    }
                }
            }
            (8, stamp) if stamp.len() == 8 => self.stamp = long(stamp, 0).zip(long(stamp, 4)),
            _ => {}
        }
    }

    /// Bytes that they take in a header.
    fn write(&self, into: &mut [u8; LONGEST]) -> usize {
        let mut at = SHORTEST;
        let mut put = |bytes: &[u8]| {
            if let Some(place) = into.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
                at += bytes.len();
            }
        };
        if let Some(mss) = self.mss {
            put(&[2, 4]);
            put(&mss.to_be_bytes());
        }
        if self.may_sack {
            put(if self.stamp.is_some() { &[4, 2] } else { &[1, 1, 4, 2] });
        }
        if let Some((value, echo)) = self.stamp {
            put(if self.may_sack { &[8, 10] } else { &[1, 1, 8, 10] });
            put(&value.to_be_bytes());
            put(&echo.to_be_bytes());
        }
        if let Some(shift) = self.scale {
            put(&[1, 3, 3, shift]);
        }
        let most = if self.stamp.is_some() { BLOCKS - 1 } else { BLOCKS };
        let blocks = &self.blocks[..self.count.min(most)];
        if !blocks.is_empty() {
            put(&[1, 1, 5, 2 + 8 * blocks.len() as u8]);
            for (start, end) in blocks {
                put(&start.0.to_be_bytes());
                put(&end.0.to_be_bytes());
            }
        }
        at
    }
}

/// The fields of a segment that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sender's port.
    pub source: u16,
    /// The receiver's port.
    pub destination: u16,
    /// The place of the first byte.
    pub seq: Seq,
    /// The place that is waited for.
    pub ack: Seq,
    /// [`flags`].
    pub flags: u8,
    /// How much is taken, shifted.
    pub window: u16,
    /// Where what is urgent ends.
    pub urgent: u16,
}

/// Where the checksum of a header is.
pub const CHECKSUM_AT: usize = 16;

impl Header {
    /// Writes the header with options and without a checksum; how long it is.
    pub fn write(&self, options: &Options, into: &mut [u8; LONGEST]) -> usize {
        let len = options.write(into);
        into[0..2].copy_from_slice(&self.source.to_be_bytes());
        into[2..4].copy_from_slice(&self.destination.to_be_bytes());
        into[4..8].copy_from_slice(&self.seq.0.to_be_bytes());
        into[8..12].copy_from_slice(&self.ack.0.to_be_bytes());
        into[12] = (len as u8 / 4) << 4;
        into[13] = self.flags;
        into[14..16].copy_from_slice(&self.window.to_be_bytes());
        into[16..18].copy_from_slice(&[0, 0]);
        into[18..20].copy_from_slice(&self.urgent.to_be_bytes());
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_parsed() {
        let header = Header {
            source: 80,
            destination: 4000,
            seq: Seq(7),
            ack: Seq(9),
            flags: flags::SYN | flags::ACK,
            window: 1000,
            urgent: 0,
        };
        let all = Options {
            mss: Some(1460),
            scale: Some(7),
            may_sack: true,
            stamp: Some((1, 2)),
            ..Options::default()
        };
        let mut blocks = Options {
            stamp: Some((1, 2)),
            count: 3,
            ..Options::default()
        };
        blocks.blocks[..3].copy_from_slice(&[(Seq(1), Seq(2)), (Seq(5), Seq(6)), (Seq(8), Seq(9))]);
        for (options, len) in [(all, 40), (blocks, 60), (Options::default(), 20)] {
            let mut bytes = [0; LONGEST];
            assert_eq!(header.write(&options, &mut bytes), len);
            let segment = Segment::parse(&bytes[..len]).expect("a segment");
            assert_eq!((segment.options, segment.seq, segment.window), (options, Seq(7), 1000));
        }
    }

    #[test]
    fn what_is_malformed_is_no_segment_or_has_no_options() {
        assert!(Segment::parse(&[0; 19]).is_none());
        let mut bytes = [0; 24];
        bytes[12] = 0x40;
        assert!(Segment::parse(&bytes).is_none(), "shorter than a header");
        bytes[12] = 0x70;
        assert!(Segment::parse(&bytes).is_none(), "longer than the packet");
        bytes[12] = 0x60;
        for options in [[2, 0, 0, 0], [2, 5, 0, 0], [5, 200, 0, 0], [1, 1, 1, 8], [3, 1, 1, 1]] {
            bytes[20..].copy_from_slice(&options);
            assert_eq!(Segment::parse(&bytes).expect("a segment").options, Options::default());
        }
    }
}
