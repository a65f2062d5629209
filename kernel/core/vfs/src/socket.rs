//! What sockets can do besides being read and written. Families of sockets implement [`Socket`]; the calls find it through [`FileLike::socket`](crate::FileLike::socket).

use crate::{Context, Direction, File};
use abi::fcntl::OpenFlags;
use abi::socket::Ucred;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use task::wait_more;
use usermem::{Sink, Source};

/// Something that goes along with bytes (`struct cmsghdr`) and that one family of sockets alone knows.
#[derive(Debug)]
pub struct Control {
    /// Whose it is.
    pub level: u32,
    /// What it is.
    pub kind: u32,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// What goes with the bytes that are sent.
#[derive(Default)]
pub struct Outgoing {
    /// `MSG_*`.
    pub flags: u32,
    /// To whom (`struct sockaddr`), and what paths mean to who sends; nothing for who the socket is connected to.
    pub address: Option<(Arc<Context>, Vec<u8>)>,
    /// Open files to pass along.
    pub rights: Vec<Arc<File>>,
    /// Who sends.
    pub credentials: Option<Ucred>,
    /// What else goes along, for the socket to understand.
    pub control: Vec<Control>,
}

/// What came with the bytes that were received.
#[derive(Default)]
pub struct Incoming {
    /// How many bytes; more than were stored, if that was asked for and the message was longer.
    pub count: usize,
    /// `MSG_*`.
    pub flags: u32,
    /// From whom.
    pub address: Vec<u8>,
    /// Open files that were passed along.
    pub rights: Vec<Arc<File>>,
    /// Who sent, if the socket asks for that.
    pub credentials: Option<Ucred>,
    /// What else came along.
    pub control: Vec<Control>,
}

/// What lists of sockets say of one besides its addresses and options.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// How far a connection is, with the numbers of TCP; 0 where that follows from what else is known.
    pub state: u8,
    /// What waits to be received, and what was sent and did not arrive yet: bytes. Of who listens: those who wait to be accepted, and how many may.
    pub queues: [u32; 2],
    /// Whose it is.
    pub uid: u32,
    /// What it receives from and what it sends to, as numbers that mean nothing else. Its peer has the same, the other way round.
    pub ends: [usize; 2],
}

const fn unsupported() -> Error {
    Error::new(Errno::EOPNOTSUPP, "this kind of socket does not do that")
}

/// A socket. As with [`FileLike`](crate::FileLike), nothing blocks: what cannot go on answers `EAGAIN`, and the caller waits.
pub trait Socket: Send + Sync {
    /// Sends.
    ///
    /// # Errors
    /// `EAGAIN`, `EPIPE`, `ENOTCONN`, `EMSGSIZE`.
    fn send(&self, file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize>;

    /// Receives; `flags` are `MSG_*`.
    ///
    /// # Errors
    /// `EAGAIN`, `ENOTCONN`, `ECONNRESET`.
    fn receive(&self, file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming>;

    /// What the next call is told: something went wrong of which this one could not tell, as it had done a part.
    fn keep_error(&self, _errno: Errno) {}

    /// Whether it passes bytes, not messages.
    fn is_stream(&self) -> bool;

    /// Whether more of the general level goes along with what it sends than open files and who sends.
    fn takes_along(&self) -> bool {
        false
    }

    /// Ends one direction or both (`SHUT_*`).
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn shut_down(&self, how: u32) -> Result<()>;

    /// Gives it an address.
    ///
    /// # Errors
    /// `EINVAL`, `EADDRINUSE`.
    fn bind(&self, _view: &Context, _address: &[u8]) -> Result<()> {
        Err(unsupported())
    }

    /// Begins to connect it; answers `EINPROGRESS` if that takes time: it is there when the socket is ready to write.
    ///
    /// # Errors
    /// `ECONNREFUSED`, `EISCONN`.
    fn connect(&self, _view: &Context, _address: &[u8]) -> Result<()> {
        Err(unsupported())
    }

    /// How a connection came out that was begun; `EAGAIN` while that is not known.
    ///
    /// # Errors
    /// `EAGAIN`, `ECONNREFUSED`.
    fn connected(&self) -> Result<()> {
        Ok(())
    }

    /// Waits for others to connect, so many at most at a time.
    ///
    /// # Errors
    /// `EINVAL`.
    fn listen(&self, _backlog: u32) -> Result<()> {
        Err(unsupported())
    }

    /// Somebody who has connected: the socket to talk through, and its address. `flags` are those of the new open file.
    ///
    /// # Errors
    /// `EAGAIN`, `EINVAL`.
    fn accept(&self, _flags: OpenFlags) -> Result<(Arc<File>, Vec<u8>)> {
        Err(unsupported())
    }

    /// Its own address.
    ///
    /// # Errors
    /// `EINVAL`.
    fn address(&self) -> Result<Vec<u8>>;

    /// Its peer's address.
    ///
    /// # Errors
    /// `ENOTCONN`.
    fn peer_address(&self) -> Result<Vec<u8>>;

    /// What lists say of it.
    fn listing(&self) -> Listing {
        Listing::default()
    }

    /// Whether it has a level of options.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EOPNOTSUPP`.
    fn check_level(&self, _level: u32, _sets: bool) -> Result<()> {
        Ok(())
    }

    /// The value of an option, as bytes.
    ///
    /// # Errors
    /// `ENOPROTOOPT`.
    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>>;

    /// The same, for options that depend on what stood where the value goes.
    ///
    /// # Errors
    /// As [`Socket::option`].
    fn option_of(&self, level: u32, name: u32, _given: &[u8]) -> Result<Vec<u8>> {
        self.option(level, name)
    }

    /// Sets an option.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EINVAL`.
    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()>;
}

impl File {
    /// The socket that it is.
    ///
    /// # Errors
    /// `ENOTSOCK`; `EBADF` for a descriptor that only names a place.
    pub fn socket(&self) -> Result<&dyn Socket> {
        if self.flags().contains(OpenFlags::PATH) {
            return Err(Error::new(Errno::EBADF, "the descriptor only names a place"));
        }
        self.behaviour()
            .and_then(|behaviour| behaviour.socket())
            .ok_or(Error::new(Errno::ENOTSOCK, "the file is not a socket"))
    }

    /// Tries until the answer is not `EAGAIN`, waiting in between; at once if `nonblocking`, or if the file is in non-blocking mode.
    ///
    /// # Errors
    /// The attempt's; `EINTR`.
    pub fn retry<T>(
        &self,
        direction: Direction,
        nonblocking: bool,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let again = match attempt() {
            Err(error) if error.errno == Errno::EAGAIN => error,
            result => return result,
        };
        let queue = self.queue(direction);
        let Some(queue) = queue.filter(|_| !nonblocking && !self.flags().contains(OpenFlags::NONBLOCK)) else {
            return Err(again);
        };
        let patience = self.behaviour().and_then(|behaviour| behaviour.timeout(direction));
        let deadline = patience.map(|nanos| time::now().saturating_add(nanos));
        let waited = wait_more(&[queue], deadline, || match attempt() {
            Err(error) if error.errno == Errno::EAGAIN => None,
            result => Some(result),
        });
        match waited {
            Err(error) if error.errno == Errno::ETIMEDOUT => Err(again),
            Err(error) => Err(error),
            Ok(result) => result,
        }
    }
}
