//! Signals read from a file: `signalfd(2)`.
//!
//! What is read is what is pending for the thread that reads, as on Linux: a descriptor that another process inherited gives that process its own signals.

use crate::siginfo;
use abi::fcntl::OpenFlags;
use abi::signal::SigSet;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::atomic::{AtomicU64, Ordering};
use process::signals::ARRIVED;
use task::WaitQueue;
use usermem::Sink;
use vfs::{Direction, Events, File, FileLike};

/// A set of signals, as a file that they are read from.
#[derive(Debug)]
pub struct SignalFile {
    wanted: AtomicU64,
}

impl SignalFile {
    fn wanted(&self) -> SigSet {
        SigSet(self.wanted.load(Ordering::Relaxed))
    }

    /// Changes which signals are read.
    pub fn set_wanted(&self, wanted: SigSet) {
        self.wanted.store(wanted.0 & !SigSet::UNBLOCKABLE.0, Ordering::SeqCst);
        ARRIVED.wake_all();
    }
}

impl FileLike for SignalFile {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        if into.left() < siginfo::SIZE {
            return Err(Error::new(Errno::EINVAL, "there is no room for a signal"));
        }
        let held = SigSet(!self.wanted().0);
        let mut done = 0;
        while into.left() >= siginfo::SIZE {
            let taken = process::with_thread(|thread| thread.take_signal_except(held)).flatten();
            let Some(info) = taken else { break };
            done += into.put(&siginfo::to_descriptor_bytes(&info))?;
        }
        if done == 0 { Err(Errno::EAGAIN.into()) } else { Ok(done) }
    }

    fn ready(&self, _file: &File) -> Events {
        let pending = process::with_thread(|thread| thread.signals.pending().0 | thread.process.signals.pending().0);
        if pending.is_some_and(|pending| pending & self.wanted().0 != 0) {
            Events::READABLE
        } else {
            Events::empty()
        }
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        (direction == Direction::Read).then_some(&ARRIVED)
    }

    fn describe(&self, _file: &File) -> Vec<u8> {
        alloc::format!("sigmask:\t{:016x}\n", self.wanted().0).into_bytes()
    }
}

/// A file that signals are read from; `flags` may have `O_NONBLOCK`.
#[must_use]
pub fn signalfd(wanted: SigSet, flags: OpenFlags) -> Arc<File> {
    let file = SignalFile {
        wanted: AtomicU64::new(wanted.0 & !SigSet::UNBLOCKABLE.0),
    };
    let place = vfs::anonymous_place(b"anon_inode:[signalfd]", 0o600);
    let flags = OpenFlags::RDWR | flags & OpenFlags::NONBLOCK;
    vfs::anonymous_file(place, flags, Arc::new(file))
}
