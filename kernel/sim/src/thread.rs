//! Threads of control: kernel stacks are host threads that pass a baton, so that exactly one of those that switch between each
//! other runs at a time.

use seam::Access;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

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

    /// Sets the stack pointer.
    pub fn set_stack_pointer(&mut self, to: u64) {
        self.sp = to;
    }

    /// Makes the call again.
    pub fn repeat_call(&mut self) {}
}

/// Leaves the kernel for a program: the simulated machine has none.
///
/// # Panics
/// Always.
pub fn enter_program(_frame: &UserFrame) -> ! {
    panic!("a simulated machine runs no programs")
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

/// What the kernel does when the machine calls.
#[derive(Clone, Copy)]
pub struct Handlers {
    /// A program touched memory that the tables do not give it; whether that was put right.
    pub page_fault: fn(u64, Access) -> bool,
}

static HANDLERS: AtomicPtr<Handlers> = AtomicPtr::new(std::ptr::null_mut());

/// Registers what the kernel does when the machine calls.
pub fn set_handlers(handlers: &'static Handlers) {
    HANDLERS.store(std::ptr::from_ref(handlers).cast_mut(), Ordering::Release);
}

pub(crate) fn page_fault(address: u64, access: Access) -> bool {
    // SAFETY: only `set_handlers` stores here, and it stores references that live for ever.
    unsafe { HANDLERS.load(Ordering::Acquire).as_ref() }.is_some_and(|handlers| (handlers.page_fault)(address, access))
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

/// A kernel stack and where it stopped.
#[derive(Debug)]
pub struct KernelThread {
    baton: Arc<Baton>,
    running: AtomicBool,
}

impl KernelThread {
    /// The stack that runs now.
    #[must_use]
    pub fn current() -> Self {
        Self {
            baton: Arc::default(),
            running: AtomicBool::new(true),
        }
    }

    /// Whether it has the baton.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// A stack on which `main(argument)` will run when it is first switched to.
    #[must_use]
    pub fn new(main: fn(usize) -> !, argument: usize) -> Option<Self> {
        let baton = Arc::new(Baton::default());
        let mine = Arc::clone(&baton);
        std::thread::spawn(move || {
            mine.wait();
            main(argument)
        });
        Some(Self {
            baton,
            running: AtomicBool::new(false),
        })
    }

    /// A stack on which `main` will run when it is first switched to.
    #[must_use]
    pub fn with_closure(main: impl FnOnce() + Send + 'static) -> Option<Self> {
        let baton = Arc::new(Baton::default());
        let mine = Arc::clone(&baton);
        std::thread::spawn(move || {
            mine.wait();
            main();
        });
        Some(Self {
            baton,
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
        self.running.store(false, Ordering::Release);
        to.baton.give();
        self.baton.wait();
    }
}

/// The least that a signal's frame takes on a stack.
#[must_use]
pub fn signal_frame_size() -> u64 {
    2048
}
