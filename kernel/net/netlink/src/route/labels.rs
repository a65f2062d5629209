//! Names of addresses (`eth0:1`), as `ifconfig` gives them: who asks about such a name means that address of the interface before the colon.
//!
//! Few addresses have one, and only lists show it: they are kept here, not with the addresses. One that is gone by itself keeps its name until another is named.

use super::places::Address;
use alloc::vec::Vec;
use core::net::IpAddr;
use link::interface;
use lock::SpinLock;

/// A name, filled up with zeros, of which there is one at least.
pub(crate) type Label = [u8; 16];

static LABELS: SpinLock<Vec<(i32, IpAddr, Label)>> = SpinLock::new(Vec::new());

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

/// The name of an address: that of its interface, if it has no other.
pub(crate) fn of(address: &Address) -> Label {
    let labels = LABELS.lock();
    let own = labels.iter().find(|own| own.0 == address.index && own.1 == address.ip);
    if let Some((.., own)) = own {
        return *own;
    }
    drop(labels);
    interface::by_index(address.index).map_or([0; 16], |interface| label(interface.name.as_bytes()))
}

/// Gives an address a name, or none.
pub(crate) fn set(address: &Address, label: Option<Label>) {
    let mut labels = LABELS.lock();
    labels.retain(|own| own.0 != address.index || own.1 != address.ip);
    if let Some(label) = label {
        labels.push((address.index, address.ip, label));
    }
}
