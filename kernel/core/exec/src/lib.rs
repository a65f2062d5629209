//! From a program's file to a program that is about to run.
//!
//! [`prepare`] does everything that can fail: it finds the file, follows `#!` lines, checks the ELF file and its interpreter, and builds a new address
//! space with segments, stack, arguments and auxiliary vector in it. Nothing of the calling process has changed until then. The caller
//! (`execve`, or the kernel for the first program) then puts the result in force.
//!
//! | module | what |
//! |---|---|
//! | [`script`] | `#!` lines |
//! | [`image`] | mapping the segments of ELF files |
//! | [`stack`] | arguments, environment and auxiliary vector |
//! | [`strings`] | lists of arguments |
//!
//! Errors and their order are those of Linux 6.12 (`fs/exec.c`, `fs/binfmt_elf.c`, `fs/binfmt_script.c`).
//! It does not do: `binfmt_misc`, 32-bit programs, core dumps.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod image;
mod privilege;
mod script;
mod stack;
mod strings;

pub use strings::Strings;

use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use lock::Once;
use process::{LimitSet, Program};
use space::{AddressSpace, Layout};
use usermem::Sink;
use vfs::{Context, Credentials, File, How, Kind, Path, Permission, Running};

/// `#!` lines followed at the most.
const MAX_SCRIPTS: usize = 5;
/// Bytes of a file that say what it is.
const HEAD: usize = 256;

/// What to run.
#[derive(Clone, Debug)]
pub struct Request {
    /// The file, as it was named: what `AT_EXECFN` says and what scripts are told.
    pub name: Vec<u8>,
    /// Arguments.
    pub arguments: Strings,
    /// Environment.
    pub environment: Strings,
    /// Whether addresses are the same every time (`ADDR_NO_RANDOMIZE`).
    pub fixed_addresses: bool,
    /// Whether it must not gain anything by its file (`PR_SET_NO_NEW_PRIVS`).
    pub no_new_privileges: bool,
}

/// A program that is about to run.
#[derive(Debug)]
pub struct Prepared {
    /// Its memory.
    pub space: Arc<AddressSpace>,
    /// Where it begins.
    pub entry: u64,
    /// Its stack pointer.
    pub stack_pointer: u64,
    /// As whom it runs.
    pub credentials: Arc<Credentials>,
    /// Whether it may do more than who starts it.
    pub secure: bool,
    /// Whether its file's bits made it another user or group.
    pub by_file: bool,
    /// What `/proc` tells of it.
    pub program: Program,
    /// The last part of its file's name: what its first thread is called.
    pub name: Vec<u8>,
}

static VDSO: Once<fn(&AddressSpace) -> Result<u64>> = Once::new();

/// Registers what maps the vDSO and says where.
pub fn set_vdso(map: fn(&AddressSpace) -> Result<u64>) {
    let _ = VDSO.set(map);
}

fn map_vdso(space: &AddressSpace) -> Result<Option<u64>> {
    VDSO.get().map(|map| map(space)).transpose()
}

/// Opens a file to be run.
///
/// # Errors
/// As `execve(2)`: what finding it says, and `EACCES` for what is not a regular file that may be run.
pub fn open(view: &Context, base: &Path, name: &[u8], follow: bool) -> Result<Arc<File>> {
    let place = view.resolve(base, name, follow)?;
    check(view, &place)?;
    // Refused while somebody writes it; it is asked again when it is known that the file itself runs, and not a script's interpreter.
    drop(Running::new(&place)?);
    view.open_place(&place, abi::fcntl::OpenFlags::PATH)
        .map(|_| File::new(place, How::default().flags, None))
}

/// Checks that a place holds a file that may be run.
///
/// # Errors
/// `EACCES`, `ELOOP`.
pub fn check(view: &Context, place: &Path) -> Result<()> {
    match place.dentry.kind() {
        Some(Kind::Regular) => {}
        Some(Kind::Symlink) => return Err(Error::new(Errno::ELOOP, "a symbolic link is not run itself")),
        _ => return Err(Error::new(Errno::EACCES, "only regular files are run")),
    }
    if place.mount.flags().contains(vfs::MountFlags::NO_EXECUTE) {
        return Err(Error::new(Errno::EACCES, "nothing is run from this mount"));
    }
    view.check(place, Permission::EXECUTE)
}

/// Reads from a file into a buffer; says how many bytes came before the end.
fn read(file: &File, offset: u64, into: &mut [u8]) -> Result<usize> {
    let mut done = 0;
    while done < into.len() {
        let got = file
            .inode()?
            .read_at(offset + done as u64, &mut Sink::kernel(&mut into[done..]))?;
        if got == 0 {
            break;
        }
        done += got;
    }
    Ok(done)
}

/// Does everything that can fail.
///
/// # Errors
/// All of `execve(2)`'s.
pub fn prepare(view: &Context, limits: &LimitSet, file: Arc<File>, mut request: Request) -> Result<Prepared> {
    stack::check_size(&request, limits)?;
    let title = title(&request.name, &file);
    let mut file = file;
    let mut head = [0; HEAD];
    for _ in 0..MAX_SCRIPTS {
        let len = read(&file, 0, &mut head)?;
        if !head[..len].starts_with(b"#!") {
            return load(view, limits, &file, &head[..len], &request, title);
        }
        let line = script::parse(&head[..len])?;
        let mut arguments = Strings::of(&line.arguments(&request.name))?;
        for rest in request.arguments.iter().skip(1) {
            arguments.push(rest)?;
        }
        request.arguments = arguments;
        file = open(view, &view.cwd, &line.interpreter, true)?;
        request.name = line.interpreter;
        head = [0; HEAD];
    }
    Err(Error::new(
        Errno::ELOOP,
        "scripts name scripts as their interpreters too often",
    ))
}

/// What the process is called: the last part of the path that was given, as it was given; of a descriptor, the file's name.
fn title(name: &[u8], file: &File) -> Vec<u8> {
    let last = name.rsplit(|&byte| byte == b'/').next().unwrap_or(name);
    if name.starts_with(b"/dev/fd/") && name.len() == b"/dev/fd/".len() + last.len() {
        return file.path().dentry.name().as_bytes().to_vec();
    }
    last.to_vec()
}

fn load(
    view: &Context,
    limits: &LimitSet,
    file: &Arc<File>,
    head: &[u8],
    request: &Request,
    name: Vec<u8>,
) -> Result<Prepared> {
    let parsed = image::Parsed::program(file, head)?;
    let interpreter = match parsed.interpreter_path(file)? {
        Some(path) => {
            let file = open(view, &view.cwd, &path, true)?;
            let parsed = image::Parsed::interpreter(&file)?;
            Some((file, parsed))
        }
        None => None,
    };
    let privilege = privilege::of(&view.credentials, file, request.no_new_privileges);
    let privileged = privilege.credentials.euid == 0;
    let space_limits = limits.for_space(privileged);
    let layout = if request.fixed_addresses {
        Layout::fixed(&space_limits)
    } else {
        Layout::random(&space_limits)
    };
    let space = AddressSpace::new(space_limits, layout)?;
    let program = parsed.map(&space, file, image::place_of(&parsed, interpreter.is_some(), &layout))?;
    let base = match &interpreter {
        Some((file, parsed)) => Some(parsed.map(&space, file, image::Place::Anywhere)?),
        None => None,
    };
    space.set_program_end(program.end, program.data.end - program.data.start);
    let start = stack::build(
        &space,
        &privilege,
        limits,
        request,
        &program,
        base.as_ref(),
        map_vdso(&space)?,
    )?;
    let entry = base.as_ref().map_or(program.entry, |base| base.entry);
    let told = Program {
        file: Some(Running::new(file.path())?),
        text: program.text,
        data: program.data,
        ..start.program
    };
    Ok(Prepared {
        space,
        entry,
        stack_pointer: start.pointer,
        credentials: privilege.credentials,
        secure: privilege.secure,
        by_file: privilege.by_file,
        program: told,
        name,
    })
}
