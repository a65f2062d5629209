//! Reading and writing open files, at their position or at another, and waiting where that has to be.
//!
//! A stream (a pipe, a socket, a terminal) is asked first and waited for only if it cannot go on; what has positions is read and written under the position's lock, and never waits for
//! anybody else.

use super::{BAD_POSITION, END, File, NOT_OPEN_FOR};
use crate::{Direction, FileLike, happening, notify};
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use task::wait_more;
use usermem::{Sink, Source};

impl File {
    #[inline]
    pub(super) fn check_readable(&self) -> Result<()> {
        if self.is_readable { Ok(()) } else { Err(NOT_OPEN_FOR) }
    }

    #[inline]
    pub(super) fn check_writable(&self) -> Result<()> {
        if self.is_writable { Ok(()) } else { Err(NOT_OPEN_FOR) }
    }

    /// Reads at the position, and moves it.
    ///
    /// # Errors
    /// `EBADF`, `EISDIR`, `EFAULT`; `EAGAIN` in non-blocking mode; `EINTR`.
    #[inline]
    pub fn read(&self, into: &mut Sink<'_>) -> Result<usize> {
        self.check_readable()?;
        match self.stream() {
            Some(like) => match like.read(self, into) {
                Err(error) if error.errno == Errno::EAGAIN => self.read_later(like, into),
                result => result,
            },
            None => self.read_on(into),
        }
    }

    /// The behaviour, if it reads and writes without a position.
    #[inline]
    fn stream(&self) -> Option<&dyn FileLike> {
        self.behaviour.as_deref().filter(|_| self.is_stream)
    }

    #[inline(never)]
    fn read_on(&self, into: &mut Sink<'_>) -> Result<usize> {
        self.position.with(|offset| {
            let result = self.raw_read_at(offset, into);
            let read = result.as_ref().map_or(0, |read| *read);
            (offset + read as u64, result)
        })
    }

    #[cold]
    fn read_later(&self, like: &dyn FileLike, into: &mut Sink<'_>) -> Result<usize> {
        self.wait(like, Direction::Read, || like.read(self, into))
    }

    /// Reads at an offset.
    ///
    /// # Errors
    /// `EBADF`, `EINVAL`, `ESPIPE`, `EISDIR`, `EFAULT`.
    #[inline]
    pub fn read_at(&self, offset: u64, into: &mut Sink<'_>) -> Result<usize> {
        self.check_readable()?;
        self.raw_read_at(offset, into)
    }

    #[inline]
    fn raw_read_at(&self, offset: u64, into: &mut Sink<'_>) -> Result<usize> {
        if offset > END {
            return Err(BAD_POSITION);
        }
        match &self.behaviour {
            Some(like) => like.read_at(self, offset, into),
            None => {
                let inode = self.inode()?;
                let read = inode.read_at(offset, into)?;
                if !self.flags().contains(OpenFlags::NOATIME) {
                    inode.accessed();
                }
                if read > 0 {
                    notify::tell(&self.path.dentry, happening::ACCESS);
                }
                Ok(read)
            }
        }
    }

    /// Writes at the position (with `O_APPEND`, at the end), and moves it.
    ///
    /// # Errors
    /// `EBADF`, `EFAULT`, `ENOSPC`, `EPIPE`; `EAGAIN` in non-blocking mode; `EINTR`.
    #[inline]
    pub fn write(&self, from: &mut Source<'_>) -> Result<usize> {
        self.check_writable()?;
        match self.stream() {
            Some(like) => match like.write(self, from) {
                Ok(written) if from.left() > 0 && like.writes_everything() => {
                    self.write_rest(like, Some(written), from)
                }
                Err(error) if error.errno == Errno::EAGAIN => self.write_rest(like, None, from),
                result => result,
            },
            None => self.write_on(from),
        }
    }

    /// How many bytes [`File::take_over`] would take now.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn room(&self) -> Result<usize> {
        self.check_writable()?;
        Ok(self.stream().map_or(0, |like| like.room()))
    }

    /// Writes all bytes of a vector without copying them; whether it could.
    pub fn take_over(&self, bytes: &mut Vec<u8>) -> bool {
        self.stream().is_some_and(|like| like.take_over(bytes))
    }

    #[inline(never)]
    fn write_on(&self, from: &mut Source<'_>) -> Result<usize> {
        self.position.with(|offset| match self.raw_write_at(offset, from) {
            Ok((start, written)) => (start + written as u64, Ok(written)),
            Err(error) => (offset, Err(error)),
        })
    }

    /// Goes on with a write that did not fit: waits, unless the file is in non-blocking mode.
    #[cold]
    fn write_rest(&self, like: &dyn FileLike, done: Option<usize>, from: &mut Source<'_>) -> Result<usize> {
        let mut done = done;
        loop {
            match self.wait(like, Direction::Write, || like.write(self, from)) {
                Ok(written) => {
                    let sum = done.unwrap_or(0) + written;
                    if from.left() == 0 || written == 0 || !like.writes_everything() {
                        return Ok(sum);
                    }
                    done = Some(sum);
                }
                Err(error) => return done.ok_or(error),
            }
        }
    }

    /// Writes at an offset. As on Linux, `O_APPEND` writes at the end all the same.
    ///
    /// # Errors
    /// `EBADF`, `EINVAL`, `ESPIPE`, `EFAULT`, `ENOSPC`.
    #[inline]
    pub fn write_at(&self, offset: u64, from: &mut Source<'_>) -> Result<usize> {
        self.check_writable()?;
        Ok(self.raw_write_at(offset, from)?.1)
    }

    /// Where it wrote, and how much.
    #[inline]
    fn raw_write_at(&self, offset: u64, from: &mut Source<'_>) -> Result<(u64, usize)> {
        if offset > END {
            return Err(BAD_POSITION);
        }
        match &self.behaviour {
            Some(like) => Ok((offset, like.write_at(self, offset, from)?)),
            None => {
                let (start, written) = if self.flags().contains(OpenFlags::APPEND) {
                    self.inode()?.append(from)?
                } else if from.left() as u64 > END - offset {
                    return Err(Error::new(Errno::EFBIG, "the file would be too long"));
                } else {
                    (offset, self.inode()?.write_at(offset, from)?)
                };
                if written > 0 {
                    notify::tell(&self.path.dentry, happening::MODIFY);
                }
                Ok((start, written))
            }
        }
    }

    /// An attempt has answered `EAGAIN`: waits until another does not; in non-blocking mode that is the answer.
    #[cold]
    fn wait(
        &self,
        like: &dyn FileLike,
        direction: Direction,
        mut attempt: impl FnMut() -> Result<usize>,
    ) -> Result<usize> {
        let Some(queue) = like
            .queue(direction)
            .filter(|_| !self.flags().contains(OpenFlags::NONBLOCK))
        else {
            return Err(Errno::EAGAIN.into());
        };
        let deadline = like.timeout(direction).map(|nanos| time::now().saturating_add(nanos));
        let waited = wait_more(&[queue], deadline, || match attempt() {
            Err(error) if error.errno == Errno::EAGAIN => None,
            result => Some(result),
        });
        match waited {
            Err(error) if error.errno == Errno::ETIMEDOUT => like.timed_out(direction),
            Err(error) => Err(error),
            Ok(result) => result,
        }
    }
}
