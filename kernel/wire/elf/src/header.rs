//! The file header and the program headers, as they lie in the file.

use core::ops::Range;

use crate::Error;

/// Values of a program header's type (`p_type`).
pub mod program_type {
    /// A segment to be mapped.
    pub const LOAD: u32 = 1;
    /// The dynamic section.
    pub const DYNAMIC: u32 = 2;
    /// The name of the interpreter.
    pub const INTERP: u32 = 3;
    /// The program header table itself.
    pub const PHDR: u32 = 6;
    /// The template of thread-local storage.
    pub const TLS: u32 = 7;
    /// Whether the stack is to be executable.
    pub const GNU_STACK: u32 = 0x6474_e551;
}

/// The instruction set a file was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// `EM_X86_64`.
    X86_64,
    /// `EM_AARCH64`.
    Aarch64,
}

/// How the file's addresses are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `ET_EXEC`: absolute.
    Fixed,
    /// `ET_DYN`: relative to wherever it is put.
    Relocatable,
}

/// The file header, reduced to what loading needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// How the file's addresses are meant.
    pub kind: Kind,
    /// The instruction set.
    pub machine: Machine,
    /// The entry point, not yet moved.
    pub entry: u64,
    table_offset: u64,
    count: u16,
}

/// The size of the file header.
pub const HEADER_LEN: usize = 64;
/// The size of one program header.
pub const PROGRAM_HEADER_LEN: usize = 56;

impl Header {
    /// Reads the header from the file's first bytes (64 or more).
    ///
    /// # Errors
    /// What makes the file not loadable, in the order in which Linux looks.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let head: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(Error::Short)?;
        if !head.starts_with(b"\x7fELF") {
            return Err(Error::NotElf);
        }
        let kind = match u16_at(head, 16) {
            2 => Kind::Fixed,
            3 => Kind::Relocatable,
            _ => return Err(Error::NotLoadable),
        };
        let machine = match u16_at(head, 18) {
            62 => Machine::X86_64,
            183 => Machine::Aarch64,
            _ => return Err(Error::OtherMachine),
        };
        let (entry_size, count) = (u16_at(head, 54), u16_at(head, 56));
        let len = usize::from(count) * PROGRAM_HEADER_LEN;
        if usize::from(entry_size) != PROGRAM_HEADER_LEN || len == 0 || len > 65536 {
            return Err(Error::Table);
        }
        let table_offset = u64_at(head, 32);
        // A file offset is signed on Linux; a table beyond that cannot be read.
        if table_offset > i64::MAX.unsigned_abs() - 65536 {
            return Err(Error::Table);
        }
        Ok(Self {
            kind,
            machine,
            entry: u64_at(head, 24),
            table_offset,
            count,
        })
    }

    /// Where in the file the program header table lies. If the file is shorter, that is [`Error::Table`].
    #[must_use]
    pub fn table(&self) -> Range<u64> {
        self.table_offset..self.table_offset + u64::from(self.count) * PROGRAM_HEADER_LEN as u64
    }

    /// The number of program headers (`AT_PHNUM`).
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The program headers in the bytes of the table.
    ///
    /// # Errors
    /// [`Error::Table`] if there are fewer bytes than the header promised.
    pub fn program_headers<'a>(&self, table: &'a [u8]) -> Result<ProgramHeaders<'a>, Error> {
        let rest = table
            .get(..usize::from(self.count) * PROGRAM_HEADER_LEN)
            .ok_or(Error::Table)?;
        Ok(ProgramHeaders { rest })
    }
}

/// A segment's permissions (`p_flags`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentFlags(pub u32);

impl SegmentFlags {
    /// `PF_X`.
    #[must_use]
    pub const fn execute(self) -> bool {
        self.0 & 1 != 0
    }

    /// `PF_W`.
    #[must_use]
    pub const fn write(self) -> bool {
        self.0 & 2 != 0
    }

    /// `PF_R`.
    #[must_use]
    pub const fn read(self) -> bool {
        self.0 & 4 != 0
    }
}

/// One program header, as it lies in the file: nothing about it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramHeader {
    /// What it describes: see [`program_type`].
    pub kind: u32,
    /// Permissions.
    pub flags: SegmentFlags,
    /// Where in the file.
    pub offset: u64,
    /// At which address, not yet moved.
    pub vaddr: u64,
    /// How many bytes of the file.
    pub file_size: u64,
    /// How many bytes of memory.
    pub mem_size: u64,
    /// Alignment asked for.
    pub align: u64,
}

impl ProgramHeader {
    fn parse(bytes: &[u8; PROGRAM_HEADER_LEN]) -> Self {
        Self {
            kind: u32_at(bytes, 0),
            flags: SegmentFlags(u32_at(bytes, 4)),
            offset: u64_at(bytes, 8),
            vaddr: u64_at(bytes, 16),
            file_size: u64_at(bytes, 32),
            mem_size: u64_at(bytes, 40),
            align: u64_at(bytes, 48),
        }
    }
}

/// The program headers of a table, in the file's order.
#[derive(Debug, Clone)]
pub struct ProgramHeaders<'a> {
    rest: &'a [u8],
}

impl Iterator for ProgramHeaders<'_> {
    type Item = ProgramHeader;

    fn next(&mut self) -> Option<ProgramHeader> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(ProgramHeader::parse(head))
    }
}

// The offsets are constants inside the arrays' lengths, so that these never fail and cost one load each.
fn u16_at<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |raw| u16::from_le_bytes(*raw))
}

fn u32_at<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |raw| u32::from_le_bytes(*raw))
}

fn u64_at<const N: usize>(bytes: &[u8; N], at: usize) -> u64 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |raw| u64::from_le_bytes(*raw))
}
