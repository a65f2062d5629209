//! Memory that a device reaches, and at which address.

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use frames::Page;

/// How devices of a machine reach its memory.
pub trait Dma: Send + Sync {
    /// Lets devices reach a page; the address at which they do.
    ///
    /// # Errors
    /// `ENOMEM` where there is no room for it.
    fn share(&self, page: &Page) -> Result<u64>;

    /// Ends that.
    fn unshare(&self, page: &Page, address: u64);

    /// Whether addresses are not physical ones, which devices must be told (`VIRTIO_F_ACCESS_PLATFORM`). Where they are, sharing does nothing, and may be left out.
    fn translates(&self) -> bool {
        false
    }
}

/// Devices reach all memory, at its physical address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direct;

impl Dma for Direct {
    fn share(&self, page: &Page) -> Result<u64> {
        Ok(page.address().0)
    }

    fn unshare(&self, _page: &Page, _address: u64) {}
}

/// A page that devices reach, for as long as this lives.
pub struct Shared {
    page: Page,
    address: u64,
    /// Who ends it, where there is anything to end.
    dma: Option<Arc<dyn Dma>>,
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Shared({:#x})", self.address)
    }
}

impl Shared {
    /// A new page of zeros.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(dma: &Arc<dyn Dma>) -> Result<Self> {
        let page =
            Page::zeroed_for_kernel().map_err(|_| Error::new(Errno::ENOMEM, "no memory for a device's buffers"))?;
        Self::of(page, dma)
    }

    /// A page that is there already.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn of(page: Page, dma: &Arc<dyn Dma>) -> Result<Self> {
        let address = dma.share(&page)?;
        Ok(Self {
            page,
            address,
            dma: dma.translates().then(|| Arc::clone(dma)),
        })
    }

    /// Where devices find it.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }

    /// The page. What is in it may change at any time, so it is copied out before it is looked at.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The page alone: devices do not reach it any more.
    #[must_use]
    pub fn into_page(self) -> Page {
        self.page.clone()
    }

    #[inline]
    fn word(&self, offset: usize) -> &AtomicU64 {
        &self.page.words()[offset / 8 % 512]
    }

    /// 8 bytes at an offset that is a multiple of 8.
    #[inline]
    pub(crate) fn load64(&self, offset: usize, ordering: Ordering) -> u64 {
        self.word(offset).load(ordering)
    }

    /// 4 bytes at an offset that is a multiple of 4.
    #[inline]
    pub(crate) fn load32(&self, offset: usize) -> u32 {
        (self.word(offset).load(Ordering::Relaxed) >> (offset % 8 * 8)) as u32
    }

    /// 2 bytes at an even offset. What is loaded after it is as new as it.
    #[inline]
    pub(crate) fn load16(&self, offset: usize) -> u16 {
        (self.word(offset).load(Ordering::Acquire) >> (offset % 8 * 8)) as u16
    }

    /// Sets 8 bytes at an offset that is a multiple of 8.
    #[inline]
    pub(crate) fn store64(&self, offset: usize, value: u64, ordering: Ordering) {
        self.word(offset).store(value, ordering);
    }

    /// Sets 2 bytes at an even offset, after everything that was stored before. The 8 bytes around them are this side's, so that they may be written too.
    #[inline]
    pub(crate) fn store16(&self, offset: usize, value: u16) {
        let (word, shift) = (self.word(offset), offset % 8 * 8);
        let others = word.load(Ordering::Relaxed) & !(0xffff << shift);
        word.store(others | u64::from(value) << shift, Ordering::Release);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(dma) = &self.dma {
            dma.unshare(&self.page, self.address);
        }
    }
}
