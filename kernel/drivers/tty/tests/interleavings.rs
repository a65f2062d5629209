//! Pseudo-terminals whose ends are used by several at once, under interleavings that a seed chooses: nobody sleeps for ever, and no byte is lost.
#![forbid(unsafe_code)]

use abi::Errno;
use abi::fcntl::OpenFlags;
use abi::stat::S_IFCHR;
use std::sync::{Arc, Once};
use task::simulated::{Joins, explore, in_program, spawn};
use tty::Terminal;
use tty::console::{self, Setup};
use tty::pty::{Owner, find, numbers, open_master, unlock};
use usermem::{Sink, Source};
use vfs::{File, anonymous_device};

static BOOT: Once = Once::new();

fn opened(flags: OpenFlags, behaviour: Arc<dyn vfs::FileLike>) -> Arc<File> {
    anonymous_device(b"terminal", S_IFCHR | 0o600, flags | OpenFlags::RDWR, behaviour)
}

fn boot() {
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        console::set_up(Setup {
            split: true,
            terminals: [true, false, false],
            size: (24, 80),
        });
    });
}

/// A master and its terminal.
fn pair() -> (Arc<File>, Arc<Terminal>) {
    boot();
    let before = numbers();
    let master = open_master(Owner::default()).expect("a pseudo-terminal");
    let made = numbers().into_iter().find(|number| !before.contains(number));
    let terminal = made.and_then(find).expect("it has a number");
    unlock(&terminal);
    (opened(OpenFlags::empty(), master), terminal)
}

fn slave(terminal: &Arc<Terminal>) -> Arc<File> {
    let behaviour = tty::open(terminal, OpenFlags::RDWR, false).expect("it opens");
    opened(OpenFlags::empty(), behaviour)
}

fn read(file: &File, len: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; len];
    let read = file.read(&mut Sink::kernel(&mut bytes)).map_err(|error| error.errno)?;
    bytes.truncate(read);
    Ok(bytes)
}

fn write(file: &File, bytes: &[u8]) -> Result<usize, Errno> {
    file.write(&mut Source::kernel(bytes)).map_err(|error| error.errno)
}

fn join_all(tasks: Vec<Joins>) {
    tasks.into_iter().for_each(Joins::join);
}

#[test]
fn lines_go_in_and_echo_comes_out() {
    const LINES: usize = 6;
    explore(|_| {
        let (master, terminal) = pair();
        let slave = slave(&terminal);
        let (typist, watcher) = (Arc::clone(&master), master);
        let types = spawn("types", move || {
            for line in 0..LINES {
                assert_eq!(write(&typist, format!("line {line}\r").as_bytes()), Ok(7));
                in_program();
            }
        });
        let reads = spawn("reads", move || {
            for line in 0..LINES {
                assert_eq!(read(&slave, 100), Ok(format!("line {line}\n").into_bytes()));
                assert_eq!(write(&slave, b"seen\n"), Ok(5));
                in_program();
            }
        });
        let watches = spawn("watches", move || {
            let mut shown = Vec::new();
            while shown.len() < LINES * (8 + 6) {
                shown.extend(read(&watcher, 5).expect("something is shown"));
            }
            let text = String::from_utf8(shown).expect("text");
            assert_eq!(text.matches("line ").count(), LINES);
            assert_eq!(text.matches("seen\r\n").count(), LINES);
        });
        join_all(vec![types, reads, watches]);
    });
}

#[test]
fn no_key_is_left_in_the_consoles_line() {
    explore(|_| {
        boot();
        let terminal = console::terminal().expect("input is a terminal");
        let behaviour = tty::open(&terminal, OpenFlags::RDWR, true).expect("it opens");
        let file = opened(OpenFlags::empty(), behaviour);
        let types = spawn("types", || {
            for byte in *b"ab\r" {
                // A byte comes, and the line interrupts once for it.
                hal::console::type_in(&[byte]);
                console::take_input();
                in_program();
            }
        });
        let reads = spawn("reads", move || assert_eq!(read(&file, 10), Ok(b"ab\n".to_vec())));
        join_all(vec![types, reads]);
    });
}

#[test]
fn who_waits_for_a_terminal_hears_that_it_has_hung_up() {
    explore(|random| {
        let (master, terminal) = pair();
        let reader = slave(&terminal);
        let writer = slave(&terminal);
        let reads = spawn("reads", move || {
            let first = read(&reader, 10);
            assert!(first == Err(Errno::EIO) || first == Ok(Vec::new()), "{first:?}");
            assert_eq!(read(&reader, 10), Ok(Vec::new()));
        });
        let writes = spawn("writes", move || {
            let bytes = vec![b'x'; 4000];
            while write(&writer, &bytes).is_ok() {}
            assert_eq!(write(&writer, b"x"), Err(Errno::EIO));
        });
        let some = random.below(2) == 0;
        let closes = spawn("closes", move || {
            if some {
                assert!(read(&master, 100).is_ok());
            }
            drop(master);
        });
        join_all(vec![reads, writes, closes]);
    });
}

#[test]
fn a_master_reads_what_is_left_and_then_that_nobody_is_there() {
    explore(|_| {
        let (master, terminal) = pair();
        let writer = slave(&terminal);
        let reads = spawn("reads", move || {
            let mut shown = Vec::new();
            let end = loop {
                match read(&master, 3) {
                    Ok(bytes) => shown.extend(bytes),
                    Err(errno) => break errno,
                }
            };
            assert_eq!((end, shown.as_slice()), (Errno::EIO, &b"the last words"[..]));
        });
        let writes = spawn("writes", move || {
            assert_eq!(write(&writer, b"the last "), Ok(9));
            in_program();
            assert_eq!(write(&writer, b"words"), Ok(5));
        });
        join_all(vec![reads, writes]);
    });
}

#[test]
fn what_a_key_stops_another_starts() {
    explore(|_| {
        let (master, terminal) = pair();
        let writer = slave(&terminal);
        assert_eq!(write(&master, b"\x13"), Ok(1));
        let (typist, watcher) = (Arc::clone(&master), master);
        let writes = spawn("writes", move || assert_eq!(write(&writer, b"shown"), Ok(5)));
        let types = spawn("types", move || {
            in_program();
            assert_eq!(write(&typist, b"\x11\x13\x11"), Ok(3));
        });
        let watches = spawn("watches", move || {
            assert_eq!(read(&watcher, 10).as_deref(), Ok(&b"shown"[..]))
        });
        join_all(vec![writes, types, watches]);
    });
}
