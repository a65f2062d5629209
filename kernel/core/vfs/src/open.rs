//! `open(2)`: finding or making a file, and what is refused in which order. The order is that of `fs/namei.c` of Linux 6.12.

use crate::running;
use crate::walk::{Last, Walk};
use crate::{Context, File, Kind, MountFlags, NewNode, Path, Permission, SetAttributes, capability, special};
use crate::{happening, notify};
use abi::fcntl::{OpenFlags, ResolveFlags};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;

/// How to open a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// The flags.
    pub flags: OpenFlags,
    /// Permissions of a file that is made.
    pub mode: u32,
    /// Where the path may lead.
    pub resolve: ResolveFlags,
}

impl How {
    /// Opens with flags, making nothing.
    #[must_use]
    pub const fn new(flags: OpenFlags) -> Self {
        Self {
            flags,
            mode: 0,
            resolve: ResolveFlags::empty(),
        }
    }

    /// Checks that the flags go together, and drops those that do not count.
    fn checked(mut self) -> Result<Self> {
        let flags = &mut self.flags;
        if flags.contains(OpenFlags::PATH) {
            *flags &= OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW | OpenFlags::CLOEXEC;
        }
        if flags.tmpfile() {
            if !flags.contains(OpenFlags::DIRECTORY) || flags.contains(OpenFlags::CREAT) || !flags.writable() {
                return Err(Error::new(
                    Errno::EINVAL,
                    "the flags of a nameless file do not go together",
                ));
            }
        } else if flags.contains(OpenFlags::CREAT | OpenFlags::DIRECTORY) {
            return Err(Error::new(Errno::EINVAL, "a directory is not made by opening it"));
        }
        self.mode &= 0o7777;
        Ok(self)
    }

    fn wish(self) -> Permission {
        let mut wish = Permission::empty();
        wish.set(Permission::READ, self.flags.bits() & 3 != 1);
        let writes = self.flags.bits() & 3 != 0 || self.flags.contains(OpenFlags::TRUNC);
        wish.set(Permission::WRITE, writes);
        wish
    }
}

impl Context {
    /// Opens the file at a path, which begins at `base` unless it begins with a slash.
    ///
    /// # Errors
    /// All of `open(2)`'s.
    pub fn open(&self, base: &Path, path: &[u8], how: How) -> Result<Arc<File>> {
        let how = how.checked()?;
        if path.is_empty() {
            return Err(Error::new(Errno::ENOENT, "the path is empty"));
        }
        if how.flags.tmpfile() {
            return self.open_nameless(base, path, how);
        }
        let mut walk = Walk::new(self, base, path, how.resolve)?;
        let exclusive = how.flags.contains(OpenFlags::CREAT | OpenFlags::EXCL);
        let follow = !how.flags.contains(OpenFlags::NOFOLLOW) && !exclusive;
        loop {
            let last = walk.go_to_parent()?;
            let (range, hash, slash) = match last {
                Last::Here | Last::Dot => {
                    let slash = last == Last::Dot || walk.ends_in_slash();
                    return self.open_found(walk.at, how, slash);
                }
                Last::DotDot => {
                    walk.up()?;
                    return self.open_found(walk.at, how, true);
                }
                Last::Name(range, hash, slash) => (range, hash, slash),
            };
            if slash && how.flags.contains(OpenFlags::CREAT) {
                return Err(Error::new(Errno::EISDIR, "a slash follows the name to be made"));
            }
            let child = walk.look_up(&range, hash)?;
            match child.dentry.kind() {
                Some(Kind::Symlink) if follow || slash => walk.follow(&child)?,
                Some(_) => {
                    walk.move_to(child)?;
                    return self.open_found(walk.at, how, slash);
                }
                None if !how.flags.contains(OpenFlags::CREAT) => {
                    return Err(Error::new(Errno::ENOENT, "there is no such file"));
                }
                None => match self.make_and_open(&walk.at, &child, walk.name(&range), how) {
                    // Somebody else made it in between.
                    Err(error) if error.errno == Errno::EEXIST && !exclusive => return self.open(base, path, how),
                    result => return result,
                },
            }
        }
    }

    /// Opens what lies at a place.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub fn open_place(&self, place: &Path, flags: OpenFlags) -> Result<Arc<File>> {
        self.open_found(place.clone(), How::new(flags).checked()?, false)
    }

    fn open_found(&self, place: Path, how: How, slash: bool) -> Result<Arc<File>> {
        let flags = how.flags;
        let kind = place.dentry.kind().ok_or_else(|| Error::from(Errno::ENOENT))?;
        if flags.contains(OpenFlags::CREAT) {
            if flags.contains(OpenFlags::EXCL) {
                return Err(Error::new(Errno::EEXIST, "the file is there already"));
            }
            if kind == Kind::Directory {
                return Err(Error::new(Errno::EISDIR, "a directory is not made by opening it"));
            }
        }
        if (slash || flags.contains(OpenFlags::DIRECTORY)) && kind != Kind::Directory {
            return Err(Error::new(Errno::ENOTDIR, "the file is not a directory"));
        }
        if flags.contains(OpenFlags::PATH) {
            return Ok(File::new(place, flags, None));
        }
        self.check_open(&place, kind, how)?;
        if flags.contains(OpenFlags::TRUNC) && kind == Kind::Regular {
            place.inode()?.set_attributes(&SetAttributes {
                size: Some(0),
                ..Default::default()
            })?;
            notify::tell(&place.dentry, happening::MODIFY);
        }
        open_inode(place, kind, flags)
    }

    /// What `may_open` of Linux refuses.
    #[inline]
    fn check_open(&self, place: &Path, kind: Kind, how: How) -> Result<()> {
        let wish = how.wish();
        match kind {
            Kind::Symlink => return Err(Error::new(Errno::ELOOP, "a symbolic link is not opened itself")),
            Kind::Directory if wish.contains(Permission::WRITE) => {
                return Err(Error::new(Errno::EISDIR, "directories are not written"));
            }
            Kind::Character | Kind::Block if place.mount.flags().contains(MountFlags::NO_DEVICES) => {
                return Err(Error::new(Errno::EACCES, "the mount has no devices"));
            }
            _ => {}
        }
        if wish.contains(Permission::WRITE) && !kind.is_special() {
            place.mount.check_writable()?;
            running::check_not_running(place.inode()?)?;
        }
        let no_atime = how.flags.contains(OpenFlags::NOATIME);
        if self.credentials.has(capability::DAC_OVERRIDE) && !no_atime {
            return Ok(());
        }
        let attributes = place.attributes()?;
        self.credentials.check(&attributes, wish)?;
        if no_atime && !self.credentials.owns(attributes.uid) {
            return Err(Error::new(Errno::EPERM, "only the owner reads without leaving a time"));
        }
        Ok(())
    }

    fn make_and_open(&self, parent: &Path, child: &Path, name: &[u8], how: How) -> Result<Arc<File>> {
        parent.mount.check_writable()?;
        let directory = self.check_making(parent)?;
        let node = self.new_node(&directory, Kind::Regular, how.mode, 0);
        let inode = parent.inode()?.create(name, &node)?;
        child.dentry.fill(inode);
        notify::tell_directory(&parent.dentry, name, &child.dentry, happening::CREATE);
        open_inode(child.clone(), Kind::Regular, how.flags)
    }

    fn open_nameless(&self, base: &Path, path: &[u8], how: How) -> Result<Arc<File>> {
        let directory = self.resolve_within(base, path, true, how.resolve)?;
        if !directory.dentry.is_directory() {
            return Err(Error::new(Errno::ENOTDIR, "nameless files are made in a directory"));
        }
        directory.mount.check_writable()?;
        let attributes = self.check_making(&directory)?;
        let node: NewNode = self.new_node(&attributes, Kind::Regular, how.mode, 0);
        let inode = directory.inode()?.tmpfile(&node)?;
        let mut name = directory.text(Some(&self.root));
        name.extend_from_slice(alloc::format!("/#{} (deleted)", inode.attributes().ino).as_bytes());
        let place = Path {
            mount: Arc::clone(&directory.mount),
            dentry: crate::Dentry::alone(inode, &name),
        };
        if !how.flags.contains(OpenFlags::EXCL) {
            place.dentry.set_linkable();
        }
        open_inode(place, Kind::Regular, how.flags)
    }
}

/// Opens a regular file that is in no directory, such as a memory file. Nothing is checked.
///
/// # Errors
/// What opening its inode fails with.
pub fn open_nameless(place: Path, flags: OpenFlags) -> Result<Arc<File>> {
    open_inode(place, Kind::Regular, flags)
}

/// Opens an inode, checks done: its own behaviour, the device's, the fifo's, or none.
#[inline]
fn open_inode(place: Path, kind: Kind, flags: OpenFlags) -> Result<Arc<File>> {
    let inode = place.inode()?;
    let behaviour = match inode.open(flags)? {
        Some(behaviour) => Some(behaviour),
        None => match kind {
            Kind::Regular | Kind::Directory => None,
            Kind::Character | Kind::Block => Some(special::open_device(inode, flags)?),
            Kind::Fifo => Some(special::open_fifo(inode, flags)?),
            Kind::Symlink | Kind::Socket | Kind::Anonymous => {
                return Err(Error::new(Errno::ENXIO, "such files are not opened"));
            }
        },
    };
    if kind == Kind::Regular && flags.writable() {
        running::begin_writing(inode)?;
    }
    let kept = flags - (OpenFlags::CREAT | OpenFlags::EXCL | OpenFlags::NOCTTY | OpenFlags::TRUNC | OpenFlags::CLOEXEC);
    notify::tell(&place.dentry, happening::OPEN);
    Ok(File::new(place, kept | OpenFlags::LARGEFILE, behaviour))
}
