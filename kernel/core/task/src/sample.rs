//! Whose time it was: running time told apart by samples, as Linux's tick accounting does.
//!
//! How long a task ran is known to the nanosecond. How much of that was the kernel's is estimated: every [`PERIOD`] a CPU that runs a task looks where it is. Kernel code runs with
//! interrupts off, so that a tick that comes while the kernel works is seen when it returns to the program; the machine says whether it was so
//! (`behind_kernel`), and a task that leaves the CPU looks whether a tick is due. A system call pays nothing for this.
//!
//! Ticks come at fixed times and not a period after a task was given its CPU: otherwise tasks that run in short pieces would never be met.
//! A CPU that has nothing to run has no ticks. Load averages are taken on the way.

use crate::task::Task;
use hal::MAX_CPUS;
use lock::SpinLock;
use lock::atomic::{AtomicU64, Ordering};

/// Nanoseconds between two samples.
const PERIOD: u64 = 4_000_000;

/// What each CPU has done.
static CPUS: [CpuTimes; MAX_CPUS] = [const { CpuTimes::new() }; MAX_CPUS];

/// What a CPU has done.
struct CpuTimes {
    /// When its next sample is due. While it runs a task, its timer is set no later than that.
    next: AtomicU64,
    /// Nanoseconds that it ran tasks, until it last began to idle.
    busy: AtomicU64,
    /// Since when it has run tasks; 0 when it idles.
    since: AtomicU64,
    samples: Samples,
}

impl CpuTimes {
    const fn new() -> Self {
        Self {
            next: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            since: AtomicU64::new(0),
            samples: Samples::new(),
        }
    }
}

/// Forgets what another simulated machine left.
#[cfg(not(target_os = "none"))]
pub(crate) fn forget_all() {
    for times in &CPUS {
        for word in [&times.next, &times.busy, &times.since] {
            word.store(0, Ordering::Relaxed);
        }
    }
    *LOAD.lock() = Load {
        averages: [0; 3],
        next: LOAD_STEP,
    };
}

/// Nanoseconds that samples stand for.
#[derive(Debug)]
pub(crate) struct Samples {
    user: AtomicU64,
    system: AtomicU64,
    /// The largest kernel time that was ever told, and the largest program time: neither may shrink.
    told_system: AtomicU64,
    told_user: AtomicU64,
}

impl Samples {
    pub(crate) const fn new() -> Self {
        Self {
            user: AtomicU64::new(0),
            system: AtomicU64::new(0),
            told_system: AtomicU64::new(0),
            told_user: AtomicU64::new(0),
        }
    }

    fn add(&self, kernel: bool, nanos: u64) {
        let place = if kernel { &self.system } else { &self.user };
        place.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Divides running time into the program's and the kernel's.
    pub(crate) fn divide(&self, ran: u64) -> Times {
        let (user, system) = (self.user.load(Ordering::Relaxed), self.system.load(Ordering::Relaxed));
        let part = u128::from(ran) * u128::from(system) / u128::from((user + system).max(1));
        let told_user = self.told_user.load(Ordering::Relaxed);
        let system = (part as u64)
            .min(ran.saturating_sub(told_user))
            .max(self.told_system.load(Ordering::Relaxed));
        let times = Times {
            user: ran.saturating_sub(system),
            system,
        };
        self.told_user.fetch_max(times.user, Ordering::Relaxed);
        self.told_system.fetch_max(times.system, Ordering::Relaxed);
        times
    }
}

/// Running time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// In the program.
    pub user: u64,
    /// In the kernel, for the program.
    pub system: u64,
}

impl core::ops::AddAssign for Times {
    fn add_assign(&mut self, other: Self) {
        self.user += other.user;
        self.system += other.system;
    }
}

/// The tick came: notes what the CPU's task was doing, and has the next one come if the CPU has a task.
pub(crate) fn tick(task: &Task, cpu: usize, behind_kernel: bool) {
    let times = &CPUS[cpu];
    let now = time::now();
    if now >= times.next.load(Ordering::Relaxed) {
        times.take(task, now, behind_kernel);
    }
    if task.is_program() {
        time::arm(times.next.load(Ordering::Relaxed));
    }
}

impl CpuTimes {
    /// A sample is due: notes what `task` was doing.
    #[inline(never)]
    fn take(&self, task: &Task, now: u64, kernel: bool) {
        let due = self.next.swap(after(now), Ordering::Relaxed);
        if !task.is_program() {
            return;
        }
        // What is overdue was the kernel's: it does not let itself be interrupted. A tick that was due before the task ran is not its own.
        let overdue = now - due.max(task.since.load(Ordering::Relaxed)).min(now);
        let nanos = PERIOD + if kernel { overdue } else { 0 };
        task.samples.add(kernel, nanos);
        self.samples.add(kernel, nanos);
        LOAD.lock().update(now, || crate::scheduler::runnable() as u64);
    }
}

fn after(now: u64) -> u64 {
    (now / PERIOD + 1) * PERIOD
}

/// A CPU goes from one task to the next.
#[inline]
pub(crate) fn switch(from: &Task, next: &Task, cpu: usize, now: u64) {
    let times = &CPUS[cpu];
    if now >= times.next.load(Ordering::Relaxed) {
        times.take(from, now, true);
    }
    let ran = now.saturating_sub(from.since.load(Ordering::Relaxed));
    from.ran
        .store(from.ran.load(Ordering::Relaxed) + ran, Ordering::Relaxed);
    next.since.store(now, Ordering::Relaxed);
    if !from.is_program() {
        times.since.store(now, Ordering::Relaxed);
        time::arm(times.next.load(Ordering::Relaxed));
    } else if !next.is_program() {
        let since = times.since.swap(0, Ordering::Relaxed);
        times.busy.fetch_add(now.saturating_sub(since), Ordering::Relaxed);
    }
}

/// What a CPU has done since boot: nanoseconds in programs and in the kernel for them, and without anything to do.
#[must_use]
pub fn cpu_times(cpu: usize) -> (Times, u64) {
    let now = time::now();
    let Some(times) = CPUS.get(cpu) else {
        return (Times::default(), now);
    };
    let since = times.since.load(Ordering::Relaxed);
    let running = if since == 0 { 0 } else { now.saturating_sub(since) };
    let busy = times.busy.load(Ordering::Relaxed) + running;
    (times.samples.divide(busy), now.saturating_sub(busy))
}

/// Load averages as Linux keeps them: with 11 bits behind the point, brought up to date every five seconds.
struct Load {
    averages: [u64; 3],
    next: u64,
}

static LOAD: SpinLock<Load> = SpinLock::new(Load {
    averages: [0; 3],
    next: LOAD_STEP,
});

const LOAD_STEP: u64 = 5_000_000_000;
/// 1.0.
const ONE: u64 = 1 << 11;
/// What is left of an average after five seconds, for 1, 5 and 15 minutes.
const DECAY: [u64; 3] = [1884, 2014, 2037];
/// After so many steps nothing is left of any average.
const FORGOTTEN: u64 = 4000;

impl Load {
    /// Counts the tasks that are `active` for the last step, if it is over, and none for those that nobody looked at, because the CPUs idled.
    fn update(&mut self, now: u64, active: impl FnOnce() -> u64) {
        if now < self.next {
            return;
        }
        let steps = (now - self.next) / LOAD_STEP;
        for _ in 0..steps.min(FORGOTTEN) {
            self.step(0);
        }
        self.step(active());
        self.next += (steps + 1) * LOAD_STEP;
    }

    fn step(&mut self, active: u64) {
        for (average, decay) in self.averages.iter_mut().zip(DECAY) {
            let active = active * ONE;
            let up = if active >= *average { ONE - 1 } else { 0 };
            *average = (*average * decay + active * (ONE - decay) + up) / ONE;
        }
    }
}

/// The load averages of 1, 5 and 15 minutes, with 11 bits behind the point.
#[must_use]
pub fn load_averages() -> [u64; 3] {
    let mut load = LOAD.lock();
    load.update(time::now(), || crate::scheduler::runnable() as u64);
    load.averages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_divided_as_the_samples_say_and_never_shrinks() {
        let samples = Samples::new();
        assert_eq!(samples.divide(100), Times { user: 100, system: 0 });
        samples.add(true, PERIOD);
        // All samples were the kernel's, but what was told stays.
        assert_eq!(samples.divide(300), Times { user: 100, system: 200 });
        samples.add(false, PERIOD * 3);
        assert_eq!(samples.divide(400), Times { user: 200, system: 200 });
        assert_eq!(samples.divide(1200), Times { user: 900, system: 300 });
    }

    #[test]
    fn ticks_lie_on_a_grid() {
        assert_eq!(after(0), PERIOD);
        assert_eq!(after(PERIOD), 2 * PERIOD);
        assert_eq!(after(2 * PERIOD - 1), 2 * PERIOD);
    }

    #[test]
    fn a_load_rises_and_falls() {
        let mut load = Load {
            averages: [0; 3],
            next: LOAD_STEP,
        };
        for step in 1..=120 {
            load.update(step * LOAD_STEP, || 2);
        }
        assert!(load.averages[0] > ONE * 19 / 10 && load.averages[0] <= 2 * ONE);
        assert!(load.averages[2] < load.averages[1] && load.averages[1] < load.averages[0]);
        load.update(10_000 * LOAD_STEP, || 0);
        assert_eq!(load.averages, [0; 3]);
    }
}
