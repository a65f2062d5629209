//! Routes (`struct rtentry`, and `struct in6_rtmsg` of the newer protocol) and neighbours (`struct arpreq`).

use super::{SIOCDARP, SIOCGARP, SIOCSARP, address};
use crate::route::places::{self, MAIN, PERMANENT, Route, UNICAST, UNREACHABLE};
use crate::route::{routes, said};
use abi::{Errno, Error, Result};
use core::net::{IpAddr, Ipv4Addr};
use ip::{Manner, maker};
use link::interface;
use netlink_view::{word16, word32, word64};
use usermem::{UserSlice, read_string};

/// Bytes of the structures.
const ROUTE: usize = 120;
const ROUTE_6: usize = 80;
const NEIGHBOUR: usize = 68;
/// Longest name of an interface.
const NAME: usize = 16;

/// The kind of hardware (`ARPHRD_*`).
const ETHERNET: u16 = 1;

const GATEWAY: u16 = 2;
const HOST: u16 = 4;
const REJECT: u16 = 0x200;
/// Of neighbours: the hardware address is known, and for ever; it is one that this machine would answer for.
const COMPLETE: u32 = 2;
const FOR_EVER: u32 = 4;
const PUBLIC: u32 = 8;

const BAD_PREFIX: Error = Error::new(Errno::EINVAL, "no network is like that");

/// How routes are added that must not be there.
const ALONE: Manner = Manner {
    creates: true,
    replaces: false,
    is_only: true,
    is_last: false,
};

pub(super) fn change(adds: bool, argument: u64) -> Result<u64> {
    let bytes = UserSlice::new(argument, ROUTE).to_vec()?;
    let part = |at: usize| bytes.get(at..at + 16).unwrap_or_default();
    let flags = word16(&bytes, 56);
    let destination = address::take(part(8))?;
    let mask = Ipv4Addr::from(word32(&bytes, 44).to_ne_bytes()).to_bits();
    let prefix = match flags & HOST {
        0 if mask.leading_ones() != mask.count_ones() => return Err(BAD_PREFIX),
        0 => mask.count_ones() as u8,
        _ => 32,
    };
    let gateway = match flags & GATEWAY {
        0 => None,
        _ => Some(IpAddr::V4(address::take(part(24))?)),
    };
    let name = word64(&bytes, 88);
    let index = match name {
        0 => 0,
        name => {
            let name = read_string(name, NAME, Errno::ENODEV)?;
            interface::by_name(&name).ok_or(super::NO_INTERFACE)?.index
        }
    };
    // It is one more here than everywhere else.
    let metric = u32::from(word16(&bytes, 80)).saturating_sub(1);
    make_or_take(adds, (destination.into(), prefix), gateway, index, metric, flags)
}

/// `struct in6_rtmsg`: destination, source and gateway, a kind, bits of the first two, metric, what nobody reads, flags, interface.
pub(super) fn change_newer(adds: bool, argument: u64) -> Result<u64> {
    let bytes = UserSlice::new(argument, ROUTE_6).to_vec()?;
    let ip = |at: usize| bytes[at..].first_chunk::<16>().map(|ip| IpAddr::from(*ip));
    let (Some(destination), Some(gateway)) = (ip(0), ip(32)) else {
        return Err(Errno::EINVAL.into());
    };
    let flags = word32(&bytes, 72) as u16;
    let gateway = Some(gateway).filter(|_| flags & GATEWAY != 0);
    let prefix = u8::try_from(word16(&bytes, 52)).ok().filter(|prefix| *prefix <= 128);
    let to = (destination, prefix.ok_or(BAD_PREFIX)?);
    make_or_take(adds, to, gateway, word32(&bytes, 76) as i32, word32(&bytes, 56), flags)
}

fn make_or_take(
    adds: bool,
    (destination, prefix): (IpAddr, u8),
    gateway: Option<IpAddr>,
    index: i32,
    metric: u32,
    flags: u16,
) -> Result<u64> {
    let route = Route {
        destination,
        prefix,
        gateway,
        index,
        source: None,
        metric,
        table: MAIN,
        kind: match (flags & REJECT, adds) {
            (0, false) => 0,
            (0, true) => UNICAST,
            _ => UNREACHABLE,
        },
        maker: if adds { maker::BOOT } else { 0 },
        mtu: None,
    };
    if adds {
        routes::make(route, false, ALONE)?;
    } else {
        routes::take(&route)?;
    }
    Ok(0)
}

/// Asks about a neighbour, says who it is, or has it forgotten.
pub(super) fn neighbour(request: u32, argument: u64) -> Result<u64> {
    let slice = UserSlice::new(argument, NEIGHBOUR);
    let mut bytes = slice.to_vec()?;
    let ip = address::take(&bytes);
    let ip = IpAddr::V4(ip.map_err(|_| Error::new(Errno::EPFNOSUPPORT, "neighbours are of the older protocol"))?);
    let flags = word32(&bytes, 32);
    if request != SIOCGARP && flags & PUBLIC != 0 {
        return Err(Error::new(Errno::EOPNOTSUPP, "nobody is answered for"));
    }
    let name = said::text(&bytes[52..]);
    let index = match name {
        [] => places::find_route(ip, None, None)?.index,
        name => interface::by_name(name).ok_or(super::NO_INTERFACE)?.index,
    };
    let kind = word16(&bytes, 16);
    let is_right = index as u32 != ip::LOOPBACK && [0, ETHERNET].contains(&kind);
    if flags & COMPLETE != 0 && !is_right {
        return Err(Error::new(Errno::EINVAL, "the hardware is not Ethernet"));
    }
    if request == SIOCSARP {
        let hardware = *bytes[18..].first_chunk().ok_or(Errno::EINVAL)?;
        let state = if flags & FOR_EVER != 0 { PERMANENT } else { 0 };
        return places::set_neighbour(index, ip, hardware, state).map(|()| 0);
    }
    let mut all = places::neighbours().into_iter();
    let known = all.find(|known| known.ip == ip && known.index == index);
    let known = known.ok_or(Error::new(Errno::ENXIO, "nobody knows the neighbour"))?;
    if request == SIOCDARP {
        ip::forget_neighbour(index as u32, Some(ip));
        return Ok(0);
    }
    bytes[16..32].fill(0);
    bytes[16] = ETHERNET as u8;
    bytes[18..24].copy_from_slice(&known.hardware.unwrap_or_default());
    let complete = if known.hardware.is_some() { COMPLETE } else { 0 };
    let for_ever = if known.state == PERMANENT { FOR_EVER } else { 0 };
    bytes[32..36].copy_from_slice(&(complete | for_ever).to_ne_bytes());
    slice.write(&bytes)?;
    Ok(0)
}
