//! Memory files: what `memfd_create(2)` makes.

use crate::Tmpfs;
use crate::node::{Node, SEAL_SEAL};
use abi::Result;
use abi::fcntl::OpenFlags;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use lock::Once;
use vfs::{Dentry, File, Kind, Mount, MountFlags, NewNode, Path, downcast_inode};

/// Where memory files are: nobody else sees it.
static PLACE: Once<Arc<Mount>> = Once::new();

/// Makes a memory file of a user. Seals can be added to it if it is `sealable`.
///
/// # Errors
/// What opening it fails with.
pub fn memory_file(name: &[u8], owner: (u32, u32), sealable: Sealable) -> Result<Arc<File>> {
    let mount = PLACE.get_or_init(|| Mount::new(Tmpfs::new(u64::MAX / 4096, 0o700), MountFlags::empty(), b"tmpfs"));
    let node = NewNode {
        kind: Kind::Regular,
        mode: 0o777,
        uid: owner.0,
        gid: owner.1,
        rdev: 0,
    };
    let inode = mount.file_system().root().tmpfile(&node)?;
    if sealable == Sealable::Yes
        && let Some(node) = downcast_inode::<Node>(&inode)
    {
        node.seals.fetch_and(!SEAL_SEAL, Ordering::AcqRel);
    }
    let text = [b"/memfd:", name, b" (deleted)"].concat();
    let place = Path {
        mount: Arc::clone(mount),
        dentry: Dentry::alone(inode, &text),
    };
    vfs::open_nameless(place, OpenFlags::RDWR)
}

/// Whether seals can be added to a memory file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sealable {
    /// They can (`MFD_ALLOW_SEALING`).
    Yes,
    /// It is as if it had been sealed against that.
    No,
}
