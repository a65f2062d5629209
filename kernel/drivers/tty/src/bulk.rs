//! A faster way for much output and input: a device with queues.
//!
//! The ports and the line of the console take a byte at a time, which is cheap for a line of text and dear for a megabyte; a device with a queue is the other way round, and costs time
//! to start.
//!
//! *Output* begins on the ports, and moves to the device for good when there has been enough of it. Both lead to the same places on the host, which gets the bytes in the order in
//! which they were written, across streams as well: a port is synchronous, and before anything goes elsewhere than what was written last, the device is drained.
//!
//! *Input* moves when the host says so, which knows how much it has.

use alloc::boxed::Box;
use alloc::sync::Arc;
use hal::console::Stream;
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How much goes the slow way first.
const ENOUGH: usize = 32 * 1024;

/// The faster way.
pub trait Bulk: Send + Sync {
    /// Takes bytes of a stream; says whether it could.
    fn write(&self, stream: Stream, bytes: &[u8]) -> bool;
    /// Lets everything leave.
    fn flush(&self);
    /// The same, and waits until it has left.
    fn drain(&self);
    /// Gives input that has come; how many bytes.
    fn read(&self, into: &mut [u8]) -> usize;
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
/// The stream that was written last, while there is a way.
static LAST: AtomicUsize = AtomicUsize::new(0);

/// Says how the way is opened.
pub fn set_way(open: Open) {
    *WAY.lock() = Way::Closed(open);
    IS_THERE.store(true, Ordering::Release);
}

/// The way, opened now if it was not; nothing if there is none.
pub(crate) fn open() -> Option<Arc<dyn Bulk>> {
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
    opened(&way)
}

fn opened(way: &Way) -> Option<Arc<dyn Bulk>> {
    match way {
        Way::Opened(bulk) => Some(Arc::clone(bulk)),
        _ => None,
    }
}

/// Output of one call on its way.
pub(crate) struct Writing {
    stream: Stream,
    bulk: Option<Arc<dyn Bulk>>,
}

impl Writing {
    /// Begins with `len` bytes for a stream.
    pub(crate) fn begin(stream: Stream, len: usize) -> Self {
        let bulk = Self::way(stream, len);
        if let Some(bulk) = &bulk
            && LAST.swap(stream as usize, Ordering::Relaxed) != stream as usize
        {
            bulk.drain();
        }
        Self { stream, bulk }
    }

    fn way(stream: Stream, len: usize) -> Option<Arc<dyn Bulk>> {
        if !IS_THERE.load(Ordering::Acquire) || !matches!(stream, Stream::Output | Stream::Error) {
            return None;
        }
        let before = WRITTEN.fetch_add(len, Ordering::Relaxed);
        if !IS_OPENED.load(Ordering::Acquire) && before.saturating_add(len) < ENOUGH {
            return None;
        }
        open()
    }

    /// Takes bytes.
    pub(crate) fn put(&self, bytes: &[u8]) {
        if let Some(bulk) = &self.bulk {
            if bulk.write(self.stream, bytes) {
                return;
            }
            bulk.drain();
        }
        hal::console::write(self.stream, bytes);
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(bulk) = &self.bulk {
            bulk.flush();
        }
    }
}

/// Waits until everything that went the faster way has left.
pub fn drain() {
    if IS_OPENED.load(Ordering::Acquire) {
        let bulk = opened(&WAY.lock());
        if let Some(bulk) = bulk {
            bulk.drain();
        }
    }
}
