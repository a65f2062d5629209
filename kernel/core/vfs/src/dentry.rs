//! Directory entries: names that were looked up, and where they lead.
//!
//! The tree of entries is a cache over the file systems. An entry without an inode says that the name is known not to exist. Entries change
//! in three ways: a negative one becomes positive (once), an entry is taken out of its directory (unlinked), and one moves (renamed).
//!
//! Lock order: a directory's children → an entry's place. A second directory's children only under the rename lock.

use crate::children::Children;
use crate::name::{Name, hash};
use crate::{Inode, Kind};
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use lock::{Once, SpinLock};

const KIND: u32 = 0xff;
const MOUNTED: u32 = 0x100;
const UNLINKED: u32 = 0x200;
const VOLATILE: u32 = 0x400;
const ALONE: u32 = 0x800;
const LINKABLE: u32 = 0x1000;

/// How many entries are remembered, with their inodes, before unused ones are dropped: what a quarter of a frame for each of them comes to
/// on a machine of this size, within bounds.
fn limit() -> usize {
    ((frames::usage().total / 4) as usize).clamp(256, 65536)
}

static REMEMBERED: AtomicUsize = AtomicUsize::new(0);

struct Place {
    parent: Option<Arc<Dentry>>,
    name: Name,
}

/// A name in a directory, and what it leads to.
pub struct Dentry {
    state: AtomicU32,
    inode: Once<Arc<dyn Inode>>,
    place: SpinLock<Place>,
    children: SpinLock<Children>,
}

impl Dentry {
    fn new(parent: Option<Arc<Self>>, name: &[u8], inode: Option<Arc<dyn Inode>>) -> Self {
        let entry = Self {
            state: AtomicU32::new(0),
            inode: Once::new(),
            place: SpinLock::new(Place {
                parent,
                name: Name::new(name),
            }),
            children: SpinLock::new(Children::default()),
        };
        if let Some(inode) = inode {
            entry.fill(inode);
        }
        entry
    }

    /// The root of a tree.
    #[must_use]
    pub fn root(inode: Arc<dyn Inode>) -> Arc<Self> {
        Arc::new(Self::new(None, b"", Some(inode)))
    }

    /// An entry outside of any directory: a pipe, a socket, a nameless file. `name` is what `/proc/self/fd` shows.
    #[must_use]
    pub fn alone(inode: Arc<dyn Inode>, name: &[u8]) -> Arc<Self> {
        let entry = Self::new(None, name, Some(inode));
        entry.state.fetch_or(ALONE, Ordering::Relaxed);
        Arc::new(entry)
    }

    /// Lets a nameless file be given a name.
    pub(crate) fn set_linkable(&self) {
        self.state.fetch_or(LINKABLE, Ordering::Relaxed);
    }

    /// Whether it is a nameless file that may be given a name.
    pub(crate) fn is_linkable(&self) -> bool {
        self.state.load(Ordering::Relaxed) & LINKABLE != 0
    }

    /// Makes a negative entry positive; keeps what is there already.
    pub(crate) fn fill(&self, inode: Arc<dyn Inode>) {
        let volatile = if inode.is_volatile() { VOLATILE } else { 0 };
        self.state.fetch_or(inode.kind() as u32 | volatile, Ordering::Relaxed);
        drop(self.inode.set(inode));
    }

    /// What the name leads to; nothing if it is known not to exist.
    #[must_use]
    #[inline]
    pub fn inode(&self) -> Option<&Arc<dyn Inode>> {
        self.inode.get()
    }

    /// The sort of file; nothing for a name that does not exist.
    #[must_use]
    #[inline]
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_raw((self.state.load(Ordering::Relaxed) & KIND) as u8)
    }

    /// Whether it is a directory.
    #[must_use]
    #[inline]
    pub fn is_directory(&self) -> bool {
        self.state.load(Ordering::Relaxed) & KIND == Kind::Directory as u32
    }

    /// Whether something is mounted on it.
    #[must_use]
    #[inline]
    pub fn is_mount_point(&self) -> bool {
        self.state.load(Ordering::Relaxed) & MOUNTED != 0
    }

    pub(crate) fn set_mount_point(&self, mounted: bool) {
        if mounted {
            self.state.fetch_or(MOUNTED, Ordering::Relaxed);
        } else {
            self.state.fetch_and(!MOUNTED, Ordering::Relaxed);
        }
    }

    /// Whether the name has been removed.
    #[must_use]
    pub fn is_unlinked(&self) -> bool {
        self.state.load(Ordering::Relaxed) & UNLINKED != 0
    }

    /// Whether it is outside of any directory.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.state.load(Ordering::Relaxed) & ALONE != 0
    }

    /// The directory that it is in; nothing for roots.
    #[must_use]
    pub fn parent(&self) -> Option<Arc<Self>> {
        self.place.lock().parent.clone()
    }

    /// Its name now.
    #[must_use]
    pub fn name(&self) -> Name {
        self.place.lock().name.clone()
    }

    #[inline]
    pub(crate) fn is_named(&self, name: &[u8]) -> bool {
        same(self.place.lock().name.as_bytes(), name)
    }

    /// Finds a name in this directory: in memory, or else in the file system. The answer may be a negative entry.
    ///
    /// # Errors
    /// `ENOTDIR`, and what the file system has to say.
    #[inline]
    pub(crate) fn child(self: &Arc<Self>, hash: u32, name: &[u8]) -> Result<Arc<Self>> {
        if let Some(found) = self.children.lock().find(hash, name) {
            return Ok(Arc::clone(found));
        }
        self.look_up(hash, name)
    }

    #[cold]
    fn look_up(self: &Arc<Self>, hash: u32, name: &[u8]) -> Result<Arc<Self>> {
        let Some(directory) = self.inode() else {
            return Err(abi::Errno::ENOENT.into());
        };
        loop {
            let generation = self.children.lock().generation;
            let inode = directory.lookup(name)?;
            let entry = Arc::new(Self::new(Some(Arc::clone(self)), name, inode));
            // A removed directory remembers nothing: it and what it remembered would keep each other.
            if self.state.load(Ordering::Relaxed) & (VOLATILE | UNLINKED) != 0 {
                return Ok(entry);
            }
            let mut children = self.children.lock();
            if let Some(found) = children.find(hash, name) {
                return Ok(Arc::clone(found));
            }
            if children.generation == generation {
                children.insert(hash, Arc::clone(&entry));
                drop(children);
                let remembered = REMEMBERED.fetch_add(1, Ordering::Relaxed);
                if remembered.is_multiple_of(64) && remembered > limit() {
                    crate::shrink();
                }
                return Ok(entry);
            }
        }
    }

    /// Takes an entry out of this directory because its name was removed.
    pub(crate) fn forget(&self, entry: &Arc<Self>) {
        let name = entry.name();
        let mut children = self.children.lock();
        children.generation = children.generation.wrapping_add(1);
        let removed = children.remove(hash(name.as_bytes()), name.as_bytes());
        drop(children);
        entry.abandon();
        if removed.is_some() {
            REMEMBERED.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The entry is out of its directory for good: so is what it remembered.
    fn abandon(&self) {
        self.state.fetch_or(UNLINKED, Ordering::Relaxed);
        let forgotten = core::mem::take(&mut *self.children.lock());
        REMEMBERED.fetch_sub(forgotten.len(), Ordering::Relaxed);
    }

    /// Moves an entry from this directory to a name in another (or the same) one; what had that name is taken out. The caller holds the
    /// rename lock.
    pub(crate) fn move_entry(self: &Arc<Self>, entry: &Arc<Self>, to: &Arc<Self>, new_name: &[u8]) {
        let old = entry.name();
        let replaced = to.take_out(new_name);
        if let Some(replaced) = &replaced {
            replaced.abandon();
        }
        let moved = self.take_out(old.as_bytes());
        *entry.place.lock() = Place {
            parent: Some(Arc::clone(to)),
            name: Name::new(new_name),
        };
        to.put(entry, new_name);
        if replaced.is_some() {
            REMEMBERED.fetch_sub(1, Ordering::Relaxed);
        }
        if moved.is_none() {
            REMEMBERED.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Swaps two entries of (possibly different) directories. The caller holds the rename lock.
    pub(crate) fn exchange(self: &Arc<Self>, entry: &Arc<Self>, other_parent: &Arc<Self>, other: &Arc<Self>) {
        let (name, other_name) = (entry.name(), other.name());
        drop(self.take_out(name.as_bytes()));
        drop(other_parent.take_out(other_name.as_bytes()));
        *entry.place.lock() = Place {
            parent: Some(Arc::clone(other_parent)),
            name: other_name.clone(),
        };
        *other.place.lock() = Place {
            parent: Some(Arc::clone(self)),
            name: name.clone(),
        };
        other_parent.put(entry, other_name.as_bytes());
        self.put(other, name.as_bytes());
    }

    fn take_out(&self, name: &[u8]) -> Option<Arc<Self>> {
        let mut children = self.children.lock();
        children.generation = children.generation.wrapping_add(1);
        children.remove(hash(name), name)
    }

    /// Puts an entry under a name, whatever a look-up in between may have put there.
    fn put(&self, entry: &Arc<Self>, name: &[u8]) {
        let hash = hash(name);
        let mut children = self.children.lock();
        children.generation = children.generation.wrapping_add(1);
        let stale = children.remove(hash, name);
        children.insert(hash, Arc::clone(entry));
        drop(children);
        drop(stale);
    }

    /// Whether `self` is `other` or lies below it.
    pub(crate) fn is_below(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let mut at = Arc::clone(self);
        loop {
            if Arc::ptr_eq(&at, other) {
                return true;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return false,
            }
        }
    }

    /// Whether the entry and all above it have their names still.
    pub(crate) fn is_reachable(self: &Arc<Self>) -> bool {
        let mut at = Arc::clone(self);
        loop {
            if at.is_unlinked() {
                return false;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return true,
            }
        }
    }
}

/// Whether two short byte strings are the same. Names are a few bytes long: a loop costs less than a call.
#[inline]
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left == right)
}

/// Drops entries below `root` that nobody uses.
pub(crate) fn shrink_below(root: &Arc<Dentry>) {
    let mut directories = alloc::vec![Arc::clone(root)];
    let mut at = 0;
    while let Some(directory) = directories.get(at).cloned() {
        let mut entries: Vec<Arc<Dentry>> = directory.children.lock().iter().cloned().collect();
        entries.retain(|entry| !entry.children.lock().is_empty());
        directories.append(&mut entries);
        at += 1;
    }
    // From the leaves up; popping lets go of each directory before its parent is looked at.
    while let Some(directory) = directories.pop() {
        let mut dropped = Vec::new();
        directory.children.lock().retain(
            // Nobody else has the entry, so that nobody is at its children.
            |entry| {
                Arc::strong_count(entry) > 1 || entry.children.try_lock().is_none_or(|children| !children.is_empty())
            },
            &mut dropped,
        );
        REMEMBERED.fetch_sub(dropped.len(), Ordering::Relaxed);
    }
}

impl Drop for Dentry {
    fn drop(&mut self) {
        // The last entry of a removed branch holds the chain above it: let go of it link by link, not by recursion.
        let mut parent = self.place.get_mut().parent.take();
        while let Some(mut above) = parent.and_then(Arc::into_inner) {
            parent = above.place.get_mut().parent.take();
        }
    }
}

impl fmt::Debug for Dentry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dentry({:?})", self.name())
    }
}
