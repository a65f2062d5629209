//! EROFS mounted from memory.
//!
//! The image lies in RAM for as long as the machine runs. Reading copies out of it; a mapping gets the image's own pages, so that a program's text is in
//! memory once. A page that does not lie in the image whole and aligned (an inline tail, a hole) is made once and kept.
//!
//! Invariants: the image is never written; every error in it becomes an errno. It does not do: compression, other devices.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod node;

use abi::stat::{EROFS_MAGIC, Statfs};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use erofs_view::Image;
use node::Node;
use vfs::{FileSystem, Inode};

/// A mounted image.
pub struct Erofs {
    shared: Arc<Shared>,
    root: Arc<Node>,
}

/// What all its inodes share.
struct Shared {
    image: Image<'static>,
    device: u64,
}

impl Erofs {
    /// Mounts an image.
    ///
    /// # Errors
    /// `EINVAL` for what is no EROFS image, `EOPNOTSUPP` for one with unknown features, `EUCLEAN` for a damaged one.
    pub fn new(bytes: &'static [u8]) -> Result<Arc<Self>> {
        let image = Image::new(bytes).map_err(to_errno)?;
        let shared = Arc::new(Shared {
            image,
            device: vfs::new_device(),
        });
        let root = Node::new(&shared, image.root())?;
        if !root.is_directory() {
            return Err(to_errno(erofs_view::Error::Corrupt));
        }
        Ok(Arc::new(Self { shared, root }))
    }
}

fn to_errno(error: erofs_view::Error) -> Error {
    match error {
        erofs_view::Error::NotErofs => Error::new(Errno::EINVAL, "the image is not EROFS"),
        erofs_view::Error::Unsupported => Error::new(Errno::EOPNOTSUPP, "the image has a feature that is not known"),
        erofs_view::Error::Corrupt => Error::new(Errno::EUCLEAN, "the image contradicts itself"),
        erofs_view::Error::WrongKind => Error::new(Errno::EINVAL, "the file is of another sort"),
    }
}

impl FileSystem for Erofs {
    fn name(&self) -> &'static str {
        "erofs"
    }

    fn root(&self) -> Arc<dyn Inode> {
        Arc::clone(&self.root) as _
    }

    fn statfs(&self) -> Statfs {
        let image = &self.shared.image;
        Statfs {
            kind: EROFS_MAGIC,
            bsize: image.block_size() as i64,
            blocks: u64::from(image.block_count()),
            files: image.inode_count(),
            fsid: [self.shared.device as i32, 0],
            namelen: 255,
            frsize: image.block_size() as i64,
            ..Statfs::default()
        }
    }
}
