//! Arguments, environment and auxiliary vector: what a program finds on its stack.

use crate::image::Mapped;
use crate::privilege::Privilege;
use crate::{Request, Strings};
use abi::auxv;
use abi::mman::{MapFlags, Prot};
use abi::resource::RLIMIT_STACK;
use abi::{Errno, Error, Result};
use address::{PAGE_SIZE, page_ceil};
use alloc::vec::Vec;
use process::{LimitSet, Program};
use space::{AddressSpace, Mapping};

const TOO_BIG: Error = Error::new(Errno::E2BIG, "arguments and environment are too long");
/// Arguments and environment may always take this much, whatever the limit of the stack.
const ALWAYS: u64 = 128 << 10;
/// And never more than this.
const NEVER: u64 = 6 << 20;
/// What the stack has below the arguments from the start; it grows from there.
const FIRST_PAGES: u64 = 33;
const PLATFORM: &[u8] = b"x86_64\0";
const CLOCK_TICKS: u64 = 100;

/// Refuses what is too long.
///
/// # Errors
/// `E2BIG`.
pub(crate) fn check_size(request: &Request, limits: &LimitSet) -> Result<()> {
    let lists = [&request.arguments, &request.environment];
    let bytes: usize = lists.iter().map(|list| list.bytes() + 8 * list.len()).sum();
    let limit = (limits.soft(RLIMIT_STACK) / 4).clamp(ALWAYS, NEVER);
    if (bytes + request.name.len()) as u64 > limit {
        Err(TOO_BIG)
    } else {
        Ok(())
    }
}

/// A stack that is ready.
pub(crate) struct Built {
    pub(crate) pointer: u64,
    pub(crate) program: Program,
}

/// Writes into the new program's memory upwards from a place; what is short goes there at once.
struct Writer<'a> {
    space: &'a AddressSpace,
    at: u64,
    waiting: Vec<u8>,
}

impl Writer<'_> {
    const STEP: usize = 32 << 10;

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() < Self::STEP {
            Ok(())
        } else {
            self.flush()
        }
    }

    fn put_word(&mut self, word: u64) -> Result<()> {
        self.put(&word.to_le_bytes())
    }

    /// The addresses of strings that begin at `at`, and a zero.
    fn put_addresses(&mut self, strings: &Strings, mut at: u64) -> Result<()> {
        for text in strings.iter() {
            self.put_word(at)?;
            at += text.len() as u64 + 1;
        }
        self.put_word(0)
    }

    fn put_strings(&mut self, strings: &Strings) -> Result<()> {
        strings.pieces().try_for_each(|piece| self.put(piece))
    }

    fn flush(&mut self) -> Result<()> {
        if self.space.poke(self.at, &self.waiting) < self.waiting.len() {
            return Err(Error::new(Errno::ENOMEM, "no memory is left for the stack"));
        }
        self.at += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// Maps the stack and fills it.
pub(crate) fn build(
    space: &AddressSpace,
    privilege: &Privilege,
    limits: &LimitSet,
    request: &Request,
    program: &Mapped,
    interpreter: Option<&Mapped>,
    vdso: Option<u64>,
) -> Result<Built> {
    let top = space.layout().stack_top;
    // Eight zeros end it; below them lie the name, the environment, the arguments, the platform's name, 16 random bytes.
    let name = top - 8 - (request.name.len() as u64 + 1);
    let environment = name - request.environment.bytes() as u64;
    let arguments = environment - request.arguments.bytes() as u64;
    let platform = arguments - PLATFORM.len() as u64;
    let mut random_bytes = [0; 16];
    random::fill(&mut random_bytes);
    let random = platform - random_bytes.len() as u64;

    let auxiliary = auxiliary_vector(privilege, program, interpreter, vdso, &[name, platform, random]);
    let word_count = 3 + request.arguments.len() + request.environment.len() + auxiliary.len();
    let words_end = random - word_count as u64 * 8;
    let pointer = words_end & !15;

    map_stack(space, limits, pointer, top, program.executable_stack)?;
    let mut writer = Writer {
        space,
        at: pointer,
        waiting: Vec::with_capacity(Writer::STEP.min((top - pointer) as usize)),
    };
    writer.put_word(request.arguments.len() as u64)?;
    writer.put_addresses(&request.arguments, arguments)?;
    writer.put_addresses(&request.environment, environment)?;
    auxiliary.iter().try_for_each(|word| writer.put_word(*word))?;
    writer.put(&[0; 16][..(words_end - pointer) as usize])?;
    writer.put(&random_bytes)?;
    writer.put(PLATFORM)?;
    writer.put_strings(&request.arguments)?;
    writer.put_strings(&request.environment)?;
    writer.put(&request.name)?;
    writer.put(&[0; 9])?;
    writer.flush()?;
    Ok(Built {
        pointer,
        program: Program {
            arguments: arguments..environment,
            environment: environment..name,
            auxiliary: auxiliary.iter().flat_map(|word| word.to_le_bytes()).collect(),
            stack: pointer,
            ..Program::default()
        },
    })
}

fn auxiliary_vector(
    privilege: &Privilege,
    program: &Mapped,
    interpreter: Option<&Mapped>,
    vdso: Option<u64>,
    &[name, platform, random]: &[u64; 3],
) -> Vec<u64> {
    let who = &privilege.credentials;
    let mut pairs = Vec::with_capacity(46);
    let mut add = |key: u64, value: u64| pairs.extend_from_slice(&[key, value]);
    if let Some(vdso) = vdso {
        add(auxv::AT_SYSINFO_EHDR, vdso);
    }
    add(auxv::AT_MINSIGSTKSZ, hal::thread::signal_frame_size());
    add(auxv::AT_HWCAP, hal::cpu::capabilities()[0]);
    add(auxv::AT_PAGESZ, PAGE_SIZE);
    add(auxv::AT_CLKTCK, CLOCK_TICKS);
    add(auxv::AT_PHDR, program.headers);
    add(auxv::AT_PHENT, elf_view::PROGRAM_HEADER_LEN as u64);
    add(auxv::AT_PHNUM, u64::from(program.header_count));
    add(auxv::AT_BASE, interpreter.map_or(0, |interpreter| interpreter.bias));
    add(auxv::AT_FLAGS, 0);
    add(auxv::AT_ENTRY, program.entry);
    add(auxv::AT_UID, u64::from(who.uid));
    add(auxv::AT_EUID, u64::from(who.euid));
    add(auxv::AT_GID, u64::from(who.gid));
    add(auxv::AT_EGID, u64::from(who.egid));
    add(auxv::AT_SECURE, u64::from(privilege.secure));
    add(auxv::AT_RANDOM, random);
    add(auxv::AT_HWCAP2, hal::cpu::capabilities()[1]);
    add(auxv::AT_RSEQ_FEATURE_SIZE, u64::from(process::rseq::FEATURES));
    add(auxv::AT_RSEQ_ALIGN, u64::from(process::rseq::FIRST_LENGTH));
    add(auxv::AT_EXECFN, name);
    add(auxv::AT_PLATFORM, platform);
    add(auxv::AT_NULL, 0);
    pairs
}

fn map_stack(space: &AddressSpace, limits: &LimitSet, pointer: u64, top: u64, executable: bool) -> Result<()> {
    let end = page_ceil(top).ok_or(Error::from(Errno::ENOMEM))?;
    let limit = address::page_floor(limits.soft(RLIMIT_STACK)).max(end - address::page_floor(pointer));
    let wanted = end - address::page_floor(pointer) + FIRST_PAGES * PAGE_SIZE;
    let length = wanted.min(limit);
    let mut prot = Prot::READ | Prot::WRITE;
    prot.set(Prot::EXEC, executable);
    let mut mapping = Mapping::anonymous(length, prot).fixed(end - length);
    mapping.flags |= MapFlags::GROWSDOWN | MapFlags::STACK;
    space.map(&mapping)?;
    space.set_stack_start(pointer);
    Ok(())
}
