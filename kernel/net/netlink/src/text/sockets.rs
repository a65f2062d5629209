//! Sockets.

use super::end_padded;
use crate::survey::{self, Found, state};
use abi::socket::{AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, SOCK_RAW};
use alloc::string::String;
use core::fmt::{Result, Write};
use core::net::{IpAddr, SocketAddr};
use inet::unowned::Unowned;

/// Not a protocol: sockets of all protocols that are raw.
pub(super) const RAW: u32 = u32::MAX;
const TCP: u32 = 6;
const UDP: u32 = 17;
pub(super) const UDP_LITE: u32 = 136;
const ICMP: u32 = 1;
const ICMPV6: u32 = 58;

const NARROW: &str = "sl  local_address rem_address   ";
const WIDE: &str = "sl  local_address                         remote_address                        ";
const COMMON: &str = "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const DATAGRAMS: &str = " ref pointer drops";
pub(super) const FLOW_LABELS: &str = "Label S Owner  Users  Linger Expires  Dst                              Opt\n";

/// The sockets of a family and a protocol.
pub(super) fn list(text: &mut String, family: u16, protocol: u32) -> Result {
    let wide = family == AF_INET6;
    // Lines of the older protocol are as long as each other, except for raw sockets.
    let width = match protocol {
        _ if wide => 0,
        TCP => 149,
        UDP | UDP_LITE | ICMP => 127,
        _ => 0,
    };
    let indent = if matches!(protocol, UDP | UDP_LITE) && !wide {
        "   "
    } else {
        "  "
    };
    let ends = if wide { WIDE } else { NARROW };
    let more = if protocol == TCP { "" } else { DATAGRAMS };
    write!(text, "{indent}{ends}{COMMON}{more}")?;
    end_padded(text, 0, width)?;
    let mut all = survey::sockets(&[family]);
    all.retain(|found| match protocol {
        RAW => found.kind == SOCK_RAW,
        _ => found.protocol == protocol && found.own().port() != 0 && found.kind != SOCK_RAW,
    });
    for (number, found) in all.iter().enumerate() {
        let start = text.len();
        let digits = if matches!(protocol, UDP | UDP_LITE | ICMP | ICMPV6) {
            5
        } else {
            4
        };
        write!(text, "{number:digits$}: ")?;
        line(text, found, protocol == TCP)?;
        end_padded(text, start, width)?;
    }
    if protocol == TCP {
        let unowned = inet::unowned::all();
        let of_family = unowned.iter().filter(|one| one.family == family);
        for (number, one) in (all.len()..).zip(of_family) {
            let start = text.len();
            write!(text, "{number:4}: ")?;
            line_unowned(text, one)?;
            end_padded(text, start, width)?;
        }
    }
    Ok(())
}

fn line_unowned(text: &mut String, one: &Unowned) -> Result {
    const TICK: u64 = 10_000_000;
    end(text, one.own)?;
    text.push(' ');
    end(text, one.peer)?;
    let ([receive, send], (timer, left)) = (one.queues, one.timer);
    write!(
        text,
        " {:02X} {send:08X}:{receive:08X} {timer:02X}:{:08X} {:08X} {:5} {:8} 0 1 {:016x}",
        one.state,
        left / TICK,
        one.again,
        one.uid,
        0,
        0
    )
}

fn line(text: &mut String, found: &Found, is_stream: bool) -> Result {
    end(text, found.own())?;
    text.push(' ');
    end(text, found.peer())?;
    let [receive, send] = found.listing.queues;
    let send = if found.state() == state::LISTENING { 0 } else { send };
    write!(
        text,
        " {:02X} {send:08X}:{receive:08X} 00:00000000 00000000 {:5} {:8} {} {} {:016x}",
        found.state(),
        found.listing.uid,
        0,
        found.inode,
        if is_stream { 1 } else { 2 },
        0
    )?;
    if is_stream {
        // Its timers and its window, as those of a connection that has done nothing.
        text.push_str(" 100 0 0 10 0");
        return Ok(());
    }
    text.push_str(" 0");
    Ok(())
}

/// An address as numbers of the machine, and a port.
fn end(text: &mut String, end: SocketAddr) -> Result {
    match end.ip() {
        IpAddr::V4(ip) => write!(text, "{:08X}", u32::from_ne_bytes(ip.octets()))?,
        IpAddr::V6(ip) => {
            for word in ip.octets().as_chunks::<4>().0 {
                write!(text, "{:08X}", u32::from_ne_bytes(*word))?;
            }
        }
    }
    write!(text, ":{:04X}", end.port())
}

pub(super) fn netlink(text: &mut String) -> Result {
    text.push_str("sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
    for found in survey::sockets(&[AF_NETLINK]) {
        let address = found
            .file
            .socket()
            .and_then(|socket| socket.address())
            .unwrap_or_default();
        let (port, groups) = (netlink_view::word32(&address, 4), netlink_view::word32(&address, 8));
        writeln!(
            text,
            "{:016x} {:<3} {port:<10} {groups:08x} {:<8} {:<8} {:<5} {:<8} {:<8} {:<8}",
            0, found.protocol, found.listing.queues[0], 0, 0, 2, 0, found.inode
        )?;
    }
    Ok(())
}

pub(super) fn local(text: &mut String) -> Result {
    const LISTENS: u32 = 0x10000;
    text.push_str("Num       RefCount Protocol Flags    Type St Inode Path\n");
    for found in survey::sockets(&[AF_UNIX]) {
        // References, flags, and a state of sockets rather than of TCP.
        let (count, flags, state) = match found.state() {
            state::LISTENING => (2, LISTENS, 1),
            state::ESTABLISHED if found.listing.ends[1] != 0 => (3, 0, 3),
            _ => (2, 0, 1),
        };
        write!(
            text,
            "{:016x}: {count:08X} 00000000 {flags:08X} {:04X} {state:02X} {:5}",
            0, found.kind, found.inode
        )?;
        let name = found.local_name();
        if !name.is_empty() {
            text.push(' ');
            text.extend(name.iter().map(|byte| if *byte == 0 { '@' } else { char::from(*byte) }));
        }
        text.push('\n');
    }
    Ok(())
}

pub(super) fn packet(text: &mut String) -> Result {
    text.push_str("sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
    for found in survey::sockets(&[AF_PACKET]) {
        let address = found
            .file
            .socket()
            .and_then(|socket| socket.address())
            .unwrap_or_default();
        let protocol = netlink_view::word16(&address, 2);
        writeln!(
            text,
            "{:016x} {:<6} {:<4} {:04x}   {:<5} {} {:<6} {:<6} {:<6}",
            0,
            3,
            found.kind,
            protocol.to_be(),
            netlink_view::word32(&address, 4),
            found.listing.state,
            found.listing.queues[0],
            found.listing.uid,
            found.inode
        )?;
    }
    Ok(())
}

/// How many sockets of a family and a protocol are in use.
pub(super) fn count(family: u16, protocol: u32) -> usize {
    let all = survey::sockets(&[family]);
    let counted = all.iter().filter(|found| match protocol {
        RAW => found.kind == SOCK_RAW,
        _ => found.protocol == protocol && found.own().port() != 0,
    });
    counted.count()
}

/// How many sockets of TCP there are, with an address or without.
pub(super) fn count_streams() -> usize {
    let all = survey::sockets(&[AF_INET, AF_INET6]);
    all.iter().filter(|found| found.protocol == TCP).count()
}

/// How many sockets there are.
pub(super) fn count_all() -> usize {
    survey::sockets(&[AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET]).len()
}
