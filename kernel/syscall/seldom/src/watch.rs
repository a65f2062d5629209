//! `inotify`: hearing what happens to files.

use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use ipc::{IN_DONT_FOLLOW, IN_ONLYDIR, Inotify};
use syscall::Caller;
use syscall::argument::{Fd, PathPtr};
use syscall::calls::open::add;
use syscall::calls::pipe::known_flags;
use vfs::{Permission, downcast_file_like};

syscall::calls! {
    253 "inotify_init" = inotify_init();
    254 "inotify_add_watch" = inotify_add_watch(Fd, PathPtr, u32) partial "IN_UNMOUNT is never told, IN_EXCL_UNLINK is as without, and IN_DELETE_SELF comes with the last name, not with the last close";
    255 "inotify_rm_watch" = inotify_rm_watch(Fd, i32);
    294 "inotify_init1" = inotify_init1(u32);
}

fn inotify_init(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    inotify_init1(caller, (0,))
}

fn inotify_init1(caller: &mut Caller<'_>, (flags,): (u32,)) -> Result<u64> {
    let flags = known_flags(flags, OpenFlags::CLOEXEC | OpenFlags::NONBLOCK)?;
    add(caller, ipc::inotify(flags), flags.contains(OpenFlags::CLOEXEC))
}

fn list(caller: &Caller<'_>, fd: Fd) -> Result<Arc<Inotify>> {
    let file = caller.process().files().get(fd.0)?;
    file.behaviour()
        .and_then(downcast_file_like)
        .ok_or(Error::new(Errno::EINVAL, "the descriptor hears of no files"))
}

fn inotify_add_watch(caller: &mut Caller<'_>, (fd, path, mask): (Fd, PathPtr, u32)) -> Result<u64> {
    if !ipc::is_known_mask(mask) || mask & 0xfff == 0 {
        return Err(Error::new(Errno::EINVAL, "unknown events, or none"));
    }
    let list = list(caller, fd)?;
    let (view, place) = syscall::calls::status::find(caller, path, mask & IN_DONT_FOLLOW == 0)?;
    if mask & IN_ONLYDIR != 0 && !place.dentry.is_directory() {
        return Err(Error::new(Errno::ENOTDIR, "the file is not a directory"));
    }
    view.check(&place, Permission::READ)?;
    Ok(list.add(&place, mask)? as u64)
}

fn inotify_rm_watch(caller: &mut Caller<'_>, (fd, number): (Fd, i32)) -> Result<u64> {
    list(caller, fd)?.remove(number)?;
    Ok(0)
}
