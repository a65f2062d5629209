//! One queue, of either format: what was given to the device and has not come back.

use crate::dma::{Dma, Shared};
use crate::packed::Packed;
use crate::split::{self, Split};
use crate::transport::Addresses;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use frames::Page;

/// Most entries of a queue: each of its parts lies in one page.
pub const MOST: u16 = 256;

/// Flags of a descriptor.
pub(crate) const NEXT: u16 = 1;
pub(crate) const WRITE: u16 = 2;
pub(crate) const INDIRECT: u16 = 4;

/// Most segments that an indirect table holds, and bytes of such a table.
const TABLE_LEN: usize = 16;
const TABLE_BYTES: usize = TABLE_LEN * 16;
const TABLES_IN_PAGE: usize = 4096 / TABLE_BYTES;

/// Which format a queue has, and with what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// One ring instead of two.
    pub packed: bool,
    /// Chains may lie in tables.
    pub indirect: bool,
    /// Both sides say up to where they need not be told.
    pub event_index: bool,
}

/// A piece of memory of a chain, as the device sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is.
    pub address: u64,
    /// How many bytes.
    pub len: u32,
    /// Whether the device writes it; otherwise it reads it.
    pub writable: bool,
}

impl Segment {
    /// A part of a page that the device reads.
    #[must_use]
    #[inline]
    pub fn read(page: &Shared, offset: u32, len: u32) -> Self {
        Self::of(page.address(), offset, len, false)
    }

    /// The same of a page that devices reach at its physical address ([`Dma::translates`]).
    #[must_use]
    #[inline]
    pub fn read_page(page: &Page, offset: u32, len: u32) -> Self {
        Self::of(page.address().0, offset, len, false)
    }

    /// A part of a page that the device writes.
    #[must_use]
    #[inline]
    pub fn write(page: &Shared, offset: u32, len: u32) -> Self {
        Self::of(page.address(), offset, len, true)
    }

    /// Never more than lies in the page.
    #[inline]
    fn of(page: u64, offset: u32, len: u32, writable: bool) -> Self {
        let offset = offset.min(4096);
        Self {
            address: page + u64::from(offset),
            len: len.min(4096 - offset),
            writable,
        }
    }
}

/// A chain that came back.
#[derive(Debug, PartialEq, Eq)]
pub struct Used<T> {
    /// What it carried.
    pub data: T,
    /// How many bytes the device wrote: at most as many as it might.
    pub written: u32,
}

#[derive(Debug)]
enum Ring {
    Split(Split),
    Packed(Packed),
}

/// What a chain in the device's hands carries.
#[derive(Debug)]
struct Given<T> {
    data: T,
    writable: u32,
}

/// A queue. `T` is what each chain carries until it comes back.
#[derive(Debug)]
pub struct Queue<T> {
    ring: Ring,
    given: Vec<Option<Given<T>>>,
    in_flight: usize,
    dma: Arc<dyn Dma>,
    /// Pages of indirect tables, one table for each number that a chain can have; made when first needed.
    tables: Option<Vec<Option<Shared>>>,
    broken: Option<&'static str>,
}

impl core::fmt::Debug for dyn Dma {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Dma")
    }
}

/// The same call on either format.
macro_rules! on_ring {
    ($ring:expr, $name:ident => $call:expr) => {
        match $ring {
            Ring::Split($name) => $call,
            Ring::Packed($name) => $call,
        }
    };
}

impl Queue<Shared> {
    /// Gives the device pages to write to in the place of those that came; whether it is to be notified. Where memory is short it gets fewer.
    pub fn refill(&mut self, spare: &mut Vec<Shared>) -> bool {
        while self.has_room(1) {
            let page = spare.pop().map_or_else(|| Shared::new(&self.dma), Ok);
            let Ok(page) = page else { break };
            let segment = Segment::write(&page, 0, 4096);
            if self.add(&[segment], page).is_err() {
                break;
            }
        }
        self.should_notify()
    }
}

impl<T> Queue<T> {
    /// A queue with nothing in it, of at most `size` and [`MOST`] entries: a power of two.
    ///
    /// # Errors
    /// `ENOMEM`; `EINVAL` for no entries at all.
    pub fn new(dma: &Arc<dyn Dma>, size: u16, format: Format) -> Result<Self> {
        let size = size.min(MOST);
        let size = size.checked_ilog2().map(|log| 1 << log);
        let size: u16 = size.ok_or(Error::new(Errno::EINVAL, "a queue without entries"))?;
        let ring = if format.packed {
            Ring::Packed(Packed::new(dma, size, format.event_index)?)
        } else {
            Ring::Split(Split::new(dma, size, format.event_index)?)
        };
        let pages = usize::from(size).div_ceil(TABLES_IN_PAGE);
        Ok(Self {
            ring,
            given: (0..size).map(|_| None).collect(),
            in_flight: 0,
            dma: Arc::clone(dma),
            tables: format.indirect.then(|| (0..pages).map(|_| None).collect()),
            broken: None,
        })
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u16 {
        on_ring!(&self.ring, ring => ring.size)
    }

    /// Where its parts lie.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        on_ring!(&self.ring, ring => ring.parts.addresses())
    }

    /// Whether a chain of so many segments can be added now.
    #[must_use]
    pub fn has_room(&self, segments: usize) -> bool {
        let free = usize::from(on_ring!(&self.ring, ring => ring.free));
        self.broken.is_none() && (segments <= free || free > 0 && self.fits_table(segments))
    }

    fn fits_table(&self, segments: usize) -> bool {
        // No chain may be longer than the queue, wherever it lies.
        let most = TABLE_LEN.min(usize::from(self.size()));
        self.tables.is_some() && (2..=most).contains(&segments)
    }

    /// Gives a chain to the device. The segments that it reads come before those that it writes.
    ///
    /// # Errors
    /// What the chain was to carry, if there is no room or the queue is broken.
    pub fn add(&mut self, segments: &[Segment], data: T) -> core::result::Result<(), T> {
        if segments.is_empty() || !self.has_room(segments.len()) {
            return Err(data);
        }
        let id = on_ring!(&self.ring, ring => ring.next_id());
        let table = self.table(id, segments);
        let free = usize::from(on_ring!(&self.ring, ring => ring.free));
        let Some(slot) = self.given.get_mut(usize::from(id)).filter(|slot| slot.is_none()) else {
            return Err(data);
        };
        if table.is_none() && segments.len() > free {
            return Err(data);
        }
        let writable = segments.iter().filter(|segment| segment.writable);
        *slot = Some(Given {
            data,
            writable: writable.fold(0, |sum, segment| segment.len.saturating_add(sum)),
        });
        self.in_flight += 1;
        match table {
            Some(table) => on_ring!(&mut self.ring, ring => ring.add(&[table], INDIRECT)),
            None => on_ring!(&mut self.ring, ring => ring.add(segments, 0)),
        }
        Ok(())
    }

    /// Writes the segments to the table of a number; nothing if that cannot be, or is not worth it.
    fn table(&mut self, id: u16, segments: &[Segment]) -> Option<Segment> {
        if !self.fits_table(segments.len()) {
            return None;
        }
        let packed = matches!(self.ring, Ring::Packed(_));
        let (page, at) = (
            usize::from(id) / TABLES_IN_PAGE,
            usize::from(id) % TABLES_IN_PAGE * TABLE_BYTES,
        );
        let slot = self.tables.as_mut()?.get_mut(page)?;
        if slot.is_none() {
            *slot = Shared::new(&self.dma).ok();
        }
        let shared = slot.as_ref()?;
        for (index, segment) in segments.iter().enumerate() {
            let next = (!packed && index + 1 < segments.len()).then_some(index as u16 + 1);
            let second = if packed {
                // The packed format takes all entries of a table in order; only WRITE counts.
                u64::from(segment.len) | u64::from(if segment.writable { WRITE } else { 0 }) << 48
            } else {
                split::indirect_word(segment, next)
            };
            let place = at + index * 16;
            shared.store64(place, segment.address, Ordering::Relaxed);
            shared.store64(place + 8, second, Ordering::Relaxed);
        }
        Some(Segment {
            address: shared.address() + at as u64,
            len: segments.len() as u32 * 16,
            writable: false,
        })
    }

    /// Whether the device wants to be told of what was added since this was last asked.
    #[must_use]
    pub fn should_notify(&mut self) -> bool {
        self.broken.is_none() && on_ring!(&mut self.ring, ring => ring.should_notify())
    }

    /// Takes a chain that came back, if there is one.
    ///
    /// # Errors
    /// `EIO`, now and for ever, when the device has done what it cannot.
    pub fn take(&mut self) -> Result<Option<Used<T>>> {
        if let Some(why) = self.broken {
            return Err(Error::new(Errno::EIO, why));
        }
        let taken = on_ring!(&mut self.ring, ring => ring.take());
        let (id, written) = match taken {
            Ok(None) => return Ok(None),
            Ok(Some(used)) => used,
            Err(why) => return Err(self.break_down(why)),
        };
        match self.given.get_mut(usize::from(id)).and_then(Option::take) {
            Some(given) => {
                self.in_flight -= 1;
                Ok(Some(Used {
                    data: given.data,
                    written: written.min(given.writable),
                }))
            }
            None => Err(self.break_down("the device used what it was not given")),
        }
    }

    fn break_down(&mut self, why: &'static str) -> Error {
        self.broken = Some(why);
        Error::new(Errno::EIO, why)
    }

    /// Asks for an interrupt for the next chain that comes back; says whether one is there already, for which no interrupt may come.
    #[must_use]
    pub fn listen(&mut self) -> bool {
        self.broken.is_none() && on_ring!(&mut self.ring, ring => ring.listen())
    }

    /// Asks for no interrupts. The device may interrupt all the same.
    pub fn hush(&mut self) {
        on_ring!(&mut self.ring, ring => ring.hush());
    }

    /// How many chains the device has.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }
}

/// Whether a side that wants to be told of number `event` is to be told, when numbers from `old` up to before `new` are there (virtio 1.2, 2.7.7.2).
pub(crate) fn need_event(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}
