//! Every program of `guest/tests`, on Linux and in Chiton.

use std::path::{Path, PathBuf};

use crate::source::Source;
use crate::suite::{Case, same_on_both};
use crate::{execute, places};

/// One case per program.
#[must_use]
pub fn cases() -> Vec<Case> {
    let dir = places::root().join("guest/tests");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    paths.sort();
    paths.iter().map(|path| case(path)).collect()
}

fn case(path: &Path) -> Case {
    let name = path
        .file_stem()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let owned = path.to_owned();
    Case::new(format!("guest::{name}"), move || check(&owned))
}

fn check(path: &Path) -> Result<(), String> {
    let source = Source::read(path)?;
    if source.root && !is_root() {
        return Ok(());
    }
    let job = source.job()?;
    if source.directive("linux-differs").is_none() {
        return same_on_both(&job);
    }
    if places::host_only() {
        return Ok(());
    }
    let outcome = execute::in_guest(&job)?;
    if outcome.code == 0 {
        return Ok(());
    }
    let (stdout, stderr) = (
        String::from_utf8_lossy(&outcome.stdout),
        String::from_utf8_lossy(&outcome.stderr),
    );
    Err(format!("exit code {}\n{stdout}\n{stderr}", outcome.code))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0)
}
