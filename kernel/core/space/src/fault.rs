//! Page faults: the table learns what the list of mappings says, page by page.
//!
//! The usual fault is answered under the lock. What takes long (2 MiB of zeros) or may sleep (a page that has to be read in) is fetched without it, and then
//! the fault is looked at again from the start: whatever has changed meanwhile counts.

use crate::vma::{Source, Vma, VmaFlags};
use crate::{AddressSpace, Backing, State};
use abi::Errno;
use abi::mman::Prot;
use address::{HUGE_SIZE, PAGE_SIZE, USER_END, page_floor};
use alloc::sync::Arc;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use frames::pool::OutOfMemory;
use frames::{HugePage, Page};
use hal::{Access, PageFlags};
use table::Table;

/// Why a program may not touch an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing is mapped there (`SEGV_MAPERR`).
    MapErr,
    /// The mapping does not allow it (`SEGV_ACCERR`).
    AccErr,
    /// The object has no page there (`BUS_ADRERR`).
    BusAdrErr,
    /// No memory is left for it.
    OutOfMemory,
}

impl From<OutOfMemory> for FaultKind {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// Free frames below which 2 MiB pages are made only where a program asked for them.
const PLENTY: u64 = 4096;

/// How many pages of a file a read fault maps at most, those that are in memory already.
static AROUND: AtomicU64 = AtomicU64::new(16);

/// Sets how many pages of a file a read fault maps at most: a power of two.
pub fn set_fault_around(pages: u64) {
    AROUND.store(pages.clamp(1, 512).next_power_of_two(), Ordering::Relaxed);
}

/// What is missing to answer a fault.
enum Step {
    /// Nothing.
    Done,
    /// 2 MiB of zeros, if there are any.
    Huge,
    /// A page that the object has to read in.
    Object(Wanted),
    /// That other CPUs forget what was there before.
    Flush,
}

/// A page of an object.
struct Wanted {
    object: Arc<dyn Backing>,
    index: u64,
    access: Access,
    cuts: u64,
}

/// What was fetched without the lock. It is dropped without the lock as well: the object may have lost its last mapping meanwhile.
enum Fetched {
    Nothing,
    Huge(Option<HugePage>),
    Page(Wanted, Page),
}

impl AddressSpace {
    /// A program, or the kernel on its behalf, touched an address that the table does not give it: makes it so that it may, or says why it may not. May sleep.
    ///
    /// # Errors
    /// [`FaultKind`].
    pub fn fault(&self, address: u64, access: Access) -> Result<(), FaultKind> {
        if address >= USER_END {
            return Err(FaultKind::MapErr);
        }
        let page = page_floor(address);
        let mut fetched = Fetched::Nothing;
        loop {
            let step = self.state.lock().fault(page, access, &mut fetched)?;
            fetched = match step {
                Step::Done => return Ok(()),
                Step::Huge => Fetched::Huge(HugePage::zeroed().ok()),
                Step::Flush => {
                    self.wait_for_flush();
                    Fetched::Nothing
                }
                Step::Object(wanted) => {
                    let page = wanted.object.page(wanted.index, wanted.access);
                    let page = page.map_err(|error| match error.errno {
                        Errno::ENOMEM => FaultKind::OutOfMemory,
                        _ => FaultKind::BusAdrErr,
                    })?;
                    Fetched::Page(wanted, page)
                }
            };
        }
    }

    /// Touches every page of a range, as far as that goes without a fault; a private mapping that may be written is written.
    ///
    /// # Errors
    /// The first fault.
    pub(crate) fn populate(&self, range: Range<u64>) -> Result<(), FaultKind> {
        let mut at = range.start;
        while at < range.end {
            let access = {
                let state = self.state.lock();
                let (_, vma) = state.vmas.get(at).ok_or(FaultKind::MapErr)?;
                let write = vma.prot.contains(Prot::WRITE) && !vma.is_shared();
                if write { Access::Write } else { Access::Read }
            };
            at = self.populate_one(at, access)?;
        }
        Ok(())
    }

    /// Touches one page; returns where the next begins that may not be there.
    pub(crate) fn populate_one(&self, at: u64, access: Access) -> Result<u64, FaultKind> {
        self.fault(at, access)?;
        // A long range takes long, and other CPUs may wait for this one to forget something.
        lock::relax();
        let leaf = self.state.lock().table.lookup(at);
        let huge = leaf.is_some_and(|leaf| leaf.flags.contains(PageFlags::HUGE));
        Ok(if huge {
            (at | (HUGE_SIZE - 1)) + 1
        } else {
            at + PAGE_SIZE
        })
    }
}

impl State {
    fn fault(&mut self, page: u64, access: Access, fetched: &mut Fetched) -> Result<Step, FaultKind> {
        if page < self.flushing.end && self.flushing.start <= page {
            return Ok(Step::Flush);
        }
        let (range, vma) = match self.vmas.get(page) {
            Some(found) => found,
            None => {
                self.grow_down(page)?;
                self.vmas.get(page).ok_or(FaultKind::MapErr)?
            }
        };
        if !vma.allows(access) {
            return Err(FaultKind::AccErr);
        }
        self.counters.faults += 1;
        let leaf = self.table.lookup(page);
        if leaf.is_some_and(|leaf| leaf.allows(access)) {
            return Ok(Step::Done);
        }
        let mut touch = Touch {
            table: &mut self.table,
            range,
            vma,
            page,
            access,
        };
        match &vma.source {
            Source::Object { object, first } if vma.is_shared() || leaf.is_none() => {
                let wanted = Wanted {
                    object: Arc::clone(object),
                    index: first + (page - touch.range.start) / PAGE_SIZE,
                    access: if vma.is_shared() { access } else { Access::Read },
                    cuts: self.cuts,
                };
                touch.object(wanted, fetched)
            }
            _ if leaf.is_some() => touch.write(),
            _ => touch.anonymous(fetched),
        }
    }
}

/// A touch of a page that the table does not allow yet and the mapping does.
struct Touch<'a> {
    table: &'a mut Table,
    range: Range<u64>,
    vma: &'a Vma,
    page: u64,
    access: Access,
}

impl Touch<'_> {
    /// The first touch of memory that nothing is behind.
    #[inline]
    fn anonymous(&mut self, fetched: &mut Fetched) -> Result<Step, FaultKind> {
        if self.access != Access::Write {
            self.table
                .map(self.page, table::zero_page()?, self.vma.page_flags(false))?;
            return Ok(Step::Done);
        }
        let start = self.page & !(HUGE_SIZE - 1);
        let flags = self.vma.page_flags(true);
        if self.range.start <= start && start + HUGE_SIZE <= self.range.end && self.wants_huge(start) {
            let Fetched::Huge(huge) = fetched else {
                return Ok(Step::Huge);
            };
            if let Some(huge) = huge.take()
                && self.table.map_huge(start, huge, flags).is_ok()
            {
                return Ok(Step::Done);
            }
        }
        self.table.map(self.page, Page::zeroed()?, flags)?;
        Ok(Step::Done)
    }

    fn wants_huge(&self, start: u64) -> bool {
        let flags = self.vma.flags;
        !flags.intersects(VmaFlags::NO_HUGE | VmaFlags::GROWS_DOWN)
            && self.table.is_vacant_huge(start)
            && (flags.contains(VmaFlags::HUGE) || frames::has_headroom(PLENTY))
    }

    /// A write to a page that is mapped, and that somebody else may hold too.
    fn write(&mut self) -> Result<Step, FaultKind> {
        let page = self.page;
        self.table.own(page)?;
        if self.table.lookup(page).is_some_and(|leaf| leaf.allows(Access::Write)) {
            return Ok(Step::Done);
        }
        if let Some(huge) = self.table.huge_page(page) {
            if huge.is_sole() {
                self.table.allow_write(page);
                return Ok(Step::Done);
            }
            self.table.split(page)?;
        }
        let Some(old) = self.table.page(page) else {
            return Err(FaultKind::OutOfMemory);
        };
        if old.is_sole() {
            self.table.allow_write(page);
            return Ok(Step::Done);
        }
        let copy = if table::is_zero_page(&old) {
            Page::zeroed()?
        } else {
            old.duplicate()?
        };
        self.table.map(page, copy, self.vma.page_flags(true))?;
        Ok(Step::Done)
    }

    /// A touch of a page of an object: one that is not mapped, or one of a shared mapping that is to be written.
    fn object(&mut self, wanted: Wanted, fetched: &mut Fetched) -> Result<Step, FaultKind> {
        if wanted.index >= wanted.object.len().div_ceil(PAGE_SIZE) {
            return Err(FaultKind::BusAdrErr);
        }
        let write = self.access == Access::Write;
        let shared = self.vma.is_shared();
        let flags = self.vma.page_flags(write);
        let got = match fetched {
            Fetched::Page(before, got) if before.answers(&wanted) => Some(got.clone()),
            _ if !write => {
                if self.map_resident(&wanted, flags)? {
                    return Ok(Step::Done);
                }
                None
            }
            // The object wants to know of each page that is written.
            _ if shared => None,
            _ => wanted.object.resident(wanted.index),
        };
        let Some(got) = got else {
            return Ok(Step::Object(wanted));
        };
        let got = if write && !shared { got.duplicate()? } else { got };
        self.table.map(self.page, got, flags)?;
        Ok(Step::Done)
    }

    /// Maps a page that is read, if it is in memory, and its neighbours that are and that nothing is mapped for yet. Says whether the page is mapped now.
    fn map_resident(&mut self, wanted: &Wanted, flags: PageFlags) -> Result<bool, FaultKind> {
        let page = self.page;
        // Pages of a private mapping that may be written are likely to be written, and are copied then.
        let alone = self.vma.prot.contains(Prot::WRITE) && !self.vma.is_shared();
        let window = if alone { 1 } else { AROUND.load(Ordering::Relaxed) } * PAGE_SIZE;
        let part = page & !(HUGE_SIZE - 1);
        let start = (page & !(window - 1)).max(self.range.start).max(part);
        let end = ((page | (window - 1)) + 1).min(self.range.end).min(part + HUGE_SIZE);
        let first = wanted.index.saturating_sub((page - start) / PAGE_SIZE);
        let last = (wanted.index + (end - page) / PAGE_SIZE).min(wanted.object.len().div_ceil(PAGE_SIZE));
        let mapped = self.table.map_vacant(page, flags, |put| {
            wanted.object.resident_in(first..last, &mut |index, found| {
                put(start + index.wrapping_sub(first) * PAGE_SIZE, found);
            });
        })?;
        Ok(mapped)
    }
}

impl Wanted {
    /// Whether what was fetched for `self` is what is wanted now.
    fn answers(&self, now: &Self) -> bool {
        self.index == now.index
            && self.cuts == now.cuts
            && self.access == now.access
            && Arc::ptr_eq(&self.object, &now.object)
    }
}
