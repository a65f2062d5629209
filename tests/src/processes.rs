//! What is said of processes to those who look: the tools of procps, psmisc and lsof, differential.
//!
//! The host has more processes than the guest, so each script shows only what it started itself, and only what is the same everywhere.

use std::time::Duration;

use crate::execute::{Job, in_guest};
use crate::places;
use crate::suite::{Case, same_on_both};

/// What the scripts run.
const PROGRAMS: [&str; 26] = [
    "/bin/sh",
    "/bin/sleep",
    "/bin/cat",
    "/bin/cp",
    "/bin/grep",
    "/bin/sed",
    "/usr/bin/awk",
    "/usr/bin/cut",
    "/usr/bin/env",
    "/usr/bin/free",
    "/usr/bin/head",
    "/usr/bin/killall",
    "/usr/bin/lsof",
    "/usr/bin/nice",
    "/usr/bin/pgrep",
    "/usr/bin/pidof",
    "/usr/bin/pkill",
    "/usr/bin/pmap",
    "/usr/bin/ps",
    "/usr/bin/pstree",
    "/usr/bin/pwdx",
    "/usr/bin/sort",
    "/usr/bin/tail",
    "/usr/bin/top",
    "/usr/bin/uptime",
    "/usr/bin/wc",
];

const SCRIPTS: &[(&str, &str)] = &[
    (
        "ps",
        "sleep 1000 & p=$!; until [ \"$(ps -o comm= -p $p)\" = sleep ]; do :; done\n\
         ps -o comm=,args=,user=,nlwp= -p $p; test $(ps -o ppid= -p $p) = $$ && echo mine; ps -o stat= -p $p | cut -c1\n\
         ps -ef | awk -v p=$p '$2 == p { print $1, $8, $9 }'; ps aux | awk -v p=$p '$2 == p { print $1, $11, $12, ($5 > 1000), ($6 > 100) }'\n\
         kill $p; wait $p; echo $?; ps -o comm= -p $p; echo $?",
    ),
    (
        "states",
        "sleep 1000 & p=$!; kill -STOP $p; until ps -o stat= -p $p | grep -o T; do :; done; kill -CONT $p; until ps -o stat= -p $p | grep -o S; do :; done; kill -9 $p\n\
         sh -c 'sleep 0 & exec sleep 1000' & q=$!; until ps -o stat=,comm= --ppid $q | grep -o '^Z'; do :; done; ps -o args= --ppid $q; kill $q\n\
         nice -n 7 sleep 1000 & n=$!; until [ \"$(ps -o comm= -p $n)\" = sleep ]; do :; done; test $(ps -o ni= -p $n) -ge 7 && ps -o ni=,pri= -p $n | awk '{ print $1 + $2 }'; kill $n",
    ),
    (
        "times",
        "sh -c 'while :; do :; done' & p=$!; until [ \"$(ps -o cputimes= -p $p)\" -ge 1 ]; do sleep 0.1; done; echo ran\n\
         ps -o stat= -p $p | cut -c1; test $(ps -o etimes= -p $p) -ge 1 && echo long; kill $p",
    ),
    (
        "pgrep",
        "cp /bin/sleep ./chiton-naps; ./chiton-naps 1000 & ./chiton-naps 1001 & pgrep -c -P $$ chiton-naps; pgrep -f -l -P $$ 'naps 1001' | cut -d' ' -f2\n\
         pidof chiton-naps | wc -w; pgrep -x -P $$ chiton; echo $?; pkill -P $$ -f 'naps 1000'; wait %1; echo $?; pgrep -c -P $$ chiton-naps; killall chiton-naps; wait; pgrep -P $$ chiton-naps; echo $?",
    ),
    (
        "pstree",
        "sh -c 'sleep 1000 & sleep 1001; :' & p=$!; until [ $(pgrep -c -P $p sleep) = 2 ]; do :; done; pstree $p; pstree -a $p; pstree -p $p | sed 's/[0-9][0-9]*/N/g; s/^ *//'\n\
         pkill -P $p sleep; wait",
    ),
    (
        "machine",
        "free | awk 'NR == 1 { print } NR == 2 { print $1, ($2 > 1000), ($2 >= $3 + $4), ($7 > 0) } NR == 3 { print $1 }'; uptime | grep -c 'load average: [0-9.]*, [0-9.]*, [0-9.]*$'\n\
         awk '{ print NF, ($1 > 0) }' /proc/uptime; awk '{ print NF, ($4 ~ /^[0-9]+[/][0-9]+$/) }' /proc/loadavg; grep -c '^cpu' /proc/stat | awk '{ print ($1 > 1) }'; grep '^btime' /proc/stat | awk '{ print ($2 > 1000000000) }'",
    ),
    (
        "top",
        "sleep 1000 & p=$!; until [ \"$(ps -o comm= -p $p)\" = sleep ]; do :; done; top -b -n1 -p $p | awk '/^Tasks/ { print $2, $4, $6 } /PID/ { $1 = $1; print } /sleep/ { print $2, $3, $4, $8, $12, ($5 > 1000), ($6 > 100), ($7 > 100) }'; top -b -n1 -p $p | grep -c '^%Cpu'\n\
         kill $p",
    ),
    (
        "lsof",
        "sleep 1000 < /dev/null > out 3>&1 & p=$!; until [ \"$(ps -o comm= -p $p)\" = sleep ]; do :; done; lsof -a -p $p -d cwd,rtd,txt,0,1,3 -F fat | grep -v ^p; lsof -a -p $p -d txt,0 -F n | grep -v '^[pf]'; lsof -t out | wc -l\n\
         pwdx $p | cut -d: -f2 | grep -c /; pmap $p | awk '/libc.so/ { n++ } /total/ { print (n > 2) }'; kill $p",
    ),
    (
        "limits",
        "ulimit -n 100; ulimit -f 2000; sleep 1000 & p=$!; grep -E '^Max (open|file size)|Limit' /proc/$p/limits; cat /proc/$p/oom_score_adj; echo 300 > /proc/$p/oom_score_adj; cat /proc/$p/oom_score_adj; awk '{ print ($1 > 600) }' /proc/$p/oom_score; kill $p",
    ),
];

/// One case per script.
#[must_use]
pub fn cases() -> Vec<Case> {
    let case = |&(name, script): &(&str, &'static str)| Case::new(format!("processes::{name}"), move || check(script));
    let mut cases: Vec<Case> = SCRIPTS.iter().map(case).collect();
    cases.push(Case::new("processes::every_file", every_file));
    cases.push(Case::new("processes::first", first));
    cases
}

/// Signals without a handler from others do not end the application, nor stop it, as with the first process of a container; those that it sends itself do.
fn first() -> Result<(), String> {
    const SCRIPT: &str = "sh -c 'for s in HUP TERM ALRM USR1 KILL STOP SEGV; do kill -$s 1 || echo $s; done; kill 0; echo never'; echo $?\n\
        trap 'echo caught' USR1; sh -c 'kill -USR1 1; echo sent'\n\
        kill -TERM $$; echo never";
    if places::host_only() {
        return Ok(());
    }
    let mut job = Job::new(vec!["/bin/sh".into(), "-c".into(), SCRIPT.into()]);
    job.timeout = Duration::from_secs(60);
    let outcome = in_guest(&job)?;
    let said = String::from_utf8_lossy(&outcome.stdout);
    if said == "143\nsent\ncaught\n" && outcome.code == 143 {
        return Ok(());
    }
    Err(format!(
        "{} {said}{}",
        outcome.code,
        String::from_utf8_lossy(&outcome.stderr)
    ))
}

/// Reads whatever can be read below `/proc` and `/sys`: the kernel lives on, and what the loader said is there.
fn every_file() -> Result<(), String> {
    const SCRIPT: &str = "find /proc /sys -type f ! -name kmsg ! -path '/proc/[0-9]*/task/*' >/list; \
        while read -r file; do head -c 65536 \"$file\"; done </list >/dev/null 2>&1; \
        grep -c '^chiton.arg=' /proc/cmdline; wc -l </list";
    if places::host_only() {
        return Ok(());
    }
    let mut job = Job::new(vec!["/bin/bash".into(), "-c".into(), SCRIPT.into()]);
    job.files = ["/usr/bin/find", "/usr/bin/head", "/bin/grep", "/usr/bin/wc"]
        .map(String::from)
        .to_vec();
    job.timeout = Duration::from_secs(120);
    let outcome = in_guest(&job)?;
    let said = String::from_utf8_lossy(&outcome.stdout);
    let mut numbers = said.lines().map(str::parse::<u32>);
    match (numbers.next(), numbers.next(), outcome.code) {
        (Some(Ok(1)), Some(Ok(files)), 0) if files > 100 => Ok(()),
        _ => Err(format!("{said}{}", String::from_utf8_lossy(&outcome.stderr))),
    }
}

fn check(script: &str) -> Result<(), String> {
    let mut job = Job::new(vec!["/bin/sh".into(), "-c".into(), script.into()]);
    job.env.push(("TERM".into(), "linux".into()));
    job.files = PROGRAMS.map(String::from).to_vec();
    job.files
        .extend(["/etc/passwd", "/etc/group", "/lib/terminfo/d/dumb"].map(String::from));
    job.workdir = Some("/tmp/work".into());
    job.timeout = Duration::from_secs(120);
    same_on_both(&job)
}
