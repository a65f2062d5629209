//! Buffers for frames that come, and putting frames together that came in several.

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use frames::Page;
use link::header::{BYTES, Header};
use link::{ETHERNET, Frame, Part, Parts};
use virtio::{Device, Dma, Queue, Shared};

/// Buffers of one page that the device has at most: what a burst needs, on a small machine.
const BUFFERS: u16 = 64;
/// Most buffers that a frame comes in: 64 KiB and the headers.
const MOST_BUFFERS: u16 = 18;

/// The receiving side.
pub(crate) struct Receiver {
    queue: Queue<Shared>,
    dma: Arc<dyn Dma>,
    mergeable: bool,
    /// A frame of which some buffers are still to come, and how many.
    partial: Option<(Frame, Header, u16)>,
    /// Pages for buffers.
    spare: Vec<Shared>,
    /// An interrupt has said that frames came, and not all have been taken.
    polled: bool,
    broken: bool,
    counted: [u64; 2],
}

impl Receiver {
    pub(crate) fn new(device: &Device, index: u16, mergeable: bool) -> Result<Self> {
        Ok(Self {
            queue: device.queue(index, BUFFERS)?,
            dma: Arc::clone(device.dma()),
            mergeable,
            partial: None,
            spare: Vec::new(),
            polled: false,
            broken: false,
            counted: [0; 2],
        })
    }

    /// Gives the device its first buffers and asks for interrupts; whether it is to be notified.
    pub(crate) fn begin(&mut self) -> bool {
        let notify = self.refill();
        // Nothing can have come yet.
        let _ = self.queue.listen();
        notify
    }

    /// Gives the device buffers in the place of those that came; whether it is to be notified. Where memory is short it gets fewer.
    pub(crate) fn refill(&mut self) -> bool {
        self.queue.refill(&mut self.spare)
    }

    /// Whether the device has so few buffers that it should get more before all are used up.
    pub(crate) fn is_low(&self) -> bool {
        self.queue.in_flight() < usize::from(self.queue.size() / 2)
    }

    /// Keeps the pages of a frame for further ones.
    pub(crate) fn give_back(&mut self, frame: Frame) {
        let room = usize::from(self.queue.size()).saturating_sub(self.spare.len());
        // A page that somebody else still holds must not be written to.
        let pages = frame.parts.into_iter().map(|part| part.page).filter(Page::is_sole);
        self.spare
            .extend(pages.take(room).filter_map(|page| Shared::of(page, &self.dma).ok()));
    }

    /// The next frame. An error is a frame that made no sense, or a queue that is broken.
    pub(crate) fn take(&mut self) -> Result<Option<Frame>> {
        loop {
            let used = match self.queue.take() {
                Ok(Some(used)) => used,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.broken = true;
                    return Err(error);
                }
            };
            let (frame, header, left) = match self.partial.take() {
                Some((mut frame, header, left)) => {
                    frame.parts.push(Part::new(used.data.into_page(), 0, used.written));
                    (frame, header, left - 1)
                }
                None => self.first(used.data, used.written)?,
            };
            if left > 0 {
                self.partial = Some((frame, header, left));
                continue;
            }
            if !header.fits(frame.len()) || frame.len() < ETHERNET {
                return Err(Error::new(Errno::EBADMSG, "a frame that is not what its header says"));
            }
            self.counted[0] += 1;
            self.counted[1] += u64::from(frame.len());
            return Ok(Some(frame));
        }
    }

    /// The first buffer of a frame, what its header says, and how many buffers are to follow.
    fn first(&self, page: Shared, written: u32) -> Result<(Frame, Header, u16)> {
        if written < BYTES {
            return Err(Error::new(Errno::EBADMSG, "a frame without a header"));
        }
        let mut bytes = [0; BYTES as usize];
        page.page().read(0, &mut bytes);
        let header = Header::parse(bytes);
        let buffers = if self.mergeable { header.buffers } else { 1 };
        if !(1..=MOST_BUFFERS).contains(&buffers) {
            return Err(Error::new(Errno::EBADMSG, "a frame in too many buffers"));
        }
        let mut parts = Parts::default();
        parts.push(Part::new(page.into_page(), BYTES, written - BYTES));
        let frame = Frame {
            parts,
            checksum: header.checksum,
            segmentation: header.segmentation,
        };
        Ok((frame, header, buffers - 1))
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Asks for an interrupt for the next frame; whether something has come already.
    pub(crate) fn listen(&mut self) -> bool {
        let more = self.queue.listen();
        self.polled = more;
        if more {
            self.queue.hush();
        }
        more
    }

    /// An interrupt came: whether frames have that nobody is taking yet, in which case there are no more interrupts until [`Receiver::listen`].
    pub(crate) fn has_come(&mut self) -> bool {
        !self.polled && self.listen()
    }

    /// Buffers that the device may have.
    pub(crate) fn room(&self) -> u32 {
        self.queue.size().into()
    }

    pub(crate) fn counted(&self) -> [u64; 2] {
        self.counted
    }
}
