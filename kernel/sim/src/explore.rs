//! Many seeds, and what is said of the one that failed.

use crate::interleave;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// Seeds that a test tries when nobody says otherwise.
const SEEDS: u64 = 2000;

/// The kernel's statics are one machine's: tests take turns, and after a failure nothing is as it was.
static BROKEN: Mutex<bool> = Mutex::new(false);

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The seeds that are tried: from 1 on; with `CHITON_SEED=n` only that one, with `CHITON_SEEDS=n` so many.
fn seeds() -> RangeInclusive<u64> {
    match number("CHITON_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("CHITON_SEEDS").unwrap_or(SEEDS),
    }
}

/// Calls `run` with each of the seeds. `run` panics when it finds something wrong.
///
/// # Panics
/// As `run` does, after the seed has been printed.
#[expect(clippy::print_stderr, reason = "that is where a test says what failed")]
pub fn explore(run: impl Fn(u64)) {
    let mut broken = BROKEN.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(
        !*broken,
        "another interleaving failed before and left the machine as it was"
    );
    for seed in seeds() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            *broken = true;
            drop(broken);
            eprintln!("{}", interleave::last_steps());
            let name = std::thread::current().name().unwrap_or("this test").to_owned();
            eprintln!("{name}: seed {seed} failed; CHITON_SEED={seed} makes it happen again");
            resume_unwind(panic);
        }
    }
}

/// The first of as many seeds as tests try by themselves for which `fails` is true.
#[must_use]
pub fn first_failing(fails: impl Fn(u64) -> bool) -> Option<u64> {
    let _turn = BROKEN.lock().unwrap_or_else(PoisonError::into_inner);
    (1..=SEEDS).find(|seed| fails(*seed))
}
