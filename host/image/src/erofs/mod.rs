//! EROFS, the format of the root image: a writer for [`crate::Tree`]s and a reader for `chiton inspect`.
//!
//! Uncompressed only, on purpose: every regular file's data starts on a block boundary and its last block is padded with
//! zeros, so that the guest maps programs straight out of the image without copying.
//!
//! | module | holds |
//! |---|---|
//! | `format` | sizes, offsets, constants, the checksum |
//! | `directory` | directory blocks |
//! | `writer` | layout and writing |
//! | `reader` | reading an image back |

mod directory;
mod format;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::{Entry, EntryKind, Image, is_image};
pub use writer::write;
