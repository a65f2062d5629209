//! A process's view of the tree, and the calls that name files.

use crate::walk::Walk;
use crate::{Attributes, Credentials, Link, Path, Permission};
use abi::fcntl::ResolveFlags;
use abi::stat::{R_OK, W_OK, X_OK};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// What a path means to a process: its root, its working directory, who it is, and what it takes off new files' permissions.
///
/// A process keeps one and replaces it when something of it changes; calls borrow it.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where `/` leads.
    pub root: Path,
    /// Where relative paths begin.
    pub cwd: Path,
    /// Who asks.
    pub credentials: Arc<Credentials>,
    /// Permissions that new files do not get.
    pub umask: u32,
}

impl Context {
    /// The view from a root.
    #[must_use]
    pub fn new(root: Path, credentials: Arc<Credentials>) -> Self {
        Self {
            cwd: root.clone(),
            root,
            credentials,
            umask: 0o022,
        }
    }

    /// Finds what lies at a path, which begins at `base` unless it begins with a slash. A symbolic link at the end is followed if `follow`.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`.
    #[inline]
    pub fn resolve(&self, base: &Path, path: &[u8], follow: bool) -> Result<Path> {
        self.resolve_within(base, path, follow, ResolveFlags::empty())
    }

    /// [`Context::resolve`] with the limits of `openat2(2)`.
    ///
    /// # Errors
    /// As [`Context::resolve`], and `EXDEV` for a path that leaves its limits.
    pub fn resolve_within(&self, base: &Path, path: &[u8], follow: bool, resolve: ResolveFlags) -> Result<Path> {
        if path.is_empty() {
            return Err(Error::new(Errno::ENOENT, "the path is empty"));
        }
        let (place, slash) = Walk::new(self, base, path, resolve)?.go_to_end(follow)?;
        if place.dentry.inode().is_none() {
            return Err(Error::new(Errno::ENOENT, "there is no such file"));
        }
        if slash && !place.dentry.is_directory() {
            return Err(Error::new(Errno::ENOTDIR, "a slash follows what is not a directory"));
        }
        Ok(place)
    }

    /// What `stat` tells of what lies at a path.
    ///
    /// # Errors
    /// As [`Context::resolve`].
    pub fn stat(&self, base: &Path, path: &[u8], follow: bool) -> Result<Attributes> {
        self.resolve(base, path, follow)?.attributes()
    }

    /// The path of a place, as `getcwd` and `/proc/self/fd` show it to this process.
    #[must_use]
    pub fn path_text(&self, place: &Path) -> Vec<u8> {
        place.text(Some(&self.root))
    }

    /// Where a symbolic link leads.
    ///
    /// # Errors
    /// `EINVAL` for other files, and as [`Context::resolve`].
    pub fn readlink(&self, base: &Path, path: &[u8]) -> Result<Vec<u8>> {
        self.link_text(&self.resolve(base, path, false)?)
    }

    /// Where the symbolic link at a place leads.
    ///
    /// # Errors
    /// `EINVAL` for other files.
    pub fn link_text(&self, place: &Path) -> Result<Vec<u8>> {
        Ok(match place.inode()?.readlink()? {
            Link::Static(target) => target.to_vec(),
            Link::Text(target) => target.to_vec(),
            Link::Jump(target) => self.path_text(&target),
        })
    }

    /// Checks whether a process with these credentials may do something with a file, and the mount lets it.
    ///
    /// # Errors
    /// `EACCES`; `EROFS` for writing on a read-only mount.
    pub fn check(&self, place: &Path, wish: Permission) -> Result<()> {
        let attributes = place.attributes()?;
        if wish.contains(Permission::WRITE) && !attributes.kind().is_special() {
            place.mount.check_writable()?;
        }
        self.credentials.check(&attributes, wish)
    }

    /// `access(2)`: `mode` is made of `R_OK`, `W_OK` and `X_OK`. `real` asks for the real user, not the effective one.
    ///
    /// # Errors
    /// As [`Context::resolve`], and `EACCES`, `EROFS`.
    pub fn access(&self, base: &Path, path: &[u8], mode: u32, real: bool, follow: bool) -> Result<()> {
        if mode & !(R_OK | W_OK | X_OK) != 0 {
            return Err(Errno::EINVAL.into());
        }
        let as_real = |context: &Self| Self {
            credentials: Arc::new(context.credentials.real()),
            ..context.clone()
        };
        let differs = self.credentials.uid != self.credentials.fsuid || self.credentials.gid != self.credentials.fsgid;
        let asker = (real && differs).then(|| as_real(self));
        let asker = asker.as_ref().unwrap_or(self);
        let place = asker.resolve(base, path, follow)?;
        if mode == 0 {
            return Ok(());
        }
        let wish = Permission::from_bits_truncate(mode);
        if wish.contains(Permission::EXECUTE)
            && !place.dentry.is_directory()
            && place.mount.flags().contains(crate::MountFlags::NO_EXECUTE)
        {
            return Err(Error::new(Errno::EACCES, "nothing is run from this mount"));
        }
        asker.check(&place, wish)
    }

    /// What `statfs` tells of the file system at a place.
    #[must_use]
    pub fn statfs(&self, place: &Path) -> abi::stat::Statfs {
        /// `ST_VALID`: the flags mean something.
        const VALID: i64 = 0x20;
        let flags = place.mount.flags();
        let mut statfs = place.mount.file_system().statfs();
        statfs.flags = VALID | i64::from(flags.bits() & 0xf);
        for (flag, shown) in [
            (crate::MountFlags::NO_ATIME, 0x400),
            (crate::MountFlags::RELATIVE_ATIME, 0x1000),
        ] {
            if flags.contains(flag) {
                statfs.flags |= shown;
            }
        }
        statfs
    }
}
