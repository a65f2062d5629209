//! The house rules as code: `cargo xtask tidy`.
//!
//! A rule that matters is a test. Each rule is a pure function from text to findings, so that it is tested on small samples; this module
//! collects the repository's files and prints what the rules found. Exceptions live in `tidy.toml`, each with its reason.
//!
//! | module | rules |
//! |---|---|
//! | `house` | the floors, and which crate may depend on which |
//! | `manifest` | versions only in the workspace, no git dependencies, a reason for each dependency |
//! | `unsafety` | `#![forbid(unsafe_code)]`, a `SAFETY` comment for each use of `unsafe`, the number of uses per crate |
//! | `files` | sizes, names, module heads |
//! | `words` | marks of unfinished work |
//! | `source` | (no rule) tells code from comments and strings |

mod config;
mod files;
mod house;
mod manifest;
mod source;
mod unsafety;
mod words;

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::process::Command;

use config::Config;
use source::Source;

/// One violation of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, relative to the repository.
    path: String,
    /// The line, from 1; 0 means the whole file.
    line: usize,
    /// What is wrong, and what would be right.
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl Display for Finding {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.path, self.message),
            line => write!(out, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// A text file of the repository.
struct File {
    path: String,
    text: String,
}

/// Checks every rule. `fix_counts` writes the counts of unsafe uses into `tidy.toml` instead of comparing them.
pub(crate) fn run(root: &Path, fix_counts: bool) -> Result<(), String> {
    let files = text_files(root)?;
    let config_text = find(&files, "tidy.toml").ok_or("tidy.toml is missing")?;
    let config = Config::parse(config_text).map_err(|why| format!("tidy.toml: {why}"))?;
    let workspace = find(&files, "Cargo.toml").ok_or("Cargo.toml is missing")?;
    let crates = manifest::crates(&files)?;

    let mut findings = manifest::check_workspace(workspace);
    findings.extend(house::check(&crates, &config));
    for package in &crates {
        findings.extend(manifest::check_member(&package.manifest_path, &package.manifest_text));
    }
    for file in &files {
        findings.extend(files::check_name(&file.path));
        findings.extend(files::check_size(&file.path, &file.text, &config));
        findings.extend(words::check(&file.path, &file.text));
    }

    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let source = Source::new(&file.text);
        findings.extend(files::check_head(&file.path, &file.text));
        findings.extend(unsafety::check_comments(&file.path, &source));
        if let Some(package) = house::owner(&crates, &file.path) {
            *counts.entry(package.name.clone()).or_default() += unsafety::count(&source);
            if package.is_root(&file.path) {
                findings.extend(unsafety::check_forbid(&file.path, &source, &package.name, &config));
            }
        }
    }
    counts.retain(|_, count| *count > 0);
    if fix_counts {
        let text = config::with_counts(config_text, &counts);
        std::fs::write(root.join("tidy.toml"), text).map_err(|error| format!("tidy.toml: {error}"))?;
    } else {
        findings.extend(unsafety::check_counts(&counts, &config));
    }
    report(&files, &config, &findings)
}

/// Prints the findings, and the warnings about files that grow large.
fn report(files: &[File], config: &Config, findings: &[Finding]) -> Result<(), String> {
    for file in files {
        if let Some(warning) = files::warn_size(&file.path, &file.text, config) {
            println!("warning: {warning}");
        }
    }
    for finding in findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files, nothing to report", files.len());
        Ok(())
    } else {
        Err(format!("tidy: {} findings", findings.len()))
    }
}

fn find<'a>(files: &'a [File], path: &str) -> Option<&'a str> {
    files
        .iter()
        .find(|file| file.path == path)
        .map(|file| file.text.as_str())
}

/// The text files that belong to the repository: those that git knows, and new ones that it does not ignore.
fn text_files(root: &Path) -> Result<Vec<File>, String> {
    let output = Command::new("git")
        // A checkout that belongs to another user is read like any other.
        .args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root)
        .output()
        .map_err(|error| format!("git could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "git ls-files failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }

    let mut files = Vec::new();
    for name in output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let path = String::from_utf8_lossy(name).into_owned();
        // A file that was deleted but not yet committed, a symbolic link to a folder, a binary file: none has text to check.
        if let Ok(text) = std::fs::read_to_string(root.join(&path)) {
            files.push(File { path, text });
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    files.dedup_by(|left, right| left.path == right.path);
    Ok(files)
}
