//! The connections of TCP over the network, found by their four numbers.
//!
//! Hashed with a secret, in parts with a lock each; a part doubles when it is full, so that finding one of many costs what finding one of few does. What is left of a connection that is over
//! (`TIME-WAIT`) is here too, in the order in which it is forgotten.

use crate::memory;
use crate::remote::Remote;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use lock::{Once, SpinLock};
use tcp::TimeWait;
use tcp::siphash::Key;

/// Parts that are locked one by one.
const PARTS: usize = 16;
/// Chains that a part begins with.
const FEW: usize = 8;

/// Own address and the other side's.
pub(crate) type Name = (SocketAddr, SocketAddr);

/// What there is of a connection.
#[derive(Clone)]
pub(crate) enum Entry {
    Live(Arc<Remote>),
    /// What is left of one that is over, and who may share its port ([`inet_options::left`]).
    Over(u8, Box<TimeWait>),
}

struct Part {
    chains: Vec<Vec<(Name, Entry)>>,
    count: usize,
}

static TABLE: [SpinLock<Part>; PARTS] = [const {
    SpinLock::new(Part {
        chains: Vec::new(),
        count: 0,
    })
}; PARTS];

static SECRET: Once<Key> = Once::new();

/// Connections that are over, and when they are forgotten.
static OVER: SpinLock<VecDeque<(u64, Name)>> = SpinLock::new(VecDeque::new());

/// The machine's secret, for everything that nobody may foresee.
pub(crate) fn secret() -> &'static Key {
    SECRET.get_or_init(|| {
        let mut bytes = [0; 16];
        random::fill(&mut bytes);
        let (low, high) = bytes.split_at(8);
        let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        Key([word(low), word(high)])
    })
}

/// The name of a connection, without what addresses say besides.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}

/// The four numbers as words.
pub(crate) fn words(name: &Name) -> [u64; 5] {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    let (own, peer) = (bits(name.0.ip()), bits(name.1.ip()));
    let ports = u64::from(name.0.port()) << 16 | u64::from(name.1.port());
    [own as u64, (own >> 64) as u64, peer as u64, (peer >> 64) as u64, ports]
}

/// A few bits that nobody can foresee.
pub(crate) fn hash(name: &Name) -> u32 {
    secret().hash(&words(name)) as u32
}

/// The hash that a connection's place goes by: a few words of the older protocol are enough.
fn hash_of_place(name: &Name) -> usize {
    let ports = u64::from(name.0.port()) << 16 | u64::from(name.1.port());
    let hash = match (name.0.ip(), name.1.ip()) {
        (IpAddr::V4(own), IpAddr::V4(peer)) => {
            secret().place(&[u64::from(own.to_bits()) << 32 | u64::from(peer.to_bits()), ports])
        }
        _ => secret().place(&words(name)),
    };
    hash as usize
}

fn place(name: &Name) -> (&'static SpinLock<Part>, usize) {
    let hash = hash_of_place(name);
    (&TABLE[hash % PARTS], hash / PARTS)
}

/// What there is of a connection.
pub(crate) fn find(name: &Name) -> Option<Entry> {
    let (part, hash) = place(name);
    let part = part.lock();
    let chain = part.chains.get(hash & part.chains.len().wrapping_sub(1))?;
    chain
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, entry)| entry.clone())
}

/// Shows all of them.
pub(crate) fn each(mut show: impl FnMut(&Name, &Entry)) {
    for part in &TABLE {
        let part = part.lock();
        part.chains.iter().flatten().for_each(|(name, entry)| show(name, entry));
    }
}

/// Adds a connection; false if there is one of that name that is not over.
pub(crate) fn add(name: Name, entry: Entry) -> bool {
    let (part, hash) = place(&name);
    let mut part = part.lock();
    if part.count >= part.chains.len() * 2 {
        part.grow();
    }
    let mask = part.chains.len().wrapping_sub(1);
    let Some(chain) = part.chains.get_mut(hash & mask) else {
        return false;
    };
    if let Some((_, known)) = chain.iter_mut().find(|(known, _)| *known == name) {
        if let (Entry::Live(_), Entry::Live(_)) = (&*known, &entry) {
            return false;
        }
        let old = core::mem::replace(known, entry);
        drop(part);
        drop(old);
        return true;
    }
    // Most chains have one: room for more would be most of what is left of a connection.
    chain.reserve_exact(1);
    chain.push((name, entry));
    part.count += 1;
    true
}

/// Forgets a connection: a certain one, or what is left of one.
pub(crate) fn remove(name: &Name, which: Option<&Remote>) {
    let (part, hash) = place(name);
    let mut part = part.lock();
    let mask = part.chains.len().wrapping_sub(1);
    let Some(chain) = part.chains.get_mut(hash & mask) else {
        return;
    };
    let is_meant = |entry: &Entry| match (entry, which) {
        (Entry::Live(remote), Some(which)) => core::ptr::eq(&**remote, which),
        (Entry::Over(..), None) => true,
        _ => false,
    };
    let at = chain.iter().position(|(known, entry)| known == name && is_meant(entry));
    let Some(at) = at else { return };
    let old = chain.swap_remove(at);
    if chain.is_empty() {
        *chain = Vec::new();
    }
    part.count -= 1;
    drop(part);
    drop(old);
}

/// Keeps what is left of a connection in its place; when the first is to be forgotten, if none was kept before.
pub(crate) fn keep(now: u64, name: Name, sharing: u8, over: TimeWait) -> Option<u64> {
    let until = over.until;
    add(name, Entry::Over(sharing, Box::new(over)));
    let mut list = OVER.lock();
    let first = list.is_empty().then_some(until);
    list.push_back((until, name));
    let oldest = if list.len() > memory::most_over() {
        list.pop_front()
    } else {
        None
    };
    drop(list);
    if let Some((_, oldest)) = oldest {
        remove(&oldest, None);
    }
    first.map(|first| first.max(now))
}

/// How many connections are over and not forgotten yet. The list has also those that made way.
pub(crate) fn over() -> usize {
    let mut count = 0;
    each(|_, entry| count += usize::from(matches!(entry, Entry::Over(..))));
    count
}

/// Changes what is left of a connection.
pub(crate) fn update(name: &Name, over: TimeWait) {
    let (part, hash) = place(name);
    let mut part = part.lock();
    let mask = part.chains.len().wrapping_sub(1);
    let Some(chain) = part.chains.get_mut(hash & mask) else {
        return;
    };
    if let Some((_, Entry::Over(_, known))) = chain.iter_mut().find(|(known, _)| known == name) {
        **known = over;
    }
}

/// Forgets what is due; when more is.
pub(crate) fn forget(now: u64) -> Option<u64> {
    loop {
        let mut list = OVER.lock();
        let (until, name) = *list.front()?;
        if until > now {
            return Some(until);
        }
        list.pop_front();
        if list.is_empty() {
            *list = VecDeque::new();
        }
        drop(list);
        // One that was asked for again stays longer.
        match find(&name) {
            Some(Entry::Over(_, over)) if over.until > now => {
                OVER.lock().push_back((now + tcp::time_wait::LENGTH, name))
            }
            _ => {
                counters::tcp_ext::TW.count();
                remove(&name, None);
            }
        }
    }
}

impl Part {
    #[cold]
    #[inline(never)]
    fn grow(&mut self) {
        let chains = (self.chains.len() * 2).max(FEW);
        let old = core::mem::take(&mut self.chains);
        self.chains.resize_with(chains, Vec::new);
        for (name, entry) in old.into_iter().flatten() {
            let hash = hash_of_place(&name) / PARTS;
            self.chains[hash & (chains - 1)].push((name, entry));
        }
    }
}
