//! The state of one connection, what is agreed on when it begins, and what programs ask of it.

use crate::assembler::Assembler;
use crate::congestion::Congestion;
use crate::queue::Queue;
use crate::rtt::Rtt;
use crate::sent::Scoreboard;
use crate::timers::Alarms;
use crate::urgent::Urgent;
use crate::{Ends, Options, Seq, Settings, State};
use abi::Errno;

pub(crate) const NEVER: u64 = u64::MAX;
pub(crate) const MILLI: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000_000_000;
/// What is taken before anybody knows how fast a program reads.
pub(crate) const FIRST_WINDOW: u32 = 65_535;
/// Acknowledgements that are sent at once at the beginning.
const QUICK: u8 = 16;
/// Bytes of the option that every segment has where clocks are echoed.
const STAMP: u32 = 12;
/// What a receiver takes that does not say so.
pub(crate) const DEFAULT_MSS: u16 = 536;

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
    pub(crate) most: u32,

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
    /// Repairs that it outlasts.
    pub(crate) lasts: u8,
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
    pub(crate) read: (u32, u64),
    pub(crate) read_before: u32,

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
            lasts: 0,
            progress: now,
            tries: 0,
            out_urgent: None,
            ecn_reduced: None,
            tell_reduced: false,
            expected: Seq(0),
            edge: Seq(0),
            received: 0,
            receive_scale: if settings.machine.scales {
                settings.machine.scale
            } else {
                0
            },
            limit: FIRST_WINDOW,
            queue: Queue::default(),
            assembler: Assembler::default(),
            peer_fin: None,
            urgent: Urgent::default(),
            stamps: settings.machine.stamps,
            sack: settings.machine.sack,
            ecn: false,
            tell_marked: false,
            recent: ends.recent,
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

    pub(crate) fn poll_soon(&mut self) {
        self.alarms.again = 0;
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

    /// Whether bytes can be given to be sent.
    #[must_use]
    pub const fn may_send(&self) -> bool {
        !self.fin && matches!(self.state, State::Established | State::CloseWait)
    }

    /// Acknowledges what comes at once, or when it is time (`TCP_QUICKACK`).
    pub const fn set_quick(&mut self, is_quick: bool) {
        self.quick = if is_quick { QUICK } else { 0 };
    }
}
