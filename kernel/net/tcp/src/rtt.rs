//! How long an answer takes (RFC 6298).

/// Nanoseconds of a microsecond: what is kept is in microseconds.
const MICRO: u64 = 1000;
/// Shortest and longest wait for an answer, as Linux has them.
const SHORTEST: u32 = 200_000;
const LONGEST: u32 = 120_000_000;
/// Before there was an answer.
const FIRST: u32 = 1_000_000;
/// How long the shortest answer counts.
const MEMORY: u64 = 300_000_000_000;

/// Estimates, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Rtt {
    /// Smoothed; 0 before there was an answer.
    pub(crate) smooth: u32,
    pub(crate) variation: u32,
    shortest: u32,
    shortest_until: u64,
    /// How often the wait was in vain, one after the other.
    pub(crate) backoff: u8,
}

impl Rtt {
    pub(crate) const fn new() -> Self {
        Self {
            smooth: 0,
            variation: 0,
            shortest: 0,
            shortest_until: 0,
            backoff: 0,
        }
    }

    /// An answer came after so many nanoseconds.
    pub(crate) fn sample(&mut self, now: u64, nanos: u64) {
        let micros = u32::try_from(nanos / MICRO).unwrap_or(LONGEST).clamp(1, LONGEST);
        if self.smooth == 0 {
            self.smooth = micros;
            self.variation = micros / 2;
        } else {
            let off = self.smooth.abs_diff(micros);
            self.variation = self.variation - self.variation / 4 + off / 4;
            self.smooth = (self.smooth - self.smooth / 8 + micros / 8).max(1);
        }
        if self.shortest == 0 || micros <= self.shortest || now > self.shortest_until {
            self.shortest = micros;
            self.shortest_until = now + MEMORY;
        }
    }

    /// How long an answer is waited for, in nanoseconds.
    pub(crate) fn timeout(&self) -> u64 {
        let once = if self.smooth == 0 {
            FIRST
        } else {
            self.smooth.saturating_add((4 * self.variation).max(SHORTEST))
        };
        let wait = u64::from(once) << self.backoff.min(16);
        wait.min(u64::from(LONGEST)) * MICRO
    }

    pub(crate) const fn smooth_nanos(&self) -> u64 {
        self.smooth as u64 * MICRO
    }

    pub(crate) const fn shortest_nanos(&self) -> u64 {
        self.shortest as u64 * MICRO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_follows_what_is_seen_and_doubles_in_vain() {
        let mut rtt = Rtt::new();
        assert_eq!(rtt.timeout(), 1_000_000_000);
        for _ in 0..100 {
            rtt.sample(0, 50_000_000);
        }
        assert!((250_000_000..256_000_000).contains(&rtt.timeout()), "{}", rtt.timeout());
        rtt.backoff = 2;
        assert!(rtt.timeout() >= 1_000_000_000);
        rtt.backoff = 60;
        assert_eq!(rtt.timeout(), 120_000_000_000);
    }
}
