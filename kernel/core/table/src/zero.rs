//! The page of zeros that stands for memory nobody has written.

use address::FrameNumber;
use core::sync::atomic::{AtomicU64, Ordering};
use frames::Page;
use frames::pool::OutOfMemory;
use lock::Once;

static PAGE: Once<Page> = Once::new();
static FRAME: AtomicU64 = AtomicU64::new(0);

/// A reference to the page of zeros. It is mapped without the right to write, so it stays what it is.
///
/// # Errors
/// [`OutOfMemory`], the first time.
pub fn zero_page() -> Result<Page, OutOfMemory> {
    if let Some(page) = PAGE.get() {
        return Ok(page.clone());
    }
    drop(PAGE.set(Page::zeroed_for_kernel()?));
    let page = PAGE.get().ok_or(OutOfMemory)?;
    FRAME.store(page.number().0, Ordering::Relaxed);
    Ok(page.clone())
}

/// Whether a page is the page of zeros.
#[must_use]
#[inline]
pub fn is_zero_page(page: &Page) -> bool {
    is_zero_frame(page.number())
}

#[inline]
pub(crate) fn is_zero_frame(frame: FrameNumber) -> bool {
    frame.0 == FRAME.load(Ordering::Relaxed)
}
