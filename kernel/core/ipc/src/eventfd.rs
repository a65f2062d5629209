//! Event counters: `eventfd(2)`.

use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::SpinLock;
use task::WaitQueue;
use usermem::{Sink, Source};
use vfs::{Direction, Events, File, FileLike};

/// The largest value of a counter.
const MAX: u64 = u64::MAX - 1;
const SHORT: Error = Error::new(Errno::EINVAL, "a counter is eight bytes");

/// A number that writes add to and reads take.
pub struct EventCounter {
    value: SpinLock<u64>,
    /// Reads take one at a time.
    semaphore: bool,
    readable: WaitQueue,
    writable: WaitQueue,
}

impl EventCounter {
    fn try_take(&self) -> Result<u64> {
        let mut value = self.value.lock();
        if *value == 0 {
            return Err(Errno::EAGAIN.into());
        }
        let taken = if self.semaphore { 1 } else { *value };
        *value -= taken;
        Ok(taken)
    }

    fn try_add(&self, number: u64) -> Result<()> {
        let mut value = self.value.lock();
        match value.checked_add(number).filter(|sum| *sum <= MAX) {
            Some(sum) => {
                *value = sum;
                Ok(())
            }
            None => Err(Errno::EAGAIN.into()),
        }
    }
}

impl FileLike for EventCounter {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        if into.left() < 8 {
            return Err(SHORT);
        }
        let taken = self.try_take()?;
        self.writable.wake(usize::MAX, Events::WRITABLE.bits());
        into.put_value(&taken)
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        if from.left() < 8 {
            return Err(SHORT);
        }
        // What does not fit is tried again: the bytes stay until they count.
        let number: u64 = from.peek()?;
        if number == u64::MAX {
            return Err(Error::new(Errno::EINVAL, "no counter gets that far"));
        }
        self.try_add(number)?;
        self.readable.wake(usize::MAX, Events::READABLE.bits());
        Ok(from.skip(8))
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        let value = *self.value.lock();
        let mut events = Events::empty();
        events.set(Events::IN, value > 0);
        events.set(Events::OUT, value < MAX);
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.readable,
            Direction::Write => &self.writable,
        })
    }

    fn describe(&self, _file: &File) -> Vec<u8> {
        alloc::format!("eventfd-count: {:16x}\n", *self.value.lock()).into_bytes()
    }
}

/// Makes an event counter; `flags` may have `O_NONBLOCK`.
#[must_use]
pub fn eventfd(value: u32, semaphore: bool, flags: OpenFlags) -> Arc<File> {
    let counter = Arc::new(EventCounter {
        value: SpinLock::new(u64::from(value)),
        semaphore,
        readable: WaitQueue::new(),
        writable: WaitQueue::new(),
    });
    let place = vfs::anonymous_place(b"anon_inode:[eventfd]", 0o600);
    vfs::anonymous_file(place, OpenFlags::RDWR | flags & OpenFlags::NONBLOCK, counter)
}
