//! What programs are told of a connection (`struct tcp_info`).

use crate::congestion::Phase;
use crate::connection::Connection;
use crate::sequence::Seq;

const STAMPS: u8 = 1;
const SACK: u8 = 2;
const SCALE: u8 = 4;
const ECN: u8 = 8;

impl Connection {
    /// How far the stream is that goes out: what the other side has, what was sent, and what is to be.
    #[must_use]
    pub fn progress(&self) -> [Seq; 3] {
        [self.una, self.nxt, self.out_end()]
    }

    /// Fills in `struct tcp_info`, as far as it goes.
    pub fn info(&self, now: u64, into: &mut [u8]) {
        let mut small = [0; 8];
        small[0] = self.state as u8;
        small[1] = match self.congestion.phase {
            Phase::Open => 0,
            Phase::Recovery => 3,
            Phase::Loss => 4,
        };
        small[2] = self.tries;
        small[4] = self.rtt.backoff;
        let agreed = [
            (self.stamps, STAMPS),
            (self.sack, SACK),
            (self.receive_scale > 0, SCALE),
            (self.ecn, ECN),
        ];
        small[5] = agreed.iter().filter(|(has, _)| *has).map(|(_, bit)| bit).sum();
        small[6] = self.send_scale | self.receive_scale << 4;
        put(into, 0, &small);
        let segments = |bytes: u32| bytes.div_ceil(self.mss.max(1));
        let since = |at: u64| (now.saturating_sub(at) / 1_000_000) as u32;
        let words = [
            (8, (self.rtt.timeout() / 1000) as u32),
            (12, 40_000),
            (16, self.mss),
            (20, u32::from(self.usual)),
            (24, segments(self.nxt.since(self.una))),
            (28, segments(self.sent.sacked)),
            (32, segments(self.sent.lost)),
            (44, since(self.progress)),
            (52, since(self.heard)),
            (56, since(self.heard)),
            (60, u32::from(self.ends.fits) + 20),
            (64, self.free()),
            (68, self.rtt.smooth),
            (72, self.rtt.variation),
            (76, self.congestion.threshold.min(0x7fff_ffff)),
            (80, segments(self.congestion.window)),
            (84, u32::from(self.own_mss())),
            (88, 3),
            (96, self.limit),
            (100, self.counts[2]),
            (120, self.out_start.since(self.ends.first + 1)),
            (128, self.received as u32),
            (132, (self.received >> 32) as u32),
            (136, self.counts[1]),
            (140, self.counts[0]),
            (144, self.not_sent()),
            (148, (self.rtt.shortest_nanos() / 1000) as u32),
        ];
        for (at, word) in words {
            put(into, at, &word.to_ne_bytes());
        }
    }
}

fn put(into: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = into.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
