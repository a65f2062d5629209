//! What a handler finds on its stack, and the way back from it: Linux's `struct rt_sigframe` (arch/x86/kernel/signal_64.c, 6.12), byte for byte, because
//! debuggers, unwinders, Go and Java read it.
//!
//! From the top: the red zone of what was interrupted, the vector state (64-aligned), `siginfo_t`, `ucontext_t`, the address that the handler returns to.

use crate::{siginfo, stack};
use abi::signal::{SA_RESTORER, SA_SIGINFO, SigAction, SigSet, SigStack};
use abi::{Errno, Error, Result};
use hal::thread::{ContextNotes, SignalContext, UserFrame};
use process::Thread;
use process::signals::Info;
use usermem::UserPtr;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `ucontext_t`, as the kernel knows it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct UserContext {
    flags: u64,
    link: u64,
    stack: SigStack,
    machine: SignalContext,
    mask: SigSet,
}

/// The frame but for the `siginfo_t`, which lies behind it and is written only for handlers that ask for it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Frame {
    restorer: u64,
    context: UserContext,
}

const CONTEXT: u64 = core::mem::offset_of!(Frame, context) as u64;
const INFO: u64 = size_of::<Frame>() as u64;

/// The vector state is more than the legacy area, and says so.
const UC_FP_XSTATE: u64 = 1;
/// The stack segment is there, and is restored as it is.
const UC_SIGCONTEXT_SS: u64 = 2;
const UC_STRICT_RESTORE_SS: u64 = 4;

const NO_ROOM: Error = Error::new(Errno::EFAULT, "a signal's frame does not fit the stack");

/// Puts a frame on the program's stack and makes it go on in the handler; `saved` is the mask that comes back with [`pop`].
///
/// # Errors
/// `EFAULT` where the stack cannot take the frame; the registers are as they were then.
pub fn push(thread: &Thread, registers: &mut UserFrame, info: &Info, action: &SigAction, saved: SigSet) -> Result<()> {
    if action.flags & SA_RESTORER == 0 {
        return Err(Error::new(Errno::EFAULT, "a handler without a way back"));
    }
    let alternate = *thread.signals.stack.lock();
    let sp = registers.stack_pointer();
    let (vectors, bottom) = stack::place(
        &alternate,
        action,
        sp,
        hal::thread::saved_vectors_size(),
        INFO + siginfo::SIZE as u64,
    )
    .ok_or(NO_ROOM)?;
    let fault = *thread.signals.last_fault.lock();
    let notes = ContextNotes {
        trap: fault.trap,
        error: fault.error,
        address: fault.address,
        mask: saved.0,
        vectors,
    };
    let frame = Frame {
        restorer: action.restorer,
        context: UserContext {
            flags: UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
            link: 0,
            stack: alternate,
            machine: registers.to_context(&notes),
            mask: saved,
        },
    };
    UserPtr::new(bottom).write(&frame)?;
    if action.flags & SA_SIGINFO != 0 {
        UserPtr::new(bottom + INFO).write(&siginfo::to_bytes(info))?;
    }
    if !hal::thread::save_vectors_to_user(vectors) {
        return Err(NO_ROOM);
    }
    let arguments = [u64::from(info.signal.0), bottom + INFO, bottom + CONTEXT];
    registers.enter_handler(action.handler, bottom, arguments);
    Ok(())
}

/// Goes back to what a handler interrupted (`rt_sigreturn(2)`): registers, vector state, mask, alternate stack.
///
/// # Errors
/// `EFAULT` where there is no frame, or none that could be gone back to.
pub fn pop(thread: &Thread, registers: &mut UserFrame) -> Result<()> {
    // The handler's return has taken the first word.
    let bottom = registers.stack_pointer().wrapping_sub(CONTEXT);
    let context = UserPtr::<UserContext>::new(bottom.wrapping_add(CONTEXT)).read()?;
    thread.set_mask(context.mask);
    *thread.signals.restart.lock() = None;
    let vectors = UserFrame::vectors_of(&context.machine);
    registers.set_context(&context.machine);
    if !hal::thread::load_vectors_from_user(vectors) {
        return Err(Error::new(Errno::EFAULT, "vector state that cannot be loaded"));
    }
    let sp = registers.stack_pointer();
    let current = *thread.signals.stack.lock();
    if let Ok(stack) = stack::change(&current, context.stack, sp) {
        *thread.signals.stack.lock() = stack;
    }
    Ok(())
}
