//! Open files that are in no directory: pipes, sockets, event counters.

use crate::{
    Attachment, Attributes, Dentry, File, FileLike, FileSystem, Inode, Kind, Mount, MountFlags, Path, new_device, now,
};
use abi::Result;
use abi::fcntl::OpenFlags;
use abi::stat::Statfs;
use abi::time::Timespec;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use lock::Once;

/// Programs know the numbers of sockets by their length, too: none is shorter than this.
static NEXT_INO: AtomicU64 = AtomicU64::new(1000);
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
        let mode = Kind::Directory.mode();
        Arc::new(AnonymousInode::new(0, self.device, mode, Timespec::default()))
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
    attachment: Attachment,
    /// What opening it again (through `/proc/self/fd`) gives.
    reopened: Once<Arc<dyn FileLike>>,
}

impl AnonymousInode {
    const fn new(ino: u64, device: u64, mode: u32, made: Timespec) -> Self {
        Self {
            ino,
            device,
            mode,
            made,
            attachment: Attachment::new(),
            reopened: Once::new(),
        }
    }
}

impl Inode for AnonymousInode {
    fn kind(&self) -> Kind {
        Kind::from_mode(self.mode).unwrap_or(Kind::Anonymous)
    }

    fn attributes(&self) -> Attributes {
        Attributes::new(self.ino, self.device, self.mode).with_times(self.made)
    }

    fn open(&self, _flags: OpenFlags) -> Result<Option<Arc<dyn FileLike>>> {
        Ok(self.reopened.get().cloned())
    }

    fn attachment(&self) -> Option<&Attachment> {
        Some(&self.attachment)
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
    let device = mount.root().inode().map_or(0, |root| root.attributes().dev);
    let inode = Arc::new(AnonymousInode::new(ino, device, mode, now()));
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

/// An open file in no directory that can be opened again through `/proc/self/fd` and then behaves the same.
#[must_use]
pub fn anonymous_device(name: &[u8], mode: u32, flags: OpenFlags, behaviour: Arc<dyn FileLike>) -> Arc<File> {
    let place = anonymous_place(name, mode);
    if let Some(inode) = place
        .dentry
        .inode()
        .and_then(|inode| inode.downcast::<AnonymousInode>())
    {
        drop(inode.reopened.set(Arc::clone(&behaviour)));
    }
    File::new(place, flags, Some(behaviour))
}
