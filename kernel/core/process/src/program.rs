//! What runs in a process: its file, its name, where its arguments lie.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use vfs::Running;

/// What `execve` put into a process.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The file that was run, and as long as it runs is not written.
    pub file: Option<Arc<Running>>,
    /// Where its arguments lie in its memory.
    pub arguments: Range<u64>,
    /// Where its environment lies in its memory.
    pub environment: Range<u64>,
    /// The auxiliary vector, as bytes.
    pub auxiliary: Vec<u8>,
    /// Where its text, data and stack begin, for `/proc/self/stat`.
    pub text: Range<u64>,
    /// See `text`.
    pub data: Range<u64>,
    /// See `text`.
    pub stack: u64,
}
