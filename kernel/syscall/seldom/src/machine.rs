//! The machine and what is above all processes: turning it off, accounting, quotas, swap, ports.

use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use process::Process;
use syscall::Caller;
use syscall::argument::{Fd, Hex, PathPtr};
use usermem::{Segment, UserPtr, UserSlice};
use vfs::capability;

syscall::calls! {
    139 "sysfs" = sysfs(u32, Hex, Hex);
    153 "vhangup" = vhangup();
    163 "acct" = acct(PathPtr);
    167 "swapon" = swapon(PathPtr, u32);
    168 "swapoff" = swapoff(PathPtr);
    169 "reboot" = reboot(u32, u32, u32, Hex);
    172 "iopl" = iopl(u32);
    173 "ioperm" = ioperm(u64, u64, i32);
    179 "quotactl" = quotactl(u32, PathPtr, u32, Hex);
    187 "readahead" = readahead(Fd, i64, usize);
    277 "sync_file_range" = sync_file_range(Fd, i64, i64, u32);
    303 "name_to_handle_at" = name_to_handle_at(Fd, PathPtr, Hex, UserPtr<i32>, u32);
    304 "open_by_handle_at" = open_by_handle_at(Fd, Hex, u32);
    310 "process_vm_readv" = process_vm_readv(u32, UserPtr<Segment>, usize, UserPtr<Segment>, usize, u64);
    311 "process_vm_writev" = process_vm_writev(u32, UserPtr<Segment>, usize, UserPtr<Segment>, usize, u64);
    312 "kcmp" = kcmp(u32, u32, u32, u64, u64) partial "KCMP_EPOLL_TFD answers EOPNOTSUPP";
    317 "seccomp" = seccomp(u32, u32, Hex) partial "no filters: SECCOMP_SET_MODE_* answer EINVAL, as on a Linux without them";
}

fn require(caller: &Caller<'_>, number: u32, why: &'static str) -> Result<()> {
    if caller.process().credentials().has(number) {
        Ok(())
    } else {
        Err(Error::new(Errno::EPERM, why))
    }
}

const FILE_SYSTEMS: [&[u8]; 6] = [b"sysfs", b"tmpfs", b"proc", b"devtmpfs", b"overlay", b"erofs"];

fn sysfs(_caller: &mut Caller<'_>, (option, first, second): (u32, Hex, Hex)) -> Result<u64> {
    let unknown = Error::new(Errno::EINVAL, "no such file system, or no such question");
    match option {
        1 => {
            let name = usermem::read_string(first.0, 4096, Errno::ENAMETOOLONG)?;
            let at = FILE_SYSTEMS.iter().position(|known| *known == name.as_slice());
            at.map(|at| at as u64).ok_or(unknown)
        }
        2 => {
            let mut name = FILE_SYSTEMS.get(first.0 as usize).ok_or(unknown)?.to_vec();
            name.push(0);
            UserSlice::new(second.0, name.len()).write(&name)?;
            Ok(0)
        }
        3 => Ok(FILE_SYSTEMS.len() as u64),
        _ => Err(unknown),
    }
}

/// `CAP_SYS_TTY_CONFIG`.
const SYS_TTY_CONFIG: u32 = 26;
/// `CAP_SYS_PACCT`.
const SYS_PACCT: u32 = 20;
/// `CAP_SYS_RAWIO`.
const SYS_RAWIO: u32 = 17;

fn vhangup(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    require(caller, SYS_TTY_CONFIG, "hanging up needs CAP_SYS_TTY_CONFIG")?;
    if let Some(terminal) = caller.process().terminal() {
        terminal.hang_up();
    }
    Ok(0)
}

fn acct(caller: &mut Caller<'_>, (path,): (PathPtr,)) -> Result<u64> {
    require(caller, SYS_PACCT, "accounting needs CAP_SYS_PACCT")?;
    if path.0 == 0 {
        return Ok(0);
    }
    Err(Error::new(Errno::ENOSYS, "there is no accounting"))
}

fn swapon(caller: &mut Caller<'_>, (path, _flags): (PathPtr, u32)) -> Result<u64> {
    require(caller, capability::SYS_ADMIN, "swapping needs CAP_SYS_ADMIN")?;
    path.read()?;
    Err(Error::new(Errno::ENOSYS, "there is no swapping"))
}

fn swapoff(caller: &mut Caller<'_>, (path,): (PathPtr,)) -> Result<u64> {
    require(caller, capability::SYS_ADMIN, "swapping needs CAP_SYS_ADMIN")?;
    path.read()?;
    Err(Error::new(Errno::EINVAL, "nothing is swapped to there"))
}

fn iopl(caller: &mut Caller<'_>, (level,): (u32,)) -> Result<u64> {
    if level > 3 {
        return Err(Error::new(Errno::EINVAL, "no such level"));
    }
    if level > 0 {
        require(caller, SYS_RAWIO, "ports need CAP_SYS_RAWIO")?;
        return Err(Error::new(Errno::ENOSYS, "programs have no ports"));
    }
    Ok(0)
}

fn ioperm(caller: &mut Caller<'_>, (from, count, on): (u64, u64, i32)) -> Result<u64> {
    const PORTS: u64 = 65536;
    if from.checked_add(count).is_none_or(|end| end > PORTS || count == 0) {
        return Err(Error::new(Errno::EINVAL, "no such ports"));
    }
    if on != 0 {
        require(caller, SYS_RAWIO, "ports need CAP_SYS_RAWIO")?;
        return Err(Error::new(Errno::ENOSYS, "programs have no ports"));
    }
    Ok(0)
}

fn reboot(caller: &mut Caller<'_>, (first, second, command, _argument): (u32, u32, u32, Hex)) -> Result<u64> {
    const FIRST: u32 = 0xfee1_dead;
    const SECOND: [u32; 4] = [0x2812_1969, 0x0512_1996, 0x1604_1998, 0x2011_2000];
    const RESTART: u32 = 0x0123_4567;
    const HALT: u32 = 0xcdef_0123;
    const POWER_OFF: u32 = 0x4321_fedc;
    const RESTART_WITH: u32 = 0xa1b2_c3d4;
    const KEYS_ON: u32 = 0x89ab_cdef;
    const KEYS_OFF: u32 = 0;
    require(caller, capability::SYS_BOOT, "ending the machine needs CAP_SYS_BOOT")?;
    if first != FIRST || !SECOND.contains(&second) {
        return Err(Error::new(Errno::EINVAL, "the magic numbers are others"));
    }
    match command {
        // Nobody would start the machine again: every end is the same.
        RESTART | RESTART_WITH | HALT | POWER_OFF => {
            tty::bulk::drain();
            hal::power::exit(0)
        }
        KEYS_ON | KEYS_OFF => Ok(0),
        _ => Err(Error::new(Errno::EINVAL, "no such end")),
    }
}

fn quotactl(caller: &mut Caller<'_>, (command, _special, _id, _data): (u32, PathPtr, u32, Hex)) -> Result<u64> {
    const LAST_TYPE: u32 = 2;
    const SYNC: u32 = 0x0080_0001;
    if command & 0xff > LAST_TYPE {
        return Err(Error::new(Errno::EINVAL, "no such kind of quota"));
    }
    if command >> 8 == SYNC {
        return Ok(0);
    }
    require(caller, capability::SYS_ADMIN, "quotas need CAP_SYS_ADMIN")?;
    Err(Error::new(Errno::ENOSYS, "there are no quotas"))
}

fn readahead(caller: &mut Caller<'_>, (fd, _offset, _count): (Fd, i64, usize)) -> Result<u64> {
    let file = syscall::calls::io::readable(caller, fd)?;
    match file.kind() {
        vfs::Kind::Regular | vfs::Kind::Block => Ok(0),
        _ => Err(Error::new(Errno::EINVAL, "the file is not read ahead")),
    }
}

fn sync_file_range(caller: &mut Caller<'_>, (fd, offset, len, flags): (Fd, i64, i64, u32)) -> Result<u64> {
    let file = caller.process().files().get(fd.0)?;
    if file.flags().contains(OpenFlags::PATH) {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    if flags & !7 != 0 || offset < 0 || offset.checked_add(len).is_none_or(|end| end < offset) {
        return Err(Error::new(Errno::EINVAL, "unknown flags, or no such range"));
    }
    match file.kind() {
        vfs::Kind::Regular | vfs::Kind::Block | vfs::Kind::Directory | vfs::Kind::Symlink => {
            file.sync()?;
            Ok(0)
        }
        _ => Err(Error::new(Errno::ESPIPE, "the file has no positions")),
    }
}

fn name_to_handle_at(
    _caller: &mut Caller<'_>,
    (_fd, path, _handle, _mount, flags): (Fd, PathPtr, Hex, UserPtr<i32>, u32),
) -> Result<u64> {
    const KNOWN: u32 = 0x1400 | 0x200;
    if flags & !KNOWN != 0 {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    path.read()?;
    Err(Error::new(Errno::EOPNOTSUPP, "files have no handles"))
}

fn open_by_handle_at(caller: &mut Caller<'_>, (_fd, _handle, _flags): (Fd, Hex, u32)) -> Result<u64> {
    require(
        caller,
        capability::DAC_READ_SEARCH,
        "opening by handle needs CAP_DAC_READ_SEARCH",
    )?;
    Err(Error::new(Errno::ESTALE, "no handle has been given out"))
}

type Vectors = (u32, UserPtr<Segment>, usize, UserPtr<Segment>, usize, u64);

fn process_vm_readv(caller: &mut Caller<'_>, vectors: Vectors) -> Result<u64> {
    transfer(caller, vectors, |space, far, near, buffer| {
        let got = space.peek(far, buffer);
        usermem::write_bytes(near, &buffer[..got]).map(|()| got)
    })
}

fn process_vm_writev(caller: &mut Caller<'_>, vectors: Vectors) -> Result<u64> {
    transfer(caller, vectors, |space, far, near, buffer| {
        usermem::read_bytes(near, buffer)?;
        Ok(space.poke(far, buffer))
    })
}

/// Copies between the caller's memory and another's, piece by piece: `copy` is told the other's address, the caller's, and has a buffer.
fn transfer(
    caller: &Caller<'_>,
    (pid, near, near_count, far, far_count, flags): Vectors,
    copy: impl Fn(&space::AddressSpace, u64, u64, &mut [u8]) -> Result<usize>,
) -> Result<u64> {
    const PIECE: u64 = 4096;
    if flags != 0 {
        return Err(Error::new(Errno::EINVAL, "unknown flags"));
    }
    let near = syscall::calls::io::segments(near, near_count)?;
    let far = syscall::calls::io::segments(far, far_count)?;
    let other = looked_at(caller, pid)?;
    let space = other.space();
    let mut buffer = alloc::vec![0; PIECE as usize];
    let mut done = 0;
    let (mut here, mut there) = (near.iter().copied(), far.iter().copied());
    let (mut mine, mut theirs) = (Segment::default(), Segment::default());
    loop {
        while mine.len == 0 {
            let Some(next) = here.next() else { return Ok(done) };
            mine = next;
        }
        while theirs.len == 0 {
            let Some(next) = there.next() else { return Ok(done) };
            theirs = next;
        }
        let len = mine.len.min(theirs.len).min(PIECE - theirs.address % PIECE);
        let copied = match copy(&space, theirs.address, mine.address, &mut buffer[..len as usize]) {
            Ok(copied) => copied as u64,
            Err(error) if done == 0 => return Err(error),
            Err(_) => 0,
        };
        done += copied;
        if copied < len {
            return if done > 0 {
                Ok(done)
            } else {
                Err(Error::new(Errno::EFAULT, "the address is not the process's"))
            };
        }
        for segment in [&mut mine, &mut theirs] {
            segment.address += len;
            segment.len -= len;
        }
    }
}

/// A process that the caller may look into: its own, one of the same user, or any with `CAP_SYS_PTRACE`.
fn looked_at(caller: &Caller<'_>, pid: u32) -> Result<Arc<Process>> {
    let thread = process::registry::thread(pid).ok_or(Error::new(Errno::ESRCH, "there is no such process"))?;
    let other = Arc::clone(&thread.process);
    caller.may_inspect(&other)?;
    Ok(other)
}

fn kcmp(caller: &mut Caller<'_>, (first, second, kind, one, other): (u32, u32, u32, u64, u64)) -> Result<u64> {
    const FILE: u32 = 0;
    const VM: u32 = 1;
    const FILES: u32 = 2;
    const FS: u32 = 3;
    const SIGHAND: u32 = 4;
    const IO: u32 = 5;
    const SYSVSEM: u32 = 6;
    const EPOLL_TARGET: u32 = 7;
    let (a, b) = (looked_at(caller, first)?, looked_at(caller, second)?);
    let address = |process: &Arc<Process>, fd: u64| -> Result<usize> {
        Ok(match kind {
            FILE => Arc::as_ptr(&process.files().get(fd as i32)?).addr(),
            VM => Arc::as_ptr(&process.space()).addr(),
            FILES => Arc::as_ptr(&process.files()).addr(),
            FS => process.place_identity(),
            SIGHAND => process.signals.actions_identity(),
            IO | SYSVSEM => Arc::as_ptr(process).addr(),
            EPOLL_TARGET => return Err(Error::new(Errno::EOPNOTSUPP, "what an epoll watches is not compared")),
            _ => return Err(Error::new(Errno::EINVAL, "no such thing to compare")),
        })
    };
    Ok(match address(&a, one)?.cmp(&address(&b, other)?) {
        core::cmp::Ordering::Equal => 0,
        core::cmp::Ordering::Less => 1,
        core::cmp::Ordering::Greater => 2,
    })
}

fn seccomp(_caller: &mut Caller<'_>, (_operation, _flags, _argument): (u32, u32, Hex)) -> Result<u64> {
    Err(Error::new(Errno::EINVAL, "there are no filters"))
}
