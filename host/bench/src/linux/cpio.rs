//! An initial file system for Linux: a `newc` archive with a console, the first program, and what else is asked for.

use std::collections::BTreeSet;

const FOLDER: u32 = 0o040_755;
const CONSOLE: u32 = 0o020_600;
const PROGRAM: u32 = 0o100_755;

/// The archive. `others` are programs and libraries, by their absolute paths.
pub(super) fn archive(program: &[u8], others: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry(&mut bytes, 1, "dev", FOLDER, (0, 0), &[]);
    entry(&mut bytes, 2, "dev/console", CONSOLE, (5, 1), &[]);
    entry(&mut bytes, 3, "init", PROGRAM, (0, 0), program);
    let mut number = 3;
    let mut folders = BTreeSet::new();
    for (path, _) in others {
        let path = path.trim_start_matches('/');
        folders.extend(
            path.match_indices('/')
                .map(|(end, _)| path.get(..end).unwrap_or_default()),
        );
    }
    for folder in folders {
        number += 1;
        entry(&mut bytes, number, folder, FOLDER, (0, 0), &[]);
    }
    for (path, data) in others {
        number += 1;
        entry(&mut bytes, number, path.trim_start_matches('/'), PROGRAM, (0, 0), data);
    }
    entry(&mut bytes, 0, "TRAILER!!!", 0, (0, 0), &[]);
    bytes
}

/// One member: a header of hexadecimal fields, the name, the data, each padded to four bytes.
fn entry(bytes: &mut Vec<u8>, inode: u32, name: &str, mode: u32, device: (u32, u32), data: &[u8]) {
    let data_length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let name_length = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
    // Owner, group, links, time, length, device that holds it (2), device that it is (2), length of the name, checksum (none in this form).
    let fields = [
        inode,
        mode,
        0,
        0,
        1,
        0,
        data_length,
        0,
        0,
        device.0,
        device.1,
        name_length,
        0,
    ];
    bytes.extend_from_slice(b"070701");
    for field in fields {
        bytes.extend_from_slice(format!("{field:08X}").as_bytes());
    }
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(0);
    pad(bytes);
    bytes.extend_from_slice(data);
    pad(bytes);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::archive;

    #[test]
    fn members_are_aligned_and_named() {
        let bytes = archive(b"program", &[("/a/b/c".to_owned(), b"tool".to_vec())]);
        assert!(bytes.len().is_multiple_of(4));
        assert_eq!(bytes.get(..6), Some(b"070701".as_slice()));
        // The first member's name begins behind its header of 110 bytes.
        assert_eq!(bytes.get(110..114), Some(b"dev\0".as_slice()));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(text.matches("070701").count(), 7);
        assert!(text.contains("TRAILER!!!"));
    }
}
