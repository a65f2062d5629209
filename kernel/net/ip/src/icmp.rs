//! Messages about packets (RFC 792, RFC 1122 section 3.2.2): echoes are answered, errors told to the transport protocol whose packet they quote, and made for packets that nobody wants.

use crate::clock::{look, with};
use crate::fragment::Waiting;
use crate::input::ICMP;
use crate::output::send;
use crate::transport::{Checked, Failed, Outgoing, Received, handler};
use abi::Errno;
use alloc::vec;
use core::net::IpAddr;
use link::{ETHERNET, Frame};
use packet::checksum::Sum;
use packet::icmp::{ECHO, ECHO_REPLY, Message, PARAMETER, PORT, TIME_EXCEEDED, TOO_BIG, UNREACHABLE};
use packet::ipv4;

const HOST: u8 = 1;

/// How many messages about packets may still be made: 1000 a second, 50 at once, as on Linux.
pub(crate) struct Limit {
    left: u32,
    at: u64,
}

impl Limit {
    const BURST: u32 = 50;
    const INTERVAL: u64 = 1_000_000;

    pub(crate) const fn new() -> Self {
        Self {
            left: Self::BURST,
            at: 0,
        }
    }

    /// Whether one more may be made.
    fn allows(&mut self, now: u64) -> bool {
        let more = now.saturating_sub(self.at) / Self::INTERVAL;
        if more > 0 {
            self.left = u64::from(self.left).saturating_add(more).min(Self::BURST.into()) as u32;
            self.at = now;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

/// A message came.
pub(crate) fn receive(packet: &Received<'_>) {
    let Some(message) = Message::parse(packet.payload) else {
        return;
    };
    match message.kind {
        ECHO if packet.is_unicast => answer(packet, &message),
        UNREACHABLE | TIME_EXCEEDED | PARAMETER => tell(packet, &message),
        _ => {}
    }
}

/// An echo was asked for.
fn answer(packet: &Received<'_>, question: &Message<'_>) {
    let reply = Message {
        kind: ECHO_REPLY,
        ..*question
    };
    let header = reply.header(Sum::new());
    let pieces = [reply.body];
    let outgoing = Outgoing {
        source: Some(packet.destination),
        traffic_class: packet.traffic_class,
        ..Outgoing::new(packet.source, ICMP, &header, &pieces)
    };
    let _ = send(&outgoing);
}

/// A packet of ours did not reach its end: its transport protocol is told.
fn tell(packet: &Received<'_>, message: &Message<'_>) {
    let Some((quoted, _)) = ipv4::Header::parse_unchecked(message.body) else {
        return;
    };
    let Some(payload) = message.body.get(quoted.len()..) else {
        return;
    };
    if payload.len() < 8 || quoted.offset != 0 || IpAddr::V4(quoted.source) != packet.destination {
        return;
    }
    let Some((errno, is_fatal)) = meaning(message.kind, message.code) else {
        return;
    };
    let is_too_big = message.kind == UNREACHABLE && message.code == TOO_BIG;
    let destination = IpAddr::V4(quoted.destination);
    let mtu = is_too_big.then(|| with(|stack, now, _| stack.paths.learn(now, destination, message.rest & 0xffff)));
    let Some(handler) = handler(quoted.protocol) else {
        return;
    };
    (handler.fail)(&Failed {
        errno,
        is_fatal,
        source: IpAddr::V4(quoted.source),
        destination,
        interface: packet.interface,
        offender: packet.source,
        message: (message.kind, message.code),
        mtu,
        payload,
    });
}

/// What a message means to a socket, and whether it is for good (as Linux has it).
const fn meaning(kind: u8, code: u8) -> Option<(Errno, bool)> {
    Some(match (kind, code) {
        (UNREACHABLE, 0 | 5 | 6) => (Errno::ENETUNREACH, false),
        (UNREACHABLE, 1 | 7) => (Errno::EHOSTUNREACH, false),
        (UNREACHABLE, 2) => (Errno::ENOPROTOOPT, true),
        (UNREACHABLE, PORT) => (Errno::ECONNREFUSED, true),
        (UNREACHABLE, TOO_BIG) => (Errno::EMSGSIZE, false),
        (UNREACHABLE, 9 | 11) => (Errno::ENETUNREACH, true),
        (UNREACHABLE, 10 | 12..=15) => (Errno::EHOSTUNREACH, true),
        (TIME_EXCEEDED, _) => (Errno::EHOSTUNREACH, false),
        (PARAMETER, _) => (Errno::EPROTO, true),
        _ => return None,
    })
}

/// Nobody is at the port that a packet was for: its sender is told, unless it was for many.
pub fn port_unreachable(packet: &Received<'_>) {
    report(packet, UNREACHABLE, PORT, 0);
}

/// A packet's fragments did not all come in time: its sender is told, if the first one came.
pub(crate) fn report_late(waiting: &Waiting) {
    const REASSEMBLY: u8 = 1;
    let Some((header, _)) = ipv4::Header::parse_unchecked(&waiting.header) else {
        return;
    };
    let first = waiting.pieces.first().map_or(&[][..], |(_, bytes)| bytes.as_slice());
    let destination = IpAddr::V4(header.destination);
    let packet = Received {
        source: IpAddr::V4(header.source),
        destination,
        interface: waiting.interface,
        protocol: header.protocol,
        traffic_class: header.traffic_class,
        hop_limit: header.hop_limit,
        is_unicast: look(|stack| stack.is_own(destination)),
        header: &waiting.header,
        payload: first,
        checksum: Checked::Unknown,
    };
    report(&packet, TIME_EXCEEDED, REASSEMBLY, 0);
}

/// Tells a packet's sender what became of it.
fn report(packet: &Received<'_>, kind: u8, code: u8, rest: u32) {
    /// As much as is quoted: the message fits into any network (RFC 1812 section 4.3.2.3).
    const MOST: usize = 576 - 20 - 8;
    if !packet.is_unicast || packet.source.is_unspecified() || !packet.source.is_ipv4() {
        return;
    }
    if !with(|stack, now, _| stack.limit.allows(now)) {
        return;
    }
    let mut quoted = packet.header.to_vec();
    quoted.extend_from_slice(&packet.payload[..packet.payload.len().min(MOST.saturating_sub(quoted.len()))]);
    let message = Message {
        kind,
        code,
        rest,
        body: &quoted,
    };
    let header = message.header(Sum::new());
    let pieces = [quoted.as_slice()];
    let _ = send(&Outgoing {
        source: Some(packet.destination),
        traffic_class: 0xc0,
        ..Outgoing::new(packet.source, ICMP, &header, &pieces)
    });
}

/// A frame went nowhere, since nobody on the local network has its receiver's address: as if a router had said so.
pub(crate) fn report_lost(interface: u32, frame: &Frame) {
    /// An IP header and the transport protocol's ports.
    const ENOUGH: usize = 128;
    let mut bytes = vec![0; ENOUGH];
    let len = frame.read(ETHERNET, &mut bytes);
    let bytes = &bytes[..len];
    let Some((quoted, _)) = ipv4::Header::parse_unchecked(bytes) else {
        return;
    };
    let (Some(payload), Some(handler)) = (bytes.get(quoted.len()..), handler(quoted.protocol)) else {
        return;
    };
    (handler.fail)(&Failed {
        errno: Errno::EHOSTUNREACH,
        is_fatal: false,
        source: IpAddr::V4(quoted.source),
        destination: IpAddr::V4(quoted.destination),
        interface,
        offender: IpAddr::V4(quoted.source),
        message: (UNREACHABLE, HOST),
        mtu: None,
        payload,
    });
}
