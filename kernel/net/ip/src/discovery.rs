//! Who on the local network has which address of the newer protocol (RFC 4861): questions are asked and answered, answers believed, and better ways taken that a router tells of.

use crate::autoconf::{Test, Thing};
use crate::input::ICMPV6;
use crate::neighbour::{Question, Word};
use crate::network::Network;
use crate::output::group_mac;
use crate::route::{Entry, Via, maker};
use crate::stack::{Effects, Link, Stack};
use crate::transport::Received;
use core::net::{IpAddr, Ipv6Addr};
use packet::checksum::Sum;
use packet::discovery::{self, Item, OVERRIDE, SOLICITED, kind, mac_option};
use packet::ethernet::{self, IPV6, Mac};
use packet::icmp::Message;
use packet::ipv6;

/// The hops that messages must have left, so that they come from the local network for sure.
const HOPS: u8 = 255;
/// Every host on the local network.
pub(crate) const EVERYBODY: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// How long a better way is taken.
const BETTER: u64 = 600_000_000_000;

/// The group that who has an address is in (RFC 4291 section 2.7.1).
pub(crate) fn solicited(ip: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b] = ip.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | a & 0xff, b)
}

/// A message on its way.
pub(crate) struct Letter<'a> {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    /// To whom on the local network, if not to the group that the destination is.
    pub(crate) to: Option<Mac>,
    pub(crate) kind: u8,
    pub(crate) rest: u32,
    pub(crate) body: &'a [u8],
    /// An extension header before it, with the number of this protocol in it.
    pub(crate) extension: &'a [u8],
}

impl Letter<'_> {
    /// Sends it, by one interface only.
    pub(crate) fn send(&self, link: &Link, effects: &mut Effects) {
        let message = Message {
            kind: self.kind,
            code: 0,
            rest: self.rest,
            body: self.body,
        };
        let len = packet::icmp::LEN + self.body.len();
        let (source, destination) = (self.source.into(), self.destination.into());
        let head = message.header(Sum::pseudo(source, destination, ICMPV6, len));
        let extended = !self.extension.is_empty();
        let header = ipv6::Header {
            traffic_class: 0,
            flow: 0,
            next: if extended { ipv6::HOP_BY_HOP } else { ICMPV6 },
            hop_limit: if extended { 1 } else { HOPS },
            source: self.source,
            destination: self.destination,
        };
        let ethernet = ethernet::Header {
            to: self.to.or(group_mac(destination)).unwrap_or(ethernet::BROADCAST),
            from: link.mac,
            kind: IPV6,
        };
        let header = header.to_bytes(len + self.extension.len());
        counters::ip::OUT_REQUESTS.count(true);
        counters::message(true, self.kind, true);
        let pieces: [&[u8]; 5] = [&ethernet.to_bytes(), &header, self.extension, &head, self.body];
        effects.send_bytes(link, &pieces);
    }
}

impl Stack {
    /// Asks who has an address.
    pub(crate) fn ask_newer(&self, link: &Link, target: Ipv6Addr, question: &Question, effects: &mut Effects) {
        let Some(IpAddr::V6(source)) = self.source_on(link.index, target.into(), None) else {
            return;
        };
        let body = [&target.octets()[..], &mac_option(false, link.mac)].concat();
        let letter = Letter {
            source,
            destination: if question.to.is_some() {
                target
            } else {
                solicited(target)
            },
            to: question.to,
            kind: kind::SOLICITATION,
            rest: 0,
            body: &body,
            extension: &[],
        };
        letter.send(link, effects);
    }

    /// A message of neighbour discovery came.
    pub(crate) fn hear_discovery(
        &mut self,
        now: u64,
        packet: &Received<'_>,
        message: &Message<'_>,
        effects: &mut Effects,
    ) {
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (packet.source, packet.destination) else {
            return;
        };
        if packet.hop_limit != HOPS || message.code != 0 {
            return;
        }
        let index = packet.interface;
        if message.kind == kind::ROUTER_ADVERTISEMENT {
            self.hear_router(now, index, source, message, effects);
            return;
        }
        let Some((target, rest)) = message.body.split_first_chunk::<16>() else {
            return;
        };
        let target = Ipv6Addr::from(*target);
        if message.kind == kind::REDIRECT {
            if sysctl::ACCEPT_REDIRECTS_NEWER.of(sysctl::Whose::Interface(index)) != 0 {
                self.hear_better(now, index, source, target, rest);
            }
            return;
        }
        let Some(items) = discovery::items(rest) else { return };
        let mut mac = None;
        for item in items {
            match (item, message.kind) {
                (Item::SourceMac(found), kind::SOLICITATION) | (Item::TargetMac(found), kind::ADVERTISEMENT) => {
                    mac = Some(found).filter(|mac| !ethernet::is_group(*mac));
                }
                _ => {}
            }
        }
        if target.is_multicast() {
            return;
        }
        match message.kind {
            kind::SOLICITATION => self.answer(now, index, (source, destination, target), mac, effects),
            kind::ADVERTISEMENT => {
                if self.is_tested(index, target) {
                    self.give_up(now, index, target, effects);
                    return;
                }
                let word = if message.rest & SOLICITED != 0 {
                    Word::Answer
                } else {
                    Word::Gossip
                };
                if let Some(mac) = mac {
                    self.learn(now, (index, target.into()), mac, word, effects);
                }
            }
            _ => {}
        }
    }

    /// Somebody asks who has an address.
    fn answer(
        &mut self,
        now: u64,
        index: u32,
        (source, destination, target): (Ipv6Addr, Ipv6Addr, Ipv6Addr),
        mac: Option<Mac>,
        effects: &mut Effects,
    ) {
        let own = |own: &crate::Address| own.interface == index && own.network.ip == IpAddr::V6(target);
        if !self.addresses.iter().any(own) {
            return;
        }
        let is_test = source.is_unspecified();
        if is_test && (mac.is_some() || destination != solicited(target)) {
            return;
        }
        if is_test && self.is_tested(index, target) {
            // Two want the same address at the same time: neither gets it.
            self.give_up(now, index, target, effects);
            return;
        }
        if let Some(mac) = mac {
            self.learn(now, (index, source.into()), mac, Word::Hint, effects);
        }
        let Some(link) = self.link(index) else { return };
        let body = [&target.octets()[..], &mac_option(true, link.mac)].concat();
        let letter = Letter {
            source: target,
            destination: if is_test { EVERYBODY } else { source },
            to: mac,
            kind: kind::ADVERTISEMENT,
            rest: OVERRIDE | if is_test { 0 } else { SOLICITED },
            body: &body,
            extension: &[],
        };
        if is_test || mac.is_some() {
            letter.send(link, effects);
            return;
        }
        // Who asks without saying where it is has to be looked for itself, if it is not known.
        let (to, question) = self.neighbours.look_up(now, (index, source.into()));
        let Some(link) = self.link(index) else { return };
        if to.is_some() {
            Letter { to, ..letter }.send(link, effects);
        }
        if let Some(question) = question {
            self.ask(&question, effects);
        }
    }

    /// A router says that somebody else is the better way: believed if it is the way that was taken.
    fn hear_better(&mut self, now: u64, index: u32, router: Ipv6Addr, better: Ipv6Addr, rest: &[u8]) {
        let Some((destination, _)) = rest.split_first_chunk::<16>() else {
            return;
        };
        let destination = IpAddr::from(*destination);
        let taken = self.route(now, destination, None, Via::by(Some(index)));
        // Who is reached without a router has none that could know better.
        let is_router = IpAddr::V6(router) != destination;
        let by_router = taken.is_ok_and(|route| !route.is_local && route.next_hop == IpAddr::V6(router)) && is_router;
        let on_link = IpAddr::V6(better) == destination;
        if !by_router || destination.is_multicast() || !(on_link || better.is_unicast_link_local()) {
            return;
        }
        let entry = Entry {
            maker: maker::REDIRECT,
            ..Entry::new(Network::host(destination), (!on_link).then_some(better.into()), index)
        };
        self.keep(Thing::Route(entry), now + BETTER);
    }

    fn is_tested(&self, index: u32, ip: Ipv6Addr) -> bool {
        self.tests.iter().any(|test| (test.interface, test.ip) == (index, ip))
    }

    /// Somebody else has an address that was to be ours.
    fn give_up(&mut self, now: u64, index: u32, ip: Ipv6Addr, effects: &mut Effects) {
        trace::warn!("somebody else has the address {ip}");
        self.tests.retain(|test: &Test| test.ip != ip);
        self.remove_address(index, ip.into());
        self.decline(now, index, ip, effects);
    }
}
