//! A soak: nginx and redis in one machine, under the load of `guest/boot/soak.c`, which tears connections off at any moment. No error may come that Linux would not give, and the kernel's memory in the last minute may not be more than in the first.
//!
//! Three minutes by default; `CHITON_SOAK` says otherwise in seconds, and the longer case takes an hour. Nothing is tested where the right to have a network namespace or the packages are missing.

use std::env;

use crate::bridges::in_namespace;
use crate::machines::built;
use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("soak::short", || soak(2, 180)),
        Case::new("soak::hour_2", || soak(2, 3600)).only_when_asked(),
        Case::new("soak::quarter_of_an_hour_4", || soak(4, 900)).only_when_asked(),
    ]
}

/// What the machine runs: both servers, and every five seconds a line about memory.
const SERVERS: &str = "busybox ln -sf /dev/null /var/log/nginx/access.log
    busybox head -c 1000000 /dev/zero > /var/www/html/big
    nginx -g \"daemon off;\" &
    redis-server --bind 0.0.0.0 --protected-mode no --save \"\" --maxmemory 40mb >/dev/null &
    while busybox sleep 5; do echo memory $(busybox grep -E \"MemFree|Slab|KernelStack\" /proc/meminfo) $(busybox grep TCP: /proc/net/sockstat); done";

/// Lines about memory in a minute.
const MINUTE: usize = 12;
/// What the kernel's memory differs by from minute to minute, in kB, with what is under way in it.
const SLACK: u64 = 1024;

fn soak(cpus: u32, seconds: u64) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let seconds = env::var("CHITON_SOAK")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(seconds);
    let load = built("soak", &["-O1"])?;
    let script = format!(
        "echo 1 > /proc/sys/net/ipv4/tcp_tw_reuse
         $CHITON network create one --internal --static >/dev/null
         $CHITON run --network one,ip=10.87.0.7/24 -m 256M --cpus {cpus} --timeout {} --package nginx-light --package redis-server \
             --file /bin/busybox -- /bin/sh -c '{SERVERS}' 2>&1 & server=$!
         {} 10.87.0.7 {seconds} 16; echo \"soak $?\"; kill $server; wait $server; $CHITON network rm one",
        seconds + 120,
        load.display(),
    );
    let Some(said) = in_namespace(&script)? else {
        return Ok(());
    };
    let minutes = [minute(&said, false), minute(&said, true)];
    let [Some(first), Some(last)] = minutes else {
        return Err(said);
    };
    let counted = said.lines().rfind(|line| line.contains(" pages, ")).unwrap_or_default();
    println!(
        "{seconds} s, {cpus} CPUs: {counted}; the kernel's objects took {first} kB in the first minute, {last} kB in the last"
    );
    if !said.lines().any(|line| line == "soak 0") || said.contains("panic") || last > first + SLACK {
        return Err(said);
    }
    Ok(())
}

/// The mean of what the kernel's objects took in the first or the last minute of the load, without the bytes of streams that happened to be under way.
fn minute(said: &str, last: bool) -> Option<u64> {
    // Lines that were said before the load began or after its end tell of nothing.
    let busy = said.lines().take_while(|line| !line.starts_with("soak "));
    let taken = |line: &str| {
        let number = |behind: &str| {
            line.split(behind)
                .nth(1)?
                .split_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
        };
        Some(number("Slab:")?.saturating_sub(4 * number(" mem ")?))
    };
    let all: Vec<u64> = busy
        .filter(|line| line.starts_with("memory "))
        .filter_map(taken)
        .collect();
    // The first few seconds are those of the start.
    let all = all.get(2..)?;
    let part = if last {
        all.get(all.len().saturating_sub(MINUTE)..)?
    } else {
        all.get(..MINUTE.min(all.len()))?
    };
    Some(part.iter().sum::<u64>() / part.len().max(1) as u64)
}
