//! Connections that are dissolved (`connect` to no family): the socket is as if it had never been connected, except for what `bind` gave it and what was set.
//!
//! What makes a stream is made once and then found without a lock, so a socket whose connection was dissolved is another one within: everything that is asked of it goes there. Both have
//! one ear, so that who waits hears of both.
//!
//! It does not do: a socket that was accepted does not stay at its listener's port.

use crate::connect::Progress;
use crate::stream::{Ends, PORTS, TcpSocket};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};
use core::ops::Deref;
use lock::SpinLock;
use lock::atomic::{AtomicBool, Ordering};
use tcp::State;

/// What a stream has become.
#[derive(Default)]
pub(crate) struct Renewed {
    is_there: AtomicBool,
    socket: SpinLock<Option<Arc<TcpSocket>>>,
}

impl Renewed {
    /// The socket within, if there is one.
    #[inline]
    fn get(&self) -> Option<Arc<TcpSocket>> {
        if self.is_there.load(Ordering::Acquire) {
            self.socket.lock().clone()
        } else {
            None
        }
    }
}

/// What a socket is now: itself, or what it has become.
pub(crate) enum Now<'a> {
    Itself(&'a TcpSocket),
    Renewed(Arc<TcpSocket>),
}

impl Deref for Now<'_> {
    type Target = TcpSocket;

    #[inline]
    fn deref(&self) -> &TcpSocket {
        match self {
            Self::Itself(socket) => socket,
            Self::Renewed(socket) => socket,
        }
    }
}

/// What `bind` gave a socket, which stays when a connection is dissolved: an address that is not all of them, and whether the port was asked for by its number.
#[derive(Clone, Copy, Default)]
pub(crate) struct Given {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) has_port: bool,
}

impl Given {
    /// What was asked for.
    pub(crate) fn new(wanted: SocketAddr) -> Self {
        Self {
            ip: Some(wanted.ip()).filter(|ip| !ip.is_unspecified()),
            has_port: wanted.port() != 0,
        }
    }

    /// The address, or all of a family.
    pub(crate) fn ip_or_any(&self, family: u16) -> IpAddr {
        self.ip.unwrap_or(crate::address::any(family))
    }

    /// That, with a port.
    #[inline(never)]
    pub(crate) fn with_port(&self, family: u16, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip_or_any(family), port)
    }
}

impl TcpSocket {
    /// What is to be asked in its place.
    #[inline]
    pub(crate) fn now(&self) -> Now<'_> {
        match self.renewed.get() {
            Some(socket) => Now::Renewed(socket),
            None => Now::Itself(self),
        }
    }

    /// Whether there is a connection, or one is on its way, that the other side has to hear the end of.
    fn has_to_reset(&self) -> bool {
        if let Some(remote) = self.remote() {
            let state = remote.look(tcp::Connection::state);
            return !matches!(state, State::Closed | State::Closing | State::LastAck | State::TimeWait);
        }
        match self.incoming.get() {
            Some(_) => !self.is_over(),
            None => self.ends.lock().progress == Progress::Waiting,
        }
    }

    /// Dissolves what connection there is, or stops to listen.
    #[cold]
    #[inline(never)]
    pub(crate) fn dissolve(&self) -> Result<()> {
        let old = self.now();
        let fresh = Self::with_ear(self.family, self.uid, Arc::clone(&self.ear));
        fresh.options.inherit(&old.options);
        let resets = old.has_to_reset();
        if let Some(errno) = old.take_error().filter(|_| !resets) {
            fresh.keep_error(errno);
        }
        old.give_ends(&fresh);
        if resets {
            fresh.keep_error(Errno::ECONNRESET);
        }
        let before = self.renewed.socket.lock().replace(fresh);
        self.renewed.is_there.store(true, Ordering::Release);
        drop(before);
        if let Some(listener) = old.listener.get() {
            listener.close();
        }
        let remote = old.remote.lock().take();
        if let Some(remote) = remote {
            remote.close(true);
        }
        old.abort();
        self.ear.wake_all();
        Ok(())
    }

    /// Hands on what `bind` gave; the rest of the addresses is only what is shown.
    fn give_ends(&self, fresh: &Arc<Self>) {
        let mut ends = self.ends.lock();
        let (given, own, served) = (ends.given, ends.own.take(), ends.served.take());
        let shown = own.or(ends.shown);
        let shown = shown.map(|own| given.with_port(self.family, own.port()));
        drop(ends);
        let mut kept = None;
        if let (Some(own), Some(wish)) = (own, served) {
            PORTS.leave(wish, own.port());
        } else if let Some(own) = own {
            if given.has_port {
                kept = shown;
                PORTS.hand_over(own.port(), &self.own, &fresh.own);
            } else {
                PORTS.release(own.port(), &self.own);
            }
        }
        *fresh.ends.lock() = Ends {
            own: kept,
            given,
            shown,
            ..Ends::default()
        };
    }
}
