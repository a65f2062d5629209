//! The scheduler and everything one sleeps on, under thousands of interleavings.
#![forbid(unsafe_code)]

use hal::interleave::Random;
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::collections::VecDeque;
use std::sync::Arc;
use task::simulated::{Joins, explore, in_program, pause, spawn};
use task::{SleepLock, WaitQueue, sleep_until, wait_killable, wait_until, watch_until, yield_now};

fn join_all(tasks: Vec<Joins>) {
    tasks.into_iter().for_each(Joins::join);
}

#[test]
fn every_task_runs_and_ends() {
    explore(|random| {
        let runs = Arc::new(AtomicU32::new(0));
        let count = 2 + random.below(5) as u32;
        let tasks = (0..count).map(|_| {
            let runs = Arc::clone(&runs);
            spawn("worker", move || {
                for _ in 0..3 {
                    in_program();
                    yield_now();
                }
                runs.fetch_add(1, Ordering::Relaxed);
            })
        });
        join_all(tasks.collect());
        assert_eq!(runs.load(Ordering::Relaxed), count);
    });
}

#[test]
fn a_task_that_runs_on_is_made_to_give_way() {
    explore(|_| {
        let flag = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&flag);
        let waits = spawn("looks", move || {
            while !seen.load(Ordering::SeqCst) {
                pause();
            }
        });
        let sets = spawn("sets", move || flag.store(true, Ordering::SeqCst));
        waits.join();
        sets.join();
    });
}

#[test]
fn affinity_holds() {
    explore(|random| {
        let cpus = hal::cpu::count() as u64;
        let tasks = (0..4).map(|_| {
            let wanted = 1 << random.below(cpus);
            spawn("pinned", move || {
                task::current().set_affinity(wanted);
                task::scheduler::leave_forbidden_cpu();
                for _ in 0..4 {
                    assert_eq!(1 << hal::cpu::current(), wanted, "runs where it may not");
                    yield_now();
                    in_program();
                }
            })
        });
        join_all(tasks.collect());
    });
}

#[test]
fn others_are_sent_from_cpu_to_cpu() {
    explore(|random| {
        let cpus = hal::cpu::count() as u64;
        let over = Arc::new(AtomicBool::new(false));
        let spinners: Vec<_> = (0..3).map(|_| spawn_spinner(&over)).collect();
        for _ in 0..4 {
            let at = random.below(3) as usize;
            let wanted = random.below(cpus);
            let (seen, joins) = &spinners[at];
            joins.task().set_affinity(1 << wanted);
            task::scheduler::follow_affinity(joins.task());
            while seen.load(Ordering::SeqCst) != wanted {
                pause();
            }
        }
        over.store(true, Ordering::SeqCst);
        join_all(spinners.into_iter().map(|(_, joins)| joins).collect());
    });
}

/// A task that computes until all is over, and says where.
fn spawn_spinner(over: &Arc<AtomicBool>) -> (Arc<AtomicU64>, Joins) {
    let (seen, over) = (Arc::new(AtomicU64::new(u64::MAX)), Arc::clone(over));
    let told = Arc::clone(&seen);
    let joins = spawn("computes", move || {
        while !over.load(Ordering::SeqCst) {
            told.store(hal::cpu::current() as u64, Ordering::SeqCst);
            pause();
        }
    });
    (seen, joins)
}

/// Puts numbers in one at a time, and takes them out.
struct Channel {
    slots: SpinLock<VecDeque<u64>>,
    room: usize,
    filled: WaitQueue,
    emptied: WaitQueue,
}

impl Channel {
    fn new(room: usize) -> Arc<Self> {
        Arc::new(Self {
            slots: SpinLock::new(VecDeque::new()),
            room,
            filled: WaitQueue::new(),
            emptied: WaitQueue::new(),
        })
    }

    fn try_put(&self, value: u64) -> Option<()> {
        let mut slots = self.slots.lock();
        (slots.len() < self.room).then(|| slots.push_back(value))
    }

    fn try_take(&self) -> Option<u64> {
        self.slots.lock().pop_front()
    }

    fn put(&self, value: u64) {
        wait_until(&[&self.emptied], None, || self.try_put(value)).expect("nobody interrupts");
        self.filled.wake_one();
    }

    fn take(&self) -> u64 {
        let value = wait_until(&[&self.filled], None, || self.try_take()).expect("nobody interrupts");
        self.emptied.wake_one();
        value
    }
}

#[test]
fn what_is_put_in_comes_out_once() {
    explore(|random| {
        let channel = Channel::new(1 + random.below(2) as usize);
        let sum = Arc::new(AtomicU64::new(0));
        let mut tasks = Vec::new();
        for number in 0..2u64 {
            let (to, from, sum) = (Arc::clone(&channel), Arc::clone(&channel), Arc::clone(&sum));
            tasks.push(spawn("puts", move || {
                (0..3).for_each(|at| to.put(1 << (8 * number + at)))
            }));
            tasks.push(spawn("takes", move || {
                for _ in 0..3 {
                    sum.fetch_add(from.take(), Ordering::Relaxed);
                }
            }));
        }
        join_all(tasks);
        assert_eq!(sum.load(Ordering::Relaxed), 0x0707);
    });
}

#[test]
fn a_wake_up_of_one_wakes_exactly_one() {
    explore(|random| {
        let queue = Arc::new(WaitQueue::new());
        let tickets = Arc::new(AtomicU32::new(0));
        let sleepers = 2 + random.below(3) as u32;
        let take = |tickets: &AtomicU32| {
            tickets
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .ok()
        };
        let tasks = (0..sleepers).map(|_| {
            let (queue, tickets) = (Arc::clone(&queue), Arc::clone(&tickets));
            spawn("sleeper", move || {
                wait_until(&[&queue], None, || take(&tickets)).expect("nobody interrupts");
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for _ in 0..sleepers {
            tickets.fetch_add(1, Ordering::SeqCst);
            queue.wake_one();
            in_program();
        }
        join_all(tasks);
        assert!(queue.is_empty());
        assert_eq!(tickets.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_condition_that_sleeps_itself_loses_no_wake_up() {
    explore(|_| {
        let lock = Arc::new(SleepLock::new(0u32));
        let queue = Arc::new(WaitQueue::new());
        let mut tasks = Vec::new();
        for _ in 0..2 {
            let (lock, queue) = (Arc::clone(&lock), Arc::clone(&queue));
            tasks.push(spawn("waits", move || {
                let mut looks = 0;
                let taken = wait_until(&[&queue], None, || {
                    let mut count = lock.lock();
                    looks += 1;
                    if looks < 4 {
                        sleep_until(time::now() + 1000).expect("nobody interrupts");
                    }
                    let left = count.checked_sub(1)?;
                    *count = left;
                    Some(())
                });
                taken.expect("nobody interrupts");
            }));
        }
        for _ in 0..2 {
            let (lock, queue) = (Arc::clone(&lock), Arc::clone(&queue));
            tasks.push(spawn("adds", move || {
                *lock.lock() += 1;
                queue.wake_all();
            }));
        }
        join_all(tasks);
        assert_eq!(*lock.lock(), 0);
    });
}

#[test]
fn waits_that_signals_do_not_end_and_waits_on_several_queues_lose_nothing() {
    explore(|_| {
        let queues = Arc::new([WaitQueue::new(), WaitQueue::new()]);
        let flags = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let mut tasks = Vec::new();
        let all = |flags: &[AtomicBool; 2]| flags.iter().all(|flag| flag.load(Ordering::SeqCst)).then_some(());
        for watches in [true, false] {
            let (queues, flags) = (Arc::clone(&queues), Arc::clone(&flags));
            tasks.push(spawn("waits", move || {
                let both = [&queues[0], &queues[1]];
                if watches {
                    watch_until(&both, None, || all(&flags)).expect("nobody interrupts");
                } else {
                    wait_killable(&both, || all(&flags)).expect("nobody ends it");
                }
            }));
        }
        for at in 0..2 {
            let (queues, flags) = (Arc::clone(&queues), Arc::clone(&flags));
            tasks.push(spawn("sets", move || {
                flags[at].store(true, Ordering::SeqCst);
                queues[at].wake_all();
            }));
        }
        join_all(tasks);
        assert!(queues.iter().all(WaitQueue::is_empty));
    });
}

#[test]
fn a_sleeping_lock_has_one_holder_at_a_time() {
    explore(|random| {
        let lock = Arc::new(SleepLock::new(0u32));
        let inside = Arc::new(AtomicU32::new(0));
        let count = 2 + random.below(3);
        let tasks = (0..count).map(|number| {
            let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
            spawn("takes", move || {
                for _ in 0..3 {
                    let mut held = lock.lock();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold the lock");
                    if number == 0 {
                        sleep_until(time::now() + 10_000).expect("nobody interrupts");
                    }
                    yield_now();
                    *held += 1;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(held);
                    in_program();
                }
            })
        });
        join_all(tasks.collect());
        assert_eq!(u64::from(*lock.lock()), count * 3);
    });
}

#[test]
fn a_wait_ends_by_its_deadline_or_by_a_wake_up_and_not_before() {
    explore(|random| {
        let queue = Arc::new(WaitQueue::new());
        let flag = Arc::new(AtomicBool::new(false));
        let late = random.below(40_000);
        let tasks = (0..2).map(|number| {
            let (queue, flag) = (Arc::clone(&queue), Arc::clone(&flag));
            spawn("waits", move || {
                let deadline = time::now() + 10_000 + 10_000 * number;
                match wait_until(&[&queue], Some(deadline), || flag.load(Ordering::SeqCst).then_some(())) {
                    Ok(()) => assert!(flag.load(Ordering::SeqCst)),
                    Err(_) => assert!(time::now() >= deadline, "too early"),
                }
            })
        });
        let mut tasks: Vec<_> = tasks.collect();
        let (wakes, sets) = (Arc::clone(&queue), Arc::clone(&flag));
        tasks.push(spawn("sets", move || {
            sleep_until(time::now() + late).expect("nobody interrupts");
            sets.store(true, Ordering::SeqCst);
            wakes.wake_all();
        }));
        join_all(tasks);
        assert!(queue.is_empty());
    });
}

#[test]
fn the_same_seed_makes_the_same_choices() {
    let scenario = |random: &mut Random| {
        let channel = Channel::new(1 + random.below(2) as usize);
        let to = Arc::clone(&channel);
        let puts = spawn("puts", move || (0..5).for_each(|at| to.put(at)));
        (0..5).for_each(|at| assert_eq!(channel.take(), at));
        puts.join();
    };
    hal::interleave::explore(|seed| {
        let first = task::simulated::try_seed(seed, scenario);
        assert!(first.is_ok(), "{first:?}");
        assert_eq!(first, task::simulated::try_seed(seed, scenario));
    });
}
