//! Message queues with names: `mq_open` and its kin.

use abi::fcntl::OpenFlags;
use abi::resource::RLIMIT_MSGQUEUE;
use abi::signal::{SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD, SigEvent, Signal};
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use ipc::mqueue::{self, Queue, QueueFile, Reason};
use process::Process;
use process::signals::{self, Fields, Info};
use syscall::Caller;
use syscall::argument::{Fd, PathPtr};
use syscall::calls::open::add;
use task::Until;
use usermem::UserPtr;
use vfs::{Credentials, File, capability};

syscall::calls! {
    240 "mq_open" = mq_open(PathPtr, OpenFlags, u32, UserPtr<[i64; 8]>);
    241 "mq_unlink" = mq_unlink(PathPtr);
    242 "mq_timedsend" = mq_timedsend(Fd, u64, usize, u32, UserPtr<Timespec>);
    243 "mq_timedreceive" = mq_timedreceive(Fd, u64, usize, UserPtr<u32>, UserPtr<Timespec>);
    244 "mq_notify" = mq_notify(Fd, UserPtr<SigEvent>);
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

/// The time of day at which a wait ends, if there is one.
fn end_of_wait(timeout: UserPtr<Timespec>) -> Result<Option<Until>> {
    let Some(timeout) = timeout.non_null() else {
        return Ok(None);
    };
    let nanos = timeout.read()?.to_nanos().ok_or(invalid("no such time"))?;
    Ok(Some(Until::OfDay(nanos)))
}

fn mq_timedsend(
    caller: &mut Caller<'_>,
    (fd, message, len, priority, timeout): (Fd, u64, usize, u32, UserPtr<Timespec>),
) -> Result<u64> {
    let until = end_of_wait(timeout)?;
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
    queue.send(bytes, priority, waits, until)?;
    Ok(0)
}

fn mq_timedreceive(
    caller: &mut Caller<'_>,
    (fd, out, room, priority, timeout): (Fd, u64, usize, UserPtr<u32>, UserPtr<Timespec>),
) -> Result<u64> {
    let until = end_of_wait(timeout)?;
    let file = caller.process().file(fd.0)?;
    let queue = queue_of(&file)?;
    if !file.is_readable() {
        return Err(Error::new(Errno::EBADF, "the queue is not open for receiving"));
    }
    if room < queue.longest {
        return Err(Error::new(Errno::EMSGSIZE, "the longest message would not fit"));
    }
    let waits = !file.flags().contains(OpenFlags::NONBLOCK);
    let (bytes, of) = queue.receive(waits, until)?;
    priority.write_if_some(&of)?;
    usermem::write_bytes(out, &bytes)?;
    Ok(bytes.len() as u64)
}

fn mq_notify(caller: &mut Caller<'_>, (fd, event): (Fd, UserPtr<SigEvent>)) -> Result<u64> {
    let event = event.non_null().map(UserPtr::read).transpose()?;
    let process = caller.process();
    let tell = event.map(|event| way_to_tell(process, &event)).transpose()?;
    let file = process.file(fd.0)?;
    queue_of(&file)?.notify(process.pid, tell.map(|tell| (process.pid, tell)))?;
    Ok(0)
}

type Tell = Box<dyn Fn(Reason) + Send + Sync>;

/// How a process is told of a message, as it asks for it: by a signal, by a cookie that comes out of a netlink socket (the C library starts a thread then), or not at all.
fn way_to_tell(process: &Arc<Process>, event: &SigEvent) -> Result<Tell> {
    match event.notify {
        SIGEV_NONE => Ok(Box::new(|_| ())),
        SIGEV_SIGNAL => {
            let signal = u32::try_from(event.signal).ok().and_then(Signal::new);
            let (signal, value) = (signal.ok_or(invalid("no such signal"))?, event.value);
            let target = Arc::downgrade(process);
            Ok(Box::new(move |reason| {
                if let Some(target) = target.upgrade().filter(|_| reason == Reason::Message) {
                    send_signal(&target, signal, value);
                }
            }))
        }
        SIGEV_THREAD => {
            let mut cookie = [0; COOKIE];
            usermem::read_bytes(event.value, &mut cookie)?;
            let socket = process.file(event.signal)?;
            netlink::check(&socket)?;
            Ok(Box::new(move |reason| {
                let mut told = cookie;
                told[COOKIE - 1] = if reason == Reason::Message { WOKEN } else { REMOVED };
                netlink::post(&socket, &told);
            }))
        }
        _ => Err(invalid("no such way to tell it")),
    }
}

/// Bytes of a cookie, of which the last says why it comes.
const COOKIE: usize = 32;
const WOKEN: u8 = 1;
const REMOVED: u8 = 2;

fn send_signal(target: &Arc<Process>, signal: Signal, value: u64) {
    const SI_MESGQ: i32 = -3;
    let (pid, uid) = process::current().map_or((0, 0), |sender| (sender.pid, sender.credentials().uid));
    let info = Info {
        signal,
        code: SI_MESGQ,
        errno: 0,
        fields: Fields::Sender { pid, uid, value },
    };
    signals::send(target, info);
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
