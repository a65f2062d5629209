//! What the other end of the cable sends: sometimes right, mostly nearly so.

mod configuration;

use crate::craft::{
    self, Fields, ICMP, ICMPV6, Manner, OWN, OWN_NEWER, TCP, frame, is_part, message, mutate, options, packet,
    packet_with_more, parts, segment, to_machine,
};
use crate::dice::Dice;
use crate::programs::{DATAGRAMS, LISTENERS};
use crate::witness::{Name, Witness};
use crate::{PEERS, PEERS_NEWER};
use packet::{ethernet, udp};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tcp::flags;

/// Frames that may come again.
const KEPT: usize = 200;
const EVERYBODY: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

pub(crate) struct Attacker {
    pub(crate) dice: Dice,
    kept: VecDeque<Vec<u8>>,
    number: u32,
}

/// What is to be sent, and what it carries if it is in parts.
pub(crate) struct Attack {
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) whole: Option<(IpAddr, IpAddr, u8, Vec<u8>)>,
    /// The machine is to have said what it has to say before.
    pub(crate) settles: bool,
}

impl Attack {
    fn of(frames: Vec<Vec<u8>>) -> Self {
        Self {
            frames,
            whole: None,
            settles: false,
        }
    }
}

impl Attacker {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            kept: VecDeque::new(),
            number: 0,
        }
    }

    fn peer(&mut self) -> (IpAddr, IpAddr) {
        if self.dice.one_in(2) {
            (self.dice.pick(&PEERS).into(), OWN.into())
        } else {
            (self.dice.pick(&PEERS_NEWER).into(), OWN_NEWER.into())
        }
    }

    /// Two ends that have something to do with each other, or may have.
    fn name(&mut self, witness: &Witness) -> Name {
        let busy: Vec<_> = witness
            .flows
            .iter()
            .filter(|(_, flow)| flow.asked.is_some() || flow.streams.iter().any(|stream| !stream.is_done))
            .map(|(name, _)| *name)
            .collect();
        if !busy.is_empty() && !self.dice.one_in(6) {
            return self.dice.pick(&busy);
        }
        if !witness.flows.is_empty() && self.dice.one_in(2) {
            let at = self.dice.below(witness.flows.len());
            return *witness.flows.keys().nth(at).expect("as many as that");
        }
        self.new_name()
    }

    fn new_name(&mut self) -> Name {
        // Only who is there.
        let (from, to): (IpAddr, IpAddr) = if self.dice.one_in(2) {
            (self.dice.pick(&PEERS[..3]).into(), OWN.into())
        } else {
            (self.dice.pick(&PEERS_NEWER[..2]).into(), OWN_NEWER.into())
        };
        let port = if self.dice.one_in(20) {
            83
        } else {
            self.dice.pick(&LISTENERS)
        };
        (
            SocketAddr::new(to, port),
            SocketAddr::new(from, 40_000 + self.dice.below(24) as u16),
        )
    }

    /// One attack, or something that is none.
    pub(crate) fn next(&mut self, witness: &Witness, now: u64) -> Attack {
        match self.dice.below(100) {
            0..12 => self.begins(now),
            12..60 => self.speaks(witness, now),
            60..66 => self.resets(witness),
            66..71 => self.complains(witness),
            71..75 => self.sends_datagram(),
            75..78 => self.answers_for_address(witness),
            78..81 => self.says_who_is_where(),
            81..86 => self.discovers(),
            86..89 => self.sends_parts(),
            89..91 => self.asks_for_groups(),
            91..93 => self.sends_anything(),
            _ => self.repeats(),
        }
    }

    fn now_and_then_changed(&mut self, kind: u16, body: &[u8]) -> Vec<u8> {
        let to = match self.dice.below(40) {
            0 => ethernet::BROADCAST,
            1 => [0x33, 0x33, 0, 0, 0, 1],
            _ => to_machine(),
        };
        let mut frame = frame(to, kind, body);
        if self.dice.one_in(12) {
            mutate(&mut self.dice, &mut frame);
        }
        frame
    }

    /// A segment on its way: whole, with headers between, or in parts.
    fn carry(&mut self, (own, peer): Name, bytes: &[u8]) -> Attack {
        let (from, to) = (peer.ip(), own.ip());
        if self.dice.one_in(30) && bytes.len() > 60 {
            self.number += 1;
            let parts = parts(&mut self.dice, from, to, TCP, bytes, self.number);
            let frames = parts.iter().map(|(kind, body)| frame(to_machine(), *kind, body));
            return Attack {
                frames: frames.collect(),
                whole: Some((from, to, TCP, bytes.to_vec())),
                settles: false,
            };
        }
        let (kind, body) = if self.dice.one_in(20) {
            packet_with_more(&mut self.dice, from, to, TCP, bytes)
        } else {
            packet(from, to, TCP, bytes, &Manner::WHOLE)
        };
        let frame = self.now_and_then_changed(kind, &body);
        self.keep(&frame);
        Attack::of(vec![frame])
    }

    fn keep(&mut self, frame: &[u8]) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        if !is_part(frame, TCP) {
            self.kept.push_back(frame.to_vec());
        }
    }

    /// Somebody begins to connect.
    fn begins(&mut self, now: u64) -> Attack {
        let name = self.new_name();
        let stamp = (!self.dice.one_in(3)).then_some(((now / 1_000_000) as u32, 0));
        let seq = self.dice.word();
        let extra = self
            .dice
            .pick(&[0, 0, 0, flags::ECE | flags::CWR, flags::PSH, flags::FIN]);
        let fields = Fields {
            seq,
            ack: 0,
            flags: flags::SYN | extra,
            window: self.dice.pick(&[65_535, 1000, 0, 1]),
            urgent: 0,
            options: options(&mut self.dice, true, stamp, seq),
        };
        let payload = if self.dice.one_in(10) {
            self.dice.bytes(100)
        } else {
            Vec::new()
        };
        self.carry(name, &segment(name.0, name.1, &fields, &payload))
    }

    /// Numbers that fit a connection, or are near to those.
    fn numbers(&mut self, witness: &Witness, name: &Name) -> (u32, u32, u32) {
        let Some(flow) = witness.flows.get(name) else {
            return (self.dice.word(), self.dice.word(), 0);
        };
        let clock = flow.clock;
        let open = flow.streams.iter().rev().find(|stream| !stream.is_done);
        let stream = open.or(flow.streams.last()).filter(|_| !self.dice.one_in(10));
        if let Some(stream) = stream {
            let cover = stream.place(stream.cover);
            let seq = self
                .dice
                .pick(&[stream.ack, stream.ack, cover, cover, cover, stream.edge]);
            let ack = self
                .dice
                .pick(&[stream.next, stream.next, stream.next, stream.own_first.wrapping_add(1)]);
            return (seq, ack, clock);
        }
        if let Some((peer_first, own_first, ..)) = flow.answered.last() {
            return (peer_first.wrapping_add(1), own_first.wrapping_add(1), clock);
        }
        let asked = flow.asked.map_or(0, |(first, _)| first);
        (self.dice.word(), asked.wrapping_add(1), clock)
    }

    /// A segment for a connection.
    fn speaks(&mut self, witness: &Witness, now: u64) -> Attack {
        let name = self.name(witness);
        let (seq, ack, clock) = self.numbers(witness, &name);
        let honest = self.dice.one_in(2);
        let waits = witness
            .flows
            .get(&name)
            .is_some_and(|flow| flow.asked.is_some() && flow.streams.iter().all(|stream| stream.is_done));
        let bits = match self.dice.below(16) {
            _ if honest && waits => flags::SYN | flags::ACK,
            0..12 => flags::ACK,
            12 => flags::ACK | flags::FIN,
            13 => flags::ACK | flags::PSH | flags::URG,
            14 if honest => flags::ACK,
            14 => flags::SYN | flags::ACK,
            _ if honest => flags::ACK | flags::FIN,
            _ => self.dice.byte() & !flags::RST,
        };
        let time = (now / 1_000_000) as u32;
        let stamp = match self.dice.below(6) {
            0 => None,
            1 if !honest => Some((self.dice.near(time), self.dice.word())),
            _ => Some((time, clock)),
        };
        let fields = Fields {
            seq: if honest { seq } else { self.dice.near(seq) },
            ack: if honest { ack } else { self.dice.near(ack) },
            flags: bits,
            window: self.dice.pick(&[65_535, 8000, 1000, 100, 1, 0]),
            urgent: if self.dice.one_in(4) {
                self.dice.word() as u16
            } else {
                1
            },
            options: options(&mut self.dice, bits & flags::SYN != 0, stamp, ack),
        };
        let payload = match self.dice.below(4) {
            0 => Vec::new(),
            1 => self.dice.bytes(1400),
            _ => self.dice.bytes(200),
        };
        self.carry(name, &segment(name.0, name.1, &fields, &payload))
    }

    /// Somebody wants a connection to end.
    fn resets(&mut self, witness: &Witness) -> Attack {
        let name = self.name(witness);
        let (seq, ack, _) = self.numbers(witness, &name);
        // The exact number now and then only, or no connection lives.
        let seq = match self.dice.below(8) {
            0 => seq,
            1 => seq.wrapping_add(1),
            2 => seq.wrapping_sub(1),
            3 => seq.wrapping_add(self.dice.word() % 65_536),
            4 => seq.wrapping_sub(self.dice.word() % 65_536),
            5 => seq.wrapping_add(1 << self.dice.below(32)),
            _ => self.dice.word(),
        };
        let fields = Fields {
            seq,
            ack: self.dice.near(ack),
            flags: flags::RST
                | if self.dice.one_in(2) {
                    flags::ACK
                } else {
                    self.dice.byte()
                },
            window: 0,
            urgent: 0,
            options: Vec::new(),
        };
        let payload = if self.dice.one_in(10) {
            self.dice.bytes(20)
        } else {
            Vec::new()
        };
        let mut attack = self.carry(name, &segment(name.0, name.1, &fields, &payload));
        attack.settles = !self.dice.one_in(3);
        attack
    }

    /// A router, or who says he is one, tells of a packet that did not arrive.
    fn complains(&mut self, witness: &Witness) -> Attack {
        let name = self.name(witness);
        let (_, ack, _) = self.numbers(witness, &name);
        let (own, peer) = name;
        let back = Fields {
            seq: self.dice.near(ack.wrapping_sub(1)),
            ack: self.dice.word(),
            flags: flags::ACK,
            window: 0,
            urgent: 0,
            options: Vec::new(),
        };
        // As the machine would have sent it.
        let quoted = segment(peer, own, &back, &[]);
        let (kind, mut quoted) = packet(own.ip(), peer.ip(), TCP, &quoted, &Manner::WHOLE);
        quoted.truncate(quoted.len() - self.dice.below(quoted.len().min(20)));
        let router = if self.dice.one_in(2) { peer.ip() } else { self.peer().0 };
        let router = if router.is_ipv4() == own.is_ipv4() {
            router
        } else {
            peer.ip()
        };
        let (protocol, what) = if kind == ethernet::IPV4 {
            (
                ICMP,
                (self.dice.pick(&[3, 3, 3, 4, 5, 11, 12]), self.dice.below(16) as u8),
            )
        } else {
            (ICMPV6, (self.dice.pick(&[1, 1, 2, 3, 4]), self.dice.below(8) as u8))
        };
        let rest = self.dice.pick(&[0, 1, 67, 68, 576, 1280, 1400, 1_000_000]);
        let bytes = message(router, own.ip(), what, rest, &quoted);
        let (kind, body) = packet(router, own.ip(), protocol, &bytes, &Manner::WHOLE);
        let frame = self.now_and_then_changed(kind, &body);
        self.keep(&frame);
        Attack::of(vec![frame])
    }

    fn sends_datagram(&mut self) -> Attack {
        let (from, to) = self.peer();
        let to = match self.dice.below(10) {
            0 if to.is_ipv4() => Ipv4Addr::BROADCAST.into(),
            0 => EVERYBODY.into(),
            _ => to,
        };
        let port = self
            .dice
            .pick(&[DATAGRAMS[0], DATAGRAMS[1], DATAGRAMS[2], 56, 56, 57, 68]);
        let own = SocketAddr::new(to, port);
        let peer = SocketAddr::new(from, self.dice.pick(&[53, 5353, 67, 0]));
        let payload = self.dice.bytes(1400);
        let bytes = craft::datagram(own, peer, &payload);
        let (kind, body) = packet(from, to, udp::PROTOCOL, &bytes, &Manner::WHOLE);
        let frame = self.now_and_then_changed(kind, &body);
        self.keep(&frame);
        Attack::of(vec![frame])
    }

    /// Parts of packets, that make one or not.
    fn sends_parts(&mut self) -> Attack {
        let (from, to) = self.peer();
        let mut frames = Vec::new();
        if self.dice.one_in(2) {
            let echo = if to.is_ipv4() { (8, 0) } else { (128, 0) };
            let payload = self.dice.bytes(5000);
            let bytes = message(from, to, echo, 7, &payload);
            self.number += 1;
            let protocol = if to.is_ipv4() { ICMP } else { ICMPV6 };
            for (kind, body) in parts(&mut self.dice, from, to, protocol, &bytes, self.number) {
                frames.push(frame(to_machine(), kind, &body));
            }
            return Attack::of(frames);
        }
        for _ in 0..1 + self.dice.below(6) {
            let manner = Manner {
                number: 1000 + self.dice.below(20) as u32,
                offset: self.dice.pick(&[0, 8, 16, 1400, 65_528, 65_000]),
                more: !self.dice.one_in(3),
                hops: 64,
            };
            let payload = self.dice.bytes(1400);
            let protocol = self.dice.pick(&[ICMP, udp::PROTOCOL, ICMPV6, 99]);
            let (kind, body) = packet(from, to, protocol, &payload, &manner);
            frames.push(frame(to_machine(), kind, &body));
        }
        Attack::of(frames)
    }

    /// Something with a right header and nothing right in it, or not even that.
    fn sends_anything(&mut self) -> Attack {
        let (from, to) = self.peer();
        let body = self.dice.bytes(300);
        if self.dice.one_in(4) {
            return Attack::of(vec![body]);
        }
        let protocol = self.dice.pick(&[ICMP, 2, TCP, udp::PROTOCOL, ICMPV6, 41, 50, 132]);
        let (kind, body) = packet_with_more(&mut self.dice, from, to, protocol, &body);
        Attack::of(vec![self.now_and_then_changed(kind, &body)])
    }

    /// What was sent before comes again, perhaps changed.
    fn repeats(&mut self) -> Attack {
        if self.kept.is_empty() {
            return self.sends_anything();
        }
        let at = self.dice.below(self.kept.len());
        let mut frame = self.kept[at].clone();
        if !self.dice.one_in(4) {
            mutate(&mut self.dice, &mut frame);
        }
        // Who only has one part of a segment is not followed.
        let frames = if is_part(&frame, TCP) { Vec::new() } else { vec![frame] };
        Attack::of(frames)
    }
}
