//! The virtio core: transports, negotiation, rings, memory that devices reach.
//!
//! A driver is four steps on top of this crate: find a [`Transport`] ([`mmio`]; PCI joins behind the same trait), begin a [`Device`] with the features that it knows,
//! make its [`Queue`]s, and say that it is ready. From then on it adds chains of buffers to a queue, notifies the device if the queue says so, and takes them
//! back when an interrupt or polling says that there may be some.
//!
//! | module | what it owns |
//! |---|---|
//! | [`transport`] | what a driver asks of the way to a device |
//! | [`mmio`] | the way through registers in memory (virtio 1.2, 4.2) |
//! | [`device`] | reset, features, queues, ready (3.1) |
//! | [`queue`] | one queue, of either format: what was given to the device and has not come back |
//! | [`split`], [`packed`] | the two formats (2.7, 2.8) |
//! | `parts` | the memory that both have |
//! | [`dma`] | memory that a device reaches, and at which address |
//!
//! **The device is not trusted.** Whatever it writes is looked at once and checked against what this side remembers: a buffer comes back only if it was given and has not
//! come back yet, with at most as many bytes as it can hold. What this side must not lose (free descriptors, lengths, positions) is kept in memory of its own and is never
//! read back from the ring. A queue that saw something impossible is *broken*: it gives nothing more, and its driver gives up. Nothing panics.
//!
//! **Ownership.** Each chain carries a value of the driver's choice, usually the pages of its buffers; it stays in the queue, and so alive, until the device has given the
//! chain back. A device that never does keeps the memory. A queue that is dropped while the device may still write to its buffers would be a hole, so
//! [`Device`] resets the device when it is dropped, and drivers hold it beside their queues, to be dropped first.
//!
//! **Memory** that a device reaches is shared through [`Dma`], page by page, for as long as a [`Shared`] lives. Today that is the identity; a machine whose memory devices
//! cannot reach (a confidential one) copies through pages that they can, in the same two places. Ring memory is only ever accessed by atomic words.
//!
//! **Notifications.** With event indices each side says up to where it need not be told; [`Queue::should_notify`] and [`Queue::listen`] have the barriers that make the two
//! races harmless: the one between adding and the device going to sleep, and the one between the last look and asking for an interrupt. They are the seam's ([`hal::device::barrier`]),
//! since an ordinary one does not reach devices of QEMU's translator (decision 0026).
//!
//! Locks: none here; a driver puts a queue behind a spin lock of its own, which is a leaf. It does not do: legacy devices (before virtio 1.0), queues of more than
//! [`queue::MOST`] entries.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod device;
pub mod dma;
pub mod mmio;
pub mod packed;
mod parts;
pub mod queue;
pub mod split;
pub mod transport;

pub use device::Device;
pub use dma::{Direct, Dma, Shared};
pub use queue::{Queue, Segment, Used};
pub use transport::Transport;

/// Feature bits that concern rings and transports rather than one kind of device.
pub mod feature {
    /// Chains may lie in tables of their own.
    pub const INDIRECT: u64 = 1 << 28;
    /// Both sides say up to where they need not be told.
    pub const EVENT_INDEX: u64 = 1 << 29;
    /// The device is one of virtio 1.0 or later.
    pub const VERSION_1: u64 = 1 << 32;
    /// The device reaches memory the way that the platform says.
    pub const ACCESS_PLATFORM: u64 = 1 << 33;
    /// Rings may have the packed format.
    pub const PACKED: u64 = 1 << 34;
}
