//! Which way leads where, and which own address is used.

use crate::clock;
use crate::network::{Network, common_bits};
use crate::settings::has_no_newer;
use crate::stack::Stack;
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

/// The way to an address.
///
/// # Errors
/// `ENETUNREACH`.
pub fn route(destination: IpAddr, source: Option<IpAddr>, interface: Option<u32>) -> Result<Route> {
    clock::change(|stack, now| {
        let wish = (destination, source, interface);
        if let Some(route) = stack.recent.route(now, &wish) {
            return Ok(route);
        }
        let route = stack.route(now, destination, source, interface)?;
        stack.recent.keep_route(now, wish, route);
        Ok(route)
    })
}

/// Whether an address is the machine's.
#[must_use]
pub fn is_own(ip: IpAddr) -> bool {
    is_loopback(ip) || clock::look(|stack| stack.is_own(ip))
}

impl Stack {
    pub(crate) fn route(&self, now: u64, to: IpAddr, source: Option<IpAddr>, interface: Option<u32>) -> Result<Route> {
        if self.is_own(to) {
            let is_broadcast = to == IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255));
            return Ok(Route {
                source: source.unwrap_or(if to.is_loopback() { loopback(to) } else { to }),
                interface: LOOPBACK,
                next_hop: to,
                mtu: LOOPBACK_MTU,
                is_local: true,
                is_broadcast,
                can_segment: false,
                can_sum: true,
            });
        }
        let entry = self.entry(to, interface);
        let (index, next_hop) = match entry {
            Some(entry) => (entry.interface, entry.gateway.unwrap_or(to)),
            None if is_for_many(to) => (self.interface_for_many(interface).ok_or(UNREACHABLE)?, to),
            None => return Err(UNREACHABLE),
        };
        let next_hop = if is_for_many(to) { to } else { next_hop };
        let link = self.link(index).ok_or(UNREACHABLE)?;
        let preferred = source.or(entry.and_then(|entry| entry.source));
        let source = match preferred {
            Some(source) => source,
            None => self.source_on(index, to, Some(next_hop)).ok_or(UNREACHABLE)?,
        };
        Ok(Route {
            source,
            interface: index,
            next_hop,
            mtu: (if to.is_ipv4() { link.mtu } else { link.mtu_newer })
                .min(link.interface.mtu())
                .min(self.paths.limit(now, to)),
            is_local: false,
            is_broadcast: self.is_broadcast(index, to),
            can_segment: link.can_segment[usize::from(to.is_ipv6())],
            can_sum: link.can_sum,
        })
    }

    /// The line of the table that counts: the most special one, then the cheapest.
    fn entry(&self, to: IpAddr, interface: Option<u32>) -> Option<&Entry> {
        let fits = |entry: &&Entry| {
            entry.destination.contains(to) && interface.is_none_or(|interface| interface == entry.interface)
        };
        let fitting = self.routes.iter().filter(fits);
        fitting.min_by_key(|entry| (Reverse(entry.destination.prefix), entry.metric))
    }

    /// Where packets to groups and to all go when no route says it.
    fn interface_for_many(&self, interface: Option<u32>) -> Option<u32> {
        interface.or_else(|| self.links.first().map(|link| link.index))
    }

    /// The own address of an interface that fits best: with the most in common with the next hop, then with the destination.
    pub(crate) fn source_on(&self, interface: u32, to: IpAddr, next_hop: Option<IpAddr>) -> Option<IpAddr> {
        let own = self.addresses.iter();
        let own = own.filter(|own| own.interface == interface && own.network.ip.is_ipv4() == to.is_ipv4());
        let rank = |ip: IpAddr| match (to, ip) {
            // Of the newer protocol one that reaches as far, then the one that is nearest (RFC 6724).
            (IpAddr::V6(to_newer), IpAddr::V6(own)) => {
                (u8::from(is_near(to_newer) == is_near(own)), common_bits(to, ip))
            }
            _ => (next_hop.map_or(0, |hop| common_bits(hop, ip)), common_bits(to, ip)),
        };
        own.map(|own| own.network.ip).max_by_key(|ip| rank(*ip))
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
