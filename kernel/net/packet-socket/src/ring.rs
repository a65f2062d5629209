//! Memory that a socket and its program share: its shape, and what stands before a frame in it.

use crate::address;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use frames::Page;
use link::header;

const PAGE: usize = 4096;
pub(crate) const ALIGNMENT: usize = 16;
/// Bytes that are left for a header of the link at least.
const LINK_ROOM: usize = 16;

/// Whose a place is, and what else is known of what lies there (`TP_STATUS_*`).
pub(crate) mod status {
    pub(crate) const KERNELS: u32 = 0;
    pub(crate) const PROGRAMS: u32 = 1;
    pub(crate) const COPIED: u32 = 1 << 1;
    pub(crate) const LOSING: u32 = 1 << 2;
    pub(crate) const NO_CHECKSUM_YET: u32 = 1 << 3;
    pub(crate) const TIMED_OUT: u32 = 1 << 5;
    pub(crate) const CHECKSUM_VALID: u32 = 1 << 7;
    pub(crate) const LARGE_TCP: u32 = 1 << 8;
    /// Of a place for a frame that goes: it is to go, and it cannot.
    pub(crate) const TO_SEND: u32 = 1;
    pub(crate) const WRONG: u32 = 4;
}

/// How a ring is laid out (`TPACKET_V1`…).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
    V3,
}

impl Version {
    pub(crate) fn new(number: i32) -> Option<Self> {
        [Self::V1, Self::V2, Self::V3]
            .get(usize::try_from(number).ok()?)
            .copied()
    }

    /// Bytes of what stands before a frame, from where an address follows.
    pub(crate) const fn header(self) -> usize {
        match self {
            Self::V1 | Self::V2 => 32,
            Self::V3 => 48,
        }
    }
}

/// What a program wants of a ring (`struct tpacket_req`, `tpacket_req3`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) version: Version,
    /// Bytes of a block, and how many there are.
    pub(crate) block: usize,
    pub(crate) blocks: usize,
    /// Bytes of a place, and how many there are.
    pub(crate) frame: usize,
    pub(crate) count: usize,
    /// Milliseconds until a block that is not full goes to the program, bytes of a block that are the program's own, and what else it wants.
    pub(crate) more: [u32; 3],
}

impl Shape {
    /// Takes what a program wants; nothing if it wants none.
    ///
    /// # Errors
    /// `EINVAL`.
    pub(crate) fn parse(version: Version, value: &[u8], reserved: usize) -> Result<Option<Self>> {
        const WRONG: Error = Error::new(Errno::EINVAL, "the ring has no such shape");
        let mut numbers = [0; 7];
        let wanted = if version == Version::V3 { 7 } else { 4 };
        let (given, _) = value.as_chunks::<4>();
        for (number, bytes) in numbers.iter_mut().zip(given.get(..wanted).ok_or(WRONG)?) {
            *number = u32::from_ne_bytes(*bytes);
        }
        let [block, blocks, frame, count, more @ ..] = numbers;
        if blocks == 0 {
            return if count == 0 { Ok(None) } else { Err(WRONG) };
        }
        let [block, blocks, frame, count] = [block, blocks, frame, count].map(|number| number as usize);
        let least = version.header() + address::LEN + reserved;
        let has_room = version != Version::V3 || block >= own_part(more[1]) + least;
        let fits = i32::try_from(block).is_ok_and(|block| block > 0)
            && block % PAGE == 0
            && has_room
            && frame >= least
            && frame % ALIGNMENT == 0
            && block >= frame
            && block / frame * blocks == count;
        let shape = Self {
            version,
            block,
            blocks,
            frame,
            count,
            more,
        };
        if fits { Ok(Some(shape)) } else { Err(WRONG) }
    }

    /// Where a place begins: none reaches from one block into the next.
    pub(crate) fn place(&self, number: usize) -> usize {
        let in_block = self.block / self.frame;
        number / in_block * self.block + number % in_block * self.frame
    }
}

/// Bytes at the beginning of a block that no frames lie in: what is said of it, and those that are the program's own.
pub(crate) fn own_part(own: u32) -> usize {
    const BLOCK_HEADER: usize = 48;
    BLOCK_HEADER + (own as usize).next_multiple_of(8)
}

/// The pages.
#[derive(Debug)]
pub(crate) struct Memory(Vec<Page>);

impl Memory {
    /// Pages for a ring.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn new(shape: &Shape) -> Result<Self> {
        const NONE: Error = Error::new(Errno::ENOMEM, "no memory for a ring");
        let count = shape.block / PAGE * shape.blocks;
        let mut pages = Vec::new();
        if !frames::has_headroom(count as u64) || pages.try_reserve_exact(count).is_err() {
            return Err(NONE);
        }
        for _ in 0..count {
            pages.push(Page::zeroed().map_err(|_| NONE)?);
            // Many take long, and other CPUs may wait for this one to forget something.
            lock::relax();
        }
        Ok(Self(pages))
    }

    /// A page, for a mapping.
    pub(crate) fn page(&self, index: usize) -> Option<Page> {
        self.0.get(index).cloned()
    }

    /// Bytes of all of them.
    pub(crate) fn len(&self) -> usize {
        self.0.len() * PAGE
    }

    pub(crate) fn write(&self, at: usize, bytes: &[u8]) {
        let (mut at, mut rest) = (at, bytes);
        while let (Some(page), false) = (self.0.get(at / PAGE), rest.is_empty()) {
            let (now, later) = rest.split_at(rest.len().min(PAGE - at % PAGE));
            page.write(at % PAGE, now);
            (at, rest) = (at + now.len(), later);
        }
    }

    pub(crate) fn read(&self, at: usize, into: &mut [u8]) {
        let (mut at, mut rest) = (at, into);
        while let (Some(page), false) = (self.0.get(at / PAGE), rest.is_empty()) {
            let len = rest.len().min(PAGE - at % PAGE);
            let (now, later) = rest.split_at_mut(len);
            page.read(at % PAGE, now);
            (at, rest) = (at + len, later);
        }
    }

    /// The word at a multiple of 8, after which everything can be read that was written before it.
    pub(crate) fn word(&self, at: usize) -> u64 {
        let page = self.0.get(at / PAGE);
        page.map_or(0, |page| page.words()[at % PAGE / 8].load(Ordering::Acquire))
    }

    /// Writes it, after everything that was written before.
    pub(crate) fn set_word(&self, at: usize, word: u64) {
        if let Some(page) = self.0.get(at / PAGE) {
            page.words()[at % PAGE / 8].store(word, Ordering::Release);
        }
    }
}

/// A frame on its way to a program, as its socket sees it.
pub(crate) struct Packet<'a> {
    /// What is wanted of it.
    pub(crate) bytes: &'a [u8],
    /// Bytes of all of it, and of its header of the link.
    pub(crate) len: usize,
    pub(crate) link: usize,
    /// Whence it came.
    pub(crate) address: [u8; address::LEN],
    pub(crate) status: u32,
    /// What a card would say of it, and how much of that stands before it in a ring.
    pub(crate) says: [u8; header::BYTES as usize],
    pub(crate) offload: usize,
    /// When it came.
    pub(crate) now: u64,
    /// A number that is the same for all frames of a flow, if that is wanted.
    pub(crate) flow: u32,
}

/// Where in its place a frame lies.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    version: Version,
    /// The frame, and what is in it behind the header of the link.
    pub(crate) frame: usize,
    network: usize,
    /// There is room for what a card would say.
    pub(crate) has_offload: bool,
}

impl Layout {
    /// Nothing if it would lie further on than can be said.
    pub(crate) fn new(version: Version, reserved: usize, packet: &Packet<'_>) -> Option<Self> {
        let before = version.header() + address::LEN + LINK_ROOM;
        let network = before.next_multiple_of(ALIGNMENT) + reserved + packet.offload;
        let layout = Self {
            version,
            frame: network - packet.link,
            network,
            has_offload: packet.offload > 0,
        };
        (network <= usize::from(u16::MAX)).then_some(layout)
    }

    /// Writes a frame and all that is said of it but the word that says whose it is; `next` is where the next one begins.
    pub(crate) fn write(&self, memory: &Memory, at: usize, packet: &Packet<'_>, taken: usize, next: usize) {
        memory.write(at + self.frame, packet.bytes.get(..taken).unwrap_or_default());
        if self.has_offload {
            memory.write(at + self.frame - packet.offload, &packet.says[..packet.offload]);
        }
        let (seconds, nanos) = ((packet.now / 1_000_000_000) as u32, (packet.now % 1_000_000_000) as u32);
        let (len, taken) = (packet.len as u32, taken as u32);
        let offsets = self.frame as u32 | (self.network as u32) << 16;
        let (skip, words): (usize, [u32; 12]) = match self.version {
            Version::V1 => (8, [len, taken, offsets, seconds, nanos / 1000, 0, 0, 0, 0, 0, 0, 0]),
            Version::V2 => (8, [taken, offsets, seconds, nanos, 0, 0, 0, 0, 0, 0, 0, 0]),
            Version::V3 => {
                let status = packet.status;
                let first = [next as u32, seconds, nanos, taken, len, status, offsets, packet.flow];
                let mut all = [0; 12];
                all[..8].copy_from_slice(&first);
                (0, all)
            }
        };
        let bytes = words.map(u32::to_ne_bytes);
        let header = self.version.header();
        memory.write(at + skip, &bytes.as_flattened()[..header - skip]);
        memory.write(at + header, &packet.address);
    }
}
