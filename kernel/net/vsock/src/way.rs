//! The ways that packets go: to the machine itself, and through a device to its host.
//!
//! As on Linux, the machine itself is context 1 and the context that the device gives it; without a device the host's context means the machine too. There is one device at most.

use crate::connection::Packet;
use crate::header::{Address, BYTES, Header, Kind};
use crate::inbox::Payload;
use crate::remote::Remote;
use crate::table;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use frames::Page;
use lock::{Once, SpinLock};

/// Any context, or any port.
pub const ANY: u32 = u32::MAX;
/// The machine itself.
pub const LOCAL: u32 = 1;
/// The host.
pub const HOST: u32 = 2;

/// A device that leads to the host.
pub trait Card: Send + Sync {
    /// The context of this machine.
    fn cid(&self) -> u32;

    /// Whether it passes messages.
    fn has_sequences(&self) -> bool;

    /// Takes a packet, in order.
    ///
    /// # Errors
    /// The packet, if there is no room; [`has_room`] is called when there is.
    fn send(&self, packet: Packet) -> core::result::Result<(), Packet>;

    /// All of what was to be sent together is there.
    fn kick(&self);

    /// Whether everything has left that it was given.
    fn is_idle(&self) -> bool {
        true
    }
}

/// Which way a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// To the machine itself.
    Local,
    /// Through the device.
    Device,
}

static CARD: Once<Arc<dyn Card>> = Once::new();
/// Connections that found no room on the device.
static WAITING: SpinLock<Vec<Arc<Remote>>> = SpinLock::new(Vec::new());

/// There is a device; false if there was one already.
pub fn set_card(card: Arc<dyn Card>) -> bool {
    CARD.set(card).is_ok()
}

/// The machine ends: lets everything leave that programs have sent, if the host takes it soon.
pub fn farewell() {
    const PATIENCE: u64 = 250_000_000;
    if let Some(card) = CARD.get() {
        let is_over = &mut || WAITING.lock().is_empty() && card.is_idle();
        task::look_until(time::now() + PATIENCE, is_over);
    }
}

/// The context of this machine, if the host gave it one.
pub(crate) fn host_given() -> Option<u32> {
    CARD.get().map(|card| card.cid())
}

/// The context of this machine, for whoever asks.
pub(crate) fn own_cid() -> u32 {
    host_given().unwrap_or(LOCAL)
}

/// Whether a context is this machine's.
pub(crate) fn is_own(cid: u32) -> bool {
    cid == LOCAL || host_given() == Some(cid)
}

/// The way to a context, and what this machine is called on it.
///
/// # Errors
/// `ENODEV` if there is none, `ESOCKTNOSUPPORT` if it does not pass messages.
pub(crate) fn to(cid: u32, kind: Kind) -> Result<(Way, u32)> {
    let Some(card) = CARD.get() else {
        return match cid {
            LOCAL | HOST => Ok((Way::Local, LOCAL)),
            _ => Err(Error::new(Errno::ENODEV, "no device leads there")),
        };
    };
    if is_own(cid) {
        return Ok((Way::Local, LOCAL));
    }
    if kind == Kind::Sequence && !card.has_sequences() {
        return Err(Error::new(Errno::ESOCKTNOSUPPORT, "the device passes no messages"));
    }
    Ok((Way::Device, card.cid()))
}

pub(crate) fn send(packet: Packet) -> core::result::Result<(), Packet> {
    match CARD.get() {
        Some(card) => card.send(packet),
        None => Err(packet),
    }
}

pub(crate) fn kick() {
    if let Some(card) = CARD.get() {
        card.kick();
    }
}

/// Has a connection's turn come when there is room on the device.
pub(crate) fn wait_for_room(remote: Arc<Remote>) {
    let mut waiting = WAITING.lock();
    if !waiting.iter().any(|other| Arc::ptr_eq(other, &remote)) {
        waiting.push(remote);
    }
}

/// The device has room again.
pub fn has_room() {
    let waiting = core::mem::take(&mut *WAITING.lock());
    waiting.iter().for_each(|remote| remote.run());
}

/// A packet came through the device: its header, and the bytes that follow it in a page, which are `len`.
pub fn arrived(header: &[u8; BYTES], page: &Page, offset: usize, len: usize) {
    let Some(header) = Header::parse(header) else { return };
    // Nobody outside is this machine, whatever it says.
    let from_here = is_own(header.from.cid) || header.from.cid == ANY;
    if from_here || header.len as usize > len {
        return;
    }
    let payload = Payload {
        page: Some(page),
        offset,
        len: header.len as usize,
    };
    if host_given() != Some(header.to.cid) {
        return refuse(&header);
    }
    match table::find(Way::Device, &header, payload) {
        Ok(Some(remote)) => remote.run(),
        Ok(None) => {}
        Err(table::Nobody) => refuse(&header),
    }
}

/// Says that there is no such connection. Without room for that nothing is said, and the other side finds out by waiting.
fn refuse(header: &Header) {
    if let Some(header) = header.refusal() {
        let _ = send(Packet { header, payload: None });
        kick();
    }
}

/// The device was moved elsewhere, where nobody knows of any connection, and may have another context now.
pub fn was_moved() {
    for remote in table::all(Way::Device) {
        remote.change(crate::connection::Connection::cut_off);
    }
}

/// An address that is none.
pub(crate) const NOWHERE: Address = Address { cid: ANY, port: ANY };
