//! Interfaces (`RTM_*LINK`).

use super::{LINK, NEW, NO_INTERFACE, NONSENSE, kind};
use crate::reply::Reply;
use abi::{Errno, Error, Result};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use link::{Interface, interface};
use netlink_view::{Attribute, Message, word16, word32};

/// Bytes of `struct ifinfomsg`: family, type, index, flags, which flags change.
const BODY: usize = 16;

/// `IFLA_*`.
mod attribute {
    pub(crate) const ADDRESS: u16 = 1;
    pub(crate) const BROADCAST: u16 = 2;
    pub(crate) const NAME: u16 = 3;
    pub(crate) const MTU: u16 = 4;
    pub(crate) const DISCIPLINE: u16 = 6;
    pub(crate) const COUNTERS: u16 = 7;
    pub(crate) const QUEUE_LEN: u16 = 13;
    pub(crate) const STATE: u16 = 16;
    pub(crate) const MODE: u16 = 17;
    pub(crate) const COUNTERS_64: u16 = 23;
    pub(crate) const OF_FAMILIES: u16 = 26;
    pub(crate) const GROUP: u16 = 27;
    pub(crate) const PROMISCUITY: u16 = 30;
    pub(crate) const SENDING_QUEUES: u16 = 31;
    pub(crate) const RECEIVING_QUEUES: u16 = 32;
    pub(crate) const CARRIER: u16 = 33;
    pub(crate) const CARRIER_CHANGES: u16 = 35;
    pub(crate) const LARGE_SEGMENTS: u16 = 40;
    pub(crate) const LARGE_BYTES: u16 = 41;
    pub(crate) const LEAST_MTU: u16 = 50;
    pub(crate) const MOST_MTU: u16 = 51;
    pub(crate) const OTHER_NAME: u16 = 53;
    pub(crate) const PERMANENT_ADDRESS: u16 = 54;
    pub(crate) const PARENT: u16 = 56;
    pub(crate) const PARENTS_BUS: u16 = 57;
    pub(crate) const JOINED_BYTES: u16 = 58;
    pub(crate) const CUT_BYTES: u16 = 59;
    pub(crate) const CUT_SEGMENTS: u16 = 60;
    pub(crate) const ALL_GROUPS: u16 = 61;
}

pub(crate) const ETHERNET: u16 = 1;
pub(crate) const LOOPBACK: u16 = 772;

/// Bytes and pieces of the largest packets that the stack makes, leaves to a card to cut, and puts together.
const LARGEST: u32 = 65536;
const MOST_SEGMENTS: u32 = 65535;
/// What each family has of its own, nested: of IPv6 that addresses are made from the card's (`IFLA_INET6_ADDR_GEN_MODE`).
const NEWER_FROM_HARDWARE: [u8; 12] = [12, 0, 10, 0, 5, 0, 8, 0, 0, 0, 0, 0];

const STATE_UNKNOWN: u8 = 0;
const STATE_DOWN: u8 = 2;
const STATE_UP: u8 = 6;

/// The kind of hardware address (`ARPHRD_*`).
pub(crate) fn hardware(interface: &Interface) -> u16 {
    if interface.is_loopback() { LOOPBACK } else { ETHERNET }
}

pub(super) fn get(message: &Message<'_>, list: bool, reply: &mut Reply) -> Result<()> {
    if list {
        for interface in interface::all() {
            show(reply, kind(LINK, NEW), &interface);
        }
        return Ok(());
    }
    let interface = named(message)?;
    show(reply, kind(LINK, NEW), &interface);
    Ok(())
}

/// The interface that a message is about, by number or by name.
fn named(message: &Message<'_>) -> Result<Arc<Interface>> {
    let index = word32(message.body(), 4) as i32;
    if index != 0 {
        return interface::by_index(index).ok_or(NO_INTERFACE);
    }
    let name = message
        .attributes(BODY)
        .find(|(kind, _)| [attribute::NAME, attribute::OTHER_NAME].contains(kind));
    let name = name.ok_or(NONSENSE)?.1;
    interface::by_name(name.strip_suffix(&[0]).unwrap_or(name)).ok_or(NO_INTERFACE)
}

/// Writes an interface.
pub(super) fn show(reply: &mut Reply, kind: u16, interface: &Interface) {
    let mut body = [0; BODY];
    body[2..4].copy_from_slice(&hardware(interface).to_ne_bytes());
    body[4..8].copy_from_slice(&interface.index.to_ne_bytes());
    body[8..12].copy_from_slice(&interface.flags().to_ne_bytes());
    let (state, discipline) = match (interface.is_running(), interface.is_loopback()) {
        (true, true) => (STATE_UNKNOWN, "noqueue"),
        (true, false) => (STATE_UP, "pfifo_fast"),
        (false, true) => (STATE_DOWN, "noqueue"),
        (false, false) => (STATE_DOWN, "pfifo_fast"),
    };
    let abilities = interface.card.abilities();
    let [_, queues] = interface.card.queues().pairs;
    let everybody = if interface.is_loopback() { [0; 6] } else { [0xff; 6] };
    let answer = reply.message(kind, &body);
    answer.text(attribute::NAME, &interface.name);
    answer.attribute(attribute::STATE, &[state]);
    answer.attribute(attribute::MODE, &[0]);
    let limits = if interface.is_loopback() {
        [0, 0]
    } else {
        [68, abilities.most]
    };
    for (kind, value) in [
        (attribute::QUEUE_LEN, interface.queue_len() as u32),
        (attribute::MTU, interface.mtu()),
        (attribute::LEAST_MTU, limits[0]),
        (attribute::MOST_MTU, limits[1]),
        (attribute::GROUP, 0),
        (attribute::PROMISCUITY, interface.promiscuity()),
        (attribute::ALL_GROUPS, interface.all_groups_wanted()),
        (attribute::SENDING_QUEUES, queues),
        (attribute::RECEIVING_QUEUES, queues),
        (attribute::LARGE_BYTES, LARGEST),
        (attribute::LARGE_SEGMENTS, MOST_SEGMENTS),
        (attribute::CUT_BYTES, LARGEST),
        (attribute::CUT_SEGMENTS, MOST_SEGMENTS),
        (attribute::JOINED_BYTES, LARGEST),
        (attribute::CARRIER_CHANGES, 0),
    ] {
        answer.number(kind, value);
    }
    answer.attribute(attribute::CARRIER, &[u8::from(interface.card.has_link())]);
    answer.text(attribute::DISCIPLINE, discipline);
    answer.attribute(attribute::ADDRESS, &interface.card.mac());
    answer.attribute(attribute::BROADCAST, &everybody);
    answer.attribute(attribute::OF_FAMILIES, &NEWER_FROM_HARDWARE);
    if !interface.is_loopback() {
        answer.attribute(attribute::PERMANENT_ADDRESS, &interface.permanent);
        answer.text(attribute::PARENT, &format!("virtio{}", interface.index - 2));
        answer.text(attribute::PARENTS_BUS, "virtio");
    }
    let counters = counters(interface);
    let long: Vec<u8> = counters.iter().flat_map(|count| count.to_ne_bytes()).collect();
    let short = counters.iter().take(24).flat_map(|count| (*count as u32).to_ne_bytes());
    let short: Vec<u8> = short.collect();
    answer.attribute(attribute::COUNTERS_64, &long);
    answer.attribute(attribute::COUNTERS, &short);
}

/// `struct rtnl_link_stats64`: packets in and out, bytes in and out, errors in and out, dropped in and out, and more that is not counted.
fn counters(interface: &Interface) -> [u64; 25] {
    let counted = interface.card.counters();
    let mut all = [0; 25];
    all[..8].copy_from_slice(&[
        counted.received[0],
        counted.sent[0],
        counted.received[1],
        counted.sent[1],
        counted.broken,
        0,
        0,
        interface.dropped() as u64,
    ]);
    all
}

/// A request to make what there is not (`NLM_F_CREATE`).
const CREATE: u16 = 0x400;
/// The answer to that, in Linux's words.
const NO_KIND: Error = Error::new(Errno::EOPNOTSUPP, "Unknown device type");

/// Changes flags, the longest packet, the address.
pub(super) fn change(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    let creates = message.header.flags & CREATE != 0;
    let interface = named(message).map_err(|error| match word32(message.body(), 4) {
        // As on Linux without a number: a new one is asked for, or nothing that there is.
        0 if creates => reply.say(NO_KIND),
        0 => NO_INTERFACE,
        _ => error,
    })?;
    for (kind, value) in message.attributes(BODY) {
        change_one(&interface, (kind, value)).map_err(|error| match kind {
            attribute::MTU => reply.say(error),
            _ => error,
        })?;
    }
    let (flags, mask) = (word32(message.body(), 8), word32(message.body(), 12));
    // Without a mask all flags are meant, as long as any is named.
    let mask = if mask == 0 && flags != 0 { u32::MAX } else { mask };
    interface.set_flags(flags, mask);
    Ok(())
}

fn change_one(interface: &Arc<Interface>, (kind, value): Attribute<'_>) -> Result<()> {
    match kind {
        attribute::MTU => interface.set_mtu(word32(value, 0)),
        attribute::ADDRESS => interface.set_mac(*value.first_chunk().ok_or(NONSENSE)?),
        attribute::NAME if value.strip_suffix(&[0]).unwrap_or(value) != interface.name.as_bytes() => {
            Err(Error::new(Errno::EOPNOTSUPP, "interfaces keep their names"))
        }
        attribute::NAME | attribute::OTHER_NAME => Ok(()),
        attribute::QUEUE_LEN => {
            interface.set_queue_len(word32(value, 0) as usize);
            Ok(())
        }
        // What else there is on Linux: masters, namespaces, groups, kinds.
        _ if word16(value, 0) == 0 => Ok(()),
        _ => Err(Error::new(Errno::EOPNOTSUPP, "this of an interface does not change")),
    }
}
