//! Owned references to 2 MiB at once, and how they come apart.
//!
//! A huge page is a whole chunk. It may be held as a whole by several (`fork` shares it), and one of them may need its parts singly because it writes one of
//! them. The others need not notice: the chunk counts the references to the whole, and all of those together hold one reference to each part. Who splits its
//! reference gets one more to each part and gives its own to the whole up; the last to give up a reference to the whole gives up those to the parts.

use crate::cache;
use crate::chunk::{Chunk, FRAMES};
use crate::pool::{self, OutOfMemory};
use address::{FrameNumber, HUGE_SIZE, PAGE_LEN};
use core::mem;
use core::sync::atomic::Ordering;

/// A counted reference to a 2 MiB frame.
#[derive(Debug, PartialEq, Eq)]
pub struct HugePage {
    first: FrameNumber,
}

impl HugePage {
    /// log2 of the frames in it.
    pub const ORDER: u32 = 9;

    /// Two megabytes of zeros for a program.
    ///
    /// # Errors
    /// [`OutOfMemory`] when no whole chunk is left; single pages may still be.
    pub fn zeroed() -> Result<Self, OutOfMemory> {
        let first = pool::take_run(Self::ORDER, false)?;
        let chunk = pool::chunk_of(first).ok_or(OutOfMemory)?;
        chunk.whole.store(1, Ordering::Relaxed);
        chunk.parted.store(false, Ordering::Relaxed);
        chunk.counts.iter().for_each(|count| count.store(1, Ordering::Relaxed));
        // SAFETY: the run was just taken and is in the direct map.
        unsafe { hal::memory::zero_pages(hal::memory::pointer(first.address()), FRAMES) };
        Ok(Self { first })
    }

    /// The first frame.
    #[must_use]
    pub fn number(&self) -> FrameNumber {
        self.first
    }

    /// Whether nobody else holds it or a part of it.
    #[must_use]
    pub fn is_sole(&self) -> bool {
        pool::chunk_of(self.first).is_some_and(|chunk| {
            let alone = chunk.whole.load(Ordering::Acquire) == 1;
            alone && (!chunk.parted.load(Ordering::Relaxed) || reunite(chunk))
        })
    }

    /// Turns the reference into references to the 512 pages, whose raw numbers, from this one on, the caller owns from then on; and says whether others
    /// may hold them too.
    #[must_use]
    pub fn split(self) -> (FrameNumber, bool) {
        let first = self.first;
        let Some(chunk) = pool::chunk_of(first) else {
            return (first, true);
        };
        if chunk.whole.load(Ordering::Acquire) == 1 {
            // What all references to the whole hold together is what this one holds.
            chunk.whole.store(0, Ordering::Relaxed);
            mem::forget(self);
            return (first, chunk.parted.swap(false, Ordering::Relaxed));
        }
        chunk.parted.store(true, Ordering::Relaxed);
        (0..FRAMES).for_each(|index| chunk.hold(index));
        (first, true)
    }

    /// Gives the reference up without dropping it.
    #[must_use]
    pub fn into_raw(self) -> FrameNumber {
        let first = self.first;
        mem::forget(self);
        first
    }

    /// Takes back a reference that [`HugePage::into_raw`] gave up.
    ///
    /// # Safety
    /// The number came from `into_raw`, and this is the only time that it is taken back.
    #[must_use]
    pub unsafe fn from_raw(first: FrameNumber) -> Self {
        Self { first }
    }
}

/// Whether no part is held singly any more, for the holder of the only reference to the whole: nobody else can take one to a part then.
#[cold]
fn reunite(chunk: &Chunk) -> bool {
    let is_whole = chunk.counts.iter().all(|count| count.load(Ordering::Acquire) == 1);
    if is_whole {
        chunk.parted.store(false, Ordering::Relaxed);
    }
    is_whole
}

impl Clone for HugePage {
    fn clone(&self) -> Self {
        if let Some(chunk) = pool::chunk_of(self.first) {
            chunk.whole.fetch_add(1, Ordering::Relaxed);
        }
        Self { first: self.first }
    }
}

impl Drop for HugePage {
    fn drop(&mut self) {
        let Some(chunk) = pool::chunk_of(self.first) else {
            return;
        };
        if chunk.whole.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        if !chunk.parted.swap(false, Ordering::Relaxed) {
            pool::give_run(self.first, Self::ORDER);
            return;
        }
        for index in (0..FRAMES).filter(|&index| chunk.release(index)) {
            cache::give_frame(FrameNumber(self.first.0 + index as u64));
        }
    }
}

const _: () = assert!(FRAMES * PAGE_LEN == HUGE_SIZE as usize);
