//! `NETLINK_ROUTE` (`rtnetlink(7)`): links, addresses, routes, neighbours, rules.

pub(crate) mod addresses;
pub(crate) mod links;
mod neighbours;
pub(crate) mod places;
pub(crate) mod routes;
mod rules;
pub(crate) mod said;

use crate::reply::{Reply, Told};
use crate::socket::{ROUTE, has_members, tell};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use link::{Event, Interface};
use netlink_view::{Header, Message, flag};

/// Kinds of messages: each is 16 and four times the number of what it is about, and whether it is new, to go, or asked for.
const LINK: u16 = 0;
const ADDRESS: u16 = 1;
const ROUTES: u16 = 2;
const NEIGHBOUR: u16 = 3;
const RULE: u16 = 4;

const NEW: u16 = 0;
const DELETE: u16 = 1;
const GET: u16 = 2;
const SET: u16 = 3;

pub(crate) const fn kind(about: u16, what: u16) -> u16 {
    16 + 4 * about + what
}

/// Groups (`RTNLGRP_*`).
const GROUP_LINK: u32 = 1;
const GROUP_ADDRESS_4: u32 = 5;
const GROUP_ROUTE_4: u32 = 7;
const GROUP_ADDRESS_6: u32 = 9;
const GROUP_ROUTE_6: u32 = 11;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

const UNKNOWN: Error = Error::new(Errno::EOPNOTSUPP, "routing has no such message");
const NO_INTERFACE: Error = Error::new(Errno::ENODEV, "no such interface");
const NONSENSE: Error = Error::new(Errno::EINVAL, "the message makes no sense");

/// Whether a message asks for something.
pub(crate) const fn asks(kind: u16) -> bool {
    kind % 4 == GET
}

/// Answers a message.
pub(crate) fn answer(message: &Message<'_>, may_change: bool, reply: &mut Reply) -> Result<()> {
    let number = message.header.kind.wrapping_sub(16);
    let (about, what) = (number / 4, number % 4);
    if what != GET && !may_change {
        return Err(Error::new(Errno::EPERM, "the network is for those with CAP_NET_ADMIN"));
    }
    let list = message.header.flags & flag::DUMP != 0;
    match (about, what) {
        (LINK, GET) => links::get(message, list, reply),
        (LINK, NEW | SET) => links::change(message, reply),
        (ADDRESS, GET) if list => addresses::list(message, reply),
        (ADDRESS, NEW) => addresses::add(message, reply),
        (ADDRESS, DELETE) => addresses::remove(message, reply),
        (ROUTES, GET) if list => routes::list(message, reply),
        (ROUTES, GET) => routes::find(message, reply),
        (ROUTES, NEW) => routes::add(message, reply),
        (ROUTES, DELETE) => routes::remove(message),
        (NEIGHBOUR, GET) if list => neighbours::list(message, reply),
        (NEIGHBOUR, GET) => neighbours::get(message, reply),
        (NEIGHBOUR, NEW) => neighbours::add(message),
        (NEIGHBOUR, DELETE) => neighbours::forget(message),
        (RULE, GET) if list => rules::list(message, reply),
        _ => Err(UNKNOWN),
    }
}

/// Has changes of interfaces told to the group for them.
pub(crate) fn watch() {
    link::interface::watch(changed);
}

fn changed(interface: &Arc<Interface>, event: Event) {
    if matches!(event, Event::Added | Event::Changed) {
        tell_of(GROUP_LINK, kind(LINK, NEW), |reply, kind| {
            links::show(reply, kind, interface)
        });
    }
}

/// Tells a group what `show` makes of a kind of message.
fn tell_of(group: u32, kind: u16, show: impl FnOnce(&mut Reply, u16)) {
    if !has_members(ROUTE, group) {
        return;
    }
    let mut reply = Reply::new(Header::default(), 0, false);
    show(&mut reply, kind);
    let message = Message {
        header: Header::default(),
        whole: &[],
    };
    for datagram in reply.end(&message, Ok(()), Told::default()) {
        tell(ROUTE, group, &datagram);
    }
}

pub(crate) const fn family_of(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

/// An address as its bytes.
pub(crate) fn bytes_of(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// An address from its bytes.
fn parse_ip(bytes: &[u8]) -> Result<IpAddr> {
    match bytes.len() {
        4 => Ok(IpAddr::from(*bytes.first_chunk::<4>().ok_or(NONSENSE)?)),
        16 => Ok(IpAddr::from(*bytes.first_chunk::<16>().ok_or(NONSENSE)?)),
        _ => Err(NONSENSE),
    }
}

/// Whether a list for a family (0 for all) has what is of another.
fn is_wanted(message: &Message<'_>, family: u8) -> bool {
    let wanted = message.body().first().copied().unwrap_or(0);
    wanted == 0 || wanted == family
}
