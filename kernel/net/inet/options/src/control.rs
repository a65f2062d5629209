//! What goes along with datagrams: by which interface, to which address, with how many hops left (`ip(7)`, `ipv6(7)`), and what became of those that did not arrive.

use crate::address;
use crate::extras::{self, Built, Wishes, name};
use crate::letter::{Cause, Letter, Trouble};
use crate::options::{IPPROTO_IP, IPPROTO_IPV6};
use abi::socket::{AF_INET, AF_INET6, SO_RXQ_OVFL, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use header_options::{newer, older};
use ipc::options::Options;
use vfs::Control;

/// `SOL_UDP`.
const UDP: u32 = 17;
/// `UDP_GRO`: several datagrams of one flow come as one, with the length of each.
pub const JOINS: u32 = 104;

/// Names at the level of the older protocol: options, and what goes along.
mod v4 {
    pub(super) const TOS: u32 = 1;
    pub(super) const TTL: u32 = 2;
    pub(super) const RECVOPTS: u32 = 6;
    pub(super) const PKTINFO: u32 = 8;
    pub(super) const RECVERR: u32 = 11;
    pub(super) const RECVTTL: u32 = 12;
    pub(super) const RECVTOS: u32 = 13;
    pub(super) const MULTICAST_TTL: u32 = 33;
}

/// Those at the level of the newer one.
mod v6 {
    pub(super) const PKTINFO_OLD: u32 = 2;
    pub(super) const HOPLIMIT_OLD: u32 = 8;
    pub(super) const FLOWINFO: u32 = 11;
    pub(super) const UNICAST_HOPS: u32 = 16;
    pub(super) const MULTICAST_HOPS: u32 = 18;
    pub(super) const RECVERR: u32 = 25;
    pub(super) const RECVPKTINFO: u32 = 49;
    pub(super) const PKTINFO: u32 = 50;
    pub(super) const RECVHOPLIMIT: u32 = 51;
    pub(super) const HOPLIMIT: u32 = 52;
    pub(super) const RECVHOPOPTS: u32 = 53;
    pub(super) const RECVRTHDR: u32 = 56;
    pub(super) const RECVDSTOPTS: u32 = 58;
    pub(super) const DONTFRAG: u32 = 62;
    pub(super) const RECVTCLASS: u32 = 66;
    pub(super) const TCLASS: u32 = 67;
}

/// How a datagram is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// The own address.
    pub source: Option<IpAddr>,
    /// By which interface.
    pub interface: Option<u32>,
    hop_limit: Option<u8>,
    traffic_class: Option<u8>,
    /// The flow that it is of.
    pub flow: u32,
    /// Whether nobody may cut it.
    pub dont_fragment: Option<bool>,
    /// What its headers have besides.
    pub wishes: Option<Arc<Wishes>>,
    /// Which times of its sending are told, if that goes along.
    pub times: Option<u32>,
}

impl Manner {
    /// What goes along with a datagram says so.
    pub fn read(control: &[Control]) -> Result<Self> {
        const WRONG: Error = Error::new(Errno::EINVAL, "no such thing goes along with a datagram");
        let mut manner = Self::default();
        let mut wishes = Wishes::default();
        for Control { level, kind, body } in control {
            let number = || Ok::<_, Error>(i32::from_ne_bytes(*body.first_chunk().ok_or(WRONG)?));
            match (*level, *kind) {
                (IPPROTO_IP, v4::PKTINFO) => {
                    let (interface, rest) = body.split_first_chunk::<4>().ok_or(WRONG)?;
                    let source: [u8; 4] = *rest.first_chunk().ok_or(WRONG)?;
                    manner.interface = Some(u32::from_ne_bytes(*interface)).filter(|index| *index != 0);
                    manner.source = Some(IpAddr::from(source)).filter(|ip| !ip.is_unspecified());
                }
                (IPPROTO_IPV6, v6::PKTINFO | v6::PKTINFO_OLD) => {
                    let (source, rest) = body.split_first_chunk::<16>().ok_or(WRONG)?;
                    let interface = u32::from_ne_bytes(*rest.first_chunk().ok_or(WRONG)?);
                    manner.interface = Some(interface).filter(|index| *index != 0);
                    let source = IpAddr::from(*source).to_canonical();
                    manner.source = Some(source).filter(|ip| !ip.is_unspecified());
                }
                (IPPROTO_IP, v4::TTL) | (IPPROTO_IPV6, v6::HOPLIMIT | v6::HOPLIMIT_OLD) => {
                    let hops = number()?;
                    if *level == IPPROTO_IPV6 && body.len() != 4 {
                        return Err(WRONG);
                    }
                    if hops != -1 {
                        manner.hop_limit = Some(u8::try_from(hops).map_err(|_| WRONG)?);
                    }
                }
                (IPPROTO_IP, v4::TOS) if body.len() < 4 => manner.traffic_class = body.first().copied(),
                (IPPROTO_IP, v4::TOS) => manner.traffic_class = Some(number()?.clamp(0, 255) as u8),
                (IPPROTO_IPV6, v6::TCLASS) => match number()? {
                    _ if body.len() != 4 => return Err(WRONG),
                    -1 => {}
                    class => manner.traffic_class = Some(u8::try_from(class).map_err(|_| WRONG)?),
                },
                (IPPROTO_IPV6, v6::DONTFRAG) => match number()? {
                    whole @ 0..=1 if body.len() == 4 => manner.dont_fragment = Some(whole == 1),
                    _ => return Err(WRONG),
                },
                (IPPROTO_IPV6, v6::FLOWINFO) => {
                    manner.flow = u32::from_be_bytes(*body.first_chunk().ok_or(WRONG)?) & 0xf_ffff;
                }
                (IPPROTO_IP, extras::RETOPTS) => {
                    let given = body.get(..older::LONGEST).unwrap_or(body);
                    wishes.older = Some(extras::older_options(given)?);
                }
                (IPPROTO_IPV6, _) => {
                    wishes.take(*kind, body).unwrap_or(Err(WRONG))?;
                }
                (IPPROTO_IP, _) => return Err(WRONG),
                _ => {}
            }
        }
        if !wishes.is_empty() {
            manner.wishes = Some(Arc::new(wishes));
        }
        Ok(manner)
    }

    /// Whether nothing is said of the way.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.source.is_none() && self.interface.is_none()
    }

    /// Bytes of headers that a datagram to somebody has besides.
    #[inline]
    #[must_use]
    pub fn extras_len(&self, to: IpAddr) -> usize {
        self.wishes.as_ref().map_or(0, |wishes| wishes.len(to))
    }

    /// The headers of a datagram of a protocol to somebody.
    #[must_use]
    pub fn build(&self, to: IpAddr, own: IpAddr, protocol: u8) -> Built {
        match &self.wishes {
            Some(wishes) => wishes.build(to, own, protocol),
            None => Built::plain(to, protocol),
        }
    }

    /// The hops that a packet may take.
    pub fn hop_limit(&self, options: &Options, to: IpAddr) -> u8 {
        let usual = i32::from(ip::usual_hops(to));
        let (level, name, otherwise) = match (to, to.is_multicast()) {
            (IpAddr::V4(_), false) => (IPPROTO_IP, v4::TTL, usual),
            (IpAddr::V4(_), true) => (IPPROTO_IP, v4::MULTICAST_TTL, 1),
            (IpAddr::V6(_), false) => (IPPROTO_IPV6, v6::UNICAST_HOPS, usual),
            (IpAddr::V6(_), true) => (IPPROTO_IPV6, v6::MULTICAST_HOPS, 1),
        };
        let set = || options.kept(level, name).filter(|hops| *hops >= 0).unwrap_or(otherwise);
        self.hop_limit.unwrap_or_else(|| set() as u8)
    }

    /// Its type of service.
    pub fn traffic_class(&self, options: &Options, to: IpAddr) -> u8 {
        let name = match to {
            IpAddr::V4(_) => (IPPROTO_IP, v4::TOS),
            IpAddr::V6(_) => (IPPROTO_IPV6, v6::TCLASS),
        };
        let set = || options.kept(name.0, name.1).unwrap_or(0).clamp(0, 255) as u8;
        self.traffic_class.unwrap_or_else(set)
    }
}

/// What a socket wants to be told with a datagram that came.
#[inline]
#[must_use]
pub fn of(letter: &Letter, family: u16, options: &Options) -> Vec<Control> {
    let mut all = Vec::new();
    if options.has_extras() {
        add_extras(letter, options, &mut all);
    }
    if options.has_details() {
        if letter.piece > 0 {
            let mut told = Told {
                level: UDP,
                options,
                all: &mut all,
            };
            told.add(JOINS, JOINS, &u32::from(letter.piece).to_ne_bytes());
        }
        match (family, letter.to) {
            (AF_INET, IpAddr::V4(to)) => {
                let own = Some(to).filter(|_| ip::is_own(letter.to));
                add_older(letter, (own, to), options, &mut all);
            }
            _ => add_newer(letter, options, &mut all),
        }
    }
    all
}

/// What is told if that was asked for.
struct Told<'a> {
    level: u32,
    options: &'a Options,
    all: &'a mut Vec<Control>,
}

impl Told<'_> {
    /// What an option asks for.
    fn add(&mut self, option: u32, kind: u32, body: &[u8]) {
        if self.options.is_set(self.level, option) {
            add(self.all, self.level, kind, body);
        }
    }
}

#[cold]
#[inline(never)]
fn add_older(letter: &Letter, (own, to): (Option<Ipv4Addr>, Ipv4Addr), options: &Options, all: &mut Vec<Control>) {
    let level = IPPROTO_IP;
    let mut told = Told { level, options, all };
    let own = own.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let info = [letter.interface.to_ne_bytes(), own.octets(), to.octets()].concat();
    told.add(v4::PKTINFO, v4::PKTINFO, &info);
    told.add(v4::RECVTTL, v4::TTL, &i32::from(letter.hop_limit).to_ne_bytes());
    told.add(v4::RECVTOS, v4::TOS, &[letter.traffic_class]);
    if let Some(extras) = &letter.extras {
        told.add(v4::RECVOPTS, v4::RECVOPTS, &extras.1);
        told.add(extras::RETOPTS, extras::RETOPTS, &older::answer(&extras.1));
    }
}

#[cold]
#[inline(never)]
fn add_newer(letter: &Letter, options: &Options, all: &mut Vec<Control>) {
    let level = IPPROTO_IPV6;
    let mut told = Told { level, options, all };
    let to = match letter.to {
        IpAddr::V4(to) => to.to_ipv6_mapped(),
        IpAddr::V6(to) => to,
    };
    let info = [&to.octets()[..], &letter.interface.to_ne_bytes()].concat();
    let hops = i32::from(letter.hop_limit).to_ne_bytes();
    let flow = u32::from(letter.traffic_class) << 20 | letter.flow;
    let headers = || {
        let extras = letter.extras.as_ref().filter(|_| letter.to.is_ipv6());
        extras.into_iter().flat_map(|extras| newer::each(extras.0, &extras.1))
    };
    told.add(v6::RECVPKTINFO, v6::PKTINFO, &info);
    told.add(v6::RECVHOPLIMIT, v6::HOPLIMIT, &hops);
    told.add(
        v6::RECVTCLASS,
        v6::TCLASS,
        &i32::from(letter.traffic_class).to_ne_bytes(),
    );
    if flow != 0 && letter.to.is_ipv6() {
        told.add(v6::FLOWINFO, v6::FLOWINFO, &flow.to_be_bytes());
    }
    for (kind, header) in headers() {
        let (option, name) = match kind {
            newer::HOP_BY_HOP => (v6::RECVHOPOPTS, name::HOPOPTS),
            newer::ROUTING => (v6::RECVRTHDR, name::RTHDR),
            _ => (v6::RECVDSTOPTS, name::DSTOPTS),
        };
        told.add(option, name, header);
    }
    // The same by the names that they had first (RFC 2292).
    told.add(v6::PKTINFO_OLD, v6::PKTINFO_OLD, &info);
    told.add(v6::HOPLIMIT_OLD, v6::HOPLIMIT_OLD, &hops);
    for (kind, header) in headers() {
        let name = match kind {
            newer::HOP_BY_HOP => name::HOPOPTS_OLD,
            newer::ROUTING => name::RTHDR_OLD,
            _ => name::DSTOPTS_OLD,
        };
        told.add(name, name, header);
    }
}

/// When it came, and how many were lost before.
#[cold]
#[inline(never)]
fn add_extras(letter: &Letter, options: &Options, all: &mut Vec<Control>) {
    let mut add = |kind, body: &[u8]| add(all, SOL_SOCKET, kind, body);
    // What came before that was asked for has no time.
    let came = if letter.came == 0 {
        time::wall_now()
    } else {
        letter.came
    };
    options.times(came, &mut add);
    if letter.lost > 0 && options.is_set(SOL_SOCKET, SO_RXQ_OVFL) {
        add(SO_RXQ_OVFL, &letter.lost.to_ne_bytes());
    }
}

/// Whether a socket wants to be told what became of its datagrams.
pub fn wants_troubles(options: &Options, to: IpAddr) -> bool {
    match to {
        IpAddr::V4(_) => options.is_set(IPPROTO_IP, v4::RECVERR),
        IpAddr::V6(_) => options.is_set(IPPROTO_IPV6, v6::RECVERR),
    }
}

/// What is told of a datagram that did not arrive: what is told of any that comes, of the message that says so, and then a `struct
/// sock_extended_err` and who says so.
pub fn of_trouble(trouble: &Trouble, family: u16, options: &Options) -> Vec<Control> {
    let mut all = Vec::new();
    match trouble.cause {
        Cause::Time { .. } => {
            options.time_of_sending(trouble.letter.came, |kind, body| add(&mut all, SOL_SOCKET, kind, body));
        }
        _ if options.has_extras() => add_extras(&trouble.letter, options, &mut all),
        _ => {}
    }
    if options.has_details() && matches!(trouble.cause, Cause::Message(..)) {
        match (family, trouble.letter.to) {
            // As on Linux, the own address is told as the destination only.
            (AF_INET, IpAddr::V4(to)) => add_older(&trouble.letter, (None, to), options, &mut all),
            _ => add_newer(&trouble.letter, options, &mut all),
        }
    }
    let is_v4 = match trouble.cause {
        Cause::Copied { .. } | Cause::Time { .. } => family == AF_INET,
        _ => trouble.letter.to.is_ipv4(),
    };
    let (origin, kind, code, data) = match trouble.cause {
        Cause::Machine => (1, 0, 0, 0),
        Cause::Message(kind, code) => (if is_v4 { 2 } else { 3 }, kind, code, 0),
        Cause::Time { number } => (4, 0, 0, number),
        Cause::Copied { last } => (5, 0, 1, last),
    };
    let mut body = u32::from(trouble.errno.0).to_ne_bytes().to_vec();
    body.extend([origin, kind, code, 0]);
    body.extend(trouble.info.to_ne_bytes());
    body.extend(data.to_ne_bytes());
    let (family, level, name, nobody) = if is_v4 {
        (AF_INET, IPPROTO_IP, v4::RECVERR, 16)
    } else {
        (AF_INET6, IPPROTO_IPV6, v6::RECVERR, 28)
    };
    match trouble.cause {
        Cause::Message(..) => body.extend(address::show(family, SocketAddr::new(trouble.offender, 0))),
        _ => body.resize(body.len() + nobody, 0),
    }
    add(&mut all, level, name, &body);
    all
}

fn add(all: &mut Vec<Control>, level: u32, kind: u32, body: &[u8]) {
    let body = body.to_vec();
    all.push(Control { level, kind, body });
}
