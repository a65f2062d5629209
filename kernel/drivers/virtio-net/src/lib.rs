//! virtio-net: network cards (virtio 1.2, 5.1).
//!
//! A [`VirtioCard`] takes frames out and gives frames that came in, each as parts of pages, so that nothing is copied on the way. What the card can do for the stack goes with each frame: completing a checksum, cutting a large TCP or UDP packet into many, and saying that a checksum was right.
//!
//! | module | what it owns |
//! |---|---|
//! | [`header`] | the 12 bytes before each frame, made and checked |
//! | [`receive`] | buffers for frames that come, and putting frames together that came in several |
//! | [`transmit`] | frames on their way out, and the place for their headers |
//!
//! **Interrupts or polling.** [`VirtioCard::interrupt`] silences the receiving queue and tells the stack once ([`Hooks::received`]); the stack then calls [`VirtioCard::receive`](Card::receive) until it gives nothing,
//! and only then are interrupts on again. Under load there are none. Frames that went out are taken back when the next one goes; an interrupt for them is
//! asked for only when there was no room ([`Hooks::sent`]).
//!
//! **Hostile input.** Lengths, counts of buffers and offsets that the device names are checked against what it was given; a frame that makes no sense is dropped and counted. A queue that
//! breaks leaves the card without that direction.
//!
//! Locks: one for each direction, leaves, never both. It does not do yet: several pairs of queues, the control queue.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod header;
mod receive;
mod transmit;

use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use link::{Abilities, Card, Checksum, Counters, ETHERNET, Frame};
use lock::SpinLock;
use receive::Receiver;
use transmit::Sender;
use virtio::{Device, Dma, Transport};

/// Its number among virtio devices.
pub const KIND: u32 = 1;

/// Features of network cards.
mod feature {
    pub(crate) const CHECKSUM: u64 = 1 << 0;
    pub(crate) const GUEST_CHECKSUM: u64 = 1 << 1;
    pub(crate) const MTU: u64 = 1 << 3;
    pub(crate) const MAC: u64 = 1 << 5;
    pub(crate) const GUEST_TSO4: u64 = 1 << 7;
    pub(crate) const GUEST_TSO6: u64 = 1 << 8;
    pub(crate) const HOST_TSO4: u64 = 1 << 11;
    pub(crate) const HOST_TSO6: u64 = 1 << 12;
    pub(crate) const MERGEABLE: u64 = 1 << 15;
    pub(crate) const STATUS: u64 = 1 << 16;
    pub(crate) const HOST_USO: u64 = 1 << 56;

    /// Those that need no other.
    pub(crate) const ALWAYS: u64 = CHECKSUM | GUEST_CHECKSUM | MTU | MAC | MERGEABLE | STATUS;
    /// Those that make sense where checksums are left to the card.
    pub(crate) const LARGE_OUT: u64 = HOST_TSO4 | HOST_TSO6 | HOST_USO;
    /// Those that make sense where a frame may come in several buffers.
    pub(crate) const LARGE_IN: u64 = GUEST_TSO4 | GUEST_TSO6;
}

/// Offsets into the configuration.
mod configuration {
    pub(crate) const MAC: u32 = 0;
    pub(crate) const STATUS: u32 = 6;
    pub(crate) const MTU: u32 = 10;
}

const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;
const LINK_UP: u16 = 1;
/// Most parts of a frame that goes: 64 KiB in pages, wherever it begins, with a part for the headers.
pub const MOST_PARTS: usize = 18;
/// What fits into one buffer besides the headers, where frames cannot come in several.
const LARGEST_SINGLE: u32 = 4096 - header::BYTES - ETHERNET;

/// What the stack is told, from the interrupt.
pub struct Hooks {
    /// Frames may have come: call [`Card::receive`] until it gives nothing.
    pub received: Box<dyn Fn() + Send + Sync>,
    /// There is room again for frames that go.
    pub sent: Box<dyn Fn() + Send + Sync>,
    /// The link came or went.
    pub link: Box<dyn Fn(bool) + Send + Sync>,
}

/// A network card.
pub struct VirtioCard {
    // Dropped first, so that the device touches no buffer any more.
    device: Device,
    receiver: SpinLock<Receiver>,
    sender: SpinLock<Sender>,
    hooks: Hooks,
    mac: [u8; 6],
    abilities: Abilities,
    link: AtomicBool,
    broken: AtomicU64,
}

impl core::fmt::Debug for VirtioCard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("VirtioCard")
            .field("mac", &self.mac)
            .field("abilities", &self.abilities)
            .finish_non_exhaustive()
    }
}

impl VirtioCard {
    /// Begins with a device. Frames may come from now on.
    ///
    /// # Errors
    /// What is wrong with the device, or `ENOMEM`.
    pub fn start(transport: Arc<dyn Transport>, dma: Arc<dyn Dma>, hooks: Hooks) -> Result<Self> {
        let offered = transport.offered();
        let mut known = feature::ALWAYS;
        if offered & feature::CHECKSUM != 0 {
            known |= feature::LARGE_OUT;
        }
        if offered & (feature::MERGEABLE | feature::GUEST_CHECKSUM) == feature::MERGEABLE | feature::GUEST_CHECKSUM {
            known |= feature::LARGE_IN;
        }
        let device = Device::begin(transport, dma, known)?;
        let mac = mac_of(&device)?;
        let abilities = abilities_of(&device)?;
        let mergeable = device.has(feature::MERGEABLE);
        let receiver = Receiver::new(&device, RECEIVE, mergeable)?;
        let sender = Sender::new(&device, TRANSMIT)?;
        let card = Self {
            device,
            receiver: SpinLock::new(receiver),
            sender: SpinLock::new(sender),
            hooks,
            mac,
            abilities,
            link: AtomicBool::new(true),
            broken: AtomicU64::new(0),
        };
        card.device.ready();
        card.look_at_link()?;
        if card.receiver.lock().begin() {
            card.device.transport().notify(RECEIVE);
        }
        Ok(card)
    }

    fn can(&self, frame: &Frame) -> bool {
        let checksum = match frame.checksum {
            Checksum::Partial { .. } => self.abilities.checksum,
            Checksum::Unknown | Checksum::Valid => true,
        };
        let cut = frame
            .segmentation
            .is_none_or(|how| self.abilities.cuts[how.kind as usize]);
        let most = if frame.segmentation.is_some() {
            65535
        } else {
            self.abilities.mtu
        };
        frame.parts.len() <= MOST_PARTS && checksum && cut && (ETHERNET..=most + ETHERNET).contains(&frame.len())
    }

    /// The device interrupted.
    pub fn interrupt(&self) {
        let why = self.device.transport().acknowledge();
        if why.configuration {
            // A device that never stops changing its configuration has the link that it had.
            let _ = self.look_at_link();
        }
        let came = self.receiver.lock().has_come();
        if came {
            (self.hooks.received)();
        }
        let room = self.sender.lock().has_room_again();
        if room {
            (self.hooks.sent)();
        }
    }

    fn look_at_link(&self) -> Result<()> {
        if !self.device.has(feature::STATUS) {
            return Ok(());
        }
        let status = u16::from_le_bytes(self.device.configuration(configuration::STATUS)?);
        let up = status & LINK_UP != 0;
        if self.link.swap(up, Ordering::Relaxed) != up {
            (self.hooks.link)(up);
        }
        Ok(())
    }
}

impl Card for VirtioCard {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn abilities(&self) -> Abilities {
        self.abilities
    }

    fn has_link(&self) -> bool {
        self.link.load(Ordering::Relaxed)
    }

    fn counters(&self) -> Counters {
        let received = self.receiver.lock().counted();
        Counters {
            received,
            sent: self.sender.lock().counted(),
            broken: self.broken.load(Ordering::Relaxed),
        }
    }

    fn transmit(&self, frame: Frame) -> core::result::Result<(), Frame> {
        if !self.can(&frame) {
            return Err(frame);
        }
        let mut sender = self.sender.lock();
        sender.add(frame)?;
        if sender.should_notify() {
            self.device.transport().notify(TRANSMIT);
        }
        Ok(())
    }

    fn receive(&self) -> Option<Frame> {
        let mut receiver = self.receiver.lock();
        loop {
            match receiver.take() {
                Ok(Some(frame)) => {
                    if receiver.is_low() && receiver.refill() {
                        self.device.transport().notify(RECEIVE);
                    }
                    return Some(frame);
                }
                Ok(None) => {
                    if receiver.refill() {
                        self.device.transport().notify(RECEIVE);
                    }
                    if !receiver.listen() {
                        return None;
                    }
                }
                Err(_broken_frame) => {
                    self.broken.fetch_add(1, Ordering::Relaxed);
                    if receiver.is_broken() {
                        return None;
                    }
                }
            }
        }
    }

    fn give_back(&self, frame: Frame) {
        self.receiver.lock().give_back(frame);
    }
}

/// The card's address, or one of our own where it has none that is one station's.
fn mac_of(device: &Device) -> Result<[u8; 6]> {
    if device.has(feature::MAC) {
        let mac: [u8; 6] = device.configuration(configuration::MAC)?;
        if mac[0] & 1 == 0 && mac != [0; 6] {
            return Ok(mac);
        }
    }
    let mut mac = [0; 6];
    random::fill(&mut mac);
    mac[0] = mac[0] & 0xfc | 2;
    Ok(mac)
}

fn abilities_of(device: &Device) -> Result<Abilities> {
    const USUAL: u32 = 1500;
    const LEAST: u32 = 68;
    let stated = if device.has(feature::MTU) {
        u32::from(u16::from_le_bytes(device.configuration(configuration::MTU)?))
    } else {
        USUAL
    };
    let most = if device.has(feature::MERGEABLE) {
        65535
    } else {
        LARGEST_SINGLE
    };
    let mtu = if (LEAST..=65535).contains(&stated) {
        stated
    } else {
        USUAL
    };
    Ok(Abilities {
        checksum: device.has(feature::CHECKSUM),
        cuts: [feature::HOST_TSO4, feature::HOST_TSO6, feature::HOST_USO].map(|feature| device.has(feature)),
        mtu: mtu.min(most),
    })
}
