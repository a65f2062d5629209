//! Descriptors of processes: waiting for their end, and signals through them.

use crate::program::{Program, explore};

const POLL: u64 = 7;
const WAITID: u64 = 247;
const SIGNAL: u64 = 424;
const OPEN: u64 = 434;
const WNOHANG: u64 = 1;
const ESRCH: i64 = -3;

fn open(program: &mut Program, pid: i64) -> u64 {
    let descriptor = program.call(OPEN, [pid as u64, 0]);
    assert!(descriptor >= 0, "{descriptor}");
    descriptor as u64
}

/// Waits until the process of a descriptor has ended.
fn poll(program: &mut Program, descriptor: u64) {
    const POLLIN: u64 = 1;
    let watched = program.write(8, descriptor | POLLIN << 32);
    assert_eq!(program.call(POLL, [watched, 1, u64::MAX]), 1);
    // It may have been waited for already: that is a hang-up.
    let seen = program.read(8);
    assert!(seen >> 48 & POLLIN != 0, "{seen:#x}");
}

#[test]
fn who_hears_of_an_end_can_wait_for_it() {
    explore(|program, random| {
        let child = program.fork(|child| {
            child.thread(1, |thread| thread.compute());
            child.compute();
            child.exit(4);
        });
        let descriptor = open(program, child);
        program.thread(1, move |thread| poll(thread, descriptor));
        if random.one_in(2) {
            poll(program, descriptor);
            assert_eq!(program.wait(child, WNOHANG), Ok((child, 4 << 8)));
        } else {
            const BY_DESCRIPTOR: u64 = 3;
            const WEXITED: u64 = 4;
            assert_eq!(program.call(WAITID, [BY_DESCRIPTOR, descriptor, 0, WEXITED, 0]), 0);
            poll(program, descriptor);
        }
    });
}

#[test]
fn a_signal_reaches_a_process_or_comes_too_late() {
    explore(|program, random| {
        let ends = random.one_in(2);
        let child = program.fork(move |child| {
            child.compute();
            if ends {
                child.exit(4);
            }
            loop {
                child.compute();
                task::simulated::pause();
            }
        });
        let descriptor = open(program, child);
        program.thread(1, move |thread| {
            let sent = thread.call(SIGNAL, [descriptor, 9, 0, 0]);
            assert!(sent == 0 || (ends && sent == ESRCH), "{sent}");
        });
        let (pid, status) = program.wait(child, 0).expect("a child");
        assert!(
            pid == child && (status == 9 || (ends && status == 4 << 8)),
            "{status:#x}"
        );
    });
}
