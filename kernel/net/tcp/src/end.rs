//! How a connection ends: finished, let go of, torn off, or told by a router that nothing arrives.

use crate::connection::{Connection, SECOND};
use crate::segment::Header;
use crate::sent::Scoreboard;
use crate::timers::Alarms;
use crate::{Seq, State, TimeWait};
use abi::Errno;

impl Connection {
    /// Nothing more is given to be sent.
    pub fn finish(&mut self) {
        if self.fin {
            return;
        }
        match self.state {
            State::Established => self.state = State::FinWait1,
            State::CloseWait => self.state = State::LastAck,
            State::SynReceived => {}
            _ => return,
        }
        self.fin = true;
    }

    /// The program lets go of it. What was not read is lost, and the other side hears so.
    pub fn abandon(&mut self, now: u64) {
        self.is_orphan = true;
        if self.state == State::SynSent {
            return self.die(None);
        }
        if self.queue.len() > 0 {
            return self.abort(None);
        }
        self.finish();
        if self.state == State::FinWait2 {
            self.alarms.end = now + u64::from(self.settings.fin_timeout) * SECOND;
        }
    }

    /// A router says that the segment which begins there did not arrive, and how much would have fit.
    pub fn on_failure(&mut self, errno: Errno, is_fatal: bool, seq: Seq, fits: Option<u16>) {
        if seq.before(self.una) || !seq.before(self.nxt) {
            return;
        }
        if let Some(fits) = fits {
            return self.path_takes(fits);
        }
        match self.state {
            State::SynSent | State::SynReceived => self.die(Some(errno)),
            _ if is_fatal => self.heard_of = Some(errno),
            _ => {}
        }
    }

    /// Ends it at once; the other side is told by a reset.
    pub fn abort(&mut self, error: Option<Errno>) {
        if !matches!(self.state, State::Closed | State::SynSent | State::TimeWait) {
            self.reset = true;
        }
        self.die(error);
    }

    /// It is over.
    pub(crate) fn die(&mut self, error: Option<Errno>) {
        self.state = State::Closed;
        self.error = error.or(self.error);
        self.out.clear();
        self.assembler.clear();
        self.sent = Scoreboard::default();
        self.alarms = Alarms::none();
        if self.reset {
            self.poll_soon();
        }
        if self.is_orphan {
            self.queue.clear();
        }
    }

    /// What is left of it when both sides have ended.
    #[must_use]
    pub fn time_wait(&self, now: u64) -> Option<TimeWait> {
        (self.state == State::TimeWait).then(|| TimeWait {
            ends: self.ends,
            nxt: self.nxt,
            expected: self.expected,
            recent: self.stamps.then_some(self.recent),
            window: (self.told_window() >> self.receive_scale).min(0xffff) as u16,
            until: now + crate::time_wait::LENGTH,
        })
    }

    /// The segment that it is reset with.
    pub(crate) fn reset_header(&self) -> Header {
        Header {
            source: self.ends.own,
            destination: self.ends.peer,
            seq: self.nxt,
            ack: self.expected,
            flags: crate::flags::RST | crate::flags::ACK,
            window: 0,
            urgent: 0,
        }
    }
}
