//! Cards that ask for their addresses, and those who wait for that.
//!
//! The application starts while cards still ask. A program that connects at once expects, as in a container, that the machine is configured; so who finds no way while a card asks for an address for the first
//! time ([`route_when_ready`]) or looks for name servers ([`resolver`](crate::resolver)) waits for the answer, for five seconds after the card's start at most. After that there is no way until there is one.

use crate::build::frame_of;
use crate::clock::look;
use crate::dhcp::{Client, Event, Lease, Letter};
use crate::names::{Names, Origin};
use crate::route::{Entry, Route, Via, is_near, maker, route};
use crate::stack::{Effects, Link, Stack, send_arp};
use abi::{Errno, Result};
use core::net::{IpAddr, Ipv4Addr};
use lock::Once;
use packet::arp::Message;
use packet::dhcp::{CLIENT, SERVER};
use packet::ethernet::{self, BROADCAST, IPV4};
use packet::{ipv4, udp};
use task::{WaitQueue, wait_until};

/// How long after a card's start programs wait for its configuration.
pub(crate) const PATIENCE: u64 = 5_000_000_000;
/// The same for the newer protocol, which many networks do not have.
pub(crate) const PATIENCE_NEWER: u64 = 1_000_000_000;

/// Who waits for a configuration.
pub(crate) static CONFIGURED: WaitQueue = WaitQueue::new();
/// Who is told what the machine is called.
static NAMED: Once<fn(&[u8])> = Once::new();

/// Says who is told what a server calls the machine.
pub fn set_name_hook(hook: fn(&[u8])) {
    let _ = NAMED.set(hook);
}

/// The way to an address, as [`route`]; who asks while the machine is being configured waits for that, also where the only address so far does not reach far enough.
///
/// # Errors
/// `ENETUNREACH`; `ERESTARTSYS` when a signal comes.
pub fn route_when_ready(destination: IpAddr, source: Option<IpAddr>, via: Via) -> Result<Route> {
    let found = route(destination, source, via);
    let is_poor = match (&found, destination) {
        (Err(error), _) => error.errno == Errno::ENETUNREACH,
        (Ok(route), IpAddr::V6(to)) => {
            let own = route.source;
            source.is_none() && !is_near(to) && matches!(own, IpAddr::V6(own) if own.is_unicast_link_local())
        }
        _ => false,
    };
    if is_poor && wait(|stack, now| stack.configuring_until(now, destination.is_ipv6()))? {
        return route(destination, source, via);
    }
    found
}

/// Waits while the machine is being configured, until a time that may change meanwhile; whether there was anything to wait for.
pub(crate) fn wait(until: impl Fn(&Stack, u64) -> Option<u64>) -> Result<bool> {
    let mut waited = false;
    while let Some(end) = look(|stack| until(stack, time::now())) {
        waited = true;
        let changed = || (look(|stack| until(stack, time::now())) != Some(end)).then_some(());
        match wait_until(&[&CONFIGURED], Some(end), changed) {
            Err(error) if error.errno == Errno::ETIMEDOUT => break,
            result => result?,
        }
    }
    Ok(waited)
}

impl Stack {
    /// Until when programs wait for a configuration, if there is one under way.
    fn configuring_until(&self, now: u64, newer: bool) -> Option<u64> {
        if !newer {
            return self.asking_until(now, PATIENCE);
        }
        let until = self.links.iter().filter_map(|link| match link.index {
            index if self.is_looking(index) => Some(link.started + PATIENCE),
            index if self.is_asking_routers(index) => Some(link.started + PATIENCE_NEWER),
            _ => None,
        });
        until.filter(|until| *until > now).max()
    }

    /// Until when programs wait so long for an address of the older protocol, if a card asks for one.
    pub(crate) fn asking_until(&self, now: u64, patience: u64) -> Option<u64> {
        let asking = |link: &&Link| link.client.as_ref().is_some_and(|client| !client.is_bound());
        let until = self.links.iter().filter(asking).map(|link| link.started + patience);
        until.filter(|until| *until > now).max()
    }

    /// Has cards ask what is due.
    pub(crate) fn tick_clients(&mut self, now: u64, effects: &mut Effects) {
        for at in 0..self.links.len() {
            let mut random = [0; 4];
            let Some(client) = &mut self.links[at].client else {
                continue;
            };
            if client.next() > now {
                continue;
            }
            random::fill(&mut random);
            let (event, letter) = client.tick(now, u32::from_ne_bytes(random));
            self.apply(now, at, event, effects);
            if let Some(letter) = letter {
                self.send_letter(now, at, &letter, effects);
            }
        }
    }

    pub(crate) fn send_letter(&mut self, now: u64, at: usize, letter: &Letter, effects: &mut Effects) {
        let link = &self.links[at];
        let (source, destination) = letter.ends.unwrap_or((Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST));
        let header = udp::Header {
            source: CLIENT,
            destination: SERVER,
            has_checksum: true,
        };
        let header = header.summed(source.into(), destination.into(), &letter.bytes);
        let mut bytes = [0; ipv4::LONGEST];
        let len = ipv4::Header {
            traffic_class: 0,
            identification: 0,
            dont_fragment: true,
            more_fragments: false,
            offset: 0,
            hop_limit: 64,
            protocol: udp::PROTOCOL,
            source,
            destination,
            options: &[],
        }
        .write(header.len() + letter.bytes.len(), &mut bytes);
        let key = (link.index, IpAddr::V4(destination));
        let (to, question) = if destination.is_broadcast() {
            (Some(BROADCAST), None)
        } else {
            let hop = self
                .route(now, key.1, None, Via::by(Some(key.0)))
                .map(|route| route.next_hop);
            self.neighbours.look_up(now, (key.0, hop.unwrap_or(key.1)))
        };
        let ethernet = ethernet::Header {
            to: to.unwrap_or_default(),
            from: self.links[at].mac,
            kind: IPV4,
        };
        let pieces: [&[u8]; 4] = [&ethernet.to_bytes(), &bytes[..len], &header, &letter.bytes];
        let Some(frame) = frame_of(&pieces) else { return };
        match (to, question) {
            (Some(_), _) => effects.send(&self.links[at], frame),
            (None, Some(question)) => {
                let _ = self.neighbours.hold(question.key, frame);
                self.ask(&question, effects);
            }
            (None, None) => {}
        }
    }

    /// An answer of a server may have come.
    pub(crate) fn hear_server(&mut self, now: u64, interface: u32, bytes: &[u8], effects: &mut Effects) {
        let Some(at) = self.links.iter().position(|link| link.index == interface) else {
            return;
        };
        let Some(client) = &mut self.links[at].client else {
            return;
        };
        let event = client.receive(now, bytes);
        self.apply(now, at, event, effects);
        // What follows from an offer is due at once.
        self.tick_clients(now, effects);
    }

    fn apply(&mut self, now: u64, at: usize, event: Event, effects: &mut Effects) {
        let index = self.links[at].index;
        let lease = match event {
            Event::Nothing => return,
            Event::Lost => None,
            Event::Got(lease) => Some(lease),
        };
        let before = self.links[at].lease.take();
        let same = |one: &Lease, other: &Lease| (one.network, &one.routes) == (other.network, &other.routes);
        let stays = matches!((&before, &lease), (Some(before), Some(lease)) if same(before, lease));
        if let Some(before) = before.filter(|_| !stays) {
            self.withdraw(index, &before);
        }
        self.names
            .retain(|names| names.interface != index || names.origin != Origin::Server);
        if let Some(lease) = lease {
            if !stays {
                self.install(now, at, &lease, effects);
            }
            self.names.push(Names {
                interface: index,
                origin: Origin::Server,
                servers: lease.nameservers.clone(),
                search: lease.domain.clone(),
            });
            effects.configured = true;
            effects.name.clone_from(&lease.host_name);
            self.links[at].lease = Some(lease);
        }
    }

    /// Somebody says that he has an address of an interface: if a server gave it just now, it is given up.
    pub(crate) fn hear_of_taken(&mut self, now: u64, index: u32, ip: Ipv4Addr, effects: &mut Effects) {
        let Some(at) = self.links.iter().position(|link| link.index == index) else {
            return;
        };
        let client = self.links[at].client.as_mut();
        if let Some(letter) = client.and_then(|client| client.is_taken(now, ip)) {
            self.apply(now, at, Event::Lost, effects);
            self.send_letter(now, at, &letter, effects);
        }
    }

    fn withdraw(&mut self, index: u32, lease: &Lease) {
        self.remove_address(index, lease.network.ip);
        let given = |route: &Entry| lease.routes.iter().any(|(to, _)| *to == route.destination);
        self.routes.retain(|route| route.interface != index || !given(route));
    }

    fn install(&mut self, now: u64, at: usize, lease: &Lease, effects: &mut Effects) {
        let index = self.links[at].index;
        trace::info!("eth{at} has {}/{}", lease.network.ip, lease.network.prefix);
        self.links[at].mtu = lease.mtu.unwrap_or(u32::MAX);
        if let IpAddr::V4(target_ip) = lease.network.ip {
            // Whoever has it says so; it is used meanwhile.
            let probe = Message {
                is_reply: false,
                sender: self.links[at].mac,
                sender_ip: Ipv4Addr::UNSPECIFIED,
                target: [0; 6],
                target_ip,
            };
            send_arp(&self.links[at], BROADCAST, &probe, effects);
        }
        self.add_address(now, index, lease.network, effects);
        for (destination, gateway) in &lease.routes {
            let gateway = Some(*gateway).filter(|ip| !ip.is_unspecified());
            self.routes.push(Entry {
                source: Some(lease.network.ip),
                maker: maker::DHCP,
                ..Entry::new(*destination, gateway, index)
            });
        }
    }
}

impl Link {
    /// Has the card ask for an address.
    pub(crate) fn ask_for_address(&mut self, now: u64, host_name: &[u8]) {
        self.client = Some(Client::new(now, self.mac, host_name.to_vec()));
    }
}

/// Tells those who wait, and who is to know the machine's name.
pub(crate) fn announce(name: &[u8]) {
    CONFIGURED.wake_all();
    if let Some(hook) = NAMED.get().filter(|_| !name.is_empty()) {
        hook(name);
    }
}
