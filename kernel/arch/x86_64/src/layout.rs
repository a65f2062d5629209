//! Where things are in the kernel's half of the address space.
//!
//! ```text
//! ffff_8000_0000_0000   direct map: physical memory that has been accepted, 2 MiB pages, never executable
//! ffff_c000_0000_0000   kernel stacks, each with an unmapped page below it
//! ffff_ffff_8000_0000   the kernel image, linked at this address plus its physical address
//! ffff_ffff_c000_0000   devices, uncached: the interrupt controllers, and firmware tables while they are read
//! ```

/// First address of the direct map.
pub(crate) const DIRECT: u64 = 0xffff_8000_0000_0000;
/// Root-table entry of the direct map (512 GiB each; two are used).
pub(crate) const DIRECT_ROOT: usize = 256;
/// Root entries of the direct map: 1 TiB.
pub(crate) const DIRECT_ROOTS: usize = 2;
/// First address of the kernel stacks.
pub(crate) const STACKS: u64 = 0xffff_c000_0000_0000;
/// Root-table entry of the kernel stacks.
pub(crate) const STACKS_ROOT: usize = 384;
/// What is added to a physical address of the kernel image.
pub(crate) const IMAGE: u64 = 0xffff_ffff_8000_0000;
/// First address of the devices.
pub(crate) const DEVICES: u64 = 0xffff_ffff_c000_0000;
