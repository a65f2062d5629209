//! Sockets of one machine under thousands of interleavings: who waits for room, for bytes or for somebody to connect is always woken.
#![forbid(unsafe_code)]

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::socket::{AF_VSOCK, SHUT_WR, SOCK_STREAM};
// What a test counts is no step of the machine.
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Once};
use task::simulated::{explore, spawn};
use usermem::{Sink, Source};
use vfs::{Context, Credentials, Direction, File};

const LEVEL: u32 = AF_VSOCK as u32;
/// Little room, so that everybody waits.
const ROOM: u64 = 1000;

fn boot() {
    static BOOT: Once = Once::new();
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
}

fn address(port: u32) -> Vec<u8> {
    let mut bytes = AF_VSOCK.to_ne_bytes().to_vec();
    bytes.extend([0; 2]);
    bytes.extend(port.to_ne_bytes());
    bytes.extend(1_u32.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes
}

fn view() -> Arc<Context> {
    let place = vfs::anonymous_place(b"nothing", 0o040_755);
    Arc::new(Context::new(place, Arc::new(Credentials::root())))
}

fn socket() -> Arc<File> {
    let file = vsock::socket(SOCK_STREAM, 0, OpenFlags::empty()).expect("a socket");
    let set = |name: u32| file.socket()?.set_option(LEVEL, name, &ROOM.to_ne_bytes());
    set(0).expect("it is a size");
    file
}

fn listen(port: u32) -> Arc<File> {
    let file = socket();
    let it = file.socket().expect("a socket");
    it.bind(&view(), &address(port)).expect("the port is free");
    it.listen(3).expect("it listens");
    file
}

fn connect(port: u32) -> Arc<File> {
    let file = socket();
    let it = file.socket().expect("a socket");
    let begun = it.connect(&view(), &address(port)).map_err(|error| error.errno);
    assert_eq!(begun, Err(Errno::EINPROGRESS));
    let there = file.retry(Direction::Write, false, || it.connected());
    there.expect("somebody listens");
    file
}

fn accept(listening: &File) -> Arc<File> {
    let it = listening.socket().expect("a socket");
    let accepted = listening.retry(Direction::Read, false, || it.accept(OpenFlags::empty()));
    accepted.expect("somebody connects").0
}

/// Reads to the end; how many bytes came, each as it should be.
fn drain(file: &File, most: usize) -> usize {
    let mut bytes = vec![0; most];
    let mut came = 0;
    loop {
        let len = file.read(&mut Sink::kernel(&mut bytes)).expect("no error");
        if len == 0 {
            return came;
        }
        for (at, byte) in (came..).zip(&bytes[..len]) {
            assert_eq!(*byte, (at % 251) as u8);
        }
        came += len;
    }
}

fn pour(file: &File, len: usize, piece: usize) {
    let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
    for part in bytes.chunks(piece) {
        let sent = file.write(&mut Source::kernel(part)).expect("it goes");
        assert_eq!(sent, part.len());
    }
    file.socket()
        .expect("a socket")
        .shut_down(SHUT_WR)
        .expect("it is connected");
}

#[test]
fn every_byte_comes_in_order_both_ways_through_little_room() {
    boot();
    explore(|random| {
        let listening = listen(7000);
        let (len, piece, most) = (
            500 + random.below(3500) as usize,
            1 + random.below(1500) as usize,
            50 + random.below(2000) as usize,
        );
        let other = Arc::clone(&listening);
        let server = spawn("serves", move || {
            let file = accept(&other);
            let mirror = Arc::clone(&file);
            let sender = spawn("sends", move || pour(&mirror, len, piece));
            assert_eq!(drain(&file, most), len);
            sender.join();
        });
        let client = spawn("connects", move || {
            let file = connect(7000);
            let mirror = Arc::clone(&file);
            let reader = spawn("reads", move || assert_eq!(drain(&mirror, most), len));
            pour(&file, len, piece);
            reader.join();
        });
        client.join();
        server.join();
    });
}

#[test]
fn everybody_who_connects_is_accepted_once() {
    boot();
    explore(|random| {
        let listening = listen(7001);
        let count = 1 + random.below(3);
        let served = Arc::new(AtomicU32::new(0));
        let mut tasks = Vec::new();
        for _ in 0..count {
            let (listening, served) = (Arc::clone(&listening), Arc::clone(&served));
            tasks.push(spawn("serves", move || {
                let file = accept(&listening);
                assert_eq!(drain(&file, 10), 3);
                served.fetch_add(1, Ordering::Relaxed);
            }));
            tasks.push(spawn("connects", || pour(&connect(7001), 3, 3)));
        }
        tasks.into_iter().for_each(task::simulated::Joins::join);
        assert_eq!(u64::from(served.load(Ordering::Relaxed)), count);
    });
}
