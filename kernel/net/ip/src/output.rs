//! Packets that go: sent to whom the route says, in frames ([`build`](crate::build)).

use crate::build::{Builder, address_to};
use crate::clock::{self, with};
use crate::cut;
use crate::filter;
use crate::input;
use crate::neighbour::Question;
use crate::route::{Route, is_for_many};
use crate::stack::{Effects, Stack};
use crate::transport::{Checked, Extra, Offload, Outgoing, Received};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use header_options::older;
use link::{Checksum, ETHERNET, Frame, Interface, Kind, Segmentation};
use lock::atomic::{AtomicU32, Ordering};
use packet::checksum::Sum;
use packet::ethernet::{self, BROADCAST, Mac};
use packet::ipv6::Behind;
use packet::{ipv4, ipv6};

pub(crate) const TOO_LONG: Error = Error::new(Errno::EMSGSIZE, "the packet is longer than its way takes");
/// Most bytes of a packet.
const LONGEST: usize = 65535;

/// Numbers packets, so that their fragments find together.
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// What sending a packet takes, as the stack knows it.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) route: Route,
    interface: Arc<Interface>,
    pub(crate) from: Mac,
    pub(crate) to: Option<Mac>,
}

/// The way of a packet. Nearly always its receiver is known, and nothing else follows.
pub(crate) fn find_way(packet: &Outgoing<'_>) -> Result<Found> {
    match clock::change(|stack, now| stack.known_way(now, packet)) {
        Some(way) => Ok(Found::Away(way)),
        None => with(|stack, now, effects| stack.way(now, packet, effects)),
    }
}

/// Where a packet goes.
pub(crate) enum Found {
    /// It leaves.
    Away(Way),
    /// It stays.
    Here(Route),
}

impl Stack {
    /// The way to somebody whose address is known.
    fn known_way(&mut self, now: u64, packet: &Outgoing<'_>) -> Option<Way> {
        let wish = (packet.destination, packet.source, packet.via);
        if let Some(way) = self.recent.way(now, &wish) {
            return Some(way);
        }
        let route = self.route(now, packet.destination, packet.source, packet.via).ok()?;
        if route.is_local || route.is_broadcast || is_for_many(route.next_hop) {
            return None;
        }
        let to = Some(self.neighbours.known(now, (route.interface, route.next_hop))?);
        let link = self.link(route.interface)?;
        let way = Way {
            interface: Arc::clone(&link.interface),
            from: link.mac,
            to,
            route,
        };
        self.recent.keep_way(now, wish, way.clone());
        Some(way)
    }

    fn way(&mut self, now: u64, packet: &Outgoing<'_>, effects: &mut Effects) -> Result<Found> {
        let route = self.route(now, packet.destination, packet.source, packet.via)?;
        if route.is_local {
            return Ok(Found::Here(route));
        }
        let link = self.link(route.interface).ok_or(Errno::ENETDOWN)?;
        let (interface, from) = (Arc::clone(&link.interface), link.mac);
        let (to, question) = self.hardware(now, &route);
        if let Some(question) = question {
            self.ask(&question, effects);
        }
        Ok(Found::Away(Way {
            route,
            interface,
            from,
            to,
        }))
    }

    /// The address on the local network that a packet goes to.
    fn hardware(&mut self, now: u64, route: &Route) -> (Option<Mac>, Option<Question>) {
        match route.next_hop {
            group if group.is_multicast() => (group_mac(group), None),
            ip if is_for_many(ip) || self.is_broadcast(route.interface, ip) => (Some(BROADCAST), None),
            ip => self.neighbours.look_up(now, (route.interface, ip)),
        }
    }
}

/// The address on the local network that a group has.
pub(crate) fn group_mac(group: IpAddr) -> Option<Mac> {
    match group {
        IpAddr::V4(group) if group.is_multicast() => {
            let [_, b, c, d] = group.octets();
            Some([1, 0, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(group) if group.is_multicast() => {
            let [.., a, b, c, d] = group.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

/// Sends a packet: looks up its way, asks for its receiver's address if nobody knows it (the packet waits meanwhile), and cuts it if it does not fit and may be.
///
/// # Errors
/// `ENETUNREACH`, `EMSGSIZE`, `ENOBUFS`.
pub fn send(packet: &Outgoing<'_>) -> Result<()> {
    let newer = packet.destination.is_ipv6();
    let found = match find_way(packet) {
        Ok(found) => found,
        Err(error) => {
            counters::ip::OUT_NO_ROUTES.count(newer);
            return Err(error);
        }
    };
    let route = match &found {
        Found::Away(way) => {
            filter::check(packet)?;
            &way.route
        }
        Found::Here(route) => route,
    };
    let len = packet.len();
    let head = ip_header(packet, route, len, None);
    let header = head.bytes();
    // The newer protocol's length leaves its first header out.
    let counted = if newer { header.len() - ipv6::LEN } else { header.len() };
    if counted + len > LONGEST {
        return Err(TOO_LONG);
    }
    goes(newer, packet, header.len() + len);
    let way = match &found {
        Found::Away(way) => way,
        Found::Here(_) => {
            if link::view::has_any() {
                show(packet, route);
            }
            return deliver_here(packet, route, header);
        }
    };
    let segment = packet.offload.and_then(|offload| offload.segment);
    if header.len() + len > route.mtu.min(packet.most) as usize && segment.is_none() {
        if packet.dont_fragment {
            counters::ip::FRAG_FAILS.count(newer);
            return Err(TOO_LONG);
        }
        return send_in_pieces(packet, way).inspect(|()| counters::ip::FRAG_OKS.count(newer));
    }
    if let Some(size) = segment
        && (!way.route.can_segment || packet.extra.is_some())
    {
        return cut::send(packet, way, usize::from(size));
    }
    let mut frame = Builder::begin(way, packet)?;
    frame.add(header)?;
    frame.add(packet.header)?;
    let mut left: usize = packet.payload.iter().map(|piece| piece.len()).sum();
    for piece in packet.payload {
        left -= piece.len();
        frame.lend(piece, left)?;
    }
    let mut frame = frame.frame;
    if let Some(offload) = packet.offload {
        leave_to_card(&mut frame, header.len(), packet, &offload, way)?;
    }
    dispatch(way, frame)
}

/// A packet is about to go that has so many bytes.
pub(crate) fn goes(newer: bool, packet: &Outgoing<'_>, len: usize) {
    counters::ip::OUT_REQUESTS.count(newer);
    counters::octets::OUT_OCTETS.of(newer).add(len as u64);
    if packet.destination.is_multicast() {
        counters::octets::OUT_MCAST_PKTS.count(newer);
    }
    if packet.protocol == if newer { input::ICMPV6 } else { input::ICMP }
        && let Some(kind) = packet
            .header
            .first()
            .or(packet.payload.first().and_then(|piece| piece.first()))
    {
        counters::message(newer, *kind, true);
    }
}

/// Shows a packet that stays within the machine to packet sockets, with what a card would have done to it.
#[cold]
#[inline(never)]
pub fn show(packet: &Outgoing<'_>, route: &Route) {
    link::view::show_loopback(&frame_of(packet, route));
}

/// The Ethernet header on loopback: without addresses.
pub(crate) fn loopback_header(newer: bool) -> [u8; 14] {
    let kind = if newer { ethernet::IPV6 } else { ethernet::IPV4 };
    let mut header = [0; 14];
    header[12..].copy_from_slice(&kind.to_be_bytes());
    header
}

/// What a packet would be as a frame, whose Ethernet header has no addresses.
#[must_use]
pub fn frame_of(packet: &Outgoing<'_>, route: &Route) -> Vec<u8> {
    let head = ip_header(packet, route, packet.len(), None);
    let mut frame = loopback_header(packet.destination.is_ipv6()).to_vec();
    frame.extend(head.bytes());
    let start = frame.len();
    frame.extend(packet.header);
    packet.payload.iter().for_each(|piece| frame.extend(*piece));
    if let Some(offload) = packet.offload {
        let mut sum = Sum::new();
        sum.add(&frame[start..]);
        let at = start + usize::from(offload.checksum_at);
        if let Some(field) = frame.get_mut(at..at + 2) {
            field.copy_from_slice(&sum.finish());
        }
    }
    frame
}

/// Sends a packet in fragments, all with the same number.
fn send_in_pieces(packet: &Outgoing<'_>, way: &Way) -> Result<()> {
    let whole = transport_of(packet);
    let number = next_number();
    let headers = if packet.destination.is_ipv4() {
        ipv4::LEN
    } else {
        ipv6::LEN + ipv6::FRAGMENT_LEN
    };
    let headers = headers + packet.extra.map_or(0, Extra::len);
    let room = (way.route.mtu.min(packet.most) as usize).saturating_sub(headers) & !7;
    if room == 0 {
        return Err(TOO_LONG);
    }
    let mut offset = 0;
    for piece in whole.chunks(room) {
        let more = offset + piece.len() < whole.len();
        let head = ip_header(packet, &way.route, piece.len(), Some((number, offset as u16, more)));
        let mut frame = Builder::begin(way, packet)?;
        frame.add(head.bytes())?;
        frame.add(piece)?;
        counters::ip::FRAG_CREATES.count(packet.destination.is_ipv6());
        dispatch(way, frame.frame)?;
        offset += piece.len();
    }
    Ok(())
}

/// A number for a packet of the older protocol.
pub fn next_number() -> u16 {
    NUMBER.fetch_add(1, Ordering::Relaxed) as u16
}

/// The headers of a packet before its transport protocol's.
pub(crate) struct Head {
    bytes: [u8; ipv4::LONGEST],
    len: usize,
    /// All of it, if it is longer than that.
    long: Vec<u8>,
}

impl Head {
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.long.is_empty() {
            self.bytes.get(..self.len).unwrap_or_default()
        } else {
            &self.long
        }
    }
}

/// The IP header of a packet with so much payload, or of a fragment: number, offset, and whether more follow.
pub(crate) fn ip_header(
    packet: &Outgoing<'_>,
    route: &Route,
    payload: usize,
    fragment: Option<(u16, u16, bool)>,
) -> Head {
    let mut bytes = [0; ipv4::LONGEST];
    let mut long = Vec::new();
    let (number, offset, more_fragments) = fragment.unwrap_or_else(|| (next_number(), 0, false));
    let len = match (route.source, packet.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut later = Vec::new();
            let mut options = packet.extra.map_or(&[][..], |extra| &extra.options);
            if offset > 0 && !options.is_empty() {
                later = older::of_later_fragments(options);
                options = &later;
            }
            let header = ipv4::Header {
                traffic_class: packet.traffic_class,
                identification: number,
                dont_fragment: packet.dont_fragment,
                more_fragments,
                offset,
                hop_limit: packet.hop_limit,
                protocol: packet.protocol,
                source,
                destination,
                options,
            };
            let len = header.write(payload, &mut bytes);
            drop(later);
            len
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let part = ipv6::Fragment {
                next: packet.protocol,
                offset,
                more: more_fragments,
                identification: u32::from(number),
            };
            let hop = packet.extra.map_or(&[][..], |extra| &extra.hop);
            let extra = if fragment.is_some() { ipv6::FRAGMENT_LEN } else { 0 };
            let next = if extra > 0 { ipv6::FRAGMENT } else { packet.protocol };
            let header = ipv6::Header {
                traffic_class: packet.traffic_class,
                flow: packet.flow,
                next: if hop.is_empty() { next } else { ipv6::HOP_BY_HOP },
                hop_limit: packet.hop_limit,
                source,
                destination,
            };
            bytes[..ipv6::LEN].copy_from_slice(&header.to_bytes(payload + extra + hop.len()));
            bytes[ipv6::LEN..ipv6::LEN + extra].copy_from_slice(&part.to_bytes()[..extra]);
            if !hop.is_empty() {
                long = with_options(&bytes[..ipv6::LEN + extra], hop, next);
            }
            ipv6::LEN + extra
        }
        _ => 0,
    };
    Head { bytes, len, long }
}

/// Headers of the newer protocol with options for everybody on the way behind the first one, and what follows them.
#[cold]
#[inline(never)]
fn with_options(headers: &[u8], hop: &[u8], next: u8) -> Vec<u8> {
    let (first, rest) = headers.split_at(ipv6::LEN.min(headers.len()));
    let mut all = [first, hop, rest].concat();
    if let Some(follows) = all.get_mut(ipv6::LEN) {
        *follows = next;
    }
    all
}

/// A packet's transport header and payload in one piece, with its checksum.
fn transport_of(packet: &Outgoing<'_>) -> Vec<u8> {
    let mut whole = Vec::with_capacity(packet.len());
    whole.extend_from_slice(packet.header);
    packet.payload.iter().for_each(|piece| whole.extend_from_slice(piece));
    if let Some(offload) = packet.offload
        && let Some(field) = whole.get_mut(usize::from(offload.checksum_at)..)
        && let Some(field) = field.first_chunk_mut()
    {
        *field = checksum_of(packet);
    }
    whole
}

/// The checksum of a packet that holds the sum of its pseudo header already.
fn checksum_of(packet: &Outgoing<'_>) -> [u8; 2] {
    let mut sum = Sum::new();
    sum.add(packet.header);
    packet.payload.iter().for_each(|piece| sum.add(piece));
    match sum.finish() {
        // All zeros would mean that there is none, to UDP; to others both are the same.
        [0, 0] => [0xff; 2],
        sum => sum,
    }
}

/// A packet to the machine itself.
fn deliver_here(packet: &Outgoing<'_>, route: &Route, header: &[u8]) -> Result<()> {
    let payload = transport_of(packet);
    let mut came = Received {
        source: route.source,
        destination: packet.destination,
        interface: route.interface,
        protocol: packet.protocol,
        traffic_class: packet.traffic_class,
        hop_limit: packet.hop_limit,
        is_unicast: true,
        is_local: true,
        header,
        payload: &payload,
        // What a program has made by hand may be wrong.
        checksum: match packet.offload {
            None if packet.protocol == cut::TCP => Checked::Unknown,
            _ => Checked::Verified,
        },
        piece: 0,
    };
    input::came(packet.destination.is_ipv6(), header.len() + payload.len());
    let noted;
    if packet.destination.is_ipv4() && header.len() > ipv4::LEN {
        noted = input::note_options(header, packet.destination);
        match &noted {
            Ok(noted) => came.header = noted,
            Err(_) => return Ok(()),
        }
    }
    let whole;
    if packet.destination.is_ipv6() && packet.protocol == ipv6::DESTINATION {
        whole = [header, &payload].concat();
        let Behind::Payload(protocol, rest) = ipv6::behind(packet.protocol, &payload, false) else {
            return Ok(());
        };
        came.header = whole.get(..whole.len() - rest.len()).unwrap_or_default();
        (came.protocol, came.payload) = (protocol, rest);
    }
    input::deliver(&came);
    Ok(())
}

/// Writes into a frame what the card needs to know, or does its work.
fn leave_to_card(frame: &mut Frame, ip: usize, packet: &Outgoing<'_>, offload: &Offload, way: &Way) -> Result<()> {
    let start = ETHERNET as usize + ip;
    if !way.route.can_sum {
        let at = start + usize::from(offload.checksum_at);
        if let Some(first) = frame.parts.first() {
            first.page.write(at, &checksum_of(packet));
        }
        return Ok(());
    }
    frame.checksum = Checksum::Partial {
        start: start as u16,
        offset: offload.checksum_at,
    };
    frame.segmentation = offload.segment.map(|size| Segmentation {
        kind: match (packet.protocol, packet.destination) {
            (packet::udp::PROTOCOL, _) => Kind::Udp,
            (_, IpAddr::V4(_)) => Kind::Tcp4,
            (_, IpAddr::V6(_)) => Kind::Tcp6,
        },
        size,
        headers: start as u16 + offload.header_len,
        congested: false,
    });
    Ok(())
}

/// Gives a frame to the card, or keeps it until its receiver is known.
pub(crate) fn dispatch(way: &Way, frame: Frame) -> Result<()> {
    let newer = way.route.next_hop.is_ipv6();
    let frame = if way.to.is_some() {
        frame
    } else {
        let key = (way.route.interface, way.route.next_hop);
        match with(|stack, _, _| stack.neighbours.hold(key, frame)) {
            None => {
                counters::ip::OUT_TRANSMITS.count(newer);
                return Ok(());
            }
            Some((Some(to), frame)) => {
                address_to(&frame, to);
                frame
            }
            Some((None, _lost)) => {
                counters::ip::OUT_DISCARDS.count(newer);
                return Ok(());
            }
        }
    };
    counters::ip::OUT_TRANSMITS.count(newer);
    way.interface
        .send(frame)
        .inspect_err(|_| counters::ip::OUT_DISCARDS.count(newer))
        .map_err(|_| Error::new(Errno::ENOBUFS, "the card takes no more now"))
}
