//! Writes a tree as an EROFS image.
//!
//! Three passes: give every node its place (sizes alone decide it), write all metadata from one small buffer, then copy
//! the files one after another. Only metadata and small files ever pass through our memory; large files are handed to
//! the operating system's own copy call.
//!
//! Layout: block 0 holds the superblock and the first inodes; inodes follow each other, never across a block boundary,
//! with link targets and the last part of directories right behind them; then whole blocks of directories; then the
//! files, in the tree's order, each on a block boundary.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::directory::{self, Entry};
use super::format::{
    BLOCK, BLOCK_BITS, COMPAT_CHECKSUM, COMPAT_MTIME, EXTENDED_INODE, FLAT_INLINE, FLAT_PLAIN, MAGIC, S_IFDIR, S_IFLNK,
    S_IFREG, SLOT, SUPER_OFFSET, SUPER_SIZE, crc32c, dirent_type,
};
use crate::error::{Error, Result};
use crate::tree::{Content, Kind, Node, Tree};

/// Files up to this size are gathered into one buffer instead of being copied by a call each.
const GATHER: u64 = 64 * 1024;

/// A node with its place in the image.
struct Inode<'a> {
    node: &'a Node,
    parent: usize,
    /// Indices of a directory's children, in the order of their names.
    children: Vec<usize>,
    size: u64,
    /// Offset of the inode in the image.
    offset: u64,
    /// First data block.
    block: u64,
    /// Whether the last partial block sits behind the inode.
    inline: bool,
}

impl Inode<'_> {
    fn nid(&self) -> u64 {
        self.offset / SLOT
    }

    fn mode(&self) -> u16 {
        self.node.attributes.mode
            | match &self.node.kind {
                Kind::Directory(_) => S_IFDIR,
                Kind::File(_) => S_IFREG,
                Kind::Symlink(_) => S_IFLNK,
                Kind::Special { file_type, .. } => *file_type,
            }
    }

    fn inline_size(&self) -> u64 {
        if self.inline { self.size % BLOCK } else { 0 }
    }

    fn whole_blocks(&self) -> u64 {
        if self.inline {
            self.size / BLOCK
        } else {
            self.size.div_ceil(BLOCK)
        }
    }
}

/// Writes `tree` into `out` (an empty file that belongs to us) and returns the image's size. `progress` hears how many
/// bytes of how many are written.
///
/// # Errors
/// A host file cannot be read or changed its size meanwhile, or `out` cannot be written.
pub fn write(tree: &Tree, out: &mut File, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
    let mut inodes = Vec::new();
    flatten(tree.root(), 0, &mut inodes);
    let metadata_end = place_metadata(&mut inodes)?;
    let total_blocks = place_data(&mut inodes, metadata_end);
    let total = total_blocks * BLOCK;

    let metadata = metadata(&inodes, metadata_end, total_blocks)?;
    let mut sink = Sink {
        out,
        buffer: metadata,
        position: 0,
        total,
        progress,
    };
    for inode in inodes.iter().filter(|inode| !matches!(inode.node.kind, Kind::File(_))) {
        let bytes = small_data(&inodes, inode);
        let whole = usize::try_from(inode.whole_blocks() * BLOCK)
            .unwrap_or(0)
            .min(bytes.len());
        sink.bytes(&bytes[..whole], inode.block)?;
    }
    for inode in &inodes {
        if let Kind::File(content) = &inode.node.kind {
            sink.content(content, inode.block)?;
        }
    }
    sink.finish(total)?;
    Ok(total)
}

/// Lists the tree, directories before their contents.
fn flatten<'a>(node: &'a Node, parent: usize, inodes: &mut Vec<Inode<'a>>) -> usize {
    let index = inodes.len();
    let size = match &node.kind {
        Kind::Directory(entries) => directory::size(sorted_names(entries).into_iter()),
        Kind::File(content) => content.size(),
        Kind::Symlink(target) => target.as_os_str().len() as u64,
        Kind::Special { .. } => 0,
    };
    let inline = match &node.kind {
        Kind::Directory(_) | Kind::Symlink(_) => size % BLOCK != 0 && size % BLOCK + EXTENDED_INODE <= BLOCK,
        _ => false,
    };
    inodes.push(Inode {
        node,
        parent,
        children: Vec::new(),
        size,
        offset: 0,
        block: 0,
        inline,
    });
    let children = node
        .entries()
        .into_iter()
        .flatten()
        .map(|(_, child)| flatten(child, index, inodes))
        .collect();
    inodes[index].children = children;
    index
}

fn sorted_names(entries: &BTreeMap<OsString, Node>) -> Vec<&[u8]> {
    let mut names: Vec<&[u8]> = entries
        .keys()
        .map(|name| name.as_bytes())
        .chain([&b"."[..], b".."])
        .collect();
    names.sort_unstable();
    names
}

/// Gives every inode its offset and returns the end of the metadata.
fn place_metadata(inodes: &mut [Inode<'_>]) -> Result<u64> {
    let mut at = SUPER_OFFSET + SUPER_SIZE;
    for inode in inodes.iter_mut() {
        let need = EXTENDED_INODE + inode.inline_size();
        if at % BLOCK + need > BLOCK {
            at = at.next_multiple_of(BLOCK);
        }
        inode.offset = at;
        at = (at + need).next_multiple_of(SLOT);
    }
    if u32::try_from(inodes.len()).is_err() {
        return Err(Error::new(
            "the image would have more than four thousand million files",
            "Leave some out",
        ));
    }
    Ok(at)
}

/// Gives every inode with whole blocks its first block and returns the number of blocks of the image.
fn place_data(inodes: &mut [Inode<'_>], metadata_end: u64) -> u64 {
    let mut next = metadata_end.div_ceil(BLOCK);
    for files in [false, true] {
        for inode in inodes
            .iter_mut()
            .filter(|inode| matches!(inode.node.kind, Kind::File(_)) == files)
        {
            inode.block = next;
            next += inode.whole_blocks();
        }
    }
    next
}

/// Everything before the data blocks.
fn metadata(inodes: &[Inode<'_>], end: u64, total_blocks: u64) -> Result<Vec<u8>> {
    let Ok(blocks) = u32::try_from(total_blocks) else {
        return Err(Error::new(
            "the image would be larger than 16 TiB",
            "Leave some files out",
        ));
    };
    let mut buffer = vec![0; usize::try_from(end.next_multiple_of(BLOCK)).unwrap_or(0)];
    for (number, inode) in inodes.iter().enumerate() {
        let at = usize::try_from(inode.offset).unwrap_or(0);
        put(&mut buffer, at, &encode_inode(inodes, number));
        if inode.inline {
            let data = small_data(inodes, inode);
            let whole = usize::try_from(inode.whole_blocks() * BLOCK).unwrap_or(0);
            put(&mut buffer, at + EXTENDED_INODE as usize, &data[whole..]);
        }
    }
    superblock(&mut buffer, inodes, blocks);
    Ok(buffer)
}

fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) {
    buffer[at..at + bytes.len()].copy_from_slice(bytes);
}

fn superblock(buffer: &mut [u8], inodes: &[Inode<'_>], blocks: u32) {
    let newest = inodes
        .iter()
        .map(|inode| inode.node.attributes.mtime)
        .max()
        .unwrap_or(0);
    let at = SUPER_OFFSET as usize;
    put(buffer, at, &MAGIC.to_le_bytes());
    put(buffer, at + 8, &(COMPAT_CHECKSUM | COMPAT_MTIME).to_le_bytes());
    buffer[at + 12] = BLOCK_BITS;
    put(
        buffer,
        at + 14,
        &u16::try_from(inodes[0].nid()).unwrap_or(0).to_le_bytes(),
    );
    put(buffer, at + 16, &(inodes.len() as u64).to_le_bytes());
    put(buffer, at + 24, &newest.to_le_bytes());
    put(buffer, at + 36, &blocks.to_le_bytes());
    put(buffer, at + 64, b"chiton");
    let checksum = crc32c(&buffer[at..BLOCK as usize]);
    put(buffer, at + 4, &checksum.to_le_bytes());
}

fn encode_inode(inodes: &[Inode<'_>], number: usize) -> Vec<u8> {
    let inode = &inodes[number];
    let attributes = &inode.node.attributes;
    let layout = if inode.inline { FLAT_INLINE } else { FLAT_PLAIN };
    let subdirectories = inode
        .children
        .iter()
        .filter(|child| inodes[**child].node.entries().is_some())
        .count();
    let (links, union) = match &inode.node.kind {
        Kind::Directory(_) => (2 + subdirectories, inode.block),
        Kind::Special { device, .. } => (1, u64::from(*device)),
        _ => (1, inode.block),
    };
    let mut out = Vec::with_capacity(EXTENDED_INODE as usize);
    out.extend((1 | layout << 1).to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    out.extend(inode.mode().to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    out.extend(inode.size.to_le_bytes());
    out.extend(u32::try_from(union).unwrap_or(0).to_le_bytes());
    out.extend(u32::try_from(number + 1).unwrap_or(0).to_le_bytes());
    out.extend(attributes.uid.to_le_bytes());
    out.extend(attributes.gid.to_le_bytes());
    out.extend(attributes.mtime.to_le_bytes());
    out.extend(attributes.mtime_nsec.to_le_bytes());
    out.extend(u32::try_from(links).unwrap_or(u32::MAX).to_le_bytes());
    out.resize(EXTENDED_INODE as usize, 0);
    out
}

/// The whole data of a directory or a link.
fn small_data(inodes: &[Inode<'_>], inode: &Inode<'_>) -> Vec<u8> {
    let entries = match &inode.node.kind {
        Kind::Directory(entries) => entries,
        Kind::Symlink(target) => return target.as_os_str().as_bytes().to_vec(),
        _ => return Vec::new(),
    };
    let named = entries.keys().zip(&inode.children).map(|(name, child)| {
        let child = &inodes[*child];
        Entry {
            name: name.as_bytes(),
            nid: child.nid(),
            file_type: dirent_type(child.mode()),
        }
    });
    let parent = inodes[inode.parent].nid();
    let dots = [(&b"."[..], inode.nid()), (b"..", parent)];
    let dots = dots.map(|(name, nid)| Entry {
        name,
        nid,
        file_type: dirent_type(S_IFDIR),
    });
    let mut list: Vec<Entry<'_>> = named.chain(dots).collect();
    list.sort_unstable_by_key(|entry| entry.name);
    directory::pack(&list)
}

/// Where the image goes: gathers small pieces, lets the operating system copy large ones.
struct Sink<'a> {
    out: &'a mut File,
    buffer: Vec<u8>,
    /// Offset in the image of the buffer's start.
    position: u64,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl Sink<'_> {
    fn content(&mut self, content: &Content, block: u64) -> Result<()> {
        let file = match content {
            Content::Bytes(bytes) => return self.bytes(bytes, block),
            Content::Host(file) => file,
        };
        if file.size == 0 {
            return Ok(());
        }
        let mut source = File::open(&file.path).map_err(|error| Error::io("read", &file.path, &error))?;
        let copied = if file.size <= GATHER {
            self.pad_to(block)?;
            (&mut source)
                .take(file.size)
                .read_to_end(&mut self.buffer)
                .map(|count| count as u64)
        } else {
            self.pad_to(block)?;
            self.flush()?;
            io::copy(&mut source.take(file.size), self.out).inspect(|count| self.position += count)
        };
        let copied = copied.map_err(|error| Error::io("copy", &file.path, &error))?;
        (self.progress)(self.position, self.total);
        if copied < file.size {
            return Err(shrunk(&file.path));
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8], block: u64) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.pad_to(block)?;
        self.buffer.extend(bytes);
        Ok(())
    }

    /// Zeros up to the block.
    fn pad_to(&mut self, block: u64) -> Result<()> {
        let ahead = block * BLOCK - self.position;
        self.buffer.resize(usize::try_from(ahead).unwrap_or(0), 0);
        if ahead > 16 * GATHER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.out.write_all(&self.buffer).map_err(|error| cannot_write(&error))?;
        self.position += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self, total: u64) -> Result<()> {
        self.flush()?;
        self.out.set_len(total).map_err(|error| cannot_write(&error))?;
        self.out
            .seek(SeekFrom::Start(0))
            .map_err(|error| cannot_write(&error))?;
        (self.progress)(total, total);
        Ok(())
    }
}

fn cannot_write(error: &io::Error) -> Error {
    Error::io("write", Path::new("the image"), error)
}

fn shrunk(path: &Path) -> Error {
    let cause = format!("{} became shorter while it was being copied", path.display());
    Error::new(cause, "Try again when nothing writes to it")
}
