//! Packets and frames as bytes, right ones and others.

use crate::cable::MAC;
use crate::dice::Dice;
use header_options::older::{self, Filler};
use packet::checksum::{self, Sum};
use packet::{ethernet, icmp, ipv4, ipv6, udp};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub(crate) const PEER: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
pub(crate) const OWN_NEWER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 9);
pub(crate) const TCP: u8 = 6;
pub(crate) const ICMP: u8 = 1;
pub(crate) const ICMPV6: u8 = 58;

/// A frame: what it is, and the packet.
pub(crate) fn frame(to: [u8; 6], kind: u16, body: &[u8]) -> Vec<u8> {
    let header = ethernet::Header { to, from: PEER, kind };
    [&header.to_bytes()[..], body].concat()
}

/// The fields of a segment.
pub(crate) struct Fields {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) urgent: u16,
    pub(crate) options: Vec<u8>,
}

/// A segment from a peer to the machine, with the right checksum.
pub(crate) fn segment(own: SocketAddr, peer: SocketAddr, fields: &Fields, payload: &[u8]) -> Vec<u8> {
    let mut options = fields.options.clone();
    options.truncate(40);
    options.resize(options.len().next_multiple_of(4), 0);
    let mut bytes = [peer.port().to_be_bytes(), own.port().to_be_bytes()].concat();
    bytes.extend(fields.seq.to_be_bytes());
    bytes.extend(fields.ack.to_be_bytes());
    bytes.push((5 + options.len() as u8 / 4) << 4);
    bytes.push(fields.flags);
    bytes.extend(fields.window.to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(fields.urgent.to_be_bytes());
    bytes.extend(options);
    bytes.extend(payload);
    let mut sum = Sum::pseudo(peer.ip(), own.ip(), TCP, bytes.len());
    sum.add(&bytes);
    bytes[16..18].copy_from_slice(&sum.finish());
    bytes
}

pub(crate) fn datagram(own: SocketAddr, peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let header = udp::Header {
        source: peer.port(),
        destination: own.port(),
        has_checksum: true,
    };
    [&header.summed(peer.ip(), own.ip(), payload)[..], payload].concat()
}

/// A message of the control protocol of a family.
pub(crate) fn message(from: IpAddr, to: IpAddr, (kind, code): (u8, u8), rest: u32, body: &[u8]) -> Vec<u8> {
    let message = icmp::Message { kind, code, rest, body };
    let sum = match from {
        IpAddr::V4(_) => Sum::new(),
        IpAddr::V6(_) => Sum::pseudo(from, to, ICMPV6, icmp::LEN + body.len()),
    };
    [&message.header(sum)[..], body].concat()
}

/// A packet of the older protocol: its number, which part of it, and how many hops are left.
pub(crate) struct Manner {
    pub(crate) number: u32,
    pub(crate) offset: u16,
    pub(crate) more: bool,
    pub(crate) hops: u8,
}

impl Manner {
    pub(crate) const WHOLE: Self = Self {
        number: 1,
        offset: 0,
        more: false,
        hops: 64,
    };
}

fn older(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8], manner: &Manner, options: &[u8]) -> Vec<u8> {
    let header = ipv4::Header {
        traffic_class: 0,
        identification: manner.number as u16,
        dont_fragment: false,
        more_fragments: manner.more,
        offset: manner.offset,
        hop_limit: manner.hops,
        protocol,
        source: from,
        destination: to,
        options,
    };
    let mut bytes = [0; ipv4::LONGEST];
    let len = header.write(payload.len(), &mut bytes);
    [&bytes[..len], payload].concat()
}

fn newer(from: Ipv6Addr, to: Ipv6Addr, next: u8, payload: &[u8], hops: u8) -> Vec<u8> {
    let header = ipv6::Header {
        traffic_class: 0,
        flow: 0,
        next,
        hop_limit: hops,
        source: from,
        destination: to,
    };
    [&header.to_bytes(payload.len())[..], payload].concat()
}

/// A packet, in the frame's kind that it needs.
pub(crate) fn packet(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8], manner: &Manner) -> (u16, Vec<u8>) {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (ethernet::IPV4, older(from, to, protocol, payload, manner, &[])),
        (IpAddr::V6(from), IpAddr::V6(to)) if manner.more || manner.offset > 0 => {
            let part = ipv6::Fragment {
                next: protocol,
                offset: manner.offset,
                more: manner.more,
                identification: manner.number,
            };
            let payload = [&part.to_bytes()[..], payload].concat();
            (ethernet::IPV6, newer(from, to, ipv6::FRAGMENT, &payload, manner.hops))
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => (ethernet::IPV6, newer(from, to, protocol, payload, manner.hops)),
        _ => (ethernet::IPV4, Vec::new()),
    }
}

/// A packet with options, or with headers between its own and its payload's.
pub(crate) fn packet_with_more(
    dice: &mut Dice,
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    payload: &[u8],
) -> (u16, Vec<u8>) {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let mut options = dice.bytes(40);
            options.resize(options.len() / 4 * 4, 1);
            (
                ethernet::IPV4,
                older(from, to, protocol, payload, &Manner::WHOLE, &options),
            )
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let (mut next, mut body) = (protocol, payload.to_vec());
            for _ in 0..dice.below(5) {
                let kind = dice.pick(&[ipv6::HOP_BY_HOP, ipv6::ROUTING, ipv6::FRAGMENT, ipv6::DESTINATION]);
                let units = if kind == ipv6::FRAGMENT { 0 } else { dice.below(4) };
                let mut header = vec![next, units as u8];
                if dice.one_in(2) {
                    // Nothing but padding, which is right.
                    header.extend([1, units as u8 * 8 + 4]);
                    header.resize(units * 8 + 8, 0);
                } else {
                    header.extend((0..units * 8 + 6).map(|_| dice.byte()));
                }
                if kind == ipv6::FRAGMENT && !dice.one_in(4) {
                    header[2..4].fill(0);
                }
                body = [header, body].concat();
                next = kind;
            }
            (ethernet::IPV6, newer(from, to, next, &body, 64))
        }
        _ => (ethernet::IPV4, Vec::new()),
    }
}

/// A payload in parts that make it up, in any order, some of them twice.
pub(crate) fn parts(
    dice: &mut Dice,
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    payload: &[u8],
    number: u32,
) -> Vec<(u16, Vec<u8>)> {
    let size = 8 * (1 + dice.below(100));
    let count = payload.len().div_ceil(size);
    let mut parts: Vec<_> = (0..count)
        .map(|at| {
            let manner = Manner {
                number,
                offset: (at * size) as u16,
                more: at + 1 < count,
                hops: 64,
            };
            let end = payload.len().min((at + 1) * size);
            packet(from, to, protocol, &payload[at * size..end], &manner)
        })
        .collect();
    if dice.one_in(2) {
        for at in (1..parts.len()).rev() {
            parts.swap(at, dice.below(at + 1));
        }
    }
    parts
}

/// Options of a segment: those that begin a connection, or what may be in any.
pub(crate) fn options(dice: &mut Dice, begins: bool, stamp: Option<(u32, u32)>, about: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    if begins {
        if !dice.one_in(8) {
            bytes.extend([2, 4]);
            bytes.extend(dice.pick(&[1460u16, 1220, 536, 88, 1, 0, 65535]).to_be_bytes());
        }
        if !dice.one_in(3) {
            bytes.extend([4, 2]);
        }
        if !dice.one_in(3) {
            bytes.extend([1, 3, 3, dice.pick(&[0, 1, 7, 9, 14, 15, 255])]);
        }
    }
    if let Some((value, echo)) = stamp {
        bytes.extend([1, 1, 8, 10]);
        bytes.extend(value.to_be_bytes());
        bytes.extend(echo.to_be_bytes());
    }
    if !begins && dice.one_in(4) {
        let count = 1 + dice.below(if stamp.is_some() { 3 } else { 4 });
        bytes.extend([1, 1, 5, 2 + 8 * count as u8]);
        for _ in 0..count {
            let start = dice.near(about);
            bytes.extend(start.to_be_bytes());
            bytes.extend(dice.near(start.wrapping_add(1000)).to_be_bytes());
        }
    }
    if dice.one_in(20) {
        bytes = dice.bytes(40);
    }
    bytes
}

/// Changes a few bytes of a frame, or its length; its checksums are mended now and then, so that it gets further.
pub(crate) fn mutate(dice: &mut Dice, frame: &mut Vec<u8>) {
    for _ in 0..dice.below(4) {
        let at = dice.below(frame.len());
        if let Some(byte) = frame.get_mut(at) {
            *byte = if dice.one_in(2) {
                *byte ^ 1 << dice.below(8)
            } else {
                dice.byte()
            };
        }
    }
    match dice.below(6) {
        0 => frame.truncate(dice.below(frame.len())),
        1 => frame.extend(dice.bytes(64)),
        _ => {}
    }
    if !dice.one_in(3) {
        mend(frame);
    }
}

/// Makes the checksums of a frame right.
fn mend(frame: &mut [u8]) {
    let Some((header, _)) = ethernet::Header::parse(frame) else {
        return;
    };
    let body = &mut frame[ethernet::LEN..];
    let (from, to, protocol, at) = match header.kind {
        ethernet::IPV4 if body.len() >= ipv4::LEN => {
            let len = usize::from(body[0] & 15) * 4;
            if len < ipv4::LEN || body.len() < len {
                return;
            }
            body[10..12].fill(0);
            let sum = checksum::of(&body[..len]);
            body[10..12].copy_from_slice(&sum);
            let Some((header, _)) = ipv4::Header::parse(body) else {
                return;
            };
            (header.source.into(), header.destination.into(), header.protocol, len)
        }
        ethernet::IPV6 => {
            let Some((header, _)) = ipv6::Header::parse(body) else {
                return;
            };
            (header.source.into(), header.destination.into(), header.next, ipv6::LEN)
        }
        _ => return,
    };
    mend_payload(from, to, protocol, &mut body[at..]);
}

fn mend_payload(from: IpAddr, to: IpAddr, protocol: u8, payload: &mut [u8]) {
    let (place, plain) = match protocol {
        TCP => (16, false),
        udp::PROTOCOL => (6, false),
        ICMP => (2, true),
        ICMPV6 => (2, false),
        _ => return,
    };
    if payload.len() < place + 2 {
        return;
    }
    payload[place..place + 2].fill(0);
    let mut sum = if plain {
        Sum::new()
    } else {
        Sum::pseudo(from, to, protocol, payload.len())
    };
    sum.add(payload);
    payload[place..place + 2].copy_from_slice(&sum.finish());
}

/// What a frame carries, if its checksum and that of its packet are right: from whom to whom, the protocol, and its packet. Parts carry nothing.
pub(crate) fn carried(bytes: &[u8]) -> Option<(IpAddr, IpAddr, u8, &[u8])> {
    let (header, body) = ethernet::Header::parse(bytes)?;
    let (from, to, protocol, payload): (IpAddr, IpAddr, u8, &[u8]) = match header.kind {
        ethernet::IPV4 => {
            let (header, payload) = ipv4::Header::parse(body)?;
            if header.is_fragment() {
                return None;
            }
            // Wrong options are refused whatever is behind them, and so are routes.
            let own = header.destination;
            let filler = Filler {
                own,
                time: 0,
                is_own: &|ip| ip == own,
            };
            older::received(header.options, &filler).ok()?;
            (
                header.source.into(),
                header.destination.into(),
                header.protocol,
                payload,
            )
        }
        ethernet::IPV6 => {
            let (header, rest) = ipv6::Header::parse(body)?;
            match ipv6::behind(header.next, rest, false) {
                ipv6::Behind::Payload(protocol, payload) => {
                    (header.source.into(), header.destination.into(), protocol, payload)
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    let mut sum = match protocol {
        ICMP => Sum::new(),
        _ => Sum::pseudo(from, to, protocol, payload.len()),
    };
    sum.add(payload);
    let has_sum = protocol != udp::PROTOCOL || payload.get(6..8) != Some(&[0, 0]);
    (sum.is_right() || !has_sum || protocol == 2).then_some((from, to, protocol, payload))
}

/// Whether a frame is a part of a packet of a protocol.
pub(crate) fn is_part(bytes: &[u8], wanted: u8) -> bool {
    let Some((header, body)) = ethernet::Header::parse(bytes) else {
        return false;
    };
    match header.kind {
        ethernet::IPV4 => {
            ipv4::Header::parse(body).is_some_and(|(header, _)| header.is_fragment() && header.protocol == wanted)
        }
        ethernet::IPV6 => ipv6::Header::parse(body).is_some_and(|(header, rest)| {
            matches!(ipv6::behind(header.next, rest, false), ipv6::Behind::Part(part, _) if part.next == wanted)
        }),
        _ => false,
    }
}

/// Where a frame goes that is meant for the machine.
pub(crate) const fn to_machine() -> [u8; 6] {
    MAC
}
