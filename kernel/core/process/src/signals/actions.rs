//! What signals do: to a program that says so, and by default.
//!
//! Processes that were made with `CLONE_SIGHAND` share their actions until one of them runs another program.

use super::Signals;
use crate::shared::Process;
use abi::signal::{SA_RESETHAND, SIG_DFL, SIG_IGN, SigAction, SigSet, Signal};
use alloc::sync::Arc;
use lock::SpinLock;

impl Signals {
    /// What a signal does.
    #[must_use]
    #[inline]
    pub fn action(&self, signal: Signal) -> SigAction {
        self.actions.lock().lock()[usize::from(signal.0) - 1]
    }

    fn set_action(&self, signal: Signal, action: SigAction) -> SigAction {
        core::mem::replace(&mut self.actions.lock().lock()[usize::from(signal.0) - 1], action)
    }

    /// What a signal does that is about to be delivered; a handler that counts once is forgotten with this.
    pub fn take_action(&self, signal: Signal) -> SigAction {
        let shared = self.actions.lock();
        let mut actions = shared.lock();
        let action = &mut actions[usize::from(signal.0) - 1];
        let taken = *action;
        if taken.flags & SA_RESETHAND != 0 && !matches!(taken.handler, SIG_DFL | SIG_IGN) {
            action.handler = SIG_DFL;
        }
        taken
    }

    /// Another program runs: handlers are gone, what was ignored stays so. Nobody else's actions change.
    pub fn reset(&self) {
        let mut shared = self.actions.lock();
        if Arc::strong_count(&shared) > 1 {
            let actions = *shared.lock();
            *shared = Arc::new(SpinLock::new(actions));
        }
        for action in shared.lock().iter_mut().filter(|action| action.handler != SIG_IGN) {
            *action = SigAction::default();
        }
    }

    /// Takes all actions from another process.
    pub fn copy_actions(&self, from: &Self) {
        let actions = *from.actions.lock().lock();
        *self.actions.lock().lock() = actions;
    }

    /// From here on actions are another process's too.
    pub fn share_actions(&self, with: &Self) {
        let actions = Arc::clone(&with.actions.lock());
        *self.actions.lock() = actions;
    }

    /// The same number for all processes that share their actions.
    #[must_use]
    pub fn actions_identity(&self) -> usize {
        Arc::as_ptr(&self.actions.lock()).addr()
    }

    /// Whether another process has the same actions.
    #[must_use]
    pub fn shares_actions(&self) -> bool {
        Arc::strong_count(&self.actions.lock()) > 1
    }

    /// Which signals are ignored, and which are caught.
    #[must_use]
    pub fn ignored_and_caught(&self) -> (SigSet, SigSet) {
        let actions = *self.actions.lock().lock();
        let (mut ignored, mut caught) = (SigSet::EMPTY, SigSet::EMPTY);
        for (signal, action) in (1..=64).filter_map(Signal::new).zip(actions.iter()) {
            match action.handler {
                SIG_DFL => {}
                SIG_IGN => ignored = ignored.with(signal),
                _ => caught = caught.with(signal),
            }
        }
        (ignored, caught)
    }
}

impl Process {
    /// Sets what a signal does; returns what it did. What is ignored is pending no more, for none of its threads.
    pub fn set_action(&self, signal: Signal, action: SigAction) -> SigAction {
        let before = self.signals.set_action(signal, action);
        if is_ignored(signal, &action) {
            let gone = SigSet::EMPTY.with(signal);
            self.signals.pending.forget(gone);
            for thread in self.threads() {
                thread.signals.pending.forget(gone);
            }
        }
        before
    }
}

/// What a signal does that has no handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DefaultAction {
    /// Nothing.
    Ignore,
    /// The process ends.
    Terminate,
    /// The process ends, with a core dump where those are made.
    Dump,
    /// The process stops.
    Stop,
    /// The process goes on.
    Continue,
}

/// What a signal does that has no handler.
#[must_use]
pub fn default_action(signal: Signal) -> DefaultAction {
    match signal {
        Signal::CHLD | Signal::URG | Signal::WINCH => DefaultAction::Ignore,
        Signal::CONT => DefaultAction::Continue,
        Signal::STOP | Signal::TSTP | Signal::TTIN | Signal::TTOU => DefaultAction::Stop,
        Signal::QUIT
        | Signal::ILL
        | Signal::TRAP
        | Signal::ABRT
        | Signal::BUS
        | Signal::FPE
        | Signal::SEGV
        | Signal::XCPU
        | Signal::XFSZ
        | Signal::SYS => DefaultAction::Dump,
        _ => DefaultAction::Terminate,
    }
}

/// Whether what a signal would do does not happen because another process sent it to the application: to others, process 1 is the system's init, which no default
/// action ends or stops. What it sends itself, what the kernel sends and what it waits for with the signal held back is not meant.
#[must_use]
#[inline]
pub fn is_shielded(from: &Process, to: &Process, signal: Signal) -> bool {
    to.pid == 1 && from.pid != 1 && would_act(to, signal)
}

/// Whether a signal does by default what an init is shielded from, and nobody waits for it.
fn would_act(to: &Process, signal: Signal) -> bool {
    to.signals.action(signal).handler == SIG_DFL
        && default_action(signal) != DefaultAction::Continue
        && to
            .find_thread(|thread| !thread.signals.mask().contains(signal))
            .is_some()
}

pub(super) fn is_ignored(signal: Signal, action: &SigAction) -> bool {
    action.handler == SIG_IGN || (action.handler == SIG_DFL && default_action(signal) == DefaultAction::Ignore)
}
