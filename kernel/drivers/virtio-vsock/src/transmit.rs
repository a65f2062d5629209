//! Packets on their way out, and the places for their headers.

use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use virtio::{Device, Dma, Queue, Segment, Shared};
use vsock::connection::Packet;
use vsock::header::BYTES;

/// Packets that are under way at most: each header has a place in one page.
const PLACES: u16 = 64;
const STEP: u16 = 64;

/// The sending side. Each chain carries the number of its header's place, and its page.
pub(crate) struct Sender {
    queue: Queue<(u16, Option<Shared>)>,
    headers: Shared,
    dma: Arc<dyn Dma>,
    free: Vec<u16>,
    /// Somebody found no room.
    is_wanted: bool,
}

impl Sender {
    pub(crate) fn new(device: &Device, index: u16) -> Result<Self> {
        let mut queue = device.queue(index, virtio::queue::MOST)?;
        queue.hush();
        Ok(Self {
            queue,
            headers: Shared::new(device.dma())?,
            dma: Arc::clone(device.dma()),
            free: (0..PLACES).collect(),
            is_wanted: false,
        })
    }

    /// Takes back what the device has sent.
    fn reclaim(&mut self) {
        while let Ok(Some(used)) = self.queue.take() {
            self.free.push(used.data.0);
        }
    }

    fn has_room(&self) -> bool {
        self.queue.has_room(2) && !self.free.is_empty()
    }

    /// Gives a packet to the device. If there is no room an interrupt will tell when there is.
    pub(crate) fn add(&mut self, packet: Packet) -> core::result::Result<(), Packet> {
        self.reclaim();
        if !self.has_room() && !self.wait() {
            return Err(packet);
        }
        let Packet { header, payload } = packet;
        let page = match payload {
            Some(page) => match Shared::of(page.clone(), &self.dma) {
                Ok(shared) => Some(shared),
                Err(_) => {
                    return Err(Packet {
                        header,
                        payload: Some(page),
                    });
                }
            },
            None => None,
        };
        let Some(place) = self.free.pop() else {
            return Err(Packet {
                header,
                payload: page.map(Shared::into_page),
            });
        };
        let at = u32::from(place * STEP);
        self.headers.page().write(at as usize, &header.to_bytes());
        let first = Segment::read(&self.headers, at, BYTES as u32);
        let added = match &page {
            Some(shared) => {
                let second = Segment::read(shared, 0, header.len);
                self.queue.add(&[first, second], (place, page))
            }
            None => self.queue.add(&[first], (place, None)),
        };
        added.map_err(|(place, page)| {
            self.free.push(place);
            Packet {
                header,
                payload: page.map(Shared::into_page),
            }
        })
    }

    /// There is no room: asks for an interrupt, unless some has come meanwhile.
    fn wait(&mut self) -> bool {
        self.is_wanted = true;
        if !self.queue.listen() {
            return false;
        }
        self.reclaim();
        self.has_room()
    }

    /// Whether the device has taken everything.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.reclaim();
        self.queue.in_flight() == 0
    }

    pub(crate) fn should_notify(&mut self) -> bool {
        self.queue.should_notify()
    }

    /// An interrupt came: whether there is room for somebody who found none.
    pub(crate) fn has_room_again(&mut self) -> bool {
        if !self.is_wanted {
            return false;
        }
        self.reclaim();
        if !self.has_room() {
            return false;
        }
        self.is_wanted = false;
        self.queue.hush();
        true
    }
}
