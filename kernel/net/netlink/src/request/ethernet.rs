//! `SIOCETHTOOL`: what a card is and does, and what of that is switched off. Answers are those of Linux's `virtio_net`, as far as they say something here.
//!
//! `ethtool` asks over generic netlink first, hears that there is no such family, and asks here.

use crate::socket::asking;
use abi::{Errno, Error, Result};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use link::Interface;
use link::interface::work;
use usermem::{UserPtr, UserSlice};
use vfs::capability;

/// What is asked (`ETHTOOL_*`).
mod ask {
    pub(super) const SETTINGS_BEFORE: u32 = 0x01;
    pub(super) const DRIVER: u32 = 0x03;
    pub(super) const LINK: u32 = 0x0a;
    pub(super) const COALESCING: u32 = 0x0e;
    pub(super) const RINGS: u32 = 0x10;
    pub(super) const STRINGS: u32 = 0x1b;
    pub(super) const COUNTERS: u32 = 0x1d;
    pub(super) const PERMANENT_ADDRESS: u32 = 0x20;
    pub(super) const FLAGS: u32 = 0x25;
    pub(super) const RECEIVING_RINGS: u32 = 0x2d;
    pub(super) const SET_SIZES: u32 = 0x37;
    pub(super) const FEATURES: u32 = 0x3a;
    pub(super) const SET_FEATURES: u32 = 0x3b;
    pub(super) const CHANNELS: u32 = 0x3c;
    pub(super) const TIMES: u32 = 0x41;
    pub(super) const SETTINGS: u32 = 0x4c;
}

/// Sets of strings.
const COUNTERS: u32 = 1;
const FEATURES: u32 = 4;
/// Bytes of a string in a set.
const STRING: usize = 32;

/// A feature: its name, the work that it is (nothing if it is always so), and whether it can be on at all.
type Feature = (&'static str, u32, bool);

/// In the order of their bits.
const ALL: [Feature; 15] = [
    ("tx-scatter-gather", 0, true),
    ("tx-checksum-ip-generic", work::CHECKSUM, true),
    ("highdma", 0, true),
    ("tx-vlan-hw-insert", 0, false),
    ("rx-vlan-hw-parse", 0, false),
    ("tx-generic-segmentation", 0, true),
    ("tx-tcp-segmentation", work::CUTS[0], true),
    ("tx-tcp-ecn-segmentation", 0, false),
    ("tx-tcp6-segmentation", work::CUTS[1], true),
    ("tx-udp-segmentation", work::CUTS[2], true),
    ("rx-gro", work::JOINING, true),
    ("rx-lro", 0, false),
    ("rx-ntuple-filter", 0, false),
    ("rx-hashing", 0, false),
    ("rx-checksum", 0, true),
];

/// Older requests that are about one feature: the first to ask, the next number to set.
const ONE_FEATURE: [(u32, u32); 6] = [(0x14, 14), (0x16, 1), (0x18, 0), (0x1e, 6), (0x23, 5), (0x2b, 10)];

/// Bytes of the longest answer but those that are lists: `struct ethtool_drvinfo`.
const LONGEST: usize = 196;

const NOT_ANSWERED: Error = Error::new(Errno::EOPNOTSUPP, "the card does not answer that");
const NO_ROOM: Error = Error::new(Errno::EINVAL, "no room for the answer");

/// An answer, as numbers and texts at their places.
struct Answer([u8; LONGEST]);

impl Answer {
    fn put(&mut self, place: usize, number: u32) {
        self.text(4 * place, &number.to_ne_bytes());
    }

    fn text(&mut self, at: usize, text: &[u8]) {
        let to = self.0.iter_mut().skip(at);
        to.zip(text).for_each(|(to, from)| *to = *from);
    }
}

pub(super) fn answer(interface: &Arc<Interface>, argument: u64) -> Result<u64> {
    let value = |at: u64| UserPtr::<u32>::new(argument + at).read();
    let request = value(0)?;
    let mut answer = Answer([0; LONGEST]);
    answer.put(0, request);
    if request != ask::LINK && interface.is_loopback() {
        return Err(Error::new(Errno::EOPNOTSUPP, "loopback has no card"));
    }
    let is_about = |known: u32| [request, request.wrapping_sub(1)].contains(&known);
    let one = ONE_FEATURE.iter().find(|(known, _)| is_about(*known));
    let len = match (one, request) {
        (Some((known, number)), _) if *known == request => {
            answer.put(1, feature_bits(interface)[2] >> number & 1);
            8
        }
        (Some((_, number)), _) => {
            let wanted = u32::from(value(4)? != 0) << number;
            return match set_features(interface, 1 << number, wanted)? {
                0 => Ok(0),
                _ => Err(NOT_ANSWERED),
            };
        }
        (_, ask::LINK) => {
            answer.put(1, interface.is_running().into());
            8
        }
        (_, ask::SET_SIZES) => return set_sizes(interface, argument),
        (_, ask::STRINGS | ask::COUNTERS) => return list(interface, request, argument),
        (_, ask::FEATURES) => {
            let room = value(4)?;
            answer.put(1, 1);
            for (place, bits) in (2..).zip(feature_bits(interface)) {
                answer.put(place, bits);
            }
            if room > 0 { 24 } else { 8 }
        }
        (_, ask::SET_FEATURES) if value(4)? == 1 => return set_features(interface, value(8)?, value(12)?),
        (_, ask::PERMANENT_ADDRESS) if value(4)? < 6 => return Err(NO_ROOM),
        (_, ask::SETTINGS | ask::SETTINGS_BEFORE) => settings(&mut answer, UserPtr::<u8>::new(argument + 15).read()?),
        _ => about(interface, request, &mut answer)?,
    };
    UserSlice::new(argument, len).write(&answer.0[..len])?;
    Ok(0)
}

/// Answers that depend on nothing but the card; how long each is.
fn about(interface: &Interface, request: u32, answer: &mut Answer) -> Result<usize> {
    const COUNTERS_PLACE: usize = 45;
    /// When something came, by the machine's clock.
    const BY_SOFTWARE: u32 = 1 << 3 | 1 << 4;
    let queues = interface.card.queues();
    let ([used, most], [receiving, sending]) = (queues.pairs, queues.room);
    let (numbers, len): (&[(usize, u32)], usize) = match request {
        ask::DRIVER => {
            let bus = format!("virtio{}", interface.index - 2);
            answer.text(4, b"virtio_net");
            answer.text(4 + STRING, b"1.0.0");
            answer.text(4 + 3 * STRING, bus.as_bytes());
            (&[(COUNTERS_PLACE, count(interface, COUNTERS))], LONGEST)
        }
        // One frame makes an interrupt, in each direction.
        ask::COALESCING => (&[(2, 1), (6, 1)], 92),
        ask::RINGS => (&[(1, receiving), (4, sending), (5, receiving), (8, sending)], 36),
        ask::CHANNELS => (&[(4, most), (8, used)], 36),
        ask::RECEIVING_RINGS => (&[(2, used)], 16),
        ask::FLAGS => (&[], 8),
        ask::TIMES => (&[(1, BY_SOFTWARE), (2, u32::MAX)], 44),
        ask::PERMANENT_ADDRESS => {
            answer.text(8, &interface.permanent);
            (&[(1, 6)], 14)
        }
        _ => return Err(NOT_ANSWERED),
    };
    for (place, number) in numbers {
        answer.put(*place, *number);
    }
    Ok(len)
}

/// Those that can be changed, that are wanted, that are on, and that never change.
fn feature_bits(interface: &Interface) -> [u32; 4] {
    let able = interface.card.abilities();
    let (now, off) = (interface.abilities(), interface.off());
    let has = |able: link::Abilities, work: u32| match work {
        work::CHECKSUM => able.checksum,
        _ => work::CUTS
            .iter()
            .zip(able.cuts)
            .all(|(known, can)| *known != work || can),
    };
    let mut bits = [0; 4];
    for (number, (_, work, can_be)) in ALL.into_iter().enumerate() {
        let can_be = can_be && has(able, work);
        let is_wanted = can_be && off & work == 0;
        let of = [can_be && work != 0, is_wanted, is_wanted && has(now, work), false];
        for (word, holds) in bits.iter_mut().zip(of) {
            *word |= u32::from(holds) << number;
        }
    }
    bits
}

/// Switches features; the answer says whether some cannot be changed (1), and whether some did not become what they were to be (2).
fn set_features(interface: &Arc<Interface>, valid: u32, wanted: u32) -> Result<u64> {
    if asking().is_some_and(|(_, who)| !who.has(capability::NET_ADMIN)) {
        return Err(Error::new(Errno::EPERM, "the network is for those with CAP_NET_ADMIN"));
    }
    let [can_change, ..] = feature_bits(interface);
    let (mut mask, mut off) = (0, 0);
    for (number, (_, work, _)) in ALL.into_iter().enumerate() {
        if valid & can_change & 1 << number != 0 {
            mask |= work;
            off |= if wanted & 1 << number == 0 { work } else { 0 };
        }
    }
    interface.set_off(off, mask);
    let unsupported = valid & !can_change != 0;
    let [_, _, active, _] = feature_bits(interface);
    let wished = (active ^ wanted) & valid & can_change != 0;
    Ok(u64::from(unsupported) | u64::from(wished) << 1)
}

/// How many strings a set has.
fn count(interface: &Interface, set: u32) -> u32 {
    match set {
        COUNTERS => 4 * interface.card.queues().pairs[0],
        FEATURES => ALL.len() as u32,
        _ => 0,
    }
}

/// A string of a set, and what has been counted under that name: of each pair of queues what came, and then what went.
fn member(interface: &Interface, set: u32, number: u32) -> (String, u64) {
    if set == FEATURES {
        let name = ALL.get(number as usize).map_or("", |feature| feature.0);
        return (String::from(name), 0);
    }
    let [pairs, _] = interface.card.queues().pairs;
    let (pair, what) = (number / 2 % pairs.max(1), number as usize % 2);
    let goes = number / 2 >= pairs;
    let (way, thing) = (if goes { "tx" } else { "rx" }, ["packets", "bytes"][what]);
    let counted = interface.card.pair_counters(pair as usize)[usize::from(goes)];
    (format!("{way}_queue_{pair}_{thing}"), counted[what])
}

/// The strings of a set, or the counters.
fn list(interface: &Interface, request: u32, argument: u64) -> Result<u64> {
    let names = request == ask::STRINGS;
    let set = match names {
        true => UserPtr::<u32>::new(argument + 4).read()?,
        false => COUNTERS,
    };
    let count = count(interface, set);
    if count == 0 {
        return Err(Error::new(Errno::EOPNOTSUPP, "the card has no such strings"));
    }
    let mut at = argument + if names { 8 } else { 4 };
    UserPtr::<u32>::new(at).write(&count)?;
    at += 4;
    for number in 0..count {
        let (name, counted) = member(interface, set, number);
        let mut bytes = [0; STRING];
        let text = if names { name.as_bytes() } else { &counted.to_ne_bytes() };
        bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        let len = if names { STRING } else { 8 };
        UserSlice::new(at, len).write(&bytes[..len])?;
        at += len as u64;
    }
    Ok(0)
}

/// How many strings are in the sets that are asked for, of those that there are.
fn set_sizes(interface: &Interface, argument: u64) -> Result<u64> {
    let wanted = UserPtr::<u64>::new(argument + 8).read()?;
    let (mut found, mut at) = (0, argument + 16);
    for set in [COUNTERS, FEATURES] {
        if wanted & 1 << set != 0 {
            found |= 1 << set;
            UserPtr::<u32>::new(at).write(&count(interface, set))?;
            at += 4;
        }
    }
    UserPtr::<u64>::new(argument + 8).write(&found)?;
    Ok(0)
}

/// How fast the link is, which nobody knows of a virtual one: `struct ethtool_link_settings`, of which the sets of speeds are so many words long, and `struct ethtool_cmd`.
fn settings(answer: &mut Answer, given: u8) -> usize {
    const WORDS: u8 = 4;
    const UNKNOWN: [u8; 6] = [0xff; 6];
    if answer.0[0] == ask::SETTINGS_BEFORE as u8 {
        // Half the speed, the way it goes, the port; the other half.
        answer.text(12, &UNKNOWN[..4]);
        answer.text(28, &UNKNOWN[..2]);
        return 44;
    }
    if given != WORDS {
        // Who does not know how long they are is told, as less than nothing.
        answer.text(15, &[WORDS.wrapping_neg()]);
        return 48;
    }
    answer.text(4, &UNKNOWN);
    answer.text(15, &[WORDS]);
    48 + 3 * 4 * usize::from(WORDS)
}
