//! Routes (`struct rtentry`) and neighbours (`struct arpreq`) of the older protocol.

use super::address;
use crate::route::places::{self, MAIN, Route, UNICAST};
use abi::{Errno, Error, Result};
use core::net::{IpAddr, Ipv4Addr};
use link::interface;
use netlink_view::{word16, word64};
use usermem::{UserSlice, read_string};

/// Bytes of the two structures.
const ROUTE: usize = 120;
const NEIGHBOUR: usize = 68;
/// Longest name of an interface.
const NAME: usize = 16;

const GATEWAY: u16 = 2;
const HOST: u16 = 4;
/// The neighbour's hardware address is known.
const COMPLETE: u32 = 2;

pub(super) fn change(adds: bool, argument: u64) -> Result<u64> {
    let bytes = UserSlice::new(argument, ROUTE).to_vec()?;
    let part = |at: usize| bytes.get(at..at + 16).unwrap_or_default();
    let flags = word16(&bytes, 56);
    let destination = address::take(part(8))?;
    let mask = Ipv4Addr::from(netlink_view::word32(&bytes, 44).to_ne_bytes()).to_bits();
    let prefix = if flags & HOST != 0 { 32 } else { mask.count_ones() as u8 };
    let gateway = match flags & GATEWAY {
        0 => None,
        _ => Some(IpAddr::V4(address::take(part(24))?)),
    };
    let mut route = Route {
        destination: destination.into(),
        prefix,
        gateway,
        index: 0,
        source: None,
        // It is one more here than everywhere else.
        metric: u32::from(word16(&bytes, 80)).saturating_sub(1),
        table: MAIN,
        kind: UNICAST,
        maker: 0,
    };
    let name = word64(&bytes, 88);
    if name != 0 {
        let name = read_string(name, NAME, Errno::ENODEV)?;
        route.index = interface::by_name(&name).ok_or(super::NO_INTERFACE)?.index;
    } else if adds {
        let way = gateway.ok_or(Error::new(Errno::ENODEV, "a route needs an interface"))?;
        route.index = places::find_route(way, None)?.index;
    }
    if adds {
        places::add_route(&route, false)?;
    } else {
        places::remove_route(&route)?;
    }
    Ok(0)
}

pub(super) fn neighbour(argument: u64) -> Result<u64> {
    let slice = UserSlice::new(argument, NEIGHBOUR);
    let mut bytes = slice.to_vec()?;
    let ip = IpAddr::V4(address::take(&bytes)?);
    let known = places::neighbours().into_iter().find(|known| known.ip == ip);
    let known = known.ok_or(Error::new(Errno::ENXIO, "nobody knows the neighbour"))?;
    bytes[16..32].fill(0);
    bytes[16] = 1;
    bytes[18..24].copy_from_slice(&known.hardware.unwrap_or_default());
    let flags = if known.hardware.is_some() { COMPLETE } else { 0 };
    bytes[32..36].copy_from_slice(&flags.to_ne_bytes());
    slice.write(&bytes)?;
    Ok(0)
}
