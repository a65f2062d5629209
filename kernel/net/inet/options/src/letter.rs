//! Datagrams that came, and those that did not arrive.

use abi::Errno;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use ip::{Failed, Received, Route};
use packet::{ipv4, ipv6};

/// A datagram that came.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What it says.
    pub bytes: Vec<u8>,
    /// From whom.
    pub from: SocketAddr,
    /// Its destination, as it says.
    pub to: IpAddr,
    /// By which interface it came.
    pub interface: u32,
    /// The hops that it had left.
    pub hop_limit: u8,
    /// Its type of service.
    pub traffic_class: u8,
    /// The flow that it is of, of the newer protocol.
    pub flow: u32,
    /// Options of the older protocol's header, or the newer one's headers behind the first, with what that says of them.
    pub extras: Option<Box<(u8, Vec<u8>)>>,
    /// How much of it the sender's checksum covers, if not everything (UDP-Lite).
    pub covered: Option<u16>,
    /// When it came, if that is told, and how many had been lost before.
    pub came: u64,
    /// See [`Letter::came`].
    pub lost: u32,
    /// How long each of them is but for the last, if it is several in one (`UDP_GRO`).
    pub piece: u16,
}

/// Why something is in a queue of errors.
#[derive(Clone, Copy, Debug)]
pub enum Cause {
    /// The machine itself found out that something could not be sent.
    Machine,
    /// A message says that it did not arrive: its kind and its code.
    Message(u8, u8),
    /// Something that was sent has left, or arrived.
    Time {
        /// Its number.
        number: u32,
    },
    /// Calls that were to send without a copy are done, up to this one.
    Copied {
        /// Its number.
        last: u32,
    },
}

/// A datagram that did not arrive.
#[derive(Debug)]
pub struct Trouble {
    /// What a socket is told.
    pub errno: Errno,
    /// Who says so, or what else there is to tell.
    pub cause: Cause,
    /// The largest that would have fit, if that is what was wrong; the first of calls that are done.
    pub info: u32,
    /// Who says so.
    pub offender: IpAddr,
    /// What is left of it; from whom it was to, to the own address, and by what the message about it came.
    pub letter: Letter,
}

impl Letter {
    /// Adds one that came after it, if both are of one flow and the one that came is not longer than each of those before it; whether it was.
    pub(crate) fn join(&mut self, next: &Self) -> bool {
        /// How many are joined at most, and how long they are together.
        const MOST: usize = 64;
        const LONGEST: usize = 65_507;
        let key = |letter: &Self| {
            let Self {
                from,
                to,
                interface,
                hop_limit,
                traffic_class,
                flow,
                ..
            } = *letter;
            (from, to, interface, hop_limit, traffic_class, flow)
        };
        let (before, len) = (self.bytes.len(), next.bytes.len());
        let piece = if self.piece == 0 {
            before
        } else {
            usize::from(self.piece)
        };
        let is_next = (1..=piece).contains(&len) && before % piece == 0 && before / piece < MOST;
        let is_plain = self.extras.is_none() && next.extras.is_none();
        let joins = is_next && is_plain && before + len <= LONGEST && key(self) == key(next);
        if joins {
            self.bytes.extend_from_slice(&next.bytes);
            self.piece = piece as u16;
        }
        joins
    }

    /// What a packet brought.
    pub fn new(packet: &Received<'_>, bytes: Vec<u8>, from: SocketAddr) -> Self {
        Self {
            hop_limit: packet.hop_limit,
            traffic_class: packet.traffic_class,
            flow: flow_of(packet),
            extras: extras_of(packet),
            ..Self::plain(bytes, from, packet.destination, packet.interface)
        }
    }

    /// One of which nothing more is known.
    #[inline]
    #[must_use]
    pub const fn plain(bytes: Vec<u8>, from: SocketAddr, to: IpAddr, interface: u32) -> Self {
        Self {
            bytes,
            from,
            to,
            interface,
            hop_limit: 0,
            traffic_class: 0,
            flow: 0,
            extras: None,
            covered: None,
            came: 0,
            lost: 0,
            piece: 0,
        }
    }
}

/// The flow that a packet is of.
fn flow_of(packet: &Received<'_>) -> u32 {
    if packet.source.is_ipv4() {
        return 0;
    }
    packet::u32_at(packet.header, 0).unwrap_or(0) & 0xf_ffff
}

/// What a packet has besides in its header, or behind its first one.
fn extras_of(packet: &Received<'_>) -> Option<Box<(u8, Vec<u8>)>> {
    /// Where the newer protocol's header says what follows.
    const NEXT: usize = 6;
    let plain = if packet.source.is_ipv4() { ipv4::LEN } else { ipv6::LEN };
    let extras = packet.header.get(plain..).filter(|extras| !extras.is_empty())?;
    Some(Box::new((*packet.header.get(NEXT)?, extras.to_vec())))
}

impl Trouble {
    /// Of something for which its way has no packets that are long enough.
    #[cold]
    pub fn too_long(to: SocketAddr, route: &Route) -> Self {
        // What packets of the older protocol count themselves.
        let longest = if to.is_ipv4() { 65_535 } else { u32::MAX };
        Self {
            errno: Errno::EMSGSIZE,
            cause: Cause::Machine,
            info: route.mtu.min(longest),
            offender: to.ip(),
            letter: Letter::plain(Vec::new(), to, to.ip(), route.interface),
        }
    }

    /// Of something that was to go to somebody, of which these bytes are left.
    pub fn new(failed: &Failed<'_>, bytes: &[u8], peer: SocketAddr) -> Self {
        let (hop_limit, traffic_class) = failed.came_by;
        Self {
            errno: failed.errno,
            cause: Cause::Message(failed.message.0, failed.message.1),
            info: failed.mtu.unwrap_or(0),
            offender: failed.offender,
            letter: Letter {
                hop_limit,
                traffic_class,
                came: time::wall_now(),
                ..Letter::plain(bytes.to_vec(), peer, failed.source, failed.interface)
            },
        }
    }
}
