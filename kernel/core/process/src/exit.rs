//! The end of threads and processes.

use crate::family::{self, News};
use crate::registry;
use crate::session;
use crate::shared::Process;
use crate::signals::{self, Fields, Info};
use crate::stop;
use crate::thread::{Thread, with_thread};
use abi::signal::{SigSet, Signal};
use alloc::sync::Arc;
use lock::Once;
use lock::atomic::Ordering;
use task::Work;

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// By itself, with a code.
    Exited(u8),
    /// By a signal.
    Signaled(Signal),
}

impl Status {
    /// As `wait4` tells it.
    #[must_use]
    pub fn to_wait(self) -> i32 {
        match self {
            Self::Exited(code) => i32::from(code) << 8,
            Self::Signaled(signal) => i32::from(signal.0),
        }
    }

    /// As a shell tells it: the code, or 128 and the signal.
    #[must_use]
    pub fn to_shell(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Signaled(signal) => 128 + signal.0,
        }
    }
}

static END: Once<fn(Status) -> !> = Once::new();

/// Registers what is done when the application has ended.
pub fn set_end(end: fn(Status) -> !) {
    let _ = END.set(end);
}

/// Ends the running process with all its threads. The first to say so says how.
pub fn exit_process(status: Status) -> ! {
    if let Some(process) = crate::current() {
        begin_end(&process, status);
    }
    exit_thread(status)
}

/// Makes all threads of a process end.
pub fn begin_end(process: &Arc<Process>, status: Status) {
    process.ending.lock().get_or_insert(status);
    for thread in process.threads() {
        thread.add_work(Work::EXIT);
    }
}

/// Ends the running thread; with `status` if it is the last of its process and nobody has said how the process ends.
pub fn exit_thread(status: Status) -> ! {
    with_thread(|thread| end_thread(thread, status));
    task::exit_current()
}

fn end_thread(thread: &Thread, status: Status) {
    let process = Arc::clone(&thread.process);
    release_user_state(thread);
    process.keep_usage_of(thread);
    let tid = thread.tid();
    if tid == process.pid {
        process.keep_name(Some(thread.name()));
    }
    let last = process.remove_thread(tid);
    if last {
        let status = *process.ending.lock().get_or_insert(status);
        end_process(&process, status);
    }
    stop::look_whether_all_wait(&process);
    // What the thread was told to look at, another does now.
    if process.signals.pending() != SigSet::EMPTY {
        process.threads().iter().for_each(|other| other.look_again());
    }
    registry::remove_thread(thread);
    process.changed.wake_all();
    process.ended.wake_all();
}

/// What a thread leaves behind in its program's memory: robust futexes that it held, and the word that its maker waits for.
fn release_user_state(thread: &Thread) {
    let list = thread.robust_list.swap(0, Ordering::Relaxed);
    if list != 0 {
        futex::release_robust(&thread.process.space(), list, thread.tid());
    }
    let word = thread.clear_child_tid.swap(0, Ordering::Relaxed);
    if word != 0 && usermem::write_bytes(word, &[0; 4]).is_ok() {
        let _ = futex::wake(&thread.process.space(), word, 1, u32::MAX, futex::Scope::Shared);
    }
}

fn end_process(process: &Arc<Process>, status: Status) {
    let end = END.get().filter(|_| process.pid == 1);
    if end.is_some() {
        task::with_current(|task| task.clear_work(Work::EXIT));
        end_others(process);
    }
    process.timers.clear(false);
    crate::semaphores::leave(process.pid);
    let files = process.set_files(crate::FileTable::new());
    drop(files);
    if let Some(end) = end {
        end(status);
    }
    process.note_peak();
    leave_memory(process);
    session::leave(process);
    // What it ran may be written again, and nobody shares its place any more.
    *process.program.lock() = crate::Program::default();
    process.unshare_place();
    let parent = process.parent();
    let ended = family::end(process, status);
    ended.orphans.iter().for_each(|orphan| leave_orphan(orphan, process));
    if let Some(parent) = parent {
        session::look_after_orphans(process, &parent);
    }
    ended.news.iter().for_each(wake_parent);
    wake_parent(&ended.own);
}

/// Nobody outlives the application, as with the first process of a container: what the others had open is closed, and their peers hear of it. Who does not end in time is left.
fn end_others(own: &Arc<Process>) {
    const PATIENCE: u64 = 1_000_000_000;
    let is_left = |process: &Arc<Process>| !Arc::ptr_eq(process, own) && process.status().is_none();
    task::look_until(time::now() + PATIENCE, &mut || {
        let mut others = registry::processes();
        others.retain(is_left);
        for other in &others {
            begin_end(other, Status::Signaled(Signal::KILL));
        }
        others.is_empty()
    });
}

/// A child of a process that ended has another parent now.
fn leave_orphan(orphan: &Arc<Process>, process: &Arc<Process>) {
    let death = Signal::new(orphan.parent_death_signal.load(Ordering::Relaxed));
    if let Some(signal) = death {
        signals::send(orphan, Info::sent(signal, abi::signal::SI_USER, process.pid, 0));
    }
    if orphan.status().is_none() {
        session::look_after_orphans(orphan, process);
    }
}

/// Empties the memory of a process that ends, unless another process runs in it too. (It would be freed with the process's last trace as well, but that may
/// be long after.)
fn leave_memory(process: &Process) {
    if process.leave_space() {
        process.space().clear();
    }
    process.set_holds_maker(false);
}

/// Wakes the parent of a child that has ended, if it has one that hears of it.
fn wake_parent(news: &News) {
    if news.is_gone {
        vanish(&news.child);
    }
    if let Some(parent) = &news.parent {
        parent.changed.wake_all();
    }
}

/// Nobody has a process for a child any more.
fn vanish(child: &Process) {
    registry::remove_process(child.pid);
    child.ended.wake_all();
}

/// Nanoseconds of one tick, as times are counted in signals.
pub(crate) const TICK: u64 = 10_000_000;

pub(crate) fn child_info(signal: Signal, process: &Process, status: Status) -> Info {
    const EXITED: i32 = 1;
    const KILLED: i32 = 2;
    let (code, number) = match status {
        Status::Exited(code) => (EXITED, i32::from(code)),
        Status::Signaled(signal) => (KILLED, i32::from(signal.0)),
    };
    let times = process.usage().times;
    let uid = process.credentials().uid;
    Info {
        signal,
        code,
        errno: 0,
        fields: Fields::Child {
            pid: process.pid,
            uid,
            status: number,
            user: (times.user / TICK) as i64,
            system: (times.system / TICK) as i64,
        },
    }
}

/// A child that has ended has been waited for: it is gone now. False if another thread of the parent was faster.
pub fn bury_child(parent: &Process, child: &Arc<Process>) -> bool {
    let mine = family::take(parent, child);
    if mine {
        parent.keep_usage_of_child(child);
        vanish(child);
    }
    mine
}

/// A child is gone that never was.
pub fn forget_child(parent: &Process, child: &Arc<Process>) {
    family::take(parent, child);
    vanish(child);
}

/// The running thread is to be the only one of its process, with the process's number: for `execve`. The others end, and no more come. Of several threads that want this the first
/// gets it, and the others end too.
///
/// # Errors
/// `EAGAIN` when the process is ending already, or another thread was first.
pub fn become_sole(thread: &Thread) -> abi::Result<()> {
    let process = &thread.process;
    let Some(threads) = process.narrow() else {
        // Whoever was first says so soon, or has: this thread must not go back to its program before.
        task::wait_killable(&[&process.changed], || None::<()>);
        return Err(ENDING);
    };
    let me = thread.tid();
    for other in threads.iter().filter(|other| other.tid() != me) {
        other.add_work(Work::EXIT);
    }
    drop(threads);
    let outcome = wait_until_alone(process);
    process.widen();
    outcome?;
    // Signals wait for the new program.
    thread.look_again();
    if me != process.pid {
        registry::remove_thread(thread);
        thread.set_tid(process.pid);
        process.keep_name(None);
        if let Some(own) = process.threads().first() {
            registry::add_thread(own);
        }
    }
    Ok(())
}

const ENDING: abi::Error = abi::Error::new(abi::Errno::EAGAIN, "the thread is to end");

/// Waits until the running thread is its process's only one.
fn wait_until_alone(process: &Process) -> abi::Result<()> {
    let alone = || (process.thread_count() <= 1).then_some(());
    while task::wait_until(&[&process.changed], None, alone).is_err() {
        let ending = task::with_current(|task| {
            task.clear_work(Work::SIGNAL);
            task.work() & Work::EXIT != 0
        });
        if ending {
            return Err(ENDING);
        }
    }
    Ok(())
}
