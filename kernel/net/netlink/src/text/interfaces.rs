//! Interfaces, addresses, routes, neighbours.

use super::end_padded;
use crate::route::places::{self, MAIN, Route};
use crate::route::said;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Result, Write};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use link::interface;

const DEV_HEAD: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
";
const ROUTE_HEAD: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
const ARP_HEAD: &str = "IP address       HW type     Flags       HW address            Mask     Device\n";
const IGMP_HEAD: &str = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n";

/// The protocols that take frames, with the names of Linux's functions for them.
pub(super) const PROTOCOLS: &str = "\
Type Device      Function
0800          ip_rcv
0806          arp_rcv
86dd          ipv6_rcv
";

const UP: u32 = 1;
const GATEWAY: u32 = 2;
const HOST: u32 = 4;
const REJECT: u32 = 0x200;
/// Of IP and TCP.
const HEADERS: u32 = 40;
/// A route of the newer protocol to the machine itself, and one to nowhere.
const TO_ITSELF: u32 = 0x8020_0001;
const REFUSED: u32 = 0x0020_0200;

pub(super) fn interfaces(text: &mut String) -> Result {
    text.push_str(DEV_HEAD);
    for interface in interface::all() {
        let counted = interface.card.counters();
        let ([packets, bytes], [sent_packets, sent_bytes]) = (counted.received, counted.sent);
        writeln!(
            text,
            "{:>6}: {bytes:>7} {packets:>7} {:>4} {:>4} {:>4} {:>5} {:>10} {:>9} {sent_bytes:>8} {sent_packets:>7} {:>4} {:>4} {:>4} {:>5} {:>7} {:>10}",
            interface.name,
            counted.broken,
            0,
            0,
            0,
            0,
            0,
            0,
            interface.dropped(),
            0,
            0,
            0,
            0
        )?;
    }
    Ok(())
}

fn name_of(index: i32) -> String {
    interface::by_index(index).map_or_else(String::new, |interface| interface.name.clone())
}

/// An older address as the machine's number.
fn number(ip: Option<IpAddr>) -> u32 {
    match ip {
        Some(IpAddr::V4(ip)) => u32::from_ne_bytes(ip.octets()),
        _ => 0,
    }
}

pub(super) fn routes_4(text: &mut String) -> Result {
    text.push_str(ROUTE_HEAD);
    end_padded(text, 0, 127)?;
    let routes = places::routes().into_iter();
    for route in routes.filter(|route| route.table == MAIN && route.destination.is_ipv4()) {
        let start = text.len();
        let mask = u32::MAX.checked_shl(32 - u32::from(route.prefix)).unwrap_or(0);
        write!(
            text,
            "{}\t{:08X}\t{:08X}\t{:04X}\t0\t0\t{}\t{:08X}\t{}\t0\t0",
            if route.kind == places::UNICAST {
                name_of(route.index)
            } else {
                "*".into()
            },
            number(Some(route.destination)),
            number(route.gateway),
            flags(&route),
            route.metric,
            number(Some(Ipv4Addr::from(mask).into())),
            route.mtu.map_or(0, |mtu| mtu.saturating_sub(HEADERS)),
        )?;
        end_padded(text, start, 127)?;
    }
    Ok(())
}

fn flags(route: &Route) -> u32 {
    let most = if route.destination.is_ipv4() { 32 } else { 128 };
    let gateway = if route.gateway.is_some() { GATEWAY } else { 0 };
    let host = if route.prefix == most { HOST } else { 0 };
    let refuses = match route.kind {
        places::UNREACHABLE | places::PROHIBIT => REJECT,
        places::BLACKHOLE if most == 128 => REJECT,
        _ => 0,
    };
    UP | gateway | host | refuses
}

/// All routes of the older protocol, each below its address. Linux's tree branches more often; what is at its ends is the same.
pub(super) fn routes_by_address(text: &mut String) -> Result {
    let order = |route: &Route| (route.destination, 32 - route.prefix);
    let mut routes: Vec<Route> = Vec::new();
    for route in places::routes().into_iter().filter(|route| route.destination.is_ipv4()) {
        let at = routes.iter().position(|other| order(other) > order(&route));
        routes.insert(at.unwrap_or(routes.len()), route);
    }
    // Without rules of its own, Linux has both tables in one.
    for table in ["Main", "Local"] {
        writeln!(text, "{table}:\n  +-- 0.0.0.0/0 0 0 0")?;
        let mut last = None;
        for route in &routes {
            if last.replace(route.destination) != Some(route.destination) {
                writeln!(text, "     |-- {}", route.destination)?;
            }
            let scope = match route.scope() {
                places::EVERYWHERE => "universe",
                places::LINK => "link",
                _ => "host",
            };
            let kind = match route.kind {
                places::LOCAL => "LOCAL",
                places::BROADCAST => "BROADCAST",
                places::BLACKHOLE => "BLACKHOLE",
                places::UNREACHABLE => "UNREACHABLE",
                places::PROHIBIT => "PROHIBIT",
                places::THROW => "THROW",
                _ => "UNICAST",
            };
            writeln!(text, "        /{} {scope} {kind}", route.prefix)?;
        }
    }
    Ok(())
}

fn hex(ip: Option<IpAddr>) -> String {
    let bits = match ip {
        Some(IpAddr::V6(ip)) => ip.to_bits(),
        _ => 0,
    };
    format!("{bits:032x}")
}

pub(super) fn routes_6(text: &mut String) -> Result {
    let all = places::routes().into_iter().filter(|route| route.destination.is_ipv6());
    let (own, main): (Vec<_>, Vec<_>) = all.partition(|route| route.table == places::OWN);
    for (routes, own) in [(main, false), (own, true)] {
        for route in routes {
            let flags = if own { TO_ITSELF } else { flags(&route) & !HOST };
            line_6(text, &route, flags)?;
        }
        let nowhere = Route {
            destination: Ipv6Addr::UNSPECIFIED.into(),
            prefix: 0,
            gateway: None,
            index: 1,
            source: None,
            metric: u32::MAX,
            table: 0,
            kind: 0,
            maker: 0,
            mtu: None,
        };
        line_6(text, &nowhere, REFUSED)?;
    }
    Ok(())
}

fn line_6(text: &mut String, route: &Route, flags: u32) -> Result {
    writeln!(
        text,
        "{} {:02x} {} 00 {} {:08x} 00000001 00000000 {flags:08x} {:>8}",
        hex(Some(route.destination)),
        route.prefix,
        hex(None),
        hex(route.gateway),
        route.metric,
        name_of(route.index)
    )
}

pub(super) fn addresses_6(text: &mut String) -> Result {
    for address in places::addresses() {
        let IpAddr::V6(ip) = address.ip else { continue };
        let scope = match ip {
            Ipv6Addr::LOCALHOST => 0x10,
            ip if ip.is_unicast_link_local() => 0x20,
            _ => 0,
        };
        let lasts = said::of(address.index, address.ip).until == u64::MAX;
        let flags = if lasts { 0x80 } else { 0 };
        writeln!(
            text,
            "{} {:02x} {:02x} {scope:02x} {flags:02x} {:>8}",
            hex(Some(address.ip)),
            address.index,
            address.prefix,
            name_of(address.index)
        )?;
    }
    Ok(())
}

pub(super) fn neighbours(text: &mut String) -> Result {
    text.push_str(ARP_HEAD);
    for neighbour in places::neighbours() {
        let IpAddr::V4(ip) = neighbour.ip else { continue };
        let [a, b, c, d, e, f] = neighbour.hardware.unwrap_or_default();
        let flags = match neighbour.hardware {
            None => 0,
            Some(_) if neighbour.state == places::PERMANENT => 6,
            Some(_) => 2,
        };
        writeln!(
            text,
            "{:<16} 0x1         0x{flags:<10x}{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}     *        {}",
            format!("{ip}"),
            name_of(neighbour.index)
        )?;
    }
    Ok(())
}

/// Every interface is in the group of all.
pub(super) fn groups(text: &mut String) -> Result {
    text.push_str(IGMP_HEAD);
    for interface in interface::all() {
        writeln!(text, "{}\t{:<10}: {:5} {:>7}", interface.index, interface.name, 1, "V3")?;
        writeln!(text, "\t\t\t\t010000E0 {:5} 0:00000000\t\t0", 1)?;
    }
    Ok(())
}

/// One thing about an interface, as a file below `/sys/class/net` has it.
pub(super) fn about(index: i32, what: &str) -> Option<String> {
    let interface = interface::by_index(index)?;
    let mac = |[a, b, c, d, e, f]: [u8; 6]| format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    let everybody = if interface.is_loopback() { [0; 6] } else { [0xff; 6] };
    let state = match (interface.is_running(), interface.is_loopback()) {
        (true, true) => "unknown",
        (true, false) => "up",
        (false, _) => "down",
    };
    let counted = interface.card.counters();
    let number = match what {
        "address" => return Some(mac(interface.card.mac())),
        "broadcast" => return Some(mac(everybody)),
        "operstate" => return Some(String::from(state)),
        "flags" => return Some(format!("{:#x}", interface.flags() as u16)),
        "uevent" => return Some(format!("INTERFACE={}\nIFINDEX={index}", interface.name)),
        "carrier" => u64::from(interface.card.has_link()),
        "ifindex" => index as u64,
        "mtu" => u64::from(interface.mtu()),
        "type" => u64::from(crate::route::links::hardware(&interface)),
        "rx_packets" => counted.received[0],
        "rx_bytes" => counted.received[1],
        "rx_errors" => counted.broken,
        "tx_packets" => counted.sent[0],
        "tx_bytes" => counted.sent[1],
        "tx_dropped" => interface.dropped() as u64,
        _ => return None,
    };
    Some(format!("{number}"))
}
