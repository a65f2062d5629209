//! The options of packet sockets (`SOL_PACKET`). Most are numbers that are kept.

use crate::inbox::Ring;
use crate::outlet::Outlet;
use crate::ring::{Shape, Version};
use crate::socket::PacketSocket;
use crate::{fanout, membership};
use abi::socket::{AF_PACKET, SO_ERROR, SOCK_DGRAM, SOCK_RAW, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use ipc::options::{NO_VALUE, Rule, SHORT, Sort, UNKNOWN, number, number_of};

pub(crate) const SOL_PACKET: u32 = 263;

const ADD_MEMBERSHIP: u32 = 1;
const DROP_MEMBERSHIP: u32 = 2;
const RX_RING: u32 = 5;
const STATISTICS: u32 = 6;
pub(crate) const COPY_THRESHOLD: u32 = 7;
pub(crate) const AUXDATA: u32 = 8;
const ORIGDEV: u32 = 9;
const VERSION: u32 = 10;
const HEADER_LEN: u32 = 11;
pub(crate) const RESERVE: u32 = 12;
const TX_RING: u32 = 13;
pub(crate) const LOSS: u32 = 14;
const VNET_HDR: u32 = 15;
const TIMESTAMP: u32 = 17;
const FANOUT: u32 = 18;
pub(crate) const TX_HAS_OFF: u32 = 19;
pub(crate) const QDISC_BYPASS: u32 = 20;
const ROLLOVER_STATS: u32 = 21;
const FANOUT_DATA: u32 = 22;
pub(crate) const IGNORE_OUTGOING: u32 = 23;
/// Bytes of what a card would say of a frame that stand before it.
pub(crate) const VNET_HDR_SIZE: u32 = 24;

/// Bytes of `struct virtio_net_hdr`, and of that with a number of buffers.
const OFFLOAD: i32 = 10;
const OFFLOAD_AND_BUFFERS: i32 = 12;

/// What a number waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum While {
    /// Nothing.
    Any,
    /// There must be no ring, which is said; or it changes nothing then.
    NoRing,
    QuietlyNoRing,
}

/// Numbers that are set: whether the value must be no longer, and what it may be.
const NUMBERS: [(u32, bool, While, Rule); 11] = [
    (COPY_THRESHOLD, true, While::Any, Rule::Any),
    (AUXDATA, false, While::Any, Rule::Flag),
    (ORIGDEV, false, While::Any, Rule::Flag),
    (VERSION, true, While::NoRing, Rule::Within(0, 2)),
    (RESERVE, true, While::NoRing, Rule::Within(0, i32::MAX)),
    (LOSS, true, While::NoRing, Rule::Flag),
    (VNET_HDR, false, While::NoRing, Rule::Flag),
    (TIMESTAMP, true, While::Any, Rule::Any),
    (TX_HAS_OFF, true, While::QuietlyNoRing, Rule::Flag),
    (QDISC_BYPASS, true, While::Any, Rule::Flag),
    (IGNORE_OUTGOING, true, While::Any, Rule::Within(0, 1)),
];

pub(crate) fn sort(socket: &PacketSocket) -> Sort {
    Sort {
        family: AF_PACKET,
        kind: if socket.raw { SOCK_RAW } else { SOCK_DGRAM },
        // It is not what sockets of other families have under that name.
        protocol: 0,
    }
}

pub(crate) fn version(socket: &PacketSocket) -> Version {
    Version::new(socket.number_of(VERSION)).unwrap_or(Version::V1)
}

pub(crate) fn get(socket: &PacketSocket, level: u32, name: u32, given: &[u8]) -> Result<Vec<u8>> {
    if level == SOL_SOCKET && name == SO_ERROR {
        return number(socket.error.swap(0, Ordering::AcqRel) as i32);
    }
    if level == SOL_SOCKET {
        return socket.options.get(sort(socket), name);
    }
    match name {
        VNET_HDR => number(i32::from(socket.number_of(VNET_HDR_SIZE) != 0)),
        HEADER_LEN => {
            let version = Version::new(number_of(given)?).ok_or(NO_VALUE)?;
            number(version.header() as i32)
        }
        STATISTICS => {
            let mut inbox = socket.inbox.lock();
            let counts = core::mem::take(&mut inbox.counts);
            let all = [counts.kept.wrapping_add(counts.lost), counts.lost, counts.froze].map(u32::to_ne_bytes);
            let shown = if version(socket) == Version::V3 { 3 } else { 2 };
            Ok(all[..shown].as_flattened().to_vec())
        }
        FANOUT => number(socket.group().map_or(0, |group| group.describe()) as i32),
        ROLLOVER_STATS => {
            let counts = socket.with_rollover(|rollover| rollover.counts.map(u64::to_ne_bytes));
            Ok(counts.ok_or(NO_VALUE)?.as_flattened().to_vec())
        }
        VNET_HDR_SIZE => number(socket.number_of(name)),
        _ if NUMBERS.iter().any(|row| row.0 == name) => number(socket.number_of(name)),
        _ => Err(UNKNOWN),
    }
}

pub(crate) fn set(socket: &PacketSocket, level: u32, name: u32, value: &[u8]) -> Result<()> {
    if level == SOL_SOCKET {
        return socket.options.set(sort(socket), name, value);
    }
    match name {
        ADD_MEMBERSHIP => membership::add(socket, value),
        DROP_MEMBERSHIP => membership::remove(socket, value),
        RX_RING | TX_RING => set_ring(socket, name, value),
        FANOUT => fanout::join(&socket.itself()?, value),
        FANOUT_DATA => match socket.group() {
            Some(group) => group.set_program(socket, value),
            None => Err(Error::new(Errno::EINVAL, "the socket shares with nobody")),
        },
        VNET_HDR_SIZE => {
            let size = number_of(value)?;
            if !socket.raw || !matches!(size, 0 | OFFLOAD | OFFLOAD_AND_BUFFERS) {
                return Err(NO_VALUE);
            }
            free_of_rings(socket)?;
            socket.options.keep(SOL_PACKET, name, size);
            Ok(())
        }
        _ => set_number(socket, name, value),
    }
}

fn free_of_rings(socket: &PacketSocket) -> Result<()> {
    if socket.has_ring() {
        return Err(Error::new(Errno::EBUSY, "the socket has a ring"));
    }
    Ok(())
}

fn set_number(socket: &PacketSocket, name: u32, value: &[u8]) -> Result<()> {
    let row = NUMBERS.iter().find(|row| row.0 == name).ok_or(UNKNOWN)?;
    if name == VNET_HDR && !socket.raw || row.1 && value.len() != 4 {
        return Err(SHORT);
    }
    let given = number_of(value)?;
    let number = match row.3 {
        Rule::Flag => i32::from(given != 0),
        Rule::Within(least, most) if !(least..=most).contains(&given) => return Err(NO_VALUE),
        _ => given,
    };
    match row.2 {
        While::NoRing => free_of_rings(socket)?,
        While::QuietlyNoRing if socket.has_ring() => return Ok(()),
        _ => {}
    }
    if name == VNET_HDR {
        socket.options.keep(SOL_PACKET, VNET_HDR_SIZE, number * OFFLOAD);
    } else {
        socket.options.keep(SOL_PACKET, name, number);
    }
    Ok(())
}

fn set_ring(socket: &PacketSocket, name: u32, value: &[u8]) -> Result<()> {
    const BUSY: Error = Error::new(Errno::EBUSY, "there is a ring, or it is mapped");
    let version = version(socket);
    let goes = name == TX_RING;
    if value.len() < if version == Version::V3 { 28 } else { 16 } {
        return Err(SHORT);
    }
    let is_there = if goes {
        socket.outlet.lock().is_some()
    } else {
        socket.inbox.lock().ring.is_some()
    };
    let blocks = value.get(4..8).unwrap_or_default();
    if process::is_mapped(socket.ids) || is_there && blocks != [0; 4] {
        return Err(BUSY);
    }
    let shape = Shape::parse(version, value, socket.number_of(RESERVE) as usize)?;
    if goes {
        let outlet = shape.map(Outlet::new).transpose()?;
        let old = core::mem::replace(&mut *socket.outlet.lock(), outlet);
        drop(old);
        return Ok(());
    }
    let ring = shape.map(Ring::new).transpose()?;
    let old = socket.inbox.lock().set_ring(ring);
    drop(old);
    Ok(())
}

/// A socket that is asked for by a call is there.
pub(crate) const GONE: Error = Error::new(Errno::EBADF, "the socket is gone");

impl PacketSocket {
    /// Itself, counted.
    fn itself(&self) -> Result<Arc<Self>> {
        self.me.upgrade().ok_or(GONE)
    }
}
