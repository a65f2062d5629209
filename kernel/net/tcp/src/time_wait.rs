//! Connections that are over (`TIME-WAIT`): what is left of one answers those who have not heard.

use crate::segment::{Header, flags};
use crate::settings::Ends;
use crate::{Segment, Seq};

/// Nanoseconds that it stays.
pub const LENGTH: u64 = 60_000_000_000;
/// The age from which on its place may go to another connection that could as well have another.
const YOUNG: u64 = 1_000_000_000;
/// What is between its own stream and that of the next one.
const APART: u32 = 65_537;

/// What is left of a connection.
#[derive(Clone, Copy, Debug)]
pub struct TimeWait {
    /// Its ports.
    pub ends: Ends,
    pub(crate) nxt: Seq,
    pub(crate) expected: Seq,
    pub(crate) recent: Option<u32>,
    /// The window that was told last, which nobody fills any more.
    pub(crate) window: u16,
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
    /// It is the beginning of a new connection, if somebody listens; else it is acknowledged.
    Reuse,
    /// Send [`TimeWait::acknowledgement`].
    Acknowledge,
}

impl TimeWait {
    /// A segment came.
    pub fn on_segment(&mut self, now: u64, segment: &Segment<'_>) -> Answer {
        let newer = match (self.recent, segment.options.stamp) {
            (Some(recent), Some((stamp, _))) => stamp.wrapping_sub(recent) as i32,
            _ => 0,
        };
        let is_next = newer >= 0 && segment.seq == self.expected;
        if segment.has(flags::RST) {
            return if is_next { Answer::Forget } else { Answer::Drop };
        }
        if segment.flags & (flags::SYN | flags::ACK) == flags::SYN {
            if newer > 0 || newer == 0 && segment.seq.after(self.expected) {
                return Answer::Reuse;
            }
        } else {
            self.until = now + LENGTH;
            if is_next && segment.is_empty() && segment.flags & (flags::SYN | flags::FIN) == 0 {
                return Answer::Drop;
            }
        }
        Answer::Acknowledge
    }

    /// What is sent to who has not heard that it is over, with [`TimeWait::options`].
    #[must_use]
    pub fn acknowledgement(&self) -> Header {
        Header {
            source: self.ends.own,
            destination: self.ends.peer,
            seq: self.nxt,
            ack: self.expected,
            flags: flags::ACK,
            window: self.window,
            urgent: 0,
        }
    }

    /// The options of what it sends: the other side's clock is echoed.
    #[must_use]
    pub fn options(&self, now: u64) -> crate::Options {
        let own = ((now / 1_000_000) as u32).wrapping_add(self.ends.clock);
        crate::Options {
            stamp: self.recent.map(|recent| (own, recent)),
            ..crate::Options::default()
        }
    }

    /// Where the stream of the next one between the same two may begin.
    #[must_use]
    pub fn next(&self) -> Seq {
        self.nxt + APART
    }

    /// Whether the own side may connect again between the same two: only where times tell old and new apart, and at once only from a port of its own choice.
    #[must_use]
    pub fn may_go(&self, now: u64, is_chosen: bool, may_reuse: bool) -> bool {
        self.recent.is_some() && (is_chosen || may_reuse && now + LENGTH > self.until + YOUNG)
    }

    /// Has the next one, which its own side begins, follow it.
    #[must_use]
    pub fn followed(&self, ends: Ends) -> Ends {
        Ends {
            first: self.next(),
            recent: self.recent.unwrap_or(0),
            ..ends
        }
    }
}
