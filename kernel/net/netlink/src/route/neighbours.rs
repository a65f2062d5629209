//! Neighbours (`RTM_GETNEIGH`).

use super::places::{self, Neighbour};
use super::{NEIGHBOUR, NEW, NONSENSE, bytes_of, family_of, is_wanted, kind, parse_ip};
use crate::reply::Reply;
use abi::{Errno, Error, Result};
use netlink_view::{Message, word32};

/// Bytes of `struct ndmsg`.
const BODY: usize = 12;
const DESTINATION: u16 = 1;
const HARDWARE: u16 = 2;
const UNICAST: u8 = 1;

pub(super) fn list(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    for neighbour in places::neighbours() {
        if is_wanted(message, family_of(neighbour.ip)) {
            show(reply, &neighbour);
        }
    }
    Ok(())
}

/// Forgets one.
pub(super) fn forget(message: &Message<'_>) -> Result<()> {
    let index = word32(message.body(), 4) as i32;
    let ip = message.attributes(BODY).find(|(kind, _)| *kind == DESTINATION);
    let ip = parse_ip(ip.ok_or(NONSENSE)?.1)?;
    if !places::neighbours()
        .iter()
        .any(|known| (known.index, known.ip) == (index, ip))
    {
        return Err(Error::new(Errno::ENOENT, "nobody knows the neighbour"));
    }
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
