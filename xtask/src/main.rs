//! Developer verbs: `cargo xtask VERB`.
//!
//! What a contributor runs and what CI runs are the same code, so that a green check here is a green check there.
//! Everything is written against the standard library (and a TOML reader), because this crate is built before anything else is.
#![forbid(unsafe_code)]

mod check;
mod link;
mod size;
mod test;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask VERB

  tidy [--fix-counts]   the house rules: arrows, unsafe, file sizes, manifests, words
  check                 what CI runs: tests, formatting, clippy, tidy, kernel size
  lint                  formatting and clippy alone
  test [unit|e2e]       every test; or only those without a virtual machine, or only those with one
  test NAME             those of them with a virtual machine whose name contains NAME
  test --cpython [MODULE...]   CPython's own suite on Linux and in Chiton, compared test by test
  test --apps [NAME]    the longer runs of applications; or those whose name contains NAME
  size                  the kernel's size, stripped
  link                  what Linux's TCP gets over links that lose (root, twenty minutes), for the tests of ours
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    // An error without words was told already.
    let result = match words.as_slice() {
        ["tidy"] => tidy::run(&root, false),
        ["tidy", "--fix-counts"] => tidy::run(&root, true),
        ["check"] => check::run(&root),
        ["lint"] => check::lint(&root),
        ["test"] => test::run(&root, test::Which::All),
        ["test", "unit"] => test::run(&root, test::Which::Unit),
        ["test", "e2e"] => test::run(&root, test::Which::EndToEnd),
        ["test", name] if !name.starts_with('-') => test::named(&root, name),
        ["test", "--cpython", modules @ ..] => test::cpython(&root, modules),
        ["test", "--apps"] => test::apps(&root, ""),
        ["test", "--apps", name] => test::apps(&root, name),
        ["size"] => size::run(&root),
        ["link"] => link::run(&root),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        words => {
            if !words.is_empty() {
                eprintln!("xtask: nothing is called \"{}\".", words.join(" "));
            }
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };

    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            if !why.is_empty() {
                eprintln!("xtask: {why}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The repository: this crate's manifest lies one folder below it.
fn root() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.pop();
    path
}
