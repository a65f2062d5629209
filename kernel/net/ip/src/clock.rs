//! The one stack that there is, what it has done, and its timer.

use crate::stack::{Effects, Stack};
use alloc::sync::Arc;
use lock::SpinLock;
use lock::atomic::{AtomicU64, Ordering};
use time::Expire;

static STACK: SpinLock<Stack> = SpinLock::new(Stack::new());
/// For when the timer is set.
static ARMED: AtomicU64 = AtomicU64::new(u64::MAX);

struct Alarm;

impl Expire for Alarm {
    fn expire(self: Arc<Self>) {
        ARMED.store(u64::MAX, Ordering::Relaxed);
        with(Stack::tick);
    }
}

/// Does something to the stack and carries out what follows from it.
pub(crate) fn with<T>(work: impl FnOnce(&mut Stack, u64, &mut Effects) -> T) -> T {
    let mut effects = Effects::default();
    let mut stack = STACK.lock();
    stack.recent.forget();
    let result = work(&mut stack, time::now(), &mut effects);
    let next = stack.next();
    drop(stack);
    arm(next);
    effects.carry_out();
    result
}

/// Does something to the stack from which nothing follows, that makes nothing due sooner, and that changes nobody's way.
pub(crate) fn change<T>(work: impl FnOnce(&mut Stack, u64) -> T) -> T {
    work(&mut STACK.lock(), time::now())
}

/// Looks at the stack.
pub(crate) fn look<T>(work: impl FnOnce(&Stack) -> T) -> T {
    work(&STACK.lock())
}

/// Makes sure that the stack is looked after at a time. One timer too many, for what is over by then, does no harm.
fn arm(next: u64) {
    if next < ARMED.load(Ordering::Relaxed) {
        ARMED.store(next, Ordering::Relaxed);
        time::add(next, Arc::new(Alarm));
    }
}
