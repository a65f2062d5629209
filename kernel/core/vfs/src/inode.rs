//! What a file system provides: inodes.

use crate::{Attributes, FileLike, Kind, Path, SetAttributes};
use abi::fcntl::{OpenFlags, RenameFlags};
use abi::stat::Stat;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::ops::Range;
use core::sync::atomic::AtomicI32;
use frames::Page;
use hal::Access;
use lock::Once;
use usermem::{Sink, Source};

/// A file to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewNode {
    /// Its sort.
    pub kind: Kind,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The device that it stands for, if it is one.
    pub rdev: u64,
}

/// Where a symbolic link leads.
#[derive(Clone, Debug)]
pub enum Link {
    /// Along a path that never changes.
    Static(&'static [u8]),
    /// Along a path.
    Text(Arc<[u8]>),
    /// Straight to a place, as the links in `/proc/self` do; `readlink` shows that place's path.
    Jump(Path),
}

/// One name in a directory.
#[derive(Clone, Copy, Debug)]
pub struct DirectoryEntry<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The file's number.
    pub ino: u64,
    /// Its sort.
    pub kind: Kind,
    /// Where a listing goes on behind it.
    pub next: u64,
}

/// Takes entries; `false` says that there is no room for this one. It runs under locks of the file system and must not touch user memory.
pub type Emit<'a> = dyn FnMut(&DirectoryEntry<'_>) -> bool + 'a;

/// Something of another subsystem's that an inode carries: the pipe behind a fifo, the socket behind a name.
pub type Attachment = Once<Arc<dyn Any + Send + Sync>>;

/// How `setxattr(2)` treats a name that is or is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replace {
    /// Either way.
    Any,
    /// Only make it (`XATTR_CREATE`).
    Never,
    /// Only change it (`XATTR_REPLACE`).
    Always,
}

const fn error(errno: Errno, why: &'static str) -> Error {
    Error::new(errno, why)
}

/// A file of a file system. Every method that a sort of file does not have answers with the errno that Linux gives.
///
/// Methods are called without locks held. Those that take a [`Sink`] or [`Source`] copy user memory and so must hold no spin lock meanwhile.
/// Names are single components, never `.` or `..`, at most 255 bytes; permissions have been checked.
pub trait Inode: Any + Send + Sync {
    /// The sort of file. Never changes.
    fn kind(&self) -> Kind;

    /// What `stat` tells.
    fn attributes(&self) -> Attributes;

    /// The same as a program gets it.
    fn stat(&self) -> Stat {
        self.attributes().to_stat()
    }

    /// The number of the device that it stands for.
    fn device(&self) -> u64 {
        self.attributes().rdev
    }

    /// Changes attributes; a change of size truncates or extends.
    ///
    /// # Errors
    /// `EPERM` where a file system has no way to.
    fn set_attributes(&self, _changes: &SetAttributes) -> Result<()> {
        Err(error(Errno::EPERM, "the file's attributes are fixed"))
    }

    /// Whether names in this directory come and go by themselves (`/proc`), so that look-ups are not to be remembered.
    fn is_volatile(&self) -> bool {
        false
    }

    /// Whether it has gone by itself from a directory whose names are not remembered.
    fn is_gone(&self) -> bool {
        false
    }

    /// Finds a name in a directory.
    ///
    /// # Errors
    /// `ENOTDIR`.
    fn lookup(&self, _name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        Err(error(Errno::ENOTDIR, "names are looked up in directories"))
    }

    /// Makes a regular file, directory, device, fifo or socket.
    ///
    /// # Errors
    /// `EEXIST`, `ENOSPC`, `ENOENT` in a removed directory.
    fn create(&self, _name: &[u8], node: &NewNode) -> Result<Arc<dyn Inode>> {
        Err(match node.kind {
            Kind::Regular => error(Errno::EACCES, "nothing can be made here"),
            _ => error(Errno::EPERM, "nothing can be made here"),
        })
    }

    /// Makes a regular file without a name.
    ///
    /// # Errors
    /// `EOPNOTSUPP`.
    fn tmpfile(&self, _node: &NewNode) -> Result<Arc<dyn Inode>> {
        Err(error(Errno::EOPNOTSUPP, "the file system has no nameless files"))
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As [`Inode::create`].
    fn symlink(&self, _name: &[u8], _target: &[u8], _node: &NewNode) -> Result<Arc<dyn Inode>> {
        Err(error(Errno::EPERM, "the file system has no symbolic links"))
    }

    /// Gives a file of the same file system another name.
    ///
    /// # Errors
    /// `EPERM`, and as [`Inode::create`].
    fn link(&self, _name: &[u8], _file: &Arc<dyn Inode>) -> Result<()> {
        Err(error(Errno::EPERM, "the file system has no hard links"))
    }

    /// Removes the name of a file that is not a directory.
    ///
    /// # Errors
    /// `ENOENT` when it is gone already.
    fn unlink(&self, _name: &[u8]) -> Result<()> {
        Err(error(Errno::EPERM, "names cannot be removed here"))
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`; `ENOENT` when it is gone already.
    fn rmdir(&self, _name: &[u8]) -> Result<()> {
        Err(error(Errno::EPERM, "directories cannot be removed here"))
    }

    /// Moves `name` to `new_name` in `new_parent`, a directory of the same file system. Whether kinds fit has been checked, and that
    /// no directory is moved into itself.
    ///
    /// # Errors
    /// `EEXIST` for `NOREPLACE`, `ENOTEMPTY`, `ENOENT`; `EINVAL` for flags that the file system does not have.
    fn rename(&self, _name: &[u8], _new_parent: &Arc<dyn Inode>, _new_name: &[u8], _flags: RenameFlags) -> Result<()> {
        Err(error(Errno::EPERM, "names cannot be changed here"))
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// `EINVAL`.
    fn readlink(&self) -> Result<Link> {
        Err(error(Errno::EINVAL, "the file is not a symbolic link"))
    }

    /// Lists names from `cursor` on (0 is the first), without `.` and `..`, until `emit` says stop.
    ///
    /// # Errors
    /// `ENOTDIR`.
    fn read_directory(&self, _cursor: u64, _emit: &mut Emit<'_>) -> Result<()> {
        Err(error(Errno::ENOTDIR, "only directories are listed"))
    }

    /// The behaviour of an open of this file, if it has one of its own; files without one are read and written through their inode.
    ///
    /// # Errors
    /// What the open fails with.
    fn open(&self, _flags: OpenFlags) -> Result<Option<Arc<dyn FileLike>>> {
        Ok(None)
    }

    /// Reads from `offset` on.
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL`.
    fn read_at(&self, _offset: u64, _into: &mut Sink<'_>) -> Result<usize> {
        Err(match self.kind() {
            Kind::Directory => error(Errno::EISDIR, "directories are not read"),
            _ => error(Errno::EINVAL, "the file has no bytes to read"),
        })
    }

    /// Writes from `offset` on.
    ///
    /// # Errors
    /// `EINVAL`, `ENOSPC`.
    fn write_at(&self, _offset: u64, _from: &mut Source<'_>) -> Result<usize> {
        Err(error(Errno::EINVAL, "the file takes no bytes"))
    }

    /// Writes at the end, in one piece with finding the end; returns where that was and how much went.
    ///
    /// # Errors
    /// As [`Inode::write_at`].
    fn append(&self, from: &mut Source<'_>) -> Result<(u64, usize)> {
        let end = self.length();
        Ok((end, self.write_at(end, from)?))
    }

    /// The page of the file's content with that index, for a mapping: the page that the file itself reads and writes. With
    /// [`Access::Write`] it is one that may be written (a page of a read-only layer is replaced by a copy first); a mapping
    /// that shares its changes asks for `Write` at once, so that it never holds a page that a copy replaces later.
    ///
    /// # Errors
    /// `ENODEV` for files that cannot be mapped; `EFAULT` for a page wholly behind the end (`SIGBUS`).
    fn page(&self, _index: u64, _access: Access) -> Result<Page> {
        Err(error(Errno::ENODEV, "the file cannot be mapped"))
    }

    /// The page with that index for reading, if it is there without work: for mapping what lies around a fault. It must be quick and must
    /// not sleep.
    fn resident(&self, _index: u64) -> Option<Page> {
        None
    }

    /// Hands over the pages of a range that [`Inode::resident`] would give.
    fn resident_in(&self, range: Range<u64>, each: &mut dyn FnMut(u64, Page)) {
        for index in range {
            if let Some(page) = self.resident(index) {
                each(index, page);
            }
        }
    }

    /// Bytes in the file.
    fn length(&self) -> u64 {
        self.attributes().size
    }

    /// Hears that it was read, for the time of the last read.
    #[inline]
    fn accessed(&self) {}

    /// Makes what was written durable.
    ///
    /// # Errors
    /// `EIO`.
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    /// Reserves, punches or zeroes a range (the flags of `fallocate(2)`).
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `ENOSPC`.
    fn allocate(&self, _flags: u32, _offset: u64, _len: u64) -> Result<()> {
        Err(error(Errno::EOPNOTSUPP, "the file system does not reserve space"))
    }

    /// The first offset from `offset` on that holds data (or, for `hole`, none).
    ///
    /// # Errors
    /// `ENXIO` at or behind the end.
    fn seek_data(&self, offset: u64, hole: bool) -> Result<u64> {
        let length = self.length();
        if offset >= length {
            return Err(error(Errno::ENXIO, "nothing lies behind the end"));
        }
        Ok(if hole { length } else { offset })
    }

    /// The value of an extended attribute.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `ENODATA`.
    fn xattr(&self, _name: &[u8]) -> Result<Vec<u8>> {
        Err(error(Errno::EOPNOTSUPP, "the file system has no extended attributes"))
    }

    /// Sets an extended attribute.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `EEXIST`, `ENODATA`, `ENOSPC`.
    fn set_xattr(&self, _name: &[u8], _value: &[u8], _replace: Replace) -> Result<()> {
        Err(error(Errno::EOPNOTSUPP, "the file system has no extended attributes"))
    }

    /// Removes an extended attribute.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, `ENODATA`.
    fn remove_xattr(&self, _name: &[u8]) -> Result<()> {
        Err(error(Errno::EOPNOTSUPP, "the file system has no extended attributes"))
    }

    /// The names of all extended attributes, each with a zero behind it.
    fn xattr_names(&self) -> Vec<u8> {
        Vec::new()
    }

    /// How many have it open to write; below zero, how many programs it runs as. Nothing for files that are never both.
    fn write_count(&self) -> Option<&AtomicI32> {
        None
    }

    /// The seals of a memory file (`F_GET_SEALS`).
    ///
    /// # Errors
    /// `EINVAL` for files that have none.
    fn seals(&self) -> Result<u32> {
        Err(error(Errno::EINVAL, "the file has no seals"))
    }

    /// Adds seals (`F_ADD_SEALS`).
    ///
    /// # Errors
    /// `EINVAL` for files that have none; `EPERM` when they are sealed themselves.
    fn add_seals(&self, _seals: u32) -> Result<()> {
        Err(error(Errno::EINVAL, "the file has no seals"))
    }

    /// Where another subsystem hangs its part of this file: the pipe behind a fifo, the socket behind a name.
    fn attachment(&self) -> Option<&Attachment> {
        None
    }
}

impl dyn Inode {
    /// The inode as what it is, for its own file system.
    #[must_use]
    pub fn downcast<T: Inode>(&self) -> Option<&T> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }
}

/// The inode as what it is, counted, for its own file system.
#[must_use]
pub fn downcast_inode<T: Inode>(inode: &Arc<dyn Inode>) -> Option<Arc<T>> {
    let any: Arc<dyn Any + Send + Sync> = Arc::clone(inode) as _;
    any.downcast().ok()
}

/// A file system that can be mounted.
pub trait FileSystem: Send + Sync {
    /// Its name in `/proc/filesystems`.
    fn name(&self) -> &'static str;

    /// Its root directory.
    fn root(&self) -> Arc<dyn Inode>;

    /// What `statfs` tells.
    fn statfs(&self) -> abi::stat::Statfs;

    /// Its own mount options as `/proc/mounts` shows them, without a leading comma.
    fn options(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// `EIO`.
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    /// Lets go of what can be found again.
    fn shrink(&self) {}
}
