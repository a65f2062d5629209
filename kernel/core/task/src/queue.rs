//! Who is to be woken when something happens.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};
use lock::SpinLock;

/// Something that can be woken: a sleeping task, or a collection such as epoll that passes the news on.
pub trait Wake: Send + Sync {
    /// Something happened; `events` says what, in `poll`'s bits. Whether this used the news up: a wake-up of one goes on to the next
    /// sleeper otherwise. Runs under no lock of the queue and must not sleep.
    fn wake(self: Arc<Self>, events: u32) -> bool;
}

struct Sleeper {
    wake: Arc<dyn Wake>,
    /// Woken together with others even by a wake-up of one (`epoll` without `EPOLLEXCLUSIVE`, `poll`).
    shared: bool,
}

/// The sleepers of one happening.
#[derive(Default)]
pub struct WaitQueue {
    sleepers: SpinLock<VecDeque<Sleeper>>,
    count: AtomicUsize,
}

impl core::fmt::Debug for WaitQueue {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "WaitQueue({})", self.count.load(Ordering::Relaxed))
    }
}

impl WaitQueue {
    /// Nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sleepers: SpinLock::new(VecDeque::new()),
            count: AtomicUsize::new(0),
        }
    }

    /// Adds a sleeper that a wake-up of one may choose.
    pub fn add(&self, wake: Arc<dyn Wake>) {
        self.push(Sleeper { wake, shared: false });
    }

    /// Adds a sleeper that every wake-up reaches, and that stays in the queue until it is removed.
    pub fn add_shared(&self, wake: Arc<dyn Wake>) {
        self.push(Sleeper { wake, shared: true });
    }

    fn push(&self, sleeper: Sleeper) {
        let mut sleepers = self.sleepers.lock();
        sleepers.push_back(sleeper);
        self.count.store(sleepers.len(), Ordering::SeqCst);
    }

    /// Takes a sleeper out, if it is still there.
    #[inline]
    pub fn remove(&self, wake: &Arc<dyn Wake>) {
        // Whoever took this sleeper out noted so before it woke it.
        if !self.is_empty() {
            self.take_out(wake);
        }
    }

    #[inline(never)]
    fn take_out(&self, wake: &Arc<dyn Wake>) {
        let mut sleepers = self.sleepers.lock();
        if let Some(at) = sleepers.iter().position(|sleeper| same(&sleeper.wake, wake)) {
            sleepers.remove(at);
            self.count.store(sleepers.len(), Ordering::SeqCst);
        }
    }

    /// Whether nobody waits.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Wakes everybody.
    #[inline]
    pub fn wake_all(&self) {
        self.wake(usize::MAX, u32::MAX);
    }

    /// Wakes one sleeper, and those that every wake-up reaches.
    #[inline]
    pub fn wake_one(&self) {
        self.wake(1, u32::MAX);
    }

    /// Wakes up to `count` sleepers, and those that every wake-up reaches; says how many of the first kind it woke.
    #[inline]
    pub fn wake(&self, count: usize, events: u32) -> usize {
        if self.is_empty() {
            return 0;
        }
        self.wake_sleepers(count, events)
    }

    #[inline(never)]
    fn wake_sleepers(&self, count: usize, events: u32) -> usize {
        let mut woken = 0;
        let mut passed = 0;
        loop {
            let mut sleepers = self.sleepers.lock();
            let Some(sleeper) = sleepers.get(passed) else {
                return woken;
            };
            if sleeper.shared {
                let wake = Arc::clone(&sleeper.wake);
                drop(sleepers);
                passed += 1;
                wake.wake(events);
            } else if woken < count {
                let taken = match passed {
                    0 => sleepers.pop_front(),
                    _ => sleepers.remove(passed),
                };
                let left = sleepers.len();
                self.count.store(left, Ordering::SeqCst);
                drop(sleepers);
                if taken.is_some_and(|sleeper| sleeper.wake.wake(events)) {
                    woken += 1;
                }
                if left == 0 {
                    return woken;
                }
            } else {
                passed += 1;
            }
        }
    }
}

fn same(one: &Arc<dyn Wake>, other: &Arc<dyn Wake>) -> bool {
    core::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicU32;

    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>, _events: u32) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed);
            true
        }
    }

    fn sleepers<const N: usize>() -> [Arc<Count>; N] {
        [(); N].map(|()| Arc::new(Count(AtomicU32::new(0))))
    }

    #[test]
    fn one_wake_up_reaches_the_first_and_all_shared() {
        let queue = WaitQueue::new();
        let [first, second, shared] = sleepers();
        queue.add(first.clone());
        queue.add(second.clone());
        queue.add_shared(shared.clone());
        assert_eq!(queue.wake(1, 1), 1);
        assert_eq!(
            [&first, &second, &shared].map(|count| count.0.load(Ordering::Relaxed)),
            [1, 0, 1]
        );
        queue.wake_all();
        assert_eq!(
            [&first, &second, &shared].map(|count| count.0.load(Ordering::Relaxed)),
            [1, 1, 2]
        );
    }

    #[test]
    fn a_removed_sleeper_is_not_woken() {
        let queue = WaitQueue::new();
        let [one] = sleepers();
        queue.add(one.clone());
        let wake: Arc<dyn Wake> = one.clone();
        queue.remove(&wake);
        queue.wake_all();
        assert!(queue.is_empty());
        assert_eq!(one.0.load(Ordering::Relaxed), 0);
    }
}
