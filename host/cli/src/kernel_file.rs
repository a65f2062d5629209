//! Where the kernel is: given, built beside the command, or installed.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, NOT_STARTED};

const BUILT: &str = "x86_64-unknown-none/kernel/chiton-kernel";
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
        return match path.is_file() {
            true => Ok(path),
            false => Err(Failure::new(
                NOT_STARTED,
                format!("the kernel {} does not exist", path.display()),
                "Correct --kernel or CHITON_KERNEL",
            )),
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
