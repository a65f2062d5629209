//! Neighbours (`RTM_*NEIGH`).

use super::places::{self, Neighbour};
use super::{NEIGHBOUR, NEW, NONSENSE, bytes_of, family_of, is_wanted, kind, parse_ip};
use crate::reply::Reply;
use abi::{Errno, Error, Result};
use core::net::IpAddr;
use netlink_view::{Message, flag, word16, word32};

/// Bytes of `struct ndmsg`.
const BODY: usize = 12;
const DESTINATION: u16 = 1;
const HARDWARE: u16 = 2;
const UNICAST: u8 = 1;
/// It is for somebody else that this machine would answer.
const PROXY: u8 = 8;

pub(super) fn list(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    for neighbour in places::neighbours() {
        if is_wanted(message, family_of(neighbour.ip)) {
            show(reply, &neighbour);
        }
    }
    Ok(())
}

/// Whom a message is about, if it says that.
fn who(message: &Message<'_>) -> Result<(i32, IpAddr)> {
    let ip = message.attributes(BODY).find(|(kind, _)| *kind == DESTINATION);
    let ip = parse_ip(ip.ok_or(NONSENSE)?.1)?;
    Ok((word32(message.body(), 4) as i32, ip))
}

/// What is known of one.
fn known(who: (i32, IpAddr)) -> Result<Neighbour> {
    let mut all = places::neighbours().into_iter();
    let found = all.find(|known| (known.index, known.ip) == who);
    found.ok_or(Error::new(Errno::ENOENT, "nobody knows the neighbour"))
}

pub(super) fn get(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    let known = known(who(message)?).map_err(|_| reply.say(Error::new(Errno::ENOENT, "Neighbour entry not found.")))?;
    show(reply, &known);
    Ok(())
}

/// Has one known by a program's word.
pub(super) fn add(message: &Message<'_>) -> Result<()> {
    let (index, ip) = who(message)?;
    let flags = message.body().get(10).copied().unwrap_or(0);
    if flags & PROXY != 0 {
        return Err(Error::new(Errno::EOPNOTSUPP, "nobody is answered for"));
    }
    let before = known((index, ip));
    let has = |flag: u16| message.header.flags & flag != 0;
    match &before {
        Ok(_) if has(flag::EXCLUSIVE) => return Err(Error::new(Errno::EEXIST, "the neighbour is known already")),
        Err(error) if !has(flag::CREATE) => return Err(*error),
        _ => {}
    }
    let hardware = message.attributes(BODY).find(|(kind, _)| *kind == HARDWARE);
    let hardware = match hardware {
        Some((_, value)) => Some(*value.first_chunk::<6>().ok_or(NONSENSE)?),
        None => before.ok().and_then(|known| known.hardware),
    };
    places::set_neighbour(index, ip, hardware.ok_or(NONSENSE)?, word16(message.body(), 8))
}

/// Forgets one.
pub(super) fn forget(message: &Message<'_>) -> Result<()> {
    let (index, ip) = who(message)?;
    known((index, ip))?;
    ip::forget_neighbour(index as u32, Some(ip));
    Ok(())
}

/// `struct ndmsg`: family, padding, interface, state, flags, type.
fn show(reply: &mut Reply, neighbour: &Neighbour) {
    let mut body = [0; BODY];
    body[0] = family_of(neighbour.ip);
    body[4..8].copy_from_slice(&neighbour.index.to_ne_bytes());
    body[8..10].copy_from_slice(&neighbour.state.to_ne_bytes());
    body[11] = UNICAST;
    let answer = reply.message(kind(NEIGHBOUR, NEW), &body);
    answer.attribute(DESTINATION, &bytes_of(neighbour.ip));
    if let Some(hardware) = neighbour.hardware {
        answer.attribute(HARDWARE, &hardware);
    }
}
