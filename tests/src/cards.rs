//! What programs see of a card and change of it: `ethtool`, `ip link`, lengths of packets. What is expected is what Linux's `virtio_net` says, as far as there is the same here.

use std::path::Path;
use std::process::Command;

use crate::bridges::script_says;
use crate::places;
use crate::suite::Case;

const ETHTOOL: &str = "/usr/sbin/ethtool";

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    type Program = fn() -> Result<(), String>;
    let programs: [(&str, Program); 3] = [("asked", asked), ("switched", switched), ("jumbo", jumbo)];
    let case = |(name, run): (&str, Program)| Case::new(format!("cards::{name}"), run);
    programs.into_iter().map(case).collect()
}

/// What `ethtool` and `ip` are told of a card of QEMU's own network, which does nothing for the machine, and what changes when they say so.
fn asked() -> Result<(), String> {
    const SCRIPT: &str = r"exec 2>&1; for o in '' -i -l -S -g -T -P; do ethtool $o eth0; done | sed -E 's/(:\t\t?|_packets: |_bytes: )[0-9]+$/\1n/'; ethtool -a eth0 2>&1 | head -n 1; ethtool -c eth0 | grep frames: | head -n 2
        ethtool -k eth0; ethtool -k lo 2>&1 | tail -n 1; ethtool lo
        ip link set eth0 mtu 67; ip link set eth0 mtu 70000; ip link set eth0 mtu 9000 txqueuelen 50; ip link show eth0
        ip link set eth0 down; ip link set eth0 address 02:00:00:00:00:09; ip link set eth0 address 03:00:00:00:00:09; ip -d link show eth0; ip link set eth0 up
        ip link show up dev eth0 | grep -c permaddr.52:54:00:00:00:07; ip link add d0 type dummy; ip link set nothing up; ip -d link show lo | grep -o addrgenmode.eui64; ip addr show eth0 | grep -o 'inet 10.*global'";
    const SHOWN: &str = "Settings for eth0:\n\tSupported ports: [ ]\n\tSupported link modes:   Not reported\n\tSupported pause frame use: No\n\
        \tSupports auto-negotiation: No\n\tSupported FEC modes: Not reported\n\tAdvertised link modes:  Not reported\n\tAdvertised pause frame use: No\n\
        \tAdvertised auto-negotiation: No\n\tAdvertised FEC modes: Not reported\n\tSpeed: Unknown!\n\tDuplex: Unknown! (255)\n\tPort: Other\n\tPHYAD: 0\n\
        \tTransceiver: internal\n\tAuto-negotiation: off\n\tLink detected: yes\n\
        driver: virtio_net\nversion: 1.0.0\nfirmware-version: \nexpansion-rom-version: \nbus-info: virtio0\nsupports-statistics: yes\nsupports-test: no\n\
        supports-eeprom-access: no\nsupports-register-dump: no\nsupports-priv-flags: no\n\
        Channel parameters for eth0:\nPre-set maximums:\nRX:\t\tn\nTX:\t\tn\nOther:\t\tn\nCombined:\tn\nCurrent hardware settings:\nRX:\t\tn\nTX:\t\tn\n\
        Other:\t\tn\nCombined:\tn\n\n\
        NIC statistics:\n     rx_queue_0_packets: n\n     rx_queue_0_bytes: n\n     tx_queue_0_packets: n\n     tx_queue_0_bytes: n\n\
        Ring parameters for eth0:\nPre-set maximums:\nRX:\t\tn\nRX Mini:\tn\nRX Jumbo:\tn\nTX:\t\tn\nCurrent hardware settings:\nRX:\t\tn\nRX Mini:\tn\n\
        RX Jumbo:\tn\nTX:\t\tn\n\n\
        Time stamping parameters for eth0:\nCapabilities:\n\tsoftware-receive      (SOF_TIMESTAMPING_RX_SOFTWARE)\n\
        \tsoftware-system-clock (SOF_TIMESTAMPING_SOFTWARE)\nPTP Hardware Clock: none\nHardware Transmit Timestamp Modes: none\nHardware Receive Filter Modes: none\n\
        Permanent address: 52:54:00:00:00:07\nCannot get device pause settings: Operation not supported\n\
        rx-frames: 1\ntx-frames: 1\n\
        Features for eth0:\nrx-checksumming: on [fixed]\ntx-checksumming: off [fixed]\nscatter-gather: on [fixed]\ntcp-segmentation-offload: off\n\
        \ttx-tcp-segmentation: off [fixed]\n\ttx-tcp-ecn-segmentation: off [fixed]\n\ttx-tcp6-segmentation: off [fixed]\n\
        generic-segmentation-offload: on [fixed]\ngeneric-receive-offload: on\nlarge-receive-offload: off [fixed]\nrx-vlan-offload: off [fixed]\n\
        tx-vlan-offload: off [fixed]\nntuple-filters: off [fixed]\nreceive-hashing: off [fixed]\nhighdma: on [fixed]\ntx-udp-segmentation: off [fixed]\n\
        no feature info available\nSettings for lo:\n\tLink detected: yes\n\
        Error: mtu less than device minimum.\nError: mtu greater than device maximum.\n\
        2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9000 qdisc pfifo_fast state UP mode DEFAULT group default qlen 50\n\
        \x20   link/ether 52:54:00:00:00:07 brd ff:ff:ff:ff:ff:ff\nRTNETLINK answers: Cannot assign requested address\n\
        2: eth0: <BROADCAST,MULTICAST> mtu 9000 qdisc pfifo_fast state DOWN mode DEFAULT group default qlen 50\n\
        \x20   link/ether 02:00:00:00:00:09 brd ff:ff:ff:ff:ff:ff permaddr 52:54:00:00:00:07 promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 addrgenmode eui64 \
        numtxqueues 1 numrxqueues 1 gso_max_size 65536 gso_max_segs 65535 tso_max_size 65536 tso_max_segs 65535 gro_max_size 65536 parentbus virtio parentdev virtio0 \n\
        1\nError: Unknown device type.\nCannot find device \"nothing\"\naddrgenmode eui64\ninet 10.0.2.15/24 brd 10.0.2.255 scope global\n";
    if places::host_only() || !Path::new(ETHTOOL).exists() || !Path::new("/usr/sbin/ip").exists() {
        return Ok(());
    }
    let mut command = Command::new(places::command()?);
    command.args([
        "run",
        "--timeout",
        "100",
        "--network",
        "user,mac=52:54:00:00:00:07",
        "--ip",
        "10.0.2.15/24",
    ]);
    for file in [
        ETHTOOL,
        "/usr/sbin/ip",
        "/bin/sed",
        "/bin/grep",
        "/usr/bin/head",
        "/usr/bin/tail",
    ] {
        command.args(["--file", file]);
    }
    let output = command.args(["--", "/bin/sh", "-c", SCRIPT]).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text == SHOWN {
        return Ok(());
    }
    let different = text.lines().zip(SHOWN.lines()).find(|(is, wanted)| is != wanted);
    Err(format!(
        "{text}\n{}\n{different:?}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// What a program switches off the card and the stack do no more: on the other side of a bridge large packets become such as the interface takes, and are whole when their checksums are made here.
fn switched() -> Result<(), String> {
    if places::host_only() || !Path::new(ETHTOOL).exists() || !Path::new("/usr/bin/tcpdump").exists() {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS; $CHITON network create one --internal --static --subnet 10.98.0.0/24 >/dev/null; ip link set ct-one gro off 2>/dev/null
        /usr/bin/python3 -c '
import socket
s = socket.create_server((\"10.98.0.1\", 9000))
while True:
    c, n = s.accept()[0], 0
    while data := c.recv(65536): n += len(data)
    c.sendall(b\"%d\\n\" % n); c.close()' & server=$!
        for turn in $(seq 300); do ss -tln | grep -q :9000 && break; sleep 0.1; done
        tcpdump -Z root -n -U -s 100 -i ct-one -w packets 'src 10.98.0.2 and tcp' 2>said & dump=$!
        until grep -qs listening said; do sleep 0.1; done
        $CHITON run --network one,ip=10.98.0.2/24 --timeout 200 --file /usr/sbin/ethtool --file /bin/bash --file /bin/sed --file /usr/bin/head -- /bin/bash -c '
            send() { exec 3<>/dev/tcp/10.98.0.1/9000; head -c 300000 /dev/zero >&3; echo >&3; exec 3>&-; }
            round() { send; ethtool -k eth0 | sed -n \"s/^tcp-seg.*: //p; s/^tx-check.*: //p; s/^generic-rec.*: //p\"; }
            round; ethtool -K eth0 tso off; round; ethtool -K eth0 tx off gro off; round; ethtool -K eth0 tx on tso on gro on; round' 2>/dev/null
        sleep 1; kill $server $dump; wait 2>/dev/null
        tcpdump -Z root -n -r packets 'tcp[tcpflags] & tcp-syn != 0' 2>/dev/null | sed 's/.*10.98.0.2.\\([0-9]*\\) >.*/\\1/' | uniq >ports
        for port in $(cat ports); do
            [ $(tcpdump -Z root -n -r packets \"src port $port and greater 1515\" 2>/dev/null | wc -l) -gt 0 ] && echo large || echo small
        done; $CHITON network rm one";
    script_says(
        script,
        "on\non\non\non\noff\non\noff\noff\noff\non\non\non\nlarge\nsmall\nsmall\nlarge\n",
    )
}

/// Packets of 9000 bytes go over a bridge that takes them, both ways, also where nobody cuts or puts together; longer ones do not, and a program may have shorter ones.
fn jumbo() -> Result<(), String> {
    if places::host_only() || !Path::new(ETHTOOL).exists() || !Path::new("/usr/bin/tcpdump").exists() {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS; head -c 3000000 /dev/urandom >big; sum=$(sha256sum <big | cut -d' ' -f1)
        $CHITON network create one --internal --static --subnet 10.98.0.0/24 --mtu 9000 >/dev/null; ip link show ct-one | grep -o 'mtu [0-9]*'; $CHITON network inspect one | grep mtu
        for mtu in 9001 100; do $CHITON run --network one,mtu=$mtu -- /bin/true 2>&1; done; ip tuntap add dev t0 mode tap; $CHITON run --network tap:t0 --mtu 2000 -- /bin/true 2>&1
        $CHITON run --network one,ip=10.98.0.2/24 --timeout 200 --package nginx-light --package netcat-openbsd --package iputils-ping --package iproute2 --package coreutils --package grep --file big:/var/www/html/big -- /bin/sh -c '
            ip link show eth0 | grep -o \"mtu [0-9]*\"; nginx; until ping -M do -c 2 -i 0.2 -s 8972 10.98.0.1 | grep -o \"2 received\"; do sleep 0.2; done
            ping -M do -c 1 -s 8973 10.98.0.1 2>&1 | grep -o \"message too long, mtu=9000\"
            nc -l 7001 | sha256sum | cut -d\" \" -f1; ip link set eth0 mtu 1400; ping -M do -c 1 -s 1400 10.98.0.1 2>&1 | grep -o \"message too long, mtu=1400\"
            ping -M do -c 2 -i 0.2 -s 1372 10.98.0.1 | grep -o \"2 received\"' >said 2>/dev/null & machine=$!
        for turn in $(seq 400); do curl -s --max-time 5 http://10.98.0.2/ >/dev/null && break; sleep 0.2; done
        tap=$(ip -o link show master ct-one | cut -d: -f2 | tr -d ' '); ethtool -K $tap tso off gso off gro off tx off >/dev/null 2>&1; ethtool -K ct-one tso off gso off gro off >/dev/null 2>&1
        ping -M do -c 2 -i 0.2 -s 8972 10.98.0.2 | grep -o '2 received'
        tcpdump -Z root -n -U -s 80 -i $tap -w packets tcp 2>dumped & dump=$!; until grep -qs listening dumped; do sleep 0.1; done
        [ $(curl -s --max-time 60 http://10.98.0.2/big | sha256sum | cut -d' ' -f1) = $sum ] && echo 'from it'
        for turn in $(seq 200); do timeout 60 nc -N 10.98.0.2 7001 <big 2>/dev/null && break; sleep 0.2; done; wait $machine; sleep 1; kill $dump; wait
        sed \"s/$sum/to it/\" said; tcpdump -Z root -n -r packets 'tcp[tcpflags] & tcp-syn != 0' 2>/dev/null | grep -c 'mss 8960' | sed 's/[1-9][0-9]*/so many at once/'
        for way in src dst; do [ $(tcpdump -Z root -n -r packets \"$way 10.98.0.2 and greater 9014\" 2>/dev/null | wc -l) -gt 50 ] && echo $way; done; $CHITON network rm one";
    script_says(
        script,
        "mtu 9000\n  \"mtu\": 9000,\nchiton: the network takes packets of 9000 bytes, and 9001 are asked for. Make another one with chiton network create --mtu 9001.\n\
         chiton: no card has packets of 100 bytes. Give a number from 1280 to 65521, such as 9000.\n\
         chiton: the interface t0 takes packets of 1500 bytes, and 2000 are asked for. Set it first with ip link set t0 mtu 2000.\n\
         2 received\nfrom it\nmtu 9000\n2 received\nmessage too long, mtu=9000\nto it\nmessage too long, mtu=1400\n2 received\nso many at once\nsrc\ndst\n",
    )
}
