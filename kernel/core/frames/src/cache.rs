//! Single frames, a few for each CPU, so that most of the time nobody asks the pool.
//!
//! Lock order: a CPU's cache → the pool. Kernel code is not moved to another CPU in the middle, so a CPU's cache has one user, and its lock is not waited for, unless the pool is empty:
//! then whoever needs a frame takes one from there, for what lies there counts as free, and whoever needs several in a row gives all of it back ([`empty_all`]).

use crate::pool::{self, FREE, OutOfMemory, POOL};
use address::FrameNumber;
use core::sync::atomic::Ordering;
use lock::SpinLock;

/// Frames that a cache has room for. It is filled and emptied by half.
const SIZE: usize = 32;

static CACHES: [SpinLock<Cache>; hal::MAX_CPUS] = [const { SpinLock::new(Cache::new()) }; hal::MAX_CPUS];

#[derive(Clone, Copy)]
struct Cache {
    frames: [u32; SIZE],
    count: usize,
}

impl Cache {
    const fn new() -> Self {
        Self {
            frames: [0; SIZE],
            count: 0,
        }
    }
}

/// Takes one frame for a program, or for the kernel if `privileged`.
#[inline]
pub(crate) fn take_frame(privileged: bool) -> Result<FrameNumber, OutOfMemory> {
    if !privileged && FREE.load(Ordering::Relaxed) <= pool::reserve() {
        return Err(OutOfMemory);
    }
    let mut cache = CACHES[hal::cpu::current()].lock();
    if cache.count == 0 && refill(&mut cache).is_err() {
        drop(cache);
        return take_from_any();
    }
    cache.count -= 1;
    let frame = cache.frames[cache.count];
    FREE.fetch_sub(1, Ordering::Relaxed);
    Ok(FrameNumber(u64::from(frame)))
}

/// Takes a frame that lies in another CPU's cache.
#[cold]
fn take_from_any() -> Result<FrameNumber, OutOfMemory> {
    for cache in &CACHES[..hal::cpu::count()] {
        let mut cache = cache.lock();
        if cache.count > 0 {
            cache.count -= 1;
            FREE.fetch_sub(1, Ordering::Relaxed);
            return Ok(FrameNumber(u64::from(cache.frames[cache.count])));
        }
    }
    Err(OutOfMemory)
}

#[cold]
fn refill(cache: &mut Cache) -> Result<(), OutOfMemory> {
    let mut pool = POOL.lock();
    while cache.count < SIZE / 2 {
        match pool.take(0) {
            Some(frame) => {
                cache.frames[cache.count] = frame;
                cache.count += 1;
            }
            None if cache.count == 0 => return Err(OutOfMemory),
            None => break,
        }
    }
    Ok(())
}

/// Gives what lies in all caches back to the pool: it has nothing left.
#[cold]
pub(crate) fn empty_all() {
    for cache in &CACHES[..hal::cpu::count()] {
        let mut cache = cache.lock();
        let mut pool = POOL.lock();
        while cache.count > 0 {
            cache.count -= 1;
            let frame = cache.frames[cache.count];
            pool.give(frame, 0);
        }
    }
}

/// Gives one frame back.
#[inline]
pub(crate) fn give_frame(frame: FrameNumber) {
    let mut cache = CACHES[hal::cpu::current()].lock();
    if cache.count == SIZE {
        let mut pool = POOL.lock();
        while cache.count > SIZE / 2 {
            cache.count -= 1;
            let frame = cache.frames[cache.count];
            pool.give(frame, 0);
        }
    }
    let at = cache.count;
    cache.frames[at] = frame.0 as u32;
    cache.count += 1;
    FREE.fetch_add(1, Ordering::Relaxed);
}
