//! Timers: a list in order of time for each CPU.

use alloc::sync::Arc;
use hal::MAX_CPUS;
use lock::SpinLock;
use lock::atomic::{AtomicU64, Ordering};
use sortedmap::LargeMap;

/// What is done when a timer runs out.
pub trait Expire: Send + Sync {
    /// The time has come. Runs where nothing may sleep.
    fn expire(self: Arc<Self>);
}

/// Names a timer that was set, to take it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId {
    cpu: usize,
    deadline: u64,
    sequence: u64,
}

struct Timers {
    queue: LargeMap<(u64, u64), Arc<dyn Expire>>,
}

const NEVER: u64 = u64::MAX;

static TIMERS: [SpinLock<Timers>; MAX_CPUS] = [const { SpinLock::new(Timers { queue: LargeMap::new() }) }; MAX_CPUS];
/// For when each CPU's machine timer is set.
static PROGRAMMED: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(NEVER) }; MAX_CPUS];
static SEQUENCE: AtomicU64 = AtomicU64::new(0);

/// Has `what` done on this CPU at `deadline` (nanoseconds since boot) or soon after.
pub fn add(deadline: u64, what: Arc<dyn Expire>) -> TimerId {
    let id = TimerId {
        cpu: hal::cpu::current(),
        deadline,
        sequence: SEQUENCE.fetch_add(1, Ordering::Relaxed),
    };
    TIMERS[id.cpu].lock().queue.insert((deadline, id.sequence), what);
    arm(deadline);
    id
}

/// Forgets what another simulated machine left.
#[cfg(not(target_os = "none"))]
pub fn forget_all() {
    for cpu in 0..MAX_CPUS {
        TIMERS[cpu].lock().queue.clear();
        PROGRAMMED[cpu].store(NEVER, Ordering::Relaxed);
    }
}

/// Takes a timer back; false if it has run out already.
pub fn cancel(id: TimerId) -> bool {
    TIMERS[id.cpu]
        .lock()
        .queue
        .remove(&(id.deadline, id.sequence))
        .is_some()
}

/// Makes sure that this CPU's timer interrupt comes no later than `deadline`.
#[inline]
pub fn arm(deadline: u64) {
    let programmed = &PROGRAMMED[hal::cpu::current()];
    if deadline < programmed.load(Ordering::Relaxed) {
        programmed.store(deadline, Ordering::Relaxed);
        hal::clock::set_timer(Some(deadline));
    }
}

/// For when this CPU's timer interrupt is set; all ones if it is not.
#[must_use]
#[inline]
pub fn armed() -> u64 {
    PROGRAMMED[hal::cpu::current()].load(Ordering::Relaxed)
}

/// Does what is due on this CPU and sets the machine timer for what is next. Called when the timer interrupt comes.
pub fn run_expired() {
    let cpu = hal::cpu::current();
    PROGRAMMED[cpu].store(NEVER, Ordering::Relaxed);
    let now = hal::clock::now();
    loop {
        let mut timers = TIMERS[cpu].lock();
        let Some((&(deadline, _), _)) = timers.queue.first() else {
            return;
        };
        if deadline > now {
            drop(timers);
            return arm(deadline);
        }
        let due = timers.queue.pop_first();
        drop(timers);
        if let Some((_, due)) = due {
            due.expire();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lock::atomic::AtomicU32;

    struct Count(AtomicU32);

    impl Expire for Count {
        fn expire(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_due_runs_once_and_what_was_cancelled_never() {
        let count = Arc::new(Count(AtomicU32::new(0)));
        let now = hal::clock::now();
        add(now + 1_000_000, count.clone());
        let cancelled = add(now + 1_000_001, count.clone());
        add(now + 60_000_000_000, count.clone());
        run_expired();
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        assert!(cancel(cancelled) && !cancel(cancelled));
        hal::clock::advance(2_000_000);
        run_expired();
        run_expired();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
}
