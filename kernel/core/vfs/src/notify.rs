//! Telling who watches files what happens to them (`inotify(7)`).
//!
//! Nothing is looked up while nobody watches: [`is_on`] is one load. Watches are found by device and inode number. Lock order: the watches are a leaf.

use crate::{Dentry, Kind, Path};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use lock::SpinLock;
use sortedmap::SortedMap;

/// What happened; the numbers are those of `inotify(7)`.
pub mod happening {
    #![expect(missing_docs, reason = "the names are Linux's and the manual pages explain them")]
    pub const ACCESS: u32 = 0x1;
    pub const MODIFY: u32 = 0x2;
    pub const ATTRIB: u32 = 0x4;
    pub const CLOSE_WRITE: u32 = 0x8;
    pub const CLOSE_NOWRITE: u32 = 0x10;
    pub const OPEN: u32 = 0x20;
    pub const MOVED_FROM: u32 = 0x40;
    pub const MOVED_TO: u32 = 0x80;
    pub const CREATE: u32 = 0x100;
    pub const DELETE: u32 = 0x200;
    pub const DELETE_SELF: u32 = 0x400;
    pub const MOVE_SELF: u32 = 0x800;
    pub const ISDIR: u32 = 0x4000_0000;
}

/// Somebody who watches a file.
pub trait FileWatch: Send + Sync {
    /// Something happened to the file, or, if there is a name, to what has that name in the directory. Must not sleep.
    fn happened(&self, what: u32, cookie: u32, name: &[u8]);
}

type Key = (u64, u64);

static WATCHES: SpinLock<SortedMap<Key, Vec<Weak<dyn FileWatch>>>> = SpinLock::new(SortedMap::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);
static COOKIE: AtomicU32 = AtomicU32::new(1);

/// Whether anybody watches anything.
#[inline]
pub(crate) fn is_on() -> bool {
    COUNT.load(Ordering::Relaxed) > 0
}

fn key(dentry: &Dentry) -> Option<Key> {
    let attributes = dentry.inode()?.attributes();
    Some((attributes.dev, attributes.ino))
}

/// Has somebody told what happens to a file.
///
/// # Errors
/// `ENOENT` for a name that does not exist.
pub fn watch(place: &Path, who: &Arc<dyn FileWatch>) -> abi::Result<()> {
    let key = key(&place.dentry).ok_or(abi::Errno::ENOENT)?;
    let mut watches = WATCHES.lock();
    watches.get_or_insert_with(key, Vec::new).push(Arc::downgrade(who));
    COUNT.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Somebody does not watch any more, or is gone.
pub fn unwatch(place: &Path, who: *const ()) {
    let Some(key) = key(&place.dentry) else { return };
    let mut watches = WATCHES.lock();
    let Some(list) = watches.get_mut(&key) else { return };
    let before = list.len();
    list.retain(|other| Weak::as_ptr(other).cast::<()>() != who);
    COUNT.fetch_sub(before - list.len(), Ordering::Relaxed);
    if list.is_empty() {
        watches.remove(&key);
    }
}

fn send(key: Key, what: u32, cookie: u32, name: &[u8]) {
    let list: Vec<_> = WATCHES.lock().get(&key).cloned().unwrap_or_default();
    for who in list.iter().filter_map(Weak::upgrade) {
        who.happened(what, cookie, name);
    }
}

fn with_kind(dentry: &Dentry, what: u32) -> u32 {
    if dentry.kind() == Some(Kind::Directory) {
        what | happening::ISDIR
    } else {
        what
    }
}

/// Something happened to a file: tells who watches it, and who watches its directory.
#[inline]
pub(crate) fn tell(dentry: &Dentry, what: u32) {
    if is_on() {
        tell_both(dentry, what);
    }
}

#[cold]
fn tell_both(dentry: &Dentry, what: u32) {
    let what = with_kind(dentry, what);
    if let Some(parent) = dentry.parent().as_deref().and_then(key) {
        send(parent, what, 0, dentry.name().as_bytes());
    }
    tell_self(dentry, what);
}

/// Something happened to a file: tells who watches the file itself.
pub(crate) fn tell_self(dentry: &Dentry, what: u32) {
    // As on Linux, who watches a directory is not told again that it is one when it goes or is moved.
    let what = if what & (happening::DELETE_SELF | happening::MOVE_SELF) != 0 {
        what & !happening::ISDIR
    } else {
        what
    };
    if let Some(key) = key(dentry).filter(|_| is_on()) {
        send(key, what, 0, b"");
    }
}

/// Something happened to a name in a directory.
pub(crate) fn tell_directory(directory: &Dentry, name: &[u8], child: &Dentry, what: u32) {
    if let Some(key) = key(directory).filter(|_| is_on()) {
        send(key, with_kind(child, what), 0, name);
    }
}

/// A name was moved.
pub(crate) fn tell_move(from: (&Dentry, &[u8]), to: (&Dentry, &[u8]), child: &Dentry) {
    if !is_on() {
        return;
    }
    let cookie = COOKIE.fetch_add(1, Ordering::Relaxed);
    for ((directory, name), what) in [(from, happening::MOVED_FROM), (to, happening::MOVED_TO)] {
        if let Some(key) = key(directory) {
            send(key, with_kind(child, what), cookie, name);
        }
    }
    tell_self(child, happening::MOVE_SELF);
}
