//! Files: their size, their name, their head.

use super::Finding;
use super::config::Config;

const HARD_LIMIT: usize = 800;
const SOFT_LIMIT: usize = 500;

/// Names that say nothing about what a file holds.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "misc", "helper", "helpers"];

/// Kinds of files that someone wrote by hand and has to read.
const SOURCES: [&str; 9] = [".rs", ".c", ".h", ".S", ".s", ".ld", ".sh", ".py", ".go"];

fn is_source(path: &str) -> bool {
    SOURCES.iter().any(|ending| path.ends_with(ending))
}

/// A file over the hard limit has to be split, or to be listed with a reason.
pub(super) fn check_size(path: &str, text: &str, config: &Config) -> Option<Finding> {
    let lines = text.lines().count();
    let limit = config.long_files.get(path).copied().unwrap_or(HARD_LIMIT);
    (is_source(path) && lines > limit).then(|| {
        Finding::new(
            path,
            0,
            format!("{lines} lines; {limit} is the limit: split it where a second concept begins"),
        )
    })
}

/// A file over the soft limit is worth a look.
pub(super) fn warn_size(path: &str, text: &str, config: &Config) -> Option<Finding> {
    let lines = text.lines().count();
    (is_source(path) && lines > SOFT_LIMIT && lines <= HARD_LIMIT && !config.long_files.contains_key(path)).then(|| {
        Finding::new(
            path,
            0,
            format!("{lines} lines; {SOFT_LIMIT} is where a file becomes hard to read"),
        )
    })
}

/// A file is named for its concept.
pub(super) fn check_name(path: &str) -> Option<Finding> {
    let empty = path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or(part))
        .find(|stem| EMPTY_NAMES.contains(stem))?;
    Some(Finding::new(
        path,
        0,
        format!("`{empty}` says nothing; name the file for its concept"),
    ))
}

/// A Rust file begins with what it is: only attributes may stand before the `//!`.
pub(super) fn check_head(path: &str, text: &str) -> Option<Finding> {
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("#!"));
    let has_head = first.is_some_and(|line| line.strip_prefix("//!").is_some_and(|head| !head.trim().is_empty()));
    (!has_head).then(|| {
        Finding::new(
            path,
            1,
            "no `//!` head: one line that says what the file is, and more where it needs more",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{check_head, check_name, check_size, warn_size};
    use crate::tidy::config::Config;

    fn lines(count: usize) -> String {
        "x\n".repeat(count)
    }

    #[test]
    fn a_file_fails_over_eight_hundred_lines_and_warns_over_five_hundred() {
        let config = Config::default();
        assert!(check_size("a.rs", &lines(800), &config).is_none());
        assert!(check_size("a.rs", &lines(801), &config).is_some());
        assert!(warn_size("a.rs", &lines(500), &config).is_none());
        assert!(warn_size("a.rs", &lines(501), &config).is_some());
        assert!(
            check_size("Cargo.lock", &lines(2000), &config).is_none(),
            "generated files may be long"
        );
    }

    #[test]
    fn a_listed_file_has_its_own_limit() {
        let mut config = Config::default();
        config.long_files.insert("table.rs".to_owned(), 900);
        assert!(check_size("table.rs", &lines(900), &config).is_none());
        assert!(check_size("table.rs", &lines(901), &config).is_some());
    }

    #[test]
    fn empty_names_are_refused_for_files_and_folders() {
        assert!(check_name("kernel/core/vfs/src/util.rs").is_some());
        assert!(check_name("kernel/common/lib.rs").is_some());
        assert!(check_name("kernel/core/vfs/src/utility_model.rs").is_none());
    }

    #[test]
    fn a_head_comes_before_any_code() {
        assert!(check_head("a.rs", "#![no_std]\n//! Pipes.\n").is_none());
        assert!(check_head("a.rs", "#!/usr/bin/env x\n\n//! Pipes.\n").is_none());
        assert!(
            check_head("a.rs", "//!\nuse x;\n").is_some(),
            "an empty head is no head"
        );
        assert!(check_head("a.rs", "use x;\n//! Pipes.\n").is_some());
        assert!(check_head("a.rs", "// Pipes.\n").is_some());
    }
}
