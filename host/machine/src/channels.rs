//! What goes through the channels between the command and a machine: pieces that are there, and pieces that are taken.

use std::io::{self, Read, Write};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::signals::Signals;

/// What is read at once.
pub(crate) const CHUNK: usize = 16 * 1024;
/// More than the host's socket buffers hold, in chunks.
pub(crate) const ALL: usize = 1024;

/// Reads what is there now, at most `rounds` chunks of it; false when the channel has ended.
pub(crate) fn take(channel: &mut impl Read, rounds: usize, mut each: impl FnMut(&[u8])) -> bool {
    let mut chunk = [0; CHUNK];
    for _ in 0..rounds {
        match channel.read(&mut chunk) {
            Ok(0) => return false,
            Ok(count) => {
                each(&chunk[..count]);
                if count < CHUNK {
                    return true;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    true
}

/// Our standard output and error.
pub(crate) fn takers() -> [BorrowedFd<'static>; 2] {
    [rustix::stdio::stdout(), rustix::stdio::stderr()]
}

/// Writes what a channel takes now. One that takes nothing is polled for; one that is gone is noticed when reading.
pub(crate) fn give(channel: &mut impl Write, pending: &mut Vec<u8>) {
    if !pending.is_empty()
        && let Ok(count) = channel.write(pending)
    {
        pending.drain(..count);
    }
}

/// Writes bytes, which are gone then, as long as they are taken, or until a signal to stop or a time comes.
pub(crate) fn write(to: BorrowedFd<'_>, bytes: &mut Vec<u8>, until: Until<'_>) -> io::Result<()> {
    let mut done = 0;
    let result = loop {
        // A pipe that is ready takes at least this much without blocking.
        let rest = bytes.get(done..).unwrap_or_default();
        let piece = &rest[..rest.len().min(4096)];
        if piece.is_empty() {
            break Ok(());
        }
        match takes(to, until) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
        match rustix::io::write(to, piece) {
            Ok(count) => done += count,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => break Err(error.into()),
        }
    };
    bytes.drain(..done);
    result
}

/// Whether something can be written, by then.
fn takes(to: BorrowedFd<'_>, until: Until<'_>) -> io::Result<bool> {
    let mut fds = vec![PollFd::from_borrowed_fd(to, PollFlags::OUT)];
    let left = match until {
        Until::Now => Some(Timespec::default()),
        Until::Stopped(signals, until) => {
            fds.extend(signals.stop.iter().map(|(_, stop)| PollFd::new(stop, PollFlags::IN)));
            until.map(|until| timespec(until.saturating_duration_since(Instant::now())))
        }
    };
    loop {
        match poll(&mut fds, left.as_ref()) {
            Ok(_) => return Ok(!fds[0].revents().is_empty()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// How long what is written may take.
#[derive(Clone, Copy)]
pub(crate) enum Until<'a> {
    /// It is taken now, or kept.
    Now,
    /// Until a signal to stop comes, or a time.
    Stopped(&'a Signals, Option<Instant>),
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    // A millisecond more than asked, so that the moment has come when poll returns.
    let duration = duration + Duration::from_millis(1);
    Timespec {
        tv_sec: duration.as_secs().cast_signed(),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
