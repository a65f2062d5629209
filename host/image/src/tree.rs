//! The files of an image as a tree in memory: names, attributes, and where each file's bytes come from.
//!
//! The tree never holds the contents of host files, only their paths and the stamps by which a change is noticed, so that
//! planning an image of thousands of files costs one `stat` each and the plan can be compared with a cached image cheaply.
//!
//! Invariants: every path is absolute and guest-side; inserting follows the symbolic links that are already in the tree,
//! so `/lib/x` lands in `/usr/lib` when `/lib` is a link to it; a parent directory that nobody described gets mode 0755,
//! owner root and a fixed time, so that the same plan makes the same image.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The modification time of everything that does not come from a host file: 2026-01-01.
pub(crate) const FIXED_TIME: i64 = 1_767_225_600;

/// As many symbolic links as Linux follows before it says ELOOP.
pub(crate) const MAX_LINKS: usize = 40;

/// As long as Linux lets a name be.
const MAX_NAME: usize = 255;

/// As long as Linux lets a path be, its final zero included.
const MAX_PATH: usize = 4096;

/// The attributes that every node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, `0o7777`.
    pub mode: u16,
    /// The owner.
    pub uid: u32,
    /// The owning group.
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Nanoseconds of that second.
    pub mtime_nsec: u32,
}

impl Attributes {
    /// Attributes of a node that Chiton makes up: owned by root, at the fixed time.
    pub fn made_up(mode: u16) -> Attributes {
        Attributes {
            mode,
            uid: 0,
            gid: 0,
            mtime: FIXED_TIME,
            mtime_nsec: 0,
        }
    }

    /// The attributes of a host file.
    pub fn of(meta: &Metadata) -> Attributes {
        let mode = u16::try_from(meta.mode() & 0o7777).unwrap_or(0);
        let mtime_nsec = u32::try_from(meta.mtime_nsec()).unwrap_or(0);
        Attributes {
            mode,
            uid: meta.uid(),
            gid: meta.gid(),
            mtime: meta.mtime(),
            mtime_nsec,
        }
    }
}

/// A regular file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Bytes that Chiton made up.
    Bytes(Vec<u8>),
    /// A file of the host.
    Host(HostFile),
}

impl Content {
    /// The size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Host(file) => file.size,
        }
    }
}

/// A host file and what identifies its present contents without reading them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// Where it is on the host, without symbolic links.
    pub path: PathBuf,
    /// Its size when it was looked at.
    pub size: u64,
    /// Device, inode, time of change (seconds, nanoseconds).
    pub stamp: [i64; 4],
}

impl HostFile {
    /// Describes the file at `path` by its metadata.
    pub fn of(path: &Path, meta: &Metadata) -> HostFile {
        let stamp = [
            meta.dev().cast_signed(),
            meta.ino().cast_signed(),
            meta.ctime(),
            meta.ctime_nsec(),
        ];
        HostFile {
            path: path.to_path_buf(),
            size: meta.size(),
            stamp,
        }
    }
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory with its entries.
    Directory(BTreeMap<OsString, Node>),
    /// A regular file.
    File(Content),
    /// A symbolic link with its target.
    Symlink(PathBuf),
    /// A device, FIFO or socket: the file-type bits of `st_mode` and the device number as `stat` gives it.
    Special {
        /// `S_IFCHR`, `S_IFBLK`, `S_IFIFO` or `S_IFSOCK`.
        file_type: u16,
        /// The device number in Linux's 32-bit encoding, zero if it has none.
        device: u32,
    },
}

/// One file of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Mode, owner, time.
    pub attributes: Attributes,
    /// What it is.
    pub kind: Kind,
}

impl Node {
    /// An empty directory.
    pub fn directory(attributes: Attributes) -> Node {
        Node {
            attributes,
            kind: Kind::Directory(BTreeMap::new()),
        }
    }

    /// A file with made-up contents.
    pub fn text(mode: u16, text: impl Into<Vec<u8>>) -> Node {
        Node {
            attributes: Attributes::made_up(mode),
            kind: Kind::File(Content::Bytes(text.into())),
        }
    }

    /// A regular host file.
    pub fn host_file(path: &Path, meta: &Metadata) -> Node {
        Node {
            attributes: Attributes::of(meta),
            kind: Kind::File(Content::Host(HostFile::of(path, meta))),
        }
    }

    /// A symbolic link.
    pub fn symlink(target: &Path) -> Node {
        Node {
            attributes: Attributes::made_up(0o777),
            kind: Kind::Symlink(target.to_path_buf()),
        }
    }

    /// The entries, if this is a directory.
    pub fn entries(&self) -> Option<&BTreeMap<OsString, Node>> {
        match &self.kind {
            Kind::Directory(entries) => Some(entries),
            _ => None,
        }
    }
}

/// A whole image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    root: Node,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl Tree {
    /// A tree with nothing but its root.
    pub fn new() -> Tree {
        Tree {
            root: Node::directory(Attributes::made_up(0o755)),
        }
    }

    /// The root directory.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The node at exactly this path; symbolic links are not followed anywhere.
    pub fn get(&self, path: &Path) -> Option<&Node> {
        names(path).try_fold(&self.root, |node, name| node.entries()?.get(name))
    }

    /// The node that `path` leads to, every symbolic link followed, with its own path.
    pub fn resolve(&self, path: &Path) -> Option<(PathBuf, &Node)> {
        let real = self.real_path(path, true)?;
        let node = self.get(&real)?;
        Some((real, node))
    }

    /// Puts `node` at `path`, making parents as needed. A directory put over a directory keeps its entries and takes the
    /// new attributes; anything else replaces what was there.
    ///
    /// # Errors
    /// A parent is not a directory, the links of the path go in a circle, or a name is too long.
    pub fn insert(&mut self, path: &Path, node: Node) -> Result<()> {
        let Some(real) = self.real_path(path, false) else {
            return Err(conflict(path));
        };
        let target_size = if let Kind::Symlink(target) = &node.kind {
            target.as_os_str().len()
        } else {
            0
        };
        if target_size >= MAX_PATH || names(&real).any(|name| name.len() > MAX_NAME) {
            let cause = format!("the name or target of {} is longer than Linux allows", path.display());
            return Err(Error::new(cause, "Give it another guest path, or leave it out"));
        }
        let mut here = &mut self.root;
        for name in names(&real) {
            let Kind::Directory(entries) = &mut here.kind else {
                return Err(conflict(path));
            };
            here = entries
                .entry(name.to_os_string())
                .or_insert_with(|| Node::directory(Attributes::made_up(0o755)));
        }
        match (&mut here.kind, node.kind) {
            (Kind::Directory(old), Kind::Directory(new)) => old.extend(new),
            (Kind::Directory(old), _) if !old.is_empty() => return Err(conflict(path)),
            (old, new) => *old = new,
        }
        here.attributes = node.attributes;
        Ok(())
    }

    /// Like [`Tree::insert`], unless something is there already.
    ///
    /// # Errors
    /// As [`Tree::insert`].
    pub fn insert_missing(&mut self, path: &Path, node: Node) -> Result<()> {
        if self.resolve(path).is_some() || self.get(path).is_some() {
            return Ok(());
        }
        self.insert(path, node)
    }

    /// The text of the regular file that `path` leads to, empty if there is none.
    pub fn text(&self, path: &Path) -> String {
        let bytes = match self.resolve(path).map(|(_, node)| &node.kind) {
            Some(Kind::File(Content::Bytes(bytes))) => bytes.clone(),
            Some(Kind::File(Content::Host(file))) => std::fs::read(&file.path).unwrap_or_default(),
            _ => Vec::new(),
        };
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Gives what is at `path` other attributes, if something is there.
    pub(crate) fn change(&mut self, path: &Path, change: impl FnOnce(&mut Attributes)) {
        let Some(real) = self.real_path(path, true) else {
            return;
        };
        let mut here = &mut self.root;
        for name in names(&real) {
            match &mut here.kind {
                Kind::Directory(entries) => match entries.get_mut(name) {
                    Some(node) => here = node,
                    None => return,
                },
                _ => return,
            }
        }
        change(&mut here.attributes);
    }

    /// Calls `visit` for every node below the root, parents first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&Path, &'a Node)) {
        walk_below(&mut PathBuf::from("/"), &self.root, visit);
    }

    /// Follows the tree's symbolic links in `path`. Components that are not in the tree are kept as they are.
    fn real_path(&self, path: &Path, follow_last: bool) -> Option<PathBuf> {
        let mut todo: Vec<OsString> = names(path).map(OsStr::to_os_string).collect();
        todo.reverse();
        let mut real = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = todo.pop() {
            if name == ".." {
                real.pop();
                continue;
            }
            real.push(&name);
            let Some(Kind::Symlink(target)) = self.get(&real).map(|node| &node.kind) else {
                continue;
            };
            if todo.is_empty() && !follow_last {
                break;
            }
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            real.pop();
            if target.is_absolute() {
                real = PathBuf::from("/");
            }
            todo.extend(steps(target).into_iter().rev());
        }
        Some(real)
    }
}

fn conflict(path: &Path) -> Error {
    let cause = format!(
        "{} cannot be put into the image, because a file of another kind is in its way",
        path.display()
    );
    Error::new(cause, "Give it another guest path, or leave the other file out")
}

fn walk_below<'a>(path: &mut PathBuf, node: &'a Node, visit: &mut dyn FnMut(&Path, &'a Node)) {
    for (name, child) in node.entries().into_iter().flatten() {
        path.push(name);
        visit(path, child);
        walk_below(path, child, visit);
        path.pop();
    }
}

/// The named components of a path, without the root and `.`; `..` stays.
fn names(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        _ => None,
    })
}

/// The components of a link's target, in order.
pub(crate) fn steps(target: &Path) -> Vec<OsString> {
    names(target).map(OsStr::to_os_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserting_follows_links_that_are_there() {
        let mut tree = Tree::new();
        tree.insert(Path::new("/lib"), Node::symlink(Path::new("usr/lib")))
            .unwrap();
        tree.insert(Path::new("/lib/a/b"), Node::text(0o644, "x")).unwrap();
        assert!(tree.get(Path::new("/usr/lib/a/b")).is_some());
        assert_eq!(
            tree.resolve(Path::new("/lib/a/../a/b")).unwrap().0,
            Path::new("/usr/lib/a/b")
        );
    }

    #[test]
    fn a_circle_of_links_leads_nowhere() {
        let mut tree = Tree::new();
        tree.insert(Path::new("/a"), Node::symlink(Path::new("/b"))).unwrap();
        tree.insert(Path::new("/b"), Node::symlink(Path::new("a"))).unwrap();
        assert!(tree.resolve(Path::new("/a")).is_none());
        assert!(tree.insert(Path::new("/a/x"), Node::text(0o644, "")).is_err());
    }

    #[test]
    fn a_file_is_not_a_parent() {
        let mut tree = Tree::new();
        tree.insert(Path::new("/a"), Node::text(0o644, "")).unwrap();
        assert!(tree.insert(Path::new("/a/b"), Node::text(0o644, "")).is_err());
    }
}
