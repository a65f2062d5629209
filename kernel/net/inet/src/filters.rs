//! Programs that say what of the datagrams and segments that come a socket gets (`SO_ATTACH_FILTER`), and who of several gets them (`SO_ATTACH_REUSEPORT_CBPF`).
//!
//! A program sees what it would see on Linux: the transport protocol's header first, and the network's by its own name. Connections within the machine have no segments: a filter at one of them sees those
//! that there would be (`mirror`), and what it does not let through waits in the channel until another filter does, as a sender on Linux would send it again and again. Not so what it does
//! not let through of acknowledgements, or of the rest of a segment of which it wants the beginning.

use crate::inbox::Letter;
use crate::mirror::{self, Way};
use crate::ports::{Holder, Ports};
use crate::stream::TcpSocket;
use abi::socket::{
    SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF, SO_DETACH_FILTER, SO_DETACH_REUSEPORT_BPF, SO_REUSEPORT, SOL_SOCKET,
};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::IpAddr;
use ip::Received;
use ipc::channel::{Along, Channel};
use ipc::filter::{About, Filter};
use ipc::options::Options;
use packet::{ipv4, ipv6};
use tcp::{Segment, flags};
use usermem::Source;

/// The longest piece of a stream in one segment.
const PIECE: usize = 65_483;

/// What is known of a packet that a filter is to judge.
struct Judged<'a> {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    interface: u32,
    /// The transport protocol's header and what follows, in pieces.
    pieces: [&'a [u8]; 2],
}

/// How many bytes of a packet a filter wants, from the transport protocol's header on.
#[cold]
#[inline(never)]
fn judge(filter: &Filter, packet: &Judged<'_>) -> usize {
    let len = packet.pieces.iter().map(|piece| piece.len()).sum();
    let mut bytes = [0; ipv4::LONGEST];
    let header = match (packet.from, packet.to) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => ipv4::Header {
            traffic_class: 0,
            identification: 0,
            dont_fragment: true,
            more_fragments: false,
            offset: 0,
            hop_limit: 64,
            protocol: packet.protocol,
            source,
            destination,
            options: &[],
        }
        .write(len, &mut bytes),
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let header = ipv6::Header {
                traffic_class: 0,
                flow: 0,
                next: packet.protocol,
                hop_limit: 64,
                source,
                destination,
            };
            bytes[..ipv6::LEN].copy_from_slice(&header.to_bytes(len));
            ipv6::LEN
        }
        _ => 0,
    };
    let [first, second] = packet.pieces;
    let whole = [&bytes[..header], first, second].concat();
    run(filter, &whole, header, packet.to.is_ipv4(), packet.interface)
}

/// The same for a packet whose network header is there, of so many bytes.
fn run(filter: &Filter, whole: &[u8], header: usize, is_older: bool, interface: u32) -> usize {
    const IPV4: u16 = 0x0800;
    const IPV6: u16 = 0x86dd;
    let about = About {
        protocol: if is_older { IPV4 } else { IPV6 },
        interface,
        start: header as u32,
        ..About::default()
    };
    filter.run(whole, &about) as usize
}

/// Whether a filter wants a datagram: of what it does not want, the rest is cut off. `header` comes before its bytes; of no protocol are those that begin with the network's header.
#[cold]
#[inline(never)]
pub(crate) fn wants(filter: &Filter, letter: &mut Letter, header: &[u8], protocol: u8) -> bool {
    let wanted = if protocol == 0 {
        run(filter, &letter.bytes, 0, letter.to.is_ipv4(), letter.interface)
    } else {
        let packet = Judged {
            from: letter.from.ip(),
            to: letter.to,
            protocol,
            interface: letter.interface,
            pieces: [header, &letter.bytes],
        };
        judge(filter, &packet)
    };
    letter.bytes.truncate(wanted.max(header.len()) - header.len());
    wanted > 0
}

/// Whether a filter lets a segment through that came by the network; of what it wants the beginning of, the rest is cut off.
#[cold]
#[inline(never)]
pub(crate) fn lets_in(filter: &Filter, packet: &Received<'_>, segment: &mut Segment<'_>) -> bool {
    let whole = [packet.header, packet.payload].concat();
    let wanted = run(
        filter,
        &whole,
        packet.header.len(),
        packet.source.is_ipv4(),
        packet.interface,
    );
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
    judge(filter, &packet) > 0
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
