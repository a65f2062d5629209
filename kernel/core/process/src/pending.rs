//! What waits to be delivered, and what is known of it.

use abi::signal::{SI_USER, SigSet, Signal};
use alloc::collections::VecDeque;

/// What is known of one signal: the fields of `siginfo_t` that its kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Which.
    pub signal: Signal,
    /// `si_code`.
    pub code: i32,
    /// `si_errno`.
    pub errno: i32,
    /// The 112 bytes that depend on the kind, as the program sees them.
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
    /// Given byte for byte by a program (`rt_sigqueueinfo`).
    Raw([u8; 112]),
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

/// What waits to be delivered. Below 32 a signal is pending once; real-time signals queue.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) set: SigSet,
    queue: VecDeque<Info>,
}

impl Pending {
    /// Notes a signal; one that does not queue and is pending already is not noted again. False when it would have to queue and `limit` are there.
    pub(crate) fn add(&mut self, info: Info, limit: u64) -> bool {
        let full = self.queue.len() as u64 >= limit;
        if self.set.contains(info.signal) && (info.signal.0 < FIRST_REAL_TIME || (full && info.code == SI_USER)) {
            return true;
        }
        if full && info.signal.0 >= FIRST_REAL_TIME && info.code != SI_USER {
            return false;
        }
        self.set = self.set.with(info.signal);
        self.queue.push_back(info);
        true
    }

    /// Takes the signal that comes first among those that `mask` lets through: faults, then by number.
    pub(crate) fn take(&mut self, mask: SigSet) -> Option<Info> {
        let open = SigSet(self.set.0 & !mask.0);
        if open == SigSet::EMPTY {
            return None;
        }
        let synchronous = open.0 & SYNCHRONOUS.0;
        let first = if synchronous != 0 { synchronous } else { open.0 }.trailing_zeros();
        let signal = Signal::new(first + 1)?;
        let at = self.queue.iter().position(|info| info.signal == signal)?;
        let info = self.queue.remove(at)?;
        if !self.queue.iter().any(|other| other.signal == signal) {
            self.set = self.set.without(signal);
        }
        Some(info)
    }

    /// Adds to how often a timer ran out, if its signal is here; whether it is.
    pub(crate) fn count_overrun(&mut self, timer: i32, times: i32) -> bool {
        let signal = self.queue.iter_mut().find_map(|info| match &mut info.fields {
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

    /// Forgets a signal.
    pub(crate) fn forget(&mut self, signals: SigSet) {
        self.set = SigSet(self.set.0 & !signals.0);
        self.queue.retain(|info| !signals.contains(info.signal));
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
