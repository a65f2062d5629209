//! All sockets that there are.
//!
//! They are found behind the descriptors of processes, once each however many descriptors lead to one: so nothing is kept in lists for those who might ask, and a socket that is made and
//! closed costs nothing here. What has no descriptor comes from [`inet::unowned`].

use abi::socket::{AF_INET, AF_INET6, SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL, SO_TYPE, SOL_SOCKET};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use sortedmap::SortedMap;
use vfs::{File, Listing, Socket};

/// States of sockets, with the numbers of those of TCP.
pub(crate) mod state {
    pub(crate) const ESTABLISHED: u8 = 1;
    pub(crate) const CLOSED: u8 = 7;
    pub(crate) const LISTENING: u8 = 10;
}

/// A socket.
pub struct Found {
    /// The number of its inode.
    pub inode: u64,
    /// The open file.
    pub file: Arc<File>,
    /// `AF_*`.
    pub family: u16,
    /// `SOCK_*`.
    pub kind: u32,
    /// `IPPROTO_*`, or what else its family has.
    pub protocol: u32,
    /// What else it says of itself.
    pub listing: Listing,
}

/// All sockets of some families.
#[must_use]
pub fn sockets(families: &[u16]) -> Vec<Found> {
    let (mut all, mut seen) = (Vec::new(), Seen::new());
    for process in process::registry::processes() {
        let files = process.files();
        for number in files.numbers() {
            if let Ok(file) = files.get(number)
                && let Ok(socket) = file.socket()
                && families.contains(&(option(socket, SO_DOMAIN) as u16))
            {
                let inode = file.attributes().ino;
                if seen.insert(inode, 0).is_none() {
                    all.push(found(inode, &file, socket));
                }
            }
        }
    }
    all
}

/// Numbers by other numbers.
pub(crate) type Seen = SortedMap<u64, u64>;

fn found(inode: u64, file: &Arc<File>, socket: &dyn Socket) -> Found {
    Found {
        inode,
        file: Arc::clone(file),
        family: option(socket, SO_DOMAIN) as u16,
        kind: option(socket, SO_TYPE),
        protocol: option(socket, SO_PROTOCOL),
        listing: socket.listing(),
    }
}

pub(crate) fn option(socket: &dyn Socket, name: u32) -> u32 {
    let value = socket.option(SOL_SOCKET, name).unwrap_or_default();
    value.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes))
}

/// All sockets of a protocol of the internet, by family (0 for both): those with an address, and connections.
pub(crate) fn internet(family: u16, protocol: u32) -> Vec<Found> {
    let families = if family == 0 { [AF_INET, AF_INET6] } else { [family; 2] };
    let mut all = sockets(&families);
    all.retain(|found| found.protocol == protocol && found.own().port() != 0);
    all
}

impl Found {
    fn socket(&self) -> Option<&dyn Socket> {
        self.file.socket().ok()
    }

    /// Its state, with the numbers of TCP.
    pub(crate) fn state(&self) -> u8 {
        let socket = self.socket();
        match self.listing.state {
            0 if socket.is_some_and(|socket| option(socket, SO_ACCEPTCONN) != 0) => state::LISTENING,
            0 if socket.is_some_and(|socket| socket.peer_address().is_ok()) => state::ESTABLISHED,
            0 => state::CLOSED,
            state => state,
        }
    }

    /// Its own address; nothing in particular if it has none.
    pub(crate) fn own(&self) -> SocketAddr {
        let bytes = self.socket().and_then(|socket| socket.address().ok());
        parse(self.family, &bytes.unwrap_or_default())
    }

    /// Its peer's.
    pub(crate) fn peer(&self) -> SocketAddr {
        let bytes = self.socket().and_then(|socket| socket.peer_address().ok());
        parse(self.family, &bytes.unwrap_or_default())
    }

    /// The name of a local socket, without the zero behind a path.
    pub(crate) fn local_name(&self) -> Vec<u8> {
        let address = self.socket().and_then(|socket| socket.address().ok());
        let address = address.unwrap_or_default();
        let name = address.get(2..).unwrap_or_default();
        let path = if name.first() == Some(&0) {
            name
        } else {
            name.strip_suffix(&[0]).unwrap_or(name)
        };
        path.to_vec()
    }

    /// The bytes of an option that is one number.
    pub(crate) fn number(&self, level: u32, name: u32) -> u32 {
        let value = self.socket().and_then(|socket| socket.option(level, name).ok());
        value
            .and_then(|value| value.first_chunk().copied())
            .map_or(0, u32::from_ne_bytes)
    }
}

/// A `struct sockaddr_in` or `sockaddr_in6`.
fn parse(family: u16, bytes: &[u8]) -> SocketAddr {
    let port = bytes
        .get(2..4)
        .and_then(|port| port.first_chunk())
        .map_or(0, |port| u16::from_be_bytes(*port));
    let ip = if family == AF_INET6 {
        let ip = bytes.get(8..24).and_then(|ip| ip.first_chunk::<16>());
        IpAddr::V6(ip.map_or(Ipv6Addr::UNSPECIFIED, |ip| Ipv6Addr::from(*ip)))
    } else {
        let ip = bytes.get(4..8).and_then(|ip| ip.first_chunk::<4>());
        IpAddr::V4(ip.map_or(Ipv4Addr::UNSPECIFIED, |ip| Ipv4Addr::from(*ip)))
    };
    SocketAddr::new(ip, port)
}
