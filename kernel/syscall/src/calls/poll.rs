//! Waiting for one of several open files: `poll`, `select` and their kin.

use crate::Caller;
use abi::poll::{POLLNVAL, PollFd};
use abi::resource::RLIMIT_NOFILE;
use abi::signal::SigSet;
use abi::time::{Timespec, Timeval};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use epoll::Watched;
use usermem::UserPtr;
use vfs::Events;
use zerocopy::IntoBytes;

calls! {
    7 "poll" = poll(UserPtr<PollFd>, u32, i32);
    23 "select" = select(i32, UserPtr<u64>, UserPtr<u64>, UserPtr<u64>, UserPtr<Timeval>);
    270 "pselect6" = pselect6(i32, UserPtr<u64>, UserPtr<u64>, UserPtr<u64>, UserPtr<Timespec>, UserPtr<[u64; 2]>);
    271 "ppoll" = ppoll(UserPtr<PollFd>, u32, UserPtr<Timespec>, UserPtr<SigSet>, usize);
}

/// How long a call waits: nothing is for ever, and 0 at once.
type Deadline = Option<u64>;

/// From milliseconds, of which a negative number is for ever.
#[inline]
pub(super) fn after_millis(millis: i32) -> Deadline {
    match u64::try_from(millis) {
        Err(_) => None,
        Ok(0) => Some(0),
        Ok(millis) => Some(time::now().saturating_add(millis * 1_000_000)),
    }
}

/// From a time to wait.
///
/// # Errors
/// `EINVAL` for a time that is none.
pub fn after(wait: Option<Timespec>) -> Result<Deadline> {
    let Some(wait) = wait else { return Ok(None) };
    match wait.to_nanos().ok_or(Error::new(Errno::EINVAL, "no such time"))? {
        0 => Ok(Some(0)),
        nanos => Ok(Some(time::now().saturating_add(nanos))),
    }
}

/// What is left of a time to wait.
fn left(deadline: u64) -> u64 {
    if deadline == 0 {
        0
    } else {
        deadline.saturating_sub(time::now())
    }
}

/// Waits with another signal mask. A wait that a signal ended leaves it to the signal's delivery to put the old one back.
pub(super) fn with_mask<T>(
    caller: &Caller<'_>,
    mask: UserPtr<SigSet>,
    size: usize,
    wait: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let Some(mask) = mask.non_null() else { return wait() };
    if size != size_of::<SigSet>() {
        return Err(Error::new(Errno::EINVAL, "the set has another size"));
    }
    let (mask, old) = (mask.read()?, caller.thread.signals.mask());
    *caller.thread.signals.saved_mask.lock() = Some(old);
    caller.thread.set_mask(mask);
    let result = wait();
    let interrupted = |error: &Error| matches!(error.errno, Errno::EINTR | Errno::ERESTARTNOHAND | Errno::ERESTARTSYS);
    if !result.as_ref().is_err_and(interrupted) {
        *caller.thread.signals.saved_mask.lock() = None;
        caller.thread.set_mask(old);
    }
    result
}

/// A signal ends the wait; the call is made again only where the signal has no handler.
fn not_restarted(error: Error) -> Error {
    match error.errno {
        Errno::ERESTARTSYS => Error::new(Errno::ERESTARTNOHAND, "a signal came"),
        _ => error,
    }
}

/// Makes room for what is as long as the program says.
fn reserve<T>(list: &mut Vec<T>, more: usize) -> Result<()> {
    let no_memory = |_| Error::new(Errno::ENOMEM, "no memory is left to watch so many files");
    list.try_reserve(more).map_err(no_memory)
}

fn poll_until(caller: &Caller<'_>, array: UserPtr<PollFd>, count: u32, deadline: Deadline) -> Result<u64> {
    if u64::from(count) > caller.process().limit(RLIMIT_NOFILE) {
        return Err(Error::new(Errno::EINVAL, "there are more entries than descriptors"));
    }
    let mut entries = array.read_many(count as usize)?;
    let files = caller.process().files();
    let (mut places, mut watched) = (Vec::new(), Vec::new());
    reserve(&mut places, entries.len())?;
    reserve(&mut watched, entries.len())?;
    let mut bad = 0;
    for (at, entry) in entries.iter_mut().enumerate() {
        entry.revents = 0;
        if entry.fd < 0 {
            continue;
        }
        match files.get(entry.fd) {
            Ok(file) if !file.flags().contains(abi::fcntl::OpenFlags::PATH) => {
                let wanted = Events::from_bits_retain(u32::from(entry.events));
                places.push(at);
                watched.push(Watched::new(file, wanted));
            }
            _ => {
                entry.revents = POLLNVAL;
                bad += 1;
            }
        }
    }
    let deadline = if bad > 0 { Some(0) } else { deadline };
    let ready = epoll::poll(&watched, deadline).map_err(not_restarted)?;
    for (at, watched) in places.into_iter().zip(&watched) {
        entries[at].revents = watched.seen().bits() as u16;
    }
    usermem::write_bytes(array.address(), entries.as_bytes())?;
    Ok((ready + bad) as u64)
}

fn poll(caller: &mut Caller<'_>, (array, count, millis): (UserPtr<PollFd>, u32, i32)) -> Result<u64> {
    const POLL: u64 = 7;
    let deadline = match u64::try_from(millis) {
        Err(_) => None,
        Ok(0) => Some(0),
        Ok(millis) => Some(super::signal::deadline(caller, millis * 1_000_000)),
    };
    poll_until(caller, array, count, deadline).map_err(|error| match deadline {
        Some(deadline) if error.errno == Errno::ERESTARTNOHAND => super::signal::interrupted(caller, POLL, deadline),
        _ => error,
    })
}

fn ppoll(
    caller: &mut Caller<'_>,
    (array, count, wait, mask, size): (UserPtr<PollFd>, u32, UserPtr<Timespec>, UserPtr<SigSet>, usize),
) -> Result<u64> {
    let deadline = after(wait.non_null().map(UserPtr::read).transpose()?)?;
    let result = with_mask(caller, mask, size, || poll_until(caller, array, count, deadline));
    if let Some(deadline) = deadline {
        let _ = wait.write(&Timespec::from_nanos(left(deadline)));
    }
    result
}

/// The three sets of descriptors of `select`.
type Sets = [UserPtr<u64>; 3];

/// What each set of `select` asks for, and what puts a descriptor into it.
const MEANING: [(u32, u32); 3] = [
    (0x41 | 0x80, 0x41 | 0x80 | 0x18),
    (0x104 | 0x200, 0x104 | 0x200 | 0x8),
    (0x2, 0x2),
];

fn select_until(caller: &Caller<'_>, count: i32, sets: Sets, deadline: Deadline) -> Result<u64> {
    let count = usize::try_from(count).map_err(|_| Error::new(Errno::EINVAL, "the number is negative"))?;
    let files = caller.process().files();
    // What lies behind the table is not looked at, as on Linux, whose tables have 256 places once a shell has run in them.
    let count = count.min(files.capacity().max(256));
    let words = count.div_ceil(64);
    let mut asked = Vec::new();
    for set in sets {
        asked.push(set.non_null().map(|set| set.read_many(words)).transpose()?);
    }
    let (mut places, mut watched) = (Vec::new(), Vec::new());
    for fd in 0..count {
        let in_set = |set: &Option<Vec<u64>>| set.as_ref().is_some_and(|set| set[fd / 64] >> (fd % 64) & 1 == 1);
        let wanted = asked.iter().zip(MEANING).filter(|(set, _)| in_set(set));
        let wanted = wanted.fold(0, |sum, (_, (wanted, _))| sum | wanted);
        if wanted != 0 {
            let file = files.get(fd as i32)?;
            reserve(&mut places, 1)?;
            reserve(&mut watched, 1)?;
            places.push(fd);
            watched.push(Watched::new(file, Events::from_bits_retain(wanted)));
        }
    }
    epoll::poll(&watched, deadline).map_err(not_restarted)?;
    let mut sum = 0;
    for ((asked, set), (_, counts)) in asked.iter().zip(sets).zip(MEANING) {
        let Some(asked) = asked else { continue };
        let mut found = alloc::vec![0u64; words];
        for (&fd, watched) in places.iter().zip(&watched) {
            if asked[fd / 64] >> (fd % 64) & 1 == 1 && watched.seen().bits() & counts != 0 {
                found[fd / 64] |= 1 << (fd % 64);
                sum += 1;
            }
        }
        usermem::write_bytes(set.address(), found.as_bytes())?;
    }
    Ok(sum)
}

fn select(
    caller: &mut Caller<'_>,
    (count, read, write, except, wait): (i32, UserPtr<u64>, UserPtr<u64>, UserPtr<u64>, UserPtr<Timeval>),
) -> Result<u64> {
    let given = wait.non_null().map(UserPtr::read).transpose()?;
    let deadline = match given {
        Some(given) if given.sec < 0 || given.usec < 0 => {
            return Err(Error::new(Errno::EINVAL, "no such time"));
        }
        Some(given) => after(Some(Timespec {
            sec: given.sec.saturating_add(given.usec / 1_000_000),
            nsec: given.usec % 1_000_000 * 1000,
        }))?,
        None => None,
    };
    let result = select_until(caller, count, [read, write, except], deadline);
    if let Some(deadline) = deadline {
        let _ = wait.write(&Timeval::from_nanos(left(deadline)));
    }
    result
}

type PselectArgs = (
    i32,
    UserPtr<u64>,
    UserPtr<u64>,
    UserPtr<u64>,
    UserPtr<Timespec>,
    UserPtr<[u64; 2]>,
);

fn pselect6(caller: &mut Caller<'_>, (count, read, write, except, wait, mask): PselectArgs) -> Result<u64> {
    let deadline = after(wait.non_null().map(UserPtr::read).transpose()?)?;
    let [mask, size] = mask.non_null().map(UserPtr::read).transpose()?.unwrap_or_default();
    let result = with_mask(caller, UserPtr::new(mask), size as usize, || {
        select_until(caller, count, [read, write, except], deadline)
    });
    if let Some(deadline) = deadline {
        let _ = wait.write(&Timespec::from_nanos(left(deadline)));
    }
    result
}
