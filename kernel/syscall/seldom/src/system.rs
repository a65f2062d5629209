//! The system as a whole: names, memory, randomness, CPUs, saving files.

use abi::resource::Sysinfo;
use abi::uts::{FIELD, RELEASE, Utsname, VERSION};
use abi::{Errno, Error, Result};
use alloc::vec;
use alloc::vec::Vec;
use lock::SpinLock;
use syscall::Caller;
use syscall::argument::{Fd, Hex};
use usermem::{Sink, UserPtr, UserSlice};
use vfs::capability;

syscall::calls! {
    63 "uname" = uname(UserPtr<Utsname>);
    74 "fsync" = fsync(Fd);
    75 "fdatasync" = fsync_data(Fd);
    99 "sysinfo" = sysinfo(UserPtr<Sysinfo>);
    162 "sync" = sync();
    170 "sethostname" = sethostname(Hex, i32);
    171 "setdomainname" = setdomainname(Hex, i32);
    221 "fadvise64" = fadvise64(Fd, i64, i64, u32);
    306 "syncfs" = syncfs(Fd);
    309 "getcpu" = getcpu(UserPtr<u32>, UserPtr<u32>);
    318 "getrandom" = getrandom(Hex, usize, u32);
}

struct Names {
    host: [u8; FIELD],
    domain: [u8; FIELD],
}

static NAMES: SpinLock<Names> = SpinLock::new(Names {
    host: field(b"chiton"),
    domain: field(b"(none)"),
});

const fn field(text: &[u8]) -> [u8; FIELD] {
    let mut padded = [0; FIELD];
    let mut at = 0;
    while at < text.len() && at < FIELD - 1 {
        padded[at] = text[at];
        at += 1;
    }
    padded
}

/// Sets the host's name, at boot.
pub fn set_host_name(name: &[u8]) {
    NAMES.lock().host = field(name);
}

/// The host's name.
pub fn host_name() -> Vec<u8> {
    let padded = NAMES.lock().host;
    padded.iter().copied().take_while(|byte| *byte != 0).collect()
}

fn uname(_caller: &mut Caller<'_>, (out,): (UserPtr<Utsname>,)) -> Result<u64> {
    let (host, domain) = {
        let names = NAMES.lock();
        (names.host, names.domain)
    };
    out.write(&Utsname {
        sysname: field(b"Linux"),
        nodename: host,
        release: field(RELEASE.as_bytes()),
        version: field(VERSION.as_bytes()),
        machine: field(b"x86_64"),
        domainname: domain,
    })?;
    Ok(0)
}

fn new_name(caller: &Caller<'_>, text: Hex, len: i32) -> Result<[u8; FIELD]> {
    if !caller.process().credentials().has(capability::SYS_ADMIN) {
        return Err(Error::new(Errno::EPERM, "naming the host needs CAP_SYS_ADMIN"));
    }
    if !(0..FIELD as i32).contains(&len) {
        return Err(Error::new(Errno::EINVAL, "the name is too long"));
    }
    Ok(field(&UserSlice::new(text.0, len as usize).to_vec()?))
}

fn sethostname(caller: &mut Caller<'_>, (text, len): (Hex, i32)) -> Result<u64> {
    let name = new_name(caller, text, len)?;
    NAMES.lock().host = name;
    Ok(0)
}

fn setdomainname(caller: &mut Caller<'_>, (text, len): (Hex, i32)) -> Result<u64> {
    let name = new_name(caller, text, len)?;
    NAMES.lock().domain = name;
    Ok(0)
}

fn sysinfo(_caller: &mut Caller<'_>, (out,): (UserPtr<Sysinfo>,)) -> Result<u64> {
    let usage = frames::usage();
    out.write(&Sysinfo {
        uptime: (time::now() / abi::time::NANOS_PER_SEC) as i64,
        totalram: usage.total * address::PAGE_SIZE,
        freeram: usage.free * address::PAGE_SIZE,
        procs: process::registry::thread_count() as u16,
        mem_unit: 1,
        ..Sysinfo::default()
    })?;
    Ok(0)
}

fn fsync(caller: &mut Caller<'_>, (fd,): (Fd,)) -> Result<u64> {
    let file = caller.process().file(fd.0)?;
    if file.flags().contains(abi::fcntl::OpenFlags::PATH) {
        return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
    }
    file.sync()?;
    Ok(0)
}

fn fsync_data(caller: &mut Caller<'_>, args: (Fd,)) -> Result<u64> {
    fsync(caller, args)
}

fn sync(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    let view = caller.process().view();
    let _ = view.root.mount.file_system().sync();
    Ok(0)
}

fn syncfs(caller: &mut Caller<'_>, (fd,): (Fd,)) -> Result<u64> {
    let file = caller.process().file(fd.0)?;
    file.path().mount.file_system().sync()?;
    Ok(0)
}

fn fadvise64(caller: &mut Caller<'_>, (fd, _offset, len, advice): (Fd, i64, i64, u32)) -> Result<u64> {
    const LAST_ADVICE: u32 = 5;
    let file = caller.process().file(fd.0)?;
    if file.kind() == vfs::Kind::Fifo {
        return Err(Error::new(Errno::ESPIPE, "the file has no positions"));
    }
    if len < 0 || advice > LAST_ADVICE {
        return Err(Error::new(Errno::EINVAL, "no such advice"));
    }
    Ok(0)
}

fn getcpu(_caller: &mut Caller<'_>, (cpu, node): (UserPtr<u32>, UserPtr<u32>)) -> Result<u64> {
    cpu.write_if_some(&(hal::cpu::current() as u32))?;
    node.write_if_some(&0)?;
    Ok(0)
}

fn getrandom(_caller: &mut Caller<'_>, (buffer, len, flags): (Hex, usize, u32)) -> Result<u64> {
    const KNOWN: u32 = 7;
    const RANDOM: u32 = 2;
    const INSECURE: u32 = 4;
    const PIECE: usize = 256;
    if flags & !KNOWN != 0 || flags & (RANDOM | INSECURE) == RANDOM | INSECURE {
        return Err(Error::new(Errno::EINVAL, "unknown or contradicting flags"));
    }
    let len = len.min(i32::MAX as usize);
    let mut sink = Sink::user(buffer.0, len);
    let mut bytes = vec![0; len.min(PIECE)];
    let mut done = 0;
    while done < len {
        let piece = (len - done).min(PIECE);
        random::fill(&mut bytes[..piece]);
        match sink.put(&bytes[..piece]) {
            Ok(put) => done += put,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done as u64)
}
