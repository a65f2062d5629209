//! Messages about packets (RFC 792, RFC 1122 section 3.2.2): echoes are answered, errors told to the transport protocol whose packet they quote, and made for packets that nobody wants.

use crate::clock::{look, with};
use crate::fragment::Waiting;
use crate::input::{ICMP, ICMPV6};
use crate::output::send;
use crate::route::{Via, route};
use crate::transport::{Checked, Extra, Failed, Outgoing, Received, handler, usual_hops};
use abi::Errno;
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;
use header_options::older;
use link::{ETHERNET, Frame};
use packet::checksum::Sum;
use packet::discovery::kind;
use packet::icmp::{ECHO, ECHO_REPLY, Message, PARAMETER, PORT, REDIRECT, TIME_EXCEEDED, TOO_BIG, UNREACHABLE};
use packet::ipv6::Behind;
use packet::{ipv4, ipv6};

const HOST: u8 = 1;
/// The type of service of messages about packets: control of the internet.
const CONTROL: u8 = 0xc0;

/// How many messages about packets may still be made: so many a second, and so many at once (`icmp_msgs_per_sec`, `icmp_msgs_burst`); and one to each receiver in a time, or some at once (`icmp_ratelimit`).
pub(crate) struct Limit {
    left: u32,
    at: u64,
    /// Who got some lately, and when that is over: in milliseconds.
    receivers: Vec<(IpAddr, u64)>,
}

impl Limit {
    pub(crate) const fn new() -> Self {
        Self {
            left: 0,
            at: 0,
            receivers: Vec::new(),
        }
    }

    /// Whether one more may be made.
    fn allows(&mut self, now: u64) -> bool {
        let [rate, burst] = [sysctl::MSGS_PER_SEC, sysctl::MSGS_BURST].map(|setting| setting.get() as u64);
        let more = (now.saturating_sub(self.at) / 1000).saturating_mul(rate) / 1_000_000;
        if more > 0 {
            self.left = u64::from(self.left).saturating_add(more).min(burst) as u32;
            self.at = now;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }

    /// Whether one more may be made for somebody who gets one in so many milliseconds.
    fn allows_to(&mut self, now: u64, to: IpAddr, each: u64) -> bool {
        /// What is allowed at once, how long ago who is not known seems to have got one, and receivers that are known.
        const BURST: u64 = 6;
        const LONG: u64 = 60_000;
        const MOST: usize = 64;
        let now = now / 1_000_000;
        let receivers = &mut self.receivers;
        let at = receivers.iter().position(|known| known.0 == to);
        let first = (BURST * each).saturating_sub(LONG);
        let over = at.map_or(now + first, |at| receivers.swap_remove(at).1.max(now));
        let next = over + each;
        let allowed = next <= now + BURST * each;
        receivers.retain(|known| known.1 > now);
        receivers.truncate(MOST - 1);
        receivers.push((to, if allowed { next } else { over }));
        allowed
    }
}

/// Whether a message may be made about a packet, or for it. The limits do not count within the machine, for messages that `icmp_ratemask` does not have, nor for what tells how much a way takes.
#[inline(never)]
fn may_make(packet: &Received<'_>, kind: u8, code: u8) -> bool {
    if packet.is_local {
        return true;
    }
    let setting = if packet.source.is_ipv6() {
        sysctl::RATELIMIT_NEWER
    } else if kind > 18 || (kind, code) == (UNREACHABLE, TOO_BIG) || sysctl::RATEMASK.get() >> kind & 1 == 0 {
        return true;
    } else {
        sysctl::RATELIMIT
    };
    let each = setting.get() as u64;
    with(|stack, now, _| stack.limit.allows(now) && stack.limit.allows_to(now, packet.source, each))
}

/// A message came.
pub(crate) fn receive(packet: &Received<'_>) {
    let message = match packet.checksum {
        Checked::Verified => Message::parse_unchecked(packet.payload),
        Checked::Unknown => Message::parse(packet.payload),
    };
    let Some(message) = message else {
        counters::icmp::IN_MSGS.count(false);
        counters::icmp::IN_ERRORS.count(false);
        if packet.payload.len() >= packet::icmp::LEN {
            counters::icmp::IN_CSUM_ERRORS.count(false);
        }
        return;
    };
    counters::message(false, message.kind, false);
    match message.kind {
        ECHO if is_answered(packet) => answer(packet, &message),
        ECHO_REPLY => reply(packet),
        UNREACHABLE | TIME_EXCEEDED | PARAMETER => tell(packet, &message),
        REDIRECT => with(|stack, now, _| stack.hear_redirect(now, packet, &message)),
        _ => {}
    }
}

/// A message of the newer protocol came.
pub(crate) fn receive_newer(packet: &Received<'_>) {
    let message = Message::parse_unchecked(packet.payload).filter(|_| packet.has_right_checksum());
    let Some(message) = message else {
        counters::icmp::IN_MSGS.count(true);
        counters::icmp::IN_ERRORS.count(true);
        counters::icmp::IN_CSUM_ERRORS.count(true);
        return;
    };
    counters::message(true, message.kind, false);
    match message.kind {
        kind::ECHO if is_answered(packet) => answer_newer(packet, &message),
        kind::ECHO_REPLY => reply(packet),
        kind::UNREACHABLE..=kind::PARAMETER => tell_newer(packet, &message),
        kind::LISTENER_QUERY => {
            let group = message.body.first_chunk::<16>().map(|group| IpAddr::from(*group));
            if let Some(group) = group {
                with(|stack, _, effects| stack.hear_query(packet.interface, group, effects));
            }
        }
        kind::ROUTER_ADVERTISEMENT..=kind::REDIRECT => {
            with(|stack, now, effects| stack.hear_discovery(now, packet, &message, effects));
        }
        _ => {}
    }
}

/// The answer to an echo goes to who asked for it.
fn reply(packet: &Received<'_>) {
    if let Some(handler) = handler(packet.protocol) {
        (handler.receive)(packet);
    }
}

/// Whether who asks for an echo gets one.
fn is_answered(packet: &Received<'_>) -> bool {
    let [none, none_for_many] = match packet.destination {
        IpAddr::V4(_) => [sysctl::ECHO_IGNORE_ALL, sysctl::ECHO_IGNORE_BROADCASTS],
        IpAddr::V6(_) => [sysctl::ECHO_IGNORE_ALL_NEWER, sysctl::ECHO_IGNORE_MULTICAST],
    };
    !none.is_on() && (packet.is_unicast || !none_for_many.is_on())
}

/// An echo of the newer protocol was asked for; one to a group is answered too.
fn answer_newer(packet: &Received<'_>, question: &Message<'_>) {
    let reply = Message {
        kind: kind::ECHO_REPLY,
        ..*question
    };
    let own = Some(packet.destination).filter(|_| packet.is_unicast);
    send_newer(packet, own, &reply, packet.traffic_class);
}

/// Sends a message to who sent a packet.
fn send_newer(packet: &Received<'_>, own: Option<IpAddr>, message: &Message<'_>, traffic_class: u8) {
    let via = Via::by(Some(packet.interface).filter(|_| !packet.is_local));
    let Ok(route) = route(packet.source, own, via) else {
        return;
    };
    let len = packet::icmp::LEN + message.body.len();
    let header = message.header(Sum::pseudo(route.source, packet.source, ICMPV6, len));
    let pieces = [message.body];
    let _ = send(&Outgoing {
        source: Some(route.source),
        via,
        traffic_class,
        ..Outgoing::new(packet.source, ICMPV6, &header, &pieces)
    });
}

/// A packet of ours of the newer protocol did not reach its end: its transport protocol is told.
fn tell_newer(packet: &Received<'_>, message: &Message<'_>) {
    let Some((quoted, _)) = ipv6::Header::parse_unchecked(message.body) else {
        return;
    };
    let rest = message.body.get(ipv6::LEN..).unwrap_or_default();
    let (protocol, payload) = match ipv6::behind(quoted.next, rest, true) {
        Behind::Payload(protocol, payload) => (protocol, payload),
        Behind::Part(part, payload) if part.offset == 0 => (part.next, payload),
        _ => return,
    };
    if payload.len() < 8 || IpAddr::V6(quoted.source) != packet.destination {
        return;
    }
    let destination = IpAddr::V6(quoted.destination);
    let is_too_big = message.kind == kind::TOO_BIG;
    let mtu = is_too_big.then(|| with(|stack, now, _| stack.paths.learn(now, destination, message.rest)));
    let (errno, is_fatal) = match (message.kind, message.code) {
        (kind::TOO_BIG, _) => (Errno::EMSGSIZE, false),
        (kind::UNREACHABLE, 1 | 5 | 6) => (Errno::EACCES, true),
        (kind::UNREACHABLE, 3) => (Errno::EHOSTUNREACH, false),
        (kind::UNREACHABLE, 4) => (Errno::ECONNREFUSED, true),
        (kind::UNREACHABLE, _) => (Errno::ENETUNREACH, false),
        (kind::PARAMETER, _) => (Errno::EPROTO, true),
        _ => (Errno::EHOSTUNREACH, false),
    };
    if let Some(handler) = handler(protocol) {
        (handler.fail)(&Failed {
            errno,
            is_fatal,
            source: IpAddr::V6(quoted.source),
            destination,
            interface: packet.interface,
            offender: packet.source,
            message: (message.kind, message.code),
            came_by: (packet.hop_limit, packet.traffic_class),
            mtu,
            payload,
        });
    }
}

/// A header of a packet of the newer protocol is not known: its sender is told, and where it is.
pub(crate) fn parameter_problem(packet: &Received<'_>, code: u8, at: u32) {
    // Options for many, too, may ask for this (RFC 4443 section 2.4).
    if !packet.source.is_unspecified() {
        report_newer(packet, kind::PARAMETER, code, at);
    }
}

/// An echo was asked for.
fn answer(packet: &Received<'_>, question: &Message<'_>) {
    if !may_make(packet, ECHO_REPLY, 0) {
        return;
    }
    let reply = Message {
        kind: ECHO_REPLY,
        ..*question
    };
    let header = reply.header(Sum::new());
    let pieces = [reply.body];
    let extra = answered_options(packet);
    // What was for many is answered by the own address.
    let outgoing = Outgoing {
        extra: extra.as_ref(),
        source: Some(packet.destination).filter(|_| packet.is_unicast),
        traffic_class: packet.traffic_class,
        ..Outgoing::new(packet.source, ICMP, &header, &pieces)
    };
    let _ = send(&outgoing);
}

/// The options of an answer to a packet that has some.
fn answered_options(packet: &Received<'_>) -> Option<Extra> {
    let came = packet.header.get(ipv4::LEN..).filter(|came| !came.is_empty())?;
    let is_own = |ip| crate::route::is_own(IpAddr::V4(ip));
    let options = older::Options::check(&older::answer(came), true, &is_own).ok()?;
    let (IpAddr::V4(to), IpAddr::V4(own)) = (packet.source, packet.destination) else {
        return None;
    };
    Some(Extra {
        options: options.filled(to, own, crate::input::time_of_day()),
        ..Extra::default()
    })
}

/// The options of a packet are wrong: its sender is told, and where.
pub(crate) fn wrong_options(packet: &Received<'_>, at: usize) {
    const PARAMETER: u8 = 12;
    report(packet, PARAMETER, 0, ((ipv4::LEN + at) as u32) << 24);
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
        came_by: (packet.hop_limit, packet.traffic_class),
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
    if packet.source.is_ipv4() {
        report(packet, UNREACHABLE, PORT, 0);
    } else if packet.is_unicast {
        report_newer(packet, kind::UNREACHABLE, 4, 0);
    }
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
        is_local: false,
        header: &waiting.header,
        payload: first,
        checksum: Checked::Unknown,
        piece: 0,
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
    if !may_make(packet, kind, code) {
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
        traffic_class: CONTROL,
        ..Outgoing::new(packet.source, ICMP, &header, &pieces)
    });
}

/// Tells the sender of a packet of the newer protocol what became of it.
fn report_newer(packet: &Received<'_>, kind: u8, code: u8, rest: u32) {
    const MOST: usize = 1280 - ipv6::LEN - packet::icmp::LEN;
    if packet.source.is_unspecified() || !may_make(packet, kind, code) {
        return;
    }
    let mut quoted = packet.header.to_vec();
    quoted.extend_from_slice(packet.payload);
    quoted.truncate(MOST);
    let message = Message {
        kind,
        code,
        rest,
        body: &quoted,
    };
    let own = Some(packet.destination).filter(|_| packet.is_unicast);
    send_newer(packet, own, &message, 0);
}

/// A frame went nowhere, since nobody on the local network has its receiver's address: as if a router had said so.
pub(crate) fn report_lost(interface: u32, frame: &Frame) {
    /// An IP header and the transport protocol's ports.
    const ENOUGH: usize = 128;
    let mut bytes = vec![0; ENOUGH];
    let len = frame.read(ETHERNET, &mut bytes);
    let bytes = &bytes[..len];
    if let Some((quoted, _)) = ipv6::Header::parse_unchecked(bytes) {
        let rest = &bytes[ipv6::LEN..];
        if let Behind::Payload(protocol, payload) = ipv6::behind(quoted.next, rest, true)
            && let Some(handler) = handler(protocol)
        {
            (handler.fail)(&Failed {
                errno: Errno::EHOSTUNREACH,
                is_fatal: false,
                source: IpAddr::V6(quoted.source),
                destination: IpAddr::V6(quoted.destination),
                interface,
                offender: IpAddr::V6(quoted.source),
                message: (kind::UNREACHABLE, 3),
                came_by: (usual_hops(IpAddr::V6(quoted.source)), 0),
                mtu: None,
                payload,
            });
        }
        return;
    }
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
        came_by: (usual_hops(IpAddr::V4(quoted.source)), CONTROL),
        mtu: None,
        payload,
    });
}
