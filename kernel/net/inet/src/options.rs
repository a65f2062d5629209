//! What streams and datagrams have in common: options of the levels of IP, requests of `ioctl`, and what `bind` checks.
//!
//! Options that only matter to packets are kept, so that who set them finds them again.

use crate::{address, limits};
use abi::socket::{AF_INET, AF_INET6, AF_UNSPEC};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use ipc::options::{Options, UNKNOWN, number, number_of};
use vfs::{Credentials, capability};

pub(crate) const IPPROTO_IP: u32 = 0;
pub(crate) const IPPROTO_IPV6: u32 = 41;
const IPV6_V6ONLY: u32 = 26;

/// An option that is a number: its name, its value before anybody sets it, and the least and the most that it may be.
pub(crate) type Row = (u32, i32, i32, i32);

const FLAG: (i32, i32) = (i32::MIN, i32::MAX);

/// `IP_*`: TOS, TTL, RECVOPTS, RETOPTS, PKTINFO, MTU_DISCOVER, RECVERR, RECVTTL, RECVTOS, FREEBIND, TRANSPARENT, BIND_ADDRESS_NO_PORT, MULTICAST_TTL,
/// MULTICAST_LOOP, MULTICAST_ALL.
const V4: [Row; 15] = [
    (1, 0, 0, 255),
    (2, 64, 1, 255),
    (6, 0, FLAG.0, FLAG.1),
    (7, 0, FLAG.0, FLAG.1),
    (8, 0, FLAG.0, FLAG.1),
    (10, 1, 0, 5),
    (11, 0, FLAG.0, FLAG.1),
    (12, 0, FLAG.0, FLAG.1),
    (13, 0, FLAG.0, FLAG.1),
    (15, 0, FLAG.0, FLAG.1),
    (19, 0, FLAG.0, FLAG.1),
    (24, 0, FLAG.0, FLAG.1),
    (33, 1, 0, 255),
    (34, 1, FLAG.0, FLAG.1),
    (49, 1, FLAG.0, FLAG.1),
];

/// `IPV6_*`: UNICAST_HOPS, MULTICAST_HOPS, MULTICAST_LOOP, MTU_DISCOVER, RECVERR, V6ONLY, RECVPKTINFO, RECVHOPLIMIT, RECVRTHDR, RECVHOPOPTS, DONTFRAG, RECVTCLASS,
/// TCLASS, FREEBIND.
const V6: [Row; 14] = [
    (16, 64, -1, 255),
    (18, 1, -1, 255),
    (19, 1, 0, 1),
    (23, 1, 0, 5),
    (25, 0, FLAG.0, FLAG.1),
    (IPV6_V6ONLY, 0, FLAG.0, FLAG.1),
    (49, 0, FLAG.0, FLAG.1),
    (51, 0, FLAG.0, FLAG.1),
    (56, 0, FLAG.0, FLAG.1),
    (53, 0, FLAG.0, FLAG.1),
    (62, 0, FLAG.0, FLAG.1),
    (66, 0, FLAG.0, FLAG.1),
    (67, 0, -1, 255),
    (78, 0, FLAG.0, FLAG.1),
];

fn rows(family: u16, level: u32) -> &'static [Row] {
    match level {
        IPPROTO_IP => &V4,
        IPPROTO_IPV6 if family == AF_INET6 => &V6,
        _ => &[],
    }
}

/// Whether a socket of the newer family keeps to it.
pub(crate) fn is_only_v6(options: &Options) -> bool {
    options.is_set(IPPROTO_IPV6, IPV6_V6ONLY)
}

/// The value of an option that is a row.
pub(crate) fn get_row(options: &Options, rows: &[Row], level: u32, name: u32) -> Result<Vec<u8>> {
    let row = rows.iter().find(|row| row.0 == name).ok_or(UNKNOWN)?;
    number(options.kept(level, name).unwrap_or(row.1))
}

/// Sets an option that is a row: a flag is 0 or 1, whatever was given.
pub(crate) fn set_row(options: &Options, rows: &[Row], level: u32, name: u32, value: &[u8]) -> Result<()> {
    let &(_, default, least, most) = rows.iter().find(|row| row.0 == name).ok_or(UNKNOWN)?;
    // One byte will do, as on Linux.
    let number = match value {
        [byte] | [byte, _] | [byte, _, _] => i32::from(*byte),
        _ => number_of(value)?,
    };
    let is_flag = (least, most) == FLAG;
    let kept = match number {
        _ if is_flag => i32::from(number != 0),
        -1 if least >= 0 && default != 0 => default,
        -1 if least == -1 => default,
        _ if !(least..=most).contains(&number) => {
            return Err(Error::new(Errno::EINVAL, "the option has no such value"));
        }
        _ => number,
    };
    options.keep(level, name, kept);
    Ok(())
}

/// An option of the levels of IP.
pub(crate) fn get(options: &Options, family: u16, level: u32, name: u32) -> Result<Vec<u8>> {
    const IP_MTU: u32 = 14;
    match (level, name) {
        (IPPROTO_IP, IP_MTU) => number(65536),
        _ if rows(family, level).is_empty() && family == AF_INET => {
            Err(Error::new(Errno::EOPNOTSUPP, "no such level of options"))
        }
        _ => get_row(options, rows(family, level), level, name),
    }
}

/// Sets an option of the levels of IP.
pub(crate) fn set(
    options: &Options,
    family: u16,
    is_bound: bool,
    (level, name): (u32, u32),
    value: &[u8],
) -> Result<()> {
    if (level, name) == (IPPROTO_IPV6, IPV6_V6ONLY) && is_bound {
        return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
    }
    set_row(options, rows(family, level), level, name, value)
}

/// Whether and how the longest packet that a way takes is found out (`IP_PMTUDISC_*`).
pub(crate) fn path_discovery(options: &Options, to: IpAddr) -> i32 {
    let (level, name) = match to {
        IpAddr::V4(_) => (IPPROTO_IP, 10),
        IpAddr::V6(_) => (IPPROTO_IPV6, 23),
    };
    options.kept(level, name).unwrap_or(1)
}

/// Bytes of the header before a datagram to an address.
pub(crate) const fn ip_header_len(to: IpAddr) -> usize {
    if to.is_ipv4() { 20 } else { 40 }
}

/// The address that a socket is to be bound to: one of the machine's own, with a port that the caller may have.
pub(crate) fn parse_for_bind(family: u16, bytes: &[u8], who: &Credentials) -> Result<SocketAddr> {
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
    if !wanted.ip().is_unspecified() && !address::is_own(wanted.ip()) {
        return Err(Error::new(Errno::EADDRNOTAVAIL, "the machine has no such address"));
    }
    if (1..limits::first_unprivileged()).contains(&u32::from(wanted.port())) && !who.has(capability::NET_BIND_SERVICE) {
        return Err(Error::new(Errno::EACCES, "ports below 1024 need CAP_NET_BIND_SERVICE"));
    }
    Ok(wanted)
}
