//! Buffers for packets that come.

use abi::Result;
use alloc::vec::Vec;
use virtio::{Device, Queue, Shared};
use vsock::header::BYTES;

/// Buffers of one page that the device has at most.
const BUFFERS: u16 = 64;

/// The receiving side.
pub(crate) struct Receiver {
    queue: Queue<Shared>,
    spare: Vec<Shared>,
    /// Somebody takes packets in, or will.
    is_busy: bool,
}

impl Receiver {
    pub(crate) fn new(device: &Device, index: u16) -> Result<Self> {
        Ok(Self {
            queue: device.queue(index, BUFFERS)?,
            spare: Vec::new(),
            is_busy: false,
        })
    }

    /// Gives the device buffers in the place of those that came; whether it is to be notified. Where memory is short it gets fewer.
    pub(crate) fn refill(&mut self) -> bool {
        self.queue.refill(&mut self.spare)
    }

    /// Whether the caller is to take packets in: nobody else does.
    pub(crate) fn begin(&mut self) -> bool {
        !core::mem::replace(&mut self.is_busy, true)
    }

    /// The caller leaves the rest for later.
    pub(crate) fn pause(&mut self) {
        self.is_busy = false;
    }

    /// The caller found nothing more: whether that is still so, in which case an interrupt tells of what comes next.
    pub(crate) fn end(&mut self) -> bool {
        let is_over = !self.queue.listen();
        self.is_busy = !is_over;
        is_over
    }

    /// The next packet: its header, its page, and how many bytes follow the header there. One without a header is as good as none.
    pub(crate) fn take(&mut self) -> Option<([u8; BYTES], Shared, usize)> {
        loop {
            let used = self.queue.take().ok().flatten()?;
            let Some(len) = (used.written as usize).checked_sub(BYTES) else {
                self.spare.push(used.data);
                continue;
            };
            let mut header = [0; BYTES];
            used.data.page().read(0, &mut header);
            return Some((header, used.data, len));
        }
    }

    /// A packet's page is not needed any more.
    pub(crate) fn give_back(&mut self, page: Shared) {
        if self.spare.len() < usize::from(self.queue.size()) {
            self.spare.push(page);
        }
    }
}
