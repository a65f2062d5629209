//! `chiton doctor`: what this machine has and lacks, a line each, with the cure.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Outcome;
use crate::kernel_file;

/// Less free space than this for cached images is worth a warning.
const LEAST_SPACE: u64 = 1 << 30;
/// The oldest QEMU whose `microvm` has every option that is used.
const LEAST_QEMU: u32 = 6;

enum Finding {
    /// It is there; details.
    Ok(String),
    /// Chiton does not run without it; the cure.
    Missing(String),
    /// Something works less well without it; why, and the cure.
    Optional(String),
}

pub(crate) fn doctor() -> Outcome {
    let kernel = kernel();
    let has_kernel = matches!(kernel, Finding::Ok(_));
    let findings = [
        ("qemu", qemu()),
        ("kernel", kernel),
        ("rust targets", targets(has_kernel)),
        ("kvm", kvm()),
        ("erofs tools", erofs_tools()),
        ("cache", cache()),
    ];
    let mut healthy = true;
    for (name, finding) in findings {
        let (state, text) = match finding {
            Finding::Ok(text) => ("ok", text),
            Finding::Optional(text) => ("absent", text),
            Finding::Missing(text) => {
                healthy = false;
                ("missing", text)
            }
        };
        println!("{state:<8} {name:<13} {text}");
    }
    Ok(u8::from(!healthy))
}

fn qemu() -> Finding {
    let name = std::env::var_os("CHITON_QEMU").unwrap_or("qemu-system-x86_64".into());
    let Some(text) = output(Command::new(&name).arg("--version")) else {
        let cure = "install it: apt-get install qemu-system-x86 (or name it in CHITON_QEMU)";
        return Finding::Missing(format!("{} is not there; {cure}", name.to_string_lossy()));
    };
    let version = text.split_whitespace().nth(3).unwrap_or("?").to_string();
    match version.split('.').next().and_then(|major| major.parse::<u32>().ok()) {
        Some(major) if major < LEAST_QEMU => Finding::Missing(format!(
            "version {version} is too old; install version {LEAST_QEMU}.0 or newer"
        )),
        _ => Finding::Ok(format!("version {version}")),
    }
}

fn kernel() -> Finding {
    match kernel_file::find(None) {
        Ok(path) => Finding::Ok(path.display().to_string()),
        Err(_) => Finding::Missing("it was not built yet; run ./chiton in the repository".into()),
    }
}

fn targets(has_kernel: bool) -> Finding {
    let wanted = ["x86_64-unknown-none", "x86_64-unknown-linux-musl"];
    let Some(text) = output(Command::new("rustup").args(["target", "list", "--installed"])) else {
        let text = "rustup is not there; install it from https://rustup.rs to build the kernel and the tests";
        return if has_kernel {
            Finding::Optional(text.into())
        } else {
            Finding::Missing(text.into())
        };
    };
    let lacking: Vec<&str> = wanted
        .into_iter()
        .filter(|target| !text.lines().any(|line| line == *target))
        .collect();
    if lacking.is_empty() {
        return Finding::Ok(wanted.join(", "));
    }
    let text = format!(
        "add them to build the kernel and the tests: rustup target add {}",
        lacking.join(" ")
    );
    if has_kernel {
        Finding::Optional(text)
    } else {
        Finding::Missing(text)
    }
}

fn kvm() -> Finding {
    let path = Path::new("/dev/kvm");
    if !path.exists() {
        return Finding::Optional(
            "/dev/kvm is not there; QEMU's translator is used, which is the default anyway".into(),
        );
    }
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => Finding::Ok("/dev/kvm can be used with --accel kvm".into()),
        Err(_) => {
            Finding::Optional("you may not use /dev/kvm; for --accel kvm join its group: adduser $USER kvm".into())
        }
    }
}

fn erofs_tools() -> Finding {
    match find_in_path("fsck.erofs") {
        Some(path) => Finding::Ok(path.display().to_string()),
        None => Finding::Optional("only the tests use them; apt-get install erofs-utils".into()),
    }
}

fn cache() -> Finding {
    let directory = match image::cache::directory_of_user() {
        Ok(directory) => directory,
        Err(error) => return Finding::Missing(error.to_string()),
    };
    if let Err(error) = fs::create_dir_all(&directory) {
        return Finding::Missing(format!(
            "{} cannot be made ({}); set XDG_CACHE_HOME",
            directory.display(),
            image::in_words(&error)
        ));
    }
    let Ok(space) = rustix::fs::statvfs(&directory) else {
        return Finding::Missing(format!("{} cannot be used; set XDG_CACHE_HOME", directory.display()));
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let text = format!("{} has {} MB free", directory.display(), free / 1_000_000);
    if free < LEAST_SPACE {
        return Finding::Missing(format!("{text}; make room, or set XDG_CACHE_HOME to a larger disk"));
    }
    Finding::Ok(text)
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Debian keeps administrators' tools out of the PATH of others.
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    places.map(|place| place.join(name)).find(|path| path.is_file())
}
