//! What is left of connections within the machine that are over (`TIME-WAIT`): it keeps the port for a while, and is in the way of who would connect between the same two.
//!
//! Something is left of who ended first, from when nobody has its socket any more; until the other side ends too it waits for that, as on Linux. A reset leaves nothing.
//!
//! Every connection comes by here, so this is cheap: what is left stands in a ring, in the order in which it came, and a chain for each hash leads through the ring, newest first, by numbers that only grow. Who has left the
//! ring is not taken out of its chain, which ends where a number is not in the ring any more. Both sides have one place, under the lesser port first. Nothing happens when the time of one is over but that nobody
//! minds it any more; the next that comes takes it out.
//! Ports are not claimed for what is left: who binds a socket to a port looks through all of it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use lock::SpinLock;

/// Nanoseconds that what is left stays once both sides have ended.
const LENGTH: u64 = 60_000_000_000;
/// The age from which on it may go for a connection of which only the other side is asked for.
const YOUNG: u64 = 1_000_000_000;

/// It shares its port with who says the same (`SO_REUSEADDR`).
pub const ADDRESS: u8 = 1;
/// It shares its port with who says the same (`SO_REUSEPORT`).
pub const PORT: u8 = 2;
/// The other side has not ended yet.
pub const HALF: u8 = 4;
/// Its segments would have had times.
const TIMED: u8 = 8;
/// It stands under the other side's port first.
const TURNED: u8 = 16;
/// It was forgotten before its time.
const FORGOTTEN: u8 = 32;
/// Somebody chose its port: it is given to nobody else who does not.
pub const CHOSEN: u8 = 64;

/// Between whom something is left.
pub struct Place {
    /// Of both sides the addresses as those of the newer protocol, and the ports.
    addresses: [u64; 4],
    ports: u32,
    turned: u8,
}

struct Left {
    addresses: [u64; 4],
    ports: u32,
    /// The number of the one before it in its chain.
    before: u32,
    until: u64,
    flags: u8,
}

struct Ring {
    ring: VecDeque<Left>,
    /// The number of the first in the ring.
    first: u32,
    /// The number of the last in each chain.
    chains: Vec<u32>,
    /// How many there are at most if nothing is set.
    most: usize,
}

static LEFT: SpinLock<Ring> = SpinLock::new(Ring {
    ring: VecDeque::new(),
    first: 0,
    chains: Vec::new(),
    most: 0,
});

impl Place {
    /// Where what is left of one side stands.
    #[must_use]
    pub fn new(own: &SocketAddr, peer: &SocketAddr) -> Self {
        let is_turned = own.port() > peer.port();
        let (one, other) = if is_turned { (peer, own) } else { (own, peer) };
        let (a, b) = (bits(one), bits(other));
        Self {
            addresses: [(a >> 64) as u64, a as u64, (b >> 64) as u64, b as u64],
            ports: u32::from(one.port()) << 16 | u32::from(other.port()),
            turned: if is_turned { TURNED } else { 0 },
        }
    }
}

#[inline(never)]
fn bits(end: &SocketAddr) -> u128 {
    match end.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

impl Ring {
    /// The last in a chain.
    fn chain(&mut self, ports: u32) -> Option<&mut u32> {
        let hash = ports.wrapping_mul(0x9e37_79b1) >> 8;
        let mask = self.chains.len().wrapping_sub(1);
        self.chains.get_mut(hash as usize & mask)
    }

    fn find(&mut self, place: &Place) -> Option<&mut Left> {
        let mut number = *self.chain(place.ports)?;
        loop {
            let at = number.wrapping_sub(self.first) as usize;
            let left = self.ring.get(at)?;
            if left.ports == place.ports && left.addresses == place.addresses && left.flags & FORGOTTEN == 0 {
                return self.ring.get_mut(at);
            }
            number = left.before;
        }
    }

    fn put(&mut self, mut left: Left) {
        let number = self.first.wrapping_add(self.ring.len() as u32);
        if let Some(last) = self.chain(left.ports) {
            left.before = core::mem::replace(last, number);
        }
        self.ring.push_back(left);
    }

    /// Twice as many chains.
    #[cold]
    fn grow(&mut self) {
        let len = (self.chains.len() * 2).max(64);
        self.chains.clear();
        self.chains.resize(len, self.first.wrapping_sub(1));
        for left in core::mem::replace(&mut self.ring, VecDeque::with_capacity(len)) {
            self.put(left);
        }
    }
}

impl Left {
    fn counts(&self, now: u64) -> bool {
        self.until > now && self.flags & FORGOTTEN == 0
    }
}

/// Somebody within the machine who ended first has gone; `usual` is how many are kept if nobody has said so.
#[inline(never)]
pub fn keep(place: &Place, flags: u8, usual: fn() -> usize) {
    let now = time::now();
    let mut all = LEFT.lock();
    let all = &mut *all;
    if all.most == 0 {
        all.most = usual();
    }
    let most = match sysctl::MAX_TW_BUCKETS.get() {
        0 => all.most,
        set => set as usize,
    };
    while let Some(first) = all.ring.front()
        && (!first.counts(now) || all.ring.len() >= most)
    {
        all.ring.pop_front();
        all.first = all.first.wrapping_add(1);
    }
    if all.ring.len() >= all.chains.len() {
        all.grow();
    }
    let length = match flags & HALF {
        0 => LENGTH,
        _ => LENGTH.min(sysctl::FIN_TIMEOUT.get() as u64 * 1_000_000_000),
    };
    all.put(Left {
        addresses: place.addresses,
        ports: place.ports,
        before: 0,
        until: now + length,
        flags: flags | place.turned | if sysctl::TIMESTAMPS.is_on() { TIMED } else { 0 },
    });
}

/// A side of a connection within the machine has ended, as the second or by a reset.
#[inline(never)]
pub fn ended(place: &Place, is_reset: bool) {
    if let Some(left) = LEFT.lock().find(place) {
        left.until = time::now() + LENGTH;
        left.flags = left.flags & !HALF | if is_reset { FORGOTTEN } else { 0 };
    }
}

/// Whether a connection may be made within the machine between two of whom something may be left, which is forgotten then. Who connects from a port of his own may, where times tell old and new apart; for others
/// `tcp_tw_reuse` has to say so. What is left of the other side is not in the way.
#[inline(never)]
pub fn may_connect(own: &SocketAddr, peer: &SocketAddr, has_port: bool) -> bool {
    let place = Place::new(own, peer);
    let mut all = LEFT.lock();
    let Some(left) = all.find(&place) else {
        return true;
    };
    let left_for = left.until.saturating_sub(time::now());
    if left.flags & TURNED == place.turned && left_for > 0 {
        let reuse = match sysctl::TW_REUSE.get() {
            2 => own.ip().is_loopback() || peer.ip().is_loopback(),
            reuse => reuse != 0,
        };
        let is_old = left.flags & (HALF | CHOSEN) == 0 && left_for + YOUNG < LENGTH;
        if left.flags & TIMED == 0 || !(has_port || reuse && is_old) {
            return false;
        }
    }
    left.flags |= FORGOTTEN;
    true
}

/// Shows all that is left: of whom, what is known of it, and for how long.
#[inline(never)]
pub fn each(show: &mut dyn FnMut((SocketAddr, SocketAddr), u8, u64)) {
    let now = time::now();
    for left in LEFT.lock().ring.iter().filter(|left| left.counts(now)) {
        let [a, b, c, d] = left.addresses.map(u128::from);
        let end = |address, port| SocketAddr::new(Ipv6Addr::from_bits(address).to_canonical(), port as u16);
        let (one, other) = (end(a << 64 | b, left.ports >> 16), end(c << 64 | d, left.ports));
        let turned = left.flags & TURNED != 0;
        let way = if turned { (other, one) } else { (one, other) };
        show(way, left.flags, left.until - now);
    }
}

/// How many there are.
#[inline(never)]
#[must_use]
pub fn count() -> usize {
    let now = time::now();
    LEFT.lock().ring.iter().filter(|left| left.counts(now)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_found_from_both_sides_until_it_is_forgotten() {
        let end = |port| SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port);
        let place = |port| Place::new(&end(80), &end(port));
        let may = |port, has_port| may_connect(&end(80), &end(port), has_port);
        for port in 1000..1500 {
            keep(&place(port), HALF, || 300);
        }
        assert_eq!(count(), 300, "no more than were asked for");
        assert!(may(1100, false), "the oldest were forgotten");
        assert!(!may(1300, false), "half open");
        assert!(may_connect(&end(1300), &end(80), false), "the other side may");
        assert!(may(1300, false), "and nothing is left");
        ended(&Place::new(&end(1400), &end(80)), false);
        let mut shown = Vec::new();
        each(&mut |way, flags, _| shown.extend((way.1.port() == 1400).then_some((way, flags & HALF))));
        assert_eq!(shown, [((end(80), end(1400)), 0)]);
        ended(&place(1400), true);
        assert!(may(1400, false), "reset");
        assert!(may(1401, true), "with a port of one's own");
        assert_eq!(count(), 297);
    }
}
