//! Clients from Debian's packages, unmodified, in a machine, and real servers on the host's side of a bridge in a network namespace: curl, wget,
//! dig, ping, tcpdump, nc, ss, ip and iperf3, over IPv4 and IPv6. A second machine is reached by its name. The scripts are in `tests/servers`.
//!
//! Nothing is tested where the right to have a network namespace is missing.

use crate::bridges::in_namespace;
use crate::places;
use crate::servers::prepared;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("clients::bridge", || bridge(1)),
        Case::new("longer::clients", || bridge(10)).only_when_asked(),
    ]
}

/// What the clients and the host find in one round.
const FOUND: &str = "\
curl: right
curl by IPv6: right
curl by TLS: right
404
Failed to connect to 10.87.0.1 port 9 Couldn't connect to server
wget: right
wget by IPv6: right
wget by TLS: right
dig: the same by TCP, and back
status: REFUSED
<title>Welcome to nginx!</title>
3 came back, 0% lost
2 came back, 0% lost
3 came back, 0% lost
2 came back, 0% lost
2 came back, 0% lost
Destination Host Unreachable
0 packets dropped by kernel
IP own > 10.87.0.1: ICMP echo request, id N, seq 1, length 64
IP 10.87.0.1 > own: ICMP echo reply, id N, seq 1, length 64
IP own > 10.87.0.1: ICMP echo request, id N, seq 2, length 64
IP 10.87.0.1 > own: ICMP echo reply, id N, seq 2, length 64
Flags [S.], [mss 1460,sackOK,TS,nop,wscale
nc and back: right
ss: 0 0 10.87.0.1:8080
iperf3: 1 1 1
";

const BEFORE: &str = "UP\nown/24\nfd00:87::5054:ff:fe00:8/64\ndev eth0\n";
const AFTER: &str = "the clients ended with 0\n3 came back, 0% lost\n3 came back, 0% lost\nthe file\n2\n";

fn bridge(rounds: usize) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let scripts = places::root().join("tests/servers");
    let script = format!(
        "cd {}; SCRIPTS={scripts} ROUNDS={rounds}; . {scripts}/outside.sh",
        prepared()?.display(),
        scripts = scripts.display(),
    );
    let wanted = format!("{BEFORE}{}{AFTER}", FOUND.repeat(rounds));
    match in_namespace(&script)? {
        Some(said) if said != wanted => Err(format!("it said:\n{said}\ninstead of:\n{wanted}")),
        _ => Ok(()),
    }
}
