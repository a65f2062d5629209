//! `/proc/net`, `/proc/sys/net` and `/sys/class/net`. What they show of sockets and interfaces comes from the process layer, as all else.

use crate::source::source;
use crate::sysctl::{line, table};
use crate::tree::{Found, Listed, Row, Scope, Table, directory, file, setting};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::vec::Vec;
use vfs::Kind;

pub(crate) static NET: Table = Table {
    id: 5,
    rows: &FILES,
    listed: None,
};

static FILES: [Row; 28] = [
    file(b"anycast6", |_| content("anycast6")),
    file(b"arp", |_| content("arp")),
    file(b"dev", |_| content("dev")),
    file(b"dev_mcast", |_| content("dev_mcast")),
    file(b"icmp", |_| content("icmp")),
    file(b"icmp6", |_| content("icmp6")),
    file(b"if_inet6", |_| content("if_inet6")),
    file(b"igmp", |_| content("igmp")),
    file(b"igmp6", |_| content("igmp6")),
    file(b"ipv6_route", |_| content("ipv6_route")),
    file(b"netlink", |_| content("netlink")),
    file(b"netstat", |_| content("netstat")),
    file(b"packet", |_| content("packet")),
    file(b"pnp", |_| content("pnp")),
    file(b"protocols", |_| content("protocols")),
    file(b"raw", |_| content("raw")),
    file(b"raw6", |_| content("raw6")),
    file(b"route", |_| content("route")),
    file(b"rules", |_| content("rules")),
    file(b"snmp", |_| content("snmp")),
    file(b"snmp6", |_| content("snmp6")),
    file(b"sockstat", |_| content("sockstat")),
    file(b"sockstat6", |_| content("sockstat6")),
    file(b"tcp", |_| content("tcp")),
    file(b"tcp6", |_| content("tcp6")),
    file(b"udp", |_| content("udp")),
    file(b"udp6", |_| content("udp6")),
    file(b"unix", |_| content("unix")),
];

fn content(name: &str) -> Result<Vec<u8>> {
    Ok(source().map(|source| source.network(name)).unwrap_or_default())
}

pub(crate) static SETTINGS: Table = table(
    12,
    &[
        directory(b"core", &CORE),
        directory(b"ipv4", &IPV4),
        directory(b"ipv6", &IPV6),
        directory(b"unix", &UNIX),
    ],
);

fn limit(name: &str) -> Result<Vec<u8>> {
    line(&source().map(|source| source.network_limit(name)).unwrap_or_default())
}

fn set_limit(name: &str, text: &[u8]) -> Result<()> {
    source().ok_or(Errno::EPERM)?.set_network_limit(name, text)
}

static CORE: Table = table(
    13,
    &[
        file(b"default_qdisc", |_| line("pfifo_fast")),
        file(b"netdev_max_backlog", |_| line("1000")),
        file(b"optmem_max", |_| line("131072")),
        file(b"rmem_default", |_| line("212992")),
        file(b"rmem_max", |_| line("212992")),
        setting(
            b"somaxconn",
            |_| limit("somaxconn"),
            |_, text| set_limit("somaxconn", text),
        ),
        file(b"wmem_default", |_| line("212992")),
        file(b"wmem_max", |_| line("212992")),
    ],
);

static IPV4: Table = table(
    15,
    &[
        file(b"icmp_echo_ignore_all", |_| line("0")),
        file(b"icmp_echo_ignore_broadcasts", |_| line("1")),
        file(b"ip_default_ttl", |_| line("64")),
        file(b"ip_forward", |_| line("0")),
        setting(
            b"ip_local_port_range",
            |_| limit("ip_local_port_range"),
            |_, text| set_limit("ip_local_port_range", text),
        ),
        file(b"ip_local_reserved_ports", |_| line("")),
        file(b"ip_nonlocal_bind", |_| line("0")),
        setting(
            b"ip_unprivileged_port_start",
            |_| limit("ip_unprivileged_port_start"),
            |_, text| set_limit("ip_unprivileged_port_start", text),
        ),
        setting(
            b"ping_group_range",
            |_| limit("ping_group_range"),
            |_, text| set_limit("ping_group_range", text),
        ),
        file(b"tcp_available_congestion_control", |_| line("cubic")),
        file(b"tcp_allowed_congestion_control", |_| line("cubic")),
        file(b"tcp_congestion_control", |_| line("cubic")),
        file(b"tcp_ecn", |_| line("2")),
        file(b"tcp_fastopen", |_| line("0")),
        file(b"tcp_fin_timeout", |_| line("60")),
        file(b"tcp_keepalive_intvl", |_| line("75")),
        file(b"tcp_keepalive_probes", |_| line("9")),
        file(b"tcp_keepalive_time", |_| line("7200")),
        file(b"tcp_max_orphans", |_| limit("tcp_max_orphans")),
        file(b"tcp_max_syn_backlog", |_| line("1024")),
        file(b"tcp_max_tw_buckets", |_| limit("tcp_max_tw_buckets")),
        file(b"tcp_mem", |_| limit("tcp_mem")),
        file(b"tcp_moderate_rcvbuf", |_| line("1")),
        file(b"tcp_retries1", |_| line("3")),
        file(b"tcp_retries2", |_| line("15")),
        file(b"tcp_rmem", |_| line("4096\t131072\t8388608")),
        file(b"tcp_sack", |_| line("1")),
        file(b"tcp_syn_retries", |_| line("6")),
        file(b"tcp_synack_retries", |_| line("5")),
        file(b"tcp_syncookies", |_| line("1")),
        file(b"tcp_timestamps", |_| line("1")),
        file(b"tcp_tw_reuse", |_| line("2")),
        file(b"tcp_window_scaling", |_| line("1")),
        file(b"tcp_wmem", |_| line("4096\t87040\t4194304")),
        file(b"udp_mem", |_| limit("udp_mem")),
        file(b"udp_rmem_min", |_| line("4096")),
        file(b"udp_wmem_min", |_| line("4096")),
    ],
);

static IPV6: Table = table(
    16,
    &[directory(b"conf", &IPV6_CONF), file(b"bindv6only", |_| line("0"))],
);
static IPV6_CONF: Table = table(
    17,
    &[directory(b"all", &IPV6_ALL), directory(b"default", &IPV6_DEFAULT)],
);
static IPV6_ALL: Table = table(
    18,
    &[file(b"disable_ipv6", |_| line("0")), file(b"forwarding", |_| line("0"))],
);
static IPV6_DEFAULT: Table = table(19, &[file(b"disable_ipv6", |_| line("0"))]);
static UNIX: Table = table(20, &[file(b"max_dgram_qlen", |_| line("512"))]);

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
        kind: Kind::Directory,
        names: Some((name_of, number_of)),
    }),
};

fn interfaces() -> Vec<(u32, String)> {
    source().map(|source| source.interfaces()).unwrap_or_default()
}

fn name_of(number: u32) -> String {
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
