//! Memory that several processes share and that no file holds.

use crate::{Backing, new_object_id};
use abi::Result;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use frames::Page;
use hal::Access;
use lock::SpinLock;
use sortedmap::LargeMap;

/// Pages that come to be, as zeros, when they are first touched. They go when nobody maps or holds the object any more.
pub struct SharedMemory {
    id: u64,
    len: u64,
    pages: SpinLock<LargeMap<u64, Page>>,
}

impl SharedMemory {
    /// Memory of `len` bytes.
    #[must_use]
    pub fn new(len: u64) -> Self {
        Self {
            id: new_object_id(),
            len,
            pages: SpinLock::new(LargeMap::new()),
        }
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shared memory {}", self.id)
    }
}

impl Backing for SharedMemory {
    fn id(&self) -> u64 {
        self.id
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn page(&self, index: u64, _access: Access) -> Result<Page> {
        let mut pages = self.pages.lock();
        if let Some(page) = pages.get(&index) {
            return Ok(page.clone());
        }
        if !frames::has_headroom(1) {
            return Err(crate::NO_MEMORY);
        }
        let page = Page::zeroed()?;
        pages.insert(index, page.clone());
        Ok(page)
    }

    fn resident(&self, index: u64) -> Option<Page> {
        self.pages.lock().get(&index).cloned()
    }

    fn punch(&self, range: Range<u64>) -> Result<()> {
        let mut pages = self.pages.lock();
        let rest = pages.split_off(&range.start);
        pages.extend(rest.into_iter().filter(|(index, _)| *index >= range.end));
        Ok(())
    }

    fn name(&self) -> Vec<u8> {
        b"/dev/zero (deleted)".to_vec()
    }

    fn ids(&self) -> (u64, u64) {
        (1, self.id)
    }
}
