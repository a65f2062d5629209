//! Frames on their way out, and the place for their headers.

use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use link::header::{BYTES, Header};
use link::{Frame, MOST_PARTS};
use virtio::{Device, Dma, Queue, Segment, Shared};

/// Room for a header: a page has room for one for each entry of the longest queue.
const STEP: u16 = 16;

/// What a chain in the device's hands carries: the frame, its pages where devices reach them at other addresses, and the number of its header's place.
type Going = (Frame, Vec<Shared>, u16);

/// The sending side.
pub(crate) struct Sender {
    queue: Queue<Going>,
    headers: Shared,
    dma: Arc<dyn Dma>,
    free: Vec<u16>,
    /// Somebody found no room.
    wanted: bool,
    counted: [u64; 2],
}

impl Sender {
    pub(crate) fn new(device: &Device, index: u16) -> Result<Self> {
        let mut queue: Queue<Going> = device.queue(index, virtio::queue::MOST)?;
        queue.hush();
        let places = queue.size().min(4096 / STEP);
        Ok(Self {
            queue,
            headers: Shared::new(device.dma())?,
            dma: Arc::clone(device.dma()),
            free: (0..places).rev().collect(),
            wanted: false,
            counted: [0; 2],
        })
    }

    /// Takes back what the device has sent.
    fn reclaim(&mut self) {
        while let Ok(Some(used)) = self.queue.take() {
            let (frame, _pages, place) = used.data;
            self.free.push(place);
            self.counted[0] += 1;
            self.counted[1] += u64::from(frame.len());
        }
    }

    /// Gives a frame to the device. If there is no room an interrupt will tell when there is.
    pub(crate) fn add(&mut self, frame: Frame) -> core::result::Result<(), Frame> {
        self.reclaim();
        let needed = frame.parts.len() + 1;
        if !self.queue.has_room(needed) && !self.wait_for(needed) {
            return Err(frame);
        }
        let Some(place) = self.free.pop() else {
            return Err(frame);
        };
        let header = Header {
            checksum: frame.checksum,
            segmentation: frame.segmentation,
            buffers: 0,
        };
        let at = u32::from(place * STEP);
        self.headers.page().write(at as usize, &header.to_bytes());
        let given = if needed == 2 {
            self.give::<2>(frame, place)
        } else {
            self.give::<{ MOST_PARTS + 1 }>(frame, place)
        };
        given.inspect_err(|_| self.free.push(place))
    }

    /// Gives the device a frame that takes `N` segments at most, whose header is written.
    fn give<const N: usize>(&mut self, frame: Frame, place: u16) -> core::result::Result<(), Frame> {
        let mut pages = Vec::new();
        if self.dma.translates() {
            let shared: Result<Vec<_>> = frame
                .parts
                .iter()
                .map(|part| Shared::of(part.page.clone(), &self.dma))
                .collect();
            match shared {
                Ok(shared) => pages = shared,
                Err(_) => return Err(frame),
            }
        }
        let header = Segment::read(&self.headers, u32::from(place * STEP), BYTES);
        let mut segments = [header; N];
        let mut used = 1;
        for (index, part) in frame.parts.iter().enumerate().filter(|(_, part)| part.len > 0) {
            let Some(segment) = segments.get_mut(used) else {
                return Err(frame);
            };
            *segment = match pages.get(index) {
                Some(page) => Segment::read(page, part.offset, part.len),
                None => Segment::read_page(&part.page, part.offset, part.len),
            };
            used += 1;
        }
        let added = self.queue.add(&segments[..used], (frame, pages, place));
        added.map_err(|(frame, _pages, _place)| frame)
    }

    /// There is no room: asks for an interrupt, unless some has come meanwhile.
    fn wait_for(&mut self, needed: usize) -> bool {
        self.wanted = true;
        if !self.queue.listen() {
            return false;
        }
        self.reclaim();
        self.queue.has_room(needed)
    }

    pub(crate) fn should_notify(&mut self) -> bool {
        self.queue.should_notify()
    }

    /// An interrupt came: whether there is room for somebody who found none.
    pub(crate) fn has_room_again(&mut self) -> bool {
        if !self.wanted {
            return false;
        }
        self.reclaim();
        if self.queue.in_flight() == usize::from(self.queue.size()) {
            return false;
        }
        self.wanted = false;
        self.queue.hush();
        true
    }

    /// Whether the device has sent everything.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.reclaim();
        self.queue.in_flight() == 0
    }

    /// Parts of frames that the device may have.
    pub(crate) fn room(&self) -> u32 {
        self.queue.size().into()
    }

    /// Frames and bytes that went.
    pub(crate) fn counted(&mut self) -> [u64; 2] {
        self.reclaim();
        self.counted
    }
}
