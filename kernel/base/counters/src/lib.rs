//! What the network has done, counted where it happens, by the names of the standards (RFC 4293, 4022, 4113) and of Linux.
//!
//! A counter is a place in one array. Its name stands once, in the [`Row`] that `/proc/net/snmp`, `snmp6` or `netstat` shows, and its constant finds the place by the name when it is compiled: a name that no row has does not
//! compile. Counters of CPUs apart would cost every one of them an array and those who read a sum; one addition without order costs an instruction.
//! What never leaves the machine is counted where it is the same thing as on Linux (connections, datagrams), not where there is no packet.
#![no_std]
#![forbid(unsafe_code)]

mod rows;

use core::sync::atomic::{AtomicU64, Ordering};
pub use rows::*;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter(u16);

/// The same of both protocols: of the older, and of the newer.
#[derive(Clone, Copy, Debug)]
pub struct Both(pub Counter, pub Counter);

static VALUES: [AtomicU64; COUNT] = [const { AtomicU64::new(0) }; COUNT];

impl Counter {
    /// Once more.
    #[inline]
    pub fn count(self) {
        self.add(1);
    }

    /// So many times more.
    #[inline]
    pub fn add(self, times: u64) {
        if let Some(value) = VALUES.get(usize::from(self.0)) {
            value.fetch_add(times, Ordering::Relaxed);
        }
    }

    /// Once less, of what is counted while it lasts.
    pub fn leave(self) {
        self.add(u64::MAX);
    }

    /// How often.
    #[must_use]
    pub fn value(self) -> u64 {
        VALUES
            .get(usize::from(self.0))
            .map_or(0, |value| value.load(Ordering::Relaxed))
    }
}

impl Both {
    /// Once more. Not inlined: it is smaller so, and some instructions of each packet do not matter.
    #[inline(never)]
    pub fn count(self, newer: bool) {
        self.of(newer).count();
    }

    /// That of one protocol.
    #[inline]
    #[must_use]
    pub const fn of(self, newer: bool) -> Counter {
        if newer { self.1 } else { self.0 }
    }
}

/// A row of counters.
#[derive(Debug)]
pub struct Row {
    /// Of what.
    pub of: &'static str,
    /// Their names, with a space between.
    pub names: &'static str,
    first: usize,
}

impl Row {
    const fn begin(of: &'static str, names: &'static str) -> Self {
        Self { of, names, first: 0 }
    }

    const fn behind(before: &Self, of: &'static str, names: &'static str) -> Self {
        let first = before.end();
        Self { of, names, first }
    }

    const fn end(&self) -> usize {
        let (names, mut at, mut count) = (self.names.as_bytes(), 0, 1);
        while at < names.len() {
            if names[at] == b' ' {
                count += 1;
            }
            at += 1;
        }
        self.first + count
    }

    /// The counter of a name, which there must be.
    const fn counter(&self, name: &str) -> Counter {
        let (names, name) = (self.names.as_bytes(), name.as_bytes());
        let (mut at, mut number) = (0, self.first);
        loop {
            assert!(at < names.len(), "the row has no such name");
            let mut len = 0;
            let mut same = true;
            while at + len < names.len() && names[at + len] != b' ' {
                same = same && len < name.len() && names[at + len] == name[len];
                len += 1;
            }
            if same && len == name.len() {
                return Counter(number as u16);
            }
            at += len + 1;
            number += 1;
        }
    }

    /// What there is of each name, in their order.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counters = (self.first as u16..).map(Counter);
        self.names.split(' ').zip(counters.map(Counter::value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_where_its_name_is() {
        let before = tcp::CURR_ESTAB.value();
        tcp::CURR_ESTAB.count();
        tcp::OUT_SEGS.add(5);
        let shown = |name| TCP.values().find(|(known, _)| *known == name).map(|(_, value)| value);
        assert_eq!((shown("CurrEstab"), shown("OutSegs")), (Some(before + 1), Some(5)));
        tcp::CURR_ESTAB.leave();
        assert_eq!(tcp::CURR_ESTAB.value(), before);
        assert_eq!(usize::from(TCP.counter("RtoAlgorithm").0), ICMP.end());
        ip::IN_RECEIVES.count(true);
        assert!(IP6.values().any(|shown| shown == ("InReceives", 1)));
    }
}
