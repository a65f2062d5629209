//! Everything that is known: interfaces with their addresses, routes, neighbours.

use crate::autoconf::{Solicitation, Test, Thing};
use crate::build::frame_of;
use crate::clock::with;
use crate::configure;
use crate::dhcp::{Client, Lease};
use crate::dhcp6;
use crate::discovery;
use crate::fragment::{Fragments, Waiting};
use crate::icmp;
use crate::names::{Names, Origin};
use crate::neighbour::{Neighbours, Question};
use crate::network::Network;
use crate::path::Paths;
use crate::plan::Plan;
use crate::recent::Recent;
use crate::route::{Entry, LOOPBACK, is_loopback, maker};
use crate::settings::has_no_newer;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use link::{Frame, Interface};
use packet::arp::Message;
use packet::ethernet::{ARP, BROADCAST, Header, Mac};

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The number of the interface.
    pub interface: u32,
    /// The address and its network.
    pub network: Network,
}

/// What the stack keeps of an interface.
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) interface: Arc<Interface>,
    pub(crate) mac: Mac,
    /// The longest packet, if a server or router wants them shorter than the interface takes.
    pub(crate) mtu: u32,
    /// The same of the newer protocol.
    pub(crate) mtu_newer: u32,
    /// It configures itself.
    pub(crate) automatic: bool,
    pub(crate) can_segment: [bool; 3],
    pub(crate) can_sum: bool,
    /// When it became one.
    pub(crate) started: u64,
    /// Asks for an address.
    pub(crate) client: Option<Client>,
    /// What it has got.
    pub(crate) lease: Option<Lease>,
    /// Asks servers of the newer protocol, once a router said that there are some.
    pub(crate) client_newer: Option<dhcp6::Client>,
    /// The address that one has given.
    pub(crate) given: Option<Ipv6Addr>,
}

/// Everything.
pub(crate) struct Stack {
    pub(crate) links: Vec<Link>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) routes: Vec<Entry>,
    pub(crate) neighbours: Neighbours,
    pub(crate) fragments: Fragments,
    pub(crate) paths: Paths,
    pub(crate) recent: Recent,
    pub(crate) names: Vec<Names>,
    /// Whom to ask for names, whatever anybody says.
    pub(crate) chosen_servers: Vec<IpAddr>,
    pub(crate) limit: icmp::Limit,
    /// From when on it is told again that somebody else has an own address.
    pub(crate) told_at: u64,
    /// What is good for a time only.
    pub(crate) timed: Vec<(Thing, u64)>,
    /// Addresses that somebody else may have.
    pub(crate) tests: Vec<Test>,
    pub(crate) solicitations: Vec<Solicitation>,
    /// Groups that programs are in: by which interface, which, and how many.
    pub(crate) groups: Vec<(u32, IpAddr, u32)>,
}

/// What is to be done once the stack is let go of.
#[derive(Default)]
pub(crate) struct Effects {
    /// Frames that go.
    frames: Vec<(Arc<Interface>, Frame)>,
    /// Frames that go nowhere, since nobody answered for their receiver; and the own interface's number.
    lost: Vec<(u32, Frame)>,
    /// Packets whose fragments did not all come in time.
    late: Vec<Waiting>,
    /// Groups whose frames a card is to let in, or no more.
    groups: Vec<(Arc<Interface>, Mac, bool)>,
    /// A card has got its configuration, and the machine perhaps a name.
    pub(crate) configured: bool,
    /// As above.
    pub(crate) name: Vec<u8>,
}

impl Effects {
    /// Has a frame sent.
    pub(crate) fn send(&mut self, link: &Link, frame: Frame) {
        self.frames.push((Arc::clone(&link.interface), frame));
    }

    /// Has a frame sent that is made of pieces; nothing where there is no memory.
    pub(crate) fn send_bytes(&mut self, link: &Link, pieces: &[&[u8]]) {
        if let Some(frame) = frame_of(pieces) {
            self.send(link, frame);
        }
    }

    /// Has a card let a group's frames in, or no more.
    pub(crate) fn join(&mut self, link: &Link, group: Mac, on: bool) {
        self.groups.push((Arc::clone(&link.interface), group, on));
    }

    pub(crate) fn carry_out(self) {
        for (interface, group, on) in self.groups {
            interface.group(group, on);
        }
        for (interface, frame) in self.frames {
            // What finds no room is lost, as on the wire.
            let _ = interface.send(frame);
        }
        for (interface, frame) in self.lost {
            icmp::report_lost(interface, &frame);
        }
        for late in &self.late {
            counters::ip::REASM_TIMEOUT.count(late.is_newer());
            counters::ip::REASM_FAILS.count(late.is_newer());
            icmp::report_late(late);
        }
        if self.configured {
            configure::announce(&self.name);
        }
    }
}

impl Stack {
    pub(crate) const fn new() -> Self {
        Self {
            links: Vec::new(),
            addresses: Vec::new(),
            routes: Vec::new(),
            neighbours: Neighbours::new(),
            fragments: Fragments::new(),
            paths: Paths::new(),
            recent: Recent::new(),
            names: Vec::new(),
            chosen_servers: Vec::new(),
            limit: icmp::Limit::new(),
            told_at: 0,
            timed: Vec::new(),
            tests: Vec::new(),
            solicitations: Vec::new(),
            groups: Vec::new(),
        }
    }

    pub(crate) fn link(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// Whether an address is the machine's.
    pub(crate) fn is_own(&self, ip: IpAddr) -> bool {
        is_loopback(ip) || self.addresses.iter().any(|own| own.network.ip == ip)
    }

    /// The interface whose address is one of the machine's, if it is; only a certain one if that is asked for.
    pub(crate) fn owner(&self, ip: IpAddr, asked: Option<u32>) -> Option<u32> {
        let fits = |interface: u32| asked.is_none_or(|asked| asked == interface);
        if is_loopback(ip) {
            return Some(LOOPBACK).filter(|owner| fits(*owner));
        }
        let own = self
            .addresses
            .iter()
            .find(|own| own.network.ip == ip && fits(own.interface));
        own.map(|own| own.interface)
    }

    /// Whether an address is everybody's on the network of an interface.
    pub(crate) fn is_broadcast(&self, interface: u32, ip: IpAddr) -> bool {
        let mut own = self.addresses.iter().filter(|own| own.interface == interface);
        ip == IpAddr::V4(Ipv4Addr::BROADCAST) || own.any(|own| own.network.broadcast() == Some(ip))
    }

    /// Whether an interface is in a group of the newer protocol.
    pub(crate) fn is_member(&self, interface: u32, group: IpAddr) -> bool {
        let IpAddr::V6(group) = group else { return false };
        let own = |own: &Address| match own.network.ip {
            IpAddr::V6(ip) => own.interface == interface && discovery::solicited(ip) == group,
            IpAddr::V4(_) => false,
        };
        group == discovery::EVERYBODY || self.addresses.iter().any(own) || self.has_joined(interface, IpAddr::V6(group))
    }

    /// Gives an interface an address, and the route to its network.
    pub(crate) fn add_address(&mut self, now: u64, interface: u32, network: Network, effects: &mut Effects) {
        if self.addresses.contains(&Address { interface, network }) {
            return;
        }
        // Of the older protocol a single address makes no network, and of several in one the first is used.
        match network.ip {
            IpAddr::V4(_) if network.prefix == 32 => {}
            ip => self.lead_to(network, interface, ip),
        }
        self.add_address_alone(now, interface, network, effects);
    }

    /// Gives an interface an address. The route to its network is somebody else's business.
    pub(crate) fn add_address_alone(&mut self, now: u64, interface: u32, network: Network, effects: &mut Effects) {
        self.addresses.push(Address { interface, network });
        if let IpAddr::V6(ip) = network.ip {
            self.test(now, interface, ip, effects);
        }
        if let (IpAddr::V4(ip), Some(link)) = (network.ip, self.link(interface)) {
            announce(link, ip, effects);
        }
    }

    /// Takes an address away, with the routes that need it.
    pub(crate) fn remove_address(&mut self, interface: u32, ip: IpAddr) {
        let gone = |own: &Address| own.interface == interface && own.network.ip == ip;
        let at = self.addresses.iter().position(gone);
        let network = at.map(|at| self.addresses.remove(at).network);
        self.routes
            .retain(|route| route.interface != interface || route.source != Some(ip));
        // The next one on its network takes its place.
        let is_next = |own: &&Address| {
            own.interface == interface
                && own.network.ip.is_ipv4()
                && own.network.prefix < 32
                && network.is_some_and(|network| network.masked() == own.network.masked())
        };
        if let Some(next) = self.addresses.iter().find(is_next).map(|own| own.network) {
            self.lead_to(next, interface, next.ip);
        }
    }

    /// Asks who has an address.
    pub(crate) fn ask(&self, question: &Question, effects: &mut Effects) {
        let (index, ip) = question.key;
        let Some(link) = self.link(index) else { return };
        if let IpAddr::V6(target) = ip {
            self.ask_newer(link, target, question, effects);
        }
        if let IpAddr::V4(target_ip) = ip {
            let own = self.source_on(index, ip, None);
            let Some(IpAddr::V4(sender_ip)) = own else { return };
            let message = Message {
                is_reply: false,
                sender: link.mac,
                sender_ip,
                target: [0; 6],
                target_ip,
            };
            send_arp(link, question.to.unwrap_or(BROADCAST), &message, effects);
        }
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: u64, effects: &mut Effects) {
        let (mut questions, mut lost) = (Vec::new(), Vec::new());
        self.neighbours.tick(now, &mut questions, &mut lost);
        questions.iter().for_each(|question| self.ask(question, effects));
        for (key, frames) in lost {
            effects.lost.extend(frames.into_iter().map(|frame| (key.0, frame)));
        }
        effects.late = self.fragments.tick(now);
        self.tick_clients(now, effects);
        self.tick_newer(now, effects);
        self.tick_clients_newer(now, effects);
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> u64 {
        let clients = self.links.iter().filter_map(|link| link.client.as_ref());
        let clients = clients.map(Client::next).min().unwrap_or(u64::MAX);
        let newer = self.links.iter().filter_map(|link| link.client_newer.as_ref());
        let newer = newer.map(dhcp6::Client::next).min().unwrap_or(u64::MAX);
        let known = self.neighbours.next().min(self.fragments.next());
        known.min(clients).min(newer).min(self.next_newer())
    }
}

/// Tells others that an address is here.
pub(crate) fn announce(link: &Link, ip: Ipv4Addr, effects: &mut Effects) {
    let message = Message {
        is_reply: false,
        sender: link.mac,
        sender_ip: ip,
        target: [0; 6],
        target_ip: ip,
    };
    send_arp(link, BROADCAST, &message, effects);
}

/// Sends a message about who has which address.
pub(crate) fn send_arp(link: &Link, to: Mac, message: &Message, effects: &mut Effects) {
    let header = Header {
        to,
        from: link.mac,
        kind: ARP,
    };
    effects.send_bytes(link, &[&header.to_bytes(), &message.to_bytes()]);
}

/// Makes a card's interface part of the stack; `host_name` is what the machine calls itself where it asks for an address.
pub fn start(interface: &Arc<Interface>, plan: &Plan, host_name: &[u8]) {
    link::interface::set_protocols(crate::input::receive);
    crate::watch::begin();
    crate::settings::begin();
    let abilities = interface.abilities();
    let index = interface.index as u32;
    let link = Link {
        index,
        interface: Arc::clone(interface),
        mac: interface.card.mac(),
        mtu: u32::MAX,
        mtu_newer: u32::MAX,
        automatic: plan.automatic,
        can_segment: abilities.cuts,
        can_sum: abilities.checksum,
        started: time::now(),
        client: None,
        lease: None,
        client_newer: None,
        given: None,
    };
    with(|stack, now, effects| {
        let mut link = link;
        if plan.automatic {
            link.ask_for_address(now, host_name);
        }
        effects.join(&link, [1, 0, 0x5e, 0, 0, 1], true);
        stack.links.push(link);
        let newer = plan.addresses.iter().any(|network| network.ip.is_ipv6());
        if (plan.automatic || newer) && !has_no_newer(index) {
            stack.begin_newer(now, index, plan.automatic, effects);
        }
        let allowed = |network: &&Network| network.ip.is_ipv4() || !has_no_newer(index);
        for network in plan.addresses.iter().filter(allowed) {
            stack.add_address(now, index, *network, effects);
        }
        for gateway in &plan.gateways {
            stack.routes.push(Entry {
                maker: maker::BOOT,
                ..Entry::new(Network::all(*gateway), Some(*gateway), index)
            });
        }
        stack.names.push(Names {
            interface: index,
            origin: Origin::Plan,
            servers: plan.nameservers.clone(),
            search: Vec::new(),
        });
        stack.tick(now, effects);
    });
}
