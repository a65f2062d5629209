//! What an acknowledgement changes: the window, what was sent, what is lost, how much may be under way.

use crate::congestion::Phase;
use crate::connection::{Connection, MILLI, NEVER, SECOND};
use crate::segment::flags;
use crate::sent::News;
use crate::settings::State;
use crate::{Segment, Seq};

/// Later segments that have come before one is called lost.
const LATER: u8 = 3;
/// Repairs of real losses after which what was learnt of patience is forgotten (RFC 8985, 6.2).
const LASTS: u8 = 16;

impl Connection {
    pub(crate) fn on_acknowledgement(&mut self, now: u64, segment: &Segment<'_>) {
        let flight = self.nxt.since(self.una);
        let advanced = segment.ack.after(self.una);
        let window = self.window;
        if !segment.ack.before(self.una)
            && (self.window_from.0.before(segment.seq)
                || (self.window_from.0 == segment.seq && !segment.ack.before(self.window_from.1)))
        {
            self.take_window(segment);
        }
        if self.sent.is_empty() {
            return;
        }
        let mut news = News {
            least: self.rtt.shortest_nanos(),
            ..News::default()
        };
        if advanced {
            self.advance_to(now, segment.ack, &mut news);
        }
        let twice = self.sack && self.take_blocks(now, segment, &mut news);
        self.time_answer(now, segment, advanced, &news);
        if self.probed.is_some() {
            self.on_probe_answer(segment, advanced, twice, flight);
        }
        if self.sack {
            self.note_order(twice);
            self.undo_for_nothing(&news);
            self.alarms.reorder = self.sent.find_lost(now, self.patience()).unwrap_or(NEVER);
        } else {
            self.count_repeated(segment, advanced, window, &mut news);
        }
        if self.ecn && segment.has(flags::ECE) {
            self.on_mark(flight);
        }
        self.change_phase(now, segment, advanced, flight, &news);
        if advanced {
            self.progress = now;
            self.rtt.backoff = 0;
            self.alarms.resend = if self.sent.is_empty() {
                NEVER
            } else {
                now + self.rtt.timeout()
            };
            self.set_probe(now);
        }
        self.change_state(now);
    }

    /// The other side takes so much.
    pub(crate) fn take_window(&mut self, segment: &Segment<'_>) {
        let scale = if segment.has(flags::SYN) { 0 } else { self.send_scale };
        self.window = u32::from(segment.window) << scale;
        self.largest_window = self.largest_window.max(self.window);
        self.window_from = (segment.seq, segment.ack);
        if self.window > 0 && self.alarms.persist != NEVER {
            self.alarms.persist = NEVER;
            self.rtt.backoff = 0;
        }
    }

    fn advance_to(&mut self, now: u64, ack: Seq, news: &mut News) {
        self.una = ack;
        self.sent.acknowledge(ack, now, news);
        if ack.after(self.out_start) {
            let count = ack.since(self.out_start).min(self.out.len() as u32);
            self.out.consume(count as usize);
            self.out_start += count;
        }
        if self.out_urgent.is_some_and(|mark| !mark.after(ack)) {
            self.out_urgent = None;
        }
        // Later comparisons need all of these within half of the numbers.
        self.short = self.short.max(ack);
        if !self.is_repairing() {
            self.recovery = ack;
        }
        if self.ecn_reduced.is_some_and(|until| !until.after(ack)) {
            self.ecn_reduced = None;
        }
    }

    /// Takes what the other side says it has; whether it says of something that it came twice (RFC 2883).
    fn take_blocks(&mut self, now: u64, segment: &Segment<'_>, news: &mut News) -> bool {
        let blocks = &segment.options.blocks[..segment.options.count];
        let mut twice = false;
        for (index, &(start, end)) in blocks.iter().enumerate() {
            if !start.before(end) || end.after(self.nxt) {
                continue;
            }
            let is_within = |outer: &(Seq, Seq)| !start.before(outer.0) && !end.after(outer.1);
            if index == 0 && (!end.after(self.una) || blocks.get(1).is_some_and(is_within)) {
                twice = true;
                news.twice = Some((end, end.since(start)));
                counters::tcp_ext::DSACK_RECV.count();
            } else if !start.before(self.una) {
                self.sent.sack(start, end, now, news);
            }
        }
        twice
    }

    /// Learns how long an answer takes.
    fn time_answer(&mut self, now: u64, segment: &Segment<'_>, advanced: bool, news: &News) {
        if let Some(at) = news.sent_at {
            let nanos = now.saturating_sub(at);
            self.rtt.sample(now, nanos);
            let (micros, least) = ((nanos / 1000) as u32, (self.rtt.shortest_nanos() / 1000) as u32);
            self.congestion.time(now, (self.una, self.nxt), micros, least);
        } else if let (true, true, Some((_, echo))) = (advanced, self.stamps, segment.options.stamp) {
            let millis = self.stamp(now).wrapping_sub(echo);
            if echo != 0 && millis < 120_000 {
                self.rtt.sample(now, u64::from(millis.max(1)) * MILLI);
            }
        }
    }

    /// What was taken for lost and was only late makes more patient, once for what is under way at a time (RFC 8985, 6.2).
    fn note_order(&mut self, twice: bool) {
        if twice && !self.una.before(self.learnt) {
            self.patience = (self.patience + 1).min(16);
            self.lasts = LASTS;
            self.learnt = self.nxt;
        }
    }

    /// All that was sent again since the last reduction had come before: there was no loss, and nothing is reduced.
    fn undo_for_nothing(&mut self, news: &News) {
        let (Some((start, again)), Some((end, bytes))) = (self.undo, news.twice) else {
            return;
        };
        if !end.after(start) {
            return;
        }
        let left = again.saturating_sub(bytes);
        self.undo = Some((start, left));
        if again > 0 && left == 0 {
            self.undo = None;
            self.undo_stamp = None;
            self.sent.find_all();
            self.congestion.undo();
            counters::tcp_ext::DSACK_UNDO.count();
        }
    }

    /// How long something may come later than what was sent after it (RFC 8985, 6.2).
    pub(crate) fn patience(&self) -> u64 {
        let many = self.sent.sacked >= u32::from(LATER) * self.mss;
        if !self.sent.has_reordering && (self.is_repairing() || many) {
            return 0;
        }
        let wait = self.rtt.shortest_nanos() / 4 * u64::from(self.patience);
        wait.min(self.rtt.smooth_nanos())
    }

    /// Without words: an acknowledgement that only says again what was said stands for a later segment.
    fn count_repeated(&mut self, segment: &Segment<'_>, advanced: bool, window: u32, news: &mut News) {
        if advanced {
            self.repeated = 0;
            if self.congestion.phase == Phase::Recovery && self.una.before(self.recovery) {
                self.sent.lose_first();
            }
        } else if segment.is_empty() && segment.ack == self.una && window == self.window {
            self.repeated = self.repeated.saturating_add(1);
            news.delivered = self.mss;
            if self.repeated == LATER && !self.is_repairing() {
                self.sent.lose_first();
            }
        }
    }

    fn on_mark(&mut self, flight: u32) {
        if self.ecn_reduced.is_none() && !self.is_repairing() {
            self.congestion.reduce(flight, Phase::Open);
            self.ecn_reduced = Some(self.nxt);
            self.tell_reduced = true;
        }
    }

    fn change_phase(&mut self, now: u64, segment: &Segment<'_>, advanced: bool, flight: u32, news: &News) {
        // What was sent first has come after all: its clock is older than that of the repetition (RFC 3522).
        if let (true, true, Some(undo), Some((_, echo))) = (
            self.is_repairing(),
            advanced && self.stamps,
            self.undo_stamp,
            segment.options.stamp,
        ) && (echo.wrapping_sub(undo) as i32) < 0
        {
            self.sent.find_all();
            counters::tcp_ext::FULL_UNDO.count();
            self.congestion.undo();
            self.undo_stamp = None;
        }
        match self.congestion.phase {
            Phase::Open if self.sent.lost > 0 => {
                counters::tcp_ext::SACK_RECOVERY.count();
                self.congestion.reduce(flight, Phase::Recovery);
                self.recovery = self.nxt;
                self.undo_stamp = None;
                self.undo = Some((self.una, 0));
                self.congestion.repair(news.delivered, self.in_flight(), advanced);
                self.alarms.probe = NEVER;
            }
            Phase::Open => self.congestion.advance(now, news.delivered, self.rtt.smooth_nanos()),
            _ if !self.una.before(self.recovery) => {
                self.congestion.recovered();
                self.undo_stamp = None;
                self.repeated = 0;
                self.lasts = self.lasts.saturating_sub(1);
                if self.lasts == 0 {
                    self.patience = 1;
                }
            }
            Phase::Recovery => {
                let is_fine = advanced && self.sent.lost == 0;
                self.congestion.repair(news.delivered, self.in_flight(), is_fine);
            }
            Phase::Loss => {
                self.congestion.is_limit = true;
                self.congestion.advance(now, news.delivered, self.rtt.smooth_nanos());
            }
        }
    }

    /// The answer to a probe (RFC 8985, 7.4).
    fn on_probe_answer(&mut self, segment: &Segment<'_>, advanced: bool, twice: bool, flight: u32) {
        let Some((end, was_old)) = self.probed else { return };
        if segment.ack.before(end) {
            return;
        }
        if !was_old || twice || (!advanced && segment.is_empty()) {
            self.probed = None;
        } else if segment.ack.after(end) {
            // The probe repaired a loss, which counts as one.
            self.probed = None;
            if !self.is_repairing() {
                self.congestion.reduce(flight, Phase::Open);
            }
        }
    }

    /// Whether the own end has come.
    fn change_state(&mut self, now: u64) {
        if !self.fin || self.una != self.out_end() + 1 {
            return;
        }
        match self.state {
            State::FinWait1 => {
                self.state = State::FinWait2;
                if self.is_orphan {
                    self.alarms.end = now + u64::from(self.settings.fin_timeout) * SECOND;
                }
            }
            State::Closing => self.enter_time_wait(now),
            State::LastAck => self.die(None),
            _ => {}
        }
    }
}
