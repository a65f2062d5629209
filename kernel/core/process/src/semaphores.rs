//! Semaphores of System V (`semget(2)`): sets of numbers that are changed together or not at all.
//!
//! Whoever cannot change them waits for any change of the set, and tries again. What a process is to have undone at its end (`SEM_UNDO`) is kept with the set, by process.

use crate::keyed::{Rights, Table, seconds};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicUsize, Ordering};
use sortedmap::SortedMap;
use task::WaitQueue;

/// Most sets.
pub const MOST_SETS: usize = 32_000;
/// Most semaphores of a set.
pub const MOST: usize = 32_000;
/// Most operations at once.
pub const MOST_OPERATIONS: usize = 500;
/// The largest value.
pub const LARGEST: i32 = 32_767;

/// A semaphore.
#[derive(Clone, Copy, Debug, Default)]
pub struct Semaphore {
    /// Its value.
    pub value: u16,
    /// Who changed it last.
    pub pid: u32,
    /// How many wait for it to grow, and to be zero.
    pub waiting: [u16; 2],
}

/// What changes of a set.
#[derive(Debug)]
pub struct State {
    /// Who may use it.
    pub rights: Rights,
    /// Its semaphores.
    pub all: Vec<Semaphore>,
    /// When it was used last, and changed last.
    pub otime: u64,
    /// See `otime`.
    pub ctime: u64,
    removed: bool,
    undo: SortedMap<u32, Vec<i16>>,
}

/// A set.
#[derive(Debug)]
pub struct Set {
    /// Its number.
    pub id: u32,
    /// What changes.
    pub state: SpinLock<State>,
    changed: WaitQueue,
}

/// `struct sembuf`.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Which semaphore.
    pub index: u16,
    /// What is added; 0 to wait for zero.
    pub add: i16,
    /// Whether not to wait.
    pub no_wait: bool,
    /// Whether it is undone at the process's end.
    pub undo: bool,
}

static SETS: SpinLock<Table<Set>> = SpinLock::new(Table::new());
/// How many processes have something to undo, in how many sets: most often none.
static TO_UNDO: AtomicUsize = AtomicUsize::new(0);

/// The set with a number.
///
/// # Errors
/// `EINVAL`.
pub fn find(id: u32) -> Result<Arc<Set>> {
    SETS.lock().find(id)
}

/// All sets, and the highest number.
#[must_use]
pub fn all() -> (Vec<Arc<Set>>, u32) {
    let sets = SETS.lock();
    (sets.all(), sets.last())
}

/// The set with a key, or a new one of `count` semaphores; whether it is new.
///
/// # Errors
/// Those of `semget(2)` but for what permissions refuse.
pub fn get(rights: Rights, count: usize, flags: u32) -> Result<(Arc<Set>, bool)> {
    let mut all = Vec::new();
    let room = all.try_reserve_exact(count);
    room.map_err(|_| Error::new(Errno::ENOMEM, "no memory is left for the set"))?;
    all.resize(count, Semaphore::default());
    let (set, is_new) = SETS.lock().get(rights.key, flags, MOST_SETS, |id| Set {
        id,
        state: SpinLock::new(State {
            rights,
            all,
            otime: 0,
            ctime: seconds(),
            removed: false,
            undo: SortedMap::new(),
        }),
        changed: WaitQueue::new(),
    })?;
    if is_new && count == 0 {
        SETS.lock().remove(set.id);
    }
    if (is_new && count == 0) || count > set.state.lock().all.len() {
        return Err(Error::new(Errno::EINVAL, "the set has no such number of semaphores"));
    }
    Ok((set, is_new))
}

/// Removes a set: who waits is told.
pub fn remove(set: &Set) {
    drop(SETS.lock().remove(set.id));
    let mut state = set.state.lock();
    state.removed = true;
    let undoers = core::mem::take(&mut state.undo);
    TO_UNDO.fetch_sub(undoers.len(), Ordering::Relaxed);
    drop(state);
    set.changed.wake_all();
}

const REMOVED: Error = Error::new(Errno::EIDRM, "the set was removed");

/// Why operations are not done yet: the semaphore, and whether it has to be zero.
type Blocked = (usize, usize);

impl State {
    /// Does all operations, or none and says which has to wait.
    fn try_all(&mut self, operations: &[Operation], pid: u32) -> Result<Option<Blocked>> {
        if self.removed {
            return Err(REMOVED);
        }
        let mut values: Vec<(usize, i32)> = Vec::new();
        for operation in operations {
            let index = usize::from(operation.index);
            let too_far = Error::new(Errno::EFBIG, "the set has no such semaphore");
            let now = i32::from(self.all.get(index).ok_or(too_far)?.value);
            let now = values
                .iter()
                .rev()
                .find(|(at, _)| *at == index)
                .map_or(now, |(_, value)| *value);
            let then = now + i32::from(operation.add);
            if then < 0 || (operation.add == 0 && now != 0) {
                if operation.no_wait {
                    return Err(Errno::EAGAIN.into());
                }
                return Ok(Some((index, usize::from(operation.add == 0))));
            }
            let undone = if operation.undo {
                self.to_undo(pid, index) - i32::from(operation.add)
            } else {
                0
            };
            if then > LARGEST || undone.abs() > LARGEST {
                return Err(Error::new(Errno::ERANGE, "no semaphore has such a value"));
            }
            values.push((index, then));
        }
        for ((index, value), operation) in values.into_iter().zip(operations) {
            if let Some(semaphore) = self.all.get_mut(index) {
                (semaphore.value, semaphore.pid) = (value as u16, pid);
            }
            if operation.undo && operation.add != 0 {
                self.note_undo(pid, index, operation.add);
            }
        }
        self.otime = seconds();
        Ok(None)
    }

    fn to_undo(&self, pid: u32, index: usize) -> i32 {
        let all = self.undo.get(&pid);
        all.and_then(|all| all.get(index)).map_or(0, |undo| i32::from(*undo))
    }

    fn note_undo(&mut self, pid: u32, index: usize, added: i16) {
        let count = self.all.len();
        let all = self.undo.get_or_insert_with(pid, || {
            TO_UNDO.fetch_add(1, Ordering::Relaxed);
            alloc::vec![0; count]
        });
        if let Some(undo) = all.get_mut(index) {
            *undo = undo.wrapping_sub(added);
        }
    }

    /// Sets a semaphore; nobody has to undo anything of it any more.
    fn set_value(&mut self, index: usize, value: u16, pid: u32) {
        if let Some(semaphore) = self.all.get_mut(index) {
            (semaphore.value, semaphore.pid) = (value, pid);
        }
        for undo in self.undo.values_mut().filter_map(|all| all.get_mut(index)) {
            *undo = 0;
        }
    }

    fn count_waiter(&mut self, (index, zero): Blocked, more: bool) {
        if let Some(count) = self
            .all
            .get_mut(index)
            .and_then(|semaphore| semaphore.waiting.get_mut(zero))
        {
            *count = if more {
                count.saturating_add(1)
            } else {
                count.saturating_sub(1)
            };
        }
    }
}

impl Set {
    /// Does all operations, when that can be.
    ///
    /// # Errors
    /// As `semop(2)`; `ETIMEDOUT` when the deadline (nanoseconds since boot) passes, `ERESTARTSYS` when a signal comes.
    pub fn operate(&self, operations: &[Operation], pid: u32, deadline: Option<u64>) -> Result<()> {
        let mut counted: Option<Blocked> = None;
        let mut changes = false;
        let result = task::watch_until(&[&self.changed], deadline, || {
            let mut state = self.state.lock();
            let outcome = state.try_all(operations, pid);
            let blocked = outcome.ok().flatten();
            if blocked != counted {
                counted.take().into_iter().for_each(|at| state.count_waiter(at, false));
                blocked.into_iter().for_each(|at| state.count_waiter(at, true));
                counted = blocked;
            }
            match outcome {
                Ok(Some(_)) => None,
                Ok(None) => {
                    changes = true;
                    Some(Ok(()))
                }
                Err(error) => Some(Err(error)),
            }
        });
        if let Some(at) = counted {
            self.state.lock().count_waiter(at, false);
        }
        if changes {
            self.changed.wake_all();
        }
        result.and_then(|outcome| outcome)
    }

    /// Sets all semaphores from the first given on, and has those who wait look again.
    pub fn set_values(&self, first: usize, values: &[u16], pid: u32) {
        let mut state = self.state.lock();
        for (at, value) in values.iter().enumerate() {
            state.set_value(first + at, *value, pid);
        }
        state.ctime = seconds();
        drop(state);
        self.changed.wake_all();
    }
}

/// A process has ended: what it was to have undone is.
pub(crate) fn leave(pid: u32) {
    if TO_UNDO.load(Ordering::Relaxed) == 0 {
        return;
    }
    for set in all().0 {
        let mut state = set.state.lock();
        let Some(undo) = state.undo.remove(&pid) else { continue };
        TO_UNDO.fetch_sub(1, Ordering::Relaxed);
        for (semaphore, undo) in state.all.iter_mut().zip(undo).filter(|(_, undo)| *undo != 0) {
            let value = (i32::from(semaphore.value) + i32::from(undo)).clamp(0, LARGEST);
            (semaphore.value, semaphore.pid) = (value as u16, pid);
        }
        state.otime = seconds();
        drop(state);
        set.changed.wake_all();
    }
}

/// `/proc/sysvipc/sem`.
#[must_use]
pub fn listing() -> Vec<u8> {
    let mut text = alloc::string::String::from(
        "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n",
    );
    for set in all().0 {
        let state = set.state.lock();
        let Rights { key, mode, .. } = state.rights;
        let who = state.rights.columns();
        text += &alloc::format!(
            "{key:10} {:10}  {mode:4o} {:10} {who} {:10} {:10}\n",
            set.id,
            state.all.len(),
            state.otime,
            state.ctime
        );
    }
    text.into_bytes()
}
