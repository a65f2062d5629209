//! Manifests: where versions stand, where code comes from, and why a dependency is there.

use toml::{Table, Value};

use super::{File, Finding};

/// A package of the workspace, as far as the rules need it.
pub(super) struct Package {
    /// The package's name.
    pub(super) name: String,
    /// Its folder, with a slash at the end.
    pub(super) folder: String,
    /// Its manifest, relative to the repository.
    pub(super) manifest_path: String,
    /// The manifest's text.
    pub(super) manifest_text: String,
    /// Names of the workspace's packages that it uses.
    pub(super) uses: Vec<String>,
    /// Names of the workspace's packages that its tests use.
    pub(super) tests_use: Vec<String>,
}

impl Package {
    /// Whether `path` is a crate root: where `#![forbid(unsafe_code)]` has to stand. (Integration tests have the workspace's `deny`.)
    pub(super) fn is_root(&self, path: &str) -> bool {
        let Some(inside) = path.strip_prefix(&self.folder) else {
            return false;
        };
        let program = inside.strip_prefix("src/bin/").is_some_and(|name| !name.contains('/'));
        program || matches!(inside, "src/lib.rs" | "src/main.rs" | "build.rs")
    }
}

/// Reads every member's manifest.
pub(super) fn crates(files: &[File]) -> Result<Vec<Package>, String> {
    let root = files
        .iter()
        .find(|file| file.path == "Cargo.toml")
        .ok_or("Cargo.toml is missing")?;
    let root: Table = root.text.parse().map_err(|error| format!("Cargo.toml: {error}"))?;
    let known = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));

    let mut packages = Vec::new();
    for file in files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        let table: Table = file.text.parse().map_err(|error| format!("{}: {error}", file.path))?;
        let name = table
            .get("package")
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str);
        let Some(name) = name else { continue };
        packages.push(Package {
            name: name.to_owned(),
            folder: file.path.trim_end_matches("Cargo.toml").to_owned(),
            manifest_path: file.path.clone(),
            manifest_text: file.text.clone(),
            uses: local_names(&table, &["dependencies", "build-dependencies"], known),
            tests_use: local_names(&table, &["dev-dependencies"], known),
        });
    }
    Ok(packages)
}

/// The packages with a path in the workspace's table that `sections` of a manifest name.
fn local_names(table: &Table, sections: &[&str], known: Option<&Value>) -> Vec<String> {
    let mut names = Vec::new();
    for (key, _) in dependencies(table, sections) {
        let entry = known.and_then(|known| known.get(&key));
        if entry.and_then(|entry| entry.get("path")).is_some() {
            let package = entry.and_then(|entry| entry.get("package")).and_then(Value::as_str);
            names.push(package.unwrap_or(&key).to_owned());
        }
    }
    names
}

/// All dependencies in `sections`, those of single targets included.
fn dependencies(table: &Table, sections: &[&str]) -> Vec<(String, Value)> {
    let mut tables = vec![table];
    if let Some(Value::Table(targets)) = table.get("target") {
        tables.extend(targets.values().filter_map(Value::as_table));
    }
    let mut found = Vec::new();
    for table in tables {
        for section in sections {
            if let Some(Value::Table(entries)) = table.get(*section) {
                found.extend(entries.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
    }
    found
}

/// A member takes every dependency from the workspace.
pub(super) fn check_member(path: &str, text: &str) -> Vec<Finding> {
    let Ok(table) = text.parse::<Table>() else {
        return vec![Finding::new(path, 0, "is not TOML")];
    };
    let mut findings = Vec::new();
    for (key, value) in dependencies(&table, &["dependencies", "dev-dependencies", "build-dependencies"]) {
        if value.get("workspace").and_then(Value::as_bool) != Some(true) {
            findings.push(Finding::new(
                path,
                0,
                format!("`{key}`: versions and paths stand in [workspace.dependencies] only"),
            ));
        }
    }
    let lints = table
        .get("lints")
        .and_then(|lints| lints.get("workspace"))
        .and_then(Value::as_bool);
    if table.contains_key("package") && lints != Some(true) {
        findings.push(Finding::new(path, 0, "`[lints] workspace = true` is missing"));
    }
    findings
}

/// The workspace's table: no git, no wildcard, and a comment above each dependency from outside that says what it is for.
pub(super) fn check_workspace(text: &str) -> Vec<Finding> {
    let path = "Cargo.toml";
    let mut findings = Vec::new();
    let mut inside = false;
    let mut reason = false;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        }
        let is_entry = inside && line.contains('=') && !line.starts_with('#');
        let is_ours = line.contains("path =") || line.contains("path=");
        if is_entry && line.contains("git =") {
            findings.push(Finding::new(
                path,
                index + 1,
                "a git dependency: use a released version",
            ));
        }
        if is_entry && line.contains("\"*\"") {
            findings.push(Finding::new(path, index + 1, "a wildcard version"));
        }
        if is_entry && !is_ours && !reason {
            findings.push(Finding::new(
                path,
                index + 1,
                "a dependency without a comment above it that says what it is for",
            ));
        }
        // One comment may speak for the group of lines below it, up to the next blank line.
        reason = line.starts_with('#') || reason && !line.is_empty() && !line.starts_with('[');
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{check_member, check_workspace, crates};
    use crate::tidy::File;

    const HEAD: &str = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n";

    #[test]
    fn versions_stand_in_the_workspace() {
        let member =
            |dependency: &str| check_member("a/Cargo.toml", &format!("{HEAD}[dependencies]\n{dependency}\n")).len();
        assert_eq!(member("b = { workspace = true }"), 0);
        assert_eq!(member("b.workspace = true"), 0);
        assert_eq!(member("b = \"1\""), 1);
        assert_eq!(member("b = { path = \"../b\" }"), 1);
        let target = format!("{HEAD}[target.'cfg(unix)'.dev-dependencies]\nb = \"1\"\n");
        assert_eq!(
            check_member("a/Cargo.toml", &target).len(),
            1,
            "those of single targets count too"
        );
    }

    #[test]
    fn a_member_takes_the_lints_of_the_workspace() {
        assert_eq!(check_member("a/Cargo.toml", "[package]\nname = \"a\"\n").len(), 1);
    }

    #[test]
    fn a_dependency_has_a_released_version_and_a_reason() {
        let workspace = |lines: &str| check_workspace(&format!("[workspace.dependencies]\n{lines}\n")).len();
        assert_eq!(workspace("# Flags with names.\nbitflags = \"2\""), 0);
        assert_eq!(workspace("bitflags = \"2\""), 1);
        assert_eq!(
            workspace("# Flags.\nbitflags = \"2\"\n\nserde = \"1\""),
            1,
            "a comment ends at a blank line"
        );
        assert_eq!(workspace("# Flags.\nbitflags = { git = \"x\" }"), 1);
        assert_eq!(workspace("# Flags.\nbitflags = \"*\""), 1);
        assert_eq!(
            workspace("vfs = { path = \"kernel/core/vfs\" }"),
            0,
            "our own need none"
        );
    }

    #[test]
    fn packages_know_which_of_ours_they_use() {
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let root = "[workspace.dependencies]\nvfs = { path = \"k/vfs\", package = \"chiton-vfs\" }\nserde = \"1\"\n";
        let member =
            format!("{HEAD}[dependencies]\nserde.workspace = true\n[dev-dependencies]\nvfs.workspace = true\n");
        let packages = crates(&[file("Cargo.toml", root), file("k/a/Cargo.toml", &member)]).unwrap();
        assert_eq!(packages[0].uses, [""; 0]);
        assert_eq!(packages[0].tests_use, ["chiton-vfs"]);
        assert!(packages[0].is_root("k/a/src/lib.rs") && packages[0].is_root("k/a/src/bin/x.rs"));
        assert!(
            !packages[0].is_root("k/a/src/pipe.rs")
                && !packages[0].is_root("k/a/tests/x.rs")
                && !packages[0].is_root("k/b/src/lib.rs")
        );
    }
}
