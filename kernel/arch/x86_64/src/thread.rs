//! Kernel stacks, switching between them, entering programs, and a program's registers.
//!
//! A kernel stack is four pages with an unmapped page below; a stack that is no longer used is kept for the next thread. A program's registers lie at its
//! top while its kernel side runs. [`KernelThread::switch`] is safe to call because it refuses (by a panic) to switch to a stack that is
//! running: each stack's flag is taken by an atomic exchange before it is entered and given back by whoever runs next.

use crate::bases::Bases;
use crate::cpu::{self, USER_CODE, USER_DATA};
use crate::layout::STACKS;
use crate::vectors::VectorState;
use crate::{fpu, memory, tables};

pub use crate::bases::{fs_base, gs_base, set_fs_base, set_gs_base};
pub use crate::registers::{ContextNotes, SignalContext};
pub use crate::vectors::{
    load_from_user as load_vectors_from_user, save_to_user as save_vectors_to_user, saved_size as saved_vectors_size,
};
use address::PAGE_SIZE;
use alloc::alloc::{alloc, alloc_zeroed};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};
use lock::SpinLock;
use seam::{Access, Fault};

/// A program's registers, in the order of Linux's `struct pt_regs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
#[expect(missing_docs, reason = "the names are the machine's")]
pub struct UserFrame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// The system call's number, or all ones for a trap or an interrupt.
    pub original_rax: u64,
    pub ip: u64,
    pub cs: u64,
    pub flags: u64,
    pub sp: u64,
    pub ss: u64,
}

impl UserFrame {
    /// The registers with which a program begins.
    #[must_use]
    pub fn start(ip: u64, sp: u64) -> Self {
        Self {
            ip,
            sp,
            cs: u64::from(USER_CODE),
            ss: u64::from(USER_DATA),
            flags: 0x202,
            original_rax: u64::MAX,
            ..Self::default()
        }
    }

    /// The system call that was asked for.
    #[inline]
    #[must_use]
    pub fn number(&self) -> u64 {
        self.original_rax
    }

    /// Its arguments.
    #[inline]
    #[must_use]
    pub fn arguments(&self) -> [u64; 6] {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9]
    }

    /// What the program gets back.
    #[inline]
    pub fn set_result(&mut self, value: u64) {
        self.rax = value;
    }

    /// What the program gets back, as it stands.
    #[must_use]
    pub fn result(&self) -> u64 {
        self.rax
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
}

/// What the kernel does when the machine calls.
#[derive(Clone, Copy, Debug)]
pub struct Handlers {
    /// A program made a system call.
    pub system_call: extern "C" fn(&mut UserFrame),
    /// A program (or the kernel for it) touched memory that the tables do not give it; whether that was put right.
    pub page_fault: fn(u64, Access) -> bool,
    /// It was not: the program's frame, the address, the access and the machine's error code.
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

static HANDLERS: AtomicPtr<Handlers> = AtomicPtr::new(ptr::from_ref(&EARLY).cast_mut());

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

static EARLY: Handlers = Handlers::NONE;

/// What a system call enters: the address of an `extern "C" fn(&mut UserFrame)`, called straight from the entry code.
pub(crate) static SYSTEM_CALL: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Registers what the kernel does when the machine calls. What is there already is replaced; nothing of a program runs meanwhile.
pub fn set_handlers(handlers: &'static Handlers) {
    SYSTEM_CALL.store(handlers.system_call as *mut (), Ordering::Release);
    HANDLERS.store(ptr::from_ref(handlers).cast_mut(), Ordering::Release);
}

#[inline]
pub(crate) fn handlers() -> &'static Handlers {
    // SAFETY: the pointer always leads to handlers that live for ever.
    unsafe { &*HANDLERS.load(Ordering::Acquire) }
}

const STACK_PAGES: u64 = 4;
pub(crate) const STACK_SIZE: u64 = STACK_PAGES * PAGE_SIZE;
/// Room for a stack and its guard.
pub(crate) const STACK_STEP: u64 = 2 * STACK_SIZE;

/// Tops of stacks that are mapped and not used.
static FREE_STACKS: SpinLock<Vec<u64>> = SpinLock::new(Vec::new());
static NEXT_STACK: AtomicU64 = AtomicU64::new(STACKS);

fn take_stack() -> Option<u64> {
    if let Some(top) = FREE_STACKS.lock().pop() {
        return Some(top);
    }
    let bottom = NEXT_STACK.fetch_add(STACK_STEP, Ordering::Relaxed) + STACK_STEP - STACK_SIZE;
    let layout = Layout::from_size_align(PAGE_SIZE as usize, PAGE_SIZE as usize).ok()?;
    for page in 0..STACK_PAGES {
        // SAFETY: the layout is not empty.
        let frame = memory::physical(unsafe { alloc(layout) })?;
        // SAFETY: as above.
        let mut table = || memory::physical(unsafe { alloc_zeroed(layout) });
        tables::map_stack_page(bottom + page * PAGE_SIZE, frame, &mut table)?;
    }
    Some(bottom + STACK_SIZE)
}

fn give_stack(top: u64) {
    FREE_STACKS.lock().push(top);
}

/// What a program's thread has in registers that a switch must save: vector state and segment bases.
struct ProgramState {
    vectors: VectorState,
    bases: Bases,
}

/// A kernel stack and where it stopped, with the program's registers that do not lie on it.
pub struct KernelThread {
    running: AtomicBool,
    stack_pointer: UnsafeCell<u64>,
    top: u64,
    owned: bool,
    program: UnsafeCell<Option<Box<ProgramState>>>,
}

impl core::fmt::Debug for KernelThread {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("KernelThread")
            .field("top", &self.top)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

// SAFETY: the cells are touched only by the CPU that runs the thread, or that switches to it after it took the `running` flag.
unsafe impl Sync for KernelThread {}
// SAFETY: nothing in it belongs to a CPU.
unsafe impl Send for KernelThread {}

global_asm!(
    r#"
    .section .text.switch, "ax"
    # rdi = where to leave this stack's pointer, rsi = the other's pointer, rdx = passed through
switch_stacks:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rdi], rsp
    mov rsp, rsi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    mov rax, rdx
    ret

    # first instructions of a new stack: r12 = main, r13 = argument, rax = the thread that ran before
begin_thread:
    mov rdi, rax
    mov rsi, r12
    mov rdx, r13
    call {begin}
    ud2

    # rdi = a frame at the top of the stack
    .globl leave_to_user
leave_to_user:
    mov rsp, rdi
    jmp leave_system_call
    "#,
    begin = sym begin,
);

// SAFETY: the assembly above defines these functions with these arguments.
unsafe extern "C" {
    fn switch_stacks(from: *mut u64, to: u64, left: *const AtomicBool) -> *const AtomicBool;
    fn begin_thread();
    fn leave_to_user(frame: *const UserFrame) -> !;
}

fn run_closure<F: FnOnce()>(argument: usize) -> ! {
    // Most never come back: the box is gone before that.
    let closure = {
        // SAFETY: `with_closure` put the address of a boxed closure of this type there, and the thread begins once.
        let boxed = unsafe { Box::from_raw(ptr::with_exposed_provenance_mut::<F>(argument)) };
        *boxed
    };
    closure();
    panic!("the main function of a kernel thread returned")
}

extern "C" fn begin(left: *const AtomicBool, main: *const (), argument: usize) -> ! {
    // SAFETY: the flag is that of the thread that switched to this one; its owner keeps it alive until it runs again.
    unsafe { (*left).store(false, Ordering::Release) };
    // SAFETY: `KernelThread::new` put the address of a `fn(usize) -> !` there.
    let main: fn(usize) -> ! = unsafe { core::mem::transmute::<*const (), fn(usize) -> !>(main) };
    main(argument)
}

impl KernelThread {
    /// The stack that runs now, which was not made here: the boot stack of a CPU.
    #[must_use]
    pub fn current() -> Self {
        Self {
            running: AtomicBool::new(true),
            stack_pointer: UnsafeCell::new(0),
            top: current_stack_top(),
            owned: false,
            program: UnsafeCell::new(None),
        }
    }

    /// A stack on which `main(argument)` will run when it is first switched to. `None` when memory is short.
    #[must_use]
    pub fn new(main: fn(usize) -> !, argument: usize) -> Option<Self> {
        let top = take_stack()?;
        // Below the place of the program's frame: what `switch_stacks` pops, and where it returns to.
        let first = top - size_of::<UserFrame>() as u64 - 16 - 7 * 8;
        let words: [u64; 7] = [
            0,
            0,
            argument as u64,
            main as usize as u64,
            0,
            0,
            begin_thread as *const () as usize as u64,
        ];
        let pointer: *mut [u64; 7] = ptr::with_exposed_provenance_mut(first as usize);
        // SAFETY: the stack is mapped, ours, and not running.
        unsafe { pointer.write(words) };
        Some(Self {
            running: AtomicBool::new(false),
            stack_pointer: UnsafeCell::new(first),
            top,
            owned: true,
            program: UnsafeCell::new(None),
        })
    }

    /// A stack on which `main` will run when it is first switched to. `None` when memory is short.
    #[must_use]
    pub fn with_closure<F: FnOnce() + Send + 'static>(main: F) -> Option<Self> {
        let argument = Box::into_raw(Box::new(main));
        let made = Self::new(run_closure::<F>, argument.expose_provenance());
        if made.is_none() {
            // SAFETY: nobody has taken the closure.
            drop(unsafe { Box::from_raw(argument) });
        }
        made
    }

    /// Gives the thread the state of a new program: vector registers clear, segment bases as given. False when memory is short.
    #[must_use]
    pub fn make_program(&mut self, fs_base: u64) -> bool {
        let (Some(vectors), Some(bases)) = (VectorState::new(), Bases::new(fs_base)) else {
            return false;
        };
        *self.program.get_mut() = Some(Box::new(ProgramState { vectors, bases }));
        true
    }

    /// Gives the thread a copy of the state of the program that runs now on this CPU, with another `fs` base if one is given.
    #[must_use]
    pub fn copy_program(&mut self, fs_base: Option<u64>) -> bool {
        let Some(mut vectors) = VectorState::new() else {
            return false;
        };
        vectors.save();
        let now = Bases::now();
        let Some(bases) = fs_base.map_or(Some(now), |fs| now.with_fs(fs)) else {
            return false;
        };
        *self.program.get_mut() = Some(Box::new(ProgramState { vectors, bases }));
        true
    }

    /// Whether a CPU runs it, or has not yet finished leaving it.
    #[must_use]
    #[inline]
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// Goes on with `to`; comes back when somebody switches to `self`.
    ///
    /// # Panics
    /// When `to` is running: two CPUs on one stack is the end.
    pub fn switch(&self, to: &Self) {
        assert!(
            !to.running.swap(true, Ordering::Acquire),
            "a thread that runs already was switched to"
        );
        // SAFETY: this CPU runs `self`, so its program state is this CPU's to save.
        if let Some(program) = unsafe { &mut *self.program.get() } {
            save_program(program);
        }
        // SAFETY: this CPU has just taken `to`.
        if let Some(program) = unsafe { &*to.program.get() } {
            load_program(program);
        }
        cpu::set_kernel_stack(to.top);
        // SAFETY: `to` stopped in here or was prepared by `new`; this CPU has taken it.
        let other = unsafe { *to.stack_pointer.get() };
        // SAFETY: both stacks are this CPU's; `self` is marked as left by whoever runs next, when its pointer has been stored.
        let left = unsafe { switch_stacks(self.stack_pointer.get(), other, &raw const self.running) };
        // SAFETY: the thread that switched to this one is alive until it runs again.
        unsafe { (*left).store(false, Ordering::Release) };
    }

    /// The place of the program's registers while its kernel side runs.
    #[must_use]
    pub fn user_frame(&self) -> *mut UserFrame {
        frame_below(self.top)
    }
}

impl Drop for KernelThread {
    fn drop(&mut self) {
        if self.owned {
            give_stack(self.top);
        }
    }
}

fn frame_below(top: u64) -> *mut UserFrame {
    ptr::with_exposed_provenance_mut((top - size_of::<UserFrame>() as u64) as usize)
}

pub(crate) fn current_stack_top() -> u64 {
    let top;
    // SAFETY: `gs` points at this CPU's block.
    unsafe {
        asm!("mov {}, gs:[{at}]", out(reg) top, at = const cpu::KERNEL_STACK, options(readonly, nostack, preserves_flags))
    };
    top
}

pub(crate) fn current_user_frame() -> *mut UserFrame {
    frame_below(current_stack_top())
}

/// Leaves the kernel for a program with these registers. The running thread must be one that [`KernelThread::make_program`] or
/// [`KernelThread::copy_program`] prepared.
pub fn enter_program(frame: &UserFrame) -> ! {
    let place = current_user_frame();
    // SAFETY: the top of the running thread's stack is kept free for this; the segment selectors and flags are made a program's.
    unsafe { place.write(*frame) };
    // SAFETY: as above; nobody else knows of the frame.
    leave(unsafe { &mut *place })
}

/// Leaves the kernel through a frame at the top of the stack.
pub(crate) fn leave(frame: &mut UserFrame) -> ! {
    sanitise(frame);
    // SAFETY: the frame lies at the top of this stack and its selectors are a program's.
    unsafe { leave_to_user(frame) }
}

/// Makes sure that returning to the frame enters a program and not the kernel.
pub fn sanitise(frame: &mut UserFrame) {
    // What a program may set: CF PF AF ZF SF TF DF OF NT RF AC ID; always on: IF.
    const SETTABLE: u64 = 0x25_4dd5;
    frame.cs = u64::from(USER_CODE);
    frame.ss = u64::from(USER_DATA);
    frame.flags = frame.flags & SETTABLE | 0x202;
}

/// Clears the running program's vector registers and segment bases, for a new program in the same thread.
pub fn reset_program() {
    Bases::default().load();
    fpu::load_initial();
}

fn save_program(program: &mut ProgramState) {
    program.vectors.save();
    program.bases = Bases::now();
}

fn load_program(program: &ProgramState) {
    program.vectors.load();
    program.bases.load();
}

/// The least that a signal's frame takes on a stack.
#[must_use]
pub fn signal_frame_size() -> u64 {
    // The frame proper, the vector state with the mark behind it, and what aligning both may skip.
    440 + fpu::size() as u64 + 4 + 64 + 128
}
