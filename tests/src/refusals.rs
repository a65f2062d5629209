//! What `chiton run` says about networks that cannot be had: one sentence each, before anything starts where that can be known. As root and as an ordinary user, in a network namespace whose
//! `/dev/net` everybody may use; without the right to make one the cases pass without having shown anything.

use crate::bridges::{in_namespace, script_says};
use crate::places;
use crate::suite::Case;

/// The devices, a copy of the command that everybody may start, and somebody who does; `says` shows one sentence and the exit code.
const BEGIN: &str = r#"
mount -t tmpfs none /dev/net; mknod /dev/net/tun c 10 200; chmod 666 /dev/net/tun
cd "$CHITON_NETWORKS"; chmod 755 .; mkdir -m 777 home; cp "$CHITON" command; cp "$KERNEL" kernel
export CHITON_KERNEL="$PWD/kernel" HOME="$PWD/home" XDG_CACHE_HOME="$PWD/home"
user() { setpriv --reuid 4711 --regid 4711 --clear-groups ./command "$@"; }
says() { "$@" 2>&1 >/dev/null; echo "$?"; }
"#;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let scripts = [
        ("ports", PORTS, PORTS_SAID),
        ("interfaces", INTERFACES, INTERFACES_SAID),
        ("networks", NETWORKS, NETWORKS_SAID),
    ];
    let case = |(name, script, said): (&str, &'static str, &'static str)| {
        Case::new(format!("refusals::{name}"), move || refuses(script, said))
    };
    scripts.into_iter().map(case).collect()
}

fn refuses(script: &str, said: &str) -> Result<(), String> {
    if places::host_only() || in_namespace("mount -t tmpfs none /dev/net && echo yes")?.as_deref() != Some("yes\n") {
        return Ok(());
    }
    places::command()?;
    let kernel = places::target().join("x86_64-unknown-none/kernel/chiton-kernel");
    script_says(&format!("KERNEL={}\n{BEGIN}{script}", kernel.display()), said)
}

/// Ports that are another's, root's, and of an address that is nobody's here.
const PORTS: &str = r#"
python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 & server=$!
for turn in $(seq 300); do ss -tln | grep -q :8000 && break; sleep 0.1; done
says user run -p 8000:80 -- /bin/true
says user run -p 0.0.0.0:8000:80 -- /bin/true
says user run --dry-run -p 8000:80/udp -- /bin/true
says user run -p 80:80 -- /bin/true
says user run -p 10.1.2.3:8000:80 -- /bin/true
says user run --network socket:listen=127.0.0.1:8000 -- /bin/true
kill $server"#;
const PORTS_SAID: &str = "\
chiton: port 8000/tcp of 127.0.0.1 is taken by another program. Publish on another one, or on 0 for any that is free.\n125\n\
chiton: port 8000/tcp of 0.0.0.0 is taken by another program. Publish on another one, or on 0 for any that is free.\n125\n\
0\n\
chiton: port 80/tcp of 127.0.0.1 is for root only. Publish on one from 1024, or run the command as root.\n125\n\
chiton: 10.1.2.3 is not an address of this machine. See the addresses with ip addr; 0.0.0.0 is all of them.\n125\n\
chiton: the virtual machine could not start: qemu-system-x86_64: -netdev socket,id=n0,listen=127.0.0.1:8000: can't bind ip=127.0.0.1 to socket: Address already in use. \
Give an address of this machine with a port that is free.\n122\n";

/// TAP interfaces that are another's, something else, not there, or have another user.
const INTERFACES: &str = r#"
ip tuntap add mine mode tap user 4711; ip tuntap add roots mode tap; ip tuntap add packets mode tun; ip link add one type veth peer name other
says user run --network tap -- /bin/true
for name in mine roots packets one none; do says user run --network tap:$name -- /bin/true; done
says ./command run --network tap:packets -- /bin/true
says ./command run --network tap:mine,mtu=9000 -- /bin/true
ip link set mine up; ./command run --network tap:mine --timeout 100 -- /bin/sleep 100 & machine=$!
for turn in $(seq 600); do [ "$(cat /sys/class/net/mine/carrier)" = 1 ] && break; sleep 0.1; done
says user run --network tap:mine -- /bin/true
kill $machine; wait $machine
chmod 600 /dev/net/tun; says user run --network tap:mine -- /bin/true
rm /dev/net/tun; says ./command run --network tap -- /bin/true"#;
const INTERFACES_SAID: &str = "\
chiton: a new TAP interface needs root. Name one that is yours with tap:NAME, or use --network user.\n125\n\
0\n\
chiton: the TAP interface roots is not this user's. Name another one, such as one that root makes with ip tuntap add NAME mode tap user 4711.\n125\n\
chiton: the interface packets is not a TAP interface. Name another one, such as one that root makes with ip tuntap add NAME mode tap user 4711.\n125\n\
chiton: the interface one is not a TAP interface. Name another one, such as one that root makes with ip tuntap add NAME mode tap user 4711.\n125\n\
chiton: there is no TAP interface none. Make it as root with ip tuntap add none mode tap user 4711.\n125\n\
chiton: the interface packets is not a TAP interface. Name another one, such as one that root makes with ip tuntap add NAME mode tap user 0.\n125\n\
chiton: the interface mine takes packets of 1500 bytes, and 9000 are asked for. Set it first with ip link set mine mtu 9000.\n125\n\
chiton: the virtual machine could not start: the TAP interface mine is in use already. End whoever uses it, or name another with --network tap:NAME.\n122\n\
chiton: TAP interfaces cannot be had: /dev/net/tun: permission denied. Run the command as root, or use --network user.\n125\n\
chiton: TAP interfaces cannot be had: /dev/net/tun: no such file or directory. Load the module tun as root, or use --network user.\n125\n";

/// Networks that are another's, gone, or broken, and addresses that they do not have.
const NETWORKS: &str = r#"
says ./command network create web --internal --static --subnet 10.9.0.0/16 --subnet fd00:9::/64
says user network create other; says user network rm web; says user network prune --force
says user run --network web -- /bin/true
for address in 10.9.0.1 10.8.0.7 10.9.255.255 fd00:8::7; do says ./command run --network web --ip $address -- /bin/true; done
says ./command run --network web -p 8000:80 -- /bin/true
PATH=/nothing says ./command run --network web -- /bin/true
printf '#!/bin/sh\nexec ip link set dev "$1" master ct-none up\n' >web/up; says ./command run --network web -- /bin/true
ip link delete ct-web; says ./command run --network web -- /bin/true
says ./command network rm web; says ./command run --network web -- /bin/true"#;
const NETWORKS_SAID: &str = "\
0\n\
chiton: making a network needs root. Run the command with sudo, or use --network user, which needs no rights.\n125\n\
chiton: removing a network needs root. Run the command with sudo.\n125\n\
chiton: removing networks needs root. Run the command with sudo.\n125\n\
chiton: a machine on the network web needs root, for its TAP interface. Run the command as root, or use --network user.\n125\n\
chiton: no machine on the network web can have the address 10.9.0.1. Give another one of 10.9.0.0/16 or fd00:9::/64, or none.\n125\n\
chiton: no machine on the network web can have the address 10.8.0.7. Give another one of 10.9.0.0/16 or fd00:9::/64, or none.\n125\n\
chiton: no machine on the network web can have the address 10.9.255.255. Give another one of 10.9.0.0/16 or fd00:9::/64, or none.\n125\n\
chiton: no machine on the network web can have the address fd00:8::7. Give another one of 10.9.0.0/16 or fd00:9::/64, or none.\n125\n\
chiton: -p needs a card with --network user or passt: on another network the machine has an address of its own. Connect to that address, or add --network user.\n125\n\
chiton: there is no ip on this machine. Install the package iproute2.\n125\n\
chiton: the virtual machine could not start: its TAP interface cannot be put onto the network's bridge: Error: argument \"ct-none\" is wrong: Device does not exist. \
Make the network again with chiton network rm and chiton network create.\n122\n\
chiton: the bridge of the network web is gone. Make it again with chiton network create web.\n125\n\
0\n\
chiton: --network web: there is no such network. Give user, tap, tap:NAME, passt, socket:listen=ADDRESS:PORT, socket:connect=ADDRESS:PORT, none, or a name from chiton network ls.\n125\n";
