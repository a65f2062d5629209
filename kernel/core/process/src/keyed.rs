//! What has a key in System V: who may use it, and the tables in which keys and numbers are looked up.

use abi::{Errno, Error, Result};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use sortedmap::SortedMap;
use vfs::{Credentials, capability};

/// The key of things that only their number finds.
pub const PRIVATE: i32 = 0;

/// `struct ipc_perm`.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of svipc(7)")]
pub struct Rights {
    pub key: i32,
    pub uid: u32,
    pub gid: u32,
    pub cuid: u32,
    pub cgid: u32,
    pub mode: u32,
}

impl Rights {
    /// Those of something that somebody makes.
    #[must_use]
    pub fn new(key: i32, who: &Credentials, mode: u32) -> Self {
        Self {
            key,
            uid: who.euid,
            gid: who.egid,
            cuid: who.euid,
            cgid: who.egid,
            mode: mode & 0o777,
        }
    }

    /// Whether somebody may read (4) or write (2) it.
    ///
    /// # Errors
    /// `EACCES`.
    pub fn check(&self, who: &Credentials, wish: u32) -> Result<()> {
        let shift = if who.euid == self.uid || who.euid == self.cuid {
            6
        } else if [self.gid, self.cgid]
            .iter()
            .any(|gid| who.egid == *gid || who.groups.contains(gid))
        {
            3
        } else {
            0
        };
        if wish & !(self.mode >> shift) & 6 == 0 || who.has(capability::IPC_OWNER) {
            return Ok(());
        }
        Err(Error::new(Errno::EACCES, "its permissions refuse it"))
    }

    /// Whether somebody may change and remove it.
    ///
    /// # Errors
    /// `EPERM`.
    pub fn check_owner(&self, who: &Credentials) -> Result<()> {
        if who.euid == self.uid || who.euid == self.cuid || who.has(capability::SYS_ADMIN) {
            return Ok(());
        }
        Err(Error::new(Errno::EPERM, "it is somebody else's"))
    }

    /// The six words with which `semid_ds` and its like begin, as eight-byte words.
    #[must_use]
    pub fn words(&self) -> [u64; 6] {
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        [
            two(self.key as u32, self.uid),
            two(self.gid, self.cuid),
            two(self.cgid, self.mode),
            0,
            0,
            0,
        ]
    }

    /// The columns of owner and maker in `/proc/sysvipc`.
    pub(crate) fn columns(&self) -> String {
        let Self {
            uid, gid, cuid, cgid, ..
        } = self;
        format!("{uid:5} {gid:5} {cuid:5} {cgid:5}")
    }

    /// Takes owner and mode from such words (`IPC_SET`).
    pub fn set(&mut self, words: &[u64]) {
        if let [first, second, third, ..] = words {
            (self.uid, self.gid) = ((first >> 32) as u32, *second as u32);
            self.mode = (third >> 32) as u32 & 0o777;
        }
    }
}

/// All things of a kind.
#[derive(Debug)]
pub(crate) struct Table<T> {
    all: SortedMap<u32, (i32, Arc<T>)>,
    next: u32,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self {
            all: SortedMap::new(),
            next: 0,
        }
    }

    pub(crate) fn find(&self, id: u32) -> Result<Arc<T>> {
        let found = self.all.get(&id).map(|(_, found)| Arc::clone(found));
        found.ok_or(Error::new(Errno::EINVAL, "nothing has that number"))
    }

    /// What has a key, or is made because nothing has (`IPC_CREAT` and `IPC_EXCL` in `flags`). The number, and whether it was made.
    pub(crate) fn get(
        &mut self,
        key: i32,
        flags: u32,
        most: usize,
        make: impl FnOnce(u32) -> T,
    ) -> Result<(Arc<T>, bool)> {
        const CREATE: u32 = 0o1000;
        const EXCLUSIVE: u32 = 0o2000;
        let known = self.all.values().find(|(of, _)| *of == key && key != PRIVATE);
        if let Some((_, found)) = known {
            if flags & (CREATE | EXCLUSIVE) == CREATE | EXCLUSIVE {
                return Err(Error::new(Errno::EEXIST, "the key is taken"));
            }
            return Ok((Arc::clone(found), false));
        }
        if key != PRIVATE && flags & CREATE == 0 {
            return Err(Error::new(Errno::ENOENT, "nothing has that key"));
        }
        if self.all.len() >= most {
            return Err(Error::new(Errno::ENOSPC, "there are too many"));
        }
        while self.all.contains_key(&self.next) {
            self.next = (self.next + 1) & 0x7fff_ffff;
        }
        let id = self.next;
        self.next = (id + 1) & 0x7fff_ffff;
        let made = Arc::new(make(id));
        self.all.insert(id, (key, Arc::clone(&made)));
        Ok((made, true))
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Arc<T>> {
        self.all.remove(&id).map(|(_, gone)| gone)
    }

    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        self.all.values().map(|(_, one)| Arc::clone(one)).collect()
    }

    /// The highest number.
    pub(crate) fn last(&self) -> u32 {
        self.all.keys().next_back().copied().unwrap_or(0)
    }
}

/// Seconds since 1970.
pub(crate) fn seconds() -> u64 {
    time::wall_now() / abi::time::NANOS_PER_SEC
}
