//! What packet sockets see of connections within the machine: the segments that there would be if they were packets.
//!
//! Nothing of this is kept: places in the streams are those of the channels, and where streams begin follows from who talks to whom. Acknowledgements come right behind what they are for.
//! Bytes are shown out of the channel once they are in it: what a reader on another CPU has taken by then is missing from its packet, whose place tells so.

use crate::stream::TcpSocket;
use crate::{depart, filters, table};
use abi::Result;
use core::net::SocketAddr;
use ip::{Offload, Outgoing};
use ipc::channel::{Along, Channel};
use packet::checksum::Sum;
use tcp::{Header, Options, Seq, flags, segment};
use usermem::Source;

/// The longest piece of a stream in one packet of loopback.
const PIECE: usize = 65_483;
/// What segments say of room: those that begin, in bytes, and all others, in steps of 128.
const FIRST_WINDOW: u16 = 65_495;
const WINDOW: u16 = 512;

/// One way between two sockets: from whom, and to whom.
pub(crate) type Way = (SocketAddr, SocketAddr);

/// Where the stream of one way begins.
fn first((from, to): Way) -> u32 {
    table::hash(&(from, to))
}

/// The header of a segment: what it is, its place in its stream, and how much of the other has come.
pub(crate) fn header(way: Way, kind: u8, place: u64, came: u64) -> ([u8; segment::LONGEST], usize) {
    let (from, to) = way;
    let begins = kind & flags::SYN != 0;
    let header = Header {
        source: from.port(),
        destination: to.port(),
        seq: Seq(first(way).wrapping_add(place as u32)),
        ack: if kind & flags::ACK != 0 {
            Seq(first((to, from)).wrapping_add(came as u32))
        } else {
            Seq(0)
        },
        flags: kind,
        window: match kind {
            _ if begins => FIRST_WINDOW,
            _ if kind & flags::RST != 0 => 0,
            _ => WINDOW,
        },
        urgent: 0,
    };
    let options = Options {
        mss: begins.then_some(FIRST_WINDOW),
        scale: begins.then_some(7),
        may_sack: begins,
        ..Options::default()
    };
    let mut bytes = [0; segment::LONGEST];
    let len = header.write(&options, &mut bytes);
    (bytes, len)
}

/// Shows one segment.
fn show(way: Way, kind: u8, place: u64, came: u64, payload: &[u8]) {
    let (from, to) = way;
    let (mut bytes, len) = header(way, kind, place, came);
    let Ok(route) = ip::route(to.ip(), Some(from.ip()), ip::Via::default()) else {
        return;
    };
    let sum = Sum::pseudo(from.ip(), to.ip(), depart::PROTOCOL, len + payload.len());
    if let Some(field) = bytes.get_mut(segment::CHECKSUM_AT..segment::CHECKSUM_AT + 2) {
        field.copy_from_slice(&sum.partial());
    }
    let payload = [payload];
    let packet = Outgoing {
        dont_fragment: true,
        offload: Some(Offload {
            checksum_at: segment::CHECKSUM_AT as u16,
            segment: None,
            header_len: len as u16,
        }),
        ..Outgoing::new(to.ip(), depart::PROTOCOL, &bytes[..len], &payload)
    };
    ip::show(&packet, &route);
}

/// Two have been joined.
#[cold]
#[inline(never)]
pub(crate) fn joined(client: SocketAddr, server: SocketAddr) {
    let (there, back) = ((client, server), (server, client));
    show(there, flags::SYN, 0, 0, &[]);
    show(back, flags::SYN | flags::ACK, 0, 1, &[]);
    show(there, flags::ACK, 1, 1, &[]);
}

/// Nobody listens.
#[cold]
#[inline(never)]
pub(crate) fn refused(client: SocketAddr, server: SocketAddr) {
    show((client, server), flags::SYN, 0, 0, &[]);
    show((server, client), flags::RST | flags::ACK, 0, 1, &[]);
}

/// Who a socket is, and whom it talks to.
pub(crate) fn way_of(socket: &TcpSocket) -> Option<Way> {
    let ends = socket.ends.lock();
    Some((ends.own?, ends.peer?))
}

/// What both have sent, and whom a socket talks to.
fn places(socket: &TcpSocket) -> Option<(Way, u64, u64)> {
    let way = way_of(socket)?;
    let (incoming, outgoing) = (socket.incoming.get()?, socket.outgoing.get()?);
    Some((
        way,
        outgoing.sent() + 1,
        incoming.sent() + u64::from(incoming.writer_gone()) + 1,
    ))
}

/// Sends bytes within the machine, and shows them.
///
/// # Errors
/// As [`Channel::write`].
#[cold]
#[inline(never)]
pub(crate) fn write(socket: &TcpSocket, outgoing: &Channel, from: &mut Source<'_>, along: Along) -> Result<usize> {
    let written = outgoing.write(from, along)?;
    sent(socket, written);
    Ok(written)
}

/// A socket sends nothing any more, which is shown.
pub(crate) fn end(socket: &TcpSocket, outgoing: &Channel) {
    let ended = outgoing.writer_gone();
    if outgoing.is_filtered() && !ended {
        return filters::end(socket, outgoing);
    }
    outgoing.end_writing();
    if ended || !link::view::has_any() || socket.incoming.get().is_some_and(|incoming| incoming.was_reset()) {
        return;
    }
    if outgoing.was_reset() {
        reset(socket);
    } else {
        ended_well(socket);
    }
}

/// A socket has sent so many bytes.
fn sent(socket: &TcpSocket, count: usize) {
    let (Some((way, end, came)), Some(outgoing)) = (places(socket), socket.outgoing.get()) else {
        return;
    };
    let bytes = outgoing.last(count);
    let mut place = end - bytes.len() as u64;
    for piece in bytes.chunks(PIECE) {
        show(way, flags::PSH | flags::ACK, place, came, piece);
        place += piece.len() as u64;
        show((way.1, way.0), flags::ACK, came, place, &[]);
    }
}

/// The end of a stream, and that it was heard.
#[cold]
#[inline(never)]
fn ended_well(socket: &TcpSocket) {
    if let Some((way, end, came)) = places(socket) {
        show(way, flags::FIN | flags::ACK, end, came, &[]);
        show((way.1, way.0), flags::ACK, came, end + 1, &[]);
    }
}

/// A socket has gone without an end.
#[cold]
#[inline(never)]
pub(crate) fn reset(socket: &TcpSocket) {
    if let Some((way, end, came)) = places(socket) {
        show(way, flags::RST | flags::ACK, end, came, &[]);
    }
}
