//! Which directories of `/etc` belong to packages: files that dpkg does not know in them are an administrator's, and come along.

use std::collections::{BTreeSet, HashSet};
use std::fs;

use super::INFO;
use super::stanza::{Package, Place};

/// The directories of `/etc` that no package but the chosen ones has.
#[derive(Debug, Default)]
pub(crate) struct Own(BTreeSet<String>);

impl Own {
    /// Looks for them in what dpkg lists.
    pub(crate) fn of(chosen: &[&Package]) -> Own {
        let installed: HashSet<&str> = chosen
            .iter()
            .filter(|package| package.place == Place::Installed)
            .map(|package| package.name.as_str())
            .collect();
        let (mut own, mut others) = (BTreeSet::new(), HashSet::new());
        for entry in fs::read_dir(INFO).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = file.strip_suffix(".list") else {
                continue;
            };
            let is_chosen = installed.contains(name.split(':').next().unwrap_or_default());
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            for path in text.lines().filter(|path| path.starts_with("/etc/")) {
                if is_chosen {
                    own.insert(path.to_string());
                } else {
                    others.insert(path.to_string());
                }
            }
        }
        own.retain(|path| !others.contains(path) && fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()));
        Own(own)
    }

    /// Whether a directory is one of them.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains(path)
    }
}
