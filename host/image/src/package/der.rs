//! The number under which OpenSSL looks for a certificate in a directory: the first bytes of SHA-1 over the name of its subject, in a form that
//! does not depend on how the name was written.

/// A class of elements, and strings of each kind, by their tags.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTF8: u8 = 12;
const PRINTABLE: u8 = 19;
const T61: u8 = 20;
const IA5: u8 = 22;
const VISIBLE: u8 = 26;
const UNIVERSAL: u8 = 28;
const BMP: u8 = 30;

/// The number of the first certificate of a PEM file.
pub(crate) fn subject_number(pem: &str) -> Option<u32> {
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
    let (text, _) = rest.split_once("-----END")?;
    let bytes = from_base64(text)?;
    let (_, certificate, _) = element(&bytes)?;
    let (_, mut rest, _) = element(certificate)?;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    // The serial number, the algorithm, the issuer and the time stand before the subject.
    for _ in 0..4 {
        rest = element(rest)?.2;
    }
    let (SEQUENCE, mut name, _) = element(rest)? else {
        return None;
    };
    let mut plain = Vec::new();
    while !name.is_empty() {
        let (tag, mut set, after) = element(name)?;
        let mut attributes = Vec::new();
        while !set.is_empty() {
            let (tag, attribute, next) = element(set)?;
            let (_, _, value) = element(attribute)?;
            let mut content = attribute[..attribute.len() - value.len()].to_vec();
            let (kind, value, _) = element(value)?;
            match simplified(kind, value) {
                Some(text) => put(&mut content, UTF8, text.as_bytes()),
                None => put(&mut content, kind, value),
            }
            put(&mut attributes, tag, &content);
            set = next;
        }
        put(&mut plain, tag, &attributes);
        name = after;
    }
    sha1(&plain).first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The first element: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (len, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (len, rest) = rest
            .split_at_checked(usize::from(first & 0x7f))
            .filter(|(len, _)| len.len() <= 4)?;
        (len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
    };
    let (content, after) = rest.split_at_checked(len)?;
    Some((tag, content, after))
}

fn put(to: &mut Vec<u8>, tag: u8, content: &[u8]) {
    to.push(tag);
    let len = content.len().to_be_bytes();
    let digits = &len[len.iter().take_while(|byte| **byte == 0).count().min(len.len() - 1)..];
    if content.len() >= 0x80 {
        to.push(0x80 | digits.len().to_le_bytes()[0]);
    }
    to.extend_from_slice(digits);
    to.extend_from_slice(content);
}

/// A string in small letters with single spaces; `None` for what is no string.
fn simplified(tag: u8, value: &[u8]) -> Option<String> {
    let wide = |size: usize| {
        let letters = value.chunks(size);
        letters.filter_map(|bytes| char::from_u32(bytes.iter().fold(0, |letter, byte| letter << 8 | u32::from(*byte))))
    };
    let text: String = match tag {
        UTF8 => String::from_utf8_lossy(value).into_owned(),
        PRINTABLE | T61 | IA5 | VISIBLE => wide(1).collect(),
        BMP => wide(2).collect(),
        UNIVERSAL => wide(4).collect(),
        _ => return None,
    };
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    Some(words.join(" ").to_ascii_lowercase())
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count).to_le_bytes()[0]);
        }
    }
    Some(bytes)
}

fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        let mut words = [0_u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        for at in 16..80 {
            words[at] = (words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16]).rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (round, word) in words.iter().enumerate() {
            let (mixed, constant) = match round / 20 {
                0 => (b & c | !b & d, 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a
                .rotate_left(5)
                .wrapping_add(mixed)
                .wrapping_add(e)
                .wrapping_add(constant)
                .wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, value) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(value);
        }
    }
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn digests_and_what_is_no_certificate() {
        assert_eq!(sha1(b"abc")[..4], [0xa9, 0x99, 0x3e, 0x36]);
        assert_eq!(sha1(&[b'a'; 119])[..4], [0xee, 0x97, 0x10, 0x65]);
        for bad in ["", "MAA=", "MIL/////AAAA", "MAMwAQA=", "%"] {
            let pem = format!("-----BEGIN CERTIFICATE-----\n{bad}\n-----END CERTIFICATE-----\n");
            assert_eq!(subject_number(&pem), None, "{bad}");
        }
    }

    #[test]
    fn the_numbers_are_those_of_openssl() {
        let links = fs::read_dir("/etc/ssl/certs").into_iter().flatten().flatten();
        for link in links {
            let name = link.file_name().to_string_lossy().into_owned();
            let number = name
                .split_once('.')
                .and_then(|(number, _)| u32::from_str_radix(number, 16).ok());
            if let Some(number) = number.filter(|_| name.len() == 10) {
                let text = fs::read_to_string(link.path()).unwrap();
                assert_eq!(subject_number(&text), Some(number), "{name}");
            }
        }
    }
}
