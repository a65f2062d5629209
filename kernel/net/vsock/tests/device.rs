//! Sockets over a device that remembers what they send, with a host's side that the test plays: messages, which few devices pass, connections that nobody answers, and a device without room.
#![forbid(unsafe_code)]

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::ioctl::TIOCOUTQ;
use abi::socket::{
    AF_VSOCK, MSG_DONTWAIT, MSG_EOR, MSG_PEEK, MSG_TRUNC, SO_ERROR, SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET,
};
use frames::Page;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use usermem::{Sink, Source};
use vfs::{Context, Credentials, Events, File, Incoming, Outgoing};
use vsock::connection::Packet;
use vsock::header::{Address, END_OF_MESSAGE, END_OF_RECORD, Header, Kind, op};
use vsock::way;

const OWN: u32 = 7;
const ROOM: u32 = 100_000;
const MILLI: u64 = 1_000_000;

/// A packet that the device was given, with its bytes.
type Sent = (Header, Vec<u8>);

#[derive(Default)]
struct Device {
    sent: Mutex<Vec<Sent>>,
    has_sequences: AtomicBool,
    is_full: AtomicBool,
}

impl way::Card for Device {
    fn cid(&self) -> u32 {
        OWN
    }

    fn has_sequences(&self) -> bool {
        self.has_sequences.load(Ordering::Relaxed)
    }

    fn send(&self, packet: Packet) -> Result<(), Packet> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(packet);
        }
        let mut bytes = vec![0; packet.header.len as usize];
        if let Some(page) = &packet.payload {
            page.read(0, &mut bytes);
        }
        self.sent.lock().expect("whole").push((packet.header, bytes));
        Ok(())
    }

    fn kick(&self) {}
}

impl Device {
    fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.sent.lock().expect("whole"))
    }
}

/// There is one device, so tests take turns.
fn device() -> (MutexGuard<'static, ()>, Arc<Device>) {
    static TURN: Mutex<()> = Mutex::new(());
    static BOOT: Once = Once::new();
    static DEVICE: Mutex<Option<Arc<Device>>> = Mutex::new(None);
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        let device = Arc::new(Device::default());
        way::set_card(device.clone());
        *DEVICE.lock().expect("whole") = Some(device);
    });
    let device = DEVICE.lock().expect("whole").clone().expect("made above");
    device.take();
    device.has_sequences.store(true, Ordering::Relaxed);
    device.is_full.store(false, Ordering::Relaxed);
    (turn, device)
}

fn socket(kind: u32) -> Arc<File> {
    vsock::socket(kind, 0, OpenFlags::NONBLOCK).expect("a socket")
}

fn connect(file: &File, cid: u32, port: u32) -> Errno {
    let view = Context::new(vfs::anonymous_place(b"nowhere", 0o777), Arc::new(Credentials::root()));
    let mut address = AF_VSOCK.to_ne_bytes().to_vec();
    address.extend([0; 2]);
    address.extend(port.to_ne_bytes());
    address.extend(cid.to_ne_bytes());
    address.resize(16, 0);
    let socket = file.socket().expect("a socket");
    let connected = socket.connect(&view, &address);
    connected.expect_err("connections take their time").errno
}

/// The other side answers a packet.
fn answer(asked: &Header, op: u16, flags: u32, bytes: &[u8]) {
    let header = Header {
        len: bytes.len() as u32,
        flags,
        room: ROOM,
        taken: 0,
        ..Header::new(asked.to, asked.from, asked.kind().expect("a kind"), op)
    };
    let page = Page::zeroed().expect("there is memory");
    page.write(0, bytes);
    way::arrived(&header.to_bytes(), &page, 0, bytes.len());
}

fn send(file: &File, bytes: &[u8], flags: u32) -> Result<usize, Errno> {
    let mut message = Outgoing {
        flags,
        ..Outgoing::default()
    };
    let socket = file.socket().expect("a socket");
    let sent = socket.send(file, &mut Source::kernel(bytes), &mut message);
    sent.map_err(|error| error.errno)
}

fn receive(file: &File, room: usize, flags: u32) -> Result<(Incoming, Vec<u8>), Errno> {
    let mut bytes = vec![0; room];
    let socket = file.socket().expect("a socket");
    let received = socket.receive(file, &mut Sink::kernel(&mut bytes), flags | MSG_DONTWAIT);
    received.map(|incoming| (incoming, bytes)).map_err(|error| error.errno)
}

fn error_of(file: &File) -> i32 {
    let value = file
        .socket()
        .expect("a socket")
        .option(SOL_SOCKET, SO_ERROR)
        .expect("told");
    i32::from_ne_bytes(*value.first_chunk().expect("a number"))
}

/// A connection, and what asked for it.
fn connected(device: &Device, kind: u32) -> (Arc<File>, Header) {
    let file = socket(kind);
    assert_eq!(connect(&file, way::HOST, 80), Errno::EINPROGRESS);
    let (asked, _) = device.take().remove(0);
    assert_eq!(
        (asked.op, asked.to, asked.from.cid),
        (op::REQUEST, Address { cid: 2, port: 80 }, OWN)
    );
    answer(&asked, op::RESPONSE, 0, &[]);
    assert!(file.ready().contains(Events::WRITABLE), "it is connected");
    (file, asked)
}

#[test]
fn messages_go_through_a_device_that_passes_them() {
    let (_turn, device) = device();
    let (file, asked) = connected(&device, SOCK_SEQPACKET);
    assert_eq!(asked.kind(), Some(Kind::Sequence));
    assert_eq!(send(&file, b"one", 0), Ok(3));
    assert_eq!(send(&file, b"two!", MSG_EOR), Ok(4));
    let long: Vec<u8> = (0..10_000u32).map(|at| at as u8).collect();
    assert_eq!(send(&file, &long, 0), Ok(10_000));
    let sent = device.take();
    let flags: Vec<u32> = sent.iter().map(|(header, _)| header.flags).collect();
    assert_eq!(
        flags,
        [END_OF_MESSAGE, END_OF_MESSAGE | END_OF_RECORD, 0, 0, END_OF_MESSAGE]
    );
    assert!(
        sent.iter()
            .all(|(header, _)| header.op == op::DATA && header.kind() == Some(Kind::Sequence))
    );
    let whole: Vec<u8> = sent[2..].iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(whole, long);
    assert_eq!(
        send(&file, &vec![0; ROOM as usize + 1], 0),
        Err(Errno::EMSGSIZE),
        "never"
    );
    assert_eq!(send(&file, &vec![0; ROOM as usize], 0), Err(Errno::EAGAIN), "not now");

    answer(&asked, op::DATA, 0, b"in two ");
    assert_eq!(receive(&file, 100, 0).map(|_| ()), Err(Errno::EAGAIN), "not whole yet");
    answer(&asked, op::DATA, END_OF_MESSAGE | END_OF_RECORD, b"pieces");
    answer(&asked, op::DATA, END_OF_MESSAGE, b"next");
    let (looked, bytes) = receive(&file, 6, MSG_PEEK | MSG_TRUNC).expect("there");
    assert_eq!(
        (looked.count, looked.flags, &bytes[..]),
        (13, MSG_TRUNC | MSG_EOR, &b"in two"[..])
    );
    let (read, bytes) = receive(&file, 100, 0).expect("there");
    assert_eq!(
        (read.count, read.flags, &bytes[..13]),
        (13, MSG_EOR, &b"in two pieces"[..])
    );
    let (cut, bytes) = receive(&file, 2, 0).expect("there");
    assert_eq!((cut.count, cut.flags, &bytes[..]), (2, MSG_TRUNC, &b"ne"[..]));
    assert_eq!(
        receive(&file, 100, 0).map(|_| ()),
        Err(Errno::EAGAIN),
        "the rest is gone"
    );
}

#[test]
fn without_messages_there_are_streams_only() {
    let (_turn, device) = device();
    device.has_sequences.store(false, Ordering::Relaxed);
    assert_eq!(connect(&socket(SOCK_SEQPACKET), way::HOST, 80), Errno::ESOCKTNOSUPPORT);
    assert!(device.take().is_empty());
    // The machine itself needs no device.
    let own = socket(SOCK_SEQPACKET);
    assert_eq!(connect(&own, OWN, 80), Errno::EINPROGRESS);
    assert_eq!(error_of(&own), i32::from(Errno::ECONNRESET.0), "nobody listens");
    let (file, _) = connected(&device, SOCK_STREAM);
    assert_eq!(send(&file, b"x", 0), Ok(1));
}

#[test]
fn who_asks_again_hears_that_it_is_on_its_way_and_later_that_nobody_answers() {
    let (_turn, device) = device();
    let file = socket(SOCK_STREAM);
    let patience = [0i64, 300_000].map(i64::to_ne_bytes);
    let set = file
        .socket()
        .expect("a socket")
        .set_option(AF_VSOCK.into(), 8, patience.as_flattened());
    set.expect("the time to connect");
    assert_eq!(connect(&file, way::HOST, 81), Errno::EINPROGRESS);
    assert_eq!(connect(&file, way::HOST, 81), Errno::EALREADY);
    assert_eq!(send(&file, b"x", 0), Err(Errno::ENOTCONN));
    assert_eq!(device.take().len(), 1, "it asks once");
    hal::clock::advance(200 * MILLI);
    time::run_expired();
    assert_eq!((file.ready(), error_of(&file)), (Events::empty(), 0), "not yet");
    hal::clock::advance(200 * MILLI);
    time::run_expired();
    assert!(file.ready().contains(Events::ERR));
    assert_eq!(error_of(&file), i32::from(Errno::ETIMEDOUT.0));
    assert_eq!(error_of(&file), 0, "told once");
    // And then anew.
    assert_eq!(connect(&file, way::HOST, 81), Errno::EINPROGRESS);
    let (asked, _) = device.take().remove(0);
    answer(&asked, op::RESET, 0, &[]);
    assert_eq!(error_of(&file), i32::from(Errno::ECONNRESET.0));
}

#[test]
fn what_the_device_has_no_room_for_waits_and_is_counted() {
    let (_turn, device) = device();
    let (file, asked) = connected(&device, SOCK_STREAM);
    device.is_full.store(true, Ordering::Relaxed);
    assert_eq!(send(&file, &[5; 9000], 0), Ok(9000));
    assert!(
        file.socket().expect("a socket").listing().queues[1] > 0,
        "not all of it is with the device"
    );
    assert!(file.ioctl(TIOCOUTQ, 0).is_err(), "there is nowhere to say it");
    device.is_full.store(false, Ordering::Relaxed);
    way::has_room();
    let bytes: usize = device.take().iter().map(|(_, bytes)| bytes.len()).sum();
    assert_eq!((bytes, file.socket().expect("a socket").listing().queues[1]), (9000, 0));
    // The other side is gone: what it sent before can be read, and nothing can be sent.
    answer(&asked, op::DATA, 0, b"last");
    answer(&asked, op::RESET, 0, &[]);
    assert_eq!(receive(&file, 10, 0).map(|(read, _)| read.count), Ok(4));
    assert_eq!(receive(&file, 10, 0).map(|(read, _)| read.count), Ok(0));
    assert_eq!(send(&file, b"x", 0), Err(Errno::EPIPE));
}
