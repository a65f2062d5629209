//! `renameat2(2)`.

use crate::change::Target;
use crate::{Context, Kind, Path, Permission, notify};
use abi::fcntl::RenameFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use lock::SpinLock;

/// What is refused because one of the two lies in the other.
fn check_places(old: &Target, new: &Target, exchange: bool) -> Result<()> {
    if new.parent.dentry.is_below(&old.child.dentry) {
        return Err(Error::new(Errno::EINVAL, "the directory would be in itself"));
    }
    if new.child.dentry.kind().is_some() && old.parent.dentry.is_below(&new.child.dentry) {
        return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY }.into());
    }
    Ok(())
}

/// Renames come one after the other, so that the tree of entries is never seen turning into a ring.
static RENAMES: SpinLock<()> = SpinLock::new(());

impl Context {
    /// Moves a name.
    ///
    /// # Errors
    /// All of `renameat2(2)`'s.
    pub fn rename(
        &self,
        old_base: &Path,
        old_path: &[u8],
        new_base: &Path,
        new_path: &[u8],
        flags: RenameFlags,
    ) -> Result<()> {
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if flags.contains(RenameFlags::WHITEOUT) || (exchange && flags.contains(RenameFlags::NOREPLACE)) {
            return Err(Error::new(Errno::EINVAL, "the flags do not go together"));
        }
        let busy = |_| Error::new(Errno::EBUSY, "such a name is not moved");
        let taken = |_| {
            Error::from(if flags.contains(RenameFlags::NOREPLACE) {
                Errno::EEXIST
            } else {
                Errno::EBUSY
            })
        };
        let old = self.target(old_base, old_path)?.map_err(busy)?;
        let new = self.target(new_base, new_path)?.map_err(taken)?;
        if !Arc::ptr_eq(&old.parent.mount, &new.parent.mount) {
            return Err(Error::new(Errno::EXDEV, "the name would go to another mount"));
        }
        self.check_names(&old, &new, flags)?;
        let same = match (old.child.dentry.inode(), new.child.dentry.inode()) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            _ => false,
        };
        if same {
            return Ok(());
        }
        old.parent.mount.check_writable()?;
        self.check_move(&old, &new, exchange)?;
        let turn = RENAMES.lock();
        // Another rename may have moved one of the two below the other.
        check_places(&old, &new, exchange)?;
        old.parent
            .inode()?
            .rename(&old.name, new.parent.inode()?, &new.name, flags)?;
        if exchange {
            old.parent
                .dentry
                .exchange(&old.child.dentry, &new.parent.dentry, &new.child.dentry);
        } else {
            old.parent
                .dentry
                .move_entry(&old.child.dentry, &new.parent.dentry, &new.name);
        }
        drop(turn);
        notify::tell_move(
            (&old.parent.dentry, &old.name),
            (&new.parent.dentry, &new.name),
            &old.child.dentry,
        );
        Ok(())
    }

    /// What is refused because of the names themselves.
    fn check_names(&self, old: &Target, new: &Target, flags: RenameFlags) -> Result<()> {
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let Some(kind) = old.child.dentry.kind() else {
            return Err(Errno::ENOENT.into());
        };
        let new_kind = new.child.dentry.kind();
        if flags.contains(RenameFlags::NOREPLACE) && new_kind.is_some() {
            return Err(Errno::EEXIST.into());
        }
        let not_directory = || Error::new(Errno::ENOTDIR, "a slash follows what is not a directory");
        if exchange {
            match new_kind {
                None => return Err(Errno::ENOENT.into()),
                Some(kind) if kind != Kind::Directory && new.slash => return Err(not_directory()),
                Some(_) => {}
            }
        }
        if kind != Kind::Directory && (old.slash || (!exchange && new.slash)) {
            return Err(not_directory());
        }
        check_places(old, new, exchange)
    }

    /// What is refused because of permissions and kinds.
    fn check_move(&self, old: &Target, new: &Target, exchange: bool) -> Result<()> {
        self.check_removing(&old.parent, &old.child)?;
        let is_directory = old.child.dentry.is_directory();
        match new.child.dentry.kind() {
            None => {
                self.check_making(&new.parent)?;
            }
            Some(kind) => {
                self.check_removing(&new.parent, &new.child)?;
                if !exchange && is_directory && kind != Kind::Directory {
                    return Err(Error::new(Errno::ENOTDIR, "a directory replaces a directory"));
                }
                if !exchange && !is_directory && kind == Kind::Directory {
                    return Err(Error::new(Errno::EISDIR, "a file does not replace a directory"));
                }
            }
        }
        // A directory that changes its parent is changed itself: its `..` is another one.
        if !Arc::ptr_eq(&old.parent.dentry, &new.parent.dentry) {
            let moved = [&old.child, &new.child];
            for child in moved.iter().take(if exchange { 2 } else { 1 }) {
                if child.dentry.is_directory() {
                    self.credentials.check(&child.attributes()?, Permission::WRITE)?;
                }
            }
        }
        if old.child.is_mount_root() || new.child.is_mount_root() {
            return Err(Error::new(Errno::EBUSY, "something is mounted there"));
        }
        Ok(())
    }
}
