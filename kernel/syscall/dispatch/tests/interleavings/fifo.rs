//! Fifos: whoever opens one end waits for the other, which may come and go.

use crate::program::{Program, explore};
use usermem::UserSlice;

const READ: u64 = 0;
const WRITE: u64 = 1;
const OPEN: u64 = 2;
const CLOSE: u64 = 3;
const MKNOD: u64 = 133;
const READ_ONLY: u64 = 0;
const WRITE_ONLY: u64 = 1;
const ENXIO: i64 = -6;
const NONBLOCK: u64 = 0o4000;

/// The path of the one fifo, in the thread's words.
fn path(program: &mut Program) -> u64 {
    let at = program.word(16);
    UserSlice::new(at, 6).write(b"/fifo\0").expect("the word is there");
    at
}

fn make(program: &mut Program) {
    const FIFO: u64 = 0o10_600;
    let path = path(program);
    assert_eq!(program.call(MKNOD, [path, FIFO, 0]), 0);
}

fn open(program: &mut Program, flags: u64) -> i64 {
    let path = path(program);
    program.call(OPEN, [path, flags, 0])
}

/// Opens one end, which waits for the other.
fn open_end(program: &mut Program, flags: u64) -> u64 {
    let end = open(program, flags);
    assert!(end >= 0, "{end}");
    end as u64
}

fn close(program: &mut Program, descriptor: u64) {
    assert_eq!(program.call(CLOSE, [descriptor]), 0);
}

#[test]
fn both_ends_find_each_other_and_every_byte_comes_through() {
    explore(|program, random| {
        make(program);
        let writers = 1 + random.below(2);
        for number in 0..writers {
            program.fork(move |writer| {
                let end = open_end(writer, WRITE_ONLY);
                for _ in 0..2 {
                    let from = writer.write(24, number);
                    assert_eq!(writer.call(WRITE, [end, from, 8]), 8);
                    writer.compute();
                }
                writer.exit(0);
            });
        }
        let end = open_end(program, READ_ONLY);
        let mut sum = 0;
        while sum < 16 * writers as i64 {
            let room = program.word(20);
            let count = program.call(READ, [end, room, 8]);
            assert!(count >= 0, "{count}");
            sum += count;
            if count == 0 {
                // One has gone before another came.
                program.compute();
                task::simulated::pause();
            }
        }
        for _ in 0..writers {
            program.wait(-1, 0).expect("a child");
        }
    });
}

#[test]
fn who_waits_for_the_other_end_goes_on_though_that_has_gone_again() {
    explore(|program, random| {
        make(program);
        let (waits, comes) = if random.one_in(2) {
            (READ_ONLY, WRITE_ONLY)
        } else {
            (WRITE_ONLY, READ_ONLY)
        };
        let waiter = program.fork(move |child| {
            let end = open_end(child, waits);
            close(child, end);
            child.exit(0);
        });
        if comes == WRITE_ONLY {
            // It comes only when somebody reads.
            let end = loop {
                match open(program, comes | NONBLOCK) {
                    ENXIO => program.compute(),
                    end => break end as u64,
                }
                task::simulated::pause();
            };
            close(program, end);
        } else {
            // It comes and goes until it has been seen.
            while program.wait(waiter, 1) == Ok((0, 0)) {
                let end = open_end(program, comes | NONBLOCK);
                close(program, end);
                program.compute();
                task::simulated::pause();
            }
            return;
        }
        assert_eq!(program.wait(waiter, 0), Ok((waiter, 0)));
    });
}

#[test]
fn a_signal_ends_the_wait_for_the_other_end() {
    const TERM: u64 = 15;
    explore(|program, random| {
        make(program);
        let flags = random.below(2);
        let waiter = program.fork(move |child| {
            open(child, flags);
            child.exit(1);
        });
        program.compute();
        assert_eq!(program.call(crate::program::KILL, [waiter as u64, TERM]), 0);
        assert_eq!(program.wait(waiter, 0), Ok((waiter, TERM)));
        // Nobody is there any more.
        assert_eq!(open(program, WRITE_ONLY | NONBLOCK), ENXIO);
    });
}
