//! An inode of the image.

use crate::{Shared, to_errno};
use abi::time::Timespec;
use abi::{Errno, Error, Result};
use address::{FrameNumber, PAGE_LEN, PAGE_SIZE};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use erofs_view::{FileType, Layout, Nid, Run};
use frames::Page;
use hal::Access;
use lock::SpinLock;
use sortedmap::LargeMap;
use usermem::Sink;
use vfs::{Attributes, DirectoryEntry, Emit, Inode, Kind, Link};

/// An inode of the image.
pub(crate) struct Node {
    shared: Arc<Shared>,
    inode: erofs_view::Inode,
    kind: Kind,
    /// Pages that had to be made because they do not lie in the image whole.
    made: SpinLock<LargeMap<u64, Page>>,
}

fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::Regular => Kind::Regular,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Character => Kind::Character,
        FileType::Block => Kind::Block,
        FileType::Pipe => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::Unknown => Kind::Anonymous,
    }
}

/// A device number as the image has it (Linux's 32 bits) as `stat` shows it.
fn device(encoded: u32) -> u64 {
    let (major, minor) = (encoded >> 8 & 0xfff, encoded & 0xff | encoded >> 12 & 0xfff00);
    abi::stat::makedev(major, minor)
}

impl Node {
    pub(crate) fn new(shared: &Arc<Shared>, nid: Nid) -> Result<Arc<Self>> {
        let inode = shared.image.inode(nid).map_err(to_errno)?;
        let kind = Kind::from_mode(u32::from(inode.mode)).ok_or_else(|| to_errno(erofs_view::Error::Corrupt))?;
        Ok(Arc::new(Self {
            shared: Arc::clone(shared),
            inode,
            kind,
            made: SpinLock::new(LargeMap::new()),
        }))
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.inode.is_directory()
    }

    /// The image's own page, if the file's page lies there.
    #[inline]
    fn own_page(&self, index: u64) -> Option<Page> {
        let image = &self.shared.image;
        let offset = image.data_offset(&self.inode, index)?;
        let bytes = image.bytes().get(offset..offset + PAGE_LEN)?;
        Page::pinned(hal::memory::physical(bytes.as_ptr())?.frame())
    }

    /// Where the pages of a range begin, if the image has all of them, one behind the other.
    fn first_frame(&self, range: &Range<u64>) -> Option<FrameNumber> {
        let image = &self.shared.image;
        if range.is_empty() || !matches!(self.inode.layout, Layout::Plain { .. }) {
            return None;
        }
        let first = image.data_offset(&self.inode, range.start)?;
        let last = image.data_offset(&self.inode, range.end - 1)?;
        let bytes = image.bytes().get(first..last + PAGE_LEN)?;
        let is_one_piece = bytes.len() as u64 == (range.end - range.start) * PAGE_SIZE;
        let address = hal::memory::physical(bytes.as_ptr())?;
        is_one_piece.then(|| address.frame())
    }

    fn make_page(&self, index: u64) -> Result<Page> {
        if let Some(page) = self.made.lock().get(&index) {
            return Ok(page.clone());
        }
        let page = Page::zeroed()?;
        let mut at = 0;
        while at < PAGE_LEN {
            let run = self
                .shared
                .image
                .run(&self.inode, index * PAGE_SIZE + at as u64)
                .map_err(to_errno)?;
            at += match run {
                Run::Bytes([]) | Run::Hole(0) => break,
                Run::Bytes(bytes) => {
                    page.write(at, bytes);
                    bytes.len()
                }
                Run::Hole(len) => usize::try_from(len).unwrap_or(PAGE_LEN),
            };
        }
        Ok(self.made.lock().get_or_insert_with(index, || page).clone())
    }
}

impl Inode for Node {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn attributes(&self) -> Attributes {
        let inode = &self.inode;
        let time = Timespec {
            sec: inode.mtime as i64,
            nsec: i64::from(inode.mtime_nsec),
        };
        Attributes {
            nlink: inode.nlink,
            uid: inode.uid,
            gid: inode.gid,
            rdev: if self.kind.is_device() { device(inode.rdev) } else { 0 },
            size: inode.size,
            blocks: inode.size.div_ceil(PAGE_SIZE) * 8,
            ..Attributes::new(u64::from(inode.ino), self.shared.device, u32::from(inode.mode)).with_times(time)
        }
    }

    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        if self.kind != Kind::Directory {
            return Err(Error::new(Errno::ENOTDIR, "names are looked up in directories"));
        }
        match self.shared.image.lookup(&self.inode, name).map_err(to_errno)? {
            Some((nid, _)) => Ok(Some(Self::new(&self.shared, nid)?)),
            None => Ok(None),
        }
    }

    fn readlink(&self) -> Result<Link> {
        Ok(Link::Static(self.shared.image.readlink(&self.inode).map_err(to_errno)?))
    }

    fn read_directory(&self, cursor: u64, emit: &mut Emit<'_>) -> Result<()> {
        if self.kind != Kind::Directory {
            return Err(Error::new(Errno::ENOTDIR, "only directories are listed"));
        }
        let image = &self.shared.image;
        for entry in image.readdir(&self.inode, cursor).map_err(to_errno)? {
            let entry = entry.map_err(to_errno)?;
            if entry.name == b"." || entry.name == b".." {
                continue;
            }
            let listed = DirectoryEntry {
                name: entry.name,
                ino: u64::from(image.inode(entry.nid).map_err(to_errno)?.ino),
                kind: kind_of(entry.file_type),
                next: entry.next,
            };
            if !emit(&listed) {
                break;
            }
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, into: &mut Sink<'_>) -> Result<usize> {
        match self.kind {
            Kind::Regular => {}
            Kind::Directory => return Err(Error::new(Errno::EISDIR, "directories are not read")),
            _ => return Err(Error::new(Errno::EINVAL, "the file has no bytes")),
        }
        let mut at = offset;
        while into.left() > 0 {
            let put = match self.shared.image.run(&self.inode, at).map_err(to_errno)? {
                Run::Bytes([]) | Run::Hole(0) => break,
                Run::Bytes(bytes) => into.put(bytes),
                Run::Hole(len) => into.put_zeros(usize::try_from(len).unwrap_or(usize::MAX)),
            };
            match put {
                Ok(done) => at += done as u64,
                Err(error) if at == offset => return Err(error),
                Err(_) => break,
            }
        }
        Ok((at - offset) as usize)
    }

    fn page(&self, index: u64, _access: Access) -> Result<Page> {
        if self.kind != Kind::Regular {
            return Err(Error::new(Errno::ENODEV, "the file cannot be mapped"));
        }
        if index >= self.inode.size.div_ceil(PAGE_SIZE) {
            return Err(Error::new(Errno::EFAULT, "the page lies behind the end of the file"));
        }
        match self.own_page(index) {
            Some(page) => Ok(page),
            None => self.make_page(index),
        }
    }

    fn resident(&self, index: u64) -> Option<Page> {
        (self.kind == Kind::Regular).then(|| self.own_page(index)).flatten()
    }

    fn resident_in(&self, range: Range<u64>, each: &mut dyn FnMut(u64, Page)) {
        if self.kind != Kind::Regular {
            return;
        }
        if let Some(first) = self.first_frame(&range) {
            for (number, index) in (first.0..).zip(range) {
                if let Some(page) = Page::pinned(FrameNumber(number)) {
                    each(index, page);
                }
            }
            return;
        }
        for index in range {
            if let Some(page) = self.own_page(index) {
                each(index, page);
            }
        }
    }

    fn length(&self) -> u64 {
        self.inode.size
    }

    fn xattr(&self, name: &[u8]) -> Result<Vec<u8>> {
        let found = self.shared.image.attribute(&self.inode, name).map_err(to_errno)?;
        found
            .map(<[u8]>::to_vec)
            .ok_or_else(|| Error::new(Errno::ENODATA, "the file has no such attribute"))
    }

    fn xattr_names(&self) -> Vec<u8> {
        let mut names = Vec::new();
        for attribute in self
            .shared
            .image
            .attributes(&self.inode)
            .into_iter()
            .flatten()
            .flatten()
        {
            names.extend_from_slice(attribute.namespace.prefix());
            names.extend_from_slice(attribute.name);
            names.push(0);
        }
        names
    }
}
