//! Addresses (`RTM_*ADDR`).

use super::labels::{self, Label};
use super::places::{self, Address};
use super::{
    ADDRESS, DELETE, GROUP_ADDRESS_4, GROUP_ADDRESS_6, NEW, NO_INTERFACE, NONSENSE, bytes_of, family_of, is_wanted,
    kind, parse_ip, tell_of,
};
use crate::reply::Reply;
use abi::{Errno, Result};
use link::interface;
use netlink_view::{Message, flag, word32};

/// Bytes of `struct ifaddrmsg`: family, bits of the prefix, flags, scope, interface.
const BODY: usize = 8;

/// `IFA_*`.
mod attribute {
    pub(crate) const ADDRESS: u16 = 1;
    pub(crate) const LOCAL: u16 = 2;
    pub(crate) const LABEL: u16 = 3;
    pub(crate) const BROADCAST: u16 = 4;
    pub(crate) const LIFETIME: u16 = 6;
    pub(crate) const FLAGS: u16 = 8;
}

/// It does not end by itself.
const PERMANENT: u8 = 0x80;

pub(super) fn list(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    let wanted = word32(message.body(), 4) as i32;
    for address in places::addresses() {
        if is_wanted(message, family_of(address.ip)) && (wanted == 0 || wanted == address.index) {
            show(reply, kind(ADDRESS, NEW), &address);
        }
    }
    Ok(())
}

fn show(reply: &mut Reply, kind: u16, address: &Address) {
    let flags = if address.lifetime.is_some() { 0 } else { PERMANENT };
    let mut body = [
        family_of(address.ip),
        address.prefix,
        flags,
        address.scope(),
        0,
        0,
        0,
        0,
    ];
    body[4..].copy_from_slice(&address.index.to_ne_bytes());
    let answer = reply.message(kind, &body);
    let bytes = bytes_of(address.ip);
    answer.attribute(attribute::ADDRESS, &bytes);
    if address.ip.is_ipv4() {
        answer.attribute(attribute::LOCAL, &bytes);
        if let Some(broadcast) = address.broadcast() {
            answer.attribute(attribute::BROADCAST, &bytes_of(broadcast));
        }
        let label = labels::of(address);
        answer.attribute(attribute::LABEL, &label[..=labels::text(&label).len().min(15)]);
    }
    // Preferred and valid for so many seconds, made and changed when.
    let seconds = address.lifetime.unwrap_or(u32::MAX);
    let mut times = [0; 16];
    times[..4].copy_from_slice(&seconds.to_ne_bytes());
    times[4..8].copy_from_slice(&seconds.to_ne_bytes());
    answer.attribute(attribute::LIFETIME, &times);
    answer.number(attribute::FLAGS, u32::from(flags));
}

/// The address that a message is about, and its name if that is said.
fn parse(message: &Message<'_>) -> Result<(Address, Option<Label>)> {
    let body = message.body().first_chunk::<BODY>().ok_or(NONSENSE)?;
    let (mut ip, mut label) = (None, None);
    for (kind, value) in message.attributes(BODY) {
        match kind {
            attribute::LOCAL => ip = Some(parse_ip(value)?),
            attribute::ADDRESS if ip.is_none() => ip = Some(parse_ip(value)?),
            attribute::LABEL => label = Some(labels::label(value)),
            _ => {}
        }
    }
    let ip = ip.ok_or(NONSENSE)?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    if family_of(ip) != body[0] || body[1] > most {
        return Err(NONSENSE);
    }
    let index = word32(body, 4) as i32;
    interface::by_index(index).ok_or(NO_INTERFACE)?;
    let address = Address {
        index,
        ip,
        prefix: body[1],
        lifetime: None,
    };
    Ok((address, label))
}

pub(super) fn add(message: &Message<'_>) -> Result<()> {
    let (address, label) = parse(message)?;
    match places::add_address(address.index, address.ip, address.prefix) {
        // To replace an address by itself changes nothing.
        Err(error) if error.errno == Errno::EEXIST && message.header.flags & flag::REPLACE != 0 => return Ok(()),
        outcome => outcome?,
    }
    labels::set(&address, label);
    tell(kind(ADDRESS, NEW), &address);
    Ok(())
}

pub(super) fn remove(message: &Message<'_>) -> Result<()> {
    let (address, label) = parse(message)?;
    if label.is_some_and(|label| label != labels::of(&address)) {
        return Err(Errno::EADDRNOTAVAIL.into());
    }
    places::remove_address(address.index, address.ip)?;
    tell(kind(ADDRESS, DELETE), &address);
    labels::set(&address, None);
    Ok(())
}

/// Tells the group of an address that came or went.
fn tell(kind: u16, address: &Address) {
    let group = if address.ip.is_ipv4() {
        GROUP_ADDRESS_4
    } else {
        GROUP_ADDRESS_6
    };
    tell_of(group, kind, |reply, kind| show(reply, kind, address));
}
