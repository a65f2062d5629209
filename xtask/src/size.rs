//! The stripped size of the kernel, one of the budgets.
//!
//! The figure is what `chiton bench` prints as well.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the stripped kernel may take (`DESIGN.md`).
const BUDGET: u64 = 1_500_000;

/// Builds the kernel, prints its size, and fails if that is over the budget.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let status = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "-p",
            "chiton-kernel",
            "--profile",
            "kernel",
            "--target",
            "x86_64-unknown-none",
        ])
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !status.success() {
        return Err("the kernel does not build".to_owned());
    }

    let path = kernel_file(root);
    let file = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let size = bench::loaded_size(&file).ok_or_else(|| format!("{} is not a 64-bit ELF file", path.display()))?;
    println!(
        "kernel: {size} bytes stripped ({:.2} MB; budget {:.1} MB)",
        megabytes(size),
        megabytes(BUDGET)
    );
    if size > BUDGET {
        return Err(format!("the kernel is {} bytes over its budget", size - BUDGET));
    }
    Ok(())
}

/// Where `cargo build` puts the kernel.
pub(crate) fn kernel_file(root: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("x86_64-unknown-none/kernel/chiton-kernel")
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
