//! The only way from the kernel to a program's memory.
//!
//! A user address is an allegation. [`UserPtr`] and [`UserSlice`] carry it with its type; only the copying methods turn it into memory, and
//! they answer `EFAULT` where it is not there. What was copied is the kernel's: copy once, then use. [`Sink`] and [`Source`] are where a
//! `read` puts its bytes and a `write` takes them from, so that files never see an address either; they serve kernel buffers too.
//!
//! Invariants: no spin lock is held across a copy (the copy may fault, and the fault takes the address space's lock).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod io;
mod path;

use abi::{Errno, Error, Result};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use zerocopy::{FromBytes, Immutable, IntoBytes};

pub use io::{Segment, Sink, Source};
pub use path::{PathText, read_path};

const FAULT: Error = Error::new(Errno::EFAULT, "the address is not the program's");
const NO_MEMORY: Error = Error::new(Errno::ENOMEM, "no memory is left for what the program named");

/// The address of a `T` that a program named. It may be null, unaligned, or anywhere.
pub struct UserPtr<T> {
    address: u64,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for UserPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UserPtr<T> {}

impl<T> fmt::Debug for UserPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() {
            f.write_str("NULL")
        } else {
            write!(f, "{:#x}", self.address)
        }
    }
}

impl<T> UserPtr<T> {
    /// The allegation that a `T` lies at `address`.
    #[must_use]
    pub const fn new(address: u64) -> Self {
        Self {
            address,
            kind: PhantomData,
        }
    }

    /// The bare address.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.address
    }

    /// Whether it is null.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.address == 0
    }

    /// Nothing for null: for arguments that may be left out.
    #[must_use]
    pub const fn non_null(self) -> Option<Self> {
        if self.is_null() { None } else { Some(self) }
    }

    /// The `index`th of an array that begins here.
    #[must_use]
    pub const fn at(self, index: u64) -> Self {
        Self::new(self.address.wrapping_add(index.wrapping_mul(size_of::<T>() as u64)))
    }

    /// The same address, of another type.
    #[must_use]
    pub const fn cast<U>(self) -> UserPtr<U> {
        UserPtr::new(self.address)
    }
}

impl<T: FromBytes + IntoBytes + Immutable> UserPtr<T> {
    /// Copies the value out of the program's memory.
    ///
    /// # Errors
    /// `EFAULT`.
    #[inline]
    pub fn read(self) -> Result<T> {
        let mut value = T::new_zeroed();
        if size_of::<T>().is_multiple_of(8) {
            whole(hal::user::copy_in_words(value.as_mut_bytes(), self.address))?;
        } else {
            read_bytes(self.address, value.as_mut_bytes())?;
        }
        Ok(value)
    }

    /// Copies the value into the program's memory.
    ///
    /// # Errors
    /// `EFAULT`.
    #[inline]
    pub fn write(self, value: &T) -> Result<()> {
        if size_of::<T>().is_multiple_of(8) {
            whole(hal::user::copy_out_words(self.address, value.as_bytes()))
        } else {
            write_bytes(self.address, value.as_bytes())
        }
    }

    /// Copies the value into the program's memory, unless the pointer is null.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write_if_some(self, value: &T) -> Result<()> {
        if self.is_null() { Ok(()) } else { self.write(value) }
    }

    /// Copies `count` values out of the program's memory.
    ///
    /// # Errors
    /// `EFAULT`; `ENOMEM` for more than a megabyte, which no call has use for.
    pub fn read_many(self, count: usize) -> Result<Vec<T>> {
        if count.saturating_mul(size_of::<T>()) > 1 << 20 {
            return Err(Error::new(
                Errno::ENOMEM,
                "the array is longer than any call has use for",
            ));
        }
        let mut values = Vec::new();
        values.try_reserve_exact(count).map_err(|_| NO_MEMORY)?;
        values.resize_with(count, T::new_zeroed);
        read_bytes(self.address, values.as_mut_slice().as_mut_bytes())?;
        Ok(values)
    }
}

/// Bytes that a program named: where, and how many.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserSlice {
    /// The first byte.
    pub address: u64,
    /// How many.
    pub len: usize,
}

impl fmt::Debug for UserSlice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}, {}", self.address, self.len)
    }
}

impl UserSlice {
    /// The allegation that `len` bytes lie at `address`.
    #[must_use]
    pub const fn new(address: u64, len: usize) -> Self {
        Self { address, len }
    }

    /// Copies all of it into the kernel.
    ///
    /// # Errors
    /// `EFAULT`; `ENOMEM` for more than a megabyte.
    pub fn to_vec(self) -> Result<Vec<u8>> {
        UserPtr::<u8>::new(self.address).read_many(self.len)
    }

    /// Copies `bytes` (or as many as it holds) out to the program.
    ///
    /// # Errors
    /// `EFAULT`.
    pub fn write(self, bytes: &[u8]) -> Result<()> {
        write_bytes(self.address, &bytes[..bytes.len().min(self.len)])
    }
}

/// A copy that must be whole.
#[inline]
fn whole(copied: bool) -> Result<()> {
    if copied { Ok(()) } else { Err(FAULT) }
}

/// Reads one byte at a user address.
///
/// # Errors
/// `EFAULT`.
#[inline]
pub fn read_byte(address: u64) -> Result<u8> {
    hal::user::load_u8(address).ok_or(FAULT)
}

/// Reads exactly `into.len()` bytes at a user address.
///
/// # Errors
/// `EFAULT`.
#[inline]
pub fn read_bytes(address: u64, into: &mut [u8]) -> Result<()> {
    whole(hal::user::copy_in(into, address) == into.len())
}

/// Writes exactly `from.len()` bytes at a user address.
///
/// # Errors
/// `EFAULT`.
#[inline]
pub fn write_bytes(address: u64, from: &[u8]) -> Result<()> {
    whole(hal::user::copy_out(address, from) == from.len())
}

/// Copies a zero-ended string of at most `limit` bytes (the zero included) out of a program's memory, without its zero.
///
/// # Errors
/// `EFAULT`; `too_long` when no zero comes within the limit.
pub fn read_string(address: u64, limit: usize, too_long: Errno) -> Result<Vec<u8>> {
    const STEP: usize = 64;
    let mut string = Vec::with_capacity(STEP);
    while string.len() < limit {
        let start = string.len();
        let at = address.checked_add(start as u64).ok_or(FAULT)?;
        // Never past the page that the last byte came from: what lies behind it need not be there.
        let want = STEP.min(4096 - at as usize % 4096).min(limit - start);
        string.try_reserve(want).map_err(|_| NO_MEMORY)?;
        string.resize(start + want, 0);
        let got = hal::user::copy_in(&mut string[start..], at);
        if let Some(end) = string[start..start + got].iter().position(|&byte| byte == 0) {
            string.truncate(start + end);
            return Ok(string);
        }
        if got < want {
            return Err(FAULT);
        }
    }
    Err(Error::new(too_long, "the string is too long"))
}

/// Reads a word that other threads may change at the same time.
///
/// # Errors
/// `EFAULT`; `EINVAL` for an address that is not a multiple of four.
pub fn load_u32(address: u64) -> Result<u32> {
    if !address.is_multiple_of(4) {
        return Err(Error::new(Errno::EINVAL, "the word is not aligned"));
    }
    hal::user::load_u32(address).ok_or(FAULT)
}

/// Puts `new` in place of `old` at once; returns the word that was there.
///
/// # Errors
/// `EFAULT`; `EINVAL` for an address that is not a multiple of four.
pub fn compare_exchange_u32(address: u64, old: u32, new: u32) -> Result<u32> {
    if !address.is_multiple_of(4) {
        return Err(Error::new(Errno::EINVAL, "the word is not aligned"));
    }
    hal::user::compare_exchange_u32(address, old, new).ok_or(FAULT)
}
