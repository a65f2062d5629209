//! What waits to be delivered, and what is known of it.

use abi::signal::{SI_USER, SigSet, Signal};
use alloc::collections::VecDeque;
use lock::SpinLock;
use lock::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What is known of one signal: the fields of `siginfo_t` that its kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Which.
    pub signal: Signal,
    /// `si_code`.
    pub code: i32,
    /// `si_errno`.
    pub errno: i32,
    /// What depends on the kind.
    pub fields: Fields,
}

/// The part of `siginfo_t` that depends on the kind of signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    /// Sent by a process: its number and user, and a value.
    Sender {
        /// Process.
        pid: u32,
        /// User.
        uid: u32,
        /// `si_value`.
        value: u64,
    },
    /// A child changed.
    Child {
        /// Process.
        pid: u32,
        /// User.
        uid: u32,
        /// Exit code or signal.
        status: i32,
        /// Clock ticks in user mode.
        user: i64,
        /// Clock ticks in the kernel.
        system: i64,
    },
    /// A fault at an address.
    Fault {
        /// Where.
        address: u64,
        /// The machine's trap number, for the frame.
        trap: u32,
        /// The machine's error code, for the frame.
        error: u32,
    },
    /// A POSIX timer ran out.
    Timer {
        /// Its number.
        id: i32,
        /// Times that it ran out besides.
        overrun: i32,
        /// `si_value`.
        value: u64,
    },
    /// Given byte for byte by a program (`rt_sigqueueinfo`): as much as Linux keeps of it.
    Raw([u8; 32]),
}

impl Info {
    /// Sent by the kernel.
    #[must_use]
    pub const fn kernel(signal: Signal) -> Self {
        Self {
            signal,
            code: abi::signal::SI_KERNEL,
            errno: 0,
            fields: Fields::Sender {
                pid: 0,
                uid: 0,
                value: 0,
            },
        }
    }

    /// Sent by a process.
    #[must_use]
    pub const fn sent(signal: Signal, code: i32, pid: u32, uid: u32) -> Self {
        Self {
            signal,
            code,
            errno: 0,
            fields: Fields::Sender { pid, uid, value: 0 },
        }
    }
}

/// How many signals are pending for anybody, and how many timers may send one: few are so many that those of a user have to be counted.
pub(crate) static QUEUED: AtomicUsize = AtomicUsize::new(0);

/// What waits to be delivered. Below 32 a signal is pending once; real-time signals queue.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Which signals the queue has, to look at without its lock.
    set: AtomicU64,
    queue: SpinLock<VecDeque<Info>>,
    /// How often `SIGCONT` has cancelled the stop signals that were here.
    cancelled: AtomicU64,
}

/// A signal that was taken, and when: what it does may have been cancelled since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) info: Info,
    cancelled: u64,
}

impl Pending {
    /// Which signals are pending.
    #[inline]
    pub(crate) fn set(&self) -> SigSet {
        SigSet(self.set.load(Ordering::SeqCst))
    }

    fn note(&self, set: SigSet) {
        self.set.store(set.0, Ordering::SeqCst);
    }

    /// How many are pending.
    pub(crate) fn len(&self) -> usize {
        self.queue.lock().len()
    }

    /// Notes a signal; one that does not queue and is pending already is not noted again. False when it would have to queue and its user has as many as may be.
    pub(crate) fn add(&self, mut info: Info, full: bool) -> bool {
        let mut queue = self.queue.lock();
        if self.set().contains(info.signal) && (info.signal.0 < FIRST_REAL_TIME || (full && info.code == SI_USER)) {
            return true;
        }
        if full && info.signal.0 >= FIRST_REAL_TIME && info.code != SI_USER {
            return false;
        }
        if full && info.code < 0 {
            // That it came is all that is kept of it.
            info = Info::sent(info.signal, SI_USER, 0, 0);
        }
        self.note(self.set().with(info.signal));
        queue.push_back(info);
        QUEUED.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Takes the signal that comes first among those that `mask` lets through: faults, then by number.
    #[inline(always)]
    pub(crate) fn take(&self, mask: SigSet) -> Option<Taken> {
        if self.set().0 & !mask.0 == 0 {
            return None;
        }
        self.take_open(mask)
    }

    #[inline(never)]
    fn take_open(&self, mask: SigSet) -> Option<Taken> {
        let mut queue = self.queue.lock();
        let open = self.set().0 & !mask.0;
        let synchronous = open & SYNCHRONOUS.0;
        let first = if synchronous != 0 { synchronous } else { open }.trailing_zeros();
        let signal = Signal::new(first + 1)?;
        let at = queue.iter().position(|info| info.signal == signal)?;
        let info = task::take_out(&mut queue, at)?;
        QUEUED.fetch_sub(1, Ordering::Relaxed);
        if !queue.iter().any(|other| other.signal == signal) {
            self.note(self.set().without(signal));
        }
        let cancelled = self.cancelled.load(Ordering::Relaxed);
        Some(Taken { info, cancelled })
    }

    /// Whether stop signals were cancelled since a signal was taken from here.
    pub(crate) fn was_cancelled_since(&self, taken: &Taken) -> bool {
        self.cancelled.load(Ordering::SeqCst) != taken.cancelled
    }

    /// Adds to how often a timer ran out, if its signal is here; whether it is.
    pub(crate) fn count_overrun(&self, timer: i32, times: i32) -> bool {
        let mut queue = self.queue.lock();
        let signal = queue.iter_mut().find_map(|info| match &mut info.fields {
            Fields::Timer { id, overrun, .. } if *id == timer => Some(overrun),
            _ => None,
        });
        match signal {
            Some(overrun) => {
                *overrun = overrun.saturating_add(times);
                true
            }
            None => false,
        }
    }

    /// Forgets signals.
    pub(crate) fn forget(&self, signals: SigSet) {
        let mut queue = self.queue.lock();
        self.note(SigSet(self.set().0 & !signals.0));
        let before = queue.len();
        queue.retain(|info| !signals.contains(info.signal));
        QUEUED.fetch_sub(before - queue.len(), Ordering::Relaxed);
        // Under the lock: what is taken from here was taken before or after.
        if signals.contains(Signal::STOP) {
            self.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        QUEUED.fetch_sub(self.queue.get_mut().len(), Ordering::Relaxed);
    }
}

/// From this number on signals queue.
const FIRST_REAL_TIME: u8 = 32;

/// Signals that the program's own instruction raises come before all others.
const SYNCHRONOUS: SigSet = SigSet::EMPTY
    .with(Signal::SEGV)
    .with(Signal::BUS)
    .with(Signal::ILL)
    .with(Signal::TRAP)
    .with(Signal::FPE)
    .with(Signal::SYS);
