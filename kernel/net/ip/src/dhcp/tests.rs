//! A client and servers of all kinds.

use super::*;
use proptest::prelude::*;

const MAC: Mac = [2, 0, 0, 0, 0, 9];
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

fn answer(question: &[u8], kind: u8, ip: Ipv4Addr, options: &[u8]) -> Vec<u8> {
    let mut bytes = question[..240].to_vec();
    bytes[0] = 2;
    bytes[16..20].copy_from_slice(&ip.octets());
    bytes.extend([53, 1, kind, 54, 4]);
    bytes.extend(SERVER.octets());
    bytes.extend([1, 4, 255, 255, 255, 0, 51, 4, 0, 0, 0x0e, 0x10, 6, 4, 10, 0, 2, 3]);
    bytes.extend(options);
    bytes.push(255);
    bytes
}

fn bound(now: u64) -> (Client, Lease) {
    let mut client = Client::new(now, MAC, b"me".to_vec());
    let (_, discover) = client.tick(now, 77);
    let discover = discover.expect("a question").bytes;
    assert_eq!(client.receive(now, &answer(&discover, OFFER, OWN, &[])), Event::Nothing);
    let (_, request) = client.tick(now, 78);
    let request = request.expect("a question").bytes;
    let ack = answer(
        &request,
        ACK,
        OWN,
        &[3, 4, 10, 0, 2, 2, 26, 2, 5, 0, 15, 3, b'l', b'a', b'n'],
    );
    match client.receive(now, &ack) {
        Event::Got(lease) => (client, lease),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_address_is_given_back() {
    let (mut client, lease) = bound(0);
    let letter = client.release(SECOND, 9).expect("a letter");
    assert_eq!(letter.ends, Some((OWN, lease.server)));
    let mut mirrored = letter.bytes;
    mirrored[0] = 2;
    let told = Answer::parse(&mirrored).expect("a message");
    assert_eq!((told.kind, told.number), (RELEASE, 9));
    assert_eq!(told.address(option::SERVER), Some(SERVER));
    let mut asking = Client::new(0, MAC, Vec::new());
    assert!(asking.release(0, 1).is_none(), "there is none");
}

#[test]
fn who_asks_is_given_and_asks_for_more_in_time() {
    let (mut client, lease) = bound(0);
    assert_eq!(lease.network, Network::parse("10.0.2.15/24").expect("a network"));
    assert_eq!(
        lease.routes,
        [(Network::parse("0.0.0.0/0").expect("all"), IpAddr::V4(SERVER))]
    );
    assert_eq!(
        (lease.mtu, lease.domain.as_slice(), lease.nameservers.len()),
        (Some(1280), &b"lan"[..], 1)
    );
    let half = 1800 * SECOND;
    assert_eq!(client.next(), half);
    let (_, renewal) = client.tick(half, 5);
    let renewal = renewal.expect("a question");
    assert_eq!(renewal.ends, Some((OWN, SERVER)));
    let again = client.receive(half, &answer(&renewal.bytes, ACK, OWN, &[]));
    assert!(matches!(again, Event::Got(_)));
    assert_eq!(client.next(), 2 * half);
    let (_, late) = client.tick(half + 3150 * SECOND, 6);
    assert_eq!(late.and_then(|letter| letter.ends), Some((OWN, Ipv4Addr::BROADCAST)));
    let (event, letter) = client.tick(half + 3600 * SECOND, 7);
    assert_eq!(event, Event::Lost);
    assert!(letter.is_some_and(|letter| letter.ends.is_none()) && !client.is_bound());
}

#[test]
fn without_an_answer_it_asks_ever_more_seldom() {
    let mut client = Client::new(0, MAC, Vec::new());
    let (mut now, mut count) = (0, 0);
    while now < 600 * SECOND {
        let (_, letter) = client.tick(now, count);
        assert!(letter.is_some() && client.next() > now);
        (now, count) = (client.next(), count + 1);
    }
    assert!((10..25).contains(&count), "{count} questions in ten minutes");
}

#[test]
fn nonsense_is_ignored_and_a_refusal_begins_again() {
    let mut client = Client::new(0, MAC, Vec::new());
    let (_, discover) = client.tick(0, 77);
    let discover = discover.expect("a question").bytes;
    for bad in ["0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.1"] {
        client.receive(0, &answer(&discover, OFFER, bad.parse().expect("an address"), &[]));
    }
    client.receive(0, &answer(&discover, ACK, OWN, &[]));
    let mut foreign = answer(&discover, OFFER, OWN, &[]);
    foreign[28] ^= 4;
    client.receive(0, &foreign);
    foreign = answer(&discover, OFFER, OWN, &[]);
    foreign[4] ^= 1;
    client.receive(0, &foreign);
    assert!(matches!(client.state, State::Looking));
    client.receive(0, &answer(&discover, OFFER, OWN, &[]));
    assert!(matches!(client.state, State::Requesting(..)));
    let (_, request) = client.tick(0, 78);
    let request = request.expect("a question").bytes;
    assert_eq!(
        client.receive(0, &answer(&request, ACK, Ipv4Addr::new(10, 0, 2, 99), &[])),
        Event::Nothing
    );
    client.receive(0, &answer(&request, NAK, OWN, &[]));
    assert!(matches!(client.state, State::Looking));
    let (mut client, _) = bound(0);
    assert_eq!(
        client.receive(1, &answer(&request, NAK, OWN, &[])),
        Event::Nothing,
        "nobody asked"
    );
    let (_, renewal) = client.tick(1800 * SECOND, 9);
    let renewal = renewal.expect("a question").bytes;
    assert_eq!(
        client.receive(1800 * SECOND, &answer(&renewal, NAK, OWN, &[])),
        Event::Lost
    );
}

#[test]
fn an_address_that_somebody_has_is_declined_but_not_later() {
    let (mut client, _) = bound(0);
    assert!(client.is_taken(SECOND, SERVER).is_none());
    let decline = client.is_taken(SECOND, OWN).expect("a letter");
    assert_eq!((decline.bytes[242], decline.ends), (DECLINE, None));
    assert!(!client.is_bound() && client.is_taken(SECOND, OWN).is_none());
    assert!(client.tick(2 * SECOND, 5).1.is_none(), "not at once");
    assert!(client.tick(SECOND + DECLINED, 5).1.is_some());
    let (mut client, _) = bound(0);
    assert!(client.is_taken(DOUBT, OWN).is_none() && client.is_bound());
}

#[test]
fn listed_routes_come_before_the_router() {
    let mut client = Client::new(0, MAC, Vec::new());
    let (_, discover) = client.tick(0, 77);
    let discover = discover.expect("a question").bytes;
    client.receive(0, &answer(&discover, OFFER, OWN, &[]));
    let (_, request) = client.tick(0, 78);
    let request = request.expect("a question").bytes;
    let options = [
        3, 4, 10, 0, 2, 2, 121, 14, 16, 192, 168, 10, 0, 2, 4, 0, 10, 0, 2, 1, 24, 1,
    ];
    let Event::Got(lease) = client.receive(0, &answer(&request, ACK, OWN, &options)) else {
        panic!("no address")
    };
    let text: Vec<_> = lease.routes.iter().map(|(to, by)| (to.ip, to.prefix, *by)).collect();
    let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(
        text,
        [
            (ip("192.168.0.0"), 16, ip("10.0.2.4")),
            (ip("0.0.0.0"), 0, ip("10.0.2.1"))
        ]
    );
}

proptest! {
    #[test]
    fn no_server_is_too_strange(steps in proptest::collection::vec((1u8..8, any::<u32>(), proptest::collection::vec(any::<u8>(), 0..40)), 1..20)) {
        let mut client = Client::new(0, MAC, Vec::new());
        let mut now = 0;
        for (kind, ip, options) in steps {
            let (_, letter) = client.tick(now, ip);
            if let Some(letter) = letter {
                prop_assert!(client.next() > now);
                client.receive(now, &answer(&letter.bytes, kind, ip.into(), &options));
            }
            now = client.next();
        }
    }
}
