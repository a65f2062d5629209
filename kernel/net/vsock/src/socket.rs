//! What programs see of a socket. Its answers are Linux's: a reset of a connection reads as its end, who connects to nobody hears of a reset.

use crate::connect::{self, Listener};
use crate::connection::{Connection, State};
use crate::header::{Address, Kind, NO_RECEIVE, NO_SEND};
use crate::options::{self, Settings};
use crate::remote::Remote;
use crate::table;
use crate::way::NOWHERE;
use abi::fcntl::OpenFlags;
use abi::ioctl::{FIONREAD, TIOCOUTQ};
use abi::socket::{MSG_ERRQUEUE, MSG_OOB, SO_RCVLOWAT, SOL_SOCKET};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use ipc::channel::Ear;
use ipc::options::Options;
use lock::{Once, SpinLock};
use task::WaitQueue;
use usermem::{Sink, Source, UserPtr};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Listing, Outgoing, Socket};

const NOT_CONNECTED: Error = Error::new(Errno::ENOTCONN, "the socket is not connected");

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It has no connection.
    Idle,
    /// It waits for one.
    Connecting,
    /// It has one, or had.
    Connected,
    /// Its program has shut it down.
    Over,
}

/// Who a socket is and whom it talks to.
pub(crate) struct Ends {
    pub(crate) own: Address,
    /// Whether the port is this socket's, and not a listener's.
    pub(crate) has_claim: bool,
    pub(crate) peer: Address,
    pub(crate) remote: Option<Arc<Remote>>,
    is_over: bool,
}

impl Ends {
    /// How far the socket is. One whose connection did not come about is idle again.
    pub(crate) fn progress(&self) -> Progress {
        let Some(remote) = &self.remote else {
            return Progress::Idle;
        };
        if self.is_over {
            return Progress::Over;
        }
        match remote.look(|connection| (connection.state(), connection.was_open())) {
            (State::Connecting, _) => Progress::Connecting,
            (State::Closed, false) => Progress::Idle,
            _ => Progress::Connected,
        }
    }
}

/// A socket.
pub(crate) struct VsockSocket {
    pub(crate) kind: Kind,
    pub(crate) own: Weak<Self>,
    pub(crate) ear: Arc<Ear>,
    pub(crate) ends: SpinLock<Ends>,
    pub(crate) listener: Once<Listener>,
    pub(crate) options: Options,
    pub(crate) settings: SpinLock<Settings>,
}

impl VsockSocket {
    pub(crate) fn new(kind: Kind) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            kind,
            own: Weak::clone(own),
            ear: Arc::default(),
            ends: SpinLock::new(Ends {
                own: NOWHERE,
                has_claim: false,
                peer: NOWHERE,
                remote: None,
                is_over: false,
            }),
            listener: Once::new(),
            options: Options::default(),
            settings: SpinLock::default(),
        })
    }

    /// The connection, which may be over or not have come about.
    pub(crate) fn remote(&self) -> Option<Arc<Remote>> {
        self.ends.lock().remote.clone()
    }

    /// The connection, once it was there.
    fn connected_remote(&self) -> Option<Arc<Remote>> {
        self.remote().filter(|remote| remote.look(Connection::was_open))
    }

    /// What went wrong, told once.
    pub(crate) fn take_error(&self) -> Option<Errno> {
        self.remote()?.with(Connection::take_error)
    }

    /// Shuts the connection down and waits until the other side agrees that it is over, as long as was asked for.
    fn wait_for_end(&self) {
        const SECOND: u64 = 1_000_000_000;
        let seconds = self.options.linger().filter(|seconds| *seconds > 0);
        let (Some(seconds), Some(remote)) = (seconds, self.connected_remote()) else {
            return;
        };
        let now = time::now();
        remote.change(|connection| connection.abandon(now));
        let deadline = now.saturating_add(u64::from(seconds.unsigned_abs()) * SECOND);
        let is_over = || (remote.look(Connection::state) == State::Closed).then_some(());
        // Whatever comes first: what is left ends by itself.
        let _ = task::wait_more(&[&self.ear.writable], Some(deadline), is_over);
    }

    fn send_some(&self, from: &mut Source<'_>, flags: u32, has_address: bool) -> Result<usize> {
        if flags & MSG_OOB != 0 {
            return Err(Error::new(Errno::EOPNOTSUPP, "nothing goes out of band"));
        }
        let remote = self.connected_remote();
        let is_open = |remote: &Arc<Remote>| remote.look(Connection::state) == State::Open;
        if has_address {
            let errno = match remote.is_some_and(|remote| is_open(&remote)) {
                true => Errno::EISCONN,
                false => Errno::EOPNOTSUPP,
            };
            return Err(Error::new(errno, "a connection has one peer"));
        }
        remote.ok_or(NOT_CONNECTED)?.write(from, flags)
    }

    fn receive_some(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if flags & MSG_ERRQUEUE != 0 {
            return Err(Errno::EAGAIN.into());
        }
        let remote = self.connected_remote().ok_or(NOT_CONNECTED)?;
        let is_open = remote.look(Connection::state) == State::Open;
        if is_open && flags & MSG_OOB != 0 {
            return Err(Error::new(Errno::EOPNOTSUPP, "nothing comes out of band"));
        }
        let stopped = remote.look(|connection| connection.shutdowns()[0] & NO_RECEIVE != 0);
        if stopped || into.left() == 0 {
            return Ok(Incoming::default());
        }
        remote.read(into, flags)
    }

    /// Bytes of a stream below which there is nothing to be read.
    fn least_to_read(&self) -> usize {
        let set = self.options.kept(SOL_SOCKET, SO_RCVLOWAT);
        set.map_or(1, |least| least.unsigned_abs() as usize)
    }

    fn ready_events(&self) -> Events {
        let mut events = Events::empty();
        if let Some(listener) = self.listener.get() {
            events.set(Events::READABLE, !listener.is_empty());
            return events;
        }
        let Some(remote) = self.remote() else {
            return Events::WRITABLE;
        };
        remote.look(|connection| {
            let [own, peer] = connection.shutdowns();
            let ended = own & NO_RECEIVE != 0 || peer & NO_SEND != 0;
            let stopped = own & NO_SEND != 0;
            let is_writable = match connection.state() {
                State::Connecting => false,
                State::Open => connection.room_to_send() > 0,
                State::Closed => true,
            };
            let both = own == NO_RECEIVE | NO_SEND || stopped && peer & NO_SEND != 0;
            let enough = self.kind != Kind::Stream || connection.readable() >= self.least_to_read();
            let has_data = connection.has_data() && enough && own & NO_RECEIVE == 0;
            events.set(Events::ERR, connection.error().is_some());
            events.set(Events::HUP, both);
            events.set(Events::RDHUP, ended);
            events.set(Events::READABLE, ended || has_data);
            events.set(Events::WRITABLE, is_writable && !stopped);
        });
        events
    }
}

impl FileLike for VsockSocket {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        Ok(self.receive_some(into, 0)?.count)
    }

    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.send_some(from, 0, false)
    }

    fn writes_everything(&self) -> bool {
        self.kind == Kind::Stream
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        if !matches!(request, FIONREAD | TIOCOUTQ) {
            return Err(Error::new(Errno::ENOTTY, "a socket does not know the request"));
        }
        let remote = self.remote();
        let remote = remote.ok_or(Error::new(Errno::EOPNOTSUPP, "there is no way to anybody yet"))?;
        let count = remote.look(|connection| match request {
            FIONREAD => connection.readable(),
            _ => connection.unsent(),
        });
        UserPtr::<i32>::new(argument).write(&i32::try_from(count).unwrap_or(i32::MAX))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        self.ready_events()
    }

    fn linger(&self) {
        self.wait_for_end();
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.ear.readable,
            Direction::Write => &self.ear.writable,
        })
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        // A connection that is on its way has a limit of its own.
        let waits = direction == Direction::Write && self.ends.lock().progress() == Progress::Connecting;
        self.options.timeout(direction).filter(|_| !waits)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}

impl Socket for VsockSocket {
    fn send(&self, _file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        self.send_some(from, message.flags, message.address.is_some())
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        self.receive_some(into, flags)
    }

    fn is_stream(&self) -> bool {
        self.kind == Kind::Stream
    }

    fn shut_down(&self, how: u32) -> Result<()> {
        let mut ends = self.ends.lock();
        let remote = ends.remote.clone().filter(|_| ends.progress() != Progress::Idle);
        let remote = remote.ok_or(NOT_CONNECTED)?;
        ends.is_over = true;
        drop(ends);
        // `SHUT_RD`, `SHUT_WR` and `SHUT_RDWR` are 0, 1 and 2; the flags are bits.
        remote.change(|connection| connection.shut_down(how + 1));
        Ok(())
    }

    fn bind(&self, view: &Context, address: &[u8]) -> Result<()> {
        connect::bind(self, view, address)
    }

    fn connect(&self, _view: &Context, address: &[u8]) -> Result<()> {
        connect::connect(self, address)
    }

    fn connected(&self) -> Result<()> {
        connect::outcome(self)
    }

    fn listen(&self, backlog: u32) -> Result<()> {
        connect::listen(self, backlog)
    }

    fn accept(&self, flags: OpenFlags) -> Result<(Arc<File>, Vec<u8>)> {
        let (accepted, peer) = connect::accept(self)?;
        Ok((crate::open(accepted, flags), peer))
    }

    fn address(&self) -> Result<Vec<u8>> {
        Ok(connect::show(self.ends.lock().own))
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        let ends = self.ends.lock();
        match ends.progress() {
            Progress::Connected => Ok(connect::show(ends.peer)),
            _ => Err(NOT_CONNECTED),
        }
    }

    fn listing(&self) -> Listing {
        let queues = match self.listener.get() {
            Some(listener) => listener.queue(),
            None => self.remote().map_or([0; 2], |remote| {
                remote.look(|connection| [connection.readable() as u32, connection.unsent() as u32])
            }),
        };
        Listing {
            queues,
            ..Listing::default()
        }
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        options::get(self, level, name)
    }

    fn option_of(&self, level: u32, name: u32, given: &[u8]) -> Result<Vec<u8>> {
        options::get_into(self, level, name, given.len())
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        options::set(self, level, name, value)
    }
}

impl Drop for VsockSocket {
    fn drop(&mut self) {
        let ends = self.ends.get_mut();
        if ends.has_claim {
            table::release(ends.own.port, &self.own);
        }
        let remote = ends.remote.take();
        if let Some(listener) = self.listener.get() {
            listener.close();
        }
        if let Some(remote) = remote {
            let now = time::now();
            remote.change(|connection| connection.abandon(now));
        }
    }
}
