//! Addresses of the newer protocol that a card gives itself (RFC 4862), and what routers say (RFC 4861, RFC 8106): prefixes, themselves, the longest packet, name servers.
//!
//! An address is used at once while it is found out whether somebody else has it (optimistic duplicate address detection, RFC 4429): programs that connect right after the start are not kept waiting. What
//! routers say is good for a time only, and so is kept with its end; how much of it is kept is limited.

use crate::discovery::{Letter, solicited};
use crate::neighbour::Word;
use crate::network::Network;
use crate::output::group_mac;
use crate::route::{Entry, maker};
use crate::stack::{Effects, Stack};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};
use packet::discovery::{Advertisement, Item, items, kind, mac_option};
use packet::ethernet::{self, Mac};
use packet::icmp::Message;
use packet::names::search_list;

const SECOND: u64 = 1_000_000_000;
/// How long somebody else may take to say that an address is taken.
const TEST: u64 = SECOND;
/// How long a router may take to answer, and how often is asked.
const SOLICIT: u64 = 4 * SECOND;
const SOLICITATIONS: u8 = 3;
/// Every router on the local network.
const ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// What everybody on the local network listens to.
const EVERYBODY: Mac = [0x33, 0x33, 0, 0, 0, 1];
/// Things that are kept at most.
const MOST: usize = 64;
/// A lifetime cannot be made shorter than this by who cannot prove who he is (RFC 4862 section 5.5.3).
const TWO_HOURS: u64 = 7200 * SECOND;
/// What a route by a router costs, as on Linux.
const BY_ROUTER: u32 = 1024;
const ON_LINK: u32 = 256;

/// Something that is good for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    Address(u32, IpAddr),
    Route(Entry),
    /// Whom to ask for names, as a router of an interface said.
    Server(u32, IpAddr),
    /// The domains in which names are looked for.
    Search(u32, Vec<u8>),
}

/// An address that somebody else may have.
pub(crate) struct Test {
    pub(crate) interface: u32,
    pub(crate) ip: Ipv6Addr,
    until: u64,
}

/// A question to routers that is to be asked again.
pub(crate) struct Solicitation {
    interface: u32,
    left: u8,
    due: u64,
}

/// An address in a network of 64 bits, made of the card's (RFC 4291, appendix A).
fn made_of(prefix: Ipv6Addr, [a, b, c, d, e, f]: Mac) -> Ipv6Addr {
    let [p0, p1, p2, p3, ..] = prefix.segments();
    let own = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    let word = |at: usize| u16::from_be_bytes([own[at], own[at + 1]]);
    Ipv6Addr::new(p0, p1, p2, p3, word(0), word(2), word(4), word(6))
}

impl Stack {
    /// Gives a card its address on the local network, and asks routers if it is to configure itself.
    pub(crate) fn begin_newer(&mut self, now: u64, index: u32, automatic: bool, effects: &mut Effects) {
        let Some(link) = self.link(index) else { return };
        let own = Network {
            ip: made_of(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), link.mac).into(),
            prefix: 64,
        };
        effects.join(link, EVERYBODY, true);
        self.add_address(now, index, own, effects);
        if automatic {
            self.solicitations.push(Solicitation {
                interface: index,
                left: SOLICITATIONS,
                due: now,
            });
        }
    }

    /// Takes everything of the newer protocol away from a card, and begins again if it is to have it.
    #[inline(never)]
    pub(crate) fn renew_newer(&mut self, now: u64, index: u32, begins: bool, effects: &mut Effects) {
        self.addresses
            .retain(|own| own.interface != index || own.network.ip.is_ipv4());
        self.routes
            .retain(|route| route.interface != index || route.destination.ip.is_ipv4());
        self.timed.retain(|(thing, _)| match thing {
            Thing::Address(of, _) | Thing::Server(of, _) | Thing::Search(of, _) => *of != index,
            Thing::Route(entry) => entry.interface != index,
        });
        self.tests.retain(|test| test.interface != index);
        self.solicitations.retain(|question| question.interface != index);
        if begins {
            let automatic = self.link(index).is_some_and(|link| link.automatic);
            self.begin_newer(now, index, automatic, effects);
        }
    }

    /// An address was given to an interface: whoever has it too is to say so.
    pub(crate) fn test(&mut self, now: u64, index: u32, ip: Ipv6Addr, effects: &mut Effects) {
        let Some(link) = self.link(index) else { return };
        let group = solicited(ip);
        if let Some(mac) = group_mac(group.into()) {
            effects.join(link, mac, true);
        }
        let letter = Letter {
            source: Ipv6Addr::UNSPECIFIED,
            destination: group,
            to: None,
            kind: kind::SOLICITATION,
            rest: 0,
            body: &ip.octets(),
            extension: &[],
        };
        letter.send(link, effects);
        self.tests.push(Test {
            interface: index,
            ip,
            until: now + TEST,
        });
    }

    /// A router says what there is.
    pub(crate) fn hear_router(
        &mut self,
        now: u64,
        index: u32,
        router: Ipv6Addr,
        message: &Message<'_>,
        effects: &mut Effects,
    ) {
        let allows = |setting: sysctl::Setting| setting.of(sysctl::Whose::Interface(index)) != 0;
        let is_asked = self.links.iter().any(|link| link.index == index && link.automatic)
            && allows(sysctl::ACCEPT_RA)
            && !allows(sysctl::DISABLE_IPV6);
        let Some((said, options)) = Advertisement::parse(message.rest, message.body) else {
            return;
        };
        let (Some(items), true, true) = (items(options), router.is_unicast_link_local(), is_asked) else {
            return;
        };
        self.solicitations.retain(|question| question.interface != index);
        let by_router = Entry {
            metric: BY_ROUTER,
            maker: maker::ROUTER,
            ..Entry::new(Network::all(router.into()), Some(router.into()), index)
        };
        self.hear_of_servers(now, index, &said, effects);
        if allows(sysctl::ACCEPT_RA_DEFRTR) {
            self.keep(Thing::Route(by_router), now + u64::from(said.lifetime) * SECOND);
        }
        for item in items {
            match item {
                Item::SourceMac(mac) if !ethernet::is_group(mac) => {
                    self.learn(now, (index, router.into()), mac, Word::Hint, effects);
                }
                Item::Prefix(prefix, len, on_link, automatic, valid, preferred) if allows(sysctl::ACCEPT_RA_PINFO) => {
                    let network = Network {
                        ip: prefix.into(),
                        prefix: len,
                    };
                    let until = after(now, valid);
                    if prefix.is_unicast_link_local() || prefix.is_multicast() || preferred > valid {
                        continue;
                    }
                    if on_link {
                        let destination = network.masked();
                        self.keep(on_local(index, destination), until);
                    }
                    if automatic && len == 64 && allows(sysctl::AUTOCONF) {
                        self.make_address(now, index, prefix, until, effects);
                    }
                }
                Item::Mtu(mtu) if mtu >= 1280 && allows(sysctl::ACCEPT_RA_MTU) => {
                    if let Some(link) = self.links.iter_mut().find(|link| link.index == index) {
                        link.mtu_newer = mtu;
                    }
                }
                Item::Route(prefix, len, preference, lifetime) if preference != 2 => {
                    let destination = Network {
                        ip: prefix.into(),
                        prefix: len,
                    };
                    let entry = Entry {
                        destination: destination.masked(),
                        ..by_router
                    };
                    self.keep(Thing::Route(entry), after(now, lifetime));
                }
                Item::Nameservers(lifetime, servers) => {
                    let servers = servers.chunks_exact(16).filter_map(|ip| ip.first_chunk::<16>());
                    for ip in servers.map(|ip| IpAddr::from(*ip)).filter(is_host) {
                        self.keep(Thing::Server(index, ip), after(now, lifetime));
                    }
                }
                Item::Search(lifetime, list) => {
                    self.keep(Thing::Search(index, search_list(list)), after(now, lifetime));
                }
                _ => {}
            }
        }
        effects.configured = true;
    }

    /// Makes an address in a router's network, or keeps it for longer.
    fn make_address(&mut self, now: u64, index: u32, prefix: Ipv6Addr, until: u64, effects: &mut Effects) {
        let Some(link) = self.link(index) else { return };
        let ip = made_of(prefix, link.mac);
        let thing = Thing::Address(index, ip.into());
        let known = self.timed.iter().find(|(known, _)| *known == thing);
        if let Some((_, end)) = known {
            let until = until.max((*end).min(now + TWO_HOURS));
            self.keep(thing, until);
            return;
        }
        let is_there = self.addresses.iter().any(|own| own.network.ip == IpAddr::V6(ip));
        if until <= now || is_there || self.timed.len() >= MOST {
            return;
        }
        let network = Network {
            ip: ip.into(),
            prefix: 64,
        };
        // Its network is reached directly only if the router says so.
        self.add_address_alone(now, index, network, effects);
        self.keep(thing, until);
    }

    /// Keeps something until a time; one that is over ends at once.
    pub(crate) fn keep(&mut self, thing: Thing, until: u64) {
        if let Some((_, end)) = self.timed.iter_mut().find(|(known, _)| *known == thing) {
            *end = until;
            return;
        }
        if self.timed.len() >= MOST {
            return;
        }
        if let Thing::Route(entry) = &thing {
            self.routes.push(*entry);
        }
        self.timed.push((thing, until));
    }

    /// Does what is due: ends what is over, asks routers again.
    pub(crate) fn tick_newer(&mut self, now: u64, effects: &mut Effects) {
        self.tests.retain(|test| test.until > now);
        while let Some(at) = self.timed.iter().position(|(_, until)| *until <= now) {
            let (thing, _) = self.timed.remove(at);
            match thing {
                Thing::Address(index, ip) => self.remove_address(index, ip),
                Thing::Route(entry) => self.routes.retain(|known| *known != entry),
                Thing::Server(..) | Thing::Search(..) => {}
            }
        }
        for at in 0..self.solicitations.len() {
            let question = &mut self.solicitations[at];
            if question.due > now || question.left == 0 {
                continue;
            }
            question.left -= 1;
            question.due = now + SOLICIT;
            let index = question.interface;
            self.ask_routers(index, effects);
        }
        self.solicitations.retain(|question| question.left > 0);
    }

    fn ask_routers(&self, index: u32, effects: &mut Effects) {
        let source = self.source_on(index, ROUTERS.into(), None);
        let (Some(link), Some(IpAddr::V6(source))) = (self.link(index), source) else {
            return;
        };
        let letter = Letter {
            source,
            destination: ROUTERS,
            to: None,
            kind: kind::ROUTER_SOLICITATION,
            rest: 0,
            body: &mac_option(false, link.mac),
            extension: &[],
        };
        letter.send(link, effects);
    }

    /// When something is due next.
    pub(crate) fn next_newer(&self) -> u64 {
        let tests = self.tests.iter().map(|test| test.until);
        let timed = self.timed.iter().map(|(_, until)| *until);
        let questions = self.solicitations.iter().map(|question| question.due);
        tests.chain(timed).chain(questions).min().unwrap_or(u64::MAX)
    }

    /// Whether a router may still answer the first question.
    pub(crate) fn is_asking_routers(&self, index: u32) -> bool {
        self.solicitations.iter().any(|question| question.interface == index)
    }
}

/// Whether somebody can have an address.
fn is_host(ip: &IpAddr) -> bool {
    !(ip.is_unspecified() || ip.is_multicast() || ip.is_loopback())
}

/// The route to a network without a router.
const fn on_local(interface: u32, destination: Network) -> Thing {
    Thing::Route(Entry {
        metric: ON_LINK,
        ..Entry::new(destination, None, interface)
    })
}

/// The end of a lifetime in seconds, of which the longest never ends.
fn after(now: u64, seconds: u32) -> u64 {
    if seconds == u32::MAX {
        u64::MAX
    } else {
        now + u64::from(seconds) * SECOND
    }
}
