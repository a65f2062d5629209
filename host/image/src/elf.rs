//! What an ELF file says about the other files it needs.
//!
//! Only a few hundred bytes of each file are read, by position, because programs can be large and there may be hundreds of
//! them. A file that a loader would refuse is refused here too, with the reason in words.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The parts of an ELF file that matter for finding its libraries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Elf {
    /// The program interpreter (`PT_INTERP`).
    pub(crate) interpreter: Option<PathBuf>,
    /// `DT_NEEDED`, in order.
    pub(crate) needed: Vec<String>,
    /// `DT_RPATH`.
    pub(crate) rpath: Option<String>,
    /// `DT_RUNPATH`.
    pub(crate) runpath: Option<String>,
}

/// Why a file is not an ELF file that runs here.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Not ELF at all.
    NotElf,
    /// For another kind of machine, named.
    Machine(String),
    /// Shorter than its headers say; the sentence's end.
    Truncated(String),
    /// Neither a program nor a shared library, or with headers that make no sense.
    Malformed(String),
    /// It could not be read.
    Io(io::Error),
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
/// More program headers, dynamic entries or string bytes than this are taken for damage.
const MAX_HEADERS: usize = 4096;
const MAX_DYNAMIC: u64 = 1 << 20;
const MAX_STRINGS: u64 = 1 << 26;

struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

impl Elf {
    /// Reads the ELF file at `path`.
    pub(crate) fn read(path: &Path) -> Result<Elf, Fault> {
        let file = File::open(path).map_err(Fault::Io)?;
        let size = file.metadata().map_err(Fault::Io)?.len();
        let mut head = [0; HEADER];
        let got = read_up_to(&file, &mut head)?;
        check_header(&head[..got])?;

        let segments = segments(&file, &head, size)?;
        let mut elf = Elf::default();
        if let Some(segment) = segments.iter().find(|segment| segment.kind == PT_INTERP) {
            let bytes = at(&file, segment.offset, segment.size.min(4096))?;
            elf.interpreter = Some(PathBuf::from(string(&bytes, 0)));
        }
        if let Some(segment) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) {
            elf.read_dynamic(&file, segment, &segments)?;
        }
        Ok(elf)
    }

    fn read_dynamic(&mut self, file: &File, dynamic: &Segment, segments: &[Segment]) -> Result<(), Fault> {
        let table = at(file, dynamic.offset, dynamic.size.min(MAX_DYNAMIC))?;
        let entries: Vec<(u64, u64)> = table
            .chunks_exact(16)
            .map(|entry| (number(entry, 0, 8), number(entry, 8, 8)))
            .take_while(|(tag, _)| *tag != 0)
            .collect();
        let value = |wanted| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        let (Some(address), Some(size)) = (value(DT_STRTAB), value(DT_STRSZ)) else {
            return Ok(());
        };
        let offset = segments
            .iter()
            .find(|s| s.kind == PT_LOAD && s.address <= address && address - s.address < s.size)
            .map(|s| s.offset + (address - s.address));
        let Some(offset) = offset else {
            return Err(Fault::Malformed(
                "its dynamic string table lies outside its segments".into(),
            ));
        };
        let strings = at(file, offset, size.min(MAX_STRINGS))?;
        let text = |at: u64| string(&strings, usize::try_from(at).unwrap_or(usize::MAX));
        self.needed = entries
            .iter()
            .filter(|(tag, _)| *tag == DT_NEEDED)
            .map(|(_, value)| text(*value))
            .collect();
        self.rpath = value(DT_RPATH).map(text);
        self.runpath = value(DT_RUNPATH).map(text);
        Ok(())
    }
}

fn check_header(head: &[u8]) -> Result<(), Fault> {
    if !head.starts_with(b"\x7fELF") {
        return Err(Fault::NotElf);
    }
    if head.len() < HEADER {
        return Err(Fault::Truncated(format!(
            "it ends inside its header, after {} bytes",
            head.len()
        )));
    }
    let machine = number(head, 18, 2);
    if head[4] != 2 || head[5] != 1 || machine != 62 {
        let machine = if head[5] == 1 {
            machine
        } else {
            number(head, 18, 2).swap_bytes() >> 48
        };
        return Err(Fault::Machine(machine_name(machine, head[4])));
    }
    match number(head, 16, 2) {
        2 | 3 => Ok(()),
        1 => Err(Fault::Malformed("it is an object file that was not linked yet".into())),
        4 => Err(Fault::Malformed("it is a core dump".into())),
        other => Err(Fault::Malformed(format!("its ELF type is {other}"))),
    }
}

fn segments(file: &File, head: &[u8], size: u64) -> Result<Vec<Segment>, Fault> {
    let offset = number(head, 32, 8);
    let entry = usize::try_from(number(head, 54, 2)).unwrap_or(0);
    let count = usize::try_from(number(head, 56, 2)).unwrap_or(0);
    if entry != PROGRAM_HEADER || count == 0 || count > MAX_HEADERS {
        return Err(Fault::Malformed(format!(
            "it has {count} program headers of {entry} bytes"
        )));
    }
    let table = at(file, offset, (entry * count) as u64)?;
    let segments: Vec<Segment> = table
        .chunks_exact(entry)
        .map(|h| Segment {
            kind: u32::try_from(number(h, 0, 4)).unwrap_or(0),
            offset: number(h, 8, 8),
            address: number(h, 16, 8),
            size: number(h, 32, 8),
        })
        .collect();
    for segment in segments.iter().filter(|s| s.kind == PT_LOAD && s.size > 0) {
        let end = segment.offset.saturating_add(segment.size);
        if end > size {
            return Err(Fault::Truncated(format!(
                "it has {size} bytes and its segments need {end}"
            )));
        }
    }
    Ok(segments)
}

fn machine_name(machine: u64, class: u8) -> String {
    let name = match (machine, class) {
        (3, _) => "32-bit x86 (i386)",
        (8, _) => "MIPS",
        (20, _) => "PowerPC",
        (21, _) => "64-bit PowerPC",
        (22, _) => "s390",
        (40, _) => "32-bit ARM",
        (43, _) => "SPARC",
        (62, 1) => "x32 (64-bit x86 with 32-bit pointers)",
        (183, _) => "AArch64 (64-bit ARM)",
        (243, _) => "RISC-V",
        (258, _) => "LoongArch",
        _ => return format!("an unknown machine (number {machine})"),
    };
    name.to_string()
}

fn read_up_to(file: &File, buffer: &mut [u8]) -> Result<usize, Fault> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], got as u64) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Fault::Io(error)),
        }
    }
    Ok(got)
}

fn at(file: &File, offset: u64, size: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    file.read_exact_at(&mut bytes, offset)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
                Fault::Truncated(format!("it ends before byte {}", offset.saturating_add(size)))
            }
            _ => Fault::Io(error),
        })?;
    Ok(bytes)
}

/// The little-endian number of `size` bytes at `at`, zero where the bytes end.
fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    (0..size).rev().fold(0, |value, index| {
        value << 8 | u64::from(bytes.get(at + index).copied().unwrap_or(0))
    })
}

fn string(bytes: &[u8], at: usize) -> String {
    let rest = bytes.get(at..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    String::from_utf8_lossy(&rest[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn scratch(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn reads_the_running_test() {
        let elf = Elf::read(&std::env::current_exe().unwrap()).unwrap();
        assert!(elf.interpreter.is_some());
        assert!(elf.needed.iter().any(|name| name.starts_with("libc.")));
    }

    #[test]
    fn every_prefix_of_a_program_is_refused_without_a_panic() {
        let bytes = std::fs::read("/bin/true").unwrap();
        for length in [
            0,
            3,
            4,
            20,
            63,
            64,
            100,
            1000,
            5000,
            bytes.len() / 2,
            bytes.len() * 3 / 4,
        ] {
            let file = scratch(&bytes[..length.min(bytes.len())]);
            assert!(Elf::read(file.path()).is_err(), "{length} bytes were accepted");
        }
    }

    #[test]
    fn another_machine_is_named() {
        let mut bytes = std::fs::read("/bin/true").unwrap();
        bytes[18] = 183;
        let file = scratch(&bytes);
        assert!(matches!(Elf::read(file.path()), Err(Fault::Machine(name)) if name.starts_with("AArch64")));
    }

    proptest::proptest! {
        #[test]
        fn damage_never_panics(at in 0_usize..2000, value: u8) {
            let mut bytes = std::fs::read("/bin/true").unwrap();
            bytes[at] = value;
            let _ = Elf::read(scratch(&bytes).path());
        }
    }
}
