//! A Linux guest that serves: what the kernel needs as modules for the card and the disk, and its machine.
//!
//! The root image is the one that Chiton runs from, as a disk, and the card is the same, so both are taken out of the command line that `chiton run` would start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Kernel, fetch, initramfs_of, read};
use crate::options::Options;
use crate::programs::Programs;

/// What is asked for by name; each brings what it depends on.
const WANTED: [&str; 4] = ["virtio_mmio", "virtio_net", "virtio_blk", "erofs"];

/// What the kernel is called, and the command that starts it beside `line`, the one that starts Chiton.
pub(crate) fn served(
    programs: &Programs,
    options: &Options,
    line: &str,
    memory: &str,
) -> Result<(String, Command), String> {
    let kernel = fetch(&programs.cache.join("linux"))?;
    let name = format!("Linux {}", kernel.release);
    let root = initramfs_of(programs, &programs.serve, &modules(&kernel)?)?;
    let image = word_after(line, "-initrd", "")?;
    let mut qemu = super::bare_machine(options, memory);
    qemu.args(["-global", "virtio-mmio.force-legacy=false"])
        .args(["-netdev", word_after(line, "-netdev", "")?])
        .args(["-device", word_after(line, "-device", "virtio-net-device")?])
        .args([
            "-drive",
            &format!("file={image},if=none,id=root,format=raw,readonly=on"),
        ])
        .args(["-device", "virtio-blk-device,drive=root"])
        .arg("-kernel")
        .arg(&kernel.file)
        .arg("-initrd")
        .arg(root)
        .args(["-append", "console=ttyS0 quiet panic=-1 reboot=t CHITON_BENCH_INIT=1"]);
    Ok((name, qemu))
}

/// The word behind an option of a command line that a shell would read, if it begins as it should.
fn word_after<'a>(line: &'a str, option: &str, beginning: &str) -> Result<&'a str, String> {
    let words: Vec<&str> = line
        .split_whitespace()
        .map(|word| word.trim_matches(['\'', '"']))
        .collect();
    let pairs = words
        .windows(2)
        .filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)));
    let mut found = pairs.filter(|(word, value)| *word == option && value.starts_with(beginning));
    found
        .next()
        .map(|(_, value)| value)
        .ok_or_else(|| format!("the command line has no {option} {beginning}"))
}

/// The modules as members of the archive, numbered in the order in which they can be loaded.
fn modules(kernel: &Kernel) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut files = BTreeMap::new();
    list(&kernel.modules.join("kernel"), &mut files);
    let mut order = Vec::new();
    for name in WANTED {
        add(name, &files, &mut order)?;
    }
    let numbered = order.into_iter().enumerate();
    Ok(numbered
        .map(|(number, (name, bytes))| (format!("/modules/{number:02}-{name}.ko"), bytes))
        .collect())
}

/// Adds a module behind those that it depends on. One for which there is no file is part of the kernel.
fn add(name: &str, files: &BTreeMap<String, PathBuf>, order: &mut Vec<(String, Vec<u8>)>) -> Result<(), String> {
    if order.iter().any(|(known, _)| known == name) {
        return Ok(());
    }
    let Some(path) = files.get(name) else { return Ok(()) };
    let bytes = contents(path)?;
    for needed in needs(&bytes) {
        add(&needed, files, order)?;
    }
    order.push((name.to_owned(), bytes));
    Ok(())
}

/// A module's file, which some releases compress.
fn contents(path: &Path) -> Result<Vec<u8>, String> {
    if path.extension().is_none_or(|extension| extension != "xz") {
        return read(path);
    }
    let output = Command::new("xz").arg("-dc").arg(path).output();
    let output = output.map_err(|error| format!("xz could not be started: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("{} cannot be decompressed", path.display()))
}

/// What a module says that it depends on.
fn needs(module: &[u8]) -> Vec<String> {
    const FIELD: &[u8] = b"\0depends=";
    let Some(at) = module.windows(FIELD.len()).position(|bytes| bytes == FIELD) else {
        return Vec::new();
    };
    let value = module.get(at + FIELD.len()..).unwrap_or_default();
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(value).into_owned();
    text.split(',')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// All modules below a folder, by name.
fn list(folder: &Path, files: &mut BTreeMap<String, PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            list(&path, files);
        } else if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && let Some((name, _)) = name.split_once(".ko")
        {
            files.insert(name.replace('-', "_"), path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{needs, word_after};

    #[test]
    fn a_module_says_what_it_needs() {
        let module = b"\x7fELF\0license=GPL\0depends=virtio,virtio_ring\0name=x\0";
        assert_eq!(needs(module), ["virtio", "virtio_ring"]);
        assert_eq!(needs(b"\0depends=\0"), Vec::<String>::new());
        assert_eq!(needs(b"nothing"), Vec::<String>::new());
    }

    #[test]
    fn words_of_a_command_line_are_found_behind_their_option() {
        let line = "qemu -device isa-debug-exit -netdev user,id=n -device 'virtio-net-device,netdev=n'";
        assert_eq!(
            word_after(line, "-device", "virtio-net"),
            Ok("virtio-net-device,netdev=n")
        );
        assert_eq!(word_after(line, "-netdev", ""), Ok("user,id=n"));
        assert!(word_after(line, "-initrd", "").is_err());
    }
}
