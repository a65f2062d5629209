//! Lists of domain names as routers and servers send them (RFC 1035 section 3.1, RFC 8106 section 5.2): each name is labels behind their lengths and ends with an empty one.

use alloc::vec::Vec;

/// Most bytes of a name, with its dots, and of a label.
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;
/// Names that are taken of a list, as many as resolvers used to search.
const MOST: usize = 6;

/// The names of a list with a space between two, as `resolv.conf(5)` has them. One with anything in it that does not belong into that file is left out; a list that breaks off counts up to its last whole name.
#[must_use]
pub fn search_list(bytes: &[u8]) -> Vec<u8> {
    let (mut all, mut rest) = (Vec::new(), bytes);
    let mut count = 0;
    while count < MOST {
        let Some((name, after)) = name(rest) else { break };
        rest = after;
        if name.is_empty() || name.len() > LONGEST || !name.iter().all(is_fine) {
            continue;
        }
        if count > 0 {
            all.push(b' ');
        }
        all.extend(name);
        count += 1;
    }
    all
}

/// The first name of a list, and the others.
fn name(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut name, mut rest) = (Vec::new(), bytes);
    loop {
        let (&len, after) = rest.split_first()?;
        let (label, after) = after.split_at_checked(usize::from(len))?;
        rest = after;
        // Longer ones would be pointers, which lists do not have.
        if label.len() > LONGEST_LABEL {
            return None;
        }
        if label.is_empty() {
            return Some((name, rest));
        }
        if !name.is_empty() {
            name.push(b'.');
        }
        // A dot within a label makes the name one that cannot be written.
        name.extend(label.iter().map(|byte| if *byte == b'.' { b' ' } else { *byte }));
    }
}

fn is_fine(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(byte)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &[u8]) -> std::string::String {
        std::string::String::from_utf8(search_list(bytes)).expect("text")
    }

    #[test]
    fn names_are_read_and_padding_is_none() {
        assert_eq!(text(b"\x03lan\0\x07example\x03org\0\0\0\0"), "lan example.org");
        assert_eq!(text(b"\x03lan\0\x07exam"), "lan");
        assert_eq!(text(b"\x03lan\0\xc0\x00\x03lan\0"), "lan");
        assert_eq!(text(b"\x05a\nb c\0\x03a.b\0\x02ok\0"), "ok");
        assert_eq!(text(&b"\x01a\0".repeat(100)), "a a a a a a");
        assert_eq!(text(&[&b"\x3f"[..], &[b'x'; 63]].concat().repeat(9)), "");
    }

    proptest! {
        #[test]
        fn nothing_is_too_strange(bytes in proptest::collection::vec(prop_oneof![0u8..6, any::<u8>()], 0..200)) {
            let found = text(&bytes);
            prop_assert!(found.len() <= MOST * (LONGEST + 1));
            prop_assert!(found.split(' ').count() <= MOST && !found.contains('\n'));
        }
    }
}
