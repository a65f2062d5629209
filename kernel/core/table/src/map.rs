//! Mapping, looking up, copying on write.

use crate::level::{HUGE_LEVEL, HeldAt, Level, Owned, TOP};
use crate::range::pages_of;
use crate::zero::is_zero_frame;
use crate::{Root, Table};
use address::{FrameNumber, HUGE_SIZE, PAGE_SIZE};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use frames::pool::OutOfMemory;
use frames::{HugePage, Page};
use hal::{PageFlags, pte};

/// Pages in a 2 MiB page.
pub(crate) const HUGE_PAGES: u64 = HUGE_SIZE / PAGE_SIZE;

/// What the tables say of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The 4 KiB frame that the address lies in.
    pub frame: FrameNumber,
    /// The entry's flags; [`PageFlags::HUGE`] if it maps 2 MiB.
    pub flags: PageFlags,
    /// Whether a program may touch it at all; a hidden page stays where it is but faults.
    pub visible: bool,
}

impl Leaf {
    /// Whether the entry itself allows what is asked, so that a fault was spurious.
    #[must_use]
    pub fn allows(&self, access: hal::Access) -> bool {
        self.visible
            && match access {
                hal::Access::Read => true,
                hal::Access::Write => self.flags.contains(PageFlags::WRITE),
                hal::Access::Execute => self.flags.contains(PageFlags::EXECUTE),
            }
    }
}

/// A page that the tables own, borrowed from them.
#[derive(Debug)]
pub struct Held<'a, T> {
    page: ManuallyDrop<T>,
    table: PhantomData<&'a Root>,
}

impl<T> Held<'_, T> {
    fn new(page: ManuallyDrop<T>) -> Self {
        Self {
            page,
            table: PhantomData,
        }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.page
    }
}

impl Table {
    /// The lowest table on the way to an address, made, or made this address space's own, if need be. Nothing if 2 MiB are mapped there.
    pub(crate) fn lowest_or_new(&self, address: u64) -> Result<Option<Level<'_>>, OutOfMemory> {
        let mut at = Level::top(&self.root);
        while at.number() > 0 {
            let index = pte::index(address, at.number());
            match at.child_or_new(index)? {
                Some(child) if child.is_shared() => {
                    self.own_at(at, index, address)?;
                    return Ok(at.child(index));
                }
                Some(child) => at = child,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The table whose entry for `address` is a leaf or leads nowhere.
    #[inline]
    pub(crate) fn deepest(&self, address: u64) -> Level<'_> {
        let mut at = Level::top(&self.root);
        while let Some(child) = (at.number() > 0)
            .then(|| at.child(pte::index(address, at.number())))
            .flatten()
        {
            at = child;
        }
        at
    }

    /// The table with the entry that maps, or could map, 2 MiB at an address.
    pub(crate) fn huge_level(&self, address: u64) -> Option<Level<'_>> {
        let mut at = Level::top(&self.root);
        while at.number() > HUGE_LEVEL {
            at = at.child(pte::index(address, at.number()))?;
        }
        Some(at)
    }

    pub(crate) fn huge_level_or_new(&self, address: u64) -> Result<Level<'_>, OutOfMemory> {
        let mut at = Level::top(&self.root);
        while at.number() > HUGE_LEVEL {
            at = at.child_or_new(pte::index(address, at.number()))?.ok_or(OutOfMemory)?;
        }
        Ok(at)
    }

    /// Maps a page; one that was mapped there goes. 2 MiB that are mapped there are split first.
    ///
    /// # Errors
    /// [`OutOfMemory`] when a table cannot be made.
    #[inline]
    pub fn map(&mut self, address: u64, page: Page, flags: PageFlags) -> Result<(), OutOfMemory> {
        debug_assert!(address < pte_end());
        let mut lowest = self.lowest_or_new(address)?;
        if lowest.is_none() {
            self.split(address)?;
            lowest = self.lowest_or_new(address)?;
        }
        let at = lowest.ok_or(OutOfMemory)?;
        let new = u64::from(!is_zero_frame(page.number()));
        let before = at.put(pte::index(address, 0), Owned::Page(page), flags | PageFlags::USER);
        if let Some(before) = before {
            self.root.forget(address, address + PAGE_SIZE);
            self.resident -= pages_of(&before);
        }
        self.count_in(new);
        Ok(())
    }

    /// Maps pages where nothing is mapped yet, in the part of the address space that the lowest table of `address` serves. `fill` gets a function that takes
    /// an address and its page. Says whether something is mapped at `address` then.
    ///
    /// # Errors
    /// [`OutOfMemory`] when a table cannot be made.
    pub fn map_vacant(
        &mut self,
        address: u64,
        flags: PageFlags,
        fill: impl FnOnce(&mut dyn FnMut(u64, Page)),
    ) -> Result<bool, OutOfMemory> {
        let Some(at) = self.lowest_or_new(address)? else {
            return Ok(true);
        };
        let mut new = 0;
        fill(&mut |near, page| {
            let index = pte::index(near, 0);
            if near / HUGE_SIZE == address / HUGE_SIZE && at.get(index) == pte::EMPTY {
                new += u64::from(!is_zero_frame(page.number()));
                at.put(index, Owned::Page(page), flags | PageFlags::USER);
            }
        });
        let mapped = at.get(pte::index(address, 0)) != pte::EMPTY;
        self.count_in(new);
        Ok(mapped)
    }

    /// Maps 2 MiB where nothing is mapped.
    ///
    /// # Errors
    /// The page itself, when something is mapped there or a table cannot be made.
    pub fn map_huge(&mut self, address: u64, page: HugePage, flags: PageFlags) -> Result<(), HugePage> {
        debug_assert!(address < pte_end() && address.is_multiple_of(HUGE_SIZE));
        let index = pte::index(address, HUGE_LEVEL);
        let Ok(at) = self.huge_level_or_new(address) else {
            return Err(page);
        };
        if at.get(index) != pte::EMPTY {
            return Err(page);
        }
        at.put(index, Owned::Huge(page), flags | PageFlags::USER);
        self.count_in(HUGE_PAGES);
        Ok(())
    }

    /// Whether nothing is mapped in the 2 MiB around an address, not even an empty table.
    #[must_use]
    pub fn is_vacant_huge(&self, address: u64) -> bool {
        self.huge_level(address)
            .is_none_or(|at| at.get(pte::index(address, HUGE_LEVEL)) == pte::EMPTY)
    }

    /// What is mapped at an address.
    #[must_use]
    #[inline]
    pub fn lookup(&self, address: u64) -> Option<Leaf> {
        let at = self.deepest(address);
        let entry = at.get(pte::index(address, at.number()));
        if !at.is_leaf(entry) {
            return None;
        }
        let inside = if at.number() == 0 {
            0
        } else {
            address % HUGE_SIZE / PAGE_SIZE
        };
        let mut flags = pte::flags(entry);
        flags.set(PageFlags::HUGE, at.number() > 0);
        if at.is_shared() {
            flags.remove(PageFlags::WRITE);
        }
        Some(Leaf {
            frame: FrameNumber(pte::frame(entry).0 + inside),
            flags,
            visible: pte::is_present(entry),
        })
    }

    /// The page that is mapped at an address, if it is a single one.
    #[must_use]
    pub fn page(&self, address: u64) -> Option<Held<'_, Page>> {
        let at = self.deepest(address);
        match at.held(pte::index(address, at.number()))? {
            HeldAt::Page(page) => Some(Held::new(page)),
            HeldAt::Huge(_) => None,
        }
    }

    /// The 2 MiB that are mapped around an address.
    #[must_use]
    pub fn huge_page(&self, address: u64) -> Option<Held<'_, HugePage>> {
        let at = self.deepest(address);
        match at.held(pte::index(address, at.number()))? {
            HeldAt::Huge(page) => Some(Held::new(page)),
            HeldAt::Page(_) => None,
        }
    }

    /// Lets a page that is mapped be written: it is nobody else's any more, and neither is its table.
    pub fn allow_write(&mut self, address: u64) {
        let at = self.deepest(address);
        debug_assert!(!at.is_shared());
        let index = pte::index(address, at.number());
        if at.is_leaf(at.get(index)) {
            let visible = pte::is_present(at.get(index));
            at.change(index, |flags| {
                let flags = flags - PageFlags::COPY_ON_WRITE;
                (flags | PageFlags::WRITE | PageFlags::DIRTY, visible)
            });
        }
    }

    /// Copies bytes of one mapped page out; whether one is mapped there.
    pub fn read(&self, address: u64, into: &mut [u8]) -> bool {
        self.lookup(address)
            .map(|leaf| frame_of(leaf).read((address % PAGE_SIZE) as usize, into))
            .is_some()
    }

    /// Copies bytes into one mapped page, which has the right to be written; whether one is mapped there.
    pub fn write(&self, address: u64, from: &[u8]) -> bool {
        self.lookup(address)
            .filter(|leaf| leaf.flags.contains(PageFlags::WRITE))
            .map(|leaf| frame_of(leaf).write((address % PAGE_SIZE) as usize, from))
            .is_some()
    }
}

/// The bytes of a frame that an entry owns, perhaps as a part of 2 MiB; only to be read or written while the tables are borrowed.
fn frame_of(leaf: Leaf) -> ManuallyDrop<Page> {
    // SAFETY: the reference is neither dropped nor cloned by the two callers, so none is taken back; the entry's own keeps the frame.
    ManuallyDrop::new(unsafe { Page::from_raw(leaf.frame) })
}

/// The end of the half of the address space that is a program's.
const fn pte_end() -> u64 {
    1 << (12 + 9 * TOP + 8)
}
