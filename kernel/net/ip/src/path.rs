//! The longest packets that ways take, where a router said that its is less than the card's (RFC 1191, RFC 8201).

use alloc::vec::Vec;
use core::net::IpAddr;

/// How long it is believed (`net.ipv4.route.mtu_expires`).
const BELIEVED: u64 = 600_000_000_000;
/// Ways that are known at most.
const MOST: usize = 128;
/// Less is not believed, so that nobody can make packets tiny (`net.ipv4.route.min_pmtu`; RFC 8200 section 5).
const LEAST: [u32; 2] = [552, 1280];

/// What is known: to whom, how long, until when.
pub(crate) struct Paths {
    all: Vec<(IpAddr, u32, u64)>,
}

impl Paths {
    pub(crate) const fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// A router's word; what counts now.
    pub(crate) fn learn(&mut self, now: u64, to: IpAddr, mtu: u32) -> u32 {
        let mtu = mtu.max(LEAST[usize::from(to.is_ipv6())]);
        let before = self.limit(now, to);
        self.all.retain(|(ip, _, until)| *ip != to && *until > now);
        if self.all.len() >= MOST {
            self.all.remove(0);
        }
        self.all.push((to, mtu.min(before), now + BELIEVED));
        mtu.min(before)
    }

    /// The longest that is known to reach somebody.
    pub(crate) fn limit(&self, now: u64, to: IpAddr) -> u32 {
        let known = self.all.iter().find(|(ip, _, until)| *ip == to && *until > now);
        known.map_or(u32::MAX, |(_, mtu, _)| *mtu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_counts_for_a_while_and_never_makes_packets_tiny() {
        let mut paths = Paths::new();
        let to = IpAddr::from([1, 2, 3, 4]);
        assert_eq!(paths.limit(0, to), u32::MAX);
        assert_eq!((paths.learn(0, to, 1400), paths.learn(1, to, 1450)), (1400, 1400));
        assert_eq!(paths.learn(2, to, 68), 552);
        assert_eq!((paths.limit(3, to), paths.limit(3 + BELIEVED, to)), (552, u32::MAX));
        for number in 0..1000u32 {
            paths.learn(0, IpAddr::V4(number.into()), 1000);
        }
        assert_eq!(paths.all.len(), MOST);
    }
}
