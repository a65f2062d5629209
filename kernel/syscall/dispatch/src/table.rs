//! Calls by number, made when the kernel is compiled.

use crate::restart;
use syscall::argument::Show;
use syscall::{Call, Entry};

/// Numbers are below this.
pub const NUMBERS: usize = 512;

/// The families of calls: those of all the time, the others, and what needs the table.
const FAMILIES: [&[&[Entry]]; 3] = [syscall::calls::FAMILIES, seldom::FAMILIES, &[restart::ROWS]];

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
    let mut crates = 0;
    while crates < FAMILIES.len() {
        let families = FAMILIES[crates];
        let mut family = 0;
        while family < families.len() {
            enter(&mut table, families[family]);
            family += 1;
        }
        crates += 1;
    }
    table
}

const fn enter(table: &mut [Option<Entry>; NUMBERS], rows: &[Entry]) {
    let mut row = 0;
    while row < rows.len() {
        let entry = rows[row];
        assert!(table[entry.number].is_none(), "two calls have one number");
        table[entry.number] = Some(entry);
        row += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_each_family_are_in_order() {
        for rows in FAMILIES.into_iter().flatten() {
            assert!(
                rows.is_sorted_by_key(|entry| entry.number),
                "the family of {:?} is not in order of numbers",
                rows.first()
            );
        }
    }
}
