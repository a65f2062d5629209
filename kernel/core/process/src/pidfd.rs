//! Descriptors of processes and threads (`pidfd_open(2)`): they name one process for as long as they are open, whoever gets its number later.
//!
//! Such a file is ready to be read when what it names has ended, and hung up when it has been waited for. It holds the process; what a process leaves behind when it ends is small.

use crate::registry;
use crate::shared::Process;
use crate::thread::Thread;
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use task::WaitQueue;
use vfs::{Direction, Events, File, FileLike};

/// The file behind a descriptor of a process, or of one of its threads.
pub struct ProcessFile {
    process: Arc<Process>,
    thread: Option<Arc<Thread>>,
}

impl ProcessFile {
    /// The process, or that of the thread.
    #[must_use]
    pub fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// The thread, if it names one.
    #[must_use]
    pub fn thread(&self) -> Option<&Arc<Thread>> {
        self.thread.as_ref()
    }

    fn number(&self) -> u32 {
        self.thread.as_ref().map_or(self.process.pid, |thread| thread.tid())
    }

    /// Whether what it names has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match &self.thread {
            Some(thread) => !is_running(thread),
            None => self.process.status().is_some(),
        }
    }

    /// Whether nothing is left of it: it has ended, and has been waited for.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match &self.thread {
            Some(thread) if thread.tid() != self.process.pid => !is_running(thread),
            _ => registry::process(self.process.pid).is_none_or(|process| !Arc::ptr_eq(&process, &self.process)),
        }
    }
}

fn is_running(thread: &Arc<Thread>) -> bool {
    registry::thread(thread.tid()).is_some_and(|running| Arc::ptr_eq(&running, thread))
}

impl FileLike for ProcessFile {
    fn ready(&self, _file: &File) -> Events {
        let mut events = Events::empty();
        // In this order: what is gone has ended.
        events.set(Events::HUP, self.is_gone());
        events.set(Events::READABLE, self.has_ended());
        events
    }

    fn queue(&self, _direction: Direction) -> Option<&WaitQueue> {
        Some(&self.process.ended)
    }

    fn describe(&self, _file: &File) -> Vec<u8> {
        let number = if self.is_gone() { -1 } else { i64::from(self.number()) };
        alloc::format!("Pid:\t{number}\nNSpid:\t{number}\n").into_bytes()
    }
}

/// An open file that names a process, or one of its threads; `flags` may have `O_NONBLOCK`.
#[must_use]
pub fn open(process: &Arc<Process>, thread: Option<Arc<Thread>>, flags: OpenFlags) -> Arc<File> {
    let behaviour = ProcessFile {
        process: Arc::clone(process),
        thread,
    };
    let place = vfs::anonymous_place(b"anon_inode:[pidfd]", 0o600);
    vfs::anonymous_file(
        place,
        OpenFlags::RDWR | flags & OpenFlags::NONBLOCK,
        Arc::new(behaviour),
    )
}

/// What a file names.
///
/// # Errors
/// `EBADF` for other files.
pub fn of(file: &File) -> Result<&ProcessFile> {
    file.downcast::<ProcessFile>()
        .ok_or(Error::new(Errno::EBADF, "the descriptor names no process"))
}
