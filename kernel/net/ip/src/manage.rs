//! What is shown of the stack, and changed in it from outside.

use crate::clock::{look, with};
use crate::neighbour::{State, Word};
use crate::network::Network;
use crate::route::{Entry, LOOPBACK};
use crate::stack::Address;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::net::IpAddr;
use packet::ethernet::Mac;

/// Somebody on the local network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number of the interface.
    pub interface: u32,
    /// Its address.
    pub ip: IpAddr,
    /// Its hardware address, if it is known.
    pub mac: Option<Mac>,
    /// What is known of it.
    pub state: State,
}

/// The addresses of all cards.
#[must_use]
pub fn addresses() -> Vec<Address> {
    look(|stack| stack.addresses.clone())
}

/// The table of routes.
#[must_use]
pub fn routes() -> Vec<Entry> {
    look(|stack| stack.routes.clone())
}

/// Who is known on the local networks.
#[must_use]
pub fn neighbours() -> Vec<Known> {
    look(|stack| {
        let known = stack.neighbours.iter().map(|one| Known {
            interface: one.key.0,
            ip: one.key.1,
            mac: (one.state != State::Incomplete).then_some(one.mac),
            state: one.state,
        });
        known.collect()
    })
}

/// Packets of which fragments have come and others not yet, and the bytes of those that have.
#[must_use]
pub fn fragments() -> (usize, usize) {
    look(|stack| stack.fragments.usage())
}

/// Gives an interface an address, and has a route lead to its network if `leads`.
///
/// # Errors
/// `ENODEV`, `EEXIST`, `EACCES`.
pub fn add_address(interface: u32, network: Network, leads: bool) -> Result<()> {
    with(|stack, now, effects| {
        if interface != LOOPBACK {
            stack.link(interface).ok_or(Errno::ENODEV)?;
        }
        if network.ip.is_ipv6() && crate::settings::has_no_newer(interface) {
            return Err(Error::new(
                Errno::EACCES,
                "the interface has nothing to do with the newer protocol",
            ));
        }
        if stack.addresses.iter().any(|own| own.network.ip == network.ip) {
            return Err(Error::new(Errno::EEXIST, "the address is there already"));
        }
        if interface == LOOPBACK {
            // Nobody on a network is to know, and no way leads there.
            stack.addresses.push(Address { interface, network });
        } else if leads {
            stack.add_address(now, interface, network, effects);
        } else {
            stack.add_address_alone(now, interface, network, effects);
        }
        Ok(())
    })
}

/// Takes an address away from an interface.
///
/// # Errors
/// `EADDRNOTAVAIL`.
pub fn remove_address(interface: u32, ip: IpAddr) -> Result<()> {
    with(|stack, _, _| {
        let has = |own: &Address| own.interface == interface && own.network.ip == ip;
        if !stack.addresses.iter().any(has) {
            return Err(Error::new(Errno::EADDRNOTAVAIL, "the interface has no such address"));
        }
        stack.remove_address(interface, ip);
        Ok(())
    })
}

/// Whether a line comes beside others, and what becomes of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// There may be none yet.
    pub creates: bool,
    /// It comes in the place of one to the same destination with the same metric.
    pub replaces: bool,
    /// There must be none.
    pub is_only: bool,
    /// It comes behind those that are there.
    pub is_last: bool,
}

/// Adds a line to the table of routes.
///
/// # Errors
/// `ENODEV`, `EEXIST`, `ENOENT`.
pub fn add_route(entry: Entry, manner: Manner) -> Result<()> {
    with(|stack, _, _| {
        if entry.interface != LOOPBACK {
            stack.link(entry.interface).ok_or(Errno::ENODEV)?;
        }
        let same = |known: &Entry| (known.destination, known.metric) == (entry.destination, entry.metric);
        let there = stack.routes.iter().position(same);
        let is_there = Error::new(Errno::EEXIST, "the route is there already");
        match there {
            Some(_) if manner.is_only => return Err(is_there),
            Some(at) if manner.replaces => stack.routes[at] = entry,
            _ if stack.routes.contains(&entry) => return Err(is_there),
            Some(at) if !manner.is_last => stack.routes.insert(at, entry),
            None if !manner.creates => return Err(Error::new(Errno::ENOENT, "there is no such route")),
            _ => stack.routes.push(entry),
        }
        Ok(())
    })
}

/// Takes the first line that fits out of the table of routes.
///
/// # Errors
/// `ESRCH`.
pub fn remove_route(fits: impl Fn(&Entry) -> bool) -> Result<()> {
    with(|stack, _, _| {
        let at = stack.routes.iter().position(fits);
        let at = at.ok_or(Error::new(Errno::ESRCH, "no such route"))?;
        stack.routes.remove(at);
        Ok(())
    })
}

/// Whoever was sent to by a [`Route`](crate::Route) has answered: there is no need to ask whether it is there.
pub fn confirm(interface: u32, next_hop: IpAddr) {
    with(|stack, now, _| stack.neighbours.confirm(now, (interface, next_hop)));
}

/// Who has an address on a local network, because somebody says so: it may be for ever.
///
/// # Errors
/// `ENODEV`.
pub fn set_neighbour(interface: u32, ip: IpAddr, mac: Mac, state: State) -> Result<()> {
    with(|stack, now, effects| {
        stack.link(interface).ok_or(Errno::ENODEV)?;
        stack.learn(now, (interface, ip), mac, Word::Said(state), effects);
        Ok(())
    })
}

/// Forgets somebody on a local network, or everybody.
pub fn forget_neighbour(interface: u32, ip: Option<IpAddr>) {
    with(|stack, _, _| stack.neighbours.forget(interface, ip));
}
