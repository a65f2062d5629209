//! Waiting until one of several open files is ready.

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use task::{WaitQueue, watch_until};
use vfs::{Direction, Events, File};

/// An open file that is looked at, for what, and what was seen.
pub struct Watched {
    file: Arc<File>,
    wanted: Events,
    seen: Cell<Events>,
}

impl core::fmt::Debug for Watched {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?} for {:?}", self.file, self.wanted)
    }
}

impl Watched {
    /// Looks for those events, for errors and for hang-ups.
    #[must_use]
    pub fn new(file: Arc<File>, wanted: Events) -> Self {
        Self {
            file,
            wanted: wanted | Events::ERR | Events::HUP,
            seen: Cell::new(Events::empty()),
        }
    }

    /// What was seen.
    #[must_use]
    pub fn seen(&self) -> Events {
        self.seen.get()
    }

    fn look(&self) -> bool {
        let seen = self.file.ready() & self.wanted;
        self.seen.set(seen);
        !seen.is_empty()
    }

    fn queues(&self) -> impl Iterator<Item = &WaitQueue> {
        let queue = |direction| self.file.queue(direction);
        let read = queue(Direction::Read);
        let write =
            queue(Direction::Write).filter(|write| read.is_none_or(|read| !core::ptr::eq::<WaitQueue>(read, *write)));
        read.into_iter().chain(write)
    }
}

/// Waits until one of the files is ready, or until `deadline` (nanoseconds since boot; 0 is at once); returns how many are.
///
/// # Errors
/// `ERESTARTSYS` when a signal comes, `ENOMEM`.
pub fn poll(files: &[Watched], deadline: Option<u64>) -> Result<usize> {
    let ready = files.iter().filter(|file| file.look()).count();
    if ready > 0 || deadline == Some(0) {
        return Ok(ready);
    }
    let mut queues: Vec<&WaitQueue> = Vec::new();
    for queue in files.iter().flat_map(Watched::queues) {
        let no_memory = |_| Error::new(Errno::ENOMEM, "no memory is left to wait for so many files");
        queues.try_reserve(1).map_err(no_memory)?;
        queues.push(queue);
    }
    let waited = watch_until(&queues, deadline, || {
        let ready = files.iter().filter(|file| file.look()).count();
        (ready > 0).then_some(ready)
    });
    match waited {
        Err(error) if error.errno == Errno::ETIMEDOUT => Ok(0),
        result => result,
    }
}
