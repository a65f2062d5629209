//! Requests as programs may send them, sensible and not, to a machine that has loopback only.
#![forbid(unsafe_code)]

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::socket::{AF_NETLINK, SOCK_RAW};
use netlink_view::{Builder, Header, flag, kind, messages, word32};
use proptest::prelude::*;
use std::sync::{Arc, Once};
use usermem::{Sink, Source};
use vfs::{File, Outgoing};

const ROUTE: u32 = 0;
const DIAG: u32 = 4;
const GENERIC: u32 = 16;
const GET_LINK: u16 = 18;

static BOOT: Once = Once::new();

fn socket(protocol: u32) -> Arc<File> {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
    netlink::socket(SOCK_RAW, protocol, OpenFlags::NONBLOCK).expect("a socket")
}

fn send(file: &File, bytes: &[u8]) -> Result<usize, Errno> {
    let socket = file.socket().expect("a socket");
    let sent = socket.send(file, &mut Source::kernel(bytes), &mut Outgoing::default());
    sent.map_err(|error| error.errno)
}

/// The next datagram.
fn receive(file: &File) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 65536];
    let socket = file.socket().expect("a socket");
    let received = socket.receive(file, &mut Sink::kernel(&mut bytes), 0).ok()?;
    bytes.truncate(received.count);
    Some(bytes)
}

fn request(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut builder = Builder::default();
    let header = Header {
        kind,
        flags: flag::REQUEST | flags,
        sequence: 7,
        port: 0,
    };
    builder.message(header, body);
    builder.take()
}

/// The number in an answer that says how it came out.
fn outcome(datagram: &[u8]) -> i32 {
    let message = messages(datagram).last().expect("a message");
    assert_eq!((message.header.kind, message.header.sequence), (kind::ERROR, 7));
    word32(message.body(), 0) as i32
}

#[test]
fn a_list_ends_and_its_datagrams_are_short() {
    let file = socket(ROUTE);
    send(&file, &request(GET_LINK, flag::DUMP, &[0; 16])).expect("it is taken");
    let mut kinds = Vec::new();
    while let Some(datagram) = receive(&file) {
        assert!(datagram.len() <= 4096);
        kinds.extend(messages(&datagram).map(|message| message.header.kind));
    }
    assert_eq!(kinds, [16, kind::DONE]);
}

#[test]
fn what_goes_wrong_is_told_with_the_message() {
    for (protocol, kind, wanted) in [
        (ROUTE, 4000, Errno::EOPNOTSUPP),
        (ROUTE, GET_LINK, Errno::EINVAL),
        (DIAG, 21, Errno::EINVAL),
        (GENERIC, 16, Errno::ENOENT),
    ] {
        let file = socket(protocol);
        send(&file, &request(kind, flag::ACK, &[0; 16])).expect("it is taken");
        let answer = receive(&file).expect("an answer");
        assert_eq!(outcome(&answer), -i32::from(wanted.0), "{protocol} {kind}");
        assert!(receive(&file).is_none(), "no acknowledgement besides");
    }
}

#[test]
fn who_does_not_read_gets_no_more() {
    let file = socket(ROUTE);
    let list = request(GET_LINK, flag::DUMP, &[0; 16]);
    let taken = (0..10_000).take_while(|_| send(&file, &list).is_ok()).count();
    assert!((1..5000).contains(&taken), "{taken}");
    assert_eq!(send(&file, &list), Err(Errno::ENOBUFS));
    while receive(&file).is_some() {}
    assert!(send(&file, &list).is_ok());
}

proptest! {
    #[test]
    fn whatever_is_asked_there_is_an_answer_and_an_end(
        asked in proptest::collection::vec(
            (
                prop_oneof![0u16..16, 16u16..40, any::<u16>()],
                prop_oneof![Just(0u16), Just(flag::ACK), Just(flag::DUMP), any::<u16>()],
                proptest::collection::vec(prop_oneof![Just(0u8), Just(2), Just(10), Just(1), any::<u8>()], 0..40),
                proptest::collection::vec((0u16..30, proptest::collection::vec(any::<u8>(), 0..20)), 0..5),
            ),
            1..8,
        ),
        protocol in prop_oneof![Just(ROUTE), Just(DIAG), Just(GENERIC)],
        cut in any::<u8>(),
    ) {
        let file = socket(protocol);
        let mut builder = Builder::default();
        for (kind, flags, body, attributes) in &asked {
            let header = Header { kind: *kind, flags: *flags | flag::REQUEST, sequence: 7, port: 0 };
            builder.message(header, body);
            attributes.iter().for_each(|(kind, value)| builder.attribute(*kind, value));
        }
        let mut bytes = builder.take();
        if cut % 4 == 0 {
            bytes.truncate(bytes.len() * usize::from(cut) / 256);
        }
        send(&file, &bytes).expect("it is taken");
        let mut count = 0;
        while let Some(datagram) = receive(&file) {
            prop_assert!(messages(&datagram).all(|message| message.header.sequence == 7));
            count += 1;
            prop_assert!(count < 1000);
        }
        let own = file.socket().and_then(|socket| socket.address()).expect("an address");
        prop_assert_eq!(u16::from_ne_bytes([own[0], own[1]]), AF_NETLINK);
    }

    #[test]
    fn whatever_bytes_come_they_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let file = socket(ROUTE);
        prop_assert_eq!(send(&file, &bytes), Ok(bytes.len()));
    }
}
