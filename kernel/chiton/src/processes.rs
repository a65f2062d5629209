//! What `/proc` shows of processes.

use abi::Result;
use abi::mman::Prot;
use abi::resource::{RLIM_NLIMITS, Rlimit};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::Ordering;
use process::{Process, Thread, registry};
use procfs::{Activity, Mapping, ProcSource, Status, SystemV};
use vfs::{Credentials, File, Path};

/// Longest that arguments or the environment are shown.
const TEXT_LIMIT: u64 = 1 << 20;

/// All processes.
pub(crate) struct Processes;

/// A process or thread that somebody looks at. One that has ended has no threads any more.
struct Shown {
    process: Arc<Process>,
    thread: Option<Arc<Thread>>,
}

impl ProcSource for Processes {
    fn processes(&self) -> Vec<u32> {
        registry::processes().iter().map(|process| process.pid).collect()
    }

    fn find(&self, number: u32) -> Option<Arc<dyn procfs::Process>> {
        let thread = registry::thread(number);
        let process = match &thread {
            Some(thread) => Arc::clone(&thread.process),
            None => registry::process(number)?,
        };
        Some(Arc::new(Shown { process, thread }))
    }

    fn current(&self) -> Option<(u32, u32)> {
        process::with_thread(|thread| (thread.process.pid, thread.tid()))
    }

    fn system_v(&self, which: SystemV) -> Vec<u8> {
        match which {
            SystemV::Messages => process::messages::listing(),
            SystemV::Semaphores => process::semaphores::listing(),
            SystemV::Segments => process::segments::listing(),
        }
    }

    fn hostname(&self) -> Vec<u8> {
        dispatch::start::host_name()
    }

    fn network(&self, name: &str) -> Vec<u8> {
        netlink::content(name)
    }

    fn network_limit(&self, path: &[u8]) -> String {
        inet::limits::setting(path)
    }

    fn interfaces(&self) -> Vec<(u32, String)> {
        netlink::interfaces()
    }

    fn interface(&self, number: u32, what: &str) -> String {
        netlink::about(number, what)
    }

    fn activity(&self) -> Activity {
        let mut activity = Activity {
            threads: registry::thread_count() as u32,
            last_number: registry::last_number(),
            forks: u64::from(registry::last_number()),
            ..Activity::default()
        };
        for process in registry::processes() {
            for task in process.threads().iter().filter_map(|thread| thread.task()) {
                activity.running += u32::from(task.is_runnable());
            }
        }
        activity.switches = task::scheduler::switches();
        activity.loads = task::sample::load_averages();
        activity.cpu_times = (0..hal::cpu::count())
            .map(|cpu| {
                let (busy, idle) = task::sample::cpu_times(cpu);
                [busy.user, busy.system, idle]
            })
            .collect();
        activity
    }

    fn faults(&self) -> u64 {
        let all = registry::processes().into_iter();
        all.map(|process| process.usage().faults + process.children_usage().faults)
            .sum()
    }
}

impl Shown {
    /// The bytes of a range of the process's memory.
    fn text(&self, range: &Range<u64>) -> Vec<u8> {
        let len = range.end.saturating_sub(range.start).min(TEXT_LIMIT);
        let mut bytes = Vec::new();
        // Of what is longer than any piece of memory that is left, nothing is shown.
        if bytes.try_reserve_exact(len as usize).is_err() {
            return bytes;
        }
        bytes.resize(len as usize, 0);
        let read = self.process.space().peek(range.start, &mut bytes);
        bytes.truncate(read);
        bytes
    }

    fn fill_times(&self, status: &mut Status) {
        let usage = match &self.thread {
            Some(thread) if thread.tid() != self.process.pid => thread.usage(),
            _ => self.process.usage(),
        };
        status.user_time = usage.times.user;
        status.system_time = usage.times.system;
        status.voluntary_switches = usage.voluntary;
        status.involuntary_switches = usage.involuntary;
        status.minor_faults = usage.faults;
        let children = self.process.children_usage();
        status.children_user_time = children.times.user;
        status.children_system_time = children.times.system;
        status.children_minor_faults = children.faults;
        status.start_time = self.process.started;
    }

    fn fill_memory(&self, status: &mut Status) {
        let counters = self.process.space().counters();
        status.vm_size = counters.total;
        status.vm_peak = counters.peak_total;
        status.vm_resident = counters.resident;
        status.vm_resident_peak = counters.peak_resident;
        status.vm_data = counters.data;
        status.vm_stack = counters.stack;
        status.vm_text = counters.exec;
        status.vm_locked = counters.locked;
        (status.vm_file, status.vm_shared) = self.resident_files();
        let program = self.process.program.lock().clone();
        status.stack_start = program.stack;
        status.code = (program.text.start, program.text.end);
        status.arguments = (program.arguments.start, program.arguments.end);
        status.environment = (program.environment.start, program.environment.end);
        if program.file.is_some() {
            let has_heap = self.process.space().has_heap();
            status.program_break = if has_heap { program.data.end } else { 0 };
        }
    }

    /// How many pages of files are in its memory that it has not changed, and of shared memory.
    fn resident_files(&self) -> (u64, u64) {
        let space = self.process.space();
        let (mut files, mut shared) = (0, 0);
        for mapping in space.mappings_with_names(|mapping| mapping.shared) {
            let memory = [b"/dev/zero".as_slice(), b"/memfd:", b"/dev/shm/", b"/SYSV"];
            if mapping.shared && memory.iter().any(|name| mapping.name.starts_with(name)) {
                shared += space.resident_in(mapping.start..mapping.end);
            } else if mapping.inode != 0 && !mapping.prot.contains(Prot::WRITE) {
                files += space.resident_in(mapping.start..mapping.end);
            }
        }
        (files, shared)
    }

    fn fill_signals(&self, status: &mut Status) {
        status.shared_pending = self.process.signals.pending().0;
        let user = self.process.credentials().uid;
        let most = self.process.limit(abi::resource::RLIMIT_SIGPENDING);
        status.queued = (process::signals::queued_of(user), most);
        let (ignored, caught) = self.process.signals.ignored_and_caught();
        (status.ignored, status.caught) = (ignored.0, caught.0);
        if let Some(thread) = &self.thread {
            status.pending = thread.signals.pending().0;
            status.blocked = thread.signals.mask().0;
        }
    }
}

impl procfs::Process for Shown {
    fn status(&self) -> Status {
        let process = &self.process;
        let task = self.thread.as_ref().and_then(|thread| thread.task());
        let name = match &self.thread {
            Some(thread) => thread.name(),
            None => process.name(),
        };
        let mut status = Status {
            name: name.iter().copied().take_while(|byte| *byte != 0).collect(),
            state: match &task {
                None => b'Z',
                _ if process.status().is_some() => b'Z',
                _ if process.stop.is_stopped() => b'T',
                Some(task) if task.is_runnable() => b'R',
                _ => b'S',
            },
            process: process.pid,
            thread: self.thread.as_ref().map_or(process.pid, |thread| thread.tid()),
            parent: process.parent().map_or(0, |parent| parent.pid),
            group: process.group.load(Ordering::Relaxed),
            session: process.session.load(Ordering::Relaxed),
            terminal_group: -1,
            umask: process.view().umask,
            thread_count: process.thread_count() as u32,
            descriptor_slots: process.files().capacity() as u32,
            nice: task.as_ref().map_or(0, |task| task.nice()),
            cpu: task.as_ref().map_or(0, |task| task.cpu() as u32),
            affinity: task.as_ref().map_or(0, |task| task.affinity())
                & u64::MAX >> (64 - hal::cpu::count().clamp(1, 64)),
            no_new_privileges: process.no_new_privileges.load(Ordering::Relaxed),
            exit_signal: process.exit_signal.load(Ordering::Relaxed),
            oom_adjustment: process.oom_adjustment.load(Ordering::Relaxed),
            ..Status::default()
        };
        if let Some(terminal) = process.terminal() {
            status.terminal = terminal.device();
            status.terminal_group = match terminal.foreground() {
                0 => -1,
                group => group.cast_signed(),
            };
        }
        self.fill_times(&mut status);
        self.fill_memory(&mut status);
        self.fill_signals(&mut status);
        status
    }

    fn credentials(&self) -> Arc<Credentials> {
        self.process.credentials()
    }

    fn threads(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = self.process.threads().iter().map(|thread| thread.tid()).collect();
        sortedmap::sort(&mut numbers);
        numbers
    }

    fn command_line(&self) -> Vec<u8> {
        let range = self.process.program.lock().arguments.clone();
        self.text(&range)
    }

    fn environment(&self) -> Vec<u8> {
        let range = self.process.program.lock().environment.clone();
        self.text(&range)
    }

    fn auxiliary_vector(&self) -> Vec<u8> {
        self.process.program.lock().auxiliary.clone()
    }

    fn mappings(&self) -> Vec<Mapping> {
        let mappings = self.process.space().mappings();
        let shown = mappings.into_iter().map(|mapping| {
            let right = |right, letter| if mapping.prot.contains(right) { letter } else { b'-' };
            Mapping {
                start: mapping.start,
                end: mapping.end,
                rights: [
                    right(Prot::READ, b'r'),
                    right(Prot::WRITE, b'w'),
                    right(Prot::EXEC, b'x'),
                    if mapping.shared { b's' } else { b'p' },
                ],
                offset: mapping.offset,
                device: mapping.device,
                inode: mapping.inode,
                name: mapping.name,
            }
        });
        shown.collect()
    }

    fn resident(&self, range: Range<u64>) -> u64 {
        self.process.space().resident_in(range)
    }

    fn executable(&self) -> Option<Path> {
        let running = self.process.program.lock().file.clone();
        running.map(|running| running.place().clone())
    }

    fn root(&self) -> Path {
        self.process.view().root.clone()
    }

    fn working_directory(&self) -> Path {
        self.process.view().cwd.clone()
    }

    fn descriptors(&self) -> Vec<u32> {
        let numbers = self.process.files().numbers();
        numbers
            .into_iter()
            .filter_map(|number| u32::try_from(number).ok())
            .collect()
    }

    fn file(&self, descriptor: u32) -> Option<(Arc<File>, bool)> {
        let found = self.process.files().descriptor(i32::try_from(descriptor).ok()?).ok()?;
        Some((found.file, found.close_on_exec))
    }

    fn limits(&self) -> [Rlimit; RLIM_NLIMITS] {
        let limits = self.process.limits.lock();
        core::array::from_fn(|which| {
            limits.get(which).unwrap_or(Rlimit {
                soft: abi::resource::RLIM_INFINITY,
                hard: abi::resource::RLIM_INFINITY,
            })
        })
    }

    fn set_oom_adjustment(&self, adjustment: i32) -> Result<()> {
        let own = process::current().map(|process| process.credentials());
        let before = self.process.oom_adjustment.load(Ordering::Relaxed);
        if adjustment < before && !own.is_some_and(|own| own.has(vfs::capability::SYS_RESOURCE)) {
            return Err(abi::Errno::EACCES.into());
        }
        self.process.oom_adjustment.store(adjustment, Ordering::Relaxed);
        Ok(())
    }

    fn set_name(&self, name: &[u8]) -> Result<()> {
        let own = process::current().is_some_and(|current| current.pid == self.process.pid);
        match &self.thread {
            Some(thread) if own => {
                thread.set_name(name);
                Ok(())
            }
            _ => Err(abi::Errno::EINVAL.into()),
        }
    }
}
