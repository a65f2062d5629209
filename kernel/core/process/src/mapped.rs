//! Open files as the backing of mappings.
//!
//! One object stands for one inode, however often it is opened: that is what makes shared mappings of it one and the same memory, and what
//! futexes in it go by. The objects that are mapped are found by device and inode number.

use crate::registry;
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ops::Range;
use frames::Page;
use hal::Access;
use lock::SpinLock;
use sortedmap::SortedMap;
use space::Backing;
use vfs::File;

static MAPPED: SpinLock<SortedMap<(u64, u64), Weak<MappedFile>>> = SpinLock::new(SortedMap::new());

/// A file that is mapped.
pub struct MappedFile {
    id: u64,
    file: Arc<File>,
    ids: (u64, u64),
}

impl MappedFile {
    /// The object for an open file: the one that is mapped already, or a new one.
    #[must_use]
    pub fn of(file: &Arc<File>) -> Arc<Self> {
        let attributes = file.attributes();
        let ids = (attributes.dev, attributes.ino);
        let mut mapped = MAPPED.lock();
        if let Some(known) = mapped.get(&ids).and_then(Weak::upgrade) {
            return known;
        }
        let new = Arc::new(Self {
            id: space::new_object_id(),
            file: Arc::clone(file),
            ids,
        });
        mapped.insert(ids, Arc::downgrade(&new));
        new
    }
}

/// Whether the inode with these numbers of device and inode is mapped anywhere.
#[must_use]
pub fn is_mapped(ids: (u64, u64)) -> bool {
    let mapped = MAPPED.lock();
    mapped.get(&ids).is_some_and(|object| object.strong_count() > 0)
}

/// A file may have become shorter: pages behind its end are taken out of every mapping of it, so that touching them is a bus error.
pub fn cut_short(attributes: &vfs::Attributes) {
    let ids = (attributes.dev, attributes.ino);
    let Some(object) = MAPPED.lock().get(&ids).and_then(Weak::upgrade) else {
        return;
    };
    let from = attributes.size.div_ceil(address::PAGE_SIZE);
    for process in registry::processes() {
        process.space().forget_backing(object.id, from);
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        let mut mapped = MAPPED.lock();
        if mapped.get(&self.ids).is_some_and(|known| known.strong_count() == 0) {
            mapped.remove(&self.ids);
        }
    }
}

impl Backing for MappedFile {
    fn id(&self) -> u64 {
        self.id
    }

    fn len(&self) -> u64 {
        match self.file.inode() {
            Ok(inode) if self.file.behaviour().is_none() => inode.length(),
            // A device's pages have no end.
            _ => u64::MAX,
        }
    }

    fn page(&self, index: u64, access: Access) -> Result<Page> {
        match self.file.behaviour() {
            Some(behaviour) => behaviour.page(&self.file, index, access),
            None => self.file.inode()?.page(index, access),
        }
    }

    fn resident(&self, index: u64) -> Option<Page> {
        if self.file.behaviour().is_some() {
            return None;
        }
        self.file.inode().ok()?.resident(index)
    }

    fn resident_in(&self, range: Range<u64>, each: &mut dyn FnMut(u64, Page)) {
        if self.file.behaviour().is_none()
            && let Ok(inode) = self.file.inode()
        {
            inode.resident_in(range, each);
        }
    }

    fn sync(&self, _range: Range<u64>) -> Result<()> {
        self.file.inode()?.sync()
    }

    fn punch(&self, range: Range<u64>) -> Result<()> {
        let flags = abi::fcntl::FALLOC_FL_PUNCH_HOLE | abi::fcntl::FALLOC_FL_KEEP_SIZE;
        let bytes = |page: u64| page.saturating_mul(address::PAGE_SIZE);
        let length = bytes(range.end).saturating_sub(bytes(range.start));
        if length == 0 {
            return Err(Error::new(Errno::EINVAL, "the hole is empty"));
        }
        self.file.inode()?.allocate(flags, bytes(range.start), length)
    }

    fn name(&self) -> Vec<u8> {
        self.file.path().text(None)
    }

    fn ids(&self) -> (u64, u64) {
        self.ids
    }
}
