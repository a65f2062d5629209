//! The root of everything, and letting go of what is remembered below it.

use crate::dentry::shrink_below;
use crate::{Mount, Path};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::Once;

static ROOT: Once<Path> = Once::new();

/// Makes a mount the root of everything. The first call counts.
pub fn set_root(mount: &Arc<Mount>) {
    let path = Path {
        mount: Arc::clone(mount),
        dentry: Arc::clone(mount.root()),
    };
    drop(ROOT.set(path));
}

/// The root of everything, once it is set.
#[must_use]
pub fn root() -> Option<&'static Path> {
    ROOT.get()
}

/// Drops names and inodes that nobody uses: they are found again when they are needed.
pub fn shrink() {
    let mut mounts: Vec<Arc<Mount>> = ROOT.get().map(|root| Arc::clone(&root.mount)).into_iter().collect();
    while let Some(mount) = mounts.pop() {
        shrink_below(mount.root());
        mount.file_system().shrink();
        mounts.extend(mount.children());
    }
}
