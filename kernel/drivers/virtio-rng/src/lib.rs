//! virtio-rng: random bytes from the host (virtio 1.2, 5.4).
//!
//! The device has one queue, to which the driver gives a page and gets it back filled. What comes is mixed into the kernel's generator; nobody ever waits for it, and
//! a device that gives nothing, or zeros, takes nothing away. One request is made, at the start.
//!
//! Lock: the queue's, a leaf.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use lock::SpinLock;
use virtio::{Device, Dma, Queue, Segment, Shared, Transport};

/// Its number among virtio devices.
pub const KIND: u32 = 4;

/// Bytes of a request.
const SEED: u32 = 64;
const REQUESTS: u16 = 0;

/// A device that gives random bytes.
#[derive(Debug)]
pub struct Rng {
    device: Device,
    /// Each request carries the page that is filled.
    requests: SpinLock<Queue<Shared>>,
    /// Bytes that came so far.
    taken: AtomicU64,
}

impl Rng {
    /// Begins with a device, and makes the first request.
    ///
    /// # Errors
    /// What is wrong with the device, or `ENOMEM`.
    pub fn start(transport: Arc<dyn Transport>, dma: Arc<dyn Dma>) -> Result<Self> {
        let device = Device::begin(transport, dma, 0)?;
        let mut requests = device.queue(REQUESTS, 2)?;
        let page = Shared::new(device.dma())?;
        device.ready();
        // There is none yet to wait for.
        let _ = requests.listen();
        let rng = Self {
            device,
            requests: SpinLock::new(requests),
            taken: AtomicU64::new(0),
        };
        rng.request(page);
        Ok(rng)
    }

    fn request(&self, page: Shared) {
        let segment = Segment::write(&page, 0, SEED);
        let mut requests = self.requests.lock();
        // No room means that the device has not answered the last one.
        let added = requests.add(&[segment], page).is_ok();
        if added && requests.should_notify() {
            self.device.transport().notify(REQUESTS);
        }
    }

    /// The device interrupted: takes what it gave.
    pub fn interrupt(&self) {
        self.device.transport().acknowledge();
        let mut requests = self.requests.lock();
        loop {
            while let Ok(Some(used)) = requests.take() {
                let mut bytes = [0; SEED as usize];
                let given = &mut bytes[..used.written.min(SEED) as usize];
                used.data.page().read(0, given);
                used.data.page().zero_range(0, SEED as usize);
                random::seed(given);
                self.taken.fetch_add(given.len() as u64, Ordering::Relaxed);
                trace::debug!("{} random bytes came from the host", given.len());
            }
            if !requests.listen() {
                return;
            }
        }
    }

    /// Bytes that came so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}
