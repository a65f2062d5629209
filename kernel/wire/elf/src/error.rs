//! What can be wrong with an ELF file, and what Linux says about it.

/// What the file is loaded as; Linux answers differently for the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The file named in `execve`.
    Program,
    /// The file named in the program's `PT_INTERP`.
    Interpreter,
}

/// The error number that Linux returns, by name; the kernel's Linux-facing crates turn it into the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `ENOEXEC`: not a program for this machine.
    NotExecutable,
    /// `ELIBBAD`: the interpreter is not an interpreter for this machine.
    BadInterpreter,
    /// `EINVAL`: a program whose addresses cannot be.
    Invalid,
    /// `ENOMEM`: an interpreter whose addresses cannot be.
    NoMemory,
    /// `EPERM`: an interpreter that is neither an executable nor a shared object (Linux returns −1 as an address, which reads as `EPERM`).
    NotPermitted,
    /// `EIO`: the file ends inside something that must be read whole.
    Truncated,
}

/// What is wrong with an ELF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// Fewer bytes than an ELF header. A program this short has its header padded with zeros by Linux, so it is "not executable" (`ENOEXEC`);
    /// an interpreter this short is a short read (`EIO`).
    Short,
    /// The first four bytes are not `\x7fELF`. `ENOEXEC`, for an interpreter `ELIBBAD`.
    NotElf,
    /// Made for a machine this library does not know, or not for the machine asked for. `ENOEXEC`, for an interpreter `ELIBBAD`.
    OtherMachine,
    /// Neither `ET_EXEC` nor `ET_DYN`: an object or core file. `ENOEXEC`, for an interpreter `EPERM`.
    NotLoadable,
    /// The program header table has entries of another size, none at all, more than 64 KiB of them, or the file ends inside it.
    /// `ENOEXEC`, for an interpreter `ELIBBAD`.
    Table,
    /// No `PT_LOAD` segment. `EINVAL` as for an interpreter; Linux starts a program without one, which dies of `SIGSEGV` at once.
    NothingToLoad,
    /// A segment whose file part is larger than its memory, or that lies outside the address space. `EINVAL`, for an interpreter `ENOMEM`.
    SegmentRange,
    /// A segment whose file offset and address differ within a page, so that it cannot be mapped. `EINVAL` (from `mmap`) in both roles.
    Misaligned,
    /// The interpreter's name is empty, longer than `PATH_MAX` or not NUL-terminated. `ENOEXEC`.
    InterpreterName,
    /// The entry point lies outside the address space. `EINVAL` in both roles.
    Entry,
}

impl Error {
    /// What Linux says when the file is loaded in that role.
    #[must_use]
    pub fn verdict(self, role: Role) -> Verdict {
        match (self, role) {
            (Self::Short, Role::Interpreter) => Verdict::Truncated,
            (Self::NotElf | Self::OtherMachine | Self::Table, Role::Interpreter) => Verdict::BadInterpreter,
            (Self::NotLoadable, Role::Interpreter) => Verdict::NotPermitted,
            (Self::SegmentRange, Role::Interpreter) => Verdict::NoMemory,
            (Self::SegmentRange, Role::Program) | (Self::NothingToLoad | Self::Misaligned | Self::Entry, _) => {
                Verdict::Invalid
            }
            (Self::Short | Self::NotElf | Self::OtherMachine | Self::NotLoadable | Self::Table, Role::Program)
            | (Self::InterpreterName, _) => Verdict::NotExecutable,
        }
    }
}
