//! Pipes and event counters.

use super::open::add;
use crate::Caller;
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use usermem::UserPtr;
use vfs::File;

calls! {
    22 "pipe" = pipe(UserPtr<[i32; 2]>);
    284 "eventfd" = eventfd(u32);
    290 "eventfd2" = eventfd2(u32, u32);
    293 "pipe2" = pipe2(UserPtr<[i32; 2]>, u32);
}

const EFD_SEMAPHORE: u32 = 1;

fn pipe(caller: &mut Caller<'_>, (out,): (UserPtr<[i32; 2]>,)) -> Result<u64> {
    pipe2(caller, (out, 0))
}

fn pipe2(caller: &mut Caller<'_>, (out, flags): (UserPtr<[i32; 2]>, u32)) -> Result<u64> {
    let known = OpenFlags::CLOEXEC | OpenFlags::NONBLOCK | OpenFlags::DIRECT;
    let flags = known_flags(flags, known)?;
    let (reader, writer) = ::pipe::pipe(flags)?;
    give_pair(caller, [reader, writer], flags.contains(OpenFlags::CLOEXEC), out)
}

/// Gives two open files descriptors and tells the program; both or none.
pub(super) fn give_pair(
    caller: &Caller<'_>,
    [first, second]: [Arc<File>; 2],
    close_on_exec: bool,
    out: UserPtr<[i32; 2]>,
) -> Result<u64> {
    let first = add(caller, first, close_on_exec)? as i32;
    let take_back = |fds: &[i32]| {
        for &fd in fds {
            drop(caller.process().files().remove(fd));
        }
    };
    let second = match add(caller, second, close_on_exec) {
        Ok(second) => second as i32,
        Err(error) => {
            take_back(&[first]);
            return Err(error);
        }
    };
    if let Err(error) = out.write(&[first, second]) {
        take_back(&[first, second]);
        return Err(error);
    }
    Ok(0)
}

/// Flags as those of `open`, of which a call knows some.
///
/// # Errors
/// `EINVAL` for those that it does not know.
pub fn known_flags(flags: u32, known: OpenFlags) -> Result<OpenFlags> {
    let flags = OpenFlags::from_bits_retain(flags);
    if (flags - known).is_empty() {
        Ok(flags)
    } else {
        Err(Error::new(Errno::EINVAL, "unknown flags"))
    }
}

fn eventfd(caller: &mut Caller<'_>, (value,): (u32,)) -> Result<u64> {
    eventfd2(caller, (value, 0))
}

fn eventfd2(caller: &mut Caller<'_>, (value, flags): (u32, u32)) -> Result<u64> {
    let semaphore = flags & EFD_SEMAPHORE != 0;
    let flags = known_flags(flags & !EFD_SEMAPHORE, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    let counter = ipc::eventfd(value, semaphore, flags);
    add(caller, counter, flags.contains(OpenFlags::CLOEXEC))
}
