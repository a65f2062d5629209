//! Signals to the command while a machine runs: channels beside the others, and what ends a write that nobody takes.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};

/// Signals as readable sockets.
pub(crate) struct Signals {
    /// The terminal has another size.
    pub(crate) resize: UnixStream,
    /// The signals that would end us, of which the first is the program's.
    pub(crate) stop: Vec<(i32, UnixStream)>,
}

impl Signals {
    pub(crate) fn register() -> io::Result<Self> {
        let listen = |signal: i32| -> io::Result<UnixStream> {
            let (here, there) = UnixStream::pair()?;
            here.set_nonblocking(true)?;
            signal_hook::low_level::pipe::register(signal, there)?;
            Ok(here)
        };
        let stop = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
            .into_iter()
            .map(|signal| Ok((signal, listen(signal)?)));
        Ok(Self {
            resize: listen(SIGWINCH)?,
            stop: stop.collect::<io::Result<_>>()?,
        })
    }

    /// Writes bytes, which are gone then, as long as they are taken, or until a signal to stop or a time comes.
    pub(crate) fn write(&self, to: BorrowedFd<'_>, bytes: &mut Vec<u8>, until: Until) -> io::Result<()> {
        let mut done = 0;
        let result = loop {
            // A pipe that is ready takes at least this much without blocking.
            let rest = bytes.get(done..).unwrap_or_default();
            let piece = &rest[..rest.len().min(4096)];
            if piece.is_empty() {
                break Ok(());
            }
            match self.takes(to, until) {
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
    fn takes(&self, to: BorrowedFd<'_>, until: Until) -> io::Result<bool> {
        let mut fds = vec![PollFd::from_borrowed_fd(to, PollFlags::OUT)];
        let left = match until {
            Until::Now => Some(Timespec::default()),
            Until::Stopped(until) => {
                fds.extend(self.stop.iter().map(|(_, stop)| PollFd::new(stop, PollFlags::IN)));
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
}

/// How long what is written may take.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    /// It is taken now, or kept.
    Now,
    /// Until a signal to stop comes, or a time.
    Stopped(Option<Instant>),
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    // A millisecond more than asked, so that the moment has come when poll returns.
    let duration = duration + Duration::from_millis(1);
    Timespec {
        tv_sec: duration.as_secs().cast_signed(),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
