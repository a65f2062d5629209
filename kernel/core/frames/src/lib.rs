//! Physical memory: who owns which frame, and the kernel heap.
//!
//! RAM is handled in *chunks* of 2 MiB. A chunk is unknown to the kernel until it is needed; then it is *accepted* (on a plain
//! machine that means: entered in the direct map), gets one page of bookkeeping and serves single frames, small runs, or, while it is
//! whole, one 2 MiB page. That makes boot independent of the memory size, and lets a chunk that became empty go back to the host whole.
//!
//! | module | what it owns |
//! |---|---|
//! | [`chunk`] | one chunk's bitmap of free frames and its reference counts: pure, tested by itself |
//! | [`pool`] | all chunks: which are whole, which have holes |
//! | `cache` | single frames, a few for each CPU |
//! | [`page`] | [`Page`]: an owned, counted reference to a frame, with safe access to its bytes |
//! | [`huge`] | [`HugePage`]: the same for 2 MiB, which may come apart |
//! | [`heap`] | the kernel heap: size classes over frames |
//! | [`append`] | bytes that go straight behind those of a vector, without room being cleared for them first |
//!
//! Invariants: a frame is in exactly one place (free bit, CPU cache, a `Page`'s count, or the heap). The last [`reserve`] frames are
//! for the kernel alone, so that a program that eats all memory is refused before the kernel is.
//! Lock order: CPU cache → pool; heap class → pool. It does not do: NUMA, compaction.
#![no_std]
// UNSAFETY: this crate is where a frame number becomes memory; everything above it sees only owned pages.
#![expect(unsafe_code, reason = "frame ownership is made here")]

extern crate alloc;

pub mod append;
mod cache;
pub mod chunk;
pub mod heap;
pub mod huge;
pub mod page;
pub mod pool;

pub use huge::HugePage;
pub use page::{Page, kernel_run};
pub use pool::{OutOfMemory, Usage, add_ram, has_headroom, reserve, show, usage};
