//! Much through the standard streams: every byte arrives, apart and in order, and soon.

use std::time::Duration;

use crate::execute::{Job, in_guest, on_host};
use crate::places;
use crate::suite::Case;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("streams::megabytes", megabytes),
        Case::new("streams::escapes", escapes),
        Case::new("streams::nobody_reads", nobody_reads),
    ]
}

/// The line alone would take minutes for what takes a second.
const SOON: Duration = Duration::from_secs(60);
const LEN: usize = 4_000_000;

fn job(script: &str, stdin: Vec<u8>) -> Job {
    let words = ["/bin/sh", "-c", script].map(str::to_owned);
    let mut job = Job::new(words.into());
    job.files = vec!["/bin/cat".into()];
    job.stdin = stdin;
    job.timeout = SOON;
    job
}

fn check(script: &str, stdin: Vec<u8>) -> Result<(), String> {
    let job = job(script, stdin);
    let linux = on_host(&job)?;
    if places::host_only() {
        return Ok(());
    }
    let chiton = in_guest(&job)?;
    if chiton.code != linux.code {
        return Err(format!("{script}: exit code {} instead of {}", chiton.code, linux.code));
    }
    for (name, here, there) in [
        ("output", &linux.stdout, &chiton.stdout),
        ("error", &linux.stderr, &chiton.stderr),
    ] {
        if here != there {
            let same = here.iter().zip(there).take_while(|(one, other)| one == other).count();
            return Err(format!(
                "{script}: {} bytes of standard {name} instead of {}, alike up to {same}",
                there.len(),
                here.len()
            ));
        }
    }
    Ok(())
}

/// Bytes of every value that do not repeat soon.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..LEN).map(|_| next()).collect()
}

fn megabytes() -> Result<(), String> {
    check("/bin/cat; exit 3", noise())?;
    check("/bin/cat >&2; echo done", noise())?;
    // Both streams in one place, in turns: what comes out is what was written, in that order.
    let turns = "exec 2>&1; n=0; while [ $n -lt 2000 ]; do echo out $n 0123456789012345678901234567890123456789; echo error $n >&2; n=$((n + 1)); done";
    check(turns, Vec::new())
}

/// The byte that begins a frame, and everything that could follow it.
fn escapes() -> Result<(), String> {
    let mut bytes = b"\x10E\x10V\x10W\x10D\x10\x10".repeat(3000);
    bytes.extend([0x10; 5000]);
    check("/bin/cat", bytes)?;
    // As little as goes over the line.
    check("/bin/cat", b"\x10V\x10E\x10".to_vec())
}

/// Nobody takes the input, or only its first line: the program's end is the end.
fn nobody_reads() -> Result<(), String> {
    check("exit 5", noise())?;
    let mut lines = b"first\n".to_vec();
    lines.extend(noise());
    check("read line; echo $line", lines)
}
