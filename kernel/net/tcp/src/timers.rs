//! What happens when nothing comes: repetition, probes, questions whether somebody is there, the end.

use crate::congestion::Phase;
use crate::connection::{Connection, MILLI, NEVER, SECOND};
use crate::settings::State;
use crate::{Output, Seq};
use abi::Errno;
use counters::tcp_ext;

/// What a lone segment's acknowledgement may be late.
const WORST_DELAY: u64 = 200 * MILLI;

/// When something is to be done, in nanoseconds; [`NEVER`] if not.
#[derive(Clone, Copy)]
pub(crate) struct Alarms {
    pub(crate) resend: u64,
    pub(crate) probe: u64,
    pub(crate) reorder: u64,
    pub(crate) persist: u64,
    pub(crate) acknowledge: u64,
    pub(crate) keep: u64,
    pub(crate) end: u64,
    pub(crate) again: u64,
    pub(crate) cork: u64,
}

impl Alarms {
    pub(crate) const fn none() -> Self {
        Self {
            resend: NEVER,
            probe: NEVER,
            reorder: NEVER,
            persist: NEVER,
            acknowledge: NEVER,
            keep: NEVER,
            end: NEVER,
            again: NEVER,
            cork: NEVER,
        }
    }
}

impl Connection {
    /// When [`Connection::on_timer`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let alarms = &self.alarms;
        let first = alarms.resend.min(alarms.probe).min(alarms.reorder).min(alarms.persist);
        let first = first.min(alarms.acknowledge).min(alarms.keep).min(alarms.end);
        Some(first.min(alarms.again).min(alarms.cork)).filter(|at| *at != NEVER)
    }

    /// The time has come. [`Connection::poll`] then sends what is to be sent.
    pub fn on_timer(&mut self, now: u64, emit: &mut dyn FnMut(Output<'_>) -> bool) {
        if self.alarms.end <= now {
            return self.die(None);
        }
        if self.alarms.acknowledge <= now {
            self.alarms.acknowledge = NEVER;
            self.acknowledge = true;
            tcp_ext::DELAYED_ACKS.count();
        }
        if self.alarms.cork <= now {
            self.alarms.cork = NEVER;
            self.probing = true;
        }
        if self.alarms.reorder <= now {
            self.alarms.reorder = self.sent.find_lost(now, self.patience()).unwrap_or(NEVER);
            self.enter_recovery();
        }
        if self.alarms.resend <= now {
            self.resend(now);
        } else if self.alarms.probe <= now {
            self.probe(now, emit);
        }
        if self.alarms.persist <= now {
            self.ask_for_window(now, emit);
        }
        if self.alarms.keep <= now {
            self.ask_whether_alive(now, emit);
        }
    }

    fn enter_recovery(&mut self) {
        if self.congestion.phase == Phase::Open && self.sent.lost > 0 {
            let flight = self.nxt.since(self.una);
            self.congestion.reduce(flight, Phase::Recovery);
            self.recovery = self.nxt;
            self.undo_stamp = None;
            self.undo = Some((self.una, 0));
        }
        if self.congestion.phase == Phase::Recovery {
            self.congestion.repair(0, self.in_flight(), false);
        }
    }

    /// Whether so many attempts, or so long without progress, are enough.
    fn gives_up(&mut self, now: u64, tries: u8) -> bool {
        let most = match self.state {
            State::SynSent | State::SynReceived => self.settings.syn_count,
            _ if self.is_orphan => self.settings.machine.orphan_tries,
            _ => self.settings.machine.tries,
        };
        let patience = u64::from(self.settings.user_timeout) * MILLI;
        let over = if patience > 0 {
            now.saturating_sub(self.progress) >= patience
        } else {
            tries >= most
        };
        if over {
            tcp_ext::ABORT_ON_TIMEOUT.count();
            self.die(Some(self.heard_of.unwrap_or(Errno::ETIMEDOUT)));
        }
        over
    }

    /// No acknowledgement came in time.
    fn resend(&mut self, now: u64) {
        if self.sent.is_empty() {
            self.alarms.resend = NEVER;
            return;
        }
        // Not `tries`, which anything that comes sets back: who only says again what it said does not go on for ever.
        if self.gives_up(now, self.rtt.backoff) {
            return;
        }
        tcp_ext::TIMEOUTS.count();
        self.tries += 1;
        self.rtt.backoff = self.rtt.backoff.saturating_add(1);
        let flight = self.nxt.since(self.una);
        if self.congestion.phase != Phase::Loss {
            self.congestion.reduce(flight, Phase::Loss);
            self.undo = Some((self.una, 0));
        }
        self.congestion.window = self.mss;
        self.undo_stamp = None;
        self.probed = None;
        self.repeated = 0;
        self.sent.lose_all(self.rtt.backoff > 1);
        self.recovery = self.nxt;
        self.alarms.probe = NEVER;
        self.alarms.reorder = NEVER;
        self.alarms.resend = now + self.rtt.timeout();
    }

    /// A probe makes the other side say what has come, before it is too late (RFC 8985, 7).
    pub(crate) fn set_probe(&mut self, now: u64) {
        let waits = !self.sent.is_empty() && self.state as u8 != State::SynSent as u8;
        if !waits || !self.sack || self.is_repairing() || self.probed.is_some() || self.sent.has_sacked() {
            self.alarms.probe = NEVER;
            return;
        }
        if self.rtt.smooth == 0 {
            return;
        }
        let alone = self.nxt.since(self.una) <= self.mss;
        let wait = 2 * self.rtt.smooth_nanos() + 2 * MILLI + if alone { WORST_DELAY } else { 0 };
        self.alarms.probe = if now + wait < self.alarms.resend {
            now + wait
        } else {
            NEVER
        };
    }

    fn probe(&mut self, now: u64, emit: &mut dyn FnMut(Output<'_>) -> bool) {
        self.alarms.probe = NEVER;
        let Some((_, last)) = self.sent.ends() else { return };
        tcp_ext::LOSS_PROBES.count();
        let old = self.nxt;
        let is_new = self.nxt.before(self.out_end()) && self.nxt.before(self.una + self.window);
        if is_new {
            self.probing = true;
        } else {
            let len = last.end.since(last.start);
            let start = if len > self.mss {
                last.start + (len - 1) / self.mss * self.mss
            } else {
                last.start
            };
            self.send_again(start, last.end, now, emit);
        }
        self.probed = Some((if is_new { old + 1 } else { old }, !is_new));
        self.alarms.probe = NEVER;
        self.alarms.resend = now + self.rtt.timeout();
    }

    /// Sees to it that a window that opens without a word is found.
    pub(crate) fn set_persist(&mut self, now: u64) {
        let waits = self.nxt.before(self.out_end()) || (self.fin && self.nxt == self.out_end());
        if !waits || !self.sent.is_empty() || self.alarms.cork != NEVER || self.alarms.again != NEVER || !self.is_open()
        {
            self.alarms.persist = NEVER;
        } else if self.alarms.persist == NEVER {
            self.alarms.persist = now + self.rtt.timeout();
        }
    }

    fn ask_for_window(&mut self, now: u64, emit: &mut dyn FnMut(Output<'_>) -> bool) {
        self.alarms.persist = NEVER;
        let tries = self.tries;
        // Who answers every question and never takes anything keeps nothing here for ever when no program is left to wait for it.
        let asked = if self.is_orphan { self.rtt.backoff } else { tries };
        if (self.is_orphan || self.settings.user_timeout > 0) && self.gives_up(now, asked) {
            return;
        }
        self.tries = tries.saturating_add(1);
        self.rtt.backoff = self.rtt.backoff.saturating_add(1);
        if self.window > 0 {
            self.probing = true;
        } else {
            self.send_acknowledgement(now, Seq(self.una.0.wrapping_sub(1)), emit);
        }
    }

    /// Begins to wait for a silence.
    pub(crate) fn set_keep(&mut self, now: u64) {
        let may = matches!(
            self.state,
            State::Established | State::CloseWait | State::FinWait1 | State::FinWait2
        );
        self.alarms.keep = match self.settings.keep_idle {
            0 => NEVER,
            _ if !may => NEVER,
            idle => now.max(self.heard) + u64::from(idle) * SECOND,
        };
    }

    fn ask_whether_alive(&mut self, now: u64, emit: &mut dyn FnMut(Output<'_>) -> bool) {
        let idle = u64::from(self.settings.keep_idle) * SECOND;
        if now < self.heard + idle {
            self.alarms.keep = self.heard + idle;
            return;
        }
        let patience = u64::from(self.settings.user_timeout) * MILLI;
        let over = if patience > 0 {
            now.saturating_sub(self.heard) >= patience && self.tries > 0
        } else {
            self.tries >= self.settings.keep_count
        };
        if over {
            self.reset = true;
            return self.die(Some(Errno::ETIMEDOUT));
        }
        tcp_ext::KEEP_ALIVE.count();
        self.tries = self.tries.saturating_add(1);
        self.alarms.keep = now + u64::from(self.settings.keep_interval.max(1)) * SECOND;
        self.send_acknowledgement(now, Seq(self.una.0.wrapping_sub(1)), emit);
    }
}
