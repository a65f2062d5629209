//! CPython's own suite (Debian's `libpython3.11-testsuite`), module by module, on Linux and in Chiton, compared test by test.
//!
//! `tests/cpython/driver.py` runs a module and prints what became of each test. A test that hangs or kills the interpreter costs only itself: the
//! run goes on after it. What differs stands in `tests/cpython/differences.tsv`, each with its reason; a line whose tests no longer differ is
//! reported as well, so that the list can only tell the truth. (A line that begins with `~` is about a test that differs now and then.)

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::execute::{self, Job, Outcome};
use crate::places;
use crate::suite::Case;

/// The modules that say something about a kernel.
pub const MODULES: &[&str] = &[
    "test_wait3",
    "test_wait4",
    "test_select",
    "test_epoll",
    "test_mmap",
    "test_fcntl",
    "test_posix",
    "test_os",
    "test_time",
    "test_pathlib",
    "test_tempfile",
    "test_shutil",
    "test_pty",
    "test_selectors",
    "test_threading",
    "test_signal",
    "test_subprocess",
    "test_socket",
    "test_socketserver",
    "test_asyncio",
    "test_asyncore",
    "test_asynchat",
    "test_ssl",
    "test_httplib",
    "test_httpservers",
    "test_urllib2_localnet",
    "test_xmlrpc",
    "test_smtplib",
    "test_poplib",
    "test_imaplib",
    "test_ftplib",
    "test_telnetlib",
    "test_wsgiref",
    "test_io",
    "test_concurrent_futures",
    "test_multiprocessing_fork",
];

/// The modules that every run of the tests includes: those that take seconds.
const ALWAYS: &[&str] = &[
    "test_posix",
    "test_select",
    "test_mmap",
    "test_fcntl",
    "test_os",
    "test_tempfile",
    "test_socketserver",
    "test_asyncore",
];

/// Where Debian keeps the suite.
const SUITE: &str = "/usr/lib/python3.11/test/test_os.py";

/// What the tests start and read, beside the interpreter and its library.
const PROGRAMS: &[&str] = &[
    "/bin/bash",
    "/bin/cat",
    "/bin/echo",
    "/bin/ls",
    "/bin/sh",
    "/bin/sleep",
    "/bin/tar",
    "/bin/true",
    "/etc/protocols",
    "/etc/services",
    "/usr/bin/env",
    "/usr/bin/bzip2",
    "/usr/bin/gzip",
    "/usr/bin/id",
    "/usr/bin/tr",
    "/usr/bin/unzip",
    "/usr/bin/xz",
    "/usr/bin/zip",
];

/// How often a run may break off and go on after the test that broke it.
const RESTARTS: usize = 12;

/// One case per module that takes seconds.
#[must_use]
pub fn cases() -> Vec<Case> {
    ALWAYS
        .iter()
        .map(|module| Case::new(format!("cpython::{module}"), || check(module)))
        .collect()
}

fn check(module: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let compared = compare(module)?;
    if compared.is_good() {
        Ok(())
    } else {
        Err(compared.table())
    }
}

/// What became of one test.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct End {
    word: String,
    detail: Vec<String>,
}

/// A test that ended differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The test's name.
    pub id: String,
    /// What became of it on Linux.
    pub linux: String,
    /// What became of it in Chiton.
    pub chiton: String,
    /// The end of what Chiton's run said about it.
    pub detail: Vec<String>,
    /// Why this is expected, if it is.
    pub reason: Option<String>,
}

/// A module on both.
#[derive(Debug, Clone, Default)]
pub struct Compared {
    /// The module's name.
    pub module: String,
    /// How many tests ended alike, by how they ended.
    pub alike: BTreeMap<String, usize>,
    /// Those that did not.
    pub differ: Vec<Difference>,
    /// Lines of the list that describe no difference any more.
    pub stale: Vec<String>,
}

impl Compared {
    /// Whether the list of expected differences says exactly what was seen.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.stale.is_empty() && self.differ.iter().all(|difference| difference.reason.is_some())
    }

    /// One line.
    #[must_use]
    pub fn summary(&self) -> String {
        let alike: Vec<String> = self
            .alike
            .iter()
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        let expected = self
            .differ
            .iter()
            .filter(|difference| difference.reason.is_some())
            .count();
        format!(
            "{:<26} alike: {}; {expected} differ as listed, {} unlisted",
            self.module,
            alike.join(", "),
            self.differ.len() - expected
        )
    }

    /// What is wrong, with details.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = Vec::new();
        for difference in self.differ.iter().filter(|difference| difference.reason.is_none()) {
            lines.push(format!(
                "  {}: {} on Linux, {} in Chiton",
                difference.id, difference.linux, difference.chiton
            ));
            let skipped = difference.detail.len().saturating_sub(SHOWN);
            lines.extend(
                difference
                    .detail
                    .iter()
                    .skip(skipped)
                    .map(|line| format!("      {line}")),
            );
        }
        for line in &self.stale {
            lines.push(format!(
                "  differences.tsv lists {line}, but nothing there differs: take it out"
            ));
        }
        lines.join("\n")
    }
}

/// How many lines of a traceback are shown.
const SHOWN: usize = 16;

/// Runs a module on both and compares.
///
/// # Errors
/// When a side cannot be run at all, or the list cannot be read.
pub fn compare(module: &str) -> Result<Compared, String> {
    if !Path::new(SUITE).exists() {
        return Err(format!("{SUITE} is missing: install libpython3.11-testsuite"));
    }
    let listed = listed()?;
    let linux = run(module, execute::on_host).map_err(|why| format!("{module} on Linux: {why}"))?;
    let chiton = run(module, execute::in_guest).map_err(|why| format!("{module} in Chiton: {why}"))?;
    Ok(judge(module, &linux, &chiton, &listed))
}

fn judge(module: &str, linux: &BTreeMap<String, End>, chiton: &BTreeMap<String, End>, listed: &[Listed]) -> Compared {
    let mut compared = Compared {
        module: module.to_owned(),
        ..Compared::default()
    };
    let missing = End {
        word: "missing".to_owned(),
        detail: Vec::new(),
    };
    let extra = chiton.keys().filter(|id| !linux.contains_key(*id));
    for id in linux.keys().chain(extra) {
        let here = linux.get(id).unwrap_or(&missing);
        let there = chiton.get(id).unwrap_or(&missing);
        if here.word == there.word {
            *compared.alike.entry(here.word.clone()).or_default() += 1;
            continue;
        }
        compared.differ.push(Difference {
            id: id.clone(),
            linux: here.word.clone(),
            chiton: there.word.clone(),
            detail: there.detail.clone(),
            reason: listed
                .iter()
                .find(|line| line.is_about(id))
                .map(|line| line.reason.clone()),
        });
    }
    compared.stale = listed
        .iter()
        .filter(|line| line.always && linux.keys().any(|id| line.is_about(id)))
        .filter(|line| !compared.differ.iter().any(|difference| line.is_about(&difference.id)))
        .map(|line| line.pattern.clone())
        .collect();
    compared
}

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    /// A test's name, or the beginning of several and `*`.
    pattern: String,
    reason: String,
    /// Whether every run shows the difference.
    always: bool,
}

impl Listed {
    /// Reads `NAME<tab>REASON` or `~NAME<tab>REASON`.
    fn parse(line: &str) -> Result<Self, String> {
        match line.split_once('\t') {
            Some((name, reason)) if !reason.is_empty() => Ok(Self {
                pattern: name.trim_start_matches('~').to_owned(),
                reason: reason.to_owned(),
                always: !name.starts_with('~'),
            }),
            _ => Err(format!("differences.tsv: a line without a reason: {line}")),
        }
    }

    fn is_about(&self, id: &str) -> bool {
        let pattern = &self.pattern;
        pattern
            .strip_suffix('*')
            .map_or(pattern == id, |beginning| id.starts_with(beginning))
    }
}

fn listed() -> Result<Vec<Listed>, String> {
    let path = places::root().join("tests/cpython/differences.tsv");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(Listed::parse)
        .collect()
}

/// All tests of a module on one side, however often the run breaks off.
fn run(module: &str, on: fn(&Job) -> Result<Outcome, String>) -> Result<BTreeMap<String, End>, String> {
    let mut ends = BTreeMap::new();
    let mut last = None;
    for _ in 0..=RESTARTS {
        let outcome = on(&job(module, last.as_deref()))?;
        let report = read(&String::from_utf8_lossy(&outcome.stdout));
        ends.extend(report.ends);
        if report.complete {
            return Ok(ends);
        }
        let errors = String::from_utf8_lossy(&outcome.stderr).into_owned();
        let Some(broken) = report.unfinished else {
            return Err(format!("exit code {}: {errors}", outcome.code));
        };
        let word = match outcome.code {
            120 => "panic",
            121 => "machine died",
            _ => "broke off",
        };
        ends.insert(
            broken.clone(),
            End {
                word: word.to_owned(),
                detail: errors.lines().map(str::to_owned).collect(),
            },
        );
        last = Some(broken);
    }
    Err(format!(
        "the run broke off more than {RESTARTS} times, last in {}",
        last.unwrap_or_default()
    ))
}

fn job(module: &str, last: Option<&str>) -> Job {
    let driver = places::root()
        .join("tests/cpython/driver.py")
        .to_string_lossy()
        .into_owned();
    let mut job = Job::new(vec!["/usr/bin/python3".into(), driver.clone(), module.into()]);
    job.command.extend(last.map(str::to_owned));
    job.env = [("PATH", "/usr/bin:/bin"), ("HOME", "/root"), ("LC_ALL", "C.UTF-8")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
    // What the host does not have the guest has not either.
    let there = PROGRAMS.iter().filter(|program| Path::new(program).exists());
    job.files = there.map(|program| (*program).to_owned()).collect();
    job.files.extend(
        [
            "/usr/lib/python3.11",
            "/usr/lib/locale/C.utf8",
            "/etc/passwd",
            "/etc/group",
        ]
        .map(str::to_owned),
    );
    job.files.push(driver);
    job.workdir = Some("/tmp/work".into());
    job.cpus = 2;
    job.memory = Some("1G".into());
    job.timeout = Duration::from_secs(900);
    job
}

/// What a run printed.
#[derive(Default)]
struct Report {
    ends: BTreeMap<String, End>,
    unfinished: Option<String>,
    complete: bool,
}

fn read(text: &str) -> Report {
    let mut report = Report::default();
    let mut last = String::new();
    for line in text.lines() {
        if let Some(id) = line.strip_prefix("begin ") {
            report.unfinished = Some(id.to_owned());
        } else if let Some((id, word)) = line.strip_prefix("end ").and_then(|rest| rest.rsplit_once(' ')) {
            if report.unfinished.as_deref() == Some(id) {
                report.unfinished = None;
            }
            id.clone_into(&mut last);
            report.ends.entry(last.clone()).or_default().word = word.to_owned();
        } else if let Some(detail) = line.strip_prefix("# ") {
            report
                .ends
                .entry(last.clone())
                .or_default()
                .detail
                .push(detail.to_owned());
        } else if line == "done" {
            report.complete = true;
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::{End, Listed, judge, read};

    #[test]
    fn a_run_that_breaks_off_names_its_test() {
        let report = read("begin a\nend a ok\nbegin b\nend b error\n# why\nbegin c\n");
        assert_eq!(report.unfinished.as_deref(), Some("c"));
        assert!(!report.complete);
        let detail = vec!["why".to_owned()];
        let word = "error".to_owned();
        assert_eq!(report.ends.get("b"), Some(&End { word, detail }));
    }

    #[test]
    fn what_differs_is_listed_or_not() {
        let linux = read("end m.a ok\nend m.b ok\nend m.c skip\ndone\n").ends;
        let chiton = read("end m.a ok\nend m.b error\nend m.d ok\ndone\n").ends;
        let listed = ["m.b\twhy", "m.a*\tgone", "~m.a\tsometimes", "n.*\telsewhere"]
            .map(|line| Listed::parse(line).expect("a line"));
        let compared = judge("m", &linux, &chiton, &listed);
        assert_eq!(compared.alike.get("ok"), Some(&1));
        let unlisted: Vec<&str> = compared
            .differ
            .iter()
            .filter(|one| one.reason.is_none())
            .map(|one| one.id.as_str())
            .collect();
        assert_eq!(unlisted, ["m.c", "m.d"]);
        assert_eq!(compared.stale, ["m.a*"]);
        assert!(!compared.is_good());
    }

    #[test]
    fn a_star_means_what_begins_so() {
        let line = Listed::parse("m.X.*\twhy").expect("a line");
        assert!(line.is_about("m.X.test"));
        assert!(!line.is_about("m.Y.test"));
        assert!(Listed::parse("m.X.test").is_err());
    }
}
