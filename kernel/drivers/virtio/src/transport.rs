//! What a driver asks of the way to a device.

/// Why a device interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interrupt {
    /// Buffers may have come back.
    pub queues: bool,
    /// The device's configuration has changed.
    pub configuration: bool,
}

/// Where the three parts of a ring lie, as the device sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The descriptors.
    pub descriptors: u64,
    /// What the driver writes.
    pub driver: u64,
    /// What the device writes.
    pub device: u64,
}

/// The way to a device. Everything but [`Transport::notify`] and [`Transport::acknowledge`] happens only while a driver begins or ends.
pub trait Transport: Send + Sync {
    /// Which kind of device it is; 0 for none.
    fn kind(&self) -> u32;
    /// The features that it offers.
    fn offered(&self) -> u64;
    /// Tells it which of them the driver uses.
    fn accept(&self, features: u64);
    /// Its status.
    fn status(&self) -> u8;
    /// Sets its status; 0 resets it.
    fn set_status(&self, status: u8);
    /// Most entries that a queue may have; 0 if there is no such queue.
    fn queue_limit(&self, queue: u16) -> u16;
    /// Puts a queue to use.
    fn set_queue(&self, queue: u16, size: u16, at: Addresses);
    /// Tells it that a queue has something new.
    fn notify(&self, queue: u16);
    /// Why it interrupted; it stops interrupting for that.
    fn acknowledge(&self) -> Interrupt;
    /// A number that changes with its configuration.
    fn generation(&self) -> u32;
    /// A byte of its configuration; 0 where there is none.
    fn configuration(&self, offset: u32) -> u8;
}
