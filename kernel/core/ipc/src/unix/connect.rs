//! Binding, listening, connecting, accepting.

use super::{Chosen, NOT_CONNECTED, Style, UnixSocket, name};
use crate::channel::{Channel, Ear};
use abi::socket::{AF_UNIX, AF_UNSPEC};
use abi::{Errno, Error, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use vfs::{Context, Events};

/// Most that wait to be accepted (`net.core.somaxconn`).
const MOST_WAITING: u32 = 4096;

/// What a socket that listens has.
pub(super) struct Listener {
    state: SpinLock<State>,
}

struct State {
    waiting: VecDeque<Arc<UnixSocket>>,
    /// Who found no room, and wants to hear of it.
    refused: Vec<Weak<Ear>>,
    backlog: usize,
    closed: bool,
}

impl Listener {
    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().waiting.is_empty()
    }

    /// How many wait to be accepted, and how many may.
    pub(super) fn queue(&self) -> [u32; 2] {
        let state = self.state.lock();
        [state.waiting.len() as u32, state.backlog as u32]
    }

    pub(super) fn take(&self) -> Result<Arc<UnixSocket>> {
        let mut state = self.state.lock();
        let Some(first) = state.waiting.pop_front() else {
            return Err(if state.closed {
                Error::new(Errno::EINVAL, "the socket listens no more")
            } else {
                Errno::EAGAIN.into()
            });
        };
        let refused = core::mem::take(&mut state.refused);
        drop(state);
        wake(&refused);
        Ok(first)
    }

    /// Nobody accepts any more.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let waiting = core::mem::take(&mut state.waiting);
        let refused = core::mem::take(&mut state.refused);
        drop(state);
        drop(waiting);
        wake(&refused);
    }

    /// Whether one more may wait. If not, `ear` hears when that may have changed.
    fn check(&self, ear: &Arc<Ear>) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::new(Errno::ECONNREFUSED, "nobody accepts any more"));
        }
        if state.waiting.len() > state.backlog {
            if !state
                .refused
                .iter()
                .any(|other| Weak::as_ptr(other) == Arc::as_ptr(ear))
            {
                state.refused.push(Arc::downgrade(ear));
            }
            return Err(Error::new(Errno::EAGAIN, "too many wait to be accepted"));
        }
        Ok(())
    }

    /// Adds one that waits. If nobody accepts any more it is dropped, and its peer finds that out when it reads.
    fn add(&self, socket: Arc<UnixSocket>) {
        let mut state = self.state.lock();
        if !state.closed {
            state.waiting.push_back(socket);
        }
    }
}

fn wake(ears: &[Weak<Ear>]) {
    for ear in ears.iter().filter_map(Weak::upgrade) {
        ear.writable.wake_all();
    }
}

pub(super) fn bind(socket: &UnixSocket, view: &Context, address: &[u8]) -> Result<()> {
    let mut wanted = name::parse(address)?;
    if !socket.name.lock().is_empty() {
        let is_path = wanted.first().is_some_and(|first| *first != 0);
        if is_path && view.resolve(&view.cwd, &wanted, false).is_ok() {
            return Err(Error::new(Errno::EADDRINUSE, "the address is somebody's"));
        }
        return Err(Error::new(Errno::EINVAL, "the socket has an address already"));
    }
    if wanted.is_empty() {
        wanted = name::fresh();
    }
    name::enter(view, &wanted, &socket.own)?;
    *socket.name.lock() = wanted;
    Ok(())
}

pub(super) fn listen(socket: &UnixSocket, backlog: u32) -> Result<()> {
    if socket.style == Style::Datagram {
        return Err(Error::new(Errno::EOPNOTSUPP, "datagrams come without connections"));
    }
    if socket.name.lock().is_empty() || socket.outgoing().is_some() {
        return Err(Error::new(Errno::EINVAL, "the socket has no address, or is connected"));
    }
    let listener = socket.listener.get_or_init(|| Listener {
        state: SpinLock::new(State {
            waiting: VecDeque::new(),
            refused: Vec::new(),
            backlog: 0,
            closed: false,
        }),
    });
    listener.state.lock().backlog = backlog.min(MOST_WAITING) as usize;
    Ok(())
}

/// The channel that leads to who has an address, for datagrams.
pub(super) fn find_channel(from: &UnixSocket, view: &Context, address: &[u8]) -> Result<Arc<Channel>> {
    let target = find(view, address, Style::Datagram)?;
    may_send(from, &target)?;
    Ok(Arc::clone(receiver(&target)?))
}

/// The channel that leads to whom a socket for datagrams is connected to.
pub(super) fn chosen_channel(from: &UnixSocket) -> Result<Arc<Channel>> {
    let chosen = from.chosen.lock().clone().ok_or(NOT_CONNECTED)?;
    if let Some(target) = chosen.socket.upgrade() {
        may_send(from, &target)?;
    }
    Ok(chosen.channel)
}

/// Who is connected to somebody gets datagrams from nobody else.
fn may_send(from: &UnixSocket, target: &UnixSocket) -> Result<()> {
    let chosen = target.chosen.lock();
    match &*chosen {
        Some(chosen) if !Weak::ptr_eq(&chosen.socket, &from.own) => {
            Err(Error::new(Errno::EPERM, "the socket is connected to another"))
        }
        _ => Ok(()),
    }
}

fn find(view: &Context, address: &[u8], style: Style) -> Result<Arc<UnixSocket>> {
    let target = name::find(view, &name::parse(address)?)?;
    if target.style != style {
        return Err(Error::new(Errno::EPROTOTYPE, "the address is another kind of socket's"));
    }
    Ok(target)
}

fn receiver(target: &Arc<UnixSocket>) -> Result<&Arc<Channel>> {
    target
        .incoming
        .get()
        .ok_or(Error::new(Errno::ECONNREFUSED, "the socket receives nothing"))
}

pub(super) fn connect(socket: &UnixSocket, view: &Context, address: &[u8]) -> Result<()> {
    let family = address.first_chunk::<2>().map(|family| u16::from_ne_bytes(*family));
    if socket.style == Style::Datagram {
        return connect_datagrams(socket, view, address, family == Some(AF_UNSPEC));
    }
    if family != Some(AF_UNIX) {
        return Err(Error::new(Errno::EINVAL, "the address is of another family"));
    }
    if socket.listener.get().is_some() {
        return Err(Error::new(Errno::EINVAL, "the socket listens"));
    }
    if socket.outgoing().is_some() {
        return Err(Error::new(Errno::EISCONN, "the socket is connected"));
    }
    let target = find(view, address, socket.style)?;
    let listener = target
        .listener
        .get()
        .ok_or(Error::new(Errno::ECONNREFUSED, "the socket does not listen"))?;
    let own = socket.own.upgrade().ok_or(Errno::EINVAL)?;
    let other = UnixSocket::new(socket.style, target.owner);
    let target_name = target.name.lock().clone();
    *other.name.lock() = target_name.clone();
    let own_name: Vec<u8> = socket.name.lock().clone();
    *other.peer_name.lock() = own_name;
    listener.check(&own.ear)?;
    UnixSocket::join(&own, &other);
    listener.add(other);
    *socket.peer_name.lock() = target_name;
    target.ear.readable.wake(1, Events::READABLE.bits());
    Ok(())
}

fn connect_datagrams(socket: &UnixSocket, view: &Context, address: &[u8], leave: bool) -> Result<()> {
    if leave {
        let old = socket.chosen.lock().take();
        part(socket, old);
        return Ok(());
    }
    let target = find(view, address, Style::Datagram)?;
    may_send(socket, &target)?;
    let channel = Arc::clone(receiver(&target)?);
    let target_name = target.name.lock().clone();
    let new = Chosen {
        channel,
        socket: Arc::downgrade(&target),
    };
    let old = socket.chosen.lock().replace(new);
    *socket.peer_name.lock() = target_name;
    *socket.peer.lock() = Some(target.owner);
    part(socket, old.filter(|old| !Weak::ptr_eq(&old.socket, &target.own)));
    Ok(())
}

/// A socket leaves whom it was connected to: what it has not read is lost, and who was connected to it too hears of that.
fn part(socket: &UnixSocket, old: Option<Chosen>) {
    let (Some(old), Some(incoming)) = (old, socket.incoming.get()) else {
        return;
    };
    if !incoming.forget() {
        return;
    }
    let Some(other) = old.socket.upgrade() else { return };
    let is_mutual = other
        .chosen
        .lock()
        .as_ref()
        .is_some_and(|chosen| Weak::ptr_eq(&chosen.socket, &socket.own));
    if is_mutual {
        old.channel.reset_reader();
        other.ear.wake_all();
    }
}
