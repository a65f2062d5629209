//! A file system in memory, alone or as the writable layer over a read-only one.
//!
//! A node is a file. Alone, everything of it is in the node. Over a lower file system, a node stands for a lower inode until it is changed: its
//! attributes begin as the lower one's, its names are looked up there, and its pages come from there, one by one, until they are written. That is
//! why copying up costs a page at the first write to it, not a file at the first open.
//!
//! | module | what |
//! |---|---|
//! | `node` | a file: attributes and the methods of an inode; its names and extended attributes in modules of it |
//! | `directory` | names: its own, those of the lower layer, and those that hide them |
//! | `content` | bytes: pages of its own over pages of the lower layer |
//! | `memory_file` | what `memfd_create` makes |
//! | `room` | how many pages may be used |
//!
//! Invariants: a name of the lower layer that is seen through has no slot, or one without a place in the order of its own names; a removed one has
//! a slot without a node. A page of its own always hides the lower one. No lock is held over a copy of user memory.
//! Lock order: a directory's names (two of them by address) → a node's attributes; a file's content → the room.
//! It does not do: swapping, several layers (stack two of them).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod content;
mod directory;
mod memory_file;
mod node;
mod room;

pub use memory_file::{Sealable, memory_file};

use abi::Errno;
use abi::stat::{OVERLAYFS_MAGIC, Statfs, TMPFS_MAGIC};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use node::{Node, Shared};
use vfs::{Attributes, FileSystem, Inode, Kind};

/// A file system in memory.
pub struct Tmpfs {
    shared: Arc<Shared>,
    root: Arc<Node>,
    /// Blocks of the layer below.
    below: u64,
    name: &'static str,
}

impl Tmpfs {
    /// An empty one that may use so many pages. `mode` is its root directory's.
    #[must_use]
    pub fn new(max_pages: u64, mode: u32) -> Arc<Self> {
        let shared = Arc::new(Shared::new(max_pages, false));
        let attributes = Attributes {
            nlink: 2,
            ..Attributes::new(shared.new_ino(), shared.device, Kind::Directory.mode() | mode & 0o7777)
        };
        let root = Node::new(&shared, attributes.with_times(vfs::now()), None, None);
        Arc::new(Self {
            shared,
            root,
            below: 0,
            name: "tmpfs",
        })
    }

    /// The writable layer over a read-only file system; what is written may use so many pages.
    #[must_use]
    pub fn over(lower: &dyn FileSystem, max_pages: u64) -> Arc<Self> {
        Self::layer(lower.root(), lower.statfs().blocks, max_pages, "overlay")
    }

    /// The same over a tree of devices.
    #[must_use]
    pub fn over_devices(lower: Arc<dyn Inode>) -> Arc<Self> {
        Self::layer(lower, 0, Self::default_pages(), "devtmpfs")
    }

    fn layer(lower: Arc<dyn Inode>, below: u64, max_pages: u64, name: &'static str) -> Arc<Self> {
        let shared = Arc::new(Shared::new(max_pages, true));
        let root = Node::over(&shared, lower);
        Arc::new(Self {
            shared,
            root,
            below,
            name,
        })
    }

    /// Half of the memory, as Linux gives.
    #[must_use]
    pub fn default_pages() -> u64 {
        frames::usage().total / 2
    }

    /// Reads `size=`, `mode=` and their like as `mount(2)` passes them, and makes an empty file system. Options that change nothing here
    /// (`nr_inodes`, `huge`, `mpol`) are taken.
    ///
    /// # Errors
    /// `EINVAL` for an option or number that Linux would not take.
    pub fn with_options(options: &[u8]) -> abi::Result<Arc<Self>> {
        let mut pages = Self::default_pages();
        let mut mode = 0o1777;
        for option in options.split(|byte| *byte == b',').filter(|option| !option.is_empty()) {
            let mut parts = option.splitn(2, |byte| *byte == b'=');
            let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            match name {
                b"size" => pages = parse_size(value).ok_or(Errno::EINVAL)?,
                b"mode" => mode = parse_octal(value).ok_or(Errno::EINVAL)?,
                b"uid" | b"gid" | b"nr_inodes" | b"nr_blocks" | b"huge" | b"mpol" | b"inode64" | b"inode32" => {}
                _ => return Err(Errno::EINVAL.into()),
            }
        }
        Ok(Self::new(pages, mode))
    }
}

fn parse_octal(text: &[u8]) -> Option<u32> {
    u32::from_str_radix(core::str::from_utf8(text).ok()?, 8).ok()
}

/// A size in bytes, with `k`, `m`, `g` or `%` behind it, as pages.
fn parse_size(text: &[u8]) -> Option<u64> {
    let (last, rest) = text.split_last()?;
    let (digits, shift) = match last.to_ascii_lowercase() {
        b'k' => (rest, 10),
        b'm' => (rest, 20),
        b'g' => (rest, 30),
        b'%' => {
            let percent: u64 = core::str::from_utf8(rest).ok()?.parse().ok()?;
            return Some(frames::usage().total.checked_mul(percent)? / 100);
        }
        _ => (text, 0),
    };
    let number: u64 = core::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(number.checked_mul(1 << shift)?.div_ceil(4096))
}

impl FileSystem for Tmpfs {
    fn name(&self) -> &'static str {
        self.name
    }

    fn root(&self) -> Arc<dyn Inode> {
        Arc::clone(&self.root) as _
    }

    fn statfs(&self) -> Statfs {
        let (used, max) = self.shared.room.usage();
        Statfs {
            kind: if self.shared.layered {
                OVERLAYFS_MAGIC
            } else {
                TMPFS_MAGIC
            },
            bsize: 4096,
            blocks: self.below + max,
            bfree: max.saturating_sub(used),
            bavail: max.saturating_sub(used),
            files: max,
            ffree: max.saturating_sub(used),
            fsid: [self.shared.device as i32, 0],
            namelen: 255,
            frsize: 4096,
            ..Statfs::default()
        }
    }

    fn options(&self) -> Vec<u8> {
        if self.shared.layered {
            Vec::new()
        } else {
            format!("size={}k", self.shared.room.usage().1.saturating_mul(4)).into_bytes()
        }
    }

    fn shrink(&self) {
        self.shared.forget_links();
        Node::shrink(&self.root);
    }
}
