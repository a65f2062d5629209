//! The options of packet sockets (`SOL_PACKET`).

use crate::interface;
use crate::packet::PacketSocket;
use crate::ring::{HEADER, Ring};
use abi::socket::{AF_PACKET, SOCK_DGRAM, SOCK_RAW, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use ipc::options::Sort;

const SOL_PACKET: u32 = 263;
const ADD_MEMBERSHIP: u32 = 1;
const DROP_MEMBERSHIP: u32 = 2;
const RX_RING: u32 = 5;
const STATISTICS: u32 = 6;
const VERSION: u32 = 10;
const HEADER_LEN: u32 = 11;
const RESERVE: u32 = 12;

/// The only version of rings that there is.
const V2: u32 = 1;

const UNKNOWN: Error = Error::new(Errno::ENOPROTOOPT, "no such option");
const SHORT: Error = Error::new(Errno::EINVAL, "the value is too short");

/// Frames for others that a socket asks an interface for (`struct packet_mreq`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    index: i32,
    kind: u16,
    group: [u8; 6],
}

impl Membership {
    fn parse(value: &[u8]) -> Result<Self> {
        let [a, b, c, d, e, f, _, _, group @ ..] = value.first_chunk::<14>().ok_or(SHORT)?;
        Ok(Self {
            index: i32::from_ne_bytes([*a, *b, *c, *d]),
            kind: u16::from_ne_bytes([*e, *f]),
            group: *group,
        })
    }

    pub(crate) fn ask(&self, on: bool) -> Result<()> {
        let interface = interface::by_index(self.index).ok_or(Error::new(Errno::ENODEV, "no such interface"))?;
        match self.kind {
            0 => interface.group(self.group, on),
            1 => interface.promiscuous(on),
            2 => interface.all_groups(on),
            _ => return Err(Error::new(Errno::EINVAL, "no such membership")),
        }
        Ok(())
    }
}

fn number_of(value: &[u8]) -> Result<u32> {
    value.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)).ok_or(SHORT)
}

pub(crate) fn sort(socket: &PacketSocket) -> Sort {
    Sort {
        family: AF_PACKET,
        kind: if socket.raw { SOCK_RAW } else { SOCK_DGRAM },
        protocol: u32::from(socket.binding.lock().protocol.to_be()),
    }
}

pub(crate) fn get(socket: &PacketSocket, level: u32, name: u32, given: &[u8]) -> Result<Vec<u8>> {
    let value = match (level, name) {
        (SOL_SOCKET, _) => return socket.options.get(sort(socket), name),
        (SOL_PACKET, VERSION) => V2,
        (SOL_PACKET, RESERVE) => socket.reserved.load(Ordering::Relaxed),
        (SOL_PACKET, HEADER_LEN) => match number_of(given)? {
            V2 => HEADER as u32,
            _ => return Err(Error::new(Errno::EINVAL, "no such version of rings")),
        },
        (SOL_PACKET, STATISTICS) => {
            let counts = [&socket.came, &socket.lost].map(|count| count.swap(0, Ordering::Relaxed).to_ne_bytes());
            return Ok(counts.as_flattened().to_vec());
        }
        _ => return Err(UNKNOWN),
    };
    Ok(value.to_ne_bytes().to_vec())
}

pub(crate) fn set(socket: &PacketSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    match (level, name) {
        (SOL_SOCKET, _) => return socket.options.set(sort(socket), name, value),
        (SOL_PACKET, ADD_MEMBERSHIP) => {
            let asked = Membership::parse(value)?;
            asked.ask(true)?;
            socket.memberships.lock().push(asked);
        }
        (SOL_PACKET, DROP_MEMBERSHIP) => {
            let asked = Membership::parse(value)?;
            let mut all = socket.memberships.lock();
            let at = all.iter().position(|known| *known == asked);
            all.swap_remove(at.ok_or(Error::new(Errno::EADDRNOTAVAIL, "there is no such membership"))?);
            drop(all);
            asked.ask(false)?;
        }
        (SOL_PACKET, VERSION) if number_of(value)? == V2 => {}
        (SOL_PACKET, VERSION) => return Err(Error::new(Errno::EINVAL, "no such version of rings")),
        (SOL_PACKET, RESERVE) => socket.reserved.store(number_of(value)?.min(4096), Ordering::Relaxed),
        (SOL_PACKET, RX_RING) => set_ring(socket, value)?,
        _ => return Err(UNKNOWN),
    }
    Ok(())
}

fn set_ring(socket: &PacketSocket, value: &[u8]) -> Result<()> {
    let bytes = value.first_chunk::<16>().ok_or(SHORT)?;
    let mut shape = [0; 4];
    for (number, bytes) in shape.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *number = u32::from_ne_bytes(*bytes);
    }
    let ring = if shape[1] == 0 {
        None
    } else {
        Some(Arc::new(Ring::new(shape, socket.reserved.load(Ordering::Relaxed))?))
    };
    let old = core::mem::replace(&mut *socket.ring.lock(), ring);
    drop(old);
    Ok(())
}
