//! The way through registers in memory (virtio 1.2, 4.2).

use crate::transport::{Addresses, Interrupt, Transport};
use abi::{Errno, Error, Result};

/// A device's registers.
pub trait Registers: Send + Sync {
    /// Bytes of them.
    fn size(&self) -> u32;
    /// Reads 4 bytes.
    fn read(&self, offset: u32) -> u32;
    /// Reads one byte.
    fn read_byte(&self, offset: u32) -> u8;
    /// Writes 4 bytes.
    fn write(&self, offset: u32, value: u32);
}

impl Registers for hal::device::Registers {
    fn size(&self) -> u32 {
        self.len()
    }

    fn read(&self, offset: u32) -> u32 {
        self.read_32(offset)
    }

    fn read_byte(&self, offset: u32) -> u8 {
        self.read_8(offset)
    }

    fn write(&self, offset: u32, value: u32) {
        self.write_32(offset, value);
    }
}

const MAGIC: u32 = 0x000;
const VERSION: u32 = 0x004;
const DEVICE_ID: u32 = 0x008;
const OFFERED: u32 = 0x010;
const OFFERED_SELECT: u32 = 0x014;
const ACCEPTED: u32 = 0x020;
const ACCEPTED_SELECT: u32 = 0x024;
const QUEUE_SELECT: u32 = 0x030;
const QUEUE_LIMIT: u32 = 0x034;
const QUEUE_SIZE: u32 = 0x038;
const QUEUE_READY: u32 = 0x044;
const QUEUE_NOTIFY: u32 = 0x050;
const INTERRUPT_STATUS: u32 = 0x060;
const INTERRUPT_ACKNOWLEDGE: u32 = 0x064;
const STATUS: u32 = 0x070;
const DESCRIPTORS: u32 = 0x080;
const DRIVER: u32 = 0x090;
const DEVICE: u32 = 0x0a0;
const GENERATION: u32 = 0x0fc;
const CONFIGURATION: u32 = 0x100;

const MAGIC_VALUE: u32 = 0x7472_6976;

/// A device behind registers in memory.
#[derive(Debug)]
pub struct Mmio<R> {
    registers: R,
}

impl<R: Registers> Mmio<R> {
    /// Looks whether there is a device; nothing for a slot without one.
    ///
    /// # Errors
    /// `ENODEV` for something else than a virtio device, `EOPNOTSUPP` for one from before virtio 1.0.
    pub fn probe(registers: R) -> Result<Option<Self>> {
        if registers.size() < CONFIGURATION || registers.read(MAGIC) != MAGIC_VALUE {
            return Err(Error::new(Errno::ENODEV, "not a virtio device"));
        }
        if registers.read(DEVICE_ID) == 0 {
            return Ok(None);
        }
        if registers.read(VERSION) != 2 {
            return Err(Error::new(
                Errno::EOPNOTSUPP,
                "a device from before virtio 1.0 (QEMU: -global virtio-mmio.force-legacy=false)",
            ));
        }
        Ok(Some(Self { registers }))
    }

    fn write_long(&self, at: u32, value: u64) {
        self.registers.write(at, value as u32);
        self.registers.write(at + 4, (value >> 32) as u32);
    }
}

impl<R: Registers> Transport for Mmio<R> {
    fn kind(&self) -> u32 {
        self.registers.read(DEVICE_ID)
    }

    fn offered(&self) -> u64 {
        [0, 1].into_iter().fold(0, |features, half| {
            self.registers.write(OFFERED_SELECT, half);
            features | u64::from(self.registers.read(OFFERED)) << (32 * half)
        })
    }

    fn accept(&self, features: u64) {
        for half in [0, 1] {
            self.registers.write(ACCEPTED_SELECT, half);
            self.registers.write(ACCEPTED, (features >> (32 * half)) as u32);
        }
    }

    fn status(&self) -> u8 {
        self.registers.read(STATUS) as u8
    }

    fn set_status(&self, status: u8) {
        self.registers.write(STATUS, u32::from(status));
    }

    fn queue_limit(&self, queue: u16) -> u16 {
        self.registers.write(QUEUE_SELECT, u32::from(queue));
        if self.registers.read(QUEUE_READY) != 0 {
            return 0;
        }
        u16::try_from(self.registers.read(QUEUE_LIMIT)).unwrap_or(u16::MAX)
    }

    fn set_queue(&self, queue: u16, size: u16, at: Addresses) {
        self.registers.write(QUEUE_SELECT, u32::from(queue));
        self.registers.write(QUEUE_SIZE, u32::from(size));
        self.write_long(DESCRIPTORS, at.descriptors);
        self.write_long(DRIVER, at.driver);
        self.write_long(DEVICE, at.device);
        self.registers.write(QUEUE_READY, 1);
    }

    fn notify(&self, queue: u16) {
        self.registers.write(QUEUE_NOTIFY, u32::from(queue));
    }

    fn acknowledge(&self) -> Interrupt {
        let why = self.registers.read(INTERRUPT_STATUS) & 3;
        if why != 0 {
            self.registers.write(INTERRUPT_ACKNOWLEDGE, why);
        }
        Interrupt {
            queues: why & 1 != 0,
            configuration: why & 2 != 0,
        }
    }

    fn generation(&self) -> u32 {
        self.registers.read(GENERATION)
    }

    fn configuration(&self, offset: u32) -> u8 {
        match CONFIGURATION.checked_add(offset) {
            Some(at) if at < self.registers.size() => self.registers.read_byte(at),
            _ => 0,
        }
    }
}
