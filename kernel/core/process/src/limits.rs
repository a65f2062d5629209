//! Resource limits.

use abi::resource::{
    RLIM_INFINITY, RLIM_NLIMITS, RLIMIT_AS, RLIMIT_CORE, RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE,
    RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RTPRIO, RLIMIT_SIGPENDING, RLIMIT_STACK, Rlimit,
};

/// The limits of a process.
#[derive(Clone, Debug)]
pub struct LimitSet([Rlimit; RLIM_NLIMITS]);

impl LimitSet {
    /// What Linux gives the first process, with as many processes and pending signals as memory is good for.
    #[must_use]
    pub fn initial() -> Self {
        let mut limits = [Rlimit {
            soft: RLIM_INFINITY,
            hard: RLIM_INFINITY,
        }; RLIM_NLIMITS];
        let mut set = |which: usize, soft, hard| limits[which] = Rlimit { soft, hard };
        // A thread takes about eight pages; Linux lets threads fill an eighth of memory at the most.
        let threads = (frames::usage().total / 32).max(64);
        set(RLIMIT_STACK, 8 << 20, RLIM_INFINITY);
        set(RLIMIT_CORE, 0, RLIM_INFINITY);
        set(RLIMIT_NPROC, threads, threads);
        set(RLIMIT_NOFILE, 1024, 524_288);
        set(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
        set(RLIMIT_SIGPENDING, threads, threads);
        set(RLIMIT_MSGQUEUE, 819_200, 819_200);
        set(RLIMIT_NICE, 0, 0);
        set(RLIMIT_RTPRIO, 0, 0);
        Self(limits)
    }

    /// The limit with a number, if there is one.
    #[must_use]
    pub fn get(&self, which: usize) -> Option<Rlimit> {
        self.0.get(which).copied()
    }

    /// The soft limit; no limit for a number that is none.
    #[must_use]
    pub fn soft(&self, which: usize) -> u64 {
        self.0.get(which).map_or(RLIM_INFINITY, |limit| limit.soft)
    }

    /// Sets a limit.
    pub fn set(&mut self, which: usize, limit: Rlimit) {
        if let Some(slot) = self.0.get_mut(which) {
            *slot = limit;
        }
    }

    /// What memory management needs to know of them.
    #[must_use]
    pub fn for_space(&self, privileged: bool) -> space::Limits {
        space::Limits {
            address_space: self.soft(RLIMIT_AS),
            data: self.soft(RLIMIT_DATA),
            mapped_data: match self.0[RLIMIT_DATA] {
                Rlimit { soft: 0, hard } => hard,
                Rlimit { soft, .. } => soft,
            },
            stack: self.soft(RLIMIT_STACK),
            locked: self.soft(RLIMIT_MEMLOCK),
            privileged,
        }
    }
}
