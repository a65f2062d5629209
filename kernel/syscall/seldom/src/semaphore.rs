//! Semaphores of System V: `semget`, `semop`, `semtimedop`, `semctl`.

use abi::time::Timespec;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use process::keyed::Rights;
use process::semaphores::{self, Operation, Set};
use syscall::Caller;
use usermem::UserPtr;

syscall::calls! {
    64 "semget" = semget(i32, i32, u32);
    65 "semop" = semop(u32, UserPtr<[u16; 3]>, usize);
    66 "semctl" = semctl(u32, u32, u32, u64);
    220 "semtimedop" = semtimedop(u32, UserPtr<[u16; 3]>, usize, UserPtr<Timespec>);
}

const READ: u32 = 4;
const WRITE: u32 = 2;

const fn invalid(why: &'static str) -> Error {
    Error::new(Errno::EINVAL, why)
}

/// What the low bits of the flags of `semget` and its like ask for.
pub(super) fn wish(flags: u32) -> u32 {
    (flags >> 6 | flags >> 3 | flags) & (READ | WRITE)
}

fn semget(caller: &mut Caller<'_>, (key, count, flags): (i32, i32, u32)) -> Result<u64> {
    let count = usize::try_from(count).map_err(|_| invalid("a negative number of semaphores"))?;
    if count > semaphores::MOST {
        return Err(invalid("no set has so many semaphores"));
    }
    let who = caller.process().credentials();
    let (set, is_new) = semaphores::get(Rights::new(key, &who, flags), count, flags)?;
    if !is_new {
        set.state.lock().rights.check(&who, wish(flags))?;
    }
    Ok(u64::from(set.id))
}

fn semop(caller: &mut Caller<'_>, (id, operations, count): (u32, UserPtr<[u16; 3]>, usize)) -> Result<u64> {
    semtimedop(caller, (id, operations, count, UserPtr::new(0)))
}

fn semtimedop(
    caller: &mut Caller<'_>,
    (id, operations, count, timeout): (u32, UserPtr<[u16; 3]>, usize, UserPtr<Timespec>),
) -> Result<u64> {
    const NO_WAIT: u16 = 0o4000;
    const UNDO: u16 = 0o10000;
    let deadline = syscall::calls::poll::after(timeout.non_null().map(UserPtr::read).transpose()?)?;
    if count == 0 || (id as i32) < 0 {
        return Err(invalid("no operations, or no such set"));
    }
    if count > semaphores::MOST_OPERATIONS {
        return Err(Error::new(Errno::E2BIG, "there are too many operations"));
    }
    let operations: Vec<Operation> = operations
        .read_many(count)?
        .iter()
        .map(|&[index, add, flags]| Operation {
            index,
            add: add.cast_signed(),
            no_wait: flags & NO_WAIT != 0,
            undo: flags & UNDO != 0,
        })
        .collect();
    let set = semaphores::find(id)?;
    let alters = operations.iter().any(|operation| operation.add != 0);
    {
        let state = set.state.lock();
        if operations
            .iter()
            .any(|operation| usize::from(operation.index) >= state.all.len())
        {
            return Err(Error::new(Errno::EFBIG, "the set has no such semaphore"));
        }
        let who = caller.process().credentials();
        state.rights.check(&who, if alters { WRITE } else { READ })?;
    }
    match set.operate(&operations, caller.process().pid, deadline) {
        Err(error) if error.errno == Errno::ETIMEDOUT => Err(Errno::EAGAIN.into()),
        Err(error) if error.errno == Errno::ERESTARTSYS => Err(Error::new(Errno::EINTR, "a signal came")),
        done => done.map(|()| 0),
    }
}

const REMOVE: u32 = 0;
const SET: u32 = 1;
const STAT: u32 = 2;
const INFO: u32 = 3;
const GET_PID: u32 = 11;
const GET_VALUE: u32 = 12;
const GET_ALL: u32 = 13;
const COUNT_MORE: u32 = 14;
const COUNT_ZERO: u32 = 15;
const SET_VALUE: u32 = 16;
const SET_ALL: u32 = 17;
const SEM_STAT: u32 = 18;
const SEM_INFO: u32 = 19;
const SEM_STAT_ANY: u32 = 20;

fn semctl(caller: &mut Caller<'_>, (id, index, command, argument): (u32, u32, u32, u64)) -> Result<u64> {
    if (id as i32) < 0 {
        return Err(invalid("no set has a negative number"));
    }
    match command {
        INFO | SEM_INFO => return info(command, UserPtr::new(argument)),
        REMOVE | SET | STAT | GET_PID..=SET_ALL | SEM_STAT | SEM_STAT_ANY => {}
        _ => return Err(invalid("no such command")),
    }
    let who = caller.process().credentials();
    let set = semaphores::find(id)?;
    match command {
        REMOVE | SET => {
            let words = if command == SET {
                UserPtr::<[u64; 13]>::new(argument).read()?
            } else {
                [0; 13]
            };
            let mut state = set.state.lock();
            state.rights.check_owner(&who)?;
            if command == SET {
                state.rights.set(&words);
                state.ctime = time::wall_now() / abi::time::NANOS_PER_SEC;
            } else {
                drop(state);
                semaphores::remove(&set);
            }
            Ok(0)
        }
        STAT | SEM_STAT | SEM_STAT_ANY => {
            if command != SEM_STAT_ANY {
                set.state.lock().rights.check(&who, READ)?;
            }
            UserPtr::new(argument).write(&describe(&set))?;
            Ok(if command == STAT { 0 } else { u64::from(id) })
        }
        SET_VALUE | SET_ALL => {
            set.state.lock().rights.check(&who, WRITE)?;
            set_values(caller, &set, index as usize, command, argument)
        }
        _ => {
            set.state.lock().rights.check(&who, READ)?;
            values(&set, index as usize, command, argument)
        }
    }
}

fn set_values(caller: &Caller<'_>, set: &Set, index: usize, command: u32, argument: u64) -> Result<u64> {
    let count = set.state.lock().all.len();
    let (first, values) = if command == SET_ALL {
        (0, UserPtr::<u16>::new(argument).read_many(count)?)
    } else if index < count {
        let value = u16::try_from(argument as i32).unwrap_or(u16::MAX);
        (index, Vec::from([value]))
    } else {
        return Err(invalid("the set has no such semaphore"));
    };
    if values.iter().any(|value| i32::from(*value) > semaphores::LARGEST) {
        return Err(Error::new(Errno::ERANGE, "no semaphore has such a value"));
    }
    set.set_values(first, &values, caller.process().pid);
    Ok(0)
}

fn values(set: &Set, index: usize, command: u32, argument: u64) -> Result<u64> {
    let all = set.state.lock().all.clone();
    if command == GET_ALL {
        for (at, semaphore) in all.iter().enumerate() {
            UserPtr::new(argument).at(at as u64).write(&semaphore.value)?;
        }
        return Ok(0);
    }
    let one = all.get(index).ok_or(invalid("the set has no such semaphore"))?;
    Ok(match command {
        GET_VALUE => u64::from(one.value),
        GET_PID => u64::from(one.pid),
        COUNT_MORE => u64::from(one.waiting[0]),
        COUNT_ZERO => u64::from(one.waiting[1]),
        _ => return Err(invalid("no such command")),
    })
}

/// `struct semid64_ds`.
fn describe(set: &Set) -> [u64; 13] {
    let state = set.state.lock();
    let mut words = [0; 13];
    words[..6].copy_from_slice(&state.rights.words());
    (words[6], words[8], words[10]) = (state.otime, state.ctime, state.all.len() as u64);
    words
}

/// `struct seminfo`.
fn info(command: u32, out: UserPtr<[i32; 10]>) -> Result<u64> {
    let total = (semaphores::MOST_SETS * semaphores::MOST) as i32;
    let (sets, last) = semaphores::all();
    let (sets, used) = if command == SEM_INFO {
        let used: usize = sets.iter().map(|set| set.state.lock().all.len()).sum();
        (sets.len() as i32, used as i32)
    } else {
        (20, semaphores::LARGEST)
    };
    let most = semaphores::MOST_OPERATIONS as i32;
    out.write(&[
        total,
        semaphores::MOST_SETS as i32,
        total,
        total,
        semaphores::MOST as i32,
        most,
        most,
        sets,
        semaphores::LARGEST,
        used,
    ])?;
    Ok(u64::from(last))
}
