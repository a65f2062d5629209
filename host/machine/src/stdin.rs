//! Framing of what goes to the guest: input bytes, end of file, and the window's size share one serial line.
//!
//! The byte 0x10 (DLE) announces: `D` a literal 0x10, `E` end of file, `W` and four bytes the window's rows and columns
//! (16 bits each, little-endian), `S` and a byte a signal for the program. Everything else is input as it is. After `V` nothing but signals comes on the line any more: the rest goes, in the same frames, to the machine's device
//! for much output and input. The line takes about ten bytes in a millisecond; a few keys are there sooner than the device is set up, and anything longer is not.

const DLE: u8 = 0x10;
/// How much goes over the line at once.
const FEW: usize = 256;

/// Input on its way to the guest.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// What the line has not taken yet.
    pub(crate) line: Vec<u8>,
    /// What the device has not taken yet.
    pub(crate) device: Vec<u8>,
    /// Whether the machine has the device.
    has_device: bool,
    moved: bool,
}

impl Input {
    pub(crate) fn new(has_device: bool) -> Self {
        Self {
            has_device,
            ..Self::default()
        }
    }

    /// How much waits.
    pub(crate) fn len(&self) -> usize {
        self.line.len() + self.device.len()
    }

    /// The way that takes more now.
    fn way(&mut self, len: usize) -> &mut Vec<u8> {
        if self.has_device && !self.moved && self.line.len() + len > FEW {
            self.line.extend([DLE, b'V']);
            self.moved = true;
        }
        if self.moved { &mut self.device } else { &mut self.line }
    }

    /// Appends input bytes.
    pub(crate) fn input(&mut self, bytes: &[u8]) {
        input(self.way(bytes.len()), bytes);
    }

    /// Appends the end of the input.
    pub(crate) fn end(&mut self) {
        end(self.way(0));
    }

    /// Appends a signal. It takes the line, which is never full of what nobody reads.
    pub(crate) fn signal(&mut self, number: u8) {
        self.line.extend([DLE, b'S', number]);
    }

    /// Appends a window size.
    pub(crate) fn window(&mut self, rows: u16, columns: u16) {
        window(self.way(0), rows, columns);
    }
}

/// Appends input bytes.
fn input(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(*byte);
        if *byte == DLE {
            out.push(b'D');
        }
    }
}

/// Appends the end of the input.
fn end(out: &mut Vec<u8>) {
    out.extend([DLE, b'E']);
}

/// Appends a window size.
fn window(out: &mut Vec<u8>, rows: u16, columns: u16) {
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

    #[test]
    fn much_input_moves_to_the_device_and_little_does_not() {
        let mut few = super::Input::new(true);
        few.input(b"keys");
        few.end();
        assert_eq!((&few.line[..], &few.device[..]), (&b"keys\x10E"[..], &b""[..]));

        let mut much = super::Input::new(true);
        much.input(b"first ");
        much.input(&[b'x'; 300]);
        much.end();
        assert_eq!(much.line, b"first \x10V");
        assert_eq!(much.device.len(), 302);
        much.signal(15);
        assert_eq!(much.line, b"first \x10V\x10S\x0f");

        let mut alone = super::Input::new(false);
        alone.input(&[b'x'; 300]);
        assert_eq!((alone.line.len(), alone.device.len()), (300, 0));
    }
}
