//! `mmap`.

use crate::place::Place;
use crate::vma::{Source, Vma, VmaFlags};
use crate::{AddressSpace, Backing, LOWEST, Leftovers, NO_MEMORY, SharedMemory, State};
use abi::mman::{MapFlags, Prot};
use abi::{Errno, Error, Result};
use address::{HUGE_SIZE, PAGE_SIZE, USER_END};
use alloc::sync::Arc;
use core::ops::Range;
use table::ROOM;

/// The part of the flags that says which kind of mapping it is.
const KIND: u32 = 0xf;
const SHARED: u32 = MapFlags::SHARED.bits();
const PRIVATE: u32 = MapFlags::PRIVATE.bits();
const SHARED_VALIDATE: u32 = SHARED | PRIVATE;
/// `MAP_DROPPABLE`: private memory that Linux may take away when it runs short. Ours stays.
const DROPPABLE: u32 = 8;
/// `PROT_SEM`, which means nothing on any machine of ours.
pub(crate) const PROT_SEM: u32 = 8;

const TOO_FAR: Error = Error::new(Errno::EOVERFLOW, "the offset is too large");

/// What `mmap` was asked for. Bits without a name may be set.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Where, or zero.
    pub address: u64,
    /// How long.
    pub length: u64,
    /// Rights.
    pub prot: Prot,
    /// How.
    pub flags: MapFlags,
    /// What, unless [`MapFlags::ANONYMOUS`].
    pub file: Option<FileMapping>,
}

/// A file that is to be mapped, and how it was opened.
#[derive(Clone, Debug)]
pub struct FileMapping {
    /// The file's pages.
    pub object: Arc<dyn Backing>,
    /// Where in the file, in bytes, on a page boundary.
    pub offset: u64,
    /// Whether it was opened for reading.
    pub readable: bool,
    /// Whether it was opened for writing.
    pub writable: bool,
    /// Whether its file system allows programs to run.
    pub executable: bool,
}

impl Mapping {
    /// Private memory at an address of the kernel's choice.
    #[must_use]
    pub fn anonymous(length: u64, prot: Prot) -> Self {
        Self {
            address: 0,
            length,
            prot,
            flags: MapFlags::PRIVATE | MapFlags::ANONYMOUS,
            file: None,
        }
    }

    /// The same at exactly this address, in the place of what is there.
    #[must_use]
    pub fn fixed(mut self, address: u64) -> Self {
        self.address = address;
        self.flags |= MapFlags::FIXED;
        self
    }
}

impl AddressSpace {
    /// Maps memory; returns where.
    ///
    /// # Errors
    /// As `mmap(2)`; `EBADF` for a missing file is the caller's to say.
    pub fn map(&self, request: &Mapping) -> Result<u64> {
        let shared = Self::shared_memory(request)?;
        let mut room = ROOM;
        let mut leftovers = Leftovers::new(&self.root, &mut room);
        let mut state = self.change();
        let mapped = state.map(request, shared, &mut leftovers);
        self.finish(state, &mut leftovers);
        let (range, populate) = mapped?;
        if populate {
            // Linux leaves what cannot be had to the program's own touch.
            let _ = self.populate(range.clone());
        }
        Ok(range.start)
    }

    /// The object behind a shared mapping of no file.
    fn shared_memory(request: &Mapping) -> Result<Option<Arc<SharedMemory>>> {
        if request.file.is_some() || request.flags.bits() & KIND != SHARED {
            return Ok(None);
        }
        if !frames::has_headroom(2) {
            return Err(NO_MEMORY);
        }
        Ok(Some(Arc::new(SharedMemory::new(request.length))))
    }
}

impl State {
    fn map(
        &mut self,
        request: &Mapping,
        shared: Option<Arc<SharedMemory>>,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<(Range<u64>, bool)> {
        let flags = request.flags;
        let offset = request.file.as_ref().map_or(0, |file| file.offset);
        if !address::is_page_aligned(offset) {
            return Err(Error::new(Errno::EINVAL, "the offset is not on a page boundary"));
        }
        if flags.contains(MapFlags::HUGETLB) {
            return Err(match request.file {
                Some(_) => Error::new(Errno::EINVAL, "the file is not one of huge pages"),
                None => Error::new(Errno::ENOMEM, "no huge pages are set aside"),
            });
        }
        if request.length == 0 {
            return Err(Error::new(Errno::EINVAL, "nothing to map"));
        }
        let length = address::page_ceil(request.length).ok_or(NO_MEMORY)?;
        if offset.checked_add(length).is_none() {
            return Err(TOO_FAR);
        }
        self.may_add_mappings(1)?;
        let fixed = flags.intersects(MapFlags::FIXED | MapFlags::FIXED_NOREPLACE);
        let start = self.place(&Place {
            address: request.address,
            length,
            fixed,
            low: flags.contains(MapFlags::BIT32),
            huge: request.file.is_none() && length.is_multiple_of(HUGE_SIZE),
        })?;
        let range = start..start + length;
        if flags.contains(MapFlags::FIXED_NOREPLACE) && !self.vmas.is_free(range.clone()) {
            return Err(Error::new(Errno::EEXIST, "something is mapped there"));
        }
        let pages = length / PAGE_SIZE;
        let mut common = self.future;
        if flags.contains(MapFlags::LOCKED) {
            if self.limits.locked == 0 && !self.limits.privileged {
                return Err(Error::new(Errno::EPERM, "RLIMIT_MEMLOCK is zero"));
            }
            common |= VmaFlags::LOCKED;
        }
        self.may_lock(common, pages)?;
        let vma = new_vma(request, common, shared)?;
        let replaced = if fixed { self.mapped_pages(&range) } else { 0 };
        self.may_expand(&vma, pages.saturating_sub(replaced))?;
        Self::may_promise(&vma, pages)?;
        if replaced > 0 {
            self.unmap_range(range.clone(), leftovers)?;
        }
        let locked = vma.flags.contains(VmaFlags::LOCKED) && !vma.flags.contains(VmaFlags::ON_FAULT);
        let asked = flags.contains(MapFlags::POPULATE) && !flags.contains(MapFlags::NONBLOCK);
        let populate = (locked || asked) && vma.is_accessible();
        if length >= HUGE_SIZE {
            self.give_up_left(&mut leftovers.gather);
        }
        self.insert(range.clone(), vma);
        Ok((range, populate))
    }

    /// Adds a mapping where nothing is, and joins it with its neighbours.
    pub(crate) fn insert(&mut self, range: Range<u64>, vma: Vma) {
        if range.end - range.start >= HUGE_SIZE {
            // An empty table would be in the way of 2 MiB pages.
            self.give_up_left_now();
        }
        self.counters.add(&vma, &range);
        self.has_low_stack |= vma.flags.contains(VmaFlags::GROWS_DOWN) && range.start < self.layout.mmap_top;
        let inserted = self.vmas.insert_joined(range, vma, Vma::continues);
        debug_assert!(inserted.is_ok(), "the range was free");
    }

    /// Pages of `range` that are mapped already.
    pub(crate) fn mapped_pages(&self, range: &Range<u64>) -> u64 {
        self.vmas
            .overlapping(range.clone())
            .map(|(part, _)| (part.end.min(range.end) - part.start.max(range.start)) / PAGE_SIZE)
            .sum()
    }

    /// Whether an address may be mapped by name: not below [`LOWEST`], unless privileged.
    pub(crate) fn may_map_at(&self, address: u64) -> Result<()> {
        if address < LOWEST && !self.limits.privileged {
            return Err(Error::new(Errno::EPERM, "the address is below vm.mmap_min_addr"));
        }
        Ok(())
    }
}

/// What is asked for, as a mapping.
fn new_vma(request: &Mapping, common: VmaFlags, shared: Option<Arc<SharedMemory>>) -> Result<Vma> {
    let flags = request.flags;
    let mut vma = Vma {
        prot: request.prot & (Prot::READ | Prot::WRITE | Prot::EXEC),
        flags: common | VmaFlags::MAY_WRITE | VmaFlags::MAY_EXEC,
        source: Source::Anonymous,
    };
    vma.flags.set(VmaFlags::NO_RESERVE, flags.contains(MapFlags::NORESERVE));
    vma.flags.set(VmaFlags::GROWS_DOWN, flags.contains(MapFlags::GROWSDOWN));
    // The C library gives each thread a stack with room to grow; the first touch of one need not take 2 MiB.
    vma.flags.set(VmaFlags::NO_HUGE, flags.contains(MapFlags::STACK));
    if let Some(file) = &request.file {
        file_vma(&mut vma, file, request)?;
    } else if let Some(object) = shared {
        if flags.contains(MapFlags::GROWSDOWN) {
            return Err(Error::new(Errno::EINVAL, "shared memory does not grow"));
        }
        if !vma.flags.contains(VmaFlags::NO_RESERVE) && object.len() / PAGE_SIZE > frames::usage().total {
            return Err(Error::new(Errno::ENOMEM, "more than the machine has"));
        }
        vma.flags |= VmaFlags::SHARED;
        vma.source = Source::Object { object, first: 0 };
    } else if flags.bits() & KIND == DROPPABLE {
        vma.flags |= VmaFlags::NO_RESERVE | VmaFlags::WIPE_ON_FORK;
    } else if flags.bits() & KIND != PRIVATE {
        return Err(Error::new(Errno::EINVAL, "neither shared nor private"));
    }
    Ok(vma)
}

/// Makes the mapping one of a file, if the file was opened so that it may be.
fn file_vma(vma: &mut Vma, file: &FileMapping, request: &Mapping) -> Result<()> {
    if file.offset > i64::MAX as u64 - request.length {
        return Err(TOO_FAR);
    }
    let flags = request.flags;
    match flags.bits() & KIND {
        kind @ (SHARED | SHARED_VALIDATE) => {
            let unknown = flags.bits() & !(MapFlags::all().bits() | KIND);
            if kind == SHARED_VALIDATE && (unknown != 0 || flags.contains(MapFlags::SYNC)) {
                return Err(Error::new(Errno::EOPNOTSUPP, "a flag that the file does not know"));
            }
            if vma.prot.contains(Prot::WRITE) && !file.writable {
                return Err(Error::new(Errno::EACCES, "the file was not opened for writing"));
            }
            vma.flags |= VmaFlags::SHARED;
            vma.flags.set(VmaFlags::MAY_WRITE, file.writable);
        }
        PRIVATE => {}
        _ => return Err(Error::new(Errno::EINVAL, "neither shared nor private")),
    }
    if !file.readable {
        return Err(Error::new(Errno::EACCES, "the file was not opened for reading"));
    }
    if !file.executable {
        if vma.prot.contains(Prot::EXEC) {
            return Err(Error::new(Errno::EPERM, "the file system is mounted noexec"));
        }
        vma.flags.remove(VmaFlags::MAY_EXEC);
    }
    if vma.flags.contains(VmaFlags::GROWS_DOWN) {
        return Err(Error::new(Errno::EINVAL, "a file does not grow down"));
    }
    vma.source = Source::Object {
        object: Arc::clone(&file.object),
        first: file.offset / PAGE_SIZE,
    };
    Ok(())
}

/// Whether a range lies in the part of the address space that programs have.
pub(crate) fn is_user(range: &Range<u64>) -> bool {
    range.start <= range.end && range.end <= USER_END
}
