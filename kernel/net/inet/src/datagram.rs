//! UDP sockets.
//!
//! A datagram is put where its receiver waits, with its sender's address as the receiver's family shows it. What finds no room is lost, and what finds no receiver comes back to
//! a sender that is connected as `ECONNREFUSED`.

use crate::ports::{Holder, Ports, Wish};
use crate::stream::NOT_CONNECTED;
use crate::{UDP, address, options};
use abi::socket::{
    AF_INET6, MSG_OOB, SHUT_RD, SHUT_RDWR, SHUT_WR, SO_ACCEPTCONN, SO_BROADCAST, SO_DOMAIN, SO_ERROR, SO_PROTOCOL,
    SO_REUSEADDR, SO_REUSEPORT, SO_TYPE, SOCK_DGRAM, SOL_SOCKET,
};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use ipc::channel::{Channel, Ear};
use ipc::options::{Options, number};
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicU32, Ordering};
use task::WaitQueue;
use usermem::{Sink, Source};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Listing, Outgoing, Socket};

/// The longest that fits into a packet.
const LONGEST: usize = 65507;

/// `UDP_*`: CORK, SEGMENT, GRO.
const ROWS: [options::Row; 3] = [
    (1, 0, i32::MIN, i32::MAX),
    (103, 0, 0, 65535),
    (104, 0, i32::MIN, i32::MAX),
];

static PORTS: Ports<UdpSocket> = Ports::new();

#[derive(Clone, Copy, Default)]
struct Ends {
    own: Option<SocketAddr>,
    peer: Option<SocketAddr>,
}

/// A datagram socket.
pub(crate) struct UdpSocket {
    family: u16,
    uid: u32,
    own: Weak<Self>,
    ear: Arc<Ear>,
    incoming: Arc<Channel>,
    ends: SpinLock<Ends>,
    options: Options,
    /// What went wrong and nobody was told yet: an errno.
    error: AtomicU32,
    stopped_reading: AtomicBool,
    stopped_writing: AtomicBool,
}

impl UdpSocket {
    pub(crate) fn new(family: u16, uid: u32) -> Arc<Self> {
        let ear: Arc<Ear> = Arc::default();
        Arc::new_cyclic(|own| Self {
            family,
            uid,
            own: Weak::clone(own),
            incoming: Channel::new(false, &ear),
            ear,
            ends: SpinLock::new(Ends::default()),
            options: Options::default(),
            error: AtomicU32::new(0),
            stopped_reading: AtomicBool::new(false),
            stopped_writing: AtomicBool::new(false),
        })
    }

    fn take_error(&self) -> Result<()> {
        match self.error.load(Ordering::Relaxed) {
            0 => Ok(()),
            _ => match self.error.swap(0, Ordering::AcqRel) {
                0 => Ok(()),
                errno => Err(Errno(errno as u16).into()),
            },
        }
    }

    fn claim(&self, ends: &mut Ends, wanted: SocketAddr) -> Result<()> {
        let wish = Wish {
            ip: wanted.ip(),
            only_v6: self.family == AF_INET6 && options::is_only_v6(&self.options),
            reuse_address: self.options.is_set(SOL_SOCKET, SO_REUSEADDR),
            reuse_port: self.options.is_set(SOL_SOCKET, SO_REUSEPORT),
            uid: self.uid,
        };
        let port = PORTS.claim(wish, wanted.port(), &self.own)?;
        ends.own = Some(SocketAddr::new(wanted.ip(), port));
        Ok(())
    }

    /// The own address, with a port of its own if it had none.
    fn own_address(&self) -> Result<SocketAddr> {
        let mut ends = self.ends.lock();
        if ends.own.is_none() {
            self.claim(&mut ends, SocketAddr::new(address::any(self.family), 0))?;
        }
        ends.own.ok_or(Errno::EINVAL.into())
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
        if to.port() == 0 {
            return Err(Error::new(Errno::EINVAL, "nobody has port 0"));
        }
        self.check_broadcast(to.ip())?;
        address::destination(to)
    }

    fn check_broadcast(&self, ip: IpAddr) -> Result<()> {
        let broadcast = ip == IpAddr::V4(Ipv4Addr::BROADCAST) || ip == IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255));
        if broadcast && !self.options.is_set(SOL_SOCKET, SO_BROADCAST) {
            return Err(Error::new(
                Errno::EACCES,
                "broadcasting was not asked for (SO_BROADCAST)",
            ));
        }
        Ok(())
    }

    fn send_to(&self, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        self.take_error()?;
        let len = from.left();
        if len > LONGEST {
            return Err(Error::new(Errno::EMSGSIZE, "the datagram does not fit into a packet"));
        }
        if self.stopped_writing.load(Ordering::Relaxed) {
            return Err(Error::new(Errno::EPIPE, "the socket sends nothing any more"));
        }
        let given = message.address.take();
        let to = self.target(given.as_ref().map(|(_, bytes)| bytes.as_slice()))?;
        let own = self.own_address()?;
        let ip = if own.ip().is_unspecified() {
            address::source(to.ip())
        } else {
            own.ip()
        };
        let own = SocketAddr::new(ip, own.port());
        let Some(target) = PORTS.find(to, own, |_| true) else {
            if self.ends.lock().peer == Some(to) {
                self.error.store(u32::from(Errno::ECONNREFUSED.0), Ordering::Release);
                self.ear.wake_all();
            }
            return Ok(from.skip(len));
        };
        let sender = address::show(target.family, own);
        match target.incoming.send(from, message, &sender) {
            // What finds no room is lost.
            Err(error) if error.errno == Errno::EAGAIN => Ok(from.skip(len)),
            sent => sent,
        }
    }
}

impl Holder for UdpSocket {
    fn is_listening(&self) -> bool {
        false
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.ends.lock().peer
    }
}

impl FileLike for UdpSocket {
    fn read(&self, file: &File, into: &mut Sink<'_>) -> Result<usize> {
        Ok(self.receive(file, into, 0)?.count)
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.send_to(from, &mut Outgoing::default())
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        options::request(request, argument, Some(&self.incoming), None)
    }

    fn ready(&self, _file: &File) -> Events {
        let failed = self.error.load(Ordering::Relaxed) != 0;
        let ended = self.stopped_reading.load(Ordering::Relaxed);
        let mut events = Events::WRITABLE;
        events.set(Events::READABLE, failed || ended || !self.incoming.is_empty());
        events.set(Events::ERR, failed);
        events.set(Events::RDHUP, ended);
        events.set(Events::HUP, ended && self.stopped_writing.load(Ordering::Relaxed));
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.ear.readable,
            Direction::Write => &self.ear.writable,
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
        if message.flags & MSG_OOB != 0 {
            return Err(Error::new(Errno::EOPNOTSUPP, "nothing goes out of band"));
        }
        self.send_to(from, message)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        self.take_error()?;
        if self.incoming.is_empty() && self.stopped_reading.load(Ordering::Relaxed) {
            return Ok(Incoming::default());
        }
        let mut incoming = self.incoming.receive(into, flags)?;
        // Who sent is told by local sockets only.
        incoming.credentials = None;
        Ok(incoming)
    }

    fn is_stream(&self) -> bool {
        false
    }

    fn shut_down(&self, how: u32) -> Result<()> {
        if matches!(how, SHUT_RD | SHUT_RDWR) {
            self.stopped_reading.store(true, Ordering::Relaxed);
        }
        if matches!(how, SHUT_WR | SHUT_RDWR) {
            self.stopped_writing.store(true, Ordering::Relaxed);
        }
        self.ear.wake_all();
        // As on Linux, it has its effect all the same.
        if self.ends.lock().peer.is_none() {
            return Err(NOT_CONNECTED);
        }
        Ok(())
    }

    fn bind(&self, view: &Context, address: &[u8]) -> Result<()> {
        let wanted = options::parse_for_bind(self.family, address, &view.credentials)?;
        let mut ends = self.ends.lock();
        if ends.own.is_some() {
            return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
        }
        self.claim(&mut ends, wanted)
    }

    fn connect(&self, _view: &Context, address: &[u8]) -> Result<()> {
        if address::is_unspecified(address)? {
            self.ends.lock().peer = None;
            return Ok(());
        }
        let to = address::destination(address::parse(self.family, address)?)?;
        self.check_broadcast(to.ip())?;
        self.own_address()?;
        let mut ends = self.ends.lock();
        ends.peer = Some(to);
        if let Some(own) = ends.own.as_mut().filter(|own| own.ip().is_unspecified()) {
            own.set_ip(address::source(to.ip()));
        }
        Ok(())
    }

    fn address(&self) -> Result<Vec<u8>> {
        let own = self.ends.lock().own;
        let own = own.unwrap_or(SocketAddr::new(address::any(self.family), 0));
        Ok(address::show(self.family, own))
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        let peer = self.ends.lock().peer.ok_or(NOT_CONNECTED)?;
        Ok(address::show(self.family, peer))
    }

    fn listing(&self) -> Listing {
        Listing {
            queues: [self.incoming.next_len() as u32, 0],
            uid: self.uid,
            ..Listing::default()
        }
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        match (level, name) {
            (SOL_SOCKET, SO_TYPE) => number(SOCK_DGRAM as i32),
            (SOL_SOCKET, SO_DOMAIN) => number(i32::from(self.family)),
            (SOL_SOCKET, SO_PROTOCOL) => number(UDP as i32),
            (SOL_SOCKET, SO_ACCEPTCONN) => number(0),
            (SOL_SOCKET, SO_ERROR) => number(self.take_error().err().map_or(0, |error| i32::from(error.errno.0))),
            (SOL_SOCKET, _) => self.options.get(name),
            (UDP, _) => options::get_row(&self.options, &ROWS, level, name),
            _ => options::get(&self.options, self.family, level, name),
        }
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        if level == SOL_SOCKET {
            return self.options.set(name, value);
        }
        if level == UDP {
            return options::set_row(&self.options, &ROWS, level, name, value);
        }
        let is_bound = self.ends.lock().own.is_some();
        options::set(&self.options, self.family, is_bound, (level, name), value)
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        if let Some(own) = self.ends.get_mut().own {
            PORTS.release(own.port(), &self.own);
        }
    }
}
