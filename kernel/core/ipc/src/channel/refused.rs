//! Senders that found no room in a channel that has other senders too: each waits at its own ear, and hears when there may be some.

use super::Ear;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicBool, Ordering};

/// Who waits.
#[derive(Default)]
pub(super) struct Refused {
    ears: SpinLock<Vec<Weak<Ear>>>,
    has_some: AtomicBool,
}

impl Refused {
    /// Whether there are any, for those who only look.
    #[inline]
    pub(super) fn has_some(&self) -> bool {
        self.has_some.load(Ordering::Relaxed)
    }

    pub(super) fn remember(&self, ear: &Arc<Ear>) {
        let mut ears = self.ears.lock();
        if !ears.iter().any(|other| Weak::as_ptr(other) == Arc::as_ptr(ear)) {
            ears.push(Arc::downgrade(ear));
        }
        drop(ears);
        // Whoever is remembered looks once more whether there is room: the other side looks the other way round.
        self.has_some.store(true, Ordering::SeqCst);
    }

    /// Wakes all of them, who are remembered no more.
    #[inline]
    pub(super) fn wake(&self) {
        let mut ears = self.ears.lock();
        let woken = core::mem::take(&mut *ears);
        self.has_some.store(false, Ordering::Relaxed);
        drop(ears);
        for ear in woken.iter().filter_map(Weak::upgrade) {
            ear.writable.wake_all();
        }
    }
}
