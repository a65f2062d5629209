//! Connections that are over (`TIME-WAIT`): what is left of one answers those who have not heard.

use crate::segment::{Header, flags};
use crate::settings::Ends;
use crate::{Segment, Seq};

/// Nanoseconds that it stays.
pub const LENGTH: u64 = 60_000_000_000;

/// What is left of a connection.
#[derive(Clone, Copy, Debug)]
pub struct TimeWait {
    /// Its ports.
    pub ends: Ends,
    pub(crate) nxt: Seq,
    pub(crate) expected: Seq,
    pub(crate) recent: Option<u32>,
    /// When it is forgotten.
    pub until: u64,
}

/// What is to be done with a segment that came for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Drop,
    /// Forget it.
    Forget,
    /// It is the beginning of a new connection, whose own stream begins there at the earliest.
    Reuse(Seq),
    /// Send this, with the other side's clock echoed.
    Acknowledge(Header),
}

impl TimeWait {
    /// A segment came.
    pub fn on_segment(&mut self, now: u64, segment: &Segment<'_>) -> Answer {
        let newer = match (self.recent, segment.options.stamp) {
            (Some(recent), Some((stamp, _))) => (stamp.wrapping_sub(recent) as i32) > 0,
            _ => false,
        };
        if segment.has(flags::RST) {
            return if segment.seq == self.expected {
                Answer::Forget
            } else {
                Answer::Drop
            };
        }
        if segment.has(flags::SYN) {
            if !segment.has(flags::ACK) && (newer || segment.seq.after(self.expected)) {
                return Answer::Reuse(self.nxt + 65_537);
            }
        } else if !segment.has(flags::ACK) {
            return Answer::Drop;
        }
        if segment.has(flags::FIN) {
            self.until = now + LENGTH;
        } else if segment.is_empty() && segment.seq == self.expected {
            return Answer::Drop;
        }
        Answer::Acknowledge(Header {
            source: self.ends.own,
            destination: self.ends.peer,
            seq: self.nxt,
            ack: self.expected,
            flags: flags::ACK,
            window: 0,
            urgent: 0,
        })
    }

    /// The options of what it sends.
    #[must_use]
    pub fn options(&self, now: u64) -> crate::Options {
        let own = ((now / 1_000_000) as u32).wrapping_add(self.ends.clock);
        crate::Options {
            stamp: self.recent.map(|recent| (own, recent)),
            ..crate::Options::default()
        }
    }
}
