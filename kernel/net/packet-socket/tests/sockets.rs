//! Packet sockets on a card that remembers what went and gives what it was told to.
#![forbid(unsafe_code)]

#[path = "../../link/tests/cable/mod.rs"]
mod cable;

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::socket::{AF_PACKET, MSG_PEEK, MSG_TRUNC, SOCK_DGRAM, SOCK_RAW};
use cable::{Cable, MAC};
use link::{Interface, interface};
use std::sync::{Arc, Mutex, Once, PoisonError};
use usermem::{Sink, Source};
use vfs::{Context, Credentials, Events, File, Outgoing};

const ARP: u16 = 0x0806;
const EVERYTHING: u16 = 3;

static BOOT: Once = Once::new();
/// All sockets see all interfaces, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn cable() -> (Arc<Interface>, Arc<Cable>) {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
    let cable = Arc::new(Cable::new(9000));
    (interface::add(cable.clone()), cable)
}

fn socket(kind: u32, protocol: u16) -> Arc<File> {
    packet_socket::socket(kind, protocol.to_be(), OpenFlags::NONBLOCK).expect("a socket")
}

fn frame(to: [u8; 6], protocol: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = to.to_vec();
    bytes.extend([2, 0, 0, 0, 0, 1]);
    bytes.extend(protocol.to_be_bytes());
    bytes.extend(body);
    bytes
}

fn comes(interface: &Arc<Interface>, cable: &Cable, bytes: Vec<u8>) {
    cable.put(bytes);
    interface.poll();
}

/// The bytes, the flags and the address.
fn receive(file: &File, len: usize, flags: u32) -> Result<(usize, Vec<u8>, u32, Vec<u8>), Errno> {
    let mut bytes = vec![0; len];
    let socket = file.socket().expect("a socket");
    let received = socket.receive(file, &mut Sink::kernel(&mut bytes), flags);
    let received = received.map_err(|error| error.errno)?;
    Ok((received.count, bytes, received.flags, received.address))
}

fn address(index: i32, protocol: u16, to: [u8; 6]) -> Vec<u8> {
    let mut bytes = AF_PACKET.to_ne_bytes().to_vec();
    bytes.extend(protocol.to_be_bytes());
    bytes.extend(index.to_ne_bytes());
    bytes.extend([0, 0, 0, 6]);
    bytes.extend(to);
    bytes.extend([0, 0]);
    bytes
}

fn view() -> Context {
    Context::new(vfs::anonymous_place(b"nowhere", 0o777), Arc::new(Credentials::root()))
}

fn bound(kind: u32, index: i32, protocol: u16) -> Arc<File> {
    let file = socket(kind, 0);
    let view = view();
    let bound = file
        .socket()
        .expect("a socket")
        .bind(&view, &address(index, protocol, [0; 6]));
    bound.expect("bound");
    file
}

#[test]
fn a_frame_goes_to_those_who_listen_for_it() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (interface, cable) = cable();
    let (arp, all, none) = (
        socket(SOCK_RAW, ARP),
        socket(SOCK_DGRAM, EVERYTHING),
        socket(SOCK_RAW, 0),
    );
    let bytes = frame(MAC, ARP, &[7; 46]);
    comes(&interface, &cable, bytes.clone());
    comes(&interface, &cable, frame([0xff; 6], 0x0800, &[8; 46]));

    let (count, got, flags, from) = receive(&arp, 100, 0).expect("for it");
    assert_eq!((count, &got[..60], flags), (60, &bytes[..], 0));
    assert_eq!((from[10], &from[12..18]), (0, &[2, 0, 0, 0, 0, 1][..]));
    assert_eq!(
        i32::from_ne_bytes([from[4], from[5], from[6], from[7]]),
        interface.index
    );
    assert_eq!(receive(&arp, 100, 0).map(|got| got.0), Err(Errno::EAGAIN));
    assert_eq!(receive(&all, 100, 0).map(|got| (got.0, got.1[0])), Ok((46, 7)));
    assert_eq!(
        receive(&all, 100, 0).map(|got| (got.1[0], got.3[10])),
        Ok((8, 1)),
        "to all"
    );
    assert_eq!(receive(&none, 100, 0).map(|got| got.0), Err(Errno::EAGAIN));
    assert_eq!(arp.ready(), Events::WRITABLE);
}

#[test]
fn a_long_frame_is_cut_and_can_be_looked_at_before() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (interface, cable) = cable();
    let all = socket(SOCK_RAW, EVERYTHING);
    let bytes = frame(MAC, 0x0800, &(0..8000u32).map(|at| at as u8).collect::<Vec<_>>());
    comes(&interface, &cable, bytes.clone());
    assert!(all.ready().contains(Events::READABLE));
    let (count, got, flags, _) = receive(&all, 100, MSG_PEEK | MSG_TRUNC).expect("came");
    assert_eq!((count, &got[..], flags), (8014, &bytes[..100], MSG_TRUNC));
    let (count, got, flags, _) = receive(&all, 10_000, 0).expect("still there");
    assert_eq!((count, &got[..8014], flags), (8014, &bytes[..], 0));
}

#[test]
fn what_is_not_fetched_is_kept_up_to_a_limit() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (interface, cable) = cable();
    let all = socket(SOCK_RAW, EVERYTHING);
    for _ in 0..1000 {
        comes(&interface, &cable, frame(MAC, 0x0800, &[1; 1000]));
    }
    let kept = (0..1000).take_while(|_| receive(&all, 2000, 0).is_ok()).count();
    assert!((100..300).contains(&kept), "{kept}");
    comes(&interface, &cable, frame(MAC, 0x0800, &[1; 1000]));
    assert!(receive(&all, 2000, 0).is_ok(), "there is room again");
}

#[test]
fn frames_go_out_as_they_are_or_with_a_header_and_others_see_them() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (interface, cable) = cable();
    let watcher = socket(SOCK_RAW, EVERYTHING);
    let raw = bound(SOCK_RAW, interface.index, EVERYTHING);
    let bytes = frame([5; 6], 0x88b5, &[4; 5000]);
    let send = |file: &File, bytes: &[u8], to: Option<Vec<u8>>| {
        let mut message = Outgoing {
            address: to.map(|to| (Arc::new(view()), to)),
            ..Outgoing::default()
        };
        let socket = file.socket().expect("a socket");
        socket
            .send(file, &mut Source::kernel(bytes), &mut message)
            .map_err(|error| error.errno)
    };
    assert_eq!(send(&raw, &bytes, None), Ok(5014));
    let datagram = socket(SOCK_DGRAM, 0);
    let to = address(interface.index, 0x88b5, [6; 6]);
    assert_eq!(send(&datagram, b"only this", Some(to)), Ok(9));

    let mut second = vec![6; 6];
    second.extend(MAC);
    second.extend([0x88, 0xb5]);
    second.extend(b"only this");
    assert_eq!(cable.take(), [bytes.clone(), second]);
    assert_eq!(
        receive(&watcher, 6000, 0).map(|got| (got.0, got.3[10])),
        Ok((5014, 4)),
        "from us"
    );
    assert_eq!(receive(&raw, 100, 0).map(|got| got.3[10]), Ok(4), "another's only");

    assert_eq!(send(&raw, &[0; 13], None), Err(Errno::EINVAL));
    assert_eq!(send(&raw, &[0; 9015], None), Err(Errno::EMSGSIZE));
    assert_eq!(send(&datagram, b"x", None), Err(Errno::ENXIO));
    assert_eq!(send(&datagram, b"x", Some(address(77, 1, [0; 6]))), Err(Errno::ENXIO));
    assert_eq!(send(&datagram, b"x", Some(vec![1; 5])), Err(Errno::EINVAL));
}
