//! Listening, connecting, accepting.
//!
//! A connection to an address of the machine itself is there at once, or refused at once; but a program that does not want to wait is told so only when it asks again, as
//! where packets travel. While too many wait to be accepted, who connects waits in a second line.

use crate::half_open::Requests;
use crate::ports::{Coming, What};
use crate::remote::{self, Remote};
use crate::stream::{Ends, PORTS, TcpSocket};
use crate::table::plain;
use crate::{address, device, filters, limits, mirror, stream_options};
use abi::socket::AF_INET6;
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::SocketAddr;
use inet_options::left;
use ip::Via;
use ipc::channel::Ear;
use lock::SpinLock;
use time::Expire;
use vfs::Events;

const CONNECTED: Error = Error::new(Errno::EADDRNOTAVAIL, "there is such a connection already");

/// How far a connection is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nobody asked for one.
    #[default]
    Idle,
    /// Too many wait to be accepted.
    Waiting,
    /// It is there, and nobody was told yet.
    Made,
    /// It is there.
    Known,
    /// It came to nothing, and nobody has asked for another one or how this one came out.
    Lost,
}

/// What a socket that listens has.
pub(crate) struct Listener {
    state: SpinLock<State>,
    ear: Arc<Ear>,
    /// Who has begun to connect over the network.
    pub(crate) requests: Arc<Requests>,
}

struct State {
    waiting: VecDeque<Arc<TcpSocket>>,
    /// Who connects and does not fit into `waiting`, with the listening side's address.
    outside: VecDeque<(Weak<TcpSocket>, SocketAddr)>,
    backlog: usize,
    closed: bool,
}

impl Listener {
    pub(crate) fn ready(&self) -> Events {
        let state = self.state.lock();
        match (state.closed, state.waiting.is_empty()) {
            (true, _) => Events::WRITABLE | Events::HUP | Events::READABLE | Events::RDHUP,
            (false, true) => Events::empty(),
            (false, false) => Events::READABLE,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.state.lock().closed
    }

    /// How many wait to be accepted, and how many may.
    pub(crate) fn queue(&self) -> [u32; 2] {
        let state = self.state.lock();
        [state.waiting.len() as u32, state.backlog as u32]
    }

    /// All that wait to be accepted.
    pub(crate) fn waiting(&self) -> Vec<Arc<TcpSocket>> {
        self.state.lock().waiting.iter().map(Arc::clone).collect()
    }

    /// One that waits to be accepted; another may take its place then.
    pub(crate) fn take(&self) -> Result<Arc<TcpSocket>> {
        let mut state = self.state.lock();
        let taken = state.waiting.pop_front();
        let closed = state.closed;
        let next = state.outside.pop_front();
        drop(state);
        if let Some((client, to)) = next
            && let Some(client) = client.upgrade()
        {
            attempt(&client, to, 0);
        }
        taken.ok_or(if closed {
            Error::new(Errno::EINVAL, "the socket does not listen any more")
        } else {
            Errno::EAGAIN.into()
        })
    }

    /// Whether one more may wait to be accepted, and how many may; nothing if nobody accepts any more.
    pub(crate) fn room(&self) -> Option<(bool, usize)> {
        let state = self.state.lock();
        (!state.closed).then(|| (state.waiting.len() <= state.backlog, state.backlog))
    }

    /// One more waits to be accepted.
    pub(crate) fn put(&self, socket: Arc<TcpSocket>) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            return socket.abort();
        }
        state.waiting.push_back(socket);
    }

    /// Nobody accepts any more: those who wait are told.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let waiting = core::mem::take(&mut state.waiting);
        let outside = core::mem::take(&mut state.outside);
        drop(state);
        waiting.iter().for_each(|socket| socket.abort());
        for client in outside.iter().filter_map(|(client, _)| client.upgrade()) {
            refuse(&client);
        }
    }
}

#[cold]
#[inline(never)]
pub(crate) fn listen(socket: &TcpSocket, backlog: u32) -> Result<()> {
    let mut ends = socket.ends.lock();
    if ends.progress != Progress::Idle {
        return Err(Error::new(Errno::EINVAL, "the socket is connected"));
    }
    let own = match ends.own {
        Some(own) => own,
        None => {
            let all = ends.given.with_port(socket.family, 0);
            let port = socket.claim(all)?;
            *ends.own.insert(SocketAddr::new(all.ip(), port))
        }
    };
    drop(ends);
    if !PORTS.may_listen(own.port(), &socket.own) {
        return Err(Error::new(Errno::EADDRINUSE, "somebody else listens there"));
    }
    let listener = socket.listener.get_or_init(|| Listener {
        state: SpinLock::new(State {
            waiting: VecDeque::new(),
            outside: VecDeque::new(),
            backlog: 0,
            closed: false,
        }),
        ear: Arc::clone(&socket.ear),
        requests: Arc::default(),
    });
    let mut state = listener.state.lock();
    state.backlog = backlog.min(limits::most_waiting()) as usize;
    state.closed = false;
    Ok(())
}

/// Somebody who has connected.
pub(crate) fn accept(socket: &TcpSocket) -> Result<Arc<TcpSocket>> {
    let listener = socket.listener.get();
    listener
        .ok_or(Error::new(Errno::EINVAL, "the socket does not listen"))?
        .take()
}

/// Begins a connection; it is asked for with [`outcome`].
pub(crate) fn connect(socket: &TcpSocket, bytes: &[u8]) -> Result<()> {
    const PROGRESS: Error = Error::new(Errno::EINPROGRESS, "the connection is on its way");
    let wanted = parse(socket, bytes)?;
    if socket.listener.get().is_some() {
        return Err(Error::new(Errno::EISCONN, "the socket listens"));
    }
    socket.look_around();
    // A machine that is being configured is waited for while nothing is locked; what comes of it, the route says again.
    let wanted = device::for_connect(&socket.options, wanted)?;
    let to = address::or_own(wanted);
    let via = device::via_of_stream(&socket.options, to);
    let _ = ip::route_when_ready(to.ip(), None, via);
    let mut ends = socket.ends.lock();
    match ends.progress {
        Progress::Idle => {}
        Progress::Waiting => return Err(Error::new(Errno::EALREADY, "the connection is on its way already")),
        Progress::Made => {
            ends.progress = Progress::Known;
            return Ok(());
        }
        Progress::Known => return Err(Error::new(Errno::EISCONN, "the socket is connected")),
        Progress::Lost => return Err(lost(socket, &mut ends)),
    }
    if socket.family == AF_INET6 && to.is_ipv4() && crate::options::is_only_v6(&socket.options) {
        return Err(Error::new(
            Errno::ENETUNREACH,
            "the socket is for the newer protocol only",
        ));
    }
    let ip = ends.own.map(|own| own.ip()).filter(|ip| !ip.is_unspecified());
    let ip = ip.or(ends.given.ip);
    let is_here = ip::owner(to.ip(), via.interface).is_some();
    if !is_here && !device::leads_here(to.ip(), via) {
        begin(socket, &mut ends, ip, to, via)?;
        drop(ends);
        if let Some(remote) = socket.remote() {
            remote.start();
        }
        return Err(PROGRESS);
    }
    let ip = match ip {
        Some(ip) => ip,
        None if is_here => address::source(to.ip()),
        None => ip::route(to.ip(), None, via)?.source,
    };
    let bound = ends.own;
    let port = match bound {
        Some(own) => own.port(),
        None => free_port(socket, SocketAddr::new(ip, 0), to, true)?,
    };
    let own = SocketAddr::new(ip, port);
    if bound.is_some() && !left::may_connect(&own, &to, true) {
        return Err(CONNECTED);
    }
    ends.own = Some(own);
    ends.peer = Some(to);
    ends.progress = Progress::Waiting;
    drop(ends);
    socket.take_error();
    counters::tcp::ACTIVE_OPENS.count();
    attempt(socket, to, 0);
    Err(PROGRESS)
}

/// A port for who connects to somebody, who may be within the machine.
fn free_port(socket: &TcpSocket, own: SocketAddr, to: SocketAddr, is_within: bool) -> Result<u16> {
    let taken = |_| Error::new(Errno::EADDRNOTAVAIL, "every port is taken");
    let may = |port| {
        let own = SocketAddr::new(own.ip(), port);
        if is_within {
            left::may_connect(&own, &to, false)
        } else {
            remote::is_free(&(own, plain(to)))
        }
    };
    PORTS
        .claim_to_connect(socket.wish(own), to, &socket.own, &may)
        .map_err(taken)
}

/// The address that a socket of the newer family may also write as the older.
fn parse(socket: &TcpSocket, bytes: &[u8]) -> Result<SocketAddr> {
    address::parse(socket.family, bytes)
}

/// Begins a connection over the network.
#[cold]
#[inline(never)]
fn begin(socket: &TcpSocket, ends: &mut Ends, ip: Option<core::net::IpAddr>, to: SocketAddr, via: Via) -> Result<()> {
    let route = ip::route(to.ip(), ip, via)?;
    let settings = stream_options::settings(&socket.options);
    let bound = ends.own;
    let own = SocketAddr::new(route.source, 0);
    let port = match bound {
        Some(own) => own.port(),
        None => free_port(socket, own, to, false)?,
    };
    let own = SocketAddr::new(own.ip(), port);
    let name = (plain(own), plain(to));
    let made = Remote::connect((name, bound.is_some()), via, &socket.ear, settings);
    let Ok(Some(remote)) = made else {
        if bound.is_none() {
            PORTS.release(port, &socket.own);
        }
        return Err(made.err().unwrap_or(CONNECTED));
    };
    stream_options::set_manner(socket, &remote);
    ends.own = Some(own);
    ends.peer = Some(to);
    ends.progress = Progress::Waiting;
    *socket.remote.lock() = Some(remote);
    Ok(())
}

/// How a connection came out that was begun.
pub(crate) fn outcome(socket: &TcpSocket) -> Result<()> {
    socket.look_around();
    let mut ends = socket.ends.lock();
    match ends.progress {
        Progress::Waiting => Err(Errno::EAGAIN.into()),
        Progress::Idle | Progress::Lost => Err(lost(socket, &mut ends)),
        Progress::Made | Progress::Known => {
            ends.progress = Progress::Known;
            Ok(())
        }
    }
}

/// Why there is no connection: told once, then another one may be asked for.
#[cold]
#[inline(never)]
fn lost(socket: &TcpSocket, ends: &mut Ends) -> Error {
    ends.progress = Progress::Idle;
    if let Some(shown) = ends.shown {
        ends.shown = Some(ends.given.with_port(socket.family, shown.port()));
    }
    let aborted = Error::new(Errno::ECONNABORTED, "the connection was given up");
    socket.take_error().map_or(aborted, Error::from)
}

/// A client that is not let in tries again later, and not for ever.
#[cold]
#[inline(never)]
fn again(client: &TcpSocket, to: SocketAddr, tries: u32) {
    const FIRST: u64 = 1_000_000_000;
    if tries > u32::from(stream_options::settings(&client.options).syn_count) {
        return fail(client, Errno::ETIMEDOUT);
    }
    let again = Again {
        client: Weak::clone(&client.own),
        to,
        tries: tries + 1,
    };
    time::add(time::now() + (FIRST << tries.min(6)), Arc::new(again));
}

/// An attempt that is to be made.
struct Again {
    client: Weak<TcpSocket>,
    to: SocketAddr,
    tries: u32,
}

impl Expire for Again {
    fn expire(self: Arc<Self>) {
        let Some(client) = self.client.upgrade() else { return };
        let ends = client.ends.lock();
        let waits = ends.progress == Progress::Waiting && ends.peer == Some(self.to);
        drop(ends);
        if waits {
            attempt(&client, self.to, self.tries);
        }
    }
}

fn refuse(client: &TcpSocket) {
    counters::tcp::ATTEMPT_FAILS.count();
    counters::tcp::OUT_RSTS.count();
    fail(client, Errno::ECONNREFUSED);
}

fn fail(client: &TcpSocket, errno: Errno) {
    client.lose(&mut client.ends.lock(), Some(errno));
    client.ear.wake_all();
}

/// Connects to who listens there, stands in line for it, or is refused; so many attempts have led nowhere.
fn attempt(client: &TcpSocket, to: SocketAddr, tries: u32) {
    let Some(from) = client.ends.lock().own else { return };
    let by = ip::owner(to.ip(), None).unwrap_or(ip::LOOPBACK);
    let target = PORTS.find(&Coming {
        to,
        from,
        interface: by,
        what: What::Connection,
    });
    let Some((target, listener)) = target
        .as_ref()
        .and_then(|target| Some((target, target.listener.get()?)))
    else {
        if link::view::has_any() {
            mirror::refused(from, to);
        }
        return refuse(client);
    };
    if (target.options.has_extras() || client.options.has_extras())
        && !filters::let_connect(&target.options, &client.options, (from, to))
    {
        return again(client, to, tries);
    }
    let server = TcpSocket::new(target.family, target.uid);
    server.options.inherit(&target.options);
    server.serve(to, from, target);
    let mut state = listener.state.lock();
    if state.closed {
        drop(state);
        return refuse(client);
    }
    if state.waiting.len() > state.backlog {
        state.outside.push_back((Weak::clone(&client.own), to));
        return;
    }
    TcpSocket::join(client, &server);
    counters::tcp::PASSIVE_OPENS.count();
    client.ends.lock().progress = Progress::Made;
    state.waiting.push_back(Arc::clone(&server));
    drop(state);
    if link::view::has_any() {
        mirror::joined(from, to);
    }
    listener.ear.readable.wake(1, Events::READABLE.bits());
    client.ear.writable.wake_all();
}
