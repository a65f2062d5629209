//! From the machine to the call and back.

use crate::table::CALLS;
use crate::{out_of_memory, strace};
use abi::{Errno, Error, Result};
use alloc::boxed::Box;
use core::sync::atomic::{AtomicU64, Ordering};
use hal::thread::UserFrame;
use hal::{Access, Fault};
use process::exit::Status;
use process::signals::{Fields, Info};
use process::{Thread, with_thread};
use space::FaultKind;
use syscall::Caller;
use syscall::leave::before_user;

/// Calls that nobody implements and that have been reported.
static REPORTED: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];

/// A program made a system call.
pub extern "C" fn system_call(frame: &mut UserFrame) {
    carry_out(frame, dispatch);
}

/// A simulated program makes a system call. (A panic may pass through this one.)
#[cfg(not(target_os = "none"))]
pub fn simulated_call(frame: &mut UserFrame) {
    carry_out(frame, dispatch);
}

/// A program made a system call, and calls are traced.
pub extern "C" fn traced_system_call(frame: &mut UserFrame) {
    carry_out(frame, strace::dispatch);
}

#[inline]
fn carry_out(frame: &mut UserFrame, dispatch: impl FnOnce(&mut Caller<'_>) -> Result<u64>) {
    let work = task::with_current(|task| {
        let Some(thread) = task.payload::<Thread>() else {
            return 0;
        };
        let result = dispatch(&mut Caller { thread, frame });
        frame.set_result(match result {
            Ok(value) => value,
            Err(error) => as_result(error),
        });
        task.work()
    });
    if work != 0 {
        before_user(frame);
    }
}

/// What a program finds in its register after a call that failed. (Apart, so that a call that did not fail jumps over nothing.)
#[cold]
#[inline(never)]
fn as_result(error: Error) -> u64 {
    u64::from(error.errno.0).wrapping_neg()
}

#[inline]
fn dispatch(caller: &mut Caller<'_>) -> Result<u64> {
    match CALLS.get(caller.frame.number() as usize) {
        Some(call) => call(caller),
        None => unknown(caller),
    }
}

/// A call that nobody implements: reported once by name.
#[cold]
pub(crate) fn unknown(caller: &mut Caller<'_>) -> Result<u64> {
    let number = caller.frame.number() as usize;
    if let Some(word) = REPORTED.get(number / 64)
        && word.fetch_or(1 << (number % 64), Ordering::Relaxed) >> (number % 64) & 1 == 0
    {
        let name = caller.thread.name();
        trace::info!(
            "system call {number} ({}) is not implemented; asked for by {}",
            abi::numbers::name(number).unwrap_or("unknown"),
            alloc::string::String::from_utf8_lossy(name.split(|&byte| byte == 0).next().unwrap_or(b"")),
        );
    }
    Err(Error::new(Errno::ENOSYS, "the call is not implemented"))
}

/// Gives a program the memory that it touched. When none is left, room is made.
#[inline]
fn answer(thread: &Thread, address: u64, access: Access) -> core::result::Result<(), FaultKind> {
    match thread.process.space().fault(address, access) {
        Err(FaultKind::OutOfMemory) => answer_after_making_room(thread, address, access),
        answered => answered,
    }
}

#[cold]
fn answer_after_making_room(thread: &Thread, address: u64, access: Access) -> core::result::Result<(), FaultKind> {
    vfs::shrink();
    let mut tried = false;
    loop {
        match thread.process.space().fault(address, access) {
            Err(FaultKind::OutOfMemory) if out_of_memory::make_room(thread, tried) => tried = true,
            answered => return answered,
        }
    }
}

/// A program, or the kernel for it, touched memory that its tables do not give it; whether that was put right.
pub fn page_fault(address: u64, access: Access) -> bool {
    with_thread(|thread| {
        thread.faults.fetch_add(1, Ordering::Relaxed);
        answer(thread, address, access).is_ok()
    })
    .unwrap_or(false)
}

/// A program touched memory that it does not have.
pub fn user_page_fault(_frame: &mut UserFrame, address: u64, access: Access, error: u32) {
    const PAGE_FAULT: u32 = 14;
    const PRESENT: u32 = 1;
    // Programs are not told which pages the kernel has.
    let error = if address >= address::USER_END {
        error | PRESENT
    } else {
        error
    };
    with_thread(|thread| {
        let (signal, code) = match answer(thread, address, access) {
            Ok(()) => return,
            Err(FaultKind::MapErr) => (abi::signal::Signal::SEGV, abi::signal::SEGV_MAPERR),
            Err(FaultKind::AccErr) => (abi::signal::Signal::SEGV, abi::signal::SEGV_ACCERR),
            Err(FaultKind::BusAdrErr) => (abi::signal::Signal::BUS, abi::signal::BUS_ADRERR),
            Err(FaultKind::OutOfMemory) => {
                let killed = Status::Signaled(abi::signal::Signal::KILL);
                return process::exit::begin_end(&thread.process, killed);
            }
        };
        raise(
            thread,
            Fault {
                signal: signal.0,
                code,
                address,
                trap: PAGE_FAULT,
                error,
            },
        );
    });
}

/// A program trapped.
pub fn fault(_frame: &mut UserFrame, fault: Fault) {
    with_thread(|thread| raise(thread, fault));
}

fn raise(thread: &Thread, fault: Fault) {
    let Some(signal) = abi::signal::Signal::new(u32::from(fault.signal)) else {
        return;
    };
    let fields = Fields::Fault {
        address: fault.address,
        trap: fault.trap,
        error: fault.error,
    };
    thread.force(Info {
        signal,
        code: fault.code,
        errno: 0,
        fields,
    });
}

/// What is done when a line is raised.
type LineWork = Box<dyn Fn() + Send + Sync>;

static LINES: [lock::Once<LineWork>; LINE_COUNT] = [const { lock::Once::new() }; LINE_COUNT];
const LINE_COUNT: usize = 48;

/// Registers what is done when an interrupt line is raised.
pub fn set_line(line: u8, work: impl Fn() + Send + Sync + 'static) {
    if let Some(slot) = LINES.get(usize::from(line)) {
        let _ = slot.set(Box::new(work));
    }
}

/// An interrupt line was raised.
pub fn line(line: u8) {
    if let Some(work) = LINES.get(usize::from(line)).and_then(lock::Once::get) {
        work();
    }
}
