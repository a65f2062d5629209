//! Directories: where a process is, and what is in them.

use abi::fcntl::SEEK_SET;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use syscall::Caller;
use syscall::argument::{Fd, Hex, Mode, PathPtr};
use usermem::UserSlice;
use vfs::{DirectoryEntry, Permission};

syscall::calls! {
    78 "getdents" = getdents(Fd, Hex, u32);
    79 "getcwd" = getcwd(Hex, usize);
    80 "chdir" = chdir(PathPtr);
    81 "fchdir" = fchdir(Fd);
    95 "umask" = umask(Mode);
    161 "chroot" = chroot(PathPtr);
    217 "getdents64" = getdents64(Fd, Hex, u32);
}

/// How a directory entry is laid out for a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `struct linux_dirent`: the kind is the last byte.
    Old,
    /// `struct linux_dirent64`.
    New,
}

fn push_entry(out: &mut Vec<u8>, entry: &DirectoryEntry<'_>, layout: Layout) {
    let start = out.len();
    let head = if layout == Layout::New { 19 } else { 18 };
    let tail = if layout == Layout::New { 1 } else { 2 };
    let length = (head + entry.name.len() + tail).next_multiple_of(8);
    out.extend_from_slice(&entry.ino.to_le_bytes());
    out.extend_from_slice(&entry.next.to_le_bytes());
    out.extend_from_slice(&(length as u16).to_le_bytes());
    if layout == Layout::New {
        out.push(entry.kind.entry_type());
    }
    out.extend_from_slice(entry.name);
    out.resize(start + length, 0);
    if layout == Layout::Old
        && let Some(last) = out.last_mut()
    {
        *last = entry.kind.entry_type();
    }
}

fn list(caller: &Caller<'_>, fd: Fd, buffer: UserSlice, layout: Layout) -> Result<u64> {
    const MOST: usize = 64 << 10;
    let file = caller.process().file(fd.0)?;
    if file.flags().contains(abi::fcntl::OpenFlags::PATH) {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    let start = file.position();
    let room = buffer.len.min(MOST);
    let mut out = Vec::new();
    let mut refused = false;
    file.read_directory(&mut |entry| {
        let length = (19 + entry.name.len() + 1).next_multiple_of(8);
        if out.len() + length > room {
            refused = true;
            return false;
        }
        push_entry(&mut out, entry, layout);
        true
    })?;
    if out.is_empty() && refused {
        return Err(Error::new(Errno::EINVAL, "the buffer is too short for one entry"));
    }
    if let Err(error) = buffer.write(&out) {
        // What the program did not get, it gets next time.
        file.seek(start as i64, SEEK_SET)?;
        return Err(error);
    }
    Ok(out.len() as u64)
}

fn getdents(caller: &mut Caller<'_>, (fd, buffer, len): (Fd, Hex, u32)) -> Result<u64> {
    list(caller, fd, UserSlice::new(buffer.0, len as usize), Layout::Old)
}

fn getdents64(caller: &mut Caller<'_>, (fd, buffer, len): (Fd, Hex, u32)) -> Result<u64> {
    list(caller, fd, UserSlice::new(buffer.0, len as usize), Layout::New)
}

fn getcwd(caller: &mut Caller<'_>, (buffer, len): (Hex, usize)) -> Result<u64> {
    let view = caller.process().view();
    if view.cwd.dentry.is_unlinked() {
        return Err(Error::new(Errno::ENOENT, "the working directory has been removed"));
    }
    let mut text = view.path_text(&view.cwd);
    text.push(0);
    if text.len() > abi::fcntl::PATH_MAX {
        return Err(Error::new(
            Errno::ENAMETOOLONG,
            "the path is longer than any path may be",
        ));
    }
    if text.len() > len {
        return Err(Error::new(Errno::ERANGE, "the buffer is too short for the path"));
    }
    UserSlice::new(buffer.0, text.len()).write(&text)?;
    Ok(text.len() as u64)
}

/// Checks that a place is a directory that one may be in.
fn enter(view: &vfs::Context, place: &vfs::Path) -> Result<()> {
    if !place.dentry.is_directory() {
        return Err(Error::new(Errno::ENOTDIR, "only a directory can be entered"));
    }
    view.check(place, Permission::EXECUTE)
}

fn chdir(caller: &mut Caller<'_>, (path,): (PathPtr,)) -> Result<u64> {
    let path = path.read()?;
    let view = caller.process().view();
    let place = view.resolve(&view.cwd, &path, true)?;
    enter(&view, &place)?;
    caller.process().change_place(|view| view.cwd = place);
    Ok(0)
}

fn fchdir(caller: &mut Caller<'_>, (fd,): (Fd,)) -> Result<u64> {
    let file = caller.process().file(fd.0)?;
    let view = caller.process().view();
    enter(&view, file.path())?;
    let place = file.path().clone();
    caller.process().change_place(|view| view.cwd = place);
    Ok(0)
}

fn chroot(caller: &mut Caller<'_>, (path,): (PathPtr,)) -> Result<u64> {
    let path = path.read()?;
    let view = caller.process().view();
    let place = view.resolve(&view.cwd, &path, true)?;
    enter(&view, &place)?;
    if !view.credentials.has(vfs::capability::SYS_CHROOT) {
        return Err(Error::new(Errno::EPERM, "changing the root needs CAP_SYS_CHROOT"));
    }
    caller.process().change_place(|view| view.root = place);
    Ok(0)
}

fn umask(caller: &mut Caller<'_>, (mask,): (Mode,)) -> Result<u64> {
    let old = caller
        .process()
        .change_place(|view| core::mem::replace(&mut view.umask, mask.0 & 0o777));
    Ok(u64::from(old))
}
