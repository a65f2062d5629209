//! Futexes: sleeping on a word of user memory.
//!
//! A sleeper is noted in the bucket that its word's key hashes to, under the bucket's lock, after the word has been seen to have the expected value under the same
//! lock; whoever changes the word and wakes takes the lock too, so no wake-up is lost. A word is known by where it lies: the address space and
//! the address, or, in shared memory, the object and the offset.
//!
//! Lock order: bucket (two in order of their numbers for a requeue) → address space, because reading the word under the lock may fault. The word is read once before, so
//! that such a fault finds the page in place and never sleeps. It does not do: `FUTEX_WAIT_REQUEUE_PI`; see [`owned`] for what
//! inheriting priorities means here.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod owned;
mod robust;

pub use robust::release_robust;

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::atomic::{AtomicBool, AtomicUsize, Ordering};
use lock::{SpinGuard, SpinLock};
use space::{AddressSpace, FutexKey};
use task::{Task, Until, Wake};

/// Who may know a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The threads of one process (`FUTEX_PRIVATE_FLAG`).
    Private,
    /// Everybody who maps it.
    Shared,
}

/// Every bit: a sleeper that any wake-up reaches.
pub const ANY: u32 = u32::MAX;

struct Sleeper {
    task: Arc<Task>,
    bits: u32,
    woken: AtomicBool,
    bucket: AtomicUsize,
}

type Bucket = Vec<(FutexKey, Arc<Sleeper>)>;

const BUCKETS: usize = 128;

static TABLE: [SpinLock<Bucket>; BUCKETS] = [const { SpinLock::over_user_memory(Vec::new()) }; BUCKETS];

fn key(space: &AddressSpace, address: u64, scope: Scope) -> Result<FutexKey> {
    if !address.is_multiple_of(4) {
        return Err(Error::new(Errno::EINVAL, "the word is not aligned"));
    }
    match scope {
        Scope::Private => Ok(space.private_futex_key(address)),
        Scope::Shared => space
            .futex_key(address)
            .map_err(|_| Error::new(Errno::EFAULT, "the address is not the program's")),
    }
}

fn bucket_of(key: &FutexKey) -> usize {
    let (one, other) = match *key {
        FutexKey::Private { space, address } => (space, address),
        FutexKey::Shared { object, offset } => (!object, offset),
    };
    let mixed = (one ^ other >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize % BUCKETS
}

/// Sleeps while the word has the value `expected`, until it is woken with one of `bits`, or until the time given.
///
/// # Errors
/// `EAGAIN` when the word has another value, `ETIMEDOUT`, `ERESTARTSYS` for a signal, `EFAULT`, `EINVAL`.
pub fn wait(
    space: &AddressSpace,
    address: u64,
    expected: u32,
    bits: u32,
    until: Option<Until>,
    scope: Scope,
) -> Result<()> {
    if bits == 0 {
        return Err(Error::new(Errno::EINVAL, "no bit would wake the sleeper"));
    }
    let key = key(space, address, scope)?;
    usermem::load_u32(address)?;
    let at = bucket_of(&key);
    let sleeper = Arc::new(Sleeper {
        task: task::current(),
        bits,
        woken: AtomicBool::new(false),
        bucket: AtomicUsize::new(at),
    });
    let mut bucket = TABLE[at].lock();
    if usermem::load_u32(address)? != expected {
        return Err(Error::new(Errno::EAGAIN, "the word has another value"));
    }
    bucket.push((key, Arc::clone(&sleeper)));
    drop(bucket);
    let result = task::wait_for(None, until, || sleeper.woken.load(Ordering::Acquire).then_some(()));
    if result.is_err() && !leave(&sleeper) {
        // Woken at the last moment: the wake-up counted this sleeper, so it has been woken.
        return Ok(());
    }
    result
}

/// Takes a sleeper out of its bucket; false if it has been woken.
fn leave(sleeper: &Arc<Sleeper>) -> bool {
    loop {
        let at = sleeper.bucket.load(Ordering::Acquire);
        let mut bucket = TABLE[at].lock();
        if sleeper.bucket.load(Ordering::Acquire) != at {
            continue;
        }
        let found = bucket.iter().position(|(_, other)| Arc::ptr_eq(other, sleeper));
        let taken = found.map(|index| bucket.remove(index));
        drop(bucket);
        return taken.is_some();
    }
}

/// Wakes up to `count` sleepers of a word that `bits` reach; says how many.
///
/// # Errors
/// `EFAULT`, `EINVAL`.
pub fn wake(space: &AddressSpace, address: u64, count: usize, bits: u32, scope: Scope) -> Result<usize> {
    if bits == 0 {
        return Err(Error::new(Errno::EINVAL, "no bit reaches anybody"));
    }
    let key = key(space, address, scope)?;
    Ok(wake_key(&key, count, bits))
}

fn wake_key(key: &FutexKey, count: usize, bits: u32) -> usize {
    let mut woken = 0;
    while woken < count {
        let mut bucket = TABLE[bucket_of(key)].lock();
        let found = bucket
            .iter()
            .position(|(other, sleeper)| other == key && sleeper.bits & bits != 0);
        let Some(index) = found else { break };
        let (_, sleeper) = bucket.remove(index);
        sleeper.woken.store(true, Ordering::Release);
        drop(bucket);
        Arc::clone(&sleeper.task).wake(0);
        woken += 1;
    }
    woken
}

/// Wakes up to `wake` sleepers of one word and moves up to `move_` others to another word, if the first word has the value `expected` (where one is given).
/// Says how many were woken and how many were moved.
///
/// # Errors
/// `EAGAIN` when the word has another value, `EFAULT`, `EINVAL`.
pub fn requeue(
    space: &AddressSpace,
    from: u64,
    to: u64,
    (wake, moved): (usize, usize),
    expected: Option<u32>,
    scope: Scope,
) -> Result<(usize, usize)> {
    let (from_key, to_key) = (key(space, from, scope)?, key(space, to, scope)?);
    if expected.is_some() {
        usermem::load_u32(from)?;
    }
    // Both buckets at once: whoever looks for a sleeper finds it in the one or in the other.
    let mut buckets = Buckets::lock(bucket_of(&from_key), bucket_of(&to_key));
    if let Some(expected) = expected
        && usermem::load_u32(from)? != expected
    {
        return Err(Error::new(Errno::EAGAIN, "the word has another value"));
    }
    let woken = buckets.take(&from_key, wake);
    for sleeper in &woken {
        sleeper.woken.store(true, Ordering::Release);
    }
    let travellers = buckets.take(&from_key, moved);
    let count = travellers.len();
    for sleeper in travellers {
        sleeper.bucket.store(buckets.target, Ordering::Release);
        buckets.target().push((to_key, sleeper));
    }
    drop(buckets);
    let woken_count = woken.len();
    for sleeper in woken {
        Arc::clone(&sleeper.task).wake(0);
    }
    Ok((woken_count, count))
}

/// Two buckets, taken in order of their numbers; or one, if both are the same.
struct Buckets {
    lower: SpinGuard<'static, Bucket>,
    higher: Option<SpinGuard<'static, Bucket>>,
    /// Whether sleepers go from the higher to the lower.
    downwards: bool,
    target: usize,
}

impl Buckets {
    fn lock(source: usize, target: usize) -> Self {
        let lower = TABLE[source.min(target)].lock();
        let higher = (source != target).then(|| TABLE[source.max(target)].lock());
        Self {
            lower,
            higher,
            downwards: source > target,
            target,
        }
    }

    fn source(&mut self) -> &mut Bucket {
        match &mut self.higher {
            Some(higher) if self.downwards => higher,
            _ => &mut self.lower,
        }
    }

    fn target(&mut self) -> &mut Bucket {
        match &mut self.higher {
            Some(higher) if !self.downwards => higher,
            _ => &mut self.lower,
        }
    }

    /// Takes up to `count` sleepers of a word out, those that came first first.
    fn take(&mut self, key: &FutexKey, count: usize) -> Vec<Arc<Sleeper>> {
        let mut left = count;
        let of_word = |(other, _): &mut (FutexKey, Arc<Sleeper>)| {
            let taken = left > 0 && other == key;
            left -= usize::from(taken);
            taken
        };
        let taken = self.source().extract_if(.., of_word);
        taken.map(|(_, sleeper)| sleeper).collect()
    }
}

/// Does the arithmetic of `FUTEX_WAKE_OP` on the second word, wakes sleepers of the first, and, if the old value of the second compares as
/// asked, of the second too.
///
/// # Errors
/// `ENOSYS` for unknown operations, `EFAULT`, `EINVAL`.
pub fn wake_op(
    space: &AddressSpace,
    first: u64,
    second: u64,
    counts: (usize, usize),
    operation: u32,
    scope: Scope,
) -> Result<usize> {
    let (first_key, second_key) = (key(space, first, scope)?, key(space, second, scope)?);
    let old = change(second, operation)?;
    let mut woken = wake_key(&first_key, counts.0, ANY);
    if compares(old, operation)? {
        woken += wake_key(&second_key, counts.1, ANY);
    }
    Ok(woken)
}

const UNKNOWN: Error = Error::new(Errno::ENOSYS, "no such futex operation");

/// Sign-extends the 12-bit operands of an operation.
fn operand(field: u32) -> u32 {
    ((field << 20) as i32 >> 20) as u32
}

fn change(address: u64, operation: u32) -> Result<u32> {
    let mut argument = operand(operation >> 12 & 0xfff);
    if operation >> 31 == 1 {
        argument = 1 << (argument & 31);
    }
    let mut old = usermem::load_u32(address)?;
    loop {
        let new = match operation >> 28 & 7 {
            0 => argument,
            1 => old.wrapping_add(argument),
            2 => old | argument,
            3 => old & !argument,
            4 => old ^ argument,
            _ => return Err(UNKNOWN),
        };
        let found = usermem::compare_exchange_u32(address, old, new)?;
        if found == old {
            return Ok(old);
        }
        old = found;
    }
}

fn compares(old: u32, operation: u32) -> Result<bool> {
    let (old, argument) = (old as i32, operand(operation & 0xfff) as i32);
    Ok(match operation >> 24 & 15 {
        0 => old == argument,
        1 => old != argument,
        2 => old < argument,
        3 => old <= argument,
        4 => old > argument,
        5 => old >= argument,
        _ => return Err(UNKNOWN),
    })
}
