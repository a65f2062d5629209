//! Connections without a descriptor, for lists: those that have only begun, those that wait to be accepted, those that no program has any more, and what is left of those that are over.
//!
//! Of the last two the family of the socket that they had is not kept: they are listed by the family of their addresses.

use crate::ports::Wish;
use crate::remote::Remote;
use crate::stream::PORTS;
use crate::table::{self, Entry, Name};
use abi::socket::{AF_INET, AF_INET6};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use inet_options::left;
use lock::atomic::Ordering;
use tcp::State;

/// A connection without a descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Unowned {
    /// `AF_*`.
    pub family: u16,
    /// The own address.
    pub own: SocketAddr,
    /// The other side's.
    pub peer: SocketAddr,
    /// Its state, with the numbers of TCP.
    pub state: u8,
    /// Whose it is.
    pub uid: u32,
    /// Bytes that wait to be read, and to be sent or acknowledged.
    pub queues: [u32; 2],
    /// What it waits for, as Linux numbers that, and for how many nanoseconds.
    pub timer: (u8, u64),
    /// How often what it waits for was sent again.
    pub again: u8,
    /// With whom it shares its port.
    pub(crate) sharing: u8,
}

/// What waits for its answer to be answered, and what is over.
const ANSWER: u8 = 1;
const OVER: u8 = 3;

impl Unowned {
    const fn new((own, peer): Name, state: State) -> Self {
        Self {
            family: if own.is_ipv4() { AF_INET } else { AF_INET6 },
            own,
            peer,
            state: state as u8,
            uid: 0,
            queues: [0; 2],
            timer: (0, 0),
            again: 0,
            sharing: 0,
        }
    }
}

/// All of them.
#[must_use]
#[cold]
pub fn all() -> Vec<Unowned> {
    let (now, mut all) = (time::now(), over(&|_| true));
    for socket in PORTS.all() {
        let Some(listener) = socket.listener.get() else {
            continue;
        };
        let (family, uid) = (socket.family, socket.uid);
        listener.requests.each(|name, next, again| {
            all.push(Unowned {
                family,
                uid,
                timer: (ANSWER, next.saturating_sub(now)),
                again,
                ..Unowned::new(*name, State::SynReceived)
            });
        });
        for waiting in listener.waiting() {
            let name = {
                let ends = waiting.ends.lock();
                ends.own.zip(ends.peer)
            };
            if let Some(name) = name {
                let listing = waiting.listed();
                all.push(Unowned {
                    family,
                    uid,
                    state: listing.state.max(State::Established as u8),
                    queues: listing.queues,
                    ..Unowned::new(name, State::Established)
                });
            }
        }
    }
    all
}

/// Those that no program has any more, and what is left of those that are over, of the names that are wanted.
#[cold]
#[inline(never)]
pub(crate) fn over(is_wanted: &dyn Fn(&Name) -> bool) -> Vec<Unowned> {
    let (now, mut all) = (time::now(), Vec::new());
    let mut live: Vec<Arc<Remote>> = Vec::new();
    let mut put = |name, state, left, sharing| {
        if is_wanted(&name) {
            all.push(Unowned {
                timer: (OVER, left),
                sharing,
                ..Unowned::new(name, state)
            });
        }
    };
    left::each(&mut |name, flags, left| {
        let is_half = flags & left::HALF != 0;
        put(
            name,
            if is_half { State::FinWait2 } else { State::TimeWait },
            left,
            flags,
        );
    });
    table::each(|name, entry| match entry {
        Entry::Live(remote) if is_wanted(name) => live.push(Arc::clone(remote)),
        Entry::Live(_) => {}
        Entry::Over(sharing, over) => put(*name, State::TimeWait, over.until.saturating_sub(now), *sharing),
    });
    for remote in live {
        if let Some((state, queues)) = remote.as_orphan() {
            all.push(Unowned {
                queues,
                sharing: remote.sharing.load(Ordering::Relaxed),
                ..Unowned::new(remote.name, state)
            });
        }
    }
    all
}

const SHARES: u8 = left::ADDRESS | left::PORT;

/// Whether one of these keeps a port from somebody.
#[cold]
#[inline(never)]
pub(crate) fn keeps(wish: &Wish, port: u16, sharing: u8) -> bool {
    over(&|(own, _)| own.port() == port && wish.covers(own.ip()))
        .iter()
        .any(|one| one.sharing & sharing & SHARES == 0)
}
