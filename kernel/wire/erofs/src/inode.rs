//! Inodes.

use crate::field::{place, u16_at, u32_at, u64_at};
use crate::{Error, Image};

/// The number of an inode: its place in units of 32 bytes.
pub type Nid = u64;

/// The file type bits of a mode.
const TYPE_MASK: u16 = 0o170_000;
/// What is left of `xattr_icount` units: a header of 12 bytes is the first unit.
const ATTRIBUTE_HEADER: usize = 12;
const CHUNK_BITS: u16 = 0x1f;
const CHUNK_INDEXES: u16 = 0x20;

/// Where an inode's data lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// No data: a device, pipe or socket.
    None,
    /// All of it from one place on, starting at a block.
    Plain {
        /// Byte offset of the first block in the image.
        start: usize,
    },
    /// Whole blocks from one place on, and the last one's bytes behind the inode.
    Inline {
        /// Byte offset of the first block in the image.
        start: usize,
        /// Byte offset of the last block's bytes in the image.
        tail: usize,
    },
    /// Chunks of several blocks each, found through a table behind the inode.
    Chunks {
        /// Byte offset of the table in the image.
        table: usize,
        /// The size of a chunk, as a power of two.
        bits: u32,
        /// Whether the table's entries are indexes of 8 bytes rather than block numbers of 4.
        indexes: bool,
    },
}

/// An inode, as the image has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inode {
    /// Its number in the image.
    pub nid: Nid,
    /// The number that `stat` shows.
    pub ino: u32,
    /// File type and permissions, as in `st_mode`.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of links.
    pub nlink: u32,
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in seconds.
    pub mtime: u64,
    /// And nanoseconds.
    pub mtime_nsec: u32,
    /// The device, for device files, in Linux's 32-bit encoding (`new_encode_dev`).
    pub rdev: u32,
    /// Where the data lies.
    pub layout: Layout,
    /// Byte offset of the inline attributes and their length.
    pub(crate) attributes: (usize, usize),
}

impl Inode {
    /// Whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.mode & TYPE_MASK == 0o040_000
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.mode & TYPE_MASK == 0o120_000
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        self.mode & TYPE_MASK == 0o100_000
    }
}

impl<'a> Image<'a> {
    /// Reads an inode.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a number or field that cannot be, [`Error::Unsupported`] for compressed data.
    pub fn inode(&self, nid: Nid) -> Result<Inode, Error> {
        let offset = place(nid.checked_mul(32).ok_or(Error::Corrupt)?)?
            .checked_add(self.inodes)
            .ok_or(Error::Corrupt)?;
        let compact = self.slice(offset, 32)?;
        let format = u16_at(compact, 0)?;
        let (mut inode, len) = if format & 1 == 0 {
            (self.compact(nid, compact)?, 32)
        } else {
            (extended(nid, self.slice(offset, 64)?)?, 64)
        };
        let attributes_len = match usize::from(u16_at(compact, 2)?) {
            0 => 0,
            units => ATTRIBUTE_HEADER + 4 * (units - 1),
        };
        inode.attributes = (offset + len, attributes_len);
        inode.layout = self.layout(&mut inode, format >> 1, u32_at(compact, 16)?)?;
        Ok(inode)
    }

    fn compact(&self, nid: Nid, bytes: &[u8]) -> Result<Inode, Error> {
        Ok(Inode {
            nid,
            ino: u32_at(bytes, 20)?,
            mode: u16_at(bytes, 4)?,
            uid: u32::from(u16_at(bytes, 24)?),
            gid: u32::from(u16_at(bytes, 26)?),
            nlink: u32::from(u16_at(bytes, 6)?),
            size: u64::from(u32_at(bytes, 8)?),
            mtime: self.epoch,
            mtime_nsec: 0,
            rdev: 0,
            layout: Layout::None,
            attributes: (0, 0),
        })
    }

    /// Where the data lies. `union` is the field whose meaning depends on the kind of file and the layout.
    fn layout(&self, inode: &mut Inode, layout: u16, union: u32) -> Result<Layout, Error> {
        match inode.mode & TYPE_MASK {
            0o100_000 | 0o040_000 | 0o120_000 => {}
            0o020_000 | 0o060_000 => {
                inode.rdev = union;
                return Ok(Layout::None);
            }
            0o010_000 | 0o140_000 => return Ok(Layout::None),
            _ => return Err(Error::Corrupt),
        }
        if inode.size > i64::MAX.unsigned_abs() {
            return Err(Error::Corrupt);
        }
        let behind = inode.attributes.0 + inode.attributes.1;
        match layout & 7 {
            0 => Ok(Layout::Plain {
                start: self.block(union)?,
            }),
            2 => Ok(Layout::Inline {
                start: self.block(union)?,
                tail: behind,
            }),
            4 => {
                let [low, high, ..] = union.to_le_bytes();
                let format = u16::from_le_bytes([low, high]);
                let indexes = format & CHUNK_INDEXES != 0;
                if format & !(CHUNK_BITS | CHUNK_INDEXES) != 0 {
                    return Err(Error::Unsupported);
                }
                let table = behind.next_multiple_of(if indexes { 8 } else { 4 });
                Ok(Layout::Chunks {
                    table,
                    bits: self.block_bits + u32::from(format & CHUNK_BITS),
                    indexes,
                })
            }
            1 | 3 => Err(Error::Unsupported),
            _ => Err(Error::Corrupt),
        }
    }

    /// Byte offset of a block. It may lie behind the end of the image: files without data often say −1.
    pub(crate) fn block(&self, number: u32) -> Result<usize, Error> {
        place(u64::from(number) << self.block_bits)
    }
}

fn extended(nid: Nid, bytes: &[u8]) -> Result<Inode, Error> {
    Ok(Inode {
        nid,
        ino: u32_at(bytes, 20)?,
        mode: u16_at(bytes, 4)?,
        uid: u32_at(bytes, 24)?,
        gid: u32_at(bytes, 28)?,
        nlink: u32_at(bytes, 44)?,
        size: u64_at(bytes, 8)?,
        mtime: u64_at(bytes, 32)?,
        mtime_nsec: u32_at(bytes, 40)?,
        rdev: 0,
        layout: Layout::None,
        attributes: (0, 0),
    })
}
