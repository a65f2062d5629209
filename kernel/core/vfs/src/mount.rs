//! Mounts: which file system is seen where.
//!
//! A mount holds its children, and a child the place that it covers. Lock order: a mount's children → its place.

use crate::dentry::shrink_below;
use crate::{Dentry, FileSystem, Path};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bitflags::bitflags;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use lock::SpinLock;

bitflags! {
    /// How files of a mount may be used (the numbers of `mount(2)`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct MountFlags: u32 {
        /// Nothing is written.
        const READ_ONLY = 1;
        /// Set-user-id bits do not count.
        const NO_SUID = 2;
        /// Devices cannot be opened.
        const NO_DEVICES = 4;
        /// Nothing is run.
        const NO_EXECUTE = 8;
        /// The time of the last read is not kept.
        const NO_ATIME = 1024;
        /// The time of the last read is kept roughly.
        const RELATIVE_ATIME = 1 << 21;
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);
static NEXT_DEVICE: AtomicU32 = AtomicU32::new(1);

/// A number for a file system that lies on no device (`0:N`), for `st_dev`.
#[must_use]
pub fn new_device() -> u64 {
    abi::stat::makedev(0, NEXT_DEVICE.fetch_add(1, Ordering::Relaxed))
}

/// A file system at a place.
pub struct Mount {
    id: u64,
    root: Arc<Dentry>,
    place: SpinLock<Option<Path>>,
    /// What is mounted in it, each with the address of the entry that it covers, which identifies that entry as long as it is covered.
    children: SpinLock<Vec<(usize, Arc<Self>)>>,
    file_system: Arc<dyn FileSystem>,
    flags: AtomicU32,
    source: Vec<u8>,
}

impl Mount {
    /// A file system that is not at any place yet: the root of everything, or one that [`mount_at`] puts somewhere.
    #[must_use]
    pub fn new(file_system: Arc<dyn FileSystem>, flags: MountFlags, source: &[u8]) -> Arc<Self> {
        let root = Dentry::root(file_system.root());
        Self::of_tree(file_system, root, flags, source)
    }

    /// A part of a tree that is mounted already, seen at another place (`MS_BIND`).
    #[must_use]
    pub fn bind(from: &Path) -> Arc<Self> {
        Self::of_tree(
            Arc::clone(&from.mount.file_system),
            Arc::clone(&from.dentry),
            from.mount.flags(),
            &from.mount.source,
        )
    }

    fn of_tree(file_system: Arc<dyn FileSystem>, root: Arc<Dentry>, flags: MountFlags, source: &[u8]) -> Arc<Self> {
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            root,
            place: SpinLock::new(None),
            children: SpinLock::new(Vec::new()),
            file_system,
            flags: AtomicU32::new(flags.bits()),
            source: source.to_vec(),
        })
    }

    /// Its number in `/proc/self/mountinfo` and `statx`.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The entry that is seen at its place.
    #[must_use]
    #[inline]
    pub fn root(&self) -> &Arc<Dentry> {
        &self.root
    }

    /// The file system.
    #[must_use]
    pub fn file_system(&self) -> &Arc<dyn FileSystem> {
        &self.file_system
    }

    /// What was mounted, as `/proc/mounts` shows it.
    #[must_use]
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// How its files may be used.
    #[must_use]
    #[inline]
    pub fn flags(&self) -> MountFlags {
        MountFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }

    /// Changes how its files may be used (`MS_REMOUNT`).
    pub fn set_flags(&self, flags: MountFlags) {
        self.flags.store(flags.bits(), Ordering::Relaxed);
    }

    /// The place that it covers; nothing for the root of everything.
    #[must_use]
    pub fn place(&self) -> Option<Path> {
        self.place.lock().clone()
    }

    /// What is mounted in it, in the order of mounting.
    #[must_use]
    pub fn children(&self) -> Vec<Arc<Self>> {
        self.children
            .lock()
            .iter()
            .map(|(_, child)| Arc::clone(child))
            .collect()
    }

    /// What is mounted on one of its entries.
    #[inline]
    pub(crate) fn mounted_on(&self, dentry: &Arc<Dentry>) -> Option<Arc<Self>> {
        let wanted = address(dentry);
        let children = self.children.lock();
        let found = children.iter().find(|(covered, _)| *covered == wanted);
        found.map(|(_, child)| Arc::clone(child))
    }

    /// Refuses changes on a mount that is read only.
    ///
    /// # Errors
    /// `EROFS`.
    pub fn check_writable(&self) -> Result<()> {
        if self.flags().contains(MountFlags::READ_ONLY) {
            Err(Error::new(Errno::EROFS, "the mount is read only"))
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mount({}, {})", self.id, self.file_system.name())
    }
}

fn address(dentry: &Arc<Dentry>) -> usize {
    Arc::as_ptr(dentry).addr()
}

/// Puts a mount at a place, over what is there.
///
/// # Errors
/// `ENOTDIR` when one is a directory and the other not; `EBUSY` when the mount is at a place already; `ENOENT`.
pub fn mount_at(place: &Path, mount: &Arc<Mount>) -> Result<()> {
    let mut place = place.clone();
    place.cover();
    place.inode()?;
    if place.dentry.is_directory() != mount.root.is_directory() {
        return Err(Error::new(
            Errno::ENOTDIR,
            "a directory covers a directory, a file a file",
        ));
    }
    if place.dentry.is_unlinked() {
        return Err(Error::new(Errno::ENOENT, "the place was removed"));
    }
    let mut own = mount.place.lock();
    if own.is_some() {
        return Err(Error::new(Errno::EBUSY, "the mount has a place already"));
    }
    *own = Some(place.clone());
    drop(own);
    let child = (address(&place.dentry), Arc::clone(mount));
    place.mount.children.lock().push(child);
    place.dentry.set_mount_point(true);
    Ok(())
}

/// Takes a mount from its place. Files that are open stay usable.
///
/// # Errors
/// `EINVAL` for a place where nothing is mounted; `EBUSY` when something is mounted inside.
pub fn unmount(at: &Path) -> Result<()> {
    let mount = &at.mount;
    if !at.is_mount_root() {
        return Err(Error::new(Errno::EINVAL, "nothing is mounted there"));
    }
    if !mount.children.lock().is_empty() {
        return Err(Error::new(Errno::EBUSY, "something is mounted inside"));
    }
    let Some(place) = mount.place.lock().take() else {
        return Err(Error::new(Errno::EINVAL, "the root of everything stays"));
    };
    // Remembered names hold the directory that they are in: those that nobody uses go now, because nobody finds them any more.
    shrink_below(&mount.root);
    let mut children = place.mount.children.lock();
    children.retain(|(_, child)| !Arc::ptr_eq(child, mount));
    drop(children);
    // Another mount of the same tree may still be covered there; a flag that is set in vain costs a search only.
    if place.mount.mounted_on(&place.dentry).is_none() {
        place.dentry.set_mount_point(false);
    }
    Ok(())
}
