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
    /// System-call number on entry, result on return.
    pub result: u64,
    /// Arguments.
    pub args: [u64; 6],
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
