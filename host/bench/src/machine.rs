//! Runs a QEMU command line and keeps what it prints.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// One instruction is one nanosecond of guest time, and nothing outside the guest makes it move.
pub(crate) const COUNTED: [&str; 4] = ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm"];

/// What a virtual machine printed, on both streams together, and whether it ended by itself.
pub(crate) struct Outcome {
    pub(crate) output: String,
    pub(crate) has_ended: bool,
}

impl Outcome {
    /// The number of instructions at a mark of the counting plugin.
    pub(crate) fn mark(&self, number: u32) -> Option<f64> {
        let prefix = format!("MARK {number} ");
        self.output
            .lines()
            .find_map(|line| line.trim().strip_prefix(&prefix)?.trim().parse().ok())
    }

    /// The time-stamp counter that `hello` printed.
    pub(crate) fn tick_at_main(&self) -> Option<f64> {
        self.output.lines().find_map(|line| {
            line.trim()
                .strip_prefix("hello from main at tick ")?
                .trim()
                .parse()
                .ok()
        })
    }

    /// The last lines, for a message.
    pub(crate) fn tail(&self) -> String {
        let lines: Vec<&str> = self.output.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(4)..].join("\n")
    }
}

/// Runs `command` without input and stops it after `limit`.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<Outcome, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} could not be started: {error}"))?;

    let streams = [child.stdout.take().map(reader), child.stderr.take().map(reader)];
    let has_ended = wait(&mut child, limit)?;
    let mut output = String::new();
    for stream in streams.into_iter().flatten() {
        output.push_str(&stream.join().unwrap_or_default());
        output.push('\n');
    }
    Ok(Outcome { output, has_ended })
}

/// Collects a stream in a thread of its own, so that neither stream can block the other.
fn reader(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // An error ends the stream; what came before it counts.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child, limit: Duration) -> Result<bool, String> {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return Ok(true),
            Ok(None) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                child
                    .kill()
                    .map_err(|error| format!("a virtual machine could not be stopped: {error}"))?;
                let _ = child.wait();
                return Ok(false);
            }
            Err(error) => return Err(format!("a virtual machine was lost: {error}")),
        }
    }
}

/// The smallest value in `low..=high` for which `works` holds, if it holds for `high`, assuming that more never hurts.
pub(crate) fn smallest(low: u64, high: u64, mut works: impl FnMut(u64) -> bool) -> Option<u64> {
    if !works(high) {
        return None;
    }
    let (mut fails, mut holds) = (low.saturating_sub(1), high);
    while holds - fails > 1 {
        let middle = fails + (holds - fails) / 2;
        if works(middle) { holds = middle } else { fails = middle }
    }
    Some(holds)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{Outcome, run, smallest};

    #[test]
    fn marks_and_ticks_are_read() {
        let output = "hello from main at tick 1234\r\nMARK 1 845123\nTOTAL 900000\n".to_owned();
        let outcome = Outcome {
            output,
            has_ended: true,
        };
        assert_eq!(outcome.mark(1), Some(845_123.0));
        assert_eq!(outcome.mark(2), None);
        assert_eq!(outcome.tick_at_main(), Some(1234.0));
    }

    #[test]
    fn bisection_finds_the_edge() {
        assert_eq!(smallest(1, 64, |value| value >= 23), Some(23));
        assert_eq!(smallest(1, 64, |_| true), Some(1));
        assert_eq!(smallest(1, 64, |value| value >= 64), Some(64));
        assert_eq!(smallest(1, 64, |_| false), None);
    }

    #[test]
    fn what_does_not_end_is_stopped() {
        let outcome = run(
            Command::new("sh").args(["-c", "echo begun; exec sleep 60"]),
            Duration::from_millis(300),
        )
        .unwrap();
        assert!(!outcome.has_ended);
        assert_eq!(outcome.tail(), "begun");
    }
}
