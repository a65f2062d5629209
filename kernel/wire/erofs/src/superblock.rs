//! The superblock and what follows from it.

use crate::field::{place, u16_at, u32_at, u64_at};
use crate::{Error, Nid};

const MAGIC: u32 = 0xE0F5_E1E2;
/// Where the superblock begins in the image.
const OFFSET: usize = 1024;
const LEN: usize = 128;

const COMPAT_CHECKSUM: u32 = 0x1;
/// Compressed data is padded at the front: harmless, because compressed inodes are refused one by one.
const INCOMPAT_ZERO_PADDING: u32 = 0x1;
const INCOMPAT_CHUNKED_FILE: u32 = 0x4;

/// An EROFS image in memory.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) block_bits: u32,
    /// Byte offset of inode number zero.
    pub(crate) inodes: usize,
    /// Byte offset of shared attribute number zero.
    pub(crate) shared_attributes: usize,
    /// The time that compact inodes have.
    pub(crate) epoch: u64,
    root: u16,
    checksum: Option<u32>,
    inode_count: u64,
    block_count: u32,
}

impl<'a> Image<'a> {
    /// Checks the superblock.
    ///
    /// # Errors
    /// [`Error::NotErofs`] without the magic number, [`Error::Unsupported`] for unknown features, [`Error::Corrupt`] for impossible numbers.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let superblock = bytes.get(OFFSET..OFFSET + LEN).ok_or(Error::NotErofs)?;
        if u32_at(superblock, 0)? != MAGIC {
            return Err(Error::NotErofs);
        }
        let features = u32_at(superblock, 80)?;
        let extra_devices = u16_at(superblock, 86)?;
        if features & !(INCOMPAT_ZERO_PADDING | INCOMPAT_CHUNKED_FILE) != 0 || extra_devices != 0 {
            return Err(Error::Unsupported);
        }
        let [block_bits, _slots] = u16_at(superblock, 12)?.to_le_bytes();
        let [directory_bits, _] = u16_at(superblock, 90)?.to_le_bytes();
        if !(9..=12).contains(&block_bits) || directory_bits != 0 {
            return Err(Error::Unsupported);
        }
        let block_bits = u32::from(block_bits);
        let at_block = |field| place(u64::from(u32_at(superblock, field)?) << block_bits);
        let image = Self {
            bytes,
            block_bits,
            inodes: at_block(40)?,
            shared_attributes: at_block(44)?,
            epoch: u64_at(superblock, 24)?,
            root: u16_at(superblock, 14)?,
            checksum: if u32_at(superblock, 8)? & COMPAT_CHECKSUM == 0 {
                None
            } else {
                Some(u32_at(superblock, 4)?)
            },
            inode_count: u64_at(superblock, 16)?,
            block_count: u32_at(superblock, 36)?,
        };
        if image.inodes >= bytes.len() {
            Err(Error::Corrupt)
        } else {
            Ok(image)
        }
    }

    /// Checks the superblock's checksum over its block, if the image has one.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it does not match.
    pub fn verify_checksum(&self) -> Result<(), Error> {
        let Some(expected) = self.checksum else { return Ok(()) };
        // A block that begins before the superblock ends with its own end, as Linux counts it.
        let len = match self.block_size() {
            large if large > OFFSET => large - OFFSET,
            small => small,
        };
        let block = self.bytes.get(OFFSET..OFFSET + len).ok_or(Error::Corrupt)?;
        let (head, tail) = block.split_at_checked(8).ok_or(Error::Corrupt)?;
        let magic = head.get(..4).ok_or(Error::Corrupt)?;
        let sum = [magic, &[0; 4], tail].into_iter().fold(u32::MAX, crc32c);
        if sum == expected { Ok(()) } else { Err(Error::Corrupt) }
    }

    /// The size of a block in bytes: a power of two from 512 to 4096.
    #[must_use]
    pub fn block_size(&self) -> usize {
        1 << self.block_bits
    }

    /// The number of blocks that the superblock counts.
    #[must_use]
    pub fn block_count(&self) -> u32 {
        self.block_count
    }

    /// The number of inodes that the superblock counts.
    #[must_use]
    pub fn inode_count(&self) -> u64 {
        self.inode_count
    }

    /// The number of the root directory.
    #[must_use]
    pub fn root(&self) -> Nid {
        u64::from(self.root)
    }

    /// All bytes of the image, for mapping (see [`Image::data_offset`]).
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// `len` bytes from `offset`.
    pub(crate) fn slice(&self, offset: usize, len: usize) -> Result<&'a [u8], Error> {
        let end = offset.checked_add(len).ok_or(Error::Corrupt)?;
        self.bytes.get(offset..end).ok_or(Error::Corrupt)
    }
}

/// CRC-32C continued over `bytes`, without the final inversion. Bit by bit: a table would cost more to make than one block takes.
fn crc32c(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ if sum & 1 == 0 { 0 } else { 0x82F6_3B78 }
        })
    })
}
