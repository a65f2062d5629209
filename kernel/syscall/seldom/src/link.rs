//! Names of files: links, renames, removals.

use abi::fcntl::{AT_FDCWD, AtFlags, RenameFlags};
use abi::stat::S_IFMT;
use abi::{Errno, Error, Result};
use syscall::Caller;
use syscall::argument::{Fd, Mode, OutBytes, PathPtr};
use syscall::calls::open::base_for;
use syscall::calls::status::target;
use usermem::UserSlice;
use vfs::Kind;

syscall::calls! {
    82 "rename" = rename(PathPtr, PathPtr);
    83 "mkdir" = mkdir(PathPtr, Mode);
    84 "rmdir" = rmdir(PathPtr);
    86 "link" = link(PathPtr, PathPtr);
    87 "unlink" = unlink(PathPtr);
    88 "symlink" = symlink(PathPtr, PathPtr);
    89 "readlink" = readlink(PathPtr, OutBytes, i32);
    133 "mknod" = mknod(PathPtr, Mode, u64);
    258 "mkdirat" = mkdirat(Fd, PathPtr, Mode);
    259 "mknodat" = mknodat(Fd, PathPtr, Mode, u64);
    263 "unlinkat" = unlinkat(Fd, PathPtr, AtFlags);
    264 "renameat" = renameat(Fd, PathPtr, Fd, PathPtr);
    265 "linkat" = linkat(Fd, PathPtr, Fd, PathPtr, AtFlags);
    266 "symlinkat" = symlinkat(PathPtr, Fd, PathPtr);
    267 "readlinkat" = readlinkat(Fd, PathPtr, OutBytes, i32);
    316 "renameat2" = renameat2(Fd, PathPtr, Fd, PathPtr, RenameFlags);
}

const HERE: Fd = Fd(AT_FDCWD);

fn rename(caller: &mut Caller<'_>, (from, to): (PathPtr, PathPtr)) -> Result<u64> {
    renameat2(caller, (HERE, from, HERE, to, RenameFlags::empty()))
}

fn renameat(caller: &mut Caller<'_>, (from_fd, from, to_fd, to): (Fd, PathPtr, Fd, PathPtr)) -> Result<u64> {
    renameat2(caller, (from_fd, from, to_fd, to, RenameFlags::empty()))
}

fn renameat2(
    caller: &mut Caller<'_>,
    (from_fd, from, to_fd, to, flags): (Fd, PathPtr, Fd, PathPtr, RenameFlags),
) -> Result<u64> {
    let both = RenameFlags::NOREPLACE | RenameFlags::WHITEOUT;
    if flags.contains(RenameFlags::EXCHANGE) && flags.intersects(both) {
        return Err(Error::new(Errno::EINVAL, "the flags contradict each other"));
    }
    let (from, to) = (from.read()?, to.read()?);
    let view = caller.process().view();
    let (from_base, to_base) = (
        base_for(caller, &view, from_fd, &from)?,
        base_for(caller, &view, to_fd, &to)?,
    );
    view.rename(&from_base, &from, &to_base, &to, flags)?;
    Ok(0)
}

fn mkdir(caller: &mut Caller<'_>, (path, mode): (PathPtr, Mode)) -> Result<u64> {
    mkdirat(caller, (HERE, path, mode))
}

fn mkdirat(caller: &mut Caller<'_>, (fd, path, mode): (Fd, PathPtr, Mode)) -> Result<u64> {
    let path = path.read()?;
    let view = caller.process().view();
    view.mkdir(&base_for(caller, &view, fd, &path)?, &path, mode.0)?;
    Ok(0)
}

fn mknod(caller: &mut Caller<'_>, (path, mode, device): (PathPtr, Mode, u64)) -> Result<u64> {
    mknodat(caller, (HERE, path, mode, device))
}

fn mknodat(caller: &mut Caller<'_>, (fd, path, mode, device): (Fd, PathPtr, Mode, u64)) -> Result<u64> {
    let path = path.read()?;
    let kind = match mode.0 & S_IFMT {
        0 => Kind::Regular,
        bits => Kind::from_mode(bits).ok_or(Error::new(Errno::EINVAL, "no such sort of file"))?,
    };
    match kind {
        Kind::Directory => return Err(Error::new(Errno::EPERM, "directories are made by mkdir")),
        Kind::Symlink | Kind::Anonymous => return Err(Error::new(Errno::EINVAL, "no such sort of file")),
        _ => {}
    }
    let view = caller.process().view();
    view.mknod(
        &base_for(caller, &view, fd, &path)?,
        &path,
        kind,
        mode.0 & 0o7777,
        device,
    )?;
    Ok(0)
}

fn rmdir(caller: &mut Caller<'_>, (path,): (PathPtr,)) -> Result<u64> {
    unlinkat(caller, (HERE, path, AtFlags::REMOVEDIR))
}

fn unlink(caller: &mut Caller<'_>, (path,): (PathPtr,)) -> Result<u64> {
    unlinkat(caller, (HERE, path, AtFlags::empty()))
}

fn unlinkat(caller: &mut Caller<'_>, (fd, path, flags): (Fd, PathPtr, AtFlags)) -> Result<u64> {
    if !(flags - AtFlags::REMOVEDIR).is_empty() {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    let path = path.read()?;
    let view = caller.process().view();
    let base = base_for(caller, &view, fd, &path)?;
    if flags.contains(AtFlags::REMOVEDIR) {
        view.rmdir(&base, &path)?
    } else {
        view.unlink(&base, &path)?
    }
    Ok(0)
}

fn link(caller: &mut Caller<'_>, (from, to): (PathPtr, PathPtr)) -> Result<u64> {
    linkat(caller, (HERE, from, HERE, to, AtFlags::empty()))
}

fn linkat(
    caller: &mut Caller<'_>,
    (from_fd, from, to_fd, to, flags): (Fd, PathPtr, Fd, PathPtr, AtFlags),
) -> Result<u64> {
    if !(flags - (AtFlags::SYMLINK_FOLLOW | AtFlags::EMPTY_PATH)).is_empty() {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    let view = caller.process().view();
    // This call alone does not follow unless it is told to.
    let follow = flags.contains(AtFlags::SYMLINK_FOLLOW);
    let mut how = flags & AtFlags::EMPTY_PATH;
    how.set(AtFlags::SYMLINK_NOFOLLOW, !follow);
    let file = target(caller, &view, from_fd, from, how)?;
    let to = to.read()?;
    view.link(&file, &base_for(caller, &view, to_fd, &to)?, &to)?;
    Ok(0)
}

fn symlink(caller: &mut Caller<'_>, (content, path): (PathPtr, PathPtr)) -> Result<u64> {
    symlinkat(caller, (content, HERE, path))
}

fn symlinkat(caller: &mut Caller<'_>, (content, fd, path): (PathPtr, Fd, PathPtr)) -> Result<u64> {
    let (content, path) = (content.read()?, path.read()?);
    let view = caller.process().view();
    view.symlink(&content, &base_for(caller, &view, fd, &path)?, &path)?;
    Ok(0)
}

fn readlink(caller: &mut Caller<'_>, (path, buffer, len): (PathPtr, OutBytes, i32)) -> Result<u64> {
    readlinkat(caller, (HERE, path, buffer, len))
}

fn readlinkat(caller: &mut Caller<'_>, (fd, path, buffer, len): (Fd, PathPtr, OutBytes, i32)) -> Result<u64> {
    if len <= 0 {
        return Err(Error::new(Errno::EINVAL, "the buffer has no room"));
    }
    let path = path.read()?;
    let view = caller.process().view();
    let text = if path.is_empty() {
        let place = syscall::calls::open::base(caller, &view, fd)?;
        if place.dentry.kind() != Some(Kind::Symlink) {
            return Err(Error::new(Errno::ENOENT, "the path is empty"));
        }
        view.link_text(&place)?
    } else {
        view.readlink(&base_for(caller, &view, fd, &path)?, &path)?
    };
    let count = text.len().min(len as usize);
    UserSlice::new(buffer.0, count).write(&text)?;
    Ok(count as u64)
}
