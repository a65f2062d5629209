//! Signals to the command end the program, as those to `docker run` do: it may do what it has to first.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::places;
use crate::suite::Case;

/// What is tried: a name, options, what the shell does, the signal, bytes of input that nobody reads, and what comes out: the code, and output.
const TRIALS: [(&str, &str, &str, &str, usize, i32, &str); 6] = [
    ("handled", "10", "trap 'echo bye; exit 3' TERM", "TERM", 0, 3, "bye\n"),
    ("unhandled", "10", ":", "TERM", 0, 143, ""),
    ("keyboard", "10", "trap 'echo bye; exit 4' INT", "INT", 0, 4, "bye\n"),
    (
        "beside_input",
        "10",
        "trap 'echo bye; exit 5' HUP",
        "HUP",
        300_000,
        5,
        "bye\n",
    ),
    ("ignored", "1", "trap '' TERM", "TERM", 0, 143, ""),
    ("at_once", "0", "trap 'echo bye; exit 3' TERM", "TERM", 0, 143, ""),
];

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let trials = TRIALS.into_iter();
    let cases = trials.map(|(name, patience, script, signal, input, code, said)| {
        Case::new(format!("stops::{name}"), move || {
            stopped(patience, script, signal, input, code, said)
        })
    });
    cases
        .chain([Case::new("stops::beside_output", beside_output)])
        .collect()
}

/// Nobody takes what the program says when the signal comes: it arrives all the same, and nothing of what was said is missing.
fn beside_output() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let text = |error: std::io::Error| error.to_string();
    let script = "trap 'echo bye >&2; exit 6' TERM; i=0; while :; do i=$((i+1)); echo $i; done";
    let mut child = Command::new(places::command()?)
        .args([
            "run",
            "--timeout",
            "120",
            "--stop-timeout",
            "60",
            "--",
            "/bin/sh",
            "-c",
            script,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(text)?;
    let mut stdout = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    stdout.read_line(&mut line).map_err(text)?;
    // Long enough for everything between to be full.
    std::thread::sleep(Duration::from_secs(3));
    let sent = Command::new("kill")
        .args(["-s", "TERM", &child.id().to_string()])
        .status();
    std::thread::sleep(Duration::from_secs(1));
    stdout.read_to_string(&mut line).map_err(text)?;
    let output = child.wait_with_output().map_err(text)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let gap = line
        .lines()
        .zip(1u64..)
        .find(|(line, number)| line.parse() != Ok(*number));
    if gap.is_none() && stderr == "bye\n" && output.status.code() == Some(6) {
        return Ok(());
    }
    Err(format!(
        "{:?} {stderr:?}, after {} bytes {gap:?}, the signal was sent: {sent:?}",
        output.status,
        line.len()
    ))
}

fn stopped(patience: &str, script: &str, signal: &str, input: usize, code: i32, said: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let text = |error: std::io::Error| error.to_string();
    let script = format!("{script}; echo up; while :; do :; done");
    let mut child = Command::new(places::command()?)
        .args([
            "run",
            "--timeout",
            "120",
            "--stop-timeout",
            patience,
            "--",
            "/bin/sh",
            "-c",
            &script,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(text)?;
    let mut stdin = child.stdin.take().ok_or("no input")?;
    // It fills what takes it, and is over when the command is.
    let writer = std::thread::spawn(move || {
        drop(stdin.write_all(&vec![b'x'; input]));
        stdin
    });
    let mut stdout = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    stdout.read_line(&mut line).map_err(text)?;
    let began = Instant::now();
    let sent = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).map_err(text)?;
    let output = child.wait_with_output().map_err(text)?;
    drop(writer);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let is_late = stderr.contains("has not ended in time");
    let fine = line == "up\n" && rest == said && output.status.code() == Some(code) && is_late == (patience == "1");
    if fine && began.elapsed() < Duration::from_secs(60) {
        return Ok(());
    }
    Err(format!(
        "{:?} {line:?} {rest:?} {stderr:?}, the signal was sent: {sent:?}",
        output.status
    ))
}
