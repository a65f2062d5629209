//! What has come for a socket: frames that wait until they are fetched, up to a limit, or a ring that they go to. Filled where nothing may sleep.

use crate::address;
use crate::blocks::{Blocks, Put};
use crate::ring::{Layout, Memory, Packet, Shape, Version, status};
use crate::slots::Slots;
use abi::Result;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use frames::Page;
use link::header;
use time::TimerId;

/// What a frame takes besides its bytes.
const OVERHEAD: usize = 512;

/// A frame that waits to be fetched.
pub(crate) struct Arrived {
    pub(crate) bytes: Vec<u8>,
    pub(crate) address: [u8; address::LEN],
    /// Bytes of all of it, and of its header of the link.
    pub(crate) len: usize,
    pub(crate) link: usize,
    pub(crate) status: u32,
    pub(crate) offload: [u8; header::BYTES as usize],
    pub(crate) came: u64,
    /// How many had been lost before.
    pub(crate) lost: u32,
}

enum Kind {
    Slots(Slots),
    Blocks(Blocks),
}

/// A ring for frames that come.
pub(crate) struct Ring {
    memory: Memory,
    version: Version,
    kind: Kind,
}

impl Ring {
    /// A ring of that shape.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn new(shape: Shape) -> Result<Self> {
        Ok(Self {
            memory: Memory::new(&shape)?,
            version: shape.version,
            kind: match shape.version {
                Version::V3 => Kind::Blocks(Blocks::new(shape)),
                _ => Kind::Slots(Slots::new(shape)),
            },
        })
    }

    /// Bytes of it, and a page.
    pub(crate) fn len(&self) -> usize {
        self.memory.len()
    }

    pub(crate) fn page(&self, index: usize) -> Option<Page> {
        self.memory.page(index)
    }

    fn is_readable(&self) -> bool {
        match &self.kind {
            Kind::Slots(slots) => slots.is_readable(&self.memory),
            Kind::Blocks(blocks) => blocks.is_readable(&self.memory),
        }
    }

    /// The block that frames go to, and how long it waits.
    pub(crate) fn block(&self) -> Option<(u64, u64)> {
        match &self.kind {
            Kind::Slots(_) => None,
            Kind::Blocks(blocks) => Some((blocks.number(), blocks.patience())),
        }
    }

    pub(crate) fn wants_flows(&self) -> bool {
        matches!(&self.kind, Kind::Blocks(blocks) if blocks.wants_flows())
    }

    fn room(&self) -> Room {
        let (count, free): (usize, &dyn Fn(usize) -> bool) = match &self.kind {
            Kind::Slots(slots) => (slots.count(), &|ahead| slots.is_kernels(&self.memory, ahead)),
            Kind::Blocks(blocks) => (blocks.len(), &|ahead| blocks.is_kernels(&self.memory, ahead)),
        };
        match (free(count / 4), free(0)) {
            (true, _) => Room::Normal,
            (false, true) => Room::Low,
            (false, false) => Room::None,
        }
    }
}

/// How much more a socket can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    None,
    Low,
    Normal,
}

/// What a socket says of itself when a frame comes.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    /// Bytes that may wait.
    pub(crate) most: usize,
    /// Bytes that are left free before a frame in a ring.
    pub(crate) reserved: usize,
    /// Whether frames that a ring has no room for wait beside it.
    pub(crate) copies: bool,
}

/// Frames that were kept and that were lost, and how often there was no free block, since somebody asked.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) kept: u32,
    pub(crate) lost: u32,
    pub(crate) froze: u32,
}

/// What waits.
#[derive(Default)]
pub(crate) struct Inbox {
    frames: VecDeque<Arc<Arrived>>,
    /// What they take.
    used: usize,
    pub(crate) ring: Option<Ring>,
    /// When the block that is filled has waited long enough.
    pub(crate) timer: Option<TimerId>,
    pub(crate) counts: Counts,
    /// Frames that were lost ever.
    lost_ever: u32,
}

impl Inbox {
    /// Takes a frame: what became of it, as far as whoever waits should know.
    pub(crate) fn take(&mut self, mut packet: Packet<'_>, terms: Terms) -> Put {
        let losing = if self.counts.lost > 0 { status::LOSING } else { 0 };
        let has_room = self.used < terms.most;
        let Some(ring) = &mut self.ring else {
            if has_room {
                self.counts.kept = self.counts.kept.wrapping_add(1);
                self.push(&packet);
            } else {
                self.count_lost();
            }
            return Put {
                kept: has_room,
                told: has_room,
                ..Put::default()
            };
        };
        let Some(layout) = Layout::new(ring.version, terms.reserved, &packet) else {
            self.count_lost();
            return Put::default();
        };
        let put = match &mut ring.kind {
            Kind::Blocks(blocks) => {
                let mut put = blocks.put(&ring.memory, layout, &packet, losing);
                // Who sleeps although there is something is told so.
                put.told |= !put.kept;
                put
            }
            Kind::Slots(slots) => {
                packet.status |= losing;
                let copies = terms.copies && has_room && !slots.fits(layout, &packet);
                if copies {
                    packet.status |= status::COPIED;
                }
                let kept = slots.put(&ring.memory, layout, &packet);
                if kept && copies {
                    self.push(&packet);
                }
                Put {
                    kept,
                    told: true,
                    ..Put::default()
                }
            }
        };
        self.counts.froze = self.counts.froze.wrapping_add(u32::from(put.froze));
        if put.kept {
            self.counts.kept = self.counts.kept.wrapping_add(1);
        } else {
            self.count_lost();
        }
        put
    }

    fn count_lost(&mut self) {
        self.counts.lost = self.counts.lost.wrapping_add(1);
        self.lost_ever = self.lost_ever.wrapping_add(1);
    }

    fn push(&mut self, packet: &Packet<'_>) {
        self.used += packet.bytes.len() + OVERHEAD;
        self.frames.push_back(Arc::new(Arrived {
            bytes: packet.bytes.to_vec(),
            address: packet.address,
            len: packet.len,
            link: packet.link,
            status: packet.status,
            offload: packet.says,
            came: packet.now,
            lost: self.lost_ever,
        }));
    }

    /// A block has waited long enough, if it is still the one with that number; whether there is something to read now.
    pub(crate) fn retire(&mut self, number: u64) -> bool {
        let losing = if self.counts.lost > 0 { status::LOSING } else { 0 };
        let Some(Ring {
            memory,
            kind: Kind::Blocks(blocks),
            ..
        }) = &mut self.ring
        else {
            return false;
        };
        let put = blocks.retire(memory, number, losing);
        self.counts.froze = self.counts.froze.wrapping_add(u32::from(put.froze));
        put.told
    }

    /// Has frames go to another ring, or none; what waits is forgotten. The answer is to be dropped elsewhere.
    #[must_use]
    pub(crate) fn set_ring(&mut self, ring: Option<Ring>) -> (Option<Ring>, VecDeque<Arc<Arrived>>) {
        self.used = 0;
        self.counts.froze = 0;
        (
            core::mem::replace(&mut self.ring, ring),
            core::mem::take(&mut self.frames),
        )
    }

    /// The next frame; it stays if it is only looked at.
    pub(crate) fn fetch(&mut self, peek: bool) -> Option<Arc<Arrived>> {
        if peek {
            return self.frames.front().cloned();
        }
        let arrived = self.frames.pop_front()?;
        self.used -= arrived.bytes.len() + OVERHEAD;
        Some(arrived)
    }

    /// Bytes of the next frame, and what all of them take.
    pub(crate) fn next_len(&self) -> usize {
        self.frames.front().map_or(0, |first| first.bytes.len())
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn is_readable(&self) -> bool {
        !self.frames.is_empty() || self.ring.as_ref().is_some_and(Ring::is_readable)
    }

    /// How much more it can take, with a frame of so many bytes.
    pub(crate) fn room(&self, most: usize, len: usize) -> Room {
        if let Some(ring) = &self.ring {
            return ring.room();
        }
        match most.saturating_sub(self.used + len + OVERHEAD) {
            0 => Room::None,
            left if left > most / 4 => Room::Normal,
            _ => Room::Low,
        }
    }
}
