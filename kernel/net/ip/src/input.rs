//! Packets that come: checked, and given to who wants them.

use crate::build::address_to;
use crate::clock::{look, with};
use crate::filter;
use crate::fragment::Piece;
use crate::icmp;
use crate::multicast::{self, IGMP};
use crate::neighbour::Word;
use crate::stack::{Effects, Stack, send_arp};
use crate::stateful;
use crate::transport::{Checked, Received, handler, show};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use counters::{ip, octets};
use header_options::older::{self, Filler, Wrong};
use link::{Came, Checksum, Interface};
use packet::arp::Message;
use packet::checksum::Sum;
use packet::ethernet::{self, Header};
use packet::ipv6::Behind;
use packet::{dhcp, ipv4, ipv6, udp};

/// The protocol of messages about packets of the older protocol.
pub(crate) const ICMP: u8 = 1;
/// The same of the newer one.
pub(crate) const ICMPV6: u8 = 58;

/// How often it is told that somebody has the machine's address.
const TELL: u64 = 10_000_000_000;

/// How a packet came.
struct By {
    interface: u32,
    /// In a frame to all or to a group.
    for_many: bool,
    checksum: Checked,
    piece: u16,
    /// From a program of the machine itself.
    is_local: bool,
}

/// A packet that a program has made by hand is for the machine itself.
pub(crate) fn by_hand(interface: u32, newer: bool, bytes: &[u8]) {
    let by = By {
        interface,
        for_many: false,
        checksum: Checked::Unknown,
        piece: 0,
        is_local: true,
    };
    if newer {
        receive_v6(&by, bytes);
    } else {
        receive_v4(&by, bytes);
    }
}

/// A frame came, or several in one.
pub(crate) fn receive(interface: &Interface, came: &Came<'_>) {
    let Some((header, body)) = Header::parse(came.bytes) else {
        return;
    };
    // Cards that let everything through are to be told apart from those who are meant.
    if header.to != interface.card.mac() && !ethernet::is_group(header.to) {
        return;
    }
    let index = interface.index as u32;
    let by = By {
        interface: index,
        for_many: ethernet::is_group(header.to),
        checksum: known(came.checksum),
        piece: came.piece,
        is_local: false,
    };
    match header.kind {
        ethernet::ARP => {
            if let Some(message) = Message::parse(body) {
                with(|stack, now, effects| stack.hear(now, index, &message, effects));
            }
        }
        ethernet::IPV4 => receive_v4(&by, body),
        ethernet::IPV6 => receive_v6(&by, body),
        _ => {}
    }
}

impl Stack {
    /// Somebody says or asks who has an address.
    fn hear(&mut self, now: u64, index: u32, message: &Message, effects: &mut Effects) {
        let sender_ip = message.sender_ip;
        if ethernet::is_group(message.sender) || sender_ip.is_multicast() || sender_ip.is_broadcast() {
            return;
        }
        let Some(link) = self.link(index) else { return };
        if message.sender == link.mac {
            return;
        }
        let own = |ip: Ipv4Addr| {
            let ip = IpAddr::V4(ip);
            self.addresses
                .iter()
                .any(|own| own.interface == index && own.network.ip == ip)
        };
        if own(sender_ip) {
            // Said now and then only: somebody could say so without end.
            if now >= self.told_at {
                self.told_at = now + TELL;
                trace::warn!("{} has our address {sender_ip} too", Display(message.sender));
            }
            self.hear_of_taken(now, index, sender_ip, effects);
            return;
        }
        // As on Linux, one is reached by any card at all of the machine's addresses.
        let target = IpAddr::V4(message.target_ip);
        let for_us = self.addresses.iter().any(|own| own.network.ip == target);
        if for_us && !message.is_reply {
            let answer = Message {
                is_reply: true,
                sender: link.mac,
                sender_ip: message.target_ip,
                target: message.sender,
                target_ip: sender_ip,
            };
            send_arp(link, message.sender, &answer, effects);
        }
        if sender_ip.is_unspecified() {
            return;
        }
        let word = match (message.is_reply, for_us) {
            (true, true) => Word::Answer,
            (false, true) => Word::Hint,
            (_, false) => Word::Gossip,
        };
        self.learn(now, (index, IpAddr::V4(sender_ip)), message.sender, word, effects);
    }

    /// Somebody's address was learnt: what waited for it goes.
    pub(crate) fn learn(
        &mut self,
        now: u64,
        key: (u32, IpAddr),
        mac: ethernet::Mac,
        word: Word,
        effects: &mut Effects,
    ) {
        let frames = self.neighbours.learn(now, key, mac, word);
        let Some(link) = self.link(key.0) else { return };
        for frame in frames {
            address_to(&frame, mac);
            effects.send(link, frame);
        }
    }
}

struct Display(ethernet::Mac);

impl core::fmt::Display for Display {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// A packet of the older protocol came.
fn receive_v4(by: &By, bytes: &[u8]) {
    let interface = by.interface;
    came(false, bytes.len());
    let Some((header, payload)) = ipv4::Header::parse(bytes) else {
        ip::IN_HDR_ERRORS.count(false);
        return;
    };
    let destination = IpAddr::V4(header.destination);
    let is_loopback = header.source.is_loopback() || destination.is_loopback();
    if header.source.is_multicast() || header.source.is_broadcast() || is_loopback && !by.is_local {
        return;
    }
    if header.destination.is_multicast() {
        octets::IN_MCAST_PKTS.count(false);
    }
    if header.protocol == udp::PROTOCOL && !header.is_fragment() && !by.is_local {
        hear_server(interface, &header, payload, by.checksum);
    }
    let (is_unicast, is_for_us) = look(|stack| {
        let unicast = stack.is_own(destination) || destination.is_loopback();
        let for_many = || stack.is_broadcast(interface, destination) || stack.has_joined(interface, destination);
        (unicast, unicast || for_many())
    });
    if !is_for_us {
        ip::IN_ADDR_ERRORS.count(false);
        return;
    }
    let mut packet = Received {
        source: IpAddr::V4(header.source),
        destination,
        interface,
        protocol: header.protocol,
        traffic_class: header.traffic_class,
        hop_limit: header.hop_limit,
        is_unicast: is_unicast && !by.for_many,
        is_local: by.is_local,
        header: &bytes[..header.len()],
        payload,
        checksum: by.checksum,
        piece: by.piece,
    };
    let noted;
    if !header.options.is_empty() {
        noted = note_options(packet.header, destination);
        match &noted {
            Ok(noted) => packet.header = noted,
            Err(Wrong::At(at)) => return icmp::wrong_options(&packet, *at),
            // Nobody follows ways by several addresses.
            Err(Wrong::Route) => return,
        }
    }
    if !header.is_fragment() {
        return deliver(&packet);
    }
    let piece = Piece {
        key: (
            packet.source,
            destination,
            u32::from(header.identification),
            header.protocol,
        ),
        interface,
        offset: usize::from(header.offset),
        more: header.more_fragments,
        header: packet.header,
        bytes: payload,
    };
    put_together(packet, &piece);
}

/// A fragment came; if the packet is whole, it is delivered.
fn put_together(packet: Received<'_>, piece: &Piece<'_>) {
    let newer = packet.source.is_ipv6();
    ip::REASM_REQDS.count(newer);
    if let Some((header, payload)) = with(|stack, now, _| stack.fragments.add(now, piece)) {
        ip::REASM_OKS.count(newer);
        deliver(&Received {
            header: &header,
            payload: &payload,
            // A card can only say something about whole packets.
            checksum: Checked::Unknown,
            ..packet
        });
    }
}

/// Milliseconds since midnight, as options tell them.
#[must_use]
pub fn time_of_day() -> u32 {
    const DAY: u64 = 86_400_000;
    (time::wall_now() / 1_000_000 % DAY) as u32
}

/// A header of the older protocol with what who receives it fills into its options.
#[cold]
#[inline(never)]
pub(crate) fn note_options(header: &[u8], own: IpAddr) -> Result<Vec<u8>, Wrong> {
    let (fixed, options) = header.split_at(ipv4::LEN.min(header.len()));
    let IpAddr::V4(own) = own else {
        return Ok(header.to_vec());
    };
    let filler = Filler {
        own,
        time: time_of_day(),
        is_own: &|ip| crate::route::is_own(IpAddr::V4(ip)),
    };
    let noted = older::received(options, &filler)?;
    Ok([fixed, &noted].concat())
}

/// A packet of the newer protocol came.
fn receive_v6(by: &By, bytes: &[u8]) {
    let interface = by.interface;
    came(true, bytes.len());
    let Some((header, rest)) = ipv6::Header::parse(bytes) else {
        ip::IN_HDR_ERRORS.count(true);
        return;
    };
    if header.destination.is_multicast() {
        octets::IN_MCAST_PKTS.count(true);
    }
    let destination = IpAddr::V6(header.destination);
    let is_loopback = header.source.is_loopback() || destination.is_loopback();
    if header.source.is_multicast() || is_loopback && !by.is_local {
        return;
    }
    let (is_unicast, is_for_us) = look(|stack| {
        let unicast = stack.is_own(destination) || destination.is_loopback();
        (unicast, unicast || stack.is_member(interface, destination))
    });
    if !is_for_us {
        return;
    }
    let mut packet = Received {
        source: IpAddr::V6(header.source),
        destination,
        interface,
        protocol: header.next,
        traffic_class: header.traffic_class,
        hop_limit: header.hop_limit,
        is_unicast: is_unicast && !by.for_many,
        is_local: by.is_local,
        header: &bytes[..ipv6::LEN],
        payload: rest,
        checksum: by.checksum,
        piece: by.piece,
    };
    match ipv6::behind(header.next, rest, !is_unicast) {
        Behind::Payload(protocol, payload) => {
            packet.protocol = protocol;
            packet.header = &bytes[..ipv6::LEN + rest.len() - payload.len()];
            packet.payload = payload;
            if protocol != udp::PROTOCOL || by.is_local || !stateful::hear_server(&packet) {
                deliver(&packet);
            }
        }
        Behind::Part(part, payload) => {
            let piece = Piece {
                key: (packet.source, destination, part.identification, part.next),
                interface,
                offset: usize::from(part.offset),
                more: part.more,
                header: packet.header,
                bytes: payload,
            };
            packet.protocol = part.next;
            put_together(packet, &piece);
        }
        Behind::Unknown(code, at) => icmp::parameter_problem(&packet, code, at as u32),
        Behind::Broken => {}
    }
}

/// An answer to a card that asks for its address comes before it has one.
fn hear_server(interface: u32, header: &ipv4::Header<'_>, payload: &[u8], checked: Checked) {
    let Some((ports, bytes)) = udp::Header::parse(payload) else {
        return;
    };
    if (ports.source, ports.destination) != (dhcp::SERVER, dhcp::CLIENT) {
        return;
    }
    let mut sum = Sum::pseudo(
        header.source.into(),
        header.destination.into(),
        udp::PROTOCOL,
        payload.len(),
    );
    sum.add(payload);
    if !ports.has_checksum || checked == Checked::Verified || sum.is_right() {
        with(|stack, now, effects| stack.hear_server(now, interface, bytes, effects));
    }
}

/// A packet of so many bytes came.
pub(crate) fn came(newer: bool, len: usize) {
    ip::IN_RECEIVES.count(newer);
    octets::IN_OCTETS.of(newer).add(len as u64);
}

/// What the card says of a checksum.
const fn known(checksum: Checksum) -> Checked {
    match checksum {
        Checksum::Unknown => Checked::Unknown,
        Checksum::Valid | Checksum::Partial { .. } => Checked::Verified,
    }
}

/// Gives a packet to who wants it.
pub(crate) fn deliver(packet: &Received<'_>) {
    filter::hear(packet);
    show(packet);
    let newer = packet.source.is_ipv6();
    ip::IN_DELIVERS.count(newer);
    match (packet.protocol, handler(packet.protocol)) {
        (ICMP, _) if packet.source.is_ipv4() => icmp::receive(packet),
        (IGMP, _) if packet.source.is_ipv4() => multicast::receive(packet.interface, packet.payload),
        (ICMPV6, _) if packet.source.is_ipv6() => icmp::receive_newer(packet),
        (_, Some(handler)) => (handler.receive)(packet),
        _ => ip::IN_UNKNOWN_PROTOS.count(newer),
    }
}
