//! Datagrams on their way in, from within the machine and by cards, and what became of those that were sent.

use super::{PORTS, UdpSocket};
use crate::letter::{Letter, Trouble};
use crate::ports::{Coming, Ports, What};
use crate::{UDP, address, control, lite, options};
use abi::Errno;
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};
use ip::{Failed, Handler, Received};
use packet::udp;

/// Has datagrams that come by cards taken in.
pub(crate) fn start() {
    ip::register(udp::PROTOCOL, Handler { receive, fail });
    let receive = receive_lite;
    let fail = |failed: &Failed<'_>| hear(&lite::PORTS, failed);
    ip::register(lite::PROTOCOL, Handler { receive, fail });
}

/// A datagram came.
fn receive(packet: &Received<'_>) {
    let Some((header, bytes)) = udp::Header::parse(packet.payload) else {
        return;
    };
    let must_sum = header.has_checksum || packet.source.is_ipv6();
    if must_sum && !packet.has_right_checksum() {
        counters::udp::IN_ERRORS.count(packet.source.is_ipv6());
        counters::udp::IN_CSUM_ERRORS.count(packet.source.is_ipv6());
        return;
    }
    take_packet(packet, &PORTS, [header.source, header.destination], bytes, None);
}

/// One of UDP-Lite came.
fn receive_lite(packet: &Received<'_>) {
    let newer = packet.source.is_ipv6();
    match lite::parse(packet) {
        Some((ports, bytes, covered)) => take_packet(packet, &lite::PORTS, ports, bytes, covered),
        None => {
            counters::datagram(counters::udp::IN_ERRORS, newer, true);
            counters::datagram(counters::udp::IN_CSUM_ERRORS, newer, true);
        }
    }
}

fn take_packet(packet: &Received<'_>, all: &Ports<UdpSocket>, ports: [u16; 2], bytes: &[u8], covered: Option<u16>) {
    let from = address::scoped(packet.source, ports[0], packet.interface);
    let to = SocketAddr::new(packet.destination, ports[1]);
    let letter = || Letter {
        covered,
        ..Letter::new(packet, bytes.to_vec(), from)
    };
    let coming = Coming {
        to,
        from,
        interface: packet.interface,
        what: What::Datagram(bytes),
    };
    if !packet.is_unicast {
        all.everybody(&coming)
            .iter()
            .for_each(|socket| socket.take_in(letter()));
        return;
    }
    match all.find(&coming) {
        Some(socket) if !packet.is_local && socket.joins() => {
            let taken = socket
                .inbox
                .take_joined(&socket.options, letter(), &[], socket.protocol);
            socket.count_lost(taken, packet.source.is_ipv6());
        }
        Some(socket) => socket.take_in(letter()),
        None => {
            let is_lite = core::ptr::eq(all, &lite::PORTS);
            counters::datagram(counters::udp::NO_PORTS, packet.source.is_ipv6(), is_lite);
            ip::port_unreachable(packet);
        }
    }
}

/// A datagram of ours did not arrive.
fn fail(failed: &Failed<'_>) {
    hear(&PORTS, failed);
}

fn hear(all: &Ports<UdpSocket>, failed: &Failed<'_>) {
    let ports = (packet::u16_at(failed.payload, 0), packet::u16_at(failed.payload, 2));
    let (Some(own), Some(peer)) = ports else { return };
    let own = SocketAddr::new(failed.source, own);
    let peer = address::scoped(failed.destination, peer, failed.interface);
    let coming = Coming {
        to: own,
        from: peer,
        interface: failed.interface,
        what: What::Datagram(&[]),
    };
    if let Some(socket) = all.find(&coming) {
        socket.hear_of_failure(failed, failed.payload.get(udp::LEN..).unwrap_or_default(), peer);
    }
}

impl UdpSocket {
    /// Who gets a datagram to the machine itself.
    pub(super) fn receiver_of(&self, letter: &Letter, to: SocketAddr) -> Option<Arc<Self>> {
        let coming = Coming {
            to,
            from: letter.from,
            interface: letter.interface,
            what: What::Datagram(&letter.bytes),
        };
        self.ports().find(&coming)
    }

    /// Whether an answer of a protocol to one of the machine's addresses is for it.
    pub(super) fn takes_echo(&self, protocol: u8, to: IpAddr) -> bool {
        let own = self.ends.lock().own.map(|own| own.ip());
        self.protocol == protocol && own.is_some_and(|own| own.is_unspecified() || own == to)
    }

    pub(crate) fn take_echo(&self, letter: Letter) {
        self.inbox.take_in(&self.options, letter, &[], self.protocol);
    }

    /// A datagram comes; one that finds no room is lost.
    pub(super) fn take_in(&self, letter: Letter) {
        let newer = letter.from.is_ipv6();
        if letter.covered.is_some() && !lite::is_enough(&self.options, letter.covered) {
            return counters::datagram(counters::udp::IN_ERRORS, newer, true);
        }
        let own = if self.options.has_extras() {
            self.ends.lock().own
        } else {
            None
        };
        let header = own.map(|own| {
            let header = udp::Header {
                source: letter.from.port(),
                destination: own.port(),
                has_checksum: true,
            };
            header.to_bytes(letter.bytes.len(), [0; 2])
        });
        let header = header.as_ref().map_or(&[][..], |header| header);
        let taken = self.inbox.take_in(&self.options, letter, header, self.protocol);
        self.count_lost(taken, newer);
    }

    /// Whether datagrams that come by cards are to be joined.
    fn joins(&self) -> bool {
        self.options.has_details() && !self.options.has_extras() && self.takes_joined()
    }

    /// Whether several datagrams may come as one.
    pub(super) fn takes_joined(&self) -> bool {
        self.options.is_set(UDP, control::JOINS) && !self.is_lite()
    }

    fn count_lost(&self, taken: bool, newer: bool) {
        if !taken {
            counters::datagram(counters::udp::IN_ERRORS, newer, self.is_lite());
            counters::datagram(counters::udp::RCVBUF_ERRORS, newer, self.is_lite());
        }
    }

    /// The network says that a datagram to somebody did not arrive.
    pub(crate) fn hear_of_failure(&self, failed: &Failed<'_>, bytes: &[u8], peer: SocketAddr) {
        let too_long = failed.errno == Errno::EMSGSIZE;
        if !too_long || options::path_discovery(&self.options, failed.destination) != 0 {
            self.fail(Trouble::new(failed, bytes, peer), failed.is_fatal || too_long);
        }
    }

    /// A datagram did not arrive: its `letter` is from whom it was to.
    fn fail(&self, trouble: Trouble, is_fatal: bool) {
        let peer = self.ends.lock().peer;
        let is_connected = peer == Some(trouble.letter.from) || self.is_ping() && peer.is_some();
        let wanted = control::wants_troubles(&self.options, trouble.letter.to);
        let errno = trouble.errno;
        if wanted {
            self.inbox.put_trouble(trouble);
        }
        if wanted || is_fatal && is_connected {
            self.inbox.set_error(errno);
        }
    }
}
