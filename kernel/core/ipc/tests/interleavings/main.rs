//! Pipes, counters, timers and sets of files under thousands of interleavings.
#![forbid(unsafe_code)]

mod sockets;

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::poll::{EPOLLET, EPOLLONESHOT, EpollEvent};
use epoll::{Epoll, Watched, epoll, poll};
use ipc::{Style, TimerFile, eventfd, socket_pair, timerfd};
use pipe::{End, pipe};
// What a test counts is no step of the machine.
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use task::simulated::{Joins, explore, in_program, spawn};
use usermem::{Sink, Source};
use vfs::{Events, File};

const EPOLLIN: u32 = Events::IN.bits();

fn boot() {
    static BOOT: Once = Once::new();
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
    });
}

fn read(file: &File, bytes: &mut [u8]) -> Result<usize, Errno> {
    file.read(&mut Sink::kernel(bytes)).map_err(|error| error.errno)
}

fn write(file: &File, bytes: &[u8]) -> Result<usize, Errno> {
    file.write(&mut Source::kernel(bytes)).map_err(|error| error.errno)
}

/// Takes what a counter has.
fn take(file: &File) -> Result<u64, Errno> {
    let mut bytes = [0; 8];
    read(file, &mut bytes).map(|_| u64::from_ne_bytes(bytes))
}

fn add(file: &File, number: u64) {
    assert_eq!(write(file, &number.to_ne_bytes()), Ok(8));
}

/// What a set tells.
fn wait(set: &Epoll, most: usize, deadline: Option<u64>) -> Result<Vec<EpollEvent>, Errno> {
    let mut events = Vec::new();
    let told = set.wait(most, deadline, &mut |event| {
        events.push(event);
        Ok(())
    });
    told.map(|_| events).map_err(|error| error.errno)
}

fn join_all(tasks: Vec<Joins>) {
    tasks.into_iter().for_each(Joins::join);
}

/// A pipe that holds one page.
fn small_pipe() -> (Arc<File>, Arc<File>) {
    let (reader, writer) = pipe(OpenFlags::empty()).expect("a pipe");
    let end: &End = writer.downcast().expect("an end");
    end.set_capacity(4096, true).expect("nothing is inside");
    (reader, writer)
}

#[test]
fn every_byte_of_a_pipe_comes_out_once_and_the_end_is_seen() {
    boot();
    explore(|random| {
        const PIECE: usize = 1800;
        let (reader, writer) = small_pipe();
        let (writers, readers) = (1 + random.below(3) as u8, 1 + random.below(3));
        let counts = Arc::new([const { AtomicU32::new(0) }; 4]);
        let mut tasks = Vec::new();
        for number in 0..writers {
            let writer = Arc::clone(&writer);
            tasks.push(spawn("writes", move || {
                for _ in 0..3 {
                    assert_eq!(write(&writer, &[number; PIECE]), Ok(PIECE));
                    in_program();
                }
            }));
        }
        drop(writer);
        let most = 500 + random.below(4000) as usize;
        for _ in 0..readers {
            let (reader, counts) = (Arc::clone(&reader), Arc::clone(&counts));
            tasks.push(spawn("reads", move || {
                let mut bytes = vec![0; most];
                loop {
                    let len = read(&reader, &mut bytes).expect("no error");
                    if len == 0 {
                        break;
                    }
                    for byte in &bytes[..len] {
                        counts[usize::from(*byte)].fetch_add(1, Ordering::Relaxed);
                    }
                }
            }));
        }
        drop(reader);
        join_all(tasks);
        for (number, count) in counts.iter().enumerate() {
            let expected = if number < usize::from(writers) { 3 * PIECE } else { 0 };
            assert_eq!(count.load(Ordering::Relaxed) as usize, expected);
        }
    });
}

#[test]
fn writers_hear_when_the_last_reader_goes() {
    boot();
    explore(|random| {
        let (reader, writer) = small_pipe();
        let tasks = (0..2).map(|_| {
            let writer = Arc::clone(&writer);
            spawn("writes", move || while write(&writer, &[1; 3000]) == Ok(3000) {})
        });
        let mut tasks: Vec<_> = tasks.collect();
        drop(writer);
        let reads = random.below(3);
        tasks.push(spawn("goes", move || {
            for _ in 0..reads {
                assert!(read(&reader, &mut [0; 2000]).is_ok_and(|len| len > 0));
            }
            drop(reader);
        }));
        join_all(tasks);
    });
}

#[test]
fn counters_lose_nothing() {
    boot();
    explore(|random| {
        let semaphore = random.one_in(2);
        let counter = eventfd(0, semaphore, OpenFlags::empty());
        let taken = Arc::new(AtomicU64::new(0));
        let mut tasks = Vec::new();
        for _ in 0..2 {
            let adds = Arc::clone(&counter);
            tasks.push(spawn("adds", move || (0..3).for_each(|_| add(&adds, 1))));
        }
        // Those who take step by step can be several: there is one for each.
        for _ in 0..if semaphore { 2 } else { 1 } {
            let (takes, taken) = (Arc::clone(&counter), Arc::clone(&taken));
            tasks.push(spawn("takes", move || {
                let mut mine = 0;
                while mine < if semaphore { 3 } else { 6 } {
                    mine += take(&takes).expect("a number");
                }
                taken.fetch_add(mine, Ordering::Relaxed);
            }));
        }
        join_all(tasks);
        assert_eq!(taken.load(Ordering::Relaxed), 6);
    });
}

#[test]
fn a_full_counter_makes_writers_wait() {
    boot();
    explore(|_| {
        const MOST: u64 = u64::MAX - 1;
        let counter = eventfd(0, false, OpenFlags::empty());
        let tasks = (0..3).map(|_| {
            let counter = Arc::clone(&counter);
            spawn("adds", move || add(&counter, MOST))
        });
        let tasks: Vec<_> = tasks.collect();
        (0..3).for_each(|_| assert_eq!(take(&counter), Ok(MOST)));
        join_all(tasks);
    });
}

#[test]
fn poll_sees_what_comes_and_ends_in_time() {
    boot();
    explore(|random| {
        let counters = [0, 1].map(|_| eventfd(0, false, OpenFlags::NONBLOCK));
        let timeout = random.one_in(2).then(|| time::now() + random.below(30_000));
        let mut tasks = Vec::new();
        for _ in 0..2 {
            let counters = counters.clone();
            tasks.push(spawn("polls", move || {
                let watched = counters.map(|file| Watched::new(file, Events::IN));
                let ready = poll(&watched, timeout).expect("nobody interrupts");
                match timeout {
                    Some(end) if ready == 0 => assert!(time::now() >= end),
                    _ => assert!(ready > 0 && watched.iter().any(|file| file.seen() == Events::IN)),
                }
            }));
        }
        let which = random.below(2) as usize;
        let [first, second] = counters;
        let (adds, reads) = if which == 0 { (first, second) } else { (second, first) };
        tasks.push(spawn("adds", move || add(&adds, 1)));
        tasks.push(spawn("reads", move || assert_eq!(take(&reads), Err(Errno::EAGAIN))));
        join_all(tasks);
    });
}

const fn event(events: u32) -> EpollEvent {
    EpollEvent { events, data: [0; 2] }
}

/// A set with two counters in it, which are numbered in their data.
fn set_of_two(events: u32) -> (Arc<File>, Arc<Epoll>, [Arc<File>; 2]) {
    let file = epoll();
    let behaviour = file.behaviour().expect("a set has a behaviour");
    let set: Arc<Epoll> = vfs::downcast_file_like(behaviour).expect("the file is a set");
    let counters = [0, 1].map(|_| eventfd(0, false, OpenFlags::NONBLOCK));
    for (number, counter) in (0..).zip(&counters) {
        let data = [number, 0];
        set.add(number as i32, counter, EpollEvent { events, data })
            .expect("it goes in");
    }
    (file, set, counters)
}

/// Adds `times` to each counter, from a task for each.
fn adders(counters: &[Arc<File>; 2], times: u64) -> Vec<Joins> {
    let adders = counters.iter().map(|counter| {
        let counter = Arc::clone(counter);
        spawn("adds", move || {
            for _ in 0..times {
                add(&counter, 1);
                in_program();
            }
        })
    });
    adders.collect()
}

#[test]
fn a_level_triggered_set_tells_as_long_as_there_is_something() {
    boot();
    explore(|random| {
        const LAST: u64 = 1000;
        let (_file, set, counters) = set_of_two(EPOLLIN);
        let waiters = 1 + random.below(3);
        let left = Arc::new(AtomicU64::new(6));
        let mut tasks = adders(&counters, 3);
        for _ in 0..waiters {
            let (set, counters, left) = (Arc::clone(&set), counters.clone(), Arc::clone(&left));
            tasks.push(spawn("waits", move || {
                loop {
                    for event in wait(&set, 2, None).expect("nobody interrupts") {
                        let counter = &counters[event.data[0] as usize];
                        let Ok(number) = take(counter) else { continue };
                        if number == LAST || left.fetch_sub(number, Ordering::SeqCst) == number {
                            // Whoever is last tells the others, who wait for what does not come.
                            return add(counter, LAST);
                        }
                    }
                }
            }));
        }
        join_all(tasks);
    });
}

#[test]
fn an_edge_triggered_set_tells_of_everything_that_comes() {
    boot();
    explore(|random| {
        let (_file, set, counters) = set_of_two(EPOLLIN | EPOLLET);
        let tasks = adders(&counters, 3);
        let most = 1 + random.below(2) as usize;
        let mut got = 0;
        while got < 6 {
            for event in wait(&set, most, None).expect("nobody interrupts") {
                while let Ok(number) = take(&counters[event.data[0] as usize]) {
                    got += number;
                }
            }
        }
        join_all(tasks);
        assert_eq!(got, 6);
        assert_eq!(wait(&set, 1, Some(0)).map(|events| events.len()), Ok(0));
    });
}

#[test]
fn a_one_shot_goes_to_one_waiter_until_it_is_set_again() {
    boot();
    explore(|random| {
        let (_file, set, counters) = set_of_two(EPOLLIN | EPOLLONESHOT);
        let tasks = adders(&counters, 3);
        let left = Arc::new(AtomicU64::new(6));
        let held = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let done = eventfd(0, false, OpenFlags::NONBLOCK);
        set.add(
            9,
            &done,
            EpollEvent {
                events: EPOLLIN,
                data: [9, 0],
            },
        )
        .expect("it goes in");
        let waiters = (0..1 + random.below(3)).map(|_| {
            let (set, counters, done) = (Arc::clone(&set), counters.clone(), Arc::clone(&done));
            let (left, held) = (Arc::clone(&left), Arc::clone(&held));
            spawn("waits", move || {
                loop {
                    let [told] = wait(&set, 1, None).expect("nobody interrupts")[..] else {
                        panic!("one event at a time");
                    };
                    if told.data[0] == 9 {
                        return;
                    }
                    let number = told.data[0] as usize;
                    assert_eq!(
                        held[number].fetch_add(1, Ordering::SeqCst),
                        0,
                        "two were told of one shot"
                    );
                    in_program();
                    let taken = take(&counters[number]).expect("nobody else takes");
                    held[number].fetch_sub(1, Ordering::SeqCst);
                    set.change(
                        number as i32,
                        &counters[number],
                        EpollEvent {
                            events: EPOLLIN | EPOLLONESHOT,
                            ..told
                        },
                    )
                    .expect("it is in the set");
                    if left.fetch_sub(taken, Ordering::SeqCst) == taken {
                        add(&done, 1);
                    }
                }
            })
        });
        let waiters: Vec<_> = waiters.collect();
        join_all(tasks);
        join_all(waiters);
    });
}

#[test]
fn what_is_put_in_while_it_is_ready_is_told() {
    boot();
    explore(|_| {
        let file = epoll();
        let behaviour = file.behaviour().expect("a set has a behaviour");
        let set: Arc<Epoll> = vfs::downcast_file_like(behaviour).expect("the file is a set");
        let counter = eventfd(0, false, OpenFlags::NONBLOCK);
        let (puts, adds, waits) = (Arc::clone(&set), Arc::clone(&counter), Arc::clone(&set));
        let watched = Arc::clone(&counter);
        let tasks = vec![
            spawn("waits", move || {
                assert_eq!(wait(&waits, 4, None).expect("nobody interrupts").len(), 1);
            }),
            spawn("puts", move || {
                puts.add(1, &watched, event(0)).expect("it goes in");
                puts.change(1, &watched, event(EPOLLIN)).expect("it is in");
            }),
            spawn("adds", move || add(&adds, 1)),
        ];
        join_all(tasks);
    });
}

#[test]
fn files_that_go_leave_their_sets() {
    boot();
    explore(|random| {
        let (file, set, counters) = set_of_two(EPOLLIN);
        let (first, other) = (Arc::clone(&set), random.one_in(2));
        let [one, two] = counters;
        let mut tasks = vec![
            spawn("closes", move || {
                add(&one, 1);
                drop(one);
            }),
            spawn("takes out", move || {
                first.remove(1, &two).expect("it is in the set");
                add(&two, 1);
                first.add(1, &two, event(EPOLLIN)).expect("it goes in again");
                drop(two);
            }),
        ];
        let waits = Arc::clone(&set);
        tasks.push(spawn("waits", move || {
            for _ in 0..3 {
                let end = time::now() + 20_000;
                assert!(wait(&waits, 2, Some(end)).is_ok_and(|events| events.len() <= 2));
            }
        }));
        if other {
            tasks.push(spawn("closes the set", move || drop(file)));
        }
        join_all(tasks);
        assert_eq!(wait(&set, 2, Some(0)).map(|events| events.len()), Ok(0));
    });
}

#[test]
fn a_timer_wakes_whoever_reads_it_however_it_is_set() {
    boot();
    explore(|random| {
        let file = timerfd(1, OpenFlags::empty());
        let (reads, later) = (Arc::clone(&file), random.below(50_000));
        let tasks = vec![
            spawn("reads", move || assert!(take(&reads).expect("a number") >= 1)),
            spawn("sets", move || {
                let timer: &TimerFile = file.downcast().expect("a timer");
                timer.set(Some(time::now() + later), 0, None);
                in_program();
                // Whoever reads may have had the first: then this one is nobody's.
                timer.set(Some(time::now() + later / 2), 0, None);
            }),
        ];
        join_all(tasks);
    });
}

#[test]
fn every_byte_of_a_connection_comes_through_and_its_end_is_seen() {
    boot();
    explore(|random| {
        const PIECE: usize = 150_000;
        let owner = abi::socket::Ucred::default();
        let [left, right] = socket_pair(Style::Stream, owner, OpenFlags::empty());
        let echoes = random.one_in(2);
        let mut tasks = vec![spawn("echoes", move || {
            let (mut bytes, mut sum) = (vec![0; 60_000], 0);
            loop {
                let len = match read(&right, &mut bytes) {
                    Ok(len) if len > 0 => len,
                    // What was echoed may lie there unread when the other side goes.
                    end => break assert!(matches!(end, Ok(0) | Err(Errno::ECONNRESET))),
                };
                sum += len;
                if echoes {
                    // The other side may have had enough.
                    assert!(matches!(write(&right, &bytes[..1]), Ok(1) | Err(Errno::EPIPE)));
                }
                in_program();
            }
            assert_eq!(sum, 2 * PIECE);
        })];
        let reader = Arc::clone(&left);
        if echoes {
            tasks.push(spawn("hears", move || assert_eq!(read(&reader, &mut [0]), Ok(1))));
        } else {
            drop(reader);
        }
        for _ in 0..2 {
            let writer = Arc::clone(&left);
            tasks.push(spawn("writes", move || {
                assert_eq!(write(&writer, &vec![7; PIECE]), Ok(PIECE))
            }));
        }
        drop(left);
        join_all(tasks);
    });
}
