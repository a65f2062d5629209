//! Debian's tools that show the network, in a network namespace of Linux that has loopback only, and in Chiton without a card: they print the same.
//!
//! Where the host does not let tests make network namespaces, or has not installed a tool, its cases pass without having shown anything.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::execute::{Job, in_guest, on_host};
use crate::machines::built;
use crate::places;
use crate::suite::{Case, difference};

/// What is asked: the tools, and a script that runs them. `@` stands for the program that opens sockets (`guest/boot/sockets.c`).
const SCRIPTS: [(&str, &[&str], &str); 8] = [
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
        "for o in -tulpn -tanp -uanp; do @ ss $o | sed 's/pid=[0-9]*/pid/g; s/  */ /g' | sort; done",
    ),
    (
        "ss_local",
        &["/usr/bin/ss", "/bin/sed", "/usr/bin/sort"],
        "@ ss -xanp | sed 's/pid=[0-9]*/pid/g; s/ [1-9][0-9]* / n /g; s/  */ /g' | sort",
    ),
    (
        "netstat",
        &["/usr/bin/netstat", "/bin/sed", "/usr/bin/sort"],
        "for o in -tlpn -tuanp; do @ netstat $o | sed 's,[0-9]*/sockets,pid,; s/  */ /g' | sort; done",
    ),
    (
        "proc",
        &["/bin/cat", "/bin/sed", "/usr/bin/sort"],
        "cd /proc/net; cat route if_inet6 arp dev igmp raw packet; @ cat tcp tcp6 udp udp6 | sed 's/^ *[0-9]*: //; s/   *[0-9][0-9]* [0-9] .*//' | sort",
    ),
];

/// One case per script.
#[must_use]
pub fn cases() -> Vec<Case> {
    let case = |(name, tools, script)| Case::new(format!("network::{name}"), move || compare(tools, script));
    SCRIPTS.into_iter().map(case).collect()
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
    let script = format!("exec 2>&1; {}", script.replace('@', sockets));
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
