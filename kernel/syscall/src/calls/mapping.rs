//! Memory: `mmap` and everything about mappings.

use crate::Caller;
use crate::argument::{Fd, Hex};
use abi::mman::{LockAllFlags, MapFlags, Prot, RemapFlags, SyncFlags};
use abi::{Errno, Error, Result};
use process::MappedFile;
use space::{FileMapping, Mapping, Pinning};
use usermem::UserSlice;
use vfs::{File, Kind, MountFlags};

calls! {
    9 "mmap" = mmap(Hex, u64, Prot, MapFlags, Fd, Hex);
    10 "mprotect" = mprotect(Hex, u64, Prot);
    11 "munmap" = munmap(Hex, u64);
    12 "brk" = brk(Hex);
    25 "mremap" = mremap(Hex, u64, u64, RemapFlags, Hex);
    26 "msync" = msync(Hex, u64, SyncFlags);
    27 "mincore" = mincore(Hex, u64, Hex);
    28 "madvise" = madvise(Hex, u64, u32);
    149 "mlock" = mlock(Hex, u64);
    150 "munlock" = munlock(Hex, u64);
    151 "mlockall" = mlockall(LockAllFlags);
    152 "munlockall" = munlockall();
    325 "mlock2" = mlock2(Hex, u64, u32);
}

fn mmap(
    caller: &mut Caller<'_>,
    (address, length, prot, flags, fd, offset): (Hex, u64, Prot, MapFlags, Fd, Hex),
) -> Result<u64> {
    if !address::is_page_aligned(offset.0) {
        return Err(Error::new(Errno::EINVAL, "the offset is not on a page boundary"));
    }
    let mut request = Mapping {
        address: address.0,
        length,
        prot,
        flags,
        file: None,
    };
    if !flags.contains(MapFlags::ANONYMOUS) {
        let file = caller.process().file(fd.0)?;
        if file.flags().contains(abi::fcntl::OpenFlags::PATH) {
            return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
        }
        // Bit 0 says shared, in both spellings.
        let writes_shared = flags.bits() & 1 != 0 && prot.contains(Prot::WRITE);
        if writes_shared && file.is_writable() && super::memory_file::is_sealed(&file) {
            return Err(Error::new(Errno::EPERM, "the file is sealed against being written"));
        }
        if file.behaviour().is_some_and(|behaviour| behaviour.maps_as_zeros()) {
            request.flags |= MapFlags::ANONYMOUS;
        } else {
            request.file = Some(mapping_of(&file, offset.0, length)?);
        }
    }
    caller.process().space().map(&request)
}

fn mapping_of(file: &alloc::sync::Arc<File>, offset: u64, length: u64) -> Result<FileMapping> {
    match file.behaviour() {
        Some(behaviour) if length > 0 => behaviour.may_map(file, offset, length)?,
        None if file.kind() != Kind::Regular => return Err(Error::new(Errno::ENODEV, "such files are not mapped")),
        _ => {}
    }
    Ok(FileMapping {
        object: MappedFile::of(file),
        offset,
        readable: file.flags().readable(),
        writable: file.is_writable() && !super::memory_file::is_sealed(file),
        executable: !file.path().mount.flags().contains(MountFlags::NO_EXECUTE),
    })
}

fn mprotect(caller: &mut Caller<'_>, (address, length, prot): (Hex, u64, Prot)) -> Result<u64> {
    caller.process().space().protect(address.0, length, prot).map(|()| 0)
}

fn munmap(caller: &mut Caller<'_>, (address, length): (Hex, u64)) -> Result<u64> {
    caller.process().space().unmap(address.0, length).map(|()| 0)
}

fn brk(caller: &mut Caller<'_>, (end,): (Hex,)) -> Result<u64> {
    Ok(caller.process().space().set_break(end.0))
}

fn mremap(caller: &mut Caller<'_>, (address, old, new, flags, to): (Hex, u64, u64, RemapFlags, Hex)) -> Result<u64> {
    caller.process().space().remap(address.0, old, new, flags, to.0)
}

fn msync(caller: &mut Caller<'_>, (address, length, flags): (Hex, u64, SyncFlags)) -> Result<u64> {
    caller.process().space().sync(address.0, length, flags).map(|()| 0)
}

fn mincore(caller: &mut Caller<'_>, (address, length, out): (Hex, u64, Hex)) -> Result<u64> {
    let bad = |errno, why| Error::new(errno, why);
    let end = address::page_ceil(length).ok_or(bad(Errno::ENOMEM, "the range is longer than any memory"))?;
    if address
        .0
        .checked_add(end)
        .is_none_or(|end| end > address::USER_END + address::PAGE_SIZE)
    {
        return Err(bad(Errno::ENOMEM, "the range is not the program's"));
    }
    // In pieces, so that a long range takes no long buffer.
    let (pages, space) = (end / address::PAGE_SIZE, caller.process().space());
    let mut flags = [0; 512];
    let mut done = 0;
    while done < pages || pages == 0 {
        let piece = (pages - done).min(flags.len() as u64) as usize;
        space.residency(address.0 + done * address::PAGE_SIZE, &mut flags[..piece])?;
        UserSlice::new(out.0 + done, piece).write(&flags[..piece])?;
        done += piece as u64;
        if pages == 0 {
            break;
        }
    }
    Ok(0)
}

fn madvise(caller: &mut Caller<'_>, (address, length, advice): (Hex, u64, u32)) -> Result<u64> {
    caller.process().space().advise(address.0, length, advice).map(|()| 0)
}

fn mlock(caller: &mut Caller<'_>, (address, length): (Hex, u64)) -> Result<u64> {
    caller
        .process()
        .space()
        .lock(address.0, length, Pinning::Now)
        .map(|()| 0)
}

fn mlock2(caller: &mut Caller<'_>, (address, length, flags): (Hex, u64, u32)) -> Result<u64> {
    const ON_FAULT: u32 = 1;
    if flags & !ON_FAULT != 0 {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    let pinning = if flags & ON_FAULT != 0 {
        Pinning::OnFault
    } else {
        Pinning::Now
    };
    caller.process().space().lock(address.0, length, pinning).map(|()| 0)
}

fn munlock(caller: &mut Caller<'_>, (address, length): (Hex, u64)) -> Result<u64> {
    caller.process().space().unlock(address.0, length).map(|()| 0)
}

fn mlockall(caller: &mut Caller<'_>, (flags,): (LockAllFlags,)) -> Result<u64> {
    caller.process().space().lock_all(flags).map(|()| 0)
}

fn munlockall(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    caller.process().space().unlock_all();
    Ok(0)
}
