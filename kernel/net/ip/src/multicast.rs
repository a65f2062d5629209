//! Groups that programs are in, and saying so to routers: IGMP (RFC 2236) and MLD (RFC 2710), each in the version that every router understands.

use crate::build::frame_of;
use crate::clock::{look, with};
use crate::discovery::Letter;
use crate::output::group_mac;
use crate::route::{LOOPBACK, Via};
use crate::stack::{Effects, Link, Stack};
use abi::{Errno, Error, Result};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use packet::ethernet::{self, IPV4};
use packet::icmp::Message;
use packet::{checksum, ipv4};

/// The protocol that routers are told of groups of the older protocol by.
pub(crate) const IGMP: u8 = 2;
const QUERY: u8 = 0x11;
const REPORT: u8 = 0x16;
const LEAVE: u8 = 0x17;
/// The same of the newer protocol.
const REPORT_NEWER: u8 = 131;
const DONE_NEWER: u8 = 132;
/// Routers look at packets with this option, whoever they are for.
const ALERT: [u8; 4] = [0x94, 4, 0, 0];
/// The same of the newer protocol, as a header of its own before `ICMPv6`.
const ALERT_NEWER: [u8; 8] = [58, 0, 5, 2, 0, 0, 1, 0];
const ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
const EVERYBODY: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const ROUTERS_NEWER: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Groups that there are at most.
const MOST: usize = 256;

/// Joins a group by an interface, 0 for the one that leads there; by which.
///
/// # Errors
/// `ENODEV`, `EINVAL`, `ENOBUFS`.
pub fn join(interface: u32, group: IpAddr) -> Result<u32> {
    if !group.is_multicast() {
        return Err(Error::new(Errno::EINVAL, "the address is no group's"));
    }
    with(|stack, now, effects| {
        let index = match interface {
            0 => stack
                .route(now, group, None, Via::default())
                .map(|route| route.interface),
            index => Ok(index),
        };
        let index = index.map_err(|_| Error::new(Errno::ENODEV, "no interface leads to the group"))?;
        let known = stack
            .groups
            .iter_mut()
            .find(|known| (known.0, known.1) == (index, group));
        if let Some(known) = known {
            known.2 += 1;
            return Ok(index);
        }
        let link = stack.link(index);
        if link.is_none() && index != LOOPBACK {
            return Err(Error::new(Errno::ENODEV, "no such interface"));
        }
        if stack.groups.len() >= MOST {
            return Err(Error::new(Errno::ENOBUFS, "there are too many groups"));
        }
        if let Some(link) = link {
            if let Some(mac) = group_mac(group) {
                effects.join(link, mac, true);
            }
            stack.tell(link, group, true, effects);
        }
        stack.groups.push((index, group, 1));
        Ok(index)
    })
}

/// Whether somebody on an interface is in a group.
#[must_use]
pub fn is_member(interface: u32, group: IpAddr) -> bool {
    look(|stack| stack.has_joined(interface, group))
}

/// Leaves a group.
pub fn leave(index: u32, group: IpAddr) {
    with(|stack, _, effects| {
        let at = stack
            .groups
            .iter()
            .position(|known| (known.0, known.1) == (index, group));
        let Some(at) = at else { return };
        stack.groups[at].2 -= 1;
        if stack.groups[at].2 > 0 {
            return;
        }
        stack.groups.remove(at);
        if let (Some(link), Some(mac)) = (stack.link(index), group_mac(group)) {
            effects.join(link, mac, false);
            stack.tell(link, group, false, effects);
        }
    });
}

impl Stack {
    /// Whether somebody on an interface has joined a group, or all have.
    pub(crate) fn has_joined(&self, interface: u32, group: IpAddr) -> bool {
        let known = |known: &(u32, IpAddr, u32)| (known.0, known.1) == (interface, group);
        group == IpAddr::V4(EVERYBODY) || self.groups.iter().any(known)
    }

    /// A router asks who is in which groups.
    pub(crate) fn hear_query(&self, interface: u32, group: IpAddr, effects: &mut Effects) {
        let Some(link) = self.link(interface) else { return };
        for known in self.groups.iter().filter(|known| known.0 == interface) {
            if known.1.is_ipv4() == group.is_ipv4() && (group.is_unspecified() || group == known.1) {
                self.tell(link, known.1, true, effects);
            }
        }
    }

    /// Tells routers that somebody is in a group, or nobody is any more.
    fn tell(&self, link: &Link, group: IpAddr, is_member: bool, effects: &mut Effects) {
        let Some(own) = self.source_on(link.index, group, None) else {
            return;
        };
        match (own, group) {
            (IpAddr::V4(own), IpAddr::V4(group)) => {
                let (kind, to) = if is_member { (REPORT, group) } else { (LEAVE, ROUTERS) };
                tell_older(link, own, to, kind, group, effects);
            }
            (IpAddr::V6(source), IpAddr::V6(group)) => {
                let letter = Letter {
                    source,
                    destination: if is_member { group } else { ROUTERS_NEWER },
                    to: None,
                    kind: if is_member { REPORT_NEWER } else { DONE_NEWER },
                    rest: 0,
                    body: &group.octets(),
                    extension: &ALERT_NEWER,
                };
                letter.send(link, effects);
            }
            _ => {}
        }
    }
}

fn tell_older(link: &Link, source: Ipv4Addr, to: Ipv4Addr, kind: u8, group: Ipv4Addr, effects: &mut Effects) {
    let header = ipv4::Header {
        traffic_class: 0xc0,
        identification: 0,
        dont_fragment: true,
        more_fragments: false,
        offset: 0,
        hop_limit: 1,
        protocol: IGMP,
        source,
        destination: to,
        options: &ALERT,
    };
    let message = Message {
        kind,
        code: 0,
        rest: group.to_bits(),
        body: &[],
    };
    let message = message.header(checksum::Sum::new());
    let mut bytes = [0; ipv4::LONGEST];
    let len = header.write(message.len(), &mut bytes);
    let ethernet = ethernet::Header {
        to: group_mac(to.into()).unwrap_or(ethernet::BROADCAST),
        from: link.mac,
        kind: IPV4,
    };
    if let Some(frame) = frame_of(&[&ethernet.to_bytes(), &bytes[..len], &message]) {
        effects.send(link, frame);
    }
}

/// A message about groups of the older protocol came.
pub(crate) fn receive(interface: u32, payload: &[u8]) {
    let Some(message) = Message::parse(payload) else { return };
    if message.kind == QUERY {
        let group = IpAddr::V4(message.rest.into());
        with(|stack, _, effects| stack.hear_query(interface, group, effects));
    }
}
