//! Message queues with names: `mq_open` and its kin.

use super::open::add;
use crate::Caller;
use crate::argument::{Fd, PathPtr};
use abi::fcntl::OpenFlags;
use abi::resource::RLIMIT_MSGQUEUE;
use abi::signal::{SIGEV_NONE, SIGEV_SIGNAL, SigEvent, Signal};
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use ipc::mqueue::{self, Queue, QueueFile};
use process::signals::{self, Fields, Info};
use usermem::UserPtr;
use vfs::{Credentials, File, capability};

calls! {
    240 "mq_open" = mq_open(PathPtr, OpenFlags, u32, UserPtr<[i64; 8]>);
    241 "mq_unlink" = mq_unlink(PathPtr);
    242 "mq_timedsend" = mq_timedsend(Fd, u64, usize, u32, UserPtr<Timespec>);
    243 "mq_timedreceive" = mq_timedreceive(Fd, u64, usize, UserPtr<u32>, UserPtr<Timespec>);
    244 "mq_notify" = mq_notify(Fd, UserPtr<SigEvent>) partial "SIGEV_THREAD answers EINVAL";
    245 "mq_getsetattr" = mq_getsetattr(Fd, UserPtr<[i64; 8]>, UserPtr<[i64; 8]>);
}

const fn invalid(why: &'static str) -> Error {
    Error::new(Errno::EINVAL, why)
}

/// A name: one part of a path.
fn name_of(path: PathPtr) -> Result<Vec<u8>> {
    let path = path.read()?.to_vec();
    if path.is_empty() {
        return Err(Errno::ENOENT.into());
    }
    if path.contains(&b'/') || path == b"." || path == b".." {
        return Err(Error::new(Errno::EACCES, "queues are in no directories"));
    }
    if path.len() > abi::fcntl::NAME_MAX {
        return Err(Errno::ENAMETOOLONG.into());
    }
    Ok(path)
}

/// Most messages and longest message of a new queue.
fn size_of_new(caller: &Caller<'_>, attributes: UserPtr<[i64; 8]>) -> Result<(usize, usize)> {
    let Some(attributes) = attributes.non_null() else {
        return Ok((10, 8192));
    };
    let [_, most, longest, ..] = attributes.read()?;
    let privileged = caller.process().credentials().has(capability::SYS_RESOURCE);
    let (upper, length) = if privileged { (65_536, 16 << 20) } else { (10, 8192) };
    if !(1..=upper).contains(&most) || !(1..=length).contains(&longest) {
        return Err(invalid("no queue is so long, or so short"));
    }
    Ok((most as usize, longest as usize))
}

/// Whether somebody may open a queue so.
fn check(queue: &Queue, who: &Credentials, flags: OpenFlags) -> Result<()> {
    let (uid, gid, mode) = queue.owner;
    let shift = if who.fsuid == uid {
        6
    } else if who.fsgid == gid || who.groups.contains(&gid) {
        3
    } else {
        0
    };
    let wish = u32::from(flags.readable()) << 2 | u32::from(flags.writable()) << 1;
    if wish & !(mode >> shift) & 6 == 0 || who.has(capability::DAC_OVERRIDE) {
        return Ok(());
    }
    Err(Error::new(Errno::EACCES, "the queue's permissions refuse it"))
}

fn mq_open(
    caller: &mut Caller<'_>,
    (path, flags, mode, attributes): (PathPtr, OpenFlags, u32, UserPtr<[i64; 8]>),
) -> Result<u64> {
    let name = name_of(path)?;
    let who = caller.process().credentials();
    let queue = match mqueue::find(&name) {
        Some(_) if flags.contains(OpenFlags::CREAT | OpenFlags::EXCL) => {
            return Err(Error::new(Errno::EEXIST, "a queue has that name"));
        }
        Some(queue) => {
            check(&queue, &who, flags)?;
            queue
        }
        None if flags.contains(OpenFlags::CREAT) => {
            let size = size_of_new(caller, attributes)?;
            let mode = mode & 0o777 & !caller.process().view().umask;
            let limit = caller.process().limit(RLIMIT_MSGQUEUE);
            mqueue::make(&name, size, (who.fsuid, who.fsgid, mode), limit)?
        }
        None => return Err(Error::new(Errno::ENOENT, "no queue has that name")),
    };
    let file = mqueue::open(&name, queue, flags, caller.process().pid);
    add(caller, file, true)
}

fn mq_unlink(caller: &mut Caller<'_>, (path,): (PathPtr,)) -> Result<u64> {
    let name = name_of(path)?;
    let queue = mqueue::find(&name).ok_or(Error::new(Errno::ENOENT, "no queue has that name"))?;
    let who = caller.process().credentials();
    if who.fsuid != queue.owner.0 && !who.has(capability::FOWNER) {
        return Err(Error::new(Errno::EPERM, "the queue is somebody else's"));
    }
    mqueue::unlink(&name);
    Ok(0)
}

fn queue_of(file: &File) -> Result<&Arc<Queue>> {
    let opened = file.behaviour().and_then(|like| like.downcast::<QueueFile>());
    opened
        .map(|opened| &opened.queue)
        .ok_or(Error::new(Errno::EBADF, "the file is no message queue"))
}

/// The time since boot of a time of day, if there is one.
fn deadline(timeout: UserPtr<Timespec>) -> Result<Option<u64>> {
    let Some(timeout) = timeout.non_null() else {
        return Ok(None);
    };
    let nanos = timeout.read()?.to_nanos().ok_or(invalid("no such time"))?;
    Ok(Some(nanos.saturating_sub(time::wall_at_boot()).max(1)))
}

fn mq_timedsend(
    caller: &mut Caller<'_>,
    (fd, message, len, priority, timeout): (Fd, u64, usize, u32, UserPtr<Timespec>),
) -> Result<u64> {
    let deadline = deadline(timeout)?;
    if priority >= mqueue::PRIORITIES {
        return Err(invalid("no message has such a priority"));
    }
    let file = caller.process().file(fd.0)?;
    let queue = queue_of(&file)?;
    if !file.is_writable() {
        return Err(Error::new(Errno::EBADF, "the queue is not open for sending"));
    }
    if len > queue.longest {
        return Err(Error::new(Errno::EMSGSIZE, "the queue takes no message so long"));
    }
    let mut bytes = Vec::new();
    let room = bytes.try_reserve_exact(len);
    room.map_err(|_| Error::new(Errno::ENOMEM, "no memory is left for the message"))?;
    bytes.resize(len, 0);
    usermem::read_bytes(message, &mut bytes)?;
    let waits = !file.flags().contains(OpenFlags::NONBLOCK);
    queue.send(bytes, priority, waits, deadline)?;
    Ok(0)
}

fn mq_timedreceive(
    caller: &mut Caller<'_>,
    (fd, out, room, priority, timeout): (Fd, u64, usize, UserPtr<u32>, UserPtr<Timespec>),
) -> Result<u64> {
    let deadline = deadline(timeout)?;
    let file = caller.process().file(fd.0)?;
    let queue = queue_of(&file)?;
    if !file.is_readable() {
        return Err(Error::new(Errno::EBADF, "the queue is not open for receiving"));
    }
    if room < queue.longest {
        return Err(Error::new(Errno::EMSGSIZE, "the longest message would not fit"));
    }
    let waits = !file.flags().contains(OpenFlags::NONBLOCK);
    let (bytes, of) = queue.receive(waits, deadline)?;
    priority.write_if_some(&of)?;
    usermem::write_bytes(out, &bytes)?;
    Ok(bytes.len() as u64)
}

fn mq_notify(caller: &mut Caller<'_>, (fd, event): (Fd, UserPtr<SigEvent>)) -> Result<u64> {
    const SI_MESGQ: i32 = -3;
    let event = event.non_null().map(UserPtr::read).transpose()?;
    let process = caller.process();
    let signal = match &event {
        Some(event) if event.notify == SIGEV_SIGNAL => {
            let signal = u32::try_from(event.signal).ok().and_then(Signal::new);
            Some(signal.ok_or(invalid("no such signal"))?)
        }
        Some(event) if event.notify != SIGEV_NONE => return Err(invalid("no such way to tell it")),
        _ => None,
    };
    let file = process.file(fd.0)?;
    let queue = queue_of(&file)?;
    let Some(event) = event else {
        queue.notify(process.pid, None)?;
        return Ok(0);
    };
    let target = Arc::downgrade(process);
    let tell = move || {
        let (Some(signal), Some(target)) = (signal, target.upgrade()) else {
            return;
        };
        let (pid, uid) = process::current().map_or((0, 0), |sender| (sender.pid, sender.credentials().uid));
        let fields = Fields::Sender {
            pid,
            uid,
            value: event.value,
        };
        let info = Info {
            signal,
            code: SI_MESGQ,
            errno: 0,
            fields,
        };
        signals::send(&target, info);
    };
    queue.notify(process.pid, Some((process.pid, Box::new(tell))))?;
    Ok(0)
}

fn mq_getsetattr(caller: &mut Caller<'_>, (fd, new, old): (Fd, UserPtr<[i64; 8]>, UserPtr<[i64; 8]>)) -> Result<u64> {
    let nonblock = i64::from(OpenFlags::NONBLOCK.bits());
    let new = new.non_null().map(UserPtr::read).transpose()?;
    if new.is_some_and(|[flags, ..]| flags & !nonblock != 0) {
        return Err(invalid("only O_NONBLOCK can be set"));
    }
    let file = caller.process().file(fd.0)?;
    let queue = queue_of(&file)?;
    let mut flags = file.flags();
    let now = i64::from((flags & OpenFlags::NONBLOCK).bits());
    let told = [
        now,
        queue.most as i64,
        queue.longest as i64,
        queue.count() as i64,
        0,
        0,
        0,
        0,
    ];
    if let Some([wanted, ..]) = new {
        flags.set(OpenFlags::NONBLOCK, wanted & nonblock != 0);
        file.set_flags(flags)?;
    }
    old.write_if_some(&told)?;
    Ok(0)
}
