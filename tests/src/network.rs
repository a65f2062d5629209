//! Debian's tools that show the network, in a network namespace of Linux that has loopback only, and in Chiton without a card: they print the same.
//!
//! Where the host does not let tests make network namespaces, or has not installed a tool, its cases pass without having shown anything.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::execute::{Job, in_guest, on_host};
use crate::machines::built;
use crate::places;
use crate::suite::{Case, difference};

/// What is asked: the tools, and a script that runs them. `SOCKETS` stands for the program that opens sockets (`guest/boot/sockets.c`).
const SCRIPTS: [(&str, &[&str], &str); 11] = [
    (
        "ip",
        &["/usr/sbin/ip"],
        "ip addr; ip link show lo; ip -o addr; ip -s link; ip route; ip -6 route; ip route show table all; ip neigh",
    ),
    (
        "ip_rule",
        &["/usr/sbin/ip"],
        "ip rule; ip -6 rule; ip route get 127.0.0.1; ip -6 route get ::1; ip link show dev nothing; ip route get 10.1.2.3",
    ),
    (
        "ifconfig",
        &["/usr/sbin/ifconfig"],
        "ifconfig -a; ifconfig lo; ifconfig nothing",
    ),
    (
        "route",
        &["/usr/sbin/route", "/usr/bin/netstat", "/usr/sbin/arp"],
        "route -n; netstat -rn; netstat -i; arp -n",
    ),
    (
        "ss",
        &["/usr/bin/ss", "/bin/sed", "/usr/bin/sort"],
        "for o in -tulpn -tanp -uanp -tlnm -ulnm; do SOCKETS ss $o | sed 's/pid=[0-9]*,fd=[0-9]*/it/g; s/  */ /g' | sort; done",
    ),
    (
        "ss_local",
        &["/usr/bin/ss", "/bin/sed", "/usr/bin/sort"],
        "SOCKETS ss -xanp | sed 's/pid=[0-9]*,fd=[0-9]*/it/g; s/ [1-9][0-9]* / n /g; s/Process/ &/; s/  */ /g' | sort",
    ),
    (
        "netstat",
        &["/usr/bin/netstat", "/bin/sed", "/usr/bin/sort"],
        "for o in -tlpn -tuanp; do SOCKETS netstat $o | sed 's,[0-9]*/boot-.*,it,; s/  */ /g' | sort; done",
    ),
    (
        "sysctl",
        &["/usr/sbin/sysctl", "/usr/bin/ss", "/bin/sed"],
        r"W='sysctl -w'; for s in ipv4.tcp_keepalive_time ipv4.tcp_syn_retries ipv4.ip_local_port_range ipv4.ip_unprivileged_port_start ipv4.ip_default_ttl \
           ipv4.tcp_fin_timeout ipv4.icmp_echo_ignore_broadcasts ipv6.conf.all.disable_ipv6 ipv6.conf.lo.disable_ipv6 unix.max_dgram_qlen core.somaxconn; do sysctl net.$s; done; \
           $W net.ipv4.tcp_keepalive_time=600 net.ipv4.ip_local_port_range='20000 30000' net.ipv4.ip_local_reserved_ports=20001,20005-20007; sysctl net.ipv4.ip_local_port_range; \
           $W net.ipv4.tcp_syn_retries=0; $W net.ipv4.ip_local_port_range='9 1'; $W net.ipv4.ip_default_ttl=256; $W net.ipv4.tcp_sack=no; $W net.ipv4.nothing=1; \
           sysctl -n net.ipv4.ip_local_reserved_ports net.ipv4.tcp_syn_retries; $W net.ipv4.tcp_congestion_control=reno; sysctl net.ipv4.tcp_congestion_control; \
           $W net.core.somaxconn=7; SOCKETS ss -ltnH | sed 's/  */ /g'",
    ),
    (
        "tcpdump_lo",
        &["/usr/bin/tcpdump", "/bin/sed", "/bin/bash", "/bin/sleep", "/usr/bin/wc"],
        r"tcpdump -Z root -n -t -i lo -c 3 'udp or tcp' 2>/dev/null | sed -E 's/[.][0-9]{4,5}([: ])/.port\1/; s/(seq|ack) [0-9]+/\1 n/g; s/options [^]]*]/options/' & \
           until [ $(wc -l < /proc/net/packet) -gt 1 ]; do sleep 0.1; done; sleep 1; \
           bash -c 'echo abc >/dev/udp/127.0.0.1/9; exec 3<>/dev/tcp/127.0.0.1/9' 2>/dev/null; wait",
    ),
    (
        "tcpdump_any",
        &[
            "/usr/bin/tcpdump",
            "/bin/sed",
            "/bin/grep",
            "/bin/sleep",
            "/usr/bin/wc",
            "/usr/bin/ping",
            "/usr/bin/mktemp",
            "/bin/rm",
        ],
        r"d=$(mktemp -d); cd $d; tcpdump -Z root -n -t -c 4 -i any icmp >any 2>&1 & tcpdump -Z root -n -c 2 -i lo -w lo icmp 2>said & \
           until grep -qs listening any && grep -qs listening said; do sleep 0.1; done; ping -c 2 -i 0.3 127.0.0.1 >/dev/null; wait; \
           sed -n '/received\|verbose/!s/id [0-9]*/id n/p; /listening\|captured/p' any said; tcpdump -Z root -n -t -r lo | sed 's/id [0-9]*/id n/'; tcpdump -Z root -t -e -q -r lo | wc -l; rm -r $d",
    ),
    (
        "proc",
        &["/bin/cat", "/bin/sed", "/usr/bin/sort"],
        r"cd /proc/net; cat route if_inet6 arp dev igmp raw packet; P=/proc/net; SOCKETS cat $P/tcp $P/tcp6 $P/udp $P/udp6 $P/unix | sed -E 's/^ *[0-9a-f]+: //; s/        0 [0-9].*//; s/ +[0-9]+( [@.].*)?$/\1/' | sort",
    ),
];

/// One case per script.
#[must_use]
pub fn cases() -> Vec<Case> {
    let case = |(name, tools, script)| Case::new(format!("network::{name}"), move || compare(tools, script));
    let mut cases: Vec<_> = SCRIPTS.into_iter().map(case).collect();
    cases.push(Case::new("network::tcpdump", tcpdump));
    cases.push(Case::new("network::states", states));
    cases
}

/// Connections that no program has any more are in the lists: one that is over, and one whose other side does not end.
fn states() -> Result<(), String> {
    const SHOWN: &str = "FIN-WAIT-2 10.0.2.2:2\nTIME-WAIT 10.0.2.2:1\norphan 1 tw 1\n1 05\n1 06\nTCP:   2 (estab 0, closed 0, orphaned 1, timewait 1)\n";
    if places::host_only() || !Path::new("/usr/bin/ss").exists() {
        return Ok(());
    }
    let listen = || TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string());
    let (ends, stays) = (listen()?, listen()?);
    let port = |listener: &TcpListener| listener.local_addr().map_or(0, |address| address.port());
    let (first, second) = (port(&ends), port(&stays));
    std::thread::spawn(move || {
        if let Ok((mut client, _)) = ends.accept() {
            let _ = client.read(&mut [0]);
        }
    });
    let kept = std::thread::spawn(move || stays.accept());
    let script = format!(
        "for p in {first} {second}; do exec 3<>/dev/tcp/10.0.2.2/$p; exec 3>&-; done; \
         until ss -Htan state time-wait | grep -q : && ss -Htan state fin-wait-2 | grep -q :; do sleep 0.1; done; \
         ss -Htan | while read s r w o p; do echo $s $p; done | sed 's/:{first}$/:1/; s/:{second}$/:2/' | sort; \
         sed -n 's/^TCP: inuse 2 \\(.*\\) alloc.*/\\1/p' /proc/net/sockstat; \
         sed -n 's/^ *[0-9]*: [^ ]* [^ ]* \\(0[56]\\) .*/\\1/p' /proc/net/tcp | sort | uniq -c | while read n s; do echo $n $s; done; ss -s | grep ^TCP:"
    );
    let mut command = Command::new(places::command()?);
    command.args(["run", "--timeout", "60", "--network", "user", "--ip", "10.0.2.15/24"]);
    for file in [
        "/usr/bin/ss",
        "/bin/sleep",
        "/bin/grep",
        "/bin/sed",
        "/usr/bin/sort",
        "/usr/bin/uniq",
    ] {
        command.args(["--file", file]);
    }
    let output = command.args(["--", "/bin/bash", "-c", &script]).output();
    let output = output.map_err(|error| error.to_string())?;
    drop(kept.join());
    let text = String::from_utf8_lossy(&output.stdout);
    if text == SHOWN {
        return Ok(());
    }
    Err(format!("{text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// Shows a question and its answer on the card, through a ring in shared memory and a filter.
fn tcpdump() -> Result<(), String> {
    const SHOWN: &str = "ARP, Request who-has 10.0.2.2 tell 10.0.2.15, length 46\n\
                         ARP, Reply 10.0.2.2 is-at 52:55:0a:00:02:02, length 50\n";
    if places::host_only() || !Path::new("/usr/bin/tcpdump").exists() {
        return Ok(());
    }
    let flood = built("flood", &["-O1", "-static", "-pthread"])?;
    let flood = flood.to_str().ok_or("a strange path")?;
    let script = format!(
        "tcpdump -Z root -n -t -c 2 -i eth0 arp 2>/log & until grep -qs listening /log; do sleep 0.1; done; {flood} >/dev/null; wait"
    );
    let mut command = Command::new(places::command()?);
    command.args([
        "run",
        "--strace",
        "--timeout",
        "60",
        "--network",
        "user",
        "--ip",
        "10.0.2.15/24",
    ]);
    for file in ["/usr/bin/tcpdump", "/bin/sleep", "/bin/grep", flood] {
        command.args(["--file", file]);
    }
    let output = command.args(["--", "/bin/sh", "-c", &script]).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let calls = String::from_utf8_lossy(&output.stderr);
    // A ring of blocks is what has so long a description.
    let has_ring = |line: &str| line.contains(", 263, 5, ") && line.ends_with(", 28) = 0");
    if text == SHOWN && calls.lines().any(has_ring) {
        return Ok(());
    }
    Err(format!("{text}\n{calls}"))
}

/// Whether tests may make network namespaces.
fn has_namespaces() -> bool {
    let tried = Command::new("unshare").args(["-n", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

fn compare(tools: &[&str], script: &str) -> Result<(), String> {
    if places::host_only() || !has_namespaces() || !tools.iter().all(|tool| Path::new(tool).exists()) {
        return Ok(());
    }
    let sockets = built("sockets", &["-O1", "-static"])?;
    let sockets = sockets.to_str().ok_or("a strange path")?;
    let script = format!("exec 2>&1; {}", script.replace("SOCKETS", sockets));
    let mut job = Job::new(["/bin/sh", "-c", &script].map(String::from).to_vec());
    job.files = tools.iter().map(|tool| (*tool).to_owned()).collect();
    job.files.push(sockets.to_owned());
    job.memory = Some("64M".to_owned());
    job.timeout = Duration::from_secs(60);
    let guest = in_guest(&job)?;
    let alone = format!(
        "ip link set lo up && exec /bin/sh -c '{}'",
        script.replace('\'', "'\\''")
    );
    job.command = ["unshare", "-n", "/bin/sh", "-c", &alone].map(String::from).to_vec();
    let host = on_host(&job)?;
    if host.stdout == guest.stdout {
        return Ok(());
    }
    Err(difference(&host, &guest))
}
