//! Version managers put small scripts in front of interpreters; this finds the interpreter behind one.
//!
//! pyenv, rbenv, nodenv and their relatives share one layout: `ROOT/shims/NAME` is a script, `ROOT/versions/V/bin/NAME`
//! the program, and V comes from the environment (`PYENV_VERSION`), the nearest `.python-version` file, or
//! `ROOT/version`. Running the script in the guest would need the whole manager there.

use std::fs;
use std::path::{Path, PathBuf};

/// The program behind `path` if that is a shim: `Some(None)` if the manager leaves it to the rest of the search path.
pub(crate) fn behind(path: &Path, directory: &Path) -> Option<Option<PathBuf>> {
    let shims = path
        .parent()
        .filter(|parent| parent.file_name().is_some_and(|name| name == "shims"))?;
    let root = shims.parent()?;
    let versions = root.join("versions");
    let name = path.file_name()?;
    if !versions.is_dir() {
        return None;
    }
    let wanted = wanted_versions(root, directory);
    let found = wanted
        .iter()
        .map(|version| versions.join(version).join("bin").join(name))
        .find(|program| program.is_file());
    Some(found)
}

/// The versions to try, in order.
fn wanted_versions(root: &Path, directory: &Path) -> Vec<String> {
    let manager = root.file_name().unwrap_or_default().to_string_lossy();
    let manager = manager.trim_start_matches('.').to_string();
    let language = match manager.as_str() {
        "pyenv" => "python",
        "rbenv" => "ruby",
        "nodenv" => "node",
        "plenv" => "perl",
        "phpenv" => "php",
        "luaenv" => "lua",
        other => other.trim_end_matches("env"),
    };
    let from_environment = std::env::var(format!("{}_VERSION", manager.to_uppercase()))
        .ok()
        .filter(|text| !text.is_empty());
    let local = format!(".{language}-version");
    let from_directory = || {
        directory
            .ancestors()
            .find_map(|place| fs::read_to_string(place.join(&local)).ok())
    };
    let text = from_environment
        .or_else(from_directory)
        .or_else(|| fs::read_to_string(root.join("version")).ok());
    let text = text.unwrap_or_default();
    text.split([':', '\n', ' '])
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_version_file_decides() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join(".xyzenv");
        let project = scratch.path().join("project/deep");
        for directory in [
            root.join("shims"),
            root.join("versions/1/bin"),
            root.join("versions/2/bin"),
            project.clone(),
        ] {
            fs::create_dir_all(directory).unwrap();
        }
        for version in ["1", "2"] {
            fs::write(root.join("versions").join(version).join("bin/xyz"), "").unwrap();
        }
        fs::write(root.join("version"), "1\n").unwrap();
        let shim = root.join("shims/xyz");
        assert_eq!(behind(&shim, &project), Some(Some(root.join("versions/1/bin/xyz"))));
        fs::write(scratch.path().join("project/.xyz-version"), "2\n").unwrap();
        assert_eq!(behind(&shim, &project), Some(Some(root.join("versions/2/bin/xyz"))));
        assert_eq!(behind(&root.join("shims/other"), &project), Some(None));
        assert_eq!(behind(Path::new("/bin/echo"), &project), None);
    }
}
