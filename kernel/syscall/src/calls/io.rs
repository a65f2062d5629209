//! Reading and writing: `read`, `write` and their positioned and vectored kin, `lseek`, `ioctl`, copies between files.

use crate::Caller;
use crate::argument::{BytesPtr, Fd, Hex, OutBytes};
use abi::fcntl::{F_GETOWN, F_SETOWN, IOV_MAX, OpenFlags};
use abi::ioctl::{FIOGETOWN, FIOSETOWN, SIOCGPGRP, SIOCSPGRP};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use usermem::{Segment, Sink, Source, UserPtr};
use vfs::{File, Kind};

calls! {
    0 "read" = read(Fd, OutBytes, usize);
    1 "write" = write(Fd, BytesPtr, usize);
    8 "lseek" = lseek(Fd, i64, u32);
    16 "ioctl" = ioctl(Fd, u32, Hex);
    17 "pread64" = pread64(Fd, OutBytes, usize, i64);
    18 "pwrite64" = pwrite64(Fd, BytesPtr, usize, i64);
    19 "readv" = readv(Fd, UserPtr<Segment>, usize);
    20 "writev" = writev(Fd, UserPtr<Segment>, usize);
    40 "sendfile" = sendfile(Fd, Fd, UserPtr<u64>, usize);
    295 "preadv" = preadv(Fd, UserPtr<Segment>, usize, i64);
    296 "pwritev" = pwritev(Fd, UserPtr<Segment>, usize, i64);
    326 "copy_file_range" = copy_file_range(Fd, UserPtr<u64>, Fd, UserPtr<u64>, usize, u32);
    327 "preadv2" = preadv2(Fd, UserPtr<Segment>, usize, i64, Hex, u32) partial "RWF_NOWAIT and RWF_HIPRI are as without";
    328 "pwritev2" = pwritev2(Fd, UserPtr<Segment>, usize, i64, Hex, u32) partial "RWF_NOWAIT and RWF_HIPRI are as without";
}

/// Longest transfer of one call (`MAX_RW_COUNT`).
const MOST: usize = 0x7fff_f000;
/// Bytes copied at a time between files.
const PIECE: usize = 64 << 10;

/// An open file that may be read.
///
/// # Errors
/// `EBADF`, also if the file is not open for reading.
#[inline]
pub fn readable(caller: &Caller<'_>, fd: Fd) -> Result<Arc<File>> {
    let file = caller.process().file(fd.0)?;
    if file.is_readable() {
        Ok(file)
    } else {
        Err(Error::new(Errno::EBADF, "the file is not open for reading"))
    }
}

/// An open file that may be written.
///
/// # Errors
/// `EBADF`, also if the file is not open for writing.
#[inline]
pub fn writable(caller: &Caller<'_>, fd: Fd) -> Result<Arc<File>> {
    let file = caller.process().file(fd.0)?;
    if file.is_writable() {
        Ok(file)
    } else {
        Err(Error::new(Errno::EBADF, "the file is not open for writing"))
    }
}

fn read(caller: &mut Caller<'_>, (fd, buffer, len): (Fd, OutBytes, usize)) -> Result<u64> {
    let file = readable(caller, fd)?;
    check_range(buffer.0, len)?;
    Ok(file.read(&mut Sink::user(buffer.0, len.min(MOST)))? as u64)
}

/// Cuts a write to what the file may take: a regular file does not grow beyond `RLIMIT_FSIZE`, and a write that begins there is refused with a signal.
#[inline]
fn limit(caller: &Caller<'_>, file: &File, at: Option<u64>, source: &mut Source<'_>) -> Result<()> {
    match caller.process().file_size_limit() {
        abi::resource::RLIM_INFINITY => Ok(()),
        limit => limit_to(caller, file, at, source, limit),
    }
}

#[cold]
fn limit_to(caller: &Caller<'_>, file: &File, at: Option<u64>, source: &mut Source<'_>, limit: u64) -> Result<()> {
    if file.kind() != Kind::Regular || source.left() == 0 {
        return Ok(());
    }
    let start = match at {
        _ if file.flags().contains(OpenFlags::APPEND) => file.inode()?.length(),
        Some(at) => at,
        None => file.position(),
    };
    if start >= limit {
        return Err(too_large(caller));
    }
    source.cut((limit - start) as usize);
    Ok(())
}

/// Tells a process with `SIGXFSZ` that a file may not become as large as it would.
pub fn too_large(caller: &Caller<'_>) -> Error {
    caller
        .thread
        .send(process::signals::Info::kernel(abi::signal::Signal::XFSZ));
    Error::new(Errno::EFBIG, "the file would be larger than the limit")
}

/// As [`limit`], for bytes that come out of the kernel: how many of `len` may be written.
///
/// # Errors
/// `EFBIG` if none may, and then the caller is told by a signal too.
pub fn within_limit(caller: &Caller<'_>, file: &File, at: Option<u64>, len: usize) -> Result<usize> {
    let limit = caller.process().file_size_limit();
    if limit == abi::resource::RLIM_INFINITY || file.kind() != Kind::Regular || len == 0 {
        return Ok(len);
    }
    match limit.saturating_sub(at.unwrap_or_else(|| file.position())) {
        0 => Err(too_large(caller)),
        left => Ok(len.min(usize::try_from(left).unwrap_or(len))),
    }
}

fn write(caller: &mut Caller<'_>, (fd, buffer, len): (Fd, BytesPtr, usize)) -> Result<u64> {
    let file = writable(caller, fd)?;
    check_range(buffer.0, len)?;
    let mut source = Source::user(buffer.0, len.min(MOST));
    limit(caller, &file, None, &mut source)?;
    let result = file.write(&mut source);
    broken_pipe(caller, &file, result)
}

/// A buffer that reaches out of the program's half is refused before anything is done, as Linux does.
#[inline]
pub(super) fn check_range(address: u64, len: usize) -> Result<()> {
    match address.checked_add(len as u64) {
        Some(end) if end <= address::USER_END + address::PAGE_SIZE => Ok(()),
        _ => Err(Error::new(
            Errno::EFAULT,
            "the buffer reaches out of the program's memory",
        )),
    }
}

/// A write into a pipe that nobody reads also raises `SIGPIPE`; a message that nobody receives does not.
#[inline]
pub(super) fn broken_pipe(caller: &Caller<'_>, file: &File, result: Result<usize>) -> Result<u64> {
    match result {
        Ok(count) => Ok(count as u64),
        Err(error) => {
            signal_broken_pipe(caller, file, error);
            Err(error)
        }
    }
}

#[cold]
fn signal_broken_pipe(caller: &Caller<'_>, file: &File, error: Error) {
    if error.errno == Errno::EPIPE && file.socket().map_or(true, |socket| socket.is_stream()) {
        caller
            .thread
            .send(process::signals::Info::kernel(abi::signal::Signal::PIPE));
    }
}

fn lseek(caller: &mut Caller<'_>, (fd, offset, whence): (Fd, i64, u32)) -> Result<u64> {
    let file = caller.process().file(fd.0)?;
    not_a_path(&file)?;
    file.seek(offset, whence)
}

fn not_a_path(file: &File) -> Result<()> {
    if file.flags().contains(OpenFlags::PATH) {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    Ok(())
}

fn ioctl(caller: &mut Caller<'_>, (fd, request, argument): (Fd, u32, Hex)) -> Result<u64> {
    let files = caller.process().files();
    let file = files.get(fd.0)?;
    not_a_path(&file)?;
    match request {
        abi::ioctl::FIOCLEX => files.set_close_on_exec(fd.0, true).map(|()| 0),
        abi::ioctl::FIONCLEX => files.set_close_on_exec(fd.0, false).map(|()| 0),
        abi::ioctl::FIONBIO => {
            let on = UserPtr::<u32>::new(argument.0).read()? != 0;
            let mut flags = file.flags();
            flags.set(OpenFlags::NONBLOCK, on);
            file.set_flags(flags).map(|()| 0)
        }
        abi::ioctl::FIOASYNC => {
            let on = UserPtr::<u32>::new(argument.0).read()? != 0;
            super::owner::switch(&file, on)
        }
        FIOSETOWN | SIOCSPGRP if file.socket().is_ok() => {
            let owner = UserPtr::<i32>::new(argument.0).read()?;
            super::owner::control(&file, fd, F_SETOWN, owner as u64)
        }
        FIOGETOWN | SIOCGPGRP if file.socket().is_ok() => {
            let owner = super::owner::control(&file, fd, F_GETOWN, 0)?;
            UserPtr::<i32>::new(argument.0).write(&(owner as i32)).map(|()| 0)
        }
        _ => match file.ioctl(request, argument.0) {
            Err(error) if error.errno == Errno::ENOTTY => match file.socket() {
                Ok(socket) => netlink::answer(socket, request, argument.0),
                Err(_) => Err(error),
            },
            answered => answered,
        },
    }
}

fn offset(position: i64) -> Result<u64> {
    u64::try_from(position).map_err(|_| Error::new(Errno::EINVAL, "the offset is negative"))
}

fn pread64(caller: &mut Caller<'_>, (fd, buffer, len, at): (Fd, OutBytes, usize, i64)) -> Result<u64> {
    let at = offset(at)?;
    let file = readable(caller, fd)?;
    check_range(buffer.0, len)?;
    Ok(file.read_at(at, &mut Sink::user(buffer.0, len.min(MOST)))? as u64)
}

fn pwrite64(caller: &mut Caller<'_>, (fd, buffer, len, at): (Fd, BytesPtr, usize, i64)) -> Result<u64> {
    let at = offset(at)?;
    let file = writable(caller, fd)?;
    check_range(buffer.0, len)?;
    let mut source = Source::user(buffer.0, len.min(MOST));
    limit(caller, &file, Some(at), &mut source)?;
    let result = file.write_at(at, &mut source);
    broken_pipe(caller, &file, result)
}

/// The segments of a vectored call, checked as Linux checks them and cut at the longest transfer.
///
/// # Errors
/// `EINVAL` for too many of them or a length that cannot be, `EFAULT`.
pub fn segments(vector: UserPtr<Segment>, count: usize) -> Result<Vec<Segment>> {
    if count > IOV_MAX {
        return Err(Error::new(Errno::EINVAL, "there are too many segments"));
    }
    let mut segments = vector.read_many(count)?;
    let mut total = 0usize;
    for segment in &mut segments {
        if segment.len > i64::MAX as u64 {
            return Err(Error::new(Errno::EINVAL, "a segment's length is negative"));
        }
        check_range(segment.address, segment.len as usize)?;
        segment.len = segment.len.min((MOST - total) as u64);
        total += segment.len as usize;
    }
    Ok(segments)
}

fn readv(caller: &mut Caller<'_>, (fd, vector, count): (Fd, UserPtr<Segment>, usize)) -> Result<u64> {
    let file = readable(caller, fd)?;
    let segments = segments(vector, count)?;
    Ok(file.read(&mut Sink::segments(&segments))? as u64)
}

fn writev(caller: &mut Caller<'_>, (fd, vector, count): (Fd, UserPtr<Segment>, usize)) -> Result<u64> {
    let file = writable(caller, fd)?;
    let segments = segments(vector, count)?;
    let mut source = Source::segments(&segments);
    limit(caller, &file, None, &mut source)?;
    let result = file.write(&mut source);
    broken_pipe(caller, &file, result)
}

fn preadv(caller: &mut Caller<'_>, (fd, vector, count, at): (Fd, UserPtr<Segment>, usize, i64)) -> Result<u64> {
    let at = offset(at)?;
    let file = readable(caller, fd)?;
    let segments = segments(vector, count)?;
    Ok(file.read_at(at, &mut Sink::segments(&segments))? as u64)
}

fn pwritev(caller: &mut Caller<'_>, (fd, vector, count, at): (Fd, UserPtr<Segment>, usize, i64)) -> Result<u64> {
    let at = offset(at)?;
    let file = writable(caller, fd)?;
    let segments = segments(vector, count)?;
    let mut source = Source::segments(&segments);
    limit(caller, &file, Some(at), &mut source)?;
    let result = file.write_at(at, &mut source);
    broken_pipe(caller, &file, result)
}

const RWF_APPEND: u32 = 16;
const RWF_KNOWN: u32 = 31;

fn check_flags(flags: u32) -> Result<()> {
    if flags & !RWF_KNOWN != 0 {
        return Err(Error::new(Errno::EOPNOTSUPP, "unknown flags"));
    }
    Ok(())
}

fn preadv2(
    caller: &mut Caller<'_>,
    (fd, vector, count, at, _high, flags): (Fd, UserPtr<Segment>, usize, i64, Hex, u32),
) -> Result<u64> {
    check_flags(flags)?;
    if flags & RWF_APPEND != 0 {
        return Err(Error::new(Errno::EOPNOTSUPP, "reads do not append"));
    }
    if at == -1 {
        readv(caller, (fd, vector, count))
    } else {
        preadv(caller, (fd, vector, count, at))
    }
}

fn pwritev2(
    caller: &mut Caller<'_>,
    (fd, vector, count, at, _high, flags): (Fd, UserPtr<Segment>, usize, i64, Hex, u32),
) -> Result<u64> {
    check_flags(flags)?;
    if flags & RWF_APPEND != 0 {
        let file = writable(caller, fd)?;
        let segments = segments(vector, count)?;
        let inode = file.inode()?;
        let mut source = Source::segments(&segments);
        limit(caller, &file, Some(inode.length()), &mut source)?;
        let (_, count) = inode.append(&mut source)?;
        return Ok(count as u64);
    }
    if at == -1 {
        writev(caller, (fd, vector, count))
    } else {
        pwritev(caller, (fd, vector, count, at))
    }
}

/// Copies between two files through the kernel: `from` and `to` are offsets, or nothing for the files' own positions.
fn copy(source: &File, target: &File, from: Option<u64>, to: Option<u64>, len: usize) -> Result<usize> {
    let mut buffer = Vec::new();
    let mut done = 0;
    while done < len {
        // Who takes bytes as they lie gets no more than it has room for, so that none are read in vain.
        let room = if to.is_none() { target.room()? } else { 0 };
        let piece = (len - done).min(PIECE).min(if room > 0 { room } else { PIECE });
        buffer.clear();
        let mut sink = Sink::behind(&mut buffer, piece)?;
        let got = match from {
            Some(at) => source.read_at(at + done as u64, &mut sink),
            None => source.read(&mut sink),
        };
        let got = match got {
            Ok(0) => break,
            Ok(got) => got,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        };
        let put = if room > 0 && target.take_over(&mut buffer) {
            Ok(got)
        } else {
            let mut bytes = Source::kernel(&buffer);
            match to {
                Some(at) => target.write_at(at + done as u64, &mut bytes),
                None => target.write(&mut bytes),
            }
        };
        let moved = *put.as_ref().unwrap_or(&0);
        done += moved;
        if moved < got && from.is_none() {
            // What was read and found no room is still to be read.
            let _ = source.seek(moved as i64 - got as i64, abi::fcntl::SEEK_CUR);
        }
        match put {
            Err(error) if done == 0 => return Err(error),
            _ if moved < got => break,
            _ => {}
        }
        if got < piece {
            break;
        }
    }
    Ok(done)
}

fn sendfile(caller: &mut Caller<'_>, (to, from, position, len): (Fd, Fd, UserPtr<u64>, usize)) -> Result<u64> {
    let source = readable(caller, from)?;
    let target = writable(caller, to)?;
    if target.flags().contains(OpenFlags::APPEND) {
        return Err(Error::new(Errno::EINVAL, "the target appends"));
    }
    if source.kind() == Kind::Fifo {
        return Err(Error::new(Errno::EINVAL, "a pipe is no source of sendfile"));
    }
    let at = match position.non_null() {
        Some(position) => Some(offset(position.read()? as i64)?),
        None => None,
    };
    let wanted = len.min(MOST);
    let len = within_limit(caller, &target, None, wanted)?;
    let done = copy(&source, &target, at, None, len);
    let done = broken_pipe(caller, &target, done)?;
    if len < wanted && done == len as u64 {
        // The first byte that may not be written was reached.
        too_large(caller);
    }
    if let Some(at) = at {
        position.write(&(at + done))?;
    }
    Ok(done)
}

fn copy_file_range(
    caller: &mut Caller<'_>,
    (from, from_at, to, to_at, len, flags): (Fd, UserPtr<u64>, Fd, UserPtr<u64>, usize, u32),
) -> Result<u64> {
    if flags != 0 {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    let source = readable(caller, from)?;
    let target = writable(caller, to)?;
    if target.flags().contains(OpenFlags::APPEND) {
        return Err(Error::new(Errno::EBADF, "the target appends"));
    }
    for file in [&source, &target] {
        match file.kind() {
            Kind::Regular => {}
            Kind::Directory => return Err(Error::new(Errno::EISDIR, "directories are not copied")),
            _ => return Err(Error::new(Errno::EINVAL, "only regular files are copied")),
        }
    }
    let read_at = |pointer: UserPtr<u64>| {
        pointer
            .non_null()
            .map(|pointer| offset(pointer.read()? as i64))
            .transpose()
    };
    let (source_at, target_at) = (read_at(from_at)?, read_at(to_at)?);
    let (start, end) = (
        source_at.unwrap_or_else(|| source.position()),
        target_at.unwrap_or_else(|| target.position()),
    );
    let same = Arc::ptr_eq(source.inode()?, target.inode()?);
    let len = len.min(MOST);
    if same && start < end.saturating_add(len as u64) && end < start.saturating_add(len as u64) {
        return Err(Error::new(Errno::EINVAL, "the ranges overlap"));
    }
    let len = within_limit(caller, &target, target_at, len)?;
    let done = copy(&source, &target, source_at, target_at, len)? as u64;
    if let Some(at) = source_at {
        from_at.write(&(at + done))?;
    }
    if let Some(at) = target_at {
        to_at.write(&(at + done))?;
    }
    Ok(done)
}
