//! A faster way for much output: standard output that is no terminal, once a program has written more than a little of it.
//!
//! The ports of the console take a byte at a time, which is cheap for a line and dear for a megabyte; a device with a queue is the other way round, and costs time to start.
//! So output begins on the port, and moves to the device for good when there has been enough of it. Both lead to the same place on the host, which
//! gets the bytes in the order in which they were written: a port is synchronous, and before anything goes to a port again the device is drained.

use alloc::boxed::Box;
use alloc::sync::Arc;
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How much goes the slow way first.
const ENOUGH: usize = 32 * 1024;

/// The faster way.
pub trait Bulk: Send + Sync {
    /// Takes bytes; says whether it could.
    fn write(&self, bytes: &[u8]) -> bool;
    /// Lets everything leave.
    fn flush(&self);
    /// The same, and waits until it has left.
    fn drain(&self);
}

/// Opens the way, when it is first needed.
pub type Open = Box<dyn FnOnce() -> Option<Arc<dyn Bulk>> + Send>;

enum Way {
    None,
    Closed(Open),
    Opened(Arc<dyn Bulk>),
}

static WAY: SpinLock<Way> = SpinLock::new(Way::None);
/// Whether there is a way at all, and whether it was opened: looked at before the lock is taken.
static IS_THERE: AtomicBool = AtomicBool::new(false);
static IS_OPENED: AtomicBool = AtomicBool::new(false);
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

/// Says how the way is opened.
pub fn set_way(open: Open) {
    *WAY.lock() = Way::Closed(open);
    IS_THERE.store(true, Ordering::Release);
}

/// The way for `len` bytes of standard output, if there is one and it is worth it.
pub(crate) fn way(len: usize) -> Option<Arc<dyn Bulk>> {
    if !IS_THERE.load(Ordering::Acquire) {
        return None;
    }
    let before = WRITTEN.fetch_add(len, Ordering::Relaxed);
    if !IS_OPENED.load(Ordering::Acquire) && before.saturating_add(len) < ENOUGH {
        return None;
    }
    let mut way = WAY.lock();
    if let Way::Closed(_) = &*way
        && let Way::Closed(open) = core::mem::replace(&mut *way, Way::None)
    {
        match open() {
            Some(bulk) => {
                *way = Way::Opened(bulk);
                IS_OPENED.store(true, Ordering::Release);
            }
            None => IS_THERE.store(false, Ordering::Release),
        }
    }
    match &*way {
        Way::Opened(bulk) => Some(Arc::clone(bulk)),
        _ => None,
    }
}

/// Waits until everything that went the faster way has left.
pub fn drain() {
    if IS_OPENED.load(Ordering::Acquire) {
        let bulk = match &*WAY.lock() {
            Way::Opened(bulk) => Some(Arc::clone(bulk)),
            _ => None,
        };
        if let Some(bulk) = bulk {
            bulk.drain();
        }
    }
}
