//! One table of 512 entries: the only place where an entry becomes a reference and back.
//!
//! The machine sets the accessed and dirty bits of present entries at any time, so those are exchanged or compared, never just stored.

use crate::own::SharedTable;
use address::FrameNumber;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::sync::atomic::{AtomicU64, Ordering};
use frames::pool::OutOfMemory;
use frames::{HugePage, Page};
use hal::{PageFlags, pte};

/// Level of the tables whose entries lead to the lowest tables or map 2 MiB.
pub(crate) const HUGE_LEVEL: u32 = 1;
/// Level of the root.
pub(crate) const TOP: u32 = pte::LEVELS - 1;

/// What an entry owns.
#[derive(Debug)]
pub enum Owned {
    /// A page that a program sees.
    Page(Page),
    /// 2 MiB that a program sees.
    Huge(HugePage),
    /// A table that no entry leads to any more.
    Table(Page),
    /// A reference to a lowest table that other address spaces may share.
    Shared(SharedTable),
}

/// How many bytes one entry of a level stands for.
pub(crate) const fn span(level: u32) -> u64 {
    1 << (12 + 9 * level)
}

/// A table, for as long as the tables above it are borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level<'a> {
    words: &'a [AtomicU64; 512],
    level: u32,
    /// Whether other address spaces may share it: its entries are not changed then.
    shared: bool,
}

impl<'a> Level<'a> {
    /// The topmost table.
    pub(crate) fn top(root: &'a crate::Root) -> Self {
        Self {
            // SAFETY: the root owns its page for as long as it is borrowed.
            words: unsafe { Page::words_raw(root.frame()) },
            level: TOP,
            shared: false,
        }
    }

    /// A lowest table that no entry leads to yet.
    pub(crate) fn lowest(table: &'a Page) -> Self {
        Self {
            words: table.words(),
            level: 0,
            shared: false,
        }
    }

    #[inline]
    pub(crate) fn number(self) -> u32 {
        self.level
    }

    /// Whether it is a lowest table that other address spaces may share.
    #[inline]
    pub(crate) fn is_shared(self) -> bool {
        self.shared
    }

    #[inline]
    pub(crate) fn get(self, index: usize) -> u64 {
        self.words[index & 511].load(Ordering::Relaxed)
    }

    /// The first entry from `from` to `last`, both included, that is not empty.
    #[inline]
    pub(crate) fn next_used(self, from: usize, last: usize) -> Option<usize> {
        const GROUP: usize = 8;
        let words = self.words.get(from..=last)?;
        let is_used = |word: &AtomicU64| word.load(Ordering::Relaxed) != pte::EMPTY;
        if is_used(words.first()?) {
            return Some(from);
        }
        // Most of a table is empty mostly, and so is looked at in groups.
        let groups = words.chunks_exact(GROUP);
        let empty = groups
            .take_while(|group| group.iter().fold(0, |sum, word| sum | word.load(Ordering::Relaxed)) == pte::EMPTY);
        let skipped = empty.count() * GROUP;
        Some(from + skipped + words.get(skipped..)?.iter().position(is_used)?)
    }

    /// Whether the entry maps memory (as opposed to leading to a table, or being empty).
    #[inline]
    pub(crate) fn is_leaf(self, entry: u64) -> bool {
        entry != pte::EMPTY && (self.level == 0 || pte::is_huge(entry))
    }

    /// The table that an entry leads to.
    #[inline]
    pub(crate) fn child(self, index: usize) -> Option<Self> {
        let entry = self.get(index);
        if entry == pte::EMPTY || self.is_leaf(entry) {
            return None;
        }
        Some(Self {
            // SAFETY: an entry that is neither empty nor a leaf owns a table, and a table is let go only after its entry was taken, which borrows the whole exclusively.
            words: unsafe { Page::words_raw(pte::frame(entry)) },
            level: self.level - 1,
            shared: pte::is_shared_table(entry),
        })
    }

    /// The table that an entry leads to, made if there is none. Nothing for an entry that maps 2 MiB.
    #[inline]
    pub(crate) fn child_or_new(self, index: usize) -> Result<Option<Self>, OutOfMemory> {
        if self.get(index) == pte::EMPTY {
            let table = Page::zeroed()?;
            self.words[index & 511].store(pte::table(table.into_raw()), Ordering::Release);
        }
        Ok(self.child(index))
    }

    /// Puts what `owned` owns into an entry; what the entry owned before comes back.
    #[inline]
    pub(crate) fn put(self, index: usize, owned: Owned, flags: PageFlags) -> Option<Owned> {
        let entry = match owned {
            Owned::Page(page) => pte::page(page.into_raw(), flags),
            Owned::Huge(page) => pte::page(page.into_raw(), flags | PageFlags::HUGE),
            Owned::Table(page) => pte::table(page.into_raw()),
            Owned::Shared(table) => pte::shared_table(table.into_raw()),
        };
        self.reclaim(self.words[index & 511].swap(entry, Ordering::AcqRel))
    }

    /// Empties an entry.
    #[inline]
    pub(crate) fn take(self, index: usize) -> Option<Owned> {
        let word = &self.words[index & 511];
        if word.load(Ordering::Relaxed) == pte::EMPTY {
            return None;
        }
        self.reclaim(word.swap(pte::EMPTY, Ordering::AcqRel))
    }

    #[inline]
    fn reclaim(self, entry: u64) -> Option<Owned> {
        if entry == pte::EMPTY {
            return None;
        }
        let frame = pte::frame(entry);
        Some(if self.level == 0 {
            // SAFETY: the entry owned the reference, and it was just exchanged for another.
            Owned::Page(unsafe { Page::from_raw(frame) })
        } else if pte::is_huge(entry) {
            // SAFETY: as above.
            Owned::Huge(unsafe { HugePage::from_raw(frame) })
        } else if pte::is_shared_table(entry) {
            // SAFETY: as above.
            Owned::Shared(unsafe { SharedTable::from_raw(frame) })
        } else {
            // SAFETY: as above.
            Owned::Table(unsafe { Page::from_raw(frame) })
        })
    }

    /// One more reference to the lowest table that an entry leads to. From now on the entry says that others may share it.
    pub(crate) fn share_table(self, index: usize) -> SharedTable {
        let frame = pte::frame(self.get(index));
        self.words[index & 511].store(pte::shared_table(frame), Ordering::Release);
        // SAFETY: the entry owns a reference, and the tables are borrowed exclusively by whoever shares them.
        SharedTable::new(unsafe { Page::clone_raw(frame) })
    }

    /// If nobody else holds the table that an entry leads to, lets the entry say so; whether that was so.
    pub(crate) fn keep_table(self, index: usize) -> bool {
        let frame = pte::frame(self.get(index));
        // SAFETY: the entry owns the reference; it is not taken back, because it is never dropped.
        let sole = ManuallyDrop::new(unsafe { Page::from_raw(frame) }).is_sole();
        if sole {
            self.words[index & 511].store(pte::table(frame), Ordering::Release);
        }
        sole
    }

    /// Moves what an entry owns, with all that the entry says, to an empty entry of another table of the same level.
    pub(crate) fn move_to(self, index: usize, other: Level<'_>, to: usize) {
        debug_assert!(self.level == other.level && other.get(to) == pte::EMPTY);
        let entry = self.words[index & 511].swap(pte::EMPTY, Ordering::AcqRel);
        other.words[to & 511].store(entry, Ordering::Release);
    }

    /// Gives the entry of another table one more reference to what this leaf owns, with the same flags.
    pub(crate) fn copy_to(self, index: usize, other: Level<'_>) {
        let entry = self.get(index);
        debug_assert!(self.is_leaf(entry) && self.level == other.level && other.get(index) == pte::EMPTY);
        let _counted = match self.held(index) {
            Some(HeldAt::Page(page)) => page.deref().clone().into_raw(),
            Some(HeldAt::Huge(page)) => page.deref().clone().into_raw(),
            None => return,
        };
        other.words[index & 511].store(entry, Ordering::Release);
    }

    /// Replaces what a leaf says about its page. Returns whether any CPU might know more than the new entry allows.
    pub(crate) fn change(self, index: usize, change: impl Fn(PageFlags) -> (PageFlags, bool)) -> bool {
        let word = &self.words[index & 511];
        let mut old = word.load(Ordering::Relaxed);
        loop {
            let before = pte::flags(old);
            let (flags, visible) = change(before);
            let mut new = pte::page(pte::frame(old), flags);
            if !visible {
                new = pte::hide(new);
            }
            if new == old {
                return false;
            }
            match word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    let lost = (before - flags).intersects(PageFlags::WRITE | PageFlags::EXECUTE);
                    return pte::is_present(old) && (lost || !visible);
                }
                Err(now) => old = now,
            }
        }
    }

    /// What a leaf owns, borrowed.
    #[inline]
    pub(crate) fn held(self, index: usize) -> Option<HeldAt> {
        let entry = self.get(index);
        if !self.is_leaf(entry) {
            return None;
        }
        let frame = pte::frame(entry);
        Some(if self.level == 0 {
            // SAFETY: the entry owns the reference; it is not taken back, because it is never dropped.
            HeldAt::Page(ManuallyDrop::new(unsafe { Page::from_raw(frame) }))
        } else {
            // SAFETY: as above.
            HeldAt::Huge(ManuallyDrop::new(unsafe { HugePage::from_raw(frame) }))
        })
    }

    /// Fills an empty lowest table with the 512 references from `first` on that [`HugePage::split`] gave up.
    pub(crate) fn fill_from_split(self, first: FrameNumber, flags: PageFlags, visible: bool) {
        debug_assert!(self.level == 0);
        for (number, word) in (first.0..).zip(self.words) {
            let entry = pte::page(FrameNumber(number), flags);
            word.store(if visible { entry } else { pte::hide(entry) }, Ordering::Relaxed);
        }
    }
}

/// What a leaf owns, borrowed: dropping it lets nothing go.
pub(crate) enum HeldAt {
    /// A page.
    Page(ManuallyDrop<Page>),
    /// 2 MiB.
    Huge(ManuallyDrop<HugePage>),
}
