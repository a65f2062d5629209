//! Directory blocks: an array of fixed entries, then the names they point at.
//!
//! Entries are sorted by the bytes of their names over the whole directory (`.` and `..` among them), because readers
//! search by bisection, first over blocks and then inside one. A name never crosses a block.

use super::format::{BLOCK, DIRENT};

/// One entry before it is written.
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) nid: u64,
    pub(crate) file_type: u8,
}

/// How many bytes a directory with these names (sorted) takes.
pub(crate) fn size<'a>(names: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut blocks = 0;
    let mut used = 0;
    for name in names {
        let need = (DIRENT + name.len()) as u64;
        if used + need > BLOCK {
            blocks += 1;
            used = 0;
        }
        used += need;
    }
    blocks * BLOCK + used
}

/// The bytes of a directory with these entries (sorted); as long as [`size`] says.
pub(crate) fn pack(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let count = fitting(rest);
        let (now, later) = rest.split_at(count);
        let start = out.len();
        let mut name_offset = count * DIRENT;
        for entry in now {
            out.extend(entry.nid.to_le_bytes());
            out.extend(u16::try_from(name_offset).unwrap_or(0).to_le_bytes());
            out.extend([entry.file_type, 0]);
            name_offset += entry.name.len();
        }
        now.iter().for_each(|entry| out.extend(entry.name));
        if !later.is_empty() {
            out.resize(start + BLOCK as usize, 0);
        }
        rest = later;
    }
    out
}

/// How many of the entries fit into one block.
fn fitting(entries: &[Entry<'_>]) -> usize {
    let mut used = 0;
    let full = entries.iter().position(|entry| {
        used += DIRENT + entry.name.len();
        used as u64 > BLOCK
    });
    full.unwrap_or(entries.len())
}
