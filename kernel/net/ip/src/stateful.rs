//! Cards whose routers say that servers have addresses, or know more (RFC 4861 section 4.2): a client for each, between the network and the stack.
//!
//! Answers are kept from programs only if they answer what the client asked, so that a client among the programs gets its own.

use crate::dhcp6::{Client, Event};
use crate::names::{Names, Origin};
use crate::network::Network;
use crate::output::group_mac;
use crate::stack::{Effects, Stack};
use crate::transport::Received;
use core::net::{IpAddr, Ipv6Addr};
use packet::dhcp6::{CLIENT, SERVER, SERVERS};
use packet::discovery::Advertisement;
use packet::ethernet::{self, IPV6};
use packet::{ipv6, udp};

impl Stack {
    /// A router says whether servers have addresses, and whether they know more.
    pub(crate) fn hear_of_servers(&mut self, now: u64, index: u32, said: &Advertisement, effects: &mut Effects) {
        let Some(link) = self.links.iter_mut().find(|link| link.index == index) else {
            return;
        };
        let known = link.client_newer.as_ref().map(Client::is_stateful);
        if said.stateful && known != Some(true) || said.informed && known.is_none() {
            link.client_newer = Some(Client::new(now, link.mac, said.stateful));
            self.tick_clients_newer(now, effects);
        }
    }

    /// Has cards ask what is due.
    pub(crate) fn tick_clients_newer(&mut self, now: u64, effects: &mut Effects) {
        for at in 0..self.links.len() {
            let mut random = [0; 4];
            let Some(client) = &mut self.links[at].client_newer else {
                continue;
            };
            if client.next() > now {
                continue;
            }
            random::fill(&mut random);
            let (event, letter) = client.tick(now, u32::from_ne_bytes(random));
            self.apply_newer(now, at, event, effects);
            if let Some(letter) = letter {
                self.send_letter_newer(at, &letter, effects);
            }
        }
    }

    pub(crate) fn send_letter_newer(&self, at: usize, letter: &[u8], effects: &mut Effects) {
        let link = &self.links[at];
        let (Some(IpAddr::V6(source)), Some(to)) = (
            self.source_on(link.index, SERVERS.into(), None),
            group_mac(SERVERS.into()),
        ) else {
            return;
        };
        let ports = udp::Header {
            source: CLIENT,
            destination: SERVER,
            has_checksum: true,
        };
        let ports = ports.summed(source.into(), SERVERS.into(), letter);
        let header = ipv6::Header {
            traffic_class: 0,
            flow: 0,
            next: udp::PROTOCOL,
            hop_limit: 1,
            source,
            destination: SERVERS,
        };
        let ethernet = ethernet::Header {
            to,
            from: link.mac,
            kind: IPV6,
        };
        let header = header.to_bytes(ports.len() + letter.len());
        let pieces: [&[u8]; 4] = [&ethernet.to_bytes(), &header, &ports, letter];
        effects.send_bytes(link, &pieces);
    }

    /// An answer of a server may have come; whether it was one to the client.
    pub(crate) fn hear_server_newer(&mut self, now: u64, interface: u32, bytes: &[u8], effects: &mut Effects) -> bool {
        let Some(at) = self.links.iter().position(|link| link.index == interface) else {
            return false;
        };
        let client = self.links[at].client_newer.as_mut();
        let Some(event) = client.and_then(|client| client.receive(now, bytes)) else {
            return false;
        };
        self.apply_newer(now, at, event, effects);
        // What follows from an offer is due at once.
        self.tick_clients_newer(now, effects);
        true
    }

    fn apply_newer(&mut self, now: u64, at: usize, event: Event, effects: &mut Effects) {
        let index = self.links[at].index;
        let lease = match event {
            Event::Nothing => return,
            Event::Lost => None,
            Event::Got(lease) => Some(lease),
        };
        let ip = lease.as_ref().and_then(|lease| lease.ip);
        let before = self.links[at].given.take();
        if let Some(before) = before.filter(|before| Some(*before) != ip) {
            self.remove_address(index, before.into());
        }
        let mine = |names: &Names| names.interface == index && names.origin == Origin::ServerNewer;
        self.names.retain(|names| !mine(names));
        if let Some(ip) = ip {
            self.links[at].given = Some(ip);
            if !self.is_own(ip.into()) {
                trace::info!("eth{at} has {ip}/128");
                // Its network is reached directly only if a router says so.
                self.add_address_alone(now, index, Network::host(ip.into()), effects);
            }
        }
        if let Some(lease) = lease {
            self.names.push(Names {
                interface: index,
                origin: Origin::ServerNewer,
                servers: lease.nameservers,
                search: lease.search,
            });
            effects.configured = true;
        }
    }

    /// Somebody else has an address: if a server gave it, it is told, and asked for another one.
    pub(crate) fn decline(&mut self, now: u64, index: u32, ip: Ipv6Addr, effects: &mut Effects) {
        let Some(at) = self.links.iter().position(|link| link.index == index) else {
            return;
        };
        let client = self.links[at].client_newer.as_mut();
        if let Some(letter) = client.and_then(|client| client.is_taken(now, ip)) {
            self.apply_newer(now, at, Event::Lost, effects);
            self.send_letter_newer(at, &letter, effects);
        }
    }

    /// Whether a card is after an address that no server has given yet.
    pub(crate) fn is_looking(&self, index: u32) -> bool {
        let client = self.link(index).and_then(|link| link.client_newer.as_ref());
        client.is_some_and(Client::is_looking)
    }
}

/// A datagram may be an answer of a server; whether it was one to a client of a card.
pub(crate) fn hear_server(packet: &Received<'_>) -> bool {
    let Some((ports, bytes)) = udp::Header::parse(packet.payload) else {
        return false;
    };
    if (ports.source, ports.destination) != (SERVER, CLIENT) || !packet.has_right_checksum() {
        return false;
    }
    crate::clock::with(|stack, now, effects| stack.hear_server_newer(now, packet.interface, bytes, effects))
}
