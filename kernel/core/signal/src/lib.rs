//! Signals on their way to a program.
//!
//! [`deliver`] runs when a thread is about to return to its program and has been told that there is a signal for it. It takes what is pending, does what has no handler,
//! and decides whether an interrupted call is made again.
//!
//! It does not do yet: calling handlers, stopping and continuing; those come with many processes. A signal that has a handler waits until then.
#![no_std]
#![forbid(unsafe_code)]

use abi::signal::{SIG_DFL, SIG_IGN, SigSet};
use hal::thread::UserFrame;
use process::Thread;
use process::exit::{Status, exit_process};
use process::signals::{DefaultAction, default_action};

const RESTARTS: core::ops::RangeInclusive<u64> = 512..=516;

/// Does what the pending signals of the running thread ask for, and says what becomes of a call that was interrupted.
pub fn deliver(thread: &Thread, frame: &mut UserFrame) {
    let (_, caught) = thread.process.signals.ignored_and_caught();
    let held = SigSet(thread.signals.mask().0 | caught.0);
    while let Some(info) = thread.take_signal_except(held) {
        let action = thread.process.signals.action(info.signal);
        if action.handler == SIG_IGN || action.handler != SIG_DFL {
            continue;
        }
        match default_action(info.signal) {
            DefaultAction::Terminate | DefaultAction::Dump => exit_process(Status::Signaled(info.signal)),
            DefaultAction::Ignore | DefaultAction::Continue | DefaultAction::Stop => {}
        }
    }
    restart(frame);
}

/// An interrupted call that nobody handled a signal for is made again.
fn restart(frame: &mut UserFrame) {
    let was_call = frame.number() != u64::MAX;
    if was_call && RESTARTS.contains(&frame.result().wrapping_neg()) {
        frame.repeat_call();
    }
}
