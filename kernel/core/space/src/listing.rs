//! What `/proc/self/maps` and its kin show.

use crate::AddressSpace;
use crate::vma::{Source, VmaFlags};
use abi::mman::Prot;
use address::PAGE_SIZE;
use alloc::vec::Vec;
use core::ops::Range;

/// One mapping, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingInfo {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Rights.
    pub prot: Prot,
    /// Whether writes are shared.
    pub shared: bool,
    /// Whether it is locked in memory.
    pub locked: bool,
    /// Where in its object it begins, in bytes.
    pub offset: u64,
    /// Device number of its file.
    pub device: u64,
    /// Inode number of its file.
    pub inode: u64,
    /// Path, or a word in brackets; empty for nameless memory.
    pub name: Vec<u8>,
}

impl AddressSpace {
    /// Notes where the main stack begins, so that the listing can name it.
    pub fn set_stack_start(&self, address: u64) {
        self.state.lock().stack_start = address;
    }

    /// Calls `each` with every mapping, in ascending order, without holding the lock.
    pub fn for_each_mapping(&self, each: impl FnMut(&MappingInfo)) {
        self.mappings().iter().for_each(each);
    }

    /// Whether something lies between the program's end and its break.
    #[must_use]
    pub fn has_heap(&self) -> bool {
        let state = self.state.lock();
        let heap = &state.program_break;
        let mut all = state.vmas.iter();
        all.any(|(range, vma)| {
            matches!(vma.source, Source::Anonymous) && range.start < heap.end && heap.start < range.end
        })
    }

    /// Every mapping, in ascending order.
    #[must_use]
    pub fn mappings(&self) -> Vec<MappingInfo> {
        self.mappings_with_names(|_| true)
    }

    /// The same, with names only of those objects of which they are wanted: a file's path takes long to put together.
    #[must_use]
    pub fn mappings_with_names(&self, is_wanted: impl Fn(&MappingInfo) -> bool) -> Vec<MappingInfo> {
        let mut objects = Vec::new();
        let mut list: Vec<MappingInfo> = Vec::new();
        {
            let state = self.state.lock();
            let heap = state.program_break;
            for (range, vma) in state.vmas.iter() {
                let mut info = MappingInfo {
                    start: range.start,
                    end: range.end,
                    prot: vma.prot,
                    shared: vma.is_shared(),
                    locked: vma.flags.contains(VmaFlags::LOCKED),
                    offset: 0,
                    device: 0,
                    inode: 0,
                    name: Vec::new(),
                };
                match &vma.source {
                    Source::Object { object, first } => {
                        info.offset = first * PAGE_SIZE;
                        objects.push((list.len(), object.clone()));
                    }
                    Source::Anonymous if range.start < heap.end && heap.start < range.end => {
                        info.name.extend_from_slice(b"[heap]");
                    }
                    Source::Anonymous if range.contains(&state.stack_start) => {
                        info.name.extend_from_slice(b"[stack]");
                    }
                    Source::Anonymous => {}
                }
                list.push(info);
            }
        }
        for (at, object) in objects {
            let info = &mut list[at];
            (info.device, info.inode) = object.ids();
            if is_wanted(info) {
                info.name = object.name();
            }
        }
        list
    }

    /// How many pages of a range are in memory, without those of zeros that nobody wrote.
    #[must_use]
    pub fn resident_in(&self, range: Range<u64>) -> u64 {
        let mut resident = 0;
        let state = self.state.lock();
        state.table.for_each(range, |_, _, pages, _| resident += pages);
        resident
    }
}
