//! Making, removing and linking names; changing attributes.

use crate::running;
use crate::walk::{Last, Walk};
use crate::{Attributes, Context, Kind, NewNode, Path, Permission, SetAttributes, capability, now};
use crate::{happening, notify};
use abi::fcntl::ResolveFlags;
use abi::stat::{S_ISGID, S_ISUID};
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A name to be made, removed or moved.
pub(crate) struct Target {
    pub(crate) parent: Path,
    pub(crate) child: Path,
    pub(crate) name: Vec<u8>,
    pub(crate) slash: bool,
}

impl Target {
    /// Tells who watches the directory what happened to the name.
    fn tell(&self, what: u32) {
        notify::tell_directory(&self.parent.dentry, &self.name, &self.child.dentry, what);
    }

    /// Tells who watches that the name is gone, and the file with it, if that was its last.
    fn tell_removed(&self) {
        self.tell(happening::DELETE);
        let gone = |attributes: Attributes| attributes.nlink == 0 || attributes.kind() == Kind::Directory;
        if notify::is_on() && self.child.attributes().is_ok_and(gone) {
            notify::tell_self(&self.child.dentry, happening::DELETE_SELF);
        }
    }
}

/// The last component is none that can be made or removed.
pub(crate) enum Special {
    Here,
    Dot,
    DotDot,
}

impl Context {
    /// Walks to a name without following it.
    pub(crate) fn target(&self, base: &Path, path: &[u8]) -> Result<core::result::Result<Target, Special>> {
        if path.is_empty() {
            return Err(Error::new(Errno::ENOENT, "the path is empty"));
        }
        let mut walk = Walk::new(self, base, path, ResolveFlags::empty())?;
        Ok(match walk.go_to_parent()? {
            Last::Here => Err(Special::Here),
            Last::Dot => Err(Special::Dot),
            Last::DotDot => Err(Special::DotDot),
            Last::Name(range, hash, slash) => Ok(Target {
                child: walk.look_up(&range, hash)?,
                name: walk.name(&range).to_vec(),
                parent: walk.at,
                slash,
            }),
        })
    }

    /// Checks that names can be made in a directory; returns its attributes.
    pub(crate) fn check_making(&self, directory: &Path) -> Result<Attributes> {
        if directory.dentry.is_unlinked() {
            return Err(Error::new(Errno::ENOENT, "the directory was removed"));
        }
        let attributes = directory.attributes()?;
        self.credentials
            .check(&attributes, Permission::WRITE | Permission::EXECUTE)?;
        Ok(attributes)
    }

    /// A new file for a directory: owner, group and permissions as they have to be.
    pub(crate) fn new_node(&self, directory: &Attributes, kind: Kind, mode: u32, rdev: u64) -> NewNode {
        let inherits = directory.mode & S_ISGID != 0;
        let mut mode = mode & 0o7777 & !self.umask;
        if inherits && kind == Kind::Directory {
            mode |= S_ISGID;
        }
        NewNode {
            kind,
            mode,
            uid: self.credentials.fsuid,
            gid: if inherits {
                directory.gid
            } else {
                self.credentials.fsgid
            },
            rdev,
        }
    }

    /// Walks to a name that does not exist and checks that it can be made.
    fn vacant(&self, base: &Path, path: &[u8], directory: bool) -> Result<(Target, Attributes)> {
        let exists = || Error::new(Errno::EEXIST, "the name is there already");
        let target = self.target(base, path)?.map_err(|_| exists())?;
        if target.child.dentry.inode().is_some() {
            return Err(exists());
        }
        if target.slash && !directory {
            return Err(Error::new(Errno::ENOENT, "a slash follows the name"));
        }
        target.parent.mount.check_writable()?;
        let attributes = self.check_making(&target.parent)?;
        Ok((target, attributes))
    }

    /// `mkdir(2)`.
    ///
    /// # Errors
    /// All of its.
    pub fn mkdir(&self, base: &Path, path: &[u8], mode: u32) -> Result<()> {
        self.make(base, path, Kind::Directory, mode & 0o1777, 0)
    }

    /// `mknod(2)`, for all kinds but directories.
    ///
    /// # Errors
    /// All of its.
    pub fn mknod(&self, base: &Path, path: &[u8], kind: Kind, mode: u32, rdev: u64) -> Result<()> {
        match kind {
            Kind::Directory => return Err(Errno::EPERM.into()),
            Kind::Symlink | Kind::Anonymous => return Err(Errno::EINVAL.into()),
            _ => {}
        }
        self.make(base, path, kind, mode, rdev)
    }

    fn make(&self, base: &Path, path: &[u8], kind: Kind, mode: u32, rdev: u64) -> Result<()> {
        let (target, directory) = self.vacant(base, path, kind == Kind::Directory)?;
        if kind.is_device() && !self.credentials.has(capability::MKNOD) {
            return Err(Error::new(Errno::EPERM, "only the superuser makes devices"));
        }
        let node = self.new_node(&directory, kind, mode, rdev);
        target
            .child
            .dentry
            .fill(target.parent.inode()?.create(&target.name, &node)?);
        target.tell(happening::CREATE);
        Ok(())
    }

    /// `symlink(2)`.
    ///
    /// # Errors
    /// All of its.
    pub fn symlink(&self, content: &[u8], base: &Path, path: &[u8]) -> Result<()> {
        if content.is_empty() {
            return Err(Error::new(Errno::ENOENT, "the symbolic link would be empty"));
        }
        let (target, directory) = self.vacant(base, path, false)?;
        let mut node = self.new_node(&directory, Kind::Symlink, 0o777, 0);
        node.mode = 0o777;
        let inode = target.parent.inode()?.symlink(&target.name, content, &node)?;
        target.child.dentry.fill(inode);
        target.tell(happening::CREATE);
        Ok(())
    }

    /// `link(2)` of a file that was found already.
    ///
    /// # Errors
    /// All of its.
    pub fn link(&self, file: &Path, base: &Path, path: &[u8]) -> Result<()> {
        let inode = file.inode()?;
        let (target, _) = self.vacant(base, path, false)?;
        if !Arc::ptr_eq(&file.mount, &target.parent.mount) {
            return Err(Error::new(Errno::EXDEV, "the name would be on another mount"));
        }
        if file.dentry.is_directory() {
            return Err(Error::new(Errno::EPERM, "directories have one name"));
        }
        let attributes = inode.attributes();
        if attributes.nlink == 0 && !file.dentry.is_linkable() {
            return Err(Error::new(Errno::ENOENT, "the file has no name any more"));
        }
        if !self.credentials.owns(attributes.uid) {
            let safe = attributes.kind() == Kind::Regular
                && attributes.mode & S_ISUID == 0
                && attributes.mode & (S_ISGID | 0o010) != S_ISGID | 0o010;
            let wish = Permission::READ | Permission::WRITE;
            if !safe || self.credentials.check(&attributes, wish).is_err() {
                return Err(Error::new(Errno::EPERM, "the file is somebody else's"));
            }
        }
        target.parent.inode()?.link(&target.name, inode)?;
        target.child.dentry.fill(Arc::clone(inode));
        notify::tell_self(&file.dentry, happening::ATTRIB);
        target.tell(happening::CREATE);
        Ok(())
    }

    /// Checks that a name can be removed from its directory.
    pub(crate) fn check_removing(&self, parent: &Path, child: &Path) -> Result<()> {
        let directory = parent.attributes()?;
        self.credentials
            .check(&directory, Permission::WRITE | Permission::EXECUTE)?;
        if self.credentials.is_stuck(&directory, &child.attributes()?) {
            return Err(Error::new(
                Errno::EPERM,
                "the directory is sticky and the file somebody else's",
            ));
        }
        Ok(())
    }

    /// `unlink(2)`.
    ///
    /// # Errors
    /// All of its.
    pub fn unlink(&self, base: &Path, path: &[u8]) -> Result<()> {
        let is_directory = || Error::new(Errno::EISDIR, "directories are removed with rmdir");
        let target = self.target(base, path)?.map_err(|_| is_directory())?;
        let kind = target.child.dentry.kind().ok_or_else(|| Error::from(Errno::ENOENT))?;
        if target.slash {
            return Err(if kind == Kind::Directory {
                is_directory()
            } else {
                Error::new(Errno::ENOTDIR, "a slash follows what is not a directory")
            });
        }
        target.parent.mount.check_writable()?;
        self.check_removing(&target.parent, &target.child)?;
        if kind == Kind::Directory {
            return Err(is_directory());
        }
        if target.child.is_mount_root() {
            return Err(Errno::EBUSY.into());
        }
        target.parent.inode()?.unlink(&target.name)?;
        target.parent.dentry.forget(&target.child.dentry);
        notify::tell_self(&target.child.dentry, happening::ATTRIB);
        target.tell_removed();
        Ok(())
    }

    /// `rmdir(2)`.
    ///
    /// # Errors
    /// All of its.
    pub fn rmdir(&self, base: &Path, path: &[u8]) -> Result<()> {
        let target = self.target(base, path)?.map_err(|special| match special {
            Special::Here => Error::new(Errno::EBUSY, "the root stays"),
            Special::Dot => Error::new(Errno::EINVAL, "a directory is removed by its name"),
            Special::DotDot => Error::new(Errno::ENOTEMPTY, "the directory is in it"),
        })?;
        let kind = target.child.dentry.kind().ok_or_else(|| Error::from(Errno::ENOENT))?;
        target.parent.mount.check_writable()?;
        self.check_removing(&target.parent, &target.child)?;
        if kind != Kind::Directory {
            return Err(Error::new(Errno::ENOTDIR, "the file is not a directory"));
        }
        if target.child.is_mount_root() {
            return Err(Error::new(Errno::EBUSY, "something is mounted there"));
        }
        target.parent.inode()?.rmdir(&target.name)?;
        target.parent.dentry.forget(&target.child.dentry);
        target.tell_removed();
        Ok(())
    }

    /// `chmod(2)` of what lies at a place.
    ///
    /// # Errors
    /// `EPERM`, `EROFS`; `EOPNOTSUPP` for a symbolic link.
    pub fn chmod(&self, place: &Path, mode: u32) -> Result<()> {
        place.mount.check_writable()?;
        if place.dentry.kind() == Some(Kind::Symlink) {
            return Err(Error::new(Errno::EOPNOTSUPP, "symbolic links have no permissions"));
        }
        let attributes = place.attributes()?;
        if !self.credentials.owns(attributes.uid) {
            return Err(Error::new(Errno::EPERM, "only the owner changes permissions"));
        }
        let mut mode = mode & 0o7777;
        if !self.credentials.in_group(attributes.gid) && !self.credentials.has(capability::FSETID) {
            mode &= !S_ISGID;
        }
        place.inode()?.set_attributes(&SetAttributes {
            mode: Some(mode),
            ..Default::default()
        })?;
        notify::tell(&place.dentry, happening::ATTRIB);
        Ok(())
    }

    /// `chown(2)` of what lies at a place; `None` leaves a part as it is.
    ///
    /// # Errors
    /// `EPERM`, `EROFS`.
    pub fn chown(&self, place: &Path, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
        place.mount.check_writable()?;
        let attributes = place.attributes()?;
        let owner = self.credentials.fsuid == attributes.uid;
        let may_uid = uid.is_none_or(|uid| owner && uid == attributes.uid);
        let may_gid = gid.is_none_or(|gid| owner && (gid == attributes.gid || self.credentials.in_group(gid)));
        if !(self.credentials.has(capability::CHOWN) || may_uid && may_gid) {
            return Err(Error::new(Errno::EPERM, "only the superuser gives files away"));
        }
        let mut mode = None;
        if attributes.kind() != Kind::Directory {
            let mut kept = attributes.mode & 0o7777 & !S_ISUID;
            if kept & 0o010 != 0 {
                kept &= !S_ISGID;
            }
            mode = (kept != attributes.mode & 0o7777).then_some(kept);
        }
        place.inode()?.set_attributes(&SetAttributes {
            uid,
            gid,
            mode,
            ..Default::default()
        })?;
        notify::tell(&place.dentry, happening::ATTRIB);
        Ok(())
    }

    /// `utimensat(2)` of what lies at a place.
    ///
    /// # Errors
    /// `EPERM`, `EACCES`, `EROFS`.
    pub fn set_times(&self, place: &Path, atime: NewTime, mtime: NewTime) -> Result<()> {
        if (atime, mtime) == (NewTime::Keep, NewTime::Keep) {
            return Ok(());
        }
        place.mount.check_writable()?;
        let attributes = place.attributes()?;
        if !self.credentials.owns(attributes.uid) {
            if (atime, mtime) != (NewTime::Now, NewTime::Now) {
                return Err(Error::new(Errno::EPERM, "only the owner sets times"));
            }
            self.credentials.check(&attributes, Permission::WRITE)?;
        }
        place.inode()?.set_attributes(&SetAttributes {
            atime: atime.value(),
            mtime: mtime.value(),
            ..Default::default()
        })?;
        notify::tell(&place.dentry, happening::ATTRIB);
        Ok(())
    }

    /// `truncate(2)` of what lies at a place.
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL`, `EACCES`, `EROFS`, `EFBIG`.
    pub fn truncate(&self, place: &Path, size: u64) -> Result<()> {
        match place.dentry.kind() {
            Some(Kind::Regular) => {}
            Some(Kind::Directory) => return Err(Errno::EISDIR.into()),
            _ => return Err(Errno::EINVAL.into()),
        }
        self.check(place, Permission::WRITE)?;
        if size > i64::MAX as u64 {
            return Err(Errno::EINVAL.into());
        }
        running::check_not_running(place.inode()?)?;
        place.inode()?.set_attributes(&SetAttributes {
            size: Some(size),
            ..Default::default()
        })?;
        notify::tell(&place.dentry, happening::MODIFY);
        Ok(())
    }
}

/// A time to be set by `utimensat(2)`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewTime {
    /// Leave it (`UTIME_OMIT`).
    Keep,
    /// The time of day (`UTIME_NOW`, or no times given).
    Now,
    /// This.
    At(Timespec),
}

impl NewTime {
    fn value(self) -> Option<Timespec> {
        match self {
            Self::Keep => None,
            Self::Now => Some(now()),
            Self::At(time) => Some(time),
        }
    }
}
