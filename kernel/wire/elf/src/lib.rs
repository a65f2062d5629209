//! ELF files as checked views over bytes: what `execve` needs to know before it maps a program.
//!
//! Three steps, each over bytes that the caller has read: [`Header::parse`] from the first 64 bytes, then the program header table that
//! [`Header::table`] points to, then [`Plan::new`] over that table. Nothing is allocated and nothing outside the table is looked at, so that a hostile
//! file can produce wrong numbers inside the stated limits, but no panic and no overflow.
//!
//! What is accepted is what Linux accepts (`fs/binfmt_elf.c`, 6.12), including what it does not look at: the class and data encoding bytes of the
//! identification, the order of segments, section headers, versions. [`Error::verdict`] gives the error Linux would.
//!
//! It does not read files, know errno numbers, apply relocations (the program's own interpreter does) or look at notes.
#![no_std]
#![forbid(unsafe_code)]

mod error;
mod header;
mod plan;
#[cfg(test)]
mod tests;

pub use error::{Error, Role, Verdict};
pub use header::{
    HEADER_LEN, Header, Kind, Machine, PROGRAM_HEADER_LEN, ProgramHeader, ProgramHeaders, SegmentFlags, program_type,
};
pub use plan::{Plan, Segment, Segments, interpreter_name};
