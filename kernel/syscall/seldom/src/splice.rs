//! Moving bytes to, from and between pipes.
//!
//! Bytes are copied once more than Linux does: pages do not change hands.

use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::vec;
use alloc::vec::Vec;
use pipe::{End, PIPE_BUF};
use syscall::Caller;
use syscall::argument::Fd;
use syscall::calls::io::{readable, segments, too_large, within_limit, writable};
use usermem::{Segment, Sink, Source, UserPtr};
use vfs::{Direction, Events, File};

syscall::calls! {
    275 "splice" = splice(Fd, UserPtr<i64>, Fd, UserPtr<i64>, usize, u32);
    276 "tee" = tee(Fd, Fd, usize, u32);
    278 "vmsplice" = vmsplice(Fd, UserPtr<Segment>, usize, u32);
}

const SPLICE_F_NONBLOCK: u32 = 2;
const KNOWN: u32 = 15;
/// Bytes moved at once.
const STEP: usize = 64 << 10;

fn check_flags(flags: u32) -> Result<()> {
    if flags & !KNOWN == 0 {
        Ok(())
    } else {
        Err(Error::new(Errno::EINVAL, "unknown flags"))
    }
}

/// The offset that an argument points to.
fn offset(pointer: UserPtr<i64>) -> Result<Option<u64>> {
    let Some(pointer) = pointer.non_null() else {
        return Ok(None);
    };
    let offset = u64::try_from(pointer.read()?).map_err(|_| Error::new(Errno::EINVAL, "the offset is negative"))?;
    Ok(Some(offset))
}

fn put_offset(pointer: UserPtr<i64>, start: Option<u64>, done: usize) -> Result<()> {
    match start {
        Some(start) => pointer.write(&((start + done as u64) as i64)),
        None => Ok(()),
    }
}

/// Refuses to wait, where a call must not.
fn check_ready(file: &File, events: Events, flags: u32) -> Result<()> {
    if flags & SPLICE_F_NONBLOCK != 0 && !file.ready().intersects(events | Events::HUP | Events::ERR) {
        return Err(Errno::EAGAIN.into());
    }
    Ok(())
}

fn splice(
    caller: &mut Caller<'_>,
    (from, from_at, to, to_at, len, flags): (Fd, UserPtr<i64>, Fd, UserPtr<i64>, usize, u32),
) -> Result<u64> {
    if len == 0 {
        return Ok(0);
    }
    check_flags(flags)?;
    let (source, target) = (readable(caller, from)?, writable(caller, to)?);
    let (out, into) = (source.downcast::<End>(), target.downcast::<End>());
    let no_offset = Error::new(Errno::ESPIPE, "a pipe has no offsets");
    if (out.is_some() && !from_at.is_null()) || (into.is_some() && !to_at.is_null()) {
        return Err(no_offset);
    }
    match (out, into) {
        (None, None) => return Err(Error::new(Errno::EINVAL, "neither side is a pipe")),
        (Some(out), Some(into)) if out.shares_pipe(into) => {
            return Err(Error::new(Errno::EINVAL, "both sides are one pipe"));
        }
        (Some(_), None) if target.flags().contains(OpenFlags::APPEND) => {
            return Err(Error::new(Errno::EINVAL, "the target appends"));
        }
        _ => {}
    }
    let (start, end) = (offset(from_at)?, offset(to_at)?);
    check_ready(&source, Events::READABLE, flags)?;
    check_ready(&target, Events::WRITABLE, flags)?;
    // What is taken out of a pipe must go somewhere: no more than the other one has room for.
    let room = into.map_or(STEP, |into| into.room().max(PIPE_BUF));
    let wanted = len.min(STEP).min(room);
    let len = within_limit(caller, &target, end, wanted)?;
    let mut bytes = vec![0; len];
    let mut sink = Sink::kernel(&mut bytes);
    let got = match start {
        Some(at) => source.read_at(at, &mut sink)?,
        None => source.read(&mut sink)?,
    };
    put_offset(from_at, start, got)?;
    let mut rest = Source::kernel(bytes.get(..got).unwrap_or_default());
    let done = match end {
        Some(at) => target.write_at(at, &mut rest)?,
        None => target.write(&mut rest)?,
    };
    put_offset(to_at, end, done)?;
    if len < wanted && done == len {
        // The first byte that may not be written was reached.
        too_large(caller);
    }
    Ok(done as u64)
}

fn tee(caller: &mut Caller<'_>, (from, to, len, flags): (Fd, Fd, usize, u32)) -> Result<u64> {
    check_flags(flags)?;
    if len == 0 {
        return Ok(0);
    }
    let (source, target) = (readable(caller, from)?, writable(caller, to)?);
    let (Some(out), Some(into)) = (source.downcast::<End>(), target.downcast::<End>()) else {
        return Err(Error::new(Errno::EINVAL, "both sides have to be pipes"));
    };
    if out.shares_pipe(into) {
        return Err(Error::new(Errno::EINVAL, "both sides are one pipe"));
    }
    check_ready(&source, Events::READABLE, flags)?;
    check_ready(&target, Events::WRITABLE, flags)?;
    let there = Events::READABLE | Events::HUP;
    if let Some(queue) = source.queue(Direction::Read) {
        task::wait_until(&[queue], None, || source.ready().intersects(there).then_some(()))?;
    }
    let bytes: Vec<u8> = out.peek(len.min(STEP).min(into.room().max(PIPE_BUF)))?;
    if bytes.is_empty() {
        return Ok(0);
    }
    Ok(target.write(&mut Source::kernel(&bytes))? as u64)
}

fn vmsplice(caller: &mut Caller<'_>, (fd, vector, count, flags): (Fd, UserPtr<Segment>, usize, u32)) -> Result<u64> {
    check_flags(flags)?;
    let file = caller.process().file(fd.0)?;
    if file.downcast::<End>().is_none() {
        return Err(Error::new(Errno::EBADF, "the file is not a pipe"));
    }
    let segments = segments(vector, count)?;
    let done = if file.is_writable() {
        check_ready(&file, Events::WRITABLE, flags)?;
        file.write(&mut Source::segments(&segments))?
    } else {
        check_ready(&file, Events::READABLE, flags)?;
        file.read(&mut Sink::segments(&segments))?
    };
    Ok(done as u64)
}
