//! Pipes and event counters.

use super::open::add;
use crate::Caller;
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use usermem::UserPtr;

calls! {
    22 "pipe" = pipe(UserPtr<[i32; 2]>);
    284 "eventfd" = eventfd(u32);
    290 "eventfd2" = eventfd2(u32, u32);
    293 "pipe2" = pipe2(UserPtr<[i32; 2]>, u32) partial "no packet mode (O_DIRECT answers EINVAL)";
}

const EFD_SEMAPHORE: u32 = 1;

fn pipe(caller: &mut Caller<'_>, (out,): (UserPtr<[i32; 2]>,)) -> Result<u64> {
    pipe2(caller, (out, 0))
}

fn pipe2(caller: &mut Caller<'_>, (out, flags): (UserPtr<[i32; 2]>, u32)) -> Result<u64> {
    let known = OpenFlags::CLOEXEC | OpenFlags::NONBLOCK | OpenFlags::DIRECT;
    let flags = known_flags(flags, known)?;
    let close_on_exec = flags.contains(OpenFlags::CLOEXEC);
    let (reader, writer) = ipc::pipe(flags)?;
    let reader = add(caller, reader, close_on_exec)? as i32;
    let take_back = |fds: &[i32]| {
        for &fd in fds {
            drop(caller.process().files().remove(fd));
        }
    };
    let writer = match add(caller, writer, close_on_exec) {
        Ok(writer) => writer as i32,
        Err(error) => {
            take_back(&[reader]);
            return Err(error);
        }
    };
    if let Err(error) = out.write(&[reader, writer]) {
        take_back(&[reader, writer]);
        return Err(error);
    }
    Ok(0)
}

/// Flags as those of `open`, of which a call knows some.
pub(super) fn known_flags(flags: u32, known: OpenFlags) -> Result<OpenFlags> {
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
