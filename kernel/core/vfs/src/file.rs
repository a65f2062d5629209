//! Open files: what a descriptor refers to. (Reading and writing them is in `transfer`.)

mod transfer;

use crate::inode::Emit;
use crate::position::Position;
use crate::{Attributes, Direction, DirectoryEntry, Events, FileLike, Inode, Kind, Path};
use crate::{happening, notify};
use abi::fcntl::{OpenFlags, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET};
use abi::ioctl::FIONREAD;
use abi::stat::Stat;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use frames::Page;
use hal::Access;
use lock::SpinLock;
use task::WaitQueue;
use usermem::UserPtr;

const NOT_OPEN_FOR: Error = Error::new(Errno::EBADF, "the file is not open for that");
const BAD_POSITION: Error = Error::new(Errno::EINVAL, "no file has such a position");
/// Beyond every position.
const END: u64 = i64::MAX as u64;

/// Something that knows of an open file and must hear when it is closed for good: an epoll that watches it, a lock that it holds.
pub trait Watcher: Send + Sync {
    /// Nobody can use the file any more.
    fn closed(self: Arc<Self>, file: &File);
}

/// An open file ("open file description" in Linux's manual pages): descriptors that were duplicated share it, with its position and flags.
pub struct File {
    flags: AtomicU32,
    /// Whether the access mode lets one read, and write: what the flags say never changes.
    is_readable: bool,
    is_writable: bool,
    /// Whether the behaviour reads and writes without a position.
    is_stream: bool,
    /// Whether it has ever had an advisory lock.
    has_locked: AtomicBool,
    /// Whether who closes it may have to wait.
    lingers: AtomicBool,
    position: Position,
    path: Path,
    behaviour: Option<Arc<dyn FileLike>>,
    watchers: SpinLock<Vec<Arc<dyn Watcher>>>,
}

impl File {
    /// Opens what lies at a path. Checks are the caller's; `behaviour` is what [`Inode::open`] gave.
    #[must_use]
    #[inline]
    pub fn new(path: Path, flags: OpenFlags, behaviour: Option<Arc<dyn FileLike>>) -> Arc<Self> {
        Arc::new(Self {
            flags: AtomicU32::new(flags.bits()),
            is_readable: flags.readable(),
            is_writable: flags.writable(),
            is_stream: behaviour.as_ref().is_some_and(|like| !like.is_positioned()),
            has_locked: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            position: Position::default(),
            path,
            behaviour,
            watchers: SpinLock::new(Vec::new()),
        })
    }

    /// The flags that it was opened with, as `F_SETFL` has changed them since.
    #[must_use]
    #[inline]
    pub fn flags(&self) -> OpenFlags {
        OpenFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }

    /// Notes that it has an advisory lock, which goes with it.
    pub(crate) fn note_lock(&self) {
        self.has_locked.store(true, Ordering::Relaxed);
    }

    /// Whether it was opened to be read.
    #[must_use]
    #[inline]
    pub fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Whether it was opened to be written.
    #[must_use]
    #[inline]
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Changes the flags that may be changed.
    ///
    /// # Errors
    /// What the file's behaviour objects with.
    pub fn set_flags(&self, flags: OpenFlags) -> Result<()> {
        let flags = (self.flags() - OpenFlags::SETTABLE) | (flags & OpenFlags::SETTABLE);
        if let Some(like) = &self.behaviour {
            like.set_flags(self, flags)?;
        }
        self.flags.store(flags.bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Has somebody told when the file is closed for good.
    pub fn add_watcher(&self, watcher: Arc<dyn Watcher>) {
        self.watchers.lock().push(watcher);
    }

    /// Who closes it may have to wait from now on.
    pub fn set_lingers(&self) {
        self.lingers.store(true, Ordering::Relaxed);
    }

    /// Whether that was said.
    #[inline]
    pub fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }

    /// Waits for what is still to be done, if nobody else has the file.
    #[cold]
    #[inline(never)]
    pub fn linger(self: &Arc<Self>) {
        if Arc::strong_count(self) == 1
            && let Some(behaviour) = &self.behaviour
        {
            behaviour.linger();
        }
    }

    /// Forgets somebody who was to be told.
    pub fn remove_watcher(&self, watcher: &Arc<dyn Watcher>) {
        let mut watchers = self.watchers.lock();
        let at = watchers
            .iter()
            .position(|other| core::ptr::addr_eq(Arc::as_ptr(other), Arc::as_ptr(watcher)));
        let removed = at.map(|at| watchers.swap_remove(at));
        drop(watchers);
        drop(removed);
    }

    /// Where it was opened.
    #[must_use]
    #[inline]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The inode; all open files have one.
    ///
    /// # Errors
    /// Never, in practice: `ENOENT` would mean an open file without one.
    #[inline]
    pub fn inode(&self) -> Result<&Arc<dyn Inode>> {
        self.path.inode()
    }

    /// The behaviour, for files that are more than their inode.
    #[must_use]
    #[inline]
    pub fn behaviour(&self) -> Option<&Arc<dyn FileLike>> {
        self.behaviour.as_ref()
    }

    /// The behaviour as what it is, for its own subsystem.
    #[must_use]
    pub fn downcast<T: FileLike>(&self) -> Option<&T> {
        self.behaviour.as_deref()?.downcast()
    }

    /// The sort of file.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.path.dentry.kind().unwrap_or(Kind::Anonymous)
    }

    /// What `fstat` tells.
    #[must_use]
    #[inline]
    pub fn attributes(&self) -> Attributes {
        match self.path.dentry.inode() {
            Some(inode) => inode.attributes(),
            None => Attributes::new(0, 0, 0),
        }
    }

    /// What `fstat` tells, as the program gets it.
    #[must_use]
    #[inline]
    pub fn stat(&self) -> Stat {
        match self.path.dentry.inode() {
            Some(inode) => inode.stat(),
            None => Stat::default(),
        }
    }

    /// Where the next read or write begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position.get()
    }

    /// Moves the position.
    ///
    /// # Errors
    /// `ESPIPE`, `EINVAL`, `ENXIO`, `EBADF` for `O_PATH`.
    pub fn seek(&self, offset: i64, whence: u32) -> Result<u64> {
        if self.flags().contains(OpenFlags::PATH) {
            return Err(NOT_OPEN_FOR);
        }
        match &self.behaviour {
            Some(like) if !like.is_positioned() => like.seek(self, offset, whence),
            _ => self
                .position
                .with(|position| match self.seek_from(position, offset, whence) {
                    Ok(position) => (position, Ok(position)),
                    Err(error) => (position, Err(error)),
                }),
        }
    }

    fn seek_from(&self, position: u64, offset: i64, whence: u32) -> Result<u64> {
        let directory = self.kind() == Kind::Directory;
        let base = match whence {
            SEEK_SET => 0,
            SEEK_CUR => position,
            SEEK_END if !directory => match &self.behaviour {
                Some(like) => like.length(self),
                None => self.inode()?.length(),
            },
            SEEK_DATA | SEEK_HOLE if !directory => {
                let offset = u64::try_from(offset).map_err(|_| Error::from(Errno::ENXIO))?;
                return self.inode()?.seek_data(offset, whence == SEEK_HOLE);
            }
            _ => return Err(BAD_POSITION),
        };
        base.checked_add_signed(offset)
            .filter(|position| *position <= END)
            .ok_or(BAD_POSITION)
    }

    /// A request of `ioctl(2)`.
    ///
    /// # Errors
    /// `ENOTTY`, `EBADF` for `O_PATH`.
    pub fn ioctl(&self, request: u32, argument: u64) -> Result<u64> {
        if self.flags().contains(OpenFlags::PATH) {
            return Err(NOT_OPEN_FOR);
        }
        match &self.behaviour {
            Some(like) => like.ioctl(self, request, argument),
            None if request == FIONREAD && self.kind() == Kind::Regular => {
                let left = self.inode()?.length().saturating_sub(self.position());
                UserPtr::<i32>::new(argument).write(&(left.min(i32::MAX as u64) as i32))?;
                Ok(0)
            }
            None => Err(Error::new(Errno::ENOTTY, "the file does not know the request")),
        }
    }

    /// What it is ready for.
    #[must_use]
    #[inline]
    pub fn ready(&self) -> Events {
        match &self.behaviour {
            Some(like) => like.ready(self),
            None => Events::READABLE | Events::WRITABLE,
        }
    }

    /// Who waits for it; nothing for files that are always ready.
    #[must_use]
    pub fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        self.behaviour.as_ref()?.queue(direction)
    }

    /// A page for a mapping, as [`Inode::page`].
    ///
    /// # Errors
    /// `ENODEV`, `EFAULT` for a page behind the end, `ENOMEM`, `ENOSPC`.
    #[inline]
    pub fn page(&self, index: u64, access: Access) -> Result<Page> {
        match &self.behaviour {
            Some(like) => like.page(self, index, access),
            None => self.inode()?.page(index, access),
        }
    }

    /// Lists the directory from the position on, `.` and `..` first, until `emit` says stop.
    ///
    /// # Errors
    /// `ENOTDIR`, `EBADF`; `ENOENT` for a removed directory.
    pub fn read_directory(&self, emit: &mut Emit<'_>) -> Result<()> {
        self.check_readable()?;
        if self.kind() != Kind::Directory {
            return Err(Error::new(Errno::ENOTDIR, "only directories are listed"));
        }
        if self.path.dentry.is_unlinked() {
            return Err(Error::new(Errno::ENOENT, "the directory was removed"));
        }
        self.position.with(|start| {
            let mut cursor = start;
            let result = self.list(&mut cursor, emit);
            (cursor, result)
        })
    }

    fn list(&self, cursor: &mut u64, emit: &mut Emit<'_>) -> Result<()> {
        let inode = self.inode()?;
        while *cursor < 2 {
            let (name, ino): (&[u8], u64) = if *cursor == 0 {
                (b".", self.attributes().ino)
            } else {
                (b"..", self.path.parent().attributes()?.ino)
            };
            let entry = DirectoryEntry {
                name,
                ino,
                kind: Kind::Directory,
                next: *cursor + 1,
            };
            if !emit(&entry) {
                return Ok(());
            }
            *cursor += 1;
        }
        inode.accessed();
        inode.read_directory(*cursor - 2, &mut |entry| {
            let next = entry.next + 2;
            let taken = emit(&DirectoryEntry { next, ..*entry });
            if taken {
                *cursor = next;
            }
            taken
        })
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// `EINVAL`, `EIO`.
    pub fn sync(&self) -> Result<()> {
        match &self.behaviour {
            Some(like) => like.sync(self),
            None => self.inode()?.sync(),
        }
    }

    /// Cuts or extends it.
    ///
    /// # Errors
    /// `EINVAL` for what is not a regular file open for writing.
    pub fn truncate(&self, size: u64) -> Result<()> {
        if self.flags().contains(OpenFlags::PATH) {
            return Err(NOT_OPEN_FOR);
        }
        if !self.flags().writable() || self.kind() != Kind::Regular || size > END {
            return Err(Error::new(Errno::EINVAL, "only regular files open for writing are cut"));
        }
        self.inode()?.set_attributes(&crate::SetAttributes {
            size: Some(size),
            ..Default::default()
        })?;
        notify::tell(&self.path.dentry, happening::MODIFY);
        Ok(())
    }

    /// Reserves or punches a range.
    ///
    /// # Errors
    /// `EBADF`, `EINVAL`, `ENODEV`, `ESPIPE`, `EISDIR`, `EOPNOTSUPP`, `ENOSPC`.
    pub fn allocate(&self, flags: u32, offset: u64, len: u64) -> Result<()> {
        if offset > END || len == 0 || len > END {
            return Err(BAD_POSITION);
        }
        self.check_writable()?;
        match self.kind() {
            Kind::Regular => {}
            Kind::Directory => return Err(Errno::EISDIR.into()),
            Kind::Fifo | Kind::Anonymous => return Err(Errno::ESPIPE.into()),
            _ => return Err(Errno::ENODEV.into()),
        }
        if offset + len > END {
            return Err(Errno::EFBIG.into());
        }
        self.inode()?.allocate(flags, offset, len)
    }
}

impl File {
    #[cold]
    fn tell_closed(&self) {
        let flags = self.flags();
        if !flags.contains(OpenFlags::PATH) {
            let what = if flags.writable() {
                happening::CLOSE_WRITE
            } else {
                happening::CLOSE_NOWRITE
            };
            notify::tell(&self.path.dentry, what);
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if !self.watchers.get_mut().is_empty() {
            for watcher in core::mem::take(self.watchers.get_mut()) {
                watcher.closed(self);
            }
        }
        if self.is_writable
            && self.kind() == Kind::Regular
            && let Some(inode) = self.path.dentry.inode()
        {
            crate::running::end_writing(inode);
        }
        if notify::is_on() {
            self.tell_closed();
        }
        if *self.has_locked.get_mut() {
            crate::locks::file_gone(self);
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({:?})", self.path)
    }
}
