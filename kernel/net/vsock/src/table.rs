//! Who has which port, and which connections there are.
//!
//! A port is found by a binary search, and so is a connection, however many there are. A socket is let go of without the table's lock, since the last to hold one tidies up here.

use crate::connection::Packet;
use crate::header::{Address, Header, NEITHER, op};
use crate::inbox::Payload;
use crate::remote::Remote;
use crate::socket::VsockSocket;
use crate::way::{ANY, Way};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use sortedmap::SortedMap;

/// The last port that only those with `CAP_NET_BIND_SERVICE` may have.
pub(crate) const LAST_RESERVED: u32 = 1023;
/// How many ports are tried for who wants any.
const TRIES: u32 = 24;

/// How a connection is found by what comes for it: the way, the own port, the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) way: Way,
    pub(crate) port: u32,
    pub(crate) peer: Address,
}

/// Nobody is there for a packet.
pub(crate) struct Nobody;

type Holders = Vec<(u32, Weak<VsockSocket>)>;

static PORTS: SpinLock<SortedMap<u32, Holders>> = SpinLock::new(SortedMap::new());
static CONNECTIONS: SpinLock<SortedMap<Name, Arc<Remote>>> = SpinLock::new(SortedMap::new());
/// The port that is tried next for who wants any; 0 before the first.
static NEXT: SpinLock<u32> = SpinLock::new(0);

/// Claims a port of a context, or any port.
///
/// # Errors
/// `EADDRINUSE`, `EADDRNOTAVAIL`.
pub(crate) fn claim(wanted: Address, socket: &Weak<VsockSocket>) -> Result<u32> {
    if wanted.port != ANY {
        return match try_claim(wanted, socket) {
            true => Ok(wanted.port),
            false => Err(Error::new(Errno::EADDRINUSE, "the port is somebody's")),
        };
    }
    let free = (0..TRIES)
        .map(|_| next_port())
        .find(|&port| try_claim(Address { port, ..wanted }, socket));
    free.ok_or(Error::new(Errno::EADDRNOTAVAIL, "no port is free"))
}

fn next_port() -> u32 {
    let mut next = NEXT.lock();
    if *next == 0 {
        let mut bytes = [0; 4];
        random::fill(&mut bytes);
        *next = u32::from_ne_bytes(bytes);
    }
    if *next == ANY || *next <= LAST_RESERVED {
        *next = LAST_RESERVED + 1;
    }
    let port = *next;
    *next += 1;
    port
}

fn try_claim(wanted: Address, socket: &Weak<VsockSocket>) -> bool {
    let mut ports = PORTS.lock();
    let holders = ports.get_or_insert_with(wanted.port, Vec::new);
    let meets = |cid: u32| cid == wanted.cid || cid == ANY || wanted.cid == ANY;
    // Who is going has not left the table yet, and has it no more.
    let is_free = !holders
        .iter()
        .any(|(cid, holder)| meets(*cid) && holder.strong_count() > 0);
    if is_free {
        holders.push((wanted.cid, Weak::clone(socket)));
    } else if holders.is_empty() {
        ports.remove(&wanted.port);
    }
    is_free
}

/// Gives a port back.
pub(crate) fn release(port: u32, socket: &Weak<VsockSocket>) {
    let mut ports = PORTS.lock();
    if let Some(holders) = ports.get_mut(&port) {
        holders.retain(|(_, holder)| !Weak::ptr_eq(holder, socket));
        if holders.is_empty() {
            ports.remove(&port);
        }
    }
}

/// Who has a port of a context.
fn holder(address: Address) -> Option<Arc<VsockSocket>> {
    let ports = PORTS.lock();
    let holders = ports.get(&address.port)?;
    let found = holders.iter().find(|(cid, _)| *cid == address.cid || *cid == ANY)?;
    let socket = found.1.upgrade();
    drop(ports);
    socket
}

/// Makes a connection be found; false if there is one of that name.
pub(crate) fn add(remote: &Arc<Remote>) -> bool {
    let mut connections = CONNECTIONS.lock();
    let is_new = !connections.contains_key(&remote.name);
    if is_new {
        connections.insert(remote.name, Arc::clone(remote));
    }
    is_new
}

/// A connection is over.
pub(crate) fn remove(remote: &Remote) {
    let mut connections = CONNECTIONS.lock();
    let is_there = connections
        .get(&remote.name)
        .is_some_and(|other| core::ptr::eq(Arc::as_ptr(other), remote));
    let taken = is_there.then(|| connections.remove(&remote.name));
    drop(connections);
    drop(taken);
}

/// All connections that go a way.
pub(crate) fn all(way: Way) -> Vec<Arc<Remote>> {
    let connections = CONNECTIONS.lock();
    connections
        .values()
        .filter(|remote| remote.way == way)
        .cloned()
        .collect()
}

/// Gives a packet to whom it is for: the connection that may owe something now.
///
/// # Errors
/// [`Nobody`] is there.
pub(crate) fn find(
    way: Way,
    header: &Header,
    payload: Payload<'_>,
) -> core::result::Result<Option<Arc<Remote>>, Nobody> {
    let name = Name {
        way,
        port: header.to.port,
        peer: header.from,
    };
    let found = CONNECTIONS.lock().get(&name).cloned();
    if let Some(remote) = found {
        // One that the other side is done with makes room for a new one between the same ends.
        let is_done = |remote: &Remote| remote.look(|connection| connection.shutdowns()[1] == NEITHER);
        if header.op != op::REQUEST || !is_done(&remote) {
            remote.receive(header, payload);
            return Ok(Some(remote));
        }
        remove(&remote);
    }
    if header.op != op::REQUEST {
        return Err(Nobody);
    }
    let kind = header.kind().ok_or(Nobody)?;
    let listening = holder(header.to).ok_or(Nobody)?;
    listening.request(way, kind, header).map(Some).ok_or(Nobody)
}

/// Gives a packet to the other end of this machine; that end, if it may owe something now.
pub(crate) fn deliver(packet: Packet) -> Option<Arc<Remote>> {
    let Packet { header, payload } = packet;
    let payload = Payload {
        page: payload.as_ref(),
        offset: 0,
        len: header.len as usize,
    };
    match find(Way::Local, &header, payload) {
        Ok(other) => other,
        Err(Nobody) => find(Way::Local, &header.refusal()?, Payload::default()).ok().flatten(),
    }
}
