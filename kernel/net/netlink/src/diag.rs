//! `NETLINK_SOCK_DIAG` (`sock_diag(7)`): lists of sockets, as `ss` asks for them.

use crate::reply::Reply;
use crate::route::bytes_of;
use crate::survey::{self, Found, Seen, state};
use abi::socket::{AF_INET, AF_INET6, AF_UNIX, SO_BINDTOIFINDEX, SO_RCVBUF, SO_SNDBUF, SOCK_DGRAM, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use netlink_view::{Message, flag, word32};

/// The one kind of message, asked and answered.
const BY_FAMILY: u16 = 20;

const TCP: u32 = 6;
const UDP: u32 = 17;

/// What of an internet socket is asked for, one bit for each but 0.
const MEMORY: u16 = 1;
const INFORMATION: u16 = 2;
const CONGESTION: u16 = 4;
const ALL_MEMORY: u16 = 7;
const SHUTDOWN: u16 = 8;
const ONLY_V6: u16 = 11;

const TCP_INFO: u32 = 11;
const TCP_CONGESTION: u32 = 13;
const IPPROTO_IPV6: u32 = 41;
const IPV6_V6ONLY: u32 = 26;

/// Of a local one.
mod local {
    pub(super) const NAME: u16 = 0;
    pub(super) const PEER: u16 = 2;
    pub(super) const QUEUES: u16 = 4;
    pub(super) const SHUTDOWN: u16 = 6;
    pub(super) const UID: u16 = 7;
    /// Which of them are asked for: name, peer, queues, user.
    pub(super) const SHOW_NAME: u32 = 1;
    pub(super) const SHOW_PEER: u32 = 4;
    pub(super) const SHOW_QUEUES: u32 = 0x10;
    pub(super) const SHOW_UID: u32 = 0x40;
}

const MISSING: Error = Error::new(Errno::ENOENT, "there is no such list of sockets");

/// Answers a message.
pub(crate) fn answer(message: &Message<'_>, reply: &mut Reply) -> Result<()> {
    if message.header.kind != BY_FAMILY {
        return Err(Error::new(Errno::EINVAL, "an old way to ask"));
    }
    if message.header.flags & flag::DUMP == 0 {
        return Err(MISSING);
    }
    let body = message.body();
    let byte = |at: usize| body.get(at).copied().unwrap_or(0);
    match u16::from(byte(0)) {
        family @ (AF_INET | AF_INET6) => internet(family, u32::from(byte(1)), body, reply),
        AF_UNIX => unix(body, reply),
        _ => Err(MISSING),
    }
}

/// `struct inet_diag_req_v2`: family, protocol, what is asked for, states, addresses.
fn internet(family: u16, protocol: u32, body: &[u8], reply: &mut Reply) -> Result<()> {
    if ![TCP, UDP].contains(&protocol) {
        return Err(MISSING);
    }
    let asked = body.get(2).copied().unwrap_or(0);
    let states = word32(body, 4);
    for found in survey::internet(family, protocol) {
        if states & 1 << found.state() != 0 {
            show(reply, &found, u16::from(asked));
        }
    }
    if protocol == TCP {
        for one in inet::unowned::all() {
            if (family == 0 || family == one.family) && states & 1 << one.state != 0 {
                let (timer, left) = one.timer;
                let answer = bytes(
                    [one.family as u8, one.state, timer, one.again],
                    [one.own, one.peer],
                    [(left / 1_000_000) as u32, one.queues[0], one.queues[1], one.uid, 0],
                    0,
                );
                reply.message(BY_FAMILY, &answer);
            }
        }
    }
    Ok(())
}

/// `struct inet_diag_msg`: family, state, timer, retransmissions; ports, addresses, interface, cookie; expiry, queues, user, inode.
fn bytes(first: [u8; 4], [own, peer]: [SocketAddr; 2], last: [u32; 5], device: u32) -> Vec<u8> {
    let mut body = Vec::with_capacity(72);
    body.extend(first);
    body.extend(own.port().to_be_bytes());
    body.extend(peer.port().to_be_bytes());
    for end in [own, peer] {
        put_address(&mut body, end);
    }
    let [.., inode] = last;
    for number in [device, inode, 0].into_iter().chain(last) {
        body.extend(number.to_ne_bytes());
    }
    body
}

fn show(reply: &mut Reply, found: &Found, asked: u16) {
    let state = found.state();
    let own = found.own();
    let [receive, send] = found.listing.queues;
    let body = bytes(
        [found.family as u8, state, 0, 0],
        [own, found.peer()],
        [0, receive, send, found.listing.uid, found.inode as u32],
        found.number(SOL_SOCKET, SO_BINDTOIFINDEX),
    );
    let answer = reply.message(BY_FAMILY, &body);
    let asks = |what: u16| asked & 1 << (what - 1) != 0;
    answer.attribute(SHUTDOWN, &[0]);
    let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    if found.family == AF_INET6 && [state::LISTENING, state::CLOSED].contains(&state) {
        let only = own.ip() != any || found.number(IPPROTO_IPV6, IPV6_V6ONLY) != 0;
        answer.attribute(ONLY_V6, &[u8::from(only)]);
    }
    // What waits, and how much may; what is kept ahead of use is not apart here.
    let [receive_room, send_room] = [SO_RCVBUF, SO_SNDBUF].map(|name| found.number(SOL_SOCKET, name));
    let [receive, send] = match state {
        // Those are connections.
        state::LISTENING => [0; 2],
        _ => [receive, send],
    };
    if asks(MEMORY) {
        let memory = [receive, send, 0, send].map(u32::to_ne_bytes);
        answer.attribute(MEMORY, memory.as_flattened());
    }
    if asks(ALL_MEMORY) {
        let memory = [receive, receive_room, send, send_room, 0, send, 0, 0, 0].map(u32::to_ne_bytes);
        answer.attribute(ALL_MEMORY, memory.as_flattened());
    }
    let option = |name| found.file.socket().and_then(|socket| socket.option(TCP, name));
    if found.protocol == TCP
        && asks(INFORMATION)
        && let Ok(information) = option(TCP_INFO)
    {
        answer.attribute(INFORMATION, &information);
    }
    if found.protocol == TCP
        && asks(CONGESTION)
        && let Ok(congestion) = option(TCP_CONGESTION)
    {
        answer.attribute(CONGESTION, &congestion);
    }
}

fn put_address(body: &mut Vec<u8>, end: SocketAddr) {
    let mut bytes = bytes_of(end.ip());
    bytes.resize(16, 0);
    body.extend(bytes);
}

/// `struct unix_diag_req`: family, protocol, states, inode, what is asked for, cookie.
fn unix(body: &[u8], reply: &mut Reply) -> Result<()> {
    let (states, asked) = (word32(body, 4), word32(body, 12));
    let all = survey::sockets(&[AF_UNIX]);
    let mut by_end = Seen::new();
    for found in &all {
        by_end.insert(found.listing.ends[0] as u64, found.inode);
    }
    for found in &all {
        let state = local_state(found);
        if states & 1 << state == 0 {
            continue;
        }
        let mut body = alloc::vec![AF_UNIX as u8, found.kind as u8, state, 0];
        for number in [found.inode as u32, found.inode as u32, 0] {
            body.extend(number.to_ne_bytes());
        }
        let answer = reply.message(BY_FAMILY, &body);
        let name = found.local_name();
        if asked & local::SHOW_NAME != 0 && !name.is_empty() {
            answer.attribute(local::NAME, &name);
        }
        let peer = by_end
            .get(&(found.listing.ends[1] as u64))
            .filter(|_| found.listing.ends[1] != 0);
        if asked & local::SHOW_PEER != 0
            && let Some(peer) = peer
        {
            answer.number(local::PEER, *peer as u32);
        }
        if asked & local::SHOW_QUEUES != 0 {
            let queues = found.listing.queues.map(u32::to_ne_bytes);
            answer.attribute(local::QUEUES, queues.as_flattened());
        }
        if asked & local::SHOW_UID != 0 {
            answer.number(local::UID, found.listing.uid);
        }
        answer.attribute(local::SHUTDOWN, &[0]);
    }
    Ok(())
}

/// The state of a local socket: datagrams have connections or none, and nothing else.
fn local_state(found: &Found) -> u8 {
    match found.state() {
        state::ESTABLISHED if found.kind == SOCK_DGRAM && found.listing.ends[1] == 0 => state::CLOSED,
        state => state,
    }
}
