//! Numbers of processes and threads.

use crate::{Process, Thread};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use sortedmap::LargeMap;

/// The largest number, plus one (`kernel.pid_max`).
pub const PID_MAX: u32 = 4_194_304;

struct Registry {
    threads: LargeMap<u32, Weak<Thread>>,
    processes: LargeMap<u32, Arc<Process>>,
    next: u32,
    /// Numbers are given again. Until then each is a new one.
    has_wrapped: bool,
}

impl Registry {
    /// Whether a process, a thread, a group or a session has the number. (A group may outlive the process whose number it has.)
    fn is_taken(&self, number: u32) -> bool {
        let is_group = |process: &Arc<Process>| process.group() == number || process.session() == number;
        self.threads.contains_key(&number)
            || self.processes.contains_key(&number)
            || (self.has_wrapped && self.processes.values().any(is_group))
    }
}

static REGISTRY: SpinLock<Registry> = SpinLock::new(Registry {
    threads: LargeMap::new(),
    processes: LargeMap::new(),
    next: 1,
    has_wrapped: false,
});

/// Forgets what another simulated machine left.
#[cfg(not(target_os = "none"))]
pub fn forget_all() {
    let mut registry = REGISTRY.lock();
    let gone = (
        core::mem::take(&mut registry.threads),
        core::mem::take(&mut registry.processes),
    );
    (registry.next, registry.has_wrapped) = (1, false);
    drop(registry);
    drop(gone);
}

/// A number that no process, thread, group or session has.
///
/// # Errors
/// `EAGAIN` when all are taken.
pub fn new_number() -> Result<u32> {
    let mut registry = REGISTRY.lock();
    for _ in 0..PID_MAX {
        let number = registry.next;
        registry.next = if number + 1 == PID_MAX { 300 } else { number + 1 };
        registry.has_wrapped |= registry.next < number;
        if !registry.is_taken(number) {
            return Ok(number);
        }
    }
    Err(Error::new(Errno::EAGAIN, "all process numbers are taken"))
}

/// Makes sure that a chosen number is one that nobody has: no process, thread, group or session.
///
/// # Errors
/// `EINVAL` for what cannot be one, `EEXIST`.
pub fn choose_number(number: u32) -> Result<u32> {
    if !(1..PID_MAX).contains(&number) {
        return Err(Error::new(Errno::EINVAL, "no process can have the number"));
    }
    let mut registry = REGISTRY.lock();
    // From here on a number may be behind the next.
    registry.has_wrapped = true;
    if registry.is_taken(number) {
        return Err(Error::new(Errno::EEXIST, "another process has the number"));
    }
    Ok(number)
}

/// Enters a process.
pub fn add_process(process: &Arc<Process>) {
    REGISTRY.lock().processes.insert(process.pid, Arc::clone(process));
}

/// Enters a thread.
pub fn add_thread(thread: &Arc<Thread>) {
    REGISTRY.lock().threads.insert(thread.tid(), Arc::downgrade(thread));
}

/// Takes a thread out, unless another has its number by now.
pub fn remove_thread(thread: &Thread) {
    let mut registry = REGISTRY.lock();
    let tid = thread.tid();
    if registry
        .threads
        .get(&tid)
        .is_some_and(|known| core::ptr::eq(known.as_ptr(), thread))
    {
        registry.threads.remove(&tid);
    }
}

/// Takes a process out: it has been waited for. Its last thread may still be about to take itself out, and is not found any more either.
pub fn remove_process(pid: u32) {
    let mut registry = REGISTRY.lock();
    let removed = (registry.processes.remove(&pid), registry.threads.remove(&pid));
    drop(registry);
    drop(removed);
}

/// The process with a number.
#[must_use]
#[inline]
pub fn process(pid: u32) -> Option<Arc<Process>> {
    REGISTRY.lock().processes.get(&pid).cloned()
}

/// The thread with a number.
#[must_use]
pub fn thread(tid: u32) -> Option<Arc<Thread>> {
    REGISTRY.lock().threads.get(&tid)?.upgrade()
}

/// All processes, in order of their numbers, those that have ended but were not waited for included.
#[must_use]
pub fn processes() -> Vec<Arc<Process>> {
    REGISTRY.lock().processes.values().cloned().collect()
}

/// How many threads there are.
#[must_use]
pub fn thread_count() -> usize {
    REGISTRY.lock().threads.len()
}

/// How many threads a user has, and ended processes that were not waited for.
#[must_use]
pub fn tasks_of(uid: u32) -> u64 {
    let all = processes();
    let of = all.iter().filter(|process| process.credentials().uid == uid);
    of.map(|process| process.thread_count().max(1) as u64).sum()
}

/// The number given last.
#[must_use]
pub fn last_number() -> u32 {
    REGISTRY.lock().next.saturating_sub(1)
}
