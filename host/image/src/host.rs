//! Takes files of the host into a tree under the names they have on the host.
//!
//! A path is followed component by component, and every symbolic link on the way is recreated: `/lib64/ld.so` brings the
//! link `/lib64 -> usr/lib64`, the link at the end if there is one, and the file itself. Programs and their loader then
//! find each other by any of their names, as they do on the host.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::tree::{self, Attributes, FIXED_TIME, Kind, Node, Tree};

/// What a component of a host path is known to be.
#[derive(Debug, Clone)]
enum Seen {
    Directory,
    Link(PathBuf),
}

/// A memory of the directories and links already taken over, so that each costs one `lstat`.
#[derive(Debug, Default)]
pub struct Host {
    seen: HashMap<PathBuf, Seen>,
}

impl Host {
    /// Nothing seen yet.
    pub fn new() -> Host {
        Host::default()
    }

    /// Recreates the directories and links on the way to `path` and returns where it really is, with its metadata.
    ///
    /// # Errors
    /// There is no such file, or the way to it cannot be recreated in the tree.
    pub fn follow(&mut self, tree: &mut Tree, path: &Path) -> Result<(PathBuf, Metadata)> {
        self.try_follow(tree, path)?
            .map_err(|error| Error::io("read", path, &error))
    }

    /// Like [`Host::follow`]; `None` if there is no such file.
    ///
    /// # Errors
    /// The way to it cannot be recreated in the tree.
    pub fn follow_if_there(&mut self, tree: &mut Tree, path: &Path) -> Result<Option<(PathBuf, Metadata)>> {
        self.try_follow(tree, path).map(std::result::Result::ok)
    }

    /// Takes the file, directory (without its entries) or device at `path`, and returns its real path.
    ///
    /// # Errors
    /// As [`Host::follow`].
    pub fn take(&mut self, tree: &mut Tree, path: &Path) -> Result<PathBuf> {
        let (real, meta) = self.follow(tree, path)?;
        tree.insert(&real, node(&real, &meta))?;
        Ok(real)
    }

    /// Like [`Host::take`] if `path` is a regular file, else `None`.
    ///
    /// # Errors
    /// The way to it cannot be recreated in the tree.
    pub fn take_if_file(&mut self, tree: &mut Tree, path: &Path) -> Result<Option<PathBuf>> {
        if !fs::metadata(path).is_ok_and(|meta| meta.is_file()) {
            return Ok(None);
        }
        self.take(tree, path).map(Some)
    }

    fn try_follow(&mut self, tree: &mut Tree, path: &Path) -> Result<io::Result<(PathBuf, Metadata)>> {
        let mut todo: VecDeque<OsString> = tree::steps(path).into();
        let mut here = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            if name == ".." {
                here.pop();
                continue;
            }
            here.push(name);
            let seen = match self.seen.get(&here) {
                Some(seen) => seen.clone(),
                None => match self.look(tree, &here)? {
                    Ok(Looked::Known(seen)) => seen,
                    Ok(Looked::File(meta)) if todo.is_empty() => return Ok(Ok((here, meta))),
                    Ok(Looked::File(_)) => return Ok(Err(io::ErrorKind::NotADirectory.into())),
                    Err(error) => return Ok(Err(error)),
                },
            };
            if let Seen::Link(target) = seen {
                links += 1;
                if links > tree::MAX_LINKS {
                    return Ok(Err(io::Error::other("its symbolic links go in a circle")));
                }
                here.pop();
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                tree::steps(&target)
                    .into_iter()
                    .rev()
                    .for_each(|step| todo.push_front(step));
            }
        }
        Ok(fs::symlink_metadata(&here).map(|meta| (here, meta)))
    }

    fn look(&mut self, tree: &mut Tree, here: &Path) -> Result<io::Result<Looked>> {
        let meta = match fs::symlink_metadata(here) {
            Ok(meta) => meta,
            Err(error) => return Ok(Err(error)),
        };
        let seen = if meta.is_dir() {
            let attributes = Attributes {
                mtime: FIXED_TIME,
                mtime_nsec: 0,
                ..Attributes::of(&meta)
            };
            tree.insert_missing(here, Node::directory(attributes))?;
            Seen::Directory
        } else if meta.is_symlink() {
            let Ok(target) = fs::read_link(here) else {
                return Ok(Err(io::ErrorKind::NotFound.into()));
            };
            tree.insert_missing(
                here,
                Node {
                    attributes: Attributes::of(&meta),
                    ..Node::symlink(&target)
                },
            )?;
            Seen::Link(target)
        } else {
            return Ok(Ok(Looked::File(meta)));
        };
        self.seen.insert(here.to_path_buf(), seen.clone());
        Ok(Ok(Looked::Known(seen)))
    }
}

enum Looked {
    Known(Seen),
    File(Metadata),
}

/// A node for the host file at `path` that is not a symbolic link.
pub(crate) fn node(path: &Path, meta: &Metadata) -> Node {
    let file_type = meta.file_type();
    if file_type.is_file() {
        return Node::host_file(path, meta);
    }
    if file_type.is_dir() {
        return Node::directory(Attributes::of(meta));
    }
    let is_device = file_type.is_char_device() || file_type.is_block_device();
    let device = if is_device { device_number(meta.rdev()) } else { 0 };
    let file_type = u16::try_from(meta.mode() & 0o170_000).unwrap_or(0);
    Node {
        attributes: Attributes::of(meta),
        kind: Kind::Special { file_type, device },
    }
}

/// Linux's 32-bit encoding of the 64-bit device number that `stat` gives.
fn device_number(rdev: u64) -> u32 {
    let major = (rdev >> 8 & 0xfff) | (rdev >> 32 & !0xfff);
    let minor = (rdev & 0xff) | (rdev >> 12 & !0xff);
    u32::try_from((minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xf_ff00) << 12).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_on_the_way_are_recreated() {
        let scratch = tempfile::tempdir().unwrap();
        let base = scratch.path().canonicalize().unwrap();
        fs::create_dir(base.join("real")).unwrap();
        fs::write(base.join("real/file-1"), "x").unwrap();
        std::os::unix::fs::symlink("real", base.join("alias")).unwrap();
        std::os::unix::fs::symlink("file-1", base.join("real/file")).unwrap();
        let mut tree = Tree::new();
        let real = Host::new().take(&mut tree, &base.join("alias/file")).unwrap();
        assert_eq!(real, base.join("real/file-1"));
        assert!(matches!(tree.get(&base.join("alias")).unwrap().kind, Kind::Symlink(_)));
        assert!(matches!(
            tree.get(&base.join("real/file")).unwrap().kind,
            Kind::Symlink(_)
        ));
        assert_eq!(tree.resolve(&base.join("alias/file")).unwrap().0, real);
    }

    #[test]
    fn the_device_number_of_dev_null() {
        assert_eq!(device_number(1 << 8 | 3), 0x103);
    }
}
