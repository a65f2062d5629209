//! A directory's names: finding, making, moving and listing them.

use super::Node;
use crate::directory::Names;
use abi::fcntl::RenameFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use vfs::{DirectoryEntry, Emit, Kind};

impl Node {
    pub(super) fn find(&self, name: &[u8]) -> Result<Option<Arc<Self>>> {
        let names = self.names()?;
        if let Some(slot) = names.lock().get(name) {
            return Ok(slot.node.clone());
        }
        let Some(lower) = &self.lower else { return Ok(None) };
        let Some(inode) = lower.lookup(name)? else {
            return Ok(None);
        };
        let node = Self::over(&self.shared, inode);
        let mut names = names.lock();
        // Removed or replaced meanwhile.
        if let Some(slot) = names.get(name) {
            return Ok(slot.node.clone());
        }
        Ok(Some(names.remember(name, node)))
    }

    pub(super) fn add(&self, name: &[u8], node: &Arc<Self>) -> Result<()> {
        let exists = || Error::new(Errno::EEXIST, "the name is there already");
        if self.find(name)?.is_some() {
            return Err(exists());
        }
        let mut names = self.names()?.lock();
        if names.removed {
            return Err(Error::new(Errno::ENOENT, "the directory was removed"));
        }
        if names.node(name).is_some() {
            return Err(exists());
        }
        names.set(name, Arc::clone(node));
        drop(names);
        self.names_changed(i32::from(node.kind == Kind::Directory));
        Ok(())
    }

    /// One name less.
    pub(super) fn unlinked(&self) {
        let gone = if self.kind == Kind::Directory { 2 } else { 1 };
        self.change(|attributes| attributes.nlink = attributes.nlink.saturating_sub(gone));
    }

    /// Whether no name is in a directory whose names are locked.
    fn is_empty(&self, names: &Names) -> Result<bool> {
        if names.has_own() {
            return Ok(false);
        }
        let mut empty = true;
        if let Some(lower) = &self.lower {
            lower.read_directory(0, &mut |entry| {
                empty = names.is_hidden(entry.name);
                empty
            })?;
        }
        Ok(empty)
    }

    /// Marks an empty directory as removed, so that nothing is made in it any more.
    pub(super) fn close(&self) -> Result<()> {
        // In a rename, the third of those that are held. Only renames hold several, and come one after the other.
        let mut names = self.names()?.lock_below();
        if !self.is_empty(&names)? {
            return Err(Error::new(Errno::ENOTEMPTY, "the directory is not empty"));
        }
        names.removed = true;
        Ok(())
    }

    /// Puts the node that has `name` in `from` under `new_name` in `to`; the names are locked.
    fn move_name(
        from: &mut Names,
        to: Option<&mut Names>,
        name: &[u8],
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<Option<Arc<Self>>> {
        let gone = || Error::new(Errno::ENOENT, "the name is gone");
        let target = to.as_deref().unwrap_or(from);
        if target.removed {
            return Err(gone());
        }
        let there = target.node(new_name).cloned();
        if flags.contains(RenameFlags::NOREPLACE) && there.is_some() {
            return Err(Error::new(Errno::EEXIST, "the name is there already"));
        }
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if exchange && there.is_none() {
            return Err(gone());
        }
        let node = from.node(name).cloned().ok_or_else(gone)?;
        if let Some(there) = there
            .as_ref()
            .filter(|there| !exchange && there.kind == Kind::Directory)
        {
            there.close()?;
        }
        from.remove(name);
        match to {
            Some(to) => to.set(new_name, node),
            None => from.set(new_name, node),
        };
        if exchange && let Some(there) = &there {
            from.set(name, Arc::clone(there));
        }
        Ok(there)
    }

    /// Moves a name to another directory, or to another name in this one.
    pub(super) fn move_to(&self, name: &[u8], to: &Arc<Self>, new_name: &[u8], flags: RenameFlags) -> Result<()> {
        let node = self
            .find(name)?
            .ok_or_else(|| Error::new(Errno::ENOENT, "the name is gone"))?;
        to.find(new_name)?;
        let same = core::ptr::eq(self, Arc::as_ptr(to));
        let there = if same {
            Self::move_name(&mut self.names()?.lock(), None, name, new_name, flags)?
        } else if core::ptr::from_ref(self) < Arc::as_ptr(to) {
            let mut from = self.names()?.lock();
            Self::move_name(&mut from, Some(&mut to.names()?.lock()), name, new_name, flags)?
        } else {
            let mut target = to.names()?.lock();
            Self::move_name(&mut self.names()?.lock(), Some(&mut target), name, new_name, flags)?
        };
        let directory = |node: &Self| i32::from(node.kind == Kind::Directory);
        let moved = directory(&node);
        let replaced = there.as_deref().map_or(0, directory);
        if flags.contains(RenameFlags::EXCHANGE) {
            self.names_changed(replaced - moved);
            to.names_changed(moved - replaced);
            if let Some(there) = &there {
                there.change(|_| {});
            }
        } else {
            self.names_changed(-moved);
            to.names_changed(moved - replaced);
            if let Some(there) = &there {
                there.unlinked();
            }
        }
        node.change(|_| {});
        Ok(())
    }

    /// Lists the lower layer's names that show, then its own.
    pub(super) fn list(&self, cursor: u64, emit: &mut Emit<'_>) -> Result<()> {
        let names = self.names()?;
        if let Some(lower) = self.lower.as_ref().filter(|_| Names::is_below(cursor)) {
            let mut full = false;
            lower.read_directory(cursor, &mut |entry| {
                if !names.lock_below().is_hidden(entry.name) {
                    full = !emit(entry);
                }
                !full
            })?;
            if full {
                return Ok(());
            }
        }
        // The layer above, if there is one, asks with its own names locked: an upper layer comes before the lower.
        let names = names.lock_below();
        for (next, name, node) in names.own(cursor) {
            let entry = DirectoryEntry {
                name: name.as_bytes(),
                ino: node.meta.lock().attributes.ino,
                kind: node.kind,
                next,
            };
            if !emit(&entry) {
                break;
            }
        }
        Ok(())
    }
}
