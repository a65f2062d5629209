//! Frames for others that a socket asks an interface for (`struct packet_mreq`).

use crate::socket::PacketSocket;
use abi::{Errno, Error, Result};
use link::interface;

/// What may be asked for: frames for a group, all, all for groups, or those for another station. Linux takes other numbers too, which mean nothing.
const GROUP: u16 = 0;
const ALL: u16 = 1;
const ALL_GROUPS: u16 = 2;
const STATION: u16 = 3;

const WRONG: Error = Error::new(Errno::EINVAL, "no station has such an address");

/// What a socket asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    index: i32,
    kind: u16,
    len: u16,
    address: [u8; 6],
}

impl Membership {
    fn parse(value: &[u8]) -> Result<Self> {
        let short = Error::new(Errno::EINVAL, "the value is too short");
        let [a, b, c, d, e, f, g, h, address @ .., _, _] = value.first_chunk::<16>().ok_or(short)?;
        let len = u16::from_ne_bytes([*g, *h]);
        if value.len() < 8 + usize::from(len) {
            return Err(short);
        }
        let mut membership = Self {
            index: i32::from_ne_bytes([*a, *b, *c, *d]),
            kind: u16::from_ne_bytes([*e, *f]),
            len,
            address: *address,
        };
        membership
            .address
            .iter_mut()
            .skip(usize::from(len))
            .for_each(|byte| *byte = 0);
        Ok(membership)
    }

    pub(crate) fn ask(&self, on: bool) -> Result<()> {
        let interface = interface::by_index(self.index).ok_or(Error::new(Errno::ENODEV, "no such interface"))?;
        if self.len > 6 || matches!(self.kind, GROUP | STATION) && self.len != 6 {
            return Err(WRONG);
        }
        match self.kind {
            GROUP | STATION => interface.group(self.address, on),
            ALL => interface.promiscuous(on),
            ALL_GROUPS => interface.all_groups(on),
            _ => {}
        }
        Ok(())
    }
}

/// A socket asks for more; how often it does for the same is counted.
pub(crate) fn add(socket: &PacketSocket, value: &[u8]) -> Result<()> {
    let asked = Membership::parse(value)?;
    if let Some(known) = socket.memberships.lock().iter_mut().find(|known| known.0 == asked) {
        known.1 += 1;
        return Ok(());
    }
    asked.ask(true)?;
    socket.memberships.lock().push((asked, 1));
    Ok(())
}

/// A socket asks for that no more. Linux does not mind if it never has.
pub(crate) fn remove(socket: &PacketSocket, value: &[u8]) -> Result<()> {
    let asked = Membership::parse(value)?;
    let mut all = socket.memberships.lock();
    let Some(at) = all.iter().position(|known| known.0 == asked) else {
        return Ok(());
    };
    all[at].1 -= 1;
    if all[at].1 == 0 {
        all.swap_remove(at);
        drop(all);
        // An interface that is gone asks for nothing.
        let _ = asked.ask(false);
    }
    Ok(())
}
