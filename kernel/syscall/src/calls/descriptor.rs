//! Descriptors: duplicates and `fcntl`.

use crate::Caller;
use crate::argument::{Fd, Hex};
use abi::fcntl::{
    F_ADD_SEALS, F_DUPFD, F_DUPFD_CLOEXEC, F_GET_SEALS, F_GETFD, F_GETFL, F_GETLK, F_GETOWN, F_GETOWN_EX, F_GETPIPE_SZ,
    F_GETSIG, F_NOTIFY, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_SETFD, F_SETFL, F_SETLK, F_SETLKW, F_SETOWN,
    F_SETOWN_EX, F_SETPIPE_SZ, F_SETSIG, FD_CLOEXEC, OpenFlags,
};
use abi::resource::RLIMIT_NOFILE;
use abi::{Errno, Error, Result};
use vfs::{File, capability};

calls! {
    32 "dup" = dup(Fd);
    33 "dup2" = dup2(Fd, Fd);
    72 "fcntl" = fcntl(Fd, u32, Hex) partial "no leases or notices of changes: F_SETLEASE answers EINVAL, and so does F_NOTIFY unless it asks for nothing";
    292 "dup3" = dup3(Fd, Fd, OpenFlags);
}

fn dup(caller: &mut Caller<'_>, (fd,): (Fd,)) -> Result<u64> {
    let file = caller.process().file(fd.0)?;
    super::open::add(caller, file, false)
}

fn put(caller: &Caller<'_>, from: Fd, to: Fd, close_on_exec: bool) -> Result<u64> {
    let files = caller.process().files();
    let file = files.get(from.0)?;
    let replaced = files.replace(to.0, file, close_on_exec, caller.process().limit(RLIMIT_NOFILE))?;
    drop(replaced);
    Ok(to.0 as u64)
}

fn dup2(caller: &mut Caller<'_>, (from, to): (Fd, Fd)) -> Result<u64> {
    if from == to {
        caller.process().file(from.0)?;
        return Ok(to.0 as u64);
    }
    put(caller, from, to, false)
}

fn dup3(caller: &mut Caller<'_>, (from, to, flags): (Fd, Fd, OpenFlags)) -> Result<u64> {
    if from == to || caller.frame.arguments()[2] & !u64::from(OpenFlags::CLOEXEC.bits()) != 0 {
        return Err(Error::new(Errno::EINVAL, "unknown flags, or the same descriptor twice"));
    }
    put(caller, from, to, flags.contains(OpenFlags::CLOEXEC))
}

fn fcntl(caller: &mut Caller<'_>, (fd, command, argument): (Fd, u32, Hex)) -> Result<u64> {
    let files = caller.process().files();
    let descriptor = files.descriptor(fd.0)?;
    let file = descriptor.file;
    let for_paths = matches!(command, F_DUPFD | F_DUPFD_CLOEXEC | F_GETFD | F_SETFD | F_GETFL);
    if file.flags().contains(OpenFlags::PATH) && !for_paths {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    match command {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let limit = caller.process().limit(RLIMIT_NOFILE);
            if argument.0 >= limit {
                return Err(Error::new(Errno::EINVAL, "the lowest descriptor is above the limit"));
            }
            Ok(files.add(file, command == F_DUPFD_CLOEXEC, argument.0 as usize, limit)? as u64)
        }
        F_GETFD => Ok(u64::from(descriptor.close_on_exec)),
        F_SETFD => files
            .set_close_on_exec(fd.0, argument.0 as u32 & FD_CLOEXEC != 0)
            .map(|()| 0),
        F_GETFL => Ok(u64::from(file.flags().bits())),
        F_SETFL => {
            let wanted = OpenFlags::from_bits_truncate(argument.0 as u32) & OpenFlags::SETTABLE;
            let before = file.flags();
            file.set_flags((before - OpenFlags::SETTABLE) | wanted)?;
            if (before ^ wanted).contains(OpenFlags::ASYNC) {
                signal::owner::switch(&file, wanted.contains(OpenFlags::ASYNC));
            }
            Ok(0)
        }
        F_GETOWN | F_SETOWN | F_GETOWN_EX | F_SETOWN_EX | F_GETSIG | F_SETSIG => {
            super::owner::control(&file, fd, command, argument.0)
        }
        F_NOTIFY => notify(argument.0 as u32),
        F_GETPIPE_SZ | F_SETPIPE_SZ => pipe_size(caller, &file, command, argument.0),
        F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => {
            super::advisory::range(caller, &files, (fd, &file), command, argument.0)
        }
        F_GET_SEALS | F_ADD_SEALS => super::memory_file::seals(&file, command, argument.0 as u32),
        _ => match file.behaviour() {
            Some(behaviour) => behaviour.control(&file, command, argument.0),
            None => Err(Error::new(Errno::EINVAL, "the file does not know the command")),
        },
    }
}

/// Signals about changes of a directory are not there (`inotify` is); asking for none is asking for nothing.
fn notify(events: u32) -> Result<u64> {
    const MULTISHOT: u32 = 1 << 31;
    if events & !MULTISHOT == 0 {
        Ok(0)
    } else {
        Err(Error::new(Errno::EINVAL, "directories give no notices by signals"))
    }
}

/// Tells or changes how many bytes a pipe holds at most.
fn pipe_size(caller: &Caller<'_>, file: &File, command: u32, bytes: u64) -> Result<u64> {
    let end = file
        .downcast::<pipe::End>()
        .ok_or(Error::new(Errno::EBADF, "the file is not a pipe"))?;
    if command == F_GETPIPE_SZ {
        return Ok(end.capacity() as u64);
    }
    let privileged = caller.process().credentials().has(capability::SYS_RESOURCE);
    Ok(end.set_capacity(bytes as u32 as usize, privileged)? as u64)
}
