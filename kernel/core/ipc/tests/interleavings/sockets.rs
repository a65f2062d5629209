//! Local sockets: many at one end, ends that go, and room for those who wait for it.

use crate::{boot, join_all, read, write};
use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::socket::{AF_UNIX, SHUT_WR, Ucred};
use abi::stat::S_IFDIR;
use epoll::{Watched, poll};
use ipc::{Style, socket, socket_pair};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use task::simulated::{explore, in_program, pause, spawn};
use vfs::{Context, Credentials, Direction, Events, File};

fn new(style: Style, flags: OpenFlags) -> Arc<File> {
    socket(style, Ucred::default(), flags)
}

fn view() -> Context {
    let root = vfs::anonymous_place(b"root", S_IFDIR | 0o755);
    Context::new(root, Arc::new(Credentials::root()))
}

/// The one address of each run.
fn address() -> Vec<u8> {
    [&AF_UNIX.to_ne_bytes()[..], b"\0here"].concat()
}

fn bound(style: Style) -> Arc<File> {
    let file = new(style, OpenFlags::empty());
    let socket = file.socket().expect("a socket");
    socket.bind(&view(), &address()).expect("the address is free");
    file
}

/// Connects, and waits for room.
fn connect(file: &File) -> Result<(), Errno> {
    let view = view();
    let socket = file.socket().expect("a socket");
    let connected = file.retry(Direction::Write, false, || socket.connect(&view, &address()));
    connected.map_err(|error| error.errno)
}

#[test]
fn datagrams_from_many_come_to_a_slow_receiver() {
    boot();
    explore(|random| {
        const SENDS: usize = 4;
        // Two to four fit in.
        let len = 50_000 + random.below(50_000) as usize;
        let senders = 1 + random.below(3) as usize;
        let receiver = bound(Style::Datagram);
        let tasks = (0..senders).map(|_| {
            spawn("sends", move || {
                let sender = new(Style::Datagram, OpenFlags::empty());
                assert_eq!(connect(&sender), Ok(()));
                for _ in 0..SENDS {
                    assert_eq!(write(&sender, &vec![1; len]), Ok(len));
                    in_program();
                }
            })
        });
        let mut tasks: Vec<_> = tasks.collect();
        tasks.push(spawn("receives", move || {
            for _ in 0..senders * SENDS {
                assert_eq!(read(&receiver, &mut [0; 10]), Ok(10));
                in_program();
            }
        }));
        join_all(tasks);
    });
}

#[test]
fn who_sends_to_a_receiver_that_goes_hears_of_it() {
    boot();
    explore(|random| {
        let receiver = bound(Style::Datagram);
        let connected = Arc::new(AtomicU32::new(0));
        let tasks = (0..2).map(|_| {
            let connected = Arc::clone(&connected);
            spawn("sends", move || {
                let sender = new(Style::Datagram, OpenFlags::empty());
                assert_eq!(connect(&sender), Ok(()));
                connected.fetch_add(1, Ordering::SeqCst);
                let end = loop {
                    match write(&sender, &[1; 60_000]) {
                        Ok(len) => assert_eq!(len, 60_000),
                        Err(errno) => break errno,
                    }
                };
                assert_eq!(end, Errno::ECONNREFUSED);
            })
        });
        let mut tasks: Vec<_> = tasks.collect();
        let reads = random.below(3);
        tasks.push(spawn("goes", move || {
            while connected.load(Ordering::SeqCst) < 2 {
                pause();
            }
            for _ in 0..reads {
                assert_eq!(read(&receiver, &mut [0; 10]), Ok(10));
            }
            drop(receiver);
        }));
        join_all(tasks);
    });
}

#[test]
fn who_polls_hears_of_room_for_datagrams() {
    boot();
    explore(|_| {
        let receiver = bound(Style::Datagram);
        let fills = new(Style::Datagram, OpenFlags::NONBLOCK);
        assert_eq!(connect(&fills), Ok(()));
        let mut sent = 0;
        while write(&fills, &[1; 40_000]) == Ok(40_000) {
            sent += 1;
        }
        let polled = Arc::clone(&fills);
        let polls = spawn("polls", move || {
            let sender = new(Style::Datagram, OpenFlags::empty());
            assert_eq!(connect(&sender), Ok(()));
            let watched = [Watched::new(sender, Events::OUT)];
            assert_eq!(poll(&watched, None).map_err(|error| error.errno), Ok(1));
            drop(polled);
        });
        let receives = spawn("receives", move || {
            for _ in 0..sent {
                assert_eq!(read(&receiver, &mut [0; 10]), Ok(10));
            }
            // It stays, and so does the room.
            while Arc::strong_count(&fills) > 1 {
                pause();
            }
            drop(receiver);
        });
        join_all(vec![polls, receives]);
    });
}

#[test]
fn one_read_lets_all_write_for_whom_there_is_room() {
    boot();
    explore(|_| {
        let [left, right] = socket_pair(Style::Stream, Ucred::default(), OpenFlags::empty());
        const ALL: usize = ipc::channel::CAPACITY / 4096 * 4096;
        assert_eq!(write(&left, &vec![1; ALL]), Ok(ALL));
        let written = Arc::new(AtomicU32::new(0));
        let tasks = (0..3).map(|_| {
            let (left, written) = (Arc::clone(&left), Arc::clone(&written));
            spawn("writes", move || {
                assert_eq!(write(&left, &[2; 10]), Ok(10));
                written.fetch_add(1, Ordering::SeqCst);
            })
        });
        let mut tasks: Vec<_> = tasks.collect();
        tasks.push(spawn("reads once", move || {
            assert_eq!(read(&right, &mut vec![0; ALL]), Ok(ALL));
            while written.load(Ordering::SeqCst) < 3 {
                pause();
            }
        }));
        join_all(tasks);
    });
}

#[test]
fn half_a_connection_can_end_before_the_other() {
    boot();
    explore(|random| {
        const PIECE: usize = 100_000;
        let style = random.one_of(&[Style::Stream, Style::Sequence]);
        let [left, right] = socket_pair(style, Ucred::default(), OpenFlags::empty());
        let all = |file: &File| {
            let (mut bytes, mut sum) = (vec![0; PIECE], 0);
            loop {
                match read(file, &mut bytes) {
                    Ok(0) => return sum,
                    Ok(len) => sum += len,
                    Err(errno) => panic!("{errno:?}"),
                }
            }
        };
        let asks = spawn("asks", move || {
            for _ in 0..3 {
                assert_eq!(write(&left, &[1; PIECE]), Ok(PIECE));
            }
            left.socket()
                .expect("a socket")
                .shut_down(SHUT_WR)
                .expect("it is connected");
            assert_eq!(write(&left, &[1]), Err(Errno::EPIPE));
            assert_eq!(all(&left), 2 * PIECE);
        });
        let answers = spawn("answers", move || {
            assert_eq!(all(&right), 3 * PIECE);
            for _ in 0..2 {
                assert_eq!(write(&right, &[1; PIECE]), Ok(PIECE));
            }
            drop(right);
        });
        join_all(vec![asks, answers]);
    });
}

#[test]
fn all_who_connect_are_accepted_one_after_the_other() {
    boot();
    explore(|random| {
        const CONNECT: usize = 4;
        let listener = bound(Style::Stream);
        let backlog = random.below(2) as u32;
        listener
            .socket()
            .expect("a socket")
            .listen(backlog)
            .expect("it has an address");
        let tasks = (0..CONNECT).map(|_| {
            spawn("connects", || {
                let file = new(Style::Stream, OpenFlags::empty());
                assert_eq!(connect(&file), Ok(()));
                assert_eq!(read(&file, &mut [0; 10]), Ok(3));
            })
        });
        let mut tasks: Vec<_> = tasks.collect();
        for _ in 0..1 + random.below(2) as usize {
            let listener = Arc::clone(&listener);
            tasks.push(spawn("accepts", move || {
                let socket = listener.socket().expect("a socket");
                loop {
                    let accepted = listener.retry(Direction::Read, false, || socket.accept(OpenFlags::empty()));
                    match accepted {
                        Ok((file, _)) => assert_eq!(write(&file, b"hey"), Ok(3)),
                        Err(error) => break assert_eq!(error.errno, Errno::EINVAL),
                    }
                }
            }));
        }
        let acceptors = tasks.split_off(CONNECT);
        join_all(tasks);
        listener
            .socket()
            .expect("a socket")
            .shut_down(SHUT_WR)
            .expect("it listens");
        join_all(acceptors);
    });
}

#[test]
fn who_connects_while_nobody_accepts_any_more_hears_of_it() {
    boot();
    explore(|_| {
        let listener = bound(Style::Stream);
        listener
            .socket()
            .expect("a socket")
            .listen(0)
            .expect("it has an address");
        let tasks = (0..3).map(|_| {
            spawn("connects", || {
                let file = new(Style::Stream, OpenFlags::empty());
                match connect(&file) {
                    Ok(()) => {
                        let end = read(&file, &mut [0; 10]);
                        assert!(matches!(end, Ok(0) | Err(Errno::ECONNRESET)), "{end:?}");
                    }
                    Err(errno) => assert_eq!(errno, Errno::ECONNREFUSED),
                }
            })
        });
        let mut tasks: Vec<_> = tasks.collect();
        tasks.push(spawn("goes", move || {
            in_program();
            drop(listener);
        }));
        join_all(tasks);
    });
}
