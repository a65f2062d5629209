//! What programs said of addresses, and the stack has no use for: names (`eth0:1`, as `ifconfig` gives them: who asks about such a name means that address of the interface before the colon),
//! scopes, who is everybody on their networks, and until when they last.
//!
//! Of most addresses nothing is said, and only lists show it: it is kept here, not with the addresses. What was said of one that is gone by itself stays until another is spoken of.

use super::places::{self, Address};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use link::interface;
use lock::SpinLock;
use time::Expire;

/// A name, filled up with zeros, of which there is one at least.
pub(crate) type Label = [u8; 16];

/// What was said of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) label: Option<Label>,
    pub(crate) scope: Option<u8>,
    /// Who is everybody on its network: perhaps nobody.
    pub(crate) everybody: Option<Option<IpAddr>>,
    /// What is only shown again (`IFA_F_*`).
    pub(crate) flags: u32,
    /// Until when it is preferred, and there at all, in nanoseconds since the start.
    pub(crate) preferred: u64,
    pub(crate) until: u64,
}

impl Said {
    pub(crate) const NOTHING: Self = Self {
        label: None,
        scope: None,
        everybody: None,
        flags: 0,
        preferred: u64::MAX,
        until: u64::MAX,
    };
}

static SAID: SpinLock<Vec<(i32, IpAddr, Said)>> = SpinLock::new(Vec::new());

/// What stands before the first zero.
pub(crate) fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The name that bytes begin with.
pub(crate) fn label(bytes: &[u8]) -> Label {
    let mut label = [0; 16];
    label[..15]
        .iter_mut()
        .zip(text(bytes))
        .for_each(|(to, byte)| *to = *byte);
    label
}

/// What was said of an address.
pub(crate) fn of(index: i32, ip: IpAddr) -> Said {
    let all = SAID.lock();
    let own = all.iter().find(|own| own.0 == index && own.1 == ip);
    own.map_or(Said::NOTHING, |own| own.2)
}

/// The name of an address: that of its interface, if it has no other.
pub(crate) fn label_of(address: &Address) -> Label {
    let own = of(address.index, address.ip).label;
    own.or_else(|| interface::by_index(address.index).map(|interface| label(interface.name.as_bytes())))
        .unwrap_or_default()
}

/// Says something of an address, or nothing any more.
pub(crate) fn set(index: i32, ip: IpAddr, said: Option<Said>) {
    let mut all = SAID.lock();
    all.retain(|own| own.0 != index || own.1 != ip);
    let Some(said) = said else { return };
    all.push((index, ip, said));
    drop(all);
    if said.until != u64::MAX {
        let end = End {
            index,
            ip,
            at: said.until,
        };
        time::add(end.at, Arc::new(end));
    }
}

/// The end of an address.
struct End {
    index: i32,
    ip: IpAddr,
    at: u64,
}

impl Expire for End {
    fn expire(self: Arc<Self>) {
        // It may have been said to last longer since.
        if of(self.index, self.ip).until != self.at {
            return;
        }
        let mut all = places::addresses().into_iter();
        let address = all.find(|address| (address.index, address.ip) == (self.index, self.ip));
        if let Some(address) = address {
            // Nobody is there to hear that it is gone already.
            let _ = super::addresses::take(&address);
        }
    }
}
