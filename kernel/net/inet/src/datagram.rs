//! UDP sockets, those of UDP-Lite (`lite`), and those for echoes (`ping`).
//!
//! A datagram that came waits in the receiver's [`Inbox`]; what finds no room is lost. One to the machine itself is put there at once and never becomes a packet; others go through [`ip::send`]. What finds no receiver
//! comes back to a sender that is connected as `ECONNREFUSED`, and to one that asks for it (`IP_RECVERR`) with all that is known.

mod send;

use crate::control::{self, Manner};
use crate::cork::Cork;
use crate::dissolve::Given;
use crate::inbox::{Inbox, Letter, Trouble, put_bytes};
use crate::membership::{self, Groups};
use crate::ports::{Holder, Ports, Wish};
use crate::stream::NOT_CONNECTED;
use crate::{UDP, address, lite, options, ping};
use abi::ioctl::{FIONREAD, TIOCOUTQ};
use abi::socket::{
    AF_INET6, MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC, SHUT_RD, SHUT_RDWR, SHUT_WR, SO_BROADCAST, SO_ERROR,
    SO_REUSEADDR, SO_REUSEPORT, SOCK_DGRAM, SOL_SOCKET,
};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use ip::{Failed, Handler, Received, Route};
use ipc::options::{Options, Row, Rule, Sort, number};
use lock::SpinLock;
use lock::atomic::{AtomicBool, Ordering};
use packet::udp;
use task::WaitQueue;
use usermem::{Sink, Source, UserPtr};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Listing, Outgoing, Socket};

/// The longest that fits into a packet.
const LONGEST: usize = 65527;
/// The same for the older protocol, whose packets count their headers.
const LONGEST_V4: usize = 65507;
/// The level of options of UDP-Lite.
const LITE: u32 = lite::PROTOCOL as u32;
/// `UDP_CORK`: what is sent waits for more.
const CORK: u32 = 1;
/// `UDP_SEGMENT`: bytes of each datagram of those that are sent in one go.
const SEGMENT: u32 = 103;

/// `UDP_*`: CORK, coverage, ENCAP, NO_CHECK6_TX, NO_CHECK6_RX, SEGMENT, GRO.
const ROWS: [Row; 8] = [
    (CORK, 0, Rule::Flag),
    (lite::SEND_COVERAGE, 0, Rule::Fixed),
    (lite::RECEIVE_COVERAGE, 0, Rule::Fixed),
    (100, 0, Rule::Fixed),
    (101, 0, Rule::Flag),
    (102, 0, Rule::Flag),
    (SEGMENT, 0, Rule::Within(0, 65535)),
    (104, 0, Rule::Flag),
];

static PORTS: Ports<UdpSocket> = Ports::new();

#[derive(Clone, Copy, Default)]
struct Ends {
    own: Option<SocketAddr>,
    peer: Option<SocketAddr>,
    /// What `bind` gave.
    given: Given,
}

/// A datagram socket.
pub(crate) struct UdpSocket {
    family: u16,
    /// The number of UDP, of UDP-Lite, or that of a protocol with echoes.
    protocol: u8,
    uid: u32,
    own: Weak<Self>,
    inbox: Inbox,
    ends: SpinLock<Ends>,
    options: Options,
    groups: Groups,
    cork: Cork,
    stopped_reading: AtomicBool,
    stopped_writing: AtomicBool,
}

impl UdpSocket {
    pub(crate) fn new(family: u16, protocol: u8, uid: u32) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            family,
            protocol,
            uid,
            own: Weak::clone(own),
            inbox: Inbox::default(),
            ends: SpinLock::new(Ends::default()),
            options: Options::default(),
            groups: Groups::default(),
            cork: Cork::default(),
            stopped_reading: AtomicBool::new(false),
            stopped_writing: AtomicBool::new(false),
        })
    }

    fn sort(&self) -> Sort {
        Sort {
            family: self.family,
            kind: SOCK_DGRAM,
            protocol: u32::from(self.protocol),
        }
    }

    fn holder(&self) -> options::Holder<'_> {
        let ends = *self.ends.lock();
        options::Holder {
            options: &self.options,
            sort: self.sort(),
            peer: ends.peer.map(|peer| peer.ip()),
            is_bound: ends.own.is_some(),
        }
    }

    const fn is_lite(&self) -> bool {
        self.protocol == lite::PROTOCOL
    }

    /// Whether it sends and receives echoes, with identifiers in the place of ports.
    const fn is_ping(&self) -> bool {
        matches!(self.protocol, ping::ICMP | ping::ICMPV6)
    }

    fn ports(&self) -> &'static Ports<Self> {
        match self.protocol {
            lite::PROTOCOL => &lite::PORTS,
            ping::ICMP | ping::ICMPV6 => &ping::PORTS,
            _ => &PORTS,
        }
    }

    fn claim(&self, ends: &mut Ends, wanted: SocketAddr) -> Result<()> {
        let wish = Wish {
            ip: wanted.ip(),
            only_v6: self.family == AF_INET6 && options::is_only_v6(&self.options),
            reuse_address: self.options.is_set(SOL_SOCKET, SO_REUSEADDR),
            reuse_port: self.options.is_set(SOL_SOCKET, SO_REUSEPORT),
            uid: self.uid,
            range: options::port_range(&self.options),
        };
        let wish = if self.is_ping() {
            ping::wish(wish, &self.options)
        } else {
            wish
        };
        let port = self.ports().claim(wish, wanted.port(), &self.own)?;
        ends.own = Some(SocketAddr::new(wanted.ip(), port));
        Ok(())
    }

    /// The own address, with a port of its own if it had none.
    fn own_address(&self) -> Result<SocketAddr> {
        let mut ends = self.ends.lock();
        if ends.own.is_none() {
            let all = ends.given.ip_or_any(self.family);
            self.claim(&mut ends, SocketAddr::new(all, 0))?;
        }
        ends.own.ok_or(Errno::EINVAL.into())
    }

    /// It is connected to nobody any more, and has what `bind` gave it.
    fn dissolve(&self) {
        let mut ends = self.ends.lock();
        ends.peer = None;
        let given = ends.given;
        if given.has_port {
            let ip = given.ip_or_any(self.family);
            ends.own.iter_mut().for_each(|own| own.set_ip(ip));
            return;
        }
        let own = ends.own.take();
        drop(ends);
        if let Some(own) = own {
            self.ports().release(own.port(), &self.own);
        }
    }

    /// Where a datagram goes.
    fn target(&self, given: Option<&[u8]>) -> Result<SocketAddr> {
        let Some(bytes) = given else {
            let peer = self.ends.lock().peer;
            return peer.ok_or(Error::new(Errno::EDESTADDRREQ, "the datagram has no address"));
        };
        // A socket of the newer family takes addresses of the older one too.
        let family = address::family_of(bytes).unwrap_or(self.family);
        let older = self.family == AF_INET6 && family != AF_INET6 && !options::is_only_v6(&self.options);
        let to = address::parse(if older { abi::socket::AF_INET } else { self.family }, bytes)?;
        if self.is_ping() {
            return ping::target(self.family, to);
        }
        if to.port() == 0 {
            return Err(Error::new(Errno::EINVAL, "nobody has port 0"));
        }
        Ok(address::or_own(to))
    }

    /// The way to an address, if the socket may take it.
    fn way(&self, to: SocketAddr, manner: &Manner) -> Result<Route> {
        let own = self.ends.lock().own.map(|own| own.ip());
        let own = own.filter(|ip| !ip.is_unspecified() && ip.is_ipv4() == to.is_ipv4());
        let chosen = membership::interface_for(&self.options, to.ip());
        let interface = manner.interface.or(address::interface_of(to)).or(chosen);
        let refused = Error::new(Errno::EACCES, "broadcasting was not asked for (SO_BROADCAST)");
        let may_broadcast = self.options.is_set(SOL_SOCKET, SO_BROADCAST);
        // Refused whether or not there is a card.
        if to.ip() == Ipv4Addr::BROADCAST && !may_broadcast {
            return Err(refused);
        }
        let route = ip::route_when_ready(to.ip(), manner.source.or(own), interface)?;
        if route.is_broadcast && !may_broadcast {
            return Err(refused);
        }
        Ok(route)
    }

    /// A datagram to the machine itself.
    fn put_here(&self, letter: Letter, to: SocketAddr) {
        if let Some(target) = self.ports().find(to, letter.from, |_| true) {
            // What finds no room is lost.
            target.take_in(letter);
            return;
        }
        counters::udp::NO_PORTS.count(to.is_ipv6());
        let offender = to.ip();
        let (kind, code) = if to.is_ipv4() { (3, 3) } else { (1, 4) };
        counters::message(to.is_ipv6(), kind, true);
        counters::message(to.is_ipv6(), kind, false);
        let trouble = Trouble {
            errno: Errno::ECONNREFUSED,
            message: Some((kind, code)),
            info: 0,
            offender,
            letter: Letter { from: to, ..letter },
        };
        self.fail(trouble, true);
    }

    /// How much of a datagram its checksum covers, if not everything.
    fn covered(&self, bytes: &[u8]) -> Option<u16> {
        let whole = bytes.len() + udp::LEN;
        if self.is_lite() {
            lite::covered(&self.options, whole)
        } else {
            None
        }
    }

    /// Whether an answer of a protocol to one of the machine's addresses is for it.
    pub(crate) fn takes_echo(&self, protocol: u8, to: IpAddr) -> bool {
        let own = self.ends.lock().own.map(|own| own.ip());
        self.protocol == protocol && own.is_some_and(|own| own.is_unspecified() || own == to)
    }

    /// The next datagram, how much of it found room, and flags; nothing if there will be none.
    fn receive_letter(&self, into: &mut Sink<'_>, mut flags: u32) -> Result<Option<(Letter, usize, u32)>> {
        if self.is_ping() {
            ping::check_flags(flags)?;
            // As on Linux, what does not fit is not counted.
            flags &= !MSG_TRUNC;
        }
        self.inbox.take_error()?;
        if self.inbox.is_empty() && self.stopped_reading.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let peeks = flags & MSG_PEEK != 0;
        let received = if self.options.has_extras() {
            self.inbox.receive_more(&self.options, into, flags)?
        } else {
            self.inbox.receive(into, flags)?
        };
        if !peeks && self.protocol == udp::PROTOCOL {
            counters::udp::IN_DATAGRAMS.count(received.0.from.is_ipv6());
        }
        Ok(Some(received))
    }

    pub(crate) fn take_echo(&self, letter: Letter) {
        control::take_in(&self.inbox, &self.options, letter, &[]);
    }

    fn take_in(&self, letter: Letter) {
        if letter.covered.is_some() && !lite::is_enough(&self.options, letter.covered) {
            return;
        }
        let own = if self.options.has_extras() {
            self.ends.lock().own
        } else {
            None
        };
        let header = own.map(|own| {
            let header = udp::Header {
                source: letter.from.port(),
                destination: own.port(),
                has_checksum: true,
            };
            header.to_bytes(letter.bytes.len(), [0; 2])
        });
        let newer = letter.from.is_ipv6();
        let header = header.as_ref().map_or(&[][..], |header| header);
        if !control::take_in(&self.inbox, &self.options, letter, header) {
            counters::udp::IN_ERRORS.count(newer);
            counters::udp::RCVBUF_ERRORS.count(newer);
        }
    }

    /// The network says that a datagram to somebody did not arrive.
    pub(crate) fn hear_of_failure(&self, failed: &Failed<'_>, bytes: &[u8], peer: SocketAddr) {
        let too_long = failed.errno == Errno::EMSGSIZE;
        if !too_long || options::path_discovery(&self.options, failed.destination) != 0 {
            self.fail(Trouble::new(failed, bytes, peer), failed.is_fatal || too_long);
        }
    }

    /// A datagram did not arrive: its `letter` is from whom it was to.
    fn fail(&self, trouble: Trouble, is_fatal: bool) {
        let peer = self.ends.lock().peer;
        let is_connected = peer == Some(trouble.letter.from) || self.is_ping() && peer.is_some();
        let wanted = control::wants_troubles(&self.options, trouble.letter.to);
        let errno = trouble.errno;
        if wanted {
            self.inbox.put_trouble(trouble);
        }
        if wanted || is_fatal && is_connected {
            self.inbox.set_error(errno);
        }
    }

    /// The oldest datagram that did not arrive.
    fn receive_trouble(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let trouble = self.inbox.take_trouble()?;
        let (count, cut) = put_bytes(&trouble.letter.bytes, into, flags)?;
        Ok(Incoming {
            count,
            flags: MSG_ERRQUEUE | cut,
            address: address::show(self.family, trouble.letter.from),
            control: alloc::vec![control::of_trouble(&trouble)],
            ..Incoming::default()
        })
    }
}

/// Has datagrams that come by cards taken in.
pub(crate) fn start() {
    ip::register(udp::PROTOCOL, Handler { receive, fail });
    let receive = receive_lite;
    ip::register(lite::PROTOCOL, Handler { receive, fail });
}

/// A datagram came.
fn receive(packet: &Received<'_>) {
    let Some((header, bytes)) = udp::Header::parse(packet.payload) else {
        return;
    };
    let must_sum = header.has_checksum || packet.source.is_ipv6();
    if must_sum && !packet.has_right_checksum() {
        counters::udp::IN_ERRORS.count(packet.source.is_ipv6());
        counters::udp::IN_CSUM_ERRORS.count(packet.source.is_ipv6());
        return;
    }
    take_packet(packet, &PORTS, [header.source, header.destination], bytes, None);
}

/// One of UDP-Lite came.
fn receive_lite(packet: &Received<'_>) {
    if let Some((ports, bytes, covered)) = lite::parse(packet) {
        take_packet(packet, &lite::PORTS, ports, bytes, covered);
    }
}

fn take_packet(packet: &Received<'_>, all: &Ports<UdpSocket>, ports: [u16; 2], bytes: &[u8], covered: Option<u16>) {
    let from = address::scoped(packet.source, ports[0], packet.interface);
    let to = SocketAddr::new(packet.destination, ports[1]);
    let letter = || Letter {
        covered,
        ..Letter::new(packet, bytes.to_vec(), from)
    };
    if !packet.is_unicast {
        all.everybody(to, from)
            .iter()
            .for_each(|socket| socket.take_in(letter()));
        return;
    }
    match all.find(to, from, |_| true) {
        Some(socket) => socket.take_in(letter()),
        None => {
            counters::udp::NO_PORTS.count(packet.source.is_ipv6());
            ip::port_unreachable(packet);
        }
    }
}

/// A datagram of ours did not arrive.
fn fail(failed: &Failed<'_>) {
    let ports = (packet::u16_at(failed.payload, 0), packet::u16_at(failed.payload, 2));
    let (Some(own), Some(peer)) = ports else { return };
    let own = SocketAddr::new(failed.source, own);
    let peer = address::scoped(failed.destination, peer, failed.interface);
    if let Some(socket) = PORTS.find(own, peer, |_| true) {
        socket.hear_of_failure(failed, failed.payload.get(udp::LEN..).unwrap_or_default(), peer);
    }
}

impl Holder for UdpSocket {
    fn is_listening(&self) -> bool {
        false
    }

    fn peer(&self) -> Option<SocketAddr> {
        // Answers to echoes come from whom they come from.
        self.ends.lock().peer.filter(|_| !self.is_ping())
    }
}

impl FileLike for UdpSocket {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        Ok(self.receive_letter(into, 0)?.map_or(0, |(_, count, _)| count))
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.send_to(from, &mut Outgoing::default())
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        let waiting = match request {
            _ if self.is_ping() => return Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
            FIONREAD => self.inbox.next_len(),
            TIOCOUTQ => 0,
            _ => return Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
        };
        UserPtr::<i32>::new(argument).write(&(waiting as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        let ended = self.stopped_reading.load(Ordering::Relaxed);
        let mut events = self.inbox.ready(&self.options);
        if ended {
            events |= Events::READABLE;
        }
        events.set(Events::RDHUP, ended);
        events.set(Events::HUP, ended && self.stopped_writing.load(Ordering::Relaxed));
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.inbox.ear.readable,
            Direction::Write => &self.inbox.ear.writable,
        })
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        self.options.timeout(direction)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}

impl Socket for UdpSocket {
    fn send(&self, _file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        if message.flags & MSG_OOB != 0 && self.family != AF_INET6 {
            return Err(Error::new(Errno::EOPNOTSUPP, "nothing goes out of band"));
        }
        self.send_to(from, message)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if flags & MSG_ERRQUEUE != 0 {
            return self.receive_trouble(into, flags);
        }
        let Some((letter, count, flags)) = self.receive_letter(into, flags)? else {
            return Ok(Incoming::default());
        };
        Ok(Incoming {
            count,
            flags,
            address: address::show(self.family, letter.from),
            control: control::of(&letter, self.family, &self.options),
            ..Incoming::default()
        })
    }

    fn keep_error(&self, errno: Errno) {
        self.inbox.set_error(errno);
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn shut_down(&self, how: u32) -> Result<()> {
        if matches!(how, SHUT_RD | SHUT_RDWR) {
            self.stopped_reading.store(true, Ordering::SeqCst);
        }
        if matches!(how, SHUT_WR | SHUT_RDWR) {
            self.stopped_writing.store(true, Ordering::SeqCst);
        }
        self.inbox.ear.wake_all();
        // As on Linux, it has its effect all the same.
        if self.ends.lock().peer.is_none() {
            return Err(NOT_CONNECTED);
        }
        Ok(())
    }

    fn bind(&self, view: &Context, address: &[u8]) -> Result<()> {
        let wanted = if self.is_ping() {
            ping::parse_for_bind(self.family, address)?
        } else {
            options::parse_for_bind(self.family, address, &view.credentials)?
        };
        let mut ends = self.ends.lock();
        if ends.own.is_some() {
            return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
        }
        self.claim(&mut ends, wanted)?;
        ends.given = Given::new(wanted);
        Ok(())
    }

    fn connect(&self, _view: &Context, address: &[u8]) -> Result<()> {
        if address::is_unspecified(address)? {
            self.dissolve();
            return Ok(());
        }
        let to = address::or_own(address::parse(self.family, address)?);
        let route = self.way(to, &Manner::default())?;
        self.own_address()?;
        if self.family != AF_INET6 {
            // As on Linux, whose newer protocol does not.
            self.cork.redirect(to, route);
        }
        let mut ends = self.ends.lock();
        ends.peer = Some(to);
        if let Some(own) = ends.own.as_mut().filter(|own| own.ip().is_unspecified()) {
            own.set_ip(route.source);
        }
        Ok(())
    }

    fn address(&self) -> Result<Vec<u8>> {
        let ends = *self.ends.lock();
        let own = ends.own;
        let own = own.unwrap_or(SocketAddr::new(ends.given.ip_or_any(self.family), 0));
        Ok(address::show(self.family, own))
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        let peer = self.ends.lock().peer.ok_or(NOT_CONNECTED)?;
        Ok(address::show(self.family, peer))
    }

    fn listing(&self) -> Listing {
        Listing {
            queues: [self.inbox.next_len() as u32, 0],
            uid: self.uid,
            ..Listing::default()
        }
    }

    fn check_level(&self, level: u32, sets: bool) -> Result<()> {
        self.sort().check_level(level, sets)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        match (level, name) {
            (SOL_SOCKET, SO_ERROR) => number(
                self.inbox
                    .take_error()
                    .err()
                    .map_or(0, |error| i32::from(error.errno.0)),
            ),
            (SOL_SOCKET, _) => self.options.get(self.sort(), name),
            (UDP | LITE, lite::SEND_COVERAGE | lite::RECEIVE_COVERAGE) if self.is_lite() => {
                number(self.options.kept(LITE, name).unwrap_or(0))
            }
            (UDP | LITE, _) => options::get_row(&self.options, &ROWS, UDP, name),
            _ => self.holder().get(level, name),
        }
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        if level == SOL_SOCKET {
            return self.options.set(self.sort(), name, value);
        }
        if matches!(level, UDP | LITE) {
            if self.is_lite() && matches!(name, lite::SEND_COVERAGE | lite::RECEIVE_COVERAGE) {
                return lite::set_coverage(&self.options, LITE, name, value);
            }
            options::set_row(&self.options, &ROWS, UDP, name, value)?;
            if name == CORK
                && let Some(waiting) = self.cork.ask(self.options.is_set(UDP, CORK))
            {
                // As on Linux, nobody hears what becomes of it.
                let _ = self.send_prepared(&waiting);
            }
            return Ok(());
        }
        if let Some(done) = self.groups.set(&self.options, level, name, value) {
            return done;
        }
        self.holder().set(level, name, value)
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        if let Some(own) = self.ends.get_mut().own {
            let ports = self.ports();
            ports.release(own.port(), &self.own);
        }
    }
}
