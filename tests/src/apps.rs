//! Programs that nobody here wrote (and a Rust and a Go program, for their runtimes), on Linux and in Chiton.
//!
//! Those of [`FAMILIES`] start other programs; the rest are one process each, and their shells use built-in commands only.

mod lists;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::execute::Job;
use crate::places;
use crate::source::{build_go, newer, run_compiler};
use crate::suite::{Case, same_on_both};
use lists::{BUSYBOX, COREUTILS, FAMILIES, LANGUAGES, TOOLS};

/// One case per program and use.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, words) in COREUTILS {
        cases.push(with_data(format!("coreutils::{name}"), words));
    }
    for (name, words) in BUSYBOX {
        cases.push(with_data(format!("busybox::{name}"), words));
    }
    for (name, words) in TOOLS {
        cases.push(with_data(format!("tools::{name}"), words));
    }
    for (name, words) in LANGUAGES {
        cases.push(with_data(format!("languages::{name}"), words));
    }
    for (name, words, programs) in FAMILIES {
        cases.push(with_programs(format!("families::{name}"), words, programs));
    }
    cases.push(Case::new("apps::sqlite_10000_rows", || same_on_both(&sqlite())));
    cases.push(Case::new(
        "apps::standard_input_is_counted",
        || same_on_both(&counted()),
    ));
    cases.push(Case::new("apps::rust_gnu", || {
        same_on_both(&rust("x86_64-unknown-linux-gnu")?)
    }));
    cases.push(Case::new("apps::rust_musl", || {
        same_on_both(&rust("x86_64-unknown-linux-musl")?)
    }));
    cases.push(Case::new("apps::go", || {
        same_on_both(&compiled(&build_go("guest/go/goroutines.go", "goroutines")?))
    }));
    cases
}

/// A case over the prepared data, in a writable directory, with the words as standard input.
fn with_data(name: String, words: &'static [&'static str]) -> Case {
    with_programs(name, words, &[])
}

/// As [`with_data`], for a program that starts others.
fn with_programs(name: String, words: &'static [&'static str], programs: &'static [&'static str]) -> Case {
    Case::new(name, move || {
        let data = data()?;
        let place = data.to_string_lossy();
        let command = words
            .iter()
            .map(|word| word.replace('@', &at_sign(word, &place)))
            .collect();
        let mut job = Job::new(command);
        job.env.push(("TZ".into(), "UTC".into()));
        job.files.push(format!("{place}:{place}"));
        job.files.extend(programs.iter().map(|program| (*program).to_owned()));
        job.workdir = Some("/tmp/work".into());
        job.stdin = std::fs::read(data.join("words")).map_err(|error| error.to_string())?;
        job.timeout = Duration::from_secs(120);
        same_on_both(&job)
    })
}

/// What `@` stands for in a word: the data's place before a slash, else itself.
fn at_sign(word: &str, place: &str) -> String {
    if word.contains("@/") {
        place.to_owned()
    } else {
        "@".to_owned()
    }
}

/// The prepared data, made once.
fn data() -> Result<&'static Path, String> {
    static DATA: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    DATA.get_or_init(|| make_data().map_err(|error| format!("test data: {error}")))
        .as_deref()
        .map_err(Clone::clone)
}

fn make_data() -> std::io::Result<PathBuf> {
    let dir = places::built().map_err(std::io::Error::other)?.join("data");
    if dir.join("complete").exists() {
        return Ok(dir);
    }
    std::fs::remove_dir_all(&dir).or_else(|error| if dir.exists() { Err(error) } else { Ok(()) })?;
    std::fs::create_dir_all(dir.join("tree/sub"))?;
    let numbers: String = (0..100).map(|n| format!("{}\n", n * 37 % 101)).collect();
    let words: String = "the quick brown fox jumps over a lazy dog while eleven others wait".replace(' ', "\n") + "\n";
    let mixed: String = (0..40)
        .map(|n| format!("{}:{}:word{}\ttab{}\n", n * 7 % 13, n % 5, n, n * n))
        .collect();
    let sorted: String = (0..30).map(|n| format!("{:02}:left\n", n / 2)).collect();
    let sorted2: String = (0..30).map(|n| format!("{n:02}:right\n")).collect();
    let large: String = (0..60_000_u32)
        .map(|n| format!("{:08x}\n", n.wrapping_mul(2_654_435_761)))
        .collect();
    let binary: Vec<u8> = (0..3000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .collect();
    for (name, text) in [
        ("numbers", &numbers),
        ("words", &words),
        ("mixed", &mixed),
        ("sorted", &sorted),
        ("sorted2", &sorted2),
        ("large", &large),
    ] {
        std::fs::write(dir.join(name), text)?;
    }
    std::fs::write(dir.join("binary"), binary)?;
    std::fs::write(dir.join("pairs"), "a b\nb c\na d\nd c\n")?;
    std::fs::write(dir.join("sum.bc"), "scale = 20; 4 * a(1); 2 ^ 200\n")?;
    std::fs::write(dir.join("tree/file"), "some content\n")?;
    std::fs::write(dir.join("tree/sub/first"), "more content\n")?;
    std::os::unix::fs::symlink("sub/first", dir.join("tree/link"))?;
    for command in [
        &["gzip", "-nk", "words"][..],
        &["xz", "-k", "words"],
        &["tar", "-cf", "tree.tar", "--sort=name", "--mtime=@0", "tree"],
    ] {
        Command::new(command[0])
            .args(&command[1..])
            .current_dir(&dir)
            .status()?;
    }
    std::fs::write(dir.join("complete"), "")?;
    Ok(dir)
}

fn sqlite() -> Job {
    let mut script = String::from("create table t (id integer primary key, name text, value real);\nbegin;\n");
    for n in 0..10_000_u64 {
        let value = n * 7919 % 10_007;
        script += &format!("insert into t values ({n}, 'name-{value}', {value}.5);\n");
    }
    script += "commit;\ncreate index i on t (name);\nselect count(*), sum(value), min(name), max(name) from t;\n\
        select id, name from t where name = 'name-4242';\nselect value % 10 as k, count(*) from t group by k order by k;\n\
        delete from t where id % 3 = 0;\nselect count(*) from t;\npragma integrity_check;\n";
    let mut job = Job::new(vec!["sqlite3".into(), ":memory:".into()]);
    job.stdin = script.into_bytes();
    job.timeout = Duration::from_secs(120);
    job
}

fn counted() -> Job {
    let mut job = Job::new(vec!["/usr/bin/wc".into(), "-c".into()]);
    job.stdin = b"abc\n".to_vec();
    job
}

fn rust(target: &str) -> Result<Job, String> {
    let source = places::root().join("guest/rust/threads_and_maps.rs");
    let program = places::built()?.join(format!("threads_and_maps-{target}"));
    if !newer(&program, &[&source]) {
        let mut command = Command::new("rustc");
        command
            .current_dir(places::root())
            .args(["-O", "--edition", "2024", "--target", target, "-o"]);
        command.arg(&program).arg(&source);
        run_compiler(command)?;
    }
    Ok(compiled(&program))
}

fn compiled(program: &Path) -> Job {
    let mut job = Job::new(vec![
        program.to_string_lossy().into_owned(),
        "one".into(),
        "two words".into(),
    ]);
    job.env.push(("T_MARK".into(), "marked".into()));
    job.workdir = Some("/tmp/work".into());
    job.cpus = 2;
    job.timeout = Duration::from_secs(120);
    job
}
