//! The list of system calls: what is generated from it, and that it is in order.

use abi::numbers::NAMES;
use dispatch::table::TABLE;
use std::fmt::Write;
use std::path::Path;
use syscall::Support;

/// The page about system calls, made from the table.
fn page() -> String {
    let entries: Vec<_> = TABLE.iter().flatten().collect();
    let partial: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.support {
            Support::Partial(note) => Some((entry, note)),
            Support::Full => None,
        })
        .collect();
    let missing: Vec<_> = NAMES
        .iter()
        .filter(|(number, _)| TABLE[usize::from(*number)].is_none())
        .collect();
    let mut text = String::from("# System calls\n\n");
    let _ = write!(
        text,
        "This page is made from the list of calls in `kernel/syscall` by the test `the_page_is_up_to_date`; \
         run it with `CHITON_UPDATE_DOCS=1` to write it.\n\n\
         Of Linux's {} calls, {} are there in full, {} in part, and {} answer `ENOSYS`.\n",
        NAMES.len(),
        entries.len() - partial.len(),
        partial.len(),
        missing.len(),
    );
    text.push_str("\n## In part\n\n| number | call | what is missing, and what happens instead |\n|---|---|---|\n");
    for (entry, note) in partial {
        let note = note.replace('|', "\\|");
        let _ = writeln!(text, "| {} | `{}` | {note} |", entry.number, entry.name);
    }
    text.push_str("\n## In full\n\n");
    let full: Vec<String> = entries
        .iter()
        .filter(|entry| entry.support == Support::Full)
        .map(|entry| format!("`{}`", entry.name))
        .collect();
    text.push_str(&full.join(", "));
    text.push_str(".\n\n## Not there\n\n");
    let names: Vec<String> = missing.iter().map(|(_, name)| format!("`{name}`")).collect();
    text.push_str(&names.join(", "));
    text.push_str(".\n");
    text
}

#[test]
fn the_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/syscalls.md");
    let page = page();
    if std::env::var_os("CHITON_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs/syscalls.md can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/syscalls.md is not what the list of calls says; run the test with CHITON_UPDATE_DOCS=1"
    );
}

#[test]
fn every_call_has_linuxs_name_and_number() {
    for entry in TABLE.iter().flatten() {
        assert_eq!(abi::numbers::name(entry.number), Some(entry.name));
    }
}

#[test]
fn every_call_that_is_not_complete_says_why_in_a_sentence() {
    for entry in TABLE.iter().flatten() {
        if let Support::Partial(note) = entry.support {
            assert!(
                note.split_whitespace().count() >= 3,
                "{}: {note:?} says too little",
                entry.name
            );
            assert!(
                !note.ends_with('.'),
                "{}: the note stands in a table, without a full stop",
                entry.name
            );
        }
    }
}
