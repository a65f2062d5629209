//! What the filter of a stream's receiver keeps back. As on Linux it is not lost, since its sender would send it again and again: it comes once another filter lets it through, or none is there.

use super::{Channel, FILTERED, READER_GONE};
use crate::filter::Filter;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::atomic::Ordering;
use room::STREAMS;

/// What is kept back, and whether the end of the stream is.
#[derive(Default)]
pub struct Held {
    /// Bytes.
    pub bytes: Vec<u8>,
    /// And nothing after them.
    pub ends: bool,
    /// The filter does not want what comes first; else there was no room for it.
    is_refused: bool,
    /// Bytes of it that are counted among all that waits.
    counted: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        STREAMS.change(self.counted, 0);
    }
}

impl Channel {
    /// Has the bytes of a stream go through a filter; or through none any more, but for what was kept back.
    #[cold]
    pub fn filter_stream(&self, filter: Option<Arc<Filter>>) {
        if filter.is_some() {
            self.state.fetch_or(FILTERED, Ordering::AcqRel);
        }
        let old = core::mem::replace(&mut *self.filter.lock(), filter);
        drop(old);
    }

    /// The filter of a stream.
    #[cold]
    pub fn stream_filter(&self) -> Option<Arc<Filter>> {
        self.filter.lock().clone()
    }

    /// Whether bytes of a stream simply go to who receives them: somebody does, without a filter.
    #[inline]
    pub fn is_simple(&self) -> bool {
        self.state.load(Ordering::Acquire) & (READER_GONE | FILTERED) == 0
    }

    /// Whether there is a filter, or something that one has kept back.
    #[inline]
    pub fn is_filtered(&self) -> bool {
        self.state.load(Ordering::Acquire) & FILTERED != 0
    }

    /// Bytes that are kept back.
    #[cold]
    pub fn held(&self) -> usize {
        self.held.lock().as_ref().map_or(0, |held| held.bytes.len())
    }

    /// How many more bytes may be kept back.
    #[cold]
    pub fn room_to_hold(&self) -> usize {
        self.capacity().min(STREAMS.each_now()).saturating_sub(self.held())
    }

    /// Keeps bytes back, or the end behind them: because the filter refuses them, or what is kept back already.
    #[cold]
    pub fn hold(&self, bytes: &[u8], ends: bool, is_refused: bool) {
        let mut held = self.held.lock();
        let held = held.get_or_insert_default();
        held.bytes.extend_from_slice(bytes);
        STREAMS.change(held.counted, held.bytes.len());
        held.counted = held.bytes.len();
        held.ends |= ends;
        held.is_refused |= is_refused;
    }

    /// Whether something is kept back for want of room alone.
    #[cold]
    pub fn may_come(&self) -> bool {
        self.held.lock().as_ref().is_some_and(|held| !held.is_refused)
    }

    /// Takes what was kept back; without a filter everything else goes its way from now on.
    #[cold]
    pub fn take_held(&self) -> Option<Box<Held>> {
        let held = self.held.lock().take();
        if held.is_none() && self.filter.lock().is_none() {
            self.state.fetch_and(!FILTERED, Ordering::AcqRel);
        }
        held
    }
}
