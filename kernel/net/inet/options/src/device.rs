//! Interfaces that sockets are bound to (`SO_BINDTODEVICE`, or an address that means something on one network only), and those that they send by.

use crate::address;
use crate::control::Manner;
use crate::options::{IPPROTO_IP, IPPROTO_IPV6};
use crate::{extras, membership};
use abi::socket::{MSG_DONTROUTE, SO_BINDTODEVICE, SO_BINDTOIFINDEX, SO_DONTROUTE, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use ip::Via;
use ipc::options::{NO_VALUE, Options, number, number_of};

const UNICAST_IF: u32 = 50;
const UNICAST_IF_NEWER: u32 = 76;
/// The longest name of an interface.
const LONGEST: usize = 15;

const NO_DEVICE: Error = Error::new(Errno::ENODEV, "no such interface");
const NO_SCOPE: Error = Error::new(Errno::EINVAL, "the address needs an interface");
const NOT_OWN: Error = Error::new(Errno::EADDRNOTAVAIL, "the interface has no such address");

/// The value of an option, if it is one of these.
#[cold]
#[inline(never)]
pub fn get(options: &Options, name: u32) -> Option<Result<Vec<u8>>> {
    let device = options.device();
    match (name, device) {
        (SO_BINDTOIFINDEX, _) => Some(number(device.unwrap_or(0) as i32)),
        (SO_BINDTODEVICE, None) => Some(Ok(Vec::new())),
        (SO_BINDTODEVICE, Some(index)) => {
            let name = |interface: &link::Interface| [interface.name.as_bytes(), &[0]].concat();
            Some(find(index).map(|interface| name(&interface)).ok_or(NO_DEVICE))
        }
        _ => None,
    }
}

/// Sets an option, if it is one of these.
#[cold]
#[inline(never)]
pub fn set(options: &Options, name: u32, value: &[u8]) -> Option<Result<()>> {
    let index = match name {
        SO_BINDTODEVICE => by_name(value),
        SO_BINDTOIFINDEX => number_of(value).and_then(|index| u32::try_from(index).map_err(|_| NO_VALUE)),
        SO_DONTROUTE => {
            options.note_way();
            return None;
        }
        _ => return None,
    };
    Some(index.map(|index| options.bind_to_device(index)))
}

fn by_name(value: &[u8]) -> Result<u32> {
    let value = value.get(..LONGEST).unwrap_or(value);
    let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
    if name.is_empty() {
        return Ok(0);
    }
    let found = link::interface::by_name(name).ok_or(NO_DEVICE)?;
    Ok(found.index as u32)
}

fn find(index: u32) -> Option<alloc::sync::Arc<link::Interface>> {
    i32::try_from(index).ok().and_then(link::interface::by_index)
}

/// Whether an option that names an interface may name this one: sockets that are bound to one send by no other.
pub fn check_other(options: &Options, index: u32) -> Result<()> {
    match options.device() {
        Some(device) if device != index => Err(Error::new(Errno::EINVAL, "the socket is bound to another interface")),
        _ => Ok(()),
    }
}

/// An address that a socket is to be bound to: where it means something on one network only, so does the socket from now on.
#[cold]
#[inline(never)]
pub fn for_bind(options: &Options, wanted: SocketAddr) -> Result<SocketAddr> {
    let SocketAddr::V6(newer) = wanted else {
        return Ok(wanted);
    };
    if newer.ip().is_unspecified() {
        return Ok(wanted);
    }
    if address::is_local_to_link(*newer.ip()) {
        if newer.scope_id() != 0 {
            options.bind_to_device(newer.scope_id());
        }
        options.device().ok_or(NO_SCOPE)?;
    }
    let Some(device) = options.device() else {
        return Ok(wanted);
    };
    find(device).ok_or(NO_DEVICE)?;
    let asked = Some(device).filter(|_| newer.ip().is_unicast_link_local() || newer.ip().is_loopback());
    let needs_own = !newer.ip().is_multicast() && !sysctl::NONLOCAL_BIND_NEWER.is_on();
    if needs_own && ip::owner(wanted.ip(), asked).is_none() {
        return Err(NOT_OWN);
    }
    Ok(address::scoped(wanted.ip(), wanted.port(), device))
}

/// An address that a socket is to be connected to, in the same way.
pub fn for_connect(options: &Options, to: SocketAddr) -> Result<SocketAddr> {
    match to {
        SocketAddr::V6(newer) if address::is_local_to_link(*newer.ip()) => {}
        _ => return Ok(to),
    }
    if let Some(scope) = address::interface_of(to) {
        check_other(options, scope)?;
        options.bind_to_device(scope);
    } else if let (None, Some(chosen)) = (options.device(), membership::interface_for(options, to.ip())) {
        options.bind_to_device(chosen);
    }
    let device = options.device().ok_or(NO_SCOPE)?;
    Ok(address::scoped(to.ip(), to.port(), device))
}

/// An own address or a peer's as it is shown.
pub fn shown(options: &Options, address: SocketAddr) -> SocketAddr {
    match (options.device(), address::interface_of(address)) {
        (Some(device), None) => address::scoped(address.ip(), address.port(), device),
        _ => address,
    }
}

/// What a socket says of the way of what it sends to somebody.
#[inline]
pub fn via(options: &Options, to: SocketAddr, manner: &Manner, flags: u32) -> Result<Via> {
    let is_plain = manner.is_plain() && flags & MSG_DONTROUTE == 0 && !options.has_way();
    if is_plain && address::interface_of(to).is_none() && !to.ip().is_multicast() {
        return Ok(Via::default());
    }
    asked(options, to, manner, flags)
}

#[cold]
#[inline(never)]
fn asked(options: &Options, to: SocketAddr, manner: &Manner, flags: u32) -> Result<Via> {
    let kept = || extras::interface(options).filter(|_| to.is_ipv6());
    let said = manner.interface.or(address::interface_of(to)).or(options.device());
    let mut interface = said.or_else(kept);
    if let (Some(given), IpAddr::V6(_)) = (manner.interface, to.ip()) {
        check_other(options, given)?;
        find(given).ok_or(NO_DEVICE)?;
    }
    if interface.is_none() {
        interface = if to.ip().is_multicast() {
            membership::interface_for(options, to.ip())
        } else {
            unicast_interface(options, to.ip())
        };
    }
    match manner.source {
        Some(source @ IpAddr::V4(_)) if !ip::is_own(source) => {
            return Err(Error::new(Errno::ENETUNREACH, "the machine has no such address"));
        }
        Some(IpAddr::V6(source)) => {
            let is_near = source.is_unicast_link_local();
            let asked = interface.filter(|_| is_near || source.is_loopback());
            if is_near && interface.is_none() || ip::owner(IpAddr::V6(source), asked).is_none() {
                return Err(Error::new(Errno::EINVAL, "the machine has no such address"));
            }
        }
        _ => {}
    }
    Ok(Via {
        interface,
        is_asked: true,
        is_near: flags & MSG_DONTROUTE != 0 || options.is_set(SOL_SOCKET, SO_DONTROUTE),
    })
}

/// By which interface a socket sends to others than groups, if it said so.
fn unicast_interface(options: &Options, to: IpAddr) -> Option<u32> {
    let (level, name) = match to {
        IpAddr::V4(_) => (IPPROTO_IP, UNICAST_IF),
        IpAddr::V6(_) => (IPPROTO_IPV6, UNICAST_IF_NEWER),
    };
    let kept = options.kept(level, name)?;
    Some(u32::from_be(kept as u32)).filter(|index| *index != 0)
}

/// What a stream says of the way of its segments to somebody.
pub fn via_of_stream(options: &Options, to: SocketAddr) -> Via {
    if !options.has_way() {
        return Via::by(address::interface_of(to));
    }
    Via {
        interface: address::interface_of(to).or(options.device()),
        is_asked: true,
        is_near: options.is_set(SOL_SOCKET, SO_DONTROUTE),
    }
}

/// Whether somebody who asks for loopback reaches the machine itself by it, though the address is not its own.
pub fn leads_here(to: IpAddr, via: Via) -> bool {
    via.interface == Some(ip::LOOPBACK) && via.is_asked && to.is_ipv4() && !to.is_multicast()
}
