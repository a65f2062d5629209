//! Settings of the kernel: `--sysctl`, and what settings of the network change on the wire and in lists. What is expected is what Debian's Linux 6.1 did at the same place, with the same other side.

use std::path::Path;
use std::process::Command;

use crate::bridges::script_says;
use crate::machines::built;
use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("settings::named", named),
        Case::new("settings::on_the_wire", on_the_wire),
        Case::new("settings::managed", managed),
        Case::new("settings::again", again),
        Case::new("settings::told", told),
    ]
}

/// `--sysctl` sets what there is before the program starts, and says what there is not.
fn named() -> Result<(), String> {
    const GOOD: [&str; 4] = [
        "net.ipv4.ip_default_ttl=77",
        "net/core/somaxconn=99",
        "net.ipv4.ip_local_port_range=20000 30000",
        "net.ipv6.conf.lo.disable_ipv6=1",
    ];
    const BAD: [(&str, &str); 6] = [
        (
            "net.nothing=1",
            "chiton: --sysctl net.nothing=1: there is no such setting\n",
        ),
        (
            "net.ipv4.ip_default_ttl=many",
            "chiton: --sysctl net.ipv4.ip_default_ttl=many: the setting has no such value\n",
        ),
        (
            "kernel.ostype=Other",
            "chiton: --sysctl kernel.ostype=Other: the setting cannot be changed\n",
        ),
        (
            "net.core.somaxconn",
            "chiton: --sysctl net.core.somaxconn: that is no setting. Write it as NAME=VALUE, such as net.core.somaxconn=1024.\n",
        ),
        (
            "=1",
            "chiton: --sysctl =1: that is no setting. Write it as NAME=VALUE, such as net.core.somaxconn=1024.\n",
        ),
        (
            "a b=1",
            "chiton: --sysctl a b=1: that is no setting. Write it as NAME=VALUE, such as net.core.somaxconn=1024.\n",
        ),
    ];
    if places::host_only() {
        return Ok(());
    }
    let run = |settings: &[&str]| {
        let mut command = Command::new(places::command()?);
        command.args(["run", "--timeout", "60", "--user", "1000"]);
        for setting in settings {
            command.args(["--sysctl", setting]);
        }
        let script = "cd /proc/sys/net; cat ipv4/ip_default_ttl core/somaxconn ipv4/ip_local_port_range ipv6/conf/lo/disable_ipv6";
        command.args(["--file", "/bin/cat", "--", "/bin/sh", "-c", script]);
        command.output().map_err(|error| error.to_string())
    };
    let said = run(&GOOD)?;
    if said.stdout != b"77\n99\n20000\t30000\n1\n" {
        return Err(format!("{said:?}"));
    }
    for (setting, expected) in BAD {
        let said = run(&[setting])?;
        let text = String::from_utf8_lossy(&said.stderr);
        if said.status.code() != Some(125) || !text.starts_with(expected) || !said.stdout.is_empty() {
            return Err(format!("{setting}: {:?}\n{text}", said.status));
        }
    }
    Ok(())
}

/// Options of segments, answers to everybody, and connections that nobody has accepted yet.
fn on_the_wire() -> Result<(), String> {
    let tools = ["/usr/bin/tcpdump", "/usr/bin/python3", "/bin/nc.openbsd", "/usr/bin/ss"];
    if places::host_only() || !tools.iter().all(|tool| Path::new(tool).exists()) {
        return Ok(());
    }
    let listen = built("listen", &["-O1", "-static"])?;
    let folder = places::root().join("tests/settings");
    let script = "cd $CHITON_NETWORKS; $CHITON network create one --internal --static --subnet 10.98.0.0/24 >/dev/null
        /usr/bin/python3 FOLDER/host.py >answers & host=$!; for turn in $(seq 300); do ss -tln | grep -q :9003 && break; sleep 0.1; done
        tcpdump -Z root -n -U -s 100 -i ct-one -w packets 'src 10.98.0.2 and tcp[tcpflags] & tcp-syn != 0 and not port 8090' 2>said & dump=$!
        until grep -qs listening said; do sleep 0.1; done
        $CHITON run --network one,ip=10.98.0.2/24 --timeout 250 --sysctl net.ipv4.icmp_echo_ignore_broadcasts=0 --file /bin/bash --file /bin/nc.openbsd:/bin/nc --file /usr/bin/ss --file /bin/sed \\
            --file /bin/grep --file /usr/bin/sort --file /usr/bin/tr --file /bin/sleep --file @listen --file FOLDER/machine.sh:/machine.sh --env LISTEN=@listen -- /bin/bash /machine.sh
        sleep 1; kill $host $dump; wait 2>/dev/null; cat answers
        tcpdump -Z root -n -t -r packets 2>/dev/null | sed -E 's/val [0-9]+ ecr [0-9]+/n/; s/wscale [0-9]+/wscale n/; s/^IP 10.98.0.2.([0-9]+) > 10.98.0.1.([0-9]+): Flags (\\[[^]]*\\]).*options (\\[[^]]*\\]).*/\\1 \\2 \\3 \\4/' |
            while read from to rest; do case $seen in *\"<$from $to>\"*) ;; *) seen=\"$seen<$from $to>\"; echo \"$from $to $rest\" | sed 's/^[0-9]* 900/900/; s/^7001 [0-9]*/7001/';; esac; done
        $CHITON network rm one";
    let script = script
        .replace("FOLDER", &folder.to_string_lossy())
        .replace("@listen", &listen.to_string_lossy());
    let (all, plain) = ("[mss 1460,sackOK,TS n,nop,wscale n]", "[mss 1460,sackOK,TS n]");
    let no_times = "[mss 1460,nop,nop,sackOK,nop,wscale n]";
    let no_selection = "[mss 1460,nop,nop,TS n,nop,wscale n]";
    let round =
        |flags: &str, options: &str| format!("9000 {flags} {options}\n9001 {flags} {options}\n7001 [S.] {options}\n");
    let rounds = [
        ("[S]", all),
        ("[S]", no_times),
        ("[S]", no_selection),
        ("[S]", plain),
        ("[SEW]", all),
        ("[S]", all),
    ];
    let rounds: String = rounds.map(|(flags, options)| round(flags, options)).concat();
    let last: String = [9002, 9002, 9003].map(|port| format!("{port} [S] {all}\n")).concat();
    let lists = "LISTEN 3 5 0.0.0.0:8090 0.0.0.0:*\nESTAB 0 0 10.98.0.2:8090 the host\nESTAB 0 0 10.98.0.2:8090 the host\nESTAB 0 0 10.98.0.2:8090 the host\n\
        LISTEN 3 5 0.0.0.0:8090 0.0.0.0:* \nSYN-RECV 0 0 10.98.0.2:8090 the host\n01 00000000:00000000\n01 00000000:00000000\n01 00000000:00000000\n03 00000000:00000000\n0A 00000000:00000003\n";
    script_says(
        &script,
        &format!("{lists}somebody answers\nnobody answers\n{rounds}{last}"),
    )
}

/// Addresses, routes and neighbours that `ip`, `ifconfig`, `route` and `arp` change: on Linux beside a card that leads nowhere, and in a machine.
fn managed() -> Result<(), String> {
    let tools = ["/usr/sbin/ip", "/usr/sbin/ifconfig", "/usr/sbin/route", "/usr/sbin/arp"];
    if places::host_only() || !tools.iter().all(|tool| Path::new(tool).exists()) {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS; unshare --net sh -c 'ip link set lo up; ip link add eth0 type veth peer name peer; ip link set eth0 addrgenmode none; ip link set peer addrgenmode none
        ip addr add 10.0.2.15/24 brd + dev eth0; ip link set peer up; ip link set eth0 up; ip route add default via 10.0.2.2; exec /bin/sh SCRIPT' >linux
        $CHITON run --network user,ip=10.0.2.15,gateway=10.0.2.2 --timeout 200 --file /usr/sbin/ip --file /usr/sbin/ifconfig --file /usr/sbin/route --file /usr/sbin/arp --file /bin/sed --file /bin/sleep --file SCRIPT -- /bin/sh SCRIPT >machine
        diff linux machine && echo the same";
    let place = places::root().join("tests/settings/managed.sh");
    script_says(&script.replace("SCRIPT", &place.to_string_lossy()), "the same\n")
}

/// A script that runs one thing (PROGRAM, with OPTIONS for the machine) on Linux and in a machine, side by side on one bridge, with SERVER of the folder as the other side, which listens at PORT; it says the differences, or what both said.
const BOTH: &str = "cd $CHITON_NETWORKS; $CHITON network create one --internal --static --subnet 10.98.0.0/24 --subnet fd00:98::/64 >/dev/null
    for last in $(seq 11 40); do ip addr add 10.98.0.$last/24 dev ct-one; ip addr add fd00:98::$last/64 dev ct-one nodad; done
    /usr/bin/python3 FOLDER/SERVER & host=$!; for turn in $(seq 300); do ss -tln | grep -q :PORT && break; sleep 0.1; done
    unshare --net sleep 300 & linux=$!; while [ $(readlink /proc/$linux/ns/net) = $(readlink /proc/self/ns/net) ]; do sleep 0.1; done
    ip link add v0 type veth peer name v1 netns $linux; ip link set v0 master ct-one up
    nsenter -t $linux -n sh -c 'ip link set lo up; ip addr add 10.98.0.3/24 dev v1; ip addr add fd00:98::3/64 dev v1 nodad; ip link set v1 up; exec PROGRAM' >linux & there=$!
    $CHITON run --network one,ip=10.98.0.2/24,ip=fd00:98::2/64 --timeout 120 OPTIONS -- PROGRAM >machine; wait $there
    kill $host $linux; wait 2>/dev/null; diff linux machine && cat machine; $CHITON network rm one";

/// Runs [`BOTH`].
fn both_say(program: &str, options: &str, (server, port): (&str, &str), expected: &str) -> Result<(), String> {
    let tools = ["/usr/bin/python3", "/usr/bin/nsenter", "/usr/bin/ss"];
    if places::host_only() || !tools.iter().all(|tool| Path::new(tool).exists()) {
        return Ok(());
    }
    let folder = places::root().join("tests/settings");
    let script = BOTH.replace("PROGRAM", program).replace("OPTIONS", options);
    let script = script.replace("SERVER", server).replace("PORT", port);
    script_says(&script.replace("FOLDER", &folder.to_string_lossy()), expected)
}

/// Who may connect again between the same two, by `tcp_tw_reuse`, `tcp_timestamps` and `tcp_rfc1337`.
fn again() -> Result<(), String> {
    let program = built("again", &["-O1", "-static"])?;
    let program = format!("{} 10.98.0.1", program.display());
    both_say(&program, "", ("again.py", "9001"), AGAIN)
}

/// How many messages are made, by `icmp_ratelimit`, `icmp_ratemask`, `icmp_msgs_per_sec` and the newer protocol's `ratelimit`.
fn told() -> Result<(), String> {
    let script = "/bin/bash FOLDER/told.sh";
    let options =
        "--file /bin/bash --file /bin/cat --file /bin/sed --file /bin/sleep --file FOLDER/told.sh:FOLDER/told.sh";
    both_say(script, options, ("told.py", "9004"), TOLD)
}

const TOLD: &str = "\
datagrams: 3
echoes: 20
datagrams: 20
datagrams: 20
echoes: 3
newer: 3
newer: 20
";

const AGAIN: &str = "\
tcp_tw_reuse 0, bound: connected, connected, not bound: Cannot assign requested address
begins 65539 further, a clock is known
not bound: connected, at once: Cannot assign requested address, later: Cannot assign requested address
tcp_tw_reuse 1, bound: connected, connected, not bound: Cannot assign requested address
begins 65539 further, a clock is known
not bound: connected, at once: Cannot assign requested address, later: connected
begins 65539 further, a clock is known
tcp_tw_reuse 2, bound: connected, connected, not bound: Cannot assign requested address
begins 65539 further, a clock is known
not bound: connected, at once: Cannot assign requested address, later: Cannot assign requested address
without times: connected, Cannot assign requested address
tcp_rfc1337 0
connected
connected again
[Errno 111] Connection refused
begins 65539 further, a clock is known
tcp_rfc1337 1
connected
connected again
timed out
begins 65539 further, a clock is known
";
