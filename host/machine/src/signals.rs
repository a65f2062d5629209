//! Signals to the command while a machine runs: channels beside the others.

use std::io;
use std::os::unix::net::UnixStream;

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
}
