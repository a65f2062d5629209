//! The program's segment bases: where its `fs` (thread-local storage) and `gs` begin.
//!
//! With FSGSBASE both are read and set by instructions of their own, which programs may use too, so they are saved at each switch; without it they are
//! model-specific registers. In the kernel the program's `gs` base is the one that `swapgs` has put aside.

use crate::cpu;
use crate::instructions::{rdmsr, wrmsr};
use address::PAGE_SIZE;
use core::arch::asm;

const FS_BASE: u32 = 0xc000_0100;
const KERNEL_GS_BASE: u32 = 0xc000_0102;

/// Both bases. Each is an address of a program, or just behind its half.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bases {
    fs: u64,
    gs: u64,
}

impl Bases {
    /// Those of a program that begins; nothing if that is no address of a program.
    pub(crate) fn new(fs: u64) -> Option<Self> {
        is_valid(fs).then_some(Self { fs, gs: 0 })
    }

    /// The same, but for `fs`; nothing if that is no address of a program.
    pub(crate) fn with_fs(self, fs: u64) -> Option<Self> {
        is_valid(fs).then_some(Self { fs, ..self })
    }

    /// Those of the program that runs on this CPU.
    #[inline]
    pub(crate) fn now() -> Self {
        let (fs, gs);
        if cpu::has_fsgsbase() {
            // SAFETY: the CPU has the instructions and the kernel has switched them on; interrupts are off, and the kernel's base is back before anything
            // uses it.
            unsafe {
                asm!("rdfsbase {}", "swapgs", "rdgsbase {}", "swapgs", out(reg) fs, out(reg) gs, options(nomem, nostack, preserves_flags));
            }
        } else {
            // SAFETY: every x86-64 CPU has the registers.
            (fs, gs) = unsafe { (rdmsr(FS_BASE), rdmsr(KERNEL_GS_BASE)) };
        }
        Self { fs, gs }
    }

    /// Gives them to the program that runs on this CPU.
    #[inline]
    pub(crate) fn load(self) {
        let Self { fs, gs } = self;
        if cpu::has_fsgsbase() {
            // SAFETY: as in `now`; the kernel does not use `fs`, and both addresses are canonical: they were checked, or read from the registers.
            unsafe {
                asm!("wrfsbase {}", "swapgs", "wrgsbase {}", "swapgs", in(reg) fs, in(reg) gs, options(nomem, nostack, preserves_flags));
            }
        } else {
            // SAFETY: every x86-64 CPU has the registers; the values are canonical, as above.
            unsafe {
                wrmsr(FS_BASE, fs);
                wrmsr(KERNEL_GS_BASE, gs);
            }
        }
    }
}

const fn is_valid(base: u64) -> bool {
    base < address::USER_END + PAGE_SIZE
}

/// Sets the running program's `fs` base; false if it is not an address of a program.
pub fn set_fs_base(fs: u64) -> bool {
    Bases::now().with_fs(fs).map(Bases::load).is_some()
}

/// The running program's `fs` base.
#[must_use]
pub fn fs_base() -> u64 {
    Bases::now().fs
}

/// Sets the running program's `gs` base; false if it is not an address of a program.
pub fn set_gs_base(gs: u64) -> bool {
    let valid = is_valid(gs);
    if valid {
        Bases { gs, ..Bases::now() }.load();
    }
    valid
}

/// The running program's `gs` base.
#[must_use]
pub fn gs_base() -> u64 {
    Bases::now().gs
}
