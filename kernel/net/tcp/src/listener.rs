//! Connections that are half open: what a listener knows of who has begun, until the answer to its answer comes.
//!
//! A [`Request`] is small and without a buffer. When there are too many, nothing is kept at all: what has to be known is in the sequence number of the answer (a cookie), and, where clocks are
//! echoed, in the lowest bits of the clock.

use crate::connection::{Connection, FIRST_WINDOW, SECOND};
use crate::segment::{Header, Options, flags};
use crate::settings::{Ends, Machine, Settings, State};
use crate::siphash::Key;
use crate::{Segment, Seq};

/// Bits of the clock that carry what was agreed.
const BITS: u32 = 63;
const NO_SCALE: u32 = 15;
const MAY_SACK: u32 = 16;
/// Minutes that a cookie lasts.
const FRESH: u32 = 2;
/// Longest segments that a cookie can tell.
const SIZES: [u16; 8] = [536, 996, 1220, 1300, 1400, 1440, 1460, 8960];

/// Who has begun.
pub struct Request {
    /// Between which ports.
    pub ends: Ends,
    peer_first: Seq,
    options: Options,
    ecn: bool,
    tries: u8,
    since: u64,
    /// When it is answered again.
    pub next: u64,
}

/// What is to be done with a segment for a request.
pub enum Verdict {
    /// Nothing.
    Drop,
    /// Answer again.
    Answer,
    /// Forget it.
    Forget,
    /// There is a connection; the segment is for it.
    Open,
    /// Refuse.
    Refuse(Header),
}

impl Request {
    /// Somebody begins.
    #[must_use]
    pub fn new(now: u64, ends: Ends, segment: &Segment<'_>, machine: &Machine) -> Self {
        let mut options = segment.options;
        machine.leave_out(&mut options);
        Self {
            ends,
            peer_first: segment.seq,
            options,
            ecn: machine.takes_ecn && segment.has(flags::ECE | flags::CWR),
            tries: 0,
            since: now,
            next: now + SECOND,
        }
    }

    /// The answer.
    #[must_use]
    pub fn answer(&self, now: u64, settings: &Settings, is_cookie: bool) -> (Header, Options) {
        let mut bits = flags::SYN | flags::ACK;
        if self.ecn && !is_cookie {
            bits |= flags::ECE;
        }
        let header = Header {
            source: self.ends.own,
            destination: self.ends.peer,
            seq: self.ends.first,
            ack: self.peer_first + 1,
            flags: bits,
            window: FIRST_WINDOW as u16,
            urgent: 0,
        };
        let own = ((now / 1_000_000) as u32).wrapping_add(self.ends.clock);
        let own = if is_cookie { own & !BITS | self.bits() } else { own };
        let fits = self.ends.fits.saturating_sub(20).max(88);
        let options = Options {
            mss: Some(if settings.max_segment > 0 {
                fits.min(settings.max_segment)
            } else {
                fits
            }),
            scale: self.options.scale.map(|_| settings.machine.scale),
            may_sack: self.options.may_sack,
            stamp: self.options.stamp.map(|(stamp, _)| (own, stamp)),
            ..Options::default()
        };
        (header, options)
    }

    fn bits(&self) -> u32 {
        let scale = self.options.scale.map_or(NO_SCALE, u32::from);
        scale | if self.options.may_sack { MAY_SACK } else { 0 }
    }

    /// How often it was answered again.
    #[must_use]
    pub const fn again(&self) -> u8 {
        self.tries
    }

    /// Its time has come: whether it is answered again or forgotten.
    pub fn is_answered_again(&mut self, now: u64, machine: &Machine) -> bool {
        /// Two minutes lie between answers at most.
        const LONGEST: u64 = 120 * SECOND;
        self.tries = self.tries.saturating_add(1);
        self.next = now + (SECOND << self.tries.min(7)).min(LONGEST);
        self.tries <= machine.syn_tries
    }

    /// A segment came from who has begun.
    #[must_use]
    pub fn on_segment(&self, segment: &Segment<'_>) -> Verdict {
        let expected = self.peer_first + 1;
        if segment.has(flags::SYN) && segment.seq == self.peer_first && !segment.has(flags::ACK) {
            return Verdict::Answer;
        }
        if segment.has(flags::RST) {
            return if segment.seq == expected {
                Verdict::Forget
            } else {
                Verdict::Drop
            };
        }
        if !segment.has(flags::ACK) {
            return Verdict::Drop;
        }
        if segment.ack != self.ends.first + 1 {
            return segment.refusal().map_or(Verdict::Drop, Verdict::Refuse);
        }
        let too_old = match (self.options.stamp, segment.options.stamp) {
            (Some((recent, _)), Some((stamp, _))) => (stamp.wrapping_sub(recent) as i32) < 0,
            _ => false,
        };
        // As strict as the connection that is to take the segment: one that does not would stay half open.
        let ahead = segment.seq.since(expected);
        let is_outside = ahead > FIRST_WINDOW - u32::from(!segment.is_empty());
        if is_outside || too_old || segment.has(flags::SYN) {
            return Verdict::Answer;
        }
        Verdict::Open
    }

    /// The connection, to which the segment that opens it is to be given next.
    #[must_use]
    pub fn open(&self, now: u64, settings: Settings) -> Connection {
        let mut this = Connection::new(now, State::SynReceived, self.ends, settings);
        this.agree(&self.options);
        this.begin_receiving(self.peer_first + 1);
        this.edge = this.expected + FIRST_WINDOW;
        this.ecn = self.ecn;
        this.nxt = self.ends.first + 1;
        this.sent.push(self.ends.first, this.nxt, self.since);
        if self.tries > 0 {
            this.sent.sent_again(self.ends.first, this.nxt, now);
        }
        this.alarms.resend = now + SECOND;
        if let Some((stamp, _)) = self.options.stamp {
            this.recent = stamp;
        }
        this
    }

    /// What a cookie tells of who has begun, if it is one of ours.
    #[must_use]
    pub fn from_cookie(key: &Key, now: u64, who: [u64; 5], mut ends: Ends, segment: &Segment<'_>) -> Option<Self> {
        ends.first = Seq(segment.ack.0.wrapping_sub(1));
        let peer_first = Seq(segment.seq.0.wrapping_sub(1));
        let mut options = Options {
            mss: Some(check(key, minute(now), who, peer_first, ends.first)?),
            ..Options::default()
        };
        if let Some((stamp, echo)) = segment.options.stamp {
            options.stamp = Some((stamp, 0));
            options.may_sack = echo & MAY_SACK != 0;
            options.scale = Some(echo & NO_SCALE)
                .filter(|scale| *scale != NO_SCALE)
                .map(|scale| scale as u8);
        }
        Some(Self {
            ends,
            peer_first,
            options,
            ecn: false,
            tries: 1,
            since: now,
            next: now,
        })
    }

    /// Makes the own beginning a cookie.
    pub fn make_cookie(&mut self, key: &Key, now: u64, who: [u64; 5]) {
        let mss = self.options.mss.unwrap_or(crate::connection::DEFAULT_MSS);
        let size = SIZES.iter().rposition(|size| *size <= mss).unwrap_or(0) as u32;
        self.ends.first = cookie(key, minute(now), who, self.peer_first, size);
    }
}

const fn minute(now: u64) -> u32 {
    (now / (60 * SECOND)) as u32
}

/// 5 bits of the minute, 3 of the size, 24 that nobody can guess.
fn cookie(key: &Key, minute: u32, who: [u64; 5], peer_first: Seq, size: u32) -> Seq {
    let [a, b, c, d, e] = who;
    let rest = u64::from(peer_first.0) << 32 | u64::from(minute) << 3 | u64::from(size);
    let secret = key.hash(&[a, b, c, d, e, rest]) as u32 & 0x00ff_ffff;
    Seq((minute & 31) << 27 | size << 24 | secret)
}

fn check(key: &Key, minute: u32, who: [u64; 5], peer_first: Seq, given: Seq) -> Option<u16> {
    let age = minute.wrapping_sub(given.0 >> 27) & 31;
    let size = given.0 >> 24 & 7;
    let made = cookie(key, minute.wrapping_sub(age), who, peer_first, size);
    (age < FRESH && made == given).then_some(SIZES[size as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_known_again_for_a_while_and_by_nobody_else() {
        let (key, who) = (Key([1, 2]), [1, 2, 3, 4, 5]);
        let given = cookie(&key, 100, who, Seq(77), 6);
        assert_eq!(check(&key, 100, who, Seq(77), given), Some(1460));
        assert_eq!(check(&key, 101, who, Seq(77), given), Some(1460));
        assert_eq!(check(&key, 102, who, Seq(77), given), None);
        assert_eq!(check(&key, 132, who, Seq(77), given), None);
        assert_eq!(check(&key, 100, who, Seq(78), given), None);
        assert_eq!(check(&key, 100, [1, 2, 3, 4, 6], Seq(77), given), None);
        assert_eq!(check(&Key([1, 3]), 100, who, Seq(77), given), None);
    }
}
