//! What there is: addresses, routes and neighbours. Those of cards are [`ip`]'s; what belongs to loopback, and the routes to the machine itself, follow from the addresses and are kept nowhere.

use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ip::{Entry, Network, State};

/// The tables of routes to the machine's own addresses, and of all others.
pub(crate) const OWN: u8 = 255;
pub(crate) const MAIN: u8 = 254;

/// Scopes: everywhere, the link, the machine.
pub(crate) const EVERYWHERE: u8 = 0;
pub(crate) const LINK: u8 = 253;
const HOST: u8 = 254;

/// Who makes routes: the kernel, and what began the machine.
const KERNEL: u8 = 2;
const BOOT: u8 = 3;
/// What a route of the newer protocol counts that says nothing of it.
const METRIC_6: u32 = 256;

pub(crate) const UNICAST: u8 = 1;
pub(crate) const LOCAL: u8 = 2;
pub(crate) const BROADCAST: u8 = 3;

const LOOPBACK: i32 = 1;

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) index: i32,
    pub(crate) ip: IpAddr,
    pub(crate) prefix: u8,
    /// Seconds that it lasts, if it ends.
    pub(crate) lifetime: Option<u32>,
}

impl Address {
    pub(crate) fn scope(&self) -> u8 {
        match self.ip {
            ip if ip.is_loopback() => HOST,
            IpAddr::V4(ip) if ip.is_link_local() => LINK,
            IpAddr::V6(ip) if ip.is_unicast_link_local() => LINK,
            _ => EVERYWHERE,
        }
    }

    /// Everybody on its network.
    pub(crate) fn broadcast(&self) -> Option<IpAddr> {
        match self.ip {
            IpAddr::V4(ip) if self.prefix < 31 && self.index != LOOPBACK => {
                Some(Ipv4Addr::from(ip.to_bits() | self.host_bits()).into())
            }
            _ => None,
        }
    }

    /// The bits of an older address that are the machine's own.
    pub(crate) fn host_bits(&self) -> u32 {
        u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0)
    }

    /// Its network.
    fn network(&self) -> IpAddr {
        match self.ip {
            IpAddr::V4(ip) => Ipv4Addr::from(ip.to_bits() & !self.host_bits()).into(),
            IpAddr::V6(ip) => {
                let host = u128::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                Ipv6Addr::from(ip.to_bits() & !host).into()
            }
        }
    }
}

/// A line of a table of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) destination: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) index: i32,
    pub(crate) source: Option<IpAddr>,
    pub(crate) metric: u32,
    pub(crate) table: u8,
    pub(crate) kind: u8,
    pub(crate) maker: u8,
}

impl Route {
    pub(crate) fn scope(&self) -> u8 {
        match (self.destination, self.kind, self.gateway) {
            (IpAddr::V6(_), ..) => EVERYWHERE,
            (_, LOCAL, _) => HOST,
            (_, UNICAST, Some(_)) => EVERYWHERE,
            _ => LINK,
        }
    }
}

/// Somebody on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) index: i32,
    pub(crate) ip: IpAddr,
    pub(crate) hardware: Option<[u8; 6]>,
    /// `NUD_*`.
    pub(crate) state: u16,
}

/// All addresses: those of loopback, then those of cards.
pub(crate) fn addresses() -> Vec<Address> {
    let own = |index, ip, prefix| Address {
        index,
        ip,
        prefix,
        lifetime: None,
    };
    let cards = ip::addresses();
    let mut all = Vec::new();
    // The older protocol's first, as in lists of Linux.
    for (is_newer, of_loopback) in [
        (false, own(LOOPBACK, IpAddr::V4(Ipv4Addr::LOCALHOST), 8)),
        (true, own(LOOPBACK, IpAddr::V6(Ipv6Addr::LOCALHOST), 128)),
    ] {
        all.push(of_loopback);
        for address in cards.iter().filter(|address| address.network.ip.is_ipv6() == is_newer) {
            all.push(own(
                address.interface as i32,
                address.network.ip,
                address.network.prefix,
            ));
        }
    }
    all
}

/// All routes: those of the main table, then those to the machine itself.
pub(crate) fn routes() -> Vec<Route> {
    let order = |route: &Route| {
        (
            route.destination.is_ipv6(),
            route.destination,
            route.prefix,
            route.metric,
        )
    };
    let mut all: Vec<Route> = Vec::new();
    for entry in &ip::routes() {
        let route = shown(entry);
        let at = all.iter().position(|other| order(other) > order(&route));
        all.insert(at.unwrap_or(all.len()), route);
    }
    for address in addresses() {
        all.extend(own_routes(&address));
    }
    all
}

/// A route of a card.
fn shown(entry: &Entry) -> Route {
    let is_newer = entry.destination.ip.is_ipv6();
    // What follows from an address is the kernel's; of the rest nobody remembers.
    let from_address = entry.gateway.is_none() && entry.destination.prefix > 0;
    Route {
        destination: entry.destination.ip,
        prefix: entry.destination.prefix,
        gateway: entry.gateway,
        index: entry.interface as i32,
        source: entry.source.filter(|_| !is_newer),
        metric: match entry.metric {
            0 if is_newer => METRIC_6,
            metric => metric,
        },
        table: MAIN,
        kind: UNICAST,
        maker: if from_address { KERNEL } else { BOOT },
    }
}

/// A route as the stack keeps it.
fn entry(route: &Route) -> Entry {
    Entry {
        destination: Network {
            ip: route.destination,
            prefix: route.prefix,
        },
        gateway: route.gateway,
        interface: route.index as u32,
        source: route.source,
        metric: route.metric,
    }
}

/// The routes to the machine itself that an address makes.
fn own_routes(address: &Address) -> Vec<Route> {
    let route = |destination, prefix, kind| Route {
        destination,
        prefix,
        gateway: None,
        index: address.index,
        source: address.ip.is_ipv4().then_some(address.ip),
        metric: 0,
        table: OWN,
        kind,
        maker: KERNEL,
    };
    let IpAddr::V4(ip) = address.ip else {
        return alloc::vec![route(address.ip, 128, LOCAL)];
    };
    let mut all = Vec::new();
    if ip.is_loopback() {
        all.push(route(address.network(), address.prefix, LOCAL));
    }
    all.push(route(address.ip, 32, LOCAL));
    if address.prefix < 31 {
        let last = Ipv4Addr::from(ip.to_bits() | address.host_bits());
        all.push(route(last.into(), 32, BROADCAST));
    }
    all
}

/// The route to an address.
pub(crate) fn find_route(destination: IpAddr, index: Option<i32>) -> Result<Route> {
    let asked = ip::Via {
        interface: index.map(|index| index as u32),
        is_asked: true,
        is_near: false,
    };
    let found = ip::route(destination, None, asked)?;
    Ok(Route {
        destination,
        prefix: if destination.is_ipv4() { 32 } else { 128 },
        gateway: Some(found.next_hop).filter(|hop| *hop != destination),
        index: if found.is_local {
            LOOPBACK
        } else {
            found.interface as i32
        },
        source: Some(found.source),
        metric: 0,
        table: if found.is_local { OWN } else { MAIN },
        kind: if found.is_local { LOCAL } else { UNICAST },
        maker: KERNEL,
    })
}

/// Everybody on the links who is known.
pub(crate) fn neighbours() -> Vec<Neighbour> {
    let state_of = |state| match state {
        State::Incomplete => 1,
        State::Reachable(_) => 2,
        State::Stale => 4,
        State::Delay => 8,
        State::Probe => 0x10,
    };
    let shown = |known: ip::Known| Neighbour {
        index: known.interface as i32,
        ip: known.ip,
        hardware: known.mac,
        state: state_of(known.state),
    };
    ip::neighbours().into_iter().map(shown).collect()
}

pub(crate) fn add_address(index: i32, ip: IpAddr, prefix: u8) -> Result<()> {
    if addresses()
        .iter()
        .any(|address| address.index == index && address.ip == ip)
    {
        return Err(Error::new(Errno::EEXIST, "the address is there already"));
    }
    ip::add_address(index as u32, Network { ip, prefix })
}

pub(crate) fn remove_address(index: i32, ip: IpAddr) -> Result<()> {
    if ip == IpAddr::V4(Ipv4Addr::LOCALHOST) || ip == IpAddr::V6(Ipv6Addr::LOCALHOST) {
        no_loopback(index)?;
    }
    ip::remove_address(index as u32, ip)
}

fn no_loopback(index: i32) -> Result<()> {
    if index == LOOPBACK {
        return Err(Error::new(Errno::EOPNOTSUPP, "the addresses of loopback are fixed"));
    }
    Ok(())
}

/// Adds a route, in the place of the one that is there if `replace`.
pub(crate) fn add_route(route: &Route, replace: bool) -> Result<()> {
    no_loopback(route.index)?;
    let wanted = entry(route);
    if wanted.destination.masked() != wanted.destination {
        return Err(Error::new(Errno::EINVAL, "the destination has bits behind its prefix"));
    }
    if replace {
        // There need not be one.
        let _ = ip::remove_route(|known| (known.destination, known.metric) == (wanted.destination, wanted.metric));
    }
    ip::add_route(wanted)
}

/// Takes the first route away that is like one: what this does not say may be anything.
pub(crate) fn remove_route(route: &Route) -> Result<Route> {
    let wanted = entry(route);
    let fits = |known: &Entry| {
        known.destination == wanted.destination
            && (wanted.gateway.is_none() || known.gateway == wanted.gateway)
            && (wanted.interface == 0 || known.interface == wanted.interface)
            && (wanted.metric == 0 || known.metric == wanted.metric)
    };
    let removed = ip::routes().iter().find(|known| fits(known)).map(shown);
    ip::remove_route(fits)?;
    Ok(removed.unwrap_or(*route))
}
