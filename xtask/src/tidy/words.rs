//! Marks of unfinished work, which belong into an issue and not into the code.

use super::Finding;
use super::source::Source;

/// Marks that are refused wherever they stand as a word of their own, in code and in comments.
const MARKS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Code that says that something is missing, unused or untested.
const CODE: [(&str, &str); 5] = [
    ("todo!", "finish it, or return an error"),
    ("unimplemented!", "finish it, or return an error"),
    ("#[ignore", "a test that does not run proves nothing"),
    ("allow(dead_code", UNUSED),
    ("expect(dead_code", UNUSED),
];

const UNUSED: &str = "delete what nothing uses";

/// Kinds of files that are read for marks.
const READ: [&str; 8] = [".rs", ".toml", ".c", ".h", ".S", ".ld", ".sh", ".py"];

/// Checks one file of any kind.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let bare_script = text.starts_with("#!") && !path.contains('.');
    if !bare_script && !READ.iter().any(|ending| path.ends_with(ending)) {
        return Vec::new();
    }
    if !path.ends_with(".rs") {
        return text
            .lines()
            .enumerate()
            .filter_map(|(index, line)| mark(path, index, line))
            .collect();
    }

    let source = Source::new(text);
    let mut findings = Vec::new();
    for (index, (code, comment)) in source.code.iter().zip(&source.comments).enumerate() {
        findings.extend(mark(path, index, code));
        findings.extend(mark(path, index, comment));
        for (word, why) in CODE {
            // What several integration tests include as a module is compiled into each of them, and not every one uses all of it.
            let included = why == UNUSED && path.contains("/tests/") && path.ends_with("/mod.rs");
            if code.contains(word) && !included {
                findings.push(Finding::new(path, index + 1, format!("`{word}`: {why}")));
            }
        }
    }
    findings
}

fn mark(path: &str, index: usize, line: &str) -> Option<Finding> {
    let mut words = line.split(|symbol: char| !symbol.is_alphanumeric() && symbol != '_');
    let mark = words.find(|word| MARKS.contains(word))?;
    Some(Finding::new(
        path,
        index + 1,
        format!("`{mark}`: open an issue instead"),
    ))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn marks_are_found_in_comments_and_in_scripts() {
        assert_eq!(check("a.rs", "// TODO: more\n").len(), 1);
        assert_eq!(check("run", "#!/bin/sh\n# FIXME\n").len(), 1);
        assert_eq!(check("a.c", "/* XXX */\n").len(), 1);
    }

    #[test]
    fn parts_of_words_and_strings_are_not_marks() {
        assert!(check("a.sh", "mktemp /tmp/x.XXXXXX\n").is_empty());
        assert!(check("a.rs", "let x = \"TODO\"; // todos\n").is_empty());
    }

    #[test]
    fn unfinished_code_is_found_and_talk_about_it_is_not() {
        assert_eq!(check("a.rs", "fn f() { todo!() }\n").len(), 1);
        assert_eq!(check("a.rs", "fn f() { unimplemented!(\"x\") }\n").len(), 1);
        assert_eq!(check("a.rs", "#[ignore = \"slow\"]\nfn f() {}\n").len(), 1);
        assert_eq!(check("a.rs", "#[allow(dead_code)]\nfn f() {}\n").len(), 1);
        assert!(check("a.rs", "// no `todo!` here\n").is_empty());
        assert!(
            check(
                "k/vfs/tests/ground/mod.rs",
                "#![allow(dead_code, reason = \"shared\")]\n"
            )
            .is_empty()
        );
    }
}
