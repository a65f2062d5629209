//! Which way leads where, and which own address is used.

use crate::clock;
use crate::network::{Network, common_bits};
use crate::settings::has_no_newer;
use crate::stack::{Link, Stack};
use abi::{Errno, Error, Result};
use core::cmp::Reverse;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The number of the interface that leads to the machine itself.
pub const LOOPBACK: u32 = 1;
/// The largest packet to the machine itself.
pub(crate) const LOOPBACK_MTU: u32 = 65536;

const UNREACHABLE: Error = Error::new(Errno::ENETUNREACH, "no way leads to the address");

/// A line of the table of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whereto.
    pub destination: Network,
    /// By whom; nobody if the destination is on the local network.
    pub gateway: Option<IpAddr>,
    /// By which interface.
    pub interface: u32,
    /// The own address that is used.
    pub source: Option<IpAddr>,
    /// Of two to the same destination the one with less counts.
    pub metric: u32,
    /// What becomes of packets.
    pub kind: Kind,
    /// Who made it (`RTPROT_*`).
    pub maker: u8,
    /// The longest packet, if that is said.
    pub mtu: Option<u32>,
}

impl Entry {
    /// A line of the kernel's own, to a gateway or to the local network.
    #[must_use]
    pub const fn new(destination: Network, gateway: Option<IpAddr>, interface: u32) -> Self {
        Self {
            destination,
            gateway,
            interface,
            source: None,
            metric: 0,
            kind: Kind::Leads,
            maker: maker::KERNEL,
            mtu: None,
        }
    }
}

/// Who makes routes (`RTPROT_*`).
pub mod maker {
    /// Who sent a packet by a way that is not the best.
    pub const REDIRECT: u8 = 1;
    /// An address.
    pub const KERNEL: u8 = 2;
    /// What began the machine.
    pub const BOOT: u8 = 3;
    /// A router's advertisement.
    pub const ROUTER: u8 = 9;
    /// Who gave the address.
    pub const DHCP: u8 = 16;
}

/// What becomes of packets for a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They go.
    Leads,
    /// They are dropped (`blackhole`): the program's call is invalid.
    Swallows,
    /// Nobody is there (`unreachable`).
    Nowhere,
    /// It is not allowed (`prohibit`).
    Forbids,
    /// Another table would say it (`throw`), of which there is none.
    Leaves,
}

impl Kind {
    /// What programs are told that send there.
    const fn error(self) -> Option<Error> {
        match self {
            Self::Leads => None,
            Self::Swallows => Some(Error::new(Errno::EINVAL, "packets to the address are dropped")),
            Self::Nowhere => Some(Error::new(Errno::EHOSTUNREACH, "the address is not to be reached")),
            Self::Forbids => Some(Error::new(Errno::EACCES, "the address is forbidden")),
            Self::Leaves => Some(UNREACHABLE),
        }
    }
}

/// The way to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The own address that is used.
    pub source: IpAddr,
    /// By which interface.
    pub interface: u32,
    /// Who gets the packet first.
    pub next_hop: IpAddr,
    /// The longest packet that the way takes, with its IP header.
    pub mtu: u32,
    /// It leads to the machine itself.
    pub is_local: bool,
    /// It leads to everybody on the local network.
    pub is_broadcast: bool,
    /// Large TCP packets may be left to the card to cut ([`Offload::segment`](crate::Offload)).
    pub can_segment: bool,
    /// Checksums may be left to the card at no cost.
    pub can_sum: bool,
}

/// What is said of a packet's way besides where it leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Via {
    /// By which interface.
    pub interface: Option<u32>,
    /// A program asks for that interface: of the older protocol, what no route leads to is taken to be on its network, and all the world to be the machine itself where that is loopback.
    pub is_asked: bool,
    /// Nobody is to pass it on.
    pub is_near: bool,
}

impl Via {
    /// By an interface, because that is where something came from or the only one that is meant.
    #[must_use]
    pub const fn by(interface: Option<u32>) -> Self {
        Self {
            interface,
            is_asked: false,
            is_near: false,
        }
    }
}

/// The way to an address.
///
/// # Errors
/// `ENETUNREACH`, `ENODEV`; `EINVAL` for an own address that does not leave the machine.
pub fn route(destination: IpAddr, source: Option<IpAddr>, via: Via) -> Result<Route> {
    clock::change(|stack, now| {
        let wish = (destination, source, via);
        if let Some(route) = stack.recent.route(now, &wish) {
            return Ok(route);
        }
        let route = stack.route(now, destination, source, via)?;
        stack.recent.keep_route(now, wish, route);
        Ok(route)
    })
}

/// The line of the table that leads to an address, if one does.
#[must_use]
pub fn line(destination: IpAddr, via: Via) -> Option<Entry> {
    clock::look(|stack| stack.entry(destination, via).copied())
}

/// The interface whose address is one of the machine's, if it is; only a certain one if that is asked for.
#[must_use]
pub fn owner(ip: IpAddr, asked: Option<u32>) -> Option<u32> {
    if is_loopback(ip) {
        return Some(LOOPBACK).filter(|owner| asked.is_none_or(|asked| asked == *owner));
    }
    clock::look(|stack| stack.owner(ip, asked))
}

/// Whether an address is the machine's.
#[must_use]
pub fn is_own(ip: IpAddr) -> bool {
    is_loopback(ip) || clock::look(|stack| stack.is_own(ip))
}

impl Stack {
    pub(crate) fn route(&self, now: u64, to: IpAddr, source: Option<IpAddr>, via: Via) -> Result<Route> {
        if let Some(interface) = self.owner(to, via.interface) {
            let is_broadcast = to == IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255));
            return Ok(Route {
                source: source.unwrap_or(if to.is_loopback() { loopback(to) } else { to }),
                interface,
                next_hop: to,
                mtu: LOOPBACK_MTU,
                is_local: true,
                is_broadcast,
                can_segment: false,
                can_sum: true,
            });
        }
        let entry = self.entry(to, via);
        if let Some(error) = entry.and_then(|entry| entry.kind.error()) {
            return Err(error);
        }
        let (index, next_hop) = match entry {
            Some(entry) => (entry.interface, entry.gateway.unwrap_or(to)),
            None if via.is_asked && via.interface.is_some() => return self.assumed(now, to, source, via),
            None if is_for_many(to) => (self.interface_for_many(via.interface).ok_or(UNREACHABLE)?, to),
            None => return Err(UNREACHABLE),
        };
        let next_hop = if is_for_many(to) { to } else { next_hop };
        let link = self.link(index).ok_or(UNREACHABLE)?;
        let preferred = source.or(entry.and_then(|entry| entry.source));
        let source = match preferred {
            Some(source) => source,
            None => self.source_on(index, to, Some(next_hop)).ok_or(UNREACHABLE)?,
        };
        let mut way = self.by_link(now, link, source, to, next_hop)?;
        if let Some(mtu) = entry.and_then(|entry| entry.mtu) {
            way.mtu = way.mtu.min(mtu);
        }
        Ok(way)
    }

    /// The way by a certain interface.
    fn by_link(&self, now: u64, link: &Link, source: IpAddr, to: IpAddr, next_hop: IpAddr) -> Result<Route> {
        if source.is_ipv4() && source.is_loopback() {
            return Err(Error::new(Errno::EINVAL, "the own address does not leave the machine"));
        }
        Ok(Route {
            source,
            interface: link.index,
            next_hop,
            mtu: (if to.is_ipv4() { link.mtu } else { link.mtu_newer })
                .min(link.interface.mtu())
                .min(self.paths.limit(now, to)),
            is_local: false,
            is_broadcast: self.is_broadcast(link.index, to),
            can_segment: link.can_segment[usize::from(to.is_ipv6())],
            can_sum: link.can_sum,
        })
    }

    /// The way by an interface that a program asks for and that no route knows, as Linux has it.
    #[cold]
    #[inline(never)]
    fn assumed(&self, now: u64, to: IpAddr, source: Option<IpAddr>, via: Via) -> Result<Route> {
        let index = via.interface.unwrap_or_default();
        let link = self.link(index);
        if to.is_ipv6() {
            let link = link.filter(|_| is_for_many(to)).ok_or(UNREACHABLE)?;
            let source = source.or_else(|| self.source_on(index, to, Some(to)));
            return self.by_link(now, link, source.ok_or(UNREACHABLE)?, to, to);
        }
        let mut all = self.addresses.iter().map(|own| own.network.ip);
        let source = source
            .or_else(|| self.source_on(index, to, Some(to)))
            .or_else(|| all.find(IpAddr::is_ipv4))
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        match link {
            Some(link) => self.by_link(now, link, source, to, to),
            None if index == LOOPBACK => Ok(Route {
                source,
                interface: LOOPBACK,
                next_hop: to,
                mtu: LOOPBACK_MTU,
                is_local: !is_for_many(to),
                is_broadcast: to == IpAddr::V4(Ipv4Addr::BROADCAST),
                can_segment: false,
                can_sum: true,
            }),
            None => Err(Error::new(Errno::ENODEV, "no such interface")),
        }
    }

    /// The line of the table that counts: the most special one, then the cheapest.
    fn entry(&self, to: IpAddr, via: Via) -> Option<&Entry> {
        let fits = |entry: &&Entry| {
            entry.destination.contains(to)
                && (entry.kind != Kind::Leads || via.interface.is_none_or(|interface| interface == entry.interface))
                && !(via.is_near && entry.gateway.is_some())
        };
        let fitting = self.routes.iter().filter(fits);
        fitting.min_by_key(|entry| (Reverse(entry.destination.prefix), entry.metric))
    }

    /// Has a route lead to a network of an interface: of the older protocol, if none does.
    pub(crate) fn lead_to(&mut self, network: Network, interface: u32, source: IpAddr) {
        let destination = network.masked();
        let leads = |route: &Entry| {
            (route.destination, route.interface) == (destination, interface)
                && route.gateway.is_none()
                && route.kind == Kind::Leads
        };
        if source.is_ipv4() && self.routes.iter().any(leads) {
            return;
        }
        self.routes.push(Entry {
            source: Some(source),
            ..Entry::new(destination, None, interface)
        });
    }

    /// Where packets to groups and to all go when no route says it.
    fn interface_for_many(&self, interface: Option<u32>) -> Option<u32> {
        interface.or_else(|| self.links.first().map(|link| link.index))
    }

    /// The own address of an interface that fits best: of the older protocol the first on the next hop's network, or just the first.
    pub(crate) fn source_on(&self, interface: u32, to: IpAddr, next_hop: Option<IpAddr>) -> Option<IpAddr> {
        let own = self.addresses.iter();
        let mut own = own.filter(|own| own.interface == interface && own.network.ip.is_ipv4() == to.is_ipv4());
        let IpAddr::V6(to_newer) = to else {
            let mut others = own.clone();
            let near = own.find(|own| own.network.contains(next_hop.unwrap_or(to)));
            return near.or_else(|| others.next()).map(|own| own.network.ip);
        };
        // Of the newer one it reaches as far, then it is the nearest (RFC 6724).
        let rank = |ip: &IpAddr| match ip {
            IpAddr::V6(own) => (is_near(to_newer) == is_near(*own), common_bits(to, *ip)),
            IpAddr::V4(_) => (false, 0),
        };
        own.map(|own| own.network.ip).max_by_key(rank)
    }
}

/// Whether an address is the loopback interface's, which has none of the newer protocol where it is to have nothing to do with that.
pub(crate) fn is_loopback(ip: IpAddr) -> bool {
    ip.is_loopback() && (ip.is_ipv4() || !has_no_newer(LOOPBACK))
}

/// Whether an address is everybody's, or a group's.
pub(crate) fn is_for_many(ip: IpAddr) -> bool {
    ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Whether an address of the newer protocol means something on the local network only.
pub(crate) fn is_near(ip: Ipv6Addr) -> bool {
    ip.is_unicast_link_local() || ip.is_multicast() && ip.octets()[1] & 0xf <= 2
}

const fn loopback(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    }
}
