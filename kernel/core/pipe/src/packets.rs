//! Where packets end in a pipe's bytes (`O_DIRECT`).
//!
//! A pipe that never had a packet in it has an empty list and knows nothing of all this. Each packet has a page of the pipe's capacity to itself; what else was written
//! lies in pages of its own between them.

use alloc::collections::VecDeque;

const PAGE: usize = 4096;

/// A packet, or bytes that are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) len: usize,
    pub(crate) is_packet: bool,
}

/// The parts of a pipe's bytes in their order, while there are packets.
#[derive(Debug, Default)]
pub(crate) struct Packets(VecDeque<Part>);

impl Packets {
    /// Whether the bytes have no parts.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many pages they take.
    pub(crate) fn pages(&self) -> usize {
        self.0.iter().map(|part| part.len.div_ceil(PAGE)).sum()
    }

    /// Notes a packet behind all other bytes, of which there were `before`.
    pub(crate) fn add_packet(&mut self, before: usize, len: usize) {
        if self.is_empty() && before > 0 {
            self.0.push_back(Part {
                len: before,
                is_packet: false,
            });
        }
        self.0.push_back(Part { len, is_packet: true });
    }

    /// Notes bytes that are no packet.
    pub(crate) fn add_bytes(&mut self, len: usize) {
        match self.0.back_mut() {
            Some(Part {
                len: last,
                is_packet: false,
            }) => *last += len,
            _ => self.0.push_back(Part { len, is_packet: false }),
        }
    }

    /// Whether the last bytes are a packet.
    pub(crate) fn ends_with_packet(&self) -> bool {
        self.0.back().is_some_and(|part| part.is_packet)
    }

    /// The first part.
    pub(crate) fn first(&self) -> Option<Part> {
        self.0.front().copied()
    }

    /// So many bytes of the first part are gone; it goes when none are left.
    pub(crate) fn take(&mut self, len: usize) {
        if let Some(first) = self.0.front_mut() {
            first.len -= len.min(first.len);
            if first.len == 0 {
                self.0.pop_front();
            }
        }
        if self.0.iter().all(|part| !part.is_packet) {
            self.0.clear();
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_take_pages_of_their_own() {
        let mut packets = Packets::default();
        packets.add_packet(10, 1);
        packets.add_packet(11, 4096);
        packets.add_bytes(5);
        packets.add_bytes(6);
        assert_eq!(packets.pages(), 4);
        packets.take(10);
        assert_eq!(
            packets.first(),
            Some(Part {
                len: 1,
                is_packet: true
            })
        );
        packets.take(1);
        packets.take(4096);
        assert!(packets.is_empty(), "bytes alone need no list");
    }
}
