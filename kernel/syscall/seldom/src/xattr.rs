//! Extended attributes.

use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use syscall::Caller;
use syscall::argument::{Fd, Hex, PathPtr};
use syscall::calls::open::base;
use syscall::calls::status::find;
use usermem::{UserSlice, read_string};
use vfs::{Context, Kind, Path, Permission, Replace, capability};

syscall::calls! {
    188 "setxattr" = setxattr(PathPtr, Hex, Hex, usize, u32);
    189 "lsetxattr" = lsetxattr(PathPtr, Hex, Hex, usize, u32);
    190 "fsetxattr" = fsetxattr(Fd, Hex, Hex, usize, u32);
    191 "getxattr" = getxattr(PathPtr, Hex, Hex, usize);
    192 "lgetxattr" = lgetxattr(PathPtr, Hex, Hex, usize);
    193 "fgetxattr" = fgetxattr(Fd, Hex, Hex, usize);
    194 "listxattr" = listxattr(PathPtr, Hex, usize);
    195 "llistxattr" = llistxattr(PathPtr, Hex, usize);
    196 "flistxattr" = flistxattr(Fd, Hex, usize);
    197 "removexattr" = removexattr(PathPtr, Hex);
    198 "lremovexattr" = lremovexattr(PathPtr, Hex);
    199 "fremovexattr" = fremovexattr(Fd, Hex);
}

/// `XATTR_NAME_MAX`.
const NAME_MAX: usize = 255;
/// `XATTR_SIZE_MAX`, `XATTR_LIST_MAX`.
const SIZE_MAX: usize = 64 << 10;
const CREATE: u32 = 1;
const REPLACE: u32 = 2;

fn read_name(name: Hex) -> Result<Vec<u8>> {
    let name = read_string(name.0, NAME_MAX + 1, Errno::ERANGE)?;
    if name.is_empty() {
        return Err(Error::new(Errno::ERANGE, "the attribute's name is empty"));
    }
    Ok(name)
}

/// Checks that the caller may read or change an attribute, as each name space has it.
fn check(view: &Context, place: &Path, name: &[u8], wish: Permission) -> Result<()> {
    let writes = wish.contains(Permission::WRITE);
    if writes {
        place.mount.check_writable()?;
    }
    if name.starts_with(b"trusted.") {
        let missing = if writes { Errno::EPERM } else { Errno::ENODATA };
        return match view.credentials.has(capability::SYS_ADMIN) {
            true => Ok(()),
            false => Err(Error::new(missing, "trusted attributes need CAP_SYS_ADMIN")),
        };
    }
    if name.starts_with(b"security.") {
        return match !writes || view.credentials.has(capability::SYS_ADMIN) {
            true => Ok(()),
            false => Err(Error::new(Errno::EPERM, "security attributes need CAP_SYS_ADMIN")),
        };
    }
    let plain = matches!(place.dentry.kind(), Some(Kind::Regular | Kind::Directory));
    if name.starts_with(b"user.") && !plain {
        let missing = if writes { Errno::EPERM } else { Errno::ENODATA };
        return Err(Error::new(missing, "only files and directories have user attributes"));
    }
    view.credentials.check(&place.attributes()?, wish)
}

fn set(caller: &Caller<'_>, place: &Path, (name, value, size, flags): (Hex, Hex, usize, u32)) -> Result<u64> {
    let replace = match flags {
        0 => Replace::Any,
        CREATE => Replace::Never,
        REPLACE => Replace::Always,
        // Both at once: the file must and must not have it.
        3 => Replace::Never,
        _ => return Err(Error::new(Errno::EINVAL, "unknown flags")),
    };
    let name = read_name(name)?;
    if size > SIZE_MAX {
        return Err(Error::new(Errno::E2BIG, "the value is longer than 64 KiB"));
    }
    let value = UserSlice::new(value.0, size).to_vec()?;
    check(&caller.process().view(), place, &name, Permission::WRITE)?;
    place.inode()?.set_xattr(&name, &value, replace)?;
    Ok(0)
}

/// Gives bytes to a program, or says how many there are if it has room for none.
fn give(bytes: &[u8], buffer: Hex, size: usize) -> Result<u64> {
    if size == 0 {
        return Ok(bytes.len() as u64);
    }
    if bytes.len() > size {
        return Err(Error::new(Errno::ERANGE, "the buffer is too short"));
    }
    UserSlice::new(buffer.0, size).write(bytes)?;
    Ok(bytes.len() as u64)
}

fn get(caller: &Caller<'_>, place: &Path, name: Hex, buffer: Hex, size: usize) -> Result<u64> {
    let name = read_name(name)?;
    check(&caller.process().view(), place, &name, Permission::READ)?;
    give(&place.inode()?.xattr(&name)?, buffer, size)
}

fn list(caller: &Caller<'_>, place: &Path, buffer: Hex, size: usize) -> Result<u64> {
    let mut names = place.inode()?.xattr_names();
    if !caller.process().credentials().has(capability::SYS_ADMIN) {
        let hidden = |name: &&[u8]| !name.starts_with(b"trusted.");
        let shown = names.split_inclusive(|byte| *byte == 0).filter(hidden);
        names = shown.flatten().copied().collect();
    }
    give(&names, buffer, size.min(SIZE_MAX))
}

fn remove(caller: &Caller<'_>, place: &Path, name: Hex) -> Result<u64> {
    let name = read_name(name)?;
    check(&caller.process().view(), place, &name, Permission::WRITE)?;
    place.inode()?.remove_xattr(&name)?;
    Ok(0)
}

/// What a descriptor names, which must be more than a place.
fn opened(caller: &Caller<'_>, fd: Fd) -> Result<Path> {
    let file = caller.process().files().get(fd.0)?;
    if file.flags().contains(abi::fcntl::OpenFlags::PATH) {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    base(caller, &caller.process().view(), fd)
}

fn setxattr(caller: &mut Caller<'_>, (path, name, value, size, flags): (PathPtr, Hex, Hex, usize, u32)) -> Result<u64> {
    let (_, place) = find(caller, path, true)?;
    set(caller, &place, (name, value, size, flags))
}

fn lsetxattr(
    caller: &mut Caller<'_>,
    (path, name, value, size, flags): (PathPtr, Hex, Hex, usize, u32),
) -> Result<u64> {
    let (_, place) = find(caller, path, false)?;
    set(caller, &place, (name, value, size, flags))
}

fn fsetxattr(caller: &mut Caller<'_>, (fd, name, value, size, flags): (Fd, Hex, Hex, usize, u32)) -> Result<u64> {
    set(caller, &opened(caller, fd)?, (name, value, size, flags))
}

fn getxattr(caller: &mut Caller<'_>, (path, name, buffer, size): (PathPtr, Hex, Hex, usize)) -> Result<u64> {
    let (_, place) = find(caller, path, true)?;
    get(caller, &place, name, buffer, size)
}

fn lgetxattr(caller: &mut Caller<'_>, (path, name, buffer, size): (PathPtr, Hex, Hex, usize)) -> Result<u64> {
    let (_, place) = find(caller, path, false)?;
    get(caller, &place, name, buffer, size)
}

fn fgetxattr(caller: &mut Caller<'_>, (fd, name, buffer, size): (Fd, Hex, Hex, usize)) -> Result<u64> {
    get(caller, &opened(caller, fd)?, name, buffer, size)
}

fn listxattr(caller: &mut Caller<'_>, (path, buffer, size): (PathPtr, Hex, usize)) -> Result<u64> {
    let (_, place) = find(caller, path, true)?;
    list(caller, &place, buffer, size)
}

fn llistxattr(caller: &mut Caller<'_>, (path, buffer, size): (PathPtr, Hex, usize)) -> Result<u64> {
    let (_, place) = find(caller, path, false)?;
    list(caller, &place, buffer, size)
}

fn flistxattr(caller: &mut Caller<'_>, (fd, buffer, size): (Fd, Hex, usize)) -> Result<u64> {
    list(caller, &opened(caller, fd)?, buffer, size)
}

fn removexattr(caller: &mut Caller<'_>, (path, name): (PathPtr, Hex)) -> Result<u64> {
    let (_, place) = find(caller, path, true)?;
    remove(caller, &place, name)
}

fn lremovexattr(caller: &mut Caller<'_>, (path, name): (PathPtr, Hex)) -> Result<u64> {
    let (_, place) = find(caller, path, false)?;
    remove(caller, &place, name)
}

fn fremovexattr(caller: &mut Caller<'_>, (fd, name): (Fd, Hex)) -> Result<u64> {
    remove(caller, &opened(caller, fd)?, name)
}
