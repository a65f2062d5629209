//! Reset, features, queues, ready (virtio 1.2, 3.1).

use crate::dma::Dma;
use crate::feature;
use crate::queue::{Format, Queue};
use crate::transport::Transport;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;

const ACKNOWLEDGE: u8 = 1;
const DRIVER: u8 = 2;
const DRIVER_OK: u8 = 4;
const FEATURES_OK: u8 = 8;
const NEEDS_RESET: u8 = 64;
const FAILED: u8 = 128;

/// How often a device is looked at that has to finish its reset, or to say the same of its configuration twice.
const PATIENCE: u32 = 10_000;

/// A device that a driver has begun with. Dropping it resets the device, so that it touches no memory any more.
pub struct Device {
    transport: Arc<dyn Transport>,
    dma: Arc<dyn Dma>,
    features: u64,
}

impl core::fmt::Debug for Device {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Device({:#x})", self.features)
    }
}

impl Device {
    /// Resets a device and agrees on features: those of `known` that it offers, and those of rings that this crate knows.
    ///
    /// # Errors
    /// `EIO` for a device that does not finish its reset or refuses what it offered, `EOPNOTSUPP` for one without something that is needed.
    pub fn begin(transport: Arc<dyn Transport>, dma: Arc<dyn Dma>, known: u64) -> Result<Self> {
        reset(&*transport)?;
        let mut device = Self {
            transport,
            dma,
            features: 0,
        };
        device.add_status(ACKNOWLEDGE);
        device.add_status(DRIVER);
        let offered = device.transport.offered();
        if offered & feature::VERSION_1 == 0 {
            return Err(device.give_up(Errno::EOPNOTSUPP, "the device is from before virtio 1.0"));
        }
        if device.dma.translates() && offered & feature::ACCESS_PLATFORM == 0 {
            return Err(device.give_up(Errno::EOPNOTSUPP, "the device would reach memory past the platform"));
        }
        let rings = feature::INDIRECT | feature::EVENT_INDEX | feature::PACKED;
        let always = feature::VERSION_1 | feature::ACCESS_PLATFORM;
        device.features = offered & (known | rings | always);
        device.transport.accept(device.features);
        device.add_status(FEATURES_OK);
        if device.transport.status() & FEATURES_OK == 0 {
            return Err(device.give_up(Errno::EIO, "the device refuses features that it offered"));
        }
        Ok(device)
    }

    /// The features that both sides use.
    #[must_use]
    pub fn features(&self) -> u64 {
        self.features
    }

    /// Whether both sides use a feature.
    #[must_use]
    pub fn has(&self, feature: u64) -> bool {
        self.features & feature == feature
    }

    /// How the device reaches memory.
    #[must_use]
    pub fn dma(&self) -> &Arc<dyn Dma> {
        &self.dma
    }

    /// The way to the device.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.transport
    }

    /// Makes a queue of at most `most` entries.
    ///
    /// # Errors
    /// `ENXIO` if the device has no such queue, `ENOMEM`.
    pub fn queue<T>(&self, index: u16, most: u16) -> Result<Queue<T>> {
        let limit = self.transport.queue_limit(index);
        if limit == 0 {
            return Err(Error::new(Errno::ENXIO, "the device has no such queue"));
        }
        let format = Format {
            packed: self.has(feature::PACKED),
            indirect: self.has(feature::INDIRECT),
            event_index: self.has(feature::EVENT_INDEX),
        };
        let queue = Queue::new(&self.dma, limit.min(most), format)?;
        self.transport.set_queue(index, queue.size(), queue.addresses());
        Ok(queue)
    }

    /// The driver is ready: queues may be used.
    pub fn ready(&self) {
        self.add_status(DRIVER_OK);
    }

    /// Whether the device says that it cannot go on.
    #[must_use]
    pub fn needs_reset(&self) -> bool {
        self.transport.status() & NEEDS_RESET != 0
    }

    /// The driver cannot go on.
    pub fn fail(&self) {
        self.add_status(FAILED);
    }

    /// Reads a part of the configuration that does not change meanwhile.
    ///
    /// # Errors
    /// `EIO` for a device that never stops changing it.
    pub fn configuration<const N: usize>(&self, offset: u32) -> Result<[u8; N]> {
        for _ in 0..PATIENCE {
            let before = self.transport.generation();
            let mut bytes = [0; N];
            for (at, byte) in (offset..).zip(&mut bytes) {
                *byte = self.transport.configuration(at);
            }
            if self.transport.generation() == before {
                return Ok(bytes);
            }
        }
        Err(Error::new(Errno::EIO, "the configuration never stops changing"))
    }

    fn add_status(&self, bits: u8) {
        self.transport.set_status(self.transport.status() | bits);
    }

    fn give_up(&self, errno: Errno, why: &'static str) -> Error {
        self.fail();
        Error::new(errno, why)
    }
}

fn reset(transport: &dyn Transport) -> Result<()> {
    transport.set_status(0);
    for _ in 0..PATIENCE {
        if transport.status() == 0 {
            return Ok(());
        }
        core::hint::spin_loop();
    }
    Err(Error::new(Errno::EIO, "the device does not finish its reset"))
}

impl Drop for Device {
    fn drop(&mut self) {
        // A device that does not finish cannot be helped.
        let _ = reset(&*self.transport);
    }
}
