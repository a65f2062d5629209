//! Advisory locks on files: ranges of bytes (`fcntl`) and whole files (`flock`).
//!
//! Locks are kept beside the files, by inode, because hardly any file has one: closing a file looks at one counter. A lock of a process goes when the
//! process closes any descriptor of the file; a lock of an open file goes with it. Whoever waits for any lock looks again when one goes.
//!
//! Processes that would wait for each other in a circle are told so (`EDEADLK`): each that waits is noted, and whoever is about to wait follows from the lock in its way to what that
//! lock's owner waits for, and so on. Open files never wait in the eyes of that search, as on Linux.
//!
//! Lock order: who waits → the locks.

use crate::{File, Inode};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use lock::SpinLock;
use sortedmap::SortedMap;
use task::{WaitQueue, wait_until};

/// Whose a lock is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Of the processes that share a descriptor table, by that table's address.
    Process(usize),
    /// Of an open file, by its address.
    File(usize),
}

/// What a lock keeps others from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    /// From exclusive locks.
    Shared,
    /// From all locks.
    Exclusive,
}

/// A lock on a range of bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RangeLock {
    /// Whose.
    pub owner: Owner,
    /// What it keeps others from.
    pub sharing: Sharing,
    /// The bytes; the end is [`u64::MAX`] for as far as the file may ever reach.
    pub range: Range<u64>,
    /// The process that `F_GETLK` names.
    pub process: u32,
}

#[derive(Default)]
struct Locks {
    ranges: Vec<RangeLock>,
    /// Whole files: who, and how.
    whole: Vec<(Owner, Sharing)>,
}

static LOCKS: SpinLock<SortedMap<usize, Locks>> = SpinLock::new(SortedMap::new());
/// Processes that wait for a range: what they want, and of which file.
static WAITING: SpinLock<Vec<(usize, RangeLock)>> = SpinLock::new(Vec::new());
static LOCKED_FILES: AtomicUsize = AtomicUsize::new(0);
static RELEASED: WaitQueue = WaitQueue::new();

/// Inodes are told apart by their address: one that has locks is open and so stays.
fn key(inode: &Arc<dyn Inode>) -> usize {
    Arc::as_ptr(inode).addr()
}

fn owner_of(file: &File) -> Owner {
    Owner::File(core::ptr::from_ref(file).addr())
}

fn conflicts(one: Sharing, other: Sharing) -> bool {
    one == Sharing::Exclusive || other == Sharing::Exclusive
}

impl Locks {
    /// A lock of somebody else's that keeps this one away.
    fn obstacle(&self, wanted: &RangeLock) -> Option<&RangeLock> {
        self.ranges.iter().find(|lock| {
            lock.owner != wanted.owner
                && conflicts(lock.sharing, wanted.sharing)
                && lock.range.start < wanted.range.end
                && wanted.range.start < lock.range.end
        })
    }

    /// Takes an owner's locks off a range.
    fn clear(&mut self, owner: Owner, range: &Range<u64>) {
        let mut kept = Vec::with_capacity(self.ranges.len() + 1);
        for lock in self.ranges.drain(..) {
            let apart = lock.range.end <= range.start || range.end <= lock.range.start;
            if lock.owner != owner || apart {
                kept.push(lock);
                continue;
            }
            for left in [lock.range.start..range.start, range.end..lock.range.end] {
                if left.start < left.end {
                    kept.push(RangeLock {
                        range: left,
                        ..lock.clone()
                    });
                }
            }
        }
        self.ranges = kept;
    }

    fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.whole.is_empty()
    }
}

/// Does something with the locks of a file; afterwards those who wait look again.
fn change<T>(inode: &Arc<dyn Inode>, work: impl FnOnce(&mut Locks) -> T) -> T {
    let mut all = LOCKS.lock();
    let locks = all.get_or_insert_with(key(inode), Locks::default);
    let result = work(locks);
    if locks.is_empty() {
        all.remove(&key(inode));
    }
    LOCKED_FILES.store(all.len(), Ordering::Release);
    drop(all);
    RELEASED.wake_all();
    result
}

fn any() -> bool {
    LOCKED_FILES.load(Ordering::Acquire) > 0
}

/// The lock that keeps `wanted` away, if one does (`F_GETLK`).
#[must_use]
pub fn obstacle(inode: &Arc<dyn Inode>, wanted: &RangeLock) -> Option<RangeLock> {
    LOCKS.lock().get(&key(inode))?.obstacle(wanted).cloned()
}

fn try_lock(file: &File, wanted: &RangeLock) -> Result<bool> {
    let inode = file.inode()?;
    if obstacle(inode, wanted).is_some() {
        return Ok(false);
    }
    let locked = change(inode, |locks| {
        if locks.obstacle(wanted).is_some() {
            return false;
        }
        locks.clear(wanted.owner, &wanted.range);
        locks.ranges.push(wanted.clone());
        true
    });
    if locked && matches!(wanted.owner, Owner::File(_)) {
        file.note_lock();
    }
    Ok(locked)
}

/// Locks a range of a file, in place of what the owner had locked there (`F_SETLK`, or `F_SETLKW` if it
/// waits).
///
/// # Errors
/// `EAGAIN` when somebody else's lock is there and the caller does not wait; `ERESTARTSYS`.
pub fn lock_range(file: &File, wanted: &RangeLock, waits: Waits) -> Result<()> {
    if try_lock(file, wanted)? {
        return Ok(());
    }
    if waits == Waits::No {
        return Err(Error::new(Errno::EAGAIN, "somebody else has locked it"));
    }
    let place = key(file.inode()?);
    let result = wait_until(&[&RELEASED], None, || match try_lock(file, wanted) {
        Ok(true) => Some(Ok(())),
        Ok(false) if !note_waiting(place, wanted) => Some(Err(IN_A_CIRCLE)),
        Ok(false) => None,
        Err(error) => Some(Err(error)),
    });
    let mut waiting = WAITING.lock();
    if let Some(own) = waiting.iter().position(|(at, other)| *at == place && other == wanted) {
        waiting.swap_remove(own);
    }
    drop(waiting);
    result?
}

const IN_A_CIRCLE: Error = Error::new(Errno::EDEADLK, "processes would wait for each other");

/// Notes that a process waits for a range. False when it would wait for itself: whoever has locked the range waits for somebody who waits for … the process.
fn note_waiting(place: usize, wanted: &RangeLock) -> bool {
    if matches!(wanted.owner, Owner::File(_)) {
        return true;
    }
    let mut waiting = WAITING.lock();
    let all = LOCKS.lock();
    let mut next = Some((place, wanted));
    for _ in 0..=waiting.len() {
        let holder = next.and_then(|(place, wanted)| all.get(&place)?.obstacle(wanted));
        let Some(holder) = holder.map(|lock| lock.owner) else {
            break;
        };
        if holder == wanted.owner {
            return false;
        }
        let found = waiting.iter().find(|(_, other)| other.owner == holder);
        next = found.map(|(place, other)| (*place, other));
    }
    drop(all);
    if !waiting.iter().any(|(at, other)| *at == place && other == wanted) {
        waiting.push((place, wanted.clone()));
    }
    true
}

/// Unlocks a range of a file.
///
/// # Errors
/// None, for an open file.
pub fn unlock_range(file: &File, owner: Owner, range: &Range<u64>) -> Result<()> {
    let inode = file.inode()?;
    if LOCKS.lock().contains_key(&key(inode)) {
        change(inode, |locks| locks.clear(owner, range));
    }
    Ok(())
}

/// Whether a call waits for a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waits {
    /// It does.
    Yes,
    /// It answers `EAGAIN`.
    No,
}

fn try_whole(file: &File, sharing: Sharing) -> Result<bool> {
    let owner = owner_of(file);
    let locked = change(file.inode()?, |locks| {
        let taken = |(other, how): &(Owner, Sharing)| *other != owner && conflicts(*how, sharing);
        // As on Linux, what the owner had is gone first, whether it gets what it wants or not.
        locks.whole.retain(|(other, _)| *other != owner);
        if locks.whole.iter().any(taken) {
            return false;
        }
        locks.whole.push((owner, sharing));
        true
    });
    if locked {
        file.note_lock();
    }
    Ok(locked)
}

/// Locks a whole file for an open file (`flock`).
///
/// # Errors
/// `EWOULDBLOCK` when somebody else's lock is there and the caller does not wait; `ERESTARTSYS`.
pub fn lock_whole(file: &File, sharing: Sharing, waits: Waits) -> Result<()> {
    if try_whole(file, sharing)? {
        return Ok(());
    }
    if waits == Waits::No {
        return Err(Error::new(Errno::EWOULDBLOCK, "somebody else has locked it"));
    }
    wait_until(&[&RELEASED], None, || match try_whole(file, sharing) {
        Ok(true) => Some(Ok(())),
        Ok(false) => None,
        Err(error) => Some(Err(error)),
    })?
}

/// Unlocks a whole file for an open file.
///
/// # Errors
/// None, for an open file.
pub fn unlock_whole(file: &File) -> Result<()> {
    let owner = owner_of(file);
    change(file.inode()?, |locks| locks.whole.retain(|(other, _)| *other != owner));
    Ok(())
}

/// The owner for range locks that belong to an open file (`F_OFD_SETLK`).
#[must_use]
pub fn open_file(file: &File) -> Owner {
    owner_of(file)
}

/// A process has closed a descriptor of a file: its range locks on it go. `table` is the address of its descriptor table.
#[inline]
pub fn closed(file: &File, table: usize) {
    if any() {
        // An open file has an inode, and nothing else can go wrong.
        let _done = unlock_range(file, Owner::Process(table), &(0..u64::MAX));
    }
}

/// An open file that has had locks is gone.
#[cold]
pub(crate) fn file_gone(file: &File) {
    let owner = owner_of(file);
    if let Ok(inode) = file.inode()
        && any()
    {
        change(inode, |locks| {
            locks.clear(owner, &(0..u64::MAX));
            locks.whole.retain(|(other, _)| *other != owner);
        });
    }
}
