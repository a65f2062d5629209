//! Pages of bytes on their way to the host.

use crate::PAGE_BYTES;
use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use virtio::{Device, Queue, Segment, Shared};

/// Pages that can be on their way.
const PAGES: u16 = 32;

/// What a port sends.
#[derive(Debug)]
pub(crate) struct Outlet {
    number: u16,
    queue: Queue<Shared>,
    free: Vec<Shared>,
    /// The page that is being filled, and how far it is.
    page: Option<(Shared, usize)>,
}

impl Outlet {
    pub(crate) fn new(device: &Device, number: u16) -> Result<Self> {
        let mut queue = device.queue(number, PAGES)?;
        queue.hush();
        let pages = (0..queue.size()).map_while(|_| Shared::new(device.dma()).ok());
        let free: Vec<Shared> = pages.collect();
        if free.is_empty() {
            return Err(Error::new(Errno::ENOMEM, "no memory for output"));
        }
        Ok(Self {
            number,
            queue,
            free,
            page: None,
        })
    }

    /// Takes as many bytes as fit into a page; none when all pages are on their way.
    pub(crate) fn fill(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.page.is_none() {
            if self.free.is_empty() {
                self.collect()?;
            }
            self.page = self.free.pop().map(|page| (page, 0));
        }
        let Some((page, filled)) = &mut self.page else {
            return Ok(0);
        };
        let len = bytes.len().min(PAGE_BYTES - *filled);
        page.page().write(*filled, bytes.get(..len).unwrap_or_default());
        *filled += len;
        if *filled == PAGE_BYTES {
            self.send();
        }
        Ok(len)
    }

    /// Gives the page to the device, if there is something in it.
    pub(crate) fn send(&mut self) {
        if let Some((page, filled)) = self.page.take() {
            let segment = Segment::read(&page, 0, u32::try_from(filled).unwrap_or(0));
            // A queue that takes nothing is broken, which the next look says.
            let _ = self.queue.add(&[segment], page);
        }
    }

    /// The queue's number, if the device is to be told of it.
    pub(crate) fn wants_notice(&mut self) -> Option<u16> {
        self.queue.should_notify().then_some(self.number)
    }

    /// Whether the host has everything. A device that does what it cannot is waited for no longer.
    pub(crate) fn is_done(&mut self) -> bool {
        self.collect().is_err() || self.queue.in_flight() == 0
    }

    /// Takes back the pages that the host is done with.
    fn collect(&mut self) -> Result<()> {
        while let Some(used) = self.queue.take()? {
            self.free.push(used.data);
        }
        Ok(())
    }
}
