//! Signals: actions, masks, what is pending.
//!
//! A signal is sent to a process or to a thread ([`send`]); it is noted where it was sent to, and one thread that does not block it is told to look.
//! What happens then (the default, or a handler) is the business of whoever calls [`Thread::take_signal`] on the way back to the program. Only two signals act
//! when they are sent: `SIGKILL` ends the process, `SIGCONT` lets it go on.
//!
//! | module | what |
//! |---|---|
//! | `actions` | what signals do |
//! | `many` | signals to several processes at once |

mod actions;
mod many;

use crate::exit::{Status, begin_end};
use crate::pending::{Pending, QUEUED, Taken};
use crate::registry;
use crate::shared::Process;
use crate::stop;
use crate::thread::Thread;
use abi::signal::{SIG_DFL, SIG_IGN, SS_DISABLE, SigAction, SigSet, SigStack, Signal};
use actions::is_ignored;
use alloc::sync::Arc;
use lock::SpinLock;
use lock::atomic::{AtomicU64, Ordering};
use task::{WaitQueue, Work};

pub use crate::pending::{Fields, Info};
pub use actions::{DefaultAction, default_action, is_shielded};
pub use many::{Before, ToMany, send_group};

const STOPS: SigSet = SigSet::EMPTY
    .with(Signal::STOP)
    .with(Signal::TSTP)
    .with(Signal::TTIN)
    .with(Signal::TTOU);

/// What signals do to a process, and what is pending for it as a whole.
#[derive(Debug)]
pub struct Signals {
    /// Shared with processes that were made with `CLONE_SIGHAND`; the inner lock is taken under the outer one.
    actions: SpinLock<Arc<SpinLock<[SigAction; 64]>>>,
    pending: Pending,
    /// Who waits for a signal to come (`sigtimedwait`).
    pub arrived: WaitQueue,
}

/// Who waits for signals to come to anybody: a descriptor of `signalfd` belongs to whoever reads it.
pub static ARRIVED: WaitQueue = WaitQueue::new();

impl Default for Signals {
    fn default() -> Self {
        let action = SigAction {
            handler: SIG_DFL,
            flags: 0,
            restorer: 0,
            mask: SigSet::EMPTY,
        };
        Self {
            actions: SpinLock::new(Arc::new(SpinLock::new([action; 64]))),
            pending: Pending::default(),
            arrived: WaitQueue::new(),
        }
    }
}

/// A thread's mask, what is pending for it, its alternate stack.
#[derive(Debug)]
pub struct ThreadSignals {
    mask: AtomicU64,
    pending: Pending,
    /// The mask to put back after the next delivery (`sigsuspend`, `ppoll`), if any.
    pub saved_mask: SpinLock<Option<SigSet>>,
    /// The alternate stack.
    pub stack: SpinLock<SigStack>,
    /// What the machine said of the last fault.
    pub last_fault: SpinLock<LastFault>,
    /// The call that `restart_syscall` goes on with, if one was interrupted.
    pub restart: SpinLock<Option<Restart>>,
}

/// What the machine said of a thread's last fault; frames of all later signals show it.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastFault {
    /// Trap number.
    pub trap: u32,
    /// Error code.
    pub error: u32,
    /// The address, of the last page fault.
    pub address: u64,
}

/// An interrupted call that ends at the time that it would have ended at without the interruption.
#[derive(Clone, Copy, Debug)]
pub struct Restart {
    /// Its number.
    pub number: u64,
    /// When it ends, in nanoseconds since boot.
    pub deadline: u64,
}

impl Default for ThreadSignals {
    fn default() -> Self {
        let stack = SigStack {
            sp: 0,
            flags: SS_DISABLE,
            pad: 0,
            size: 0,
        };
        Self {
            mask: AtomicU64::new(0),
            pending: Pending::default(),
            saved_mask: SpinLock::new(None),
            stack: SpinLock::new(stack),
            last_fault: SpinLock::default(),
            restart: SpinLock::new(None),
        }
    }
}

impl Signals {
    /// Adds to how often a timer ran out, if its signal is pending; whether it is.
    pub(crate) fn count_overrun(&self, timer: i32, times: i32) -> bool {
        self.pending.count_overrun(timer, times)
    }

    /// What is pending for the process as a whole.
    #[must_use]
    pub fn pending(&self) -> SigSet {
        self.pending.set()
    }
}

impl ThreadSignals {
    /// What is held back.
    #[must_use]
    pub fn mask(&self) -> SigSet {
        SigSet(self.mask.load(Ordering::Relaxed))
    }

    /// Adds to how often a timer ran out, if its signal is pending; whether it is.
    pub(crate) fn count_overrun(&self, timer: i32, times: i32) -> bool {
        self.pending.count_overrun(timer, times)
    }

    /// What is pending for the thread alone.
    #[must_use]
    pub fn pending(&self) -> SigSet {
        self.pending.set()
    }
}

/// A signal that a thread has taken to do what it asks for.
#[derive(Debug)]
pub struct Delivery {
    taken: Taken,
    /// Whether it was pending for the thread alone.
    is_own: bool,
}

impl Delivery {
    /// What is known of it.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.taken.info
    }
}

/// The machine's number of a page fault.
const PAGE_FAULT: u32 = 14;

impl Thread {
    /// Sets what is held back; signals that are let through now are looked at before the thread returns to its program.
    #[inline]
    pub fn set_mask(&self, mask: SigSet) {
        let mask = mask.0 & !SigSet::UNBLOCKABLE.0;
        let before = self.signals.mask.swap(mask, Ordering::Relaxed);
        self.look_again();
        let handed_on = self.process.signals.pending().0 & mask & !before;
        if handed_on != 0 {
            self.process.threads().iter().for_each(|thread| thread.look_again());
        }
    }

    /// Sets what is held back while a call waits (`sigsuspend`, `ppoll`). What was held back before comes back with
    /// [`Thread::restore_mask`], or, when a signal interrupts the call, with the signal's delivery.
    pub fn replace_mask(&self, mask: SigSet) {
        let before = self.signals.mask();
        *self.signals.saved_mask.lock() = Some(before);
        self.set_mask(mask);
    }

    /// Holds back again what was held back before [`Thread::replace_mask`].
    pub fn restore_mask(&self) {
        let saved = self.signals.saved_mask.lock().take();
        if let Some(saved) = saved {
            self.set_mask(saved);
        }
    }

    /// Whether there is a signal for it that is not held back.
    #[must_use]
    pub fn has_signal(&self) -> bool {
        let pending = self.signals.pending().0 | self.process.signals.pending().0;
        pending & !self.signals.mask().0 != 0
    }

    /// Makes the thread look for signals if there are any for it.
    pub fn look_again(&self) {
        if self.has_signal() {
            self.add_work(Work::SIGNAL);
        }
    }

    /// Takes the next signal that is not held back, for the running thread to do what it asks for.
    pub fn take_signal(&self) -> Option<Delivery> {
        let (taken, is_own) = self.take(self.signals.mask())?;
        Some(Delivery { taken, is_own })
    }

    /// Takes the next signal that is not in a set, to be told of it.
    pub fn take_signal_except(&self, mask: SigSet) -> Option<Info> {
        self.take(mask).map(|(taken, _)| taken.info)
    }

    fn take(&self, mask: SigSet) -> Option<(Taken, bool)> {
        let own = self.signals.pending.take(mask).map(|taken| (taken, true));
        let taken = own.or_else(|| Some((self.process.signals.pending.take(mask)?, false)))?;
        if let Fields::Timer { id, overrun, .. } = taken.0.info.fields {
            self.process.timers.delivered(id, overrun);
        }
        Some(taken)
    }

    /// Whether `SIGCONT` has come since the thread took a stop signal.
    pub(crate) fn was_cancelled(&self, stop: &Delivery) -> bool {
        let from = if stop.is_own {
            &self.signals.pending
        } else {
            &self.process.signals.pending
        };
        from.was_cancelled_since(&stop.taken)
    }

    /// Raises a fault that the thread's own instruction made: it cannot be held back, nor ignored.
    pub fn force(&self, info: Info) {
        if let Fields::Fault { address, trap, error } = info.fields {
            let mut last = self.signals.last_fault.lock();
            let address = if trap == PAGE_FAULT { address } else { last.address };
            *last = LastFault { trap, error, address };
        }
        let action = self.process.signals.action(info.signal);
        let held = self.signals.mask().contains(info.signal);
        if held || action.handler == SIG_IGN {
            self.process.set_action(info.signal, SigAction::default());
            self.signals
                .mask
                .store(self.signals.mask().without(info.signal).0, Ordering::Relaxed);
        }
        self.signals.pending.add(info, false);
        self.add_work(Work::SIGNAL);
    }

    /// Sends a signal to the thread alone. False when too many are pending.
    pub fn send(&self, info: Info) -> bool {
        if info.signal == Signal::KILL {
            begin_end(&self.process, Status::Signaled(Signal::KILL));
            return true;
        }
        prepare(&self.process, info.signal);
        let noted = self.note(info);
        if info.signal == Signal::CONT {
            stop::go_on(&self.process);
        }
        noted
    }

    fn note(&self, info: Info) -> bool {
        let action = self.process.signals.action(info.signal);
        let held = self.signals.mask().contains(info.signal);
        if is_ignored(info.signal, &action) && !held {
            return true;
        }
        if !self.signals.pending.add(info, has_all(&self.process)) {
            return false;
        }
        announce(&self.process);
        // Asked after the signal can be seen: a thread that lets it through meanwhile sees it, or is seen to.
        self.look_again();
        true
    }
}

/// Whether a process's user has as many signals pending as `RLIMIT_SIGPENDING` says.
#[inline]
pub(crate) fn has_all(process: &Process) -> bool {
    let limit = process.limit(abi::resource::RLIMIT_SIGPENDING);
    QUEUED.load(Ordering::Relaxed) as u64 >= limit && queued_of(process.credentials().uid) >= limit
}

/// How many signals are pending for a user's processes; a timer that may send one counts too.
#[must_use]
pub fn queued_of(uid: u32) -> u64 {
    let mut count = 0;
    for process in registry::processes() {
        if process.credentials().uid == uid {
            let threads = process.threads();
            let of_threads = threads.iter().map(|thread| thread.signals.pending.len());
            count += process.signals.pending.len() + of_threads.sum::<usize>() + process.timers.made();
        }
    }
    count as u64
}

/// Wakes who waits for signals.
#[inline]
fn announce(process: &Process) {
    process.signals.arrived.wake_all();
    ARRIVED.wake_all();
}

/// A stop cancels what would continue the process, and the other way round.
#[inline]
fn prepare(process: &Process, signal: Signal) {
    let cancelled = if signal == Signal::CONT {
        STOPS
    } else if STOPS.contains(signal) {
        SigSet::EMPTY.with(Signal::CONT)
    } else {
        return;
    };
    process.signals.pending.forget(cancelled);
    for thread in process.threads() {
        thread.signals.pending.forget(cancelled);
    }
}

/// Sends a signal to a process: one of its threads that does not hold it back is told to look. False when too many are pending.
pub fn send(process: &Arc<Process>, info: Info) -> bool {
    if info.signal == Signal::KILL {
        begin_end(process, Status::Signaled(Signal::KILL));
        return true;
    }
    prepare(process, info.signal);
    let noted = note(process, info);
    // Whatever else it does, and not before it can be taken.
    if info.signal == Signal::CONT {
        stop::go_on(process);
    }
    noted
}

#[inline]
fn note(process: &Process, info: Info) -> bool {
    let action = process.signals.action(info.signal);
    let find_open = || process.find_thread(|thread| !thread.signals.mask().contains(info.signal));
    if is_ignored(info.signal, &action) && find_open().is_some() {
        return true;
    }
    if !process.signals.pending.add(info, has_all(process)) {
        return false;
    }
    announce(process);
    // Looked for after the signal can be seen: a thread that lets it through meanwhile, or leaves it behind at its end, sees it.
    if let Some(thread) = find_open() {
        thread.add_work(Work::SIGNAL);
    }
    true
}
