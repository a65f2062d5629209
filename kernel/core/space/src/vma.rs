//! One mapping: rights, flags, what is behind it.

use crate::{Backing, Leftovers};
use abi::mman::Prot;
use address::PAGE_SIZE;
use alloc::sync::Arc;
use bitflags::bitflags;
use core::ops::Range;
use hal::{Access, PageFlags};

bitflags! {
    /// What a mapping is besides its rights.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub(crate) struct VmaFlags: u32 {
        /// Writes are seen by everyone who maps the same object.
        const SHARED = 1;
        /// May be made writable: not so for a shared file that was opened for reading.
        const MAY_WRITE = 1 << 1;
        /// May be made executable: not so for files of a file system mounted `noexec`.
        const MAY_EXEC = 1 << 2;
        /// Grows when memory below it is touched.
        const GROWS_DOWN = 1 << 3;
        /// Stays in memory.
        const LOCKED = 1 << 4;
        /// With `LOCKED`: once it has been touched.
        const ON_FAULT = 1 << 5;
        /// Does not count towards what has been promised.
        const NO_RESERVE = 1 << 6;
        /// A child does not get it.
        const DONT_FORK = 1 << 7;
        /// A child gets it empty.
        const WIPE_ON_FORK = 1 << 8;
        /// 2 MiB pages are wanted.
        const HUGE = 1 << 9;
        /// 2 MiB pages are not wanted.
        const NO_HUGE = 1 << 10;
        /// Not for core dumps.
        const DONT_DUMP = 1 << 11;
    }
}

/// What is behind a mapping.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Nothing: zeros, until written.
    Anonymous,
    /// Pages of an object, from `first` on.
    Object {
        /// Whose pages.
        object: Arc<dyn Backing>,
        /// Number of the page at the mapping's first address.
        first: u64,
    },
}

/// One mapping.
#[derive(Clone, Debug)]
pub(crate) struct Vma {
    /// Rights: read, write, execute.
    pub(crate) prot: Prot,
    pub(crate) flags: VmaFlags,
    pub(crate) source: Source,
}

impl Vma {
    /// The mapping that begins `offset` bytes further on.
    pub(crate) fn split(&self, offset: u64) -> Self {
        let mut right = self.clone();
        if let Source::Object { first, .. } = &mut right.source {
            *first += offset / PAGE_SIZE;
        }
        right
    }

    /// Whether two neighbours are one mapping.
    pub(crate) fn continues(left_range: &Range<u64>, left: &Self, _: &Range<u64>, right: &Self) -> bool {
        if left.prot != right.prot || left.flags != right.flags {
            return false;
        }
        match (&left.source, &right.source) {
            (Source::Anonymous, Source::Anonymous) => true,
            (Source::Object { object: a, first: at }, Source::Object { object: b, first: next }) => {
                Arc::ptr_eq(a, b) && at + (left_range.end - left_range.start) / PAGE_SIZE == *next
            }
            _ => false,
        }
    }

    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        self.flags.contains(VmaFlags::SHARED)
    }

    #[inline]
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self.source, Source::Anonymous)
    }

    /// Whether a program may touch it at all.
    #[inline]
    pub(crate) fn is_accessible(&self) -> bool {
        self.prot.intersects(Prot::READ | Prot::WRITE | Prot::EXEC)
    }

    /// Whether a program may touch it in this way. What may be written or run may be read as well: the machine knows no other way.
    #[inline]
    pub(crate) fn allows(&self, access: Access) -> bool {
        match access {
            Access::Read => self.is_accessible(),
            Access::Write => self.prot.contains(Prot::WRITE),
            Access::Execute => self.prot.contains(Prot::EXEC),
        }
    }

    /// The flags of an entry for a page of the mapping, which may be written at once or asks first.
    #[inline]
    pub(crate) fn page_flags(&self, writable: bool) -> PageFlags {
        let mut flags = if writable {
            PageFlags::WRITE | PageFlags::DIRTY
        } else {
            PageFlags::COPY_ON_WRITE
        };
        if self.prot.contains(Prot::EXEC) {
            flags |= PageFlags::EXECUTE;
        }
        flags
    }

    /// The rights of the pages that are mapped, as the table wants to know them.
    pub(crate) fn rights(&self) -> Option<PageFlags> {
        let mut rights = PageFlags::empty();
        rights.set(PageFlags::WRITE, self.prot.contains(Prot::WRITE));
        rights.set(PageFlags::EXECUTE, self.prot.contains(Prot::EXEC));
        self.is_accessible().then_some(rights)
    }

    /// Whether its pages count as memory that may have to be found (Linux: `accountable_mapping`).
    pub(crate) fn is_promised(&self) -> bool {
        self.prot.contains(Prot::WRITE) && !self.flags.intersects(VmaFlags::SHARED | VmaFlags::NO_RESERVE)
    }

    /// Hands the object on to be dropped later.
    #[inline]
    pub(crate) fn leave_object(self, leftovers: &mut Leftovers<'_>) {
        if let Source::Object { object, .. } = self.source {
            leftovers.objects.push(object);
        }
    }
}
