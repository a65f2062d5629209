//! Processes, threads and signals under thousands of interleavings: simulated programs make the kernel's own system calls.
#![forbid(unsafe_code)]

mod execute;
mod fifo;
mod memory;
mod pidfd;
mod program;
mod signals;

use program::{KILL, Program, explore};
// What a test counts is no step of the machine.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const ECHILD: i64 = 10;

/// From here on the process collects orphans.
fn collect_orphans(program: &mut Program) {
    const PRCTL: u64 = 157;
    const SET_SUBREAPER: u64 = 36;
    assert_eq!(program.call(PRCTL, [SET_SUBREAPER, 1, 0, 0, 0]), 0);
}

/// Waits for every child; how many there were.
fn reap(program: &mut Program) -> u64 {
    let mut count = 0;
    loop {
        match program.wait(-1, 0) {
            Ok(_) => count += 1,
            Err(error) => {
                assert_eq!(error, ECHILD);
                return count;
            }
        }
    }
}

#[test]
fn every_child_is_waited_for_once_with_its_code() {
    explore(|program, random| {
        let count = 1 + random.below(3);
        let mut codes = 0;
        for number in 0..count {
            assert!(program.fork(move |child| child.exit(1 << number)) > 1);
        }
        for _ in 0..count {
            let (pid, status) = program.wait(-1, 0).expect("a child");
            assert!(pid > 1 && status & 0xff == 0);
            codes += status >> 8;
        }
        assert_eq!(codes, (1 << count) - 1);
        assert_eq!(program.wait(-1, 0), Err(ECHILD));
    });
}

#[test]
fn orphans_come_to_the_first_process_or_go_by_themselves() {
    explore(|program, random| {
        let collects = random.one_in(2);
        if collects {
            collect_orphans(program);
        }
        for _ in 0..2 {
            program.fork(|child| {
                child.fork(|grandchild| {
                    grandchild.fork(|last| last.exit(0));
                    grandchild.exit(0);
                });
                child.compute();
                child.exit(0);
            });
        }
        assert_eq!(reap(program), if collects { 6 } else { 2 });
    });
}

#[test]
fn two_threads_never_wait_for_one_child_both() {
    explore(|program, _| {
        let reaped = Arc::new(AtomicU64::new(0));
        for _ in 0..3 {
            program.fork(|child| child.exit(0));
        }
        let others = Arc::clone(&reaped);
        program.thread(1, move |thread| {
            others.fetch_add(reap(thread), Ordering::SeqCst);
        });
        reaped.fetch_add(reap(program), Ordering::SeqCst);
        while reaped.load(Ordering::SeqCst) < 3 {
            task::simulated::pause();
        }
        assert_eq!(reaped.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn children_that_nobody_wants_to_know_of_go_by_themselves() {
    const IGNORE: u64 = 1;
    const CHLD: u64 = 17;
    explore(|program, random| {
        program.set_action(CHLD, IGNORE, 0);
        for _ in 0..1 + random.below(3) {
            program.fork(|child| child.exit(3));
        }
        assert_eq!(program.wait(-1, 0), Err(ECHILD));
    });
}

#[test]
fn orphans_whose_new_parent_ends_too_are_not_lost() {
    const CLONE_PARENT: u64 = 0x8000;
    explore(|program, random| {
        let ends_late = random.one_in(2);
        if random.one_in(2) {
            collect_orphans(program);
        }
        program.fork(move |reaper| {
            collect_orphans(reaper);
            reaper.fork(move |child| {
                child.fork(|grandchild| {
                    grandchild.compute();
                    // Beside it: a child of whoever has it for a child now.
                    let brother = program::place(|brother, _| brother.exit(0));
                    assert!(grandchild.call_from(brother, program::CLONE, [CLONE_PARENT, 0]) > 0);
                    grandchild.exit(0);
                });
                if ends_late {
                    child.compute();
                }
                child.exit(0);
            });
            if ends_late {
                reaper.wait(-1, 0).expect("its child");
            }
            reaper.exit(0);
        });
        let reaped = reap(program);
        assert!((1..=4).contains(&reaped), "{reaped}");
    });
}

#[test]
fn a_process_ends_with_all_its_threads_wherever_they_are() {
    const PAUSE: u64 = 34;
    const NANOSLEEP: u64 = 35;
    const PIPE: u64 = 22;
    const READ: u64 = 0;
    explore(|program, random| {
        let kills = random.one_in(2);
        let child = program.fork(move |child| {
            assert_eq!(child.call(PIPE, [child.word(3)]), 0);
            let reader = child.read(3) & 0xffff_ffff;
            child.thread(1, move |thread| {
                thread.call(READ, [reader, thread.word(4), 8]);
                thread.call(PAUSE, []);
            });
            child.thread(2, |thread| {
                thread.write(1, 5);
                thread.write(2, 0);
                thread.call(NANOSLEEP, [thread.word(1), 0]);
                thread.call(PAUSE, []);
            });
            child.thread(3, |thread| {
                // Half made when the end comes, or made and waited for by the first process.
                thread.fork(|grandchild| grandchild.exit(0));
                thread.compute();
            });
            if kills {
                child.call(PAUSE, []);
            }
            child.exit(7);
        });
        if kills {
            program.compute();
            assert_eq!(program.call(KILL, [child as u64, 9]), 0);
        }
        assert_eq!(program.wait(child, 0), Ok((child, if kills { 9 } else { 7 << 8 })));
        assert!(reap(program) <= 1);
    });
}

#[test]
fn of_threads_that_run_another_program_one_is_left() {
    explore(|program, random| {
        let (makes_more, ends_first) = (random.one_in(2), random.one_in(2));
        let child = program.fork(move |child| {
            for number in 1..3 {
                child.thread(number, |thread| {
                    if thread.become_sole() {
                        let own = process::with_thread(|thread| thread.tid());
                        assert!(own.and_then(process::registry::thread).is_some());
                        thread.exit(5);
                    }
                    loop {
                        thread.compute();
                        task::simulated::pause();
                    }
                });
            }
            if makes_more {
                child.thread(3, |thread| {
                    loop {
                        thread.compute();
                        task::simulated::pause();
                    }
                });
            }
            if ends_first {
                // The first thread's number is then that of whichever is left.
                child.call(program::EXIT, [0]);
            }
            loop {
                child.compute();
                task::simulated::pause();
            }
        });
        assert_eq!(program.wait(child, 0), Ok((child, 5 << 8)));
    });
}
