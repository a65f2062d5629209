//! Who is told by a signal when a file is ready: the parts of `fcntl` and `ioctl` that are about that.

use crate::argument::Fd;
use abi::fcntl::{
    F_GETOWN, F_GETOWN_EX, F_GETSIG, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, F_SETOWN, F_SETOWN_EX, OpenFlags,
};
use abi::{Errno, Error, Result};
use signal::owner::{self, Owner};
use usermem::UserPtr;
use vfs::File;

/// `FIOASYNC`.
pub(super) fn switch(file: &File, on: bool) -> Result<u64> {
    let mut flags = file.flags();
    if flags.contains(OpenFlags::ASYNC) == on {
        return Ok(0);
    }
    if !owner::switch(file, on) {
        return Err(Error::new(Errno::ENOTTY, "the file sends no signals"));
    }
    flags.set(OpenFlags::ASYNC, on);
    file.set_flags(flags).map(|()| 0)
}

/// The commands of `fcntl`.
pub(super) fn control(file: &File, fd: Fd, command: u32, argument: u64) -> Result<u64> {
    match command {
        F_GETOWN => Ok(match owner::owner(file) {
            Owner::Nobody => 0,
            Owner::Thread(number) | Owner::Process(number) => i64::from(number),
            Owner::Group(number) => -i64::from(number),
        } as u64),
        F_SETOWN => {
            let number = argument as i32;
            let owner = match number {
                0 => Owner::Nobody,
                i32::MIN => return Err(Error::new(Errno::EINVAL, "no such number")),
                1.. => Owner::Process(number.unsigned_abs()),
                _ => Owner::Group(number.unsigned_abs()),
            };
            owner::set_owner(file, owner).map(|()| 0)
        }
        F_GETOWN_EX => {
            let shown = match owner::owner(file) {
                Owner::Nobody => [F_OWNER_TID, 0],
                Owner::Thread(number) => [F_OWNER_TID, number as i32],
                Owner::Process(number) => [F_OWNER_PID, number as i32],
                Owner::Group(number) => [F_OWNER_PGRP, number as i32],
            };
            UserPtr::new(argument).write(&shown).map(|()| 0)
        }
        F_SETOWN_EX => {
            let [kind, number]: [i32; 2] = UserPtr::new(argument).read()?;
            let owner = match (kind, number) {
                (F_OWNER_TID | F_OWNER_PID | F_OWNER_PGRP, 0) => Owner::Nobody,
                (F_OWNER_TID, _) => Owner::Thread(number as u32),
                (F_OWNER_PID, _) => Owner::Process(number as u32),
                (F_OWNER_PGRP, _) => Owner::Group(number as u32),
                _ => return Err(Error::new(Errno::EINVAL, "no such kind of owner")),
            };
            owner::set_owner(file, owner).map(|()| 0)
        }
        F_GETSIG => Ok(owner::signal(file).map_or(0, |signal| u64::from(signal.0))),
        _ => {
            let number = u32::try_from(argument).unwrap_or(u32::MAX);
            let signal = super::send::signal(number)?;
            owner::set_signal(file, signal.map(|signal| (signal, fd.0)));
            Ok(0)
        }
    }
}
