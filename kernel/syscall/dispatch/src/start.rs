//! The first program.

use crate::entry;
use abi::Result;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use exec::{Request, Strings};
use hal::thread::KernelThread;
use process::exit::{Status, exit_process};
use process::{FileTable, LimitSet, Process, Thread, registry};
use syscall::leave::before_user;
use task::Task;
use vfs::{Context, File};

/// What the machine was started for.
#[derive(Debug)]
pub struct Application {
    /// Hears of its process before that runs, to give it a terminal.
    pub begun: fn(&Arc<Process>),
    /// Arguments; the first also names the program.
    pub arguments: Vec<Vec<u8>>,
    /// Environment.
    pub environment: Vec<Vec<u8>>,
    /// Its view of files: root, working directory, user.
    pub view: Context,
    /// Standard input, output and error.
    pub standard: [Arc<File>; 3],
}

/// Makes the process with number 1 and its thread, which loads the program when it first runs.
///
/// # Errors
/// `ENOMEM`.
pub fn start(application: Application) -> Result<()> {
    task::scheduler::set_on_memory(put_memory_in_force);
    let limits = LimitSet::initial();
    let files = FileTable::new();
    for file in &application.standard {
        files.add(Arc::clone(file), false, 0, u64::MAX)?;
    }
    let space_limits = limits.for_space(true);
    let begins = process::Beginnings {
        space: space::AddressSpace::new(space_limits, space::Layout::fixed(&space_limits))?,
        files,
        view: Arc::new(application.view.clone()),
        limits,
        group: 1,
        session: 1,
    };
    let pid = registry::new_number()?;
    let process = Process::new(pid, Weak::new(), begins);
    registry::add_process(&process);
    let thread = Thread::new(pid, Arc::clone(&process), [0; process::thread::NAME]);
    let no_memory = || abi::Error::new(abi::Errno::ENOMEM, "no memory is left for the first thread");
    let begun = application.begun;
    let mut stack = KernelThread::with_closure(move || load(application)).ok_or_else(no_memory)?;
    if !stack.make_program(0) {
        return Err(no_memory());
    }
    let task = Task::new(stack, Some(task::Payload::new(Arc::clone(&thread))));
    task.set_memory(process.space().id());
    thread.set_task(&task);
    registry::add_thread(&thread);
    process.add_thread(&thread);
    begun(&process);
    task::spawn(&task);
    Ok(())
}

/// Loads the application and enters it; what keeps it from starting is told to the person.
fn load(application: Application) {
    task::scheduler::finish_switch();
    let name = String::from_utf8_lossy(application.arguments.first().map_or(b"" as &[u8], Vec::as_slice)).into_owned();
    let view = application.view;
    let found = find(&view, &application.arguments, &application.environment);
    let prepared = found.and_then(|(file, name)| {
        let request = Request {
            name,
            arguments: Strings::of(&application.arguments)?,
            environment: Strings::of(&application.environment)?,
            fixed_addresses: false,
            no_new_privileges: false,
        };
        let limits = process::current().map_or_else(LimitSet::initial, |process| process.limits.lock().clone());
        exec::prepare(&view, &limits, file, request)
    });
    drop(view);
    drop(application.standard);
    match prepared {
        Ok(prepared) => {
            let frame = process::with_thread(|thread| seldom::replace_program(thread, prepared));
            trace::mark(trace::Phase::Load);
            if BOOT_CHART.load(Ordering::Relaxed) {
                trace::print_boot_chart();
            }
            if let Some(mut frame) = frame {
                before_user(&mut frame);
                hal::thread::enter_program(&frame)
            }
        }
        Err(error) => {
            trace::line(&alloc::format!(
                "chiton: cannot run {name}: {} – {error:?}",
                error.errno.text()
            ));
            let missing = matches!(error.errno, abi::Errno::ENOENT | abi::Errno::ENOTDIR);
            exit_process(Status::Exited(if missing { 127 } else { 126 }))
        }
    }
}

static BOOT_CHART: AtomicBool = AtomicBool::new(false);

/// Has the phases of the boot printed when the application starts.
pub fn show_boot_chart() {
    BOOT_CHART.store(true, Ordering::Relaxed);
}

/// Finds the program: a name without a slash in the directories of `$PATH`.
fn find(view: &Context, arguments: &[Vec<u8>], environment: &[Vec<u8>]) -> Result<(Arc<File>, Vec<u8>)> {
    let name = arguments.first().map_or(b"" as &[u8], Vec::as_slice);
    if name.contains(&b'/') || name.is_empty() {
        return Ok((exec::open(view, &view.cwd, name, true)?, name.to_vec()));
    }
    let path = environment
        .iter()
        .find_map(|entry| entry.strip_prefix(b"PATH="))
        .unwrap_or(b"/bin:/usr/bin");
    let mut refused = abi::Error::from(abi::Errno::ENOENT);
    for directory in path.split(|&byte| byte == b':') {
        let mut full = directory.to_vec();
        full.push(b'/');
        full.extend_from_slice(name);
        match exec::open(view, &view.cwd, &full, true) {
            Ok(file) => return Ok((file, full)),
            Err(error) if error.errno == abi::Errno::EACCES => refused = error,
            Err(_) => {}
        }
    }
    Err(refused)
}

/// A CPU is about to go on with a task that runs in other memory: puts that in force.
fn put_memory_in_force(task: &Task) {
    match task.payload::<Thread>() {
        Some(thread) => thread.process.space().activate(),
        None => space::leave(),
    }
}

/// Prepares the calls: the host's name.
pub fn set_host_name(name: &[u8]) {
    seldom::set_host_name(name);
}

/// The host's name.
#[must_use]
pub fn host_name() -> Vec<u8> {
    seldom::host_name()
}

/// Prepares for programs: what the machine calls when they need the kernel.
pub static HANDLERS: hal::thread::Handlers = hal::thread::Handlers {
    system_call: entry::system_call,
    page_fault: entry::page_fault,
    user_page_fault: entry::user_page_fault,
    fault: entry::fault,
    timer: task::scheduler::timer_interrupt,
    reschedule: task::scheduler::reschedule_interrupt,
    line: entry::line,
    before_user,
};

/// The same with calls traced.
pub static TRACED_HANDLERS: hal::thread::Handlers = hal::thread::Handlers {
    system_call: entry::traced_system_call,
    ..HANDLERS
};
