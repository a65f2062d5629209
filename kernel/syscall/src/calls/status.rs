//! What files look like: `stat` and its kin, `access`, modes, owners, times, sizes.

use super::open::{base, base_for};
use crate::Caller;
use crate::argument::{Fd, Mode, OutStat, PathPtr};
use abi::fcntl::{AT_FDCWD, AtFlags, OpenFlags};
use abi::stat::{STATX_BASIC_STATS, STATX_BTIME, STATX_MNT_ID, STATX_RESERVED, Statfs, Statx};
use abi::time::{Timespec, Timeval, UTIME_NOW, UTIME_OMIT};
use abi::{Errno, Error, Result};
use usermem::UserPtr;
use vfs::{Context, NewTime, Path, Permission};

calls! {
    4 "stat" = stat(PathPtr, OutStat);
    5 "fstat" = fstat(Fd, OutStat);
    6 "lstat" = lstat(PathPtr, OutStat);
    21 "access" = access(PathPtr, u32);
    76 "truncate" = truncate(PathPtr, i64);
    77 "ftruncate" = ftruncate(Fd, i64);
    90 "chmod" = chmod(PathPtr, Mode);
    91 "fchmod" = fchmod(Fd, Mode);
    92 "chown" = chown(PathPtr, u32, u32);
    93 "fchown" = fchown(Fd, u32, u32);
    94 "lchown" = lchown(PathPtr, u32, u32);
    132 "utime" = utime(PathPtr, UserPtr<[i64; 2]>);
    137 "statfs" = statfs(PathPtr, UserPtr<Statfs>);
    138 "fstatfs" = fstatfs(Fd, UserPtr<Statfs>);
    235 "utimes" = utimes(PathPtr, UserPtr<Timeval>);
    260 "fchownat" = fchownat(Fd, PathPtr, u32, u32, AtFlags);
    261 "futimesat" = futimesat(Fd, PathPtr, UserPtr<Timeval>);
    262 "newfstatat" = newfstatat(Fd, PathPtr, OutStat, AtFlags);
    268 "fchmodat" = fchmodat(Fd, PathPtr, Mode);
    269 "faccessat" = faccessat(Fd, PathPtr, u32);
    280 "utimensat" = utimensat(Fd, PathPtr, UserPtr<Timespec>, AtFlags);
    285 "fallocate" = fallocate(Fd, u32, i64, i64);
    332 "statx" = statx(Fd, PathPtr, AtFlags, u32, UserPtr<Statx>);
    439 "faccessat2" = faccessat2(Fd, PathPtr, u32, AtFlags);
    452 "fchmodat2" = fchmodat2(Fd, PathPtr, Mode, AtFlags);
}

/// What a `*at` call names: the path, or the descriptor itself for an empty path with `AT_EMPTY_PATH`. A symbolic link at the end is followed unless
/// `AT_SYMLINK_NOFOLLOW` is there.
///
/// # Errors
/// Those of finding a path.
pub fn target(caller: &Caller<'_>, view: &Context, fd: Fd, path: PathPtr, flags: AtFlags) -> Result<Path> {
    let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
    if flags.contains(AtFlags::EMPTY_PATH) && path.0 == 0 {
        return base(caller, view, fd);
    }
    let path = path.read()?;
    if path.is_empty() && flags.contains(AtFlags::EMPTY_PATH) {
        return base(caller, view, fd);
    }
    if fd.0 == AT_FDCWD {
        return view.resolve(&view.cwd, &path, follow);
    }
    view.resolve(&base_for(caller, view, fd, &path)?, &path, follow)
}

/// Finds what a path names, from the working directory.
///
/// # Errors
/// Those of finding a path.
pub fn find(caller: &Caller<'_>, path: PathPtr, follow: bool) -> Result<(alloc::sync::Arc<Context>, Path)> {
    let view = caller.process().view();
    let place = view.resolve(&view.cwd, &path.read()?, follow)?;
    Ok((view, place))
}

fn stat(caller: &mut Caller<'_>, (path, out): (PathPtr, OutStat)) -> Result<u64> {
    let (_, place) = find(caller, path, true)?;
    out.0.write(&place.stat()?)?;
    Ok(0)
}

fn lstat(caller: &mut Caller<'_>, (path, out): (PathPtr, OutStat)) -> Result<u64> {
    let (_, place) = find(caller, path, false)?;
    out.0.write(&place.stat()?)?;
    Ok(0)
}

#[inline(always)]
fn fstat(caller: &mut Caller<'_>, (fd, out): (Fd, OutStat)) -> Result<u64> {
    let file = caller.process().file(fd.0)?;
    out.0.write(&file.stat())?;
    Ok(0)
}

const STAT_FLAGS: AtFlags = AtFlags::SYMLINK_NOFOLLOW
    .union(AtFlags::NO_AUTOMOUNT)
    .union(AtFlags::EMPTY_PATH)
    .union(AtFlags::STATX_FORCE_SYNC)
    .union(AtFlags::STATX_DONT_SYNC);

fn check_flags(flags: AtFlags, known: AtFlags) -> Result<()> {
    if (flags - known).is_empty() {
        Ok(())
    } else {
        Err(Error::new(Errno::EINVAL, "unknown flags"))
    }
}

fn newfstatat(caller: &mut Caller<'_>, (fd, path, out, flags): (Fd, PathPtr, OutStat, AtFlags)) -> Result<u64> {
    // How the C library asks for the status of a descriptor.
    if flags == AtFlags::EMPTY_PATH && fd.0 != AT_FDCWD && is_empty(path)? {
        return fstat(caller, (fd, out));
    }
    check_flags(flags, STAT_FLAGS)?;
    stat_at(caller, fd, path, out, flags)
}

#[inline(never)]
fn stat_at(caller: &Caller<'_>, fd: Fd, path: PathPtr, out: OutStat, flags: AtFlags) -> Result<u64> {
    let view = caller.process().view();
    let place = target(caller, &view, fd, path, flags)?;
    out.0.write(&place.stat()?)?;
    Ok(0)
}

/// Whether a path is empty, without copying it.
fn is_empty(path: PathPtr) -> Result<bool> {
    match usermem::read_byte(path.0) {
        Ok(byte) => Ok(byte == 0),
        Err(_) if path.0 == 0 => Ok(true),
        Err(error) => Err(error),
    }
}

fn statx(
    caller: &mut Caller<'_>,
    (fd, path, flags, mask, out): (Fd, PathPtr, AtFlags, u32, UserPtr<Statx>),
) -> Result<u64> {
    check_flags(flags, STAT_FLAGS)?;
    if mask & STATX_RESERVED != 0 || flags.contains(AtFlags::STATX_FORCE_SYNC | AtFlags::STATX_DONT_SYNC) {
        return Err(Error::new(Errno::EINVAL, "a reserved bit, or contradicting flags"));
    }
    let view = caller.process().view();
    let place = target(caller, &view, fd, path, flags)?;
    let mut answer = place.attributes()?.to_statx(place.mount.id());
    answer.mask &= STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
    out.write(&answer)?;
    Ok(0)
}

fn check_mode(mode: u32) -> Result<()> {
    if mode & !7 == 0 {
        Ok(())
    } else {
        Err(Error::new(Errno::EINVAL, "unknown permissions"))
    }
}

fn access(caller: &mut Caller<'_>, (path, mode): (PathPtr, u32)) -> Result<u64> {
    faccessat(caller, (Fd(AT_FDCWD), path, mode))
}

fn faccessat(caller: &mut Caller<'_>, (fd, path, mode): (Fd, PathPtr, u32)) -> Result<u64> {
    faccessat2(caller, (fd, path, mode, AtFlags::empty()))
}

fn faccessat2(caller: &mut Caller<'_>, (fd, path, mode, flags): (Fd, PathPtr, u32, AtFlags)) -> Result<u64> {
    check_mode(mode)?;
    check_flags(
        flags,
        AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH,
    )?;
    let view = caller.process().view();
    let real = !flags.contains(AtFlags::EACCESS);
    let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
    let name = path.read()?;
    if name.is_empty() && flags.contains(AtFlags::EMPTY_PATH) {
        return access_place(&view, &base(caller, &view, fd)?, mode, real);
    }
    view.access(&base_for(caller, &view, fd, &name)?, &name, mode, real, follow)?;
    Ok(0)
}

/// `access` of a place itself.
fn access_place(view: &Context, place: &Path, mode: u32, real: bool) -> Result<u64> {
    let mut view = view.clone();
    if real {
        view.credentials = alloc::sync::Arc::new(view.credentials.real());
    }
    view.check(place, Permission::from_bits_truncate(mode))?;
    Ok(0)
}

fn length(length: i64) -> Result<u64> {
    u64::try_from(length).map_err(|_| Error::new(Errno::EINVAL, "the length is negative"))
}

/// A file of length `now` may not grow beyond the limit: `EFBIG` and `SIGXFSZ`.
fn check_size(caller: &Caller<'_>, now: u64, size: u64) -> Result<()> {
    if size > caller.process().file_size_limit() && size > now {
        return Err(super::io::too_large(caller));
    }
    Ok(())
}

fn truncate(caller: &mut Caller<'_>, (path, size): (PathPtr, i64)) -> Result<u64> {
    let size = length(size)?;
    let (view, place) = find(caller, path, true)?;
    check_size(caller, place.attributes()?.size, size)?;
    view.truncate(&place, size)?;
    process::mapped::cut_short(&place.attributes()?);
    Ok(0)
}

fn ftruncate(caller: &mut Caller<'_>, (fd, size): (Fd, i64)) -> Result<u64> {
    let size = length(size)?;
    let file = caller.process().file(fd.0)?;
    if file.flags().contains(OpenFlags::PATH) {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    check_size(caller, file.attributes().size, size)?;
    file.truncate(size)?;
    process::mapped::cut_short(&file.attributes());
    Ok(0)
}

fn fallocate(caller: &mut Caller<'_>, (fd, mode, offset, len): (Fd, u32, i64, i64)) -> Result<u64> {
    const KEEP_SIZE: u32 = 1;
    let file = super::io::writable(caller, fd)?;
    if offset < 0 || len <= 0 {
        return Err(Error::new(Errno::EINVAL, "the range is empty or negative"));
    }
    if mode & KEEP_SIZE == 0 && file.kind() == vfs::Kind::Regular {
        check_size(
            caller,
            file.attributes().size,
            (offset as u64).saturating_add(len as u64),
        )?;
    }
    file.allocate(mode, offset as u64, len as u64)?;
    Ok(0)
}

fn chmod(caller: &mut Caller<'_>, (path, mode): (PathPtr, Mode)) -> Result<u64> {
    let (view, place) = find(caller, path, true)?;
    view.chmod(&place, mode.0)?;
    Ok(0)
}

/// What a descriptor that is more than a name of a place leads to.
fn place_of(caller: &Caller<'_>, fd: Fd) -> Result<Path> {
    let file = caller.process().file(fd.0)?;
    if file.flags().contains(OpenFlags::PATH) {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    Ok(file.path().clone())
}

fn fchmod(caller: &mut Caller<'_>, (fd, mode): (Fd, Mode)) -> Result<u64> {
    let place = place_of(caller, fd)?;
    caller.process().view().chmod(&place, mode.0)?;
    Ok(0)
}

fn fchmodat(caller: &mut Caller<'_>, (fd, path, mode): (Fd, PathPtr, Mode)) -> Result<u64> {
    fchmodat2(caller, (fd, path, mode, AtFlags::empty()))
}

fn fchmodat2(caller: &mut Caller<'_>, (fd, path, mode, flags): (Fd, PathPtr, Mode, AtFlags)) -> Result<u64> {
    check_flags(flags, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    let view = caller.process().view();
    let place = target(caller, &view, fd, path, flags)?;
    view.chmod(&place, mode.0)?;
    Ok(0)
}

/// All ones leave an owner as it is.
fn owner(id: u32) -> Option<u32> {
    (id != u32::MAX).then_some(id)
}

fn chown(caller: &mut Caller<'_>, (path, uid, gid): (PathPtr, u32, u32)) -> Result<u64> {
    let (view, place) = find(caller, path, true)?;
    view.chown(&place, owner(uid), owner(gid))?;
    Ok(0)
}

fn lchown(caller: &mut Caller<'_>, (path, uid, gid): (PathPtr, u32, u32)) -> Result<u64> {
    let (view, place) = find(caller, path, false)?;
    view.chown(&place, owner(uid), owner(gid))?;
    Ok(0)
}

fn fchown(caller: &mut Caller<'_>, (fd, uid, gid): (Fd, u32, u32)) -> Result<u64> {
    let place = place_of(caller, fd)?;
    caller.process().view().chown(&place, owner(uid), owner(gid))?;
    Ok(0)
}

fn fchownat(caller: &mut Caller<'_>, (fd, path, uid, gid, flags): (Fd, PathPtr, u32, u32, AtFlags)) -> Result<u64> {
    check_flags(flags, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    let view = caller.process().view();
    let place = target(caller, &view, fd, path, flags)?;
    view.chown(&place, owner(uid), owner(gid))?;
    Ok(0)
}

fn new_time(time: Timespec) -> Result<NewTime> {
    match time.nsec {
        UTIME_NOW => Ok(NewTime::Now),
        UTIME_OMIT => Ok(NewTime::Keep),
        0..1_000_000_000 => Ok(NewTime::At(time)),
        _ => Err(Error::new(Errno::EINVAL, "the nanoseconds are more than a second")),
    }
}

fn utimensat(
    caller: &mut Caller<'_>,
    (fd, path, times, flags): (Fd, PathPtr, UserPtr<Timespec>, AtFlags),
) -> Result<u64> {
    check_flags(flags, AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH)?;
    let (atime, mtime) = match times.non_null() {
        Some(times) => (new_time(times.read()?)?, new_time(times.at(1).read()?)?),
        None => (NewTime::Now, NewTime::Now),
    };
    if matches!((&atime, &mtime), (NewTime::Keep, NewTime::Keep)) {
        return Ok(0);
    }
    let view = caller.process().view();
    let place = if path.0 == 0 && fd.0 != AT_FDCWD {
        place_of(caller, fd)?
    } else {
        target(caller, &view, fd, path, flags)?
    };
    view.set_times(&place, atime, mtime)?;
    Ok(0)
}

fn from_micros(time: Timeval) -> Result<NewTime> {
    if !(0..1_000_000).contains(&time.usec) {
        return Err(Error::new(Errno::EINVAL, "the microseconds are more than a second"));
    }
    Ok(NewTime::At(Timespec {
        sec: time.sec,
        nsec: time.usec * 1000,
    }))
}

fn futimesat(caller: &mut Caller<'_>, (fd, path, times): (Fd, PathPtr, UserPtr<Timeval>)) -> Result<u64> {
    let (atime, mtime) = match times.non_null() {
        Some(times) => (from_micros(times.read()?)?, from_micros(times.at(1).read()?)?),
        None => (NewTime::Now, NewTime::Now),
    };
    let view = caller.process().view();
    let place = if path.0 == 0 {
        place_of(caller, fd)?
    } else {
        target(caller, &view, fd, path, AtFlags::empty())?
    };
    view.set_times(&place, atime, mtime)?;
    Ok(0)
}

fn utimes(caller: &mut Caller<'_>, (path, times): (PathPtr, UserPtr<Timeval>)) -> Result<u64> {
    futimesat(caller, (Fd(AT_FDCWD), path, times))
}

fn utime(caller: &mut Caller<'_>, (path, times): (PathPtr, UserPtr<[i64; 2]>)) -> Result<u64> {
    let (atime, mtime) = match times.non_null() {
        Some(times) => {
            let [atime, mtime] = times.read()?.map(|sec| NewTime::At(Timespec { sec, nsec: 0 }));
            (atime, mtime)
        }
        None => (NewTime::Now, NewTime::Now),
    };
    let (view, place) = find(caller, path, true)?;
    view.set_times(&place, atime, mtime)?;
    Ok(0)
}

fn statfs(caller: &mut Caller<'_>, (path, out): (PathPtr, UserPtr<Statfs>)) -> Result<u64> {
    let (view, place) = find(caller, path, true)?;
    out.write(&view.statfs(&place))?;
    Ok(0)
}

fn fstatfs(caller: &mut Caller<'_>, (fd, out): (Fd, UserPtr<Statfs>)) -> Result<u64> {
    let file = caller.process().file(fd.0)?;
    out.write(&caller.process().view().statfs(file.path()))?;
    Ok(0)
}
