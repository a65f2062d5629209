//! Files that a maintainer script makes for a moment: it copies one there, changes it perhaps, and has `ucf` put it in its place. The copy is followed, the change is not.

use std::path::{Path, PathBuf};

use super::script::Action;

/// Where the name of a file for a moment is taken to lead.
const PLACE: &str = "/.moment";

/// The variable that a line gives the name of a new file, as `NAME="$(mktemp)"`, and what that name is taken to be.
pub(crate) fn made(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim().split_once('=')?;
    let is_name = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let value = value.trim_start_matches(['"', '$', '(', '`']);
    let is_made = value.starts_with("mktemp") || value.starts_with("tempfile");
    (is_name && is_made).then(|| (name.to_string(), format!("{PLACE}/{name}")))
}

/// Leads copies of such a file back to what it was copied from, and leaves out all else that is done with it.
pub(crate) fn resolve(actions: Vec<Action>) -> Vec<Action> {
    let is_there = |path: &Path| path.starts_with(PLACE);
    let mut known: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut all = Vec::new();
    for action in actions {
        match action {
            Action::Copy { from, to } if is_there(&to) => known.push((to, from)),
            Action::Copy { from, to } if is_there(&from) => {
                let origin = known.iter().rev().find(|(place, _)| *place == from);
                all.extend(origin.map(|(_, from)| Action::Copy { from: from.clone(), to }));
            }
            Action::Mode { path, .. } | Action::Owner { path, .. } | Action::Touch(path) if is_there(&path) => {}
            action => all.push(action),
        }
    }
    all
}
