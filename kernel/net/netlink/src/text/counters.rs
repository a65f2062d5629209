//! Counters, by the names of the standards (RFC 4293, 4022, 4113) and of Linux.

use super::sockets::{self, RAW, UDP_LITE};
use alloc::string::String;
use core::fmt::{Result, Write};
use counters::Row;

const TCP: u32 = 6;
const UDP: u32 = 17;

/// A line of names and one of values; the first ones may be given, for those that are no counters.
fn row(text: &mut String, row: &Row, given: &[i64]) -> Result {
    write!(text, "{}: {}\n{}:", row.of, row.names, row.of)?;
    for (at, (_, value)) in row.values().enumerate() {
        match given.get(at) {
            Some(given) => write!(text, " {given}")?,
            None => write!(text, " {value}")?,
        }
    }
    text.push('\n');
    Ok(())
}

pub(super) fn counters_4(text: &mut String) -> Result {
    // It does not forward, and begins with 64 hops.
    row(text, &counters::IP, &[2, 64])?;
    row(text, &counters::ICMP, &[])?;
    // How long it waits until it sends again, in milliseconds; any number of connections.
    row(text, &counters::TCP, &[1, 200, 120_000, -1])?;
    row(text, &counters::UDP, &[])?;
    row(text, &counters::LITE, &[])
}

pub(super) fn counters_6(text: &mut String) -> Result {
    for row in [&counters::IP6, &counters::ICMP6, &counters::UDP6, &counters::LITE6] {
        for (name, value) in row.values() {
            let width = 32usize.saturating_sub(row.of.len());
            writeln!(text, "{}{name:<width$}\t{value}", row.of)?;
        }
    }
    Ok(())
}

pub(super) fn extended(text: &mut String) -> Result {
    row(text, &counters::TCP_EXT, &[])?;
    row(text, &counters::IP_EXT, &[])
}

/// Connections of a family that have no descriptor and more than begun.
fn unowned(family: u16) -> usize {
    const BEGUN: u8 = 3;
    let all = inet::unowned::all();
    all.iter()
        .filter(|one| one.family == family && one.state != BEGUN)
        .count()
}

pub(super) fn sockets_4(text: &mut String) -> Result {
    let count = |protocol| sockets::count(2, protocol);
    writeln!(text, "sockets: used {}", sockets::count_all())?;
    let tcp = count(TCP) + unowned(2);
    let [orphans, over, streams, datagrams] = inet::limits::usage();
    let pages = |bytes: usize| bytes.div_ceil(4096);
    // What is left of those that are over is no socket any more, but is in use.
    let all = sockets::count_streams() + unowned(2) + unowned(10) - over.min(unowned(2) + unowned(10));
    writeln!(
        text,
        "TCP: inuse {tcp} orphan {orphans} tw {over} alloc {all} mem {}",
        pages(streams)
    )?;
    writeln!(
        text,
        "UDP: inuse {} mem {}\nUDPLITE: inuse {}",
        count(UDP),
        pages(datagrams),
        count(UDP_LITE)
    )?;
    let (waiting, bytes) = ip::fragments();
    writeln!(text, "RAW: inuse {}\nFRAG: inuse {waiting} memory {bytes}", count(RAW))
}

pub(super) fn sockets_6(text: &mut String) -> Result {
    let count = |protocol| sockets::count(10, protocol);
    writeln!(
        text,
        "TCP6: inuse {}\nUDP6: inuse {}",
        count(TCP) + unowned(10),
        count(UDP)
    )?;
    writeln!(
        text,
        "UDPLITE6: inuse {}\nRAW6: inuse {}\nFRAG6: inuse 0 memory 0",
        count(UDP_LITE),
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

/// What each CPU did for cards: frames taken, dropped before anybody looked, stops before the end, and ten columns that only other systems fill.
pub(super) fn work(text: &mut String) -> Result {
    for (cpu, counted) in link::interface::work().enumerate() {
        let [frames, pauses] = counted.map(|count| count as u32);
        write!(text, "{frames:08x} {:08x} {pauses:08x}", 0)?;
        for _ in 0..9 {
            write!(text, " {:08x}", 0)?;
        }
        writeln!(text, " {cpu:08x}")?;
    }
    Ok(())
}
