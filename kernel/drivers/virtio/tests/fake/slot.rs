//! A device behind a transport without hardware: what it is and offers is the test's, what the driver told it is kept.

use super::{Bus, Far};
use std::sync::{Arc, Mutex};
use virtio::queue::Format;
use virtio::transport::{Addresses, Interrupt};
use virtio::{Transport, feature};

#[derive(Default)]
pub struct Slot {
    kind: u32,
    offered: u64,
    /// How many entries each queue may have; the others are not there.
    limits: Vec<u16>,
    /// It does not take its own features back.
    pub refuses: bool,
    pub configuration: Mutex<Vec<u8>>,
    pub interrupt: Mutex<Interrupt>,
    pub status: Mutex<u8>,
    pub accepted: Mutex<u64>,
    queues: Mutex<Vec<Option<(u16, Addresses)>>>,
    notified: Mutex<Vec<u16>>,
}

impl Slot {
    /// One that offers these features besides those that every device has.
    pub fn new(kind: u32, offered: u64, limits: &[u16]) -> Self {
        Self {
            kind,
            offered: offered | feature::VERSION_1 | feature::ACCESS_PLATFORM,
            limits: limits.to_vec(),
            queues: Mutex::new(vec![None; limits.len()]),
            ..Self::default()
        }
    }

    /// The queues that it was notified of, in order.
    pub fn notified(&self) -> Vec<u16> {
        self.notified.lock().expect("whole").clone()
    }

    /// The far side of a queue, if the driver uses it.
    pub fn far(&self, bus: &Arc<Bus>, queue: u16, format: Format) -> Option<Far> {
        let (size, at) = self.queues.lock().expect("whole")[usize::from(queue)]?;
        Some(Far::new(Arc::clone(bus), size, at, format))
    }

    /// The far sides of all queues that the driver uses.
    pub fn all_far(&self, bus: &Arc<Bus>, format: Format) -> Vec<Far> {
        let queues = 0..self.limits.len() as u16;
        queues.filter_map(|queue| self.far(bus, queue, format)).collect()
    }
}

impl Transport for Slot {
    fn kind(&self) -> u32 {
        self.kind
    }

    fn offered(&self) -> u64 {
        self.offered
    }

    fn accept(&self, features: u64) {
        *self.accepted.lock().expect("whole") = features;
    }

    fn status(&self) -> u8 {
        *self.status.lock().expect("whole")
    }

    fn set_status(&self, status: u8) {
        *self.status.lock().expect("whole") = if self.refuses { status & !8 } else { status };
    }

    fn queue_limit(&self, queue: u16) -> u16 {
        self.limits.get(usize::from(queue)).copied().unwrap_or(0)
    }

    fn set_queue(&self, queue: u16, size: u16, at: Addresses) {
        self.queues.lock().expect("whole")[usize::from(queue)] = Some((size, at));
    }

    fn notify(&self, queue: u16) {
        self.notified.lock().expect("whole").push(queue);
    }

    fn acknowledge(&self) -> Interrupt {
        std::mem::take(&mut self.interrupt.lock().expect("whole"))
    }

    fn generation(&self) -> u32 {
        0
    }

    fn configuration(&self, offset: u32) -> u8 {
        let bytes = self.configuration.lock().expect("whole");
        bytes.get(offset as usize).copied().unwrap_or(0)
    }
}
