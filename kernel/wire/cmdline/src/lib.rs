//! The kernel command line as checked tokens.
//!
//! Tokens are separated by white space. Those for Chiton are `chiton.KEY` or `chiton.KEY=VALUE`, with the value percent-encoded; hypervisors add tokens of their own,
//! of which `virtio_mmio.device=` says where devices are. Everything else is left alone. Whatever a line holds, nothing here panics.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

/// One token that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// `chiton.KEY=VALUE`: the key, and the decoded value (empty without `=`).
    Chiton(&'a [u8], Vec<u8>),
    /// `virtio_mmio.device=SIZE@ADDRESS:LINE[:ID]`.
    Virtio(VirtioMmio),
}

/// Where a virtio device's registers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtioMmio {
    /// Their first address.
    pub address: u64,
    /// How many bytes they take.
    pub size: u64,
    /// The interrupt line.
    pub line: u32,
}

/// The tokens of a line that mean something, in order.
pub fn tokens(line: &[u8]) -> impl Iterator<Item = Token<'_>> {
    line.split(u8::is_ascii_whitespace).filter_map(|token| {
        if let Some(device) = token.strip_prefix(b"virtio_mmio.device=") {
            return VirtioMmio::parse(device).map(Token::Virtio);
        }
        let token = token.strip_prefix(b"chiton.")?;
        let mut parts = token.splitn(2, |&byte| byte == b'=');
        let key = parts.next()?;
        Some(Token::Chiton(key, decode(parts.next().unwrap_or(b""))))
    })
}

impl VirtioMmio {
    /// Reads `512@0xfeb00000:5` (the size may end in `K` or `M`); a fourth part, the device's number, does not matter.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(text).ok()?;
        let (size, rest) = text.split_once('@')?;
        let mut parts = rest.split(':');
        let device = Self {
            address: number(parts.next()?)?,
            size: sized(size)?,
            line: u32::try_from(number(parts.next()?)?).ok()?,
        };
        device.address.checked_add(device.size)?;
        (device.size > 0).then_some(device)
    }
}

/// A number with a unit.
fn sized(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    number(digits)?.checked_mul(unit)
}

/// A number, decimal or after `0x` hexadecimal.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Puts bytes in the place of `%XX`; what is no such escape stays as it is.
#[must_use]
pub fn decode(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.push(high << 4 | low);
            rest = after;
        } else {
            decoded.push(byte);
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::format;
    use std::vec;

    #[test]
    fn a_line_gives_its_tokens_in_order_and_skips_what_is_not_ours() {
        let line =
            b"quiet chiton.arg=/bin/echo  chiton.arg=a%20b virtio_mmio.device=512@0xfeb00e00:12 chiton.strace x=y\n";
        let device = VirtioMmio {
            address: 0xfeb0_0e00,
            size: 512,
            line: 12,
        };
        let expected = vec![
            Token::Chiton(b"arg", b"/bin/echo".to_vec()),
            Token::Chiton(b"arg", b"a b".to_vec()),
            Token::Virtio(device),
            Token::Chiton(b"strace", Vec::new()),
        ];
        assert_eq!(tokens(line).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn devices_that_cannot_be_are_left_out() {
        assert_eq!(
            VirtioMmio::parse(b"4K@4096:5:1"),
            Some(VirtioMmio {
                address: 4096,
                size: 4096,
                line: 5
            })
        );
        for bad in [
            "",
            "512",
            "512@",
            "512@0xfeb00000",
            "0@1:2",
            "1@0xffffffffffffffff:1",
            "99999999999999999999M@1:1",
            "a@b:c",
        ] {
            assert_eq!(VirtioMmio::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let encoded: std::string::String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(encoded.as_bytes()), bytes);
        }

        #[test]
        fn no_line_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            tokens(&bytes).for_each(drop);
        }
    }
}
