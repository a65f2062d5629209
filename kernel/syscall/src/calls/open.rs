//! Opening and closing.

use crate::Caller;
use crate::argument::{Fd, Mode, PathPtr};
use abi::fcntl::{AT_FDCWD, OpenFlags, OpenHow, ResolveFlags};
use abi::resource::RLIMIT_NOFILE;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use usermem::UserPtr;
use vfs::{File, How, Path};

calls! {
    2 "open" = open(PathPtr, OpenFlags, Mode);
    3 "close" = close(Fd);
    85 "creat" = creat(PathPtr, Mode);
    257 "openat" = openat(Fd, PathPtr, OpenFlags, Mode);
    436 "close_range" = close_range(u32, u32, u32) partial "threads of one process go on sharing their table with CLOSE_RANGE_UNSHARE";
    437 "openat2" = openat2(Fd, PathPtr, UserPtr<OpenHow>, usize);
}

/// Where a relative path begins: at a descriptor, or in the working directory.
///
/// # Errors
/// `EBADF`.
pub fn base(caller: &Caller<'_>, view: &vfs::Context, fd: Fd) -> Result<Path> {
    if fd.0 == AT_FDCWD {
        return Ok(view.cwd.clone());
    }
    let file = caller.process().file(fd.0)?;
    Ok(file.path().clone())
}

/// Where the path of a `*at` call begins; the descriptor does not matter, and need not be one, if the path is absolute.
///
/// # Errors
/// `EBADF`.
pub fn base_for(caller: &Caller<'_>, view: &vfs::Context, fd: Fd, path: &[u8]) -> Result<Path> {
    if path.first() == Some(&b'/') {
        Ok(view.root.clone())
    } else {
        base(caller, view, fd)
    }
}

/// Gives an open file the lowest free descriptor.
///
/// # Errors
/// `EMFILE`.
pub fn add(caller: &Caller<'_>, file: Arc<File>, close_on_exec: bool) -> Result<u64> {
    let limit = caller.process().limit(RLIMIT_NOFILE);
    Ok(caller.process().files().add(file, close_on_exec, 0, limit)? as u64)
}

fn open_at(caller: &Caller<'_>, fd: Fd, path: &[u8], how: How) -> Result<u64> {
    let view = caller.process().view();
    caller
        .process()
        .files()
        .check_room(caller.process().limit(RLIMIT_NOFILE))?;
    let file = if fd.0 == AT_FDCWD {
        view.open(&view.cwd, path, how)?
    } else if how.resolve.intersects(ResolveFlags::BENEATH | ResolveFlags::IN_ROOT) {
        // Even an absolute path begins at the descriptor.
        view.open(&base(caller, &view, fd)?, path, how)?
    } else {
        let base = base_for(caller, &view, fd, path)?;
        view.open(&base, path, how)?
    };
    if how.flags.contains(OpenFlags::TRUNC) {
        process::mapped::cut_short(&file.attributes());
    }
    add(caller, file, how.flags.contains(OpenFlags::CLOEXEC))
}

fn how(flags: OpenFlags, mode: Mode) -> How {
    How {
        flags,
        mode: mode.0,
        resolve: ResolveFlags::empty(),
    }
}

fn open(caller: &mut Caller<'_>, (path, flags, mode): (PathPtr, OpenFlags, Mode)) -> Result<u64> {
    open_at(caller, Fd(AT_FDCWD), &path.read()?, how(flags, mode))
}

fn creat(caller: &mut Caller<'_>, (path, mode): (PathPtr, Mode)) -> Result<u64> {
    let flags = OpenFlags::CREAT | OpenFlags::WRONLY | OpenFlags::TRUNC;
    open_at(caller, Fd(AT_FDCWD), &path.read()?, how(flags, mode))
}

fn openat(caller: &mut Caller<'_>, (fd, path, flags, mode): (Fd, PathPtr, OpenFlags, Mode)) -> Result<u64> {
    open_at(caller, fd, &path.read()?, how(flags, mode))
}

fn openat2(caller: &mut Caller<'_>, (fd, path, request, size): (Fd, PathPtr, UserPtr<OpenHow>, usize)) -> Result<u64> {
    const KNOWN: usize = size_of::<OpenHow>();
    if size < KNOWN {
        return Err(Error::new(
            Errno::EINVAL,
            "the structure is shorter than its first version",
        ));
    }
    if size > 4096 {
        return Err(Error::new(Errno::E2BIG, "the structure is longer than a page"));
    }
    let request_value = request.read()?;
    let rest = UserPtr::<u8>::new(request.address() + KNOWN as u64).read_many(size - KNOWN)?;
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Error::new(Errno::E2BIG, "the structure asks for what is not known"));
    }
    let bad = |why| Error::new(Errno::EINVAL, why);
    let flags = u32::try_from(request_value.flags)
        .ok()
        .and_then(OpenFlags::from_bits)
        .ok_or(bad("unknown flags"))?;
    let resolve = ResolveFlags::from_bits(request_value.resolve).ok_or(bad("unknown ways to resolve"))?;
    if resolve.contains(ResolveFlags::BENEATH | ResolveFlags::IN_ROOT) {
        return Err(bad("a path is either beneath or in a root"));
    }
    let makes = flags.contains(OpenFlags::CREAT) || flags.tmpfile();
    if (!makes && request_value.mode != 0) || request_value.mode & !0o7777 != 0 {
        return Err(bad("a mode goes with a file that is made"));
    }
    if flags.contains(OpenFlags::PATH) {
        let allowed = OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW | OpenFlags::CLOEXEC;
        if !(flags - allowed).is_empty() {
            return Err(bad("the flags do not go with O_PATH"));
        }
    }
    if resolve.contains(ResolveFlags::CACHED) && flags.intersects(OpenFlags::CREAT | OpenFlags::TRUNC) {
        return Err(Error::new(Errno::EAGAIN, "what is made or cut is not cached"));
    }
    open_at(
        caller,
        fd,
        &path.read()?,
        How {
            flags,
            mode: request_value.mode as u32,
            resolve,
        },
    )
}

fn close(caller: &mut Caller<'_>, (fd,): (Fd,)) -> Result<u64> {
    let file = caller.process().files().remove(fd.0)?;
    if file.lingers() {
        file.linger();
    }
    drop(file);
    Ok(0)
}

const CLOSE_RANGE_UNSHARE: u32 = 2;
const CLOSE_RANGE_CLOEXEC: u32 = 4;

fn close_range(caller: &mut Caller<'_>, (first, last, flags): (u32, u32, u32)) -> Result<u64> {
    if flags & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 || first > last {
        return Err(Error::new(
            Errno::EINVAL,
            "unknown flags, or a range that ends before it begins",
        ));
    }
    if flags & CLOSE_RANGE_UNSHARE != 0 {
        caller.process().unshare_files();
    }
    let files = caller.process().files();
    if flags & CLOSE_RANGE_CLOEXEC != 0 {
        files.mark_range(first as usize, last as usize);
    } else {
        let closed = files.remove_range(first as usize, last as usize, |_| true);
        for one in closed.iter().filter(|one| one.file.lingers()) {
            one.file.linger();
        }
        drop(closed);
    }
    Ok(0)
}
