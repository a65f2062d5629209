//! Pages that the host fills.

use crate::PAGE_BYTES;
use abi::Result;
use virtio::{Device, Queue, Segment, Shared};

/// Pages that wait for input.
const PAGES: u16 = 8;

/// What a port receives.
#[derive(Debug)]
pub(crate) struct Inlet {
    queue: Queue<Shared>,
    /// The page that is being read, where, and up to where the device wrote it.
    page: Option<(Shared, usize, usize)>,
}

impl Inlet {
    pub(crate) fn new(device: &Device, number: u16) -> Result<Self> {
        let mut queue = device.queue(number, PAGES)?;
        for _ in 0..queue.size() {
            give(&mut queue, Shared::new(device.dma())?);
        }
        Ok(Self { queue, page: None })
    }

    /// Asks for an interrupt; whether the device is to be told that pages wait.
    pub(crate) fn begin(&mut self) -> bool {
        // What has come already is found by the first reader.
        let _ = self.queue.listen();
        self.queue.should_notify()
    }

    /// Whether the device is to be told of pages that went back to it.
    pub(crate) fn should_notify(&mut self) -> bool {
        self.queue.should_notify()
    }

    /// Gives bytes that have come; how many. Looks once more after asking for an interrupt, so that none is missed.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(room) = into.get_mut(done..).filter(|room| !room.is_empty()) {
            if let Some((page, at, end)) = &mut self.page {
                let len = room.len().min(*end - *at);
                page.page().read(*at, room.get_mut(..len).unwrap_or_default());
                done += len;
                *at += len;
                if *at < *end {
                    break;
                }
            }
            if let Some((page, ..)) = self.page.take() {
                give(&mut self.queue, page);
            }
            if !self.next() {
                break;
            }
        }
        done
    }

    /// Begins with the next page that has come.
    fn next(&mut self) -> bool {
        loop {
            match self.queue.take() {
                Ok(Some(used)) => {
                    self.page = Some((used.data, 0, (used.written as usize).min(PAGE_BYTES)));
                    return true;
                }
                Ok(None) if self.queue.listen() => {}
                Ok(None) | Err(_) => return false,
            }
        }
    }
}

fn give(queue: &mut Queue<Shared>, page: Shared) {
    let segment = Segment::write(&page, 0, PAGE_BYTES as u32);
    // A queue that takes nothing is broken, which the next look says.
    let _ = queue.add(&[segment], page);
}
