//! Programs that say what of the datagrams and segments that come a socket gets (`SO_ATTACH_FILTER`), and who of several gets them (`SO_ATTACH_REUSEPORT_CBPF`).
//!
//! Connections within the machine have no segments: a filter at one of them sees those
//! that there would be (`mirror`), and what it does not let through waits in the channel until another filter does, as a sender on Linux would send it again and again. Not so what it does
//! not let through of acknowledgements, or of the rest of a segment of which it wants the beginning.

use crate::judge::{self, Judged};
use crate::mirror::{self, Way};
use crate::ports::{Holder, Ports};
use crate::stream::TcpSocket;
use abi::socket::{
    SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_FILTER, SO_DETACH_REUSEPORT_BPF, SO_REUSEPORT, SOL_SOCKET,
};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use ip::Received;
use ipc::channel::{Along, Channel};
use ipc::filter::Filter;
use ipc::options::Options;
use tcp::{Segment, flags};
use usermem::Source;

/// The longest piece of a stream in one segment.
const PIECE: usize = 65_483;

/// Whether a filter lets a segment through that came by the network; of what it wants the beginning of, the rest is cut off.
#[cold]
#[inline(never)]
pub(crate) fn lets_in(filter: &Filter, packet: &Received<'_>, segment: &mut Segment<'_>) -> bool {
    let wanted = judge::judge_packet(filter, packet);
    let header = packet.payload.len() - segment.payload.len();
    let kept = wanted.max(header) - header;
    if let Some(part) = segment.payload.get(..kept) {
        segment.payload = part;
    }
    wanted > 0
}

/// Whether the filter of a socket lets a segment through that there would be within the machine.
fn lets_through(filter: &Filter, way: Way, kind: u8, place: u64, payload: &[u8]) -> bool {
    let (bytes, len) = mirror::header(way, kind, place, 1);
    let packet = Judged {
        from: way.0.ip(),
        to: way.1.ip(),
        protocol: crate::depart::PROTOCOL,
        interface: ip::owner(way.1.ip(), None).unwrap_or(ip::LOOPBACK),
        pieces: [bytes.get(..len).unwrap_or_default(), payload],
    };
    judge::judge(filter, &packet) > 0
}

/// Whether the filters of both sides let the beginning of a connection through.
#[cold]
#[inline(never)]
pub(crate) fn let_connect(listener: &Options, client: &Options, way: Way) -> bool {
    let passes = |options: &Options, way, kind, place| {
        let filter = options.filter();
        filter.is_none_or(|filter| lets_through(&filter, way, kind, place, &[]))
    };
    passes(listener, way, flags::SYN, 0)
        && passes(client, (way.1, way.0), flags::SYN | flags::ACK, 0)
        && passes(listener, way, flags::ACK, 1)
}

/// A socket's filter is another one, or none any more: its connection goes by it, and what was kept back may come now.
#[cold]
#[inline(never)]
pub(crate) fn changed(socket: &TcpSocket) {
    if let Some(incoming) = socket.incoming.get() {
        incoming.filter_stream(socket.options.filter());
        let_in_held(socket, incoming);
    }
}

/// What was kept back comes as far as it may and finds room.
#[cold]
#[inline(never)]
pub(crate) fn let_in_held(socket: &TcpSocket, incoming: &Channel) {
    let Some((to, from)) = mirror::way_of(socket) else {
        return;
    };
    if let Some(held) = incoming.take_held() {
        pass_on(incoming, (from, to), &held.bytes, held.ends);
        drop(held);
        if incoming.held() == 0 {
            // It may have been the last that was kept back.
            incoming.take_held();
        }
    }
}

/// Bytes go to who receives them, or are kept back; and so does the end.
fn pass_on(channel: &Channel, way: Way, bytes: &[u8], ends: bool) {
    let filter = channel.stream_filter();
    let passes = |kind, payload: &[u8]| {
        let place = channel.sent() + 1;
        filter
            .as_ref()
            .is_none_or(|filter| lets_through(filter, way, kind, place, payload))
    };
    let mut left = bytes;
    while !left.is_empty() {
        let piece = &left[..left.len().min(PIECE)];
        let written = if passes(flags::PSH | flags::ACK, piece) {
            channel.write(&mut Source::kernel(piece), Along::Nothing).unwrap_or(0)
        } else {
            0
        };
        left = &left[written..];
        if written < piece.len() {
            return channel.hold(left, ends, written == 0);
        }
    }
    if ends {
        if passes(flags::FIN | flags::ACK, &[]) {
            channel.end_writing();
        } else {
            channel.hold(&[], true, true);
        }
    }
}

/// Sends bytes to somebody within the machine who has a filter.
///
/// # Errors
/// `EAGAIN`, `EFAULT`.
#[cold]
#[inline(never)]
pub(crate) fn write(socket: &TcpSocket, outgoing: &Channel, from: &mut Source<'_>) -> Result<usize> {
    let held = outgoing.held();
    let room = outgoing.room_to_hold().min(PIECE);
    if room == 0 {
        return Err(Errno::EAGAIN.into());
    }
    let Some(way) = mirror::way_of(socket) else {
        return Ok(0);
    };
    let mut bytes = Vec::new();
    let len = from.left().min(room);
    let taken = from.append(&mut bytes, len)?;
    if held > 0 {
        outgoing.hold(&bytes, false, false);
    } else {
        pass_on(outgoing, way, &bytes, false);
    }
    Ok(taken)
}

/// Whether so much is kept back that more should wait.
#[inline]
pub(crate) fn is_full(outgoing: &Channel) -> bool {
    outgoing.is_filtered() && outgoing.held() * 4 > outgoing.capacity()
}

/// The end of what is sent to somebody who has a filter.
#[cold]
#[inline(never)]
pub(crate) fn end(socket: &TcpSocket, outgoing: &Channel) {
    match mirror::way_of(socket) {
        Some(way) if outgoing.held() == 0 => pass_on(outgoing, way, &[], true),
        _ => outgoing.hold(&[], true, false),
    }
}

/// Sets who chooses, or nobody any more, if that is the option.
#[cold]
#[inline(never)]
pub(crate) fn set_chooser<S: Holder>(
    options: &Options,
    (ports, port, socket): (&Ports<S>, Option<u16>, &Weak<S>),
    name: u32,
    value: &[u8],
) -> Option<Result<()>> {
    const NOT_SHARED: Error = Error::new(Errno::EINVAL, "the socket shares no port");
    let chooser = match name {
        SO_ATTACH_REUSEPORT_CBPF => match options.program(value) {
            Ok(program) => Some(program),
            Err(error) => return Some(Err(error)),
        },
        SO_DETACH_REUSEPORT_BPF => None,
        _ => return None,
    };
    let attaches = chooser.is_some();
    let old: Option<Option<Arc<Filter>>> = match port {
        Some(port) => ports.set_chooser(port, socket, chooser),
        None if options.is_set(SOL_SOCKET, SO_REUSEPORT) => Some(options.set_chooser(chooser)),
        None => None,
    };
    Some(match old {
        None if !attaches && options.is_set(SOL_SOCKET, SO_REUSEPORT) => Err(NOTHING),
        None => Err(NOT_SHARED),
        Some(None) if !attaches => Err(NOTHING),
        Some(_) => Ok(()),
    })
}

const NOTHING: Error = Error::new(Errno::ENOENT, "no program chooses");

/// Whether an option is about the filter of a socket.
pub(crate) const fn is_filter(level: u32, name: u32) -> bool {
    level == SOL_SOCKET && matches!(name, SO_ATTACH_FILTER | SO_DETACH_FILTER)
}
