//! TCP sockets.
//!
//! A connection is two channels; each socket receives from one and sends to the other. What Linux's protocol would do with packets is done at once: a close with bytes unread
//! resets the other side, the first bytes sent to who has closed go nowhere and bring the reset, the next are refused.

use crate::connect::{self, Listener, Progress};
use crate::dissolve::{Given, Renewed};
use crate::ports::{Holder, Ports, Wish};
use crate::remote::Remote;
use crate::{address, mirror, options, stream_options};
use abi::fcntl::OpenFlags;
use abi::ioctl::SIOCATMARK;
use abi::socket::{
    AF_INET6, MSG_OOB, MSG_PEEK, MSG_TRUNC, SHUT_RD, SHUT_RDWR, SHUT_WR, SO_OOBINLINE, SO_RCVBUF, SO_REUSEADDR,
    SO_REUSEPORT, SO_SNDBUF, SOL_SOCKET,
};
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::SocketAddr;
use ipc::channel::{Along, Channel, Ear};
use ipc::options::Options;
use lock::atomic::{AtomicBool, AtomicU32, Ordering};
use lock::{Once, SpinLock};
use task::WaitQueue;
use tcp::State;
use usermem::{Sink, Source};
use vfs::{Context, Direction, Events, File, FileLike, Incoming, Listing, Outgoing, Socket};

pub(crate) const NOT_CONNECTED: Error = Error::new(Errno::ENOTCONN, "the socket is not connected");
const PIPE: Error = Error::new(Errno::EPIPE, "nobody receives any more");

/// The ports of TCP.
pub(crate) static PORTS: Ports<TcpSocket> = Ports::new();

/// States of TCP, as lists show them.
mod listed {
    pub(super) const CONNECTING: u8 = 2;
    pub(super) const SENT_END: u8 = 5;
    pub(super) const CLOSED: u8 = 7;
    pub(super) const GOT_END: u8 = 8;
}

/// Who a socket is and whom it talks to.
#[derive(Default)]
pub(crate) struct Ends {
    /// The address that it was bound to; that of a connection once there is one.
    pub(crate) own: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) progress: Progress,
    /// If the port is a listener's and not the socket's: with which wish it is served there.
    pub(crate) served: Option<Wish>,
    /// What `bind` gave.
    pub(crate) given: Given,
    /// What it shows as its address while it has none: what was left of one.
    pub(crate) shown: Option<SocketAddr>,
}

/// A stream socket.
pub(crate) struct TcpSocket {
    pub(crate) family: u16,
    pub(crate) uid: u32,
    pub(crate) own: Weak<Self>,
    pub(crate) ear: Arc<Ear>,
    pub(crate) ends: SpinLock<Ends>,
    /// What it receives from and what it sends to, once it is connected.
    pub(crate) incoming: Once<Arc<Channel>>,
    pub(crate) outgoing: Once<Arc<Channel>>,
    /// The connection, if it is over the network.
    pub(crate) remote: SpinLock<Option<Arc<Remote>>>,
    pub(crate) listener: Once<Listener>,
    pub(crate) options: Options,
    /// What went wrong and nobody was told yet: an errno.
    error: AtomicU32,
    stopped_reading: AtomicBool,
    stopped_writing: AtomicBool,
    /// It is among the connections that there are, with somebody in the machine.
    is_counted: AtomicBool,
    /// Bytes were sent to who has closed.
    sent_in_vain: AtomicBool,
    /// What it has become, if a connection was dissolved.
    pub(crate) renewed: Renewed,
}

impl TcpSocket {
    pub(crate) fn new(family: u16, uid: u32) -> Arc<Self> {
        Self::with_ear(family, uid, Arc::default())
    }

    /// One where those who wait are somewhere already.
    pub(crate) fn with_ear(family: u16, uid: u32, ear: Arc<Ear>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            family,
            uid,
            own: Weak::clone(own),
            ear,
            ends: SpinLock::new(Ends::default()),
            incoming: Once::new(),
            outgoing: Once::new(),
            remote: SpinLock::new(None),
            listener: Once::new(),
            options: Options::default(),
            error: AtomicU32::new(0),
            stopped_reading: AtomicBool::new(false),
            stopped_writing: AtomicBool::new(false),
            is_counted: AtomicBool::new(false),
            sent_in_vain: AtomicBool::new(false),
            renewed: Renewed::default(),
        })
    }

    /// Makes two sockets each other's peers.
    pub(crate) fn join(first: &Self, second: &Self) {
        for (to, from) in [(first, second), (second, first)] {
            let channel = Channel::new(true, &to.ear);
            channel.set_writer(&from.ear);
            channel.set_urgent_inline(to.options.is_set(SOL_SOCKET, SO_OOBINLINE));
            for (socket, who, name) in [(from, Direction::Write, SO_SNDBUF), (to, Direction::Read, SO_RCVBUF)] {
                if let Some(bytes) = socket.options.kept(SOL_SOCKET, name) {
                    channel.set_room(who, bytes as usize);
                }
            }
            let _ = from.outgoing.set(Arc::clone(&channel));
            let _ = to.incoming.set(channel);
            to.is_counted.store(true, Ordering::Relaxed);
            counters::tcp::CURR_ESTAB.count();
        }
    }

    /// It is no connection any more, or not in both directions.
    fn uncount(&self) {
        if self.is_counted.swap(false, Ordering::Relaxed) {
            counters::tcp::CURR_ESTAB.leave();
        }
    }

    /// A connection that has just been accepted: who it is, whom it talks to, and that its listener's port serves it.
    pub(crate) fn serve(&self, own: SocketAddr, peer: SocketAddr, listener: &Self) {
        let wish = self.wish(own);
        let given = listener.ends.lock().given;
        *self.ends.lock() = Ends {
            own: Some(own),
            peer: Some(peer),
            progress: Progress::Known,
            served: Some(wish),
            given,
            shown: None,
        };
        PORTS.serve(wish, own.port());
    }

    /// What it asks of the table of ports.
    pub(crate) fn wish(&self, own: SocketAddr) -> Wish {
        Wish {
            ip: own.ip(),
            only_v6: self.family == AF_INET6 && options::is_only_v6(&self.options),
            reuse_address: self.options.is_set(SOL_SOCKET, SO_REUSEADDR),
            reuse_port: self.options.is_set(SOL_SOCKET, SO_REUSEPORT),
            uid: self.uid,
            range: options::port_range(&self.options),
        }
    }

    pub(crate) fn fail(&self, errno: Errno) {
        self.keep_error(errno);
        self.ear.wake_all();
    }

    /// Something went wrong that is told to who asks next.
    pub(crate) fn keep_error(&self, errno: Errno) {
        self.error.store(u32::from(errno.0), Ordering::SeqCst);
    }

    /// What went wrong, told once.
    pub(crate) fn take_error(&self) -> Option<Errno> {
        let reset = self.incoming.get().is_some_and(|channel| channel.take_reset());
        let errno = match self.error.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.error.swap(0, Ordering::AcqRel),
        };
        match errno {
            0 if reset => Some(Errno::ECONNRESET),
            0 => self.remote().and_then(|remote| remote.take_error()),
            errno => Some(Errno(errno as u16)),
        }
    }

    /// The connection over the network.
    pub(crate) fn remote(&self) -> Option<Arc<Remote>> {
        self.remote.lock().clone()
    }

    /// Sees how far a connection over the network is that was begun.
    pub(crate) fn look_around(&self) -> Result<()> {
        let Some(remote) = self.remote() else { return Ok(()) };
        let mut ends = self.ends.lock();
        if ends.progress != Progress::Waiting {
            return Ok(());
        }
        let (is_open, is_over) = remote.look(|connection| (connection.is_open(), connection.state() == State::Closed));
        if is_open {
            ends.progress = Progress::Made;
        } else if is_over {
            ends.progress = Progress::Idle;
            ends.peer = None;
            drop(ends);
            *self.remote.lock() = None;
            if let Some(errno) = remote.take_error() {
                return Err(errno.into());
            }
        }
        Ok(())
    }

    /// Whether there was a connection within the machine that is over, because both directions have ended or one side has gone.
    pub(crate) fn is_over(&self) -> bool {
        self.incoming.get().is_some_and(|incoming| {
            let both = incoming.writer_gone() && self.stopped_writing.load(Ordering::Relaxed);
            both || incoming.was_reset() || incoming.reader_gone() || self.sent_in_vain.load(Ordering::Relaxed)
        })
    }

    /// The connection is gone, and the other side hears so.
    pub(crate) fn abort(&self) {
        if let Some(remote) = self.remote() {
            remote.abort();
        }
        if let Some(outgoing) = self.outgoing.get() {
            if link::packet::has_any() && !self.is_over() {
                mirror::reset(self);
            }
            outgoing.reset_reader();
            outgoing.end_writing();
            self.uncount();
        }
        if let Some(incoming) = self.incoming.get() {
            incoming.abandon(None);
        }
    }

    fn has_failed(&self) -> bool {
        self.error.load(Ordering::Relaxed) != 0 || self.incoming.get().is_some_and(|channel| channel.is_reset())
    }

    #[inline]
    fn write_some(&self, from: &mut Source<'_>, flags: u32) -> Result<usize> {
        let Some(outgoing) = self.outgoing.get() else {
            return self.write_away(from, flags);
        };
        if self.stopped_writing.load(Ordering::Relaxed) || outgoing.reader_gone() {
            return self.write_in_vain(from, flags);
        }
        let along = if flags & MSG_OOB != 0 {
            Along::Urgent(false)
        } else {
            Along::Nothing
        };
        if link::packet::has_any() {
            return mirror::write(self, outgoing, from, along);
        }
        outgoing.write(from, along)
    }

    /// To who is not in the machine, or nobody.
    fn write_away(&self, from: &mut Source<'_>, flags: u32) -> Result<usize> {
        if let Some(remote) = self.remote() {
            return remote.write(from, flags);
        }
        if let Some(now) = self.renewed.get() {
            return now.write_some(from, flags);
        }
        match self.ends.lock().progress {
            Progress::Waiting => Err(Errno::EAGAIN.into()),
            _ => Err(PIPE),
        }
    }

    /// Nobody is there any more: who was not told yet finds out by sending.
    #[cold]
    #[inline(never)]
    fn write_in_vain(&self, from: &mut Source<'_>, flags: u32) -> Result<usize> {
        if let Some(now) = self.renewed.get() {
            return now.write_some(from, flags);
        }
        if self.stopped_writing.load(Ordering::Relaxed) {
            return Err(PIPE);
        }
        let knows = self.incoming.get().is_some_and(|channel| channel.was_reset());
        if let Some(errno) = self.take_error() {
            return Err(errno.into());
        }
        if knows || self.sent_in_vain.swap(true, Ordering::Relaxed) {
            return Err(PIPE);
        }
        // As on Linux, which has heard the other side's end before.
        self.fail(Errno::EPIPE);
        Ok(from.skip(self.outgoing.get().map_or(usize::MAX, |outgoing| outgoing.capacity())))
    }

    fn ready_events(&self) -> Events {
        if let Some(listener) = self.listener.get() {
            return listener.ready();
        }
        let (Some(incoming), Some(outgoing)) = (self.incoming.get(), self.outgoing.get()) else {
            if let Some(remote) = self.remote() {
                return remote.events(self.stopped_reading.load(Ordering::Relaxed));
            }
            let waiting = matches!(self.ends.lock().progress, Progress::Waiting);
            let error = self.error.load(Ordering::Relaxed);
            // One that was dissolved receives no end.
            let ended = error != 0 && error != u32::from(Errno::ECONNRESET.0);
            let mut events = Events::empty();
            events.set(Events::WRITABLE | Events::HUP, !waiting);
            events.set(Events::ERR, error != 0);
            events.set(Events::READABLE | Events::RDHUP, ended);
            return events;
        };
        let failed = self.has_failed();
        if incoming.reader_gone() {
            let mut events = Events::WRITABLE | Events::HUP;
            events.set(Events::ERR, failed);
            return events;
        }
        let in_ended = incoming.writer_gone() || self.stopped_reading.load(Ordering::Relaxed);
        let vain = self.sent_in_vain.load(Ordering::Relaxed);
        let out_ended = self.stopped_writing.load(Ordering::Relaxed) || vain || incoming.was_reset();
        let mut events = Events::empty();
        events.set(Events::READABLE, in_ended || failed || !incoming.is_empty());
        events.set(Events::RDHUP, in_ended);
        events.set(Events::PRI, incoming.has_urgent());
        events.set(
            Events::WRITABLE,
            out_ended || outgoing.reader_gone() || outgoing.is_writable(),
        );
        events.set(Events::HUP, in_ended && out_ended);
        events.set(Events::ERR, failed || vain);
        events
    }
}

impl TcpSocket {
    #[cold]
    fn request(&self, request: u32, argument: u64) -> Result<u64> {
        if self.listener.get().is_some() && request != SIOCATMARK {
            return Err(Error::new(Errno::EINVAL, "the socket listens"));
        }
        if let Some(remote) = self.remote() {
            return stream_options::request(&remote, request, argument);
        }
        stream_options::request_here(self, request, argument)
    }

    fn receive_some(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let remote = if self.incoming.get().is_some() {
            None
        } else {
            self.remote()
        };
        if let Some(remote) = remote {
            return self.receive_away(&remote, into, flags);
        }
        if flags & MSG_OOB != 0 {
            return self.receive_urgent(into, flags);
        }
        let Some(channel) = self.incoming.get() else {
            return match self.take_error() {
                Some(errno) => Err(errno.into()),
                None => Err(NOT_CONNECTED),
            };
        };
        if into.left() == 0 && !channel.is_empty() {
            return Ok(Incoming::default());
        }
        if channel.is_empty() && self.stopped_reading.load(Ordering::Relaxed) {
            return Ok(Incoming::default());
        }
        channel.receive(into, flags)
    }

    /// Receives from who is not in the machine.
    fn receive_away(&self, remote: &Remote, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        let mut incoming = Incoming::default();
        if flags & MSG_OOB != 0 {
            incoming.count = remote.read_urgent(into, flags)?;
            incoming.flags = MSG_OOB;
            return Ok(incoming);
        }
        let stopped = self.stopped_reading.load(Ordering::Relaxed);
        incoming.count = match remote.read(into, flags) {
            Err(error) if stopped && error.errno == Errno::EAGAIN => 0,
            read => read?,
        };
        Ok(incoming)
    }
}

impl TcpSocket {
    #[cold]
    #[inline(never)]
    fn receive_urgent(&self, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        if self.listener.get().is_some() {
            return Err(NOT_CONNECTED);
        }
        let nothing = Error::new(Errno::EINVAL, "nothing comes out of band");
        let channel = self.incoming.get().ok_or(nothing)?;
        let byte = channel.take_urgent(flags & MSG_PEEK != 0)?;
        let has_room = into.left() > 0;
        let cut = if has_room { 0 } else { MSG_TRUNC };
        Ok(Incoming {
            count: if has_room { into.put(&[byte])? } else { 0 },
            flags: MSG_OOB | cut,
            ..Incoming::default()
        })
    }
}

impl Holder for TcpSocket {
    fn is_listening(&self) -> bool {
        self.listener.get().is_some_and(Listener::is_open)
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.ends.lock().peer
    }
}

impl FileLike for TcpSocket {
    #[inline]
    fn read(&self, file: &File, into: &mut Sink<'_>) -> Result<usize> {
        match self.incoming.get() {
            Some(channel) if !channel.is_empty() => channel.read(into),
            _ => Ok(self.receive(file, into, 0)?.count),
        }
    }

    #[inline]
    fn write(&self, _file: &File, from: &mut Source<'_>) -> Result<usize> {
        self.write_some(from, 0)
    }

    fn writes_everything(&self) -> bool {
        true
    }

    fn room(&self) -> usize {
        match (self.outgoing.get(), self.remote()) {
            (None, Some(remote)) => remote.look(|connection| if connection.may_send() { connection.room() } else { 0 }),
            _ => 0,
        }
    }

    fn take_over(&self, bytes: &mut Vec<u8>) -> bool {
        self.outgoing.get().is_none() && self.remote().is_some_and(|remote| remote.take_over(bytes))
    }

    fn ioctl(&self, _file: &File, request: u32, argument: u64) -> Result<u64> {
        match self.renewed.get() {
            Some(now) => now.request(request, argument),
            None => self.request(request, argument),
        }
    }

    fn ready(&self, _file: &File) -> Events {
        match self.renewed.get() {
            Some(now) => now.ready_events(),
            None => self.ready_events(),
        }
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        Some(match direction {
            Direction::Read => &self.ear.readable,
            Direction::Write => &self.ear.writable,
        })
    }

    fn timeout(&self, direction: Direction) -> Option<u64> {
        if let Some(now) = self.renewed.get() {
            return now.timeout(direction);
        }
        self.options.timeout(direction)
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn linger(&self) {
        if let Some(now) = self.renewed.get() {
            return now.linger();
        }
        let Some(seconds) = self.options.linger().filter(|seconds| *seconds > 0) else {
            return;
        };
        let remote = self.remote();
        if let Some(remote) = &remote {
            remote.finish();
        } else if let (Some(incoming), Some(outgoing)) = (self.incoming.get(), self.outgoing.get()) {
            if incoming.next_len() > 0 {
                return;
            }
            mirror::end(self, outgoing);
            self.uncount();
        }
        let deadline = time::now().saturating_add(seconds.unsigned_abs() as u64 * 1_000_000_000);
        let has_arrived = || match (&remote, self.outgoing.get()) {
            (Some(remote), _) => remote.look(tcp::Connection::has_sent_everything),
            (None, Some(outgoing)) => outgoing.is_writable() || outgoing.reader_gone(),
            (None, None) => true,
        };
        // Whatever comes first: what is left goes its way.
        let _ = task::wait_more(&[&self.ear.writable], Some(deadline), || has_arrived().then_some(()));
    }
}

impl Socket for TcpSocket {
    fn send(&self, _file: &File, from: &mut Source<'_>, message: &mut Outgoing) -> Result<usize> {
        self.write_some(from, message.flags)
    }

    fn receive(&self, _file: &File, into: &mut Sink<'_>, flags: u32) -> Result<Incoming> {
        match self.renewed.get() {
            Some(now) => now.receive_some(into, flags),
            None => self.receive_some(into, flags),
        }
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn shut_down(&self, how: u32) -> Result<()> {
        if let Some(now) = self.renewed.get() {
            return now.shut_down(how);
        }
        if let Some(listener) = self.listener.get() {
            if matches!(how, SHUT_RD | SHUT_RDWR) {
                listener.close();
                self.ear.wake_all();
            }
            return Ok(());
        }
        let remote = self.remote();
        if remote
            .as_ref()
            .is_some_and(|remote| remote.look(tcp::Connection::is_open))
        {
            if matches!(how, SHUT_RD | SHUT_RDWR) {
                self.stopped_reading.store(true, Ordering::SeqCst);
            }
            if matches!(how, SHUT_WR | SHUT_RDWR) {
                remote.iter().for_each(|remote| remote.finish());
            }
            self.ear.wake_all();
            return Ok(());
        }
        let outgoing = self.outgoing.get().ok_or(NOT_CONNECTED)?;
        let was_over = self.is_over();
        if matches!(how, SHUT_RD | SHUT_RDWR) {
            self.stopped_reading.store(true, Ordering::SeqCst);
        }
        if matches!(how, SHUT_WR | SHUT_RDWR) {
            self.stopped_writing.store(true, Ordering::SeqCst);
            mirror::end(self, outgoing);
            self.uncount();
        }
        self.ear.wake_all();
        // As on Linux, it has its effect all the same.
        if was_over { Err(NOT_CONNECTED) } else { Ok(()) }
    }

    fn bind(&self, view: &Context, address: &[u8]) -> Result<()> {
        if let Some(now) = self.renewed.get() {
            return now.bind(view, address);
        }
        let wanted = options::parse_for_bind(self.family, address, &view.credentials)?;
        let mut ends = self.ends.lock();
        if ends.own.is_some() {
            return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
        }
        ends.given = Given::new(wanted);
        if wanted.port() == 0 && options::binds_without_port(&self.options) {
            ends.shown = Some(wanted);
            return Ok(());
        }
        let port = PORTS.claim(self.wish(wanted), wanted.port(), &self.own)?;
        ends.own = Some(SocketAddr::new(wanted.ip(), port));
        Ok(())
    }

    fn connect(&self, _view: &Context, address: &[u8]) -> Result<()> {
        if address::is_unspecified(address)? {
            return self.dissolve();
        }
        match self.renewed.get() {
            Some(now) => connect::connect(&now, address),
            None => connect::connect(self, address),
        }
    }

    fn connected(&self) -> Result<()> {
        if let Some(now) = self.renewed.get() {
            return now.connected();
        }
        connect::outcome(self)
    }

    fn listen(&self, backlog: u32) -> Result<()> {
        if let Some(now) = self.renewed.get() {
            return now.listen(backlog);
        }
        connect::listen(self, backlog)
    }

    fn accept(&self, flags: OpenFlags) -> Result<(Arc<File>, Vec<u8>)> {
        if let Some(now) = self.renewed.get() {
            return now.accept(flags);
        }
        let listener = self.listener.get();
        let listener = listener.ok_or(Error::new(Errno::EINVAL, "the socket does not listen"))?;
        let socket = listener.take()?;
        let peer = socket.peer().ok_or(NOT_CONNECTED)?;
        let shown = address::show(self.family, peer);
        Ok((crate::open(socket, flags), shown))
    }

    fn address(&self) -> Result<Vec<u8>> {
        if let Some(now) = self.renewed.get() {
            return now.address();
        }
        let ends = self.ends.lock();
        let own = ends.own.or(ends.shown);
        drop(ends);
        let own = own.unwrap_or(SocketAddr::new(address::any(self.family), 0));
        Ok(address::show(self.family, own))
    }

    fn peer_address(&self) -> Result<Vec<u8>> {
        if let Some(now) = self.renewed.get() {
            return now.peer_address();
        }
        let is_open = |remote: Arc<Remote>| remote.look(tcp::Connection::is_open);
        let connected = self.outgoing.get().is_some() && !self.is_over() || self.remote().is_some_and(is_open);
        let peer = self.peer().filter(|_| connected).ok_or(NOT_CONNECTED)?;
        Ok(address::show(self.family, peer))
    }

    fn listing(&self) -> Listing {
        if let Some(now) = self.renewed.get() {
            return now.listing();
        }
        let waiting = |channel: Option<&Arc<Channel>>| channel.map_or(0, |channel| channel.next_len()) as u32;
        let incoming = self.incoming.get();
        if let Some(remote) = self.remote() {
            return remote.look(|connection| Listing {
                state: connection.state() as u8,
                queues: [connection.readable() as u32, connection.unsent() as u32],
                uid: self.uid,
                ends: [0; 2],
            });
        }
        let stopped = self.stopped_writing.load(Ordering::Relaxed);
        let state = match incoming.map(|incoming| incoming.writer_gone()) {
            None if self.ends.lock().progress == Progress::Waiting => listed::CONNECTING,
            Some(false) if stopped => listed::SENT_END,
            Some(true) if stopped => listed::CLOSED,
            Some(true) => listed::GOT_END,
            _ => 0,
        };
        Listing {
            state,
            queues: match self.listener.get() {
                Some(listener) => listener.queue(),
                // What was sent is with the other side already.
                None => [waiting(incoming), 0],
            },
            uid: self.uid,
            ends: [0; 2],
        }
    }

    fn check_level(&self, level: u32, sets: bool) -> Result<()> {
        stream_options::sort(self).check_level(level, sets)
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        if let Some(now) = self.renewed.get() {
            return now.option(level, name);
        }
        stream_options::get(self, level, name)
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        if let Some(now) = self.renewed.get() {
            return now.set_option(level, name, value);
        }
        stream_options::set(self, level, name, value)
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        let ends = self.ends.get_mut();
        match (ends.own, ends.served) {
            (Some(own), Some(wish)) => PORTS.leave(wish, own.port()),
            (Some(own), None) => PORTS.release(own.port(), &self.own),
            (None, _) => {}
        }
        if let Some(listener) = self.listener.get() {
            listener.close();
        }
        if let Some(remote) = self.remote.get_mut().take() {
            remote.close(self.options.linger() == Some(0));
        }
        if self.options.linger() == Some(0) {
            self.abort();
            return;
        }
        if let Some(incoming) = self.incoming.get() {
            incoming.abandon(self.outgoing.get().map(|outgoing| &**outgoing));
        }
        if let Some(outgoing) = self.outgoing.get() {
            mirror::end(self, outgoing);
            self.uncount();
        }
    }
}
