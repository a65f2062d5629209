//! The protocol, without locks, clocks or devices: two connections that are each other's peers, and one whose peer does anything.
#![forbid(unsafe_code)]

use abi::Errno;
use frames::Page;
use proptest::prelude::*;
use vsock::connection::{Connection, Packet, Piece, State};
use vsock::header::{Address, END_OF_MESSAGE, Header, Kind, NEITHER, NO_RECEIVE, NO_SEND, op};
use vsock::inbox::Payload;

const CLIENT: Address = Address { cid: 3, port: 5000 };
const SERVER: Address = Address { cid: 2, port: 80 };
const ROOM: u32 = 20_000;
const DEADLINE: u64 = 1000;

fn boot() {
    static BOOTED: std::sync::Once = std::sync::Once::new();
    BOOTED.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
}

fn page(bytes: &[u8]) -> Piece {
    let page = Page::zeroed().expect("there is memory");
    page.write(0, bytes);
    Piece { page, len: bytes.len() }
}

fn pieces(bytes: &[u8]) -> Vec<Piece> {
    bytes.chunks(4096).map(page).collect()
}

fn client(kind: Kind) -> Connection {
    boot();
    Connection::connect(kind, CLIENT, SERVER, ROOM, DEADLINE)
}

fn deliver(to: &mut Connection, packet: &Packet) {
    let payload = Payload {
        page: packet.payload.as_ref(),
        offset: 0,
        len: packet.header.len as usize,
    };
    to.receive(&packet.header, payload);
}

/// Lets both say what they owe until neither owes anything; the packets' kinds, in order.
fn settle(one: &mut Connection, other: &mut Connection) -> Vec<u16> {
    let mut said = Vec::new();
    loop {
        let before = said.len();
        while let Some(packet) = one.poll() {
            said.push(packet.header.op);
            deliver(other, &packet);
        }
        while let Some(packet) = other.poll() {
            said.push(packet.header.op);
            deliver(one, &packet);
        }
        assert!(said.len() < 10_000, "they never stop");
        if said.len() == before {
            return said;
        }
    }
}

fn pair(kind: Kind) -> (Connection, Connection) {
    let mut client = client(kind);
    let request = client.poll().expect("it asks");
    assert_eq!(request.header.op, op::REQUEST);
    let mut server = Connection::accept(kind, &request.header, ROOM);
    assert_eq!(settle(&mut client, &mut server), [op::RESPONSE]);
    assert_eq!((client.state(), client.deadline()), (State::Open, None));
    (client, server)
}

fn read(connection: &mut Connection, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < most {
        let Some((piece, from)) = connection.take() else { break };
        let end = piece.len().min(from.saturating_add(most - bytes.len()));
        bytes.extend_from_slice(&piece[from..end]);
        connection.give_back(piece, end);
    }
    connection.consumed(bytes.len(), false);
    bytes
}

fn packet(op: u16, flags: u32, bytes: &[u8]) -> Packet {
    let payload = (!bytes.is_empty()).then(|| page(bytes).page);
    let header = Header {
        len: bytes.len() as u32,
        flags,
        room: 1000,
        taken: 0,
        ..Header::new(SERVER, CLIENT, Kind::Stream, op)
    };
    Packet { header, payload }
}

#[test]
fn a_sender_waits_for_room_and_goes_on_when_it_is_told_of_some() {
    let (mut client, mut server) = pair(Kind::Stream);
    let bytes: Vec<u8> = (0..ROOM).map(|at| at as u8).collect();
    assert_eq!(client.room_to_send(), ROOM as usize);
    client.push(pieces(&bytes), false);
    assert_eq!((client.room_to_send(), client.unsent()), (0, ROOM as usize));
    assert!(settle(&mut client, &mut server).iter().all(|said| *said == op::DATA));
    assert_eq!((client.unsent(), server.readable()), (0, ROOM as usize));
    // Little is not told by itself, but to who asks.
    assert_eq!(read(&mut server, 100), bytes[..100]);
    assert!(settle(&mut client, &mut server).is_empty());
    client.ask_for_credit();
    assert_eq!(
        settle(&mut client, &mut server),
        [op::CREDIT_REQUEST, op::CREDIT_UPDATE]
    );
    assert_eq!(client.room_to_send(), 100);
    assert_eq!(read(&mut server, 9000), bytes[100..9100]);
    assert_eq!(settle(&mut client, &mut server), [op::CREDIT_UPDATE]);
    assert_eq!(client.room_to_send(), 9100);
}

#[test]
fn who_asks_for_room_is_answered_even_if_another_packet_says_it() {
    let (mut client, mut server) = pair(Kind::Stream);
    server.push(pieces(b"on its way"), false);
    client.ask_for_credit();
    let request = client.poll().expect("it asks");
    deliver(&mut server, &request);
    let answers: Vec<u16> = std::iter::from_fn(|| server.poll())
        .map(|packet| packet.header.op)
        .collect();
    assert_eq!(answers, [op::CREDIT_UPDATE, op::DATA]);
}

#[test]
fn an_end_comes_after_what_was_sent_before_it() {
    let (mut client, mut server) = pair(Kind::Stream);
    client.push(pieces(b"last words"), false);
    client.shut_down(NO_SEND);
    assert_eq!(settle(&mut client, &mut server), [op::DATA, op::SHUTDOWN]);
    assert_eq!((server.state(), server.shutdowns()), (State::Open, [0, NO_SEND]));
    assert_eq!(read(&mut server, 100), b"last words");
    server.push(pieces(b"answer"), false);
    server.abandon(0);
    assert_eq!(settle(&mut client, &mut server), [op::DATA, op::SHUTDOWN]);
    // It has not read everything: what there is stays.
    assert_eq!((client.state(), client.readable()), (State::Open, 6));
    assert_eq!(read(&mut client, 100), b"answer");
    client.abandon(0);
    assert_eq!(settle(&mut client, &mut server), [op::RESET]);
    assert_eq!((client.state(), server.state()), (State::Closed, State::Closed));
    assert_eq!((client.error(), server.error()), (None, None));
}

#[test]
fn a_peer_that_does_not_agree_to_an_end_is_waited_for_a_while() {
    let (mut client, mut server) = pair(Kind::Stream);
    client.abandon(5);
    assert_eq!(client.poll().expect("an end").header.flags, NEITHER);
    let deadline = client.deadline().expect("there is one");
    client.expire(deadline - 1);
    assert_eq!(client.state(), State::Open);
    client.expire(deadline);
    assert_eq!(settle(&mut client, &mut server), [op::RESET]);
    assert_eq!((client.state(), server.state()), (State::Closed, State::Closed));
}

#[test]
fn connections_do_not_come_about_for_three_reasons() {
    for (answer, errno, owes_reset) in [
        (Some(op::RESET), Errno::ECONNRESET, false),
        (Some(op::DATA), Errno::EPROTO, true),
        (None, Errno::ETIMEDOUT, false),
    ] {
        let mut client = client(Kind::Stream);
        client.poll().expect("it asks");
        match answer {
            Some(op) => deliver(&mut client, &packet(op, 0, b"")),
            None => client.expire(DEADLINE),
        }
        assert_eq!((client.state(), client.error()), (State::Closed, Some(errno)));
        assert_eq!(
            client.poll().map(|packet| packet.header.op),
            owes_reset.then_some(op::RESET)
        );
        assert!(!client.was_open());
    }
}

#[test]
fn who_sends_more_than_there_is_room_for_is_reset() {
    let (mut client, _) = pair(Kind::Stream);
    let mut left = ROOM as usize;
    while left > 0 {
        let now = left.min(4096);
        deliver(&mut client, &packet(op::DATA, 0, &vec![0; now]));
        left -= now;
    }
    assert_eq!(client.state(), State::Open);
    // Less room than was told before does not make who believed it wrong.
    read(&mut client, ROOM as usize);
    while client.poll().is_some() {}
    client.set_room(100);
    while client.poll().is_some() {}
    deliver(&mut client, &packet(op::DATA, 0, &[0; 4096]));
    assert_eq!(client.state(), State::Open);
    for _ in 0..4 {
        deliver(&mut client, &packet(op::DATA, 0, &[0; 4096]));
    }
    assert_eq!(
        (client.state(), client.error()),
        (State::Closed, Some(Errno::ECONNRESET))
    );
    assert_eq!(client.poll().map(|packet| packet.header.op), Some(op::RESET));
    assert!(client.poll().is_none());
}

#[test]
fn messages_keep_their_ends_and_empty_ones_are_not_kept_without_number() {
    let (mut client, mut server) = pair(Kind::Sequence);
    for (len, is_record) in [(3, false), (9000, true), (1, false)] {
        client.push(pieces(&vec![len as u8; len]), is_record);
    }
    settle(&mut client, &mut server);
    for (len, ends_record) in [(3, false), (9000, true), (1, false)] {
        let message = server.message().expect("it is there");
        assert_eq!((message.len, message.ends_record), (len, ends_record));
        let mut left = len;
        while left > 0 {
            let (piece, from) = server.take().expect("its bytes");
            let now = left.min(piece.len() - from);
            server.give_back(piece, from + now);
            left -= now;
        }
        server.consumed(len, true);
    }
    assert_eq!((server.message(), server.readable()), (None, 0));
    let empty = Header {
        flags: END_OF_MESSAGE,
        ..Header::new(CLIENT, SERVER, Kind::Sequence, op::DATA)
    };
    for _ in 0..20_000 {
        server.receive(&empty, Payload::default());
    }
    assert_eq!((server.state(), server.error()), (State::Closed, Some(Errno::ENOBUFS)));
}

#[test]
fn single_bytes_do_not_take_pages() {
    let (mut client, _) = pair(Kind::Stream);
    let before = frames::usage().free;
    for _ in 0..4000 {
        deliver(&mut client, &packet(op::DATA, 0, b"x"));
    }
    let taken = before - frames::usage().free.min(before);
    assert!(taken < 200, "{taken} frames for 4,000 bytes");
    assert_eq!(read(&mut client, 5000).len(), 4000);
}

#[test]
fn what_is_not_received_any_more_makes_no_one_wait() {
    let (mut client, mut server) = pair(Kind::Stream);
    server.shut_down(NO_RECEIVE);
    settle(&mut client, &mut server);
    assert_eq!(client.shutdowns()[1], NO_RECEIVE);
    for _ in 0..10 {
        client.push(pieces(&[1; 5000]), false);
        settle(&mut client, &mut server);
    }
    assert_eq!((server.readable(), client.room_to_send() >= 5000), (0, true));
}

/// What a peer does that does as it likes, and what the program does meanwhile.
#[derive(Clone, Debug)]
enum Deed {
    Packet {
        op: u16,
        kind: u16,
        flags: u32,
        len: u16,
        room: u32,
        taken: u32,
    },
    Read(u16),
    Write(u16),
    Poll,
    ShutDown(u32),
    Room(u32),
    Expire,
}

fn deed() -> impl Strategy<Value = Deed> {
    let number = prop_oneof![0..10_u32, 0..300_000_u32, any::<u32>()];
    prop_oneof![
        6 => (0..9_u16, 0..4_u16, 0..5_u32, 0..4097_u16, number.clone(), number.clone()).prop_map(
            |(op, kind, flags, len, room, taken)| Deed::Packet { op, kind, flags, len, room, taken }
        ),
        3 => (1..5000_u16).prop_map(Deed::Read),
        3 => (1..5000_u16).prop_map(Deed::Write),
        4 => Just(Deed::Poll),
        1 => (0..4_u32).prop_map(Deed::ShutDown),
        1 => number.prop_map(Deed::Room),
        1 => Just(Deed::Expire),
    ]
}

fn do_deed(connection: &mut Connection, deed: &Deed, sent: &mut usize) {
    match *deed {
        Deed::Packet {
            op,
            kind,
            flags,
            len,
            room,
            taken,
        } => {
            let bytes = vec![7; usize::from(len)];
            let mut packet = packet(op, flags, &bytes);
            (packet.header.kind, packet.header.room, packet.header.taken) = (kind, room, taken);
            deliver(connection, &packet);
        }
        Deed::Read(most) => {
            read(connection, usize::from(most));
        }
        Deed::Write(len) => {
            let len = usize::from(len).min(connection.room_to_send());
            if len > 0 && connection.state() == State::Open {
                connection.push(pieces(&vec![1; len]), false);
                *sent += len;
            }
        }
        Deed::Poll => {
            connection.poll();
        }
        Deed::ShutDown(what) => connection.shut_down(what),
        Deed::Room(room) => connection.set_room(room.min(300_000)),
        Deed::Expire => connection.expire(u64::MAX),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_peer_that_does_anything_takes_no_more_than_it_was_told(deeds in proptest::collection::vec(deed(), 1..200), is_open: bool) {
        let mut connection = if is_open { pair(Kind::Stream).0 } else { client(Kind::Stream) };
        let mut sent = 0;
        for deed in &deeds {
            do_deed(&mut connection, deed, &mut sent);
            prop_assert!(connection.readable() <= 300_000);
            prop_assert!(connection.unsent() <= 64 * 4096);
            prop_assert!(connection.state() != State::Closed || connection.deadline().is_none());
        }
        // It ends, whatever happened: there are only so many packets to be sent.
        connection.abandon(0);
        connection.expire(u64::MAX);
        let left = std::iter::from_fn(|| connection.poll()).take(1000).count();
        prop_assert!(left < 1000);
        prop_assert_eq!(connection.state(), State::Closed);
    }

    #[test]
    fn bytes_come_whole_and_in_order(pieces_of in proptest::collection::vec((1..9000_usize, 1..9000_usize), 1..60)) {
        let (mut client, mut server) = pair(Kind::Stream);
        let (mut given, mut came) = (Vec::new(), Vec::new());
        for (write, most) in pieces_of {
            let len = write.min(client.room_to_send());
            let bytes: Vec<u8> = (given.len()..given.len() + len).map(|at| (at * 7 + at / 256) as u8).collect();
            if len > 0 {
                client.push(pieces(&bytes), false);
                given.extend(bytes);
            }
            settle(&mut client, &mut server);
            came.extend(read(&mut server, most));
            settle(&mut client, &mut server);
        }
        came.extend(read(&mut server, usize::MAX));
        prop_assert_eq!(given, came);
    }
}
