//! What programs send just before the machine ends arrives, peers hear of the end, and addresses are given back.

use std::path::Path;

use crate::bridges::script_says;
use crate::machines::built;
use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![Case::new("farewells::bridge", bridge)]
}

fn bridge() -> Result<(), String> {
    let tools = ["/usr/bin/python3", "/usr/sbin/dnsmasq"];
    if places::host_only() || !tools.iter().all(|tool| Path::new(tool).exists()) {
        return Ok(());
    }
    let script = "cd $CHITON_NETWORKS; $CHITON network create one --internal --subnet 10.98.1.0/24 --subnet fd00:98::/64 >/dev/null
        ip addr add fd00:98::2/64 dev ct-one nodad
        /usr/bin/python3 @host >>came & host=$!; for turn in $(seq 300); do ss -tln | grep -q :9003 && break; sleep 0.1; done
        for to in 10.98.1.1 fd00:98::2; do for what in stream datagrams family; do
            $CHITON run --network one --timeout 60 @words $what $to; echo $?
            for turn in $(seq 100); do grep -q $what came && break; sleep 0.1; done; cat came; truncate -s 0 came
        done; done
        # Another machine that says nothing has an address, and it is free afterwards.
        $CHITON run --network one --timeout 60 --file /usr/sbin/ip --file /bin/grep --file /bin/sleep -- /bin/sh -c 'until ip -4 addr show dev eth0 | grep -q inet; do sleep 0.1; done'
        for turn in $(seq 100); do grep -q ' 10.98.1' one/leases || break; sleep 0.1; done; grep -c ' 10.98.1' one/leases
        kill $host; wait 2>/dev/null; $CHITON network rm one";
    let script = script
        .replace("@words", &built("last_words", &["-O1", "-static"])?.to_string_lossy())
        .replace(
            "@host",
            &places::root().join("tests/farewells/host.py").to_string_lossy(),
        );
    let each = "5\nstream: 2000000 bytes, the end\n5\ndatagrams: all\n5\nfamily: the end\n";
    script_says(&script, &format!("{each}{each}0\n"))
}
