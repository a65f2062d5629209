//! What comes to a port, and who of several gets it.

use super::{Holder, Wish};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use ipc::filter::{About, Filter};

/// What comes, as far as it matters who wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What<'a> {
    /// A datagram with these bytes.
    Datagram(&'a [u8]),
    /// The beginning of a connection.
    Connection,
    /// An answer of a protocol to an echo.
    Echo(u8),
}

/// Somebody who has a port, and who chooses among them.
pub(super) type Candidate<S> = (Wish, Arc<S>, Option<Arc<Filter>>);

/// What comes to a port: to whom, from whom, by which interface.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coming<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) from: SocketAddr,
    pub(crate) interface: u32,
    pub(crate) what: What<'a>,
}

impl Coming<'_> {
    /// How near it comes to a socket; nothing if it is not for it.
    pub(super) fn rank<S: Holder>(&self, wish: &Wish, socket: &S) -> Option<u32> {
        let connected = match socket.peer() {
            Some(peer) if peer == self.from => 8,
            Some(_) => return None,
            None => 0,
        };
        let near = match (wish.ip.is_unspecified(), wish.ip.is_ipv4() == self.to.is_ipv4()) {
            (false, _) => 4,
            (true, true) => 1,
            (true, false) => 0,
        };
        let bound = if wish.device.is_some() { 2 } else { 0 };
        socket.takes(self).then_some(connected + near + bound)
    }

    /// Who gets it of several. Those who share a port share what comes, each sender's to one; of others the last to come counts.
    pub(super) fn choose<S: Holder>(&self, candidates: &[Candidate<S>]) -> Option<Arc<S>> {
        let mut best = 0;
        let mut equal: Vec<&Candidate<S>> = Vec::new();
        for candidate in candidates {
            let Some(rank) = self.rank(&candidate.0, &*candidate.1) else {
                continue;
            };
            if rank > best {
                equal.clear();
                best = rank;
            }
            if rank == best {
                equal.push(candidate);
            }
        }
        let shared = equal.iter().all(|(wish, ..)| wish.reuse_port);
        let (.., chooser) = equal.first()?;
        if let (true, Some(chooser)) = (shared, chooser)
            && let Some((_, socket, _)) = equal.get(self.chosen_by(chooser))
        {
            return Some(Arc::clone(socket));
        }
        let at = if shared {
            usize::from(self.from.port()).checked_rem(equal.len())?
        } else {
            equal.len().checked_sub(1)?
        };
        equal.get(at).map(|(_, socket, _)| Arc::clone(socket))
    }

    /// Which one of several a program chooses.
    #[cold]
    fn chosen_by(&self, chooser: &Filter) -> usize {
        let bytes = match self.what {
            What::Datagram(bytes) => bytes,
            _ => &[],
        };
        let about = About {
            interface: self.interface,
            ..About::default()
        };
        chooser.run(bytes, &about) as usize
    }
}
