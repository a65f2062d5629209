//! Addresses of the older protocol, of which an interface has one under each name as far as these requests know.

use super::{SIOCSIFADDR, SIOCSIFNETMASK};
use crate::route::addresses;
use crate::route::places::{self, Address};
use crate::route::said::{self, Label, Said};
use abi::socket::AF_INET;
use abi::{Errno, Error, Result};
use core::net::{IpAddr, Ipv4Addr};
use link::Interface;
use netlink_view::{word16, word32, word64};
use usermem::UserSlice;

/// Bytes of a name, and of `struct ifreq`.
const NAME: usize = 16;
const REQUEST: usize = 40;

/// The first address of an interface.
pub(super) struct Own {
    pub(super) ip: Ipv4Addr,
    prefix: u8,
    everybody: Option<Ipv4Addr>,
}

impl Own {
    pub(super) fn mask(&self) -> Ipv4Addr {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0).into()
    }

    pub(super) fn everybody(&self) -> Ipv4Addr {
        self.everybody.unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn new(address: &Address) -> Option<Self> {
        let IpAddr::V4(ip) = address.ip else { return None };
        let everybody = match address.broadcast() {
            Some(IpAddr::V4(everybody)) => Some(everybody),
            _ => None,
        };
        Some(Self {
            ip,
            prefix: address.prefix,
            everybody,
        })
    }
}

/// The first one of an interface that has a name.
pub(super) fn of(interface: &Interface, name: &Label) -> Result<Own> {
    let all = places::addresses();
    let mut own = all
        .iter()
        .filter(|address| address.index == interface.index && said::label_of(address) == *name);
    own.find_map(Own::new)
        .ok_or(Error::new(Errno::EADDRNOTAVAIL, "the interface has no address"))
}

/// Writes a `struct sockaddr_in` without a port.
pub(super) fn put(value: &mut [u8], ip: Ipv4Addr) {
    value.fill(0);
    value[..2].copy_from_slice(&AF_INET.to_ne_bytes());
    value[4..8].copy_from_slice(&ip.octets());
}

/// The address in a `struct sockaddr_in`.
pub(super) fn take(value: &[u8]) -> Result<Ipv4Addr> {
    if word16(value, 0) != AF_INET {
        return Err(Error::new(Errno::EINVAL, "the address is of another family"));
    }
    Ok(Ipv4Addr::from(word32(value, 4).to_ne_bytes()))
}

/// Changes the address, or how much of it is its network's.
pub(super) fn change(request: u32, interface: &Interface, name: &Label, value: &[u8]) -> Result<()> {
    let given = take(value)?;
    let old = of(interface, name);
    let (ip, prefix) = match request {
        SIOCSIFADDR if old.as_ref().is_ok_and(|old| old.ip == given) => return Ok(()),
        SIOCSIFADDR => (given, class_of(given)),
        SIOCSIFNETMASK => {
            let mask = given.to_bits();
            if mask.leading_ones() != mask.count_ones() {
                return Err(Error::new(Errno::EINVAL, "the mask has holes"));
            }
            let Ok(old) = &old else { return old.map(drop) };
            (old.ip, mask.count_ones() as u8)
        }
        // The broadcast address follows from the other two.
        _ => return Ok(()),
    };
    if let Ok(old) = old {
        if (old.ip, old.prefix) == (ip, prefix) {
            return Ok(());
        }
        remove(interface, old.ip)?;
    }
    if ip.is_unspecified() {
        return Ok(());
    }
    let label = Some(*name).filter(|name| name.contains(&b':'));
    let said = label.map(|_| Said { label, ..Said::NOTHING });
    addresses::give(&at(interface, ip, prefix), said)
}

/// Takes an address away, with its name.
pub(super) fn remove(interface: &Interface, ip: Ipv4Addr) -> Result<()> {
    let all = places::addresses();
    let known = all
        .iter()
        .find(|address| (address.index, address.ip) == (interface.index, ip.into()));
    addresses::take(known.unwrap_or(&at(interface, ip, 32)))
}

fn at(interface: &Interface, ip: Ipv4Addr, prefix: u8) -> Address {
    Address {
        index: interface.index,
        ip: ip.into(),
        prefix,
    }
}

/// Adds or takes away an address of the newer protocol (`struct in6_ifreq`: address, bits of its prefix, interface).
pub(super) fn change_newer(adds: bool, argument: u64) -> Result<u64> {
    let bytes = UserSlice::new(argument, 24).to_vec()?;
    let ip = bytes.first_chunk::<16>().ok_or(Errno::EINVAL)?;
    let (ip, prefix, index) = (IpAddr::from(*ip), word32(&bytes, 16), word32(&bytes, 20) as i32);
    let prefix = u8::try_from(prefix).ok().filter(|prefix| *prefix <= 128);
    let prefix = prefix.ok_or(Error::new(Errno::EINVAL, "no prefix is that long"))?;
    link::interface::by_index(index).ok_or(super::NO_INTERFACE)?;
    let address = Address { index, ip, prefix };
    if adds {
        addresses::give(&address, None)?;
    } else {
        addresses::take(&address)?;
    }
    Ok(0)
}

/// How much of an address was its network's when there were classes.
fn class_of(ip: Ipv4Addr) -> u8 {
    match ip.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    }
}

/// All addresses with their interfaces' names (`struct ifconf`: bytes, and where to).
pub(super) fn all(argument: u64) -> Result<u64> {
    let head = UserSlice::new(argument, 16);
    let bytes = head.to_vec()?;
    let (room, to) = (word32(&bytes, 0) as usize, word64(&bytes, 8));
    let mut list = alloc::vec::Vec::new();
    for address in places::addresses() {
        let Some(own) = Own::new(&address) else {
            continue;
        };
        let mut entry = [0; REQUEST];
        entry[..NAME].copy_from_slice(&said::label_of(&address));
        put(&mut entry[NAME..NAME + 16], own.ip);
        list.extend(entry);
    }
    if to != 0 {
        list.truncate(room / REQUEST * REQUEST);
        UserSlice::new(to, list.len()).write(&list)?;
    }
    UserSlice::new(argument, 4).write(&(list.len() as u32).to_ne_bytes())?;
    Ok(0)
}
