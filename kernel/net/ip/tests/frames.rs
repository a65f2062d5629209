//! The whole way of frames, with somebody at the other end who speaks the protocols.
#![forbid(unsafe_code)]

mod bench;

use bench::{MAC, OWN, OWN_NEWER, PEER, PEER_IP, PEER_NEWER, bench, message_v6, v4, v6};
use ip::Network;
use packet::checksum::{self, Sum};
use packet::{discovery, ethernet, icmp, ipv4, ipv6, udp};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[test]
fn echoes_are_answered_and_closed_ports_told_of() {
    let bench = bench();
    bench.introduce();
    let echo = icmp::Message {
        kind: icmp::ECHO,
        code: 0,
        rest: 0x1234_0001,
        body: b"are you there?",
    };
    let echo = [&echo.header(Sum::new())[..], echo.body].concat();
    let out = bench.comes(ethernet::IPV4, MAC, &v4(1, OWN, &echo));
    let (header, payload) = ipv4::Header::parse(&out[0][14..]).expect("a packet");
    let answer = icmp::Message::parse(payload).expect("a message");
    assert_eq!(
        (header.source, header.destination, answer.kind, answer.rest),
        (OWN, PEER_IP, icmp::ECHO_REPLY, 0x1234_0001)
    );
    assert_eq!(answer.body, b"are you there?");
    assert!(
        bench
            .comes(ethernet::IPV4, ethernet::BROADCAST, &v4(1, Ipv4Addr::BROADCAST, &echo))
            .is_empty()
    );
    let header = udp::Header {
        source: 9,
        destination: 7,
        has_checksum: true,
    };
    let datagram = [&header.summed(PEER_IP.into(), OWN.into(), b"x")[..], b"x"].concat();
    let out = bench.comes(ethernet::IPV4, MAC, &v4(17, OWN, &datagram));
    let (_, payload) = ipv4::Header::parse(&out[0][14..]).expect("a packet");
    let told = icmp::Message::parse(payload).expect("a message");
    assert_eq!((told.kind, told.code), (icmp::UNREACHABLE, icmp::PORT));
    assert_eq!(&told.body[20..], datagram.as_slice());
}

#[test]
fn fragments_are_put_together_and_long_packets_cut() {
    let bench = bench();
    bench.introduce();
    let body: Vec<u8> = (0..4000).map(|at| at as u8).collect();
    let echo = icmp::Message {
        kind: icmp::ECHO,
        code: 0,
        rest: 7,
        body: &body,
    };
    let whole = [&echo.header(Sum::new())[..], &body].concat();
    let mut out = Vec::new();
    for (at, piece) in whole.chunks(1000).enumerate().rev() {
        let mut packet = v4(1, OWN, piece);
        let last = at == 4;
        let word = (at * 125) as u16 | if last { 0 } else { 0x2000 };
        packet[6..8].copy_from_slice(&word.to_be_bytes());
        packet[10..12].fill(0);
        let sum = checksum::of(&packet[..20]);
        packet[10..12].copy_from_slice(&sum);
        out = bench.comes(ethernet::IPV4, MAC, &packet);
        assert_eq!(out.is_empty(), at > 0);
    }
    let mut answer = Vec::new();
    for frame in &out {
        let (header, payload) = ipv4::Header::parse(&frame[14..]).expect("a packet");
        assert_eq!(
            (usize::from(header.offset), header.identification),
            (
                answer.len(),
                ipv4::Header::parse(&out[0][14..]).expect("a packet").0.identification
            )
        );
        answer.extend_from_slice(payload);
    }
    assert_eq!(icmp::Message::parse(&answer).expect("a message").body, body);
}

#[test]
fn the_newer_protocol_finds_neighbours_routers_and_itself() {
    let bench = bench();
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 9);
    let body = [&OWN_NEWER.octets()[..], &discovery::mac_option(false, PEER)].concat();
    let out = bench.comes(
        ethernet::IPV6,
        [0x33, 0x33, 0xff, 0, 0, 9],
        &message_v6(discovery::kind::SOLICITATION, 0, group, &body),
    );
    let (header, payload) = ipv6::Header::parse(&out[0][14..]).expect("a packet");
    assert_eq!(
        (header.source, header.destination, header.hop_limit, payload[0]),
        (OWN_NEWER, PEER_NEWER, 255, discovery::kind::ADVERTISEMENT)
    );
    let out = bench.comes(
        ethernet::IPV6,
        MAC,
        &message_v6(discovery::kind::ECHO, 5, OWN_NEWER, b"hello"),
    );
    let (header, payload) = ipv6::Header::parse(&out[0][14..]).expect("a packet");
    assert_eq!(
        (header.destination, payload[0], &payload[8..]),
        (PEER_NEWER, discovery::kind::ECHO_REPLY, &b"hello"[..])
    );
    let mut sum = Sum::pseudo(header.source.into(), header.destination.into(), 58, payload.len());
    sum.add(payload);
    assert!(sum.is_right());

    let prefix: Ipv6Addr = "fd00:1::".parse().expect("an address");
    let mut said = vec![0; 8];
    said.extend([3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0]);
    said.extend(prefix.octets());
    said.extend([25, 3, 0, 0, 0, 0, 0x0e, 0x10]);
    said.extend(PEER_NEWER.octets());
    // The same server again, and domains of which one cannot be written.
    said.extend([25, 3, 0, 0, 0, 0, 0x0e, 0x10]);
    said.extend(PEER_NEWER.octets());
    said.extend(b"\x1f\x03\0\0\0\0\x0e\x10\x03lan\0\x01\n\0\x02me\0\0\0\0\0\0");
    let advertisement = message_v6(
        discovery::kind::ROUTER_ADVERTISEMENT,
        0x4000_0708,
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
        &said,
    );
    bench.comes(ethernet::IPV6, [0x33, 0x33, 0, 0, 0, 1], &advertisement);
    let own: IpAddr = "fd00:1::ff:fe00:9".parse().expect("an address");
    assert!(ip::is_own(own), "{:?}", ip::addresses());
    let route = ip::route("2001:db8::1".parse().expect("an address"), None, ip::Via::default()).expect("a way");
    assert_eq!((route.source, route.next_hop), (own, IpAddr::V6(PEER_NEWER)));
    // Nobody waits for the other protocol for ever.
    hal::clock::advance(6_000_000_000);
    assert_eq!(ip::resolver(), "search lan me\nnameserver fe80::ff:fe00:1%eth0\n");
    // Whom the user chose takes the place of all others.
    ip::choose_servers(&["9.9.9.9".parse().expect("an address"), PEER_NEWER.into()]);
    assert_eq!(
        ip::resolver(),
        "search lan me\nnameserver 9.9.9.9\nnameserver fe80::ff:fe00:1\n"
    );
    ip::choose_servers(&[]);
    // The same from further away is not believed.
    let mut far = advertisement;
    far[7] = 254;
    far[40 + 8 + 8 + 16] = 0xfc;
    bench.comes(ethernet::IPV6, [0x33, 0x33, 0, 0, 0, 1], &far);
    assert!(
        ip::addresses()
            .iter()
            .all(|own| own.network != Network::parse("fc00:1::ff:fe00:9/64").expect("a network"))
    );

    // Nobody but a router knows a better way, not even to himself.
    let better: Ipv6Addr = "fe80::77".parse().expect("an address");
    let body = [better.octets(), PEER_NEWER.octets()].concat();
    bench.comes(
        ethernet::IPV6,
        MAC,
        &message_v6(discovery::kind::REDIRECT, 0, OWN_NEWER, &body),
    );
    let route = ip::route(PEER_NEWER.into(), None, ip::Via::by(Some(2))).expect("a way");
    assert_eq!(route.next_hop, IpAddr::V6(PEER_NEWER));

    let unknown = v6(60, 64, OWN_NEWER, &[17, 0, 0x85, 4, 0, 0, 0, 0]);
    let out = bench.comes(ethernet::IPV6, MAC, &unknown);
    let (_, payload) = ipv6::Header::parse(&out[0][14..]).expect("a packet");
    assert_eq!(
        (payload[0], payload[1], payload[7]),
        (discovery::kind::PARAMETER, 2, 42)
    );
}

/// A server's answer to a client's question: the same number and client, with an address in the association.
fn served(question: &[u8], kind: u8, ip: Ipv6Addr) -> Vec<u8> {
    let id = &question[4..18];
    let association = [
        &MAC[2..],
        &[0; 8],
        &[0, 5, 0, 24],
        &ip.octets()[..],
        &[0, 0, 14, 16],
        &[0, 0, 28, 32],
    ]
    .concat();
    let names = [&b"\0\x18\0\x06\x04home\0\0\x17\0\x10"[..], &PEER_NEWER.octets()].concat();
    let answer = [
        &[kind],
        &question[1..4],
        id,
        b"\0\x02\0\x01s\0\x03\0\x28",
        &association,
        &names,
    ]
    .concat();
    let header = udp::Header {
        source: 547,
        destination: 546,
        has_checksum: true,
    };
    let header = header.summed(PEER_NEWER.into(), OWN_NEWER.into(), &answer);
    v6(17, 64, OWN_NEWER, &[&header[..], &answer].concat())
}

/// The first question to servers of the newer protocol among frames.
fn question(frames: &[Vec<u8>]) -> Vec<u8> {
    let questions = frames.iter().filter_map(|frame| {
        let (header, payload) = ipv6::Header::parse(frame.get(14..)?)?;
        let (ports, bytes) = udp::Header::parse(payload)?;
        let to_servers = header.destination.to_string() == "ff02::1:2" && header.source == OWN_NEWER;
        (ports.destination == 547 && to_servers && frame[..6] == [0x33, 0x33, 0, 1, 0, 2]).then(|| bytes.to_vec())
    });
    questions.into_iter().next().expect("a question")
}

#[test]
fn servers_are_asked_for_addresses_where_routers_say_so() {
    let bench = bench();
    let everybody = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let said = message_v6(discovery::kind::ROUTER_ADVERTISEMENT, 0x4080_0708, everybody, &[0; 8]);
    let solicit = question(&bench.comes(ethernet::IPV6, [0x33, 0x33, 0, 0, 0, 1], &said));
    assert_eq!(solicit[0], 1);
    let own: Ipv6Addr = "fd00:6::7".parse().expect("an address");
    let request = question(&bench.comes(ethernet::IPV6, MAC, &served(&solicit, 2, own)));
    assert_eq!(request[0], 3);
    let reply = served(&request, 7, own);
    bench.comes(ethernet::IPV6, MAC, &reply);
    let own_network = Network::parse("fd00:6::7").expect("a network");
    assert!(ip::addresses().iter().any(|own| own.network == own_network));
    hal::clock::advance(6_000_000_000);
    let names = ip::resolver();
    assert!(
        names.starts_with("search home") && names.contains("nameserver fe80::ff:fe00:1%eth0\n"),
        "{names}"
    );
    assert_eq!(
        names.matches("nameserver").count(),
        1,
        "who is named twice stands there once"
    );
    // Later somebody says that he has it: nobody is believed. Within a second he is.
    let claim = [&own.octets()[..], &discovery::mac_option(true, PEER)].concat();
    let claim = message_v6(discovery::kind::ADVERTISEMENT, 0, everybody, &claim);
    time::run_expired();
    bench.comes(ethernet::IPV6, [0x33, 0x33, 0, 0, 0, 1], &claim);
    assert!(ip::is_own(own.into()));
    hal::clock::advance(1_800_000_000_000);
    time::run_expired();
    let renewal = question(&bench.comes_whole(vec![0; 60]));
    assert_eq!(renewal[0], 5);
    let other: Ipv6Addr = "fd00:6::8".parse().expect("an address");
    bench.comes(ethernet::IPV6, MAC, &served(&renewal, 7, other));
    assert!(ip::is_own(other.into()) && !ip::is_own(own.into()));
    let claim = [&other.octets()[..], &discovery::mac_option(true, PEER)].concat();
    let claim = message_v6(discovery::kind::ADVERTISEMENT, 0, everybody, &claim);
    let decline = question(&bench.comes(ethernet::IPV6, [0x33, 0x33, 0, 0, 0, 1], &claim));
    assert_eq!((decline[0], ip::is_own(other.into())), (9, false));
}

#[test]
fn routers_are_told_of_groups() {
    let bench = bench();
    let group = IpAddr::from([224, 0, 0, 251]);
    let index = ip::join(0, group).expect("joined");
    let reports = |out: Vec<Vec<u8>>, kind: u8| {
        let packets = out.iter().filter_map(|frame| ipv4::Header::parse(&frame[14..]));
        let reports = packets.filter(|(header, payload)| header.options == [0x94, 4, 0, 0] && payload[0] == kind);
        reports.count()
    };
    let query = icmp::Message {
        kind: 0x11,
        code: 100,
        rest: 0,
        body: &[],
    };
    let query = v4(2, Ipv4Addr::new(224, 0, 0, 1), &query.header(Sum::new()));
    let everybody = [1, 0, 0x5e, 0, 0, 1];
    assert_eq!(
        reports(bench.comes(ethernet::IPV4, everybody, &query), 0x16),
        2,
        "one for the question, one before"
    );
    ip::leave(index, group);
    assert_eq!(reports(bench.comes(ethernet::IPV4, everybody, &query), 0x17), 1);
    assert_eq!(reports(bench.comes(ethernet::IPV4, everybody, &query), 0x16), 0);
    assert!(ip::join(0, IpAddr::from([10, 0, 0, 1])).is_err());
}

#[test]
fn the_router_in_use_may_name_a_nearer_one() {
    let bench = bench();
    bench.introduce();
    let far = Ipv4Addr::new(192, 0, 2, 9);
    let next = || ip::route(far.into(), None, ip::Via::default()).map(|way| way.next_hop);
    let says = |better: Ipv4Addr, from: Ipv4Addr, to: Ipv4Addr| {
        let mut quoted = v4(17, to, &[0; 8]);
        quoted[12..16].copy_from_slice(&from.octets());
        let message = icmp::Message {
            kind: icmp::REDIRECT,
            code: 1,
            rest: better.to_bits(),
            body: &quoted,
        };
        let bytes = [&message.header(Sum::new())[..], &quoted].concat();
        bench.comes(ethernet::IPV4, MAC, &v4(1, OWN, &bytes));
    };
    let nearer = Ipv4Addr::new(10, 0, 2, 77);
    assert_eq!(next(), Ok(PEER_IP.into()));
    // Not of others' packets, not to who is not near, not to ourselves or to everybody, and not of who is on the network.
    says(nearer, nearer, far);
    says(Ipv4Addr::new(10, 0, 3, 77), OWN, far);
    says(OWN, OWN, far);
    says(Ipv4Addr::new(10, 0, 2, 255), OWN, far);
    says(nearer, OWN, Ipv4Addr::new(10, 0, 2, 50));
    assert_eq!(next(), Ok(PEER_IP.into()));
    let near = ip::route(Ipv4Addr::new(10, 0, 2, 50).into(), None, ip::Via::default()).map(|way| way.next_hop);
    assert_eq!(near, Ok(Ipv4Addr::new(10, 0, 2, 50).into()));
    says(nearer, OWN, far);
    assert_eq!(next(), Ok(nearer.into()));
    // Who is not asked any more is not heard.
    says(Ipv4Addr::new(10, 0, 2, 78), OWN, far);
    assert_eq!(next(), Ok(nearer.into()));
    let other = ip::route(Ipv4Addr::new(192, 0, 2, 10).into(), None, ip::Via::default()).map(|way| way.next_hop);
    assert_eq!(other, Ok(PEER_IP.into()), "it is said of one destination");
}
