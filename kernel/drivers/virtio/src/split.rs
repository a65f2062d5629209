//! The split format (virtio 1.2, 2.7): a table of descriptors, a ring of what the driver offers, a ring of what the device has used.

use crate::dma::Dma;
use crate::parts::Parts;
use crate::queue::{NEXT, Segment, WRITE, need_event};
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

/// In the driver's ring: no interrupts, please. In the device's: no notifications, please.
const QUIET: u16 = 1;
const INDEX: usize = 2;
const ENTRIES: usize = 4;

/// A ring of the split format.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) size: u16,
    event_index: bool,
    pub(crate) parts: Parts,
    /// For each descriptor the next of its chain, or the next free one.
    next: Vec<u16>,
    /// For each descriptor that a chain begins with, how many are in it.
    lengths: Vec<u16>,
    first_free: u16,
    pub(crate) free: u16,
    given: u16,
    offered: u16,
    /// How many were offered since the device was last considered for a notification.
    added: u16,
    used: u16,
}

impl Split {
    pub(crate) fn new(dma: &Arc<dyn Dma>, size: u16, event_index: bool) -> Result<Self> {
        Ok(Self {
            size,
            event_index,
            parts: Parts::new(dma)?,
            next: (1..=size).collect(),
            lengths: alloc::vec![0; usize::from(size)],
            first_free: 0,
            free: size,
            given: 0,
            offered: 0,
            added: 0,
            used: 0,
        })
    }

    /// The number that the next chain will have.
    pub(crate) fn next_id(&self) -> u16 {
        self.first_free
    }

    /// Offers a chain, for which there is room.
    pub(crate) fn add(&mut self, segments: &[Segment], flags: u16) {
        let head = self.first_free;
        let mut at = head;
        for (index, segment) in segments.iter().enumerate() {
            let next = self.next[usize::from(at)];
            let more = index + 1 < segments.len();
            let flags = flags | if segment.writable { WRITE } else { 0 } | if more { NEXT } else { 0 };
            let next_field = if more { next } else { 0 };
            let place = usize::from(at) * 16;
            let second = u64::from(segment.len) | u64::from(flags) << 32 | u64::from(next_field) << 48;
            self.parts
                .descriptors
                .store64(place, segment.address, Ordering::Relaxed);
            self.parts.descriptors.store64(place + 8, second, Ordering::Relaxed);
            at = next;
        }
        self.first_free = at;
        let count = segments.len() as u16;
        self.free -= count;
        self.lengths[usize::from(head)] = count;
        self.given += 1;
        let slot = usize::from(self.offered % self.size);
        self.parts.driver.store16(ENTRIES + 2 * slot, head);
        self.offered = self.offered.wrapping_add(1);
        self.added = self.added.wrapping_add(1);
        self.parts.driver.store16(INDEX, self.offered);
    }

    pub(crate) fn should_notify(&mut self) -> bool {
        let (new, old) = (self.offered, self.offered.wrapping_sub(self.added));
        if core::mem::take(&mut self.added) == 0 {
            return false;
        }
        hal::device::barrier();
        if self.event_index {
            need_event(self.parts.device.load16(ENTRIES + 8 * usize::from(self.size)), new, old)
        } else {
            self.parts.device.load16(0) & QUIET == 0
        }
    }

    fn waiting(&self) -> u16 {
        self.parts.device.load16(INDEX).wrapping_sub(self.used)
    }

    /// The next chain that came back: its number and how many bytes the device says that it wrote.
    pub(crate) fn take(&mut self) -> core::result::Result<Option<(u16, u32)>, &'static str> {
        let waiting = self.waiting();
        if waiting == 0 {
            return Ok(None);
        }
        if waiting > self.given {
            return Err("the device used more than it was given");
        }
        let place = ENTRIES + 8 * usize::from(self.used % self.size);
        let (id, written) = (self.parts.device.load32(place), self.parts.device.load32(place + 4));
        let Some(length) = self.lengths.get_mut(id as usize).filter(|length| **length != 0) else {
            return Err("the device used what it was not given");
        };
        let count = core::mem::take(length);
        let id = id as u16;
        self.used = self.used.wrapping_add(1);
        self.given -= 1;
        self.give_back(id, count);
        Ok(Some((id, written)))
    }

    /// Puts a chain's descriptors in front of the free ones.
    fn give_back(&mut self, head: u16, count: u16) {
        let mut last = head;
        for _ in 1..count {
            last = self.next[usize::from(last)];
        }
        self.next[usize::from(last)] = self.first_free;
        self.first_free = head;
        self.free += count;
    }

    /// Asks for an interrupt for the next chain that comes back; says whether one is there already.
    pub(crate) fn listen(&mut self) -> bool {
        if self.event_index {
            self.parts
                .driver
                .store16(ENTRIES + 2 * usize::from(self.size), self.used);
        } else {
            self.parts.driver.store16(0, 0);
        }
        hal::device::barrier();
        self.waiting() != 0
    }

    /// Asks for no interrupts. The device may interrupt all the same.
    pub(crate) fn hush(&mut self) {
        if self.event_index {
            let past = self.used.wrapping_sub(1);
            self.parts.driver.store16(ENTRIES + 2 * usize::from(self.size), past);
        } else {
            self.parts.driver.store16(0, QUIET);
        }
    }
}

/// The second word of a descriptor in an indirect table, and of the one that leads to it.
pub(crate) fn indirect_word(segment: &Segment, next: Option<u16>) -> u64 {
    let flags = if segment.writable { WRITE } else { 0 } | if next.is_some() { NEXT } else { 0 };
    u64::from(segment.len) | u64::from(flags) << 32 | u64::from(next.unwrap_or(0)) << 48
}
