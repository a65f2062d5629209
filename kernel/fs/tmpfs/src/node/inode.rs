//! What the virtual file system asks of a file.

use super::{Body, Node, SEAL_ALL, SEAL_FUTURE_WRITE, SEAL_GROW, SEAL_SEAL, SEAL_WRITE};
use abi::fcntl::{
    FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE,
    RenameFlags,
};
use abi::stat::Stat;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicI32, Ordering};
use frames::Page;
use hal::Access;
use usermem::{Sink, Source};
use vfs::{Attachment, Attributes, Emit, Inode, Kind, Link, NewNode, Replace, SetAttributes, downcast_inode, now};

impl Inode for Node {
    #[inline]
    fn kind(&self) -> Kind {
        self.kind
    }

    #[inline]
    fn attributes(&self) -> Attributes {
        let mut attributes = self.meta.lock().attributes;
        if let Body::File(content) = &self.body {
            let (size, occupied) = content.extent();
            attributes.size = size;
            attributes.blocks = occupied * 8;
        }
        attributes
    }

    #[inline]
    fn stat(&self) -> Stat {
        let meta = self.meta.lock();
        let mut stat = meta.attributes.to_stat();
        drop(meta);
        if let Body::File(content) = &self.body {
            let (size, occupied) = content.extent();
            stat.size = size as i64;
            stat.blocks = (occupied * 8) as i64;
        }
        stat
    }

    #[inline]
    fn device(&self) -> u64 {
        self.meta.lock().attributes.rdev
    }

    fn set_attributes(&self, changes: &SetAttributes) -> Result<()> {
        if let Some(size) = changes.size {
            let content = self.content()?;
            self.check_length(size)?;
            content.resize(&self.ground(), size)?;
            self.content_changed();
        }
        self.change(|attributes| {
            if let Some(mode) = changes.mode {
                attributes.mode = attributes.mode & !0o7777 | mode & 0o7777;
            }
            attributes.uid = changes.uid.unwrap_or(attributes.uid);
            attributes.gid = changes.gid.unwrap_or(attributes.gid);
            attributes.atime = changes.atime.unwrap_or(attributes.atime);
            attributes.mtime = changes.mtime.unwrap_or(attributes.mtime);
        });
        if changes.atime.is_some() {
            self.read_is_news.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    fn lookup(&self, name: &[u8]) -> Result<Option<Arc<dyn Inode>>> {
        Ok(self.find(name)?.map(|node| node as _))
    }

    fn create(&self, name: &[u8], node: &NewNode) -> Result<Arc<dyn Inode>> {
        let made = self.make(node, None);
        self.add(name, &made)?;
        Ok(made)
    }

    fn tmpfile(&self, node: &NewNode) -> Result<Arc<dyn Inode>> {
        self.names()?;
        let made = self.make(node, None);
        made.unlinked();
        Ok(made)
    }

    fn symlink(&self, name: &[u8], target: &[u8], node: &NewNode) -> Result<Arc<dyn Inode>> {
        let made = self.make(node, Some(target));
        self.add(name, &made)?;
        Ok(made)
    }

    fn link(&self, name: &[u8], file: &Arc<dyn Inode>) -> Result<()> {
        let node: Arc<Self> =
            downcast_inode(file).ok_or_else(|| Error::new(Errno::EXDEV, "the file is of another file system"))?;
        self.add(name, &node)?;
        node.change(|attributes| attributes.nlink += 1);
        Ok(())
    }

    fn unlink(&self, name: &[u8]) -> Result<()> {
        let gone = || Error::new(Errno::ENOENT, "the name is gone");
        self.find(name)?.ok_or_else(gone)?;
        let node = self.names()?.lock().remove(name).ok_or_else(gone)?;
        self.names_changed(0);
        node.unlinked();
        Ok(())
    }

    fn rmdir(&self, name: &[u8]) -> Result<()> {
        let gone = || Error::new(Errno::ENOENT, "the name is gone");
        let node = self.find(name)?.ok_or_else(gone)?;
        node.close()?;
        self.names()?.lock().remove(name).ok_or_else(gone)?;
        self.names_changed(-1);
        node.unlinked();
        Ok(())
    }

    fn rename(&self, name: &[u8], new_parent: &Arc<dyn Inode>, new_name: &[u8], flags: RenameFlags) -> Result<()> {
        let to: Arc<Self> =
            downcast_inode(new_parent).ok_or_else(|| Error::new(Errno::EXDEV, "the file systems differ"))?;
        self.move_to(name, &to, new_name, flags)
    }

    fn readlink(&self) -> Result<Link> {
        match (&self.body, &self.lower) {
            (Body::Symlink(target), _) => Ok(Link::Text(Arc::clone(target))),
            (_, Some(lower)) => lower.readlink(),
            _ => Err(Error::new(Errno::EINVAL, "the file is not a symbolic link")),
        }
    }

    fn read_directory(&self, cursor: u64, emit: &mut Emit<'_>) -> Result<()> {
        self.list(cursor, emit)
    }

    #[inline]
    fn read_at(&self, offset: u64, into: &mut Sink<'_>) -> Result<usize> {
        self.content()?.read_at(&self.ground(), offset, into)
    }

    fn write_at(&self, offset: u64, from: &mut Source<'_>) -> Result<usize> {
        self.check_seal(SEAL_WRITE | SEAL_FUTURE_WRITE)?;
        if self.seals.load(Ordering::Acquire) & SEAL_GROW != 0 {
            self.check_length(self.length().max(offset.saturating_add(from.left() as u64)))?;
        }
        let written = self.content()?.write_at(&self.ground(), offset, from)?;
        if written > 0 {
            self.content_changed();
        }
        Ok(written)
    }

    fn append(&self, from: &mut Source<'_>) -> Result<(u64, usize)> {
        let turn = self.append.lock();
        let end = self.length();
        if from.left() as u64 > (i64::MAX as u64).saturating_sub(end) {
            return Err(Error::new(Errno::EFBIG, "the file would be too long"));
        }
        let written = self.write_at(end, from)?;
        drop(turn);
        Ok((end, written))
    }

    fn page(&self, index: u64, access: Access) -> Result<Page> {
        let Body::File(content) = &self.body else {
            return Err(Error::new(Errno::ENODEV, "the file cannot be mapped"));
        };
        let page = content.page(&self.ground(), index, access)?;
        if access == Access::Write {
            self.content_changed();
        }
        Ok(page)
    }

    fn resident(&self, index: u64) -> Option<Page> {
        match &self.body {
            Body::File(content) => content.resident(&self.ground(), index),
            _ => None,
        }
    }

    fn resident_in(&self, range: Range<u64>, each: &mut dyn FnMut(u64, Page)) {
        if let Body::File(content) = &self.body {
            content.resident_in(&self.ground(), range, each);
        }
    }

    #[inline]
    fn length(&self) -> u64 {
        match &self.body {
            Body::File(content) => content.size(),
            _ => self.meta.lock().attributes.size,
        }
    }

    #[inline]
    fn accessed(&self) {
        if self.read_is_news.load(Ordering::Relaxed) {
            self.read_is_news.store(false, Ordering::Relaxed);
            self.meta.lock().attributes.atime = now();
        }
    }

    fn allocate(&self, flags: u32, offset: u64, len: u64) -> Result<()> {
        let content = self.content()?;
        let known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
        if flags & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE) != 0 || flags & !known != 0 {
            return Err(Error::new(Errno::EOPNOTSUPP, "ranges are not moved"));
        }
        let keep_size = flags & FALLOC_FL_KEEP_SIZE != 0;
        if flags & FALLOC_FL_PUNCH_HOLE != 0 {
            self.check_seal(SEAL_WRITE | SEAL_FUTURE_WRITE)?;
        } else if !keep_size {
            self.check_length(self.length().max(offset.saturating_add(len)))?;
        }
        if flags & FALLOC_FL_PUNCH_HOLE != 0 {
            if !keep_size || flags & FALLOC_FL_ZERO_RANGE != 0 {
                return Err(Error::new(Errno::EOPNOTSUPP, "a hole keeps the size"));
            }
            content.clear(&self.ground(), offset, len)?;
        } else {
            if flags & FALLOC_FL_ZERO_RANGE != 0 {
                content.clear(&self.ground(), offset, len)?;
            }
            content.reserve(&self.ground(), offset, len, keep_size)?;
        }
        self.content_changed();
        Ok(())
    }

    fn seek_data(&self, offset: u64, hole: bool) -> Result<u64> {
        self.content()?.seek(offset, hole)
    }

    fn xattr(&self, name: &[u8]) -> Result<Vec<u8>> {
        self.get_xattr(name)
    }

    fn set_xattr(&self, name: &[u8], value: &[u8], replace: Replace) -> Result<()> {
        self.put_xattr(name, value, replace)
    }

    fn remove_xattr(&self, name: &[u8]) -> Result<()> {
        self.drop_xattr(name)
    }

    fn xattr_names(&self) -> Vec<u8> {
        self.list_xattrs()
    }

    fn write_count(&self) -> Option<&AtomicI32> {
        Some(&self.writers)
    }

    fn seals(&self) -> Result<u32> {
        self.content()?;
        Ok(self.seals.load(Ordering::Acquire))
    }

    fn add_seals(&self, seals: u32) -> Result<()> {
        self.content()?;
        if seals & !SEAL_ALL != 0 {
            return Err(Error::new(Errno::EINVAL, "unknown seals"));
        }
        let added = self.seals.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
            (old & SEAL_SEAL == 0).then_some(old | seals)
        });
        added
            .map(drop)
            .map_err(|_| Error::new(Errno::EPERM, "the seals are sealed"))
    }

    fn attachment(&self) -> Option<&Attachment> {
        Some(&self.attachment)
    }
}
