//! Who has which port of a protocol.
//!
//! A claim is an address (or all of them) and a port. Two claims of one port stand beside each other if their addresses differ, or if both sockets said so beforehand: `SO_REUSEADDR`
//! (of a stream only while neither listens) or `SO_REUSEPORT` (of one user).

mod coming;

use crate::limits;
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use ipc::filter::Filter;
use lock::SpinLock;
use sortedmap::LargeMap;

pub(crate) use coming::{Coming, What};

pub(crate) const TAKEN: Error = Error::new(Errno::EADDRINUSE, "somebody else has the address");

/// What the table has to know of a socket.
pub(crate) trait Holder: Send + Sync {
    /// Whether it waits for connections.
    fn is_listening(&self) -> bool;
    /// Who it is connected to.
    fn peer(&self) -> Option<SocketAddr>;
    /// Whether it wants what comes.
    fn takes(&self, coming: &Coming<'_>) -> bool;
}

/// What a socket wants, or has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) ip: IpAddr,
    /// Whether all addresses are those of the newer protocol only.
    pub(crate) only_v6: bool,
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    pub(crate) uid: u32,
    /// The ports that it may be given if it asks for none (`IP_LOCAL_PORT_RANGE`): the first and the last; 0 for the machine's.
    pub(crate) range: (u16, u16),
    /// The interface that it is bound to.
    pub(crate) device: Option<u32>,
}

impl Wish {
    /// Whether what is sent to an address comes here.
    #[inline]
    pub(crate) fn covers(&self, ip: IpAddr) -> bool {
        match self.ip {
            own if !own.is_unspecified() => own == ip,
            IpAddr::V4(_) => ip.is_ipv4(),
            IpAddr::V6(_) => ip.is_ipv6() || !self.only_v6,
        }
    }

    /// Whether what comes to an address by an interface comes here.
    #[inline]
    fn gets(&self, coming: &Coming<'_>) -> bool {
        self.device.is_none_or(|device| device == coming.interface) && self.covers(coming.to.ip())
    }

    /// Whether both are of those who share what comes.
    fn shares_with(&self, other: &Self) -> bool {
        may_share_port(self, other) && (self.ip, self.only_v6, self.device) == (other.ip, other.only_v6, other.device)
    }

    /// Whether something could be sent that comes to both.
    fn overlaps(&self, other: &Self) -> bool {
        if self.device.is_some() && other.device.is_some() && self.device != other.device {
            return false;
        }
        match (self.ip.is_unspecified(), other.ip.is_unspecified()) {
            (_, false) => self.covers(other.ip),
            (false, true) => other.covers(self.ip),
            (true, true) => {
                let v4 = |wish: &Self| wish.ip.is_ipv4() || !wish.only_v6;
                let v6 = |wish: &Self| wish.ip.is_ipv6();
                v4(self) && v4(other) || v6(self) && v6(other)
            }
        }
    }
}

struct Claim<S> {
    wish: Wish,
    socket: Weak<S>,
    listens: bool,
    /// Whom the socket connects to, if it has the port for that alone.
    peer: Option<SocketAddr>,
    /// Who chooses among those who share the port.
    chooser: Option<Arc<Filter>>,
}

/// Who has one port.
struct Port<S> {
    claims: Vec<Claim<S>>,
    /// The connections that a listener's port serves: not who they are, for there may be very many, but how many there are of each kind.
    served: Vec<(Wish, usize)>,
}

impl<S> Default for Port<S> {
    fn default() -> Self {
        Self {
            claims: Vec::new(),
            served: Vec::new(),
        }
    }
}

impl<S> Port<S> {
    fn is_free(&self) -> bool {
        self.claims.is_empty() && self.served.is_empty()
    }
}

/// The ports of one protocol.
pub(crate) struct Ports<S> {
    claims: SpinLock<LargeMap<u16, Port<S>>>,
}

impl<S: Holder> Ports<S> {
    pub(crate) const fn new() -> Self {
        Self {
            claims: SpinLock::new(LargeMap::new()),
        }
    }

    /// Claims a port, any free one for 0; which it is.
    pub(crate) fn claim(&self, wish: Wish, port: u16, socket: &Weak<S>) -> Result<u16> {
        if port != 0 {
            return self.claim_one(wish, port, socket).map(|()| port);
        }
        // A port that nobody has at all: sharing is for those who ask for it.
        let alone = Wish {
            reuse_address: false,
            reuse_port: false,
            ..wish
        };
        candidates(&wish)
            .find(|&port| self.try_claim(&alone, wish, port, socket))
            .ok_or(TAKEN)
    }

    /// Claims a port to connect to somebody from, if it may be that one: a free one, or one that others have for nothing but to connect to somebody else.
    pub(crate) fn claim_to_connect(
        &self,
        wish: Wish,
        peer: SocketAddr,
        socket: &Weak<S>,
        may: &dyn Fn(u16) -> bool,
    ) -> Result<u16> {
        candidates(&wish)
            .filter(|&port| may(port))
            .find(|&port| {
                let mut claims = self.claims.lock();
                let here = claims.get_or_insert_with(port, Port::default);
                let is_apart = |claim: &Claim<S>| {
                    claim
                        .peer
                        .is_some_and(|other| other != peer || claim.wish.ip != wish.ip)
                };
                let fits = here.served.is_empty() && here.claims.iter().all(is_apart);
                if fits {
                    here.claims.push(Claim {
                        wish,
                        socket: Weak::clone(socket),
                        listens: false,
                        peer: Some(peer),
                        chooser: None,
                    });
                }
                fits
            })
            .ok_or(TAKEN)
    }

    fn claim_one(&self, wish: Wish, port: u16, socket: &Weak<S>) -> Result<()> {
        if self.try_claim(&wish, wish, port, socket) {
            Ok(())
        } else {
            Err(TAKEN)
        }
    }

    /// Claims a port as `wish` if nothing stands against `asked`.
    fn try_claim(&self, asked: &Wish, wish: Wish, port: u16, socket: &Weak<S>) -> bool {
        let mut claims = self.claims.lock();
        let here = claims.get_or_insert_with(port, Port::default);
        // The sockets are let go without the lock: the last to hold one tidies up here.
        let holders: Vec<_> = here.claims.iter().map(|claim| claim.socket.upgrade()).collect();
        let fits = here.claims.iter().zip(&holders).all(|(claim, holder)| {
            holder
                .as_ref()
                .is_none_or(|holder| !conflict(asked, &claim.wish, holder.is_listening()))
        });
        let fits = fits && here.served.iter().all(|(held, _)| !conflict(asked, held, false));
        if fits {
            here.claims.push(Claim {
                wish,
                socket: Weak::clone(socket),
                listens: false,
                peer: None,
                chooser: None,
            });
        } else if here.is_free() {
            claims.remove(&port);
        }
        drop(claims);
        fits
    }

    /// There is a connection that its listener's port serves: it stands beside whoever has the port, and before who comes later.
    pub(crate) fn serve(&self, wish: Wish, port: u16) {
        let mut claims = self.claims.lock();
        let served = &mut claims.get_or_insert_with(port, Port::default).served;
        match served.iter_mut().find(|(held, _)| *held == wish) {
            Some((_, count)) => *count += 1,
            None => served.push((wish, 1)),
        }
    }

    /// Such a connection is gone.
    pub(crate) fn leave(&self, wish: Wish, port: u16) {
        let mut claims = self.claims.lock();
        let Some(here) = claims.get_mut(&port) else { return };
        if let Some(at) = here.served.iter().position(|(held, _)| *held == wish) {
            here.served[at].1 -= 1;
            if here.served[at].1 == 0 {
                here.served.swap_remove(at);
            }
        }
        if here.is_free() {
            claims.remove(&port);
        }
    }

    /// Another socket has the port from now on.
    pub(crate) fn hand_over(&self, port: u16, from: &Weak<S>, to: &Weak<S>) {
        let mut claims = self.claims.lock();
        let claims = claims.get_mut(&port).map(|here| here.claims.iter_mut());
        for claim in claims.into_iter().flatten() {
            if Weak::ptr_eq(&claim.socket, from) {
                claim.socket = Weak::clone(to);
                claim.listens = false;
            }
        }
    }

    /// A socket that has a port is bound to another interface, or to none any more.
    #[cold]
    pub(crate) fn rebind(&self, port: u16, socket: &Weak<S>, device: Option<u32>) {
        let mut claims = self.claims.lock();
        let claims = claims.get_mut(&port).map(|here| here.claims.iter_mut());
        for claim in claims.into_iter().flatten() {
            if Weak::ptr_eq(&claim.socket, socket) {
                claim.wish.device = device;
            }
        }
    }

    /// Has a program choose among those who share a port with a socket, or none any more: which did before, if the socket shares its port.
    #[cold]
    pub(crate) fn set_chooser(
        &self,
        port: u16,
        socket: &Weak<S>,
        chooser: Option<Arc<Filter>>,
    ) -> Option<Option<Arc<Filter>>> {
        let mut claims = self.claims.lock();
        let here = &mut claims.get_mut(&port)?.claims;
        let own = here.iter().find(|claim| Weak::ptr_eq(&claim.socket, socket))?;
        let (wish, old) = (own.wish, own.chooser.clone());
        if !wish.reuse_port {
            return None;
        }
        let group = here.iter_mut().filter(|claim| claim.wish.shares_with(&wish));
        group.for_each(|claim| claim.chooser.clone_from(&chooser));
        Some(old)
    }

    /// A socket has got a port that it shares: who chooses among those who are there chooses it too; `own` does if it is the first.
    #[cold]
    pub(crate) fn join_group(&self, port: u16, socket: &Weak<S>, own: Option<Arc<Filter>>) {
        let mut claims = self.claims.lock();
        let Some(here) = claims.get_mut(&port).map(|port| &mut port.claims) else {
            return;
        };
        let Some((last, before)) = here.split_last_mut() else {
            return;
        };
        if Weak::ptr_eq(&last.socket, socket) {
            let group = before.iter().find(|claim| claim.wish.shares_with(&last.wish));
            last.chooser = group.map_or(own, |claim| claim.chooser.clone());
        }
    }

    /// All sockets that have a port.
    pub(crate) fn all(&self) -> Vec<Arc<S>> {
        let claims = self.claims.lock();
        let all = claims.values().flat_map(|port| &port.claims);
        all.filter_map(|claim| claim.socket.upgrade()).collect()
    }

    /// Gives a port back.
    pub(crate) fn release(&self, port: u16, socket: &Weak<S>) {
        let mut claims = self.claims.lock();
        if let Some(here) = claims.get_mut(&port) {
            if let Some(at) = here.claims.iter().position(|claim| Weak::ptr_eq(&claim.socket, socket)) {
                // As on Linux: of those who share a port the last one takes the place.
                if here.claims[at].wish.reuse_port {
                    here.claims.swap_remove(at);
                } else {
                    here.claims.remove(at);
                }
            }
            if here.is_free() {
                claims.remove(&port);
            }
        }
    }

    /// Whether a socket that begins to listen would share its address with one that does; if not, it is known to listen.
    pub(crate) fn may_listen(&self, port: u16, socket: &Weak<S>) -> bool {
        let mut claims = self.claims.lock();
        let Some(here) = claims.get_mut(&port).map(|port| &mut port.claims) else {
            return true;
        };
        let Some(own) = here.iter_mut().find(|claim| Weak::ptr_eq(&claim.socket, socket)) else {
            return true;
        };
        own.listens = true;
        let own = own.wish;
        let others: Vec<_> = here
            .iter()
            .filter(|claim| !Weak::ptr_eq(&claim.socket, socket) && claim.wish.overlaps(&own))
            .filter(|claim| !may_share_port(&claim.wish, &own))
            .filter_map(|claim| claim.socket.upgrade())
            .collect();
        drop(claims);
        !others.iter().any(|other| other.is_listening())
    }

    /// Who gets what comes: of those who want it the one that is connected, else the one whose address is nearest, then the one that is bound to the interface.
    #[inline(never)]
    pub(crate) fn find(&self, coming: &Coming<'_>) -> Option<Arc<S>> {
        let claims = self.claims.lock();
        let here = claims.get(&coming.to.port())?.claims.iter();
        let listens = coming.what == What::Connection;
        let mut fitting = here
            .filter(|claim| claim.listens >= listens && claim.wish.gets(coming))
            .filter_map(|claim| Some((claim.wish, claim.socket.upgrade()?, &claim.chooser)));
        let (wish, socket, chooser) = fitting.next()?;
        let second = fitting.next();
        let candidates = second.map(|second| {
            let own = |(wish, socket, chooser): (_, _, &Option<_>)| (wish, socket, chooser.clone());
            let mut all = alloc::vec![(wish, Arc::clone(&socket), chooser.clone()), own(second)];
            all.extend(fitting.map(own));
            all
        });
        drop(claims);
        match candidates {
            None => coming.rank(&wish, &*socket).map(|_| socket),
            Some(candidates) => coming.choose(&candidates),
        }
    }
}

impl<S: Holder> Ports<S> {
    /// Everybody who gets what comes to many.
    pub(crate) fn everybody(&self, coming: &Coming<'_>) -> Vec<Arc<S>> {
        let claims = self.claims.lock();
        let here = claims
            .get(&coming.to.port())
            .map_or(&[][..], |port| port.claims.as_slice());
        let covering = here.iter().filter(|claim| claim.wish.gets(coming));
        let mut all: Vec<Arc<S>> = covering.filter_map(|claim| claim.socket.upgrade()).collect();
        drop(claims);
        all.retain(|socket| socket.peer().is_none_or(|peer| peer == coming.from));
        all
    }
}

/// The ports that a socket may be given, each once, beginning anywhere.
fn candidates(wish: &Wish) -> impl Iterator<Item = u16> + use<> {
    let range = limits::free_ports();
    // As on Linux, what lies outside of the machine's range does not count.
    let within = |asked: u16, otherwise: &u16| if range.contains(&asked) { asked } else { *otherwise };
    let first = within(wish.range.0, range.start());
    let last = within(wish.range.1, range.end()).max(first);
    let count = (last - first).saturating_add(1);
    let mut bytes = [0; 2];
    random::fill(&mut bytes);
    let start = u16::from_ne_bytes(bytes) % count;
    (0..count)
        .map(move |step| first + (u32::from(start) + u32::from(step)).rem_euclid(u32::from(count)) as u16)
        .filter(|port| !sysctl::is_reserved(*port))
}

fn may_share_port(one: &Wish, other: &Wish) -> bool {
    one.reuse_port && other.reuse_port && one.uid == other.uid
}

fn conflict(asked: &Wish, held: &Wish, is_listening: bool) -> bool {
    let may_share = asked.reuse_address && held.reuse_address && !is_listening;
    asked.overlaps(held) && !may_share && !may_share_port(asked, held)
}

#[cfg(test)]
mod tests;
