//! EROFS images as checked views over bytes: the reader for a root file system that lies in memory.
//!
//! [`Image::new`] looks at the superblock only (some twenty fields; the checksum is a call of its own, [`Image::verify_checksum`], because it costs
//! instructions at boot). After that each call checks exactly what it uses, every time: nothing in the image is trusted, so that an image may
//! be made by anyone and even change under the reader's feet without more than wrong answers.
//!
//! | module | what |
//! |---|---|
//! | `superblock` | [`Image`], its features, its checksum |
//! | `inode` | [`Inode`] in the compact and the extended form, and where its data lies |
//! | `data` | runs of bytes, reading, symbolic links, places to map in place |
//! | `directory` | look-up and listing |
//! | `attribute` | extended attributes, inline and shared |
//! | `field` | little-endian fields of a byte slice |
//!
//! Supported: uncompressed data in the layouts plain, plain with inline tail, and chunks with block maps or indexes on the image itself.
//! Not supported, and refused: compressed inodes, further devices, images with 48-bit block numbers or long attribute prefixes.
//!
//! Reference: `fs/erofs/erofs_fs.h` of Linux 6.12.
#![no_std]
#![forbid(unsafe_code)]

mod attribute;
mod data;
mod directory;
mod field;
mod inode;
mod superblock;
#[cfg(test)]
mod tests;

pub use attribute::{Attribute, Attributes, Namespace};
pub use data::Run;
pub use directory::{Entries, Entry, FileType};
pub use inode::{Inode, Layout, Nid};
pub use superblock::Image;

/// Why an image or a part of it cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// No EROFS superblock. Linux: `EINVAL` from mounting.
    NotErofs,
    /// A feature that this reader does not know. Linux: `EOPNOTSUPP`.
    Unsupported,
    /// Something points outside the image or contradicts itself. Linux: `EUCLEAN`.
    Corrupt,
    /// The operation does not fit the kind of file: listing a regular file, reading the target of a directory.
    WrongKind,
}
