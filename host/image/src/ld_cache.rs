//! `ld.so.cache`: reading the host's, to find libraries as its loader does, and writing a small one for the image.
//!
//! The image gets its own because the host's names hundreds of libraries that the image lacks; one that names only what
//! is there lets the guest's loader find each library with a single `open`. Format: glibc's "new" one, magic
//! `glibc-ld.so.cache1.1`, alone or behind the old one (`ld.so-1.7.0`). Entries are sorted downwards by name, with runs of
//! digits compared as numbers, because the loader bisects.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::PathBuf;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const HEADER: usize = 48;
const ENTRY: usize = 24;
const OLD_HEADER: usize = 16;
const OLD_ENTRY: usize = 12;
/// `ELF_LIBC6` for x86-64.
const FLAGS: u32 = 0x0303;

/// Library names with their paths, for plain x86-64 (entries for special processors are left out).
pub(crate) fn parse(file: &[u8]) -> HashMap<String, PathBuf> {
    let Some(bytes) = new_part(file) else {
        return HashMap::new();
    };
    let count = usize::try_from(number(bytes, 20)).unwrap_or(0);
    let entries = bytes.get(HEADER..).unwrap_or_default().chunks_exact(ENTRY).take(count);
    let mut found = HashMap::new();
    for entry in entries {
        let special = number(entry, 16) != 0 || number(entry, 20) != 0;
        if number(entry, 0) != FLAGS || special {
            continue;
        }
        if let (Some(name), Some(path)) = (string(bytes, number(entry, 4)), string(bytes, number(entry, 8))) {
            found.entry(name).or_insert_with(|| PathBuf::from(path));
        }
    }
    found
}

/// A cache with these names and paths.
pub(crate) fn build(libraries: &[(String, String)]) -> Vec<u8> {
    let mut sorted: Vec<&(String, String)> = libraries.iter().collect();
    sorted.sort_by(|a, b| compare(b.0.as_bytes(), a.0.as_bytes()));
    sorted.dedup_by(|a, b| a.0 == b.0);

    let strings_start = HEADER + ENTRY * sorted.len();
    let mut strings: Vec<u8> = Vec::new();
    let mut place = |text: &str| {
        let offset = strings_start + strings.len();
        strings.extend(text.as_bytes());
        strings.push(0);
        u32::try_from(offset).unwrap_or(0)
    };
    let mut entries = Vec::new();
    for (name, path) in &sorted {
        entries.extend(FLAGS.to_le_bytes());
        entries.extend(place(name).to_le_bytes());
        entries.extend(place(path).to_le_bytes());
        entries.extend([0; 12]);
    }
    let mut out = MAGIC.to_vec();
    out.extend(u32::try_from(sorted.len()).unwrap_or(0).to_le_bytes());
    out.extend(u32::try_from(strings.len()).unwrap_or(0).to_le_bytes());
    // 2: little-endian.
    out.push(2);
    out.resize(HEADER, 0);
    out.extend(entries);
    out.extend(strings);
    out
}

fn new_part(file: &[u8]) -> Option<&[u8]> {
    if file.starts_with(OLD_MAGIC) {
        let count = usize::try_from(number(file, 12)).ok()?;
        let end = OLD_HEADER
            .checked_add(OLD_ENTRY.checked_mul(count)?)?
            .next_multiple_of(8);
        return file.get(end..).filter(|rest| rest.starts_with(MAGIC));
    }
    file.starts_with(MAGIC).then_some(file)
}

/// The loader's order of names: like bytes, but runs of digits by their value, and a digit after anything else.
fn compare(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while let Some(&first) = a.first() {
        let second = b.first().copied().unwrap_or(0);
        let order = match (first.is_ascii_digit(), second.is_ascii_digit()) {
            (true, true) => {
                let (x, rest_a) = leading_number(a);
                let (y, rest_b) = leading_number(b);
                (a, b) = (rest_a, rest_b);
                x.cmp(&y)
            }
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                (a, b) = (&a[1..], b.get(1..).unwrap_or_default());
                first.cmp(&second)
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    if b.is_empty() { Ordering::Equal } else { Ordering::Less }
}

fn leading_number(text: &[u8]) -> (u64, &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let value = text[..end]
        .iter()
        .fold(0_u64, |value, digit| value.wrapping_mul(10) + u64::from(digit - b'0'));
    (value, &text[end..])
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|slice| slice.try_into().ok())
        .map_or(0, u32::from_le_bytes)
}

fn string(bytes: &[u8], at: u32) -> Option<String> {
    let rest = bytes.get(usize::try_from(at).ok()?..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    String::from_utf8(rest[..end].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_can_be_parsed() {
        let pair = |name: &str, path: &str| (name.to_string(), path.to_string());
        let bytes = build(&[
            pair("libc.so.6", "/lib/libc.so.6"),
            pair("libz.so.1", "/usr/lib/libz.so.1"),
        ]);
        let found = parse(&bytes);
        assert_eq!(found["libz.so.1"], PathBuf::from("/usr/lib/libz.so.1"));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert_eq!(compare(b"libx.so.9", b"libx.so.10"), Ordering::Less);
        assert_eq!(compare(b"libx.so.10", b"libx.so.10"), Ordering::Equal);
        assert_eq!(compare(b"libx", b"libx.so"), Ordering::Less);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            parse(&bytes);
            parse(&[MAGIC, &bytes].concat());
            parse(&[OLD_MAGIC, &bytes].concat());
        }
    }
}
