//! A file: what it is made of, and how its attributes change. What programs do with it is in `inode`.

mod inode;
mod names;
mod xattr;

use crate::content::{Content, Ground};
use crate::directory::Names;
use crate::room::Room;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use lock::SpinLock;
use sortedmap::SortedMap;
use task::SleepLock;
use vfs::{Attachment, Attributes, Inode, Kind, NewNode, now};

/// No seals are added any more (`F_SEAL_SEAL`).
pub(crate) const SEAL_SEAL: u32 = 1;
const SEAL_SHRINK: u32 = 2;
const SEAL_GROW: u32 = 4;
const SEAL_WRITE: u32 = 8;
const SEAL_FUTURE_WRITE: u32 = 16;
const SEAL_ALL: u32 = 0x3f;

/// What all nodes of a file system share.
pub(crate) struct Shared {
    pub(crate) device: u64,
    pub(crate) room: Room,
    pub(crate) layered: bool,
    next_ino: AtomicU64,
    /// Files of the lower layer that have several names, so that all names lead to one node.
    links: SpinLock<SortedMap<u64, Arc<Node>>>,
}

impl Shared {
    pub(crate) fn new(max_pages: u64, layered: bool) -> Self {
        Self {
            device: vfs::new_device(),
            room: Room::new(max_pages),
            layered,
            // The lower layer's numbers have 32 bits.
            next_ino: AtomicU64::new(if layered { 1 << 32 } else { 1 }),
            links: SpinLock::new(SortedMap::new()),
        }
    }

    pub(crate) fn new_ino(&self) -> u64 {
        self.next_ino.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn forget_links(&self) {
        self.links
            .lock()
            .retain(|_, node| Arc::strong_count(node) > 1 || !node.is_forgettable());
    }
}

/// What a node is made of besides its attributes.
enum Body {
    Directory(SpinLock<Names>),
    File(Content),
    Symlink(Arc<[u8]>),
    /// A symbolic link of the lower layer, a device, a fifo, a socket.
    Nothing,
}

struct Meta {
    attributes: Attributes,
    /// Extended attributes; nothing as long as they are the lower layer's.
    xattrs: Option<SortedMap<Vec<u8>, Vec<u8>>>,
}

/// A file.
pub(crate) struct Node {
    shared: Arc<Shared>,
    kind: Kind,
    lower: Option<Arc<dyn Inode>>,
    meta: SpinLock<Meta>,
    body: Body,
    attachment: Attachment,
    /// Held by who writes at the end.
    append: SleepLock<()>,
    /// See [`Inode::write_count`].
    writers: AtomicI32,
    /// Seals: a memory file's may be added to until it is sealed itself; other files are sealed themselves from the start.
    pub(crate) seals: AtomicU32,
    changed: AtomicBool,
    /// Whether the next read moves the time of the last read: it has changed since the last one.
    read_is_news: AtomicBool,
}

impl Node {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        attributes: Attributes,
        lower: Option<Arc<dyn Inode>>,
        target: Option<&[u8]>,
    ) -> Arc<Self> {
        let kind = attributes.kind();
        let body = match (kind, target) {
            (Kind::Directory, _) => Body::Directory(SpinLock::by_address(Names::default())),
            (Kind::Regular, _) => Body::File(Content::new(attributes.size, lower.is_some())),
            (Kind::Symlink, Some(target)) => Body::Symlink(target.into()),
            _ => Body::Nothing,
        };
        Arc::new(Self {
            shared: Arc::clone(shared),
            kind,
            changed: AtomicBool::new(lower.is_none()),
            read_is_news: AtomicBool::new(lower.is_none()),
            lower,
            meta: SpinLock::new(Meta {
                attributes,
                xattrs: None,
            }),
            body,
            attachment: Attachment::new(),
            append: SleepLock::new(()),
            writers: AtomicI32::new(0),
            seals: AtomicU32::new(SEAL_SEAL),
        })
    }

    /// A file of the lower layer, as long as nothing is changed.
    pub(crate) fn over(shared: &Arc<Shared>, lower: Arc<dyn Inode>) -> Arc<Self> {
        let mut attributes = lower.attributes();
        attributes.dev = shared.device;
        let has_links = attributes.nlink > 1 && attributes.kind() != Kind::Directory;
        if !has_links {
            return Self::new(shared, attributes, Some(lower), None);
        }
        let made = Self::new(shared, attributes, Some(lower), None);
        Arc::clone(shared.links.lock().get_or_insert_with(attributes.ino, || made))
    }

    /// Whether it could be made again from the lower layer.
    pub(crate) fn is_forgettable(&self) -> bool {
        !self.changed.load(Ordering::Relaxed)
            && self.attachment.get().is_none()
            && match &self.body {
                Body::Directory(names) => names.lock().nodes().next().is_none(),
                Body::File(content) => content.is_untouched(),
                _ => true,
            }
    }

    /// Lets go of what could be made again, below a directory.
    pub(crate) fn shrink(root: &Arc<Self>) {
        let mut directories = alloc::vec![Arc::clone(root)];
        let mut at = 0;
        while let Some(directory) = directories.get(at).cloned() {
            if let Body::Directory(names) = &directory.body {
                directories.extend(
                    names
                        .lock()
                        .nodes()
                        .filter(|node| node.kind == Kind::Directory)
                        .cloned(),
                );
            }
            at += 1;
        }
        while let Some(directory) = directories.pop() {
            if let Body::Directory(names) = &directory.body {
                names.lock().shrink();
            }
        }
    }

    fn ground(&self) -> Ground<'_> {
        Ground {
            room: &self.shared.room,
            lower: self.lower.as_ref(),
        }
    }

    fn names(&self) -> Result<&SpinLock<Names>> {
        match &self.body {
            Body::Directory(names) => Ok(names),
            _ => Err(Error::new(Errno::ENOTDIR, "names are looked up in directories")),
        }
    }

    fn content(&self) -> Result<&Content> {
        match &self.body {
            Body::File(content) => Ok(content),
            Body::Directory(_) => Err(Error::new(Errno::EISDIR, "directories are not read")),
            _ => Err(Error::new(Errno::EINVAL, "the file has no bytes")),
        }
    }

    /// Refuses what a seal forbids.
    #[inline]
    fn check_seal(&self, seals: u32) -> Result<()> {
        if self.seals.load(Ordering::Acquire) & seals == 0 {
            Ok(())
        } else {
            Err(Error::new(Errno::EPERM, "the file is sealed against that"))
        }
    }

    /// Refuses a length that a seal forbids.
    fn check_length(&self, size: u64) -> Result<()> {
        let now = self.length();
        self.check_seal(match size.cmp(&now) {
            core::cmp::Ordering::Less => SEAL_SHRINK,
            core::cmp::Ordering::Equal => 0,
            core::cmp::Ordering::Greater => SEAL_GROW,
        })
    }

    /// Changes attributes under the lock, and the time of the last change with them.
    fn change(&self, work: impl FnOnce(&mut Attributes)) {
        let time = now();
        let mut meta = self.meta.lock();
        work(&mut meta.attributes);
        meta.attributes.ctime = time;
        drop(meta);
        self.changed.store(true, Ordering::Relaxed);
        self.read_is_news.store(true, Ordering::Relaxed);
    }

    /// Notes that the content changed.
    fn content_changed(&self) {
        let time = now();
        self.change(|attributes| attributes.mtime = time);
    }

    /// Notes that names changed, and how many directories are in it now.
    fn names_changed(&self, directories: i32) {
        let time = now();
        self.change(|attributes| {
            attributes.mtime = time;
            attributes.nlink = attributes.nlink.saturating_add_signed(directories);
        });
    }

    fn make(&self, node: &NewNode, target: Option<&[u8]>) -> Arc<Self> {
        let attributes = Attributes {
            uid: node.uid,
            gid: node.gid,
            rdev: node.rdev,
            nlink: if node.kind == Kind::Directory { 2 } else { 1 },
            size: target.map_or(0, |target| target.len() as u64),
            ..Attributes::new(
                self.shared.new_ino(),
                self.shared.device,
                node.kind.mode() | node.mode & 0o7777,
            )
        };
        Self::new(&self.shared, attributes.with_times(now()), None, target)
    }
}

impl Node {
    /// Takes out all files that are in it.
    fn take_nodes(&mut self) -> Vec<Arc<Self>> {
        match &mut self.body {
            Body::Directory(names) => names.get_mut().take_nodes().collect(),
            _ => Vec::new(),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A whole tree goes one by one, not by recursion: it may be deeper than the stack.
        let mut nodes = self.take_nodes();
        while let Some(node) = nodes.pop() {
            if let Some(mut node) = Arc::into_inner(node) {
                nodes.append(&mut node.take_nodes());
            }
        }
        if let Body::File(content) = &mut self.body {
            content.release(&self.shared.room);
        }
    }
}
