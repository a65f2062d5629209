//! What all threads of a program share.

use crate::exit::Status;
use crate::files::FileTable;
use crate::limits::LimitSet;
use crate::program::Program;
use crate::session::ControllingTerminal;
use crate::signals::Signals;
use crate::stop::Stop;
use crate::thread::{NAME, Thread, with_thread};
use crate::timers::Timers;
use crate::usage::Past;
use abi::resource::{RLIMIT_FSIZE, Rlimit};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use lock::SpinLock;
use lock::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use space::AddressSpace;
use task::WaitQueue;

/// A process.
pub struct Process {
    /// Its number.
    pub pid: u32,
    parent: SpinLock<Weak<Process>>,
    /// Its children, those that have ended but were not waited for included.
    pub children: SpinLock<Vec<Arc<Process>>>,
    threads: SpinLock<Vec<Arc<Thread>>>,
    space: SpinLock<Arc<AddressSpace>>,
    has_left_space: AtomicBool,
    files: SpinLock<Arc<FileTable>>,
    view: SpinLock<Arc<vfs::Context>>,
    /// What signals do to it, and what is pending.
    pub signals: Signals,
    /// Whether it is stopped.
    pub stop: Stop,
    /// Its timers.
    pub timers: Timers,
    /// Its limits.
    pub limits: SpinLock<LimitSet>,
    /// What runs in it.
    pub program: SpinLock<Program>,
    /// Its process group and session.
    pub group: AtomicU32,
    /// See `group`.
    pub session: AtomicU32,
    pub(crate) terminal: SpinLock<Option<Arc<dyn ControllingTerminal>>>,
    /// The group that was in the foreground of its terminal when that hung up; 0 for none.
    pub former_foreground: AtomicU32,
    /// Whether it has run another program than its maker's.
    pub has_executed: AtomicBool,
    /// How it ended, once it has.
    pub(crate) status: SpinLock<Option<Status>>,
    /// Set as soon as all of it is to end.
    pub(crate) ending: SpinLock<Option<Status>>,
    /// All of its threads but one are to end: that one runs another program.
    is_narrowing: AtomicBool,
    /// Who waits for its children to change, and for the threads of a process that runs another program.
    pub changed: WaitQueue,
    /// Who waits for its threads and itself to end, whoever that is.
    pub ended: WaitQueue,
    /// With whom it shares its root, working directory and `umask`, if with anybody.
    pub(crate) sharing: SpinLock<Option<Arc<crate::sharing::Group>>>,
    /// When it began, in nanoseconds since boot.
    pub started: u64,
    /// What has been used already.
    pub(crate) past: Past,
    /// A copy of the soft `RLIMIT_FSIZE`, for every write to look at.
    file_size_limit: AtomicU64,
    /// Whether its maker waits until it has ended or runs another program (`vfork`).
    holds_maker: AtomicBool,
    /// How willingly it is killed when memory runs out, -1000 to 1000 (`/proc/self/oom_score_adj`).
    pub oom_adjustment: AtomicI32,
    /// The name of its first thread, once that has ended.
    last_name: SpinLock<Option<[u8; NAME]>>,
    /// Whether the kernel took it over when its parent ended: nobody waits for it.
    pub(crate) is_adopted: AtomicBool,
    /// `personality(2)`.
    pub personality: AtomicU32,
    /// Whether its user had more threads than `RLIMIT_NPROC` says when it became that user: it may not run another program then.
    pub is_too_many: AtomicBool,
    /// Whether it may be dumped and looked at (`PR_SET_DUMPABLE`).
    pub dumpable: AtomicU32,
    /// `PR_SET_NO_NEW_PRIVS`.
    pub no_new_privileges: AtomicBool,
    /// `PR_SET_THP_DISABLE`: told, and not made use of.
    pub no_huge_pages: AtomicBool,
    /// `PR_SET_CHILD_SUBREAPER`.
    pub subreaper: AtomicBool,
    /// The signal it gets when its parent ends (`PR_SET_PDEATHSIG`).
    pub parent_death_signal: AtomicU32,
    /// The signal its parent gets when it ends.
    pub exit_signal: AtomicU32,
}

impl core::fmt::Debug for Process {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "process {}", self.pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that never ran did not end either.
        self.leave_space();
        self.files.get_mut().remove_user();
    }
}

/// What a new process begins with.
#[derive(Debug)]
pub struct Beginnings {
    /// Its memory.
    pub space: Arc<AddressSpace>,
    /// Its descriptors.
    pub files: Arc<FileTable>,
    /// Its view of files.
    pub view: Arc<vfs::Context>,
    /// Its limits.
    pub limits: LimitSet,
    /// Its process group and session.
    pub group: u32,
    /// See `group`.
    pub session: u32,
}

impl Process {
    /// A process without threads.
    #[must_use]
    pub fn new(pid: u32, parent: Weak<Process>, begins: Beginnings) -> Arc<Self> {
        let file_size = begins.limits.soft(RLIMIT_FSIZE);
        begins.space.add_user();
        begins.files.add_user();
        Arc::new(Self {
            pid,
            parent: SpinLock::new(parent),
            children: SpinLock::new(Vec::new()),
            threads: SpinLock::new(Vec::new()),
            space: SpinLock::new(begins.space),
            has_left_space: AtomicBool::new(false),
            files: SpinLock::new(begins.files),
            view: SpinLock::new(begins.view),
            signals: Signals::default(),
            stop: Stop::default(),
            timers: Timers::default(),
            limits: SpinLock::new(begins.limits),
            program: SpinLock::new(Program::default()),
            group: AtomicU32::new(begins.group),
            session: AtomicU32::new(begins.session),
            terminal: SpinLock::new(None),
            former_foreground: AtomicU32::new(0),
            has_executed: AtomicBool::new(false),
            status: SpinLock::new(None),
            ending: SpinLock::new(None),
            is_narrowing: AtomicBool::new(false),
            changed: WaitQueue::new(),
            ended: WaitQueue::new(),
            sharing: SpinLock::new(None),
            started: time::now(),
            past: Past::default(),
            file_size_limit: AtomicU64::new(file_size),
            holds_maker: AtomicBool::new(false),
            oom_adjustment: AtomicI32::new(0),
            last_name: SpinLock::new(None),
            is_adopted: AtomicBool::new(false),
            personality: AtomicU32::new(0),
            is_too_many: AtomicBool::new(false),
            dumpable: AtomicU32::new(1),
            no_new_privileges: AtomicBool::new(false),
            no_huge_pages: AtomicBool::new(false),
            subreaper: AtomicBool::new(false),
            parent_death_signal: AtomicU32::new(0),
            exit_signal: AtomicU32::new(u32::from(abi::signal::Signal::CHLD.0)),
        })
    }

    /// Its memory.
    #[must_use]
    #[inline]
    pub fn space(&self) -> Arc<AddressSpace> {
        Arc::clone(&self.space.lock())
    }

    /// Gives it other memory; returns what it had.
    pub fn set_space(&self, space: Arc<AddressSpace>) -> Arc<AddressSpace> {
        space.add_user();
        let before = core::mem::replace(&mut *self.space.lock(), space);
        before.remove_user();
        before
    }

    /// Its descriptors.
    #[must_use]
    #[inline]
    pub fn files(&self) -> Arc<FileTable> {
        Arc::clone(&self.files.lock())
    }

    /// The open file behind one of its descriptors: [`Process::files`] and [`FileTable::get`] in one, for the hot paths.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn file(&self, fd: i32) -> abi::Result<Arc<vfs::File>> {
        self.files.lock().get(fd)
    }

    /// Gives it other descriptors.
    pub fn set_files(&self, files: Arc<FileTable>) -> Arc<FileTable> {
        files.add_user();
        let before = core::mem::replace(&mut *self.files.lock(), files);
        before.remove_user();
        before
    }

    /// From here on it has its descriptors for itself, if it shared them with other processes.
    pub fn unshare_files(&self) {
        let files = self.files();
        if files.is_shared() {
            drop(self.set_files(files.duplicate()));
        }
    }

    /// Its view of files.
    #[must_use]
    #[inline]
    pub fn view(&self) -> Arc<vfs::Context> {
        Arc::clone(&self.view.lock())
    }

    /// Changes its view of files; whoever uses the old one goes on with it.
    pub fn change_view<T>(&self, change: impl FnOnce(&mut vfs::Context) -> T) -> T {
        let mut view = self.view.lock();
        change(Arc::make_mut(&mut view))
    }

    /// Who it is.
    #[must_use]
    pub fn credentials(&self) -> Arc<vfs::Credentials> {
        Arc::clone(&self.view.lock().credentials)
    }

    /// Its parent, unless that has ended.
    #[must_use]
    pub fn parent(&self) -> Option<Arc<Process>> {
        self.parent.lock().upgrade()
    }

    /// Gives it another parent.
    pub(crate) fn set_parent(&self, parent: &Arc<Process>) {
        *self.parent.lock() = Arc::downgrade(parent);
    }

    /// Adds a thread. False when the process is ending, or all its threads but one are: it may not run.
    pub fn add_thread(&self, thread: &Arc<Thread>) -> bool {
        let mut threads = self.threads.lock();
        if self.ending.lock().is_some() || self.is_narrowing.load(Ordering::Relaxed) {
            return false;
        }
        threads.push(Arc::clone(thread));
        // Whoever stops the process has either found the thread, or has said so by now.
        if self.stop.is_stopped()
            && let Some(task) = thread.task()
        {
            task.note_work(task::Work::SIGNAL);
        }
        true
    }

    /// Lets no more threads come until [`Process::widen`], and returns those that there are. Nothing when the process is ending, or another thread has done this before.
    pub(crate) fn narrow(&self) -> Option<Vec<Arc<Thread>>> {
        let threads = self.threads.lock();
        if self.ending.lock().is_some() || self.is_narrowing.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some(threads.clone())
    }

    /// Threads may come again.
    pub(crate) fn widen(&self) {
        self.is_narrowing.store(false, Ordering::Relaxed);
    }

    /// Takes a thread out; whether it was the last.
    pub(crate) fn remove_thread(&self, tid: u32) -> bool {
        let mut threads = self.threads.lock();
        let at = threads.iter().position(|thread| thread.tid() == tid);
        let removed = at.map(|at| threads.remove(at));
        let last = threads.is_empty();
        drop(threads);
        drop(removed);
        last
    }

    /// Takes a thread out that has never run.
    pub fn drop_thread(&self, tid: u32) {
        self.remove_thread(tid);
    }

    /// Its threads.
    #[must_use]
    pub fn threads(&self) -> Vec<Arc<Thread>> {
        self.threads.lock().clone()
    }

    /// The first of its threads for which `is_it` holds.
    #[inline]
    pub fn find_thread(&self, is_it: impl Fn(&Thread) -> bool) -> Option<Arc<Thread>> {
        self.threads.lock().iter().find(|thread| is_it(thread)).cloned()
    }

    /// How many threads it has.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.threads.lock().len()
    }

    /// Its name: that of its first thread.
    #[must_use]
    pub fn name(&self) -> [u8; NAME] {
        if let Some(last) = *self.last_name.lock() {
            return last;
        }
        let threads = self.threads();
        let first = threads.iter().find(|thread| thread.tid() == self.pid);
        first.or(threads.first()).map_or([0; NAME], |thread| thread.name())
    }

    /// Its first thread has ended, or another takes its place.
    pub(crate) fn keep_name(&self, name: Option<[u8; NAME]>) {
        *self.last_name.lock() = name;
    }

    /// Whether all of it is to end, or has.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.lock().is_some()
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        *self.status.lock()
    }

    /// Takes over what a child gets from its maker besides memory, descriptors and limits.
    pub fn inherit(&self, maker: &Self) {
        self.signals.copy_actions(&maker.signals);
        self.set_terminal(maker.terminal());
        let program = maker.program.lock().clone();
        *self.program.lock() = program;
        for (own, other) in [
            (&self.personality, &maker.personality),
            (&self.dumpable, &maker.dumpable),
        ] {
            own.store(other.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.oom_adjustment
            .store(maker.oom_adjustment.load(Ordering::Relaxed), Ordering::Relaxed);
        self.no_huge_pages
            .store(maker.no_huge_pages.load(Ordering::Relaxed), Ordering::Relaxed);
        self.no_new_privileges
            .store(maker.no_new_privileges.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Says whether its maker waits until it has ended or runs another program; when it has, its maker is told.
    pub fn set_holds_maker(&self, holds: bool) {
        self.holds_maker.store(holds, Ordering::SeqCst);
        self.changed.wake_all();
    }

    /// Whether its maker need not wait for it (any more).
    #[must_use]
    pub fn has_released_maker(&self) -> bool {
        !self.holds_maker.load(Ordering::Acquire)
    }

    /// Leaves its memory at its end, for good; whether nobody runs in it any more.
    pub(crate) fn leave_space(&self) -> bool {
        !self.has_left_space.swap(true, Ordering::AcqRel) && self.space.lock().remove_user()
    }

    /// The soft limit of file sizes.
    #[must_use]
    #[inline]
    pub fn file_size_limit(&self) -> u64 {
        self.file_size_limit.load(Ordering::Relaxed)
    }

    /// Sets a limit.
    pub fn set_limit(&self, which: usize, limit: Rlimit) {
        let mut limits = self.limits.lock();
        limits.set(which, limit);
        self.file_size_limit.store(limits.soft(RLIMIT_FSIZE), Ordering::Relaxed);
    }

    /// A soft limit.
    #[must_use]
    #[inline]
    pub fn limit(&self, which: usize) -> u64 {
        self.limits.lock().soft(which)
    }
}

/// The process that runs on this CPU, if one does.
#[must_use]
pub fn current() -> Option<Arc<Process>> {
    with_thread(|thread| Arc::clone(&thread.process))
}
