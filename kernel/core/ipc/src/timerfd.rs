//! Timers that are read: `timerfd_create(2)`.
//!
//! How often a timer has run out is worked out when somebody asks; the machine's timer only wakes those who wait, once, until somebody has read.

use abi::fcntl::OpenFlags;
use abi::{Errno, Error, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use task::WaitQueue;
use time::TimerId;
use usermem::Sink;
use vfs::{Direction, Events, File, FileLike};

struct State {
    /// When it runs out next, in nanoseconds since boot; nothing if it is not set.
    next: Option<u64>,
    /// Nanoseconds from one time to the next; 0 for once.
    interval: u64,
    wake_up: Option<TimerId>,
    of_day: Option<OfDay>,
}

/// What a timer has that runs out at a time of day.
struct OfDay {
    /// The time of day at boot, when it was set.
    base: u64,
    /// Whether who reads is told that the time was set (`TFD_TIMER_CANCEL_ON_SET`), and whether it was.
    tells: bool,
    was_set: bool,
}

/// Timers that run out at times of day.
static OF_DAY: SpinLock<Vec<Weak<TimerFile>>> = SpinLock::new(Vec::new());

/// The time of day has been set: timers that go by it run out sooner or later than they would have, and tell so if they are to.
pub fn time_was_set() {
    let timers: Vec<_> = OF_DAY.lock().iter().filter_map(Weak::upgrade).collect();
    for timer in timers {
        timer.time_was_set();
    }
}

impl State {
    /// How often it has run out by now, and forgets that.
    fn take(&mut self, now: u64) -> u64 {
        let Some(next) = self.next.filter(|next| *next <= now) else {
            return 0;
        };
        if self.interval == 0 {
            self.next = None;
            return 1;
        }
        let times = (now - next) / self.interval + 1;
        self.next = Some(next + times * self.interval);
        times
    }
}

/// A timer that is read.
pub struct TimerFile {
    own: Weak<Self>,
    clock: i32,
    state: SpinLock<State>,
    readable: WaitQueue,
}

/// What the machine's timer does, as long as the file is there.
struct Alarm(Weak<TimerFile>);

impl time::Expire for Alarm {
    fn expire(self: Arc<Self>) {
        if let Some(timer) = self.0.upgrade() {
            timer.readable.wake(usize::MAX, Events::READABLE.bits());
        }
    }
}

impl TimerFile {
    /// The clock that it was made for.
    #[must_use]
    pub fn clock(&self) -> i32 {
        self.clock
    }

    /// Sets when it runs out first, in nanoseconds since boot, and then after every interval; returns what was set, as [`TimerFile::get`]. `of_day` says that this is a
    /// time of day, and whether who reads is to be told when that was set.
    pub fn set(&self, next: Option<u64>, interval: u64, of_day: Option<bool>) -> (u64, u64) {
        if of_day.is_some() {
            let mut timers = OF_DAY.lock();
            timers.retain(|timer| timer.strong_count() > 0 && !timer.ptr_eq(&self.own));
            timers.push(Weak::clone(&self.own));
        }
        let mut state = self.state.lock();
        state.of_day = of_day.map(|tells| OfDay {
            base: time::wall_at_boot(),
            tells,
            was_set: false,
        });
        let before = remaining(&state);
        let old = state.wake_up.take();
        state.next = next;
        state.interval = interval;
        self.arm(&mut state);
        drop(state);
        if let Some(old) = old {
            time::cancel(old);
        }
        before
    }

    fn time_was_set(&self) {
        let mut state = self.state.lock();
        let Some(of_day) = &mut state.of_day else { return };
        let base = time::wall_at_boot();
        let later = of_day.base.wrapping_sub(base).cast_signed();
        (of_day.base, of_day.was_set) = (base, of_day.tells);
        let told = of_day.tells;
        if let Some(next) = &mut state.next {
            *next = next.saturating_add_signed(later);
            let old = state.wake_up.take();
            self.arm(&mut state);
            old.map(time::cancel);
        }
        drop(state);
        if told {
            self.readable.wake(usize::MAX, Events::READABLE.bits());
        }
    }

    /// Has those who wait woken when it runs out.
    fn arm(&self, state: &mut State) {
        state.wake_up = state
            .next
            .map(|next| time::add(next, Arc::new(Alarm(Weak::clone(&self.own)))));
    }

    /// Nanoseconds until it runs out (0 if it is not set), and from one time to the next.
    #[must_use]
    pub fn get(&self) -> (u64, u64) {
        remaining(&self.state.lock())
    }
}

fn remaining(state: &State) -> (u64, u64) {
    let now = time::now();
    let left = match state.next {
        None => 0,
        Some(next) if next > now => next - now,
        Some(_) if state.interval == 0 => 0,
        Some(next) => state.interval - (now - next) % state.interval,
    };
    (left, state.interval)
}

impl FileLike for TimerFile {
    fn read(&self, _file: &File, into: &mut Sink<'_>) -> Result<usize> {
        if into.left() < 8 {
            return Err(Error::new(Errno::EINVAL, "a count is eight bytes"));
        }
        let mut state = self.state.lock();
        if let Some(of_day) = &mut state.of_day
            && core::mem::take(&mut of_day.was_set)
        {
            return Err(Error::new(Errno::ECANCELED, "the time of day was set"));
        }
        let times = state.take(time::now());
        if times == 0 {
            return Err(Errno::EAGAIN.into());
        }
        self.arm(&mut state);
        drop(state);
        into.put_value(&times)
    }

    fn seek(&self, _file: &File, _offset: i64, _whence: u32) -> Result<u64> {
        Ok(0)
    }

    fn ready(&self, _file: &File) -> Events {
        let state = self.state.lock();
        let due = state.next.is_some_and(|next| next <= time::now());
        if due || state.of_day.as_ref().is_some_and(|of_day| of_day.was_set) {
            Events::IN
        } else {
            Events::empty()
        }
    }

    fn queue(&self, direction: Direction) -> Option<&WaitQueue> {
        (direction == Direction::Read).then_some(&self.readable)
    }

    fn describe(&self, _file: &File) -> Vec<u8> {
        let (left, interval) = self.get();
        let pair = |nanos: u64| (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let clock = self.clock;
        alloc::format!(
            "clockid: {clock}\nticks: 0\nsettime flags: 00\nit_value: {:?}\nit_interval: {:?}\n",
            pair(left),
            pair(interval)
        )
        .into_bytes()
    }
}

impl Drop for TimerFile {
    fn drop(&mut self) {
        if let Some(wake_up) = self.state.get_mut().wake_up.take() {
            time::cancel(wake_up);
        }
    }
}

/// Makes a timer that is not set; `flags` may have `O_NONBLOCK`.
#[must_use]
pub fn timerfd(clock: i32, flags: OpenFlags) -> Arc<File> {
    let timer = Arc::new_cyclic(|own| TimerFile {
        own: Weak::clone(own),
        clock,
        state: SpinLock::new(State {
            next: None,
            interval: 0,
            wake_up: None,
            of_day: None,
        }),
        readable: WaitQueue::new(),
    });
    let place = vfs::anonymous_place(b"anon_inode:[timerfd]", 0o600);
    vfs::anonymous_file(place, OpenFlags::RDWR | flags & OpenFlags::NONBLOCK, timer)
}
