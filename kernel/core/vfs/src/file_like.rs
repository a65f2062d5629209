//! The behaviour of an open file that is not simply its inode's bytes: a device, a pipe, a socket, a generated file.

use crate::inode::Emit;
use crate::{File, Socket};
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bitflags::bitflags;
use core::any::Any;
use frames::Page;
use hal::Access;
use task::WaitQueue;
use usermem::{Sink, Source};

bitflags! {
    /// What an open file is ready for (the bits of `poll(2)` and `epoll(7)`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Events: u32 {
        /// Reading would not block.
        const IN = 0x1;
        /// Something urgent is there.
        const PRI = 0x2;
        /// Writing would not block.
        const OUT = 0x4;
        /// Something is wrong.
        const ERR = 0x8;
        /// The other side is gone.
        const HUP = 0x10;
        /// As `IN`.
        const RDNORM = 0x40;
        /// As `OUT`.
        const WRNORM = 0x100;
        /// The other side has stopped writing.
        const RDHUP = 0x2000;
        /// Something urgent has just come: for owners of files, and nothing that can be polled for.
        const URGENT = 0x0100_0000;
        /// Reading would not block, in both spellings.
        const READABLE = 0x41;
        /// Writing would not block, in both spellings.
        const WRITABLE = 0x104;
    }
}

/// Which way somebody waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// For something to read.
    Read,
    /// For room to write.
    Write,
}

/// What an open file does. Every method that a sort of file does not have answers with the errno that Linux gives.
///
/// Nothing here blocks: a method that cannot go on answers `EAGAIN`, and [`File`] waits on [`FileLike::queue`] unless the file
/// is in non-blocking mode. The access mode has been checked. No spin lock is held while a [`Sink`] or [`Source`] copies.
pub trait FileLike: Any + Send + Sync {
    /// Reads; 0 is the end.
    ///
    /// # Errors
    /// `EINVAL` for what cannot be read; `EAGAIN`.
    fn read(&self, _file: &File, _into: &mut Sink<'_>) -> Result<usize> {
        Err(Error::new(Errno::EINVAL, "the file cannot be read"))
    }

    /// Writes what fits.
    ///
    /// # Errors
    /// `EINVAL` for what cannot be written; `EAGAIN` when nothing fits.
    fn write(&self, _file: &File, _from: &mut Source<'_>) -> Result<usize> {
        Err(Error::new(Errno::EINVAL, "the file cannot be written"))
    }

    /// Whether a blocking write goes on until everything went, as with pipes and terminals.
    fn writes_everything(&self) -> bool {
        false
    }

    /// How many bytes [`FileLike::take_over`] would take now.
    fn room(&self) -> usize {
        0
    }

    /// Takes all bytes of a vector as they are, without copying them; whether it did.
    fn take_over(&self, _bytes: &mut Vec<u8>) -> bool {
        false
    }

    /// Whether it is read and written at a position that moves: then `read` and `write` go through `read_at` and `write_at`.
    fn is_positioned(&self) -> bool {
        false
    }

    /// Reads at an offset.
    ///
    /// # Errors
    /// `ESPIPE`.
    fn read_at(&self, _file: &File, _offset: u64, _into: &mut Sink<'_>) -> Result<usize> {
        Err(Error::new(Errno::ESPIPE, "the file has no positions"))
    }

    /// Writes at an offset.
    ///
    /// # Errors
    /// `ESPIPE`.
    fn write_at(&self, _file: &File, _offset: u64, _from: &mut Source<'_>) -> Result<usize> {
        Err(Error::new(Errno::ESPIPE, "the file has no positions"))
    }

    /// Moves the position. Files that are positioned need not say anything here.
    ///
    /// # Errors
    /// `ESPIPE`.
    fn seek(&self, _file: &File, _offset: i64, _whence: u32) -> Result<u64> {
        Err(Error::new(Errno::ESPIPE, "the file has no positions"))
    }

    /// Bytes in a positioned file, for seeking from its end.
    fn length(&self, file: &File) -> u64 {
        file.attributes().size
    }

    /// A request of `ioctl(2)`.
    ///
    /// # Errors
    /// `ENOTTY`.
    fn ioctl(&self, _file: &File, _request: u32, _argument: u64) -> Result<u64> {
        Err(Error::new(Errno::ENOTTY, "the file does not know the request"))
    }

    /// A command of `fcntl(2)` that is not about descriptors or flags.
    ///
    /// # Errors
    /// `EINVAL`.
    fn control(&self, _file: &File, _command: u32, _argument: u64) -> Result<u64> {
        Err(Error::new(Errno::EINVAL, "the file does not know the command"))
    }

    /// What it is ready for.
    fn ready(&self, _file: &File) -> Events {
        Events::READABLE | Events::WRITABLE
    }

    /// Who waits for it.
    fn queue(&self, _direction: Direction) -> Option<&WaitQueue> {
        None
    }

    /// Whether it can send its owner a signal when it is ready (`O_ASYNC`): sockets, pipes and terminals do, counters and timers do not.
    fn tells_owner(&self) -> bool {
        self.socket().is_some()
    }

    /// Somebody lets go of it who may wait for that, because it was asked to ([`File::set_lingers`]).
    fn linger(&self) {}

    /// How long a blocked read or write waits at most, in nanoseconds.
    fn timeout(&self, _direction: Direction) -> Option<u64> {
        None
    }

    /// The answer when that time is over.
    ///
    /// # Errors
    /// `EAGAIN`.
    fn timed_out(&self, _direction: Direction) -> Result<usize> {
        Err(Errno::EAGAIN.into())
    }

    /// Whether so much of it may be mapped, from there on.
    ///
    /// # Errors
    /// `ENODEV` for what cannot be mapped at all.
    fn may_map(&self, _file: &File, _offset: u64, _length: u64) -> Result<()> {
        Err(Error::new(Errno::ENODEV, "the file cannot be mapped"))
    }

    /// A page for a mapping.
    ///
    /// # Errors
    /// `ENODEV`.
    fn page(&self, _file: &File, _index: u64, _access: Access) -> Result<Page> {
        Err(Error::new(Errno::ENODEV, "the file cannot be mapped"))
    }

    /// Whether a mapping of it is anonymous memory (`/dev/zero`).
    fn maps_as_zeros(&self) -> bool {
        false
    }

    /// Lists a directory, as [`crate::Inode::read_directory`].
    ///
    /// # Errors
    /// `ENOTDIR`.
    fn read_directory(&self, _file: &File, _cursor: u64, _emit: &mut Emit<'_>) -> Result<()> {
        Err(Error::new(Errno::ENOTDIR, "only directories are listed"))
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// `EINVAL` for files that have nothing durable.
    fn sync(&self, _file: &File) -> Result<()> {
        Err(Error::new(Errno::EINVAL, "the file has nothing durable"))
    }

    /// Hears that the flags are about to change (`F_SETFL`).
    ///
    /// # Errors
    /// What keeps them from changing.
    fn set_flags(&self, _file: &File, _flags: OpenFlags) -> Result<()> {
        Ok(())
    }

    /// What it can do as a socket, if it is one.
    fn socket(&self) -> Option<&dyn Socket> {
        None
    }

    /// Text for `/proc/self/fdinfo`, behind the lines that all files have.
    fn describe(&self, _file: &File) -> Vec<u8> {
        Vec::new()
    }
}

impl dyn FileLike {
    /// The behaviour as what it is, for its own subsystem.
    #[must_use]
    pub fn downcast<T: FileLike>(&self) -> Option<&T> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }
}

/// The behaviour as what it is, counted, for its own subsystem.
#[must_use]
pub fn downcast_file_like<T: FileLike>(like: &Arc<dyn FileLike>) -> Option<Arc<T>> {
    let any: Arc<dyn Any + Send + Sync> = Arc::clone(like) as _;
    any.downcast().ok()
}
