//! The state of one connection, and what programs do with it.

use crate::assembler::Assembler;
use crate::congestion::Congestion;
use crate::queue::Queue;
use crate::rtt::Rtt;
use crate::segment::Header;
use crate::sent::Scoreboard;
use crate::{Ends, Options, Seq, Settings, State, TimeWait};
use abi::Errno;
use alloc::vec::Vec;

pub(crate) const NEVER: u64 = u64::MAX;
pub(crate) const MILLI: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;
/// What is taken before anybody knows how fast a program reads.
pub(crate) const FIRST_WINDOW: u32 = 65_535;
/// By how many bits windows are shifted.
pub(crate) const SCALE: u8 = 7;
/// The largest window that can be told so.
const LARGEST_ASKED: u32 = 0xffff << SCALE;
/// What waits to be sent before anybody knows how fast it goes.
const FIRST_BUFFER: usize = 87_040;
/// Acknowledgements that are sent at once at the beginning.
const QUICK: u8 = 16;
/// Bytes of the option that every segment has where clocks are echoed.
const STAMP: u32 = 12;
/// What a receiver takes that does not say so.
pub(crate) const DEFAULT_MSS: u16 = 536;

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

/// What comes out of band.
#[derive(Clone, Copy, Default)]
pub(crate) struct Urgent {
    /// Its place in the stream, plus one; 0 for none.
    pub(crate) mark: u64,
    pub(crate) byte: Option<u8>,
    pub(crate) was_read: bool,
}

/// One end of a connection.
pub struct Connection {
    pub(crate) state: State,
    pub(crate) settings: Settings,
    pub(crate) ends: Ends,
    pub(crate) alarms: Alarms,
    pub(crate) error: Option<Errno>,
    /// What a router said, in case nothing else is heard.
    pub(crate) heard_of: Option<Errno>,
    /// A reset that is to be sent.
    pub(crate) reset: bool,
    /// No program has it any more.
    pub(crate) is_orphan: bool,
    /// More is given soon: what is short is kept until then.
    pub(crate) more: bool,
    /// What waits either way at most, where memory is short.
    most: u32,

    pub(crate) una: Seq,
    pub(crate) nxt: Seq,
    pub(crate) window: u32,
    pub(crate) largest_window: u32,
    /// Which segment the window is from.
    pub(crate) window_from: (Seq, Seq),
    pub(crate) send_scale: u8,
    pub(crate) mss: u32,
    pub(crate) peer_mss: u16,
    /// The end of the last short segment.
    pub(crate) short: Seq,
    pub(crate) out: Queue,
    /// The place of the first byte in `out`.
    pub(crate) out_start: Seq,
    pub(crate) fin: bool,
    pub(crate) sent: Scoreboard,
    pub(crate) rtt: Rtt,
    pub(crate) congestion: Congestion,
    /// Losses are repaired when this has come.
    pub(crate) recovery: Seq,
    pub(crate) repeated: u8,
    /// The clock when something was sent again first.
    pub(crate) undo_stamp: Option<u32>,
    /// Where the last reduction began, and the bytes sent again since that are not known to have come twice: when all are, nothing was lost (RFC 3708).
    pub(crate) undo: Option<(Seq, u32)>,
    /// More patience is not learnt before this has come.
    pub(crate) learnt: Seq,
    /// The end when a probe was sent, and whether that was nothing new.
    pub(crate) probed: Option<(Seq, bool)>,
    pub(crate) probing: bool,
    pub(crate) patience: u8,
    /// When something last went forward.
    pub(crate) progress: u64,
    pub(crate) tries: u8,
    /// The place behind what is urgent.
    pub(crate) out_urgent: Option<Seq>,
    /// What was sent before counts as marked no more; and that the other side must be told.
    pub(crate) ecn_reduced: Option<Seq>,
    pub(crate) tell_reduced: bool,

    pub(crate) expected: Seq,
    /// The end of what was allowed.
    pub(crate) edge: Seq,
    /// The place of `expected` in the whole stream.
    pub(crate) received: u64,
    pub(crate) receive_scale: u8,
    pub(crate) limit: u32,
    pub(crate) queue: Queue,
    pub(crate) assembler: Assembler,
    pub(crate) peer_fin: Option<Seq>,
    pub(crate) urgent: Urgent,
    pub(crate) stamps: bool,
    pub(crate) sack: bool,
    pub(crate) ecn: bool,
    pub(crate) tell_marked: bool,
    pub(crate) recent: u32,
    pub(crate) recent_at: u64,
    pub(crate) last_told: Seq,
    pub(crate) acknowledge: bool,
    pub(crate) unacknowledged: u32,
    /// Acknowledgements that are sent at once.
    pub(crate) quick: u8,
    /// The longest segment that has come.
    pub(crate) usual: u16,
    pub(crate) heard: u64,
    pub(crate) challenged: u64,
    /// What a program has read since when, and in the time before.
    read: (u32, u64),
    read_before: u32,

    /// Segments that came, went, and went again.
    pub(crate) counts: [u32; 3],
}

impl Connection {
    /// A connection that is to be opened to another side.
    #[must_use]
    pub fn connect(now: u64, ends: Ends, settings: Settings) -> Self {
        let mut this = Self::new(now, State::SynSent, ends, settings);
        this.poll_soon();
        this
    }

    pub(crate) fn new(now: u64, state: State, ends: Ends, settings: Settings) -> Self {
        let first = ends.first;
        let mut this = Self {
            state,
            settings,
            ends,
            alarms: Alarms::none(),
            error: None,
            heard_of: None,
            reset: false,
            is_orphan: false,
            more: false,
            most: u32::MAX,
            una: first,
            nxt: first,
            window: 0,
            largest_window: 0,
            window_from: (Seq(0), Seq(0)),
            send_scale: 0,
            mss: 0,
            peer_mss: DEFAULT_MSS,
            short: first,
            out: Queue::default(),
            out_start: first + 1,
            fin: false,
            sent: Scoreboard::default(),
            rtt: Rtt::new(),
            congestion: Congestion::new(1, settings.reno),
            recovery: first,
            repeated: 0,
            undo_stamp: None,
            undo: None,
            learnt: first,
            probed: None,
            probing: false,
            patience: 1,
            progress: now,
            tries: 0,
            out_urgent: None,
            ecn_reduced: None,
            tell_reduced: false,
            expected: Seq(0),
            edge: Seq(0),
            received: 0,
            receive_scale: if settings.machine.scales { SCALE } else { 0 },
            limit: FIRST_WINDOW,
            queue: Queue::default(),
            assembler: Assembler::default(),
            peer_fin: None,
            urgent: Urgent::default(),
            stamps: settings.machine.stamps,
            sack: settings.machine.sack,
            ecn: false,
            tell_marked: false,
            recent: 0,
            recent_at: now,
            last_told: Seq(0),
            acknowledge: false,
            unacknowledged: 0,
            quick: QUICK,
            usual: DEFAULT_MSS,
            heard: now,
            challenged: 0,
            read: (0, now),
            read_before: 0,
            counts: [0; 3],
        };
        this.limit = this.first_limit();
        this.set_mss();
        this.congestion = Congestion::new(this.mss, settings.reno);
        this
    }

    fn poll_soon(&mut self) {
        self.alarms.again = 0;
    }

    fn first_limit(&self) -> u32 {
        match self.settings.receive_buffer {
            0 => FIRST_WINDOW,
            asked => (asked / 2).clamp(1152, LARGEST_ASKED),
        }
    }

    /// The longest segment that the own side takes.
    pub(crate) fn own_mss(&self) -> u16 {
        let fits = self.ends.fits.saturating_sub(20).max(88);
        match self.settings.max_segment {
            0 => fits,
            most => fits.min(most),
        }
    }

    /// Works out how long segments are.
    pub(crate) fn set_mss(&mut self) {
        let most = u32::from(self.own_mss().min(self.peer_mss.max(88)));
        self.mss = most - if self.stamps { STAMP } else { 0 };
        self.congestion.set_mss(self.mss);
    }

    /// Takes what the other side says when it begins.
    pub(crate) fn agree(&mut self, options: &Options) {
        self.peer_mss = options.mss.unwrap_or(DEFAULT_MSS);
        self.stamps &= options.stamp.is_some();
        self.sack &= options.may_sack;
        match options.scale {
            Some(scale) if self.settings.machine.scales => self.send_scale = scale,
            _ => self.receive_scale = 0,
        }
        self.set_mss();
        self.congestion = Congestion::new(self.mss, self.settings.reno);
    }

    /// The own clock, in milliseconds.
    pub(crate) const fn stamp(&self, now: u64) -> u32 {
        ((now / MILLI) as u32).wrapping_add(self.ends.clock)
    }

    /// How far it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// What it was told to do.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Tells it to do otherwise.
    pub fn set(&mut self, now: u64, settings: Settings) {
        if settings.receive_buffer != self.settings.receive_buffer {
            self.settings.receive_buffer = settings.receive_buffer;
            self.limit = self.first_limit();
        }
        self.settings = settings;
        self.alarms.cork = NEVER;
        self.congestion.reno = settings.reno;
        self.set_mss();
        self.set_keep(now);
    }

    /// Bytes of the stream in the longest segment.
    #[must_use]
    pub const fn mss(&self) -> u32 {
        self.mss
    }

    /// What went wrong, told once.
    pub const fn take_error(&mut self) -> Option<Errno> {
        self.error.take()
    }

    /// What went wrong and was not told yet.
    #[must_use]
    pub const fn error(&self) -> Option<Errno> {
        self.error
    }

    /// Whether the beginning is over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, State::SynSent | State::SynReceived | State::Closed)
    }

    /// Bytes that wait to be read.
    #[must_use]
    pub const fn readable(&self) -> usize {
        self.queue.len()
    }

    /// Whether everything was received that there will be.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(
            self.state,
            State::Closed | State::CloseWait | State::LastAck | State::Closing | State::TimeWait
        )
    }

    /// Whether the other side has everything, the end included, or will never have it.
    #[must_use]
    pub const fn has_sent_everything(&self) -> bool {
        matches!(self.state, State::FinWait2 | State::TimeWait | State::Closed)
    }

    /// Bytes that wait to be sent or acknowledged.
    #[must_use]
    pub const fn unsent(&self) -> usize {
        self.out.len()
    }

    /// Whether bytes can be given to be sent.
    #[must_use]
    pub const fn may_send(&self) -> bool {
        !self.fin && matches!(self.state, State::Established | State::CloseWait)
    }

    fn buffer(&self) -> usize {
        let buffer = match self.settings.send_buffer {
            0 => FIRST_BUFFER
                .max(2 * self.congestion.window as usize)
                .min(self.settings.machine.largest_send as usize),
            asked => asked as usize / 2,
        };
        buffer.min(self.most as usize)
    }

    /// Bytes that fit into what waits to be sent.
    #[must_use]
    pub fn room(&self) -> usize {
        self.buffer().saturating_sub(self.out.len())
    }

    /// Whether a program should be told that there is room.
    #[must_use]
    pub fn has_much_room(&self) -> bool {
        self.room() * 3 >= self.buffer()
    }

    /// Gives bytes to be sent; with `more`, others follow soon (`MSG_MORE`).
    pub fn push(&mut self, now: u64, bytes: Vec<u8>, more: bool) {
        if self.may_send() {
            self.more = more;
            if self.out.len() == 0 {
                self.begin_again(now);
            }
            self.out.push(bytes);
        }
    }

    /// What is sent last of all that was given is urgent.
    pub fn push_urgent(&mut self) {
        if self.may_send() {
            self.out_urgent = Some(self.out_end());
        }
    }

    fn begin_again(&mut self, now: u64) {
        self.progress = now;
        if self.settings.machine.slows_after_idle
            && self.sent.is_empty()
            && now.saturating_sub(self.heard) > self.rtt.timeout()
        {
            self.congestion.idle();
        }
    }

    /// The place behind what waits to be sent.
    pub(crate) fn out_end(&self) -> Seq {
        self.out_start + self.out.len() as u32
    }

    /// Puts back what was not needed of a piece.
    pub fn give_back(&mut self, piece: Vec<u8>, gone: usize) {
        self.queue.give_back(piece, gone);
    }

    /// A program has read so many bytes.
    pub fn has_read(&mut self, now: u64, count: usize) {
        self.read.0 = self.read.0.saturating_add(count as u32);
        self.tune(now);
        if self.owes_acknowledgement() {
            self.acknowledge = true;
        }
        self.offer_window();
    }

    /// The place in the whole stream of what is read next.
    pub(crate) const fn read_offset(&self) -> u64 {
        self.received - self.queue.len() as u64
    }

    /// Copies what waits to be read; it stays.
    pub fn peek(&self, from: usize, into: &mut Vec<u8>, most: usize) {
        let mut slices: [&[u8]; 16] = [&[]; 16];
        let (used, _) = self.queue.slices(from, most, &mut slices);
        slices[..used].iter().for_each(|slice| into.extend_from_slice(slice));
    }

    /// Lets more come where a program reads fast.
    fn tune(&mut self, now: u64) {
        let (count, since) = self.read;
        if now.saturating_sub(since) < self.rtt.smooth_nanos().max(MILLI) {
            return;
        }
        if self.settings.receive_buffer == 0 && self.most > self.limit {
            // Who sends twice as much each time is not to find the window closed.
            let times = if count > self.read_before + self.read_before / 4 {
                4
            } else {
                2
            };
            self.limit = self
                .limit
                .max(count.saturating_mul(times))
                .min(self.settings.machine.largest_receive / 2)
                .min(LARGEST_ASKED);
        }
        self.read_before = count;
        self.read = (0, now);
    }

    /// Room for what comes.
    pub(crate) fn free(&self) -> u32 {
        let used = self.queue.len() + self.assembler.memory();
        let limit = self.limit.min(self.most);
        u32::try_from(used).map_or(0, |used| limit.saturating_sub(used))
    }

    /// Bytes that it keeps, with what lies empty in their places.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.out.memory() + self.queue.memory() + self.assembler.memory()
    }

    /// How much may wait either way, besides what else limits that: less than everything where memory is short.
    pub const fn keep_at_most(&mut self, bytes: u32) {
        self.most = bytes;
    }

    /// Acknowledges what comes at once, or when it is time (`TCP_QUICKACK`).
    pub const fn set_quick(&mut self, is_quick: bool) {
        self.quick = if is_quick { QUICK } else { 0 };
    }

    /// Tells the other side when there is much more room than it knows.
    fn offer_window(&mut self) {
        let known = if self.edge.after(self.expected) {
            self.edge.since(self.expected)
        } else {
            0
        };
        let free = self.free();
        if !self.has_ended() && free >= known.saturating_mul(2) && free - known >= self.mss.min(self.limit / 2) {
            self.acknowledge = true;
        }
    }

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

    /// The way takes less than was thought (RFC 1191).
    pub fn path_takes(&mut self, fits: u16) {
        const LEAST: u16 = 532;
        let fits = fits.max(LEAST);
        if fits < self.ends.fits {
            self.ends.fits = fits;
            self.set_mss();
            self.sent.lose_longer(self.mss);
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
