//! Addresses (`RTM_*ADDR`).

use super::places::{self, Address};
use super::said::{self, Said};
use super::{
    ADDRESS, DELETE, GROUP_ADDRESS_4, GROUP_ADDRESS_6, NEW, NO_INTERFACE, NONSENSE, bytes_of, family_of, is_wanted,
    kind, parse_ip, tell_of,
};
use crate::reply::Reply;
use abi::time::NANOS_PER_SEC;
use abi::{Errno, Error, Result};
use core::net::IpAddr;
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

/// It does not end by itself (`IFA_F_*`); it is not for new connections any more; another one of its network came before it; nobody is asked whether it has it; no route is to lead to its network.
const PERMANENT: u8 = 0x80;
const DEPRECATED: u8 = 0x20;
const SECOND: u8 = 1;
const UNTESTED: u32 = 2;
const NO_ROUTE: u32 = 0x200;

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
    let said = said::of(address.index, address.ip);
    let now = time::now();
    let mut flags = if said.until == u64::MAX { PERMANENT } else { 0 };
    if said.preferred <= now {
        flags |= DEPRECATED;
    }
    if address.is_second() {
        flags |= SECOND;
    }
    let mut body = [
        family_of(address.ip),
        address.prefix,
        flags,
        said.scope.unwrap_or(address.scope()),
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
        if let Some(broadcast) = said.everybody.unwrap_or(address.broadcast()) {
            answer.attribute(attribute::BROADCAST, &bytes_of(broadcast));
        }
        let label = said::label_of(address);
        answer.attribute(attribute::LABEL, &label[..=said::text(&label).len().min(15)]);
    }
    // Preferred and valid for so many seconds, made and changed when.
    let mut times = [0; 16];
    for (to, until) in times.chunks_exact_mut(4).zip([said.preferred, said.until]) {
        to.copy_from_slice(&seconds_until(now, until).to_ne_bytes());
    }
    answer.attribute(attribute::LIFETIME, &times);
    answer.number(attribute::FLAGS, u32::from(flags) | said.flags);
}

/// Whole seconds, of which the most mean for ever.
fn seconds_until(now: u64, until: u64) -> u32 {
    match until {
        u64::MAX => u32::MAX,
        until => u32::try_from(until.saturating_sub(now).div_ceil(NANOS_PER_SEC)).unwrap_or(u32::MAX),
    }
}

/// The address that a message is about, and what it says of it.
fn parse(message: &Message<'_>) -> Result<(Address, Said)> {
    let body = message.body().first_chunk::<BODY>().ok_or(NONSENSE)?;
    let (mut ip, mut peer) = (None, None);
    let mut said = Said {
        scope: Some(body[3]),
        flags: u32::from(body[2]),
        // The older protocol's is said, or there is none.
        everybody: Some(None),
        ..Said::NOTHING
    };
    let now = time::now();
    for (kind, value) in message.attributes(BODY) {
        match kind {
            attribute::LOCAL => ip = Some(parse_ip(value)?),
            attribute::ADDRESS => peer = Some(parse_ip(value)?),
            attribute::LABEL => said.label = Some(said::label(value)),
            attribute::BROADCAST => said.everybody = Some(Some(parse_ip(value)?)),
            attribute::FLAGS => said.flags = word32(value, 0),
            attribute::LIFETIME => {
                let (preferred, valid) = (word32(value, 0), word32(value, 4));
                if valid == 0 || preferred > valid {
                    return Err(Error::new(Errno::EINVAL, "address lifetime invalid"));
                }
                let until = |seconds| match seconds {
                    u32::MAX => u64::MAX,
                    seconds => now + u64::from(seconds) * NANOS_PER_SEC,
                };
                (said.preferred, said.until) = (until(preferred), until(valid));
            }
            _ => {}
        }
    }
    let ip = ip.or(peer).ok_or(NONSENSE)?;
    if peer.is_some_and(|peer| peer != ip) {
        return Err(Error::new(
            Errno::EOPNOTSUPP,
            "the other end of a line has no address here",
        ));
    }
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
    };
    said.flags &= NO_ROUTE | UNTESTED;
    if ip.is_ipv6() {
        said.scope = None;
    }
    Ok((address, said))
}

pub(super) fn add(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    let (address, mut said) = parse(message)?;
    let leads = said.flags & NO_ROUTE == 0;
    match places::add_address(address.index, address.ip, address.prefix, leads) {
        // It changes how long it lasts.
        Err(error) if error.errno == Errno::EEXIST && message.header.flags & flag::REPLACE != 0 => {
            said = Said {
                preferred: said.preferred,
                until: said.until,
                ..said::of(address.index, address.ip)
            };
        }
        Err(error) if error.errno == Errno::EEXIST => {
            return Err(reply.say(Error::new(
                error.errno,
                match address.ip {
                    IpAddr::V4(_) => "ipv4: Address already assigned.",
                    IpAddr::V6(_) => "ipv6: address already assigned.",
                },
            )));
        }
        outcome => outcome?,
    }
    note(&address, Some(said));
    Ok(())
}

/// Gives an interface an address of which a program says no more, and tells of it.
pub(crate) fn give(address: &Address, said: Option<Said>) -> Result<()> {
    places::add_address(address.index, address.ip, address.prefix, true)?;
    note(address, said);
    Ok(())
}

/// Keeps what was said of an address, and tells of it.
fn note(address: &Address, said: Option<Said>) {
    said::set(address.index, address.ip, said);
    tell(kind(ADDRESS, NEW), address);
}

pub(super) fn remove(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    let (address, said) = parse(message)?;
    let is_other = said.label.is_some_and(|label| label != said::label_of(&address));
    let outcome = if is_other {
        Err(Errno::EADDRNOTAVAIL.into())
    } else {
        take(&address)
    };
    outcome.map_err(|error| match error.errno {
        Errno::EADDRNOTAVAIL => reply.say(Error::new(
            error.errno,
            match address.ip {
                IpAddr::V4(_) => "ipv4: Address not found.",
                IpAddr::V6(_) => "ipv6: address not found.",
            },
        )),
        _ => error,
    })
}

/// Takes an address away, and tells of it.
pub(crate) fn take(address: &Address) -> Result<()> {
    places::remove_address(address.index, address.ip)?;
    tell(kind(ADDRESS, DELETE), address);
    said::set(address.index, address.ip, None);
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
