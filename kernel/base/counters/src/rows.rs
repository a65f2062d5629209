//! The rows, in the order of their places, and the counters that something counts.

use crate::{Both, Counter, Row};

/// The older protocol.
pub const IP: Row = Row::begin(
    "Ip",
    "Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates OutTransmits",
);

/// Its messages.
pub const ICMP: Row = Row::behind(
    &IP,
    "Icmp",
    "InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps",
);

/// Streams.
pub const TCP: Row = Row::behind(
    &ICMP,
    "Tcp",
    "RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors",
);

/// What is counted of datagrams.
const DATAGRAMS: &str =
    "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors";

/// Datagrams in packets of the older protocol.
pub const UDP: Row = Row::behind(&TCP, "Udp", DATAGRAMS);

/// More about streams, as Linux has it.
pub const TCP_EXT: Row = Row::behind(
    &UDP,
    "TcpExt",
    "SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts TW PAWSEstab DelayedACKs ListenOverflows ListenDrops TCPSackRecovery TCPFullUndo TCPDSACKUndo TCPLostRetransmit TCPFastRetrans TCPTimeouts TCPLossProbes TCPDSACKRecv TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPBacklogDrop TCPReqQFullDoCookies TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPChallengeACK TCPSynRetrans TCPOrigDataSent TCPKeepAlive TCPRcvQDrop",
);

/// More about the older protocol.
pub const IP_EXT: Row = Row::behind(
    &TCP_EXT,
    "IpExt",
    "InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets",
);

/// The newer protocol.
pub const IP6: Row = Row::behind(
    &IP_EXT,
    "Ip6",
    "InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos InTruncatedPkts InDiscards InDelivers OutForwDatagrams OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates InMcastPkts OutMcastPkts InOctets OutOctets OutTransmits",
);

/// Its messages.
pub const ICMP6: Row = Row::behind(
    &IP6,
    "Icmp6",
    "InMsgs InErrors OutMsgs OutErrors InCsumErrors OutRateLimitHost InDestUnreachs InPktTooBigs InTimeExcds InParmProblems InEchos InEchoReplies InGroupMembQueries InGroupMembResponses InGroupMembReductions InRouterSolicits InRouterAdvertisements InNeighborSolicits InNeighborAdvertisements InRedirects InMLDv2Reports OutDestUnreachs OutPktTooBigs OutTimeExcds OutParmProblems OutEchos OutEchoReplies OutGroupMembQueries OutGroupMembResponses OutGroupMembReductions OutRouterSolicits OutRouterAdvertisements OutNeighborSolicits OutNeighborAdvertisements OutRedirects OutMLDv2Reports",
);

/// Datagrams in its packets.
pub const UDP6: Row = Row::behind(&ICMP6, "Udp6", DATAGRAMS);

/// Those of UDP-Lite in packets of the older protocol.
pub const LITE: Row = Row::behind(&UDP6, "UdpLite", DATAGRAMS);

/// The same in packets of the newer one.
pub const LITE6: Row = Row::behind(&LITE, "UdpLite6", DATAGRAMS);

/// How far those of UDP-Lite are behind those of UDP.
const TO_LITE: Both = Both(
    Counter((LITE.first - UDP.first) as u16),
    Counter((LITE6.first - UDP6.first) as u16),
);

pub(crate) const COUNT: usize = LITE6.end();

/// Packets of both protocols.
pub mod ip {
    use super::{Both, IP, IP6};

    /// Came.
    pub const IN_RECEIVES: Both = Both(IP.counter("InReceives"), IP6.counter("InReceives"));
    /// Came with a header that is none.
    pub const IN_HDR_ERRORS: Both = Both(IP.counter("InHdrErrors"), IP6.counter("InHdrErrors"));
    /// Came for somebody else.
    pub const IN_ADDR_ERRORS: Both = Both(IP.counter("InAddrErrors"), IP6.counter("InAddrErrors"));
    /// Nobody speaks their protocol.
    pub const IN_UNKNOWN_PROTOS: Both = Both(IP.counter("InUnknownProtos"), IP6.counter("InUnknownProtos"));
    /// Were given to who speaks their protocol.
    pub const IN_DELIVERS: Both = Both(IP.counter("InDelivers"), IP6.counter("InDelivers"));
    /// Were to go.
    pub const OUT_REQUESTS: Both = Both(IP.counter("OutRequests"), IP6.counter("OutRequests"));
    /// Did not go.
    pub const OUT_DISCARDS: Both = Both(IP.counter("OutDiscards"), IP6.counter("OutDiscards"));
    /// Had no way.
    pub const OUT_NO_ROUTES: Both = Both(IP.counter("OutNoRoutes"), IP6.counter("OutNoRoutes"));
    /// Parts that waited in vain.
    pub const REASM_TIMEOUT: Both = Both(IP.counter("ReasmTimeout"), IP6.counter("ReasmTimeout"));
    /// Parts that came.
    pub const REASM_REQDS: Both = Both(IP.counter("ReasmReqds"), IP6.counter("ReasmReqds"));
    /// Packets put together.
    pub const REASM_OKS: Both = Both(IP.counter("ReasmOKs"), IP6.counter("ReasmOKs"));
    /// Packets that were not.
    pub const REASM_FAILS: Both = Both(IP.counter("ReasmFails"), IP6.counter("ReasmFails"));
    /// Packets cut.
    pub const FRAG_OKS: Both = Both(IP.counter("FragOKs"), IP6.counter("FragOKs"));
    /// Packets that may not be cut.
    pub const FRAG_FAILS: Both = Both(IP.counter("FragFails"), IP6.counter("FragFails"));
    /// Parts made.
    pub const FRAG_CREATES: Both = Both(IP.counter("FragCreates"), IP6.counter("FragCreates"));
    /// Went.
    pub const OUT_TRANSMITS: Both = Both(IP.counter("OutTransmits"), IP6.counter("OutTransmits"));
}

/// Their bytes, and packets to many.
pub mod octets {
    use super::{Both, IP_EXT, IP6};

    /// Bytes that came.
    pub const IN_OCTETS: Both = Both(IP_EXT.counter("InOctets"), IP6.counter("InOctets"));
    /// Bytes that went.
    pub const OUT_OCTETS: Both = Both(IP_EXT.counter("OutOctets"), IP6.counter("OutOctets"));
    /// Packets to groups that came.
    pub const IN_MCAST_PKTS: Both = Both(IP_EXT.counter("InMcastPkts"), IP6.counter("InMcastPkts"));
    /// Packets to groups that went.
    pub const OUT_MCAST_PKTS: Both = Both(IP_EXT.counter("OutMcastPkts"), IP6.counter("OutMcastPkts"));
}

/// Streams.
pub mod tcp {
    use super::{Counter, TCP};

    /// Connections begun.
    pub const ACTIVE_OPENS: Counter = TCP.counter("ActiveOpens");
    /// Connections taken.
    pub const PASSIVE_OPENS: Counter = TCP.counter("PassiveOpens");
    /// Beginnings that came to nothing.
    pub const ATTEMPT_FAILS: Counter = TCP.counter("AttemptFails");
    /// Connections that ended without an end.
    pub const ESTAB_RESETS: Counter = TCP.counter("EstabResets");
    /// Connections that there are.
    pub const CURR_ESTAB: Counter = TCP.counter("CurrEstab");
    /// Segments that came.
    pub const IN_SEGS: Counter = TCP.counter("InSegs");
    /// Segments that went.
    pub const OUT_SEGS: Counter = TCP.counter("OutSegs");
    /// Segments that went again.
    pub const RETRANS_SEGS: Counter = TCP.counter("RetransSegs");
    /// Segments that came broken.
    pub const IN_ERRS: Counter = TCP.counter("InErrs");
    /// Resets that went.
    pub const OUT_RSTS: Counter = TCP.counter("OutRsts");
    /// Segments with a wrong checksum.
    pub const IN_CSUM_ERRORS: Counter = TCP.counter("InCsumErrors");
}

/// More about streams.
pub mod tcp_ext {
    use super::{Counter, TCP_EXT};

    /// Answers that were cookies.
    pub const SYNCOOKIES_SENT: Counter = TCP_EXT.counter("SyncookiesSent");
    /// Cookies that came back.
    pub const SYNCOOKIES_RECV: Counter = TCP_EXT.counter("SyncookiesRecv");
    /// What was taken for a cookie and was none.
    pub const SYNCOOKIES_FAILED: Counter = TCP_EXT.counter("SyncookiesFailed");
    /// Resets of who had only begun.
    pub const EMBRYONIC_RSTS: Counter = TCP_EXT.counter("EmbryonicRsts");
    /// Connections that were over and are forgotten.
    pub const TW: Counter = TCP_EXT.counter("TW");
    /// Segments with an old clock.
    pub const PAWSESTAB: Counter = TCP_EXT.counter("PAWSEstab");
    /// Acknowledgements that waited.
    pub const DELAYED_ACKS: Counter = TCP_EXT.counter("DelayedACKs");
    /// Those who found no room to be accepted.
    pub const LISTEN_OVERFLOWS: Counter = TCP_EXT.counter("ListenOverflows");
    /// Beginnings that were not heard.
    pub const LISTEN_DROPS: Counter = TCP_EXT.counter("ListenDrops");
    /// Repairs by selective acknowledgements.
    pub const SACK_RECOVERY: Counter = TCP_EXT.counter("TCPSackRecovery");
    /// Repairs that were for nothing.
    pub const FULL_UNDO: Counter = TCP_EXT.counter("TCPFullUndo");
    /// The same, as the other side said.
    pub const DSACK_UNDO: Counter = TCP_EXT.counter("TCPDSACKUndo");
    /// Waits that were in vain.
    pub const TIMEOUTS: Counter = TCP_EXT.counter("TCPTimeouts");
    /// Probes.
    pub const LOSS_PROBES: Counter = TCP_EXT.counter("TCPLossProbes");
    /// The same, that came.
    pub const DSACK_RECV: Counter = TCP_EXT.counter("TCPDSACKRecv");
    /// Closed with bytes unread.
    pub const ABORT_ON_DATA: Counter = TCP_EXT.counter("TCPAbortOnData");
    /// Given up.
    pub const ABORT_ON_TIMEOUT: Counter = TCP_EXT.counter("TCPAbortOnTimeout");
    /// Times when too many had begun.
    pub const REQ_QFULL_DO_COOKIES: Counter = TCP_EXT.counter("TCPReqQFullDoCookies");
    /// The same, who were not answered.
    pub const REQ_QFULL_DROP: Counter = TCP_EXT.counter("TCPReqQFullDrop");
    /// Segments that came before others.
    pub const OFO_QUEUE: Counter = TCP_EXT.counter("TCPOFOQueue");
    /// Questions whether a reset was meant.
    pub const CHALLENGE_ACK: Counter = TCP_EXT.counter("TCPChallengeACK");
    /// Beginnings that went again.
    pub const SYN_RETRANS: Counter = TCP_EXT.counter("TCPSynRetrans");
    /// Questions whether somebody is there.
    pub const KEEP_ALIVE: Counter = TCP_EXT.counter("TCPKeepAlive");
}

/// Datagrams of both protocols.
pub mod udp {
    use super::{Both, UDP, UDP6};

    /// Were read.
    pub const IN_DATAGRAMS: Both = Both(UDP.counter("InDatagrams"), UDP6.counter("InDatagrams"));
    /// Nobody was at their port.
    pub const NO_PORTS: Both = Both(UDP.counter("NoPorts"), UDP6.counter("NoPorts"));
    /// Could not be given to who was.
    pub const IN_ERRORS: Both = Both(UDP.counter("InErrors"), UDP6.counter("InErrors"));
    /// Went.
    pub const OUT_DATAGRAMS: Both = Both(UDP.counter("OutDatagrams"), UDP6.counter("OutDatagrams"));
    /// Found no room.
    pub const RCVBUF_ERRORS: Both = Both(UDP.counter("RcvbufErrors"), UDP6.counter("RcvbufErrors"));
    /// Had a wrong checksum.
    pub const IN_CSUM_ERRORS: Both = Both(UDP.counter("InCsumErrors"), UDP6.counter("InCsumErrors"));
}

/// Counts a datagram of UDP, or of UDP-Lite.
pub fn datagram(which: Both, newer: bool, is_lite: bool) {
    let Counter(behind) = TO_LITE.of(newer);
    let Counter(place) = which.of(newer);
    Counter(place + if is_lite { behind } else { 0 }).count();
}

/// Messages of both protocols.
pub mod icmp {
    use super::{Both, ICMP, ICMP6};

    /// Came.
    pub const IN_MSGS: Both = Both(ICMP.counter("InMsgs"), ICMP6.counter("InMsgs"));
    /// Came broken.
    pub const IN_ERRORS: Both = Both(ICMP.counter("InErrors"), ICMP6.counter("InErrors"));
    /// Came with a wrong checksum.
    pub const IN_CSUM_ERRORS: Both = Both(ICMP.counter("InCsumErrors"), ICMP6.counter("InCsumErrors"));
    /// Went.
    pub const OUT_MSGS: Both = Both(ICMP.counter("OutMsgs"), ICMP6.counter("OutMsgs"));
}

/// The counters of kinds of messages of the older protocol: that came, that went.
const KINDS: [(u8, Counter, Counter); 11] = [
    (0, ICMP.counter("InEchoReps"), ICMP.counter("OutEchoReps")),
    (3, ICMP.counter("InDestUnreachs"), ICMP.counter("OutDestUnreachs")),
    (4, ICMP.counter("InSrcQuenchs"), ICMP.counter("OutSrcQuenchs")),
    (5, ICMP.counter("InRedirects"), ICMP.counter("OutRedirects")),
    (8, ICMP.counter("InEchos"), ICMP.counter("OutEchos")),
    (11, ICMP.counter("InTimeExcds"), ICMP.counter("OutTimeExcds")),
    (12, ICMP.counter("InParmProbs"), ICMP.counter("OutParmProbs")),
    (13, ICMP.counter("InTimestamps"), ICMP.counter("OutTimestamps")),
    (14, ICMP.counter("InTimestampReps"), ICMP.counter("OutTimestampReps")),
    (17, ICMP.counter("InAddrMasks"), ICMP.counter("OutAddrMasks")),
    (18, ICMP.counter("InAddrMaskReps"), ICMP.counter("OutAddrMaskReps")),
];

/// The same of the newer one.
const KINDS_NEWER: [(u8, Counter, Counter); 15] = [
    (1, ICMP6.counter("InDestUnreachs"), ICMP6.counter("OutDestUnreachs")),
    (2, ICMP6.counter("InPktTooBigs"), ICMP6.counter("OutPktTooBigs")),
    (3, ICMP6.counter("InTimeExcds"), ICMP6.counter("OutTimeExcds")),
    (4, ICMP6.counter("InParmProblems"), ICMP6.counter("OutParmProblems")),
    (128, ICMP6.counter("InEchos"), ICMP6.counter("OutEchos")),
    (129, ICMP6.counter("InEchoReplies"), ICMP6.counter("OutEchoReplies")),
    (
        130,
        ICMP6.counter("InGroupMembQueries"),
        ICMP6.counter("OutGroupMembQueries"),
    ),
    (
        131,
        ICMP6.counter("InGroupMembResponses"),
        ICMP6.counter("OutGroupMembResponses"),
    ),
    (
        132,
        ICMP6.counter("InGroupMembReductions"),
        ICMP6.counter("OutGroupMembReductions"),
    ),
    (
        133,
        ICMP6.counter("InRouterSolicits"),
        ICMP6.counter("OutRouterSolicits"),
    ),
    (
        134,
        ICMP6.counter("InRouterAdvertisements"),
        ICMP6.counter("OutRouterAdvertisements"),
    ),
    (
        135,
        ICMP6.counter("InNeighborSolicits"),
        ICMP6.counter("OutNeighborSolicits"),
    ),
    (
        136,
        ICMP6.counter("InNeighborAdvertisements"),
        ICMP6.counter("OutNeighborAdvertisements"),
    ),
    (137, ICMP6.counter("InRedirects"), ICMP6.counter("OutRedirects")),
    (143, ICMP6.counter("InMLDv2Reports"), ICMP6.counter("OutMLDv2Reports")),
];

/// A message of a kind came or went.
pub fn message(newer: bool, kind: u8, went: bool) {
    let kinds: &[_] = if newer { &KINDS_NEWER } else { &KINDS };
    let all = if went { icmp::OUT_MSGS } else { icmp::IN_MSGS };
    all.count(newer);
    if let Some((_, came, gone)) = kinds.iter().find(|(known, ..)| *known == kind) {
        if went { gone } else { came }.count();
    }
}
