//! Segments of one TCP stream that come one right after the other are one packet to the protocols, so that what a packet costs is paid once for all of them, and one acknowledgement answers them.
//!
//! A segment joins those before it when its headers say nothing else than theirs (but for lengths, numbers, checksums and the push flag), its bytes follow theirs, and its own checksums are right; then the
//! length of the whole is written into the first header. What does not join ends the packet and comes after it, so that nothing is overtaken. Packet sockets have seen the frames as they came. A card that has joined segments itself says so in the frame: such a one is left as it is.
//!
//! One packet at a time is made: what comes in a row is nearly always one stream's, and several would have to be looked up.

use crate::{Checksum, ETHERNET, Frame};
use alloc::vec::Vec;
use packet::checksum::{self, Sum};

const PUSH: u8 = 8;
const ACK: u8 = 16;
const TCP: u8 = 6;
const IP: usize = ETHERNET as usize;
/// Where TCP's header is in a frame of the older protocol without options, and of the newer one without further headers.
const OLDER: usize = IP + 20;
const NEWER: usize = IP + 40;
/// The longest headers of a segment.
const LONGEST: usize = NEWER + 60;
/// Most bytes that either protocol can say it has.
const MOST: usize = 65_535;

/// What came: a frame, or several in one.
#[derive(Debug)]
pub struct Came<'a> {
    /// From its Ethernet header on.
    pub bytes: &'a [u8],
    /// What is known of its checksum.
    pub checksum: Checksum,
    /// Bytes of payload in the longest segment that it was put together from; 0 if it is one.
    pub piece: u16,
}

/// Where the parts of a segment are in its frame.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    /// TCP's header.
    transport: usize,
    /// The bytes of the stream, and their end.
    body: usize,
    end: usize,
}

/// What has come so far.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    bytes: Vec<u8>,
    checksum: Checksum,
    /// Whether anything may join.
    is_open: bool,
    shape: Shape,
    /// The first headers without what may differ, and the number that is to follow.
    key: Key,
    next: u32,
    joined: u32,
    pushes: bool,
    /// Bytes of the longest that joined, or what the card says of those that it joined.
    piece: u16,
}

/// Headers without what may differ.
#[derive(Debug)]
struct Key([u8; LONGEST]);

impl Default for Key {
    fn default() -> Self {
        Self([0; LONGEST])
    }
}

fn short(bytes: &[u8], at: usize) -> usize {
    usize::from(bytes[at]) << 8 | usize::from(bytes[at + 1])
}

/// The shape of a segment that could be one of many: bytes of a stream, an acknowledgement, and nothing strange. `head` is the beginning of a frame of `len` bytes.
fn shape(head: &[u8; LONGEST], len: usize) -> Option<Shape> {
    const OFFSET_AND_MORE: usize = 0x3fff;
    let (transport, end) = match (head[12], head[13], head[IP] >> 4) {
        (0x08, 0x00, 4) if head[IP] == 0x45 && head[IP + 9] == TCP && short(head, IP + 6) & OFFSET_AND_MORE == 0 => {
            (OLDER, IP + short(head, IP + 2))
        }
        (0x86, 0xdd, 6) if head[IP + 6] == TCP => (NEWER, NEWER + short(head, IP + 4)),
        _ => return None,
    };
    let body = transport + usize::from(head[transport + 12] >> 4) * 4;
    let plain = head[transport + 13] & !PUSH == ACK && body >= transport + 20;
    (plain && body < end && end <= len).then_some(Shape { transport, body, end })
}

impl Key {
    fn of(head: &[u8; LONGEST], shape: Shape) -> Self {
        let mut key = *head;
        if shape.transport == OLDER {
            // Length, number, checksum.
            key[IP + 2..IP + 6].fill(0);
            key[IP + 10..IP + 12].fill(0);
        } else {
            key[IP + 4..IP + 6].fill(0);
        }
        let tcp = &mut key[shape.transport..];
        tcp[4..8].fill(0);
        tcp[13] = 0;
        tcp[16..18].fill(0);
        Self(key)
    }
}

/// Whether a segment's checksums are right.
fn is_right(head: &[u8; LONGEST], shape: Shape, body: &[u8], known: Checksum) -> bool {
    if shape.transport == OLDER && checksum::of(&head[IP..OLDER]) != [0; 2] {
        return false;
    }
    if known != Checksum::Unknown {
        return true;
    }
    let addresses = if shape.transport == OLDER {
        IP + 12..OLDER
    } else {
        IP + 8..NEWER
    };
    let mut sum = Sum::behind(&head[addresses], TCP, shape.end - shape.transport);
    sum.add(&head[shape.transport..shape.body]);
    sum.add(body);
    sum.is_right()
}

impl Burst {
    /// Takes a frame; what does not belong to what has come goes on before it.
    pub(crate) fn take(&mut self, frame: &Frame, mut go_on: impl FnMut(&Came<'_>)) {
        let mut head = [0; LONGEST];
        frame.read(0, &mut head);
        let shape = match frame.segmentation {
            None => shape(&head, frame.len() as usize),
            Some(_) => None,
        };
        if let Some(shape) = shape
            && self.is_open
            && self.join(frame, &head, shape)
        {
            return;
        }
        self.end(&mut go_on);
        if !frame.append_to(0, &mut self.bytes) {
            self.bytes.clear();
            return;
        }
        self.checksum = frame.checksum;
        self.piece = frame.segmentation.map_or(0, |how| how.size);
        match shape {
            Some(shape) if is_right(&head, shape, &self.bytes[shape.body..shape.end], frame.checksum) => {
                self.checksum = Checksum::Valid;
                self.bytes.truncate(shape.end);
                self.begin(&head, shape);
            }
            _ => self.end(&mut go_on),
        }
    }

    /// The first of perhaps many.
    fn begin(&mut self, head: &[u8; LONGEST], shape: Shape) {
        self.is_open = true;
        self.shape = shape;
        self.key = Key::of(head, shape);
        self.next = number(head, shape).wrapping_add((shape.end - shape.body) as u32);
        self.pushes = head[shape.transport + 13] & PUSH != 0;
    }

    /// Adds a segment to those before it; whether it belongs to them.
    fn join(&mut self, frame: &Frame, head: &[u8; LONGEST], shape: Shape) -> bool {
        let len = shape.end - shape.body;
        let before = self.bytes.len();
        if number(head, shape) != self.next || before + len > MOST || shape.body != self.shape.body {
            return false;
        }
        if Key::of(head, shape).0[..shape.body] != self.key.0[..shape.body] {
            return false;
        }
        if self.joined == 0 && self.bytes.try_reserve(MOST - before).is_err() {
            return false;
        }
        let came = frame.append_to(shape.body as u32, &mut self.bytes);
        self.bytes.truncate(before + len);
        let body = self.bytes.get(before..).unwrap_or_default();
        if !came || body.len() != len || !is_right(head, shape, body, frame.checksum) {
            self.bytes.truncate(before);
            return false;
        }
        self.joined += 1;
        self.next = self.next.wrapping_add(len as u32);
        self.pushes |= head[shape.transport + 13] & PUSH != 0;
        self.piece = self.piece.max(len as u16);
        true
    }

    /// What has come goes on.
    pub(crate) fn end(&mut self, go_on: &mut impl FnMut(&Came<'_>)) {
        if !self.bytes.is_empty() {
            if self.joined > 0 {
                self.write_headers();
            }
            go_on(&Came {
                bytes: &self.bytes,
                checksum: self.checksum,
                piece: self.piece,
            });
            self.bytes.clear();
        }
        self.is_open = false;
        self.joined = 0;
    }

    /// Makes the first header that of all.
    fn write_headers(&mut self) {
        let Shape { transport, body, end } = self.shape;
        self.piece = self.piece.max((end - body) as u16);
        let len = self.bytes.len();
        if let Some(flags) = self.bytes.get_mut(transport + 13) {
            *flags |= if self.pushes { PUSH } else { 0 };
        }
        if transport == NEWER {
            self.bytes[IP + 4..IP + 6].copy_from_slice(&((len - NEWER) as u16).to_be_bytes());
            return;
        }
        self.bytes[IP + 2..IP + 4].copy_from_slice(&((len - IP) as u16).to_be_bytes());
        self.bytes[IP + 10..IP + 12].fill(0);
        let sum = checksum::of(&self.bytes[IP..OLDER]);
        self.bytes[IP + 10..IP + 12].copy_from_slice(&sum);
    }
}

/// The number of a segment's first byte.
fn number(head: &[u8; LONGEST], shape: Shape) -> u32 {
    let bytes = head[shape.transport + 4..].first_chunk();
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}
