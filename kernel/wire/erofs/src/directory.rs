//! Directories: blocks of sorted entries, sorted among each other, so that a look-up is two binary searches.
//!
//! A block begins with its entries of 12 bytes (inode number, place of the name, type); the first entry's place of the name tells how many there are.
//! A name reaches to the place of the next one; the last one to the end of the block or to a NUL.

use core::cmp::Ordering;

use crate::field::{place, u16_at, u64_at};
use crate::{Error, Image, Inode, Nid, Run};

const ENTRY: usize = 12;
const NAME_MAX: usize = 255;

/// What kind of file an entry names, so that a listing needs no inodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// The image does not say.
    Unknown,
    /// Regular file.
    Regular,
    /// Directory.
    Directory,
    /// Character device.
    Character,
    /// Block device.
    Block,
    /// Named pipe.
    Pipe,
    /// Socket.
    Socket,
    /// Symbolic link.
    Symlink,
}

impl FileType {
    fn from_raw(raw: u8) -> Self {
        match raw {
            1 => Self::Regular,
            2 => Self::Directory,
            3 => Self::Character,
            4 => Self::Block,
            5 => Self::Pipe,
            6 => Self::Socket,
            7 => Self::Symlink,
            _ => Self::Unknown,
        }
    }
}

/// An entry of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name; "." and ".." are listed too. Never empty, never with a slash or NUL.
    pub name: &'a [u8],
    /// The inode.
    pub nid: Nid,
    /// Its kind.
    pub file_type: FileType,
    /// The offset at which a listing goes on behind this entry.
    pub next: u64,
}

/// The used bytes of one block of a directory, and the number of its entries (at least one).
#[derive(Debug, Clone, Copy)]
struct Block<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Block<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let names = usize::from(u16_at(bytes, 8)?);
        if names < ENTRY || names >= bytes.len() {
            return Err(Error::Corrupt);
        }
        Ok(Self {
            bytes,
            count: names / ENTRY,
        })
    }

    fn name(&self, index: usize) -> Result<&'a [u8], Error> {
        let start = usize::from(u16_at(self.bytes, index * ENTRY + 8)?);
        let name = if index + 1 < self.count {
            self.bytes
                .get(start..usize::from(u16_at(self.bytes, (index + 1) * ENTRY + 8)?))
        } else {
            self.bytes
                .get(start..)
                .and_then(|rest| rest.split(|byte| *byte == 0).next())
        };
        match name {
            Some(name) if !name.is_empty() && name.len() <= NAME_MAX => Ok(name),
            _ => Err(Error::Corrupt),
        }
    }

    fn nid(&self, index: usize) -> Result<Nid, Error> {
        u64_at(self.bytes, index * ENTRY)
    }

    fn file_type(&self, index: usize) -> FileType {
        self.bytes
            .get(index * ENTRY + 10)
            .map_or(FileType::Unknown, |raw| FileType::from_raw(*raw))
    }

    /// The entry with that name.
    fn find(&self, name: &[u8]) -> Result<Option<usize>, Error> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.name(middle)?.cmp(name) {
                Ordering::Equal => return Ok(Some(middle)),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }
}

impl<'a> Image<'a> {
    /// Finds a name in a directory ("." and ".." too).
    ///
    /// # Errors
    /// [`Error::WrongKind`] if it is no directory, [`Error::Corrupt`] if what was looked at is not well-formed.
    pub fn lookup(&self, directory: &Inode, name: &[u8]) -> Result<Option<(Nid, FileType)>, Error> {
        if !directory.is_directory() {
            return Err(Error::WrongKind);
        }
        // The last block whose first name is not greater than the name.
        let (mut low, mut high) = (0, directory.size.div_ceil(self.block_size() as u64));
        let mut candidate = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let block = self.directory_block(directory, middle)?;
            match block.name(0)?.cmp(name) {
                Ordering::Equal => return Ok(Some((block.nid(0)?, block.file_type(0)))),
                Ordering::Less => {
                    candidate = Some(block);
                    low = middle + 1;
                }
                Ordering::Greater => high = middle,
            }
        }
        let Some(block) = candidate else { return Ok(None) };
        match block.find(name)? {
            Some(index) => Ok(Some((block.nid(index)?, block.file_type(index)))),
            None => Ok(None),
        }
    }

    /// Lists a directory from `offset` on: zero or an earlier entry's [`Entry::next`]. After an error the listing ends.
    ///
    /// # Errors
    /// [`Error::WrongKind`] if it is no directory.
    pub fn readdir(&self, directory: &Inode, offset: u64) -> Result<Entries<'a>, Error> {
        if !directory.is_directory() {
            return Err(Error::WrongKind);
        }
        Ok(Entries {
            image: *self,
            directory: *directory,
            block: None,
            offset,
        })
    }

    fn directory_block(&self, directory: &Inode, number: u64) -> Result<Block<'a>, Error> {
        let offset = number << self.block_bits;
        match self.run(directory, offset)? {
            Run::Bytes(bytes) => Block::new(bytes.get(..self.block_size()).unwrap_or(bytes)),
            Run::Hole(_) => Err(Error::Corrupt),
        }
    }
}

/// A listing of a directory in the order of names (byte order).
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    image: Image<'a>,
    directory: Inode,
    /// The block that `offset` lies in, once it was looked at.
    block: Option<Block<'a>>,
    offset: u64,
}

impl<'a> Entries<'a> {
    fn entry(&mut self) -> Result<Entry<'a>, Error> {
        let mask = self.image.block_size() as u64 - 1;
        let block = match self.block {
            Some(block) => block,
            None => self
                .image
                .directory_block(&self.directory, self.offset >> self.image.block_bits)?,
        };
        let index = place(self.offset & mask)? / ENTRY;
        if index >= block.count {
            // Only for an offset that no entry gave: behind the entries of its block.
            return Err(Error::Corrupt);
        }
        let last = index + 1 == block.count;
        let next = if last {
            (self.offset | mask) + 1
        } else {
            (self.offset & !mask) + ((index + 1) * ENTRY) as u64
        };
        self.block = if last { None } else { Some(block) };
        self.offset = next;
        let name = block.name(index)?;
        if name.contains(&b'/') || name.contains(&0) {
            return Err(Error::Corrupt);
        }
        Ok(Entry {
            name,
            nid: block.nid(index)?,
            file_type: block.file_type(index),
            next,
        })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.directory.size {
            return None;
        }
        let entry = self.entry();
        if entry.is_err() {
            self.offset = u64::MAX;
        }
        Some(entry)
    }
}
