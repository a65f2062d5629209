//! Sockets of one machine (`AF_UNIX`): streams, datagrams, and messages in sequence.
//!
//! A direction is a [`Channel`]; a socket has one that it receives from and one that it sends to, and an ear where all who wait for it wait.
//!
//! | module | what |
//! |---|---|
//! | `name` | addresses: paths and abstract names |
//! | `connect` | binding, listening, connecting, accepting |
//! | `transfer` | sending and receiving |
//! | `options` | options |
//!
//! It does not do: freeing sockets that were sent through themselves and are held by nobody else.

mod connect;
mod name;
mod options;
mod transfer;

use crate::channel::{Along, Channel, Ear};
use crate::options::Options;
use abi::fcntl::OpenFlags;
use abi::ioctl::{FIONREAD, SIOCATMARK};
use abi::socket::{
    AF_UNIX, SHUT_RD, SHUT_RDWR, SHUT_WR, SO_OOBINLINE, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET, Ucred,
};
use abi::stat::S_IFSOCK;
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use connect::Listener;
use lock::atomic::AtomicBool;
use lock::{Once, SpinLock};
use task::WaitQueue;
use usermem::{Sink, Source, UserPtr};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Listing, Outgoing, Socket};

const NOT_CONNECTED: Error = Error::new(Errno::ENOTCONN, "the socket is not connected");

/// How a socket passes what is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Bytes.
    Stream,
    /// Messages to anybody.
    Datagram,
    /// Messages to one peer.
    Sequence,
}

impl Style {
    /// From the number of `socket(2)`.
    #[must_use]
    pub fn new(kind: u32) -> Option<Self> {
        match kind {
            SOCK_STREAM => Some(Self::Stream),
            SOCK_DGRAM => Some(Self::Datagram),
            SOCK_SEQPACKET => Some(Self::Sequence),
            _ => None,
        }
    }

    const fn number(self) -> u32 {
        match self {
            Self::Stream => SOCK_STREAM,
            Self::Datagram => SOCK_DGRAM,
            Self::Sequence => SOCK_SEQPACKET,
        }
    }
}

/// Whom datagrams without an address go to.
#[derive(Clone)]
struct Chosen {
    channel: Arc<Channel>,
    socket: Weak<UnixSocket>,
}

/// A socket.
pub struct UnixSocket {
    style: Style,
    own: Weak<Self>,
    ear: Arc<Ear>,
    incoming: Once<Arc<Channel>>,
    /// Where a connected stream or sequence sends to.
    fixed: Once<Arc<Channel>>,
    /// Where datagrams without an address go.
    chosen: SpinLock<Option<Chosen>>,
    listener: Once<Listener>,
    name: SpinLock<Vec<u8>>,
    peer_name: SpinLock<Vec<u8>>,
    owner: Ucred,
    peer: SpinLock<Option<Ucred>>,
    /// Whether the socket tells who sent (`SO_PASSCRED`).
    tells_sender: AtomicBool,
    options: Options,
}

impl UnixSocket {
    fn new(style: Style, owner: Ucred) -> Arc<Self> {
        Arc::new_cyclic(|own| {
            let socket = Self {
                style,
                own: Weak::clone(own),
                ear: Arc::default(),
                incoming: Once::new(),
                fixed: Once::new(),
                chosen: SpinLock::new(None),
                listener: Once::new(),
                name: SpinLock::new(Vec::new()),
                peer_name: SpinLock::new(Vec::new()),
                owner,
                peer: SpinLock::new(None),
                tells_sender: AtomicBool::new(false),
                options: Options::default(),
            };
            if style == Style::Datagram {
                let _ = socket.incoming.set(Channel::local(false, &socket.ear));
            }
            socket
        })
    }

    /// Makes two sockets each other's peers.
    fn join(first: &Arc<Self>, second: &Arc<Self>) {
        for (to, from) in [(first, second), (second, first)] {
            let channel = to
                .incoming
                .get_or_init(|| Channel::local(to.style == Style::Stream, &to.ear));
            channel.set_writer(&from.ear);
            if let Some(filter) = to.options.filter() {
                channel.set_filter(Some(filter));
            }
            if to.options.is_set(SOL_SOCKET, SO_OOBINLINE) {
                channel.set_urgent_inline(true);
            }
            if from.is_datagram() {
                *from.chosen.lock() = Some(Chosen {
                    channel: Arc::clone(channel),
                    socket: Arc::downgrade(to),
                });
            } else {
                let _ = from.fixed.set(Arc::clone(channel));
            }
            *to.peer.lock() = Some(from.owner);
        }
    }

    fn outgoing(&self) -> Option<Arc<Channel>> {
        let chosen = || self.chosen.lock().as_ref().map(|chosen| Arc::clone(&chosen.channel));
        self.fixed.get().cloned().or_else(chosen)
    }

    fn is_datagram(&self) -> bool {
        self.style == Style::Datagram
    }

    /// Whether something can be sent. If not, who waits for that hears of it.
    fn is_writable(&self, outgoing: &Channel) -> bool {
        outgoing.is_writable()
            || (self.is_datagram() && {
                outgoing.remember_refused(&self.ear);
                outgoing.is_writable()
            })
    }
}

impl FileLike for UnixSocket {
    #[inline]
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        match self.incoming.get() {
            Some(channel) if self.style == Style::Stream => channel.read(into),
            _ => Ok(self.receive_any(into, 0)?.count),
        }
    }

    #[inline]
    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        if self.style == Style::Stream {
            return self.fixed.get().ok_or(NOT_CONNECTED)?.write(from, Along::Nothing);
        }
        self.send_any(from, &mut Outgoing::default())
    }

    fn writes_everything(&self) -> bool {
        self.style == Style::Stream
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        let incoming = self.incoming.get();
        let waiting = match request {
            FIONREAD => incoming.map_or(0, |channel| channel.next_len()),
            SIOCATMARK if self.style == Style::Stream => {
                usize::from(incoming.is_some_and(|channel| channel.is_at_urgent()))
            }
            _ => return Err(Error::new(Errno::ENOTTY, "a socket does not know the request")),
        };
        UserPtr::<i32>::new(argument).write(&(waiting as i32))?;
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        if let Some(listener) = self.listener.get() {
            return if listener.is_empty() {
                Events::empty()
            } else {
                Events::READABLE
            };
        }
        let mut events = Events::empty();
        let outgoing = self.outgoing();
        let incoming = self.incoming.get();
        let no_more_in = incoming.is_some_and(|channel| channel.writer_gone() || channel.reader_gone());
        let no_more_out = outgoing
            .as_ref()
            .is_some_and(|channel| channel.reader_gone() || channel.writer_gone());
        let waits = incoming.is_some_and(|channel| !channel.is_empty());
        events.set(Events::READABLE, waits || no_more_in);
        events.set(Events::RDHUP, no_more_in);
        events.set(Events::PRI, incoming.is_some_and(|channel| channel.has_urgent()));
        events.set(Events::HUP, no_more_in && no_more_out);
        events.set(Events::ERR, incoming.is_some_and(|channel| channel.is_reset()));
        let connected = outgoing.is_some() || self.is_datagram();
        events.set(Events::HUP, events.contains(Events::HUP) || !connected);
        let writable = outgoing.is_none_or(|channel| self.is_writable(&channel));
        events.set(Events::WRITABLE, writable);
        events
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.ear.readable,
            Direction::Write => &self.ear.writable,
        })
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        self.options.timeout(direction)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }
}

impl Socket for UnixSocket {
    fn send(&self, _file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        self.send_any(from, message)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        self.receive_any(into, flags)
    }

    fn is_stream(&self) -> bool {
        self.style == Style::Stream
    }

    fn shut_down(&self, how: u32) -> Result<()> {
        let outgoing = self.outgoing();
        if outgoing.is_none() && !self.is_datagram() && self.listener.get().is_none() {
            return Err(NOT_CONNECTED);
        }
        if matches!(how, SHUT_RD | SHUT_RDWR)
            && let Some(incoming) = self.incoming.get()
        {
            incoming.end_reading();
        }
        if matches!(how, SHUT_WR | SHUT_RDWR)
            && let Some(outgoing) = outgoing
        {
            outgoing.end_writing();
        }
        if let Some(listener) = self.listener.get() {
            listener.close();
        }
        self.ear.wake_all();
        Ok(())
    }

    fn bind(&self, view: &Context, address: &[u8]) -> Result<()> {
        connect::bind(self, view, address)
    }

    fn connect(&self, view: &Context, address: &[u8]) -> Result<()> {
        connect::connect(self, view, address)
    }

    fn listen(&self, backlog: u32) -> Result<()> {
        connect::listen(self, backlog)
    }

    fn accept(&self, flags: OpenFlags) -> Result<(Arc<File>, Vec<u8>)> {
        let socket = self
            .listener
            .get()
            .ok_or(Error::new(Errno::EINVAL, "the socket does not listen"))?
            .take()?;
        let address = address_of(&socket.peer_name.lock());
        Ok((open(socket, flags), address))
    }

    fn address(&self) -> Result<Vec<u8>> {
        Ok(address_of(&self.name.lock()))
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        if self.outgoing().is_none() {
            return Err(NOT_CONNECTED);
        }
        Ok(address_of(&self.peer_name.lock()))
    }

    fn listing(&self) -> Listing {
        let name_of = |channel: Option<&Arc<Channel>>| channel.map_or(0, |channel| Arc::as_ptr(channel).addr());
        let (incoming, outgoing) = (self.incoming.get(), self.outgoing());
        Listing {
            queues: match self.listener.get() {
                Some(listener) => listener.queue(),
                None => [incoming.map_or(0, |channel| channel.next_len()) as u32, 0],
            },
            uid: self.owner.uid,
            ends: [name_of(incoming), name_of(outgoing.as_ref())],
            ..Listing::default()
        }
    }

    fn check_level(&self, level: u32, sets: bool) -> Result<()> {
        options::sort(self).check_level(level, sets)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        options::get(self, level, name)
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        options::set(self, level, name, value)
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get() {
            listener.close();
        }
        let name = core::mem::take(self.name.get_mut());
        name::forget(&name, &self.own);
        let outgoing = self.outgoing();
        if let Some(incoming) = self.incoming.get() {
            incoming.abandon(outgoing.as_deref().filter(|_| self.style != Style::Datagram));
        }
        if let Some(outgoing) = outgoing
            && self.style != Style::Datagram
        {
            outgoing.end_writing();
        }
    }
}

/// A name as `struct sockaddr_un`.
fn address_of(name: &[u8]) -> Vec<u8> {
    let mut address = AF_UNIX.to_ne_bytes().to_vec();
    address.extend_from_slice(name);
    if name.first().is_some_and(|first| *first != 0) {
        address.push(0);
    }
    address
}

fn open(socket: Arc<UnixSocket>, flags: OpenFlags) -> Arc<File> {
    let place = vfs::anonymous_place(b"socket:", S_IFSOCK | 0o777);
    vfs::anonymous_file(place, OpenFlags::RDWR | flags & OpenFlags::NONBLOCK, socket)
}

/// Makes a socket; `flags` may have `O_NONBLOCK`.
#[must_use]
pub fn socket(style: Style, owner: Ucred, flags: OpenFlags) -> Arc<File> {
    open(UnixSocket::new(style, owner), flags)
}

/// Makes two sockets that are each other's peers.
#[must_use]
pub fn socket_pair(style: Style, owner: Ucred, flags: OpenFlags) -> [Arc<File>; 2] {
    let pair = [(); 2].map(|()| UnixSocket::new(style, owner));
    UnixSocket::join(&pair[0], &pair[1]);
    pair.map(|socket| open(socket, flags))
}
