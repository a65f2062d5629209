//! Segments that come by the network, each to whom it is for: a connection, what is left of one, or who listens.

use crate::depart::{PROTOCOL, send_header};
use crate::filters;
use crate::ports::{Coming, What};
use crate::stream::PORTS;
use crate::table::{self, Entry, Name};
use alloc::sync::Arc;
use core::net::SocketAddr;
use counters::tcp::{IN_CSUM_ERRORS, IN_ERRS, IN_SEGS};
use ip::{Checked, Failed, Handler, Received, Via};
use lock::atomic::{AtomicBool, Ordering};
use tcp::time_wait::Answer;
use tcp::{Header, Segment, Seq, TimeWait, flags};
use time::Expire;

/// Both bits of RFC 3168: a router has marked the packet.
const MARKED: u8 = 3;

/// Has TCP's packets taken in.
pub(crate) fn start() {
    ip::register(PROTOCOL, Handler { receive, fail });
}

fn receive(packet: &Received<'_>) {
    if !packet.is_unicast {
        return;
    }
    if packet.is_local {
        return by_hand(packet);
    }
    IN_SEGS.count();
    if !packet.has_right_checksum() {
        IN_ERRS.count();
        IN_CSUM_ERRORS.count();
        return;
    }
    let Some(mut segment) = Segment::parse(packet.payload) else {
        IN_ERRS.count();
        return;
    };
    segment.piece = packet.piece;
    segment.marked = packet.traffic_class & MARKED == MARKED;
    let name = (
        SocketAddr::new(packet.destination, segment.destination),
        SocketAddr::new(packet.source, segment.source),
    );
    let refusal = match table::find(&name) {
        Some(Entry::Live(remote)) if remote.takes_from(packet.interface) => {
            if let Some(filter) = remote.filter()
                && !filters::lets_in(&filter, packet, &mut segment)
            {
                return;
            }
            remote.deliver(&segment)
        }
        Some(Entry::Over(_, mut over)) => after(&name, &mut over, packet, &segment),
        _ => begin(&name, packet, &segment, None),
    };
    if let Some(header) = refusal {
        send_header(
            &name,
            Via::by(Some(packet.interface)),
            &header,
            &tcp::Options::default(),
        );
    }
}

/// A segment that never left the machine. Connections within it have none: a program has made this one by hand (a raw socket), or it answers one of those. Those get answers as others do, but no connection comes of them:
/// the port that one seems to come from knows nothing of it, and refuses what is answered.
///
/// Only what a program has made is looked at, which the checksum tells, so that nothing that is sent here leads back to who sends it.
#[cold]
#[inline(never)]
fn by_hand(packet: &Received<'_>) {
    if packet.checksum == Checked::Verified {
        return;
    }
    IN_SEGS.count();
    let Some(segment) = Segment::parse(packet.payload).filter(|_| packet.has_right_checksum()) else {
        IN_ERRS.count();
        return;
    };
    let own = SocketAddr::new(packet.destination, segment.destination);
    let peer = SocketAddr::new(packet.source, segment.source);
    let refusal = if segment.has(flags::ACK) {
        segment.refusal()
    } else {
        begin(&(own, peer), packet, &segment, None)
    };
    let tell = |name: &Name, header: &Header| send_header(name, Via::default(), header, &tcp::Options::default());
    if let Some(header) = refusal {
        tell(&(own, peer), &header);
    } else if segment.flags & (flags::SYN | flags::ACK | flags::RST | flags::FIN) == flags::SYN {
        let header = Header {
            source: segment.source,
            destination: segment.destination,
            seq: segment.seq + 1,
            ack: Seq(0),
            flags: flags::RST,
            window: 0,
            urgent: 0,
        };
        tell(&(peer, own), &header);
        let heard = Segment {
            seq: header.seq,
            flags: header.flags,
            payload: &[],
            ..segment
        };
        begin(&(own, peer), packet, &heard, None);
    }
}

/// A segment for who listens, if somebody does; what is left of a connection makes way then.
#[cold]
#[inline(never)]
fn begin(name: &Name, packet: &Received<'_>, segment: &Segment<'_>, over: Option<&TimeWait>) -> Option<Header> {
    let interface = packet.interface;
    let coming = Coming {
        to: name.0,
        from: name.1,
        interface,
        what: What::Connection,
    };
    match PORTS.find(&coming) {
        Some(socket) => {
            if over.is_some() {
                // Else what is left would get the answers that are for the new one.
                table::remove(name, None);
            }
            let mut segment = *segment;
            if let Some(filter) = socket.options.filter()
                && !filters::lets_in(&filter, packet, &mut segment)
            {
                return None;
            }
            crate::half_open::arrive(&socket, name, interface, &segment, over.map(TimeWait::next))
        }
        None => match over {
            Some(over) => {
                acknowledge(name, interface, over);
                None
            }
            None => segment.refusal(),
        },
    }
}

/// A segment for a connection that is over.
#[cold]
#[inline(never)]
fn after(name: &Name, over: &mut TimeWait, packet: &Received<'_>, segment: &Segment<'_>) -> Option<Header> {
    let answer = over.on_segment(time::now(), segment);
    table::update(name, *over);
    match answer {
        Answer::Drop => {}
        Answer::Forget if sysctl::RFC1337.is_on() => {}
        Answer::Forget => table::remove(name, None),
        Answer::Acknowledge => acknowledge(name, packet.interface, over),
        Answer::Reuse => return begin(name, packet, segment, Some(over)),
    }
    None
}

/// Says again where a connection that is over ended.
fn acknowledge(name: &Name, interface: u32, over: &TimeWait) {
    let options = over.options(time::now());
    send_header(name, Via::by(Some(interface)), &over.acknowledgement(), &options);
}

/// A packet of ours did not arrive.
#[cold]
#[inline(never)]
fn fail(failed: &Failed<'_>) {
    let [a, b, c, d, e, f, g, h] = match failed.payload.first_chunk() {
        Some(start) => *start,
        None => return,
    };
    let name = (
        SocketAddr::new(failed.source, u16::from_be_bytes([a, b])),
        SocketAddr::new(failed.destination, u16::from_be_bytes([c, d])),
    );
    if let Some(Entry::Live(remote)) = table::find(&name) {
        let seq = Seq(u32::from_be_bytes([e, f, g, h]));
        let header = if name.1.is_ipv4() { 20 } else { 40 };
        let fits = failed
            .mtu
            .map(|mtu| mtu.saturating_sub(header).clamp(68, 65_535) as u16);
        remote.fail(failed.errno, failed.is_fatal, seq, fits);
    }
}

static FORGETS: AtomicBool = AtomicBool::new(false);

/// Forgets what is left of connections.
struct Forget;

impl Expire for Forget {
    fn expire(self: Arc<Self>) {
        FORGETS.store(false, Ordering::Relaxed);
        set_forget(table::forget(time::now()));
    }
}

fn set_forget(at: Option<u64>) {
    if let Some(at) = at
        && !FORGETS.swap(true, Ordering::Relaxed)
    {
        time::add(at, Arc::new(Forget));
    }
}

/// Keeps what is left of a connection for a while.
pub(crate) fn keep_over(now: u64, name: Name, sharing: u8, over: TimeWait) {
    set_forget(table::keep(now, name, sharing, over));
}
