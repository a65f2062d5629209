//! Frames in memory that a socket and its program share (`PACKET_RX_RING`, `TPACKET_V2`): a row of places of one length, filled one after the other. The first word of a place says
//! whose it is: the kernel's, until it has put a frame there, and then the program's, until it says that it has done with it.

use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use frames::Page;

/// Bytes of `struct tpacket2_hdr`, and from where a frame's address lies.
pub(crate) const HEADER: usize = 32;
/// Bytes of that and of `struct sockaddr_ll`, and of the room that is left for a header of the link.
const PREFIX: usize = 52;
const LINK_ROOM: usize = 16;
const ALIGNMENT: usize = 16;
/// Most bytes of all places together.
const MOST: usize = 64 << 20;
const PROGRAMS: u64 = 1;
const PAGE: usize = 4096;

/// The places.
#[derive(Debug)]
pub(crate) struct Ring {
    pages: Vec<Page>,
    block: usize,
    frame: usize,
    count: usize,
    /// The place that is filled next.
    next: AtomicUsize,
    /// Bytes that the program wants before each frame.
    reserved: usize,
}

impl Ring {
    /// A ring as `struct tpacket_req` says: bytes and number of blocks, bytes and number of places.
    ///
    /// # Errors
    /// `EINVAL`, `ENOMEM`.
    pub(crate) fn new([block, blocks, frame, count]: [u32; 4], reserved: u32) -> Result<Self> {
        let [block, blocks, frame, count] = [block, blocks, frame, count].map(|number| number as usize);
        let reserved = reserved as usize;
        let fits = block > 0
            && block % PAGE == 0
            && frame % ALIGNMENT == 0
            && frame > PREFIX + LINK_ROOM + reserved.min(MOST)
            && (block / frame).checked_mul(blocks) == Some(count)
            && block.checked_mul(blocks).is_some_and(|bytes| bytes <= MOST);
        if !fits || count == 0 {
            return Err(Error::new(Errno::EINVAL, "the ring has no such shape"));
        }
        let pages = (0..block * blocks / PAGE).map(|_| Page::zeroed_for_kernel());
        let pages: core::result::Result<Vec<_>, _> = pages.collect();
        Ok(Self {
            pages: pages.map_err(|_| Error::new(Errno::ENOMEM, "no memory for a ring"))?,
            block,
            frame,
            count,
            next: AtomicUsize::new(0),
            reserved,
        })
    }

    /// A page of it, for a mapping.
    pub(crate) fn page(&self, index: u64) -> Option<Page> {
        self.pages.get(usize::try_from(index).ok()?).cloned()
    }

    /// Where a place begins.
    fn place(&self, number: usize) -> usize {
        let in_block = self.block / self.frame;
        number / in_block * self.block + number % in_block * self.frame
    }

    fn is_kernels(&self, number: usize) -> bool {
        let at = self.place(number);
        let word = self.pages.get(at / PAGE).map(|page| &page.words()[at % PAGE / 8]);
        word.is_some_and(|word| word.load(Ordering::Acquire) as u32 == 0)
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        let (mut at, mut rest) = (at, bytes);
        while let (Some(page), false) = (self.pages.get(at / PAGE), rest.is_empty()) {
            let (now, later) = rest.split_at(rest.len().min(PAGE - at % PAGE));
            page.write(at % PAGE, now);
            (at, rest) = (at + now.len(), later);
        }
    }

    /// Puts a frame of `len` bytes into the next place, as much of it as is wanted and fits; whether that was free. One caller at a time.
    pub(crate) fn put(&self, bytes: &[u8], len: usize, link: usize, address: &[u8]) -> bool {
        let number = self.next.load(Ordering::Relaxed);
        if !self.is_kernels(number) {
            return false;
        }
        let at = self.place(number);
        let network = (PREFIX + link.max(LINK_ROOM)).next_multiple_of(ALIGNMENT) + self.reserved;
        let start = network - link;
        let taken = bytes.len().min(self.frame.saturating_sub(start));
        self.write(at + start, &bytes[..taken]);
        let now = time::wall_now();
        let mut header = [0; HEADER];
        header[8..12].copy_from_slice(&(taken as u32).to_ne_bytes());
        header[12..14].copy_from_slice(&(start as u16).to_ne_bytes());
        header[14..16].copy_from_slice(&(network as u16).to_ne_bytes());
        header[16..20].copy_from_slice(&((now / 1_000_000_000) as u32).to_ne_bytes());
        header[20..24].copy_from_slice(&((now % 1_000_000_000) as u32).to_ne_bytes());
        self.write(at + 8, &header[8..]);
        self.write(at + HEADER, address);
        let word = PROGRAMS | (len as u64) << 32;
        if let Some(page) = self.pages.get(at / PAGE) {
            page.words()[at % PAGE / 8].store(word, Ordering::Release);
        }
        self.next.store((number + 1) % self.count, Ordering::Relaxed);
        true
    }

    /// Whether the place that was filled last is still the program's.
    pub(crate) fn is_readable(&self) -> bool {
        let last = (self.next.load(Ordering::Relaxed) + self.count - 1) % self.count;
        !self.is_kernels(last)
    }
}
