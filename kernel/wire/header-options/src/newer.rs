//! IPv6's headers behind the first one (RFC 8200 section 4), as programs give and get them (RFC 3542): each with its own length in its second byte.
//!
//! Ways by several addresses are not followed and not sent: those that Linux's kernels knew at first are forbidden (RFC 5095).

use alloc::vec::Vec;

/// Options for everybody on the way.
pub const HOP_BY_HOP: u8 = 0;
/// A way by several addresses.
pub const ROUTING: u8 = 43;
/// Options for who receives.
pub const DESTINATION: u8 = 60;

/// Most bytes of a header.
const LONGEST: usize = 8 * 255;

/// How long a header says that it is.
fn len(header: &[u8]) -> Option<usize> {
    Some((usize::from(*header.get(1)?) + 1) * 8)
}

/// Whether bytes that a program gives are a header.
#[must_use]
pub fn is_header(given: &[u8]) -> bool {
    given.len().is_multiple_of(8) && given.len() <= LONGEST && len(given).is_some_and(|len| len <= given.len())
}

/// A header that goes along with a datagram, without what is behind it.
#[must_use]
pub fn header_of(given: &[u8]) -> Option<&[u8]> {
    given.get(..len(given)?)
}

/// Headers that go with a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// For everybody on the way.
    pub hop: Vec<u8>,
    /// For who receives it.
    pub last: Vec<u8>,
}

impl Headers {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.hop.is_empty() && self.last.is_empty()
    }

    /// What goes with each fragment of a packet whose whole begins with `next`; and what that is, and the header before the rest, if it belongs to the whole.
    #[must_use]
    pub fn chain(&self, protocol: u8) -> (Vec<u8>, Vec<u8>, u8) {
        let mut last = header_of(&self.last).unwrap_or_default().to_vec();
        let mut next = protocol;
        if let Some(first) = last.first_mut() {
            *first = protocol;
            next = DESTINATION;
        }
        let mut hop = header_of(&self.hop).unwrap_or_default().to_vec();
        if let Some(first) = hop.first_mut() {
            *first = next;
        }
        (hop, last, next)
    }
}

/// The headers that came behind the first one, which says that `next` follows: what each is, and its bytes.
pub fn each(next: u8, bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let (mut next, mut rest) = (next, bytes);
    core::iter::from_fn(move || {
        if !matches!(next, HOP_BY_HOP | ROUTING | DESTINATION) {
            return None;
        }
        let (header, behind) = rest.split_at_checked(len(rest)?)?;
        let kind = next;
        next = *header.first()?;
        rest = behind;
        Some((kind, header))
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    const SMALL: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];

    #[test]
    fn headers_are_chained_before_what_they_carry() {
        let headers = Headers {
            hop: SMALL.to_vec(),
            last: SMALL.to_vec(),
        };
        let (hop, last, next) = headers.chain(17);
        assert_eq!((hop[0], last[0], next), (DESTINATION, 17, DESTINATION));
        let all = [hop, last].concat();
        let kinds: Vec<u8> = each(HOP_BY_HOP, &all).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [HOP_BY_HOP, DESTINATION]);
        assert_eq!(Headers::default().chain(17), (Vec::new(), Vec::new(), 17));
    }

    #[test]
    fn lengths_are_eights_and_say_so() {
        assert!(is_header(&SMALL) && !is_header(&SMALL[..7]) && !is_header(&[]));
        assert!(!is_header(&[0, 1, 0, 0, 0, 0, 0, 0]));
        assert_eq!(header_of(&[SMALL, SMALL].concat()), Some(&SMALL[..]));
    }

    proptest! {
        #[test]
        fn what_comes_is_walked_to_its_end_at_most(next in any::<u8>(), bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let sum: usize = each(next, &bytes).map(|(_, header)| header.len()).sum();
            prop_assert!(sum <= bytes.len());
        }
    }
}
