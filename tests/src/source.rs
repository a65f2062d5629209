//! Guest programs: what their head lines ask for, and building them.
//!
//! A program's first line says what it proves. Lines that begin with `//:` after it ask for something:
//!
//! | line | meaning |
//! |---|---|
//! | `//: args one "two words"` | arguments |
//! | `//: env KEY=VALUE` | an environment variable (repeat) |
//! | `//: stdin text\n` | what standard input gives, with `\n` for line ends |
//! | `//: link dynamic` | how to link: `static` (glibc, the default), `static-pie`, `dynamic`, `musl` |
//! | `//: cflags -mavx2` | further options of the compiler |
//! | `//: cpus 4`, `//: memory 256M`, `//: timeout 60` | the machine, and how many seconds it may take; several numbers of CPUs are as many runs |
//! | `//: terminal 24x80` | standard input and output are a terminal of that size |
//! | `//: type text\n` | typed when the program prints `ready`, the first at the first `ready` (repeat); `\xNN` is any byte |
//! | `//: resize 30x100` | typed as the last thing: the terminal's new size |
//! | `//: root` | only meaningful for the superuser; left out for others |
//! | `//: linux-differs` | not compared with Linux: exit code zero is all that is asked for |

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::execute::Job;
use crate::places;
use crate::terminal::{READY, Step};

/// A guest program's source.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// Its name without extension.
    pub name: String,
    /// Only meaningful for the superuser.
    pub root: bool,
    directives: Vec<(String, String)>,
}

impl Source {
    /// Reads the head of a source file.
    ///
    /// # Errors
    /// When it cannot be read, or its first line does not say what it proves.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if !text.starts_with("// ") {
            return Err(format!(
                "{}: the first line must say what the program proves",
                path.display()
            ));
        }
        let directives: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("//: "))
            .map(|line| line.split_once(' ').unwrap_or((line, "")))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let name = path
            .file_stem()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let root = directives.iter().any(|(key, _)| key == "root");
        Ok(Self {
            path: path.to_owned(),
            name,
            root,
            directives,
        })
    }

    /// The value of the first line with that key.
    #[must_use]
    pub fn directive(&self, key: &str) -> Option<&str> {
        self.directives
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Builds the program unless it is up to date; the answer is where it lies.
    ///
    /// # Errors
    /// The compiler's messages.
    pub fn build(&self) -> Result<PathBuf, String> {
        let program = places::built()?.join(&self.name);
        let headers = ["t.h", "pty.h"].map(|name| places::root().join("guest/include").join(name));
        if newer(&program, &[&self.path, &headers[0], &headers[1]]) {
            return Ok(program);
        }
        // Under a name of its own first, so that a compiler that is interrupted leaves nothing that looks finished.
        let unfinished = program.with_extension("unfinished");
        let (compiler, link) = match self.directive("link").unwrap_or("static") {
            "static" => ("gcc", vec!["-static"]),
            "static-pie" => ("gcc", vec!["-static-pie"]),
            "dynamic" => ("gcc", vec![]),
            "musl" => ("musl-gcc", vec!["-static"]),
            other => return Err(format!("{}: unknown way to link: {other}", self.name)),
        };
        let mut command = Command::new(compiler);
        command
            .args(["-O1", "-Wall", "-Wextra", "-pthread"])
            .args(QUIET)
            .args(link);
        command.args(self.directive("cflags").unwrap_or("").split_whitespace());
        command.arg("-o").arg(&unfinished).arg(&self.path).arg("-lm");
        run_compiler(command)?;
        std::fs::rename(&unfinished, &program).map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(program)
    }

    /// The program as something to run.
    ///
    /// # Errors
    /// When it cannot be built, or a head line makes no sense.
    pub fn job(&self) -> Result<Job, String> {
        let mut job = Job::new(vec![self.build()?.to_string_lossy().into_owned()]);
        for (key, value) in &self.directives {
            match key.as_str() {
                "args" => job.command.extend(words(value)),
                "env" => match value.split_once('=') {
                    Some((name, value)) => job.env.push((name.to_owned(), value.to_owned())),
                    None => return Err(format!("{}: env needs KEY=VALUE", self.name)),
                },
                "stdin" => job.stdin = unescaped(value),
                "terminal" => job.terminal().size = size(value)?,
                "type" => job.terminal().steps.push(Step::text(READY, unescaped(value))),
                "resize" => job.terminal().steps.push(Step::size(size(value)?)),
                "cpus" => {
                    let numbers = value.split_whitespace().map(str::parse);
                    let numbers: Result<Vec<u32>, _> = numbers.collect();
                    let numbers = numbers.map_err(|_| format!("{}: cpus needs numbers", self.name))?;
                    let (first, more) = numbers.split_first().ok_or("cpus needs a number")?;
                    (job.cpus, job.more_cpus) = (*first, more.to_vec());
                }
                "memory" => job.memory = Some(value.clone()),
                "timeout" => {
                    let seconds = value
                        .parse()
                        .map_err(|_| format!("{}: timeout needs seconds", self.name))?;
                    job.timeout = Duration::from_secs(seconds);
                }
                "link" | "cflags" | "root" | "linux-differs" => {}
                other => return Err(format!("{}: unknown head line {other}", self.name)),
            }
        }
        Ok(job)
    }
}

/// Warnings about what these programs do on purpose.
const QUIET: [&str; 6] = [
    "-Wno-nonnull",
    "-Wno-unused-result",
    "-Wno-stringop-overflow",
    "-Wno-stringop-overread",
    "-Wno-format-overflow",
    "-Wno-format-truncation",
];

/// Runs a compiler.
///
/// # Errors
/// Its messages.
pub fn run_compiler(mut command: Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name} cannot be started ({error}): ./chiton test installs it"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{name}:\n{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// Builds a Go program, given by its place in the repository, unless it is up to date; where it lies.
///
/// # Errors
/// The compiler's messages.
pub fn build_go(source: &str, name: &str) -> Result<PathBuf, String> {
    let source = places::root().join(source);
    let program = places::built()?.join(name);
    if !newer(&program, &[&source]) {
        let mut command = Command::new("go");
        command.args(["build", "-o"]).arg(&program).arg(&source);
        command
            .env("CGO_ENABLED", "0")
            .env("GOCACHE", places::built()?.join("go-cache"))
            .env("GOFLAGS", "-buildvcs=false");
        run_compiler(command)?;
    }
    Ok(program)
}

/// Whether a product is newer than everything it was made from.
#[must_use]
pub fn newer(product: &Path, sources: &[&Path]) -> bool {
    let time = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    let Some(made) = time(product) else { return false };
    sources
        .iter()
        .all(|source| time(source).unwrap_or(SystemTime::UNIX_EPOCH) <= made)
}

/// Reads `24x80`.
fn size(text: &str) -> Result<(u16, u16), String> {
    let parts = text
        .split_once('x')
        .and_then(|(rows, columns)| Some((rows.parse().ok()?, columns.parse().ok()?)));
    parts.ok_or(format!("{text} is no size, which would be 24x80"))
}

/// Replaces `\n` and `\xNN`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(before.bytes());
        let hex = after
            .strip_prefix('x')
            .and_then(|hex| Some((u8::from_str_radix(hex.get(..2)?, 16).ok()?, hex.get(2..)?)));
        match (hex, after.strip_prefix('n')) {
            (Some((byte, after)), _) => {
                bytes.push(byte);
                rest = after;
            }
            (None, Some(after)) => {
                bytes.push(b'\n');
                rest = after;
            }
            (None, None) => {
                bytes.push(b'\\');
                rest = after;
            }
        }
    }
    bytes.extend(rest.bytes());
    bytes
}

/// Splits at blanks; double quotes keep words together.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::{unescaped, words};

    #[test]
    fn quotes_keep_words_together() {
        assert_eq!(words(r#"one "two words" "" last"#), ["one", "two words", "", "last"]);
    }

    #[test]
    fn bytes_and_line_ends_are_escaped() {
        assert_eq!(unescaped(r"a\nb\x03\q"), b"a\nb\x03\\q");
    }
}
