//! Unsafe has an address, a reason and a number.
//!
//! * Every crate forbids it, except those that `tidy.toml` lists.
//! * Each use says why it is sound: `// SAFETY:` right above a block, an `impl` or an `extern` block, `# Safety` in the documentation of an
//!   unsafe function or trait. Lines of the same statement and attributes may stand between the comment and the word.
//! * The number of uses per crate is written down. A rise fails, so that a reviewer sees it; a fall fails too, so that the number stays true.

use std::collections::BTreeMap;

use super::Finding;
use super::config::Config;
use super::source::Source;

/// What a use of the word `unsafe` introduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Block,
    Impl,
    Extern,
    Function,
    Trait,
}

/// Says that a crate root neither forbids unsafe code nor is allowed to have it.
pub(super) fn check_forbid(path: &str, source: &Source, package: &str, config: &Config) -> Option<Finding> {
    let forbids = source.code.iter().any(|line| line.trim() == "#![forbid(unsafe_code)]");
    let allowed = config.unsafe_crates.contains_key(package);
    match (forbids, allowed) {
        (false, false) => Some(Finding::new(
            path,
            1,
            "a crate begins with `#![forbid(unsafe_code)]` unless tidy.toml lists it",
        )),
        (true, true) => Some(Finding::new(
            path,
            1,
            format!("forbids unsafe code: take `{package}` off the list in tidy.toml"),
        )),
        _ => None,
    }
}

/// The number of uses in one file.
pub(super) fn count(source: &Source) -> usize {
    uses(source).len()
}

/// Compares the numbers with those in `tidy.toml`.
pub(super) fn check_counts(counts: &BTreeMap<String, usize>, config: &Config) -> Vec<Finding> {
    let mut names: Vec<&String> = counts.keys().chain(config.unsafe_counts.keys()).collect();
    names.sort();
    names.dedup();
    let mut findings = Vec::new();
    for name in names {
        let is = counts.get(name).copied().unwrap_or(0);
        let was = config.unsafe_counts.get(name).copied().unwrap_or(0);
        if is != was {
            let message = format!(
                "{name} has {is} unsafe uses and {was} are written down: `cargo xtask tidy --fix-counts` and look at the difference"
            );
            findings.push(Finding::new("tidy.toml", 0, message));
        }
    }
    findings
}

/// Checks that each use is explained.
pub(super) fn check_comments(path: &str, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, kind) in uses(source) {
        let comment = comment_above(source, line);
        let explained = match kind {
            Use::Block | Use::Impl | Use::Extern => comment.contains("SAFETY:"),
            Use::Function => comment.contains("# Safety") || comment.contains("SAFETY:") || in_trait_impl(source, line),
            Use::Trait => comment.contains("# Safety"),
        };
        if !explained {
            let wanted = match kind {
                Use::Block | Use::Impl | Use::Extern => "`// SAFETY:` comment right above",
                Use::Function | Use::Trait => "`# Safety` section in the documentation",
            };
            findings.push(Finding::new(path, line + 1, format!("unsafe without a {wanted}")));
        }
    }
    findings
}

/// Where the word `unsafe` stands (lines from 0) and what it introduces. Attributes such as `#[unsafe(naked)]` and function-pointer types
/// introduce nothing that would have to be explained.
fn uses(source: &Source) -> Vec<(usize, Use)> {
    let mut found = Vec::new();
    for (index, line) in source.code.iter().enumerate() {
        let mut from = 0;
        while let Some(offset) = line.get(from..).and_then(|rest| rest.find("unsafe")) {
            let start = from + offset;
            from = start + "unsafe".len();
            let before = line[..start].chars().next_back();
            let is_part = |symbol: char| symbol.is_alphanumeric() || symbol == '_';
            if before.is_some_and(is_part) || line[from..].starts_with(is_part) {
                continue;
            }
            found.extend(kind(source, index, from).map(|kind| (index, kind)));
        }
    }
    found
}

/// What follows the word.
fn kind(source: &Source, line: usize, column: usize) -> Option<Use> {
    let mut rest = source.code[line][column..].trim().to_owned();
    for next in source.code.iter().skip(line + 1).take(2) {
        rest.push(' ');
        rest.push_str(next.trim());
    }
    let rest = rest.trim_start();
    if rest.starts_with('{') {
        return Some(Use::Block);
    }
    if rest.starts_with("impl") {
        return Some(Use::Impl);
    }
    if rest.starts_with("trait ") {
        return Some(Use::Trait);
    }
    let (head, name) = rest.split_once("fn").unwrap_or((rest, ""));
    if rest.starts_with("extern") && head.contains('{') {
        return Some(Use::Extern);
    }
    let is_function = rest.starts_with("fn ") || rest.starts_with("extern ") || rest.starts_with("const fn ");
    // `unsafe fn(…)` without a name is a type.
    (is_function && name.starts_with(' ')).then_some(Use::Function)
}

/// The comment block that belongs to the statement or item on `line`: the one on the line itself, or the nearest above with nothing between
/// but attributes and the beginning of the same statement.
fn comment_above(source: &Source, line: usize) -> String {
    let mut text = source.comments[line].clone();
    let mut at = line;
    while at > 0 {
        at -= 1;
        let code = source.code[at].trim();
        let comment = source.comments[at].trim();
        if !comment.is_empty() && code.is_empty() {
            text.push_str(comment);
            text.push('\n');
            continue;
        }
        let commented = text.contains("//") || text.contains("/*");
        let between = code.starts_with("#[") || !commented && continues(code);
        if !between {
            break;
        }
        text.push_str(comment);
    }
    text
}

/// Whether a line is the beginning of a statement that the next line goes on with.
fn continues(code: &str) -> bool {
    !code.is_empty() && !code.ends_with([';', '}', ',']) && (!code.ends_with('{') || code.ends_with("unsafe {"))
}

/// Whether the function on `line` implements a method of a trait, whose documentation says what the caller owes.
fn in_trait_impl(source: &Source, line: usize) -> bool {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let own = indent(&source.code[line]);
    let outer = source.code[..line]
        .iter()
        .rev()
        .find(|text| !text.trim().is_empty() && indent(text) < own);
    outer.is_some_and(|text| {
        let text = text.trim_start();
        (text.starts_with("impl") || text.starts_with("unsafe impl")) && text.contains(" for ")
    })
}

#[cfg(test)]
mod tests;
