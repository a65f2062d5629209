//! What CI runs, in the order in which it fails fastest.

use std::path::Path;
use std::process::Command;

use crate::{size, test, tidy};

/// Everything: formatting, clippy, tidy, tests, kernel size.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    lint(root)?;
    tidy::run(root, false)?;
    test::run(root, test::Which::All)?;
    size::run(root)
}

/// Formatting, and clippy with warnings denied, for the host and for the bare machine.
pub(crate) fn lint(root: &Path) -> Result<(), String> {
    cargo(root, &["fmt", "--all", "--check"])?;
    cargo(
        root,
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--exclude",
            "chiton-kernel",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    cargo(
        root,
        &[
            "clippy",
            "--quiet",
            "-p",
            "chiton-kernel",
            "--target",
            "x86_64-unknown-none",
            "--",
            "-D",
            "warnings",
        ],
    )
}

/// Runs one cargo command in the repository.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    println!("+ cargo {}", arguments.join(" "));
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("cargo {} failed", arguments.join(" ")))
    }
}
