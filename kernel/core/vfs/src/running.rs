//! Files that run are not written, and files that are written do not run (`ETXTBSY`).
//!
//! An inode that can be both counts: writers upwards from zero, running programs downwards.

use crate::{Inode, Path};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicI32, Ordering};

const BUSY: Error = Error::new(Errno::ETXTBSY, "the file is run, or written");

/// Steps a count away from zero, unless it is on the other side of zero.
fn step(count: &AtomicI32, by: i32) -> Result<()> {
    let stepped = count.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| {
        (count.signum() != -by.signum()).then_some(count + by)
    });
    stepped.map(drop).map_err(|_| BUSY)
}

/// Somebody opens a file to write it.
pub(crate) fn begin_writing(inode: &Arc<dyn Inode>) -> Result<()> {
    inode.write_count().map_or(Ok(()), |count| step(count, 1))
}

/// Who wrote a file has closed it.
pub(crate) fn end_writing(inode: &Arc<dyn Inode>) {
    if let Some(count) = inode.write_count() {
        count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Refuses to cut a file that runs.
pub(crate) fn check_not_running(inode: &Arc<dyn Inode>) -> Result<()> {
    match inode.write_count() {
        Some(count) if count.load(Ordering::Acquire) < 0 => Err(BUSY),
        _ => Ok(()),
    }
}

/// A file that runs: as long as this exists, nobody opens it to write.
#[derive(Debug)]
pub struct Running {
    place: Path,
}

impl Running {
    /// Notes that a file runs.
    ///
    /// # Errors
    /// `ETXTBSY` when somebody has it open to write; `ENOENT`.
    pub fn new(place: &Path) -> Result<Arc<Self>> {
        if let Some(count) = place.inode()?.write_count() {
            step(count, -1)?;
        }
        Ok(Arc::new(Self { place: place.clone() }))
    }

    /// Where the file was found.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(count) = self.place.dentry.inode().and_then(|inode| inode.write_count()) {
            count.fetch_add(1, Ordering::AcqRel);
        }
    }
}
