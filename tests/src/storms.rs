//! Storms that come by the network: floods of frames, clients that do not behave, very many connections. `guest/boot/stress.c` is the server, in a machine of 64 MiB; `guest/boot/storm.c` makes the storm, on the host, in a network namespace of the test's own.
//!
//! A client that behaves must be served all the while, and the kernel's memory must be what it was. Nothing is tested where the right to have a namespace is missing.
//!
//! And storms that a program makes by itself, on small machines: thousands of readers that do not read (`guest/boot/slow_readers.c`), threads and processes that come and go (`guest/boot/ended.c`).

use std::time::Duration;

use crate::bridges::in_namespace;
use crate::execute::{Job, in_guest};
use crate::machines::built;
use crate::places;
use crate::suite::Case;

/// Frames by hand: nobody's connections, pieces that never become whole, lies about who has which address, and what makes no sense at all.
const FRAMES: &str = "syn 20000 segments 10000 fragments 3000 datagrams 10000 arp 5000 discovery 5000 garbage 10000";
/// Connections that are torn off, not finished, not read, or from the same port again and again.
const CLIENTS: &str = "resets 2000 silent 1000 slow 1000 same 30 churn 2000";
/// Each opened, used and closed.
const CONNECTIONS: &str = "churn 50000";
/// All of it and more of it, and then for so long nothing that what is left of connections is forgotten.
const EVERYTHING: &str = "syn 50000 segments 50000 fragments 20000 datagrams 50000 arp 50000 discovery 50000 garbage 50000 \
     resets 20000 silent 5000 slow 3000 churn 50000 pause 70";

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, cpus, kinds) in [
        ("frames_2", 2, FRAMES),
        ("clients_1", 1, CLIENTS),
        ("clients_4", 4, CLIENTS),
        ("connections_2", 2, CONNECTIONS),
    ] {
        cases.push(Case::new(format!("storms::{name}"), move || storm(cpus, kinds)));
    }
    for (memory, cpus) in [("64M", 1), ("128M", 4)] {
        let name = format!("storms::slow_readers_{memory}");
        cases.push(Case::new(name, move || inside("slow_readers", memory, cpus)));
    }
    for cpus in [1, 4] {
        cases.push(Case::new(format!("storms::ended_{cpus}"), move || {
            inside("ended", "64M", cpus)
        }));
    }
    for cpus in [1, 2, 4] {
        let case = Case::new(format!("storms::everything_{cpus}"), move || storm(cpus, EVERYTHING));
        cases.push(case.only_when_asked());
    }
    cases
}

fn storm(cpus: u32, kinds: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let server = built("stress", &["-O1", "-static", "-pthread"])?;
    let storm = built("storm", &["-O1"])?;
    let script = format!(
        "$CHITON network create one --internal --static >/dev/null
         $CHITON run --network one,ip=10.87.0.7/24,gateway=10.87.0.1 -m 64M --cpus {cpus} --timeout 600 -- {} 2>&1 & server=$!
         {} 10.87.0.7 ct-one {kinds}; storm=$?
         if [ $storm != 0 ]; then kill $server; fi
         wait $server; echo storm $storm, server $?; $CHITON network rm one",
        server.display(),
        storm.display(),
    );
    let Some(said) = in_namespace(&script)? else {
        return Ok(());
    };
    if !said.ends_with("storm 0, server 0\n") {
        return Err(said);
    }
    for line in said
        .lines()
        .filter(|line| line.starts_with("before") || line.starts_with("at the end"))
    {
        println!("{kinds:.30}, {cpus} CPUs: {line}");
    }
    Ok(())
}

/// A program's own storm, which it says the end of.
fn inside(name: &str, memory: &str, cpus: u32) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let program = built(name, &["-O1", "-static", "-pthread"])?;
    let mut job = Job::new(vec![program.display().to_string()]);
    job.memory = Some(memory.to_string());
    job.cpus = cpus;
    job.timeout = Duration::from_secs(300);
    let outcome = in_guest(&job)?;
    let said = String::from_utf8_lossy(&outcome.stdout);
    let last = said.lines().last().unwrap_or_default();
    if outcome.code != 0 || !["held up, and everything came", "nothing is left"].contains(&last) {
        let errors = String::from_utf8_lossy(&outcome.stderr);
        return Err(format!("exit code {}:\n{said}{errors}", outcome.code));
    }
    for line in said.lines() {
        println!("{name}, {memory}, {cpus} CPUs: {line}");
    }
    Ok(())
}
