//! What goes along with datagrams: by which interface, to which address, with how many hops left (`ip(7)`, `ipv6(7)`), and what became of those that did not arrive.

use crate::address;
use crate::letter::{Letter, Trouble};
use crate::options::{IPPROTO_IP, IPPROTO_IPV6};
use abi::socket::{AF_INET, AF_INET6, SO_RXQ_OVFL, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use ipc::options::Options;
use vfs::Control;

/// Names at the level of the older protocol: options, and what goes along.
mod v4 {
    pub(super) const TOS: u32 = 1;
    pub(super) const TTL: u32 = 2;
    pub(super) const PKTINFO: u32 = 8;
    pub(super) const RECVERR: u32 = 11;
    pub(super) const RECVTTL: u32 = 12;
    pub(super) const RECVTOS: u32 = 13;
    pub(super) const MULTICAST_TTL: u32 = 33;
}

/// Those at the level of the newer one.
mod v6 {
    pub(super) const UNICAST_HOPS: u32 = 16;
    pub(super) const MULTICAST_HOPS: u32 = 18;
    pub(super) const RECVERR: u32 = 25;
    pub(super) const RECVPKTINFO: u32 = 49;
    pub(super) const PKTINFO: u32 = 50;
    pub(super) const RECVHOPLIMIT: u32 = 51;
    pub(super) const HOPLIMIT: u32 = 52;
    pub(super) const RECVTCLASS: u32 = 66;
    pub(super) const TCLASS: u32 = 67;
}

/// How a datagram is to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// The own address.
    pub source: Option<IpAddr>,
    /// By which interface.
    pub interface: Option<u32>,
    hop_limit: Option<u8>,
    traffic_class: Option<u8>,
}

impl Manner {
    /// What goes along with a datagram says so.
    pub fn read(control: &[Control]) -> Result<Self> {
        const WRONG: Error = Error::new(Errno::EINVAL, "no such thing goes along with a datagram");
        let mut manner = Self::default();
        for Control { level, kind, body } in control {
            let number = || Ok::<_, Error>(i32::from_ne_bytes(*body.first_chunk().ok_or(WRONG)?));
            match (*level, *kind) {
                (IPPROTO_IP, v4::PKTINFO) => {
                    let (interface, rest) = body.split_first_chunk::<4>().ok_or(WRONG)?;
                    let source: [u8; 4] = *rest.first_chunk().ok_or(WRONG)?;
                    manner.interface = Some(u32::from_ne_bytes(*interface)).filter(|index| *index != 0);
                    manner.source = Some(IpAddr::from(source)).filter(|ip| !ip.is_unspecified());
                }
                (IPPROTO_IPV6, v6::PKTINFO) => {
                    let (source, rest) = body.split_first_chunk::<16>().ok_or(WRONG)?;
                    let interface = u32::from_ne_bytes(*rest.first_chunk().ok_or(WRONG)?);
                    manner.interface = Some(interface).filter(|index| *index != 0);
                    let source = IpAddr::from(*source).to_canonical();
                    manner.source = Some(source).filter(|ip| !ip.is_unspecified());
                }
                (IPPROTO_IP, v4::TTL) | (IPPROTO_IPV6, v6::HOPLIMIT) => {
                    let hops = number()?;
                    if hops != -1 {
                        manner.hop_limit = Some(u8::try_from(hops).map_err(|_| WRONG)?);
                    }
                }
                (IPPROTO_IP, v4::TOS) if body.len() < 4 => manner.traffic_class = body.first().copied(),
                (IPPROTO_IP, v4::TOS) | (IPPROTO_IPV6, v6::TCLASS) => {
                    manner.traffic_class = Some(number()?.clamp(0, 255) as u8);
                }
                (IPPROTO_IP | IPPROTO_IPV6, _) => return Err(WRONG),
                _ => {}
            }
        }
        Ok(manner)
    }

    /// Whether nothing is said of the way.
    #[inline]
    pub const fn is_plain(&self) -> bool {
        self.source.is_none() && self.interface.is_none()
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
pub fn of(letter: &Letter, family: u16, options: &Options) -> Vec<Control> {
    let mut all = Vec::new();
    if options.has_extras() {
        add_extras(letter, options, &mut all);
    }
    if let (AF_INET, IpAddr::V4(to)) = (family, letter.to) {
        let mut add = |option, kind, body: &[u8]| {
            if options.is_set(IPPROTO_IP, option) {
                all.push(Control {
                    level: IPPROTO_IP,
                    kind,
                    body: body.to_vec(),
                });
            }
        };
        let own = if ip::is_own(letter.to) {
            to
        } else {
            Ipv4Addr::UNSPECIFIED
        };
        let info = [letter.interface.to_ne_bytes(), own.octets(), to.octets()].concat();
        add(v4::PKTINFO, v4::PKTINFO, &info);
        add(v4::RECVTTL, v4::TTL, &i32::from(letter.hop_limit).to_ne_bytes());
        add(v4::RECVTOS, v4::TOS, &[letter.traffic_class]);
        return all;
    }
    let mut add = |option, kind, body: &[u8]| {
        if options.is_set(IPPROTO_IPV6, option) {
            all.push(Control {
                level: IPPROTO_IPV6,
                kind,
                body: body.to_vec(),
            });
        }
    };
    let to = match letter.to {
        IpAddr::V4(to) => to.to_ipv6_mapped(),
        IpAddr::V6(to) => to,
    };
    let info = [&to.octets()[..], &letter.interface.to_ne_bytes()].concat();
    add(v6::RECVPKTINFO, v6::PKTINFO, &info);
    add(
        v6::RECVHOPLIMIT,
        v6::HOPLIMIT,
        &i32::from(letter.hop_limit).to_ne_bytes(),
    );
    add(
        v6::RECVTCLASS,
        v6::TCLASS,
        &i32::from(letter.traffic_class).to_ne_bytes(),
    );
    all
}

/// When it came, and how many were lost before.
#[cold]
#[inline(never)]
fn add_extras(letter: &Letter, options: &Options, all: &mut Vec<Control>) {
    let mut add = |kind, body: &[u8]| {
        all.push(Control {
            level: SOL_SOCKET,
            kind,
            body: body.to_vec(),
        });
    };
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

/// What is told of a datagram that did not arrive: a `struct sock_extended_err`, and who says so.
pub fn of_trouble(trouble: &Trouble) -> Control {
    let is_v4 = trouble.letter.to.is_ipv4();
    let origin = match (trouble.message, is_v4) {
        (None, _) => 1,
        (Some(_), true) => 2,
        (Some(_), false) => 3,
    };
    let (kind, code) = trouble.message.unwrap_or((0, 0));
    let mut body = u32::from(trouble.errno.0).to_ne_bytes().to_vec();
    body.extend([origin, kind, code, 0]);
    body.extend(trouble.info.to_ne_bytes());
    body.extend([0; 4]);
    let (family, level, name) = if is_v4 {
        (AF_INET, IPPROTO_IP, v4::RECVERR)
    } else {
        (AF_INET6, IPPROTO_IPV6, v6::RECVERR)
    };
    if trouble.message.is_some() {
        body.extend(address::show(family, SocketAddr::new(trouble.offender, 0)));
    } else {
        body.extend([0; 16]);
    }
    Control {
        level,
        kind: name,
        body,
    }
}
