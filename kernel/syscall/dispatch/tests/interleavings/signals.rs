//! Signals while whoever they are for waits, computes, stops, is being made, or is told of something else.

use crate::program::{KILL, explore, set_of};
use crate::{collect_orphans, reap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[test]
fn a_signal_ends_whoever_waits_or_computes() {
    const TERM: u64 = 15;
    const PAUSE: u64 = 34;
    explore(|program, _| {
        let computes = program.fork(|child| {
            loop {
                child.compute();
                task::simulated::pause();
            }
        });
        let waits = program.fork(|child| {
            child.call(PAUSE, []);
            child.exit(1);
        });
        for pid in [computes, waits] {
            assert_eq!(program.call(KILL, [pid as u64, TERM]), 0);
            assert_eq!(program.wait(pid, 0), Ok((pid, TERM)));
        }
    });
}

/// Signals that queue.
const QUEUED: [u64; 2] = [34, 35];

#[test]
fn every_queued_signal_is_taken_once_by_one_thread() {
    const SIGTIMEDWAIT: u64 = 128;
    const QUEUE: u64 = 129;
    const SA_RESTART: u64 = 0x1000_0000;
    explore(|program, random| {
        const SENT: u64 = 4;
        let taken = Arc::new(AtomicU64::new(0));
        let waits = random.one_in(2);
        for signal in QUEUED {
            let taken = Arc::clone(&taken);
            program.handle(signal, SA_RESTART, move |_, _| {
                taken.fetch_add(1, Ordering::SeqCst);
            });
        }
        let both = QUEUED.iter().fold(0, |set, signal| set | set_of(*signal));
        for number in 1..3 {
            let taken = Arc::clone(&taken);
            program.thread(number, move |thread| {
                if waits && number == 1 {
                    thread.mask(0, both);
                    thread.write(1, both);
                    while taken.load(Ordering::SeqCst) < SENT {
                        // A thousandth of a second.
                        thread.write(2, 0);
                        thread.write(3, 1_000_000);
                        let signal = thread.call(SIGTIMEDWAIT, [thread.word(1), 0, thread.word(2), 8]);
                        if signal > 0 {
                            taken.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                } else {
                    // Lets one through, then the other, then goes: what it was told of is another's then.
                    thread.mask(0, set_of(QUEUED[0]));
                    thread.compute();
                    thread.mask(1, set_of(QUEUED[0]));
                    thread.compute();
                }
            });
        }
        let sender = program.fork(|child| {
            let info = child.write(8, 34);
            child.write(9, 0xffff_ffff);
            for number in 0..SENT {
                let signal = QUEUED[number as usize % 2];
                assert_eq!(child.call(QUEUE, [1, signal, info]), 0);
                child.compute();
            }
            child.exit(0);
        });
        assert_eq!(program.wait(sender, 0), Ok((sender, 0)));
        while taken.load(Ordering::SeqCst) < SENT {
            program.compute();
            task::simulated::pause();
        }
        program.compute();
        assert_eq!(taken.load(Ordering::SeqCst), SENT);
    });
}

#[test]
fn a_signal_that_comes_before_its_wait_ends_it() {
    const SIGSUSPEND: u64 = 130;
    const USR1: u64 = 10;
    const EINTR: i64 = -4;
    explore(|program, _| {
        let came = Arc::new(AtomicU64::new(0));
        let handled = Arc::clone(&came);
        program.handle(USR1, 0, move |_, _| {
            handled.fetch_add(1, Ordering::SeqCst);
        });
        program.mask(0, set_of(USR1));
        let child = program.fork(|child| {
            child.call(KILL, [1, USR1]);
            child.exit(0);
        });
        program.write(1, 0);
        assert_eq!(program.call(SIGSUSPEND, [program.word(1), 8]), EINTR);
        assert_eq!(came.load(Ordering::SeqCst), 1);
        assert_eq!(program.wait(child, 0), Ok((child, 0)));
    });
}

#[test]
fn who_stops_and_goes_on_is_told_of_in_order() {
    const STOP: u64 = 19;
    const CONT: u64 = 18;
    const WUNTRACED: u64 = 2;
    const WCONTINUED: u64 = 8;
    explore(|program, random| {
        let threads = random.below(3);
        let child = program.fork(move |child| {
            for number in 0..threads {
                child.thread(1 + number, |thread| {
                    for _ in 0..3 {
                        thread.compute();
                    }
                });
            }
            loop {
                child.compute();
                task::simulated::pause();
            }
        });
        for _ in 0..2 {
            assert_eq!(program.call(KILL, [child as u64, STOP]), 0);
            assert_eq!(program.wait(child, WUNTRACED), Ok((child, STOP << 8 | 0x7f)));
            assert_eq!(program.call(KILL, [child as u64, CONT]), 0);
            assert_eq!(program.wait(child, WCONTINUED), Ok((child, 0xffff)));
        }
        assert_eq!(program.call(KILL, [child as u64, 9]), 0);
        assert_eq!(program.wait(child, 0), Ok((child, 9)));
    });
}

#[test]
fn who_is_stopped_and_sent_on_at_once_goes_on() {
    const STOP: u64 = 19;
    const CONT: u64 = 18;
    explore(|program, random| {
        let over = Arc::new(AtomicU64::new(0));
        let is_over = Arc::clone(&over);
        let child = program.fork(move |child| {
            while is_over.load(Ordering::SeqCst) == 0 {
                child.compute();
                task::simulated::pause();
            }
            child.exit(3);
        });
        for _ in 0..1 + random.below(2) {
            assert_eq!(program.call(KILL, [child as u64, STOP]), 0);
            assert_eq!(program.call(KILL, [child as u64, CONT]), 0);
        }
        over.store(1, Ordering::SeqCst);
        assert_eq!(program.wait(child, 0), Ok((child, 3 << 8)));
    });
}

#[test]
fn nobody_who_is_being_made_escapes_a_signal_for_his_group() {
    const SETPGID: u64 = 109;
    const TERM: u64 = 15;
    const PAUSE: u64 = 34;
    explore(|program, _| {
        collect_orphans(program);
        let ready = Arc::new(AtomicU64::new(0));
        let is_ready = Arc::clone(&ready);
        let leader = program.fork(move |leader| {
            assert_eq!(leader.call(SETPGID, [0, 0]), 0);
            is_ready.store(1, Ordering::SeqCst);
            for _ in 0..2 {
                leader.fork(|member| {
                    member.call(PAUSE, []);
                    member.exit(1);
                });
            }
            leader.call(PAUSE, []);
            leader.exit(1);
        });
        while ready.load(Ordering::SeqCst) == 0 {
            program.compute();
            task::simulated::pause();
        }
        assert_eq!(program.call(KILL, [leader.wrapping_neg() as u64, TERM]), 0);
        assert!((1..=3).contains(&reap(program)));
    });
}

#[test]
fn whoever_was_in_front_hears_that_the_terminal_is_gone() {
    const SETPGID: u64 = 109;
    const SETSID: u64 = 112;
    const PAUSE: u64 = 34;
    explore(|program, _| {
        let master = Arc::new(Mutex::new(None));
        let ready = Arc::new(AtomicU64::new(0));
        let (is_ready, its_master) = (Arc::clone(&ready), Arc::clone(&master));
        program.fork(move |leader| {
            assert!(leader.call(SETSID, []) > 0);
            let made = tty::pty::open_master(tty::pty::Owner::default()).expect("a terminal");
            let number = tty::pty::numbers().into_iter().max().expect("its number");
            let terminal = tty::pty::find(number).expect("it is there");
            *its_master.lock().expect("nobody panicked") = Some(made);
            let own = process::current().expect("a process");
            assert!(terminal.control(&own, 0));
            let (session, is_ready) = (own.session(), Arc::clone(&is_ready));
            drop(own);
            leader.fork(move |front| {
                assert_eq!(front.call(SETPGID, [0, 0]), 0);
                let own = process::current().expect("a process");
                assert!(terminal.control(&own, session));
                drop(own);
                is_ready.store(1, Ordering::SeqCst);
                loop {
                    front.compute();
                    task::simulated::pause();
                }
            });
            leader.call(PAUSE, []);
            leader.exit(1);
        });
        while ready.load(Ordering::SeqCst) == 0 {
            program.compute();
            task::simulated::pause();
        }
        let gone = master.lock().expect("nobody panicked").take();
        drop(gone);
        assert_eq!(reap(program), 1);
    });
}

#[test]
fn an_alarm_ends_the_wait_for_it_on_whatever_cpu_it_was_set() {
    const SETITIMER: u64 = 38;
    const SIGSUSPEND: u64 = 130;
    const ALRM: u64 = 14;
    const EINTR: i64 = -4;
    explore(|program, random| {
        let came = Arc::new(AtomicU64::new(0));
        let handled = Arc::clone(&came);
        program.handle(ALRM, 0, move |_, _| {
            handled.fetch_add(1, Ordering::SeqCst);
        });
        program.mask(0, set_of(ALRM));
        program.thread(1, |thread| (0..5).for_each(|_| thread.compute()));
        for number in 0..3 {
            // Interval, then what is left: seconds and microseconds.
            for (at, word) in [0, 0, 0, 1 + random.below(100)].into_iter().enumerate() {
                program.write(4 + at as u64, word);
            }
            assert_eq!(program.call(SETITIMER, [0, program.word(4), 0]), 0);
            program.compute();
            program.write(1, 0);
            assert_eq!(program.call(SIGSUSPEND, [program.word(1), 8]), EINTR);
            assert_eq!(came.load(Ordering::SeqCst), number + 1);
        }
    });
}

#[test]
fn who_has_waited_has_been_signalled_and_the_other_way_round() {
    const CHLD: u64 = 17;
    explore(|program, _| {
        let came = Arc::new(AtomicU64::new(0));
        let handled = Arc::clone(&came);
        program.handle(CHLD, 0x1000_0000, move |_, _| {
            handled.fetch_add(1, Ordering::SeqCst);
        });
        for number in 1..3 {
            const WNOHANG: u64 = 1;
            let child = program.fork(|child| child.exit(0));
            if number == 2 {
                while came.load(Ordering::SeqCst) < number {
                    program.compute();
                    task::simulated::pause();
                }
            }
            let options = if number == 2 { WNOHANG } else { 0 };
            assert_eq!(program.wait(child, options), Ok((child, 0)));
            assert_eq!(came.load(Ordering::SeqCst), number);
        }
    });
}
