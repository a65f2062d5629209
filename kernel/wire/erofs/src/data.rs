//! The bytes of files.

use crate::field::{place, u16_at, u32_at};
use crate::{Error, Image, Inode, Layout};

/// The block number that stands for a hole.
const NO_BLOCK: u32 = u32::MAX;
const PAGE: usize = 4096;

/// A piece of a file that lies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run<'a> {
    /// Bytes of the image.
    Bytes(&'a [u8]),
    /// So many zeros.
    Hole(u64),
}

/// A [`Run`] as places: `None` is a hole.
struct Extent {
    offset: Option<usize>,
    len: u64,
}

impl<'a> Image<'a> {
    /// The piece of the file that begins at `offset` and reaches as far as it lies together; empty at or after the end.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the data lies outside the image.
    #[inline]
    pub fn run(&self, inode: &Inode, offset: u64) -> Result<Run<'a>, Error> {
        let extent = self.extent(inode, offset)?;
        match extent.offset {
            Some(at) => Ok(Run::Bytes(self.slice(at, place(extent.len)?)?)),
            None => Ok(Run::Hole(extent.len)),
        }
    }

    /// Reads into `buffer` from `offset` on; less than the buffer's length only at the end of the file.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the data lies outside the image.
    pub fn read(&self, inode: &Inode, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let len = match self.run(inode, offset.saturating_add(done as u64))? {
                Run::Bytes(bytes) => {
                    let len = bytes.len().min(rest.len());
                    if let (Some(to), Some(from)) = (rest.get_mut(..len), bytes.get(..len)) {
                        to.copy_from_slice(from);
                    }
                    len
                }
                Run::Hole(len) => {
                    let len = usize::try_from(len).unwrap_or(usize::MAX).min(rest.len());
                    rest.iter_mut().take(len).for_each(|byte| *byte = 0);
                    len
                }
            };
            if len == 0 {
                break;
            }
            done += len;
        }
        Ok(done)
    }

    /// Where in the image the file's 4096-byte page number `page` lies, if it lies there as a whole page on a page boundary of the image and can
    /// be mapped in place. `None` for holes, inline tails, pages at or after the end, and blocks smaller than a page that are not aligned.
    ///
    /// The last page of a file counts as whole if its block does: what the image has behind the file's end (zeros, if it is well made) is seen.
    #[must_use]
    pub fn data_offset(&self, inode: &Inode, page: u64) -> Option<usize> {
        let offset = page.checked_mul(PAGE as u64)?;
        let extent = self.extent(inode, offset).ok()?;
        let at = extent.offset?;
        let whole = match inode.layout {
            Layout::Inline { .. } => extent.len >= PAGE as u64,
            _ => extent.len >= PAGE as u64 || (extent.len != 0 && offset + extent.len == inode.size),
        };
        (whole && at % PAGE == 0 && at.checked_add(PAGE)? <= self.bytes.len()).then_some(at)
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// [`Error::WrongKind`] for other files, [`Error::Corrupt`] if the target is not in one piece.
    pub fn readlink(&self, inode: &Inode) -> Result<&'a [u8], Error> {
        if !inode.is_symlink() {
            return Err(Error::WrongKind);
        }
        match self.run(inode, 0)? {
            Run::Bytes(target) if target.len() as u64 == inode.size => Ok(target),
            _ => Err(Error::Corrupt),
        }
    }

    fn extent(&self, inode: &Inode, offset: u64) -> Result<Extent, Error> {
        let Some(left) = inode.size.checked_sub(offset).filter(|left| *left != 0) else {
            return Ok(Extent { offset: None, len: 0 });
        };
        match inode.layout {
            Layout::None => Ok(Extent { offset: None, len: 0 }),
            Layout::Plain { start } => Ok(Extent {
                offset: Some(within(start, offset)?),
                len: left,
            }),
            Layout::Inline { start, tail } => self.inline_extent(inode, offset, start, tail),
            Layout::Chunks { table, bits, indexes } => self.chunk_extent(offset, left, table, bits, indexes),
        }
    }

    fn inline_extent(&self, inode: &Inode, offset: u64, start: usize, tail: usize) -> Result<Extent, Error> {
        let block_mask = self.block_size() as u64 - 1;
        // The last block, full or not, is the tail.
        let blocks_end = (inode.size - 1) & !block_mask;
        if offset < blocks_end {
            return Ok(Extent {
                offset: Some(within(start, offset)?),
                len: blocks_end - offset,
            });
        }
        let tail_len = inode.size - blocks_end;
        if (tail as u64 & block_mask) + tail_len > block_mask + 1 {
            return Err(Error::Corrupt);
        }
        Ok(Extent {
            offset: Some(within(tail, offset - blocks_end)?),
            len: inode.size - offset,
        })
    }

    fn chunk_extent(&self, offset: u64, left: u64, table: usize, bits: u32, indexes: bool) -> Result<Extent, Error> {
        let within_chunk = offset & ((1 << bits) - 1);
        let len = left.min((1 << bits) - within_chunk);
        let number = place(offset >> bits)?;
        let block = if indexes {
            let entry = self.slice(within(table, number.checked_mul(8).ok_or(Error::Corrupt)? as u64)?, 8)?;
            if u16_at(entry, 0)? != 0 || u16_at(entry, 2)? != 0 {
                return Err(Error::Unsupported);
            }
            u32_at(entry, 4)?
        } else {
            u32_at(
                self.slice(within(table, number.checked_mul(4).ok_or(Error::Corrupt)? as u64)?, 4)?,
                0,
            )?
        };
        let offset = if block == NO_BLOCK {
            None
        } else {
            Some(within(self.block(block)?, within_chunk)?)
        };
        Ok(Extent { offset, len })
    }
}

fn within(start: usize, offset: u64) -> Result<usize, Error> {
    start.checked_add(place(offset)?).ok_or(Error::Corrupt)
}
