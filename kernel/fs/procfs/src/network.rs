//! `/proc/net` and `/sys/class/net`. What they show of sockets and interfaces comes from the process layer, as all else.

use crate::source::source;
use crate::sysctl::{line, table};
use crate::tree::{Found, Listed, Row, Scope, Table, directory, file};
use abi::Result;
use alloc::string::String;
use alloc::vec::Vec;
use vfs::Kind;

pub(crate) static NET: Table = Table {
    id: 5,
    rows: &FILES,
    listed: None,
};

static FILES: [Row; 35] = [
    file(b"anycast6", |_| content("anycast6")),
    file(b"arp", |_| content("arp")),
    file(b"dev", |_| content("dev")),
    file(b"dev_mcast", |_| content("dev_mcast")),
    file(b"fib_trie", |_| content("fib_trie")),
    file(b"icmp", |_| content("icmp")),
    file(b"icmp6", |_| content("icmp6")),
    file(b"if_inet6", |_| content("if_inet6")),
    file(b"igmp", |_| content("igmp")),
    file(b"igmp6", |_| content("igmp6")),
    file(b"ip6_flowlabel", |_| content("ip6_flowlabel")),
    file(b"ipv6_route", |_| content("ipv6_route")),
    file(b"netlink", |_| content("netlink")),
    file(b"netstat", |_| content("netstat")),
    file(b"packet", |_| content("packet")),
    file(b"pnp", |_| content("pnp")),
    file(b"protocols", |_| content("protocols")),
    file(b"psched", |_| content("psched")),
    file(b"ptype", |_| content("ptype")),
    file(b"raw", |_| content("raw")),
    file(b"raw6", |_| content("raw6")),
    file(b"route", |_| content("route")),
    file(b"rules", |_| content("rules")),
    file(b"snmp", |_| content("snmp")),
    file(b"snmp6", |_| content("snmp6")),
    file(b"sockstat", |_| content("sockstat")),
    file(b"sockstat6", |_| content("sockstat6")),
    file(b"softnet_stat", |_| content("softnet_stat")),
    file(b"tcp", |_| content("tcp")),
    file(b"tcp6", |_| content("tcp6")),
    file(b"udp", |_| content("udp")),
    file(b"udp6", |_| content("udp6")),
    file(b"udplite", |_| content("udplite")),
    file(b"udplite6", |_| content("udplite6")),
    file(b"unix", |_| content("unix")),
];

fn content(name: &str) -> Result<Vec<u8>> {
    Ok(source().map(|source| source.network(name)).unwrap_or_default())
}

/// `/sys/class/net`.
pub(crate) static INTERFACES: Table = Table {
    id: 11,
    rows: &[],
    listed: Some(&Listed {
        numbers: |_| Ok(interfaces().into_iter().map(|(number, _)| number).collect()),
        find: |scope, number| {
            let is_there = interfaces().iter().any(|(known, _)| *known == number);
            let scope = Scope {
                number,
                process: None,
                device: scope.device,
            };
            Ok(is_there.then_some(Found::Directory(scope, &INTERFACE)))
        },
        kind: |_| Kind::Directory,
        names: Some((|_, number| name_of(number), |_, name| number_of(name))),
    }),
};

pub(crate) fn interfaces() -> Vec<(u32, String)> {
    source().map(|source| source.interfaces()).unwrap_or_default()
}

pub(crate) fn name_of(number: u32) -> String {
    let all = interfaces();
    let found = all.into_iter().find(|(known, _)| *known == number);
    found.map(|(_, name)| name).unwrap_or_default()
}

fn number_of(name: &[u8]) -> Option<u32> {
    let all = interfaces();
    let found = all.into_iter().find(|(_, known)| known.as_bytes() == name);
    found.map(|(number, _)| number)
}

static INTERFACE: Table = table(
    12,
    &[
        file(b"addr_len", |_| line("6")),
        file(b"address", |scope| about(scope, "address")),
        file(b"broadcast", |scope| about(scope, "broadcast")),
        file(b"carrier", |scope| about(scope, "carrier")),
        file(b"dormant", |_| line("0")),
        file(b"flags", |scope| about(scope, "flags")),
        file(b"ifindex", |scope| about(scope, "ifindex")),
        file(b"iflink", |scope| about(scope, "ifindex")),
        file(b"mtu", |scope| about(scope, "mtu")),
        file(b"operstate", |scope| about(scope, "operstate")),
        directory(b"statistics", &STATISTICS),
        file(b"tx_queue_len", |_| line("1000")),
        file(b"type", |scope| about(scope, "type")),
        file(b"uevent", |scope| about(scope, "uevent")),
    ],
);

static STATISTICS: Table = table(
    13,
    &[
        file(b"rx_bytes", |scope| about(scope, "rx_bytes")),
        file(b"rx_dropped", |_| line("0")),
        file(b"rx_errors", |scope| about(scope, "rx_errors")),
        file(b"rx_packets", |scope| about(scope, "rx_packets")),
        file(b"tx_bytes", |scope| about(scope, "tx_bytes")),
        file(b"tx_dropped", |scope| about(scope, "tx_dropped")),
        file(b"tx_errors", |_| line("0")),
        file(b"tx_packets", |scope| about(scope, "tx_packets")),
    ],
);

fn about(scope: &Scope, what: &str) -> Result<Vec<u8>> {
    let text = source().map(|source| source.interface(scope.number, what));
    line(&text.unwrap_or_default())
}
