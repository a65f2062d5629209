//! Options in IPv4's header (RFC 791): what a program gives is checked, who sends fills in what is his, and who receives the same.
//!
//! Ways by several addresses (source routes) can be given and sent, but are not followed by who receives them.

use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// Most bytes of options.
pub const LONGEST: usize = 40;

const END: u8 = 0;
const NOTHING: u8 = 1;
const RECORD: u8 = 7;
const STAMP: u8 = 68;
const LOOSE: u8 = 131;
const ALERT: u8 = 148;
const STRICT: u8 = 137;
/// Options with this bit are in every fragment.
const COPIED: u8 = 0x80;

/// Stamps: times alone, with addresses, and of given addresses.
const TIMES: u8 = 0;
const WITH_ADDRESSES: u8 = 1;
const OF_THESE: u8 = 3;

/// What is wrong with options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// They are none; where.
    At(usize),
    /// They ask for a way by several addresses.
    Route,
}

/// Who fills in, and when.
#[derive(Clone, Copy)]
pub struct Filler<'a> {
    /// The own address.
    pub own: Ipv4Addr,
    /// Milliseconds since midnight.
    pub time: u32,
    /// Whether an address is the machine's.
    pub is_own: &'a dyn Fn(Ipv4Addr) -> bool,
}

impl core::fmt::Debug for Filler<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} at {}", self.own, self.time)
    }
}

/// Options that a program gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// As they were given, padded.
    given: Vec<u8>,
    /// As they go: with places taken, and without the first address of a route.
    bytes: Vec<u8>,
    /// Where a route is, and its first address.
    route: Option<(usize, Ipv4Addr)>,
    /// Where the own address is written, and the time.
    addresses: [Option<usize>; 2],
    time: Option<usize>,
}

impl Options {
    /// Checks what a program gives; who may do everything may also give what is not known.
    ///
    /// # Errors
    /// Where it is wrong.
    pub fn check(given: &[u8], may_all: bool, is_own: &dyn Fn(Ipv4Addr) -> bool) -> Result<Self, Wrong> {
        if given.len() > LONGEST {
            return Err(Wrong::At(LONGEST));
        }
        let mut bytes = given.to_vec();
        bytes.resize(given.len().next_multiple_of(4), END);
        end(&mut bytes);
        let mut options = Self {
            given: bytes.clone(),
            ..Self::default()
        };
        let mut seen = Seen::default();
        let mut at = 0;
        while let Some((kind, size)) = next(&bytes, &mut at)? {
            let one = bytes.get_mut(at..at + size).unwrap_or_default();
            options
                .take(kind, one, at, may_all, is_own, &mut seen)
                .map_err(|within| Wrong::At(at + within))?;
            at += size;
        }
        options.bytes = bytes;
        Ok(options)
    }

    /// Takes one option; where it is wrong.
    fn take(
        &mut self,
        kind: u8,
        one: &mut [u8],
        at: usize,
        may_all: bool,
        is_own: &dyn Fn(Ipv4Addr) -> bool,
        seen: &mut Seen,
    ) -> Result<(), usize> {
        match kind {
            LOOSE | STRICT => {
                seen.once(0)?;
                let [_, size, 4, a, b, c, d, ..] = *one else {
                    return Err(2);
                };
                if (size - 3) % 4 != 0 {
                    return Err(1);
                }
                self.route = Some((at, Ipv4Addr::new(a, b, c, d)));
                one.copy_within(7.., 3);
            }
            RECORD => {
                seen.once(1)?;
                let place = place(one, 4, 4)?;
                if let Some(place) = place {
                    self.addresses[0] = Some(at + place);
                    one[2] += 4;
                }
            }
            STAMP => {
                seen.once(2)?;
                match stamp(one, is_own, may_all)? {
                    Stamp::Here { address, time, step } => {
                        self.addresses[1] = address.map(|address| at + address);
                        self.time = Some(at + time);
                        one[2] += step;
                    }
                    Stamp::Full | Stamp::Others => {}
                }
            }
            ALERT if one.len() < 4 => return Err(1),
            ALERT => {}
            _ if may_all => {}
            _ => return Err(0),
        }
        Ok(())
    }

    /// As they were given.
    #[must_use]
    pub fn given(&self) -> &[u8] {
        &self.given
    }

    /// Where a packet with them goes first, if they say so.
    #[must_use]
    pub fn first(&self) -> Option<Ipv4Addr> {
        self.route.map(|(_, first)| first)
    }

    /// Their bytes in a packet to somebody.
    #[must_use]
    pub fn filled(&self, destination: Ipv4Addr, own: Ipv4Addr, time: u32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let mut put = |at: Option<usize>, what: [u8; 4]| {
            if let Some(place) = at.and_then(|at| bytes.get_mut(at..at + 4)) {
                place.copy_from_slice(&what);
            }
        };
        let last = |(at, _): (usize, Ipv4Addr)| Some(at + usize::from(*self.bytes.get(at + 1)?) - 4);
        put(self.route.and_then(last), destination.octets());
        self.addresses.into_iter().for_each(|at| put(at, own.octets()));
        put(self.time, time.to_be_bytes());
        bytes
    }
}

/// Which options were seen that there may be one of: a route, a record, stamps.
#[derive(Default)]
struct Seen([bool; 3]);

impl Seen {
    fn once(&mut self, which: usize) -> Result<(), usize> {
        if core::mem::replace(&mut self.0[which], true) {
            Err(0)
        } else {
            Ok(())
        }
    }
}

/// Behind the end nothing follows.
fn end(bytes: &mut [u8]) {
    let mut at = 0;
    while let Ok(Some((_, size))) = next(bytes, &mut at) {
        at += size;
    }
    if bytes.get(at) == Some(&END) {
        bytes[at..].fill(END);
    }
}

/// The next option: what it is, and how long; `at` is where it begins then.
fn next(bytes: &[u8], at: &mut usize) -> Result<Option<(u8, usize)>, Wrong> {
    while bytes.get(*at) == Some(&NOTHING) {
        *at += 1;
    }
    match bytes.get(*at..).unwrap_or_default() {
        [] | [END, ..] => Ok(None),
        [kind, size, rest @ ..] if (2..=rest.len() + 2).contains(&usize::from(*size)) => {
            Ok(Some((*kind, usize::from(*size))))
        }
        _ => Err(Wrong::At(*at)),
    }
}

/// Where the next entry of an option lies whose entries have so many bytes, if there is room; entries begin at `least` at the earliest.
fn place(one: &[u8], least: u8, len: usize) -> Result<Option<usize>, usize> {
    let [_, size, pointer, ..] = *one else { return Err(1) };
    if pointer < least {
        return Err(2);
    }
    if pointer > size {
        return Ok(None);
    }
    let at = usize::from(pointer) - 1;
    if at + len > one.len() {
        return Err(2);
    }
    Ok(Some(at))
}

/// What is to be done about stamps.
enum Stamp {
    /// Written here, which takes so many bytes.
    Here {
        address: Option<usize>,
        time: usize,
        step: u8,
    },
    /// There is no room.
    Full,
    /// Somebody else's is next.
    Others,
}

fn stamp(one: &[u8], is_own: &dyn Fn(Ipv4Addr) -> bool, may_all: bool) -> Result<Stamp, usize> {
    let [_, _, _, flags, ..] = *one else { return Err(1) };
    let kind = flags & 15;
    let len = if kind == TIMES { 4 } else { 8 };
    let known = matches!(kind, TIMES | WITH_ADDRESSES | OF_THESE);
    let Some(at) = place(one, 5, if known { len } else { 4 })? else {
        // As many were left out as fit there.
        return if kind != OF_THESE && flags >> 4 == 15 {
            Err(3)
        } else {
            Ok(Stamp::Full)
        };
    };
    let given = one.get(at..).and_then(|rest| rest.first_chunk::<4>());
    match kind {
        TIMES => Ok(Stamp::Here {
            address: None,
            time: at,
            step: 4,
        }),
        WITH_ADDRESSES => Ok(Stamp::Here {
            address: Some(at),
            time: at + 4,
            step: 8,
        }),
        OF_THESE if given.is_some_and(|ip| is_own(Ipv4Addr::from(*ip))) => Ok(Stamp::Here {
            address: None,
            time: at + 4,
            step: 8,
        }),
        OF_THESE => Ok(Stamp::Others),
        _ if may_all => Ok(Stamp::Others),
        _ => Err(3),
    }
}

/// Options that came, with what who receives them fills in.
///
/// # Errors
/// Where they are wrong, or that they are a route, which nobody follows.
pub fn received(came: &[u8], filler: &Filler<'_>) -> Result<Vec<u8>, Wrong> {
    let mut bytes = came.to_vec();
    let mut at = 0;
    while let Some((kind, size)) = next(&bytes, &mut at)? {
        let one = bytes.get_mut(at..at + size).unwrap_or_default();
        fill(kind, one, filler).map_err(|within| within.map_or(Wrong::Route, |within| Wrong::At(at + within)))?;
        at += size;
    }
    Ok(bytes)
}

fn fill(kind: u8, one: &mut [u8], filler: &Filler<'_>) -> Result<(), Option<usize>> {
    let put = |one: &mut [u8], at: usize, what: [u8; 4]| {
        if let Some(place) = one.get_mut(at..at + 4) {
            place.copy_from_slice(&what);
        }
    };
    match kind {
        LOOSE | STRICT => return Err(None),
        RECORD => {
            if let Some(at) = place(one, 4, 4).map_err(Some)? {
                put(one, at, filler.own.octets());
                one[2] += 4;
            }
        }
        STAMP => match stamp(one, filler.is_own, true).map_err(Some)? {
            Stamp::Here { address, time, step } => {
                if let Some(address) = address {
                    put(one, address, filler.own.octets());
                }
                put(one, time, filler.time.to_be_bytes());
                one[2] += step;
            }
            Stamp::Full if one[3] & 15 != OF_THESE => one[3] += 16,
            Stamp::Full | Stamp::Others => {}
        },
        _ => {}
    }
    Ok(())
}

/// What who answers sends back of options that came: records and stamps.
#[must_use]
pub fn answer(came: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Ok(Some((kind, size))) = next(came, &mut at) {
        if matches!(kind, RECORD | STAMP) {
            bytes.extend_from_slice(came.get(at..at + size).unwrap_or_default());
        }
        at += size;
    }
    bytes.resize(bytes.len().next_multiple_of(4), END);
    bytes
}

/// The options of all fragments but the first.
#[must_use]
pub fn of_later_fragments(all: &[u8]) -> Vec<u8> {
    let mut bytes = all.to_vec();
    let mut at = 0;
    while let Ok(Some((kind, size))) = next(&bytes, &mut at) {
        if kind & COPIED == 0
            && let Some(one) = bytes.get_mut(at..at + size)
        {
            one.fill(NOTHING);
        }
        at += size;
    }
    bytes
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;

    const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn is_own(ip: Ipv4Addr) -> bool {
        ip == OWN
    }

    fn filler() -> Filler<'static> {
        Filler {
            own: OWN,
            time: 0x0102_0304,
            is_own: &is_own,
        }
    }

    #[test]
    fn both_sides_write_themselves_down() {
        let asked = Options::check(&[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0], false, &is_own).expect("they are right");
        let sent = asked.filled(PEER, OWN, 5);
        assert_eq!(sent, [7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0, 0]);
        let came = received(&sent, &Filler { own: PEER, ..filler() }).expect("they are right");
        assert_eq!(came, [7, 11, 12, 10, 0, 0, 1, 10, 0, 0, 2, 0]);
        assert_eq!(answer(&came), came);
        assert_eq!(received(&came, &filler()), Ok(came.clone()), "there is no more room");
        assert_eq!(of_later_fragments(&came), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn stamps_are_written_and_counted_where_there_is_no_room() {
        let asked = Options::check(&[68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0], false, &is_own).expect("they are right");
        let sent = asked.filled(PEER, OWN, 7);
        assert_eq!(sent, [68, 12, 13, 1, 10, 0, 0, 1, 0, 0, 0, 7]);
        assert_eq!(received(&sent, &filler()).map(|came| came[3]), Ok(0x11));
        let full = [68, 12, 13, 0xf1, 10, 0, 0, 1, 0, 0, 0, 7];
        assert_eq!(received(&full, &filler()), Err(Wrong::At(3)));
        let others = [68, 12, 5, 3, 10, 0, 0, 2, 0, 0, 0, 0];
        assert_eq!(received(&others, &filler()), Ok(others.to_vec()));
    }

    #[test]
    fn a_route_goes_by_its_first_address_and_ends_at_the_destination() {
        let asked = Options::check(&[131, 11, 4, 1, 1, 1, 1, 2, 2, 2, 2], true, &is_own).expect("they are right");
        assert_eq!(asked.first(), Some(Ipv4Addr::new(1, 1, 1, 1)));
        let sent = asked.filled(PEER, OWN, 0);
        assert_eq!(sent, [131, 11, 4, 2, 2, 2, 2, 10, 0, 0, 2, 0]);
        assert_eq!(received(&sent, &filler()), Err(Wrong::Route));
        assert_eq!(asked.given(), [131, 11, 4, 1, 1, 1, 1, 2, 2, 2, 2, 0]);
    }

    proptest! {
        #[test]
        fn nothing_that_is_given_or_comes_goes_beyond_itself(bytes in proptest::collection::vec(any::<u8>(), 0..48), kinds in proptest::collection::vec(0usize..7, 0..12)) {
            let mut bytes = bytes;
            for (at, kind) in kinds.into_iter().enumerate() {
                if let Some(byte) = bytes.get_mut(at * 4) {
                    *byte = [7, 68, 131, 137, 148, 1, 0][kind];
                }
            }
            if let Ok(options) = Options::check(&bytes, true, &is_own) {
                let filled = options.filled(PEER, OWN, 1);
                prop_assert_eq!(filled.len(), bytes.len().next_multiple_of(4));
                let _ = received(&filled, &filler());
            }
            let _ = received(&bytes, &filler());
            prop_assert_eq!(of_later_fragments(&bytes).len(), bytes.len());
            prop_assert!(answer(&bytes).len() <= bytes.len().next_multiple_of(4));
        }
    }
}
