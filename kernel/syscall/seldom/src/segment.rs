//! Shared memory segments of System V: `shmget`, `shmat`, `shmdt`, `shmctl`.

use abi::mman::{MapFlags, Prot};
use abi::{Errno, Error, Result};
use address::{PAGE_SIZE, page_ceil, page_floor};
use alloc::sync::Arc;
use process::keyed::{PRIVATE, Rights};
use process::segments::{self, Segment, State};
use space::{FileMapping, Mapping};
use syscall::Caller;
use syscall::argument::Hex;
use usermem::UserPtr;

syscall::calls! {
    29 "shmget" = shmget(i32, u64, u32);
    30 "shmat" = shmat(u32, Hex, u32);
    31 "shmctl" = shmctl(u32, u32, UserPtr<[u64; 14]>);
    67 "shmdt" = shmdt(Hex);
}

const CREATE: u32 = 0o1000;
const EXCLUSIVE: u32 = 0o2000;
const READ: u32 = 4;
const WRITE: u32 = 2;

fn seconds() -> u64 {
    time::wall_now() / abi::time::NANOS_PER_SEC
}

fn shmget(caller: &mut Caller<'_>, (key, size, flags): (i32, u64, u32)) -> Result<u64> {
    const HUGE: u32 = 0o4000;
    let who = caller.process().credentials();
    if let Some(found) = segments::with_key(key) {
        if flags & (CREATE | EXCLUSIVE) == CREATE | EXCLUSIVE {
            return Err(Error::new(Errno::EEXIST, "the key has a segment"));
        }
        let wish = (flags >> 6 | flags >> 3 | flags) & (READ | WRITE);
        found.state.lock().rights.check(&who, wish)?;
        if size > found.size {
            return Err(Error::new(Errno::EINVAL, "the segment is shorter"));
        }
        return Ok(u64::from(found.id));
    }
    if key != PRIVATE && flags & CREATE == 0 {
        return Err(Error::new(Errno::ENOENT, "the key has no segment"));
    }
    if flags & HUGE != 0 {
        return Err(Error::new(Errno::ENOMEM, "no large pages are set aside"));
    }
    let pages = page_ceil(size).map(|bytes| bytes / PAGE_SIZE);
    if size == 0 || pages.is_none() {
        return Err(Error::new(Errno::EINVAL, "no segment has that length"));
    }
    if pages > Some(frames::usage().total) {
        return Err(Error::new(Errno::ENOMEM, "more than the machine has"));
    }
    let state = State {
        rights: Rights::new(key, &who, flags),
        cpid: caller.process().pid,
        lpid: 0,
        atime: 0,
        dtime: 0,
        ctime: seconds(),
        removed: false,
    };
    Ok(u64::from(segments::make(size, state)?.id))
}

fn shmat(caller: &mut Caller<'_>, (id, address, flags): (u32, Hex, u32)) -> Result<u64> {
    const READ_ONLY: u32 = 0o10000;
    const ROUND: u32 = 0o20000;
    const REPLACE: u32 = 0o40000;
    const EXECUTE: u32 = 0o100000;
    let invalid = |why| Error::new(Errno::EINVAL, why);
    let segment = segments::find(id)?;
    let at = if flags & ROUND != 0 {
        page_floor(address.0)
    } else {
        address.0
    };
    if at % PAGE_SIZE != 0 || (at == 0 && flags & REPLACE != 0) {
        return Err(invalid("the address is not on a page boundary"));
    }
    let writable = flags & READ_ONLY == 0;
    let wish = if writable { READ | WRITE } else { READ };
    segment
        .state
        .lock()
        .rights
        .check(&caller.process().credentials(), wish)?;
    let mut prot = Prot::READ;
    prot.set(Prot::WRITE, writable);
    prot.set(Prot::EXEC, flags & EXECUTE != 0);
    let place = match (at, flags & REPLACE) {
        (0, _) => MapFlags::empty(),
        (_, 0) => MapFlags::FIXED_NOREPLACE,
        _ => MapFlags::FIXED,
    };
    let request = Mapping {
        address: at,
        length: page_ceil(segment.size).ok_or(invalid("no segment has that length"))?,
        prot,
        flags: MapFlags::SHARED | place,
        file: Some(FileMapping {
            object: Arc::clone(&segment) as _,
            offset: 0,
            readable: true,
            writable,
            executable: true,
        }),
    };
    let mapped = caller
        .process()
        .space()
        .map(&request)
        .map_err(|error| match error.errno {
            Errno::EEXIST => invalid("something is mapped there"),
            _ => error,
        })?;
    let mut state = segment.state.lock();
    (state.atime, state.lpid) = (seconds(), caller.process().pid);
    Ok(mapped)
}

fn shmdt(caller: &mut Caller<'_>, (address,): (Hex,)) -> Result<u64> {
    let space = caller.process().space();
    let none = Error::new(Errno::EINVAL, "no segment is attached there");
    let mappings = space.mappings();
    let is_segment = |mapping: &&space::MappingInfo| mapping.shared && mapping.name.starts_with(b"/SYSV");
    let first = mappings
        .iter()
        .filter(is_segment)
        .find(|mapping| mapping.start == address.0 && mapping.offset == 0);
    let inode = first.ok_or(none)?.inode;
    let segment = segments::find(u32::try_from(inode).map_err(|_| none)?)?;
    let end = address.0 + page_ceil(segment.size).ok_or(none)?;
    let within =
        |mapping: &&space::MappingInfo| mapping.inode == inode && mapping.start >= address.0 && mapping.end <= end;
    for part in mappings.iter().filter(is_segment).filter(within) {
        space.unmap(part.start, part.end - part.start)?;
    }
    let mut state = segment.state.lock();
    (state.dtime, state.lpid) = (seconds(), caller.process().pid);
    Ok(0)
}

const REMOVE: u32 = 0;
const SET: u32 = 1;
const STAT: u32 = 2;
const INFO: u32 = 3;
const LOCK: u32 = 11;
const UNLOCK: u32 = 12;
const SHM_STAT: u32 = 13;
const SHM_INFO: u32 = 14;
const SHM_STAT_ANY: u32 = 15;

fn shmctl(caller: &mut Caller<'_>, (id, command, buffer): (u32, u32, UserPtr<[u64; 14]>)) -> Result<u64> {
    let who = caller.process().credentials();
    if command == INFO {
        let (_, last) = segments::all();
        let most = segments::MOST as u64;
        buffer
            .cast()
            .write(&[u64::MAX - (1 << 24), 1, most, most, u64::MAX - (1 << 24), 0, 0, 0, 0])?;
        return Ok(u64::from(last));
    }
    if command == SHM_INFO {
        let (all, last) = segments::all();
        let total: u64 = all.iter().map(|segment| segment.size.div_ceil(PAGE_SIZE)).sum();
        let resident = all.iter().map(|segment| segment.resident_pages()).sum();
        buffer.cast().write(&[all.len() as u64, total, resident, 0, 0, 0])?;
        return Ok(u64::from(last));
    }
    let segment = segments::find(id)?;
    let state = *segment.state.lock();
    match command {
        STAT | SHM_STAT | SHM_STAT_ANY => {
            if command != SHM_STAT_ANY {
                state.rights.check(&who, READ)?;
            }
            buffer.write(&describe(&segment, &state))?;
            return Ok(if command == STAT { 0 } else { u64::from(id) });
        }
        SET => {
            state.rights.check_owner(&who)?;
            let words = buffer.read()?;
            let mut state = segment.state.lock();
            state.rights.set(&words);
            state.ctime = seconds();
        }
        REMOVE => {
            state.rights.check_owner(&who)?;
            segments::remove(&segment);
        }
        // Nothing is ever paged out.
        LOCK | UNLOCK => state.rights.check_owner(&who)?,
        _ => return Err(Error::new(Errno::EINVAL, "no such command")),
    }
    Ok(0)
}

/// `struct shmid64_ds`.
fn describe(segment: &Arc<Segment>, state: &State) -> [u64; 14] {
    let mut words = [0; 14];
    words[..6].copy_from_slice(&state.rights.words());
    if state.removed {
        words[2] |= 0o1000 << 32;
    }
    let rest = [
        segment.size,
        state.atime,
        state.dtime,
        state.ctime,
        u64::from(state.cpid) | u64::from(state.lpid) << 32,
        segments::attached(segment),
    ];
    words[6..12].copy_from_slice(&rest);
    words
}
