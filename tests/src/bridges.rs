//! `chiton network`, each test in a network namespace of its own, so that the host's interfaces are never touched. Only root can do that: without it,
//! what is tested is that the command says so.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    type Program = fn() -> Result<(), String>;
    let programs: [(&str, Program); 10] = [
        ("tap", tap),
        ("chosen", chosen),
        ("server", server),
        ("newer", newer),
        ("stateful", || {
            addresses_of_servers("fd00:87::100,fd00:87::100,64,1h", "fd00:87::100", "fd00:87::100/128")
        }),
        ("stateless", || {
            addresses_of_servers(
                "fd00:87::,ra-stateless",
                "fd00:87::5054:ff:fe00:7",
                "fd00:87::5054:ff:fe00:7/64",
            )
        }),
        ("passt", passt),
        ("socket", socket),
        ("offloads", offloads),
        ("queues", queues),
    ];
    let mut cases: Vec<Case> = programs
        .into_iter()
        .map(|(name, run)| Case::new(format!("bridges::{name}"), run))
        .collect();
    for (name, script, expected) in SCRIPTS {
        cases.push(Case::new(format!("bridges::{name}"), move || {
            script_says(script, expected)
        }));
    }
    cases
}

/// Scripts in which `$CHITON` is the command, and what they print.
const SCRIPTS: [(&str, &str, &str); 6] = [
    (
        "life",
        "$CHITON network create one --internal --static --subnet fd00:87::/64; $CHITON network create one --internal --static; echo $?
         $CHITON network create two --internal --static --subnet 10.9.0.0/16 --subnet fd00:9::/64
         $CHITON network ls; ip -o addr show scope global | tr -s ' ' | cut -d' ' -f2,4 | grep ct-
         $CHITON network create six --internal --static | grep -c '^six 10.87.1.0/24 fd[0-9a-f:]*::/64$'; $CHITON network rm six
         $CHITON network rm one two; $CHITON network ls; ip -o link show type bridge; $CHITON network rm one; echo $?",
        "one 10.87.0.0/24 fd00:87::/64\n125\ntwo 10.9.0.0/16 fd00:9::/64\n\
         NAME          SUBNET              IPV6                    BRIDGE           STATE\n\
         one           10.87.0.0/24        fd00:87::/64            ct-one           up\n\
         two           10.9.0.0/16         fd00:9::/64             ct-two           up\n\
         ct-one 10.87.0.1/24\nct-one fd00:87::1/64\nct-two 10.9.0.1/16\nct-two fd00:9::1/64\n1\n\
         NAME          SUBNET              IPV6                    BRIDGE           STATE\n0\n",
    ),
    (
        "leftovers",
        "S='--internal --static --subnet fd00:87::/64'; $CHITON network create one $S; ip link delete ct-one; $CHITON network ls
         $CHITON run --network one -- /bin/true 2>&1; echo $?
         $CHITON network create one $S; rm -r \"$CHITON_NETWORKS/one\"
         $CHITON network create one $S 2>&1; $CHITON network rm one; $CHITON network create one $S",
        "one 10.87.0.0/24 fd00:87::/64\n\
         NAME          SUBNET              IPV6                    BRIDGE           STATE\n\
         one           10.87.0.0/24        fd00:87::/64            ct-one           the bridge is gone\n\
         chiton: the bridge of the network one is gone. Make it again with chiton network create one.\n125\n\
         one 10.87.0.0/24 fd00:87::/64\n\
         chiton: the bridge ct-one is left over from a network that is not written down any more. Remove it with chiton network rm one.\n\
         one 10.87.0.0/24 fd00:87::/64\n",
    ),
    (
        "subnets",
        "for subnet in 10.0.0.0 10.0.0.0/30 fd00::/48 fe80::/64 x/24; do $CHITON network create one --internal --static --subnet $subnet 2>&1; done
         $CHITON network create one --internal --static --subnet fd00:1::/64 --subnet fd00:2::/64 2>&1
         ip link add d0 type bridge; ip addr add 10.87.0.9/16 dev d0; ip link set d0 up
         $CHITON network create one --internal --static 2>&1; echo $?",
        "chiton: 10.0.0.0 is no subnet for machines. Write it as 10.1.0.0/16, with a prefix from 8 to 29.\n\
         chiton: 10.0.0.0/30 is no subnet for machines. Write it as 10.1.0.0/16, with a prefix from 8 to 29.\n\
         chiton: fd00::/48 is no IPv6 subnet for machines. Write it as fd00:87::/64, with that prefix.\n\
         chiton: fe80::/64 is no IPv6 subnet for machines. Write it as fd00:87::/64, with that prefix.\n\
         chiton: x/24 is no subnet for machines. Write it as 10.1.0.0/16, with a prefix from 8 to 29.\n\
         chiton: a network has one subnet of each protocol, and fd00:2::/64 is the second. Make another network for it.\n\
         chiton: all of 10.87.0.0/16 is in use on this machine. Give another subnet with --subnet.\n125\n",
    ),
    (
        "choices",
        "$CHITON network create one --internal --static --subnet 10.9.0.0/16 --gateway 10.9.255.254 --ipv6=false
         $CHITON network create two --internal --static --subnet 10.8.0.0/24 --subnet fd00:8::/64 --gateway fd00:8::fe --ipv6
         ip -o addr show scope global | tr -s ' ' | cut -d' ' -f2,4 | grep ct-; $CHITON network list --quiet; $CHITON network inspect one two | grep gateway
         echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
         $CHITON network create six --internal --static --ipv6 2>&1; $CHITON network create six --internal --static; $CHITON network create ten --gateway 10.1.0.1 2>&1",
        "one 10.9.0.0/16\ntwo 10.8.0.0/24 fd00:8::/64\n\
         ct-one 10.9.255.254/16\nct-two 10.8.0.1/24\nct-two fd00:8::fe/64\none\ntwo\n\
         \u{20} \"gateway\": \"10.9.255.254\",\n  \"gateway6\": null,\n  \"gateway\": \"10.8.0.1\",\n  \"gateway6\": \"fd00:8::fe\",\n\
         chiton: this host has no IPv6 on new interfaces. Set net.ipv6.conf.default.disable_ipv6 to 0, or leave --ipv6 out.\nsix 10.87.0.0/24\n\
         chiton: the gateway 10.1.0.1 is in no subnet that was given. Give that with --subnet too.\n",
    ),
    (
        "prune",
        "cd $CHITON_NETWORKS; for name in one two used; do $CHITON network create $name --internal --static >/dev/null; done
         ip tuntap add t0 mode tap; ip link set t0 master ct-used; $CHITON network prune 2>&1 </dev/null; echo n | $CHITON network prune 2>&1
         ip link delete ct-two; echo y | $CHITON network prune 2>/dev/null; $CHITON network ls -q; ls
         ip link delete t0; $CHITON network prune -f; $CHITON network prune -f 2>&1; ls; ip -o link show type bridge",
        "Remove one, two? [y/N] chiton: nothing is removed.\nRemove one, two? [y/N] chiton: nothing is removed.\none\ntwo\nused\nused\nused\n\
         chiton: there is no network without machines, so nothing is removed.\n",
    ),
    (
        "missing_tools",
        "mkdir \"$CHITON_NETWORKS/bin\"; ln -s $(command -v ip) \"$CHITON_NETWORKS/bin/ip\"; export PATH=\"$CHITON_NETWORKS/bin\"
         $CHITON network create one 2>&1; $CHITON network create one --internal 2>&1; export PATH=; $CHITON network create one --internal --static 2>&1",
        "chiton: there is neither iptables nor nft here, which a network needs to reach the world. Install the package nftables, or give --internal.\n\
         chiton: there is no dnsmasq here, which gives machines addresses and names. Install the package dnsmasq-base, or give --static.\n\
         chiton: there is no ip on this machine. Install the package iproute2.\n",
    ),
];

pub(crate) fn script_says(script: &str, expected: &str) -> Result<(), String> {
    match in_namespace(script)? {
        Some(said) if said != expected => Err(format!("it said:\n{said}\ninstead of:\n{expected}")),
        _ => Ok(()),
    }
}

/// Runs a script with a network of its own; `None` without the right to have one.
pub(crate) fn in_namespace(script: &str) -> Result<Option<String>, String> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let may = Command::new("unshare")
        .args(["--net", "true"])
        .stderr(Stdio::null())
        .status();
    if !may.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let command = places::command()?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let place = env::temp_dir().join(format!("chiton-bridges-{}-{number}", std::process::id()));
    fs::create_dir_all(&place).map_err(|error| error.to_string())?;
    let script = format!(
        "chiton() {{ {} \"$@\"; }}\nmount -t sysfs none /sys\nip link set lo up\n{script}",
        command.display()
    );
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", &script])
        .env("CHITON", command)
        .env("CHITON_NETWORKS", &place)
        .stdin(Stdio::null())
        .output();
    fs::remove_dir_all(&place).ok();
    let output = output.map_err(|error| error.to_string())?;
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// A server gives addresses of IPv6, or only tells the rest, as its router says: the machine has an address, answers, and knows whom to ask for names.
fn addresses_of_servers(range: &str, address: &str, shown: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS
        $CHITON run --network tap,mac=52:54:00:00:00:07 --timeout 100 --file /usr/sbin/ip --file /bin/grep --file /bin/sleep --file /bin/cat -- \\
            /bin/sh -c 'until ip -o -6 addr show dev eth0 | grep -o \"fd00:.* scope global\"; do sleep 0.2; done; until grep search /etc/resolv.conf; do sleep 0.2; done; cat /etc/resolv.conf; sleep 1000' >said & machine=$!
        for turn in $(seq 300); do ip link set tap0 up 2>/dev/null && break; sleep 0.1; done
        ip -6 addr add fd00:87::1/64 dev tap0 nodad
        dnsmasq --conf-file=/dev/null --port=0 --interface=tap0 --bind-dynamic --enable-ra --dhcp-range=RANGE --dhcp-option='option6:dns-server,[fd00:87::53]' \\
            --dhcp-option=option6:domain-search,lan,example.org --dhcp-leasefile=leases6 --keep-in-foreground 2>/dev/null & server=$!
        for turn in $(seq 300); do ping -6 -c 1 -W 1 ADDRESS >/dev/null 2>&1 && grep -q nameserver said && echo 'it answers' && break; sleep 0.1; done
        kill $server $machine; wait; cat said";
    let script = script.replace("RANGE", range).replace("ADDRESS", address);
    let names = "search lan example.org\n";
    let expected = format!("it answers\n{shown} scope global\n{names}{names}nameserver fd00:87::53\n");
    script_says(&script, &expected)
}

/// A machine on a network has a TAP interface on its bridge as long as it runs.
fn tap() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let script = "$CHITON network create one --internal --static >/dev/null
        $CHITON run --network one --timeout 30 -- /bin/sleep 30 & sleep=$!
        for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            found=$(ip -o link show master ct-one | grep -c tap); if [ $found = 1 ]; then break; fi; sleep 0.5
        done
        echo $found; $CHITON network rm one 2>&1 | cut -d: -f1,2; kill $sleep; wait $sleep
        ip -o link show master ct-one | grep -c tap; $CHITON network rm one; echo $?";
    script_says(script, "1\nchiton: one machine is on the network one\n0\n0\n")
}

/// A machine whose address is chosen has the prefix, the way out and the name server of its network, and one whose address is not gets none that the bridge has.
fn chosen() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let script = "$CHITON network create one --subnet 10.9.0.0/29 --gateway 10.9.0.2 --ipv6=false
        show='ip -o -4 addr show dev eth0 | tr -s \" \" | cut -d\" \" -f4; ip route show default | grep -o \"via [0-9.]*\"; cat /etc/resolv.conf; ping -c 1 -W 5 10.9.0.2 | grep -o \"1 received\"'
        for address in '--ip 10.9.0.1' ''; do
            $CHITON run --network one --mac 52:54:00:00:00:09 $address --timeout 60 --file /usr/sbin/ip --package iputils-ping --file /bin/grep --file /usr/bin/tr --file /usr/bin/cut --file /bin/cat --file /bin/sleep \\
                -- /bin/sh -c \"until ip route show default | grep -q via; do sleep 0.2; done; $show\" 2>&1 | sed 's/^10.9.0.[13-6]/HERE/'
        done; $CHITON network rm one";
    let shown = "HERE/29\nvia 10.9.0.2\nnameserver 10.9.0.2\n1 received\n";
    script_says(script, &format!("one 10.9.0.0/29\n{shown}{shown}"))
}

/// Two machines on a network reach each other, and the host's side of the bridge reaches both.
fn server() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let script = "$CHITON network create one --internal --static >/dev/null
        $CHITON run --network one,ip=10.87.0.7/24 --timeout 60 --package nginx-light -- nginx -g 'daemon off;' & server=$!
        for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            curl -s --max-time 2 -o \"$CHITON_NETWORKS/page\" http://10.87.0.7/ && break; sleep 0.5
        done
        grep -c '<title>Welcome to nginx!' \"$CHITON_NETWORKS/page\"
        $CHITON run --network one,ip=10.87.0.8/24 --timeout 30 -- curl -s --max-time 20 http://10.87.0.7/ | grep -c '<title>Welcome to nginx!'
        kill $server; wait $server; $CHITON network rm one; echo $?";
    script_says(script, "1\n1\n0\n")
}

/// Two machines on a network know each other by name over IPv6 too; what they send to others leaves as the host's where it passes on packets of IPv6, and gets nowhere at once where it does not.
fn newer() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS; unshare --net sleep 1000 & world=$!
        for turn in $(seq 100); do ip link add v0 type veth peer name v1 netns $world 2>/dev/null && break; sleep 0.1; done
        ip -6 addr add fd01::1/64 dev v0 nodad; ip link set v0 up
        nsenter -t $world -n sh -c 'ip -6 addr add fd01::2/64 dev v1 nodad; ip link set v1 up'
        $CHITON network create one --subnet fd00:87::/64 2>&1; $CHITON network inspect one | grep nat6; $CHITON network rm one
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        $CHITON network create two --subnet fd00:88::/64; $CHITON network create three --internal --subnet fd00:89::/64
        $CHITON run --network two --hostname web --timeout 200 --package nginx-light -- nginx -g 'daemon off;' 2>/dev/null & web=$!
        $CHITON run --network two --network three --hostname client --timeout 150 --package curl --package iputils-ping --package iproute2 --package grep -- /bin/sh -c '
            end=0; until curl -6 -s --max-time 5 http://web/ | grep -o \"<title>Welcome to nginx!\"; do end=$((end + 1)); [ $end = 60 ] && break; done
            ping -6 -c 2 -i 0.2 fd01::2 | grep -o \"2 received\"
            ip -6 route show default | grep -c via; grep -c fd00: /etc/resolv.conf' 2>/dev/null
        nsenter -t $world -n ip -6 route | grep -c fd00:
        kill $world $web; wait; $CHITON network rm two three; nft list tables 2>/dev/null | grep chiton; ip6tables-save 2>/dev/null | grep ct-; echo $?";
    let expected = "chiton: IPv6 on the network one ends at this host, which does not pass packets of IPv6 on. For more, set net.ipv6.conf.all.forwarding first.\n\
        one 10.87.0.0/24 fd00:87::/64\n  \"nat6\": false,\ntwo 10.87.0.0/24 fd00:88::/64\nthree 10.87.1.0/24 fd00:89::/64\n\
        <title>Welcome to nginx!\n2 received\n1\n2\n0\n1\n";
    script_says(script, expected)
}

/// passt gives the machine the host's own network, IPv6 included: published ports lead in, of both protocols, what the machine sends to its gateway ends at the host, and nothing is left of passt.
fn passt() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS; export TMPDIR=$CHITON_NETWORKS
        ip link add d0 type veth peer name d1; ip link set d1 up; ip addr add 10.99.0.1/24 dev d0; ip -6 addr add fd00:99::1/64 dev d0 nodad; ip link set d0 up
        $CHITON run --network passt -- /bin/true 2>&1 | cut -d: -f1,2; PATH=/nothing $CHITON run --network passt -- /bin/true 2>&1
        ip route add default via 10.99.0.254; ip -6 route add default via fd00:99::fe dev d0
        /usr/bin/python3 -m http.server --bind :: 8000 >/dev/null 2>&1 & host=$!
        $CHITON run --network passt -p 8080:80 -p '[::1]:8081:80' -p 5353:5354/udp --timeout 200 --package nginx-light --package netcat-openbsd --package curl \\
            --file /bin/grep --file /usr/bin/head --file /bin/sleep -- /bin/sh -c '
            nginx; for place in 10.99.0.254 [fd00:99::fe]; do
                end=0; until curl -s -g --max-time 5 http://$place:8000/ | grep -o \"<title>Directory listing\"; do end=$((end + 1)); [ $end = 60 ] && break; sleep 0.5; done
            done; nc -u -l 5354 | head -n 1' >said 2>/dev/null & machine=$!
        for place in 127.0.0.1:8080 [::1]:8081; do for turn in $(seq 300); do curl -s -g --max-time 5 http://$place/ | grep -o '<title>Welcome to nginx' && break; sleep 0.2; done; done
        for turn in $(seq 300); do kill -0 $machine 2>/dev/null || break; echo a datagram | nc -u -w 1 127.0.0.1 5353 >/dev/null; sleep 0.2; done
        kill $host; wait; cat said; ls -d chiton-passt-* 2>/dev/null; echo $?";
    script_says(
        script,
        "chiton: passt cannot start\n\
         chiton: there is no passt on this machine. Install the package passt, or use --network user.\n\
         <title>Welcome to nginx\n<title>Welcome to nginx\n<title>Directory listing\n<title>Directory listing\na datagram\n2\n",
    )
}

/// Two machines are connected by QEMU's sockets alone, without rights and without anything of the host between them.
fn socket() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS
        $CHITON run --network socket:listen=127.0.0.1:7777,ip=10.9.0.1/24,ip=fd00:9::1/64 --timeout 150 --package nginx-light -- nginx -g 'daemon off;' 2>/dev/null & server=$!
        for turn in $(seq 300); do ss -tln | grep -q :7777 && break; sleep 0.1; done
        $CHITON run --network socket:connect=127.0.0.1:7777,ip=10.9.0.2/24,ip=fd00:9::2/64 --timeout 100 --package curl --file /bin/grep --file /bin/sleep -- /bin/sh -c '
            for place in 10.9.0.1 [fd00:9::1]; do
                end=0; until curl -s -g --max-time 5 http://$place/ | grep -o \"<title>Welcome to nginx!\"; do end=$((end + 1)); [ $end = 60 ] && break; sleep 0.5; done
            done' 2>/dev/null
        kill $server; wait";
    script_says(script, "<title>Welcome to nginx!\n<title>Welcome to nginx!\n")
}

/// Large transfers over a TAP interface arrive as they were sent, both ways: with the host leaving checksums and cutting to the card, without, and with other lengths of packets on the host's side.
fn offloads() -> Result<(), String> {
    if places::host_only() || !std::path::Path::new("/usr/sbin/ethtool").exists() {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS; head -c 6000000 /dev/urandom >big; sum=$(sha256sum <big)
        $CHITON network create one --internal --static --subnet 10.98.0.0/24 >/dev/null
        $CHITON run --network one,ip=10.98.0.2/24 --cpus 2 --timeout 250 --package nginx-light --package netcat-openbsd --package coreutils --file big:/var/www/html/big -- /bin/sh -c '
            nginx; while :; do nc -l 7001 | sha256sum; done' >said 2>/dev/null & machine=$!
        for turn in $(seq 400); do curl -s --max-time 5 http://10.98.0.2/ >/dev/null && break; sleep 0.2; done
        tap=$(ip -o link show master ct-one | cut -d: -f2 | tr -d ' '); round=0
        both() {
            round=$((round + 1)); [ \"$(curl -s --max-time 60 http://10.98.0.2/big | sha256sum)\" = \"$sum\" ] && echo \"$1: from it\"
            for turn in $(seq 200); do timeout 60 nc -N 10.98.0.2 7001 <big 2>/dev/null && break; sleep 0.2; done
            for turn in $(seq 300); do [ $(wc -l <said) -ge $round ] && break; sleep 0.2; done
            [ \"$(tail -n 1 said)\" = \"$sum\" ] && echo \"$1: to it\"
        }
        both 'everything left to the card'; ethtool -k $tap | grep -c '^tcp-segmentation-offload: on'
        ethtool -K $tap tso off gso off gro off >/dev/null 2>&1; both 'nothing to cut'
        ethtool -K $tap tx off sg off >/dev/null 2>&1; both 'nothing at all'; ethtool -k $tap | grep -c '^tx-checksumming: off'
        ethtool -K $tap sg on tx on tso on gso on gro on >/dev/null 2>&1
        ip link set ct-one mtu 1400; ip link set $tap mtu 1400; both 1400
        ip link set $tap mtu 9000; ip link set ct-one mtu 9000; both 9000
        kill $machine; wait; $CHITON network rm one";
    script_says(
        script,
        "everything left to the card: from it\neverything left to the card: to it\n1\n\
         nothing to cut: from it\nnothing to cut: to it\nnothing at all: from it\nnothing at all: to it\n1\n\
         1400: from it\n1400: to it\n9000: from it\n9000: to it\n",
    )
}

/// The same with cards of other kinds than `chiton run` makes: one with two queues, of which both are used, and one that can do nothing for the machine.
fn queues() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS; head -c 6000000 /dev/urandom >big; sum=$(sha256sum <big)
        $CHITON network create one --internal --static --subnet 10.98.0.0/24 >/dev/null
        machine() {
            $CHITON run --dry-run --network one,ip=10.98.0.2/24 --cpus 2 --package nginx-light --package netcat-openbsd --package coreutils --file big:/var/www/html/big -- /bin/sh -c '
                nginx; while :; do nc -l 7001 | sha256sum; done' 2>/dev/null | sed \"s/^/exec /; $2\" >line
            sh line >said 2>/dev/null </dev/null & machine=$!
            for turn in $(seq 400); do curl -s --max-time 5 http://10.98.0.2/ >/dev/null && break; sleep 0.2; done
            for round in 1 2; do
                [ \"$(curl -s --max-time 60 http://10.98.0.2/big | sha256sum)\" = \"$sum\" ] && echo \"$1: from it\"
                for turn in $(seq 200); do timeout 60 nc -N 10.98.0.2 7001 <big 2>/dev/null && break; sleep 0.2; done
                for turn in $(seq 300); do [ $(grep -c \"$sum\" said) -ge $round ] && echo \"$1: to it\" && break; sleep 0.2; done
            done
            tap=$(ip -o link show master ct-one | cut -d: -f2 | tr -d ' '); tc -s qdisc show dev $tap parent :2 2>/dev/null | grep -c 'Sent [1-9]'
            kill $machine; wait
        }
        machine 'two queues' 's/-netdev tap,id=n0,/&queues=2,/; s/-device virtio-net-device,netdev=n0,/&mq=on,/'
        machine 'no offloads' 's/-device virtio-net-device,netdev=n0,/&csum=off,guest_csum=off,gso=off,mrg_rxbuf=off,/'
        $CHITON network rm one";
    let lines = |name: &str, queue: u32| format!("{}{queue}\n", format!("{name}: from it\n{name}: to it\n").repeat(2));
    script_says(script, &(lines("two queues", 1) + &lines("no offloads", 0)))
}
