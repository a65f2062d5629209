//! Input that must be refused with a clear error: broken programs, broken images, machines that are too small. The fuzzer of system calls is
//! `guest/tests/hostile.c`, and programs that die of what they do are `guest/tests/die_*.c`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::execute::{Job, Outcome, on_host};
use crate::places;
use crate::source::run_compiler;
use crate::suite::Case;

/// Exit codes of the command itself; see `chiton --help`.
const PANIC: i32 = 120;
const DIED: i32 = 121;
const NOT_STARTED: i32 = 122;
const OTHER: i32 = 125;
const NOT_EXECUTABLE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// One case per kind of bad input.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case::new("hostile::program_not_found", || {
            refused("/none/program", &[], NOT_FOUND, "/none/program")
        }),
        Case::new("hostile::program_not_executable", not_executable),
        Case::new("hostile::truncated_program", truncated),
        Case::new("hostile::other_machine", other_machine),
        Case::new("hostile::missing_library", missing_library),
        Case::new("hostile::missing_interpreter", missing_interpreter),
        Case::new("hostile::too_little_memory", || {
            refused("/bin/true", &["-m", "1M"], NOT_STARTED, "-m")
        }),
        Case::new("hostile::image_without_superblock", image_without_superblock),
        Case::new("hostile::damaged_images", damaged_images),
        Case::new("hostile::scrambled_programs", scrambled_programs),
    ]
}

/// Runs the command and checks its exit code and that its message names the cause.
fn refused(program: &str, options: &[&str], code: i32, names: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let outcome = chiton_run(program, options)?;
    let message = String::from_utf8_lossy(&outcome.stderr).into_owned();
    if outcome.code != code {
        return Err(format!(
            "exit code {} instead of {code}; standard error: {message}",
            outcome.code
        ));
    }
    if !message.contains(names) {
        return Err(format!("the message does not name {names}: {message}"));
    }
    Ok(())
}

fn chiton_run(program: &str, options: &[&str]) -> Result<Outcome, String> {
    let mut job = Job::new(
        ["run", "--timeout", "60"]
            .iter()
            .chain(options)
            .chain(["--", program].iter())
            .map(|word| (*word).to_owned())
            .collect(),
    );
    job.command.insert(0, places::command()?.to_string_lossy().into_owned());
    job.env.extend(
        std::env::vars().filter(|(key, _)| ["HOME", "XDG_CACHE_HOME", "CHITON_KERNEL"].contains(&key.as_str())),
    );
    job.timeout = Duration::from_secs(90);
    on_host(&job)
}

/// A copy of a program, changed.
fn changed(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<PathBuf, String> {
    let mut bytes = std::fs::read("/bin/true").map_err(|error| error.to_string())?;
    change(&mut bytes);
    write_program(name, &bytes)
}

fn write_program(name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
    let path = places::built()?.join(name);
    std::fs::write(&path, bytes).map_err(|error| error.to_string())?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).map_err(|error| error.to_string())?;
    Ok(path)
}

fn not_executable() -> Result<(), String> {
    refused("/etc/passwd", &[], NOT_EXECUTABLE, "/etc/passwd")
}

fn truncated() -> Result<(), String> {
    let path = changed("truncated", |bytes| bytes.truncate(100))?;
    refused(&path.to_string_lossy(), &[], NOT_EXECUTABLE, "truncated")
}

fn other_machine() -> Result<(), String> {
    // EM_AARCH64 in `e_machine`.
    let path = changed("other-machine", |bytes| bytes[18] = 183)?;
    refused(&path.to_string_lossy(), &[], NOT_EXECUTABLE, "other-machine")
}

fn missing_library() -> Result<(), String> {
    let dir = places::built()?;
    let library = dir.join("libgone.so");
    compile(
        &dir,
        "gone.c",
        "int gone(void) { return 0; }\n",
        &["-shared", "-fPIC", "-o", "libgone.so", "gone.c"],
    )?;
    let main = "int gone(void);\nint main(void) { return gone(); }\n";
    compile(
        &dir,
        "needs-gone.c",
        main,
        &["-o", "needs-gone", "needs-gone.c", "-L.", "-lgone"],
    )?;
    std::fs::remove_file(library).map_err(|error| error.to_string())?;
    refused(
        &dir.join("needs-gone").to_string_lossy(),
        &[],
        NOT_EXECUTABLE,
        "libgone.so",
    )
}

fn missing_interpreter() -> Result<(), String> {
    let dir = places::built()?;
    let interpreter = "-Wl,--dynamic-linker=/none/ld.so";
    compile(
        &dir,
        "no-loader.c",
        "int main(void) { return 0; }\n",
        &["-o", "no-loader", "no-loader.c", interpreter],
    )?;
    refused(
        &dir.join("no-loader").to_string_lossy(),
        &[],
        NOT_EXECUTABLE,
        "/none/ld.so",
    )
}

fn compile(dir: &Path, source: &str, text: &str, arguments: &[&str]) -> Result<(), String> {
    std::fs::write(dir.join(source), text).map_err(|error| error.to_string())?;
    let mut command = Command::new("gcc");
    command.current_dir(dir).args(arguments);
    run_compiler(command)
}

/// An image that runs `/bin/echo`, built once per case.
fn image(name: &str) -> Result<(PathBuf, Vec<u8>), String> {
    let path = places::built()?.join(name);
    let words = [
        places::command()?.to_string_lossy().into_owned(),
        "build".into(),
        "-o".into(),
        path.to_string_lossy().into_owned(),
    ];
    let mut job = Job::new(
        words
            .into_iter()
            .chain(["--", "/bin/echo", "alive"].map(str::to_owned))
            .collect(),
    );
    job.env.extend(std::env::vars().filter(|(key, _)| key == "HOME"));
    let outcome = on_host(&job)?;
    if outcome.code != 0 {
        return Err(format!("chiton build: {}", String::from_utf8_lossy(&outcome.stderr)));
    }
    let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
    Ok((path, bytes))
}

fn image_without_superblock() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let (path, mut bytes) = image("no-superblock.img")?;
    bytes[1024..1152].fill(0);
    std::fs::write(&path, bytes).map_err(|error| error.to_string())?;
    let outcome = chiton_run(&path.to_string_lossy(), &[])?;
    let message = String::from_utf8_lossy(&outcome.stderr);
    match outcome.code {
        NOT_STARTED | OTHER | NOT_EXECUTABLE if message.contains("no-superblock.img") => Ok(()),
        code => Err(format!("exit code {code}; standard error: {message}")),
    }
}

/// Numbers from a fixed seed (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or(0) % limit
    }
}

/// Damages metadata in many places; the program may run, be refused or crash, but the kernel must neither panic nor die.
fn damaged_images() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let (path, bytes) = image("damaged.img")?;
    for seed in 1..=12_u64 {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut damaged = bytes.clone();
        let reach = if seed % 2 == 0 {
            damaged.len()
        } else {
            damaged.len().min(16384)
        };
        for _ in 0..200 {
            let at = 1152 + numbers.below(reach - 1152);
            damaged[at] = u8::try_from(numbers.below(256)).unwrap_or(0);
        }
        std::fs::write(&path, &damaged).map_err(|error| error.to_string())?;
        survived(&chiton_run(&path.to_string_lossy(), &[])?, seed)?;
    }
    Ok(())
}

/// Programs whose headers are scrambled, started by the kernel from an image that the host did not look at.
fn scrambled_programs() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let (path, bytes) = image("scrambled.img")?;
    let elf: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, four)| four == b"\x7fELF")
        .map(|(at, _)| at)
        .collect();
    for seed in 1..=12_u64 {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut damaged = bytes.clone();
        for start in &elf {
            for _ in 0..4 {
                damaged[start + 16 + numbers.below(700)] = u8::try_from(numbers.below(256)).unwrap_or(0);
            }
        }
        std::fs::write(&path, &damaged).map_err(|error| error.to_string())?;
        survived(&chiton_run(&path.to_string_lossy(), &[])?, seed)?;
    }
    Ok(())
}

fn survived(outcome: &Outcome, seed: u64) -> Result<(), String> {
    match outcome.code {
        PANIC | DIED => Err(format!(
            "seed {seed}: exit code {}: {}",
            outcome.code,
            String::from_utf8_lossy(&outcome.stderr)
        )),
        _ => Ok(()),
    }
}
