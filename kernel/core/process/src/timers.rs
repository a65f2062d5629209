//! Timers that send signals: `setitimer(2)`, `alarm(2)` and `timer_create(2)`.
//!
//! A timer counts the time since boot, the time of day, or running time of its process or of a thread. For running time it is looked at again when it could have run out at the
//! earliest; a clock that was set back makes a timer be looked at again too.
//!
//! A timer has at most one signal pending; what runs out meanwhile is counted in that signal. Lock order: a process's timers → a timer → what sends signals; the timer's lock is not
//! held while its signal is sent.

use crate::exit::{Status, begin_end};
use crate::pending::QUEUED;
use crate::shared::Process;
use crate::signals::{self, Fields, Info};
use crate::thread::Thread;
use abi::resource::{RLIM_INFINITY, RLIMIT_CPU, Rlimit};
use abi::signal::{SI_TIMER, Signal};
use abi::time::NANOS_PER_SEC;
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicI32, Ordering};
use sortedmap::SortedMap;
use time::{Expire, TimerId};

/// What a timer counts.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Time since boot.
    Boot,
    /// Time of day.
    Wall,
    /// Running time of a process.
    Process(Weak<Process>),
    /// Running time of a process in its program.
    User(Weak<Process>),
    /// Running time of a thread.
    Thread(Weak<Thread>),
}

impl Clock {
    /// What it says; that of a process that is gone says 0.
    #[must_use]
    pub fn now(&self) -> u64 {
        match self {
            Self::Boot => time::now(),
            Self::Wall => time::wall_now(),
            Self::Process(process) => process.upgrade().map_or(0, |process| process.run_time()),
            Self::User(process) => process.upgrade().map_or(0, |process| process.user_time()),
            Self::Thread(thread) => {
                let task = thread.upgrade().and_then(|thread| thread.task());
                task.map_or(0, |task| task.run_time())
            }
        }
    }

    /// The time since boot at which the clock, with `left` to go, could be there at the earliest.
    #[must_use]
    pub fn earliest(&self, left: u64) -> u64 {
        let left = match self {
            Self::Boot | Self::Wall => left.max(TIME_STEP),
            Self::Thread(_) => left.max(RUNNING_TIME_STEP),
            Self::Process(_) | Self::User(_) => (left / hal::cpu::count().max(1) as u64).max(RUNNING_TIME_STEP),
        };
        time::now().saturating_add(left)
    }
}

/// Whom a timer tells that it has run out.
#[derive(Clone, Debug)]
pub enum Notify {
    /// Nobody: it is asked.
    Nobody,
    /// The process, as the kernel: interval timers.
    Kernel(Signal),
    /// The process, which has reached its limit of running time.
    Limit,
    /// The process, with a value.
    Process(Signal, u64),
    /// A thread, with a value.
    Thread(Weak<Thread>, Signal, u64),
}

/// When a timer runs out next, and how often after that, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Time that is left; 0 for a timer that does not run.
    pub left: u64,
    /// Time between one end and the next; 0 for once.
    pub interval: u64,
}

#[derive(Debug, Default)]
struct State {
    /// On the timer's clock.
    deadline: Option<u64>,
    interval: u64,
    armed: Option<TimerId>,
}

/// A timer.
#[derive(Debug)]
pub struct Timer {
    id: i32,
    clock: Clock,
    notify: Notify,
    owner: Weak<Process>,
    state: SpinLock<State>,
    /// How often it ran out besides, when its signal was delivered last.
    overrun: AtomicI32,
    /// Whether it counts among what is pending.
    _counted: Option<Counted>,
}

/// Something that may become pending at any time.
#[derive(Debug)]
struct Counted;

impl Counted {
    fn new() -> Self {
        QUEUED.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        QUEUED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Running time is looked at no more often than this.
const RUNNING_TIME_STEP: u64 = 1_000_000;
/// Time is looked at no more often than this, so that a timer with a tiny interval leaves its program time to run.
const TIME_STEP: u64 = 20_000;

impl Timer {
    fn arm(self: &Arc<Self>, state: &mut State) {
        if let Some(armed) = state.armed.take() {
            time::cancel(armed);
        }
        if let Some(deadline) = state.deadline
            && !matches!(self.notify, Notify::Nobody)
        {
            let left = deadline.saturating_sub(self.clock.now());
            state.armed = Some(time::add(self.clock.earliest(left), Arc::clone(self) as _));
        }
    }

    /// Sets it; `value` is a time on its clock if `absolute`. Returns how it was set before.
    pub fn set(self: &Arc<Self>, value: u64, interval: u64, absolute: bool) -> Setting {
        let mut state = self.state.lock();
        let before = self.look(&mut state);
        state.deadline = match value {
            0 => None,
            value if absolute => Some(value),
            value => Some(self.clock.now().saturating_add(value)),
        };
        state.interval = interval;
        self.overrun.store(0, Ordering::Relaxed);
        self.arm(&mut state);
        before
    }

    /// How it is set.
    #[must_use]
    pub fn setting(&self) -> Setting {
        self.look(&mut self.state.lock())
    }

    fn look(&self, state: &mut State) -> Setting {
        let interval = state.interval;
        let Some(deadline) = state.deadline else {
            return Setting { left: 0, interval };
        };
        let now = self.clock.now();
        let left = if matches!(self.notify, Notify::Nobody) && now >= deadline {
            match (now - deadline).checked_rem(interval) {
                Some(into) => interval - into,
                None => 0,
            }
        } else {
            // A timer that is about to send its signal still runs.
            deadline.saturating_sub(now).max(1)
        };
        Setting { left, interval }
    }

    /// How often it ran out besides, when its signal was delivered last.
    #[must_use]
    pub fn overrun(&self) -> i32 {
        self.overrun.load(Ordering::Relaxed)
    }

    /// Stops it for good.
    fn stop(&self) {
        let mut state = self.state.lock();
        state.deadline = None;
        if let Some(armed) = state.armed.take() {
            time::cancel(armed);
        }
    }

    fn tell(&self, missed: i32) {
        let Some(process) = self.owner.upgrade() else { return };
        let info = |signal, value| Info {
            signal,
            code: SI_TIMER,
            errno: 0,
            fields: Fields::Timer {
                id: self.id,
                overrun: missed,
                value,
            },
        };
        match &self.notify {
            Notify::Nobody => {}
            Notify::Kernel(signal) => drop(signals::send(&process, Info::kernel(*signal))),
            Notify::Limit => reach_limit(&process),
            Notify::Process(signal, value) => {
                if !process.signals.count_overrun(self.id, missed.saturating_add(1)) {
                    signals::send(&process, info(*signal, *value));
                }
            }
            Notify::Thread(thread, signal, value) => {
                if let Some(thread) = thread.upgrade()
                    && !thread.signals.count_overrun(self.id, missed.saturating_add(1))
                {
                    thread.send(info(*signal, *value));
                }
            }
        }
    }
}

impl Expire for Timer {
    fn expire(self: Arc<Self>) {
        let mut state = self.state.lock();
        let now = self.clock.now();
        let missed = match state.deadline {
            None => return,
            // Running time goes slower than time, and a clock may have been set back.
            Some(deadline) if now < deadline => return self.arm(&mut state),
            Some(deadline) => match (now - deadline).checked_div(state.interval) {
                Some(missed) => {
                    let ahead = missed.saturating_add(1).saturating_mul(state.interval);
                    state.deadline = Some(deadline.saturating_add(ahead));
                    missed
                }
                None => {
                    state.deadline = None;
                    0
                }
            },
        };
        self.arm(&mut state);
        drop(state);
        self.tell(i32::try_from(missed).unwrap_or(i32::MAX));
    }
}

/// The timers of a process. Those of `timer_create` count from 0; interval timers have numbers below that.
#[derive(Debug, Default)]
pub struct Timers {
    all: SpinLock<(SortedMap<i32, Arc<Timer>>, i32)>,
}

/// Which interval timer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interval {
    /// Time; sends `SIGALRM`.
    Real,
    /// Running time in the program; sends `SIGVTALRM`.
    Virtual,
    /// Running time; sends `SIGPROF`.
    Profiling,
}

impl Timers {
    /// An interval timer of a process.
    pub fn interval(&self, process: &Arc<Process>, which: Interval) -> Arc<Timer> {
        let (id, clock, signal) = match which {
            Interval::Real => (-1, Clock::Boot, Signal::ALRM),
            Interval::Virtual => (-2, Clock::User(Arc::downgrade(process)), Signal::VTALRM),
            Interval::Profiling => (-3, Clock::Process(Arc::downgrade(process)), Signal::PROF),
        };
        let mut all = self.all.lock();
        let timer = all
            .0
            .get_or_insert_with(id, || make(id, process, clock, Notify::Kernel(signal)));
        Arc::clone(timer)
    }

    /// The limit of running time has been set: has it noticed when it is reached.
    pub fn watch_limit(&self, process: &Arc<Process>) {
        const LIMIT: i32 = -4;
        let limits = process.limits.lock().get(RLIMIT_CPU);
        let seconds = limits.map_or(RLIM_INFINITY, |limit| limit.soft.min(limit.hard));
        let mut all = self.all.lock();
        let timer = match all.0.get(&LIMIT) {
            None if seconds == RLIM_INFINITY => return,
            Some(timer) => Arc::clone(timer),
            None => {
                let timer = make(LIMIT, process, Clock::Process(Arc::downgrade(process)), Notify::Limit);
                all.0.insert(LIMIT, Arc::clone(&timer));
                timer
            }
        };
        drop(all);
        let deadline = match seconds {
            RLIM_INFINITY => 0,
            some => some.saturating_mul(NANOS_PER_SEC).max(1),
        };
        timer.set(deadline, 0, true);
    }

    /// The time of day has been set: timers that go by it are set for what is left now.
    pub fn time_was_set(&self) {
        let timers: Vec<_> = self.all.lock().0.values().cloned().collect();
        for timer in timers.iter().filter(|timer| matches!(timer.clock, Clock::Wall)) {
            timer.arm(&mut timer.state.lock());
        }
    }

    /// Makes a timer; `notify` is told its number. Returns the number.
    ///
    /// # Errors
    /// `EAGAIN` when there are too many.
    pub fn create(&self, process: &Arc<Process>, clock: Clock, notify: impl FnOnce(i32) -> Notify) -> Result<i32> {
        if signals::has_all(process) {
            return Err(Error::new(Errno::EAGAIN, "the user has too many timers and signals"));
        }
        let mut all = self.all.lock();
        while all.0.contains_key(&all.1) {
            all.1 = all.1.wrapping_add(1) & i32::MAX;
        }
        let id = all.1;
        all.1 = id.wrapping_add(1) & i32::MAX;
        all.0.insert(id, make(id, process, clock, notify(id)));
        Ok(id)
    }

    /// How many timers the process has made.
    pub(crate) fn made(&self) -> usize {
        self.all.lock().0.keys().filter(|id| **id >= 0).count()
    }

    /// The timer with a number.
    #[must_use]
    pub fn find(&self, id: i32) -> Option<Arc<Timer>> {
        self.all.lock().0.get(&id).filter(|_| id >= 0).cloned()
    }

    /// Takes the timer with a number away; whether there was one.
    pub fn delete(&self, id: i32) -> bool {
        let timer = if id >= 0 { self.all.lock().0.remove(&id) } else { None };
        timer.is_some_and(|timer| {
            timer.stop();
            true
        })
    }

    /// Takes all timers away, or all but the interval timers: those go on when another program runs.
    pub fn clear(&self, keep_intervals: bool) {
        let mut all = self.all.lock();
        let (before, _) = core::mem::take(&mut *all);
        let stays = |id: i32| keep_intervals && id < 0;
        let kept = before.iter().filter(|(id, _)| stays(**id));
        all.0 = kept.map(|(id, timer)| (*id, Arc::clone(timer))).collect();
        drop(all);
        let gone = before.iter().filter(|(id, _)| !stays(**id));
        gone.for_each(|(_, timer)| timer.stop());
    }

    /// Notes how often a timer ran out besides, now that its signal is delivered.
    pub(crate) fn delivered(&self, id: i32, overrun: i32) {
        if let Some(timer) = self.find(id) {
            timer.overrun.store(overrun, Ordering::Relaxed);
        }
    }
}

/// A process has run as long as it may: `SIGXCPU` at the soft limit and every second after that, the end at the hard one.
fn reach_limit(process: &Arc<Process>) {
    let Some(limit) = process.limits.lock().get(RLIMIT_CPU) else {
        return;
    };
    let seconds = process.run_time() / NANOS_PER_SEC;
    if seconds >= limit.hard {
        begin_end(process, Status::Signaled(Signal::KILL));
        return;
    }
    if seconds >= limit.soft {
        signals::send(process, Info::kernel(Signal::XCPU));
        let soft = limit.soft.saturating_add(1);
        process.set_limit(RLIMIT_CPU, Rlimit { soft, ..limit });
    }
    process.timers.watch_limit(process);
}

fn make(id: i32, process: &Arc<Process>, clock: Clock, notify: Notify) -> Arc<Timer> {
    Arc::new(Timer {
        id,
        clock,
        notify,
        owner: Arc::downgrade(process),
        state: SpinLock::default(),
        overrun: AtomicI32::new(0),
        _counted: (id >= 0).then(Counted::new),
    })
}
