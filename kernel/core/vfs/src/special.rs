//! What opens the files that stand for something else: devices and fifos belong to crates above this one, which register here.

use crate::{FileLike, Inode};
use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use lock::Once;

/// Opens a device or fifo found as that inode.
pub type OpenSpecial = fn(&Arc<dyn Inode>, OpenFlags) -> Result<Arc<dyn FileLike>>;

static DEVICES: Once<OpenSpecial> = Once::new();
static FIFOS: Once<OpenSpecial> = Once::new();

/// Registers what opens device files. The first registration counts.
pub fn register_devices(open: OpenSpecial) {
    let _first = DEVICES.set(open);
}

/// Registers what opens fifos. The first registration counts.
pub fn register_fifos(open: OpenSpecial) {
    let _first = FIFOS.set(open);
}

fn open(registry: &Once<OpenSpecial>, inode: &Arc<dyn Inode>, flags: OpenFlags) -> Result<Arc<dyn FileLike>> {
    match registry.get() {
        Some(open) => open(inode, flags),
        None => Err(Error::new(Errno::ENXIO, "nothing drives such files")),
    }
}

pub(crate) fn open_device(inode: &Arc<dyn Inode>, flags: OpenFlags) -> Result<Arc<dyn FileLike>> {
    open(&DEVICES, inode, flags)
}

pub(crate) fn open_fifo(inode: &Arc<dyn Inode>, flags: OpenFlags) -> Result<Arc<dyn FileLike>> {
    open(&FIFOS, inode, flags)
}
