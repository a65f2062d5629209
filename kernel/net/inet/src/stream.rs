//! TCP sockets.
//!
//! A connection is two channels; each socket receives from one and sends to the other. What Linux's protocol would do with packets is done at once: a close with bytes unread
//! resets the other side, the first bytes sent to who has closed go nowhere and bring the reset, the next are refused.

mod bytes;
mod calls;
mod ending;
mod shown;
mod told;

use crate::connect::{Listener, Progress};
use crate::dissolve::{Given, Renewed};
use crate::extras::Kept;
use crate::ports::{Coming, Holder, Ports, Wish};
use crate::remote::Remote;
use crate::troubles::Troubles;
use crate::{options, ports, stream_options, unowned};
use abi::socket::{AF_INET6, SO_OOBINLINE, SO_RCVBUF, SO_REUSEADDR, SO_REUSEPORT, SOL_SOCKET};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::net::SocketAddr;
use inet_options::left;
use ipc::channel::{Channel, Ear};
use ipc::options::Options;
use lock::atomic::{AtomicBool, AtomicU32, Ordering};
use lock::{Once, SpinLock};
use tcp::State;
use vfs::Direction;

pub(crate) use crate::options::NOT_CONNECTED;
pub(crate) use told::Times;

/// The ports of TCP.
pub(crate) static PORTS: Ports<TcpSocket> = Ports::new();

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
    /// What it would have in the headers of its segments.
    pub(crate) kept: Kept,
    /// Its queue of errors, once there is something in it.
    told: Once<Arc<Troubles>>,
    /// What went wrong and nobody was told yet: an errno.
    error: AtomicU32,
    stopped_reading: AtomicBool,
    stopped_writing: AtomicBool,
    /// It ended before the other side within the machine did.
    ended_first: AtomicBool,
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
            kept: Kept::default(),
            told: Once::new(),
            error: AtomicU32::new(0),
            stopped_reading: AtomicBool::new(false),
            stopped_writing: AtomicBool::new(false),
            ended_first: AtomicBool::new(false),
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
            if let Some(filter) = to.options.filter() {
                channel.filter_stream(Some(filter));
            }
            if to.options.tells_times() {
                channel.came.ask();
            }
            if let Some(bytes) = stream_options::room_to_send(&from.options) {
                channel.set_room(Direction::Write, bytes);
            }
            if let Some(bytes) = to.options.kept(SOL_SOCKET, SO_RCVBUF) {
                channel.set_room(Direction::Read, bytes as usize);
            }
            let _ = from.outgoing.set(Arc::clone(&channel));
            let _ = to.incoming.set(channel);
            to.is_counted.store(true, Ordering::Relaxed);
            counters::tcp::CURR_ESTAB.count();
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
            device: self.options.device(),
        }
    }

    /// With whom it shares its port ([`left`]).
    pub(crate) fn sharing(&self) -> u8 {
        let has = |name, flag| if self.options.is_set(SOL_SOCKET, name) { flag } else { 0 };
        has(SO_REUSEADDR, left::ADDRESS) | has(SO_REUSEPORT, left::PORT)
    }

    /// Claims a port, any for 0; which.
    pub(crate) fn claim(&self, wanted: SocketAddr) -> Result<u16> {
        let wish = self.wish(wanted);
        if wanted.port() != 0 && unowned::keeps(&wish, wanted.port(), self.sharing()) {
            return Err(ports::TAKEN);
        }
        let port = PORTS.claim(wish, wanted.port(), &self.own)?;
        if wish.reuse_port {
            PORTS.join_group(port, &self.own, self.options.chooser());
        }
        Ok(port)
    }

    /// Has the table of ports know which interface it is bound to.
    pub(crate) fn note_device(&self) {
        let ends = self.ends.lock();
        if let (Some(own), None) = (ends.own, ends.served) {
            PORTS.rebind(own.port(), &self.own, self.options.device());
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
    pub(crate) fn look_around(&self) {
        let Some(remote) = self.remote() else { return };
        let mut ends = self.ends.lock();
        if ends.progress != Progress::Waiting {
            return;
        }
        let (is_open, is_over) = remote.look(|connection| (connection.is_open(), connection.state() == State::Closed));
        if is_open {
            ends.progress = Progress::Made;
        } else if is_over {
            *self.remote.lock() = None;
            self.lose(&mut ends, remote.take_error());
        }
    }

    /// The connection that was asked for came to nothing. A port that nobody chose is given back, and only shown still.
    #[cold]
    #[inline(never)]
    pub(crate) fn lose(&self, ends: &mut Ends, errno: Option<Errno>) {
        // First, so that whoever sees the rest finds it.
        if let Some(errno) = errno {
            self.keep_error(errno);
        }
        ends.progress = Progress::Lost;
        ends.peer = None;
        let Some(own) = ends.own.take() else { return };
        ends.shown = Some(own);
        if ends.given.has_port {
            ends.own = Some(ends.given.with_port(self.family, own.port()));
        } else {
            PORTS.release(own.port(), &self.own);
        }
    }
}

impl Holder for TcpSocket {
    fn takes(&self, _coming: &Coming<'_>) -> bool {
        self.is_listening()
    }

    fn is_listening(&self) -> bool {
        self.listener.get().is_some_and(Listener::is_open)
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.ends.lock().peer
    }
}
