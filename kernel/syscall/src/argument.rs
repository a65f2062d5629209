//! Arguments as types: decoded once, shown in traces.

use abi::fcntl::{AT_FDCWD, AtFlags, OpenFlags};
use abi::mman::{MapFlags, Prot};
use abi::sched::CloneFlags;
use abi::stat::{S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, Stat, major, minor};
use abi::{Errno, Error, Result};
use alloc::string::String;
use core::fmt::{self, Write};
use usermem::{PathText, UserPtr};

/// One argument: made from a register, shown in a trace.
pub trait Argument: Sized {
    /// Makes it from a register.
    ///
    /// # Errors
    /// Usually `EINVAL`, for values that no call with this kind of argument takes.
    fn decode(register: u64) -> Result<Self>;

    /// Shows it as `strace` would.
    ///
    /// # Errors
    /// When the text cannot be written.
    fn show(&self, out: &mut String) -> fmt::Result;

    /// Shows it when the call is over and has given a result: what the call stored there, where that is known.
    ///
    /// # Errors
    /// When the text cannot be written.
    fn show_after(&self, out: &mut String, _result: u64) -> fmt::Result {
        self.show(out)
    }
}

/// Shows one argument of a call as text, from its register; with the call's result, if it is over and did not fail.
pub type Show = fn(u64, Option<u64>, &mut String) -> fmt::Result;

/// All arguments of a call.
pub trait Arguments: Sized {
    /// How each is shown. (A list rather than code for each call: there are hundreds of calls, but only a few dozen kinds of argument.)
    const SHOWN: &'static [Show];

    /// Makes them from the registers.
    ///
    /// # Errors
    /// Those of [`Argument::decode`].
    fn decode(registers: &[u64; 6]) -> Result<Self>;
}

fn show<A: Argument>(register: u64, result: Option<u64>, out: &mut String) -> fmt::Result {
    match (A::decode(register), result) {
        (Ok(argument), Some(result)) => argument.show_after(out, result),
        (Ok(argument), None) => argument.show(out),
        (Err(_), _) => Hex(register).show(out),
    }
}

impl Arguments for () {
    const SHOWN: &'static [Show] = &[];

    #[inline]
    fn decode(_registers: &[u64; 6]) -> Result<Self> {
        Ok(())
    }
}

/// Implements [`Arguments`] for a tuple: `tuple!(A 0, B 1)` does it for `(A, B)` from the first two registers.
macro_rules! tuple {
    ($($kind:ident $index:tt),*) => {
        impl<$($kind: Argument),*> Arguments for ($($kind,)*) {
            const SHOWN: &'static [Show] = &[$(show::<$kind>),*];

            #[inline]
            fn decode(registers: &[u64; 6]) -> Result<Self> {
                Ok(($($kind::decode(registers[$index])?,)*))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

impl Argument for i32 {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(register as i32)
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl Argument for u32 {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(register as u32)
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        if *self > 0xffff {
            write!(out, "{self:#x}")
        } else {
            write!(out, "{self}")
        }
    }
}

impl Argument for i64 {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(register as i64)
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl Argument for u64 {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(register)
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        if *self > 0xffff_ffff {
            write!(out, "{self:#x}")
        } else {
            write!(out, "{self}")
        }
    }
}

impl Argument for usize {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(register as Self)
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl<T> Argument for UserPtr<T> {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(Self::new(register))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        write!(out, "{self:?}")
    }
}

/// A descriptor, or `AT_FDCWD`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fd(pub i32);

impl Argument for Fd {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(Self(register as i32))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        if self.0 == AT_FDCWD {
            out.write_str("AT_FDCWD")
        } else {
            write!(out, "{}", self.0)
        }
    }
}

/// The address of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathPtr(pub u64);

impl PathPtr {
    /// Copies the path out of the program's memory.
    ///
    /// # Errors
    /// `EFAULT`, `ENAMETOOLONG`.
    pub fn read(self) -> Result<PathText> {
        usermem::read_path(self.0)
    }
}

impl Argument for PathPtr {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(Self(register))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        if self.0 == 0 {
            return out.write_str("NULL");
        }
        match self.read() {
            Ok(path) => show_bytes(out, &path, usize::MAX),
            Err(_) => write!(out, "{:#x}", self.0),
        }
    }
}

/// The address of bytes that the call reads, as many as its result says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BytesPtr(pub u64);

impl Argument for BytesPtr {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(Self(register))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        Hex(self.0).show(out)
    }

    fn show_after(&self, out: &mut String, result: u64) -> fmt::Result {
        OutBytes(self.0).show_after(out, result)
    }
}

/// The address where the call stores bytes, as many as its result says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutBytes(pub u64);

impl Argument for OutBytes {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(Self(register))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        Hex(self.0).show(out)
    }

    fn show_after(&self, out: &mut String, result: u64) -> fmt::Result {
        let mut bytes = [0; SHOWN + 1];
        let count = usize::try_from(result).unwrap_or(0).min(bytes.len());
        match usermem::read_bytes(self.0, &mut bytes[..count]) {
            Ok(()) => show_bytes(out, &bytes[..count], SHOWN),
            Err(_) => self.show(out),
        }
    }
}

/// Bytes of a buffer that are shown.
const SHOWN: usize = 32;

/// The address where the call stores what a file looks like.
#[derive(Clone, Copy, Debug)]
pub struct OutStat(pub UserPtr<Stat>);

impl Argument for OutStat {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(Self(UserPtr::new(register)))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        self.0.show(out)
    }

    fn show_after(&self, out: &mut String, _result: u64) -> fmt::Result {
        const KINDS: [(u32, &str); 7] = [
            (S_IFREG, "S_IFREG"),
            (S_IFDIR, "S_IFDIR"),
            (S_IFLNK, "S_IFLNK"),
            (S_IFCHR, "S_IFCHR"),
            (S_IFBLK, "S_IFBLK"),
            (S_IFIFO, "S_IFIFO"),
            (S_IFSOCK, "S_IFSOCK"),
        ];
        let Ok(stat) = self.0.read() else { return self.show(out) };
        let kind = KINDS
            .iter()
            .find(|kind| kind.0 == stat.mode & S_IFMT)
            .map_or("0", |kind| kind.1);
        write!(out, "{{st_mode={kind}|0{:o}, ", stat.mode & !S_IFMT)?;
        match stat.mode & S_IFMT {
            S_IFCHR | S_IFBLK => {
                write!(
                    out,
                    "st_rdev=makedev({:#x}, {:#x}), ...}}",
                    major(stat.rdev),
                    minor(stat.rdev)
                )
            }
            _ => write!(out, "st_size={}, ...}}", stat.size),
        }
    }
}

/// Writes bytes in quotes, with what does not print escaped, cut at `limit`.
///
/// # Errors
/// When the text cannot be written.
pub fn show_bytes(out: &mut String, bytes: &[u8], limit: usize) -> fmt::Result {
    out.push('"');
    for &byte in bytes.iter().take(limit) {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            32..127 => out.push(char::from(byte)),
            _ => write!(out, "\\{byte:o}")?,
        }
    }
    out.push('"');
    if bytes.len() > limit {
        out.push_str("...");
    }
    Ok(())
}

/// A permission mode, shown in octal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mode(pub u32);

impl Argument for Mode {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(Self(register as u32))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        if self.0 == 0 {
            out.write_str("0")
        } else {
            write!(out, "0{:o}", self.0)
        }
    }
}

/// A bare number shown in hexadecimal: addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hex(pub u64);

impl Argument for Hex {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        Ok(Self(register))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        if self.0 == 0 {
            out.write_str("NULL")
        } else {
            write!(out, "{:#x}", self.0)
        }
    }
}

/// Shows the names of flags with a prefix, joined by bars, and unknown bits in hexadecimal.
fn show_flags<F: bitflags::Flags>(out: &mut String, flags: &F, prefix: &str) -> fmt::Result
where
    F::Bits: fmt::LowerHex + PartialEq,
{
    let mut first = true;
    for (name, _) in flags.iter_names() {
        if !first {
            out.push('|');
        }
        out.push_str(prefix);
        out.push_str(name);
        first = false;
    }
    let known: F = F::from_bits_truncate(flags.bits());
    if first {
        write!(out, "{:#x}", flags.bits())?;
    } else if known.bits() != flags.bits() {
        out.push_str("|...");
    }
    Ok(())
}

/// Implements [`Argument`] for a set of flags: `flags!(T, u32, "P_", keep)` keeps unknown bits, `flags!(T, u32, "P_", refuse)` answers `EINVAL` to them.
macro_rules! flags {
    ($kind:ty, $bits:ty, $prefix:literal, keep) => {
        impl Argument for $kind {
            #[inline]
            fn decode(register: u64) -> Result<Self> {
                Ok(Self::from_bits_retain(register as $bits))
            }

            fn show(&self, out: &mut String) -> fmt::Result {
                show_flags(out, self, $prefix)
            }
        }
    };
    ($kind:ty, $bits:ty, $prefix:literal, refuse) => {
        impl Argument for $kind {
            #[inline]
            fn decode(register: u64) -> Result<Self> {
                Self::from_bits(register as $bits).ok_or(Error::new(Errno::EINVAL, "unknown flags"))
            }

            fn show(&self, out: &mut String) -> fmt::Result {
                show_flags(out, self, $prefix)
            }
        }
    };
}

flags!(Prot, u32, "PROT_", keep);
flags!(MapFlags, u32, "MAP_", keep);
flags!(CloneFlags, u64, "CLONE_", keep);
flags!(AtFlags, u32, "AT_", refuse);
flags!(abi::fcntl::RenameFlags, u32, "RENAME_", refuse);
flags!(abi::mman::RemapFlags, u32, "MREMAP_", refuse);
flags!(abi::mman::SyncFlags, u32, "MS_", refuse);
flags!(abi::mman::LockAllFlags, u32, "MCL_", refuse);

impl Argument for OpenFlags {
    #[inline]
    fn decode(register: u64) -> Result<Self> {
        // `open` ignores what it does not know.
        Ok(Self::from_bits_truncate(register as u32))
    }

    fn show(&self, out: &mut String) -> fmt::Result {
        out.push_str(["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"][(self.bits() & 3) as usize]);
        let rest = *self - Self::from_bits_retain(3);
        if !rest.is_empty() {
            out.push('|');
            show_flags(out, &rest, "O_")?;
        }
        Ok(())
    }
}
