//! The size of a kernel file without what a loader does not read: symbols, debug information, section names.
//!
//! That is the end of the last loaded segment, which is what `strip` leaves, give or take the section table; no other program is needed for it.

/// The size in bytes of the loaded part of a 64-bit ELF file, or nothing if it is not one.
#[must_use]
pub fn loaded_size(file: &[u8]) -> Option<u64> {
    if file.get(..5)? != b"\x7fELF\x02" {
        return None;
    }
    let table = usize::try_from(number(file, 32, 8)?).ok()?;
    let entry = usize::try_from(number(file, 54, 2)?).ok()?;
    let count = usize::try_from(number(file, 56, 2)?).ok()?;

    let mut end = u64::try_from(table.checked_add(entry * count)?).ok()?;
    for index in 0..count {
        let header = table + index * entry;
        let offset = number(file, header + 8, 8)?;
        let size = number(file, header + 32, 8)?;
        end = end.max(offset.checked_add(size)?);
    }
    Some(end)
}

/// A little-endian number of `length` bytes at `offset`.
pub(crate) fn number(file: &[u8], offset: usize, length: usize) -> Option<u64> {
    let bytes = file.get(offset..offset.checked_add(length)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::loaded_size;

    /// A header with one program header that covers bytes 0x1000..0x1234 of the file.
    fn sample() -> Vec<u8> {
        let mut file = vec![0; 0x2000];
        file[..5].copy_from_slice(b"\x7fELF\x02");
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64 + 8..64 + 10].copy_from_slice(&0x1000_u16.to_le_bytes());
        file[64 + 32..64 + 34].copy_from_slice(&0x234_u16.to_le_bytes());
        file
    }

    #[test]
    fn what_follows_the_last_segment_does_not_count() {
        assert_eq!(loaded_size(&sample()), Some(0x1234));
    }

    #[test]
    fn a_file_that_is_no_elf_file_has_no_size() {
        assert_eq!(loaded_size(b"#!/bin/sh\n"), None);
        assert_eq!(loaded_size(&sample()[..40]), None);
        let mut lying = sample();
        lying[32..40].fill(0xff);
        assert_eq!(loaded_size(&lying), None);
    }
}
