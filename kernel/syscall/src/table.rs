//! Calls by number, made when the kernel is compiled.

use crate::argument::{Arguments, Show};
use crate::{Caller, Support, Syscall, calls};
use abi::Result;

/// Numbers are below this.
pub const NUMBERS: usize = 512;

/// One call, its type erased.
#[derive(Clone, Copy)]
pub struct Entry {
    /// Linux's name.
    pub name: &'static str,
    /// Its number.
    pub number: usize,
    /// How much of it there is.
    pub support: Support,
    /// Decodes the arguments and does it.
    pub call: Call,
    /// How its arguments are shown.
    pub shown: &'static [Show],
}

impl core::fmt::Debug for Entry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.name, self.number)
    }
}

fn call<S: Syscall>(caller: &mut Caller<'_>) -> Result<u64> {
    let args = S::Args::decode(&caller.frame.arguments())?;
    S::call(caller, args)
}

impl Entry {
    /// The row of a call.
    #[must_use]
    pub const fn of<S: Syscall>() -> Self {
        Self {
            name: S::NAME,
            number: S::NUMBER,
            support: S::SUPPORT,
            call: call::<S>,
            shown: S::Args::SHOWN,
        }
    }
}

/// What does a call.
pub type Call = fn(&mut Caller<'_>) -> Result<u64>;

/// What does each call, for the way in: numbers without a call lead to one that says so.
pub(crate) static CALLS: [Call; NUMBERS] = {
    let mut calls: [Call; NUMBERS] = [crate::entry::unknown; NUMBERS];
    let mut number = 0;
    while number < NUMBERS {
        if let Some(entry) = TABLE[number] {
            calls[number] = entry.call;
        }
        number += 1;
    }
    calls
};

/// How the arguments of each call are shown, for traces.
pub(crate) static SHOWN: [Option<&'static [Show]>; NUMBERS] = {
    let mut shown: [Option<&'static [Show]>; NUMBERS] = [None; NUMBERS];
    let mut number = 0;
    while number < NUMBERS {
        if let Some(entry) = TABLE[number] {
            shown[number] = Some(entry.shown);
        }
        number += 1;
    }
    shown
};

/// The table of all calls. (For documents and tests: what the kernel itself asks for is in the tables above, so that names and notes need no room in it.)
pub static TABLE: [Option<Entry>; NUMBERS] = build();

const fn build() -> [Option<Entry>; NUMBERS] {
    let mut table = [None; NUMBERS];
    let mut family = 0;
    while family < calls::FAMILIES.len() {
        let rows = calls::FAMILIES[family];
        let mut row = 0;
        while row < rows.len() {
            let entry = rows[row];
            assert!(table[entry.number].is_none(), "two calls have one number");
            table[entry.number] = Some(entry);
            row += 1;
        }
        family += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_each_family_are_in_order() {
        for rows in calls::FAMILIES {
            assert!(
                rows.is_sorted_by_key(|entry| entry.number),
                "the family of {:?} is not in order of numbers",
                rows.first()
            );
        }
    }
}
