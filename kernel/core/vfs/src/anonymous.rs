//! Open files that are in no directory: pipes, sockets, event counters.

use crate::{Attributes, Dentry, File, FileLike, FileSystem, Inode, Kind, Mount, MountFlags, Path, new_device, now};
use abi::fcntl::OpenFlags;
use abi::stat::Statfs;
use abi::time::Timespec;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use lock::Once;

static NEXT_INO: AtomicU64 = AtomicU64::new(1);
static MOUNT: Once<Arc<Mount>> = Once::new();

/// The file system of everything that is in no directory.
struct Nowhere {
    device: u64,
}

impl FileSystem for Nowhere {
    fn name(&self) -> &'static str {
        "anon_inodefs"
    }

    fn root(&self) -> Arc<dyn Inode> {
        Arc::new(AnonymousInode {
            ino: 0,
            device: self.device,
            mode: Kind::Directory.mode(),
            made: Timespec::default(),
        })
    }

    fn statfs(&self) -> Statfs {
        Statfs {
            kind: 0x0904_1934,
            bsize: 4096,
            namelen: 255,
            frsize: 4096,
            ..Statfs::default()
        }
    }
}

/// The inode of a file that is in no directory.
struct AnonymousInode {
    ino: u64,
    device: u64,
    mode: u32,
    made: Timespec,
}

impl Inode for AnonymousInode {
    fn kind(&self) -> Kind {
        Kind::from_mode(self.mode).unwrap_or(Kind::Anonymous)
    }

    fn attributes(&self) -> Attributes {
        Attributes::new(self.ino, self.device, self.mode).with_times(self.made)
    }
}

fn mount() -> &'static Arc<Mount> {
    MOUNT.get_or_init(|| {
        Mount::new(
            Arc::new(Nowhere { device: new_device() }),
            MountFlags::empty(),
            b"anon_inodefs",
        )
    })
}

/// A place outside of all directories. `mode` is what `fstat` shows; `name` is what `/proc/self/fd` shows: as it is, or, if it ends in a
/// colon, with the inode's number in brackets behind it, as in `pipe:[123]`.
#[must_use]
pub fn anonymous_place(name: &[u8], mode: u32) -> Path {
    let mount = mount();
    let ino = NEXT_INO.fetch_add(1, Ordering::Relaxed);
    let inode = Arc::new(AnonymousInode {
        ino,
        device: mount.root().inode().map_or(0, |root| root.attributes().dev),
        mode,
        made: now(),
    });
    let dentry = if name.last() == Some(&b':') {
        let mut full = name.to_vec();
        full.extend_from_slice(alloc::format!("[{ino}]").as_bytes());
        Dentry::alone(inode, &full)
    } else {
        Dentry::alone(inode, name)
    };
    Path {
        mount: Arc::clone(mount),
        dentry,
    }
}

/// An open file in no directory; see [`anonymous_place`]. The two ends of a pipe share a place.
#[must_use]
pub fn anonymous_file(place: Path, flags: OpenFlags, behaviour: Arc<dyn FileLike>) -> Arc<File> {
    File::new(place, flags, Some(behaviour))
}
