//! What happens to interfaces: the stack learns their new addresses and lengths of packets, and others learn who is where.

use crate::clock::with;
use crate::stack::announce;
use alloc::sync::Arc;
use core::net::IpAddr;
use link::{Event, Interface};

/// Has everything told that happens to interfaces.
pub(crate) fn begin() {
    link::interface::watch(changed);
}

fn changed(interface: &Arc<Interface>, event: Event) {
    if !matches!(event, Event::Changed | Event::Announce) {
        return;
    }
    let index = interface.index as u32;
    with(|stack, _, effects| {
        let Some(link) = stack.links.iter_mut().find(|link| link.index == index) else {
            return;
        };
        (link.mac, link.mtu) = (interface.card.mac(), interface.mtu());
        let abilities = interface.abilities();
        (link.can_segment, link.can_sum) = (abilities.cuts, abilities.checksum);
        let Some(link) = stack.link(index).filter(|_| interface.is_running()) else {
            return;
        };
        for own in stack.addresses.iter().filter(|own| own.interface == index) {
            if let IpAddr::V4(ip) = own.network.ip {
                announce(link, ip, effects);
            }
        }
    });
}
