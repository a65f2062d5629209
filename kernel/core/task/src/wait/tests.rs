//! The interleaved machine finds what it is there for: a waiter that once was this kernel's, which lost wake-ups when what it waited for made it wait for something else.

extern crate std;

use crate::mutex::SleepLock;
use crate::queue::{WaitQueue, Wake};
use crate::{current, scheduler, simulated, wait_until};
use alloc::sync::Arc;
use std::string::String;
use std::vec::Vec;

/// Sleeps in its wait even if `try_it` has slept meanwhile, so that it is awake and in no queue's memory any more.
fn broken_wait<T>(queue: &WaitQueue, mut try_it: impl FnMut() -> Option<T>) -> T {
    let task = current();
    let wake: Arc<dyn Wake> = task.clone();
    loop {
        task.prepare_to_wait();
        queue.add(Arc::clone(&wake));
        let outcome = try_it();
        if outcome.is_none() || !task.stay() {
            scheduler::sleep();
        }
        queue.remove(&wake);
        if let Some(value) = outcome {
            return value;
        }
    }
}

/// Takes one of what others put behind a lock that sleeps, with either waiter.
fn run(seed: u64, broken: bool) -> Result<u64, String> {
    simulated::try_seed(seed, move |_| {
        let shared = Arc::new((SleepLock::new(0u32), WaitQueue::new()));
        let take = |shared: &(SleepLock<u32>, WaitQueue)| {
            let mut count = shared.0.lock();
            *count = count.checked_sub(1)?;
            Some(())
        };
        let mut tasks = Vec::new();
        for _ in 0..2 {
            let (takes, puts) = (Arc::clone(&shared), Arc::clone(&shared));
            tasks.push(simulated::spawn("takes", move || {
                if broken {
                    broken_wait(&takes.1, || take(&takes));
                } else {
                    wait_until(&[&takes.1], None, || take(&takes)).expect("nobody interrupts");
                }
            }));
            tasks.push(simulated::spawn("puts", move || {
                *puts.0.lock() += 1;
                puts.1.wake_one();
            }));
        }
        tasks.into_iter().for_each(simulated::Joins::join);
    })
}

#[test]
fn a_broken_waiter_is_found_and_its_seed_finds_it_again() {
    let seed = hal::interleave::first_failing(|seed| run(seed, true).is_err()).expect("the bug is found");
    std::println!(
        "seed {seed} shows the lost wake-up: {}",
        run(seed, true).expect_err("again")
    );
    assert_eq!(run(seed, true), run(seed, true), "the same seed, the same run");
    let others = hal::interleave::first_failing(|seed| run(seed, false).is_err());
    assert_eq!(others, None, "the right waiter loses nothing");
}
