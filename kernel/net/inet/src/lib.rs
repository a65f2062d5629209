//! Sockets of the internet protocols (`AF_INET`, `AF_INET6`): streams (TCP) and datagrams (UDP).
//!
//! What goes to an address of the machine itself never becomes a packet: a connection is a pair of [`ipc::channel::Channel`]s, as between local sockets, and a datagram is put
//! where its receiver waits. Datagrams to others go out and come in through `ip`. What programs see is what they see on Linux: who is refused and how, what a port means and who may share it, which
//! error comes when the other side goes away.
//!
//! | module | what |
//! |---|---|
//! | `ports` | who has which port |
//! | `stream` | TCP sockets; `connect` their connections, `dissolve` what is left without them, `stream_options` their options |
//! | `farewell` | the end of the machine, for connections |
//! | `remote` | connections over the network; `memory` how much they may have, `table` all of them, `arrive` what comes for them, `depart` what goes, `half_open` those who have only begun, [`unowned`] lists of all without a descriptor |
//! | `datagram` | UDP sockets, and how they send; `lite` what UDP-Lite has beside |
//! | `ping` | sockets for echoes |
//! | `mirror` | what packet sockets see of connections within the machine |
//! | [`limits`] | what of this is set below `/proc/sys/net` |
//! | `filters` | programs that say what of it a socket gets |
//!
//! Options, addresses, what goes along and what waits are in [`inet_options`], raw sockets in [`raw_socket`].
//!
//! Lock order: the table of ports is taken alone; a listener's queue before a socket's state.
//! Sideways: `ip`, and `link` for the interfaces that options name.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod arrive;
mod connect;
mod datagram;
mod depart;
mod dissolve;
mod farewell;
mod filters;
mod half_open;
pub mod limits;
mod lite;
mod memory;
mod mirror;
mod ping;
mod ports;
mod remote;
mod stream;
mod stream_options;
mod table;
pub mod unowned;

use abi::fcntl::OpenFlags;
use abi::socket::{AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use datagram::UdpSocket;
pub use farewell::farewell;
use inet_options::{address, control, cork, device, extras, inbox, judge, letter, membership, open, options, troubles};
use stream::TcpSocket;
use vfs::{Credentials, File, capability};

/// Protocol numbers.
const TCP: u32 = 6;
const UDP: u32 = 17;
const UDP_LITE: u32 = 136;

/// Whether a family of sockets is one of these.
#[must_use]
pub fn has_family(family: u32) -> bool {
    [AF_INET, AF_INET6].iter().any(|known| u32::from(*known) == family)
}

/// There may be packets: has them taken in.
pub fn start() {
    arrive::start();
    datagram::arrive::start();
}

/// Makes a socket of a family for which [`has_family`] holds; `flags` may have `O_NONBLOCK`.
///
/// # Errors
/// `EPROTONOSUPPORT`, `ESOCKTNOSUPPORT`, `EPERM`, `EACCES`.
pub fn socket(family: u32, kind: u32, protocol: u32, owner: &Credentials, flags: OpenFlags) -> Result<Arc<File>> {
    const WRONG: Error = Error::new(
        Errno::EPROTONOSUPPORT,
        "that kind of socket does not speak the protocol",
    );
    let family = family as u16;
    match (kind, protocol) {
        (SOCK_STREAM, 0 | TCP) => Ok(open(TcpSocket::new(family, owner.uid), flags)),
        (SOCK_DGRAM, 0 | UDP) => Ok(open(UdpSocket::new(family, UDP as u8, owner.uid), flags)),
        (SOCK_DGRAM, UDP_LITE) => Ok(open(UdpSocket::new(family, lite::PROTOCOL, owner.uid), flags)),
        (SOCK_DGRAM, _) if protocol == u32::from(ping::protocol_of(family)) => {
            ping::check_rights(owner)?;
            ping::start();
            Ok(open(UdpSocket::new(family, protocol as u8, owner.uid), flags))
        }
        (SOCK_STREAM | SOCK_DGRAM, _) => Err(WRONG),
        (SOCK_RAW, 0) => Err(WRONG),
        (SOCK_RAW, _) if !owner.has(capability::NET_RAW) => {
            Err(Error::new(Errno::EPERM, "raw sockets need CAP_NET_RAW"))
        }
        (SOCK_RAW, _) => {
            // What a program makes by hand is a packet, also where there is no card.
            start();
            ping::start();
            raw_socket::open(family, protocol, flags)
        }
        _ => Err(Error::new(Errno::ESOCKTNOSUPPORT, "no such kind of socket")),
    }
}
