//! Where things lie.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// Cargo's target directory.
#[must_use]
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// Where guest programs are built; made on first use.
///
/// # Errors
/// When the directory cannot be made.
pub fn built() -> Result<PathBuf, String> {
    let dir = target().join("guest");
    std::fs::create_dir_all(&dir).map_err(|error| format!("{} cannot be made: {error}", dir.display()))?;
    Ok(dir)
}

/// Whether only the host's half of the tests is to run.
#[must_use]
pub fn host_only() -> bool {
    std::env::var_os("CHITON_HOST_ONLY").is_some()
}

/// The command under test, built first if it is not up to date.
///
/// # Errors
/// When it cannot be built.
pub fn command() -> Result<&'static Path, String> {
    static COMMAND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    COMMAND.get_or_init(build_command).as_deref().map_err(Clone::clone)
}

fn build_command() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os("CHITON_BIN") {
        return Ok(PathBuf::from(given));
    }
    // The bootstrap script builds what is out of date before it hands over; asking for the version costs nothing more.
    let output = Command::new(root().join("chiton"))
        .arg("--version")
        .env("CARGO_TARGET_DIR", target())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("./chiton cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "./chiton does not build:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(target().join("release/chiton"))
}

/// How many processors a machine for Java has. The virtual machine of Java writes a jump over the first instruction of a method that others may run, in a way that real processors see as the one or the
/// other. QEMU 7.2, which translates on several threads, fetches an instruction byte by byte: now and then it takes the first byte of the old one and the rest of the new one, and Java
/// dies at the first instruction of a method. One processor translates what it has written itself.
pub const CPUS_FOR_JAVA: u32 = 1;
