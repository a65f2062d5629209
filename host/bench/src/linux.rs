//! Linux's figures: Debian's cloud kernel in the same virtual machine, with the same static program as its first process.
//!
//! The kernel comes from the package that `linux-image-cloud-amd64` depends on. It is downloaded and unpacked into the cache and never
//! installed. It is started uncompressed through its PVH entry, as ours is, so that neither pays for decompression; where the package is
//! compressed in a way that this module does not know, the compressed file is started.

mod cpio;
mod lz4;
mod modules;

pub(crate) use modules::served;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::figures::{Measured, read_rows};
use crate::kernel_file::number;
use crate::machine::{self, COUNTED, Outcome};
use crate::options::{Options, Part};
use crate::programs::Programs;

const PACKAGE: &str = "linux-image-cloud-amd64";

/// A kernel that can be started.
struct Kernel {
    file: PathBuf,
    /// Where the package's modules are.
    modules: PathBuf,
    /// Its release, such as `6.12.30-cloud-amd64`.
    release: String,
    /// The size of the file that a distribution ships.
    shipped_size: u64,
}

/// Measures the rows that `options` ask for.
pub(crate) fn measure(programs: &Programs, options: &Options) -> Result<Measured, String> {
    let kernel = fetch(&programs.cache.join("linux"))?;
    eprintln!("chiton: measuring Linux {}, which takes longer", kernel.release);
    let mut measured = Measured {
        name: format!("Linux {}", kernel.release),
        ..Measured::default()
    };
    if options.part.has(Part::Boot) {
        let root = initramfs(programs, &programs.hello_static, &[])?;
        let outcome = start(&kernel, &root, options, "128M", &COUNTED, Duration::from_secs(120))?;
        let count = outcome
            .tick_at_main()
            .ok_or_else(|| format!("hello did not run:\n{}", outcome.tail()))?;
        measured.figures.insert("boot_static".to_owned(), count);
        measured
            .figures
            .insert("kernel_size".to_owned(), kernel.shipped_size as f64 / 1e6);
    }
    if options.part == Part::All {
        let root = initramfs(programs, &programs.hello_static, &[])?;
        let works = |mebibytes: u64| {
            let outcome = start(
                &kernel,
                &root,
                options,
                &format!("{mebibytes}M"),
                &[],
                Duration::from_secs(60),
            );
            outcome.is_ok_and(|outcome| outcome.tick_at_main().is_some())
        };
        if let Some(mebibytes) = machine::smallest(32, 160, works) {
            measured.figures.insert("smallest_memory".to_owned(), mebibytes as f64);
        }
    }
    if options.part.has(Part::Calls) {
        let root = initramfs(programs, &programs.percall, &[])?;
        measured.figures.extend(rows(&kernel, &root, options, "1G")?);
    }
    if options.part.has(Part::Processes) {
        let root = initramfs(programs, &programs.processes, &programs.tools)?;
        measured.figures.extend(rows(&kernel, &root, options, "3G")?);
    }
    if options.part.has(Part::Network) {
        let root = initramfs(programs, &programs.network, &[])?;
        measured.figures.extend(rows(&kernel, &root, options, "1G")?);
    }
    Ok(measured)
}

/// The rows that a benchmark program prints.
fn rows(kernel: &Kernel, root: &Path, options: &Options, memory: &str) -> Result<BTreeMap<String, f64>, String> {
    let outcome = start(kernel, root, options, memory, &COUNTED, Duration::from_secs(900))?;
    match read_rows(&outcome.output) {
        (rows, true) => Ok(rows),
        _ => Err(format!(
            "the benchmark program did not come to its end:\n{}",
            outcome.tail()
        )),
    }
}

/// A machine with nothing but a serial line.
fn bare_machine(options: &Options, memory: &str) -> Command {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args(["-M", "microvm", "-accel", "tcg", "-cpu", &options.cpu, "-m", memory])
        .args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
            "-serial",
            "stdio",
        ]);
    qemu
}

/// Starts the kernel with `root` as its initial file system.
fn start(
    kernel: &Kernel,
    root: &Path,
    options: &Options,
    memory: &str,
    meter: &[&str],
    limit: Duration,
) -> Result<Outcome, String> {
    let mut qemu = bare_machine(options, memory);
    qemu.arg("-kernel")
        .arg(&kernel.file)
        .arg("-initrd")
        .arg(root)
        .args([
            "-append",
            "console=ttyS0 quiet panic=-1 reboot=t CHITON_BENCH_INIT=1 CHITON_BENCH_SETTLE=1",
        ])
        .args(meter);
    machine::run(&mut qemu, limit)
}

/// An initial file system whose first program is `program`, with `tools` and the libraries that they need.
fn initramfs(programs: &Programs, program: &Path, tools: &[(PathBuf, String)]) -> Result<PathBuf, String> {
    let mut others = BTreeMap::new();
    for (here, there) in tools {
        others.insert(there.clone(), read(here)?);
        for library in libraries(here)? {
            others.insert(library.clone(), read(Path::new(&library))?);
        }
    }
    let others: Vec<(String, Vec<u8>)> = others.into_iter().collect();
    initramfs_of(programs, program, &others)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The same with files whose contents are known.
fn initramfs_of(programs: &Programs, program: &Path, others: &[(String, Vec<u8>)]) -> Result<PathBuf, String> {
    let name = program
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let path = program.with_file_name(format!("{name}.cpio"));
    std::fs::create_dir_all(&programs.cache).map_err(|error| format!("{}: {error}", programs.cache.display()))?;
    std::fs::write(&path, cpio::archive(&read(program)?, others))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// The interpreter and the libraries of a program, as its own interpreter names them.
fn libraries(program: &Path) -> Result<Vec<String>, String> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .map_err(|error| format!("ldd could not be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // `NAME => PATH (ADDRESS)` or `PATH (ADDRESS)`; a static program has neither.
    let paths = text
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(paths.map(str::to_owned).collect())
}

/// The kernel from the cache, or from the package.
fn fetch(folder: &Path) -> Result<Kernel, String> {
    if let Some(kernel) = unpacked(folder)? {
        return Ok(kernel);
    }
    let package = resolve()?;
    eprintln!("chiton: fetching {package}");
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    tool(
        Command::new("apt-get")
            .args(["-qq", "download", &package])
            .current_dir(folder),
    )?;
    let archive = find(folder, "linux-image", ".deb").ok_or("apt-get download left no package behind")?;
    tool(
        Command::new("dpkg-deb")
            .arg("-x")
            .arg(&archive)
            .arg(folder.join("unpacked")),
    )?;
    // The package is of no more use, and large.
    let _ = std::fs::remove_file(&archive);
    unpacked(folder)?.ok_or_else(|| format!("{package} has no boot/vmlinuz"))
}

/// The kernel in an unpacked package, decompressed on first use.
fn unpacked(folder: &Path) -> Result<Option<Kernel>, String> {
    let Some(shipped) = find(&folder.join("unpacked/boot"), "vmlinuz-", "") else {
        return Ok(None);
    };
    let name = shipped
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let release = name.trim_start_matches("vmlinuz-").to_owned();
    let modules = folder.join("unpacked/lib/modules").join(&release);
    let compressed = std::fs::read(&shipped).map_err(|error| format!("{}: {error}", shipped.display()))?;
    let shipped_size = compressed.len() as u64;
    let file = folder.join(format!("vmlinux-{release}"));
    if !file.exists() {
        let Some(kernel) = payload(&compressed).and_then(lz4::decompress) else {
            return Ok(Some(Kernel {
                file: shipped,
                modules,
                release,
                shipped_size,
            }));
        };
        std::fs::write(&file, kernel).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(Some(Kernel {
        file,
        modules,
        release,
        shipped_size,
    }))
}

/// The compressed kernel inside a boot file, by the header of the Linux boot protocol (2.08 and later). Its last four bytes are the size of the
/// uncompressed kernel and no part of it.
fn payload(file: &[u8]) -> Option<&[u8]> {
    if file.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let sectors = usize::try_from(number(file, 0x1f1, 1)?).ok()?;
    let offset = usize::try_from(number(file, 0x248, 4)?).ok()?;
    let length = usize::try_from(number(file, 0x24c, 4)?).ok()?;
    let start = (sectors + 1) * 512 + offset;
    file.get(start..start.checked_add(length.checked_sub(4)?)?)
}

/// The package that the meta-package depends on today.
fn resolve() -> Result<String, String> {
    let output = tool(Command::new("apt-cache").args(["show", "--no-all-versions", PACKAGE]))?;
    let depends = output.lines().find_map(|line| line.strip_prefix("Depends: "));
    let package = depends.and_then(|depends| depends.split([' ', ',']).find(|word| word.starts_with("linux-image-")));
    package
        .map(str::to_owned)
        .ok_or_else(|| format!("apt knows no {PACKAGE}; `apt-get update` may help"))
}

/// Runs a tool and returns what it printed.
fn tool(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name} could not be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "{name} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

fn find(folder: &Path, beginning: &str, ending: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().rev().find(|path| {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        name.starts_with(beginning) && name.ends_with(ending)
    })
}

#[cfg(test)]
mod tests {
    use super::payload;

    #[test]
    fn the_payload_is_where_the_header_says() {
        let mut file = vec![0; 0x1000];
        file[0x202..0x206].copy_from_slice(b"HdrS");
        file[0x1f1] = 1;
        file[0x248] = 0x10;
        file[0x24c] = 8;
        file[0x410..0x418].copy_from_slice(b"abcdSIZE");
        assert_eq!(payload(&file), Some(b"abcd".as_slice()));
    }

    #[test]
    fn a_header_that_lies_is_no_header() {
        let mut file = vec![0; 0x1000];
        file[0x202..0x206].copy_from_slice(b"HdrS");
        file[0x24c..0x250].fill(0xff);
        assert_eq!(payload(&file), None);
        assert_eq!(payload(&[0; 16]), None);
    }
}
