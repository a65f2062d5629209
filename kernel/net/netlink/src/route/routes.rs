//! Routes (`RTM_*ROUTE`).

use super::places::{self, BROADCAST, LOCAL, MAIN, MULTICAST, Route, UNICAST};
use super::{
    AF_INET, AF_INET6, DELETE, GROUP_ROUTE_4, GROUP_ROUTE_6, NEW, NONSENSE, ROUTES, bytes_of, family_of, is_wanted,
    kind, parse_ip, tell_of,
};
use crate::reply::Reply;
use abi::{Errno, Error, Result};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ip::Manner;
use netlink_view::{Builder, Message, flag, word32};

/// Bytes of `struct rtmsg`: family, bits of destination and source, type of service, table, who made it, scope, kind, flags.
const BODY: usize = 12;

/// It was copied from a table for one address; and that address is the machine's own.
const COPY: u32 = 0x200;
const FOR_ITSELF: u32 = 0x8000_0000;
/// It is everybody's on a network, or a group's.
const FOR_ALL: u32 = 0x1000_0000;
const FOR_GROUP: u32 = 0x2000_0000;
/// The gateway need not be on a network of the interface (`RTNH_F_ONLINK`).
const ON_LINK: u32 = 4;
/// Of what is measured (`RTAX_*`): what is not to change, and the longest packet.
const LOCKED: u16 = 1;
const MTU: u16 = 2;

/// `RTA_*`.
mod attribute {
    pub(crate) const DESTINATION: u16 = 1;
    pub(crate) const FROM: u16 = 2;
    pub(crate) const INTERFACE: u16 = 4;
    pub(crate) const GATEWAY: u16 = 5;
    pub(crate) const PRIORITY: u16 = 6;
    pub(crate) const SOURCE: u16 = 7;
    pub(crate) const METRICS: u16 = 8;
    pub(crate) const CACHE: u16 = 12;
    pub(crate) const TABLE: u16 = 15;
    pub(crate) const PREFERENCE: u16 = 20;
    pub(crate) const USER: u16 = 25;
}

pub(super) fn list(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    let body = message.body();
    let mut table = u32::from(body.get(4).copied().unwrap_or(0));
    let mut index = 0;
    for (kind, value) in message.attributes(BODY) {
        match kind {
            attribute::TABLE => table = word32(value, 0),
            attribute::INTERFACE => index = word32(value, 0) as i32,
            _ => {}
        }
    }
    for route in places::routes() {
        let wanted = (table == 0 || table == u32::from(route.table)) && (index == 0 || index == route.index);
        if wanted && is_wanted(message, family_of(route.destination)) {
            show(reply, kind(ROUTES, NEW), &route);
        }
    }
    Ok(())
}

fn show(reply: &mut Reply, kind: u16, route: &Route) {
    let family = family_of(route.destination);
    let body = [
        family,
        route.prefix,
        0,
        0,
        route.table,
        route.maker,
        route.scope(),
        route.kind,
        0,
        0,
        0,
        0,
    ];
    put(reply.message(kind, &body), route);
}

/// Adds what a route consists of.
fn put(answer: &mut Builder, route: &Route) {
    let family = family_of(route.destination);
    answer.number(attribute::TABLE, u32::from(route.table));
    if route.prefix > 0 {
        answer.attribute(attribute::DESTINATION, &bytes_of(route.destination));
    }
    if route.metric > 0 || family != AF_INET {
        answer.number(attribute::PRIORITY, route.metric);
    }
    if let Some(gateway) = route.gateway {
        answer.attribute(attribute::GATEWAY, &bytes_of(gateway));
    }
    if let Some(source) = route.source {
        answer.attribute(attribute::SOURCE, &bytes_of(source));
    }
    // Of the older protocol, what leads nowhere does so by no interface.
    let leads = [UNICAST, LOCAL, BROADCAST, MULTICAST].contains(&route.kind);
    if leads || family != AF_INET {
        answer.number(attribute::INTERFACE, route.index as u32);
    }
    if let Some(mtu) = route.mtu {
        // An attribute in an attribute.
        let [low, high] = MTU.to_ne_bytes();
        let [a, b, c, d] = mtu.to_ne_bytes();
        answer.attribute(attribute::METRICS, &[8, 0, low, high, a, b, c, d]);
    }
    if family != AF_INET {
        answer.attribute(attribute::CACHE, &[0; 32]);
        answer.attribute(attribute::PREFERENCE, &[0]);
    }
}

/// The way to an address (`ip route get`).
pub(super) fn find(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    let (mut destination, mut from) = (None, None);
    let mut index = None;
    for (kind, value) in message.attributes(BODY) {
        match kind {
            attribute::DESTINATION => destination = Some(parse_ip(value)?),
            attribute::FROM => from = Some(parse_ip(value)?),
            attribute::INTERFACE => index = Some(word32(value, 0) as i32),
            _ => {}
        }
    }
    let destination = destination.ok_or(NONSENSE)?;
    let route = places::find_route(destination, from, index)?;
    if destination.is_ipv6() {
        let body = [
            AF_INET6,
            128,
            128,
            0,
            route.table,
            route.maker,
            0,
            route.kind,
            0,
            0,
            0,
            0,
        ];
        let answer = reply.message(kind(ROUTES, NEW), &body);
        answer.attribute(attribute::FROM, &[0; 16]);
        put(answer, &route);
        return Ok(());
    }
    // The older protocol shows a copy of what it found, made for this address.
    let flags = match route.kind {
        LOCAL => FOR_ITSELF,
        BROADCAST => FOR_ITSELF | FOR_ALL,
        MULTICAST => FOR_GROUP,
        _ => 0,
    };
    let from_bits = if from.is_some() { 32 } else { 0 };
    let mut body = [AF_INET, 32, from_bits, 0, MAIN, 0, 0, route.kind, 0, 0, 0, 0];
    body[8..].copy_from_slice(&(COPY | flags).to_ne_bytes());
    let answer = reply.message(kind(ROUTES, NEW), &body);
    if let Some(from) = from {
        answer.attribute(attribute::FROM, &bytes_of(from));
    }
    let shown = Route {
        table: MAIN,
        source: route.source.filter(|source| from != Some(*source)),
        ..route
    };
    put(answer, &shown);
    let who = crate::socket::asking().map_or(0, |(_, who)| who.uid);
    answer.number(attribute::USER, who);
    answer.attribute(attribute::CACHE, &[0; 32]);
    Ok(())
}

/// The route that a message is about.
fn parse(message: &Message<'_>) -> Result<Route> {
    let body = message.body().first_chunk::<BODY>().ok_or(NONSENSE)?;
    let (any, most) = if body[0] == AF_INET {
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 32)
    } else {
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 128)
    };
    let mut route = Route {
        destination: any,
        prefix: body[1],
        gateway: None,
        index: 0,
        source: None,
        metric: 0,
        table: body[4],
        kind: body[7],
        maker: body[5],
        mtu: None,
    };
    for (kind, value) in message.attributes(BODY) {
        match kind {
            attribute::DESTINATION => route.destination = parse_ip(value)?,
            attribute::GATEWAY => route.gateway = Some(parse_ip(value)?),
            attribute::SOURCE => route.source = Some(parse_ip(value)?),
            attribute::INTERFACE => route.index = word32(value, 0) as i32,
            attribute::PRIORITY => route.metric = word32(value, 0),
            attribute::TABLE => route.table = u8::try_from(word32(value, 0)).unwrap_or(0),
            attribute::METRICS => route.mtu = parse_mtu(value)?,
            attribute::PREFERENCE => {}
            _ => return Err(Error::new(Errno::EOPNOTSUPP, "routes do not have that")),
        }
    }
    if family_of(route.destination) != body[0] || route.prefix > most {
        return Err(NONSENSE);
    }
    if ![0, MAIN].contains(&route.table) {
        return Err(Error::new(Errno::EOPNOTSUPP, "only the main table of routes changes"));
    }
    Ok(route)
}

/// The longest packet by a route; nothing else is kept of what can be measured.
fn parse_mtu(bytes: &[u8]) -> Result<Option<u32>> {
    let mut mtu = None;
    for (kind, value) in netlink_view::attributes(bytes) {
        match kind {
            LOCKED => {}
            MTU => mtu = Some(word32(value, 0)).filter(|mtu| *mtu > 0),
            _ => {
                return Err(Error::new(
                    Errno::EOPNOTSUPP,
                    "of what a route measures only the MTU is kept",
                ));
            }
        }
    }
    Ok(mtu)
}

pub(super) fn add(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    let mut route = parse(message)?;
    if route.kind == 0 {
        route.kind = UNICAST;
    }
    if places::kind_of(route.kind).is_none() {
        return Err(Error::new(Errno::EOPNOTSUPP, "no routes of that kind are made"));
    }
    let has = |flag: u16| message.header.flags & flag != 0;
    let manner = Manner {
        creates: has(flag::CREATE),
        replaces: has(flag::REPLACE),
        is_only: has(flag::EXCLUSIVE),
        is_last: has(flag::APPEND),
    };
    let free = word32(message.body(), 8) & ON_LINK != 0;
    make(route, free, manner).map_err(|error| match error.errno {
        Errno::ENETUNREACH | Errno::EINVAL => reply.say(error),
        _ => error,
    })
}

/// Adds a route, and tells of it.
pub(crate) fn make(route: Route, free: bool, manner: Manner) -> Result<()> {
    let made = places::add_route(route, free, manner)?;
    tell(kind(ROUTES, NEW), &made);
    Ok(())
}

pub(super) fn remove(message: &Message<'_>) -> Result<()> {
    take(&parse(message)?)
}

/// Takes a route away, and tells of it.
pub(crate) fn take(route: &Route) -> Result<()> {
    let removed = places::remove_route(route)?;
    tell(kind(ROUTES, DELETE), &removed);
    Ok(())
}

fn tell(kind: u16, route: &Route) {
    let group = if route.destination.is_ipv4() {
        GROUP_ROUTE_4
    } else {
        GROUP_ROUTE_6
    };
    tell_of(group, kind, |reply, kind| show(reply, kind, route));
}
