//! Futexes under thousands of interleavings: what a C library makes of them must hold.
#![forbid(unsafe_code)]

use abi::Errno;
use abi::mman::Prot;
use abi::sched::{FUTEX_OWNER_DIED, FUTEX_TID_MASK};
use futex::{ANY, Scope, owned};
use hal::interleave::Random;
use hal::thread::Handlers;
use space::{AddressSpace, Layout, Limits, Mapping};
// What a test counts is no step of the machine.
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use task::Until;
use task::simulated::{self, Joins, in_program};

static HANDLERS: Handlers = Handlers {
    page_fault: |address, access| memory().0.fault(address, access).is_ok(),
    ..simulated::HANDLERS
};

/// The memory of all tasks, and a page in it.
fn memory() -> &'static (Arc<AddressSpace>, u64) {
    static MEMORY: OnceLock<(Arc<AddressSpace>, u64)> = OnceLock::new();
    MEMORY.get_or_init(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        drop(table::zero_page());
        task::scheduler::set_on_memory(|_| memory().0.activate());
        let limits = Limits::default();
        let space = AddressSpace::new(limits, Layout::fixed(&limits)).expect("there is memory");
        let page = space
            .map(&Mapping::anonymous(4096, Prot::READ | Prot::WRITE))
            .expect("there is room");
        (space, page)
    })
}

/// The address of one of the page's words.
fn word(number: u64) -> u64 {
    memory().1 + 4 * number
}

fn load(number: u64) -> u32 {
    usermem::load_u32(word(number)).expect("the page is there")
}

/// Puts `new` in place of `old`; what was there.
fn swap_if(number: u64, old: u32, new: u32) -> u32 {
    usermem::compare_exchange_u32(word(number), old, new).expect("the page is there")
}

fn change(number: u64, change: impl Fn(u32) -> u32) -> u32 {
    loop {
        let old = load(number);
        if swap_if(number, old, change(old)) == old {
            return old;
        }
    }
}

fn wait(number: u64, expected: u32, deadline: Option<u64>) -> Result<(), Errno> {
    let until = deadline.map(Until::SinceBoot);
    futex::wait(&memory().0, word(number), expected, ANY, until, Scope::Private).map_err(|error| error.errno)
}

fn wake(number: u64, count: usize) -> usize {
    futex::wake(&memory().0, word(number), count, ANY, Scope::Private).expect("the page is there")
}

/// Starts a thread of the one program.
fn spawn(name: &'static str, main: impl FnOnce() + Send + 'static) -> Joins {
    simulated::spawn(name, move || {
        enter();
        main();
    })
}

fn enter() {
    memory().0.activate();
    task::scheduler::change_memory(memory().0.id());
}

fn explore(main: impl Fn(&mut Random) + Send + Sync + 'static) {
    // Made before the first seed, so that all seeds find the same.
    memory();
    simulated::explore_with(&HANDLERS, space::leave, move |random| {
        enter();
        (0..64).for_each(|number| {
            change(number, |_| 0);
        });
        main(random);
    });
}

fn join_all(tasks: Vec<Joins>) {
    tasks.into_iter().for_each(Joins::join);
}

const MUTEX: u64 = 0;
const SEQUENCE: u64 = 1;

/// The C library's lock: 0 is free, 1 taken, 2 taken and waited for.
fn lock() {
    if swap_if(MUTEX, 0, 1) == 0 {
        return;
    }
    while change(MUTEX, |_| 2) != 0 {
        let waited = wait(MUTEX, 2, None);
        assert!(matches!(waited, Ok(()) | Err(Errno::EAGAIN)), "{waited:?}");
    }
}

fn unlock() {
    if change(MUTEX, |_| 0) == 2 {
        wake(MUTEX, 1);
    }
}

#[test]
fn a_mutex_has_one_holder_and_everybody_gets_it() {
    explore(|random| {
        let inside = Arc::new(AtomicU32::new(0));
        let tasks = (0..2 + random.below(3)).map(|_| {
            let inside = Arc::clone(&inside);
            spawn("locks", move || {
                for _ in 0..3 {
                    lock();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the lock");
                    in_program();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    unlock();
                }
            })
        });
        join_all(tasks.collect());
    });
}

#[test]
fn who_is_moved_to_another_word_is_woken_there() {
    explore(|random| {
        let waiting = Arc::new(AtomicU32::new(0));
        let waiters = 1 + random.below(3) as u32;
        let tasks = (0..waiters).map(|_| {
            let waiting = Arc::clone(&waiting);
            spawn("waits", move || {
                lock();
                let seen = load(SEQUENCE);
                waiting.fetch_add(1, Ordering::SeqCst);
                unlock();
                let waited = wait(SEQUENCE, seen, None);
                assert!(matches!(waited, Ok(()) | Err(Errno::EAGAIN)), "{waited:?}");
                // Whoever was moved was woken by an unlock, and there may be others behind it.
                while change(MUTEX, |_| 2) != 0 {
                    let waited = wait(MUTEX, 2, None);
                    assert!(matches!(waited, Ok(()) | Err(Errno::EAGAIN)), "{waited:?}");
                }
                unlock();
            })
        });
        let tasks: Vec<_> = tasks.collect();
        while waiting.load(Ordering::SeqCst) < waiters {
            simulated::pause();
        }
        lock();
        change(MUTEX, |_| 2);
        let now = change(SEQUENCE, |sequence| sequence + 1) + 1;
        let moved = futex::requeue(
            &memory().0,
            word(SEQUENCE),
            word(MUTEX),
            (1, usize::MAX),
            Some(now),
            Scope::Private,
        );
        assert!(moved.is_ok_and(|(woken, moved)| woken + moved <= waiters as usize));
        unlock();
        join_all(tasks);
    });
}

#[test]
fn wake_ups_that_were_counted_are_those_that_came() {
    explore(|random| {
        let woken = Arc::new(AtomicU32::new(0));
        let mut tasks = Vec::new();
        for number in 0..1 + random.below(3) {
            let woken = Arc::clone(&woken);
            let late = 2_000 + number * random.below(20_000);
            tasks.push(spawn("waits", move || match wait(5, 0, Some(time::now() + late)) {
                Ok(()) => drop(woken.fetch_add(1, Ordering::SeqCst)),
                Err(error) => assert_eq!(error, Errno::ETIMEDOUT),
            }));
        }
        let counted = Arc::new(AtomicU32::new(0));
        for _ in 0..2 {
            let counted = Arc::clone(&counted);
            tasks.push(spawn("wakes", move || {
                counted.fetch_add(wake(5, 1) as u32, Ordering::SeqCst);
            }));
        }
        let moves = Arc::clone(&counted);
        tasks.push(spawn("moves", move || {
            let moved = futex::requeue(&memory().0, word(5), word(9), (1, 1), Some(0), Scope::Private);
            let moved = moved.expect("the word has not changed");
            moves.fetch_add(moved.0 as u32 + wake(9, 1) as u32, Ordering::SeqCst);
        }));
        join_all(tasks);
        assert_eq!(woken.load(Ordering::SeqCst), counted.load(Ordering::SeqCst));
        assert_eq!(wake(5, usize::MAX) + wake(9, usize::MAX), 0, "somebody is still noted");
    });
}

fn pi_lock(tid: u32, deadline: Option<u64>) -> Result<(), Errno> {
    let until = deadline.map(Until::SinceBoot);
    owned::lock(&memory().0, word(MUTEX), tid, until, Scope::Private, |_| true).map_err(|error| error.errno)
}

#[test]
fn a_lock_with_an_owner_has_one_and_everybody_gets_it_in_time() {
    explore(|random| {
        let inside = Arc::new(AtomicU32::new(0));
        let timed = random.one_in(3);
        let tasks = (1..3 + random.below(2) as u32).map(|tid| {
            let inside = Arc::clone(&inside);
            spawn("locks", move || {
                for _ in 0..3 {
                    let deadline = (timed && tid == 2).then(|| time::now() + 5_000);
                    if let Err(error) = pi_lock(tid, deadline) {
                        assert_eq!((error, deadline.is_some()), (Errno::ETIMEDOUT, true));
                        continue;
                    }
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two own the lock");
                    assert_eq!(load(MUTEX) & FUTEX_TID_MASK, tid);
                    in_program();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    // As the C library does: without the kernel if nobody waits.
                    if swap_if(MUTEX, tid, 0) != tid {
                        owned::unlock(&memory().0, word(MUTEX), tid, Scope::Private).expect("it is mine");
                    }
                }
            })
        });
        join_all(tasks.collect());
        assert_eq!(load(MUTEX), 0);
    });
}

/// Makes a robust list of one lock: the head at word 16, the entry at word 24, the lock two words behind it.
fn robust_list() -> u64 {
    let (head, entry) = (word(16), word(24));
    let put = |at: u64, value: u64| usermem::write_bytes(at, &value.to_ne_bytes()).expect("the page is there");
    put(head, entry);
    put(head + 8, 8);
    put(head + 16, 0);
    put(entry, head);
    head
}

#[test]
fn what_a_dead_thread_held_goes_to_who_waits() {
    const LOCK: u64 = 26;
    explore(|random| {
        let head = robust_list();
        change(LOCK, |_| 7);
        let saw_death = Arc::new(AtomicU32::new(0));
        let tasks = (0..1 + random.below(2) as u32).map(|number| {
            let saw_death = Arc::clone(&saw_death);
            spawn("waits", move || {
                let tid = 20 + number;
                loop {
                    let old = load(LOCK);
                    if old & FUTEX_TID_MASK == 0 {
                        let mine = tid | abi::sched::FUTEX_WAITERS;
                        if swap_if(LOCK, old, mine) != old {
                            continue;
                        }
                        if old & FUTEX_OWNER_DIED != 0 {
                            saw_death.fetch_add(1, Ordering::SeqCst);
                        }
                        break;
                    }
                    let waited = old | abi::sched::FUTEX_WAITERS;
                    if old == waited || swap_if(LOCK, old, waited) == old {
                        let result = wait(LOCK, waited, None);
                        assert!(matches!(result, Ok(()) | Err(Errno::EAGAIN)), "{result:?}");
                    }
                }
                in_program();
                change(LOCK, |_| 0);
                wake(LOCK, 1);
            })
        });
        let mut tasks: Vec<_> = tasks.collect();
        tasks.push(spawn("dies", move || futex::release_robust(&memory().0, head, 7)));
        join_all(tasks);
        assert_eq!(saw_death.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn who_is_on_the_way_to_another_word_is_found() {
    explore(|random| {
        // Words that lie in different buckets, whichever of them comes first.
        let (from, to) = (5, 9);
        let waits = spawn("waits", move || assert_eq!(wait(from, 0, None), Ok(())));
        while waits.task().is_runnable() {
            simulated::pause();
        }
        let moves = spawn("moves", move || {
            let moved = futex::requeue(&memory().0, word(from), word(to), (0, 1), Some(0), Scope::Private);
            assert!(moved.is_ok_and(|(woken, _)| woken == 0));
        });
        (0..random.below(30)).for_each(|_| in_program());
        // Not there any more means there already.
        assert_eq!(wake(from, 1) + wake(to, 1), 1);
        waits.join();
        moves.join();
    });
}

#[test]
fn nobody_is_moved_once_the_word_has_changed() {
    explore(|random| {
        let old = spawn("waits", || {
            assert!(matches!(wait(5, 0, None), Ok(()) | Err(Errno::EAGAIN)))
        });
        let moves = spawn("moves", || {
            let moved = futex::requeue(&memory().0, word(5), word(9), (0, 9), Some(0), Scope::Private);
            assert!(moved.is_ok() || moved.is_err_and(|error| error.errno == Errno::EAGAIN));
        });
        (0..random.below(30)).for_each(|_| in_program());
        change(5, |_| 1);
        let new = spawn("waits for the new value", || assert_eq!(wait(5, 1, None), Ok(())));
        while new.task().is_runnable() {
            simulated::pause();
        }
        assert!(wake(5, 9) >= 1, "somebody who saw the new value was moved");
        wake(9, 9);
        join_all(vec![old, moves, new]);
    });
}
