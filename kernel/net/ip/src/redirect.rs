//! A router says that another one is nearer to somebody (RFC 1122 section 3.2.2.2).
//!
//! It is believed if it is the one that packets to there go by now, and if the other one is on the same network; and not for ever, so that a router that goes away is not asked for good.

use crate::autoconf::Thing;
use crate::network::Network;
use crate::route::{Entry, Via, maker};
use crate::stack::Stack;
use crate::transport::Received;
use core::net::{IpAddr, Ipv4Addr};
use packet::icmp::Message;
use packet::ipv4;

/// How long it is believed, in nanoseconds.
const BELIEVED: u64 = 300_000_000_000;

impl Stack {
    /// A router of the older protocol says so.
    #[cold]
    pub(crate) fn hear_redirect(&mut self, now: u64, packet: &Received<'_>, message: &Message<'_>) {
        let Some((quoted, _)) = ipv4::Header::parse_unchecked(message.body) else {
            return;
        };
        let index = packet.interface;
        let better = IpAddr::V4(Ipv4Addr::from_bits(message.rest));
        let destination = IpAddr::V4(quoted.destination);
        let goes_by_it = self
            .route(now, destination, None, Via::by(Some(index)))
            .is_ok_and(|way| !way.is_local && way.next_hop == packet.source);
        let mut own = self.addresses.iter().filter(|own| own.interface == index);
        let is_near = own.any(|own| own.network.contains(better)) && !self.is_broadcast(index, better);
        let is_right = IpAddr::V4(quoted.source) == packet.destination
            && packet.is_unicast
            && packet.source != destination
            && better != packet.source
            && !self.is_own(better);
        if !(is_right && goes_by_it && is_near && sysctl::either(sysctl::ACCEPT_REDIRECTS, index)) {
            return;
        }
        let gateway = Some(better).filter(|better| *better != destination);
        let entry = Entry {
            maker: maker::REDIRECT,
            ..Entry::new(Network::host(destination), gateway, index)
        };
        // What was said before about the same destination counts no more.
        let before = self.timed.iter().position(|(thing, _)| match thing {
            Thing::Route(known) => known.destination == entry.destination && known.interface == index,
            _ => false,
        });
        if let Some(before) = before
            && let (Thing::Route(known), _) = self.timed.remove(before)
        {
            self.routes.retain(|route| *route != known);
        }
        self.keep(Thing::Route(entry), now + BELIEVED);
    }
}
