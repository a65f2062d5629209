//! Programs of a simulated machine: closures that make real system calls, fork, and have signal handlers.
//!
//! A place in a program is a number that names a closure. A child begins at its place, a handler is one, and what calls and signals do to registers and to the stack in simulated user memory is
//! the kernel's own work. A thread is told that a signal came by its instruction pointer, as on a machine.
#![expect(unreachable_pub, reason = "a module of a test program")]

use dispatch::entry;
use hal::interleave::Random;
use hal::thread::{Handlers, UserFrame};
use process::limits::LimitSet;
use process::{Beginnings, FileTable, Process, Thread, registry};
use space::{AddressSpace, Layout, Mapping};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError, Weak};
use task::simulated;
use vfs::{Context, Credentials};

pub const RT_SIGACTION: u64 = 13;
pub const RT_SIGPROCMASK: u64 = 14;
const RT_SIGRETURN: u64 = 15;
pub const CLONE: u64 = 56;
pub const FORK: u64 = 57;
pub const EXIT: u64 = 60;
pub const WAIT4: u64 = 61;
pub const KILL: u64 = 62;
pub const EXIT_GROUP: u64 = 231;

/// Where calls are made that are no place to begin at.
const HERE: u64 = 0x1000;
/// Where places to begin at lie, and how far apart.
const PLACES: u64 = 0x40_0000;
const APART: u64 = 16;
/// Bytes of a thread's stack.
const STACK: u64 = 16 << 10;
const STACKS: u64 = 8;

/// A thread of a program while it runs.
#[derive(Debug)]
pub struct Program {
    /// The low end of all stacks, and this thread's.
    memory: u64,
    stack: u64,
}

type Code = dyn Fn(&mut Program, u64) + Send + Sync;

#[derive(Clone)]
struct Place {
    is_handler: bool,
    code: Arc<Code>,
}

static ALL: Mutex<Vec<Place>> = Mutex::new(Vec::new());

fn places() -> std::sync::MutexGuard<'static, Vec<Place>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address of a place to begin at.
pub fn place(code: impl Fn(&mut Program, u64) + Send + Sync + 'static) -> u64 {
    add(false, code)
}

/// The address of a place, whose closure is called with the first argument that is there.
fn add(is_handler: bool, code: impl Fn(&mut Program, u64) + Send + Sync + 'static) -> u64 {
    let mut all = places();
    let code = Arc::new(code);
    all.push(Place { is_handler, code });
    PLACES + APART * (all.len() as u64 - 1)
}

fn at(address: u64) -> Place {
    let index = address.wrapping_sub(PLACES) / APART;
    let found = places().get(index as usize).cloned();
    found.unwrap_or_else(|| panic!("the program went to {address:#x}, where nothing is"))
}

fn enter(frame: &UserFrame) -> ! {
    let memory = MEMORY.get().copied().unwrap_or(0);
    let stack = frame.sp;
    let mut program = Program { memory, stack };
    // A signal may come before the first instruction.
    let mut frame = *frame;
    while at(frame.ip).is_handler {
        program.handle_one(&mut frame);
    }
    let main = at(frame.ip);
    (main.code)(&mut program, 0);
    drop(main);
    program.exit(0)
}

/// Where the program's memory lies: the same in all.
static MEMORY: OnceLock<u64> = OnceLock::new();

impl Program {
    /// Makes a system call.
    pub fn call<const N: usize>(&mut self, number: u64, arguments: [u64; N]) -> i64 {
        self.call_from(HERE, number, arguments)
    }

    /// Makes a system call at a place: a child begins there.
    pub fn call_from<const N: usize>(&mut self, ip: u64, number: u64, arguments: [u64; N]) -> i64 {
        let mut args = [0; 6];
        args[..N].copy_from_slice(&arguments);
        let mut frame = UserFrame {
            ip,
            sp: self.stack,
            result: number,
            number,
            args,
        };
        entry::simulated_call(&mut frame);
        self.go_on(&mut frame, ip);
        frame.result as i64
    }

    /// Goes on where the kernel says: in handlers, with a call made again, until `ip` is reached.
    fn go_on(&mut self, frame: &mut UserFrame, ip: u64) {
        while frame.ip != ip {
            if frame.ip == ip - 2 {
                frame.ip = ip;
                frame.number = frame.result;
                entry::simulated_call(frame);
                continue;
            }
            self.handle_one(frame);
        }
    }

    /// Runs the handler at which the kernel has put the thread, and goes back from it.
    fn handle_one(&self, frame: &mut UserFrame) {
        let handler = at(frame.ip);
        assert!(handler.is_handler, "the program goes on at {:#x}", frame.ip);
        let mut inner = Self {
            memory: self.memory,
            stack: frame.sp - 256,
        };
        (handler.code)(&mut inner, frame.args[0]);
        drop(handler);
        // The handler returns to the restorer, whose address lay at the stack's top.
        frame.sp += 8;
        frame.number = RT_SIGRETURN;
        entry::simulated_call(frame);
    }

    /// Computes for a moment: interrupts come, and signals.
    pub fn compute(&mut self) {
        simulated::in_program();
        let mut frame = UserFrame {
            ip: HERE,
            sp: self.stack,
            number: u64::MAX,
            ..UserFrame::default()
        };
        syscall::leave::before_user(&mut frame);
        self.go_on(&mut frame, HERE);
    }

    /// Makes a child that begins with a closure; its number.
    pub fn fork(&mut self, child: impl Fn(&mut Self) + Send + Sync + 'static) -> i64 {
        self.call_from(place(move |program, _| child(program)), FORK, [])
    }

    /// Makes a thread on the stack with that number, 1 to 7; its number.
    pub fn thread(&mut self, stack: u64, main: impl Fn(&mut Self) + Send + Sync + 'static) -> i64 {
        const THREAD: u64 = 0x5_0f00;
        assert!((1..STACKS).contains(&stack));
        let top = self.memory + STACK * (stack + 1) - 1024;
        let main = move |program: &mut Self, _| {
            main(program);
            program.call(EXIT, [0]);
        };
        self.call_from(place(main), CLONE, [THREAD, top])
    }

    /// As `execve` begins: the thread's process has no others. Whether it is so.
    pub fn become_sole(&mut self) -> bool {
        let outcome = process::with_thread(|thread| process::exit::become_sole(thread).is_ok());
        outcome.unwrap_or(false)
    }

    /// Ends the process.
    pub fn exit(&mut self, code: u64) -> ! {
        self.call(EXIT_GROUP, [code]);
        unreachable!("the process has ended")
    }

    /// The address of one of the words that a thread may use for what calls write: 32 for each thread.
    pub fn word(&self, number: u64) -> u64 {
        self.stack + 512 + 8 * number
    }

    /// A word that a call wrote.
    pub fn read(&self, number: u64) -> u64 {
        usermem::UserPtr::new(self.word(number))
            .read()
            .expect("the word is there")
    }

    /// Writes a word that a call reads.
    pub fn write(&self, number: u64, value: u64) -> u64 {
        let pointer = usermem::UserPtr::new(self.word(number));
        pointer.write(&value).expect("the word is there");
        pointer.address()
    }

    /// Waits for a child: its number, and how it ended; nothing when there is none.
    pub fn wait(&mut self, pid: i64, options: u64) -> Result<(i64, u64), i64> {
        self.write(0, 0);
        match self.call(WAIT4, [pid as u64, self.word(0), options, 0]) {
            error @ ..0 => Err(-error),
            pid => Ok((pid, self.read(0) & 0xffff_ffff)),
        }
    }

    /// Has a signal handled.
    pub fn handle(&mut self, signal: u64, flags: u64, handler: impl Fn(&mut Self, u64) + Send + Sync + 'static) {
        let handler = add(true, handler);
        self.set_action(signal, handler, flags);
    }

    /// Sets what a signal does.
    pub fn set_action(&mut self, signal: u64, handler: u64, flags: u64) {
        const RESTORER: u64 = 0x0400_0000;
        for (at, value) in [handler, flags | RESTORER, HERE, 0].into_iter().enumerate() {
            self.write(1 + at as u64, value);
        }
        assert_eq!(self.call(RT_SIGACTION, [signal, self.word(1), 0, 8]), 0);
    }

    /// Holds signals back, or lets them through: `how` is 0 to block, 1 to unblock.
    pub fn mask(&mut self, how: u64, signals: u64) {
        self.write(1, signals);
        assert_eq!(self.call(RT_SIGPROCMASK, [how, self.word(1), 0, 8]), 0);
    }
}

/// The set with one signal.
pub const fn set_of(signal: u64) -> u64 {
    1 << (signal - 1)
}

static HANDLERS: Handlers = Handlers {
    page_fault: entry::page_fault,
    ..simulated::HANDLERS
};

fn put_memory_in_force(task: &task::Task) {
    match task.payload::<Thread>() {
        Some(thread) => thread.process.space().activate(),
        None => space::leave(),
    }
}

/// A file system in which nothing is yet.
fn empty_root() -> vfs::Path {
    let flags = vfs::MountFlags::empty();
    let mount = vfs::Mount::new(tmpfs::Tmpfs::new(256, 0o755), flags, b"tmpfs");
    let dentry = Arc::clone(mount.root());
    vfs::Path { dentry, mount }
}

/// What every run begins with.
fn boot() {
    static BOOT: Once = Once::new();
    BOOT.call_once(|| {
        let info = hal::boot::info();
        frames::add_ram(&info.ram[..info.ram_count], &info.reserved[..info.reserved_count]);
        drop(table::zero_page());
        task::scheduler::set_on_memory(put_memory_in_force);
        hal::thread::set_program(enter);
        process::exit::set_end(|status| panic!("the first process has ended: {status:?}"));
        pipe::register();
    });
}

/// Makes the first process; its thread.
fn first_process() -> Arc<Thread> {
    let limits = LimitSet::initial();
    let space_limits = limits.for_space(true);
    let space = AddressSpace::new(space_limits, Layout::fixed(&space_limits)).expect("there is memory");
    let mapping = Mapping::anonymous(STACK * STACKS, abi::mman::Prot::READ | abi::mman::Prot::WRITE);
    let memory = space.map(&mapping).expect("there is room");
    assert_eq!(*MEMORY.get_or_init(|| memory), memory);
    let view = Context::new(empty_root(), Arc::new(Credentials::root()));
    let begins = Beginnings {
        space,
        files: FileTable::new(),
        view: Arc::new(view),
        limits,
        group: 1,
        session: 1,
    };
    let pid = registry::new_number().expect("a number");
    let process = Process::new(pid, Weak::new(), begins);
    registry::add_process(&process);
    let thread = Thread::new(pid, Arc::clone(&process), [0; process::thread::NAME]);
    registry::add_thread(&thread);
    process.add_thread(&thread);
    thread
}

/// Runs a program as process 1 under many seeds. It must wait for all that it makes: nobody may be left.
pub fn explore(main: impl Fn(&mut Program, &mut Random) + Send + Sync + 'static) {
    boot();
    let main = Arc::new(main);
    let tried = catch_unwind(AssertUnwindSafe(|| run(main)));
    if let Err(panic) = tried {
        describe();
        resume_unwind(panic);
    }
}

/// What a run that failed has left.
#[expect(clippy::print_stderr, reason = "that is where a test says what failed")]
fn describe() {
    for process in registry::processes() {
        eprintln!("process {}, status {:?}", process.pid, process.status());
        eprintln!("  pending {:#x}", process.signals.pending().0);
        for thread in process.threads() {
            let (pending, mask) = (thread.signals.pending().0, thread.signals.mask().0);
            let task = thread.task().map(|task| (task.is_runnable(), task.work()));
            let tid = thread.tid();
            eprintln!("  thread {tid}: pending {pending:#x}, mask {mask:#x}, runnable and work {task:?}");
        }
    }
}

fn run(main: Arc<impl Fn(&mut Program, &mut Random) + Send + Sync + 'static>) {
    simulated::explore_with(&HANDLERS, space::leave, move |random| {
        registry::forget_all();
        places().clear();
        let thread = first_process();
        let (main, random, own) = (Arc::clone(&main), Mutex::new(random.clone()), Arc::clone(&thread));
        let payload = task::Payload::new(Arc::clone(&thread));
        let first = simulated::spawn_with("the first process", Some(payload), move || {
            let task = task::current();
            own.set_task(&task);
            let space = own.process.space();
            space.activate();
            task::scheduler::change_memory(space.id());
            let memory = MEMORY.get().copied().unwrap_or(0);
            let stack = memory + STACK - 1024;
            let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
            main(&mut Program { memory, stack }, &mut random);
        });
        first.join();
        // A child that nobody wants to know of is nobody's child a moment before its number is free.
        while registry::processes().len() > 1 || thread.process.thread_count() > 1 {
            simulated::pause();
        }
        assert!(thread.process.children.lock().is_empty());
        // A thread and its process hold each other until it ends, which the first one does not.
        thread.process.drop_thread(thread.tid());
    });
}
