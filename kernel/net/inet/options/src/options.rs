//! What streams and datagrams have in common: options of the levels of IP, requests of `ioctl`, and what `bind` checks.
//!
//! Options that only matter to packets are kept, so that who set them finds them again.

use crate::{address, device, membership};
use abi::socket::{AF_INET, AF_INET6, AF_UNSPEC, SOCK_RAW, SOCK_STREAM};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use ip::Via;
use ipc::options::{NO_VALUE, Options, Row, Rule, SHORT, Sort, UNKNOWN, number, number_of};
pub use ipc::options::{get_row, set_number, set_row};

use vfs::{Credentials, capability};

/// The level of the older protocol.
pub const IPPROTO_IP: u32 = 0;
/// The level of the newer one.
pub const IPPROTO_IPV6: u32 = 41;
const IPV6_V6ONLY: u32 = 26;
/// By which interface groups are sent to: an address.
const MULTICAST_IF: u32 = 32;

/// `IP_*`: names that are more than a row.
mod v4 {
    pub(super) const TOS: u32 = 1;
    pub(super) const TTL: u32 = 2;
    pub(super) const HDRINCL: u32 = 3;
    pub(super) const PKTOPTIONS: u32 = 9;
    pub(super) const MTU: u32 = 14;
    pub(super) const NODEFRAG: u32 = 22;
    pub(super) const RECVFRAGSIZE: u32 = 25;
    pub(super) const MULTICAST_TTL: u32 = 33;
    pub(super) const MULTICAST_LOOP: u32 = 34;
    pub(super) const MULTICAST_ALL: u32 = 49;
    pub(super) const UNICAST_IF: u32 = 50;
    pub(super) const LOCAL_PORT_RANGE: u32 = 51;
    pub(super) const PROTOCOL: u32 = 52;
}

/// `IPV6_*`: the same.
mod v6 {
    pub(super) const CHECKSUM: u32 = 7;
    pub(super) const MULTICAST_HOPS: u32 = 18;
    pub(super) const MULTICAST_IF: u32 = 17;
    pub(super) const MTU: u32 = 24;
    pub(super) const HDRINCL: u32 = 36;
    pub(super) const DONTFRAG: u32 = 62;
    pub(super) const TCLASS: u32 = 67;
    pub(super) const AUTOFLOWLABEL: u32 = 70;
    pub(super) const ADDR_PREFERENCES: u32 = 72;
    pub(super) const UNICAST_IF: u32 = 76;
    pub(super) const RECVFRAGSIZE: u32 = 77;
}

/// The answer of who has no peer.
pub const NOT_CONNECTED: Error = Error::new(Errno::ENOTCONN, "the socket is not connected");

const FLAG: Rule = Rule::Flag;

/// `IP_*`: TOS, TTL, RECVOPTS, RETOPTS, PKTINFO, MTU_DISCOVER, RECVERR, RECVTTL, RECVTOS, FREEBIND, PASSSEC, TRANSPARENT, ORIGDSTADDR, MINTTL, NODEFRAG, CHECKSUM,
/// BIND_ADDRESS_NO_PORT, RECVFRAGSIZE, RECVERR_RFC4884, MULTICAST_TTL, MULTICAST_LOOP, MULTICAST_ALL, UNICAST_IF, LOCAL_PORT_RANGE.
const V4: [Row; 24] = [
    (v4::TOS, 0, Rule::Any),
    (v4::TTL, 64, Rule::Resettable(1, 255)),
    (6, 0, FLAG),
    (7, 0, FLAG),
    (8, 0, FLAG),
    (10, 1, Rule::Within(0, 5)),
    (11, 0, FLAG),
    (12, 0, FLAG),
    (13, 0, FLAG),
    (15, 0, FLAG),
    (18, 0, FLAG),
    (19, 0, FLAG),
    (20, 0, FLAG),
    (21, 0, Rule::Within(0, 255)),
    (v4::NODEFRAG, 0, FLAG),
    (23, 0, FLAG),
    (24, 0, FLAG),
    (v4::RECVFRAGSIZE, 0, FLAG),
    (26, 0, Rule::Within(0, 1)),
    (v4::MULTICAST_TTL, 1, Rule::Resettable(0, 255)),
    (v4::MULTICAST_LOOP, 1, FLAG),
    (v4::MULTICAST_ALL, 1, Rule::Within(0, 1)),
    (v4::UNICAST_IF, 0, Rule::Any),
    (v4::LOCAL_PORT_RANGE, 0, Rule::Any),
];

/// Those of which nothing is not 0: TTL, FREEBIND, TRANSPARENT, MINTTL, MULTICAST_TTL, MULTICAST_LOOP, MULTICAST_ALL.
const V4_NOT_EMPTY: [u32; 7] = [2, 15, 19, 21, v4::MULTICAST_TTL, v4::MULTICAST_LOOP, v4::MULTICAST_ALL];

/// `IPV6_*`: 2292PKTINFO, 2292HOPOPTS, 2292DSTOPTS, 2292RTHDR, 2292HOPLIMIT, FLOWINFO, UNICAST_HOPS, MULTICAST_IF, MULTICAST_HOPS, MULTICAST_LOOP, MTU_DISCOVER, RECVERR, V6ONLY, MULTICAST_ALL,
/// ROUTER_ALERT_ISOLATE, RECVERR_RFC4884, FLOWINFO_SEND, HDRINCL, RECVPKTINFO, RECVHOPLIMIT, RECVHOPOPTS, RECVRTHDR, RECVDSTOPTS, RECVPATHMTU, DONTFRAG, RECVTCLASS, TCLASS,
/// AUTOFLOWLABEL, ADDR_PREFERENCES, MINHOPCOUNT, ORIGDSTADDR, TRANSPARENT, UNICAST_IF, RECVFRAGSIZE, FREEBIND.
const V6: [Row; 35] = [
    (2, 0, FLAG),
    (3, 0, FLAG),
    (4, 0, FLAG),
    (5, 0, FLAG),
    (8, 0, FLAG),
    (11, 0, FLAG),
    (16, 64, Rule::Resettable(0, 255)),
    (v6::MULTICAST_IF, 0, Rule::Any),
    (v6::MULTICAST_HOPS, 1, Rule::Resettable(0, 255)),
    (19, 1, Rule::Within(0, 1)),
    (23, 1, Rule::Within(0, 5)),
    (25, 0, FLAG),
    (IPV6_V6ONLY, 0, FLAG),
    (29, 1, FLAG),
    (30, 0, FLAG),
    (31, 0, Rule::Within(0, 1)),
    (33, 0, FLAG),
    (v6::HDRINCL, 0, FLAG),
    (49, 0, FLAG),
    (51, 0, FLAG),
    (53, 0, FLAG),
    (56, 0, FLAG),
    (58, 0, FLAG),
    (60, 0, FLAG),
    (v6::DONTFRAG, 0, FLAG),
    (66, 0, FLAG),
    (v6::TCLASS, 0, Rule::Resettable(0, 255)),
    (v6::AUTOFLOWLABEL, 1, FLAG),
    (v6::ADDR_PREFERENCES, 0x500, Rule::Any),
    (73, 0, Rule::Within(0, 255)),
    (74, 0, FLAG),
    (75, 0, FLAG),
    (v6::UNICAST_IF, 0, Rule::Any),
    (v6::RECVFRAGSIZE, 0, FLAG),
    (78, 0, FLAG),
];

/// The ports that a socket may be given if it asks for none: the first and the last; 0 where that was not said.
pub fn port_range(options: &Options) -> (u16, u16) {
    let range = options.kept(IPPROTO_IP, v4::LOCAL_PORT_RANGE).unwrap_or(0) as u32;
    (range as u16, (range >> 16) as u16)
}

/// Whether a socket that is bound to an address gets a port only when it needs one (`IP_BIND_ADDRESS_NO_PORT`).
pub fn binds_without_port(options: &Options) -> bool {
    options.is_set(IPPROTO_IP, 24)
}

/// Whether a socket of the newer family keeps to it.
pub fn is_only_v6(options: &Options) -> bool {
    let kept = options.kept(IPPROTO_IPV6, IPV6_V6ONLY);
    kept.map_or_else(|| sysctl::BINDV6ONLY.is_on(), |only| only != 0)
}

/// What a socket says of itself for its options of the levels of IP.
#[derive(Clone, Copy)]
pub struct Holder<'a> {
    /// What was set.
    pub options: &'a Options,
    /// What it is.
    pub sort: Sort,
    /// Whom it is connected to.
    pub peer: Option<IpAddr>,
    /// Whether it has an address.
    pub is_bound: bool,
}

impl Holder<'_> {
    const fn is_stream(&self) -> bool {
        self.sort.kind == SOCK_STREAM
    }

    const fn is_raw(&self) -> bool {
        self.sort.kind == SOCK_RAW
    }

    /// An option of the levels of IP.
    pub fn get(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        self.sort.check_level(level, false)?;
        match (level, name) {
            (IPPROTO_IP, v4::MTU) | (IPPROTO_IPV6, v6::MTU) => number(path_mtu(self.peer)? as i32),
            (IPPROTO_IP, v4::PKTOPTIONS) if self.is_stream() => Ok(Vec::new()),
            (IPPROTO_IP, v4::HDRINCL) if !self.is_raw() => number(0),
            (IPPROTO_IP, v4::PROTOCOL) => number(if self.is_raw() { self.sort.protocol as i32 } else { 0 }),
            (IPPROTO_IP, v4::MULTICAST_ALL) if self.sort.family == AF_INET6 => {
                number(self.options.kept(level, name).unwrap_or(0))
            }
            (IPPROTO_IP, MULTICAST_IF) => Ok(membership::older_address(self.options)),
            (IPPROTO_IPV6, v6::HDRINCL) if !self.is_raw() => Err(UNKNOWN),
            (IPPROTO_IPV6, v6::CHECKSUM) if self.is_raw() => number(if self.sort.protocol == 58 { 2 } else { -1 }),
            (IPPROTO_IP, v4::TTL) if self.options.kept(level, name).is_none() => number(sysctl::DEFAULT_TTL.get()),
            (IPPROTO_IP, _) => get_row(self.options, &V4, level, name),
            (IPPROTO_IPV6, _) => get_row(self.options, &V6, level, name),
            _ => Err(UNKNOWN),
        }
    }

    /// Sets an option of the levels of IP.
    pub fn set(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        self.sort.check_level(level, true)?;
        self.options.note_details();
        match level {
            IPPROTO_IP => self.set_v4(name, value),
            IPPROTO_IPV6 => self.set_v6(name, value),
            _ => Err(UNKNOWN),
        }
    }

    fn set_v4(&self, name: u32, value: &[u8]) -> Result<()> {
        // One byte will do, as on Linux, and nothing is 0.
        let given = match value {
            [] if V4_NOT_EMPTY.contains(&name) => return Err(SHORT),
            [] => 0,
            [byte] | [byte, _] | [byte, _, _] => i32::from(*byte),
            _ => number_of(value)?,
        };
        let given = match name {
            v4::TOS if self.is_stream() => given & 0xfc,
            v4::TOS => given & 0xff,
            v4::HDRINCL | v4::NODEFRAG if !self.is_raw() => return Err(UNKNOWN),
            v4::RECVFRAGSIZE | v4::MULTICAST_TTL | MULTICAST_IF if self.is_stream() => return Err(NO_VALUE),
            v4::UNICAST_IF | v4::LOCAL_PORT_RANGE if value.len() != 4 => return Err(SHORT),
            v4::UNICAST_IF => self.check_unicast(u32::from_be(given as u32)).map(|()| given)?,
            v4::LOCAL_PORT_RANGE => {
                let (first, last) = (given & 0xffff, given >> 16 & 0xffff);
                if first != 0 && last != 0 && first > last {
                    return Err(NO_VALUE);
                }
                given
            }
            _ => given,
        };
        set_number(self.options, &V4, IPPROTO_IP, name, given)
    }

    /// Whether it may send by an interface of that number.
    fn check_unicast(&self, index: u32) -> Result<()> {
        if index != 0 {
            check_interface(index, Errno::EADDRNOTAVAIL)?;
            // As on Linux, not even by the same.
            device::check_other(self.options, 0)?;
        }
        self.options.note_way();
        Ok(())
    }

    fn set_v6(&self, name: u32, value: &[u8]) -> Result<()> {
        let may_be_short = matches!(name, v6::DONTFRAG | v6::AUTOFLOWLABEL | v6::RECVFRAGSIZE);
        let is_row = V6.iter().any(|row| row.0 == name);
        let given = match value.first_chunk() {
            Some(bytes) => i32::from_ne_bytes(*bytes),
            None if may_be_short || !is_row && name != v6::MTU && name != v6::CHECKSUM => 0,
            None if matches!(name, v6::MULTICAST_IF | v6::MULTICAST_HOPS) && self.is_stream() => return Err(UNKNOWN),
            None if matches!(name, v6::HDRINCL | v6::CHECKSUM) && !self.is_raw() => return Err(UNKNOWN),
            None => return Err(SHORT),
        };
        let given = match name {
            IPV6_V6ONLY if self.is_bound || self.is_raw() => {
                return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
            }
            v6::MULTICAST_IF | v6::MULTICAST_HOPS if self.is_stream() => return Err(UNKNOWN),
            v6::HDRINCL if !self.is_raw() => return Err(UNKNOWN),
            // The offset of messages' checksum is known.
            v6::CHECKSUM if self.is_raw() && (self.sort.protocol == 58 || given & 1 == 1) => return Err(NO_VALUE),
            v6::TCLASS if self.is_stream() && (-1..256).contains(&given) => given.max(0) & 0xfc,
            v6::ADDR_PREFERENCES => preferences(given)?,
            v6::UNICAST_IF if value.len() != 4 => return Err(SHORT),
            v6::UNICAST_IF => self.check_unicast(u32::from_be(given as u32)).map(|()| given)?,
            _ => given,
        };
        set_number(self.options, &V6, IPPROTO_IPV6, name, given)
    }
}

/// The longest packet that goes to somebody.
///
/// # Errors
/// `ENOTCONN` if nobody is there.
pub(crate) fn path_mtu(peer: Option<IpAddr>) -> Result<u32> {
    let peer = peer.ok_or(NOT_CONNECTED)?;
    let route = ip::route(peer, None, Via::default());
    Ok(route.map_or(65536, |route| if route.is_local { 65536 } else { route.mtu }))
}

/// Whether there is an interface of a number, if it is one.
pub fn check_interface(index: u32, otherwise: Errno) -> Result<()> {
    let is_there = index == 0 || i32::try_from(index).is_ok_and(|index| link::interface::by_index(index).is_some());
    if is_there {
        Ok(())
    } else {
        Err(Error::new(otherwise, "no such interface"))
    }
}

/// Which addresses are preferred (RFC 5014): at most one of each kind; what is not said is as at first.
fn preferences(given: i32) -> Result<i32> {
    const TMP: i32 = 1;
    const PUBLIC: i32 = 2;
    const PUBTMP_DEFAULT: i32 = 0x100;
    const COA: i32 = 4;
    const HOME: i32 = 0x400;
    const CGA: i32 = 8;
    const NONCGA: i32 = 0x800;
    let one = |choices: &[i32]| choices.iter().filter(|choice| given & **choice != 0).count() <= 1;
    if !one(&[TMP, PUBLIC, PUBTMP_DEFAULT]) || !one(&[COA, HOME]) || !one(&[CGA, NONCGA]) {
        return Err(NO_VALUE);
    }
    let kept = given & (TMP | PUBLIC | COA);
    let first = if kept & (TMP | PUBLIC) == 0 { PUBTMP_DEFAULT } else { 0 };
    Ok(kept | first | if kept & COA == 0 { HOME } else { 0 })
}

/// Whether and how the longest packet that a way takes is found out (`IP_PMTUDISC_*`).
pub fn path_discovery(options: &Options, to: IpAddr) -> i32 {
    let (level, name) = match to {
        IpAddr::V4(_) => (IPPROTO_IP, 10),
        IpAddr::V6(_) => (IPPROTO_IPV6, 23),
    };
    options.kept(level, name).unwrap_or(1)
}

/// Whether what a socket sends goes in one piece or not at all, given whether it fits into a packet.
pub fn keeps_whole(options: &Options, to: IpAddr, fits: bool) -> bool {
    const DONT: i32 = 0;
    const WANT: i32 = 1;
    const INTERFACE: i32 = 4;
    const OMIT: i32 = 5;
    match path_discovery(options, to) {
        DONT | OMIT => false,
        WANT => fits,
        INTERFACE => !fits,
        _ => true,
    }
}

/// Bytes of the header before a datagram to an address.
pub const fn ip_header_len(to: IpAddr) -> usize {
    if to.is_ipv4() { 20 } else { 40 }
}

/// The first port that needs no privilege.
fn first_unprivileged() -> u32 {
    sysctl::UNPRIVILEGED_PORT_START.get() as u32
}

/// The address that a socket is to be bound to: one of the machine's own, with a port that the caller may have.
pub fn parse_for_bind(family: u16, bytes: &[u8], who: &Credentials, options: &Options) -> Result<SocketAddr> {
    const SHORTEST: usize = 16;
    let mut bytes = bytes;
    let patched;
    // An old habit: no family and no address mean the older family and all addresses.
    if family == AF_INET && bytes.len() >= SHORTEST && address::family_of(bytes)? == AF_UNSPEC && bytes[4..8] == [0; 4]
    {
        patched = [&AF_INET.to_ne_bytes(), &bytes[2..]].concat();
        bytes = &patched;
    }
    let wanted = address::parse(family, bytes)?;
    let needs_own = match wanted.ip() {
        ip if ip.is_unspecified() => false,
        IpAddr::V4(_) => !sysctl::NONLOCAL_BIND.is_on(),
        IpAddr::V6(_) => !sysctl::NONLOCAL_BIND_NEWER.is_on(),
    };
    let is_near = matches!(wanted.ip(), IpAddr::V6(ip) if address::is_local_to_link(ip));
    if needs_own && !is_near && !address::is_own(wanted.ip()) {
        return Err(Error::new(Errno::EADDRNOTAVAIL, "the machine has no such address"));
    }
    if (1..first_unprivileged()).contains(&u32::from(wanted.port())) && !who.has(capability::NET_BIND_SERVICE) {
        return Err(Error::new(Errno::EACCES, "ports below 1024 need CAP_NET_BIND_SERVICE"));
    }
    device::for_bind(options, wanted)
}
