//! Signals on their way to a program.
//!
//! [`deliver`] runs when a thread is about to return to its program and has been told that there is a signal for it. It takes what is pending, does what has no handler,
//! makes the program go on in its handlers, and decides whether an interrupted call is made again.
//!
//! | module | what |
//! |---|---|
//! | [`frame`] | what a handler finds on its stack, and the way back from it |
//! | [`descriptor`] | signals read from a file |
//! | [`owner`] | files that send a signal when they are ready |
//! | [`siginfo`] | what is known of a signal, as bytes |
//! | [`stack`] | the alternate stack |
//!
//! Linux handles one signal at a time and looks again; here too, so that of several pending signals the last taken runs first.
//! It does not do: core dumps, shadow stacks.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod descriptor;
pub mod frame;
pub mod owner;
pub mod siginfo;
pub mod stack;

use abi::Errno;
use abi::signal::{SA_NODEFER, SA_RESTART, SIG_DFL, SIG_IGN, SS_AUTODISARM, SigAction, SigSet, Signal};
use hal::thread::UserFrame;
use lock::atomic::Ordering;
use process::exit::{Status, exit_process};
use process::signals::{DefaultAction, Delivery, Info, default_action};
use process::{Thread, rseq, session, stop};
use task::Work;

/// Does what the pending signals of the running thread ask for, and says what becomes of a call that was interrupted.
pub fn deliver(thread: &Thread, frame: &mut UserFrame) {
    let mut handled = false;
    loop {
        stop::wait(&thread.process);
        if task::with_current(|task| task.work()) & Work::EXIT != 0 {
            return;
        }
        let Some(delivery) = thread.take_signal() else { break };
        let info = delivery.info();
        let action = thread.process.signals.take_action(info.signal);
        match action.handler {
            SIG_IGN => {}
            SIG_DFL => act(thread, &delivery),
            _ => {
                finish_call(frame, Some(&action));
                handle(thread, frame, info, &action);
                handled = true;
            }
        }
    }
    if !handled {
        restart(thread, frame);
        thread.restore_mask();
    }
}

/// What a signal does that has no handler.
fn act(thread: &Thread, delivery: &Delivery) {
    let signal = delivery.info().signal;
    match default_action(signal) {
        DefaultAction::Terminate | DefaultAction::Dump => exit_process(Status::Signaled(signal)),
        DefaultAction::Stop => {
            let group = thread.process.group.load(Ordering::Relaxed);
            if signal == Signal::STOP || !session::is_orphaned(group) {
                stop::stop(thread, delivery);
            }
        }
        DefaultAction::Ignore | DefaultAction::Continue => {}
    }
}

/// Makes the program go on in a handler, and holds back what is to be held back there.
fn handle(thread: &Thread, frame: &mut UserFrame, info: &Info, action: &SigAction) {
    let signals = &thread.signals;
    let mask = signals.mask();
    let saved = signals.saved_mask.lock().unwrap_or(mask);
    *signals.restart.lock() = None;
    rseq::interrupt(thread, frame);
    if frame::push(thread, frame, info, action, saved).is_err() {
        if info.signal == Signal::SEGV {
            thread.process.set_action(Signal::SEGV, SigAction::default());
        }
        thread.force(Info::kernel(Signal::SEGV));
        return;
    }
    *signals.saved_mask.lock() = None;
    let mut held = SigSet(mask.0 | action.mask.0);
    if action.flags & SA_NODEFER == 0 {
        held = held.with(info.signal);
    }
    if signals.stack.lock().flags & SS_AUTODISARM != 0 {
        *signals.stack.lock() = stack::NONE;
    }
    thread.set_mask(held);
}

/// What the interrupted call answered, if the frame is that of a call that was interrupted.
fn interruption(frame: &UserFrame) -> Option<Errno> {
    let errno = Errno(u16::try_from(frame.result().wrapping_neg()).ok()?);
    let interrupted = matches!(
        errno,
        Errno::ERESTARTSYS | Errno::ERESTARTNOINTR | Errno::ERESTARTNOHAND | Errno::ERESTART_RESTARTBLOCK
    );
    (interrupted && frame.is_call()).then_some(errno)
}

/// A handler is about to run: the interrupted call is made again after it, or answers `EINTR`.
fn finish_call(frame: &mut UserFrame, action: Option<&SigAction>) {
    let Some(errno) = interruption(frame) else { return };
    let restarts = action.is_some_and(|action| action.flags & SA_RESTART != 0);
    if errno == Errno::ERESTARTNOINTR || (errno == Errno::ERESTARTSYS && restarts) {
        frame.repeat_call();
    } else {
        frame.set_result(u64::from(Errno::EINTR.0).wrapping_neg());
        frame.forget_call();
    }
}

/// No handler runs: the interrupted call is made again, or gone on with.
fn restart(thread: &Thread, frame: &mut UserFrame) {
    const RESTART_SYSCALL: u64 = 219;
    match interruption(frame) {
        Some(Errno::ERESTART_RESTARTBLOCK) if thread.signals.restart.lock().is_some() => {
            frame.call_instead(RESTART_SYSCALL);
        }
        Some(_) => frame.repeat_call(),
        None => {}
    }
}
