//! Making threads and processes: `fork`, `vfork`, `clone`, `clone3`, and `unshare`, which takes back what was shared.
//!
//! A process that is made without sharing memory gets a copy-on-write copy of its maker's; one made with `CLONE_VFORK` keeps its maker waiting until it runs another program or
//! ends. Threads of one process share everything; what processes share, and stop sharing, is said once for all their threads.

use crate::Caller;
use crate::argument::Hex;
use abi::fcntl::OpenFlags;
use abi::sched::{CloneArgs, CloneFlags};
use abi::signal::Signal;
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use hal::thread::{KernelThread, UserFrame};
use process::signals::Before;
use process::{Beginnings, Process, Thread, registry};
use task::Task;
use usermem::UserPtr;
use vfs::capability;

calls! {
    56 "clone" = clone(CloneFlags, Hex, UserPtr<u32>, UserPtr<u32>, Hex) partial "no name spaces";
    57 "fork" = fork();
    58 "vfork" = vfork();
    272 "unshare" = unshare(CloneFlags) partial "no name spaces; threads of one process go on sharing: EINVAL";
    435 "clone3" = clone3(UserPtr<CloneArgs>, usize) partial "no name spaces";
}

fn fork(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    make(
        caller,
        &CloneArgs {
            exit_signal: u64::from(Signal::CHLD.0),
            ..CloneArgs::default()
        },
    )
}

fn vfork(caller: &mut Caller<'_>, (): ()) -> Result<u64> {
    let flags = (CloneFlags::VM | CloneFlags::VFORK).bits();
    make(
        caller,
        &CloneArgs {
            flags,
            exit_signal: u64::from(Signal::CHLD.0),
            ..CloneArgs::default()
        },
    )
}

fn clone(
    caller: &mut Caller<'_>,
    (flags, stack, parent_tid, child_tid, tls): (CloneFlags, Hex, UserPtr<u32>, UserPtr<u32>, Hex),
) -> Result<u64> {
    if flags.contains(CloneFlags::PIDFD | CloneFlags::PARENT_SETTID) {
        return Err(Error::new(
            Errno::EINVAL,
            "the descriptor and the number go to one place",
        ));
    }
    make(
        caller,
        &CloneArgs {
            flags: flags.bits() & 0xffff_ff00,
            pidfd: parent_tid.address(),
            child_tid: child_tid.address(),
            parent_tid: parent_tid.address(),
            exit_signal: flags.bits() & 0xff,
            stack: stack.0,
            tls: tls.0,
            ..CloneArgs::default()
        },
    )
}

fn clone3(caller: &mut Caller<'_>, (args, size): (UserPtr<CloneArgs>, usize)) -> Result<u64> {
    const FIRST_VERSION: usize = 64;
    if size < FIRST_VERSION {
        return Err(Error::new(
            Errno::EINVAL,
            "the structure is shorter than its first version",
        ));
    }
    if size > 4096 {
        return Err(Error::new(Errno::E2BIG, "the structure is longer than a page"));
    }
    let mut words = [0u64; size_of::<CloneArgs>() / 8];
    for (at, word) in words.iter_mut().enumerate().take(size / 8) {
        *word = args.cast::<u64>().at(at as u64).read()?;
    }
    for at in words.len()..size / 8 {
        if args.cast::<u64>().at(at as u64).read()? != 0 {
            return Err(Error::new(Errno::E2BIG, "the structure asks for what is not known"));
        }
    }
    let args: CloneArgs = zerocopy::transmute!(words);
    check_args(&args)?;
    make(
        caller,
        &CloneArgs {
            stack: args.stack.wrapping_add(args.stack_size),
            ..args
        },
    )
}

/// What `clone3` refuses of its structure.
fn check_args(args: &CloneArgs) -> Result<()> {
    const MOST_SPACES: u64 = 32;
    const SIGNAL: u64 = 0x7f;
    let flags = CloneFlags::from_bits_retain(args.flags);
    let without_signal = flags.intersects(CloneFlags::THREAD | CloneFlags::PARENT);
    let refused = [
        (
            args.set_tid_size > MOST_SPACES || (args.set_tid == 0) != (args.set_tid_size == 0),
            "numbers without a list, or a list without numbers",
        ),
        (args.exit_signal > 64, "no such signal"),
        (
            args.flags & (SIGNAL | CloneFlags::DETACHED.bits()) != 0 || args.flags >> 34 != 0,
            "unknown flags",
        ),
        (
            without_signal && args.exit_signal != 0,
            "what has the caller's parent sends what the caller sends",
        ),
        ((args.stack == 0) != (args.stack_size == 0), "half a stack"),
        (
            flags.contains(CloneFlags::PIDFD | CloneFlags::PARENT_SETTID) && args.pidfd == args.parent_tid,
            "the descriptor and the number go to one place",
        ),
    ];
    match refused.into_iter().find(|(refused, _)| *refused) {
        Some((_, why)) => Err(Error::new(Errno::EINVAL, why)),
        None => Ok(()),
    }
}

/// What would need name spaces, which there are none of.
const NEW_SPACES: CloneFlags = CloneFlags::NEWNS
    .union(CloneFlags::NEWCGROUP)
    .union(CloneFlags::NEWUTS)
    .union(CloneFlags::NEWIPC)
    .union(CloneFlags::NEWUSER)
    .union(CloneFlags::NEWPID)
    .union(CloneFlags::NEWNET)
    .union(CloneFlags::INTO_CGROUP);

/// What `clone` refuses whatever is made.
fn check_flags(flags: CloneFlags) -> Result<()> {
    let needs = |what: CloneFlags, other: CloneFlags| flags.contains(what) && !flags.contains(other);
    if needs(CloneFlags::THREAD, CloneFlags::SIGHAND) || needs(CloneFlags::SIGHAND, CloneFlags::VM) {
        return Err(Error::new(
            Errno::EINVAL,
            "threads share handlers, and who shares handlers shares memory",
        ));
    }
    if flags.intersects(NEW_SPACES) {
        return Err(Error::new(Errno::EINVAL, "there is one name space of each kind"));
    }
    let both = |one: CloneFlags, other: CloneFlags| flags.contains(one | other);
    if both(CloneFlags::PIDFD, CloneFlags::DETACHED) {
        return Err(Error::new(Errno::EINVAL, "nobody waits for what is detached"));
    }
    if both(CloneFlags::FS, CloneFlags::NEWNS)
        || both(CloneFlags::FS, CloneFlags::NEWUSER)
        || both(CloneFlags::THREAD, CloneFlags::NEWUSER)
        || both(CloneFlags::THREAD, CloneFlags::NEWPID)
        || both(CloneFlags::SIGHAND, CloneFlags::CLEAR_SIGHAND)
    {
        return Err(Error::new(Errno::EINVAL, "what is shared cannot be new"));
    }
    Ok(())
}

fn make(caller: &mut Caller<'_>, args: &CloneArgs) -> Result<u64> {
    let flags = CloneFlags::from_bits_retain(args.flags);
    check_flags(flags)?;
    check_limits(caller)?;
    let before = Before::now();
    if caller.thread.has_signal() {
        return Err(Error::new(Errno::ERESTARTNOINTR, "signals come first"));
    }
    if flags.contains(CloneFlags::PIDFD) {
        let limit = caller.process().limit(abi::resource::RLIMIT_NOFILE);
        caller.process().files().check_room(limit)?;
    }
    let tid = number(caller, args)?;
    if flags.contains(CloneFlags::THREAD) {
        let process = Arc::clone(caller.process());
        start(caller, args, flags, tid, process, before)?;
        return Ok(u64::from(tid));
    }
    let child = make_process(caller, args, flags, tid)?;
    start(caller, args, flags, tid, Arc::clone(&child), before)?;
    if flags.contains(CloneFlags::VFORK) {
        // The child may run in this process's memory: this one goes on when the child has ended or runs another program.
        task::wait_killable(&[&child.changed], || child.has_released_maker().then_some(()));
    }
    Ok(u64::from(tid))
}

/// The number of what is made: the caller's choice, or the next.
fn number(caller: &Caller<'_>, args: &CloneArgs) -> Result<u32> {
    match args.set_tid_size {
        0 => registry::new_number(),
        1 => {
            let wanted = UserPtr::<u32>::new(args.set_tid).read()?;
            if !caller.process().credentials().has(capability::SYS_ADMIN) {
                return Err(Error::new(Errno::EPERM, "choosing numbers needs CAP_SYS_ADMIN"));
            }
            registry::choose_number(wanted)
        }
        _ => Err(Error::new(Errno::EINVAL, "there is one name space of numbers")),
    }
}

/// A process like the caller's, without threads yet.
fn make_process(caller: &Caller<'_>, args: &CloneArgs, flags: CloneFlags, pid: u32) -> Result<Arc<Process>> {
    let own = caller.process();
    let shares_memory = flags.contains(CloneFlags::VM);
    let space = if shares_memory {
        own.space()
    } else {
        own.space().fork()?
    };
    let files = if flags.contains(CloneFlags::FILES) {
        own.files()
    } else {
        own.files().duplicate()
    };
    let begins = Beginnings {
        space,
        files,
        view: own.view(),
        limits: own.limits.lock().clone(),
        group: own.group.load(Ordering::Relaxed),
        session: own.session.load(Ordering::Relaxed),
    };
    let child = Process::new(pid, Arc::downgrade(own), begins);
    child.inherit(own);
    if flags.contains(CloneFlags::SIGHAND) {
        child.signals.share_actions(&own.signals);
    } else if flags.contains(CloneFlags::CLEAR_SIGHAND) {
        child.signals.reset();
    }
    if flags.contains(CloneFlags::FS) {
        child.share_place(own);
    }
    let exit_signal = if flags.contains(CloneFlags::PARENT) {
        own.exit_signal.load(Ordering::Relaxed)
    } else {
        args.exit_signal as u32
    };
    child.exit_signal.store(exit_signal, Ordering::Relaxed);
    child.timers.watch_limit(&child);
    child.set_holds_maker(flags.contains(CloneFlags::VFORK));
    process::family::enter(&child, own, flags.contains(CloneFlags::PARENT))?;
    registry::add_process(&child);
    Ok(child)
}

/// Frames that a thread's stack and bookkeeping take, about.
const THREAD_FRAMES: u64 = 8;
const NO_MEMORY: Error = Error::new(Errno::EAGAIN, "no memory is left for a thread");

/// Most threads that there can be: an eighth of memory, if each takes four pages for its stack (Linux: `max_threads`).
fn most_threads() -> u64 {
    (frames::usage().total / 32).max(64)
}

fn check_limits(caller: &Caller<'_>) -> Result<()> {
    let threads = registry::thread_count() as u64;
    // What is left is for those that run already.
    let spare = THREAD_FRAMES + frames::usage().total / 64;
    if !frames::has_headroom(spare) || threads >= most_threads() {
        return Err(NO_MEMORY);
    }
    // Few are so many that they have to be counted.
    let limit = caller.process().limit(abi::resource::RLIMIT_NPROC);
    if threads < limit {
        return Ok(());
    }
    let who = caller.process().credentials();
    let privileged = who.uid == 0 || who.has(capability::SYS_RESOURCE) || who.has(capability::SYS_ADMIN);
    if !privileged && registry::tasks_of(who.uid) >= limit {
        return Err(Error::new(
            Errno::EAGAIN,
            "the user has as many threads as RLIMIT_NPROC says",
        ));
    }
    Ok(())
}

/// Makes the first or another thread of a process and lets it run.
fn start(
    caller: &mut Caller<'_>,
    args: &CloneArgs,
    flags: CloneFlags,
    tid: u32,
    process: Arc<Process>,
    before: Before,
) -> Result<()> {
    let thread = Thread::new(tid, Arc::clone(&process), caller.thread.name());
    let result = prepare(caller, args, flags, &thread).and_then(|task| {
        registry::add_thread(&thread);
        // Whoever ends all processes has either found this one, or has told its maker before.
        if caller.process().is_ending() || !process.add_thread(&thread) {
            return Err(Error::new(Errno::EAGAIN, "the process is ending"));
        }
        // Whoever signals a group signals the maker alone before it makes a process, or both after that.
        if !flags.contains(CloneFlags::THREAD) && before.is_past() && caller.thread.has_signal() {
            return Err(Error::new(Errno::ERESTARTNOINTR, "a signal for several came first"));
        }
        if flags.contains(CloneFlags::PIDFD) {
            give_descriptor(caller, args, flags, &thread).inspect_err(|_| process.drop_thread(tid))?;
        }
        Ok(task)
    });
    match result {
        Ok(task) => {
            crate::cpus::start_other_cpus();
            task::spawn(&task);
            Ok(())
        }
        Err(error) => {
            registry::remove_thread(&thread);
            if !flags.contains(CloneFlags::THREAD)
                && let Some(parent) = process.parent()
            {
                process::exit::forget_child(&parent, &process);
            }
            Err(error)
        }
    }
}

/// Gives the caller a descriptor of what it makes.
fn give_descriptor(caller: &Caller<'_>, args: &CloneArgs, flags: CloneFlags, thread: &Arc<Thread>) -> Result<()> {
    let named = flags.contains(CloneFlags::THREAD).then(|| Arc::clone(thread));
    let file = process::pidfd::open(&thread.process, named, OpenFlags::empty());
    let fd = super::open::add(caller, file, true)? as i32;
    UserPtr::new(args.pidfd).write(&fd).inspect_err(|_| {
        drop(caller.process().files().remove(fd));
    })
}

/// Processes stop sharing what they were made to share.
fn unshare(caller: &mut Caller<'_>, (flags,): (CloneFlags,)) -> Result<u64> {
    let alone = CloneFlags::THREAD | CloneFlags::SIGHAND | CloneFlags::VM;
    let known = alone | CloneFlags::FS | CloneFlags::FILES | CloneFlags::SYSVSEM;
    let process = caller.process();
    if flags.intersects(NEW_SPACES) && !process.credentials().has(capability::SYS_ADMIN) {
        return Err(Error::new(Errno::EPERM, "new name spaces need CAP_SYS_ADMIN"));
    }
    let shared = process.thread_count() > 1
        || (flags.contains(CloneFlags::SIGHAND) && process.signals.shares_actions())
        || (flags.contains(CloneFlags::VM) && process.space().is_shared());
    let threads_would_part = flags.intersects(known) && shared;
    if !(flags - known).is_empty() || threads_would_part {
        return Err(Error::new(Errno::EINVAL, "what cannot be told apart"));
    }
    if flags.contains(CloneFlags::FS) {
        process.unshare_place();
    }
    if flags.contains(CloneFlags::FILES) {
        process.unshare_files();
    }
    Ok(0)
}

/// The task of a new thread, with the caller's registers.
fn prepare(caller: &Caller<'_>, args: &CloneArgs, flags: CloneFlags, thread: &Arc<Thread>) -> Result<Arc<Task>> {
    thread.set_mask(caller.thread.signals.mask());
    if !flags.contains(CloneFlags::VM) || flags.contains(CloneFlags::VFORK) {
        let stack = *caller.thread.signals.stack.lock();
        *thread.signals.stack.lock() = stack;
    }
    thread
        .timer_slack
        .store(caller.thread.timer_slack.load(Ordering::Relaxed), Ordering::Relaxed);
    if !flags.contains(CloneFlags::VM) {
        thread.rseq.inherit(&caller.thread.rseq);
    }
    if flags.contains(CloneFlags::CHILD_CLEARTID) {
        thread.clear_child_tid.store(args.child_tid, Ordering::Relaxed);
    }
    let mut frame = *caller.frame;
    frame.set_result(0);
    if args.stack != 0 {
        frame.set_stack_pointer(args.stack);
    }
    let start = Start {
        frame,
        child_tid: flags.contains(CloneFlags::CHILD_SETTID).then_some(args.child_tid),
    };
    let mut kernel_thread = KernelThread::with_closure(move || begin(&start)).ok_or(NO_MEMORY)?;
    let tls = flags.contains(CloneFlags::SETTLS).then_some(args.tls);
    if !kernel_thread.copy_program(tls) {
        return Err(NO_MEMORY);
    }
    if flags.contains(CloneFlags::PARENT_SETTID) {
        UserPtr::<u32>::new(args.parent_tid).write(&thread.tid())?;
    }
    let task = Task::new(kernel_thread, Some(task::Payload::new(Arc::clone(thread))));
    task.set_memory(thread.process.space().id());
    task.set_affinity(task::with_current(|task| task.affinity()));
    let (policy, nice) = task::with_current(|task| super::thread::inherited(task));
    task.set_policy(policy);
    task.set_nice(nice);
    thread.set_task(&task);
    Ok(task)
}

/// What a new thread begins with.
struct Start {
    frame: UserFrame,
    /// Where it stores its own number, if anywhere.
    child_tid: Option<u64>,
}

/// The first thing that a new thread does.
fn begin(start: &Start) -> ! {
    task::scheduler::finish_switch();
    if let Some(address) = start.child_tid {
        let tid = process::with_thread(|thread| thread.tid()).unwrap_or(0);
        let _ = UserPtr::<u32>::new(address).write(&tid);
    }
    let mut frame = start.frame;
    crate::leave::before_user(&mut frame);
    hal::thread::enter_program(&frame)
}
