//! Datagrams on their way out: prepared, put together (`cork`), cut into several, and given to who has them within the machine, or to the network.

use super::{LONGEST, LONGEST_V4, SEGMENT, UdpSocket};
use crate::control::{self, Manner};
use crate::cork::Prepared;
use crate::letter::{Letter, Trouble};
use crate::ports::{Coming, What};
use crate::{UDP, address, extras, lite, membership, options, ping};
use abi::socket::AF_INET6;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use ip::{Offload, Route, Via};
use lock::atomic::Ordering;
use packet::checksum::Sum;
use packet::udp;
use usermem::Source;
use vfs::{Control, Outgoing};

impl UdpSocket {
    pub(super) fn send_to(&self, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        self.inbox.take_error()?;
        let len = from.left();
        if self.is_ping() {
            ping::check_flags(message.flags)?;
        } else if len > LONGEST && (self.family != AF_INET6 || self.cork.concerns(message.flags)) {
            return Err(Error::new(Errno::EMSGSIZE, "the datagram does not fit into a packet"));
        } else if self.cork.concerns(message.flags) {
            return self.send_with_others(from, message);
        }
        let mut prepared = self.prepare(len, message)?;
        prepared.bytes = from.to_vec()?;
        self.send_prepared(&prepared)?;
        Ok(len)
    }

    /// Adds to a datagram that is put together.
    #[cold]
    #[inline(never)]
    fn send_with_others(&self, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        let len = from.left();
        if let (Some((_, bytes)), AF_INET6) = (&message.address, self.family) {
            self.target(Some(bytes))?;
        }
        let longest = |whole: &Prepared| if whole.to.is_ipv4() { LONGEST_V4 } else { LONGEST };
        let whole = self
            .cork
            .add(from, message.flags, longest, || self.prepare(len, message))?;
        if let Some(whole) = whole {
            self.send_prepared(&whole)?;
        }
        Ok(len)
    }

    /// Where a datagram of so many bytes goes, and how.
    fn prepare(&self, len: usize, message: &mut Outgoing) -> Result<Prepared> {
        if self.stopped_writing.load(Ordering::Relaxed) {
            return Err(Error::new(Errno::EPIPE, "the socket sends nothing any more"));
        }
        let own = self.own_address()?;
        let given = message.address.take();
        let given = given.as_ref().map(|(_, bytes)| bytes.as_slice());
        let to = self.target(given)?;
        let piece = self.piece(&message.control)?;
        let mut manner = Manner::read(&message.control)?;
        if !message.control.is_empty() {
            manner.times = self.options.along(&message.control)?;
        }
        if self.options.has_way() {
            self.complete(&mut manner, given)?;
        }
        let (route, via) = self.way(to, &manner, message.flags)?;
        let longest = if to.is_ipv4() { LONGEST_V4 } else { LONGEST };
        if len > longest && !self.is_ping() {
            self.is_too_long(to, &route);
            return Err(Error::new(Errno::EMSGSIZE, "the datagram does not fit into a packet"));
        }
        if to.is_ipv6() && (self.options.has_way() || manner.dont_fragment.is_some()) {
            self.check_length(len, to, &manner, &route)?;
        }
        Ok(Prepared {
            bytes: Vec::new(),
            own,
            to,
            manner,
            route,
            via,
            piece,
        })
    }

    /// What the socket says of a datagram where nothing along with it does.
    #[cold]
    fn complete(&self, manner: &mut Manner, given: Option<&[u8]>) -> Result<()> {
        if manner.wishes.is_none() {
            manner.wishes = self.kept.wishes(&self.options);
        }
        if manner.flow == 0 {
            manner.flow = extras::flow(&self.options, given);
        }
        let is_routed = manner.wishes.as_ref().is_some_and(|wishes| wishes.is_routed());
        let named = given.and_then(|bytes| address::parse(self.family, bytes).ok());
        if is_routed && named.is_some_and(|named| named.ip().is_unspecified()) {
            return Err(Error::new(Errno::EINVAL, "a way by several addresses ends somewhere"));
        }
        Ok(())
    }

    /// Whether a datagram may be as long as it is; who asked for that is told how long it may be.
    #[cold]
    fn check_length(&self, len: usize, to: SocketAddr, manner: &Manner, route: &Route) -> Result<()> {
        let header = if self.is_ping() { 0 } else { udp::LEN };
        let len = len + header + manner.extras_len(to.ip());
        let Some(fits) = extras::too_long(&self.options, manner.dont_fragment, len, to.ip(), route) else {
            return Ok(());
        };
        self.kept.note_path(fits, to);
        self.is_too_long(to, route);
        Err(Error::new(Errno::EMSGSIZE, "the datagram is longer than its way takes"))
    }

    /// The bytes of each of several datagrams that what is sent is cut into (`UDP_SEGMENT`, or what goes along).
    fn piece(&self, control: &[Control]) -> Result<Option<usize>> {
        const WRONG: Error = Error::new(Errno::EINVAL, "no such thing goes along with a datagram");
        let mut piece = self.options.kept(UDP, SEGMENT).map_or(0, |size| size as usize);
        for Control { kind, body, .. } in control.iter().filter(|along| along.level == UDP && !self.is_ping()) {
            match (*kind, body.as_slice()) {
                (SEGMENT, [low, high]) => piece = usize::from(u16::from_ne_bytes([*low, *high])),
                _ => return Err(WRONG),
            }
        }
        Ok(Some(piece).filter(|piece| *piece > 0))
    }

    pub(super) fn send_prepared(&self, whole: &Prepared) -> Result<()> {
        self.send_whole(whole)?;
        if self.options.has_extras() {
            let frame = || self.sent_frame(whole);
            self.inbox.note_times(&self.options, whole.manner.times, &frame);
        }
        Ok(())
    }

    /// What is told with the times of a datagram.
    fn sent_frame(&self, whole: &Prepared) -> Vec<u8> {
        if self.is_ping() {
            return Vec::new();
        }
        let ip = whole.to.ip();
        let manner = (
            whole.manner.hop_limit(&self.options, ip),
            whole.manner.traffic_class(&self.options, ip),
        );
        self.frame(&whole.bytes, whole.own, whole.to, &whole.route, manner)
    }

    fn send_whole(&self, whole: &Prepared) -> Result<()> {
        /// Datagrams that are sent in one go at most.
        const MOST: usize = 128;
        let Prepared {
            bytes,
            own,
            to,
            manner,
            route,
            via,
            piece,
        } = whole;
        let way = (route, *via);
        if self.is_ping() {
            let sent = self.send_echo(bytes, *own, *to, manner, way);
            return sent.inspect_err(|error| {
                if error.errno == Errno::EMSGSIZE {
                    self.is_too_long(*to, route);
                }
            });
        }
        let piece = match *piece {
            Some(piece) if bytes.len() > piece * MOST => {
                return Err(Error::new(Errno::EINVAL, "too many datagrams in one go"));
            }
            Some(piece) if self.send_joined(whole, piece) => return Ok(()),
            Some(piece) if !bytes.is_empty() => piece,
            _ => return self.send_one(bytes, *own, *to, manner, way),
        };
        bytes
            .chunks(piece)
            .try_for_each(|piece| self.send_one(piece, *own, *to, manner, way))
    }

    /// What is sent to somebody within the machine.
    #[inline]
    fn letter(
        &self,
        bytes: &[u8],
        own: SocketAddr,
        to: SocketAddr,
        (hop_limit, traffic_class, flow): (u8, u8, u32),
        route: &Route,
    ) -> Letter {
        let from = address::scoped(route.source, own.port(), route.interface);
        Letter {
            hop_limit,
            traffic_class,
            flow,
            covered: self.covered(bytes),
            ..Letter::plain(bytes.to_vec(), from, to.ip(), route.interface)
        }
    }

    /// Sends several datagrams as one to somebody within the machine who takes them so; whether he does.
    #[cold]
    fn send_joined(&self, whole: &Prepared, piece: usize) -> bool {
        let Prepared {
            own,
            to,
            manner,
            route,
            bytes,
            ..
        } = whole;
        if !route.is_local || self.is_lite() || manner.extras_len(to.ip()) > 0 || bytes.len() <= piece {
            return false;
        }
        let hop_limit = manner.hop_limit(&self.options, to.ip());
        let traffic_class = manner.traffic_class(&self.options, to.ip());
        let letter = self.letter(bytes, *own, *to, (hop_limit, traffic_class, manner.flow), route);
        let Some(receiver) = self
            .receiver_of(&letter, *to)
            .filter(|receiver| receiver.takes_joined())
        else {
            return false;
        };
        counters::udp::OUT_DATAGRAMS.count(to.is_ipv6());
        if link::view::has_any() {
            self.show(bytes, *own, *to, route, (letter.hop_limit, letter.traffic_class));
        }
        receiver.take_in(Letter {
            piece: piece as u16,
            ..letter
        });
        true
    }

    /// Tells, if that is wanted, that a datagram does not fit.
    #[cold]
    fn is_too_long(&self, to: SocketAddr, route: &Route) {
        if control::wants_troubles(&self.options, to.ip()) {
            self.inbox.put_trouble(Trouble::too_long(to, route));
        }
    }

    fn send_one(
        &self,
        bytes: &[u8],
        own: SocketAddr,
        to: SocketAddr,
        manner: &Manner,
        (route, via): (&Route, Via),
    ) -> Result<()> {
        counters::datagram(counters::udp::OUT_DATAGRAMS, to.is_ipv6(), self.is_lite());
        let hop_limit = manner.hop_limit(&self.options, to.ip());
        let traffic_class = manner.traffic_class(&self.options, to.ip());
        let letter = || self.letter(bytes, own, to, (hop_limit, traffic_class, manner.flow), route);
        let has_extras = manner.extras_len(to.ip()) > 0;
        if route.is_local && !has_extras {
            let letter = letter();
            let Some(receiver) = self.receiver_of(&letter, to) else {
                // It goes as a packet, which is refused by one.
                return self.send_seldom(bytes, own, to, manner, (route, via));
            };
            if link::view::has_any() {
                self.show(bytes, own, to, route, (hop_limit, traffic_class));
            }
            receiver.take_in(letter);
            return Ok(());
        }
        let by_loopback = route.interface == ip::LOOPBACK && !route.is_local;
        if by_loopback || to.ip().is_multicast() && self.comes_back(to, route) {
            let letter = letter();
            let members = self.ports().everybody(&Coming {
                to: SocketAddr::new(to.ip(), to.port()),
                from: letter.from,
                interface: letter.interface,
                what: What::Datagram(&[]),
            });
            members.iter().for_each(|socket| socket.take_in(letter.clone()));
            if by_loopback {
                return Ok(());
            }
        }
        if has_extras || self.is_lite() {
            return self.send_seldom(bytes, own, to, manner, (route, via));
        }
        let header = header_of(own, to);
        let sum = Sum::pseudo(route.source, to.ip(), udp::PROTOCOL, bytes.len() + udp::LEN);
        let header = header.to_bytes(bytes.len(), sum.partial());
        let pieces = [bytes];
        let most = extras::most(&self.options, to.ip());
        let fits = bytes.len() + udp::LEN + options::ip_header_len(to.ip()) <= route.mtu.min(most) as usize;
        ip::send(&ip::Outgoing {
            source: Some(route.source),
            via,
            hop_limit,
            traffic_class,
            most,
            flow: manner.flow,
            dont_fragment: options::keeps_whole(&self.options, to.ip(), fits),
            offload: Some(Offload {
                checksum_at: udp::CHECKSUM_AT,
                segment: None,
                header_len: udp::LEN as u16,
            }),
            ..ip::Outgoing::new(to.ip(), udp::PROTOCOL, &header, &pieces)
        })
    }

    /// Sends a datagram whose headers have more than others, or one of UDP-Lite: all of it is summed here.
    #[cold]
    #[inline(never)]
    fn send_seldom(
        &self,
        bytes: &[u8],
        own: SocketAddr,
        to: SocketAddr,
        manner: &Manner,
        (route, via): (&Route, Via),
    ) -> Result<()> {
        // Those to the machine itself are packets too.
        super::arrive::start();
        let built = manner.build(to.ip(), route.source, self.protocol);
        let ports = [own.port(), to.port()];
        let header = if self.is_lite() {
            lite::header(ports, [route.source, built.to], bytes, self.covered(bytes))
        } else {
            let header = header_of(own, to);
            header.summed(route.source, built.to, bytes)
        };
        let (header, payload) = ([&built.before[..], &header].concat(), [bytes]);
        ip::send(&ip::Outgoing {
            source: Some(route.source),
            via,
            hop_limit: manner.hop_limit(&self.options, to.ip()),
            traffic_class: manner.traffic_class(&self.options, to.ip()),
            dont_fragment: matches!(options::path_discovery(&self.options, to.ip()), 2 | 3),
            most: extras::most(&self.options, to.ip()),
            flow: manner.flow,
            extra: Some(&built.extra).filter(|extra| !extra.is_empty()),
            ..ip::Outgoing::new(built.to, built.protocol, &header, &payload)
        })
    }

    /// Whether what goes to a group comes to the machine too.
    fn comes_back(&self, to: SocketAddr, route: &Route) -> bool {
        membership::comes_back(&self.options, to.ip()) && ip::is_member(route.interface, to.ip())
    }

    /// Shows a datagram to the machine itself to packet sockets.
    #[cold]
    #[inline(never)]
    fn show(&self, bytes: &[u8], own: SocketAddr, to: SocketAddr, route: &Route, manner: (u8, u8)) {
        link::view::show_loopback(&self.frame(bytes, own, to, route, manner));
    }

    /// What a datagram would be as a frame.
    fn frame(
        &self,
        bytes: &[u8],
        own: SocketAddr,
        to: SocketAddr,
        route: &Route,
        (hop_limit, traffic_class): (u8, u8),
    ) -> Vec<u8> {
        let header = if self.is_lite() {
            let ends = [route.source, to.ip()];
            lite::header([own.port(), to.port()], ends, bytes, self.covered(bytes))
        } else {
            let header = header_of(own, to);
            header.summed(route.source, to.ip(), bytes)
        };
        let payload = [bytes];
        let packet = ip::Outgoing {
            hop_limit,
            traffic_class,
            dont_fragment: true,
            ..ip::Outgoing::new(to.ip(), self.protocol, &header, &payload)
        };
        ip::frame_of(&packet, route)
    }

    /// Sends the question for an echo.
    fn send_echo(
        &self,
        bytes: &[u8],
        own: SocketAddr,
        to: SocketAddr,
        manner: &Manner,
        (route, via): (&Route, Via),
    ) -> Result<()> {
        let question = ping::question(self.protocol, bytes, own.port())?;
        let sum = match to.ip() {
            IpAddr::V4(_) => Sum::new(),
            IpAddr::V6(_) => Sum::pseudo(route.source, to.ip(), self.protocol, bytes.len()),
        };
        let (header, rest) = (question.header(sum), [question.body]);
        let built = manner.build(to.ip(), route.source, self.protocol);
        let header = [&built.before[..], &header].concat();
        let fits = bytes.len() + options::ip_header_len(to.ip()) <= route.mtu as usize;
        ip::send(&ip::Outgoing {
            source: Some(route.source),
            via,
            hop_limit: manner.hop_limit(&self.options, to.ip()),
            traffic_class: manner.traffic_class(&self.options, to.ip()),
            dont_fragment: options::keeps_whole(&self.options, to.ip(), fits),
            flow: manner.flow,
            extra: Some(&built.extra).filter(|extra| !extra.is_empty()),
            ..ip::Outgoing::new(built.to, built.protocol, &header, &rest)
        })
    }
}

/// The header of a datagram.
#[inline]
const fn header_of(own: SocketAddr, to: SocketAddr) -> udp::Header {
    udp::Header {
        source: own.port(),
        destination: to.port(),
        has_checksum: true,
    }
}
