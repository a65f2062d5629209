//! What a file (or shared memory) has to offer to be mapped.

use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use frames::Page;
use hal::Access;

/// Something whose pages can be mapped. There is one object for each file, however often it is opened or mapped.
pub trait Backing: Send + Sync {
    /// The object's number, from [`new_object_id`].
    fn id(&self) -> u64;

    /// Its length in bytes; touching a page that lies wholly behind it is a bus error.
    fn len(&self) -> u64;

    /// Whether it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The page with number `index`, read in if need be. [`Access::Write`] says that a program will write to it through a shared mapping. May sleep.
    ///
    /// # Errors
    /// `ENOMEM` kills the program as out of memory; anything else is a bus error.
    fn page(&self, index: u64, access: Access) -> Result<Page>;

    /// The page with number `index` if it is there already. Called under the address space's lock: it must be quick and must not sleep.
    fn resident(&self, index: u64) -> Option<Page> {
        let _ = index;
        None
    }

    /// Hands over the pages of a range that [`Backing::resident`] would give, for mapping what lies around a fault.
    fn resident_in(&self, range: Range<u64>, each: &mut dyn FnMut(u64, Page)) {
        for index in range {
            if let Some(page) = self.resident(index) {
                each(index, page);
            }
        }
    }

    /// Writes back what was changed in a range of pages. May sleep.
    ///
    /// # Errors
    /// What the device says.
    fn sync(&self, range: Range<u64>) -> Result<()> {
        let _ = range;
        Ok(())
    }

    /// Pages that will be wanted soon.
    fn prefetch(&self, range: Range<u64>) {
        let _ = range;
    }

    /// Makes a hole: the pages in the range become zeros and give their memory back. The caller unmaps them.
    ///
    /// # Errors
    /// `EOPNOTSUPP` unless the file can.
    fn punch(&self, range: Range<u64>) -> Result<()> {
        let _ = range;
        Err(Error::new(Errno::EOPNOTSUPP, "the file cannot have holes made"))
    }

    /// What `/proc/self/maps` calls it: a path, or a word in brackets.
    fn name(&self) -> Vec<u8>;

    /// Device and inode number.
    fn ids(&self) -> (u64, u64) {
        (0, 0)
    }
}

impl fmt::Debug for dyn Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object {}", self.id())
    }
}

/// A number for a new object, which no other has had.
#[must_use]
pub fn new_object_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
