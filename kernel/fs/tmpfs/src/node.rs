//! A file: its attributes, and the methods of an inode.

use crate::content::{Content, Ground};
use crate::directory::Names;
use crate::room::Room;
use abi::fcntl::{
    FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE,
    RenameFlags,
};
use abi::stat::Stat;
use abi::{Errno, Error, Result};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use frames::Page;
use hal::Access;
use lock::SpinLock;
use task::SleepLock;
use usermem::{Sink, Source};
use vfs::{
    Attachment, Attributes, DirectoryEntry, Emit, Inode, Kind, Link, NewNode, Replace, SetAttributes, downcast_inode,
    now,
};

/// What all nodes of a file system share.
pub(crate) struct Shared {
    pub(crate) device: u64,
    pub(crate) room: Room,
    pub(crate) layered: bool,
    next_ino: AtomicU64,
    /// Files of the lower layer that have several names, so that all names lead to one node.
    links: SpinLock<BTreeMap<u64, Arc<Node>>>,
}

impl Shared {
    pub(crate) fn new(max_pages: u64, layered: bool) -> Self {
        Self {
            device: vfs::new_device(),
            room: Room::new(max_pages),
            layered,
            // The lower layer's numbers have 32 bits.
            next_ino: AtomicU64::new(if layered { 1 << 32 } else { 1 }),
            links: SpinLock::new(BTreeMap::new()),
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
    xattrs: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
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
            (Kind::Directory, _) => Body::Directory(SpinLock::new(Names::default())),
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
        Arc::clone(shared.links.lock().entry(attributes.ino).or_insert(made))
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

    fn find(&self, name: &[u8]) -> Result<Option<Arc<Self>>> {
        let names = self.names()?;
        if let Some(slot) = names.lock().get(name) {
            return Ok(slot.node.clone());
        }
        let Some(lower) = &self.lower else { return Ok(None) };
        let Some(inode) = lower.lookup(name)? else {
            return Ok(None);
        };
        let node = Self::over(&self.shared, inode);
        let mut names = names.lock();
        // Removed or replaced meanwhile.
        if let Some(slot) = names.get(name) {
            return Ok(slot.node.clone());
        }
        Ok(Some(names.remember(name, node)))
    }

    fn add(&self, name: &[u8], node: &Arc<Self>) -> Result<()> {
        let exists = || Error::new(Errno::EEXIST, "the name is there already");
        if self.find(name)?.is_some() {
            return Err(exists());
        }
        let mut names = self.names()?.lock();
        if names.removed {
            return Err(Error::new(Errno::ENOENT, "the directory was removed"));
        }
        if names.node(name).is_some() {
            return Err(exists());
        }
        names.set(name, Arc::clone(node));
        drop(names);
        self.names_changed(i32::from(node.kind == Kind::Directory));
        Ok(())
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

    /// One name less.
    fn unlinked(&self) {
        let gone = if self.kind == Kind::Directory { 2 } else { 1 };
        self.change(|attributes| attributes.nlink = attributes.nlink.saturating_sub(gone));
    }

    /// Whether no name is in a directory whose names are locked.
    fn is_empty(&self, names: &Names) -> Result<bool> {
        if names.has_own() {
            return Ok(false);
        }
        let mut empty = true;
        if let Some(lower) = &self.lower {
            lower.read_directory(0, &mut |entry| {
                empty = names.is_hidden(entry.name);
                empty
            })?;
        }
        Ok(empty)
    }

    /// Marks an empty directory as removed, so that nothing is made in it any more.
    fn close(&self) -> Result<()> {
        let mut names = self.names()?.lock();
        if !self.is_empty(&names)? {
            return Err(Error::new(Errno::ENOTEMPTY, "the directory is not empty"));
        }
        names.removed = true;
        Ok(())
    }

    /// Puts the node that has `name` in `from` under `new_name` in `to`; the names are locked.
    fn move_name(
        from: &mut Names,
        to: Option<&mut Names>,
        name: &[u8],
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<Option<Arc<Self>>> {
        let gone = || Error::new(Errno::ENOENT, "the name is gone");
        let target = to.as_deref().unwrap_or(from);
        if target.removed {
            return Err(gone());
        }
        let there = target.node(new_name).cloned();
        if flags.contains(RenameFlags::NOREPLACE) && there.is_some() {
            return Err(Error::new(Errno::EEXIST, "the name is there already"));
        }
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if exchange && there.is_none() {
            return Err(gone());
        }
        let node = from.node(name).cloned().ok_or_else(gone)?;
        if let Some(there) = there
            .as_ref()
            .filter(|there| !exchange && there.kind == Kind::Directory)
        {
            there.close()?;
        }
        from.remove(name);
        match to {
            Some(to) => to.set(new_name, node),
            None => from.set(new_name, node),
        };
        if exchange && let Some(there) = &there {
            from.set(name, Arc::clone(there));
        }
        Ok(there)
    }

    fn xattrs<T>(&self, work: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>) -> Result<T>) -> Result<T> {
        let mut known = BTreeMap::new();
        if let Some(lower) = self.lower.as_ref().filter(|_| self.meta.lock().xattrs.is_none()) {
            for name in lower
                .xattr_names()
                .split(|byte| *byte == 0)
                .filter(|name| !name.is_empty())
            {
                known.insert(name.to_vec(), lower.xattr(name)?);
            }
        }
        work(self.meta.lock().xattrs.get_or_insert(known))
    }
}

fn check_xattr_name(name: &[u8]) -> Result<()> {
    let known = [&b"user."[..], b"security.", b"trusted."];
    if known
        .iter()
        .any(|prefix| name.starts_with(prefix) && name.len() > prefix.len())
    {
        Ok(())
    } else {
        Err(Error::new(Errno::EOPNOTSUPP, "the attribute's name space is not kept"))
    }
}

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
        let node = self
            .find(name)?
            .ok_or_else(|| Error::new(Errno::ENOENT, "the name is gone"))?;
        to.find(new_name)?;
        let same = core::ptr::eq(self, &raw const *to);
        let there = if same {
            Self::move_name(&mut self.names()?.lock(), None, name, new_name, flags)?
        } else if core::ptr::from_ref(self) < Arc::as_ptr(&to) {
            let mut from = self.names()?.lock();
            Self::move_name(&mut from, Some(&mut to.names()?.lock()), name, new_name, flags)?
        } else {
            let mut target = to.names()?.lock();
            Self::move_name(&mut self.names()?.lock(), Some(&mut target), name, new_name, flags)?
        };
        let directory = |node: &Self| i32::from(node.kind == Kind::Directory);
        let moved = directory(&node);
        let replaced = there.as_deref().map_or(0, directory);
        if flags.contains(RenameFlags::EXCHANGE) {
            self.names_changed(replaced - moved);
            to.names_changed(moved - replaced);
            if let Some(there) = &there {
                there.change(|_| {});
            }
        } else {
            self.names_changed(-moved);
            to.names_changed(moved - replaced);
            if let Some(there) = &there {
                there.unlinked();
            }
        }
        node.change(|_| {});
        Ok(())
    }

    fn readlink(&self) -> Result<Link> {
        match (&self.body, &self.lower) {
            (Body::Symlink(target), _) => Ok(Link::Text(Arc::clone(target))),
            (_, Some(lower)) => lower.readlink(),
            _ => Err(Error::new(Errno::EINVAL, "the file is not a symbolic link")),
        }
    }

    fn read_directory(&self, cursor: u64, emit: &mut Emit<'_>) -> Result<()> {
        let names = self.names()?;
        if let Some(lower) = self.lower.as_ref().filter(|_| Names::is_below(cursor)) {
            let mut full = false;
            lower.read_directory(cursor, &mut |entry| {
                if !names.lock().is_hidden(entry.name) {
                    full = !emit(entry);
                }
                !full
            })?;
            if full {
                return Ok(());
            }
        }
        let names = names.lock();
        for (next, name, node) in names.own(cursor) {
            let entry = DirectoryEntry {
                name: name.as_bytes(),
                ino: node.meta.lock().attributes.ino,
                kind: node.kind,
                next,
            };
            if !emit(&entry) {
                break;
            }
        }
        Ok(())
    }

    #[inline]
    fn read_at(&self, offset: u64, into: &mut Sink<'_>) -> Result<usize> {
        self.content()?.read_at(&self.ground(), offset, into)
    }

    fn write_at(&self, offset: u64, from: &mut Source<'_>) -> Result<usize> {
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
        check_xattr_name(name)?;
        let none = || Error::new(Errno::ENODATA, "the file has no such attribute");
        match (&self.meta.lock().xattrs, &self.lower) {
            (Some(xattrs), _) => return xattrs.get(name).cloned().ok_or_else(none),
            (None, None) => return Err(none()),
            (None, Some(_)) => {}
        }
        self.lower
            .as_ref()
            .map_or_else(|| Err(none()), |lower| lower.xattr(name))
    }

    fn set_xattr(&self, name: &[u8], value: &[u8], replace: Replace) -> Result<()> {
        check_xattr_name(name)?;
        self.xattrs(|xattrs| {
            let there = xattrs.contains_key(name);
            match replace {
                Replace::Never if there => return Err(Errno::EEXIST.into()),
                Replace::Always if !there => return Err(Errno::ENODATA.into()),
                _ => {}
            }
            let size: usize = xattrs.iter().map(|(name, value)| name.len() + value.len()).sum();
            if size + name.len() + value.len() > 1 << 16 {
                return Err(Error::new(Errno::ENOSPC, "the attributes of a file have 64 KiB"));
            }
            xattrs.insert(name.to_vec(), value.to_vec());
            Ok(())
        })?;
        self.change(|_| {});
        Ok(())
    }

    fn remove_xattr(&self, name: &[u8]) -> Result<()> {
        check_xattr_name(name)?;
        self.xattrs(|xattrs| xattrs.remove(name).map(drop).ok_or_else(|| Errno::ENODATA.into()))?;
        self.change(|_| {});
        Ok(())
    }

    fn xattr_names(&self) -> Vec<u8> {
        match (&self.meta.lock().xattrs, &self.lower) {
            (Some(xattrs), _) => xattrs.keys().flat_map(|name| [name, &b"\0"[..]].concat()).collect(),
            (None, Some(lower)) => lower.xattr_names(),
            (None, None) => Vec::new(),
        }
    }

    fn attachment(&self) -> Option<&Attachment> {
        Some(&self.attachment)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Body::File(content) = &mut self.body {
            content.release(&self.shared.room);
        }
    }
}
