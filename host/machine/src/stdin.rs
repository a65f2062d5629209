//! Framing of what goes to the guest: input bytes, end of file, and the window's size share one serial line.
//!
//! The byte 0x10 (DLE) announces: `D` a literal 0x10, `E` end of file, `W` and four bytes the window's rows and columns
//! (16 bits each, little-endian). Everything else is input as it is.

const DLE: u8 = 0x10;

/// Appends input bytes.
pub(crate) fn input(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(*byte);
        if *byte == DLE {
            out.push(b'D');
        }
    }
}

/// Appends the end of the input.
pub(crate) fn end(out: &mut Vec<u8>) {
    out.extend([DLE, b'E']);
}

/// Appends a window size.
pub(crate) fn window(out: &mut Vec<u8>, rows: u16, columns: u16) {
    let ([r0, r1], [c0, c1]) = (rows.to_le_bytes(), columns.to_le_bytes());
    out.extend([DLE, b'W', r0, r1, c0, c1]);
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_announcing_byte_is_doubled_and_the_rest_is_plain() {
        let mut out = Vec::new();
        super::input(&mut out, b"a\x10b");
        super::window(&mut out, 50, 300);
        super::end(&mut out);
        assert_eq!(out, b"a\x10Db\x10W\x32\0\x2c\x01\x10E");
    }
}
