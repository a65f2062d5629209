//! The cards that there are, with their names and numbers; where frames that come go.

use crate::packet;
use crate::{Card, Checksum, Frame};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::{Once, SpinLock};

/// The first card's number: 1 is that of loopback on every Linux.
pub const FIRST: i32 = 2;

static ALL: SpinLock<Vec<Arc<Interface>>> = SpinLock::new(Vec::new());

/// Takes a frame that came, from its Ethernet header on, and what is known of its checksum.
pub type Protocols = fn(&Interface, &[u8], Checksum);

static PROTOCOLS: Once<Protocols> = Once::new();

/// Says who takes frames that come, besides packet sockets. The first to say so does.
pub fn set_protocols(protocols: Protocols) {
    let _ = PROTOCOLS.set(protocols);
}

/// A card with a name and a number.
pub struct Interface {
    /// Its number, which programs name it by.
    pub index: i32,
    /// Its name.
    pub name: String,
    /// The card.
    pub card: Arc<dyn Card>,
}

impl core::fmt::Debug for Interface {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.name, self.index)
    }
}

/// Makes a card an interface.
pub fn add(card: Arc<dyn Card>) -> Arc<Interface> {
    let mut all = ALL.lock();
    let number = all.len();
    let interface = Arc::new(Interface {
        index: FIRST.saturating_add(number as i32),
        name: format!("eth{number}"),
        card,
    });
    all.push(Arc::clone(&interface));
    drop(all);
    let [a, b, c, d, e, f] = interface.card.mac();
    trace::info!(
        "{} is {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}, packets of {} bytes, link {}",
        interface.name,
        interface.card.abilities().mtu,
        if interface.card.has_link() { "up" } else { "down" }
    );
    interface
}

/// The interface with a number.
#[must_use]
pub fn by_index(index: i32) -> Option<Arc<Interface>> {
    ALL.lock().iter().find(|interface| interface.index == index).cloned()
}

/// The interface with a name.
#[must_use]
pub fn by_name(name: &[u8]) -> Option<Arc<Interface>> {
    let all = ALL.lock();
    all.iter().find(|interface| interface.name.as_bytes() == name).cloned()
}

impl Interface {
    /// Takes all frames that have come.
    pub fn poll(&self) {
        // One place for the bytes of all of them.
        let mut bytes = Vec::new();
        while let Some(frame) = self.card.receive() {
            packet::deliver(self, &frame);
            let checksum = frame.checksum;
            let protocols = PROTOCOLS.get();
            if protocols.is_some() {
                bytes.resize(frame.len() as usize, 0);
                frame.read(0, &mut bytes);
            }
            self.card.give_back(frame);
            if let Some(take) = protocols {
                take(self, &bytes, checksum);
            }
        }
    }

    /// Sends a frame, which packet sockets see too.
    ///
    /// # Errors
    /// The frame, as [`Card::transmit`].
    pub fn send(&self, frame: Frame, from: Option<&packet::PacketSocket>) -> Result<(), Frame> {
        packet::deliver_outgoing(self, &frame, from);
        self.card.transmit(frame)
    }
}
