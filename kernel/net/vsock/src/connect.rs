//! Binding, listening, connecting, accepting.

use crate::connection::{Connection, State};
use crate::header::{Address, Header, Kind};
use crate::remote::Remote;
use crate::socket::{Ends, Progress, VsockSocket};
use crate::table::{self, LAST_RESERVED, Name};
use crate::way::{self, ANY, NOWHERE, Way};
use abi::socket::AF_VSOCK;
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use vfs::{Context, Events, capability};

/// Bytes of `struct sockaddr_vm`.
const ADDRESS_LEN: usize = 16;
/// To the host, whatever the context (`VMADDR_FLAG_TO_HOST`): the one flag of an address.
const TO_HOST: u8 = 1;
/// Most that wait to be accepted (`net.core.somaxconn`).
const MOST_WAITING: u32 = 4096;
/// The part of the memory that is left for others: nobody new is let in when there is less.
const SPARE_PART: u64 = 64;

const BAD_ADDRESS: Error = Error::new(Errno::EINVAL, "the address is short, or of another family");

/// What a socket that listens has.
pub(crate) struct Listener {
    state: SpinLock<Waiting>,
}

#[derive(Default)]
struct Waiting {
    sockets: VecDeque<Arc<VsockSocket>>,
    backlog: usize,
    is_closed: bool,
}

impl Listener {
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().sockets.is_empty()
    }

    /// How many wait to be accepted, and how many may.
    pub(crate) fn queue(&self) -> [u32; 2] {
        let state = self.state.lock();
        [state.sockets.len() as u32, state.backlog as u32]
    }

    /// Nobody accepts any more.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        let waiting = core::mem::take(&mut state.sockets);
        drop(state);
        drop(waiting);
    }
}

/// The end in a `struct sockaddr_vm`.
fn parse(bytes: &[u8]) -> Result<Address> {
    let bytes: &[u8; ADDRESS_LEN] = bytes.first_chunk().ok_or(BAD_ADDRESS)?;
    let word = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    if u16::from_ne_bytes([bytes[0], bytes[1]]) != AF_VSOCK || bytes[12] & !TO_HOST != 0 {
        return Err(BAD_ADDRESS);
    }
    Ok(Address {
        cid: word(8),
        port: word(4),
    })
}

/// An end as `struct sockaddr_vm`.
pub(crate) fn show(address: Address) -> Vec<u8> {
    let mut bytes = AF_VSOCK.to_ne_bytes().to_vec();
    bytes.extend([0; 2]);
    bytes.extend(address.port.to_ne_bytes());
    bytes.extend(address.cid.to_ne_bytes());
    bytes.resize(ADDRESS_LEN, 0);
    bytes
}

pub(crate) fn bind(socket: &VsockSocket, view: &Context, bytes: &[u8]) -> Result<()> {
    let wanted = parse(bytes)?;
    let mut ends = socket.ends.lock();
    if ends.own != NOWHERE {
        return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
    }
    if wanted.cid != ANY && !way::is_own(wanted.cid) {
        return Err(Error::new(Errno::EADDRNOTAVAIL, "the context is not this machine's"));
    }
    if wanted.port <= LAST_RESERVED && !view.credentials.has(capability::NET_BIND_SERVICE) {
        return Err(Error::new(Errno::EACCES, "ports below 1024 need CAP_NET_BIND_SERVICE"));
    }
    claim(socket, &mut ends, wanted)
}

fn claim(socket: &VsockSocket, ends: &mut Ends, wanted: Address) -> Result<()> {
    let port = table::claim(wanted, &socket.own)?;
    ends.own = Address { port, ..wanted };
    ends.has_claim = true;
    Ok(())
}

pub(crate) fn listen(socket: &VsockSocket, backlog: u32) -> Result<()> {
    let ends = socket.ends.lock();
    if ends.progress() != Progress::Idle || ends.own == NOWHERE {
        return Err(Error::new(Errno::EINVAL, "the socket is connected, or has no address"));
    }
    drop(ends);
    let listener = socket.listener.get_or_init(|| Listener {
        state: SpinLock::default(),
    });
    listener.state.lock().backlog = backlog.min(MOST_WAITING) as usize;
    Ok(())
}

/// Begins a connection; [`outcome`] says how it goes.
pub(crate) fn connect(socket: &VsockSocket, bytes: &[u8]) -> Result<()> {
    let remote = begin(socket, bytes)?;
    remote.run();
    Err(Error::new(Errno::EINPROGRESS, "the connection is on its way"))
}

fn begin(socket: &VsockSocket, bytes: &[u8]) -> Result<Arc<Remote>> {
    let mut ends = socket.ends.lock();
    match ends.progress() {
        Progress::Idle => {}
        Progress::Connecting => return Err(Error::new(Errno::EALREADY, "the connection is on its way")),
        Progress::Connected => return Err(Error::new(Errno::EISCONN, "the socket is connected")),
        Progress::Over => return Err(Error::new(Errno::EINVAL, "the connection was shut down")),
    }
    if socket.listener.get().is_some() {
        return Err(Error::new(Errno::EINVAL, "the socket listens"));
    }
    let peer = parse(bytes)?;
    let (way, cid) = way::to(peer.cid, socket.kind)?;
    if ends.own == NOWHERE {
        claim(socket, &mut ends, NOWHERE)?;
    }
    let settings = *socket.settings.lock();
    let own = Address { cid, ..ends.own };
    let deadline = time::now().saturating_add(settings.patience);
    let name = Name {
        way,
        port: own.port,
        peer,
    };
    let connection = Connection::connect(socket.kind, own, peer, settings.room(), deadline);
    let remote = Remote::new(name, way, socket.kind, &socket.ear, connection);
    if !table::add(&remote) {
        return Err(Error::new(Errno::EADDRINUSE, "there is a connection between the two"));
    }
    // The deadline is set.
    remote.with(|_| ());
    ends.peer = peer;
    ends.remote = Some(Arc::clone(&remote));
    Ok(remote)
}

/// How a connection came out that was begun; `EAGAIN` while that is not known.
pub(crate) fn outcome(socket: &VsockSocket) -> Result<()> {
    let Some(remote) = socket.remote() else { return Ok(()) };
    match remote.look(Connection::state) {
        State::Connecting => Err(Errno::EAGAIN.into()),
        State::Open => Ok(()),
        State::Closed => match socket.take_error() {
            Some(errno) => Err(errno.into()),
            None => Ok(()),
        },
    }
}

/// Somebody who has connected, and the address.
pub(crate) fn accept(socket: &VsockSocket) -> Result<(Arc<VsockSocket>, Vec<u8>)> {
    let listener = socket.listener.get();
    let listener = listener.ok_or(Error::new(Errno::EINVAL, "the socket does not listen"))?;
    let first = listener.state.lock().sockets.pop_front();
    let accepted = first.ok_or(Error::from(Errno::EAGAIN))?;
    let peer = show(accepted.ends.lock().peer);
    Ok((accepted, peer))
}

impl VsockSocket {
    /// Somebody asks for a connection: it is there, if this socket listens for such and there is room.
    pub(crate) fn request(&self, way: Way, kind: Kind, header: &Header) -> Option<Arc<Remote>> {
        let listener = self.listener.get().filter(|_| self.kind == kind)?;
        if !frames::has_headroom(frames::usage().total / SPARE_PART) {
            return None;
        }
        let child = Self::new(kind);
        let settings = *self.settings.lock();
        *child.settings.lock() = settings;
        let name = Name {
            way,
            port: header.to.port,
            peer: header.from,
        };
        let connection = Connection::accept(kind, header, settings.room());
        let remote = Remote::new(name, way, kind, &child.ear, connection);
        {
            let mut ends = child.ends.lock();
            (ends.own, ends.peer) = (header.to, header.from);
            ends.remote = Some(Arc::clone(&remote));
        }
        let mut waiting = listener.state.lock();
        if waiting.is_closed || waiting.sockets.len() > waiting.backlog || !table::add(&remote) {
            drop(waiting);
            // It was not in the table, and nobody is to hear of its end.
            child.ends.lock().remote = None;
            return None;
        }
        waiting.sockets.push_back(child);
        drop(waiting);
        self.ear.readable.wake(1, Events::READABLE.bits());
        Some(remote)
    }
}
