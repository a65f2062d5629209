//! What `stat` tells of a file, and what `chmod`, `chown`, `utimensat` and `truncate` change.

use crate::Kind;
use abi::stat::{STATX_BASIC_STATS, STATX_BTIME, STATX_MNT_ID, Stat, Statx, StatxTime, major, minor};
use abi::time::Timespec;

/// What is known of a file besides its content.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Number within the file system.
    pub ino: u64,
    /// Number of the file system.
    pub dev: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Names that it has.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The device that it stands for.
    pub rdev: u64,
    /// Bytes.
    pub size: u64,
    /// Units of 512 bytes that it occupies.
    pub blocks: u64,
    /// The best size of a read.
    pub blksize: u32,
    /// Last read.
    pub atime: Timespec,
    /// Last change of the content.
    pub mtime: Timespec,
    /// Last change of content or attributes.
    pub ctime: Timespec,
    /// Made.
    pub btime: Timespec,
}

impl Attributes {
    /// Attributes of a file of that mode, everything else zero or what most files have.
    #[must_use]
    pub const fn new(ino: u64, dev: u64, mode: u32) -> Self {
        const ZERO: Timespec = Timespec { sec: 0, nsec: 0 };
        Self {
            ino,
            dev,
            mode,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            size: 0,
            blocks: 0,
            blksize: 4096,
            atime: ZERO,
            mtime: ZERO,
            ctime: ZERO,
            btime: ZERO,
        }
    }

    /// The same with all times set.
    #[must_use]
    pub const fn with_times(mut self, time: Timespec) -> Self {
        self.atime = time;
        self.mtime = time;
        self.ctime = time;
        self.btime = time;
        self
    }

    /// The sort of file.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::from_mode(self.mode).unwrap_or(Kind::Anonymous)
    }

    /// As `stat(2)` shows it. In two parts, as all of it at once is more than the registers hold.
    #[must_use]
    #[inline]
    pub fn to_stat(&self) -> Stat {
        let mut stat = Stat {
            dev: self.dev,
            ino: self.ino,
            nlink: u64::from(self.nlink),
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            rdev: self.rdev,
            size: self.size as i64,
            blksize: i64::from(self.blksize),
            ..Stat::default()
        };
        stat.blocks = self.blocks as i64;
        stat.atime = self.atime.sec as u64;
        stat.atime_nsec = self.atime.nsec as u64;
        stat.mtime = self.mtime.sec as u64;
        stat.mtime_nsec = self.mtime.nsec as u64;
        stat.ctime = self.ctime.sec as u64;
        stat.ctime_nsec = self.ctime.nsec as u64;
        stat
    }

    /// As `statx(2)` shows it, for a file reached through the mount with that number.
    #[must_use]
    pub fn to_statx(&self, mount: u64) -> Statx {
        Statx {
            mask: STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID,
            blksize: self.blksize,
            nlink: self.nlink,
            uid: self.uid,
            gid: self.gid,
            mode: self.mode as u16,
            ino: self.ino,
            size: self.size,
            blocks: self.blocks,
            atime: statx_time(self.atime),
            btime: statx_time(self.btime),
            ctime: statx_time(self.ctime),
            mtime: statx_time(self.mtime),
            rdev_major: major(self.rdev),
            rdev_minor: minor(self.rdev),
            dev_major: major(self.dev),
            dev_minor: minor(self.dev),
            mnt_id: mount,
            ..Statx::default()
        }
    }
}

fn statx_time(time: Timespec) -> StatxTime {
    StatxTime {
        sec: time.sec,
        nsec: time.nsec as u32,
        pad: 0,
    }
}

/// Changes to attributes; what is `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetAttributes {
    /// Permissions (the lowest twelve bits).
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Bytes.
    pub size: Option<u64>,
    /// Last read.
    pub atime: Option<Timespec>,
    /// Last change of the content.
    pub mtime: Option<Timespec>,
}

/// The time of day, for files' times.
#[must_use]
pub fn now() -> Timespec {
    Timespec::from_nanos(time::wall_now())
}
