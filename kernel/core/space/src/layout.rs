//! Where things go, and how random that is: the places and the bits are Linux's (x86-64, `vm.mmap_rnd_bits` = 28).

use crate::Limits;
use address::{PAGE_SIZE, USER_END};

/// Bits of the place of the `mmap` area and of position-independent programs, in pages.
const MMAP_BITS: u32 = 28;
/// Bits of the place of the stack, in pages.
const STACK_BITS: u32 = 22;
/// The heap begins up to so far behind the program.
const BREAK_SPREAD: u64 = 1 << 30;
/// Mappings of `MAP_32BIT` begin up to so far into their gigabyte.
const LOW_SPREAD: u64 = 0x0200_0000;
/// Pages that stay free below a stack that grows (`stack_guard_gap`).
pub(crate) const STACK_GAP: u64 = 256 * PAGE_SIZE;

/// Where things go in an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The end of the main stack.
    pub stack_top: u64,
    /// Mappings without a wish go below this.
    pub mmap_top: u64,
    /// Where a position-independent program goes.
    pub program_base: u64,
    /// How far behind the program's end the heap begins.
    pub break_gap: u64,
    /// Where mappings of `MAP_32BIT` begin.
    pub(crate) low: u64,
}

impl Layout {
    /// The usual: drawn by lot.
    #[must_use]
    pub fn random(limits: &Limits) -> Self {
        let mut lots = [0; 8];
        let mut draw = |below: u64| {
            random::fill(&mut lots);
            u64::from_ne_bytes(lots) % below
        };
        Self::with(limits, &mut draw, (1 << STACK_BITS) * PAGE_SIZE)
    }

    /// The same every time (`ADDR_NO_RANDOMIZE`).
    #[must_use]
    pub fn fixed(limits: &Limits) -> Self {
        Self::with(limits, &mut |_| 0, 0)
    }

    fn with(limits: &Limits, draw: &mut impl FnMut(u64) -> u64, stack_spread: u64) -> Self {
        let gap = limits.stack.saturating_add(stack_spread + STACK_GAP);
        let gap = gap.clamp(128 << 20, USER_END / 6 * 5);
        Self {
            stack_top: USER_END - draw(1 << STACK_BITS) * PAGE_SIZE,
            mmap_top: address::page_floor(USER_END - gap - draw(1 << MMAP_BITS) * PAGE_SIZE),
            program_base: address::page_floor(USER_END / 3 * 2) + draw(1 << MMAP_BITS) * PAGE_SIZE,
            break_gap: draw(BREAK_SPREAD / PAGE_SIZE) * PAGE_SIZE,
            low: 0x4000_0000 + draw(LOW_SPREAD / PAGE_SIZE) * PAGE_SIZE,
        }
    }
}
