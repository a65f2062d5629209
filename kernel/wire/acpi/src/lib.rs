//! The ACPI tables that say which processors and interrupt controllers there are, as checked views.
//!
//! Three steps lead there, each a function over the bytes of one table: the root pointer says where the root table is, the root table lists all others,
//! and the one whose name is `APIC` (the MADT) lists processors and controllers. Whatever the bytes say, nothing here panics: what does not fit is left out.
//! References: ACPI 6.5, 5.2.5 (root pointer), 5.2.7 and 5.2.8 (root tables), 5.2.12 (MADT).
#![no_std]
#![forbid(unsafe_code)]

/// Bytes of the root pointer.
pub const ROOT_POINTER: usize = 36;
/// Bytes of what every table begins with.
pub const HEADER: usize = 36;
/// The name of the table that lists processors and controllers.
pub const MADT: &[u8; 4] = b"APIC";

fn number(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

fn adds_up(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

/// Where the root table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its physical address.
    pub address: u64,
    /// How many bytes each of its entries has: 4 or 8.
    pub width: usize,
}

impl Root {
    /// Reads the root pointer.
    #[must_use]
    pub fn parse(pointer: &[u8]) -> Option<Self> {
        let first = pointer.get(..20)?;
        if !first.starts_with(b"RSD PTR ") || !adds_up(first) {
            return None;
        }
        let old = Self {
            address: number(pointer, 16, 4)?,
            width: 4,
        };
        let wide = number(pointer, 24, 8).filter(|&address| pointer[15] >= 2 && address != 0);
        Some(wide.map_or(old, |address| Self { address, width: 8 }))
    }

    /// The addresses of the tables that the root table, which is given whole, lists.
    pub fn tables<'a>(&self, table: &'a [u8]) -> impl Iterator<Item = u64> + use<'a> {
        let width = self.width;
        let entries = table.get(HEADER..).unwrap_or(&[]).chunks_exact(width);
        entries.filter_map(move |entry| number(entry, 0, width))
    }
}

/// How long a table is, header included, as its header says.
#[must_use]
pub fn length(header: &[u8]) -> Option<usize> {
    number(header, 4, 4)
        .and_then(|len| usize::try_from(len).ok())
        .filter(|&len| len >= HEADER)
}

/// What an entry of the MADT says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A processor that may be started.
    Cpu {
        /// Its identity at the interrupt controller.
        id: u32,
    },
    /// A controller of interrupt lines.
    Lines {
        /// Its registers.
        address: u64,
        /// The number of its first line.
        first: u32,
    },
}

/// The entries of the MADT, which is given whole; none if it does not add up.
pub fn madt(table: &[u8]) -> impl Iterator<Item = Entry> {
    let mut rest = table.get(HEADER + 8..).filter(|_| adds_up(table)).unwrap_or(&[]);
    core::iter::from_fn(move || {
        loop {
            let &[kind, len] = rest.first_chunk::<2>()?;
            let (entry, after) = rest.split_at_checked(usize::from(len)).filter(|_| len >= 2)?;
            rest = after;
            let word = |at| number(entry, at, 4).and_then(|word| u32::try_from(word).ok());
            let enabled = |at| word(at).filter(|flags| flags & 1 == 1);
            let found = match kind {
                0 => enabled(4).and(entry.get(3)).map(|&id| Entry::Cpu { id: u32::from(id) }),
                9 => enabled(8).and(word(4)).map(|id| Entry::Cpu { id }),
                1 => word(4).zip(word(8)).map(|(address, first)| Entry::Lines {
                    address: u64::from(address),
                    first,
                }),
                _ => None,
            };
            if found.is_some() {
                return found;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn sealed(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
        let sum = bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
        bytes[at] = bytes[at].wrapping_sub(sum);
        bytes
    }

    fn madt_of(entries: &[&[u8]]) -> Vec<u8> {
        let mut table = std::vec![0; HEADER + 8];
        table[..4].copy_from_slice(MADT);
        entries.iter().for_each(|entry| table.extend_from_slice(entry));
        let len = table.len() as u32;
        table[4..8].copy_from_slice(&len.to_le_bytes());
        sealed(table, 9)
    }

    fn pointer(revision: u8) -> Vec<u8> {
        let mut bytes = b"RSD PTR \0CHITON".to_vec();
        bytes.push(revision);
        bytes.extend(0x1234_5678u32.to_le_bytes());
        let mut bytes = sealed(bytes, 8);
        bytes.extend(36u32.to_le_bytes());
        bytes.extend(0x1_0000_2000u64.to_le_bytes());
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn the_root_is_the_wide_table_where_there_is_one() {
        assert_eq!(
            Root::parse(&pointer(2)),
            Some(Root {
                address: 0x1_0000_2000,
                width: 8
            })
        );
        assert_eq!(
            Root::parse(&pointer(0)[..20]),
            Some(Root {
                address: 0x1234_5678,
                width: 4
            })
        );
        let mut broken = pointer(2);
        broken[16] ^= 1;
        assert_eq!(Root::parse(&broken), None);
    }

    #[test]
    fn processors_that_are_off_do_not_count_and_controllers_have_their_lines() {
        let table = madt_of(&[
            &[0, 8, 0, 5, 1, 0, 0, 0],
            &[0, 8, 1, 6, 0, 0, 0, 0],
            &[1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0],
            &[2, 10, 0, 0, 2, 0, 0, 0, 0, 0],
            &[1, 12, 1, 0, 0, 0, 0xc1, 0xfe, 24, 0, 0, 0],
            &[9, 16, 0, 0, 0x34, 0x12, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        ]);
        let found: Vec<Entry> = madt(&table).collect();
        let lines = |address, first| Entry::Lines { address, first };
        assert_eq!(
            found,
            [
                Entry::Cpu { id: 5 },
                lines(0xfec0_0000, 0),
                lines(0xfec1_0000, 24),
                Entry::Cpu { id: 0x1234 }
            ]
        );
        assert_eq!(length(&table), Some(table.len()));
    }

    #[test]
    fn an_entry_that_is_cut_or_empty_ends_the_list() {
        assert_eq!(madt(&madt_of(&[&[0, 0, 0, 0]])).count(), 0);
        assert_eq!(madt(&madt_of(&[&[0, 8, 0, 5]])).count(), 0);
        assert_eq!(madt(&madt_of(&[&[0, 4, 0, 5], &[0, 8, 0, 7, 1, 0, 0, 0]])).count(), 1);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Root::parse(&bytes);
            let _ = length(&bytes);
            let sealed = if bytes.is_empty() { bytes } else { sealed(bytes, 0) };
            prop_assert!(madt(&sealed).count() <= 150);
            let root = Root { address: 0, width: 4 };
            prop_assert!(root.tables(&sealed).count() <= 75);
        }
    }
}
