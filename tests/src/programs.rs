//! Shells, runtimes and tools at their everyday work, on Linux and in Chiton: the scripts and sources of `tests/programs`.
//!
//! Each does its rounds as often as its last argument says. Once is `programs::NAME`, which every run of the tests includes; more often is
//! `longer::NAME`, which `./chiton test --apps` runs.

use std::time::Duration;

use crate::execute::Job;
use crate::places;
use crate::source::build_go;
use crate::suite::{Case, same_on_both};

/// One program.
struct Program {
    name: &'static str,
    /// `@` at the start of a word stands for `tests/programs`; the number of rounds follows.
    command: &'static [&'static str],
    /// What it needs beside what `chiton run` finds by itself.
    files: &'static [&'static str],
    /// Whether that is [`COMPILER`] too.
    compiles: bool,
    memory: &'static str,
    /// Processors of the machine.
    cpus: u32,
    /// Rounds of the longer run.
    rounds: u32,
}

const fn program(name: &'static str, command: &'static [&'static str], memory: &'static str, rounds: u32) -> Program {
    Program {
        name,
        command,
        files: &[],
        compiles: false,
        memory,
        cpus: 2,
        rounds,
    }
}

impl Program {
    const fn on(self, cpus: u32) -> Self {
        Self { cpus, ..self }
    }

    const fn with(self, files: &'static [&'static str]) -> Self {
        Self { files, ..self }
    }

    const fn compiling(self) -> Self {
        Self { compiles: true, ..self }
    }
}

const SH: &[&str] = &["/bin/sh", "/bin/cat", "/bin/echo", "/bin/sleep", "/usr/bin/tr"];

/// What building C programs needs.
const COMPILER: &[&str] = &[
    "/usr/bin/gcc",
    "/usr/bin/cc",
    "/usr/bin/as",
    "/usr/bin/ld",
    "/usr/bin/ar",
    "/usr/lib/gcc/x86_64-linux-gnu/*/cc1",
    "/usr/lib/gcc/x86_64-linux-gnu/*/collect2",
    "/usr/lib/gcc/x86_64-linux-gnu/*/lto-wrapper",
    "/usr/lib/gcc/x86_64-linux-gnu/*/liblto_plugin.so",
    "/usr/lib/gcc/x86_64-linux-gnu/*/crt*.o",
    "/usr/lib/gcc/x86_64-linux-gnu/*/libgcc*",
    "/usr/lib/gcc/x86_64-linux-gnu/*/include",
    "/usr/lib/x86_64-linux-gnu/*crt*.o",
    "/usr/lib/x86_64-linux-gnu/libc.so",
    "/usr/lib/x86_64-linux-gnu/libc_nonshared.a",
    "/usr/include/*.h",
    "/usr/include/x86_64-linux-gnu",
    "/usr/include/linux",
    "/usr/include/asm-generic",
];

const PROGRAMS: &[Program] = &[
    program("bash", &["/bin/bash", "@/bash.sh"], "256M", 20).with(&[
        "/usr/bin/seq",
        "/bin/grep",
        "/usr/bin/sort",
        "/usr/bin/head",
        "/usr/bin/tail",
        "/usr/bin/wc",
        "/usr/bin/diff",
        "/usr/bin/tee",
        "/bin/sed",
        "/usr/bin/yes",
        "/bin/true",
        "/bin/false",
    ]),
    program("dash", &["/bin/dash", "@/dash.sh"], "256M", 20).with(&[
        "/usr/bin/seq",
        "/usr/bin/sort",
        "/usr/bin/paste",
        "/usr/bin/mkfifo",
        "/bin/rm",
        "/bin/ls",
        "/usr/bin/cut",
        "/usr/bin/find",
        "/usr/bin/xargs",
        "/usr/bin/basename",
        "/usr/bin/timeout",
        "/usr/bin/nohup",
    ]),
    program("search", &["/bin/sh", "@/search.sh"], "512M", 10).with(&[
        "/usr/bin/seq",
        "/usr/bin/xargs",
        "/bin/mkdir",
        "/usr/bin/find",
        "/bin/grep",
        "/usr/bin/wc",
        "/usr/bin/sort",
        "/usr/bin/uniq",
        "/usr/bin/sha256sum",
        "/bin/tar",
        "/bin/gzip",
    ]),
    program("make", &["/bin/sh", "@/make.sh", "@"], "512M", 4)
        .with(&[
            "/usr/bin/make",
            "/bin/cp",
            "/bin/ls",
            "/bin/rm",
            "/usr/bin/touch",
            "/bin/grep",
            "/usr/bin/sort",
            "/usr/bin/wc",
        ])
        .compiling(),
    program("cmake", &["/bin/sh", "@/cmake.sh", "@"], "512M", 4)
        .with(&[
            "/usr/bin/cmake",
            "/usr/bin/ctest",
            "/usr/share/cmake-3.25",
            "/usr/bin/ninja",
            "/usr/bin/ar",
            "/usr/bin/ranlib",
            "/usr/bin/nm",
            "/usr/bin/objdump",
            "/usr/bin/objcopy",
            "/usr/bin/readelf",
            "/usr/bin/strip",
            "/bin/cp",
            "/bin/ls",
            "/bin/rm",
            "/bin/uname",
            "/bin/grep",
            "/usr/bin/cut",
            "/usr/bin/tail",
            "/usr/bin/touch",
        ])
        .compiling(),
    program("pack", &["/bin/sh", "@/pack.sh"], "512M", 10).with(&[
        "/usr/bin/pigz",
        "/usr/bin/zstd",
        "/usr/bin/xz",
        "/usr/bin/openssl",
        "/usr/lib/ssl",
        "/etc/ssl/openssl.cnf",
        "/usr/bin/seq",
        "/usr/bin/cmp",
        "/usr/bin/wc",
        "/bin/grep",
        "/bin/rm",
    ]),
    program("sqlite", &["/bin/sh", "@/sqlite.sh"], "256M", 10).with(&[
        "/usr/bin/sqlite3",
        "/usr/bin/seq",
        "/usr/bin/sort",
        "/bin/rm",
    ]),
    program("parallel", &["/bin/sh", "@/parallel.sh"], "512M", 10).with(&[
        "/usr/bin/parallel",
        "/usr/bin/perl",
        "/usr/lib/x86_64-linux-gnu/perl-base",
        "/usr/lib/x86_64-linux-gnu/perl/5.36",
        "/usr/share/perl/5.36",
        "/usr/share/perl5",
        "/bin/ps",
        "/bin/uname",
        "/bin/mkdir",
        "/usr/bin/seq",
        "/usr/bin/sort",
        "/usr/bin/tail",
        "/usr/bin/wc",
        "/usr/bin/true",
        "/usr/bin/id",
        "/bin/rm",
        "/bin/bash",
    ]),
    program("git", &["/bin/sh", "@/git.sh"], "512M", 6).with(&[
        "/usr/bin/git",
        "/usr/bin/seq",
        "/bin/mkdir",
        "/usr/bin/head",
        "/bin/grep",
        "/usr/bin/cut",
        "/usr/bin/sort",
        "/usr/bin/uniq",
        "/bin/tar",
        "/usr/bin/wc",
    ]),
    program("python", &["/usr/bin/python3", "@/python.py"], "512M", 6).with(&["/usr/bin/seq", "/usr/bin/wc"]),
    program("node", &["/usr/bin/node", "@/node.js"], "1G", 10),
    program("java", &["/bin/sh", "@/java.sh", "@"], "1G", 10)
        .with(&[
            "/usr/lib/jvm/java-17-openjdk-amd64/bin/java",
            "/usr/lib/jvm/java-17-openjdk-amd64/bin/javac",
            "/bin/ls",
        ])
        .on(places::CPUS_FOR_JAVA),
    program("erlang", &["/bin/sh", "@/otp.sh", "@"], "512M", 10).with(&["/usr/bin/erl", "/usr/bin/erlc"]),
    program("ruby", &["/usr/bin/ruby", "@/ruby.rb"], "512M", 20),
    program("php", &["/usr/bin/php", "@/php.php"], "512M", 20),
    program("perl", &["/usr/bin/perl", "@/perl.pl"], "256M", 20).with(&["/usr/bin/sort", "/usr/bin/tail"]),
    program("lua", &["lua5.4", "@/lua.lua"], "256M", 20).with(&["/usr/bin/seq", "/usr/bin/wc"]),
    program("stress", &["/bin/sh", "@/stress.sh"], "1G", 2).with(&["/usr/bin/stress-ng", "/usr/bin/timeout"]),
    program("go", &[GOROUTINES], "512M", 10),
];

/// Stands for the program built from `goroutines.go`.
const GOROUTINES: &str = "@/goroutines.go";

/// A short and a longer case per program.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for program in PROGRAMS {
        let short = format!("programs::{}", program.name);
        cases.push(Case::new(short, || run(program, 1, Duration::from_secs(180))));
        let longer = format!("longer::{}", program.name);
        let rounds = program.rounds;
        cases.push(Case::new(longer, move || run(program, rounds, Duration::from_secs(900))).only_when_asked());
    }
    cases
}

fn run(program: &Program, rounds: u32, timeout: Duration) -> Result<(), String> {
    let place = places::root().join("tests/programs");
    let place = place.to_string_lossy();
    let mut command = Vec::new();
    for word in program.command {
        command.push(match word.strip_prefix('@') {
            Some(_) if *word == GOROUTINES => {
                let built = build_go("tests/programs/goroutines.go", "goroutines-many")?;
                built.to_string_lossy().into_owned()
            }
            Some(rest) => format!("{place}{rest}"),
            None => (*word).to_owned(),
        });
    }
    command.push(rounds.to_string());
    let mut job = Job::new(command);
    let compiler = if program.compiles { COMPILER } else { &[] };
    job.files = SH
        .iter()
        .chain(program.files)
        .chain(compiler)
        .map(|file| (*file).to_owned())
        .collect();
    job.files.push(place.into_owned());
    // Debian's programs, not what somebody put before them.
    job.env = [
        ("PATH", "/usr/bin:/bin"),
        ("HOME", "/root"),
        ("LC_ALL", "C"),
        ("TZ", "UTC"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec();
    job.workdir = Some("/tmp/work".into());
    job.cpus = program.cpus;
    job.memory = Some(program.memory.into());
    job.timeout = timeout;
    same_on_both(&job)
}
