//! What may be sent now.

use crate::Seq;
use crate::congestion::Phase;
use crate::connection::{Connection, MILLI, NEVER};
use crate::segment::{Header, LONGEST, Options, flags};
use crate::settings::State;

/// Pieces of one segment at most.
const PIECES: usize = 16;
/// The part of a window that goes at once where it can.
const SHARE: u32 = 3;
/// How long what is short is kept while corked.
const CORKED: u64 = 200 * MILLI;
/// How long nothing is sent when the card takes nothing.
const AGAIN: u64 = MILLI;

/// A segment to be sent.
pub struct Output<'a> {
    /// The header, whose checksum is not there yet.
    pub header: &'a mut [u8],
    /// Bytes of the stream, in pieces.
    pub payload: &'a [&'a [u8]],
    /// How long a segment may be, where the card is to cut this one.
    pub cut: Option<u16>,
    /// Whether a router may mark it (RFC 3168).
    pub may_mark: bool,
}

/// Sends a segment; false if that cannot be done now.
pub(crate) type Emit<'e> = dyn FnMut(Output<'_>) -> bool + 'e;

impl Connection {
    /// Sends what may be sent. To be called after everything that changes something.
    pub fn poll(&mut self, now: u64, emit: &mut Emit<'_>) {
        if self.reset {
            self.reset = false;
            self.alarms.again = NEVER;
            let mut bytes = [0; LONGEST];
            let len = self.reset_header().write(&Options::default(), &mut bytes);
            emit(output(&mut bytes[..len], &[], None));
            return;
        }
        if self.state == State::Closed || (self.alarms.again > now && self.alarms.again != NEVER) {
            return;
        }
        self.alarms.again = NEVER;
        let mut is_stuck = !self.send_lost(now, emit);
        while !is_stuck {
            match self.next_new(now) {
                Some((end, fin)) => is_stuck = !self.send(self.nxt, end, fin, now, emit),
                None => break,
            }
        }
        if is_stuck {
            self.alarms.again = now + AGAIN;
        }
        self.probing = false;
        if self.acknowledge {
            self.send_acknowledgement(now, self.nxt, emit);
        }
        if self.in_flight() * 2 < self.congestion.window {
            self.congestion.is_limit = false;
        }
        self.set_persist(now);
    }

    /// Bytes that are believed to be on their way.
    pub(crate) fn in_flight(&self) -> u32 {
        let gone = self.sent.sacked.max(u32::from(self.repeated) * self.mss) + self.sent.lost;
        self.nxt.since(self.una).saturating_sub(gone)
    }

    /// Sends what is lost again; false if the card takes nothing.
    fn send_lost(&mut self, now: u64, emit: &mut Emit<'_>) -> bool {
        while let Some(lost) = self.sent.next_lost() {
            let in_flight = self.in_flight();
            if in_flight > 0 && in_flight + self.mss.min(lost.end.since(lost.start)) > self.congestion.window {
                self.congestion.is_limit = true;
                break;
            }
            let room = self.congestion.window.saturating_sub(in_flight).max(self.mss);
            let most = room.min(self.ends.cuts.max(self.mss));
            let len = lost.end.since(lost.start);
            let len = if len > most { most - most % self.mss } else { len };
            if !self.send_again(lost.start, lost.start + len, now, emit) {
                return false;
            }
        }
        true
    }

    /// Sends something again.
    pub(crate) fn send_again(&mut self, start: Seq, end: Seq, now: u64, emit: &mut Emit<'_>) -> bool {
        let fin = self.fin && end.after(self.out_end());
        if self.undo_stamp.is_none() {
            self.undo_stamp = Some(self.stamp(now));
        }
        self.send(start, end, fin, now, emit)
    }

    /// The end of what is to be sent next, and whether it is the end of all; nothing if there is nothing, or it has to wait.
    fn next_new(&mut self, now: u64) -> Option<(Seq, bool)> {
        if self.state == State::SynSent || self.state == State::SynReceived {
            return (self.nxt == self.ends.first).then(|| (self.nxt + 1, false));
        }
        let out_end = self.out_end();
        if self.nxt.after(out_end) {
            return None;
        }
        let there = out_end.since(self.nxt);
        if there == 0 && !self.fin {
            return None;
        }
        let allowed = (self.una + self.window).since(self.nxt);
        let allowed = if allowed > self.window { 0 } else { allowed };
        if allowed == 0 && !(there == 0 && self.sent.is_empty() && self.window > 0) {
            return None;
        }
        let in_flight = self.in_flight();
        let room = if self.probing {
            self.mss
        } else {
            self.congestion.window.saturating_sub(in_flight)
        };
        if room < self.mss.min(there) && in_flight > 0 {
            self.congestion.is_limit = true;
            return None;
        }
        let most = if self.probing {
            self.mss
        } else {
            self.ends.cuts.max(self.mss).min(room.max(self.mss))
        };
        let mut len = there.min(allowed).min(most);
        if len > self.mss {
            len -= len % self.mss;
        }
        if len < self.mss && !self.may_be_short(len, there, now) {
            return None;
        }
        if len < there && self.is_worth_waiting(len, in_flight) {
            self.congestion.is_limit |= allowed > len;
            return None;
        }
        // Without the end, if the window does not hold it.
        let fin = self.fin && len == there && (len < allowed || len == 0);
        Some((self.nxt + len + u32::from(fin), fin))
    }

    /// Whether more is worth waiting for than may go now: what is cut on its way costs hardly more when it is long, and while two thirds of a window are under way their acknowledgements come soon.
    fn is_worth_waiting(&self, len: u32, in_flight: u32) -> bool {
        let window = self.congestion.window.min(self.window);
        let enough = (window / SHARE).min(self.ends.cuts.saturating_sub(self.mss));
        // Far away, no more than goes in a millisecond: who waits longer sends in bursts, which a queue on the way may not hold.
        let smooth = u64::from(self.rtt.smooth.max(1000));
        let millisecond = (u64::from(window) * 1000 / smooth) as u32;
        let enough = enough.min(millisecond.max(2 * self.mss));
        len < enough
            && in_flight > window - window / SHARE - self.mss.min(window / SHARE)
            && !self.probing
            && !self.is_repairing()
    }

    /// Whether a segment may be shorter than it could be.
    fn may_be_short(&mut self, len: u32, there: u32, now: u64) -> bool {
        if len < there {
            // The window is small: nothing silly (RFC 9293, 3.8.6.2.1).
            return len >= self.largest_window / 2 || (self.sent.is_empty() && self.probing);
        }
        if self.fin || self.probing || self.out_urgent.is_some_and(|end| end.after(self.nxt)) {
            return true;
        }
        if self.settings.cork || self.more {
            if self.alarms.cork > now {
                if self.alarms.cork == NEVER {
                    self.alarms.cork = now + CORKED;
                }
                return false;
            }
            return true;
        }
        // Nagle, as Minshall has it: one short segment at a time.
        self.settings.no_delay || !self.short.after(self.una)
    }

    /// Sends from one place to another; false if the card takes nothing.
    fn send(&mut self, start: Seq, end: Seq, fin: bool, now: u64, emit: &mut Emit<'_>) -> bool {
        let syn = start == self.ends.first;
        let again = start.before(self.nxt);
        let wanted = end.since(start) - u32::from(syn) - u32::from(fin);
        let (mut options, window) = self.options(now, syn);
        // Filled outside of `self`, so that the queue stays borrowed while the segment goes.
        let (mut len, mut fin) = (wanted, fin);
        let mut pieces: [&[u8]; PIECES] = [&[]; PIECES];
        let mut used = 0;
        if wanted > 0 {
            let total;
            (used, total) = self
                .out
                .slices(start.since(self.out_start) as usize, wanted as usize, &mut pieces);
            if total < wanted as usize {
                // It is in too many pieces: the next segment has the rest.
                fin = false;
                len = total as u32;
                if len > self.mss {
                    let keep = len - len % self.mss;
                    (used, _) = self
                        .out
                        .slices(start.since(self.out_start) as usize, keep as usize, &mut pieces);
                    len = keep;
                }
                if len == 0 {
                    return false;
                }
            }
        }
        let end = start + len + u32::from(syn) + u32::from(fin);
        let header = self.header(start, len, fin, window);
        if syn {
            self.begin(&mut options);
        }
        let mut bytes = [0; LONGEST];
        let size = header.write(&options, &mut bytes);
        let piece = if self.ends.cuts > 0 {
            self.mss.saturating_sub(options.len_of_blocks())
        } else {
            self.mss
        };
        let cut = (len > piece).then_some(piece as u16);
        let segment = Output {
            header: &mut bytes[..size],
            payload: &pieces[..used],
            cut,
            may_mark: self.ecn && len > 0 && !again,
        };
        if !emit(segment) {
            return false;
        }
        self.has_sent(start, end, len, now);
        true
    }

    /// Notes what went.
    fn has_sent(&mut self, start: Seq, end: Seq, len: u32, now: u64) {
        self.acknowledged();
        self.counts[1] += 1;
        self.congestion.sent(len);
        if start.before(self.nxt) {
            self.counts[2] += 1;
            counters::tcp::RETRANS_SEGS.count();
            if let Some((_, again)) = &mut self.undo {
                *again = again.saturating_add(len);
            }
            if start == self.ends.first {
                counters::tcp_ext::SYN_RETRANS.count();
            }
            self.sent.sent_again(start, end, now);
        } else {
            if self.sent.is_empty() {
                self.progress = now;
            }
            self.sent.push(start, end, now);
            self.nxt = end;
            self.tell_reduced = false;
            if len > 0 && !len.is_multiple_of(self.mss) {
                self.short = end;
            }
        }
        self.alarms.cork = NEVER;
        if self.alarms.resend == NEVER {
            self.alarms.resend = now + self.rtt.timeout();
        }
        self.set_probe(now);
    }

    fn header(&self, start: Seq, len: u32, fin: bool, window: u16) -> Header {
        let syn = start == self.ends.first;
        let mut bits = if self.state == State::SynSent { 0 } else { flags::ACK };
        if syn {
            bits |= flags::SYN;
            if self.settings.ecn && self.state == State::SynSent && self.tries == 0 {
                bits |= flags::ECE | flags::CWR;
            }
        }
        if fin {
            bits |= flags::FIN;
        }
        if len > 0 && !(start + len).before(self.out_end()) {
            bits |= flags::PSH;
        }
        if self.tell_marked && !syn {
            bits |= flags::ECE;
        }
        if self.tell_reduced && len > 0 && start == self.nxt {
            bits |= flags::CWR;
        }
        let mut urgent = 0;
        if let Some(mark) = self.out_urgent
            && mark.after(start)
            && !syn
        {
            bits |= flags::URG;
            urgent = mark.since(start).min(0xffff) as u16;
        }
        Header {
            source: self.ends.own,
            destination: self.ends.peer,
            seq: start,
            ack: if self.state == State::SynSent {
                Seq(0)
            } else {
                self.expected
            },
            flags: bits,
            window,
            urgent,
        }
    }

    /// The options that every segment has, and the window to tell.
    fn options(&mut self, now: u64, syn: bool) -> (Options, u16) {
        let mut options = Options::default();
        if self.stamps {
            options.stamp = Some((self.stamp(now), self.recent));
        }
        if self.sack && !syn && self.assembler.has_blocks() {
            let (blocks, count) = {
                let most = if self.stamps { 3 } else { 4 };
                self.assembler.blocks(most, self.settings.machine.tells_twice)
            };
            for (to, from) in options.blocks.iter_mut().zip(&blocks[..count]) {
                *to = (self.place(from.0), self.place(from.1));
            }
            options.count = count;
        }
        (options, self.tell_window(syn))
    }

    /// What is said at the beginning only.
    fn begin(&self, options: &mut Options) {
        options.mss = Some(self.own_mss());
        options.may_sack = self.sack;
        options.scale = (self.receive_scale > 0).then_some(self.receive_scale);
    }

    /// How much of the window that was told last is left.
    pub(crate) fn told_window(&self) -> u32 {
        if self.edge.after(self.expected) {
            self.edge.since(self.expected)
        } else {
            0
        }
    }

    /// The window to tell, which never takes back what was told.
    fn tell_window(&mut self, syn: bool) -> u16 {
        let scale = if syn { 0 } else { self.receive_scale };
        let known = self.told_window();
        let free = self.free();
        let grows = free >= known && free - known >= self.mss.min(self.limit / 2);
        // What rounding hides is taken all the same.
        let told = (if grows { free } else { known } >> scale).min(0xffff);
        self.edge = self.edge.max(self.expected + (told << scale));
        told as u16
    }

    /// A segment without bytes.
    pub(crate) fn send_acknowledgement(&mut self, now: u64, seq: Seq, emit: &mut Emit<'_>) {
        let (options, window) = self.options(now, false);
        let header = self.header(seq, 0, false, window);
        let header = Header {
            flags: header.flags & !flags::SYN | flags::ACK,
            ack: self.expected,
            ..header
        };
        let mut bytes = [0; LONGEST];
        let size = header.write(&options, &mut bytes);
        if emit(output(&mut bytes[..size], &[], None)) {
            self.counts[1] += 1;
            self.acknowledged();
        } else {
            self.alarms.again = now + AGAIN;
        }
    }

    /// An acknowledgement went, with bytes or alone.
    fn acknowledged(&mut self) {
        self.acknowledge = false;
        self.unacknowledged = 0;
        self.alarms.acknowledge = NEVER;
        self.last_told = self.expected;
        self.quick = self.quick.saturating_sub(1);
    }

    /// Whether losses are being repaired.
    pub(crate) fn is_repairing(&self) -> bool {
        self.congestion.phase != Phase::Open
    }
}

const fn output<'a>(header: &'a mut [u8], payload: &'a [&'a [u8]], cut: Option<u16>) -> Output<'a> {
    Output {
        header,
        payload,
        cut,
        may_mark: false,
    }
}
