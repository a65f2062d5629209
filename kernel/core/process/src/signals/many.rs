//! Signals to several processes at once, none of which is left out because it is being made meanwhile.

use super::{Info, send};
use crate::registry;
use lock::atomic::{AtomicU64, Ordering};

/// While this lives, somebody signals several processes, which he has looked up before: a process that is made meanwhile may be one of them that he does not know of.
#[derive(Debug)]
pub struct ToMany(());

/// How often somebody began to signal several processes, and how often he had done it.
static BEGUN: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicU64 = AtomicU64::new(0);

impl ToMany {
    /// Begins; from here on the processes may be looked up.
    #[must_use]
    pub fn begin() -> Self {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for ToMany {
    fn drop(&mut self) {
        DONE.fetch_add(1, Ordering::SeqCst);
    }
}

/// What was sent to several processes before a new one is made.
#[derive(Clone, Copy, Debug)]
pub struct Before(u64);

impl Before {
    /// As of now: what is under way counts as what comes.
    #[must_use]
    pub fn now() -> Self {
        Self(DONE.load(Ordering::SeqCst))
    }

    /// Whether something was sent to several since, so that the new process, which can be found by now, may have been left out although its maker was not.
    #[must_use]
    pub fn is_past(self) -> bool {
        loop {
            let begun = BEGUN.load(Ordering::SeqCst);
            if begun == self.0 {
                return false;
            }
            // Until it has come to the maker too: those who send are not interrupted.
            if DONE.load(Ordering::SeqCst) >= begun {
                return true;
            }
            lock::relax();
        }
    }
}

/// Sends a signal to all processes of a group; says how many there were.
pub fn send_group(group: u32, info: Info) -> usize {
    let _many = ToMany::begin();
    let mut members = registry::processes();
    members.retain(|process| process.group.load(Ordering::Relaxed) == group);
    for process in &members {
        send(process, info);
    }
    members.len()
}
