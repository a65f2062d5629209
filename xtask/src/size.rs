//! The stripped size of the kernel, one of the budgets.
//!
//! The figure is the sum of what a loader reads: the file headers and every loaded segment. That is what `strip` leaves apart from section
//! names, and it needs no other program.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the kernel and prints its size.
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
    let size = loaded_size(&file).ok_or_else(|| format!("{} is not a 64-bit ELF file", path.display()))?;
    println!(
        "kernel: {size} bytes stripped ({:.2} MB; budget 1.5 MB)",
        megabytes(size)
    );
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

/// The end of the last byte of an ELF file that a loader needs.
fn loaded_size(file: &[u8]) -> Option<u64> {
    if file.get(..5)? != b"\x7fELF\x02" {
        return None;
    }
    let table = usize::try_from(word(file, 32, 8)?).ok()?;
    let entry = usize::try_from(word(file, 54, 2)?).ok()?;
    let count = usize::try_from(word(file, 56, 2)?).ok()?;

    let mut end = u64::try_from(table + entry * count).ok()?;
    for index in 0..count {
        let header = table + index * entry;
        let offset = word(file, header + 8, 8)?;
        let size = word(file, header + 32, 8)?;
        end = end.max(offset + size);
    }
    Some(end)
}

/// A little-endian number of `length` bytes at `offset`.
fn word(file: &[u8], offset: usize, length: usize) -> Option<u64> {
    let bytes = file.get(offset..offset + length)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::loaded_size;

    /// A header with one program header that covers bytes 0x1000..0x1234 of the file.
    fn sample() -> Vec<u8> {
        let mut file = vec![0; 0x2000];
        file[..5].copy_from_slice(b"\x7fELF\x02");
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64 + 8..64 + 10].copy_from_slice(&0x1000_u16.to_le_bytes());
        file[64 + 32..64 + 34].copy_from_slice(&0x234_u16.to_le_bytes());
        file
    }

    #[test]
    fn what_follows_the_last_segment_does_not_count() {
        assert_eq!(loaded_size(&sample()), Some(0x1234));
    }

    #[test]
    fn a_file_that_is_no_elf_file_has_no_size() {
        assert_eq!(loaded_size(b"#!/bin/sh\n"), None);
        assert_eq!(loaded_size(&sample()[..40]), None);
    }
}
