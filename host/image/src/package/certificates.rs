//! The certificates of authorities in `/etc/ssl/certs`, as the package ca-certificates makes them of its files when it is installed: all in one
//! file, each under its name, and each under a number by which OpenSSL finds it.
//!
//! An installed package has them here, with what the administrator added; they are taken. Of one that was fetched they are made.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::der;
use super::stanza::{Package, Place};
use crate::error::Result;
use crate::host::Host;
use crate::tree::{Kind, Node, Tree};

/// The package; others recommend it, and need it as soon as they speak TLS.
pub(crate) const PACKAGE: &str = "ca-certificates";

const FILES: &str = "/usr/share/ca-certificates";
const PLACE: &str = "/etc/ssl/certs";

/// Puts the certificates of the package into the tree that has its files.
///
/// # Errors
/// A file is in the way of a directory.
pub(crate) fn gather(tree: &mut Tree, host: &mut Host, package: &Package) -> Result<()> {
    if package.place == Place::Installed {
        let names = fs::read_dir(PLACE).into_iter().flatten().flatten();
        for entry in names {
            host.take_if_file(tree, &entry.path())?;
        }
        return Ok(());
    }
    let mut paths = Vec::new();
    tree.walk(&mut |path, node| {
        let is_certificate = path.extension().is_some_and(|extension| extension == "crt");
        if is_certificate && path.starts_with(FILES) && matches!(node.kind, Kind::File(_)) {
            paths.push(path.to_path_buf());
        }
    });
    paths.sort();
    let mut bundle = String::new();
    let mut numbers: HashMap<u32, u32> = HashMap::new();
    for path in &paths {
        let text = tree.text(path);
        let name = PathBuf::from(path.file_name().unwrap_or_default()).with_extension("pem");
        tree.insert_missing(&Path::new(PLACE).join(&name), Node::symlink(path))?;
        if let Some(number) = der::subject_number(&text) {
            let nth = numbers.entry(number).or_default();
            let link = Path::new(PLACE).join(format!("{number:08x}.{nth}"));
            *nth += 1;
            tree.insert_missing(&link, Node::symlink(&name))?;
        }
        bundle += text.trim_end();
        bundle.push('\n');
    }
    if bundle.is_empty() {
        return Ok(());
    }
    let path = Path::new(PLACE).join("ca-certificates.crt");
    tree.insert_missing(&path, Node::text(0o644, bundle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::stanza;

    /// Of the certificates of this machine the same links are made as are here, and the same file of all.
    #[test]
    fn as_on_this_machine() {
        let (mut tree, mut here) = (Tree::new(), String::new());
        for entry in fs::read_dir(Path::new(FILES).join("mozilla"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let text = fs::read_to_string(entry.path()).unwrap();
            tree.insert(&entry.path(), Node::text(0o644, text)).unwrap();
            here += "-----BEGIN CERTIFICATE-----\n";
        }
        let place = Place::Unpacked(PathBuf::from("/nowhere"));
        let package = stanza::package("Package: ca-certificates\nVersion: 1\n", place).unwrap();
        gather(&mut tree, &mut Host::new(), &package).unwrap();
        let all = tree.text(&Path::new(PLACE).join("ca-certificates.crt"));
        assert_eq!(
            all.matches("-----BEGIN CERTIFICATE-----\n").count(),
            here.lines().count()
        );
        for name in tree
            .get(Path::new(PLACE))
            .and_then(Node::entries)
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
        {
            let path = Path::new(PLACE).join(name);
            assert!(!tree.text(&path).is_empty(), "{}", path.display());
            assert!(fs::symlink_metadata(&path).is_ok(), "{} is not here", path.display());
        }
    }
}
