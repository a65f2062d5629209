//! Mapping the segments of ELF files.

use crate::read;
use abi::mman::{MapFlags, Prot};
use abi::{Errno, Error, Result};
use address::{PAGE_SIZE, USER_END, page_ceil, page_floor};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use elf_view::{Header, Machine, Plan, Role, Segment, Verdict};
use process::MappedFile;
use space::{AddressSpace, FileMapping, Layout, Mapping};
use vfs::File;

#[cfg(target_arch = "x86_64")]
const MACHINE: Machine = Machine::X86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: Machine = Machine::Aarch64;

/// An ELF file whose headers have been read.
pub(crate) struct Parsed {
    header: Header,
    table: Vec<u8>,
    role: Role,
}

/// Where to put a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// Where its addresses say.
    AsLinked,
    /// Its lowest page at this address.
    At(u64),
    /// Wherever there is room.
    Anywhere,
}

/// A file that has been mapped.
#[derive(Debug)]
pub(crate) struct Mapped {
    /// What is added to the file's addresses.
    pub(crate) bias: u64,
    pub(crate) entry: u64,
    pub(crate) headers: u64,
    pub(crate) header_count: u16,
    /// End of its last segment.
    pub(crate) end: u64,
    pub(crate) text: Range<u64>,
    pub(crate) data: Range<u64>,
    pub(crate) executable_stack: bool,
}

fn refuse(role: Role) -> impl Fn(elf_view::Error) -> Error {
    move |error| match error.verdict(role) {
        Verdict::NotExecutable => Error::new(Errno::ENOEXEC, "the file is not a program for this machine"),
        Verdict::BadInterpreter => Error::new(Errno::ELIBBAD, "the program's interpreter is not one for this machine"),
        Verdict::Invalid => Error::new(Errno::EINVAL, "the program's addresses cannot be"),
        Verdict::NoMemory => Error::new(Errno::ENOMEM, "the interpreter's addresses cannot be"),
        Verdict::NotPermitted => Error::new(Errno::EPERM, "the interpreter is neither program nor library"),
        Verdict::Truncated => Error::new(Errno::EIO, "the file ends too early"),
    }
}

/// Where the program goes: a position-independent one with an interpreter to its own place, one without to where libraries go.
pub(crate) fn place_of(parsed: &Parsed, has_interpreter: bool, layout: &Layout) -> Place {
    match (parsed.header.kind, has_interpreter) {
        (elf_view::Kind::Fixed, _) => Place::AsLinked,
        (elf_view::Kind::Relocatable, true) => Place::At(layout.program_base),
        (elf_view::Kind::Relocatable, false) => Place::Anywhere,
    }
}

impl Parsed {
    /// Reads the headers of a program whose first bytes are known.
    pub(crate) fn program(file: &File, head: &[u8]) -> Result<Self> {
        Self::read(file, head, Role::Program)
    }

    /// Reads the headers of a program's interpreter.
    pub(crate) fn interpreter(file: &File) -> Result<Self> {
        let mut head = [0; elf_view::HEADER_LEN];
        let len = read(file, 0, &mut head)?;
        Self::read(file, &head[..len], Role::Interpreter)
    }

    fn read(file: &File, head: &[u8], role: Role) -> Result<Self> {
        let header = Header::parse(head).map_err(refuse(role))?;
        if header.machine != MACHINE {
            return Err(refuse(role)(elf_view::Error::OtherMachine));
        }
        let place = header.table();
        let mut table = vec![0; (place.end - place.start) as usize];
        let len = read(file, place.start, &mut table)?;
        table.truncate(len);
        let parsed = Self { header, table, role };
        parsed.plan()?;
        Ok(parsed)
    }

    fn plan(&self) -> Result<Plan<'_>> {
        Plan::new(&self.header, &self.table, USER_END).map_err(refuse(self.role))
    }

    /// The path of the interpreter that the program asks for.
    pub(crate) fn interpreter_path(&self, file: &File) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.plan()?.interpreter else {
            return Ok(None);
        };
        let mut bytes = vec![0; (place.end - place.start) as usize];
        if read(file, place.start, &mut bytes)? < bytes.len() {
            return Err(Error::new(Errno::EIO, "the file ends too early"));
        }
        let name = elf_view::interpreter_name(&bytes).map_err(refuse(self.role))?;
        Ok(Some(name.to_vec()))
    }

    /// Maps the segments into an address space.
    pub(crate) fn map(&self, space: &AddressSpace, file: &Arc<File>, place: Place) -> Result<Mapped> {
        let plan = self.plan()?;
        let lowest = plan.span.start;
        let length = page_ceil(plan.span.end - lowest).ok_or(Error::from(Errno::ENOMEM))?;
        let base = match place {
            Place::AsLinked => lowest,
            Place::At(base) => (base + (plan.align - 1)) & !(plan.align - 1),
            Place::Anywhere => reserve(space, length, plan.align)?,
        };
        let bias = base.wrapping_sub(lowest);
        let object = MappedFile::of(file);
        let mut mapped = Mapped {
            bias,
            entry: plan.entry.wrapping_add(bias),
            headers: plan.table_vaddr.wrapping_add(bias),
            header_count: plan.table_count,
            end: plan.span.end.wrapping_add(bias),
            text: Range {
                start: u64::MAX,
                end: 0,
            },
            data: Range {
                start: u64::MAX,
                end: 0,
            },
            executable_stack: plan.executable_stack == Some(true),
        };
        for segment in plan.segments() {
            map_segment(space, &object, &segment, bias)?;
            note(&mut mapped, &segment);
        }
        for range in [&mut mapped.text, &mut mapped.data] {
            if range.start > range.end {
                *range = 0..0;
            }
        }
        Ok(mapped)
    }
}

/// Notes which of text and data a segment belongs to.
fn note(mapped: &mut Mapped, segment: &Segment) {
    let start = segment.vaddr.wrapping_add(mapped.bias);
    let end = start + segment.file_size;
    let range = if segment.flags.execute() {
        &mut mapped.text
    } else {
        &mut mapped.data
    };
    if segment.flags.execute() || segment.flags.write() {
        *range = range.start.min(start)..range.end.max(end);
    }
}

/// Finds room for a whole file, and leaves it free: the segments are mapped into it one by one.
fn reserve(space: &AddressSpace, length: u64, align: u64) -> Result<u64> {
    let slack = if align > PAGE_SIZE { align } else { 0 };
    let at = space.map(&Mapping::anonymous(length + slack, Prot::empty()))?;
    space.unmap(at, length + slack)?;
    Ok((at + align - 1) & !(align - 1))
}

fn protection(segment: &Segment) -> Prot {
    let mut prot = Prot::empty();
    prot.set(Prot::READ, segment.flags.read());
    prot.set(Prot::WRITE, segment.flags.write());
    prot.set(Prot::EXEC, segment.flags.execute());
    prot
}

fn map_segment(space: &AddressSpace, object: &Arc<MappedFile>, segment: &Segment, bias: u64) -> Result<()> {
    let start = segment.vaddr.wrapping_add(bias);
    let file_end = start + segment.file_size;
    let (first, prot) = (page_floor(start), protection(segment));
    let file_pages = page_ceil(file_end).ok_or(Error::from(Errno::ENOMEM))?;
    if segment.file_size > 0 {
        let file = FileMapping {
            object: Arc::clone(object) as _,
            offset: page_floor(segment.offset),
            readable: true,
            writable: false,
            executable: true,
        };
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        space.map(&Mapping {
            address: first,
            length: file_pages - first,
            prot,
            flags,
            file: Some(file),
        })?;
    }
    let memory_end = page_ceil(start + segment.mem_size).ok_or(Error::from(Errno::ENOMEM))?;
    let zeros_from = if segment.file_size > 0 { file_pages } else { first };
    if memory_end > zeros_from {
        space.map(&Mapping::anonymous(memory_end - zeros_from, prot).fixed(zeros_from))?;
    }
    // The rest of the last page that comes from the file is zero too, if the segment's memory goes on there.
    if segment.mem_size > segment.file_size && segment.file_size > 0 && prot.contains(Prot::WRITE) {
        let rest = (file_pages - file_end) as usize;
        if rest > 0 && space.poke(file_end, &vec![0; rest]) < rest {
            return Err(Error::new(Errno::EFAULT, "the end of a segment cannot be cleared"));
        }
    }
    Ok(())
}
