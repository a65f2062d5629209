//! Every test there is, and one line at the end that says how many passed.
//!
//! Unit tests run on the host (kernel crates on `sim`); end-to-end tests start virtual machines. Both are `cargo test`; this module adds
//! their results up, and goes on after a failure so that one run names everything that is broken.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::check::cargo;

/// Which tests to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Both kinds.
    All,
    /// Those that need no virtual machine.
    Unit,
    /// Those that start one.
    EndToEnd,
}

/// How many tests passed and failed.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

/// Runs the tests and prints the sum as the last line: an error says nothing more.
pub(crate) fn run(root: &Path, which: Which) -> Result<(), String> {
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    if which != Which::EndToEnd {
        let arguments = ["--workspace", "--exclude", "chiton-kernel", "--exclude", "chiton-tests"];
        if !cargo_test(root, &arguments, &mut tally)? {
            broken.push("unit tests");
        }
    }
    if which != Which::Unit && !cargo_test(root, &["-p", "chiton-tests"], &mut tally)? {
        broken.push("end-to-end tests");
    }

    // A test binary that does not compile or that dies prints no result line: count it as one failure, so that the sum cannot look clean.
    if !broken.is_empty() && tally.failed == 0 {
        tally.failed = 1;
    }
    if !broken.is_empty() {
        println!("failed: {}", broken.join(", "));
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if broken.is_empty() { Ok(()) } else { Err(String::new()) }
}

/// Runs the end-to-end tests whose name contains something, of which there have to be some.
pub(crate) fn named(root: &Path, name: &str) -> Result<(), String> {
    let mut tally = Tally::default();
    let all_passed = cargo_test(
        root,
        &["-p", "chiton-tests", "--test", "end_to_end", "--", name],
        &mut tally,
    )?;
    println!("{} passed, {} failed", tally.passed, tally.failed);
    match tally {
        _ if !all_passed => Err(String::new()),
        Tally { passed: 0, .. } => Err(format!("no end-to-end test has {name} in its name")),
        _ => Ok(()),
    }
}

/// CPython's own suite: the modules given, or all that say something about a kernel.
pub(crate) fn cpython(root: &Path, modules: &[&str]) -> Result<(), String> {
    let mut words = vec!["run", "--quiet", "-p", "chiton-tests", "--bin", "cpython", "--"];
    words.extend(modules);
    cargo(root, &words)
}

/// The applications that take longer than every change should wait for.
pub(crate) fn apps(root: &Path, name: &str) -> Result<(), String> {
    let filter = format!("longer::{name}");
    cargo(
        root,
        &[
            "test",
            "--quiet",
            "-p",
            "chiton-tests",
            "--test",
            "end_to_end",
            "--",
            "--ignored",
            &filter,
        ],
    )
}

/// Runs `cargo test` and passes its output on, except for the noise of crates without tests. Says whether everything passed.
fn cargo_test(root: &Path, arguments: &[&str], tally: &mut Tally) -> Result<bool, String> {
    println!("+ cargo test --no-fail-fast {}", arguments.join(" "));
    let mut child = Command::new("cargo")
        .args(["test", "--quiet", "--no-fail-fast"])
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo could not be started: {error}"))?;

    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| format!("the output of cargo test could not be read: {error}"))?;
            if let Some(result) = result_line(&line) {
                tally.passed += result.passed;
                tally.failed += result.failed;
            }
            if !is_noise(&line) {
                println!("{line}");
            }
        }
    }
    let status = child.wait().map_err(|error| format!("cargo test was lost: {error}"))?;
    Ok(status.success())
}

/// Whether a line says nothing to a reader: the frame that a test binary without tests prints.
fn is_noise(line: &str) -> bool {
    line.is_empty() || line == "running 0 tests" || line.starts_with("test result: ok. 0 passed; 0 failed;")
}

/// Reads `test result: ok. 12 passed; 0 failed; …`.
fn result_line(line: &str) -> Option<Tally> {
    let rest = line.strip_prefix("test result: ")?;
    let (_, counts) = rest.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split("; ") {
        match part.split_once(' ') {
            Some((number, "passed")) => tally.passed = number.parse().ok()?,
            Some((number, "failed")) => tally.failed = number.parse().ok()?,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::{Tally, is_noise, result_line};

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(result_line(line), Some(Tally { passed: 12, failed: 3 }));
    }

    #[test]
    fn other_lines_are_not() {
        assert_eq!(result_line("running 3 tests"), None);
        assert_eq!(result_line("test result: nonsense"), None);
    }

    #[test]
    fn empty_test_binaries_are_noise_and_failures_are_not() {
        assert!(is_noise(
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"
        ));
        assert!(!is_noise(
            "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out"
        ));
    }
}
