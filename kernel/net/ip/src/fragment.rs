//! Fragments that wait for the others of their packet, of both protocols.
//!
//! Pieces that overlap others are an attack or a mistake: the whole packet is dropped (RFC 5722). What waits is limited in packets, in bytes and in time.

use alloc::vec::Vec;
use core::net::IpAddr;

/// How long the first to come waits for the last (`net.ipv4.ipfrag_time`).
const PATIENCE: u64 = 30_000_000_000;
/// Packets that wait at most.
const MOST: usize = 64;
/// Bytes that wait at most.
const ROOM: usize = 1 << 20;
/// What a piece takes besides its bytes.
const OVERHEAD: usize = 64;
/// Bytes of the longest packet.
const LONGEST: usize = 65535;

/// Which packet a fragment is of: source, destination, its number, its protocol.
pub(crate) type Key = (IpAddr, IpAddr, u32, u8);

/// A fragment that came.
pub(crate) struct Piece<'a> {
    pub(crate) key: Key,
    pub(crate) interface: u32,
    /// Where it begins.
    pub(crate) offset: usize,
    /// Whether others follow it.
    pub(crate) more: bool,
    /// The headers before it.
    pub(crate) header: &'a [u8],
    pub(crate) bytes: &'a [u8],
}

/// A packet of which something has come.
pub(crate) struct Waiting {
    key: Key,
    pub(crate) interface: u32,
    /// Until when.
    until: u64,
    /// The headers of the first fragment, once it has come.
    pub(crate) header: Vec<u8>,
    /// Pieces in order: where each begins, and its bytes.
    pub(crate) pieces: Vec<(usize, Vec<u8>)>,
    /// Its length, once the last piece has come.
    total: Option<usize>,
}

impl Waiting {
    /// Whether it is a packet of the newer protocol.
    pub(crate) const fn is_newer(&self) -> bool {
        self.key.0.is_ipv6()
    }
}

/// All that waits.
pub(crate) struct Fragments {
    all: Vec<Waiting>,
    used: usize,
}

impl Fragments {
    pub(crate) const fn new() -> Self {
        Self {
            all: Vec::new(),
            used: 0,
        }
    }

    /// A fragment came: the first fragment's headers and the whole payload, if it was the last that was missing.
    pub(crate) fn add(&mut self, now: u64, piece: &Piece<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
        let end = piece.offset + piece.bytes.len();
        if piece.bytes.is_empty()
            || end + piece.header.len() > LONGEST
            || piece.more && !piece.bytes.len().is_multiple_of(8)
        {
            return None;
        }
        let size = piece.bytes.len() + OVERHEAD;
        while !self.all.is_empty() && self.used + size > ROOM {
            self.remove(0);
        }
        let at = match self.all.iter().position(|waiting| waiting.key == piece.key) {
            Some(at) => at,
            None => self.begin(now, piece),
        };
        match self.all[at].add(piece, end) {
            Added::Kept => self.used += size,
            Added::Known => {}
            Added::Wrong => {
                self.remove(at);
                return None;
            }
        }
        if !self.all[at].is_whole() {
            return None;
        }
        let done = self.remove(at);
        let payload = done.pieces.iter().flat_map(|(_, bytes)| bytes).copied().collect();
        Some((done.header, payload))
    }

    fn begin(&mut self, now: u64, piece: &Piece<'_>) -> usize {
        if self.all.len() >= MOST {
            self.remove(0);
        }
        self.all.push(Waiting {
            key: piece.key,
            interface: piece.interface,
            until: now + PATIENCE,
            header: Vec::new(),
            pieces: Vec::new(),
            total: None,
        });
        self.all.len() - 1
    }

    fn remove(&mut self, at: usize) -> Waiting {
        let gone = self.all.remove(at);
        self.used -= gone
            .pieces
            .iter()
            .map(|(_, bytes)| bytes.len() + OVERHEAD)
            .sum::<usize>();
        gone
    }

    /// Packets that have waited too long. They are in the order of their time.
    pub(crate) fn tick(&mut self, now: u64) -> Vec<Waiting> {
        let mut late = Vec::new();
        while self.all.first().is_some_and(|first| first.until <= now) {
            late.push(self.remove(0));
        }
        late
    }

    /// How many packets wait, and how many bytes.
    pub(crate) fn usage(&self) -> (usize, usize) {
        (self.all.len(), self.used)
    }

    /// When the next has waited too long.
    pub(crate) fn next(&self) -> u64 {
        self.all.first().map_or(u64::MAX, |first| first.until)
    }
}

enum Added {
    Kept,
    Known,
    Wrong,
}

impl Waiting {
    fn add(&mut self, piece: &Piece<'_>, end: usize) -> Added {
        let last_end = self.pieces.last().map_or(0, |(start, bytes)| start + bytes.len());
        match self.total {
            _ if !piece.more && (last_end > end || self.total.is_some_and(|total| total != end)) => {
                return Added::Wrong;
            }
            Some(total) if end > total => return Added::Wrong,
            _ => {}
        }
        let at = self.pieces.partition_point(|(start, _)| *start < piece.offset);
        if let Some((start, bytes)) = self.pieces.get(at) {
            if *start == piece.offset && bytes.as_slice() == piece.bytes {
                return Added::Known;
            }
            if *start < end {
                return Added::Wrong;
            }
        }
        let before = at.checked_sub(1).and_then(|before| self.pieces.get(before));
        if before.is_some_and(|(start, bytes)| start + bytes.len() > piece.offset) {
            return Added::Wrong;
        }
        self.pieces.insert(at, (piece.offset, piece.bytes.to_vec()));
        if piece.offset == 0 {
            self.header = piece.header.to_vec();
        }
        if !piece.more {
            self.total = Some(end);
        }
        Added::Kept
    }

    /// Whether nothing is missing: pieces never overlap, so it is enough to add them up.
    fn is_whole(&self) -> bool {
        self.total == Some(self.pieces.iter().map(|(_, bytes)| bytes.len()).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(number: u32, offset: usize, more: bool, bytes: &[u8]) -> Piece<'_> {
        let ip = IpAddr::from([10, 0, 0, 1]);
        Piece {
            key: (ip, ip, number, 17),
            interface: 2,
            offset,
            more,
            header: &[0x45; 20],
            bytes,
        }
    }

    #[test]
    fn what_overlaps_is_dropped_and_what_is_late_is_told() {
        let mut all = Fragments::new();
        assert!(all.add(0, &piece(1, 0, true, &[1; 16])).is_none());
        assert!(all.add(0, &piece(1, 0, true, &[1; 16])).is_none(), "the same again");
        assert!(all.add(0, &piece(1, 8, true, &[2; 16])).is_none());
        assert_eq!((all.all.len(), all.used), (0, 0));
        assert!(all.add(0, &piece(2, 8, true, &[1; 15])).is_none() && all.all.is_empty());
        assert!(all.add(5, &piece(3, 8, true, &[1; 16])).is_none());
        assert_eq!(all.next(), 5 + PATIENCE);
        assert_eq!((all.tick(4 + PATIENCE).len(), all.tick(5 + PATIENCE).len()), (0, 1));
        for number in 0..1000 {
            all.add(0, &piece(number, 65000, true, &[1; 400]));
            all.add(0, &piece(number, 0, true, &[1; 60000]));
        }
        assert!(all.all.len() <= MOST && all.used <= ROOM);
    }

    proptest! {
        #[test]
        fn in_any_order_the_whole_comes_out(len in 9usize..3000, size in 1usize..40, seed: u64) {
            let whole: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let mut pieces: Vec<usize> = (0..len).step_by(size * 8).collect();
            let mut state = seed | 1;
            for at in (1..pieces.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                pieces.swap(at, (state >> 33) as usize % (at + 1));
            }
            let mut all = Fragments::new();
            let mut done = None;
            for (at, &start) in pieces.iter().enumerate() {
                prop_assert!(done.is_none());
                let end = (start + size * 8).min(len);
                done = all.add(at as u64, &piece(7, start, end < len, &whole[start..end]));
            }
            prop_assert_eq!(done.map(|(_, payload)| payload), Some(whole));
            prop_assert_eq!(all.used, 0);
        }

        #[test]
        fn nothing_is_too_strange(steps in proptest::collection::vec((0u32..3, 0usize..66000, any::<bool>(), 0usize..100), 0..60)) {
            let mut all = Fragments::new();
            for (number, offset, more, len) in steps {
                all.add(0, &piece(number, offset, more, &[0; 100][..len]));
            }
        }
    }
}
