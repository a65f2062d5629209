//! virtio-vsock: connections to the host (virtio 1.2, 5.10).
//!
//! The device has a queue for packets that come, one for those that go, and one for events, of which there is one: the machine has been moved to another host, where none of its connections exists. What packets mean is
//! not this crate's business; it checks that each has a header, and how long it is.
//!
//! | module | what it owns |
//! |---|---|
//! | `receive` | buffers for packets that come |
//! | `transmit` | packets on their way out, and the places for their headers |
//!
//! A buffer is a page, and goes back to the device as soon as its packet has been looked at, since the bytes are copied out. One CPU at a time takes packets in, so that they stay in order, and after [`MANY`] of them it leaves the
//! rest for a little later: a host that never stops does not keep a CPU.
//!
//! Packets that went are taken back when the next one goes; an interrupt for them is asked for only when there was no room.
//!
//! Locks: one for each queue, leaves, never two. None is held while a packet is looked at.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod receive;
mod transmit;

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use lock::SpinLock;
use receive::Receiver;
use time::Expire;
use transmit::Sender;
use virtio::{Device, Dma, Queue, Segment, Shared, Transport};
use vsock::connection::Packet;
use vsock::way::{self, Card};

/// Its number among virtio devices.
pub const KIND: u32 = 19;

const STREAM: u64 = 1 << 0;
const SEQUENCE: u64 = 1 << 1;

const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
const EVENTS: u16 = 2;

/// Bytes of an event, and how many events can be under way.
const EVENT: u32 = 4;
const EVENT_PLACES: u16 = 4;
/// The event: the machine was moved.
const MOVED: [u8; EVENT as usize] = [0; EVENT as usize];

/// Packets that are taken in at once, and nanoseconds until it goes on.
pub const MANY: u32 = 512;
const PAUSE: u64 = 1_000_000;

/// A device that leads to the host.
pub struct VsockCard {
    // Dropped first, so that the device touches no buffer any more.
    device: Device,
    receiver: SpinLock<Receiver>,
    sender: SpinLock<Sender>,
    /// Each chain is the place of its event in the page.
    events: SpinLock<Queue<u32>>,
    event_page: Shared,
    cid: AtomicU32,
}

impl core::fmt::Debug for VsockCard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "VsockCard({})", self.cid())
    }
}

impl VsockCard {
    /// Begins with a device. Packets may come from when it is known to the sockets ([`way::set_card`]) and [`VsockCard::interrupt`] is called.
    ///
    /// # Errors
    /// What is wrong with the device, or `ENOMEM`.
    pub fn start(transport: Arc<dyn Transport>, dma: Arc<dyn Dma>) -> Result<Arc<Self>> {
        let device = Device::begin(transport, dma, STREAM | SEQUENCE)?;
        let cid = cid_of(&device)?;
        let receiver = SpinLock::new(Receiver::new(&device, RECEIVE)?);
        let sender = SpinLock::new(Sender::new(&device, TRANSMIT)?);
        let events = SpinLock::new(device.queue(EVENTS, EVENT_PLACES)?);
        let event_page = Shared::new(device.dma())?;
        let card = Self {
            device,
            receiver,
            sender,
            events,
            event_page,
            cid: AtomicU32::new(cid),
        };
        card.device.ready();
        if card.receiver.lock().refill() {
            card.notify(RECEIVE);
        }
        let places = u32::from(card.events.lock().size());
        (0..places).for_each(|place| card.await_event(place * EVENT));
        Ok(Arc::new(card))
    }

    fn notify(&self, queue: u16) {
        self.device.transport().notify(queue);
    }

    fn await_event(&self, place: u32) {
        let mut events = self.events.lock();
        let added = events.add(&[Segment::write(&self.event_page, place, EVENT)], place);
        if added.is_ok() && events.should_notify() {
            self.notify(EVENTS);
        }
    }

    /// The device interrupted, or may have something to say.
    pub fn interrupt(self: &Arc<Self>) {
        self.device.transport().acknowledge();
        self.look_at_events();
        self.take_in();
        if self.sender.lock().has_room_again() {
            way::has_room();
        }
    }

    fn look_at_events(&self) {
        loop {
            let mut events = self.events.lock();
            let Ok(taken) = events.take() else { return };
            let Some(used) = taken else {
                if events.listen() {
                    continue;
                }
                return;
            };
            drop(events);
            let mut event = [0xff; EVENT as usize];
            self.event_page.page().read(used.data as usize, &mut event);
            self.await_event(used.data);
            if used.written == EVENT && event == MOVED {
                self.was_moved();
            }
        }
    }

    fn was_moved(&self) {
        match cid_of(&self.device) {
            Ok(cid) => self.cid.store(cid, Ordering::Relaxed),
            Err(error) => trace::warn!("a device that leads to the host: {}", error.why()),
        }
        way::was_moved();
    }

    /// Takes in the packets that have come.
    fn take_in(self: &Arc<Self>) {
        if !self.receiver.lock().begin() {
            return;
        }
        for _ in 0..MANY {
            let mut receiver = self.receiver.lock();
            let taken = receiver.take();
            if receiver.refill() {
                self.notify(RECEIVE);
            }
            if taken.is_none() && receiver.end() {
                return;
            }
            drop(receiver);
            if let Some((header, page, len)) = taken {
                way::arrived(&header, page.page(), header.len(), len);
                self.receiver.lock().give_back(page);
            }
        }
        self.receiver.lock().pause();
        time::add(time::now().saturating_add(PAUSE), Arc::clone(self) as _);
    }
}

impl Expire for VsockCard {
    fn expire(self: Arc<Self>) {
        self.take_in();
    }
}

impl Card for VsockCard {
    fn cid(&self) -> u32 {
        self.cid.load(Ordering::Relaxed)
    }

    fn has_sequences(&self) -> bool {
        self.device.has(SEQUENCE)
    }

    fn send(&self, packet: Packet) -> core::result::Result<(), Packet> {
        self.sender.lock().add(packet)
    }

    fn is_idle(&self) -> bool {
        self.sender.lock().is_idle()
    }

    fn kick(&self) {
        if self.sender.lock().should_notify() {
            self.notify(TRANSMIT);
        }
    }
}

/// The context that the device gives the machine: one that a machine can have.
fn cid_of(device: &Device) -> Result<u32> {
    let number = u64::from_le_bytes(device.configuration(0)?);
    let cid = u32::try_from(number).ok();
    cid.filter(|cid| *cid > way::HOST && *cid != way::ANY)
        .ok_or(Error::new(Errno::EIO, "the device gives a context that no machine has"))
}
