//! Where the kernel is: given, built beside the command, or installed.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, NOT_STARTED};

const BUILT: &str = "x86_64-unknown-none/kernel/chiton-kernel";
/// How a kernel's file begins.
const MAGIC: [u8; 4] = *b"\x7fELF";
const INSTALLED: &str = "/usr/lib/chiton/chiton-kernel";

/// The places looked at when none is given, in order.
pub(crate) fn places() -> Vec<PathBuf> {
    let built = std::env::current_exe().ok().and_then(|exe| {
        let target = exe.parent()?.parent()?;
        Some(target.join(BUILT))
    });
    built.into_iter().chain([PathBuf::from(INSTALLED)]).collect()
}

/// The kernel to start.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let named = given.map(Path::to_path_buf).or_else(|| {
        std::env::var_os("CHITON_KERNEL")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    });
    if let Some(path) = named {
        let wrong = |how| {
            let cause = format!("the kernel {} {how}", path.display());
            Failure::new(NOT_STARTED, cause, "Correct --kernel or CHITON_KERNEL")
        };
        let mut first = [0; MAGIC.len()];
        return match File::open(&path).and_then(|mut file| file.read_exact(&mut first)) {
            Ok(()) if first == MAGIC => Ok(path),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(wrong("does not exist".into())),
            Ok(()) => Err(wrong("is no ELF file".into())),
            Err(error) => Err(wrong(format!("cannot be read: {}", image::in_words(&error)))),
        };
    }
    places().into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Failure::new(
            NOT_STARTED,
            "the kernel was not built yet",
            "Run ./chiton in the repository, or name one with --kernel FILE",
        )
    })
}
