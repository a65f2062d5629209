//! Raw sockets (`raw(7)`): packets of one protocol as they are. Each gets a copy of every packet that comes for the machine, of the older protocol with its header.
//!
//! Sideways: `ip`, and `inet-options`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod included;

use abi::fcntl::OpenFlags;
use abi::ioctl::FIONREAD;
use abi::socket::{AF_INET, AF_INET6, MSG_ERRQUEUE, SO_BROADCAST, SO_ERROR, SOCK_RAW, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use inet_options::control::{self, Manner};
use inet_options::cork::{Cork, Prepared};
use inet_options::extras::Kept;
use inet_options::inbox::Inbox;
use inet_options::letter::{Letter, Trouble};
use inet_options::membership::{self, Groups};
use inet_options::options::NOT_CONNECTED;
use inet_options::{address, device, options};
use ip::{Failed, Offload, Received};
use ipc::options::{Options, Sort, number, number_of};
use lock::SpinLock;
use lock::atomic::{AtomicBool, Ordering};
use packet::checksum::Sum;
use task::WaitQueue;
use usermem::{Sink, Source, UserPtr};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Outgoing, Socket};

/// The protocol that stands for all, with the header made by the program.
const RAW: u8 = 255;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// `SOL_RAW` and what it knows: which messages are not wanted.
const SOL_RAW: u32 = 255;
const SOL_ICMPV6: u32 = 58;
const FILTER: u32 = 1;
const HEADER_INCLUDED: u32 = 3;
const HEADER_INCLUDED_NEWER: u32 = 36;
const SUM_AT: u32 = 7;
/// Where the checksum of messages of the newer protocol lies.
const CHECKSUM_AT: u16 = 2;
const LONGEST: usize = 65535;

static SOCKETS: SpinLock<Vec<Weak<RawSocket>>> = SpinLock::new(Vec::new());
/// Whether there has been one.
static ANY: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Copy, Default)]
struct Ends {
    own: Option<SocketAddr>,
    peer: Option<SocketAddr>,
}

/// A raw socket.
pub(crate) struct RawSocket {
    family: u16,
    protocol: u8,
    inbox: Inbox,
    ends: SpinLock<Ends>,
    options: Options,
    groups: Groups,
    kept: Kept,
    cork: Cork,
    /// One bit for each kind of message that is not wanted.
    refused: SpinLock<[u32; 8]>,
}

impl RawSocket {
    pub(crate) fn new(family: u16, protocol: u8) -> Arc<Self> {
        let socket = Arc::new(Self {
            family,
            protocol,
            inbox: Inbox::default(),
            ends: SpinLock::default(),
            options: Options::default(),
            groups: Groups::default(),
            kept: Kept::default(),
            cork: Cork::default(),
            refused: SpinLock::default(),
        });
        if !ANY.swap(true, Ordering::Relaxed) {
            ip::set_witness(receive);
        }
        let mut sockets = SOCKETS.lock();
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(&socket));
        drop(sockets);
        socket
    }

    fn sort(&self) -> Sort {
        Sort {
            family: self.family,
            kind: SOCK_RAW,
            protocol: u32::from(self.protocol),
        }
    }

    fn holder(&self) -> options::Holder<'_> {
        options::Holder {
            options: &self.options,
            sort: self.sort(),
            peer: self.ends.lock().peer.map(|peer| peer.ip()),
            is_bound: true,
        }
    }

    /// Whether a packet of the protocol between two addresses by an interface is for it.
    fn wants(&self, protocol: u8, own: IpAddr, peer: IpAddr, interface: u32) -> bool {
        let family = if own.is_ipv4() { AF_INET } else { AF_INET6 };
        let ends = *self.ends.lock();
        let is = |end: Option<SocketAddr>, ip| end.is_none_or(|end| end.ip().is_unspecified() || end.ip() == ip);
        let is_bound = self.options.device().is_none_or(|device| device == interface);
        family == self.family && protocol == self.protocol && is(ends.own, own) && is(ends.peer, peer) && is_bound
    }

    /// Whether it wants messages of a kind.
    fn takes(&self, kind: u8) -> bool {
        let refused = self.refused.lock()[usize::from(kind / 32)];
        let known = matches!(self.protocol, ICMPV6) || self.protocol == ICMP && kind < 32;
        !known || refused >> (kind % 32) & 1 == 0
    }

    fn send_to(&self, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        self.inbox.take_error()?;
        let len = from.left();
        if len > LONGEST {
            return Err(Error::new(Errno::EMSGSIZE, "longer than a packet"));
        }
        let to = match message.address.take() {
            Some((_, bytes)) => address::parse(self.family, &bytes)?,
            None => {
                let peer = self.ends.lock().peer;
                peer.ok_or(Error::new(Errno::EDESTADDRREQ, "the packet has no address"))?
            }
        };
        let given = address::or_own(to);
        let to = given.ip();
        let mut manner = Manner::read(&message.control)?;
        manner.times = self.options.along(&message.control)?;
        if manner.wishes.is_none() {
            manner.wishes = self.kept.wishes(&self.options);
        }
        let own = self
            .ends
            .lock()
            .own
            .map(|own| own.ip())
            .filter(|ip| !ip.is_unspecified());
        let via = device::via(&self.options, given, &manner, message.flags)?;
        let towards = manner.wishes.as_ref().map_or(to, |wishes| wishes.towards(to));
        let own = own.or_else(|| membership::source_for(&self.options, towards));
        let route = ip::route_when_ready(towards, manner.source.or(own), via)?;
        if route.is_broadcast && !self.options.is_set(SOL_SOCKET, SO_BROADCAST) {
            return Err(Error::new(
                Errno::EACCES,
                "broadcasting was not asked for (SO_BROADCAST)",
            ));
        }
        let prepared = Prepared {
            bytes: Vec::new(),
            own: SocketAddr::new(route.source, 0),
            to: SocketAddr::new(to, 0),
            manner,
            route,
            via: ip::Via {
                interface: Some(route.interface),
                ..via
            },
            piece: None,
        };
        if self.cork.concerns(message.flags) && !self.includes_header() {
            let longest = |_: &Prepared| LONGEST - options::ip_header_len(to);
            if let Some(mut whole) = self.cork.add(from, message.flags, longest, || Ok(prepared))? {
                // As on Linux: the way is the first one's, the address the last one's.
                if to.is_ipv4() {
                    whole.to.set_ip(to);
                }
                self.send_prepared(&whole)?;
            }
            return Ok(len);
        }
        let bytes = from.to_vec()?;
        self.send_prepared(&Prepared { bytes, ..prepared })?;
        Ok(len)
    }

    /// Sends a packet, and tells, if that is wanted, that it does not fit.
    fn send_prepared(&self, whole: &Prepared) -> Result<()> {
        self.send_whole(whole).inspect_err(|error| {
            let wanted = || control::wants_troubles(&self.options, whole.to.ip());
            if error.errno == Errno::EMSGSIZE && wanted() {
                self.inbox.put_trouble(Trouble::too_long(whole.to, &whole.route));
            }
        })?;
        if self.options.has_extras() {
            self.inbox.note_times(&self.options, whole.manner.times, &Vec::new);
        }
        Ok(())
    }

    fn send_whole(&self, whole: &Prepared) -> Result<()> {
        if self.includes_header() {
            return self.send_with_header(whole);
        }
        let Prepared {
            bytes, manner, route, ..
        } = whole;
        let (to, len) = (whole.to.ip(), bytes.len());
        let pieces = [bytes.as_slice()];
        let built = manner.build(to, route.source, self.protocol);
        let mut outgoing = ip::Outgoing {
            source: Some(route.source),
            via: whole.via,
            hop_limit: manner.hop_limit(&self.options, to),
            traffic_class: manner.traffic_class(&self.options, to),
            dont_fragment: options::path_discovery(&self.options, to) == 2,
            flow: manner.flow,
            ..ip::Outgoing::new(to, self.protocol, &[], &pieces)
        };
        if self.family == AF_INET6
            && self.protocol == ICMPV6
            && let Some((header, rest)) = bytes.split_first_chunk::<4>()
            && self.options.kept(SOL_RAW, SUM_AT).is_none_or(|at| at >= 0)
        {
            let sum = Sum::pseudo(route.source, to, ICMPV6, len).partial();
            let rest = [rest];
            ip::send(&ip::Outgoing {
                header: &[&built.before[..], &[header[0], header[1], sum[0], sum[1]]].concat(),
                payload: &rest,
                protocol: built.protocol,
                extra: Some(&built.extra).filter(|extra| !extra.is_empty()),
                offload: Some(Offload {
                    checksum_at: CHECKSUM_AT,
                    segment: None,
                    header_len: 4,
                }),
                ..outgoing
            })?;
            return Ok(());
        }
        outgoing.destination = built.to;
        outgoing.protocol = built.protocol;
        outgoing.header = &built.before;
        outgoing.extra = Some(&built.extra).filter(|extra| !extra.is_empty());
        ip::send(&outgoing)
    }
}

fn interested(protocol: u8, own: IpAddr, peer: IpAddr, interface: u32) -> Vec<Arc<RawSocket>> {
    let sockets = SOCKETS.lock();
    let all = sockets.iter().filter_map(Weak::upgrade);
    let all: Vec<_> = all.collect();
    drop(sockets);
    let wanted = all
        .into_iter()
        .filter(|socket| socket.wants(protocol, own, peer, interface));
    wanted.collect()
}

/// A packet came for the machine.
fn receive(packet: &Received<'_>) {
    for socket in interested(packet.protocol, packet.destination, packet.source, packet.interface) {
        if !socket.takes(packet.payload.first().copied().unwrap_or(0)) {
            continue;
        }
        let header = if packet.source.is_ipv4() { packet.header } else { &[] };
        let from = address::scoped(packet.source, 0, packet.interface);
        let letter = Letter::new(packet, [header, packet.payload].concat(), from);
        let protocol = if packet.source.is_ipv4() { 0 } else { socket.protocol };
        socket.inbox.take_in(&socket.options, letter, &[], protocol);
    }
}

/// A packet of ours did not arrive.
pub fn fail(failed: &Failed<'_>) {
    let protocol = if failed.source.is_ipv4() { ICMP } else { ICMPV6 };
    for socket in interested(protocol, failed.source, failed.destination, failed.interface) {
        let wanted = control::wants_troubles(&socket.options, failed.destination);
        if wanted {
            let peer = address::scoped(failed.destination, 0, failed.interface);
            socket.inbox.put_trouble(Trouble::new(failed, failed.payload, peer));
        }
        let is_connected = socket.ends.lock().peer.is_some();
        if wanted || failed.is_fatal && is_connected {
            socket.inbox.set_error(failed.errno);
        }
    }
}

impl FileLike for RawSocket {
    fn read(&self, file: &File, into: &mut Sink<'_>) -> Result<usize> {
        Ok(self.receive(file, into, 0)?.count)
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.send_to(from, &mut Outgoing::default())
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        if request != FIONREAD {
            return Err(Error::new(Errno::ENOTTY, "a socket does not know the request"));
        }
        UserPtr::<i32>::new(argument).write(&(self.inbox.next_len() as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        self.inbox.ready(&self.options)
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

impl Socket for RawSocket {
    fn send(&self, _file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        self.send_to(from, message)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if flags & MSG_ERRQUEUE != 0 {
            return self.inbox.give_trouble(self.family, &self.options, into, flags);
        }
        self.inbox.take_error()?;
        let (letter, count, flags) = self.inbox.receive_more(&self.options, into, flags)?;
        Ok(Incoming {
            count,
            flags,
            address: address::show(self.family, letter.from),
            control: control::of(&letter, self.family, &self.options),
            ..Incoming::default()
        })
    }

    fn takes_along(&self) -> bool {
        true
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn shut_down(&self, _how: u32) -> Result<()> {
        let connected = self.ends.lock().peer.is_some();
        if connected { Ok(()) } else { Err(NOT_CONNECTED) }
    }

    fn bind(&self, _view: &Context, address: &[u8]) -> Result<()> {
        let wanted = address::parse(self.family, address)?;
        let is_near = matches!(wanted.ip(), IpAddr::V6(ip) if address::is_local_to_link(ip));
        if !wanted.ip().is_unspecified() && !is_near && !address::is_own(wanted.ip()) {
            return Err(Error::new(Errno::EADDRNOTAVAIL, "the machine has no such address"));
        }
        self.ends.lock().own = Some(device::for_bind(&self.options, wanted)?);
        Ok(())
    }

    fn connect(&self, _view: &Context, address: &[u8]) -> Result<()> {
        if address::is_unspecified(address)? {
            self.ends.lock().peer = None;
            return Ok(());
        }
        let to = device::for_connect(&self.options, address::or_own(address::parse(self.family, address)?))?;
        let via = device::via(&self.options, to, &Manner::default(), 0)?;
        let route = ip::route_when_ready(to.ip(), None, via)?;
        let mut ends = self.ends.lock();
        ends.peer = Some(to);
        ends.own.get_or_insert(SocketAddr::new(route.source, 0));
        Ok(())
    }

    fn address(&self) -> Result<Vec<u8>> {
        let own = self.ends.lock().own;
        let own = own.unwrap_or(SocketAddr::new(address::any(self.family), 0));
        // The protocol stands in the port's place.
        let own = SocketAddr::new(own.ip(), u16::from(self.protocol));
        Ok(address::show(self.family, own))
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        let peer = self.ends.lock().peer.ok_or(NOT_CONNECTED)?;
        Ok(address::show(self.family, peer))
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
            (SOL_SOCKET, _) => device::get(&self.options, name).unwrap_or_else(|| self.options.get(self.sort(), name)),
            (SOL_RAW | SOL_ICMPV6, FILTER) => {
                let refused = *self.refused.lock();
                Ok(refused.iter().flat_map(|word| word.to_ne_bytes()).collect())
            }
            (options::IPPROTO_IP, HEADER_INCLUDED) | (options::IPPROTO_IPV6, HEADER_INCLUDED_NEWER) => {
                number(i32::from(self.includes_header()))
            }
            _ => {
                self.sort().check_level(level, false)?;
                let peer = self.ends.lock().peer.map(|peer| peer.ip());
                let kept = self.kept.get(level, name, peer);
                kept.unwrap_or_else(|| self.holder().get(level, name))
            }
        }
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        match (level, name) {
            (SOL_SOCKET, _) => {
                device::set(&self.options, name, value).unwrap_or_else(|| self.options.set(self.sort(), name, value))
            }
            (SOL_RAW | SOL_ICMPV6, FILTER) => {
                let mut refused = self.refused.lock();
                for (word, bytes) in refused.iter_mut().zip(value.chunks_exact(4)) {
                    *word = number_of(bytes)? as u32;
                }
                Ok(())
            }
            (options::IPPROTO_IP, HEADER_INCLUDED) => {
                let given = value.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
                let given = given.unwrap_or_else(|| i32::from(value.first().copied().unwrap_or(0)));
                self.options.keep(level, name, i32::from(given != 0));
                Ok(())
            }
            (SOL_RAW, SUM_AT) if self.family == AF_INET6 && self.protocol == ICMPV6 => {
                match number_of(value)? {
                    // Where it lies anyhow, or none at all.
                    at if at < 0 || at == i32::from(CHECKSUM_AT) => {
                        self.options.keep(level, name, at);
                        Ok(())
                    }
                    _ => Err(Error::new(
                        Errno::EINVAL,
                        "messages of this protocol have no checksum there",
                    )),
                }
            }
            _ => {
                let done = self.groups.set(&self.options, level, name, value);
                let done = done.or_else(|| self.kept.set(&self.options, level, name, value));
                done.unwrap_or_else(|| self.holder().set(level, name, value))
            }
        }
    }
}

/// Whether a protocol's number can be a raw socket's.
pub fn open(family: u16, protocol: u32, flags: OpenFlags) -> Result<Arc<File>> {
    let number = u8::try_from(protocol).map_err(|_| Error::new(Errno::EINVAL, "no such protocol"))?;
    Ok(inet_options::open(RawSocket::new(family, number), flags))
}
