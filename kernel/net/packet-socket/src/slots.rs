//! Places of one length for frames that come (`TPACKET_V1`, `TPACKET_V2`): they are filled one after the other. The first word of a place says whose it is: the kernel's, until it has put a frame
//! there, and then the program's, until it says that it has done with it.

use crate::ring::{Layout, Memory, Packet, Shape, Version, status};

/// The places.
pub(crate) struct Slots {
    shape: Shape,
    /// The place that is filled next.
    next: usize,
}

impl Slots {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape, next: 0 }
    }

    /// Whether the kernel may fill the place that lies so many behind the next.
    pub(crate) fn is_kernels(&self, memory: &Memory, ahead: usize) -> bool {
        let number = (self.next + ahead) % self.shape.count;
        memory.word(self.shape.place(number)) as u32 == status::KERNELS
    }

    /// Whether the place that was filled last is still the program's.
    pub(crate) fn is_readable(&self, memory: &Memory) -> bool {
        !self.is_kernels(memory, self.shape.count - 1)
    }

    /// How many places there are.
    pub(crate) fn count(&self) -> usize {
        self.shape.count
    }

    /// Whether a frame fits into a place as far as it is wanted.
    pub(crate) fn fits(&self, layout: Layout, packet: &Packet<'_>) -> bool {
        layout.frame + packet.bytes.len() <= self.shape.frame
    }

    /// Puts a frame into the next place, as much of it as is wanted and fits; whether that was free.
    pub(crate) fn put(&mut self, memory: &Memory, mut layout: Layout, packet: &Packet<'_>) -> bool {
        if !self.is_kernels(memory, 0) {
            return false;
        }
        let at = self.shape.place(self.next);
        let room = self.shape.frame.saturating_sub(layout.frame);
        layout.has_offload &= layout.frame <= self.shape.frame;
        layout.write(memory, at, packet, packet.bytes.len().min(room), 0);
        let other_half = match self.shape.version {
            Version::V1 => 0,
            _ => packet.len as u64,
        };
        memory.set_word(at, u64::from(packet.status) | other_half << 32);
        self.next = (self.next + 1) % self.shape.count;
        true
    }
}
