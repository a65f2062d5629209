//! UDP sockets, those of UDP-Lite (`lite`), and those for echoes (`ping`).
//!
//! A datagram that came waits in the receiver's [`Inbox`]; what finds no room is lost. One to the machine itself is put there at once and never becomes a packet; others go through [`ip::send`]. What finds no receiver
//! comes back to a sender that is connected as `ECONNREFUSED`, and to one that asks for it (`IP_RECVERR`) with all that is known.

pub(crate) mod arrive;
mod calls;
mod send;
mod settings;

use crate::control::Manner;
use crate::cork::Cork;
use crate::dissolve::Given;
use crate::extras::Kept;
use crate::inbox::Inbox;
use crate::membership::{self, Groups};
use crate::ports::{Coming, Holder, Ports, What, Wish};
use crate::{address, device, lite, options, ping};
use abi::socket::{AF_INET6, SO_BROADCAST, SO_REUSEADDR, SO_REUSEPORT, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use core::net::{Ipv4Addr, SocketAddr};
use ip::{Route, Via};
use ipc::options::Options;
use lock::SpinLock;
use lock::atomic::AtomicBool;
use packet::udp;

/// The longest that fits into a packet.
const LONGEST: usize = 65527;
/// The same for the older protocol, whose packets count their headers.
const LONGEST_V4: usize = 65507;
/// `UDP_SEGMENT`: bytes of each datagram of those that are sent in one go.
const SEGMENT: u32 = 103;

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
    kept: Kept,
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
            kept: Kept::default(),
            cork: Cork::default(),
            stopped_reading: AtomicBool::new(false),
            stopped_writing: AtomicBool::new(false),
        })
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
            device: self.options.device(),
        };
        let wish = if self.is_ping() {
            ping::wish(wish, &self.options)
        } else {
            wish
        };
        let port = self.ports().claim(wish, wanted.port(), &self.own)?;
        if wish.reuse_port {
            self.ports().join_group(port, &self.own, self.options.chooser());
        }
        ends.own = Some(SocketAddr::new(wanted.ip(), port));
        Ok(())
    }

    /// The own address, with a port of its own if it had none.
    fn own_address(&self) -> Result<SocketAddr> {
        let mut ends = self.ends.lock();
        if ends.own.is_none() {
            let all = ends.given.with_port(self.family, 0);
            self.claim(&mut ends, all)?;
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
    fn way(&self, to: SocketAddr, manner: &Manner, flags: u32) -> Result<(Route, Via)> {
        let own = self.ends.lock().own.map(|own| own.ip());
        let own = own.filter(|ip| !ip.is_unspecified() && ip.is_ipv4() == to.is_ipv4());
        let refused = Error::new(Errno::EACCES, "broadcasting was not asked for (SO_BROADCAST)");
        let may_broadcast = || self.options.is_set(SOL_SOCKET, SO_BROADCAST);
        // Refused whether or not there is a card.
        if to.ip() == Ipv4Addr::BROADCAST && !may_broadcast() {
            return Err(refused);
        }
        let via = device::via(&self.options, to, manner, flags)?;
        let towards = manner.wishes.as_ref().map_or(to.ip(), |wishes| wishes.towards(to.ip()));
        let own = own.or_else(|| membership::source_for(&self.options, towards));
        let route = ip::route_when_ready(towards, manner.source.or(own), via)?;
        if route.is_broadcast && !may_broadcast() {
            return Err(refused);
        }
        let via = Via {
            interface: Some(route.interface),
            ..via
        };
        Ok((route, via))
    }

    /// Has the table of ports know which interface it is bound to.
    fn note_device(&self) {
        let own = self.ends.lock().own;
        if let Some(own) = own {
            self.ports().rebind(own.port(), &self.own, self.options.device());
        }
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
}

impl Holder for UdpSocket {
    #[inline]
    fn takes(&self, coming: &Coming<'_>) -> bool {
        match coming.what {
            What::Echo(protocol) => self.takes_echo(protocol, coming.to.ip()),
            _ => true,
        }
    }

    fn is_listening(&self) -> bool {
        false
    }

    #[inline]
    fn peer(&self) -> Option<SocketAddr> {
        // Answers to echoes come from whom they come from.
        self.ends.lock().peer.filter(|_| !self.is_ping())
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
