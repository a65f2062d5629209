//! A client and servers of all kinds.

use super::*;
use proptest::prelude::*;

const MAC: Mac = [2, 0, 0, 0, 0, 9];
const OWN: &str = "fd00::7";

fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

fn put(name: u16, value: &[u8]) -> Vec<u8> {
    [&name.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
}

/// An association with addresses and for how long they are good, with what else is in it.
fn addresses(times: (u32, u32), all: &[(&str, u32, u32)], more: &[u8]) -> Vec<u8> {
    let mut value = [&[0, 0, 0, 9][..], &times.0.to_be_bytes(), &times.1.to_be_bytes()].concat();
    for (text, preferred, valid) in all {
        let address = [&ip(text).octets()[..], &preferred.to_be_bytes(), &valid.to_be_bytes()];
        value.extend(put(option::ADDRESS, &address.concat()));
    }
    value.extend(more);
    put(option::ADDRESSES, &value)
}

fn usual() -> Vec<u8> {
    addresses((0, 0), &[(OWN, 3600, 7200)], &[])
}

/// An answer of the server called `name`.
fn from(name: &[u8], question: &[u8], kind: u8, options: &[u8]) -> Vec<u8> {
    let own = &question[4..18];
    [&[kind][..], &question[1..4], own, &put(option::SERVER, name), options].concat()
}

fn answer(question: &[u8], kind: u8, options: &[u8]) -> Vec<u8> {
    from(b"one", question, kind, options)
}

fn asked(client: &mut Client, now: u64) -> Vec<u8> {
    let (event, letter) = client.tick(now, 0x77_1234);
    assert_eq!(event, Event::Nothing);
    letter.expect("a question")
}

fn bound() -> Client {
    let mut client = Client::new(0, MAC, true);
    let solicit = asked(&mut client, 0);
    let offer = answer(&solicit, kind::ADVERTISE, &usual());
    assert_eq!(client.receive(0, &offer), Some(Event::Nothing));
    let request = asked(&mut client, 0);
    assert_eq!(
        (request[0], find(&request[4..], option::SERVER)),
        (kind::REQUEST, Some(&b"one"[..]))
    );
    let names = [
        put(
            option::NAMESERVERS,
            &[ip("fd00::53").octets(), ip("ff02::1").octets()].concat(),
        ),
        put(option::DOMAINS, b"\x03lan\0"),
    ];
    let reply = answer(&request, kind::REPLY, &[usual(), names.concat()].concat());
    let lease = Lease {
        ip: Some(ip(OWN)),
        nameservers: alloc::vec![ip("fd00::53").into()],
        search: b"lan".to_vec(),
    };
    assert_eq!(client.receive(0, &reply), Some(Event::Got(lease)));
    client
}

#[test]
fn who_asks_is_given_and_asks_for_more_in_time() {
    let mut client = bound();
    assert_eq!(client.next(), 1800 * SECOND);
    assert!(client.is_stateful() && !client.is_looking());
    let renewal = asked(&mut client, 1800 * SECOND);
    assert_eq!(
        (renewal[0], find(&renewal[4..], option::SERVER)),
        (kind::RENEW, Some(&b"one"[..]))
    );
    let other = from(b"two", &renewal, kind::REPLY, &usual());
    assert_eq!(
        client.receive(1801 * SECOND, &other),
        Some(Event::Nothing),
        "it was not asked"
    );
    let reply = answer(&renewal, kind::REPLY, &usual());
    assert!(matches!(client.receive(1801 * SECOND, &reply), Some(Event::Got(_))));
    assert_eq!(client.next(), 3601 * SECOND);
    assert_eq!(client.receive(1801 * SECOND, &reply), None, "nobody asks any more");
    // Its server is silent, and somebody else helps.
    let mut now = client.next();
    while asked(&mut client, now)[0] == kind::RENEW {
        now = client.next();
    }
    assert_eq!(now, (1801 + 2880) * SECOND);
    let again = client.next();
    let rebinding = asked(&mut client, again);
    assert_eq!(
        (rebinding[0], find(&rebinding[4..], option::SERVER)),
        (kind::REBIND, None)
    );
    let reply = from(b"two", &rebinding, kind::REPLY, &usual());
    assert!(matches!(client.receive(again, &reply), Some(Event::Got(_))));
    // Nobody helps.
    let ends = again + 7200 * SECOND;
    loop {
        let now = client.next();
        let (event, letter) = client.tick(now, 3);
        let letter = letter.expect("a question");
        if event == Event::Lost {
            assert_eq!((now, letter[0]), (ends, kind::SOLICIT));
            break;
        }
        assert!(now < ends && matches!(letter[0], kind::RENEW | kind::REBIND));
    }
}

#[test]
fn a_server_may_answer_at_once_if_it_says_so() {
    let mut client = Client::new(0, MAC, true);
    let solicit = asked(&mut client, 0);
    assert_eq!(
        client.receive(0, &answer(&solicit, kind::REPLY, &usual())),
        Some(Event::Nothing)
    );
    let quick = [usual(), put(option::RAPID, &[])].concat();
    assert!(matches!(
        client.receive(0, &answer(&solicit, kind::REPLY, &quick)),
        Some(Event::Got(_))
    ));
}

#[test]
fn who_wants_no_address_is_told_the_rest() {
    let mut client = Client::new(0, MAC, false);
    let question = asked(&mut client, 0);
    assert_eq!(
        (question[0], find(&question[4..], option::ADDRESSES)),
        (kind::INFORMATION, None)
    );
    let refused = answer(&question, kind::REPLY, &put(option::STATUS, &[0, 1]));
    assert_eq!(client.receive(0, &refused), Some(Event::Nothing));
    let short = put(option::REFRESH, &1_u32.to_be_bytes());
    let reply = answer(
        &question,
        kind::REPLY,
        &[put(option::DOMAINS, b"\x03lan\0"), short].concat(),
    );
    let lease = Lease {
        search: b"lan".to_vec(),
        ..Lease::default()
    };
    assert_eq!(client.receive(0, &reply), Some(Event::Got(lease)));
    assert_eq!(client.next(), u64::from(LEAST_REFRESH) * SECOND);
    assert_eq!(asked(&mut client, 600 * SECOND)[0], kind::INFORMATION);
    assert!(!client.is_stateful() && !client.is_looking());
}

#[test]
fn without_an_answer_it_asks_ever_more_seldom() {
    for stateful in [true, false] {
        let mut client = Client::new(0, MAC, stateful);
        let (mut now, mut count) = (0, 0);
        let first = asked(&mut client, 0);
        while now < 36_000 * SECOND {
            now = client.next();
            let again = asked(&mut client, now);
            assert_eq!(
                (&again[..4], client.next() > now),
                (&first[..4], true),
                "the same question"
            );
            count += 1;
        }
        assert!((15..30).contains(&count), "{count} questions in ten hours");
    }
}

#[test]
fn nonsense_is_ignored_and_a_refusal_begins_again() {
    let mut client = Client::new(0, MAC, true);
    let solicit = asked(&mut client, 0);
    for bad in ["::", "::1", "ff02::1", "fe80::1", "::ffff:10.0.0.1"] {
        let offer = answer(&solicit, kind::ADVERTISE, &addresses((0, 0), &[(bad, 60, 60)], &[]));
        assert_eq!(client.receive(0, &offer), Some(Event::Nothing));
    }
    let status = |code| put(option::STATUS, &[0, code]);
    for options in [
        addresses((0, 0), &[(OWN, 61, 60)], &[]),
        addresses((0, 0), &[(OWN, 0, 0)], &[]),
        addresses((9, 8), &[(OWN, 60, 60)], &[]),
        addresses((0, 0), &[(OWN, 60, 60)], &status(2)),
        [usual(), status(1)].concat(),
        Vec::new(),
    ] {
        client.receive(0, &answer(&solicit, kind::ADVERTISE, &options));
    }
    client.receive(0, &answer(&solicit, kind::RENEW, &usual()));
    let offer = answer(&solicit, kind::ADVERTISE, &usual());
    for at in [1, 3, 8, 17] {
        let mut other = offer.clone();
        other[at] ^= 1;
        assert_eq!(client.receive(0, &other), None, "for somebody else");
    }
    let nobody = from(b"", &solicit, kind::ADVERTISE, &usual());
    assert_eq!(client.receive(0, &nobody), None);
    let huge = from(&[1; 2000], &solicit, kind::ADVERTISE, &usual());
    assert_eq!(client.receive(0, &huge), None);
    assert!(matches!(client.state, State::Looking));
    client.receive(0, &offer);
    let request = asked(&mut client, 0);
    assert_eq!(
        client.receive(0, &from(b"two", &request, kind::REPLY, &usual())),
        Some(Event::Nothing)
    );
    client.receive(0, &answer(&request, kind::REPLY, &status(2)));
    assert!(matches!(client.state, State::Looking) && client.next() == SECOND);
}

#[test]
fn an_address_that_a_server_ends_is_lost() {
    for (options, lost) in [
        (addresses((0, 0), &[], &put(option::STATUS, &[0, 3])), true),
        (addresses((0, 0), &[(OWN, 0, 0)], &[]), true),
        (put(option::STATUS, &[0, 1]), false),
        (Vec::new(), false),
    ] {
        let mut client = bound();
        let renewal = asked(&mut client, 1800 * SECOND);
        let event = client.receive(1800 * SECOND, &answer(&renewal, kind::REPLY, &options));
        assert_eq!(event == Some(Event::Lost), lost);
        assert_eq!(client.is_looking(), lost);
    }
    let mut client = bound();
    let renewal = asked(&mut client, 1800 * SECOND);
    let moved = addresses((0, 0), &[(OWN, 0, 0), ("fd00::8", 60, 60)], &[]);
    let Some(Event::Got(lease)) = client.receive(1800 * SECOND, &answer(&renewal, kind::REPLY, &moved)) else {
        panic!("no address")
    };
    assert_eq!(lease.ip, Some(ip("fd00::8")));
}

#[test]
fn an_address_is_given_back() {
    let mut client = bound();
    let letter = client.release(SECOND).expect("a letter");
    assert_eq!(letter[0], kind::RELEASE);
    assert!(find(&letter[4..], option::SERVER).is_some() && find(&letter[4..], option::ADDRESSES).is_some());
    let mut asking = Client::new(0, MAC, true);
    assert!(asking.release(0).is_none(), "there is none");
}

#[test]
fn an_address_that_somebody_has_is_declined() {
    let mut client = bound();
    assert!(client.is_taken(SECOND, ip("fd00::8")).is_none());
    let decline = client.is_taken(SECOND, ip(OWN)).expect("a letter");
    let found = Association::find(&decline[4..], 9).expect("addresses");
    assert_eq!(
        (decline[0], found.addresses().next().map(|given| given.ip)),
        (kind::DECLINE, Some(ip(OWN)))
    );
    assert!(client.is_looking() && client.is_taken(SECOND, ip(OWN)).is_none());
    assert!(client.tick(2 * SECOND, 5).1.is_none(), "not at once");
    assert_eq!(asked(&mut client, SECOND + DECLINED)[0], kind::SOLICIT);
}

#[test]
fn what_never_ends_is_asked_for_once() {
    let mut client = Client::new(0, MAC, true);
    let solicit = asked(&mut client, 0);
    let ever = addresses((u32::MAX, u32::MAX), &[(OWN, u32::MAX, u32::MAX)], &[]);
    client.receive(0, &answer(&solicit, kind::ADVERTISE, &ever));
    let request = asked(&mut client, 0);
    assert!(matches!(
        client.receive(9, &answer(&request, kind::REPLY, &ever)),
        Some(Event::Got(_))
    ));
    assert_eq!(client.next(), u64::MAX);
}

proptest! {
    #[test]
    fn no_server_is_too_strange(
        stateful: bool,
        steps in proptest::collection::vec(
            (1u8..12, any::<u32>(), any::<[u32; 4]>(), proptest::collection::vec(prop_oneof![Just(0u8), 0u8..30, any::<u8>()], 0..60)), 1..30)
    ) {
        let mut client = Client::new(0, MAC, stateful);
        let mut now = 0;
        for (kind, random, [renew, rebind, preferred, valid], more) in steps {
            let (_, letter) = client.tick(now, random);
            if let Some(letter) = letter {
                prop_assert!(client.next() > now);
                let kind = if kind % 2 == 0 { kind::REPLY } else { kind };
                let given = addresses((renew % 9000, rebind % 9000), &[(OWN, preferred % 9000, valid % 9000)], &more);
                client.receive(now, &answer(&letter, kind, &[given, more].concat()));
                prop_assert!(client.next() >= now);
            }
            if random % 7 == 0 {
                client.is_taken(now, ip(OWN));
            }
            now = client.next().min(now + 100_000 * SECOND);
        }
    }
}
