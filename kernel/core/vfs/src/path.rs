//! Places in the tree that a process sees: an entry, reached through a mount.

use crate::{Attributes, Dentry, Inode, Mount};
use abi::stat::Stat;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// An entry reached through a mount.
#[derive(Clone)]
pub struct Path {
    /// The mount.
    pub mount: Arc<Mount>,
    /// The entry.
    pub dentry: Arc<Dentry>,
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dentry, &other.dentry) && Arc::ptr_eq(&self.mount, &other.mount)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text(None).escape_ascii())
    }
}

impl Path {
    /// What lies there.
    ///
    /// # Errors
    /// `ENOENT` for a name that does not exist.
    #[inline]
    pub fn inode(&self) -> Result<&Arc<dyn Inode>> {
        self.dentry
            .inode()
            .ok_or_else(|| Error::new(Errno::ENOENT, "there is no such file"))
    }

    /// What `stat` tells of what lies there.
    ///
    /// # Errors
    /// `ENOENT` for a name that does not exist.
    #[inline]
    pub fn attributes(&self) -> Result<Attributes> {
        Ok(self.inode()?.attributes())
    }

    /// The same as a program gets it.
    ///
    /// # Errors
    /// `ENOENT` for a name that does not exist.
    #[inline]
    pub fn stat(&self) -> Result<Stat> {
        Ok(self.inode()?.stat())
    }

    /// Whether it is the root of its mount.
    #[must_use]
    #[inline]
    pub fn is_mount_root(&self) -> bool {
        Arc::ptr_eq(&self.dentry, self.mount.root())
    }

    /// The directory above, across mounts; the place itself at the root of everything. Nothing stops at a process's root here.
    #[must_use]
    pub fn parent(&self) -> Self {
        let mut at = self.clone();
        while at.is_mount_root() {
            match at.mount.place() {
                Some(place) => at = place,
                None => return at,
            }
        }
        if let Some(parent) = at.dentry.parent() {
            at.dentry = parent;
        }
        at
    }

    /// What is seen at this place: the root of what is mounted on it, if something is.
    #[inline]
    pub(crate) fn cover(&mut self) {
        if self.dentry.is_mount_point() {
            self.cover_mounts();
        }
    }

    #[inline(never)]
    fn cover_mounts(&mut self) {
        while self.dentry.is_mount_point() {
            match self.mount.mounted_on(&self.dentry) {
                Some(mount) => {
                    self.dentry = Arc::clone(mount.root());
                    self.mount = mount;
                }
                None => break,
            }
        }
    }

    /// The path as `getcwd` and `/proc/self/fd` show it, from `root` on (or from the root of everything): ` (deleted)` behind a name that
    /// was removed, `(unreachable)` before a path that does not lead to `root`.
    #[must_use]
    pub fn text(&self, root: Option<&Self>) -> Vec<u8> {
        if self.dentry.is_alone() {
            return self.dentry.name().as_bytes().to_vec();
        }
        let (names, reached) = self.names(root);
        let mut text = Vec::new();
        if !reached {
            text.extend_from_slice(b"(unreachable)");
        }
        for name in names.iter().rev() {
            text.push(b'/');
            text.extend_from_slice(name);
        }
        if names.is_empty() {
            text.push(b'/');
        }
        let gone = self.dentry.inode().is_some_and(|inode| inode.is_gone());
        if gone || !self.dentry.is_reachable() {
            text.extend_from_slice(b" (deleted)");
        }
        text
    }

    /// The names from here up, and whether they end at `root`.
    fn names(&self, root: Option<&Self>) -> (Vec<Vec<u8>>, bool) {
        let mut names = Vec::new();
        let mut at = self.clone();
        loop {
            if root.is_some_and(|root| *root == at) {
                return (names, true);
            }
            if at.is_mount_root() {
                match at.mount.place() {
                    Some(place) => at = place,
                    None => return (names, root.is_none()),
                }
                continue;
            }
            names.push(at.dentry.name().as_bytes().to_vec());
            match at.dentry.parent() {
                Some(parent) => at.dentry = parent,
                None => return (names, root.is_none()),
            }
        }
    }
}
