//! Connections with each other over a simulated link that loses, delays, repeats and changes segments.

mod goodput;
mod hostile;
mod orphan;
mod transfer;

use crate::listener::{Request, Verdict};
use crate::segment::LONGEST;
use crate::{Connection, Ends, Machine, Output, Segment, Seq, Settings, flags};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

const MILLI: u64 = 1_000_000;

/// Numbers that a seed chooses.
pub(super) struct Choice(pub(super) u64);

impl Choice {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % end.max(1)
    }

    /// True so many times in ten thousand.
    pub(super) fn is(&mut self, of_ten_thousand: u64) -> bool {
        self.below(10_000) < of_ten_thousand
    }
}

/// What a link does, the chances in ten thousandths.
#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) loss: u64,
    pub(super) repeat: u64,
    pub(super) late: u64,
    /// Nanoseconds of the way.
    pub(super) delay: u64,
    /// Bytes a second, and bytes that wait for their turn.
    pub(super) rate: u64,
    pub(super) queue: u64,
    pub(super) mark: u64,
}

impl Link {
    pub(super) const GOOD: Self = Self {
        loss: 0,
        repeat: 0,
        late: 0,
        delay: 10 * MILLI,
        rate: 12_500_000,
        queue: 250_000,
        mark: 0,
    };
}

/// Two ends and what is between them.
pub(super) struct World {
    pub(super) now: u64,
    pub(super) choice: Choice,
    pub(super) link: Link,
    pub(super) ends: [Option<Connection>; 2],
    pub(super) settings: [Settings; 2],
    request: Option<Request>,
    /// Segments on their way: when, in which order, to whom, marked.
    way: BTreeMap<(u64, u64), (usize, Vec<u8>, bool)>,
    count: u64,
    pub(super) busy_until: [u64; 2],
    pub(super) cuts: u32,
}

pub(super) fn ends(own: u16, first: u32, cuts: u32) -> Ends {
    Ends {
        own,
        peer: 81 - own,
        fits: 1480,
        cuts,
        first: Seq(first),
        clock: first ^ 0x5555,
        recent: 0,
    }
}

impl World {
    pub(super) fn new(seed: u64, link: Link) -> Self {
        Self {
            now: 1_000 * MILLI,
            choice: Choice(seed),
            link,
            ends: [None, None],
            settings: [Settings::default(); 2],
            request: None,
            way: BTreeMap::new(),
            count: 0,
            busy_until: [0; 2],
            cuts: 0,
        }
    }

    pub(super) fn connect(&mut self) {
        let first = self.choice.below(1 << 32) as u32;
        self.ends[0] = Some(Connection::connect(
            self.now,
            ends(80, first, self.cuts),
            self.settings[0],
        ));
        self.poll(0);
    }

    /// Takes what one end sends.
    pub(super) fn poll(&mut self, who: usize) {
        let Some(mut connection) = self.ends[who].take() else {
            return;
        };
        let mut sent = Vec::new();
        connection.poll(self.now, &mut |output| {
            collect(output, &mut sent);
            true
        });
        self.ends[who] = Some(connection);
        for (bytes, may_mark) in sent {
            self.send(1 - who, bytes, may_mark);
        }
    }

    fn send(&mut self, to: usize, bytes: Vec<u8>, may_mark: bool) {
        // With what is before it in a frame.
        let size = bytes.len() as u64 + 34;
        let begin = self.busy_until[to].max(self.now);
        let waiting = (begin - self.now) * self.link.rate / 1_000_000_000;
        if waiting + size > self.link.queue || self.choice.is(self.link.loss) {
            return;
        }
        let gone = begin + size * 1_000_000_000 / self.link.rate;
        self.busy_until[to] = gone;
        let times = 1 + u64::from(self.choice.is(self.link.repeat));
        for _ in 0..times {
            let mut at = gone + self.link.delay;
            if self.choice.is(self.link.late) {
                at += self.choice.below(self.link.delay * 2);
            }
            self.count += 1;
            let marked = may_mark && self.choice.is(self.link.mark);
            self.way.insert((at, self.count), (to, bytes.clone(), marked));
        }
    }

    /// When something happens next.
    pub(super) fn next(&self) -> Option<u64> {
        let arrival = self.way.keys().next().map(|key| key.0);
        let alarms = self.ends.iter().flatten().filter_map(Connection::deadline);
        let request = self.request.as_ref().map(|request| request.next);
        arrival.into_iter().chain(alarms).chain(request).min()
    }

    /// Goes to the next thing that happens; false if nothing will.
    pub(super) fn step(&mut self) -> bool {
        let arrival = self.way.keys().next().map(|key| key.0);
        let Some(next) = self.next() else { return false };
        self.now = self.now.max(next);
        if arrival.is_some_and(|at| at <= self.now)
            && let Some((_, (to, bytes, marked))) = self.way.pop_first()
        {
            let mut segment = Segment::parse(&bytes).expect("what was sent is a segment");
            segment.marked = marked;
            self.deliver(to, &segment);
        }
        for who in 0..2 {
            self.expire(who);
        }
        if let Some(request) = self.request.as_mut()
            && request.next <= self.now
        {
            if request.is_answered_again(self.now, &Machine::default()) {
                self.answer();
            } else {
                self.request = None;
            }
        }
        true
    }

    fn expire(&mut self, who: usize) {
        let Some(mut connection) = self.ends[who].take() else {
            return;
        };
        let mut sent = Vec::new();
        let due = connection.deadline().is_some_and(|at| at <= self.now);
        if due {
            connection.on_timer(self.now, &mut |output| {
                collect(output, &mut sent);
                true
            });
        }
        self.ends[who] = Some(connection);
        for (bytes, may_mark) in sent {
            self.send(1 - who, bytes, may_mark);
        }
        if due {
            self.poll(who);
        }
    }

    fn answer(&mut self) {
        let Some(request) = &self.request else { return };
        let (header, options) = request.answer(self.now, &self.settings[1], false);
        let mut bytes = [0; LONGEST];
        let len = header.write(&options, &mut bytes);
        self.send(0, bytes[..len].to_vec(), false);
    }

    /// A segment comes: to a connection, or to who listens.
    pub(super) fn deliver(&mut self, to: usize, segment: &Segment<'_>) {
        if let Some(connection) = &mut self.ends[to] {
            let refusal = connection.on_segment(self.now, segment);
            if let Some(header) = refusal {
                self.send_header(1 - to, header);
            }
            return self.poll(to);
        }
        if to == 0 {
            return;
        }
        let Some(request) = &self.request else {
            if segment.flags & (flags::SYN | flags::ACK | flags::RST) == flags::SYN {
                let first = self.choice.below(1 << 32) as u32;
                self.request = Some(Request::new(
                    self.now,
                    ends(1, first, self.cuts),
                    segment,
                    &Machine::default(),
                ));
                self.answer();
            } else if let Some(header) = segment.refusal() {
                self.send_header(0, header);
            }
            return;
        };
        match request.on_segment(segment) {
            Verdict::Drop => {}
            Verdict::Answer => self.answer(),
            Verdict::Forget => self.request = None,
            Verdict::Refuse(header) => self.send_header(0, header),
            Verdict::Open => {
                self.ends[1] = Some(request.open(self.now, self.settings[1]));
                self.request = None;
                self.deliver(1, segment);
            }
        }
    }

    fn send_header(&mut self, to: usize, header: crate::Header) {
        let mut bytes = [0; LONGEST];
        let len = header.write(&crate::Options::default(), &mut bytes);
        self.send(to, bytes[..len].to_vec(), false);
    }

    pub(super) fn end(&mut self, who: usize) -> &mut Connection {
        self.ends[who].as_mut().expect("there is a connection")
    }

    /// What has come to one end.
    pub(super) fn read(&mut self, who: usize, most: usize) -> Vec<u8> {
        let now = self.now;
        let Some(connection) = self.ends[who].as_mut() else {
            return Vec::new();
        };
        let mut out = Vec::new();
        while out.len() < most
            && let Some((piece, gone)) = connection.take()
        {
            let used = (piece.len() - gone).min(most - out.len());
            out.extend_from_slice(&piece[gone..gone + used]);
            connection.give_back(piece, gone + used);
            connection.has_read(now, used);
        }
        if !out.is_empty() {
            self.poll(who);
        }
        out
    }

    /// Gives as much as fits of what is left.
    pub(super) fn write(&mut self, who: usize, bytes: &[u8]) -> usize {
        let now = self.now;
        let Some(connection) = self.ends[who].as_mut() else {
            return 0;
        };
        let count = connection.room().min(bytes.len()).min(16384);
        if count > 0 && connection.may_send() {
            connection.push(now, bytes[..count].to_vec(), false);
            self.poll(who);
            return count;
        }
        0
    }
}

/// Cuts a segment as a card would, and keeps it.
pub(super) fn collect(output: Output<'_>, sent: &mut Vec<(Vec<u8>, bool)>) {
    let payload = output.payload.concat();
    let Some(size) = output.cut else {
        sent.push(([&*output.header, &payload].concat(), output.may_mark));
        return;
    };
    let first = u32::from_be_bytes(output.header[4..8].try_into().expect("four bytes"));
    let count = payload.chunks(size.into()).count();
    for (index, piece) in payload.chunks(size.into()).enumerate() {
        let mut header = output.header.to_vec();
        let seq = first.wrapping_add(index as u32 * u32::from(size));
        header[4..8].copy_from_slice(&seq.to_be_bytes());
        if index + 1 < count {
            header[13] &= !(flags::FIN | flags::PSH);
        }
        sent.push(([&header[..], piece].concat(), output.may_mark));
    }
}

/// Bytes that tell where they belong.
pub(super) fn stream(len: usize, seed: u64) -> Vec<u8> {
    let mut choice = Choice(seed ^ 0xabcd);
    let mut bytes = vec![0; len];
    bytes.chunks_mut(8).for_each(|chunk| {
        let value = choice.below(u64::MAX).to_le_bytes();
        chunk.copy_from_slice(&value[..chunk.len()]);
    });
    bytes
}
