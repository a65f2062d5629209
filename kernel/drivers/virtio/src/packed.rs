//! The packed format (virtio 1.2, 2.8): one ring of descriptors that both sides write, and two words about notifications.
//!
//! Two bits of a descriptor's flags say whose it is: they are compared with a counter that turns over with each round of the ring.

use crate::dma::Dma;
use crate::parts::Parts;
use crate::queue::{NEXT, Segment, WRITE, need_event};
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

const AVAILABLE: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// What the flags of a suppression word say: tell always, never, or at one place.
const ALWAYS: u16 = 0;
const NEVER: u16 = 1;
const AT_PLACE: u16 = 2;

/// A place in the ring, and in which round.
#[derive(Clone, Copy, Debug)]
struct Place {
    index: u16,
    round: bool,
}

impl Place {
    fn forward(self, by: u16, size: u16) -> Self {
        let index = self.index + by;
        if index >= size {
            Self {
                index: index - size,
                round: !self.round,
            }
        } else {
            Self { index, ..self }
        }
    }

    /// As a suppression word says it.
    fn word(self) -> u16 {
        self.index | u16::from(self.round) << 15
    }
}

/// A ring of the packed format.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(crate) size: u16,
    event_index: bool,
    pub(crate) parts: Parts,
    free_ids: Vec<u16>,
    /// For each number that a chain has, how many descriptors are in it.
    lengths: Vec<u16>,
    pub(crate) free: u16,
    next: Place,
    used: Place,
    added: u16,
}

impl Packed {
    pub(crate) fn new(dma: &Arc<dyn Dma>, size: u16, event_index: bool) -> Result<Self> {
        let start = Place { index: 0, round: true };
        Ok(Self {
            size,
            event_index,
            parts: Parts::new(dma)?,
            free_ids: (0..size).rev().collect(),
            lengths: alloc::vec![0; usize::from(size)],
            free: size,
            next: start,
            used: start,
            added: 0,
        })
    }

    /// The number that the next chain will have.
    pub(crate) fn next_id(&self) -> u16 {
        self.free_ids.last().copied().unwrap_or(0)
    }

    /// Offers a chain, for which there is room. The first descriptor is turned over last: until then the device sees nothing.
    pub(crate) fn add(&mut self, segments: &[Segment], flags: u16) {
        let Some(id) = self.free_ids.pop() else { return };
        let mut place = self.next;
        let mut first = (0, 0);
        for (index, segment) in segments.iter().enumerate() {
            let mine = if place.round { AVAILABLE } else { USED };
            let more = index + 1 < segments.len();
            let flags = flags | mine | if segment.writable { WRITE } else { 0 } | if more { NEXT } else { 0 };
            let at = usize::from(place.index) * 16;
            let second = u64::from(segment.len) | u64::from(id) << 32 | u64::from(flags) << 48;
            self.parts.descriptors.store64(at, segment.address, Ordering::Relaxed);
            if index == 0 {
                first = (at, second);
            } else {
                self.parts.descriptors.store64(at + 8, second, Ordering::Relaxed);
            }
            place = place.forward(1, self.size);
        }
        let count = segments.len() as u16;
        self.parts.descriptors.store64(first.0 + 8, first.1, Ordering::Release);
        self.lengths[usize::from(id)] = count;
        self.free -= count;
        self.added = self.added.saturating_add(count);
        self.next = place;
    }

    pub(crate) fn should_notify(&mut self) -> bool {
        let added = core::mem::take(&mut self.added);
        if added == 0 {
            return false;
        }
        hal::device::barrier();
        let word = self.parts.device.load32(0);
        let (place, flags) = (word as u16, (word >> 16) as u16 & 3);
        match flags {
            NEVER => false,
            AT_PLACE if self.event_index => {
                let mut event = place & 0x7fff;
                if (place >> 15 == 1) != self.next.round {
                    event = event.wrapping_sub(self.size);
                }
                need_event(event, self.next.index, self.next.index.wrapping_sub(added))
            }
            _ => true,
        }
    }

    fn head_of_used(&self) -> Option<u64> {
        let second = self
            .parts
            .descriptors
            .load64(usize::from(self.used.index) * 16 + 8, Ordering::Acquire);
        let flags = (second >> 48) as u16;
        let (available, used) = (flags & AVAILABLE != 0, flags & USED != 0);
        (available == used && used == self.used.round).then_some(second)
    }

    /// The next chain that came back: its number and how many bytes the device says that it wrote.
    pub(crate) fn take(&mut self) -> core::result::Result<Option<(u16, u32)>, &'static str> {
        let Some(second) = self.head_of_used() else {
            return Ok(None);
        };
        let (id, written) = ((second >> 32) as u16, second as u32);
        let Some(length) = self.lengths.get_mut(usize::from(id)).filter(|length| **length != 0) else {
            return Err("the device used what it was not given");
        };
        let count = core::mem::take(length);
        self.used = self.used.forward(count, self.size);
        self.free += count;
        self.free_ids.push(id);
        Ok(Some((id, written)))
    }

    /// Asks for an interrupt for the next chain that comes back; says whether one is there already.
    pub(crate) fn listen(&mut self) -> bool {
        let flags = if self.event_index { AT_PLACE } else { ALWAYS };
        self.suppress(self.used.word(), flags);
        hal::device::barrier();
        self.head_of_used().is_some()
    }

    /// Asks for no interrupts. The device may interrupt all the same.
    pub(crate) fn hush(&mut self) {
        self.suppress(0, NEVER);
    }

    fn suppress(&self, place: u16, flags: u16) {
        let word = u64::from(place) | u64::from(flags) << 16;
        self.parts.driver.store64(0, word, Ordering::Release);
    }
}
