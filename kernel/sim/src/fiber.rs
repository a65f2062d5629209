//! Stacks between which one host thread changes: what CPUs and kernel threads of an interleaved machine run on.
//!
//! A change of host threads takes microseconds and the host's scheduler; this one takes a few instructions, so that thousands of interleavings are tried in seconds. It is
//! written for x86-64 hosts, as the kernel's only machine is.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::arch::naked_asm;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;

/// Bytes of a stack: enough for a panic with its backtrace. What is not touched costs nothing.
const SIZE: usize = 512 << 10;
const LAYOUT: Layout = match Layout::from_size_align(SIZE, 4096) {
    Ok(layout) => layout,
    Err(_) => panic!("a constant layout"),
};
/// What lies at the low end of a stack as long as it has not overflowed.
const CANARY: u64 = 0x6861_7264_2073_6865;

thread_local! {
    /// Stacks that are free again.
    static FREE: RefCell<Vec<NonNull<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Memory of a stack.
#[derive(Debug)]
struct Memory(NonNull<u8>);

impl Memory {
    fn new() -> Self {
        let memory = FREE.with(|free| free.borrow_mut().pop()).unwrap_or_else(|| {
            // SAFETY: the layout is not empty.
            NonNull::new(unsafe { alloc(LAYOUT) }).unwrap_or_else(|| handle_alloc_error(LAYOUT))
        });
        // SAFETY: the memory is this stack's, and aligned.
        unsafe { memory.cast::<u64>().write(CANARY) };
        Self(memory)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the memory is this stack's, and its low end was written when it was taken.
        let low_end = unsafe { self.0.cast::<u64>().read() };
        assert_eq!(low_end, CANARY, "a simulated stack overflowed");
        let kept = FREE.try_with(|free| free.borrow_mut().push(self.0));
        if kept.is_err() {
            // SAFETY: it was allocated with this layout, and nobody runs on it: its owner is gone.
            unsafe { dealloc(self.0.as_ptr(), LAYOUT) };
        }
    }
}

/// A place where something stopped, to go on later.
#[derive(Debug)]
pub(crate) struct Fiber {
    stack_pointer: Cell<usize>,
    _memory: Option<Memory>,
}

type Main = Box<dyn FnOnce()>;

impl Fiber {
    /// A place for what runs already.
    pub(crate) fn running() -> Self {
        Self {
            stack_pointer: Cell::new(0),
            _memory: None,
        }
    }

    /// A stack on which `main` will run when it is first gone on with. It must not return, nor unwind.
    pub(crate) fn new(main: impl FnOnce() + 'static) -> Self {
        let memory = Memory::new();
        let main: Main = Box::new(main);
        // The registers that `swap` takes from the stack, then where it returns to, and an end for backtraces.
        let words = [
            0,
            0,
            0,
            Box::into_raw(Box::new(main)).expose_provenance(),
            0,
            0,
            enter as *const () as usize,
            0,
            0,
        ];
        let start = SIZE - size_of_val(&words);
        // SAFETY: the words lie at the high end of the stack's memory, aligned.
        unsafe { memory.0.add(start).cast().write(words) };
        Self {
            stack_pointer: Cell::new(memory.0.addr().get() + start),
            _memory: Some(memory),
        }
    }

    /// Goes on with `to`; comes back when somebody goes on with `self`.
    pub(crate) fn change(&self, to: &Self) {
        // SAFETY: `to` stopped here or has never run, on a stack that it owns and that nobody runs on: there is one host thread, and it runs on `self`.
        unsafe { swap(self.stack_pointer.as_ptr(), to.stack_pointer.get()) };
    }
}

extern "sysv64" fn begin(main: *mut Main) -> ! {
    // SAFETY: `Fiber::new` made the box, and a fiber begins once.
    let main = unsafe { Box::from_raw(main) };
    main();
    std::process::abort();
}

/// The first instructions on a new stack: `r12` is the argument of [`begin`].
#[unsafe(naked)]
extern "sysv64" fn enter() {
    naked_asm!("mov rdi, r12", "xor ebp, ebp", "call {begin}", "ud2", begin = sym begin)
}

/// Keeps the registers that a call keeps on this stack and takes those that lie on the other.
///
/// # Safety
/// `to` is where another call stopped, or what `Fiber::new` prepared.
#[unsafe(naked)]
unsafe extern "sysv64" fn swap(from: *mut usize, to: usize) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}
