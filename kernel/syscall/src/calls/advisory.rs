//! Advisory locks: `flock(2)`, and the locks of `fcntl(2)`.

use crate::Caller;
use crate::argument::Fd;
use abi::fcntl::{
    F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_RDLCK, F_SETLKW, F_UNLCK, F_WRLCK, Flock, OpenFlags, SEEK_CUR,
    SEEK_END, SEEK_SET,
};
use abi::{Errno, Error, Result};
use core::ops::Range;
use process::FileTable;
use usermem::UserPtr;
use vfs::File;
use vfs::locks::{self, Owner, RangeLock, Sharing, Waits};

calls! {
    73 "flock" = flock(Fd, u32);
}

const LOCK_SH: u32 = 1;
const LOCK_EX: u32 = 2;
const LOCK_NB: u32 = 4;
const LOCK_UN: u32 = 8;

fn flock(caller: &mut Caller<'_>, (fd, operation): (Fd, u32)) -> Result<u64> {
    let file = caller.process().file(fd.0)?;
    if file.flags().contains(OpenFlags::PATH) {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    let waits = if operation & LOCK_NB == 0 {
        Waits::Yes
    } else {
        Waits::No
    };
    match operation & !LOCK_NB {
        LOCK_SH => locks::lock_whole(&file, Sharing::Shared, waits)?,
        LOCK_EX => locks::lock_whole(&file, Sharing::Exclusive, waits)?,
        LOCK_UN => locks::unlock_whole(&file)?,
        _ => return Err(Error::new(Errno::EINVAL, "no such operation")),
    }
    Ok(0)
}

/// The bytes that a `struct flock` means.
fn bytes(file: &File, lock: &Flock) -> Result<Range<u64>> {
    let wrong = Error::new(Errno::EINVAL, "the range is not one of a file");
    let base = match i32::from(lock.whence) as u32 {
        SEEK_SET => 0,
        SEEK_CUR => file.position() as i64,
        SEEK_END => file.attributes().size as i64,
        _ => return Err(wrong),
    };
    let overflow = Error::new(Errno::EOVERFLOW, "the range ends behind every file");
    let start = base.checked_add(lock.start).ok_or(overflow)?;
    let (start, end) = if lock.len < 0 {
        (start.checked_add(lock.len).ok_or(wrong)?, Some(start))
    } else if lock.len == 0 {
        (start, None)
    } else {
        (start, Some(start.checked_add(lock.len).ok_or(overflow)?))
    };
    let start = u64::try_from(start).map_err(|_| wrong)?;
    Ok(start..end.map_or(u64::MAX, |end| end as u64))
}

/// The `fcntl` commands that look at, set and wait for locks on ranges.
pub(super) fn range(
    caller: &Caller<'_>,
    files: &FileTable,
    (fd, file): (Fd, &File),
    command: u32,
    argument: u64,
) -> Result<u64> {
    let pointer = UserPtr::<Flock>::new(argument);
    let mut request = pointer.read()?;
    let range = bytes(file, &request)?;
    let by_file = matches!(command, F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW);
    if by_file && request.pid != 0 {
        return Err(Error::new(Errno::EINVAL, "a lock of an open file names no process"));
    }
    let looks = matches!(command, F_GETLK | F_OFD_GETLK);
    let owner = if by_file {
        locks::open_file(file)
    } else {
        Owner::Process(files.lock_owner())
    };
    let sharing = match request.kind {
        F_RDLCK => Sharing::Shared,
        F_WRLCK => Sharing::Exclusive,
        F_UNLCK if !looks => return locks::unlock_range(file, owner, &range).map(|()| 0),
        _ => return Err(Error::new(Errno::EINVAL, "no such lock")),
    };
    let wanted = RangeLock {
        owner,
        sharing,
        range,
        process: caller.process().pid,
    };
    if looks {
        match locks::obstacle(file.inode()?, &wanted) {
            Some(lock) => show(&mut request, &lock),
            None => request.kind = F_UNLCK,
        }
        return pointer.write(&request).map(|()| 0);
    }
    let may = match sharing {
        Sharing::Shared => file.is_readable(),
        Sharing::Exclusive => file.is_writable(),
    };
    if !may {
        return Err(Error::new(Errno::EBADF, "the file is not open for such a lock"));
    }
    let waits = if matches!(command, F_SETLKW | F_OFD_SETLKW) {
        Waits::Yes
    } else {
        Waits::No
    };
    locks::lock_range(file, &wanted, waits)?;
    // Another thread may have closed the descriptor while this one waited: then the lock has nobody who would release it.
    let still_open = files.get(fd.0).is_ok_and(|now| core::ptr::eq(&raw const *now, file));
    if !by_file && !still_open {
        locks::unlock_range(file, owner, &wanted.range)?;
        return Err(Error::new(Errno::EBADF, "the descriptor was closed meanwhile"));
    }
    Ok(0)
}

/// Describes the lock that is in the way.
fn show(answer: &mut Flock, lock: &RangeLock) {
    answer.kind = match lock.sharing {
        Sharing::Shared => F_RDLCK,
        Sharing::Exclusive => F_WRLCK,
    };
    answer.whence = 0;
    answer.start = lock.range.start as i64;
    answer.len = if lock.range.end == u64::MAX {
        0
    } else {
        (lock.range.end - lock.range.start) as i64
    };
    answer.pid = match lock.owner {
        Owner::Process(_) => lock.process as i32,
        Owner::File(_) => -1,
    };
}
