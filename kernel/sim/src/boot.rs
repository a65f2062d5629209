//! What the simulated machine has.

use address::PhysAddr;
use seam::BootInfo;

/// Simulated RAM, without its first page (so that frame 0 is nobody's).
#[must_use]
pub fn info() -> BootInfo {
    let mut info = BootInfo::new();
    info.add_ram(PhysAddr(0)..PhysAddr(crate::memory::SIZE as u64));
    info.reserve(PhysAddr(0)..PhysAddr(4096));
    info
}

/// The command line: empty.
#[must_use]
pub fn command_line() -> &'static [u8] {
    b""
}

/// The root image: none.
#[must_use]
pub fn image() -> Option<&'static [u8]> {
    None
}
