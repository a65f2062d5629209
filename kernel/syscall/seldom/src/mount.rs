//! Mounting.

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use syscall::Caller;
use syscall::argument::{Hex, PathPtr};
use syscall::calls::status::find;
use usermem::{UserPtr, read_string};
use vfs::{FileSystem, Mount, MountFlags, Path, capability};

syscall::calls! {
    136 "ustat" = ustat(u32, UserPtr<[u64; 4]>);
    155 "pivot_root" = pivot_root(PathPtr, PathPtr) partial "the first root stays the root: answers EINVAL";
    165 "mount" = mount(Hex, PathPtr, Hex, Flags, Hex) partial "tmpfs, proc, sysfs, devtmpfs, binds (never of what is mounted inside), remounts and moves of flags; propagation is always private";
    166 "umount2" = umount2(PathPtr, u32);
}

/// The flags of `mount(2)`.
type Flags = u64;

const MS_REMOUNT: Flags = 32;
const MS_BIND: Flags = 4096;
const MS_MOVE: Flags = 8192;
const MS_PROPAGATION: Flags = 0x20_000 | 0x40_000 | 0x80_000 | 0x10_0000;
const MS_MAGIC: Flags = 0xC0ED_0000;
const MS_MAGIC_MASK: Flags = 0xffff_0000;
const PAGE: usize = 4096;

fn require(caller: &Caller<'_>) -> Result<()> {
    if caller.process().credentials().has(capability::SYS_ADMIN) {
        Ok(())
    } else {
        Err(Error::new(Errno::EPERM, "mounting needs CAP_SYS_ADMIN"))
    }
}

/// A string that may be left out.
fn optional(address: Hex) -> Result<Vec<u8>> {
    if address.0 == 0 {
        return Ok(Vec::new());
    }
    read_string(address.0, PAGE, Errno::EINVAL)
}

/// The options of `mount(2)`, of which the file system reads as many as are there.
fn options(address: Hex) -> Result<Vec<u8>> {
    if address.0 == 0 {
        Ok(Vec::new())
    } else {
        read_string(address.0, PAGE, Errno::EINVAL)
    }
}

fn file_system(kind: &[u8], options: &[u8]) -> Result<Arc<dyn FileSystem>> {
    Ok(match kind {
        b"tmpfs" | b"ramfs" => tmpfs::Tmpfs::with_options(options)?,
        b"proc" => procfs::procfs(),
        b"sysfs" => procfs::sysfs(),
        b"devpts" => devfs::pts(),
        b"devtmpfs" => tmpfs::Tmpfs::over_devices(devfs::root()),
        _ => return Err(Error::new(Errno::ENODEV, "no such file system")),
    })
}

fn mount_flags(flags: Flags) -> MountFlags {
    MountFlags::from_bits_truncate(flags as u32)
}

fn mount(
    caller: &mut Caller<'_>,
    (source, target, kind, mut flags, data): (Hex, PathPtr, Hex, Flags, Hex),
) -> Result<u64> {
    let kind = optional(kind)?;
    let source_name = optional(source)?;
    let data = options(data)?;
    let (view, place) = find(caller, target, true)?;
    require(caller)?;
    if flags & MS_MAGIC_MASK == MS_MAGIC {
        flags &= !MS_MAGIC_MASK;
    }
    if flags & MS_REMOUNT != 0 {
        if !place.is_mount_root() {
            return Err(Error::new(Errno::EINVAL, "nothing is mounted there"));
        }
        place.mount.set_flags(mount_flags(flags));
        return Ok(0);
    }
    if flags & MS_BIND != 0 {
        let from = view.resolve(&view.cwd, &source_name, true)?;
        vfs::mount_at(&place, &Mount::bind(&from))?;
        return Ok(0);
    }
    if flags & MS_PROPAGATION != 0 {
        if !place.is_mount_root() {
            return Err(Error::new(Errno::EINVAL, "nothing is mounted there"));
        }
        return Ok(0);
    }
    if flags & MS_MOVE != 0 {
        let from = view.resolve(&view.cwd, &source_name, true)?;
        return move_mount(&from, &place);
    }
    if kind.is_empty() {
        return Err(Error::new(Errno::EINVAL, "no file system is named"));
    }
    let made = Mount::new(file_system(&kind, &data)?, mount_flags(flags), &source_name);
    vfs::mount_at(&place, &made)?;
    Ok(0)
}

fn move_mount(from: &Path, to: &Path) -> Result<u64> {
    if !from.is_mount_root() || from.mount.place().is_none() {
        return Err(Error::new(Errno::EINVAL, "nothing is mounted there"));
    }
    if from.dentry.is_directory() != to.dentry.is_directory() {
        return Err(Error::new(
            Errno::ENOTDIR,
            "a directory covers a directory, a file a file",
        ));
    }
    let mut above = Some(to.clone());
    while let Some(path) = above {
        if Arc::ptr_eq(&path.mount, &from.mount) {
            return Err(Error::new(Errno::ELOOP, "the mount would be inside itself"));
        }
        above = path.mount.place();
    }
    vfs::unmount(from)?;
    vfs::mount_at(to, &from.mount)?;
    Ok(0)
}

fn umount2(caller: &mut Caller<'_>, (target, flags): (PathPtr, u32)) -> Result<u64> {
    const KNOWN: u32 = 15;
    const EXPIRE: u32 = 4;
    const NO_FOLLOW: u32 = 8;
    if flags & !KNOWN != 0 {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    let (_, place) = find(caller, target, flags & NO_FOLLOW == 0)?;
    if !place.is_mount_root() {
        return Err(Error::new(Errno::EINVAL, "nothing is mounted there"));
    }
    require(caller)?;
    if flags & EXPIRE != 0 {
        return Err(Error::new(Errno::EAGAIN, "the mount has been used"));
    }
    vfs::unmount(&place)?;
    Ok(0)
}

fn pivot_root(caller: &mut Caller<'_>, (new, old): (PathPtr, PathPtr)) -> Result<u64> {
    require(caller)?;
    find(caller, new, true)?;
    find(caller, old, true)?;
    Err(Error::new(Errno::EINVAL, "the first root stays the root"))
}

/// Tells of the file system on a device, as `statfs` tells more of.
fn ustat(caller: &mut Caller<'_>, (device, out): (u32, UserPtr<[u64; 4]>)) -> Result<u64> {
    let view = caller.process().view();
    let mut mounts = alloc::vec![Arc::clone(&view.root.mount)];
    while let Some(mount) = mounts.pop() {
        let on_it = mount.root().inode().map(|root| root.attributes().dev);
        // A device's number as `stat` has it is longer than the call's argument only for numbers beyond those given out here.
        if on_it == Some(u64::from(device)) {
            let status = mount.file_system().statfs();
            return out.write(&[status.bfree & 0xffff_ffff, status.ffree, 0, 0]).map(|()| 0);
        }
        mounts.extend(mount.children());
    }
    Err(Error::new(Errno::EINVAL, "no file system is on the device"))
}
