//! Threads of control: kernel stacks are host threads that pass a baton, so that exactly one of those that switch between each
//! other runs at a time. On an interleaved machine they are stacks of the one host thread.

use crate::fiber::Fiber;
use crate::interleave;
use seam::{Access, Fault};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

/// A program's registers.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserFrame {
    /// Instruction pointer.
    pub ip: u64,
    /// Stack pointer.
    pub sp: u64,
    /// Result of a system call.
    pub result: u64,
    /// Number of a system call.
    pub number: u64,
    /// Arguments.
    pub args: [u64; 6],
}

impl UserFrame {
    /// The registers with which a program begins.
    #[must_use]
    pub fn start(ip: u64, sp: u64) -> Self {
        Self {
            ip,
            sp,
            ..Self::default()
        }
    }

    /// The system call that was asked for.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its arguments.
    #[must_use]
    pub fn arguments(&self) -> [u64; 6] {
        self.args
    }

    /// What the program gets back.
    pub fn set_result(&mut self, value: u64) {
        self.result = value;
    }

    /// What the program gets back, as it stands.
    #[must_use]
    pub fn result(&self) -> u64 {
        self.result
    }

    /// The stack pointer.
    #[must_use]
    pub fn stack_pointer(&self) -> u64 {
        self.sp
    }

    /// The instruction pointer.
    #[must_use]
    pub fn instruction_pointer(&self) -> u64 {
        self.ip
    }

    /// Sets the instruction pointer.
    pub fn set_instruction_pointer(&mut self, to: u64) {
        self.ip = to;
    }

    /// Sets the stack pointer.
    pub fn set_stack_pointer(&mut self, to: u64) {
        self.sp = to;
    }

    /// The registers as a signal's frame shows them.
    #[must_use]
    pub fn to_context(&self, notes: &ContextNotes) -> SignalContext {
        let mut context = [0; 32];
        context[..3].copy_from_slice(&[self.ip, self.sp, self.result]);
        context[3..9].copy_from_slice(&self.args);
        context[23] = notes.vectors;
        context
    }

    /// Takes the registers that a signal's frame says.
    pub fn set_context(&mut self, context: &SignalContext) {
        [self.ip, self.sp, self.result, ..] = *context;
        self.args.copy_from_slice(&context[3..9]);
        self.forget_call();
    }

    /// Where a signal's frame says that the vector state lies.
    #[must_use]
    pub fn vectors_of(context: &SignalContext) -> u64 {
        context[23]
    }

    /// Makes the program go on in a handler.
    pub fn enter_handler(&mut self, handler: u64, stack_pointer: u64, arguments: [u64; 3]) {
        self.ip = handler;
        self.sp = stack_pointer;
        self.args[..3].copy_from_slice(&arguments);
        self.forget_call();
    }

    /// Whether the frame is that of a system call that has not been dealt with.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.number != u64::MAX
    }

    /// From here on the frame is not that of a system call.
    pub fn forget_call(&mut self) {
        self.number = u64::MAX;
    }

    /// Makes the call again.
    pub fn repeat_call(&mut self) {
        self.call_instead(self.number);
    }

    /// Makes another call with the same arguments.
    pub fn call_instead(&mut self, number: u64) {
        self.result = number;
        self.ip = self.ip.wrapping_sub(2);
        self.forget_call();
    }
}

/// The machine's part of a signal's frame.
pub type SignalContext = [u64; 32];

/// What a signal's frame says besides the registers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContextNotes {
    /// The machine's number of the last trap.
    pub trap: u32,
    /// Its error code.
    pub error: u32,
    /// The address of the last page fault.
    pub address: u64,
    /// The signals that were held back.
    pub mask: u64,
    /// Where the vector state lies.
    pub vectors: u64,
}

/// Bytes that vector state takes in a signal's frame: the simulated machine has none.
#[must_use]
pub fn saved_vectors_size() -> u64 {
    0
}

/// Copies the running program's vector state to its memory: nothing, here.
#[must_use]
pub fn save_vectors_to_user(_to: u64) -> bool {
    true
}

/// Gives the running program the vector state at an address: nothing, here.
#[must_use]
pub fn load_vectors_from_user(_from: u64) -> bool {
    true
}

static PROGRAM: OnceLock<fn(&UserFrame) -> !> = OnceLock::new();

/// Says what stands for a program: it is called with the registers with which the program would go on.
pub fn set_program(program: fn(&UserFrame) -> !) {
    let _ = PROGRAM.set(program);
}

/// Leaves the kernel for a program: for what [`set_program`] named.
///
/// # Panics
/// When that has named nothing.
pub fn enter_program(frame: &UserFrame) -> ! {
    match PROGRAM.get() {
        Some(program) => program(frame),
        None => panic!("a simulated machine runs no programs"),
    }
}

/// Clears the running program's registers: nothing, here.
pub fn reset_program() {}

/// Sets the running program's `fs` base.
pub fn set_fs_base(_base: u64) -> bool {
    true
}

/// The running program's `fs` base.
#[must_use]
pub fn fs_base() -> u64 {
    0
}

/// Sets the running program's `gs` base.
pub fn set_gs_base(_base: u64) -> bool {
    true
}

/// The running program's `gs` base.
#[must_use]
pub fn gs_base() -> u64 {
    0
}

/// What the kernel does when the machine calls; the same as on a bare machine, though this one only ever has page faults.
#[derive(Clone, Copy, Debug)]
pub struct Handlers {
    /// A program made a system call.
    pub system_call: extern "C" fn(&mut UserFrame),
    /// A program touched memory that the tables do not give it; whether that was put right.
    pub page_fault: fn(u64, Access) -> bool,
    /// It was not.
    pub user_page_fault: fn(&mut UserFrame, u64, Access, u32),
    /// A program trapped.
    pub fault: fn(&mut UserFrame, Fault),
    /// This CPU's timer ran out; whether it seems to have been while the kernel worked for the program that was interrupted.
    pub timer: fn(bool),
    /// Another CPU asked to look at the run queue.
    pub reschedule: fn(),
    /// An interrupt line was raised.
    pub line: fn(u8),
    /// A trap is about to return to a program.
    pub before_user: fn(&mut UserFrame),
}

extern "C" fn no_call(_frame: &mut UserFrame) {}

impl Handlers {
    /// Nothing is done.
    pub const NONE: Self = Self {
        system_call: no_call,
        page_fault: |_, _| false,
        user_page_fault: |_, _, _, _| {},
        fault: |_, _| {},
        timer: |_| {},
        reschedule: || {},
        line: |_| {},
        before_user: |_| {},
    };
}

static HANDLERS: AtomicPtr<Handlers> = AtomicPtr::new(std::ptr::null_mut());

/// Registers what the kernel does when the machine calls.
pub fn set_handlers(handlers: &'static Handlers) {
    HANDLERS.store(std::ptr::from_ref(handlers).cast_mut(), Ordering::Release);
}

fn handlers() -> Option<&'static Handlers> {
    // SAFETY: only `set_handlers` stores here, and it stores references that live for ever.
    unsafe { HANDLERS.load(Ordering::Acquire).as_ref() }
}

pub(crate) fn page_fault(address: u64, access: Access) -> bool {
    handlers().is_some_and(|handlers| (handlers.page_fault)(address, access))
}

pub(crate) fn timer_interrupt() {
    if let Some(handlers) = handlers() {
        (handlers.timer)(false);
    }
}

pub(crate) fn reschedule_interrupt() {
    if let Some(handlers) = handlers() {
        (handlers.reschedule)();
    }
}

#[derive(Debug, Default)]
struct Baton {
    has: Mutex<bool>,
    passed: Condvar,
}

impl Baton {
    fn give(&self) {
        *self.has.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.passed.notify_one();
    }

    fn wait(&self) {
        let mut has = self.has.lock().unwrap_or_else(PoisonError::into_inner);
        while !*has {
            has = self.passed.wait(has).unwrap_or_else(PoisonError::into_inner);
        }
        *has = false;
    }
}

/// What a kernel thread runs on.
#[derive(Debug)]
enum Ground {
    /// A host thread, when it has the baton.
    Baton(Arc<Baton>),
    /// A stack of an interleaved machine.
    Fiber(Fiber),
}

// SAFETY: a fiber is touched by the one host thread that is its machine, and what is left of it when that ends is memory of the host's allocator.
unsafe impl Send for Ground {}
// SAFETY: as above.
unsafe impl Sync for Ground {}

/// A kernel stack and where it stopped.
#[derive(Debug)]
pub struct KernelThread {
    ground: Ground,
    running: AtomicBool,
}

impl KernelThread {
    /// The stack that runs now.
    #[must_use]
    pub fn current() -> Self {
        let ground = if interleave::is_on() {
            Ground::Fiber(Fiber::running())
        } else {
            Ground::Baton(Arc::default())
        };
        Self {
            ground,
            running: AtomicBool::new(true),
        }
    }

    /// Whether it has the baton.
    #[must_use]
    pub fn is_running(&self) -> bool {
        interleave::point();
        self.running.load(Ordering::Acquire)
    }

    /// A stack on which `main(argument)` will run when it is first switched to.
    #[must_use]
    pub fn new(main: fn(usize) -> !, argument: usize) -> Option<Self> {
        Self::with_closure(move || main(argument))
    }

    /// A stack on which `main` will run when it is first switched to.
    #[must_use]
    pub fn with_closure(main: impl FnOnce() + Send + 'static) -> Option<Self> {
        let ground = if interleave::is_on() {
            Ground::Fiber(Fiber::new(move || interleave::guarded(main)))
        } else {
            let baton = Arc::new(Baton::default());
            let mine = Arc::clone(&baton);
            std::thread::spawn(move || {
                mine.wait();
                main();
            });
            Ground::Baton(baton)
        };
        Some(Self {
            ground,
            running: AtomicBool::new(false),
        })
    }

    /// Gives the thread the state of a new program: nothing, here.
    #[must_use]
    pub fn make_program(&mut self, _fs_base: u64) -> bool {
        true
    }

    /// Gives the thread a copy of the running program's state: nothing, here.
    #[must_use]
    pub fn copy_program(&mut self, _fs_base: Option<u64>) -> bool {
        true
    }

    /// Goes on with `to`; comes back when somebody switches to `self`.
    pub fn switch(&self, to: &Self) {
        assert!(
            !to.running.swap(true, Ordering::AcqRel),
            "a thread that runs already was switched to"
        );
        match (&self.ground, &to.ground) {
            (Ground::Baton(mine), Ground::Baton(others)) => {
                self.running.store(false, Ordering::Release);
                others.give();
                mine.wait();
            }
            (Ground::Fiber(mine), Ground::Fiber(others)) => {
                // Others may see for a while that this thread has not been left yet.
                interleave::point();
                self.running.store(false, Ordering::Release);
                mine.change(others);
            }
            _ => unreachable!("a thread of one machine was switched to by another"),
        }
    }
}

/// The least that a signal's frame takes on a stack.
#[must_use]
pub fn signal_frame_size() -> u64 {
    2048
}
