//! Cases, expected failures, and making trials of both.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::execute::{self, Job, Outcome};
use crate::places;

/// One named test.
pub struct Case {
    /// Its name, `group::name`.
    pub name: String,
    /// What it does.
    pub check: Box<dyn FnOnce() -> Result<(), String> + Send>,
    /// Left out unless somebody asks for it (`--ignored`).
    pub is_longer: bool,
}

impl Case {
    /// A case from a closure.
    pub fn new(name: impl Into<String>, check: impl FnOnce() -> Result<(), String> + Send + 'static) -> Self {
        Self {
            name: name.into(),
            check: Box::new(check),
            is_longer: false,
        }
    }

    /// The same, for a case that takes longer than every change should wait for.
    #[must_use]
    pub fn only_when_asked(mut self) -> Self {
        self.is_longer = true;
        self
    }
}

/// Runs the cases that the command line selects.
#[must_use]
pub fn run(cases: Vec<Case>) -> ExitCode {
    let arguments = Arguments::from_args();
    let expected = match expected_failures() {
        Ok(expected) => expected,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    if let Some(name) = expected
        .keys()
        .find(|name| !cases.iter().any(|case| case.name == **name))
    {
        eprintln!("expected-failures.txt names {name}, which is no test");
        return ExitCode::FAILURE;
    }
    let trials = cases.into_iter().map(|case| trial(case, &expected)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(case: Case, expected: &BTreeMap<String, String>) -> Trial {
    let reason = expected.get(&case.name).cloned().filter(|_| !places::host_only());
    let (check, is_longer) = (case.check, case.is_longer);
    Trial::test(case.name, move || match (check(), reason) {
        (Ok(()), None) => Ok(()),
        (Err(why), None) => Err(Failed::from(why)),
        (Err(_), Some(_)) => Ok(()),
        (Ok(()), Some(reason)) => Err(Failed::from(format!(
            "passes now: take it out of expected-failures.txt (it stood there because: {reason})"
        ))),
    })
    .with_ignored_flag(is_longer)
}

/// Reads the list: `name: reason` per line, `#` begins a comment line.
fn expected_failures() -> Result<BTreeMap<String, String>, String> {
    let path = places::root().join("tests/expected-failures.txt");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| match line.split_once(": ") {
            Some((name, reason)) if !reason.is_empty() => Ok((name.to_owned(), reason.to_owned())),
            _ => Err(format!("expected-failures.txt: a line without a reason: {line}")),
        })
        .collect()
}

/// Runs the job on Linux and in Chiton and compares standard output and exit code.
///
/// # Errors
/// When they differ, with the difference.
pub fn same_on_both(job: &Job) -> Result<(), String> {
    let host = execute::on_host(job).map_err(|why| format!("on Linux: {why}"))?;
    let text = String::from_utf8_lossy(&host.stdout);
    if let Some(line) = text.lines().find(|line| line.ends_with(": NO")) {
        return Err(format!("the program is wrong about Linux: {line}"));
    }
    if places::host_only() {
        return Ok(());
    }
    let guest = execute::in_guest(job).map_err(|why| format!("in Chiton: {why}"))?;
    if host.stdout == guest.stdout && host.code == guest.code {
        Ok(())
    } else {
        Err(difference(&host, &guest))
    }
}

/// How many differing lines are shown.
const SHOWN: usize = 12;

pub(crate) fn difference(host: &Outcome, guest: &Outcome) -> String {
    let mut text = String::new();
    let (linux, chiton) = (
        String::from_utf8_lossy(&host.stdout),
        String::from_utf8_lossy(&guest.stdout),
    );
    if host.code != guest.code {
        writeln!(text, "exit code: {} on Linux, {} in Chiton", host.code, guest.code).ok();
    }
    let (mut left, mut right) = (linux.lines(), chiton.lines());
    let mut shown = 0;
    loop {
        let (here, there) = (left.next(), right.next());
        if here.is_none() && there.is_none() {
            break;
        }
        if here != there {
            writeln!(
                text,
                "  Linux:  {}\n  Chiton: {}",
                here.unwrap_or("(nothing)"),
                there.unwrap_or("(nothing)")
            )
            .ok();
            shown += 1;
            if shown == SHOWN || here.is_none() || there.is_none() {
                writeln!(text, "  …").ok();
                break;
            }
        }
    }
    let errors = String::from_utf8_lossy(&guest.stderr);
    for line in excerpt(&errors).lines() {
        writeln!(text, "  Chiton's standard error: {line}").ok();
    }
    text
}

/// Enough of what a program said to see why it ended: the reports of runtimes have the cause near their beginning.
pub(crate) fn excerpt(said: &str) -> String {
    const FIRST: usize = 160;
    const LAST: usize = 20;
    let lines: Vec<&str> = said.lines().collect();
    if lines.len() <= FIRST + LAST {
        return lines.join("\n");
    }
    let (first, last) = (&lines[..FIRST], &lines[lines.len() - LAST..]);
    format!("{}\n…\n{}", first.join("\n"), last.join("\n"))
}
