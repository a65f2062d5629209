//! How much may be under way: CUBIC in whole numbers (RFC 9438) or Reno (RFC 5681), and proportional rate reduction (RFC 6937).

use crate::Seq;

/// Segments at the beginning (RFC 6928).
const INITIAL: u32 = 10;
const MANY: u32 = u32::MAX / 4;

/// Segments under way before a growing queue ends slow start, and answers that a round is judged by (HyStart, RFC 9406).
const ENOUGH: u32 = 16;
const SAMPLES: u8 = 8;
/// How much longer answers take then, at least and at most: microseconds.
const LONGER: (u32, u32) = (4000, 16_000);
/// Nanoseconds between answers that are close to each other.
const CLOSE: u64 = 2_000_000;

/// What the network is believed to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Everything comes.
    Open,
    /// Something was lost, and the rest says so.
    Recovery,
    /// Nothing was heard for too long.
    Loss,
}

/// The window of congestion, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Congestion {
    pub(crate) phase: Phase,
    /// Reno instead of CUBIC.
    pub(crate) reno: bool,
    /// More would have been sent but for this window.
    pub(crate) is_limit: bool,
    pub(crate) window: u32,
    pub(crate) threshold: u32,
    mss: u32,
    /// Where it was full the last time.
    full: u32,
    /// Nanoseconds when the way to there began; 0 for not yet.
    epoch: u64,
    /// Milliseconds of that way.
    way: u32,
    /// What Reno would have.
    friendly: u32,
    /// Before the last reduction, to take it back.
    before: (u32, u32),
    /// Bytes under way when recovery began; what came and what went since.
    flight: u32,
    came: u32,
    went: u32,
    round: Round,
}

/// The answers to what was under way at one time.
#[derive(Clone, Copy, Default)]
struct Round {
    /// The end of what is answered in it.
    end: Seq,
    /// The shortest, in microseconds, and how many there were.
    shortest: u32,
    count: u8,
    /// When it began, and when the last answer came that was close behind the one before.
    began: u64,
    last: u64,
}

impl Congestion {
    pub(crate) fn new(mss: u32, reno: bool) -> Self {
        Self {
            phase: Phase::Open,
            reno,
            is_limit: false,
            window: INITIAL * mss,
            threshold: MANY,
            mss,
            full: 0,
            epoch: 0,
            way: 0,
            friendly: 0,
            before: (0, 0),
            flight: 0,
            came: 0,
            went: 0,
            round: Round::default(),
        }
    }

    pub(crate) fn set_mss(&mut self, mss: u32) {
        self.mss = mss.max(1);
    }

    pub(crate) fn is_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// An answer came after so many microseconds, of which the shortest ever took `least`. Slow start ends before a queue is full: when even the shortest answer of a round takes longer, or when the answers of a round that come
    /// one close behind the other last for half the way there and back, so that what is under way fills most of it.
    #[inline(never)]
    pub(crate) fn time(&mut self, now: u64, (una, nxt): (Seq, Seq), micros: u32, least: u32) {
        if self.reno || !self.is_slow_start() || self.phase != Phase::Open {
            return;
        }
        if una.after(self.round.end) || self.round.count == 0 {
            self.round = Round {
                end: nxt,
                shortest: u32::MAX,
                count: 0,
                began: now,
                last: now,
            };
        }
        let round = &mut self.round;
        let mut is_full = false;
        if now - round.last <= CLOSE {
            round.last = now;
            is_full = now - round.began > u64::from(least) * 500;
        }
        if round.count < SAMPLES {
            round.shortest = round.shortest.min(micros);
            round.count += 1;
            let longer = (least / 8).clamp(LONGER.0, LONGER.1);
            is_full |= round.count == SAMPLES && round.shortest >= least + longer;
        }
        if is_full && self.window >= ENOUGH * self.mss {
            self.threshold = self.window;
        }
    }

    /// Bytes came while nothing is lost.
    pub(crate) fn advance(&mut self, now: u64, bytes: u32, rtt: u64) {
        if !self.is_limit {
            return;
        }
        let mut bytes = bytes;
        if self.is_slow_start() {
            let room = self.threshold - self.window;
            let grown = bytes.min(room);
            self.window += grown;
            bytes -= grown;
        }
        if bytes == 0 || self.window >= MANY {
            return;
        }
        let by_reno = |window: u32, tenths: u64| {
            (u64::from(bytes) * u64::from(self.mss) * tenths / 10 / u64::from(window.max(1))).max(1) as u32
        };
        if self.reno {
            self.window += by_reno(self.window, 10);
            return;
        }
        if self.epoch == 0 {
            self.epoch = now;
            self.friendly = self.window;
            self.full = self.full.max(self.window);
            // The cube root of (full - window) / 0.4, in milliseconds.
            let below = u64::from((self.full - self.window) / self.mss);
            self.way = cube_root(below * 2_500_000_000);
        }
        // Three tenths of two, over 1.7: what makes it as fast as Reno on average.
        self.friendly = self.friendly.saturating_add(by_reno(self.friendly, 5)).min(MANY);
        let passed = (now.saturating_sub(self.epoch) + rtt) / 1_000_000;
        let target = self.cubic(passed).clamp(self.window, self.window + self.window / 2);
        let step = u64::from(target - self.window) * u64::from(bytes) / u64::from(self.window);
        self.window = (self.window + step as u32).max(self.friendly).min(MANY);
    }

    /// The window that long after the epoch began.
    fn cubic(&self, passed: u64) -> u32 {
        let away = passed.abs_diff(u64::from(self.way)).min(100_000);
        let change = (away * away * away / 1_000_000) * u64::from(self.mss) / 2_500;
        let full = u64::from(self.full);
        let target = if passed < u64::from(self.way) {
            full.saturating_sub(change)
        } else {
            full + change
        };
        target.min(u64::from(MANY)) as u32
    }

    /// Something was lost or marked.
    pub(crate) fn reduce(&mut self, flight: u32, phase: Phase) {
        self.before = (self.window, self.threshold);
        self.epoch = 0;
        let (part, of) = if self.reno { (1, 2) } else { (7, 10) };
        // Fast convergence: who got less than the last time leaves room for others.
        self.full = if self.window < self.full {
            self.window / 20 * 17
        } else {
            self.window
        };
        self.threshold = (u64::from(self.window.min(flight.max(2 * self.mss))) * part / of) as u32;
        self.threshold = self.threshold.max(2 * self.mss);
        self.phase = phase;
        self.flight = flight.max(1);
        self.came = 0;
        self.went = 0;
        if phase == Phase::Loss {
            self.window = self.mss;
        }
        if phase == Phase::Open {
            self.window = self.threshold;
        }
    }

    /// Bytes came or went while losses are repaired: the window falls to the threshold as they come.
    pub(crate) fn repair(&mut self, came: u32, in_flight: u32, advances: bool) {
        self.came = self.came.saturating_add(came);
        let budget = if in_flight > self.threshold {
            let share = u64::from(self.came) * u64::from(self.threshold);
            share
                .div_ceil(u64::from(self.flight))
                .saturating_sub(u64::from(self.went)) as u32
        } else {
            let mut limit = self.came.saturating_sub(self.went).max(came);
            if advances {
                limit += self.mss;
            }
            limit.min(self.threshold - in_flight)
        };
        // At least what was lost first goes out at once.
        let budget = if self.went == 0 { budget.max(self.mss) } else { budget };
        self.window = in_flight + budget;
    }

    pub(crate) fn sent(&mut self, bytes: u32) {
        if self.phase == Phase::Recovery {
            self.went = self.went.saturating_add(bytes);
        }
    }

    /// All that was under way at the loss has come.
    pub(crate) fn recovered(&mut self) {
        if self.phase == Phase::Recovery {
            self.window = self.threshold;
        }
        self.phase = Phase::Open;
    }

    /// It was no loss after all.
    pub(crate) fn undo(&mut self) {
        self.window = self.window.max(self.before.0);
        self.threshold = self.threshold.max(self.before.1);
        self.full = self.full.max(self.window);
        self.phase = Phase::Open;
    }

    /// Nothing was sent for long: what is known of the network is old.
    pub(crate) fn idle(&mut self) {
        self.threshold = self.threshold.max(self.window / 4 * 3);
        self.window = self.window.min(INITIAL * self.mss);
        self.epoch = 0;
    }
}

/// The largest number whose cube is not larger.
fn cube_root(of: u64) -> u32 {
    let mut root: u64 = 0;
    for bit in (0..21).rev() {
        let try_root = root | 1 << bit;
        if try_root * try_root * try_root <= of {
            root = try_root;
        }
    }
    root as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots_are_rounded_down() {
        for (of, root) in [(0, 0), (1, 1), (7, 1), (8, 2), (26, 2), (27, 3), (1_000_000_000, 1000)] {
            assert_eq!(cube_root(of), root, "{of}");
        }
    }

    #[test]
    fn cubic_is_back_where_it_was_when_its_way_is_over() {
        let mut window = Congestion::new(1000, false);
        window.window = 1_000_000;
        window.threshold = 1;
        window.reduce(1_000_000, Phase::Recovery);
        window.recovered();
        assert_eq!(window.window, 700_000);
        window.is_limit = true;
        window.advance(1, 1000, 1);
        // The cube root of 300 / 0.4 seconds.
        assert_eq!(window.way, 9085);
        let mut now = 1;
        while now < 9_085_000_000 {
            now += 50_000_000;
            let bytes = window.window;
            window.advance(now, bytes, 50_000_000);
        }
        assert!((990_000..=1_030_000).contains(&window.window), "{}", window.window);
    }

    #[test]
    fn slow_start_doubles_and_needs_to_be_the_limit() {
        let mut window = Congestion::new(1000, false);
        window.advance(1, 10_000, 1);
        assert_eq!(window.window, 10_000);
        window.is_limit = true;
        window.advance(1, 10_000, 1);
        assert_eq!(window.window, 20_000);
    }
}
