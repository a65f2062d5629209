//! What programs ask of any socket about interfaces, addresses, routes and neighbours (`SIOC*`, `netdevice(7)`).

mod address;
mod ethernet;
mod table;

use crate::route::{links, said};
use crate::socket::asking;
use crate::survey;
use abi::socket::{AF_INET6, SO_DOMAIN};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::ops::RangeInclusive;
use link::{Interface, interface};
use netlink_view::{word16, word32};
use usermem::UserSlice;
use vfs::{Socket, capability};

const SIOCADDRT: u32 = 0x890b;
const SIOCDELRT: u32 = 0x890c;
const SIOCGIFNAME: u32 = 0x8910;
const SIOCGIFCONF: u32 = 0x8912;
const SIOCGIFFLAGS: u32 = 0x8913;
const SIOCSIFFLAGS: u32 = 0x8914;
const SIOCGIFADDR: u32 = 0x8915;
const SIOCSIFADDR: u32 = 0x8916;
const SIOCGIFDSTADDR: u32 = 0x8917;
const SIOCGIFBRDADDR: u32 = 0x8919;
const SIOCSIFBRDADDR: u32 = 0x891a;
const SIOCGIFNETMASK: u32 = 0x891b;
const SIOCSIFNETMASK: u32 = 0x891c;
const SIOCGIFMETRIC: u32 = 0x891d;
const SIOCGIFMTU: u32 = 0x8921;
const SIOCSIFMTU: u32 = 0x8922;
const SIOCSIFHWADDR: u32 = 0x8924;
const SIOCGIFHWADDR: u32 = 0x8927;
const SIOCADDMULTI: u32 = 0x8931;
const SIOCDELMULTI: u32 = 0x8932;
const SIOCGIFINDEX: u32 = 0x8933;
const SIOCDIFADDR: u32 = 0x8936;
const SIOCGIFTXQLEN: u32 = 0x8942;
const SIOCSIFTXQLEN: u32 = 0x8943;
const SIOCETHTOOL: u32 = 0x8946;
const SIOCDARP: u32 = 0x8953;
const SIOCGARP: u32 = 0x8954;
const SIOCSARP: u32 = 0x8955;
const SIOCGIFMAP: u32 = 0x8970;
/// Bridges, media of the old kind, times of cards, what each driver has of its own: nothing here knows them.
const UNSUPPORTED: [RangeInclusive<u32>; 4] = [0x8947..=0x8949, 0x8990..=0x8995, 0x89a2..=0x89b1, 0x89f0..=0x89ff];

/// Those that change something.
const CHANGES: [u32; 14] = [
    SIOCADDRT,
    SIOCDELRT,
    SIOCSIFFLAGS,
    SIOCSIFADDR,
    SIOCSIFBRDADDR,
    SIOCSIFNETMASK,
    SIOCSIFMTU,
    SIOCSIFTXQLEN,
    SIOCSIFHWADDR,
    SIOCADDMULTI,
    SIOCDELMULTI,
    SIOCDIFADDR,
    SIOCSARP,
    SIOCDARP,
];

/// `struct ifreq`: 16 bytes of name, 24 of what is asked for.
const REQUEST: usize = 40;
const NAME: usize = 16;

const NO_INTERFACE: Error = Error::new(Errno::ENODEV, "no such interface");

/// Answers a request that a socket does not know.
///
/// # Errors
/// `ENOTTY` for one that is none of these; `ENODEV`, `EPERM`, `EADDRNOTAVAIL`.
pub fn answer(socket: &dyn Socket, request: u32, argument: u64) -> Result<u64> {
    if request >> 8 != 0x89 {
        return Err(Error::new(Errno::ENOTTY, "a socket does not know the request"));
    }
    if CHANGES.contains(&request) && asking().is_some_and(|(_, who)| !who.has(capability::NET_ADMIN)) {
        return Err(Error::new(Errno::EPERM, "the network is for those with CAP_NET_ADMIN"));
    }
    let is_newer = survey::option(socket, SO_DOMAIN) as u16 == AF_INET6;
    match request {
        SIOCGIFCONF => address::all(argument),
        SIOCADDRT | SIOCDELRT if is_newer => table::change_newer(request == SIOCADDRT, argument),
        SIOCADDRT | SIOCDELRT => table::change(request == SIOCADDRT, argument),
        SIOCSIFADDR | SIOCDIFADDR if is_newer => address::change_newer(request == SIOCSIFADDR, argument),
        SIOCDARP | SIOCGARP | SIOCSARP => table::neighbour(request, argument),
        _ if UNSUPPORTED.iter().any(|range| range.contains(&request)) => {
            find(request, &UserSlice::new(argument, REQUEST).to_vec()?)?;
            Err(Error::new(Errno::EOPNOTSUPP, "the interface does not do that"))
        }
        SIOCGIFNAME..=SIOCGIFMAP => about_interface(request, argument),
        _ => Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
    }
}

fn about_interface(request: u32, argument: u64) -> Result<u64> {
    let slice = UserSlice::new(argument, REQUEST);
    let mut bytes = slice.to_vec()?;
    let interface = find(request, &bytes)?;
    let (name, value) = bytes.split_at_mut(NAME);
    match request {
        SIOCGIFNAME => {
            name.fill(0);
            let own = interface.name.as_bytes();
            name[..own.len().min(NAME - 1)].copy_from_slice(&own[..own.len().min(NAME - 1)]);
        }
        SIOCETHTOOL => return ethernet::answer(&interface, netlink_view::word64(value, 0)),
        _ if CHANGES.contains(&request) => {
            change(request, &interface, name, value)?;
            return Ok(0);
        }
        _ => tell(request, &interface, name, value)?,
    }
    slice.write(&bytes)?;
    Ok(0)
}

fn tell(request: u32, interface: &Interface, name: &[u8], value: &mut [u8]) -> Result<()> {
    let mut put = |number: u32| value[..4].copy_from_slice(&number.to_ne_bytes());
    match request {
        SIOCGIFFLAGS => value[..2].copy_from_slice(&(interface.flags() as u16).to_ne_bytes()),
        SIOCGIFMTU => put(interface.mtu()),
        SIOCGIFINDEX => put(interface.index as u32),
        SIOCGIFTXQLEN => put(interface.queue_len() as u32),
        SIOCGIFMETRIC => put(0),
        SIOCGIFMAP => value.fill(0),
        SIOCGIFHWADDR => {
            value[..16].fill(0);
            value[..2].copy_from_slice(&links::hardware(interface).to_ne_bytes());
            value[2..8].copy_from_slice(&interface.card.mac());
        }
        SIOCGIFADDR | SIOCGIFDSTADDR | SIOCGIFBRDADDR | SIOCGIFNETMASK => {
            let of = address::of(interface, &said::label(name))?;
            let ip = match request {
                SIOCGIFNETMASK => of.mask(),
                SIOCGIFBRDADDR => of.everybody(),
                _ => of.ip,
            };
            address::put(&mut value[..16], ip);
        }
        _ => return Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
    }
    Ok(())
}

fn change(request: u32, interface: &Arc<Interface>, name: &[u8], value: &[u8]) -> Result<()> {
    /// The flag that is for a single address, too.
    const UP: u16 = 1;
    let name = &said::label(name);
    match request {
        SIOCSIFFLAGS if name.contains(&b':') => {
            let own = address::of(interface, name)?;
            if word16(value, 0) & UP == 0 {
                return address::remove(interface, own.ip);
            }
            interface.set_flags(u32::from(word16(value, 0)), u32::MAX);
        }
        SIOCSIFFLAGS => interface.set_flags(u32::from(word16(value, 0)), u32::MAX),
        SIOCSIFMTU => interface.set_mtu(word32(value, 0))?,
        SIOCSIFTXQLEN => interface.set_queue_len(word32(value, 0) as usize),
        SIOCSIFHWADDR => interface.set_mac(*value[2..].first_chunk().ok_or(NO_INTERFACE)?)?,
        SIOCADDMULTI | SIOCDELMULTI => {
            let group = *value[2..].first_chunk().ok_or(NO_INTERFACE)?;
            interface.group(group, request == SIOCADDMULTI);
        }
        _ => address::change(request, interface, name, value)?,
    }
    Ok(())
}

/// The interface that a request names.
fn find(request: u32, bytes: &[u8]) -> Result<Arc<Interface>> {
    let (name, value) = bytes.split_at_checked(NAME).ok_or(NO_INTERFACE)?;
    if request == SIOCGIFNAME {
        return interface::by_index(word32(value, 0) as i32).ok_or(NO_INTERFACE);
    }
    // A label behind a colon is another name of an address of the same interface.
    let name = said::text(name).split(|byte| *byte == b':').next().unwrap_or_default();
    interface::by_name(name).ok_or(NO_INTERFACE)
}
