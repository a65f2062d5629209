//! virtio-net: network cards (virtio 1.2, 5.1).
//!
//! A [`VirtioCard`] takes frames out and gives frames that came in, each as parts of pages, so that nothing is copied on the way. What the card can do for the stack goes with each frame: completing a checksum, cutting a large TCP or UDP packet into many, and saying that a checksum was right.
//!
//! | module | what it owns |
//! |---|---|
//! | [`receive`] | buffers for frames that come, and putting frames together that came in several |
//! | [`transmit`] | frames on their way out, and the place for their headers |
//! | `control` | what the driver asks of the card besides frames |
//!
//! **Pairs of queues.** The card begins with one. When a CPU for which there is none yet sends, more are asked for, up to as many as there are CPUs and as the card has; each CPU sends
//! through its own. Frames that come are taken from all of them, since there is one interrupt.
//!
//! **Interrupts or polling.** [`VirtioCard::interrupt`] silences the receiving queue and tells the stack once ([`Hooks::received`]); the stack then calls [`VirtioCard::receive`](Card::receive) until it gives nothing,
//! and says that it rests ([`VirtioCard::rest`](Card::rest)): only then are interrupts on again. Under load there are none. Frames that went out are taken back when the next one goes; an interrupt for them is
//! asked for only when there was no room ([`Hooks::sent`]). A stack that stops fetching before the end goes on later by itself: until then nothing interrupts.
//!
//! **Hostile input.** Lengths, counts of buffers and offsets that the device names are checked against what it was given; a frame that makes no sense is dropped and counted. A queue that
//! breaks leaves the card without that direction.
//!
//! Locks: one for each queue, leaves, never two. It does not do: large UDP packets on cards of QEMU before 8.2, which do not cut them (`Kind::Udp` is not among its abilities there); hashes.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod control;
mod receive;
mod transmit;

use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use control::Control;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use link::{Abilities, Card, Checksum, Counters, ETHERNET, Frame, MOST_PARTS, Queues, header};
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
    pub(crate) const CONTROL: u64 = 1 << 17;
    pub(crate) const CONTROL_FILTER: u64 = 1 << 18;
    pub(crate) const ANNOUNCE: u64 = 1 << 21;
    pub(crate) const PAIRS: u64 = 1 << 22;
    pub(crate) const CONTROL_MAC: u64 = 1 << 23;
    pub(crate) const HOST_USO: u64 = 1 << 56;

    /// Those that need no other.
    pub(crate) const ALWAYS: u64 = CHECKSUM | GUEST_CHECKSUM | MTU | MAC | MERGEABLE | STATUS | CONTROL;
    /// Those that make sense where the card can be asked for something.
    pub(crate) const ASKED: u64 = CONTROL_FILTER | ANNOUNCE | PAIRS | CONTROL_MAC;
    /// Those that make sense where checksums are left to the card.
    pub(crate) const LARGE_OUT: u64 = HOST_TSO4 | HOST_TSO6 | HOST_USO;
    /// Those that make sense where a frame may come in several buffers.
    pub(crate) const LARGE_IN: u64 = GUEST_TSO4 | GUEST_TSO6;
}

/// Offsets into the configuration.
mod configuration {
    pub(crate) const MAC: u32 = 0;
    pub(crate) const STATUS: u32 = 6;
    pub(crate) const PAIRS: u32 = 8;
    pub(crate) const MTU: u32 = 10;
}

/// Queues of each pair.
const PAIR: u16 = 2;
/// Most pairs that are made ready.
const MOST_PAIRS: u16 = 16;
const LINK_UP: u16 = 1;
const TO_ANNOUNCE: u16 = 2;
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
    /// Others should be told who has its addresses.
    pub announce: Box<dyn Fn() + Send + Sync>,
}

/// A queue for frames that come, and one for those that go.
struct Pair {
    receiver: SpinLock<Receiver>,
    sender: SpinLock<Sender>,
}

/// A network card.
pub struct VirtioCard {
    // Dropped first, so that the device touches no buffer any more.
    device: Device,
    pairs: Vec<Pair>,
    /// How many of them are in use, and how many will be when the card has said so.
    used: AtomicUsize,
    asked: AtomicUsize,
    control: Option<SpinLock<Control>>,
    /// It is behind all pairs that the card has, whether they are used or not.
    control_index: u16,
    hooks: Hooks,
    mac: AtomicU64,
    abilities: Abilities,
    link: AtomicBool,
    broken: AtomicU64,
}

impl core::fmt::Debug for VirtioCard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("VirtioCard")
            .field("mac", &self.mac())
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
        if offered & feature::CONTROL != 0 {
            known |= feature::ASKED;
        }
        let device = Device::begin(transport, dma, known)?;
        let mac = mac_of(&device)?;
        let abilities = abilities_of(&device)?;
        let limit = limit_of_pairs(&device)?;
        let useful = limit.min(hal::cpu::count() as u16).clamp(1, MOST_PAIRS);
        let pairs: Result<Vec<_>> = (0..useful).map(|index| Pair::new(&device, index)).collect();
        let control = match device.has(feature::CONTROL) {
            true => Some(SpinLock::new(Control::new(&device, PAIR * limit)?)),
            false => None,
        };
        let card = Self {
            device,
            pairs: pairs?,
            used: AtomicUsize::new(0),
            asked: AtomicUsize::new(1),
            control,
            control_index: PAIR * limit,
            hooks,
            mac: AtomicU64::new(number_of(mac)),
            abilities,
            link: AtomicBool::new(true),
            broken: AtomicU64::new(0),
        };
        card.device.ready();
        card.look_at_status()?;
        card.use_pairs(1);
        Ok(card)
    }

    /// Begins with so many pairs altogether: those that are new get buffers.
    fn use_pairs(&self, count: usize) {
        let before = self.used.load(Ordering::Relaxed);
        for (index, pair) in self.pairs.iter().enumerate().take(count).skip(before) {
            if pair.receiver.lock().begin() {
                self.device.transport().notify(index as u16 * PAIR);
            }
        }
        self.used.fetch_max(count.min(self.pairs.len()), Ordering::Release);
    }

    fn pairs_in_use(&self) -> &[Pair] {
        let used = self.used.load(Ordering::Acquire);
        self.pairs.get(..used).unwrap_or_default()
    }

    /// Asks the card for something, if it can be asked.
    fn ask<T>(&self, question: impl FnOnce(&mut Control, &Device) -> T) -> Option<T> {
        let mut control = self.control.as_ref()?.lock();
        let answer = question(&mut control, &self.device);
        if control.should_notify() {
            self.device.transport().notify(self.control_index);
        }
        Some(answer)
    }

    /// The pair that this CPU sends through; where it shall have one of its own, that is asked for.
    fn own_pair(&self) -> (u16, &Pair) {
        let cpu = hal::cpu::current();
        let pairs = self.pairs_in_use();
        let wanted = (cpu + 1).min(self.pairs.len());
        if wanted > pairs.len() && self.asked.fetch_max(wanted, Ordering::Relaxed) < wanted {
            self.ask(|control, device| control.set_pairs(device, wanted as u16));
        }
        let index = cpu % pairs.len().max(1);
        (index as u16, &self.pairs[index])
    }

    /// The device interrupted.
    pub fn interrupt(&self) {
        let why = self.device.transport().acknowledge();
        if why.configuration {
            // A device that never stops changing its configuration has the link that it had.
            let _ = self.look_at_status();
        }
        let mut came = false;
        let mut room = false;
        for pair in self.pairs_in_use() {
            came |= pair.receiver.lock().has_come();
            room |= pair.sender.lock().has_room_again();
        }
        if came {
            (self.hooks.received)();
        }
        if room {
            (self.hooks.sent)();
        }
        let more = self.control.as_ref().and_then(|control| control.lock().answers());
        if let Some(pairs) = more {
            self.use_pairs(usize::from(pairs));
        }
    }

    fn look_at_status(&self) -> Result<()> {
        let dead = self.device.needs_reset();
        let status = if self.device.has(feature::STATUS) {
            u16::from_le_bytes(self.device.configuration(configuration::STATUS)?)
        } else {
            LINK_UP
        };
        let up = status & LINK_UP != 0 && !dead;
        if self.link.swap(up, Ordering::Relaxed) != up {
            (self.hooks.link)(up);
        }
        if status & TO_ANNOUNCE != 0 && self.device.has(feature::ANNOUNCE) {
            (self.hooks.announce)();
            self.ask(Control::announced);
        }
        Ok(())
    }
}

impl Pair {
    fn new(device: &Device, index: u16) -> Result<Self> {
        let mergeable = device.has(feature::MERGEABLE);
        Ok(Self {
            receiver: SpinLock::new(Receiver::new(device, index * PAIR, mergeable)?),
            sender: SpinLock::new(Sender::new(device, index * PAIR + 1)?),
        })
    }
}

impl Card for VirtioCard {
    fn mac(&self) -> [u8; 6] {
        let [.., a, b, c, d, e, f] = self.mac.load(Ordering::Relaxed).to_be_bytes();
        [a, b, c, d, e, f]
    }

    fn abilities(&self) -> Abilities {
        self.abilities
    }

    fn has_link(&self) -> bool {
        self.link.load(Ordering::Relaxed)
    }

    fn counters(&self) -> Counters {
        let mut sum = Counters {
            broken: self.broken.load(Ordering::Relaxed),
            ..Counters::default()
        };
        let add = |to: &mut [u64; 2], counted: [u64; 2]| {
            to[0] = to[0].wrapping_add(counted[0]);
            to[1] = to[1].wrapping_add(counted[1]);
        };
        for pair in self.pairs_in_use() {
            add(&mut sum.received, pair.receiver.lock().counted());
            add(&mut sum.sent, pair.sender.lock().counted());
        }
        sum
    }

    fn queues(&self) -> Queues {
        let first = self.pairs.first();
        Queues {
            pairs: [self.pairs_in_use().len() as u32, self.pairs.len() as u32],
            room: first.map_or([0; 2], |pair| [pair.receiver.lock().room(), pair.sender.lock().room()]),
        }
    }

    fn pair_counters(&self, pair: usize) -> [[u64; 2]; 2] {
        let pair = self.pairs_in_use().get(pair);
        pair.map_or([[0; 2]; 2], |pair| {
            [pair.receiver.lock().counted(), pair.sender.lock().counted()]
        })
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
            self.abilities.most
        };
        frame.parts.len() <= MOST_PARTS && checksum && cut && (ETHERNET..=most + ETHERNET).contains(&frame.len())
    }

    fn set_filter(&self, promiscuous: bool, all_groups: bool, groups: &[[u8; 6]]) {
        if self.device.has(feature::CONTROL_FILTER) {
            self.ask(|control, device| control.set_filter(device, promiscuous, all_groups, groups));
        }
    }

    fn set_mac(&self, mac: [u8; 6]) -> bool {
        let asked = self.device.has(feature::CONTROL_MAC)
            && self.ask(|control, device| control.set_mac(device, mac)) == Some(true);
        if asked {
            self.mac.store(number_of(mac), Ordering::Relaxed);
        }
        asked
    }

    fn transmit(&self, frame: Frame) -> core::result::Result<(), Frame> {
        if !self.can(&frame) {
            return Err(frame);
        }
        let (index, pair) = self.own_pair();
        let mut sender = pair.sender.lock();
        sender.add(frame)?;
        if sender.should_notify() {
            self.device.transport().notify(index * PAIR + 1);
        }
        Ok(())
    }

    fn is_idle(&self) -> bool {
        self.pairs_in_use().iter().all(|pair| pair.sender.lock().is_idle())
    }

    fn receive(&self) -> Option<Frame> {
        let pairs = self.pairs_in_use().iter().zip(0u16..);
        pairs
            .into_iter()
            .find_map(|(pair, index)| self.receive_from(pair, index * PAIR))
    }

    fn rest(&self) -> bool {
        self.pairs_in_use().iter().any(|pair| pair.receiver.lock().listen())
    }

    fn give_back(&self, frame: Frame) {
        // Any queue can use the pages; the first one always takes frames.
        if let Some(pair) = self.pairs_in_use().first() {
            pair.receiver.lock().give_back(frame);
        }
    }
}

impl VirtioCard {
    fn receive_from(&self, pair: &Pair, queue: u16) -> Option<Frame> {
        let mut receiver = pair.receiver.lock();
        loop {
            match receiver.take() {
                Ok(Some(frame)) => {
                    if receiver.is_low() && receiver.refill() {
                        self.device.transport().notify(queue);
                    }
                    return Some(frame);
                }
                Ok(None) => {
                    if receiver.refill() {
                        self.device.transport().notify(queue);
                    }
                    return None;
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
}

fn number_of([a, b, c, d, e, f]: [u8; 6]) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// How many pairs of queues the card has.
fn limit_of_pairs(device: &Device) -> Result<u16> {
    /// As many as the specification knows.
    const MOST: u16 = 0x8000 / PAIR - 1;
    if !device.has(feature::PAIRS) {
        return Ok(1);
    }
    let stated = u16::from_le_bytes(device.configuration(configuration::PAIRS)?);
    Ok(stated.clamp(1, MOST))
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
        0
    };
    let most = if device.has(feature::MERGEABLE) {
        65535
    } else {
        LARGEST_SINGLE
    };
    // A card that does not say how long packets may be takes any, if somebody asks for them.
    let (mtu, limit) = match stated {
        LEAST..=65535 => (stated, stated),
        _ => (USUAL, most),
    };
    Ok(Abilities {
        checksum: device.has(feature::CHECKSUM),
        cuts: [feature::HOST_TSO4, feature::HOST_TSO6, feature::HOST_USO].map(|feature| device.has(feature)),
        mtu: mtu.min(most),
        most: limit.min(most),
    })
}
