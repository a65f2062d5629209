//! What a connection is told: what programs set, between whom it is, and how far it can be.

use crate::{Options, Seq};

/// How far a connection is; the numbers are those of `TCP_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are RFC 9293's")]
pub enum State {
    Established = 1,
    SynSent = 2,
    SynReceived = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Closed = 7,
    CloseWait = 8,
    LastAck = 9,
    Closing = 11,
}

/// What a program can set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Send what is short at once (`TCP_NODELAY`).
    pub no_delay: bool,
    /// Keep what is short (`TCP_CORK`).
    pub cork: bool,
    /// Reno instead of CUBIC (`TCP_CONGESTION`).
    pub reno: bool,
    /// What is urgent stays where it is in the stream (`SO_OOBINLINE`).
    pub urgent_inline: bool,
    /// Ask for marks instead of losses (RFC 3168).
    pub ecn: bool,
    /// Seconds of silence before the other side is asked whether it is there; 0 for never (`SO_KEEPALIVE`, `TCP_KEEPIDLE`).
    pub keep_idle: u32,
    /// Seconds between questions.
    pub keep_interval: u32,
    /// Questions without answer.
    pub keep_count: u8,
    /// Attempts to connect beyond the first (`TCP_SYNCNT`).
    pub syn_count: u8,
    /// Milliseconds without acknowledgement, 0 for as long as it takes (`TCP_USER_TIMEOUT`).
    pub user_timeout: u32,
    /// Seconds that the other side may take to end (`TCP_LINGER2`).
    pub fin_timeout: u32,
    /// Longest segment, 0 for what fits (`TCP_MAXSEG`).
    pub max_segment: u16,
    /// Bytes that wait to be sent; 0 for as many as the way takes (`SO_SNDBUF`).
    pub send_buffer: u32,
    /// Bytes that were not even sent once from which on no more are taken (`TCP_NOTSENT_LOWAT`).
    pub not_sent: u32,
    /// Bytes that wait to be read; 0 for as many as the program reads (`SO_RCVBUF`).
    pub receive_buffer: u32,
    /// What all connections are told.
    pub machine: Machine,
}

/// What is set for the whole machine (`net.ipv4.tcp_*`).
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Machine {
    /// Clocks are told and echoed (`tcp_timestamps`).
    pub stamps: bool,
    /// What came out of order is told (`tcp_sack`).
    pub sack: bool,
    /// What came twice is told too (`tcp_dsack`).
    pub tells_twice: bool,
    /// Windows grow where programs read fast (`tcp_moderate_rcvbuf`).
    pub tunes: bool,
    /// Windows may be larger than their field (`tcp_window_scaling`).
    pub scales: bool,
    /// What windows that are told are shifted by, 14 at most.
    pub scale: u8,
    /// Marks are agreed to where the other side asks for them (`tcp_ecn`).
    pub takes_ecn: bool,
    /// Who was silent begins slowly again (`tcp_slow_start_after_idle`).
    pub slows_after_idle: bool,
    /// Repetitions before a connection is given up (`tcp_retries2`); of one that no program has any more (`tcp_orphan_retries`).
    pub tries: u8,
    #[expect(missing_docs, reason = "see above")]
    pub orphan_tries: u8,
    /// Answers to who begins that are sent again (`tcp_synack_retries`).
    pub syn_tries: u8,
    /// The largest buffers (`tcp_rmem`, `tcp_wmem`).
    pub largest_receive: u32,
    #[expect(missing_docs, reason = "see above")]
    pub largest_send: u32,
}

impl Machine {
    /// Leaves out of what a beginning says what is not to be agreed on.
    pub(crate) fn leave_out(&self, options: &mut Options) {
        options.may_sack &= self.sack;
        options.stamp = options.stamp.filter(|_| self.stamps);
        options.scale = options.scale.filter(|_| self.scales);
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            stamps: true,
            sack: true,
            tells_twice: true,
            tunes: true,
            scales: true,
            scale: 7,
            takes_ecn: true,
            slows_after_idle: true,
            tries: 15,
            orphan_tries: 8,
            syn_tries: 5,
            largest_receive: 8 << 20,
            largest_send: 4 << 20,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            no_delay: false,
            cork: false,
            reno: false,
            urgent_inline: false,
            ecn: false,
            keep_idle: 0,
            keep_interval: 75,
            keep_count: 9,
            syn_count: 6,
            user_timeout: 0,
            fin_timeout: 60,
            max_segment: 0,
            send_buffer: 0,
            not_sent: u32::MAX,
            receive_buffer: 0,
            machine: Machine::default(),
        }
    }
}

/// Between which ports a connection is, and what fits on the way.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The own port.
    pub own: u16,
    /// The other side's.
    pub peer: u16,
    /// Bytes of a packet behind the header of the internet protocol.
    pub fits: u16,
    /// Bytes that are cut into segments on their way; 0 if they are not.
    pub cuts: u32,
    /// Where the own stream begins.
    pub first: Seq,
    /// What the own clock is ahead by, so that it does not tell how long the machine has run.
    pub clock: u32,
    /// What is known of the other side's clock from a connection before this one; 0 for nothing.
    pub recent: u32,
}
