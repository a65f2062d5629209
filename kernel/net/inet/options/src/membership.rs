//! Groups that a socket is in (`IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`, `MCAST_JOIN_GROUP`), and by which interface it sends to groups.

use crate::options::{IPPROTO_IP, IPPROTO_IPV6};
use crate::{address, device};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::IpAddr;
use ipc::options::{Options, number_of};
use lock::SpinLock;

const WRONG: Error = Error::new(Errno::EINVAL, "the value names no group");
const MULTICAST_IF: u32 = 32;
/// Beside the name, the address that was given.
const MULTICAST_IF_ADDRESS: u32 = 0x1000 + MULTICAST_IF;
const ADD: u32 = 35;
const DROP: u32 = 36;
const JOIN_ANY: u32 = 42;
const LEAVE_ANY: u32 = 45;
const MULTICAST_IF_NEWER: u32 = 17;
const JOIN: u32 = 20;
const LEAVE: u32 = 21;
/// Where the group's address begins in a `struct group_req`.
const GROUP_AT: usize = 8;

/// The groups of a socket.
#[derive(Default)]
pub struct Groups(SpinLock<Vec<(u32, IpAddr)>>);

impl Groups {
    /// Sets an option if it is one of these.
    pub fn set(&self, options: &Options, level: u32, name: u32, value: &[u8]) -> Option<Result<()>> {
        let asked = match (level, name) {
            (IPPROTO_IP, ADD | DROP) => older(value),
            (IPPROTO_IPV6, JOIN | LEAVE) => newer(value),
            (IPPROTO_IP | IPPROTO_IPV6, JOIN_ANY | LEAVE_ANY) => any(value),
            (IPPROTO_IP, MULTICAST_IF) => {
                let interface = older_interface(value).and_then(|index| {
                    crate::options::check_interface(index, Errno::EADDRNOTAVAIL)?;
                    device::check_other(options, index)?;
                    Ok(index)
                });
                return Some(interface.map(|index| {
                    let own = if value.len() < 8 { value } else { &value[4..] };
                    options.keep(level, MULTICAST_IF_ADDRESS, number_of(own).unwrap_or(0));
                    options.keep(level, name, index as i32);
                }));
            }
            (IPPROTO_IPV6, MULTICAST_IF_NEWER) => {
                let index = number_of(value).and_then(|index| {
                    crate::options::check_interface(index as u32, Errno::ENODEV)?;
                    if index != 0 {
                        device::check_other(options, index as u32)?;
                    }
                    Ok(index)
                });
                return Some(index.map(|index| options.keep(level, name, index)));
            }
            _ => return None,
        };
        Some(asked.and_then(|(interface, group)| {
            if matches!((level, name), (_, DROP | LEAVE_ANY) | (IPPROTO_IPV6, LEAVE)) {
                self.leave(interface, group)
            } else {
                self.join(interface, group)
            }
        }))
    }

    fn join(&self, interface: u32, group: IpAddr) -> Result<()> {
        let index = ip::join(interface, group)?;
        let mut own = self.0.lock();
        if own.contains(&(index, group)) {
            drop(own);
            ip::leave(index, group);
            return Err(Error::new(Errno::EADDRINUSE, "the socket is in the group already"));
        }
        own.push((index, group));
        Ok(())
    }

    fn leave(&self, interface: u32, group: IpAddr) -> Result<()> {
        let mut own = self.0.lock();
        let fits = |known: &(u32, IpAddr)| known.1 == group && (interface == 0 || known.0 == interface);
        let at = own.iter().position(fits);
        let at = at.ok_or(Error::new(Errno::EADDRNOTAVAIL, "the socket is not in the group"))?;
        let (index, group) = own.remove(at);
        drop(own);
        ip::leave(index, group);
        Ok(())
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for (index, group) in self.0.get_mut().drain(..) {
            ip::leave(index, group);
        }
    }
}

/// By which interface a socket sends to a group, if it said so.
pub fn interface_for(options: &Options, to: IpAddr) -> Option<u32> {
    if !to.is_multicast() {
        return None;
    }
    let kept = match to {
        IpAddr::V4(_) => options.kept(IPPROTO_IP, MULTICAST_IF),
        IpAddr::V6(_) => options.kept(IPPROTO_IPV6, MULTICAST_IF_NEWER),
    };
    kept.filter(|index| *index > 0).map(|index| index as u32)
}

/// The address of the interface by which a socket sends to groups (`IP_MULTICAST_IF`), if it said so by that.
pub fn older_address(options: &Options) -> Vec<u8> {
    let kept = options.kept(IPPROTO_IP, MULTICAST_IF_ADDRESS).unwrap_or(0);
    kept.to_ne_bytes().to_vec()
}

/// From which address a socket sends to a group, if it said by that where to (`IP_MULTICAST_IF`).
pub fn source_for(options: &Options, to: IpAddr) -> Option<IpAddr> {
    if !to.is_ipv4() || !to.is_multicast() {
        return None;
    }
    let kept = options.kept(IPPROTO_IP, MULTICAST_IF_ADDRESS)?;
    Some(IpAddr::from(kept.to_ne_bytes())).filter(|own| !own.is_unspecified())
}

/// Whether what a socket sends to a group also comes to the machine itself (`IP_MULTICAST_LOOP`).
pub fn comes_back(options: &Options, to: IpAddr) -> bool {
    let kept = match to {
        IpAddr::V4(_) => options.kept(IPPROTO_IP, 34),
        IpAddr::V6(_) => options.kept(IPPROTO_IPV6, 19),
    };
    to.is_multicast() && kept != Some(0)
}

/// The interface of a `struct in_addr`, or of a `struct ip_mreq` or `ip_mreqn`.
fn older_interface(value: &[u8]) -> Result<u32> {
    let (own, index) = match value.len() {
        0..4 => return Err(WRONG),
        4..8 => (value, 0),
        8..12 => (&value[4..], 0),
        _ => (&value[4..], number_of(&value[8..])?),
    };
    if index != 0 {
        return Ok(index as u32);
    }
    let own = IpAddr::from(*own.first_chunk::<4>().ok_or(WRONG)?);
    if own.is_unspecified() {
        return Ok(0);
    }
    ip::owner(own, None).ok_or(Error::new(Errno::EADDRNOTAVAIL, "no interface has the address"))
}

fn older(value: &[u8]) -> Result<(u32, IpAddr)> {
    if value.len() < 8 {
        return Err(WRONG);
    }
    let group = IpAddr::from(*value.first_chunk::<4>().ok_or(WRONG)?);
    Ok((
        older_interface(value).map_err(|_| Error::new(Errno::ENODEV, "no such interface"))?,
        group,
    ))
}

/// A `struct ipv6_mreq`.
fn newer(value: &[u8]) -> Result<(u32, IpAddr)> {
    let (group, rest) = value.split_first_chunk::<16>().ok_or(WRONG)?;
    Ok((number_of(rest)? as u32, IpAddr::from(*group)))
}

/// A `struct group_req`.
fn any(value: &[u8]) -> Result<(u32, IpAddr)> {
    let bytes = value.get(GROUP_AT..).ok_or(WRONG)?;
    let group = address::parse(address::family_of(bytes)?, bytes)?.ip();
    Ok((number_of(value)? as u32, group))
}
