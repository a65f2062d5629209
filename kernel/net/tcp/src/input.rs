//! What a segment that comes changes (RFC 9293, 3.10.7; RFC 5961; RFC 7323).

use crate::connection::{Connection, MILLI, NEVER, SECOND};
use crate::segment::{Header, flags};
use crate::settings::State;
use crate::{Segment, Seq};
use abi::Errno;

/// How often a segment that does not fit is answered.
const CHALLENGE: u64 = 500 * MILLI;
/// How long an acknowledgement may wait for company.
const DELAY: u64 = 40 * MILLI;
/// Steps of the other side's clock that a segment may be behind, as on Linux.
const CLOCK_IS_ROUGH: i32 = 1;
/// After so long a silence the other side's clock may be anything.
const CLOCK_IS_OLD: u64 = 24 * 24 * 3600 * SECOND;

impl Connection {
    /// A segment came for this connection. What has to be sent at once and not as part of it is the answer: a reset.
    pub fn on_segment(&mut self, now: u64, segment: &Segment<'_>) -> Option<Header> {
        self.counts[0] = self.counts[0].wrapping_add(segment.pieces());
        match self.state {
            State::Closed => return segment.refusal(),
            State::SynSent => return self.on_beginning(now, segment),
            _ => {}
        }
        if !self.is_acceptable(now, segment) {
            return None;
        }
        if segment.has(flags::RST) {
            self.on_reset(now, segment);
            return None;
        }
        if segment.has(flags::SYN) {
            // A connection that opens from both sides at once hears the same beginning twice.
            if self.state == State::SynReceived && segment.seq + 1 == self.expected {
                self.acknowledge = true;
            } else {
                self.challenge(now);
            }
            return None;
        }
        if !segment.has(flags::ACK) {
            return None;
        }
        if self.state == State::SynReceived && (!segment.ack.after(self.una) || segment.ack.after(self.nxt)) {
            return segment.refusal();
        }
        let oldest = Seq(self.una.0.wrapping_sub(self.largest_window));
        if segment.ack.after(self.nxt) || segment.ack.before(oldest) {
            // It speaks of what was never sent (RFC 5961, 5).
            self.challenge(now);
            return None;
        }
        self.heard = now;
        self.tries = 0;
        self.note_clock(now, segment);
        if self.state == State::SynReceived {
            self.state = if self.fin { State::FinWait1 } else { State::Established };
            self.window_from = (segment.seq, segment.ack);
            self.window = u32::from(segment.window) << self.send_scale;
            self.out_start = self.una + 1;
        }
        self.on_acknowledgement(now, segment);
        if self.state == State::Closed {
            return None;
        }
        if segment.has(flags::URG) {
            self.on_urgent(segment);
        }
        let answer = self.on_payload(now, segment);
        self.set_keep(now);
        answer
    }

    /// The first answer to who connects.
    fn on_beginning(&mut self, now: u64, segment: &Segment<'_>) -> Option<Header> {
        let has_ack = segment.has(flags::ACK);
        if has_ack && (!segment.ack.after(self.una) || segment.ack.after(self.nxt)) {
            return segment.refusal();
        }
        if segment.has(flags::RST) {
            if has_ack {
                self.die(Some(Errno::ECONNREFUSED));
            }
            return None;
        }
        if !segment.has(flags::SYN) {
            return None;
        }
        let asked = self.settings.ecn && self.tries == 0;
        self.agree(&segment.options);
        self.ecn = asked && segment.flags & (flags::ECE | flags::CWR) == flags::ECE;
        self.begin_receiving(segment.seq + 1);
        self.window_from = (segment.seq, segment.ack);
        self.window = u32::from(segment.window);
        self.largest_window = self.window;
        if let Some((stamp, _)) = segment.options.stamp {
            self.recent = stamp;
            self.recent_at = now;
        }
        self.acknowledge = true;
        self.heard = now;
        if has_ack {
            self.state = State::Established;
            self.on_acknowledgement(now, segment);
            self.acknowledge = true;
            self.set_keep(now);
        } else {
            // Both begin at once: the own beginning is sent again, with the acknowledgement.
            self.state = State::SynReceived;
            self.sent.lose_all(false);
        }
        None
    }

    /// The other side's stream begins there.
    pub(crate) fn begin_receiving(&mut self, first: Seq) {
        let told = self.edge.since(self.expected);
        self.expected = first;
        self.last_told = first;
        self.edge = first + told;
    }

    /// Whether a segment lies in the window and in its time.
    fn is_acceptable(&mut self, now: u64, segment: &Segment<'_>) -> bool {
        if let (true, Some((stamp, _))) = (self.stamps, segment.options.stamp)
            && (stamp.wrapping_sub(self.recent) as i32) < -CLOCK_IS_ROUGH
            && !segment.has(flags::RST)
            && now.saturating_sub(self.recent_at) < CLOCK_IS_OLD
            && !self.is_late_acknowledgement(segment, self.recent.wrapping_sub(stamp))
        {
            counters::tcp_ext::PAWSESTAB.count();
            self.answer_duplicate(now, segment);
            return false;
        }
        let end = segment.end();
        let edge = self.edge.max(self.expected);
        let fits = if segment.is_empty() {
            !segment.seq.before(self.expected) && !segment.seq.after(edge)
        } else {
            // A question of who sees no window counts as a segment at its end.
            segment.seq.before(edge) && end.after(self.expected)
        };
        if !fits && !segment.has(flags::RST) {
            if end.before(self.expected) || end == self.expected || segment.is_empty() {
                self.note_window(segment);
            }
            self.answer_duplicate(now, segment);
        }
        fits
    }

    /// Whether a segment is an acknowledgement that says nothing new but perhaps what came out of order, and was only overtaken by a few milliseconds: as Linux does, that is heard.
    fn is_late_acknowledgement(&self, segment: &Segment<'_>, late: u32) -> bool {
        segment.is_empty()
            && segment.seq == self.expected
            && segment.ack == self.una
            && u32::from(segment.window) << self.send_scale <= self.window
            && u64::from(late) * MILLI <= self.rtt.timeout()
    }

    /// A window that opens is believed even of a segment that comes too late.
    fn note_window(&mut self, segment: &Segment<'_>) {
        if segment.has(flags::ACK) && segment.ack == self.una && segment.seq + 1 == self.expected {
            self.take_window(segment);
        }
    }

    /// Tells who sends what is not expected what is.
    fn answer_duplicate(&mut self, now: u64, segment: &Segment<'_>) {
        if segment.payload.is_empty() && !segment.has(flags::FIN) {
            return self.challenge(now);
        }
        if self.sack && segment.end().before(self.expected + 1) {
            let start = self.offset(segment.seq);
            if let Some(start) = start {
                self.assembler.came_twice(start, start + segment.payload.len() as u64);
            }
        }
        self.acknowledge = true;
    }

    fn challenge(&mut self, now: u64) {
        if now >= self.challenged {
            self.challenged = now + CHALLENGE;
            counters::tcp_ext::CHALLENGE_ACK.count();
            self.acknowledge = true;
        }
    }

    fn on_reset(&mut self, now: u64, segment: &Segment<'_>) {
        if segment.seq != self.expected {
            return self.challenge(now);
        }
        let error = match self.state {
            State::SynReceived => Errno::ECONNREFUSED,
            State::CloseWait => Errno::EPIPE,
            State::TimeWait | State::LastAck | State::Closing => return self.die(None),
            _ => Errno::ECONNRESET,
        };
        self.die(Some(error));
    }

    fn note_clock(&mut self, now: u64, segment: &Segment<'_>) {
        if let (true, Some((stamp, _))) = (self.stamps, segment.options.stamp)
            && !segment.seq.after(self.last_told)
            && (stamp.wrapping_sub(self.recent) as i32 >= 0 || now.saturating_sub(self.recent_at) >= CLOCK_IS_OLD)
        {
            self.recent = stamp;
            self.recent_at = now;
        }
    }

    /// The place of a sequence number in the whole stream.
    pub(crate) fn offset(&self, seq: Seq) -> Option<u64> {
        let ahead = seq.since(self.expected) as i32;
        self.received.checked_add_signed(i64::from(ahead))
    }

    /// The sequence number of a place in the whole stream.
    pub(crate) fn place(&self, offset: u64) -> Seq {
        Seq(self.expected.0.wrapping_add(offset.wrapping_sub(self.received) as u32))
    }

    /// Bytes of the stream, and its end.
    fn on_payload(&mut self, now: u64, segment: &Segment<'_>) -> Option<Header> {
        if self.ecn && segment.marked {
            self.tell_marked = true;
            self.acknowledge = true;
        }
        if segment.has(flags::CWR) {
            self.tell_marked = segment.marked && self.ecn;
        }
        if !matches!(self.state, State::Established | State::FinWait1 | State::FinWait2) {
            return None;
        }
        let before = self.expected;
        if !segment.payload.is_empty() {
            if self.is_orphan && segment.end().after(self.expected) {
                // Nobody reads it any more.
                self.abort(None);
                return None;
            }
            self.take_bytes(segment);
        }
        if segment.has(flags::FIN) {
            let end = segment.seq + segment.payload.len() as u32;
            if !end.before(self.expected) && !end.after(self.edge.max(self.expected)) && self.peer_fin.is_none() {
                self.peer_fin = Some(end);
            }
        }
        if self.peer_fin == Some(self.expected) {
            self.on_end(now);
        } else if self.expected != before {
            self.delay(now, self.expected.since(before));
        }
        None
    }

    fn take_bytes(&mut self, segment: &Segment<'_>) {
        let (mut start, mut bytes) = (segment.seq, segment.payload);
        let usual = match segment.piece {
            0 => bytes.len().min(0xffff) as u16,
            piece => piece,
        };
        self.usual = self.usual.max(usual);
        if start.before(self.expected) {
            let known = self.expected.since(start).min(bytes.len() as u32);
            if let (true, Some(offset)) = (self.sack, self.offset(start)) {
                self.assembler.came_twice(offset, offset + u64::from(known));
            }
            bytes = &bytes[known as usize..];
            start += known;
            self.acknowledge = true;
        }
        let room = self.edge.max(self.expected).since(start);
        if room < bytes.len() as u32 {
            bytes = &bytes[..room as usize];
            self.acknowledge = true;
        }
        if bytes.is_empty() {
            return;
        }
        self.find_urgent(start, bytes);
        if start != self.expected {
            counters::tcp_ext::OFO_QUEUE.count();
            if let Some(offset) = self.offset(start) {
                self.assembler.insert(offset, bytes);
            }
            self.acknowledge = true;
            return;
        }
        self.queue.append(bytes);
        self.advance(bytes.len());
        if !self.assembler.is_empty() {
            self.acknowledge = true;
            while let Some((piece, known)) = self.assembler.take(self.received) {
                let count = piece.len() - known;
                if known == 0 {
                    self.queue.push(piece);
                } else {
                    self.queue.append(&piece[known..]);
                }
                self.advance(count);
            }
        }
    }

    fn advance(&mut self, count: usize) {
        self.expected += count as u32;
        self.received += count as u64;
    }

    /// An acknowledgement is due, now or soon: every second full segment has one. Where it could only tell of much less room it waits until a program has read, and then one tells of both.
    fn delay(&mut self, now: u64, bytes: u32) {
        self.unacknowledged = self.unacknowledged.saturating_add(bytes);
        let offered = self.edge.max(self.expected).since(self.last_told);
        if self.quick > 0 || self.owes_acknowledgement() && self.free() >= offered / 2 {
            self.acknowledge = true;
        } else if self.alarms.acknowledge == NEVER {
            self.alarms.acknowledge = now + DELAY;
        }
    }

    /// Whether so much has come since the last acknowledgement that the next is due.
    pub(crate) fn owes_acknowledgement(&self) -> bool {
        self.unacknowledged >= 2 * u32::from(self.usual)
    }

    /// The other side has ended.
    fn on_end(&mut self, now: u64) {
        self.expected += 1;
        self.acknowledge = true;
        self.assembler.clear();
        self.state = match self.state {
            State::Established => State::CloseWait,
            State::FinWait1 => State::Closing,
            state => state,
        };
        if self.state == State::FinWait2 {
            self.enter_time_wait(now);
        }
    }

    /// Both sides have ended.
    pub(crate) fn enter_time_wait(&mut self, now: u64) {
        self.state = State::TimeWait;
        self.alarms = crate::timers::Alarms::none();
        self.alarms.end = now + crate::time_wait::LENGTH;
    }
}
