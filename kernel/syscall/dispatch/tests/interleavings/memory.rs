//! Memory whose mappings change while programs use it on other CPUs, which remember what the tables said until they are told to forget.

use crate::program::{Program, explore};
// What a test says to its threads is no step of the machine.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use usermem::UserPtr;

const MMAP: u64 = 9;
const MPROTECT: u64 = 10;
const MUNMAP: u64 = 11;
const MREMAP: u64 = 25;
const PAGE: u64 = 4096;
const READ: u64 = 1;
const READ_WRITE: u64 = 3;
/// `MAP_PRIVATE` and `MAP_ANONYMOUS`.
const ANONYMOUS: u64 = 0x22;
const FIXED: u64 = 0x10;
/// What writers write.
const MARK: u64 = 0x4d41_524b;

fn map(program: &mut Program, at: u64, flags: u64) -> u64 {
    let place = program.call(MMAP, [at, PAGE, READ_WRITE, ANONYMOUS | flags, u64::MAX, 0]);
    assert!(place > 0, "{place}");
    place as u64
}

/// Writes a word; whether it could.
fn write(at: u64, value: u64) -> bool {
    UserPtr::new(at).write(&value).is_ok()
}

/// Reads a word, if it is there.
fn read(at: u64) -> Option<u64> {
    UserPtr::new(at).read().ok()
}

/// The same is there for a while.
fn stays(program: &mut Program, at: u64, value: Option<u64>) {
    for _ in 0..3 {
        program.compute();
        assert_eq!(read(at), value);
    }
}

/// Starts a thread that does something again and again until it is told that all is over.
fn until_over(
    program: &mut Program,
    stack: u64,
    act: impl Fn(&mut Program) + Send + Sync + 'static,
) -> Arc<AtomicBool> {
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    program.thread(stack, move |thread| {
        while !told.load(Ordering::SeqCst) {
            act(thread);
            thread.compute();
            task::simulated::pause();
        }
    });
    over
}

#[test]
fn a_child_has_what_was_there_and_nothing_that_is_written_later() {
    explore(|program, _| {
        let place = map(program, 0, 0);
        assert!(write(place, 1));
        let over = until_over(program, 1, move |_| {
            let next = read(place).expect("it is mapped") + 1;
            assert!(write(place, next));
            assert_eq!(read(place), Some(next));
        });
        for _ in 0..2 {
            let child = program.fork(move |child| {
                let first = read(place);
                stays(child, place, first);
                assert!(write(place, MARK));
                stays(child, place, Some(MARK));
                child.exit(0);
            });
            assert_eq!(program.wait(child, 0), Ok((child, 0)));
        }
        over.store(true, Ordering::SeqCst);
        assert!(read(place).is_some_and(|value| value < MARK));
    });
}

#[test]
fn new_memory_is_clear_whoever_still_writes_to_the_old() {
    explore(|program, random| {
        let (old, new) = (map(program, 0, 0), map(program, 0, 0));
        let writers = 1 + random.below(2);
        let over: Vec<_> = (0..writers)
            .map(|number| {
                until_over(program, 1 + number, move |_| {
                    write(old + 8 * number, MARK);
                })
            })
            .collect();
        for _ in 0..3 {
            program.compute();
            assert_eq!(program.call(MUNMAP, [old, PAGE]), 0);
            assert_eq!(map(program, new, FIXED), new);
            assert!(write(new + 64, 1));
            stays(program, new, Some(0));
            assert_eq!(map(program, old, FIXED), old);
            let value = read(old);
            assert!(value == Some(0) || value == Some(MARK), "{value:?}");
        }
        over.iter().for_each(|over| over.store(true, Ordering::SeqCst));
    });
}

#[test]
fn whoever_may_not_write_any_more_does_not() {
    explore(|program, random| {
        let place = map(program, 0, 0);
        assert!(write(place, 1));
        let over = until_over(program, 1, move |_| {
            if let Some(value) = read(place) {
                write(place, value + 1);
            }
        });
        let moves = random.one_in(2);
        let other = map(program, 0, 0);
        for _ in 0..2 {
            program.compute();
            if moves {
                const TO: u64 = 3;
                assert_eq!(program.call(MREMAP, [place, PAGE, PAGE, TO, other]) as u64, other);
                stays(program, other, read(other));
                assert_eq!(program.call(MREMAP, [other, PAGE, PAGE, TO, place]) as u64, place);
                assert_eq!(map(program, other, FIXED), other);
            } else {
                assert_eq!(program.call(MPROTECT, [place, PAGE, READ]), 0);
                stays(program, place, read(place));
                assert_eq!(program.call(MPROTECT, [place, PAGE, READ_WRITE]), 0);
            }
        }
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn what_is_written_to_one_page_at_once_is_all_there() {
    explore(|program, random| {
        let place = map(program, 0, 0);
        // The page may be nobody's yet, be that of zeros, or be shared with a child.
        let begins = random.below(3);
        if begins > 0 {
            assert_eq!(read(place), Some(0));
        }
        let mut child = 0;
        if begins > 1 {
            assert!(write(place, 7));
            child = program.fork(move |child| {
                assert!(write(place + 32, 9));
                child.compute();
                assert_eq!((1..4).map(|word| read(place + 8 * word)).max(), Some(Some(0)));
                child.exit(0);
            });
        }
        let writes = Arc::new([const { AtomicBool::new(false) }; 4]);
        for number in 1..4 {
            let writes = Arc::clone(&writes);
            program.thread(number, move |_| {
                assert!(write(place + 8 * number, number));
                assert_eq!(read(place + 8 * number), Some(number));
                writes[number as usize].store(true, Ordering::SeqCst);
            });
        }
        while !writes[1..].iter().all(|done| done.load(Ordering::SeqCst)) {
            program.compute();
            task::simulated::pause();
        }
        let seen: Vec<_> = (1..5).map(|word| read(place + 8 * word)).collect();
        assert_eq!(seen, [Some(1), Some(2), Some(3), Some(0)]);
        if child != 0 {
            assert_eq!(program.wait(child, 0), Ok((child, 0)));
        }
    });
}

#[test]
fn memory_goes_with_its_process_whoever_runs_in_it() {
    explore(|program, random| {
        let kills = random.one_in(2);
        let child = program.fork(move |child| {
            let place = map(child, 0, 0);
            for number in 1..3 {
                child.thread(number, move |thread| {
                    loop {
                        write(place + 8 * number, MARK);
                        thread.compute();
                        task::simulated::pause();
                    }
                });
            }
            child.compute();
            if !kills {
                child.exit(0);
            }
            loop {
                child.compute();
                task::simulated::pause();
            }
        });
        if kills {
            assert_eq!(program.call(crate::program::KILL, [child as u64, 9]), 0);
        }
        // What the child's threads had is given to others, who find it clear.
        for _ in 0..3 {
            let place = map(program, 0, 0);
            assert!(write(place + 64, 1));
            assert_eq!((read(place + 8), read(place + 16)), (Some(0), Some(0)));
            stays(program, place + 8, Some(0));
        }
        assert_eq!(program.wait(child, 0), Ok((child, if kills { 9 } else { 0 })));
    });
}
