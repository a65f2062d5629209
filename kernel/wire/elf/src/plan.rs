//! What is to be mapped, checked.

use core::ops::Range;

use crate::{Error, Header, Kind, ProgramHeader, ProgramHeaders, SegmentFlags, program_type};

const PAGE: u64 = 4096;
/// Linux's `PATH_MAX`, the terminating NUL included.
const PATH_MAX: u64 = 4096;

/// A `PT_LOAD` segment. In a [`Plan`] these hold: `file_size <= mem_size`, `vaddr + mem_size <= limit`, `offset + file_size` does not overflow, and
/// `offset` and `vaddr` agree within a page if there is anything in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Where in the file.
    pub offset: u64,
    /// How many bytes come from the file; the rest is zero.
    pub file_size: u64,
    /// How many bytes of memory.
    pub mem_size: u64,
    /// At which address, not yet moved.
    pub vaddr: u64,
    /// Permissions.
    pub flags: SegmentFlags,
}

/// Everything about a file that loading needs, over the bytes of its program header table.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    headers: ProgramHeaders<'a>,
    /// From the first page of the lowest segment to the end of the highest one, not yet moved.
    pub span: Range<u64>,
    /// The largest alignment that a segment asks for: a power of two, at least a page.
    pub align: u64,
    /// The entry point, not yet moved.
    pub entry: u64,
    /// The address of the program header table (`AT_PHDR`), not yet moved: in the segment that contains it in the file, else zero as on Linux.
    pub table_vaddr: u64,
    /// The number of program headers (`AT_PHNUM`).
    pub table_count: u16,
    /// Whether the file may be put anywhere (`ET_DYN`).
    pub relocatable: bool,
    /// Where in the file the interpreter's name lies, its NUL included: 2 to 4096 bytes. [`interpreter_name`] checks the NUL.
    pub interpreter: Option<Range<u64>>,
    /// Whether the stack is to be executable; `None` without a `PT_GNU_STACK`, when it is up to the machine (x86-64: not executable).
    pub executable_stack: Option<bool>,
    /// The template of thread-local storage.
    pub tls: Option<ProgramHeader>,
    /// The dynamic section.
    pub dynamic: Option<ProgramHeader>,
}

impl<'a> Plan<'a> {
    /// Checks the program headers in `table`, the bytes at [`Header::table`]; addresses must end at or below `limit`, the end of the user's half.
    ///
    /// # Errors
    /// What makes the file not loadable.
    pub fn new(header: &Header, table: &'a [u8], limit: u64) -> Result<Self, Error> {
        let headers = header.program_headers(table)?;
        let mut plan = Self {
            headers: headers.clone(),
            span: Range {
                start: u64::MAX,
                end: 0,
            },
            align: PAGE,
            entry: header.entry,
            table_vaddr: 0,
            table_count: header.count(),
            relocatable: header.kind == Kind::Relocatable,
            interpreter: None,
            executable_stack: None,
            tls: None,
            dynamic: None,
        };
        for entry in headers {
            plan.add(header, &entry, limit)?;
        }
        if plan.span.is_empty() {
            return Err(Error::NothingToLoad);
        }
        if plan.entry >= limit {
            return Err(Error::Entry);
        }
        Ok(plan)
    }

    fn add(&mut self, header: &Header, entry: &ProgramHeader, limit: u64) -> Result<(), Error> {
        match entry.kind {
            program_type::LOAD => self.add_load(header, entry, limit)?,
            // The first one counts, as on Linux.
            program_type::INTERP if self.interpreter.is_none() => self.interpreter = Some(interpreter_range(entry)?),
            program_type::GNU_STACK => self.executable_stack = Some(entry.flags.execute()),
            program_type::TLS => self.tls = Some(*entry),
            program_type::DYNAMIC => self.dynamic = Some(*entry),
            _ => {}
        }
        Ok(())
    }

    fn add_load(&mut self, header: &Header, entry: &ProgramHeader, limit: u64) -> Result<(), Error> {
        let segment = segment(entry, limit)?;
        // Both sums were checked by `segment`.
        let end = segment.vaddr.saturating_add(segment.mem_size);
        self.span = self.span.start.min(segment.vaddr & !(PAGE - 1))..self.span.end.max(end);
        if entry.align.is_power_of_two() {
            self.align = self.align.max(entry.align);
        }
        let table = header.table().start;
        if (segment.offset..segment.offset.saturating_add(segment.file_size)).contains(&table) {
            self.table_vaddr = (table - segment.offset).saturating_add(segment.vaddr);
        }
        Ok(())
    }

    /// The segments to map, in the file's order (Linux maps later ones over earlier ones).
    #[must_use]
    pub fn segments(&self) -> Segments<'a> {
        Segments {
            headers: self.headers.clone(),
        }
    }
}

/// The `PT_LOAD` segments of a [`Plan`].
#[derive(Debug, Clone)]
pub struct Segments<'a> {
    headers: ProgramHeaders<'a>,
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        let entry = self.headers.find(|entry| entry.kind == program_type::LOAD)?;
        Some(as_segment(&entry))
    }
}

/// The name in the bytes at [`Plan::interpreter`], without its NUL.
///
/// # Errors
/// [`Error::InterpreterName`] if the last byte is not NUL; a name with a NUL before the end stops there, as on Linux.
pub fn interpreter_name(bytes: &[u8]) -> Result<&[u8], Error> {
    match bytes.split_last() {
        Some((0, name)) => Ok(name.split(|byte| *byte == 0).next().unwrap_or_default()),
        _ => Err(Error::InterpreterName),
    }
}

fn interpreter_range(entry: &ProgramHeader) -> Result<Range<u64>, Error> {
    if !(2..=PATH_MAX).contains(&entry.file_size) {
        return Err(Error::InterpreterName);
    }
    let end = entry
        .offset
        .checked_add(entry.file_size)
        .ok_or(Error::InterpreterName)?;
    Ok(entry.offset..end)
}

fn as_segment(entry: &ProgramHeader) -> Segment {
    Segment {
        offset: entry.offset,
        file_size: entry.file_size,
        mem_size: entry.mem_size,
        vaddr: entry.vaddr,
        flags: entry.flags,
    }
}

fn segment(entry: &ProgramHeader, limit: u64) -> Result<Segment, Error> {
    let segment = as_segment(entry);
    let end = segment.vaddr.checked_add(segment.mem_size).ok_or(Error::SegmentRange)?;
    if segment.file_size > segment.mem_size || end > limit {
        return Err(Error::SegmentRange);
    }
    let file_end = segment
        .offset
        .checked_add(segment.file_size)
        .ok_or(Error::SegmentRange)?;
    if file_end > i64::MAX.unsigned_abs() - PAGE {
        return Err(Error::SegmentRange);
    }
    if segment.file_size != 0 && (segment.offset ^ segment.vaddr) & (PAGE - 1) != 0 {
        return Err(Error::Misaligned);
    }
    Ok(segment)
}
