//! Memory files and their seals.

use super::open::add;
use crate::Caller;
use crate::argument::Hex;
use abi::fcntl::F_GET_SEALS;
use abi::{Errno, Error, Result};
use tmpfs::Sealable;
use vfs::{File, SetAttributes};

calls! {
    319 "memfd_create" = memfd_create(Hex, u32) partial "no huge pages (MFD_HUGETLB answers ENOSYS)";
}

const MFD_CLOEXEC: u32 = 1;
const MFD_ALLOW_SEALING: u32 = 2;
const MFD_HUGETLB: u32 = 4;
const MFD_NOEXEC_SEAL: u32 = 8;
const MFD_EXEC: u32 = 16;
/// Longest name, with its closing zero: what is left of a file name behind `memfd:`.
const NAME: usize = abi::fcntl::NAME_MAX - 6 + 1;
const F_SEAL_WRITE: u32 = 8;
const F_SEAL_FUTURE_WRITE: u32 = 16;
const F_SEAL_EXEC: u32 = 32;

fn memfd_create(caller: &mut Caller<'_>, (name, flags): (Hex, u32)) -> Result<u64> {
    let known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC;
    let huge = flags & MFD_HUGETLB != 0;
    if (!huge && flags & !known != 0) || flags & (MFD_EXEC | MFD_NOEXEC_SEAL) == MFD_EXEC | MFD_NOEXEC_SEAL {
        return Err(Error::new(Errno::EINVAL, "the flags do not go together"));
    }
    let name = usermem::read_string(name.0, NAME, Errno::EINVAL)?;
    if huge {
        return Err(Error::new(Errno::ENOSYS, "no huge pages were set aside"));
    }
    let no_execute = flags & MFD_NOEXEC_SEAL != 0;
    let sealable = if no_execute || flags & MFD_ALLOW_SEALING != 0 {
        Sealable::Yes
    } else {
        Sealable::No
    };
    let credentials = caller.process().credentials();
    let file = tmpfs::memory_file(&name, (credentials.fsuid, credentials.fsgid), sealable)?;
    if no_execute {
        let inode = file.inode()?;
        inode.set_attributes(&SetAttributes {
            mode: Some(0o666),
            ..SetAttributes::default()
        })?;
        inode.add_seals(F_SEAL_EXEC)?;
    }
    add(caller, file, flags & MFD_CLOEXEC != 0)
}

/// The `fcntl` commands that look at seals and add some.
pub(super) fn seals(file: &File, command: u32, seals: u32) -> Result<u64> {
    let inode = file.inode()?;
    if command == F_GET_SEALS {
        return inode.seals().map(u64::from);
    }
    if !file.is_writable() {
        return Err(Error::new(Errno::EPERM, "the file is not open to be written"));
    }
    inode.add_seals(seals).map(|()| 0)
}

/// Whether a file is sealed against being written through new mappings.
pub(super) fn is_sealed(file: &File) -> bool {
    let seals = file.inode().and_then(|inode| inode.seals()).unwrap_or(0);
    seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) != 0
}
