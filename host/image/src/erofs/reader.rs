//! Reads an EROFS image back: for `chiton inspect`, for the command that an image carries, and for tests.
//!
//! Reads what Chiton and `mkfs.erofs` without compression write. Every number from the image is checked before use: a
//! corrupt image gives an error, never a panic or an endless loop.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::format::{
    BLOCK, BLOCK_BITS, COMPACT_INODE, COMPAT_CHECKSUM, DIRENT, EXTENDED_INODE, FLAT_INLINE, FLAT_PLAIN, MAGIC, S_IFBLK,
    S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, SLOT, SUPER_OFFSET, crc32c,
};
use crate::error::{Error, Result};

/// As long as Linux lets a path or a link's target be.
const MAX_PATH: u64 = 4096;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link and its target.
    Symlink(PathBuf),
    /// A character device, block device, FIFO or socket, with its device number.
    Special(u32),
}

/// One file of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its absolute path in the image.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// `st_mode`, type bits included.
    pub mode: u16,
    /// The owner.
    pub uid: u32,
    /// The owning group.
    pub gid: u32,
    /// Number of names.
    pub links: u32,
    /// Size in bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
}

/// An open image.
#[derive(Debug)]
pub struct Image {
    file: File,
    path: PathBuf,
    size: u64,
    metadata: u64,
    root: u64,
    time: i64,
}

/// An inode as read.
struct Inode {
    offset: u64,
    mode: u16,
    layout: u16,
    size: u64,
    union: u32,
    uid: u32,
    gid: u32,
    links: u32,
    mtime: i64,
    /// Size of the inode and its extended attributes.
    header: u64,
}

/// Whether the file at `path` starts like an EROFS image.
pub fn is_image(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path)
        .and_then(|file| file.read_exact_at(&mut magic, SUPER_OFFSET))
        .is_ok()
        && magic == MAGIC.to_le_bytes()
}

impl Image {
    /// Opens an image and checks its superblock.
    ///
    /// # Errors
    /// The file cannot be read, is no EROFS image, is damaged, or uses compression.
    pub fn open(path: &Path) -> Result<Image> {
        let file = File::open(path).map_err(|error| Error::io("open", path, &error))?;
        let size = file.metadata().map_err(|error| Error::io("open", path, &error))?.len();
        let mut image = Image {
            file,
            path: path.to_path_buf(),
            size,
            metadata: 0,
            root: 0,
            time: 0,
        };
        let mut first = image.bytes(0, BLOCK.min(size))?;
        let at = SUPER_OFFSET as usize;
        if first.len() < BLOCK as usize || u32_at(&first, at) != MAGIC {
            return Err(image.damaged("it has no EROFS superblock"));
        }
        if first[at + 12] != BLOCK_BITS || u32_at(&first, at + 80) != 0 {
            let cause = format!("{} uses EROFS features that Chiton does not read", path.display());
            return Err(Error::new(
                cause,
                "Make it with chiton build, or with mkfs.erofs without options",
            ));
        }
        let compat = u32_at(&first, at + 8);
        let checksum = u32_at(&first, at + 4);
        first[at + 4..at + 8].fill(0);
        if compat & COMPAT_CHECKSUM != 0 && crc32c(&first[at..]) != checksum {
            return Err(image.damaged("the checksum of its superblock is wrong"));
        }
        if u64::from(u32_at(&first, at + 36)) * BLOCK > size {
            return Err(image.damaged("it is cut short"));
        }
        image.root = u64::from(u16_at(&first, at + 14));
        image.time = u64_at(&first, at + 24).cast_signed();
        image.metadata = u64::from(u32_at(&first, at + 40)) * BLOCK;
        Ok(image)
    }

    /// The size of the image file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Every file, directories before their contents, names in order.
    ///
    /// # Errors
    /// The image is damaged.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut list = Vec::new();
        self.list(self.root, &PathBuf::from("/"), &mut HashSet::new(), &mut list)?;
        Ok(list)
    }

    /// The contents of the regular file at `path` (links are followed), or `None` if there is none.
    ///
    /// # Errors
    /// The image is damaged.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let Some(inode) = self.find(path, 0)? else {
            return Ok(None);
        };
        if inode.mode & S_IFMT == S_IFREG {
            self.data(&inode).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Whether there is a directory at `path` (links are followed).
    ///
    /// # Errors
    /// The image is damaged.
    pub fn has_directory(&self, path: &Path) -> Result<bool> {
        let found = self.find(path, 0)?;
        Ok(found.is_some_and(|inode| inode.mode & S_IFMT == S_IFDIR))
    }

    fn find(&self, path: &Path, links: usize) -> Result<Option<Inode>> {
        let mut inode = self.inode(self.root)?;
        let mut here = PathBuf::from("/");
        let steps = crate::tree::steps(path);
        for (index, name) in steps.iter().enumerate() {
            if inode.mode & S_IFMT != S_IFDIR {
                return Ok(None);
            }
            let Some((_, nid)) = self.children(&inode)?.into_iter().find(|(child, _)| child == name) else {
                return Ok(None);
            };
            inode = self.inode(nid)?;
            if inode.mode & S_IFMT == S_IFLNK {
                if links >= crate::tree::MAX_LINKS {
                    return Ok(None);
                }
                let target = self.target(&inode)?;
                let rest: PathBuf = steps[index + 1..].iter().collect();
                return self.find(&here.join(target).join(rest), links + 1);
            }
            here.push(name);
        }
        Ok(Some(inode))
    }

    fn list(&self, nid: u64, path: &Path, seen: &mut HashSet<u64>, list: &mut Vec<Entry>) -> Result<()> {
        // Each entry takes some of the image, so a sound image has fewer than this.
        if list.len() as u64 > self.size / DIRENT as u64 || path.as_os_str().len() as u64 > MAX_PATH {
            return Err(self.damaged("its directories have no end"));
        }
        let inode = self.inode(nid)?;
        let kind = match inode.mode & S_IFMT {
            S_IFDIR => EntryKind::Directory,
            S_IFREG => EntryKind::File,
            S_IFLNK => EntryKind::Symlink(self.target(&inode)?),
            S_IFCHR | S_IFBLK => EntryKind::Special(inode.union),
            _ => EntryKind::Special(0),
        };
        let is_directory = kind == EntryKind::Directory;
        let Inode {
            mode,
            uid,
            gid,
            links,
            size,
            mtime,
            ..
        } = inode;
        list.push(Entry {
            path: path.to_path_buf(),
            kind,
            mode,
            uid,
            gid,
            links,
            size,
            mtime,
        });
        if is_directory {
            if !seen.insert(nid) {
                return Err(self.damaged("a directory is in two places"));
            }
            for (name, child) in self.children(&inode)? {
                if name != "." && name != ".." {
                    self.list(child, &path.join(name), seen, list)?;
                }
            }
        }
        Ok(())
    }

    /// Where a link leads.
    fn target(&self, inode: &Inode) -> Result<PathBuf> {
        if inode.size > MAX_PATH {
            return Err(self.damaged("the target of a link is too long"));
        }
        Ok(OsString::from_vec(self.data(inode)?).into())
    }

    /// A directory's names with their node numbers.
    fn children(&self, inode: &Inode) -> Result<Vec<(OsString, u64)>> {
        let data = self.data(inode)?;
        let mut list = Vec::new();
        for block in data.chunks(BLOCK as usize) {
            let first = if block.len() < DIRENT {
                0
            } else {
                usize::from(u16_at(block, 8))
            };
            if first < DIRENT || first % DIRENT != 0 || first > block.len() {
                return Err(self.damaged("a directory block has a wrong number of entries"));
            }
            for at in (0..first).step_by(DIRENT) {
                let start = usize::from(u16_at(block, at + 8));
                let end = if at + DIRENT < first {
                    usize::from(u16_at(block, at + DIRENT + 8))
                } else {
                    block.len()
                };
                let name = block
                    .get(start..end)
                    .ok_or_else(|| self.damaged("a name lies outside its directory"))?;
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                if name.is_empty() || name.contains(&b'/') {
                    return Err(self.damaged("a directory has an impossible name"));
                }
                list.push((OsString::from_vec(name.to_vec()), u64_at(block, at)));
            }
        }
        Ok(list)
    }

    fn inode(&self, nid: u64) -> Result<Inode> {
        let offset = nid
            .checked_mul(SLOT)
            .and_then(|offset| offset.checked_add(self.metadata));
        let offset = offset.ok_or_else(|| self.damaged("a node number is out of range"))?;
        let compact = self.bytes(offset, COMPACT_INODE)?;
        let format = u16_at(&compact, 0);
        let layout = format >> 1 & 7;
        let attributes = match u64::from(u16_at(&compact, 2)) {
            0 => 0,
            count => 12 + 4 * (count - 1),
        };
        let mode = u16_at(&compact, 4);
        if format & 1 == 0 {
            let (uid, gid) = (u32::from(u16_at(&compact, 24)), u32::from(u16_at(&compact, 26)));
            let size = u64::from(u32_at(&compact, 8));
            let (union, links) = (u32_at(&compact, 16), u32::from(u16_at(&compact, 6)));
            let header = COMPACT_INODE + attributes;
            return Ok(Inode {
                offset,
                mode,
                layout,
                size,
                union,
                uid,
                gid,
                links,
                mtime: self.time,
                header,
            });
        }
        let full = self.bytes(offset, EXTENDED_INODE)?;
        Ok(Inode {
            offset,
            mode,
            layout,
            size: u64_at(&full, 8),
            union: u32_at(&full, 16),
            uid: u32_at(&full, 24),
            gid: u32_at(&full, 28),
            links: u32_at(&full, 44),
            mtime: u64_at(&full, 32).cast_signed(),
            header: EXTENDED_INODE + attributes,
        })
    }

    /// All data of an inode.
    fn data(&self, inode: &Inode) -> Result<Vec<u8>> {
        let start = u64::from(inode.union) * BLOCK;
        match inode.layout {
            FLAT_PLAIN => self.bytes(start, inode.size),
            FLAT_INLINE => {
                let tail = inode.size % BLOCK;
                let mut data = self.bytes(start, inode.size - tail)?;
                data.extend(self.bytes(inode.offset + inode.header, tail)?);
                Ok(data)
            }
            _ => Err(Error::new(
                format!("{} holds compressed or chunked files", self.path.display()),
                "Make it with chiton build, or with mkfs.erofs without options",
            )),
        }
    }

    fn bytes(&self, offset: u64, size: u64) -> Result<Vec<u8>> {
        if size > 0 && offset.checked_add(size).is_none_or(|end| end > self.size) {
            return Err(self.damaged("it points beyond its end"));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| Error::io("read", &self.path, &error))?;
        Ok(bytes)
    }

    fn damaged(&self, what: &str) -> Error {
        let cause = format!("the image {} is damaged: {what}", self.path.display());
        Error::new(cause, "Build it again with chiton build")
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    array(bytes, at).map_or(0, u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    array(bytes, at).map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    array(bytes, at).map_or(0, u64::from_le_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
