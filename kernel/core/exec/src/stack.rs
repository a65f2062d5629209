//! Arguments, environment and auxiliary vector: what a program finds on its stack.

use crate::Request;
use crate::image::Mapped;
use crate::privilege::Privilege;
use abi::auxv;
use abi::mman::{MapFlags, Prot};
use abi::resource::RLIMIT_STACK;
use abi::{Errno, Error, Result};
use address::{PAGE_SIZE, page_ceil};
use alloc::vec::Vec;
use process::{LimitSet, Program};
use space::{AddressSpace, Mapping};

const TOO_BIG: Error = Error::new(Errno::E2BIG, "arguments and environment are too long");
/// Longest single string, with its zero.
const MAX_STRING: usize = 128 << 10;
/// Arguments and environment may always take this much, whatever the limit of the stack.
const ALWAYS: u64 = 128 << 10;
/// And never more than this.
const NEVER: u64 = 6 << 20;
/// What the stack has below the arguments from the start; it grows from there.
const FIRST_PAGES: u64 = 33;
const PLATFORM: &[u8] = b"x86_64";
const CLOCK_TICKS: u64 = 100;

/// Refuses what is too long.
///
/// # Errors
/// `E2BIG`.
pub(crate) fn check_size(request: &Request, limits: &LimitSet) -> Result<()> {
    let strings = || request.arguments.iter().chain(&request.environment);
    if strings().any(|string| string.len() >= MAX_STRING) {
        return Err(TOO_BIG);
    }
    let bytes: u64 = strings().map(|string| string.len() as u64 + 1 + 8).sum();
    let limit = (limits.soft(RLIMIT_STACK) / 4).clamp(ALWAYS, NEVER);
    if bytes + request.name.len() as u64 > limit {
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

/// The strings at the stack's top, growing downwards.
struct Strings {
    /// From the lowest string to the top.
    bytes: Vec<u8>,
    top: u64,
    used: u64,
}

impl Strings {
    fn push(&mut self, text: &[u8]) -> u64 {
        self.used += text.len() as u64;
        let at = self.bytes.len() - self.used as usize;
        self.bytes[at..at + text.len()].copy_from_slice(text);
        self.top - self.used
    }

    fn push_string(&mut self, text: &[u8]) -> u64 {
        self.push(&[0]);
        self.push(text)
    }

    /// Pushes strings so that the first lies lowest; returns their addresses in order.
    fn push_all(&mut self, texts: &[Vec<u8>]) -> Vec<u64> {
        let mut addresses: Vec<u64> = texts.iter().rev().map(|text| self.push_string(text)).collect();
        addresses.reverse();
        addresses
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
    let room: usize = request
        .arguments
        .iter()
        .chain(&request.environment)
        .map(|text| text.len() + 1)
        .sum();
    let mut strings = Strings {
        bytes: alloc::vec![0; room + request.name.len() + 1 + PLATFORM.len() + 1 + 16 + 8 + 64],
        top,
        used: 8,
    };
    let name = strings.push_string(&request.name);
    let environment_end = name;
    let environment = strings.push_all(&request.environment);
    let environment_start = strings.top - strings.used;
    let arguments = strings.push_all(&request.arguments);
    let arguments_start = strings.top - strings.used;
    let platform = strings.push_string(PLATFORM);
    let mut random = [0; 16];
    random::fill(&mut random);
    let random = strings.push(&random);

    let auxiliary = auxiliary_vector(privilege, program, interpreter, vdso, &[name, platform, random]);
    let words = words(&arguments, &environment, &auxiliary);
    let pointer = (strings.top - strings.used - words.len() as u64 * 8) & !15;
    let mut bytes = Vec::with_capacity((top - pointer) as usize);
    words
        .iter()
        .for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    let gap = (top - pointer) as usize - bytes.len() - strings.used as usize;
    bytes.resize(bytes.len() + gap, 0);
    bytes.extend_from_slice(&strings.bytes[strings.bytes.len() - strings.used as usize..]);

    map_stack(space, limits, pointer, top, program.executable_stack)?;
    if space.poke(pointer, &bytes) < bytes.len() {
        return Err(Error::new(Errno::ENOMEM, "no memory is left for the stack"));
    }
    Ok(Built {
        pointer,
        program: Program {
            arguments: arguments_start..environment_start,
            environment: environment_start..environment_end,
            auxiliary: auxiliary.iter().flat_map(|word| word.to_le_bytes()).collect(),
            stack: pointer,
            ..Program::default()
        },
    })
}

/// Everything below the strings: the count, the arguments, the environment, the auxiliary vector.
fn words(arguments: &[u64], environment: &[u64], auxiliary: &[u64]) -> Vec<u64> {
    let mut words = Vec::with_capacity(arguments.len() + environment.len() + auxiliary.len() + 3);
    words.push(arguments.len() as u64);
    words.extend_from_slice(arguments);
    words.push(0);
    words.extend_from_slice(environment);
    words.push(0);
    words.extend_from_slice(auxiliary);
    words
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
