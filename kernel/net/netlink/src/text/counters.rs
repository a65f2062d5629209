//! Counters, by the names of the standards (RFC 4293, 4022, 4113) and of Linux.

use super::sockets::{self, RAW};
use alloc::string::String;
use core::fmt::{Result, Write};

const TCP: u32 = 6;
const UDP: u32 = 17;

/// A row of names: of what, and each of them. What is not counted is 0.
type Row = (&'static str, &'static str);

const IP: Row = (
    "Ip",
    "Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates OutTransmits",
);
const ICMP: Row = (
    "Icmp",
    "InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps",
);
const TCP_NAMES: Row = (
    "Tcp",
    "RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors",
);
const UDP_NAMES: Row = (
    "Udp",
    "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors",
);
const UDP_LITE: Row = ("UdpLite", UDP_NAMES.1);
const TCP_MORE: Row = (
    "TcpExt",
    "SyncookiesSent SyncookiesRecv SyncookiesFailed TW DelayedACKs ListenOverflows ListenDrops TCPLostRetransmit TCPFastRetrans TCPTimeouts TCPLossProbes TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPBacklogDrop TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPChallengeACK TCPSynRetrans TCPOrigDataSent TCPKeepAlive",
);
const IP_MORE: Row = (
    "IpExt",
    "InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets",
);
const SIX: [Row; 3] = [
    (
        "Ip6",
        "InReceives InHdrErrors InTooBigErrors InNoRoutes InAddrErrors InUnknownProtos InTruncatedPkts InDiscards InDelivers OutForwDatagrams OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates InMcastPkts OutMcastPkts InOctets OutOctets",
    ),
    (
        "Icmp6",
        "InMsgs InErrors OutMsgs OutErrors InCsumErrors InDestUnreachs InEchos InEchoReplies OutDestUnreachs OutEchos OutEchoReplies",
    ),
    ("Udp6", UDP_NAMES.1),
];

/// A line of names and one of values, which begin with the given ones.
fn row(text: &mut String, (of, names): Row, values: &[i64]) -> Result {
    write!(text, "{of}: {names}\n{of}:")?;
    for at in 0..names.split(' ').count() {
        write!(text, " {}", values.get(at).copied().unwrap_or(0))?;
    }
    text.push('\n');
    Ok(())
}

pub(super) fn counters_4(text: &mut String) -> Result {
    // It does not forward, and begins with 64 hops.
    row(text, IP, &[2, 64])?;
    row(text, ICMP, &[])?;
    // How long it waits until it sends again, in milliseconds; any number of connections.
    row(text, TCP_NAMES, &[1, 200, 120_000, -1])?;
    row(text, UDP_NAMES, &[])?;
    row(text, UDP_LITE, &[])
}

pub(super) fn counters_6(text: &mut String) -> Result {
    for (of, names) in SIX {
        for name in names.split(' ') {
            let width = 32usize.saturating_sub(of.len());
            writeln!(text, "{of}{name:<width$}\t0")?;
        }
    }
    Ok(())
}

pub(super) fn extended(text: &mut String) -> Result {
    row(text, TCP_MORE, &[])?;
    row(text, IP_MORE, &[])
}

pub(super) fn sockets_4(text: &mut String) -> Result {
    let count = |protocol| sockets::count(2, protocol);
    writeln!(text, "sockets: used {}", sockets::count_all())?;
    let tcp = count(TCP);
    let [orphans, over, streams, datagrams] = inet::limits::usage();
    let pages = |bytes: usize| bytes.div_ceil(4096);
    let all = tcp + orphans;
    writeln!(
        text,
        "TCP: inuse {tcp} orphan {orphans} tw {over} alloc {all} mem {}",
        pages(streams)
    )?;
    writeln!(
        text,
        "UDP: inuse {} mem {}\nUDPLITE: inuse 0",
        count(UDP),
        pages(datagrams)
    )?;
    let (waiting, bytes) = ip::fragments();
    writeln!(text, "RAW: inuse {}\nFRAG: inuse {waiting} memory {bytes}", count(RAW))
}

pub(super) fn sockets_6(text: &mut String) -> Result {
    let count = |protocol| sockets::count(10, protocol);
    writeln!(text, "TCP6: inuse {}\nUDP6: inuse {}", count(TCP), count(UDP))?;
    writeln!(
        text,
        "UDPLITE6: inuse 0\nRAW6: inuse {}\nFRAG6: inuse 0 memory 0",
        count(RAW)
    )
}

/// Families and protocols, with the calls that they have.
pub(super) fn protocols(text: &mut String) -> Result {
    text.push_str(
        "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\n",
    );
    let all = [
        ("PACKET", 17, 0, 'n'),
        ("UDPv6", 10, UDP, 'y'),
        ("TCPv6", 10, TCP, 'y'),
        ("UNIX", 1, 0, 'n'),
        ("UDP", 2, UDP, 'y'),
        ("TCP", 2, TCP, 'y'),
        ("NETLINK", 16, 0, 'n'),
    ];
    for (name, family, protocol, calls) in all {
        let sockets = if protocol == 0 {
            0
        } else {
            sockets::count(family, protocol)
        };
        write!(
            text,
            "{name:<9} {:4} {sockets:6}  {:6}   {:3}    {:4}   {:3}  {:<10}",
            1024, -1, "NI", 0, "no", "kernel"
        )?;
        text.push_str("  y");
        for _ in 0..17 {
            write!(text, "  {calls}")?;
        }
        text.push('\n');
    }
    Ok(())
}
