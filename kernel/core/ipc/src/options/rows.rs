//! Options that are one number: what each may be.

use super::{Options, SHORT, UNKNOWN, number, number_of};
use abi::{Errno, Error, Result};
use alloc::vec::Vec;

/// What a number may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Not 0 is 1.
    Flag,
    /// Whatever is given.
    Any,
    /// From the one to the other.
    Within(i32, i32),
    /// The same; -1 makes it what it is at first.
    Resettable(i32, i32),
    /// It is told and not set.
    Fixed,
}

/// An option that is a number: its name, its value before anybody sets it, and what it may be.
pub type Row = (u32, i32, Rule);

/// No such value.
pub const NO_VALUE: Error = Error::new(Errno::EINVAL, "the option has no such value");

/// The value of an option that is a row.
///
/// # Errors
/// `ENOPROTOOPT`.
#[cold]
#[inline(never)]
pub fn get_row(options: &Options, rows: &[Row], level: u32, name: u32) -> Result<Vec<u8>> {
    let row = rows.iter().find(|row| row.0 == name).ok_or(UNKNOWN)?;
    number(options.kept(level, name).unwrap_or(row.1))
}

/// Sets an option that is a row.
///
/// # Errors
/// `ENOPROTOOPT`; `EINVAL` for what it may not be.
pub fn set_row(options: &Options, rows: &[Row], level: u32, name: u32, value: &[u8]) -> Result<()> {
    if value.len() < size_of::<i32>() {
        return Err(SHORT);
    }
    set_number(options, rows, level, name, number_of(value)?)
}

/// The same, with the number that was given.
///
/// # Errors
/// As [`set_row`].
#[cold]
#[inline(never)]
pub fn set_number(options: &Options, rows: &[Row], level: u32, name: u32, number: i32) -> Result<()> {
    let &(_, first, rule) = rows.iter().find(|row| row.0 == name).ok_or(UNKNOWN)?;
    let kept = match rule {
        Rule::Flag => i32::from(number != 0),
        Rule::Any => number,
        Rule::Resettable(..) if number == -1 => first,
        Rule::Within(least, most) | Rule::Resettable(least, most) if (least..=most).contains(&number) => number,
        Rule::Within(..) | Rule::Resettable(..) => return Err(NO_VALUE),
        Rule::Fixed => return Err(UNKNOWN),
    };
    options.keep(level, name, kept);
    Ok(())
}
