//! Page-table entries: four levels of 512, as the machine reads them.

use address::{FrameNumber, PhysAddr};
use seam::PageFlags;

const PRESENT: u64 = 1;
const WRITE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const HUGE: u64 = 1 << 7;
const GLOBAL: u64 = 1 << 8;
const COPY_ON_WRITE: u64 = 1 << 9;
const NO_EXECUTE: u64 = 1 << 63;
const FRAME: u64 = 0x000f_ffff_ffff_f000;

/// An entry that maps nothing.
pub const EMPTY: u64 = 0;
/// Levels of tables; the root is level 3.
pub const LEVELS: u32 = 4;
/// First entry of the root that belongs to the kernel.
pub const KERNEL_FIRST: usize = 256;

/// The entry that maps a frame.
#[must_use]
#[inline]
pub const fn page(frame: FrameNumber, flags: PageFlags) -> u64 {
    let mut entry = (frame.0 << 12) | PRESENT | ACCESSED;
    if flags.contains(PageFlags::WRITE) {
        entry |= WRITE;
    }
    if !flags.contains(PageFlags::EXECUTE) {
        entry |= NO_EXECUTE;
    }
    if flags.contains(PageFlags::USER) {
        entry |= USER;
    }
    if flags.contains(PageFlags::DIRTY) {
        entry |= DIRTY;
    }
    if flags.contains(PageFlags::COPY_ON_WRITE) {
        entry |= COPY_ON_WRITE;
    }
    if flags.contains(PageFlags::HUGE) {
        entry |= HUGE;
    }
    if flags.contains(PageFlags::GLOBAL) {
        entry |= GLOBAL;
    }
    entry
}

/// The entry that leads to the next table.
#[must_use]
#[inline]
pub const fn table(frame: FrameNumber) -> u64 {
    (frame.0 << 12) | PRESENT | WRITE | USER | ACCESSED
}

/// The entry that leads to a table through which nothing may be written, whatever its own entries say: one that others share.
#[must_use]
#[inline]
pub const fn shared_table(frame: FrameNumber) -> u64 {
    table(frame) & !WRITE
}

/// Whether an entry that leads to a table came from [`shared_table`].
#[must_use]
#[inline]
pub const fn is_shared_table(entry: u64) -> bool {
    entry & WRITE == 0
}

/// Whether the entry maps or leads to anything.
#[must_use]
#[inline]
pub const fn is_present(entry: u64) -> bool {
    entry & PRESENT != 0
}

/// Whether the entry maps 2 MiB (only in a table above the lowest level).
#[must_use]
#[inline]
pub const fn is_huge(entry: u64) -> bool {
    entry & HUGE != 0
}

/// The same entry, out of the machine's sight: nothing may touch its page, and nothing else is forgotten.
#[must_use]
#[inline]
pub const fn hide(entry: u64) -> u64 {
    entry & !PRESENT
}

/// The entry that [`hide`] hid.
#[must_use]
#[inline]
pub const fn show(entry: u64) -> u64 {
    entry | PRESENT
}

/// The frame that an entry names.
#[must_use]
#[inline]
pub const fn frame(entry: u64) -> FrameNumber {
    PhysAddr(entry & FRAME).frame()
}

/// What a present entry says.
#[must_use]
#[inline]
pub const fn flags(entry: u64) -> PageFlags {
    let mut flags = PageFlags::empty();
    if entry & WRITE != 0 {
        flags = flags.union(PageFlags::WRITE);
    }
    if entry & NO_EXECUTE == 0 {
        flags = flags.union(PageFlags::EXECUTE);
    }
    if entry & USER != 0 {
        flags = flags.union(PageFlags::USER);
    }
    if entry & DIRTY != 0 {
        flags = flags.union(PageFlags::DIRTY);
    }
    if entry & ACCESSED != 0 {
        flags = flags.union(PageFlags::ACCESSED);
    }
    if entry & COPY_ON_WRITE != 0 {
        flags = flags.union(PageFlags::COPY_ON_WRITE);
    }
    if entry & HUGE != 0 {
        flags = flags.union(PageFlags::HUGE);
    }
    if entry & GLOBAL != 0 {
        flags = flags.union(PageFlags::GLOBAL);
    }
    flags
}

/// Which entry of a table at `level` an address goes through.
#[must_use]
#[inline]
pub const fn index(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * level)) as usize & 511
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_it_was_made_of() {
        let flags = PageFlags::WRITE | PageFlags::USER | PageFlags::COPY_ON_WRITE;
        let entry = page(FrameNumber(0x1234), flags);
        assert!(is_present(entry));
        assert_eq!(frame(entry), FrameNumber(0x1234));
        assert_eq!(super::flags(entry), flags | PageFlags::ACCESSED);
    }

    #[test]
    fn a_hidden_entry_keeps_all_but_its_presence() {
        let entry = page(FrameNumber(0x1234), PageFlags::USER | PageFlags::HUGE);
        let hidden = hide(entry);
        assert!(!is_present(hidden) && hidden != EMPTY && is_huge(hidden));
        assert_eq!(show(hidden), entry);
    }

    #[test]
    fn indices_split_an_address() {
        let address = (3u64 << 39) | (5 << 30) | (7 << 21) | (9 << 12) | 0xabc;
        assert_eq!([3, 2, 1, 0].map(|level| index(address, level)), [3, 5, 7, 9]);
    }
}
