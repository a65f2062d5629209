//! `/proc/net`.

mod counters;
mod interfaces;
mod sockets;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// Makes a file.
type Make = fn(&mut String) -> core::fmt::Result;

static FILES: [(&str, Make); 35] = [
    ("anycast6", |_| Ok(())),
    ("arp", interfaces::neighbours),
    ("dev", interfaces::interfaces),
    ("dev_mcast", |_| Ok(())),
    ("fib_trie", interfaces::routes_by_address),
    ("icmp", |text| sockets::list(text, 2, 1)),
    ("icmp6", |text| sockets::list(text, 10, 58)),
    ("if_inet6", interfaces::addresses_6),
    ("igmp", interfaces::groups),
    ("igmp6", |_| Ok(())),
    // Nobody leases any.
    ("ip6_flowlabel", |text| text.write_str(sockets::FLOW_LABELS)),
    ("ipv6_route", interfaces::routes_6),
    ("netlink", sockets::netlink),
    ("netstat", counters::extended),
    ("packet", sockets::packet),
    ("pnp", |text| text.write_str(&ip::resolver())),
    ("protocols", counters::protocols),
    // Nanoseconds of a tick, and how many ticks a second has.
    ("psched", |text| text.write_str("000003e8 00000040 000f4240 3b9aca00\n")),
    ("ptype", |text| text.write_str(interfaces::PROTOCOLS)),
    ("raw", |text| sockets::list(text, 2, sockets::RAW)),
    ("raw6", |text| sockets::list(text, 10, sockets::RAW)),
    ("route", interfaces::routes_4),
    ("rules", |text| ip::write_rules(text)),
    ("snmp", counters::counters_4),
    ("snmp6", counters::counters_6),
    ("sockstat", counters::sockets_4),
    ("sockstat6", counters::sockets_6),
    ("softnet_stat", counters::work),
    ("tcp", |text| sockets::list(text, 2, 6)),
    ("tcp6", |text| sockets::list(text, 10, 6)),
    ("udp", |text| sockets::list(text, 2, 17)),
    ("udp6", |text| sockets::list(text, 10, 17)),
    ("udplite", |text| sockets::list(text, 2, sockets::UDP_LITE)),
    ("udplite6", |text| sockets::list(text, 10, sockets::UDP_LITE)),
    ("unix", sockets::local),
];

/// A file of `/proc/net`; nothing for one that there is not.
#[must_use]
pub fn content(name: &str) -> Vec<u8> {
    let mut text = String::new();
    if let Some((_, make)) = FILES.iter().find(|(known, _)| *known == name) {
        // Writing to a string does not fail.
        let _ = make(&mut text);
    }
    text.into_bytes()
}

/// The numbers and names of all interfaces.
#[must_use]
pub fn interfaces() -> Vec<(u32, String)> {
    let all = link::interface::all();
    all.iter()
        .map(|interface| (interface.index as u32, interface.name.clone()))
        .collect()
}

/// One thing about an interface, by the name that its file below `/sys/class/net` has.
#[must_use]
pub fn about(index: u32, what: &str) -> String {
    interfaces::about(index as i32, what).unwrap_or_default()
}

/// Ends a line that is filled up with spaces.
fn end_padded(text: &mut String, start: usize, width: usize) -> core::fmt::Result {
    let len = text.len().saturating_sub(start);
    writeln!(text, "{:1$}", "", width.saturating_sub(len))
}
