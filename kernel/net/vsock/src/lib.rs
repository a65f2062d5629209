//! Sockets between a machine and its host (`AF_VSOCK`, vsock(7)), and within the machine.
//!
//! An end is a context and a port: context 2 is the host, 1 the machine itself, and the device says which one the machine is to others. Connections pass bytes (`SOCK_STREAM`) or, where the way to the
//! other end can, messages (`SOCK_SEQPACKET`). Datagrams have no way here, and as on Linux without one there are no sockets for them.
//!
//! | module | what |
//! |---|---|
//! | [`header`] | the 44 bytes before each packet |
//! | [`inbox`] | what was received and not taken yet |
//! | [`connection`] | the protocol: one connection, without locks, clocks or devices |
//! | `remote` | a connection with a lock, who waits for it, and its way |
//! | `table` | who has which port, and which connections there are |
//! | [`way`] | to the machine itself, or through a device |
//! | `socket` | what programs see; `connect` listening, connecting, accepting; `options` options |
//! | `node` | `/dev/vsock` |
//!
//! What goes to the machine itself is the same protocol, with each packet given to the other end at once.
//!
//! **The host is not trusted.** A packet that makes no sense is dropped or refused, one that breaks the rules ends its connection, and none makes this side keep more than a program has asked for.
//!
//! Lock order: a listener's queue, or who a socket is, before the ports, the connections, or one connection, and that before the timers. The list of those who wait for room and the device's queues are leaves, taken
//! without the others.
//! Sideways: none. It does not do: datagrams; `MSG_ZEROCOPY`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod connect;
pub mod connection;
pub mod header;
pub mod inbox;
mod node;
mod options;
mod remote;
mod socket;
mod table;
pub mod way;

use abi::fcntl::OpenFlags;
use abi::socket::{AF_VSOCK, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM};
use abi::stat::S_IFSOCK;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use header::Kind;
use socket::VsockSocket;
use vfs::File;

pub use node::Node;

/// Makes a socket; `flags` may have `O_NONBLOCK`.
///
/// # Errors
/// `EPROTONOSUPPORT`, `ESOCKTNOSUPPORT`; `ENODEV` for datagrams.
pub fn socket(kind: u32, protocol: u32, flags: OpenFlags) -> Result<Arc<File>> {
    if protocol != 0 && protocol != u32::from(AF_VSOCK) {
        return Err(Error::new(Errno::EPROTONOSUPPORT, "these sockets have one protocol"));
    }
    let kind = match kind {
        SOCK_STREAM => Kind::Stream,
        SOCK_SEQPACKET => Kind::Sequence,
        SOCK_DGRAM => return Err(Error::new(Errno::ENODEV, "no device passes datagrams")),
        _ => return Err(Error::new(Errno::ESOCKTNOSUPPORT, "no such kind of socket")),
    };
    Ok(open(VsockSocket::new(kind), flags))
}

fn open(socket: Arc<VsockSocket>, flags: OpenFlags) -> Arc<File> {
    let place = vfs::anonymous_place(b"socket:", S_IFSOCK | 0o777);
    vfs::anonymous_file(place, OpenFlags::RDWR | flags & OpenFlags::NONBLOCK, socket)
}
