//! The other side: a bus with addresses of its own, and a device that serves queues of either format as the specification says.
#![expect(unreachable_pub, reason = "a module of several test programs")]
#![allow(dead_code, reason = "each test program uses a part")]

pub mod slot;

use abi::Result;
use frames::Page;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Once};
use virtio::queue::{Format, MOST};
use virtio::transport::Addresses;
use virtio::{Dma, Queue};

static BOOT: Once = Once::new();

/// Starts the machine, which has memory.
pub fn boot() {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
}

/// Pages are reached at addresses that have nothing to do with where they are, and only while they are shared.
#[derive(Default)]
pub struct Bus {
    pages: Mutex<(u64, BTreeMap<u64, Page>)>,
    /// What reaches past what is shared is stopped, instead of ending the test.
    pub guards: AtomicBool,
}

impl Dma for Bus {
    fn share(&self, page: &Page) -> Result<u64> {
        let (next, pages) = &mut *self.pages.lock().expect("nobody failed");
        *next += 0x3000;
        let address = 0xbad_0000_0000 + *next;
        pages.insert(address, page.clone());
        Ok(address)
    }

    fn unshare(&self, _page: &Page, address: u64) {
        self.pages.lock().expect("nobody failed").1.remove(&address);
    }

    fn translates(&self) -> bool {
        true
    }
}

impl Bus {
    /// How many pages are shared.
    pub fn shared(&self) -> usize {
        self.pages.lock().expect("nobody failed").1.len()
    }

    fn with(&self, address: u64, len: usize, then: impl FnOnce(&Page, usize)) {
        let pages = self.pages.lock().expect("nobody failed");
        let found = pages.1.range(..=address).next_back();
        let reached = found
            .map(|(start, page)| ((address - start) as usize, page))
            .filter(|(offset, _)| offset + len <= 4096);
        match reached {
            Some((offset, page)) => then(page, offset),
            None => assert!(self.guards.load(Ordering::Relaxed), "{address:#x} is not shared"),
        }
    }

    pub fn read(&self, address: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.with(address, len, |page, offset| page.read(offset, &mut bytes));
        bytes
    }

    pub fn write(&self, address: u64, bytes: &[u8]) {
        self.with(address, bytes.len(), |page, offset| page.write(offset, bytes));
    }

    fn number(&self, address: u64, len: usize) -> u64 {
        self.read(address, len)
            .iter()
            .rev()
            .fold(0, |value, &byte| value << 8 | u64::from(byte))
    }

    fn word16(&self, address: u64) -> u16 {
        self.number(address, 2) as u16
    }
}

/// A chain in the device's hands.
#[derive(Debug)]
pub struct Chain {
    id: u16,
    /// Descriptors of the ring that it takes.
    count: u16,
    /// What the driver gave to read.
    pub read: Vec<u8>,
    /// Where the device may write.
    pub writable: Vec<(u64, u32)>,
}

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

/// A device's side of one queue.
pub struct Far {
    pub bus: Arc<Bus>,
    format: Format,
    size: u16,
    pub at: Addresses,
    seen: u16,
    seen_round: bool,
    used: u16,
    used_round: bool,
    /// Where `used` was when the driver was last told.
    told: u16,
}

/// A queue and its far side.
pub fn pair<T>(size: u16, format: Format) -> (Queue<T>, Far) {
    boot();
    let bus = Arc::new(Bus::default());
    let dma: Arc<dyn Dma> = bus.clone();
    let queue = Queue::new(&dma, size, format).expect("there is memory");
    let far = Far::new(bus, queue.size(), queue.addresses(), format);
    (queue, far)
}

impl Far {
    pub fn new(bus: Arc<Bus>, size: u16, at: Addresses, format: Format) -> Self {
        assert!(size.is_power_of_two() && size <= MOST);
        Self {
            bus,
            format,
            size,
            at,
            seen: 0,
            seen_round: true,
            used: 0,
            used_round: true,
            told: 0,
        }
    }

    /// Takes the next chain that the driver offers.
    pub fn fetch(&mut self) -> Option<Chain> {
        if self.format.packed {
            self.fetch_packed()
        } else {
            self.fetch_split()
        }
    }

    fn segment(&self, chain: &mut Chain, address: u64, len: u32, flags: u16) {
        if flags & WRITE != 0 {
            chain.writable.push((address, len));
        } else {
            assert!(chain.writable.is_empty(), "what is read comes first");
            chain.read.extend(self.bus.read(address, len as usize));
        }
    }

    fn split_descriptor(&self, table: u64, index: u16) -> (u64, u32, u16, u16) {
        let at = table + u64::from(index) * 16;
        let number = |offset, len| self.bus.number(at + offset, len);
        (
            number(0, 8),
            number(8, 4) as u32,
            number(12, 2) as u16,
            number(14, 2) as u16,
        )
    }

    fn fetch_split(&mut self) -> Option<Chain> {
        if self.bus.word16(self.at.driver + 2) == self.seen {
            return None;
        }
        let slot = u64::from(self.seen % self.size);
        let head = self.bus.word16(self.at.driver + 4 + 2 * slot);
        self.seen = self.seen.wrapping_add(1);
        let mut chain = Chain {
            id: head,
            count: 1,
            read: Vec::new(),
            writable: Vec::new(),
        };
        let mut table = self.at.descriptors;
        let mut index = head;
        for _ in 0..=self.size + 1 {
            let (address, len, flags, next) = self.split_descriptor(table, index);
            if flags & INDIRECT != 0 {
                assert!(self.format.indirect && flags == INDIRECT && len % 16 == 0);
                (table, index) = (address, 0);
                continue;
            }
            self.segment(&mut chain, address, len, flags);
            if flags & NEXT == 0 {
                return Some(chain);
            }
            index = next;
        }
        panic!("a chain without an end")
    }

    fn packed_descriptor(&self, table: u64, index: u16) -> (u64, u32, u16, u16) {
        let (address, len, id, flags) = self.split_descriptor(table, index);
        (address, len, id, flags)
    }

    fn fetch_packed(&mut self) -> Option<Chain> {
        let mut chain = Chain {
            id: 0,
            count: 0,
            read: Vec::new(),
            writable: Vec::new(),
        };
        loop {
            let (address, len, id, flags) = self.packed_descriptor(self.at.descriptors, self.seen);
            let (available, used) = (flags >> 7 & 1 == 1, flags >> 15 == 1);
            if available != self.seen_round || used == self.seen_round {
                assert!(chain.count == 0, "a chain that is not all there");
                return None;
            }
            chain.count += 1;
            chain.id = id;
            self.seen += 1;
            if self.seen == self.size {
                (self.seen, self.seen_round) = (0, !self.seen_round);
            }
            if flags & INDIRECT != 0 {
                assert!(self.format.indirect && flags & NEXT == 0);
                for index in 0..(len / 16) as u16 {
                    let (address, len, _, flags) = self.packed_descriptor(address, index);
                    self.segment(&mut chain, address, len, flags);
                }
                return Some(chain);
            }
            self.segment(&mut chain, address, len, flags);
            if flags & NEXT == 0 {
                return Some(chain);
            }
        }
    }

    /// Writes bytes to what a chain has for that, and gives it back.
    pub fn complete(&mut self, chain: Chain, bytes: &[u8]) {
        let mut rest = bytes;
        for &(address, len) in &chain.writable {
            let (now, later) = rest.split_at(rest.len().min(len as usize));
            self.bus.write(address, now);
            rest = later;
        }
        self.give(chain.id, chain.count, (bytes.len() - rest.len()) as u32);
    }

    /// Says that a chain has been used, true or not.
    pub fn give(&mut self, id: u16, count: u16, written: u32) {
        if self.format.packed {
            let round = if self.used_round { 1 << 7 | 1 << 15 } else { 0u16 };
            let at = self.at.descriptors + u64::from(self.used) * 16 + 8;
            let word = u64::from(written) | u64::from(id) << 32 | u64::from(round) << 48;
            self.bus.write(at, &word.to_le_bytes());
            self.used += count;
            if self.used >= self.size {
                (self.used, self.used_round) = (self.used - self.size, !self.used_round);
            }
        } else {
            let at = self.at.device + 4 + 8 * u64::from(self.used % self.size);
            self.bus.write(at, &u32::from(id).to_le_bytes());
            self.bus.write(at + 4, &written.to_le_bytes());
            self.used = self.used.wrapping_add(1);
            self.bus.write(self.at.device + 2, &self.used.to_le_bytes());
        }
    }

    /// Goes to sleep: wants to be told of the next chain.
    pub fn sleep(&self) {
        match (self.format.packed, self.format.event_index) {
            (false, true) => {
                let at = self.at.device + 4 + 8 * u64::from(self.size);
                self.bus.write(at, &self.seen.to_le_bytes());
            }
            (false, false) => self.bus.write(self.at.device, &0u16.to_le_bytes()),
            (true, events) => {
                let place = self.seen | u16::from(self.seen_round) << 15;
                let word = if events { u32::from(place) | 2 << 16 } else { 0 };
                self.bus.write(self.at.device, &word.to_le_bytes());
            }
        }
    }

    /// Is awake: wants to be told of nothing.
    pub fn wake(&self) {
        match (self.format.packed, self.format.event_index) {
            (false, true) => {
                let at = self.at.device + 4 + 8 * u64::from(self.size);
                self.bus.write(at, &self.seen.wrapping_sub(1).to_le_bytes());
            }
            (false, false) => self.bus.write(self.at.device, &1u16.to_le_bytes()),
            (true, _) => self.bus.write(self.at.device, &(1u32 << 16).to_le_bytes()),
        }
    }

    /// Whether the driver wants an interrupt for what was used since this was last asked. One chain at a time, for the packed format.
    pub fn interrupts(&mut self) -> bool {
        let old = std::mem::replace(&mut self.told, self.used);
        let need = |event: u16, new: u16, old: u16| new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old);
        if old == self.used {
            return false;
        }
        match (self.format.packed, self.format.event_index) {
            (false, true) => {
                let event = self.bus.word16(self.at.driver + 4 + 2 * u64::from(self.size));
                need(event, self.used, old)
            }
            (false, false) => self.bus.word16(self.at.driver) & 1 == 0,
            (true, _) => match self.bus.word16(self.at.driver + 2) {
                2 => {
                    let place = self.bus.word16(self.at.driver);
                    let event = place & 0x7fff;
                    let event = if (place >> 15 == 1) == self.used_round {
                        event
                    } else {
                        event.wrapping_sub(self.size)
                    };
                    let old = if old < self.used {
                        old
                    } else {
                        old.wrapping_sub(self.size)
                    };
                    need(event, self.used, old)
                }
                flags => flags == 0,
            },
        }
    }
}
