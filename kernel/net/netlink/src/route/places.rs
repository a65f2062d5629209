//! What there is: addresses, routes and neighbours. Those of cards are [`ip`]'s; what belongs to loopback, and the routes to the machine itself, follow from the addresses and are kept nowhere.

use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ip::{Entry, Kind, Manner, Network, State, maker};

/// The tables of routes to the machine's own addresses, and of all others.
pub(crate) const OWN: u8 = 255;
pub(crate) const MAIN: u8 = 254;

/// Scopes: everywhere, the link, the machine.
pub(crate) const EVERYWHERE: u8 = 0;
pub(crate) const LINK: u8 = 253;
const HOST: u8 = 254;

/// What a route of the newer protocol counts that says nothing of it: one that the machine makes, and one that somebody asks for.
const METRIC_6: u32 = 256;
const ASKED_METRIC_6: u32 = 1024;

pub(crate) const UNICAST: u8 = 1;
pub(crate) const LOCAL: u8 = 2;
pub(crate) const BROADCAST: u8 = 3;
pub(crate) const MULTICAST: u8 = 5;
pub(crate) const BLACKHOLE: u8 = 6;
pub(crate) const UNREACHABLE: u8 = 7;
pub(crate) const PROHIBIT: u8 = 8;
pub(crate) const THROW: u8 = 9;
/// Kinds of routes that programs make.
const KINDS: [(u8, Kind); 5] = [
    (UNICAST, Kind::Leads),
    (BLACKHOLE, Kind::Swallows),
    (UNREACHABLE, Kind::Nowhere),
    (PROHIBIT, Kind::Forbids),
    (THROW, Kind::Leaves),
];

/// What becomes of packets by a route of a kind, if such are made.
pub(crate) fn kind_of(number: u8) -> Option<Kind> {
    let known = KINDS.iter().find(|(known, _)| *known == number);
    known.map(|(_, kind)| *kind)
}

const LOOPBACK: i32 = 1;

/// `NUD_*`.
const INCOMPLETE: u16 = 1;
const REACHABLE: u16 = 2;
const STALE: u16 = 4;
const DELAY: u16 = 8;
const PROBE: u16 = 0x10;
const UNASKED: u16 = 0x40;
pub(crate) const PERMANENT: u16 = 0x80;

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) index: i32,
    pub(crate) ip: IpAddr,
    pub(crate) prefix: u8,
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

    /// Whether another one of its network came before it.
    pub(crate) fn is_second(&self) -> bool {
        let all = addresses();
        let mut before = all.iter().take_while(|other| *other != self);
        let place = |address: &Self| (address.index, address.prefix, address.network());
        self.ip.is_ipv4() && before.any(|other| place(other) == place(self))
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
    pub(crate) mtu: Option<u32>,
}

impl Route {
    pub(crate) fn scope(&self) -> u8 {
        match (self.destination, self.kind, self.gateway) {
            (IpAddr::V6(_), ..) => EVERYWHERE,
            (_, LOCAL, _) => HOST,
            (_, UNICAST, None) | (_, BROADCAST | MULTICAST, _) => LINK,
            _ => EVERYWHERE,
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
    let own = |index, ip, prefix| Address { index, ip, prefix };
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
        // Of the newer protocol, each address of a network has one.
        let same = |other: &Route| {
            order(other) == order(&route) && other.gateway == route.gateway && other.index == route.index
        };
        if route.destination.is_ipv6() && all.iter().any(same) {
            continue;
        }
        let at = all.iter().position(|other| order(other) > order(&route));
        all.insert(at.unwrap_or(all.len()), route);
    }
    for address in addresses() {
        all.extend(own_routes(&address));
    }
    all
}

/// A route of a card, or to nowhere.
fn shown(entry: &Entry) -> Route {
    let is_newer = entry.destination.ip.is_ipv6();
    let kind = KINDS.iter().find(|(_, kind)| *kind == entry.kind);
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
        kind: kind.map_or(UNICAST, |(number, _)| *number),
        maker: entry.maker,
        mtu: entry.mtu,
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
        kind: kind_of(route.kind).unwrap_or(Kind::Leads),
        maker: route.maker,
        mtu: route.mtu,
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
        maker: maker::KERNEL,
        mtu: None,
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

/// The route to an address, from a certain own address or by a certain interface if that is asked for.
pub(crate) fn find_route(destination: IpAddr, source: Option<IpAddr>, index: Option<i32>) -> Result<Route> {
    let asked = ip::Via {
        interface: index.map(|index| index as u32),
        is_asked: true,
        is_near: false,
    };
    let found = ip::route(destination, source, asked)?;
    let line = ip::line(destination, ip::Via::by(Some(found.interface)));
    let line = line.filter(|_| !found.is_local).as_ref().map(shown);
    let is_newer = destination.is_ipv6();
    let kind = match destination {
        _ if found.is_local => LOCAL,
        IpAddr::V4(_) if found.is_broadcast => BROADCAST,
        IpAddr::V4(ip) if ip.is_multicast() => MULTICAST,
        _ => UNICAST,
    };
    Ok(Route {
        destination,
        prefix: if is_newer { 128 } else { 32 },
        gateway: Some(found.next_hop).filter(|hop| *hop != destination),
        index: if found.is_local {
            LOOPBACK
        } else {
            found.interface as i32
        },
        source: Some(found.source),
        metric: line.filter(|_| is_newer).map_or(0, |line| line.metric),
        table: if found.is_local { OWN } else { MAIN },
        kind,
        maker: line.map_or(maker::KERNEL, |line| line.maker),
        mtu: line.and_then(|line| line.mtu),
    })
}

/// Whether somebody is reached without anybody between, by a certain interface if that is asked for.
fn is_near(ip: IpAddr, index: i32) -> bool {
    let index = Some(index as u32).filter(|index| *index != 0);
    ip::route(ip, None, ip::Via::by(index)).is_ok_and(|way| way.next_hop == ip && !way.is_local)
}

/// Everybody on the links who is known.
pub(crate) fn neighbours() -> Vec<Neighbour> {
    let state_of = |state| match state {
        State::Incomplete => INCOMPLETE,
        State::Reachable(_) => REACHABLE,
        State::Stale => STALE,
        State::Delay => DELAY,
        State::Probe => PROBE,
        State::Permanent => PERMANENT,
    };
    let shown = |known: ip::Known| Neighbour {
        index: known.interface as i32,
        ip: known.ip,
        hardware: known.mac,
        state: state_of(known.state),
    };
    ip::neighbours().into_iter().map(shown).collect()
}

/// Has somebody known by a program's word: for ever (`NUD_PERMANENT`, and `NUD_NOARP`, where nobody would be asked), or until it is heard of.
pub(crate) fn set_neighbour(index: i32, ip: IpAddr, hardware: [u8; 6], state: u16) -> Result<()> {
    let state = match state {
        PERMANENT | UNASKED => State::Permanent,
        REACHABLE => State::Reachable(0),
        0 | STALE | DELAY | PROBE => State::Stale,
        _ => return Err(Error::new(Errno::EINVAL, "a neighbour with an address is known")),
    };
    ip::set_neighbour(index as u32, ip, hardware, state)
}

/// Gives an interface an address, and has a route lead to its network if `leads`.
pub(crate) fn add_address(index: i32, ip: IpAddr, prefix: u8, leads: bool) -> Result<()> {
    if addresses()
        .iter()
        .any(|address| address.index == index && address.ip == ip)
    {
        return Err(Error::new(Errno::EEXIST, "the address is there already"));
    }
    ip::add_address(index as u32, Network { ip, prefix }, leads)
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

/// Adds a route. Its gateway is on a network of its interface, which need not be said then, unless it is `free` of that.
///
/// # Errors
/// In Linux's words, which programs show, where it has some.
pub(crate) fn add_route(mut route: Route, free: bool, manner: Manner) -> Result<Route> {
    let leads = kind_of(route.kind) == Some(Kind::Leads);
    if !leads {
        route.index = LOOPBACK;
    }
    if route.index != 0 || route.gateway.is_none() {
        link::interface::by_index(route.index).ok_or(Error::new(Errno::ENODEV, "a route needs an interface"))?;
    }
    if let Some(gateway) = route.gateway.filter(|_| leads) {
        let own = matches!(gateway, IpAddr::V6(ip) if ip.is_unicast_link_local());
        if !(route.index != 0 && (free || own) || is_near(gateway, route.index)) {
            return Err(Error::new(Errno::ENETUNREACH, "Nexthop has invalid gateway."));
        }
        if route.index == 0 {
            route.index = find_route(gateway, None, None)?.index;
        }
    }
    if leads {
        no_loopback(route.index)?;
    }
    if route.destination.is_ipv6() && route.metric == 0 {
        route.metric = ASKED_METRIC_6;
    }
    let wanted = entry(&route);
    if wanted.destination.masked() != wanted.destination {
        return Err(Error::new(Errno::EINVAL, "Invalid prefix for given prefix length."));
    }
    ip::add_route(wanted, manner)?;
    Ok(route)
}

/// Takes the first route away that is like one: what this does not say may be anything.
pub(crate) fn remove_route(route: &Route) -> Result<Route> {
    let wanted = entry(route);
    let fits = |known: &Entry| {
        known.destination == wanted.destination
            && (wanted.gateway.is_none() || known.gateway == wanted.gateway)
            && (wanted.interface == 0 || known.interface == wanted.interface)
            && (wanted.metric == 0 || shown(known).metric == wanted.metric)
            && (route.kind == 0 || known.kind == wanted.kind)
            && (route.maker == 0 || known.maker == wanted.maker)
    };
    let removed = ip::routes().iter().find(|known| fits(known)).map(shown);
    ip::remove_route(fits)?;
    Ok(removed.unwrap_or(*route))
}
