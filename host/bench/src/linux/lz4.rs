//! The LZ4 "legacy" stream in which Debian's kernels are packed: a magic number, then blocks that each begin with their compressed length.

use crate::kernel_file::number;

const MAGIC: &[u8] = b"\x02\x21\x4c\x18";

/// The uncompressed bytes, or nothing if `stream` is no such stream or is damaged.
pub(super) fn decompress(stream: &[u8]) -> Option<Vec<u8>> {
    if stream.get(..4)? != MAGIC {
        return None;
    }
    let mut output = Vec::new();
    let mut at = 4;
    while at < stream.len() {
        let length = usize::try_from(number(stream, at, 4)?).ok()?;
        at += 4;
        block(stream.get(at..at.checked_add(length)?)?, &mut output)?;
        at += length;
    }
    Some(output)
}

/// One block: runs of literal bytes, each followed by a copy of earlier output; the last run has no copy.
fn block(bytes: &[u8], output: &mut Vec<u8>) -> Option<()> {
    let start = output.len();
    let mut at = 0;
    while at < bytes.len() {
        let token = *bytes.get(at)?;
        at += 1;
        let literals = length(usize::from(token >> 4), bytes, &mut at)?;
        output.extend_from_slice(bytes.get(at..at.checked_add(literals)?)?);
        at += literals;
        if at == bytes.len() {
            break;
        }
        let distance = usize::try_from(number(bytes, at, 2)?).ok()?;
        at += 2;
        let copied = length(usize::from(token & 15), bytes, &mut at)? + 4;
        if distance == 0 || distance > output.len() - start {
            return None;
        }
        // The copy may overlap what it writes, so it goes byte by byte.
        for _ in 0..copied {
            output.push(*output.get(output.len() - distance)?);
        }
    }
    Some(())
}

/// A length of 15 goes on in the bytes that follow, up to one that is not 255.
fn length(first: usize, bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut total = first;
    if first == 15 {
        loop {
            let more = *bytes.get(*at)?;
            *at += 1;
            total += usize::from(more);
            if more != 255 {
                break;
            }
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::{MAGIC, decompress};

    fn stream(block: &[u8]) -> Vec<u8> {
        let length = u32::try_from(block.len()).unwrap().to_le_bytes();
        [MAGIC, &length, block].concat()
    }

    #[test]
    fn literals_and_an_overlapping_copy_come_out() {
        // "ab", then 6 bytes from 2 back, then "!".
        assert_eq!(decompress(&stream(b"\x22ab\x02\x00\x10!")).unwrap(), b"abababab!");
    }

    #[test]
    fn long_runs_are_counted_in_more_bytes() {
        // One literal, then 4 + 15 + 255 + 3 copies of it.
        let output = decompress(&stream(b"\x1fa\x01\x00\xff\x03\x00")).unwrap();
        assert_eq!(output.len(), 1 + 4 + 15 + 255 + 3);
    }

    #[test]
    fn damage_is_found() {
        assert_eq!(decompress(b"\x1f\x8b"), None, "another format");
        assert_eq!(decompress(&stream(b"\x10")), None, "a literal is missing");
        assert_eq!(
            decompress(&stream(b"\x12a\x05\x00\x00")),
            None,
            "a copy from before the beginning"
        );
        let mut short = stream(b"\x22ab\x02\x00\x10!");
        short.pop();
        assert_eq!(decompress(&short), None, "a block is cut off");
    }
}
