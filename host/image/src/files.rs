//! Files that the user asks for: `--file HOST[:GUEST]` and `-v HOST:GUEST[:ro]`.
//!
//! Without a guest path a file keeps its host path, and the links on the way are recreated. A directory is taken with
//! everything below it, on its own file system only; links inside it stay links. A pattern (`*`, `?`, `[…]`) stands for
//! every file that matches.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::{self, Host};
use crate::tree::{Attributes, Kind, Node, Tree};

/// One request: a host path or pattern, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    host: String,
    guest: Option<PathBuf>,
    /// Whether the guest path names a directory to put the file into.
    into: bool,
}

/// A file that came with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its path in the tree.
    pub path: PathBuf,
    /// Whether the request named it; false for what lay in a directory.
    pub named: bool,
}

impl Request {
    /// Reads `HOST[:GUEST]`.
    ///
    /// # Errors
    /// The guest path is not absolute.
    pub fn file(text: &str) -> Result<Request> {
        let (host, guest) = match text.rsplit_once(':') {
            Some((host, guest)) if !host.is_empty() && !Path::new(text).exists() => (host, Some(guest)),
            _ => (text, None),
        };
        Request::new(host, guest, text)
    }

    /// Reads `HOST:GUEST[:ro]`.
    ///
    /// # Errors
    /// The text has another form, or the guest path is not absolute.
    pub fn volume(text: &str) -> Result<Request> {
        let body = text
            .strip_suffix(":ro")
            .or_else(|| text.strip_suffix(":rw"))
            .unwrap_or(text);
        match body.rsplit_once(':') {
            Some((host, way)) if host.contains(":/") && !way.starts_with('/') => Err(Error::new(
                format!("the volume {text} ends in {way}, and only ro may follow the guest path"),
                "Write it as HOST:GUEST or HOST:GUEST:ro",
            )),
            Some((host, guest)) if !host.is_empty() => Request::new(host, Some(guest), text),
            _ => Err(Error::new(
                format!("the volume {text} has no guest path"),
                "Write it as HOST:GUEST or HOST:GUEST:ro",
            )),
        }
    }

    fn new(host: &str, guest: Option<&str>, text: &str) -> Result<Request> {
        if guest.is_some_and(|guest| !guest.starts_with('/')) {
            let cause = format!("the guest path in {text} is not absolute");
            return Err(Error::new(cause, "Begin it with a slash"));
        }
        let into = guest.is_some_and(|guest| guest.ends_with('/'));
        Ok(Request {
            host: host.to_string(),
            guest: guest.map(PathBuf::from),
            into,
        })
    }

    /// Takes the files into the tree and reports each regular file.
    ///
    /// # Errors
    /// Nothing matches, or a file cannot be read.
    pub fn take(&self, tree: &mut Tree, host: &mut Host, directory: &Path) -> Result<Vec<Taken>> {
        let literal = directory.join(&self.host);
        let is_pattern = self.host.contains(['*', '?', '[']) && fs::symlink_metadata(&literal).is_err();
        let matches = if is_pattern {
            expand(&literal, &self.host)?
        } else {
            vec![literal]
        };
        let mut taken = Vec::new();
        for path in matches {
            let path: PathBuf = path.components().collect();
            let guest = match (&self.guest, path.file_name()) {
                (Some(guest), Some(name)) if self.into || is_pattern => Some(guest.join(name)),
                (guest, _) => guest.clone(),
            };
            self.take_one(tree, host, &path, guest.as_deref(), &mut taken)?;
        }
        Ok(taken)
    }

    fn take_one(
        &self,
        tree: &mut Tree,
        host: &mut Host,
        path: &Path,
        guest: Option<&Path>,
        taken: &mut Vec<Taken>,
    ) -> Result<()> {
        let (real, meta) = match guest {
            None => host.follow(tree, path)?,
            Some(_) => {
                let real = fs::canonicalize(path).map_err(|error| Error::io("read", path, &error))?;
                let meta = fs::metadata(&real).map_err(|error| Error::io("read", path, &error))?;
                (real, meta)
            }
        };
        let guest = guest.unwrap_or(&real).to_path_buf();
        tree.insert(&guest, host::node(&real, &meta))?;
        if meta.is_dir() {
            return take_below(tree, &real, &guest, &|_| true, meta.dev(), taken);
        }
        if meta.is_file() {
            File::open(&real).map_err(|error| Error::io("read", path, &error))?;
            taken.push(Taken {
                path: guest,
                named: true,
            });
        }
        Ok(())
    }
}

/// Takes a directory tree as the root. What belongs to a user who is not root belongs to root in the guest: that user unpacked it.
///
/// # Errors
/// There is no such directory.
pub fn take_root(tree: &mut Tree, root: &Path) -> Result<Vec<Taken>> {
    let meta = fs::metadata(root).map_err(|error| Error::io("read", root, &error))?;
    if !meta.is_dir() {
        let cause = format!("the root {} is not a directory", root.display());
        return Err(Error::new(
            cause,
            "Give a directory with a whole system in it, or unpack an archive first",
        ));
    }
    let mut taken = Vec::new();
    take_below(tree, root, Path::new("/"), &|_| true, meta.dev(), &mut taken)?;
    let me = fs::metadata("/proc/self").map_or(0, |meta| meta.uid());
    if me != 0 {
        let mut mine = Vec::new();
        tree.walk(&mut |path, node| mine.extend((node.attributes.uid == me).then(|| path.to_path_buf())));
        for path in mine {
            tree.change(&path, |attributes| (attributes.uid, attributes.gid) = (0, 0));
        }
    }
    Ok(taken)
}

/// Takes everything below a directory that is wanted. What may not be read is left out, as it would be invisible to this
/// user anyway.
pub(crate) fn take_below(
    tree: &mut Tree,
    host: &Path,
    guest: &Path,
    wanted: &dyn Fn(&Path) -> bool,
    device: u64,
    taken: &mut Vec<Taken>,
) -> Result<()> {
    let Ok(entries) = fs::read_dir(host) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let (path, place) = (entry.path(), guest.join(entry.file_name()));
        let Ok(meta) = entry.metadata() else { continue };
        if !wanted(&path) {
            continue;
        }
        if meta.is_symlink() {
            if let Ok(target) = fs::read_link(&path) {
                tree.insert(
                    &place,
                    Node {
                        attributes: Attributes::of(&meta),
                        kind: Kind::Symlink(target),
                    },
                )?;
            }
            continue;
        }
        if meta.dev() != device || meta.is_file() && !readable(&path, &meta) {
            continue;
        }
        tree.insert(&place, host::node(&path, &meta))?;
        if meta.is_dir() {
            take_below(tree, &path, &place, wanted, device, taken)?;
        } else if meta.is_file() {
            taken.push(Taken {
                path: place,
                named: false,
            });
        }
    }
    Ok(())
}

/// Asks the operating system only when the mode leaves a doubt.
fn readable(path: &Path, meta: &fs::Metadata) -> bool {
    meta.mode() & 0o444 == 0o444 || File::open(path).is_ok()
}

fn expand(pattern: &Path, shown: &str) -> Result<Vec<PathBuf>> {
    let text = pattern.to_string_lossy();
    let found = glob::glob(&text).map_err(|error| {
        Error::new(
            format!("the pattern {shown} cannot be read: {}", error.msg),
            "Correct it, or give a plain path",
        )
    })?;
    let list: Vec<PathBuf> = found.flatten().collect();
    if list.is_empty() {
        return Err(Error::new(
            format!("no file matches {shown}"),
            "Check the pattern and the directory",
        ));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_requests() {
        assert_eq!(Request::file("a:/b").unwrap().guest, Some("/b".into()));
        assert_eq!(Request::file("a").unwrap().guest, None);
        assert!(Request::file("a:b").is_err());
        assert_eq!(Request::volume("a:/b:ro").unwrap(), Request::volume("a:/b").unwrap());
        assert!(Request::volume("a").is_err());
    }

    #[test]
    fn directories_patterns_and_single_files() {
        let scratch = tempfile::tempdir().unwrap();
        let base = scratch.path().canonicalize().unwrap();
        fs::create_dir_all(base.join("d/e")).unwrap();
        for name in ["d/one.py", "d/two.py", "d/e/three"] {
            fs::write(base.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("one.py", base.join("d/link")).unwrap();
        let take = |text: &str| {
            let mut tree = Tree::new();
            let taken = Request::file(text).unwrap().take(&mut tree, &mut Host::new(), &base);
            taken.map(|taken| (tree, taken.len()))
        };
        let (tree, count) = take("d:/x").unwrap();
        assert_eq!(count, 3);
        assert!(matches!(tree.get(Path::new("/x/link")).unwrap().kind, Kind::Symlink(_)));
        assert!(tree.get(Path::new("/x/e/three")).is_some());
        let (tree, count) = take("d/*.py:/y").unwrap();
        assert!(count == 2 && tree.get(Path::new("/y/two.py")).is_some());
        let (tree, _) = take("d/one.py:/z/").unwrap();
        assert!(tree.get(Path::new("/z/one.py")).is_some());
        assert!(take("d/*.c").is_err() && take("nothing").is_err());
    }

    #[test]
    fn a_directory_as_the_root() {
        let scratch = tempfile::tempdir().unwrap();
        fs::create_dir_all(scratch.path().join("usr/bin")).unwrap();
        fs::write(scratch.path().join("usr/bin/x"), "x").unwrap();
        std::os::unix::fs::symlink("usr/bin", scratch.path().join("bin")).unwrap();
        let mut tree = Tree::new();
        let taken = take_root(&mut tree, scratch.path()).unwrap();
        assert_eq!(taken[0].path, Path::new("/usr/bin/x"));
        assert_eq!(tree.resolve(Path::new("/bin/x")).unwrap().1.attributes.uid, 0);
        assert!(take_root(&mut tree, &scratch.path().join("usr/bin/x")).is_err());
        assert!(take_root(&mut tree, &scratch.path().join("nowhere")).is_err());
    }
}
