//! Who asks, and whether they may.

use crate::{Attributes, Inode, Kind};
use abi::stat::S_ISVTX;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use bitflags::bitflags;

/// Numbers of capabilities; a set of them has the bit `1 << number`.
#[expect(missing_docs, reason = "the names are Linux's and capabilities(7) explains them")]
pub mod capability {
    pub const CHOWN: u32 = 0;
    pub const DAC_OVERRIDE: u32 = 1;
    pub const DAC_READ_SEARCH: u32 = 2;
    pub const FOWNER: u32 = 3;
    pub const FSETID: u32 = 4;
    pub const KILL: u32 = 5;
    pub const SETGID: u32 = 6;
    pub const SETUID: u32 = 7;
    pub const SETPCAP: u32 = 8;
    pub const NET_BIND_SERVICE: u32 = 10;
    pub const NET_ADMIN: u32 = 12;
    pub const NET_RAW: u32 = 13;
    pub const IPC_LOCK: u32 = 14;
    pub const IPC_OWNER: u32 = 15;
    pub const SYS_CHROOT: u32 = 18;
    pub const SYS_PTRACE: u32 = 19;
    pub const SYS_ADMIN: u32 = 21;
    pub const SYS_BOOT: u32 = 22;
    pub const SYS_NICE: u32 = 23;
    pub const SYS_RESOURCE: u32 = 24;
    pub const SYS_TIME: u32 = 25;
    pub const MKNOD: u32 = 27;
    /// The highest that there is.
    pub const LAST: u32 = 40;
    /// All of them.
    pub const ALL: u64 = (1 << (LAST + 1)) - 1;
}

/// What the superuser's number means to capabilities; each bit has one above it that locks it.
#[expect(missing_docs, reason = "the names are Linux's and capabilities(7) explains them")]
pub mod securebits {
    pub const NO_ROOT: u32 = 1;
    pub const NO_SETUID_FIXUP: u32 = 4;
    pub const KEEP_CAPS: u32 = 16;
    pub const NO_AMBIENT_RAISE: u32 = 64;
    pub const LOCKS: u32 = 0xaa;
    pub const ALL: u32 = 0xff;
}

bitflags! {
    /// What somebody wants to do with a file.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Permission: u32 {
        /// Run it, or go through it.
        const EXECUTE = 1;
        /// Change it.
        const WRITE = 2;
        /// Read it.
        const READ = 4;
    }
}

/// Who a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Linux's and credentials(7) explains them")]
pub struct Credentials {
    pub uid: u32,
    pub euid: u32,
    pub suid: u32,
    pub fsuid: u32,
    pub gid: u32,
    pub egid: u32,
    pub sgid: u32,
    pub fsgid: u32,
    pub groups: Vec<u32>,
    pub effective: u64,
    pub permitted: u64,
    pub inheritable: u64,
    pub bounding: u64,
    pub ambient: u64,
    pub securebits: u32,
}

impl Credentials {
    /// A user; number 0 has all capabilities, the others none.
    #[must_use]
    pub fn user(uid: u32, gid: u32, groups: Vec<u32>) -> Self {
        let capabilities = if uid == 0 { capability::ALL } else { 0 };
        Self {
            uid,
            euid: uid,
            suid: uid,
            fsuid: uid,
            gid,
            egid: gid,
            sgid: gid,
            fsgid: gid,
            groups,
            effective: capabilities,
            permitted: capabilities,
            inheritable: 0,
            bounding: capability::ALL,
            ambient: 0,
            securebits: 0,
        }
    }

    /// The superuser.
    #[must_use]
    pub fn root() -> Self {
        Self::user(0, 0, Vec::new())
    }

    /// Whether a capability is in force.
    #[must_use]
    #[inline]
    pub const fn has(&self, number: u32) -> bool {
        self.effective & 1 << number != 0
    }

    /// As `access(2)` asks: the real user and group, with the capabilities that they would have.
    #[must_use]
    pub fn real(&self) -> Self {
        let mut real = self.clone();
        (real.fsuid, real.fsgid) = (self.uid, self.gid);
        real.effective = if self.uid == 0 { self.permitted } else { 0 };
        real
    }

    /// Whether a group is one of theirs.
    #[must_use]
    pub fn in_group(&self, gid: u32) -> bool {
        self.fsgid == gid || self.groups.contains(&gid)
    }

    /// Whether they count as the owner of a file.
    #[must_use]
    pub fn owns(&self, uid: u32) -> bool {
        self.fsuid == uid || self.has(capability::FOWNER)
    }

    /// Whether no directory refuses them the way: the common case, without a look at the directory.
    #[inline]
    pub(crate) const fn goes_anywhere(&self) -> bool {
        self.effective & (1 << capability::DAC_OVERRIDE | 1 << capability::DAC_READ_SEARCH) != 0
    }

    /// Checks a wish against a file's permissions.
    ///
    /// # Errors
    /// `EACCES`.
    pub fn check(&self, attributes: &Attributes, wish: Permission) -> Result<()> {
        let shift = if self.fsuid == attributes.uid {
            6
        } else if attributes.mode >> 3 & 7 != attributes.mode & 7 && self.in_group(attributes.gid) {
            3
        } else {
            0
        };
        if wish.bits() & !(attributes.mode >> shift) == 0 {
            return Ok(());
        }
        let directory = attributes.kind() == Kind::Directory;
        let searching = !wish.contains(Permission::WRITE) && (directory || !wish.contains(Permission::EXECUTE));
        if self.has(capability::DAC_READ_SEARCH) && searching {
            return Ok(());
        }
        let runnable = directory || attributes.mode & 0o111 != 0 || !wish.contains(Permission::EXECUTE);
        if self.has(capability::DAC_OVERRIDE) && runnable {
            return Ok(());
        }
        Err(Error::new(Errno::EACCES, "the file's permissions refuse it"))
    }

    /// Checks a wish against an inode.
    ///
    /// # Errors
    /// `EACCES`.
    pub fn check_inode(&self, inode: &dyn Inode, wish: Permission) -> Result<()> {
        self.check(&inode.attributes(), wish)
    }

    /// Whether the sticky bit of a directory keeps them from removing or renaming a file in it.
    pub(crate) fn is_stuck(&self, directory: &Attributes, file: &Attributes) -> bool {
        directory.mode & S_ISVTX != 0
            && self.fsuid != file.uid
            && self.fsuid != directory.uid
            && !self.has(capability::FOWNER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn file(mode: u32, uid: u32, gid: u32) -> Attributes {
        Attributes {
            uid,
            gid,
            ..Attributes::new(1, 1, mode)
        }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let user = Credentials::user(10, 20, vec![30]);
        // The owner's bits refuse although the others' allow.
        assert!(user.check(&file(0o100_077, 10, 0), Permission::READ).is_err());
        assert!(user.check(&file(0o100_040, 1, 30), Permission::READ).is_ok());
        assert!(user.check(&file(0o100_004, 1, 30), Permission::READ).is_err());
        assert!(user.check(&file(0o100_004, 1, 1), Permission::READ).is_ok());
    }

    #[test]
    fn root_reads_and_writes_anything_but_runs_only_programs() {
        let root = Credentials::root();
        assert!(
            root.check(&file(0o100_000, 5, 5), Permission::READ | Permission::WRITE)
                .is_ok()
        );
        assert!(root.check(&file(0o100_644, 5, 5), Permission::EXECUTE).is_err());
        assert!(root.check(&file(0o100_100, 5, 5), Permission::EXECUTE).is_ok());
        assert!(root.check(&file(0o040_000, 5, 5), Permission::EXECUTE).is_ok());
    }
}
