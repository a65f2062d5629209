//! Who sees every frame in both directions and knows what may follow from it: which connections there can be, which bytes may come out of them, and what may end them.
//!
//! It takes more for possible than the stack does where it cannot know (a segment that came while memory was short may have been dropped), and never less.

use crate::cable::MAC;
use crate::craft::{ICMP, ICMPV6, TCP, carried};
use packet::{icmp, ipv4, ipv6};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use tcp::{Segment, flags};

/// The machine's end, and the other.
pub(crate) type Name = (SocketAddr, SocketAddr);

const SECOND: u64 = 1_000_000_000;
/// What is allowed of a stream before its window was told.
const FIRST_WINDOW: u32 = 65_535;
/// How long what was said may be answered: longer than a cookie lasts.
const MEMORY: u64 = 400 * SECOND;

/// A stream that there may be in both directions.
pub(crate) struct Stream {
    pub(crate) number: u64,
    /// Where the peer's begins, and the machine's.
    pub(crate) peer_first: u32,
    pub(crate) own_first: u32,
    /// What the machine says it has, may get, and has sent.
    pub(crate) ack: u32,
    pub(crate) edge: u32,
    pub(crate) next: u32,
    shift: u8,
    /// Bytes that a program has sent: they may be under way even if none was seen, since a packet that is too long goes nowhere.
    pub(crate) written: u32,
    /// Bytes that came where they may, by their place; and ends.
    offered: Vec<(u32, Vec<u8>)>,
    ends: BTreeSet<u32>,
    /// The place up to which bytes came without a gap.
    pub(crate) cover: u32,
    /// A reset came that may end it; and one that does if nothing is underway.
    pub(crate) may_end: bool,
    has_ended: bool,
    pub(crate) is_claimed: bool,
    /// The program has closed it.
    pub(crate) is_done: bool,
    /// When something was last said of it.
    pub(crate) touched: u64,
}

/// What was said between two ends.
#[derive(Default)]
pub(crate) struct Flow {
    /// Beginnings of the peer's, and when.
    begun: Vec<(u32, u64)>,
    /// Answers of the machine's: the peer's beginning, its own, the shift of its windows, and when.
    pub(crate) answered: Vec<(u32, u32, u8, u64)>,
    /// Where the machine began by itself, and whether windows may be shifted.
    pub(crate) asked: Option<(u32, bool)>,
    /// Somebody said in the right way that there is nobody.
    pub(crate) may_refuse: bool,
    pub(crate) streams: Vec<Stream>,
    /// The machine's clock that was told last.
    pub(crate) clock: u32,
}

#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) flows: BTreeMap<Name, Flow>,
    /// Datagrams that came: to which port, from whom.
    pub(crate) datagrams: BTreeSet<(u16, SocketAddr)>,
    /// The number of the last question for an address.
    pub(crate) question: u32,
    count: u64,
}

impl Stream {
    fn offset(&self, place: u32) -> u32 {
        place.wrapping_sub(self.peer_first).wrapping_sub(1)
    }

    /// The place of an offset.
    pub(crate) fn place(&self, offset: u32) -> u32 {
        self.peer_first.wrapping_add(1).wrapping_add(offset)
    }

    /// Whether the machine may say that it waits for what is there.
    fn may_wait_for(&self, ack: u32) -> bool {
        let offset = self.offset(ack);
        offset <= self.cover || self.ends.contains(&offset.wrapping_sub(1)) && offset - 1 <= self.cover
    }

    /// A segment came that is no beginning.
    fn hear(&mut self, segment: &Segment<'_>) {
        let seq = segment.seq.0;
        // What the machine said may have been of the one before that began with the same numbers.
        let acked = if self.is_claimed { self.offset(self.ack) } else { 0 };
        let allowed = self.offset(self.edge);
        let start = self.offset(seq) as i32;
        if segment.has(flags::RST) {
            let most = if self.ends.iter().any(|end| *end <= self.cover) {
                self.cover + 1
            } else {
                self.cover
            };
            self.has_ended |= seq == self.ack;
            self.may_end |= (acked as i32..=most as i32).contains(&start);
            return;
        }
        let most = tcp::Seq(self.next).max(tcp::Seq(self.own_first) + self.written + 2);
        if segment.has(flags::SYN) || !segment.has(flags::ACK) || segment.ack.after(most) {
            return;
        }
        let end = start.saturating_add(segment.payload.len() as i32);
        let from = start.max(acked as i32);
        let to = end.min(allowed as i32);
        if from < to {
            let bytes = &segment.payload[(from - start) as usize..(to - start) as usize];
            self.offered.push((from as u32, bytes.to_vec()));
        }
        if segment.has(flags::FIN) && end >= acked as i32 && end <= allowed as i32 {
            self.ends.insert(end as u32);
        }
        self.extend();
    }

    fn extend(&mut self) {
        loop {
            let before = self.cover;
            for (start, bytes) in &self.offered {
                let end = start + bytes.len() as u32;
                if *start <= self.cover && end > self.cover {
                    self.cover = end;
                }
            }
            if self.cover == before {
                return;
            }
        }
    }

    /// Whether a program may have read these bytes there, which are not read again.
    pub(crate) fn may_read(&mut self, at: u32, bytes: &[u8]) -> bool {
        let right = self.has(at, bytes);
        let end = at + bytes.len() as u32;
        self.offered
            .retain(|(start, offered)| start + offered.len() as u32 > end);
        right
    }

    /// Whether these bytes came there.
    fn has(&self, at: u32, bytes: &[u8]) -> bool {
        let mut right = vec![false; bytes.len()];
        for (start, offered) in &self.offered {
            for (index, byte) in offered.iter().enumerate() {
                let place = (start + index as u32).wrapping_sub(at) as usize;
                if bytes.get(place) == Some(byte) {
                    right[place] = true;
                }
            }
        }
        right.into_iter().all(|right| right)
    }

    pub(crate) fn may_end_at(&self, offset: u32) -> bool {
        self.ends.contains(&offset)
    }

    /// The machine says something.
    fn speak(&mut self, segment: &Segment<'_>) {
        let ack = tcp::Seq(self.ack).max(segment.ack);
        self.ack = ack.0;
        let edge = segment.ack + (u32::from(segment.window) << self.shift);
        self.edge = tcp::Seq(self.edge).max(edge).0;
        self.next = tcp::Seq(self.next).max(segment.end()).0;
    }
}

impl Flow {
    fn hear(&mut self, now: u64, count: &mut u64, segment: &Segment<'_>) {
        let (seq, ack) = (segment.seq.0, segment.ack.0);
        let bits = segment.flags & (flags::SYN | flags::ACK | flags::RST);
        if bits == flags::SYN {
            self.begun.push((seq, now));
        }
        if let Some((first, may_shift)) = self.asked
            && ack == first.wrapping_add(1)
            && segment.has(flags::ACK)
        {
            self.may_refuse |= segment.has(flags::RST);
            if bits == flags::SYN | flags::ACK && !self.streams.iter().any(|stream| stream.own_first == first) {
                let shift = if may_shift && segment.options.scale.is_some() {
                    7
                } else {
                    0
                };
                self.begin(now, count, (seq, first, shift));
            }
        }
        if segment.has(flags::RST) {
            // Both have begun at once.
            let mut answers = self.answered.iter();
            self.may_refuse |= answers.any(|answer| answer.0.wrapping_add(1) == seq);
        }
        if bits == flags::ACK {
            let opens = |answer: &&(u32, u32, u8, u64)| {
                let start = seq.wrapping_sub(answer.0).wrapping_sub(1) as i32;
                let is_near = start <= FIRST_WINDOW as i32 && start.saturating_add(segment.len() as i32) >= 0;
                ack == answer.1.wrapping_add(1) && is_near
            };
            // An answer that is a cookie can be given again when what came of it is over.
            let known = |answer: &(u32, u32, u8, u64)| {
                let mut streams = self
                    .streams
                    .iter()
                    .filter(|stream| !stream.is_done && !stream.has_ended);
                streams.any(|stream| (stream.peer_first, stream.own_first) == (answer.0, answer.1))
            };
            let opened = self.answered.iter().find(opens).copied();
            if let Some(answer) = opened.filter(|answer| !known(answer)) {
                self.begin(now, count, (answer.0, answer.1, answer.2));
            }
        }
        self.streams.iter_mut().for_each(|stream| stream.hear(segment));
    }

    fn begin(&mut self, now: u64, count: &mut u64, (peer_first, own_first, shift): (u32, u32, u8)) {
        *count += 1;
        let ack = peer_first.wrapping_add(1);
        self.streams.push(Stream {
            number: *count,
            peer_first,
            own_first,
            ack,
            edge: ack.wrapping_add(FIRST_WINDOW),
            next: own_first.wrapping_add(1),
            shift,
            written: 0,
            offered: Vec::new(),
            ends: BTreeSet::new(),
            cover: 0,
            may_end: false,
            has_ended: false,
            is_claimed: false,
            is_done: false,
            touched: now,
        });
    }

    /// The machine says something; what is wrong with it.
    fn speak(&mut self, now: u64, segment: &Segment<'_>) -> Result<(), String> {
        if let Some((value, _)) = segment.options.stamp {
            self.clock = value;
        }
        let (seq, ack) = (segment.seq.0, segment.ack.0);
        let bits = segment.flags & (flags::SYN | flags::ACK | flags::RST);
        if segment.has(flags::RST) {
            return Ok(());
        }
        if bits == flags::SYN {
            let scale = segment.options.scale.is_some();
            if self.asked.is_none_or(|(first, _)| first != seq) {
                self.may_refuse = false;
            }
            self.asked = Some((seq, scale));
            return Ok(());
        }
        if bits == flags::SYN | flags::ACK {
            let shift = segment.options.scale.unwrap_or(0);
            if !self.begun.iter().any(|(first, _)| first.wrapping_add(1) == ack) {
                return Err("it answers a beginning that there was not".to_owned());
            }
            let same = |answer: &&mut (u32, u32, u8, u64)| (answer.0.wrapping_add(1), answer.1) == (ack, seq);
            match self.answered.iter_mut().find(same) {
                Some(answer) => answer.3 = now,
                None => self.answered.push((ack.wrapping_sub(1), seq, shift, now)),
            }
            return Ok(());
        }
        let mut streams = self.streams.iter_mut().rev();
        match streams.find(|stream| stream.may_wait_for(ack) && is_near(seq, stream)) {
            Some(stream) => {
                stream.touched = now;
                stream.speak(segment);
            }
            // Who has answered a beginning may say so again.
            None if self
                .answered
                .iter()
                .any(|answer| (answer.0.wrapping_add(1), answer.1.wrapping_add(1)) == (ack, seq)) => {}
            None => {
                let known = self.streams.iter().map(|stream| {
                    let places = [stream.place(0), stream.place(stream.cover), stream.ack, stream.edge];
                    (places, stream.own_first, stream.next, stream.is_done)
                });
                let known: Vec<_> = known.collect();
                return Err(format!(
                    "it acknowledges {ack} at {seq} and did not get that: {known:?}"
                ));
            }
        }
        Ok(())
    }

    fn forget(&mut self, now: u64) {
        self.begun.retain(|(_, at)| at + MEMORY > now);
        self.answered.retain(|(_, _, _, at)| at + MEMORY > now);
        let is_over = |stream: &Stream| stream.is_done || stream.may_end && !stream.is_claimed;
        self.streams
            .retain(|stream| !is_over(stream) || stream.touched + 3 * MEMORY > now);
    }
}

fn is_near(seq: u32, stream: &Stream) -> bool {
    seq.wrapping_sub(stream.own_first) <= stream.next.wrapping_sub(stream.own_first).wrapping_add(1 << 20)
}

/// Of whose segment a message quotes the beginning, and where that is in its stream.
fn quoted(message: &[u8], protocol: u8) -> Option<(Name, u32)> {
    let quote = message.get(icmp::LEN..)?;
    let (own, peer, len): (IpAddr, IpAddr, usize) = if protocol == ICMP {
        let (header, len) = ipv4::Header::parse_unchecked(quote)?;
        (header.source.into(), header.destination.into(), len.min(header.len()))
    } else {
        let (header, _) = ipv6::Header::parse_unchecked(quote)?;
        (header.source.into(), header.destination.into(), ipv6::LEN)
    };
    let [a, b, c, d, e, f, g, h] = *quote.get(len..)?.first_chunk()?;
    let port = |high, low| u16::from_be_bytes([high, low]);
    let name = (SocketAddr::new(own, port(a, b)), SocketAddr::new(peer, port(c, d)));
    Some((name, u32::from_be_bytes([e, f, g, h])))
}

impl Witness {
    /// A frame is about to come.
    pub(crate) fn hear_frame(&mut self, now: u64, bytes: &[u8]) {
        let is_for_others = bytes
            .get(..6)
            .is_none_or(|to| to != MAC && (carried(bytes).is_some_and(|carried| carried.2 == TCP) || to[0] & 1 == 0));
        if is_for_others {
            return;
        }
        if let Some((from, to, protocol, payload)) = carried(bytes) {
            self.hear(now, from, to, protocol, payload);
        }
    }

    /// A packet is about to come, perhaps in parts.
    pub(crate) fn hear(&mut self, now: u64, from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) {
        match protocol {
            TCP => {
                let Some(segment) = Segment::parse(payload) else { return };
                let name = (
                    SocketAddr::new(to, segment.destination),
                    SocketAddr::new(from, segment.source),
                );
                let flow = self.flows.entry(name).or_default();
                flow.hear(now, &mut self.count, &segment);
            }
            ICMP | ICMPV6 => {
                // The machine's beginning is quoted: somebody says that it did not arrive.
                if let Some((name, first)) = quoted(payload, protocol)
                    && let Some(flow) = self.flows.get_mut(&name)
                {
                    flow.may_refuse |= flow.asked.is_some_and(|asked| asked.0 == first);
                }
            }
            packet::udp::PROTOCOL => {
                if let Some((header, _)) = packet::udp::Header::parse(payload) {
                    self.datagrams
                        .insert((header.destination, SocketAddr::new(from, header.source)));
                }
            }
            _ => {}
        }
    }

    /// The machine has sent a frame; what is wrong with it.
    pub(crate) fn speak(&mut self, now: u64, bytes: &[u8]) -> Result<(), String> {
        if bytes.len() > 1514 {
            return Err("the frame is too long".to_owned());
        }
        let kind = bytes.get(12..14);
        if kind == Some(&[0x08, 0x06]) {
            return packet::arp::Message::parse(&bytes[14..])
                .map(|_| ())
                .ok_or("it says nonsense of addresses".to_owned());
        }
        let Some((from, to, protocol, payload)) = carried(bytes) else {
            let is_part = (0..=255).any(|protocol| crate::craft::is_part(bytes, protocol));
            return if is_part {
                Ok(())
            } else {
                Err("the packet is malformed".to_owned())
            };
        };
        if protocol == packet::udp::PROTOCOL && payload.get(..4) == Some(&[0, 68, 0, 67]) {
            let number = payload.get(12..16).and_then(|number| number.try_into().ok());
            self.question = number.map_or(0, u32::from_be_bytes);
        }
        if protocol == TCP {
            let segment = Segment::parse(payload).ok_or("the segment is malformed")?;
            let name = (
                SocketAddr::new(from, segment.source),
                SocketAddr::new(to, segment.destination),
            );
            return self.flows.entry(name).or_default().speak(now, &segment);
        }
        Ok(())
    }

    pub(crate) fn forget(&mut self, now: u64) {
        self.flows.values_mut().for_each(|flow| flow.forget(now));
        if self.datagrams.len() > 100_000 {
            self.datagrams.clear();
        }
    }

    /// The stream of a connection that a program has.
    pub(crate) fn stream(&mut self, name: &Name, number: u64) -> &mut Stream {
        let flow = self.flows.get_mut(name).expect("claimed before");
        let mut streams = flow.streams.iter_mut();
        streams
            .find(|stream| stream.number == number)
            .expect("kept while claimed")
    }

    /// A program has got a connection: the stream that it must be, if it may be one at all.
    pub(crate) fn claim(&mut self, name: &Name, is_over: bool) -> Option<u64> {
        let streams = &mut self.flows.get_mut(name)?.streams;
        let ended = streams.iter().position(|stream| !stream.is_claimed && stream.may_end);
        let last = streams.iter().rposition(|stream| !stream.is_claimed);
        let stream = streams.get_mut(ended.filter(|_| is_over).or(last)?)?;
        stream.is_claimed = true;
        stream.ack = stream.peer_first.wrapping_add(1);
        Some(stream.number)
    }

    /// A program has read the first bytes of a connection. Where several may have begun between the same two, only now is it known which one it has: if it cannot be the one that was claimed, another of them that can.
    pub(crate) fn settle(&mut self, name: &Name, number: u64, bytes: &[u8]) -> u64 {
        if self.stream(name, number).has(0, bytes) {
            return number;
        }
        let streams = &mut self.flows.get_mut(name).expect("claimed before").streams;
        let Some(other) = streams
            .iter()
            .rposition(|stream| !stream.is_claimed && stream.has(0, bytes))
        else {
            return number;
        };
        let claimed = streams.iter_mut().find(|stream| stream.number == number);
        let written = claimed.map_or(0, |claimed| {
            claimed.is_claimed = false;
            std::mem::take(&mut claimed.written)
        });
        let stream = &mut streams[other];
        stream.is_claimed = true;
        stream.ack = stream.place(0);
        stream.written = written;
        stream.number
    }
}
