//! Message queues of System V: `msgget`, `msgsnd`, `msgrcv`, `msgctl`.

use super::semaphore::wish;
use abi::{Errno, Error, Result};
use process::keyed::Rights;
use process::messages::{self, Message, Queue, Wanted};
use syscall::Caller;
use usermem::UserPtr;
use vfs::capability;

syscall::calls! {
    68 "msgget" = msgget(i32, u32);
    69 "msgsnd" = msgsnd(u32, UserPtr<i64>, usize, u32);
    70 "msgrcv" = msgrcv(u32, UserPtr<i64>, usize, i64, u32);
    71 "msgctl" = msgctl(u32, u32, UserPtr<[u64; 15]>);
}

const READ: u32 = 4;
const WRITE: u32 = 2;
const NO_WAIT: u32 = 0o4000;

const fn invalid(why: &'static str) -> Error {
    Error::new(Errno::EINVAL, why)
}

fn msgget(caller: &mut Caller<'_>, (key, flags): (i32, u32)) -> Result<u64> {
    let who = caller.process().credentials();
    let (queue, is_new) = messages::get(Rights::new(key, &who, flags), flags)?;
    if !is_new {
        queue.state.lock().rights.check(&who, wish(flags))?;
    }
    Ok(u64::from(queue.id))
}

fn find(id: u32) -> Result<alloc::sync::Arc<Queue>> {
    if (id as i32) < 0 {
        return Err(invalid("no queue has a negative number"));
    }
    messages::find(id)
}

/// Neither call is done again after a signal.
fn interrupted(error: Error) -> Error {
    if error.errno == Errno::ERESTARTSYS {
        Error::new(Errno::EINTR, "a signal came")
    } else {
        error
    }
}

fn msgsnd(caller: &mut Caller<'_>, (id, message, len, flags): (u32, UserPtr<i64>, usize, u32)) -> Result<u64> {
    let kind = message.read()?;
    if len > messages::LONGEST || kind < 1 {
        return Err(invalid("no message is so long, or has such a type"));
    }
    let mut bytes = alloc::vec![0; len];
    usermem::read_bytes(message.address() + 8, &mut bytes)?;
    let queue = find(id)?;
    queue
        .state
        .lock()
        .rights
        .check(&caller.process().credentials(), WRITE)?;
    let sent = queue.send(Message { kind, bytes }, caller.process().pid, flags & NO_WAIT == 0);
    sent.map(|()| 0).map_err(interrupted)
}

fn msgrcv(caller: &mut Caller<'_>, (id, out, room, kind, flags): (u32, UserPtr<i64>, usize, i64, u32)) -> Result<u64> {
    const CUT: u32 = 0o10000;
    const EXCEPT: u32 = 0o20000;
    const COPY: u32 = 0o40000;
    if (room as i64) < 0 {
        return Err(invalid("the room is negative"));
    }
    if flags & COPY != 0 && (flags & EXCEPT != 0 || flags & NO_WAIT == 0) {
        return Err(invalid("the flags do not go together"));
    }
    let wanted = match kind {
        at if flags & COPY != 0 => Wanted::Copy(usize::try_from(at).unwrap_or(usize::MAX)),
        0 => Wanted::Any,
        kind if kind < 0 => Wanted::UpTo(kind.checked_neg().unwrap_or(i64::MAX)),
        kind if flags & EXCEPT != 0 => Wanted::Except(kind),
        kind => Wanted::Kind(kind),
    };
    let queue = find(id)?;
    queue.state.lock().rights.check(&caller.process().credentials(), READ)?;
    let pid = caller.process().pid;
    let message = queue
        .receive(wanted, room, flags & CUT != 0, pid, flags & NO_WAIT == 0)
        .map_err(interrupted)?;
    out.write(&message.kind)?;
    let bytes = message.bytes.get(..room).unwrap_or(&message.bytes);
    usermem::write_bytes(out.address() + 8, bytes)?;
    Ok(bytes.len() as u64)
}

const REMOVE: u32 = 0;
const SET: u32 = 1;
const STAT: u32 = 2;
const INFO: u32 = 3;
const MSG_STAT: u32 = 11;
const MSG_INFO: u32 = 12;
const MSG_STAT_ANY: u32 = 13;

fn msgctl(caller: &mut Caller<'_>, (id, command, buffer): (u32, u32, UserPtr<[u64; 15]>)) -> Result<u64> {
    if command == INFO || command == MSG_INFO {
        return info(command, buffer.cast());
    }
    if (id as i32) < 0 || !matches!(command, REMOVE..=STAT | MSG_STAT | MSG_STAT_ANY) {
        return Err(invalid("no such queue or command"));
    }
    let who = caller.process().credentials();
    let words = if command == SET { buffer.read()? } else { [0; 15] };
    let queue = messages::find(id)?;
    match command {
        REMOVE => {
            queue.state.lock().rights.check_owner(&who)?;
            messages::remove(&queue);
        }
        SET => {
            let mut state = queue.state.lock();
            state.rights.check_owner(&who)?;
            let most = words[11];
            if most > messages::MOST_BYTES && !who.has(capability::SYS_RESOURCE) {
                return Err(Error::new(Errno::EPERM, "a longer queue needs CAP_SYS_RESOURCE"));
            }
            state.most_bytes = most;
            state.rights.set(&words);
            state.times[2] = time::wall_now() / abi::time::NANOS_PER_SEC;
            drop(state);
            queue.wake_all();
        }
        _ => {
            if command != MSG_STAT_ANY {
                queue.state.lock().rights.check(&who, READ)?;
            }
            buffer.write(&describe(&queue))?;
            return Ok(if command == STAT { 0 } else { u64::from(id) });
        }
    }
    Ok(0)
}

/// `struct msqid64_ds`.
fn describe(queue: &Queue) -> [u64; 15] {
    let state = queue.state.lock();
    let mut words = [0; 15];
    words[..6].copy_from_slice(&state.rights.words());
    words[6..9].copy_from_slice(&state.times);
    let [sender, receiver] = state.pids;
    words[9..13].copy_from_slice(&[
        state.bytes,
        state.all.len() as u64,
        state.most_bytes,
        u64::from(sender) | u64::from(receiver) << 32,
    ]);
    words
}

/// `struct msginfo`.
fn info(command: u32, out: UserPtr<[i32; 8]>) -> Result<u64> {
    let (queues, last) = messages::all();
    let most = messages::MOST_BYTES as i32;
    let (pool, map, total) = if command == MSG_INFO {
        let sum = |of: fn(&messages::State) -> u64| -> i32 {
            queues.iter().map(|queue| of(&queue.state.lock())).sum::<u64>() as i32
        };
        (
            queues.len() as i32,
            sum(|state| state.all.len() as u64),
            sum(|state| state.bytes),
        )
    } else {
        (messages::MOST_QUEUES as i32 * (most / 1024), most, most)
    };
    let longest = messages::LONGEST as i32;
    out.write(&[
        pool,
        map,
        longest,
        most,
        messages::MOST_QUEUES as i32,
        16,
        total,
        0xffff,
    ])?;
    Ok(u64::from(last))
}
