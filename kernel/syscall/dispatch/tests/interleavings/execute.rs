//! `execve` while other threads of the process do what they like.

use crate::program::{KILL, Program, explore};

const PAUSE: u64 = 34;
const GETPID: u64 = 39;
const GETTID: u64 = 186;
const TGKILL: u64 = 234;

/// Runs another program, and ends it with a code.
fn goes_on_alone(thread: &mut Program, code: u64) -> ! {
    if !thread.become_sole() {
        // It has been told to end.
        thread.compute();
        unreachable!("it goes on");
    }
    let pid = thread.call(GETPID, []) as u64;
    for _ in 0..3 {
        thread.compute();
        assert_eq!(thread.call(GETTID, []) as u64, pid);
        assert_eq!(thread.call(TGKILL, [pid, pid, 0]), 0, "nobody has the thread's number");
    }
    thread.exit(code)
}

/// A thread that makes another, which waits for what does not come.
fn makes_another(thread: &mut Program, stack: u64) {
    thread.compute();
    thread.thread(stack, |last| {
        last.call(PAUSE, []);
    });
    thread.call(PAUSE, []);
}

#[test]
fn whoever_runs_another_program_is_alone_then() {
    explore(|program, random| {
        let is_first = random.one_in(2);
        let child = program.fork(move |child| {
            child.thread(1, |thread| makes_another(thread, 2));
            child.thread(3, |thread| {
                loop {
                    thread.compute();
                    task::simulated::pause();
                }
            });
            if is_first {
                goes_on_alone(child, 5);
            }
            child.thread(4, |thread| goes_on_alone(thread, 5));
            makes_another(child, 5);
        });
        assert_eq!(program.wait(child, 0), Ok((child, 5 << 8)));
    });
}

#[test]
fn of_two_that_run_other_programs_one_does() {
    explore(|program, random| {
        let ends = random.one_in(3);
        let child = program.fork(move |child| {
            child.thread(1, |thread| goes_on_alone(thread, 1));
            if ends {
                child.thread(2, |thread| thread.exit(3));
            }
            goes_on_alone(child, 2);
        });
        let (_, status) = program.wait(child, 0).expect("a child");
        let codes = if ends { 1..=3 } else { 1..=2 };
        assert!(status & 0xff == 0 && codes.contains(&(status >> 8)), "{status:#x}");
    });
}

#[test]
fn a_thread_that_is_made_while_its_process_stops_stops_too() {
    const STOP: u64 = 19;
    const WUNTRACED: u64 = 2;
    explore(|program, _| {
        let child = program.fork(|child| {
            child.thread(1, |thread| {
                thread.thread(2, |last| {
                    loop {
                        last.compute();
                        task::simulated::pause();
                    }
                });
            });
            loop {
                child.compute();
                task::simulated::pause();
            }
        });
        assert_eq!(program.call(KILL, [child as u64, STOP]), 0);
        assert_eq!(program.wait(child, WUNTRACED), Ok((child, STOP << 8 | 0x7f)));
        assert_eq!(program.call(KILL, [child as u64, 9]), 0);
        assert_eq!(program.wait(child, 0), Ok((child, 9)));
    });
}
