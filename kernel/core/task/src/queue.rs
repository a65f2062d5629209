//! Who is to be woken when something happens.
//!
//! Whoever sleeps enters the queue and then looks whether it must; whoever wakes changes what is looked at and then looks whether the queue is empty. One of the two sees the other only if
//! the change is not still on its way when the queue is looked at. So what is waited for is changed under a lock that is taken to look as well, by an operation that reads and writes
//! at once, or by a store in `Ordering::SeqCst`; a plain store (`Relaxed`, `Release`) may be seen too late, and the sleeper sleeps for ever.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use lock::SpinLock;
use lock::atomic::{AtomicUsize, Ordering};

/// Something that can be woken: a sleeping task, or a collection such as epoll that passes the news on.
pub trait Wake: Send + Sync {
    /// Something happened; `events` says what, in `poll`'s bits. Whether this used the news up: a wake-up of one goes on to the next
    /// sleeper otherwise. Runs under no lock of the queue and must not sleep.
    fn wake(self: Arc<Self>, events: u32) -> bool;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A wake-up of one takes one of these out.
    Alone,
    /// Woken together with others even by a wake-up of one (`epoll` without `EPOLLEXCLUSIVE`, `poll`), and stays.
    Shared,
    /// Stays, but one wake-up that is not for all reaches one of these at the most (`EPOLLEXCLUSIVE`).
    Exclusive,
}

struct Sleeper {
    wake: Arc<dyn Wake>,
    sort: Sort,
    /// Later ones have higher numbers. A wake-up goes by them, because others come and go while it wakes one.
    number: u64,
}

#[derive(Default)]
struct Sleepers {
    in_order: VecDeque<Sleeper>,
    last: u64,
}

impl Sleepers {
    /// The first after a number, up to another, that is shared or of a sort that `wanted` lets through.
    #[inline]
    fn find(&self, after: u64, end: u64, wanted: impl Fn(Sort) -> bool) -> Option<usize> {
        let first = match after {
            0 => 0,
            _ => self.in_order.partition_point(|sleeper| sleeper.number <= after),
        };
        let mut rest = self.in_order.range(first..);
        let at = first + rest.position(|sleeper| sleeper.sort == Sort::Shared || wanted(sleeper.sort))?;
        (self.in_order[at].number <= end).then_some(at)
    }
}

/// The sleepers of one happening.
#[derive(Default)]
pub struct WaitQueue {
    sleepers: SpinLock<Sleepers>,
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
            sleepers: SpinLock::new(Sleepers {
                in_order: VecDeque::new(),
                last: 0,
            }),
            count: AtomicUsize::new(0),
        }
    }

    /// Adds a sleeper that a wake-up of one may choose.
    pub fn add(&self, wake: Arc<dyn Wake>) {
        self.push(wake, Sort::Alone);
    }

    /// Adds a sleeper that every wake-up reaches, and that stays in the queue until it is removed.
    pub fn add_shared(&self, wake: Arc<dyn Wake>) {
        self.push(wake, Sort::Shared);
    }

    /// Adds a sleeper that stays in the queue until it is removed, and of whose kind a wake-up that is not for all reaches one: the first that says it had use for it.
    pub fn add_exclusive(&self, wake: Arc<dyn Wake>) {
        self.push(wake, Sort::Exclusive);
    }

    fn push(&self, wake: Arc<dyn Wake>, sort: Sort) {
        let mut sleepers = self.sleepers.lock();
        sleepers.last += 1;
        let number = sleepers.last;
        sleepers.in_order.push_back(Sleeper { wake, sort, number });
        self.count.store(sleepers.in_order.len(), Ordering::SeqCst);
    }

    /// Takes a sleeper out; whether it was still there, and no wake-up of one had taken it.
    #[inline]
    pub fn remove(&self, wake: &Arc<dyn Wake>) -> bool {
        // Whoever took this sleeper out noted so before it woke it.
        !self.is_empty() && self.take_out(wake)
    }

    #[inline(never)]
    fn take_out(&self, wake: &Arc<dyn Wake>) -> bool {
        let mut sleepers = self.sleepers.lock();
        let in_order = &mut sleepers.in_order;
        let at = in_order.iter().position(|sleeper| same(&sleeper.wake, wake));
        let taken = at.and_then(|at| in_order.remove(at));
        self.count.store(in_order.len(), Ordering::SeqCst);
        drop(sleepers);
        taken.is_some()
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
        let mut sleepers = self.sleepers.lock();
        let alone = sleepers.in_order.len() == 1;
        // Mostly one sleeps, alone.
        match sleepers.in_order.front() {
            Some(only) if alone && only.sort != Sort::Alone => {
                let wake = Arc::clone(&only.wake);
                drop(sleepers);
                wake.wake(events);
                0
            }
            Some(_) if alone && count > 0 => {
                let taken = sleepers.in_order.pop_front();
                self.count.store(0, Ordering::SeqCst);
                drop(sleepers);
                usize::from(taken.is_some_and(|sleeper| sleeper.wake.wake(events)))
            }
            _ => {
                drop(sleepers);
                self.wake_several(count, events)
            }
        }
    }

    fn wake_several(&self, count: usize, events: u32) -> usize {
        let mut woken = 0;
        let mut exclusive = if events == u32::MAX { usize::MAX } else { 1 };
        let mut passed = 0;
        let mut end = None;
        loop {
            let mut sleepers = self.sleepers.lock();
            // Who comes while others are woken is not meant.
            let end = *end.get_or_insert(sleepers.last);
            let wanted = |sort| woken < count && (sort == Sort::Alone || exclusive > 0);
            let Some(at) = sleepers.find(passed, end, wanted) else {
                return woken;
            };
            let sleeper = &sleepers.in_order[at];
            passed = sleeper.number;
            let sort = sleeper.sort;
            if sort != Sort::Alone {
                let wake = Arc::clone(&sleeper.wake);
                drop(sleepers);
                if wake.wake(events) && sort == Sort::Exclusive {
                    exclusive -= 1;
                    woken += 1;
                }
                continue;
            }
            let taken = sleepers.in_order.remove(at);
            let left = sleepers.in_order.len();
            self.count.store(left, Ordering::SeqCst);
            drop(sleepers);
            if taken.is_some_and(|sleeper| sleeper.wake.wake(events)) {
                woken += 1;
            }
            if left == 0 {
                return woken;
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
    use lock::atomic::AtomicU32;

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
    fn one_wake_up_reaches_one_exclusive_and_they_stay() {
        let queue = WaitQueue::new();
        let [first, second, shared] = sleepers();
        queue.add_exclusive(first.clone());
        queue.add_exclusive(second.clone());
        queue.add_shared(shared.clone());
        let counts = || [&first, &second, &shared].map(|count| count.0.load(Ordering::Relaxed));
        queue.wake(usize::MAX, 1);
        assert_eq!(counts(), [1, 0, 1]);
        queue.wake(1, 1);
        assert_eq!(counts(), [2, 0, 2]);
        queue.wake_all();
        assert_eq!(counts(), [3, 1, 3]);
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
