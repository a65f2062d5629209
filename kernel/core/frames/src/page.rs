//! Owned references to frames.
//!
//! Having a [`Page`] tells you that its frame stays yours (with everyone else who holds one) until you drop it. It does not tell
//! you that the bytes hold still: a program may have the same frame mapped, so bytes are copied in and out and never borrowed.

use crate::cache;
use crate::chunk::{Chunk, FRAMES, HEAP, PINNED};
use crate::pool::{self, OutOfMemory};
use address::{FrameNumber, PAGE_LEN, PhysAddr};
use core::mem;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

/// A counted reference to one 4 KiB frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    frame: FrameNumber,
}

impl Page {
    /// A frame of zeros for a program; refused when only the kernel's reserve is left.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn zeroed() -> Result<Self, OutOfMemory> {
        let page = Self::take(false)?;
        page.zero();
        Ok(page)
    }

    /// A frame for a program's bytes, with whatever was in it: for who shows nobody more of it than was written.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn unset() -> Result<Self, OutOfMemory> {
        Self::take(false)
    }

    /// A frame of zeros for the kernel's own structures.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn zeroed_for_kernel() -> Result<Self, OutOfMemory> {
        let page = Self::take(true)?;
        page.zero();
        Ok(page)
    }

    /// A frame for the kernel's own structures, with whatever was in it: for who shows nobody more of it than was written.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn unset_for_kernel() -> Result<Self, OutOfMemory> {
        Self::take(true)
    }

    /// A new frame for a program with the same bytes.
    ///
    /// # Errors
    /// [`OutOfMemory`].
    pub fn duplicate(&self) -> Result<Self, OutOfMemory> {
        let page = Self::take(false)?;
        // SAFETY: both frames are owned, in the direct map and distinct.
        unsafe { hal::memory::copy_page(page.pointer(), self.pointer()) };
        Ok(page)
    }

    /// A reference to a frame that is not the pool's: part of the root image. `None` if the frame is not one that was reserved at boot.
    #[must_use]
    #[inline]
    pub fn pinned(frame: FrameNumber) -> Option<Self> {
        let index = frame.0 as usize % FRAMES;
        let known = pool::chunk_of(frame).filter(|chunk| chunk.counts[index].load(Ordering::Relaxed) >= PINNED);
        let chunk = match known {
            Some(chunk) => chunk,
            None => pool::accept_reserved(frame).ok()?,
        };
        chunk.hold(index);
        Some(Self { frame })
    }

    /// A reference to the frame that bytes of the kernel begin in, where in it, and how many of them lie there; only if they are part of a large object of the heap. As long as it is held, nobody else
    /// gets the frame, even if the object is gone.
    #[must_use]
    pub fn of_heap(bytes: &[u8]) -> Option<(Self, usize, usize)> {
        let address = hal::memory::physical(bytes.as_ptr())?;
        let (frame, offset) = (address.frame(), address.0 as usize % PAGE_LEN);
        let (chunk, index) = (pool::chunk_of(frame)?, frame.0 as usize % FRAMES);
        // The object is there as long as the bytes are borrowed, so that the mark is not just being taken away.
        if !(HEAP..PINNED).contains(&chunk.counts[index].load(Ordering::Relaxed)) {
            return None;
        }
        chunk.hold(index);
        Some((Self { frame }, offset, bytes.len().min(PAGE_LEN - offset)))
    }

    #[inline]
    fn take(privileged: bool) -> Result<Self, OutOfMemory> {
        let frame = cache::take_frame(privileged)?;
        let chunk = pool::chunk_of(frame).ok_or(OutOfMemory)?;
        chunk.counts[frame.0 as usize % FRAMES].store(1, Ordering::Relaxed);
        Ok(Self { frame })
    }

    /// Which frame it is.
    #[must_use]
    #[inline]
    pub fn number(&self) -> FrameNumber {
        self.frame
    }

    /// The frame's first byte.
    #[must_use]
    #[inline]
    pub fn address(&self) -> PhysAddr {
        self.frame.address()
    }

    /// Whether nobody else holds the frame.
    #[must_use]
    pub fn is_sole(&self) -> bool {
        self.count().is_some_and(|count| count == 1)
    }

    /// Gives the reference up. Who gives up the last one gets the page, which is nobody else's then.
    #[must_use]
    pub fn into_last(self) -> Option<Self> {
        let index = self.frame.0 as usize % FRAMES;
        let chunk = pool::chunk_of(self.frame)?;
        if !chunk.release(index) {
            mem::forget(self);
            return None;
        }
        chunk.hold(index);
        Some(self)
    }

    fn count(&self) -> Option<u32> {
        Some(pool::chunk_of(self.frame)?.counts[self.frame.0 as usize % FRAMES].load(Ordering::Acquire))
    }

    #[inline]
    fn pointer(&self) -> *mut u8 {
        hal::memory::pointer(self.address())
    }

    /// Copies bytes out, as many as lie in the page.
    pub fn read(&self, offset: usize, into: &mut [u8]) {
        let len = into.len().min(PAGE_LEN.saturating_sub(offset));
        // SAFETY: `offset..offset + len` lies in the frame, which is owned and in the direct map; `into` is kernel memory.
        unsafe { hal::memory::copy(into.as_mut_ptr(), self.pointer().wrapping_add(offset), len) };
    }

    /// Copies bytes to where room for them is; how many there are.
    ///
    /// # Safety
    /// The bytes lie in the page, and `to` is valid for so many.
    pub(crate) unsafe fn copy_out(&self, offset: usize, to: *mut u8, len: usize) -> usize {
        // SAFETY: the caller's promise; the frame is owned and in the direct map.
        unsafe { hal::memory::copy(to, self.pointer().wrapping_add(offset), len) };
        len
    }

    /// Copies bytes in, as many as fit in the page.
    pub fn write(&self, offset: usize, from: &[u8]) {
        let len = from.len().min(PAGE_LEN.saturating_sub(offset));
        // SAFETY: as in `read`.
        unsafe { hal::memory::copy(self.pointer().wrapping_add(offset), from.as_ptr(), len) };
    }

    /// Zeroes a part of the page.
    pub fn zero_range(&self, offset: usize, len: usize) {
        let offset = offset.min(PAGE_LEN);
        let len = len.min(PAGE_LEN - offset);
        // SAFETY: as in `read`.
        unsafe { ptr::write_bytes(self.pointer().wrapping_add(offset), 0, len) };
    }

    /// Zeroes the page.
    #[inline]
    pub fn zero(&self) {
        // SAFETY: the frame is owned and in the direct map.
        unsafe { hal::memory::zero_page(self.pointer()) };
    }

    /// Copies from the page to a program's memory; returns how many bytes went before a page that is not there.
    #[must_use]
    #[inline]
    pub fn copy_to_user(&self, offset: usize, len: usize, user: u64) -> usize {
        let len = len.min(PAGE_LEN.saturating_sub(offset));
        // SAFETY: the source lies in the owned frame; the user side is checked and may fault.
        unsafe { hal::user::copy_out_raw(user, self.pointer().wrapping_add(offset), len) }
    }

    /// Copies from a program's memory into the page; returns how many bytes came before a page that is not there.
    #[must_use]
    #[inline]
    pub fn copy_from_user(&self, offset: usize, len: usize, user: u64) -> usize {
        let len = len.min(PAGE_LEN.saturating_sub(offset));
        // SAFETY: the destination lies in the owned frame; the user side is checked and may fault.
        unsafe { hal::user::copy_in_raw(self.pointer().wrapping_add(offset), user, len) }
    }

    /// The page as a table of 512 words, which the machine may read and write at the same time.
    #[must_use]
    #[inline]
    pub fn words(&self) -> &[AtomicU64; 512] {
        // SAFETY: the frame is owned for as long as the page is borrowed, is aligned, and atomics may be shared with anyone.
        unsafe { &*self.pointer().cast() }
    }

    /// Gives the reference up without dropping it: the count stays until [`Page::from_raw`] takes it back.
    #[must_use]
    #[inline]
    pub fn into_raw(self) -> FrameNumber {
        let frame = self.frame;
        mem::forget(self);
        frame
    }

    /// Takes back a reference that [`Page::into_raw`] gave up.
    ///
    /// # Safety
    /// The number came from `into_raw`, and this is the only time that it is taken back.
    #[must_use]
    #[inline]
    pub unsafe fn from_raw(frame: FrameNumber) -> Self {
        Self { frame }
    }

    /// One more reference to a frame whose reference was given up by [`Page::into_raw`] and not yet taken back.
    ///
    /// # Safety
    /// The given-up reference exists during the call.
    #[must_use]
    #[inline]
    pub unsafe fn clone_raw(frame: FrameNumber) -> Self {
        hold(frame);
        Self { frame }
    }

    /// The words of a table page whose reference was given up by [`Page::into_raw`].
    ///
    /// # Safety
    /// The given-up reference outlives `'a`.
    #[must_use]
    #[inline]
    pub unsafe fn words_raw<'a>(frame: FrameNumber) -> &'a [AtomicU64; 512] {
        // SAFETY: the caller's promise; the frame is in the direct map because it was a page.
        unsafe { &*hal::memory::pointer(frame.address()).cast() }
    }
}

#[inline]
fn hold(frame: FrameNumber) {
    if let Some(chunk) = pool::chunk_of(frame) {
        chunk.hold(frame.0 as usize % FRAMES);
    }
}

impl Clone for Page {
    #[inline]
    fn clone(&self) -> Self {
        hold(self.frame);
        Self { frame: self.frame }
    }
}

impl Drop for Page {
    #[inline]
    fn drop(&mut self) {
        let last =
            pool::chunk_of(self.frame).is_some_and(|chunk: &Chunk| chunk.release(self.frame.0 as usize % FRAMES));
        if last {
            cache::give_frame(self.frame);
        }
    }
}

/// A run of `1 << order` zeroed frames that the kernel keeps for ever; its first address.
#[must_use]
pub fn kernel_run(order: u32) -> Option<PhysAddr> {
    let first = pool::take_run(order, true).ok()?.address();
    // SAFETY: the run was just taken and is in the direct map.
    unsafe { hal::memory::zero_pages(hal::memory::pointer(first), 1 << order) };
    Some(first)
}
