//! Standard streams that are no terminals: bytes as they are.

use crate::bulk::Writing;
use crate::open::{STEP, in_steps};
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use hal::console::Stream;
use lock::SpinLock;
use task::WaitQueue;
use usermem::{Sink, Source};
use vfs::{Direction, Events, File, FileLike};

/// Input that is taken before somebody reads it.
const CAPACITY: usize = 65536;

/// Standard output or standard error.
pub(crate) struct Output {
    pub(crate) stream: Stream,
}

impl FileLike for Output {
    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        let writing = Writing::begin(self.stream, from.left());
        in_steps(from, || STEP, |bytes| writing.put(bytes))
    }

    fn ready(&self, _file: &File) -> Events {
        Events::WRITABLE
    }
}

struct Pending {
    bytes: VecDeque<u8>,
    over: bool,
}

/// Standard input.
pub(crate) struct Input {
    pending: SpinLock<Pending>,
    readable: WaitQueue,
    /// Asks for what did not fit before.
    more: fn(),
}

impl Input {
    pub(crate) const fn new(more: fn()) -> Self {
        Self {
            pending: SpinLock::new(Pending {
                bytes: VecDeque::new(),
                over: false,
            }),
            readable: WaitQueue::new(),
            more,
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.pending.lock().bytes.len() < CAPACITY
    }

    pub(crate) fn push(&self, bytes: &[u8]) {
        self.pending.lock().bytes.extend(bytes);
    }

    /// Nothing comes any more.
    pub(crate) fn close(&self) {
        self.pending.lock().over = true;
    }

    /// Tells readers that something came.
    pub(crate) fn wake(&self) {
        self.readable.wake(1, Events::READABLE.bits());
    }
}

impl FileLike for Input {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        (self.more)();
        let mut done = 0;
        let mut chunk = [0; STEP];
        while into.left() > 0 {
            let mut pending = self.pending.lock();
            let len = pending.bytes.len().min(into.left()).min(STEP);
            if len == 0 {
                if done == 0 && !pending.over {
                    return Err(Errno::EAGAIN.into());
                }
                break;
            }
            for (to, from) in chunk.iter_mut().zip(pending.bytes.drain(..len)) {
                *to = from;
            }
            drop(pending);
            match into.put(chunk.get(..len).unwrap_or_default()) {
                Ok(put) => done += put,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        (self.more)();
        Ok(done)
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        if request != abi::ioctl::FIONREAD {
            return Err(Error::new(Errno::ENOTTY, "a stream does not know the request"));
        }
        usermem::UserPtr::<i32>::new(argument).write(&(self.pending.lock().bytes.len() as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        (self.more)();
        let pending = self.pending.lock();
        let mut events = Events::empty();
        events.set(Events::READABLE, !pending.bytes.is_empty());
        events.set(Events::HUP, pending.over);
        events
    }

    fn tells_owner(&self) -> bool {
        true
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        (direction == Direction::Read).then_some(&self.readable)
    }
}
