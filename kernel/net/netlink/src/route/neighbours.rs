//! Neighbours (`RTM_GETNEIGH`).

use super::places::{self, Neighbour};
use super::{NEIGHBOUR, NEW, bytes_of, family_of, is_wanted, kind};
use crate::reply::Reply;
use abi::Result;
use netlink_view::Message;

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

/// `struct ndmsg`: family, padding, interface, state, flags, type.
fn show(reply: &mut Reply, neighbour: &Neighbour) {
    let mut body = [0; 12];
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
