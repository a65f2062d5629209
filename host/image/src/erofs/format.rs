//! Sizes, offsets and constants of the EROFS on-disk format (uncompressed part), as Linux documents them in
//! `Documentation/filesystems/erofs.rst` and `fs/erofs/erofs_fs.h`. All numbers are little-endian.

/// Block size of every image that Chiton writes: a page, so that file blocks can be mapped.
pub(crate) const BLOCK: u64 = 4096;
/// The same as a power of two.
pub(crate) const BLOCK_BITS: u8 = 12;
/// Where the superblock starts.
pub(crate) const SUPER_OFFSET: u64 = 1024;
/// Its size without extensions.
pub(crate) const SUPER_SIZE: u64 = 128;
/// Its first four bytes.
pub(crate) const MAGIC: u32 = 0xe0f5_e1e2;
/// The superblock carries a checksum.
pub(crate) const COMPAT_CHECKSUM: u32 = 1;
/// Inodes carry their modification time.
pub(crate) const COMPAT_MTIME: u32 = 2;
/// A node number counts slots of this size from the start of the metadata area.
pub(crate) const SLOT: u64 = 32;
/// Size of a compact inode.
pub(crate) const COMPACT_INODE: u64 = 32;
/// Size of an extended inode, the only kind that Chiton writes, because a compact one has no time.
pub(crate) const EXTENDED_INODE: u64 = 64;
/// Size of a directory entry without its name.
pub(crate) const DIRENT: usize = 12;

/// Data layout: whole blocks, one after another.
pub(crate) const FLAT_PLAIN: u16 = 0;
/// Data layout: whole blocks, and the last partial one right behind the inode.
pub(crate) const FLAT_INLINE: u16 = 2;

/// `S_IFMT` and the file types.
pub(crate) const S_IFMT: u16 = 0o170_000;
pub(crate) const S_IFSOCK: u16 = 0o140_000;
pub(crate) const S_IFLNK: u16 = 0o120_000;
pub(crate) const S_IFREG: u16 = 0o100_000;
pub(crate) const S_IFBLK: u16 = 0o060_000;
pub(crate) const S_IFDIR: u16 = 0o040_000;
pub(crate) const S_IFCHR: u16 = 0o020_000;
pub(crate) const S_IFIFO: u16 = 0o010_000;

/// The type byte of a directory entry for a file of this mode.
pub(crate) fn dirent_type(mode: u16) -> u8 {
    match mode & S_IFMT {
        S_IFREG => 1,
        S_IFDIR => 2,
        S_IFCHR => 3,
        S_IFBLK => 4,
        S_IFIFO => 5,
        S_IFSOCK => 6,
        S_IFLNK => 7,
        _ => 0,
    }
}

/// CRC-32C (Castagnoli), started with all ones and without the final inversion, as EROFS uses it.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksum_matches_the_published_check_value() {
        assert_eq!(!super::crc32c(b"123456789"), 0xe306_9283);
    }
}
