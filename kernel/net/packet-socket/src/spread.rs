//! Which sockets get a frame, and what they are told of it.

use crate::address;
use crate::fanout::{self, Group};
use crate::options::{IGNORE_OUTGOING, SOL_PACKET};
use crate::ring::status;
use crate::socket::{Binding, PacketSocket};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use link::{Checksum, ETHERNET, Event, Frame, Interface, Kind, View, interface, view};
use lock::SpinLock;

const HEADER: usize = ETHERNET as usize;
/// Every protocol (`ETH_P_ALL`).
const ALL: u16 = 3;
/// Frames that say how long they are where others say what they are (`ETH_P_802_3`, `ETH_P_802_2`).
pub(crate) const RAW_LENGTH: u16 = 1;
pub(crate) const LENGTH: u16 = 4;
/// From here on it is what they are.
const FIRST_PROTOCOL: u16 = 0x600;

/// Whose a frame is (`sll_pkttype`).
const TO_US: u8 = 0;
const TO_ALL: u8 = 1;
const TO_SOME: u8 = 2;
const TO_OTHERS: u8 = 3;
pub(crate) const FROM_US: u8 = 4;

static SOCKETS: SpinLock<Vec<Weak<PacketSocket>>> = SpinLock::new(Vec::new());

/// A frame as it is shown.
pub(crate) struct Seen<'a> {
    pub(crate) interface: &'a Interface,
    /// From its Ethernet header on.
    pub(crate) bytes: &'a [u8],
    pub(crate) protocol: u16,
    pub(crate) whose: u8,
    pub(crate) address: [u8; address::LEN],
    /// What is known of its checksum, and whether it is many in one.
    pub(crate) status: u32,
    pub(crate) frame: &'a Frame,
}

/// One more socket is shown frames.
pub(crate) fn add(socket: &Arc<PacketSocket>) {
    view::set_viewer(show);
    interface::watch(hear);
    view::add_one();
    let mut sockets = SOCKETS.lock();
    sockets.retain(|socket| socket.strong_count() > 0);
    sockets.push(Arc::downgrade(socket));
}

#[inline(never)]
fn sockets() -> Vec<Arc<PacketSocket>> {
    let all = SOCKETS.lock();
    all.iter().filter_map(Weak::upgrade).collect()
}

/// Something happens to an interface: those who wait to send may try again, and those who listen to one that is off hear nothing more.
fn hear(interface: &Arc<Interface>, event: Event) {
    for socket in sockets() {
        match event {
            Event::Room => socket.wake_senders(),
            Event::Changed => socket.interface_changed(interface),
            Event::Added | Event::Announce => {}
        }
    }
}

fn whose(interface: &Interface, bytes: &[u8]) -> u8 {
    match bytes {
        _ if bytes[..6] == interface.card.mac() => TO_US,
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, ..] => TO_ALL,
        [first, ..] if first & 1 == 1 => TO_SOME,
        _ => TO_OTHERS,
    }
}

/// Gives a frame to the sockets that want it.
fn show(interface: &Interface, frame: &Frame, view: View) {
    let mut bytes = Vec::new();
    if !frame.append_to(0, &mut bytes) || bytes.len() < HEADER {
        return;
    }
    let comes = view == View::Coming;
    let whose = if comes { whose(interface, &bytes) } else { FROM_US };
    let protocol = match u16::from_be_bytes([bytes[12], bytes[13]]) {
        length if comes && length < FIRST_PROTOCOL => match bytes.get(HEADER..HEADER + 2) {
            Some([0xff, 0xff]) => RAW_LENGTH,
            _ => LENGTH,
        },
        protocol => protocol,
    };
    let station = bytes[6..].first_chunk().copied().unwrap_or_default();
    let large = frame.segmentation.is_some_and(|how| how.kind != Kind::Udp);
    let checksum = match frame.checksum {
        Checksum::Partial { .. } => status::NO_CHECKSUM_YET,
        Checksum::Valid if comes => status::CHECKSUM_VALID,
        _ => 0,
    };
    let seen = Seen {
        interface,
        bytes: &bytes,
        protocol,
        whose,
        address: address::show(Some(interface), protocol, whose, station),
        status: status::PROGRAMS | checksum | if large { status::LARGE_TCP } else { 0 },
        frame,
    };
    let all = sockets();
    let from = match view {
        View::GoingFrom(number) => all.iter().find(|socket| socket.number() == number),
        _ => None,
    };
    let mut groups: Vec<Arc<Group>> = Vec::new();
    for socket in all.iter().filter(|socket| wants(socket, &seen)) {
        match socket.group() {
            None if from.is_some_and(|from| Arc::ptr_eq(from, socket)) => {}
            None => socket.offer(&seen),
            Some(group) if groups.iter().any(|known| Arc::ptr_eq(known, &group)) => {}
            Some(group) => {
                let own = from.and_then(|from| from.group());
                if !own.is_some_and(|own| Arc::ptr_eq(&own, &group)) {
                    fanout::offer(&group, &seen);
                }
                groups.push(group);
            }
        }
    }
}

/// Whether a socket listens to what such a frame is.
fn wants(socket: &PacketSocket, seen: &Seen<'_>) -> bool {
    let Binding {
        index,
        protocol,
        is_listening,
    } = socket.binding();
    let goes = seen.whose == FROM_US;
    let is_that = protocol == ALL || protocol == seen.protocol && !goes;
    let ignores = || match socket.group() {
        Some(group) => group.ignores_outgoing(),
        None => socket.options.is_set(SOL_PACKET, IGNORE_OUTGOING),
    };
    is_listening && is_that && (index == 0 || index == seen.interface.index) && !(goes && ignores())
}
