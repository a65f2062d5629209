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

    /// Writes everything, unless nobody takes it and a signal to stop comes meanwhile, or a time.
    pub(crate) fn write(&self, to: BorrowedFd<'_>, mut bytes: &[u8], until: Option<Instant>) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut fds = vec![PollFd::from_borrowed_fd(to, PollFlags::OUT)];
            fds.extend(self.stop.iter().map(|(_, stop)| PollFd::new(stop, PollFlags::IN)));
            let left = until.map(|until| timespec(until.saturating_duration_since(Instant::now())));
            match poll(&mut fds, left.as_ref()) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if fds[0].revents().is_empty() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            // A pipe that is ready takes at least this much without blocking.
            let piece = &bytes[..bytes.len().min(4096)];
            match rustix::io::write(to, piece) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

pub(crate) fn timespec(duration: Duration) -> Timespec {
    // A millisecond more than asked, so that the moment has come when poll returns.
    let duration = duration + Duration::from_millis(1);
    Timespec {
        tv_sec: duration.as_secs().cast_signed(),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
