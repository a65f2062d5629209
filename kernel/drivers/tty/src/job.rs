//! Job control: who may use a terminal, and whom it tells.
//!
//! Behaviour is that of `drivers/tty/tty_jobctrl.c` of Linux 6.12. One thing differs: what is opened as `/dev/console` is a terminal like others here, whose readers in the
//! background are stopped; on Linux that file stands for a terminal with a name of its own (decision 0014).

use crate::line::Line;
use crate::terminal::{Control, Terminal};
use abi::signal::{SI_USER, SIG_IGN, Signal};
use abi::{Errno, Error, Result};
use alloc::sync::Arc;
use lock::atomic::Ordering;
use process::Process;
use process::session::{self, ControllingTerminal};
use process::signals::{self, Info};
use task::Work;
use vfs::capability;

const NOT_OWN: Error = Error::new(Errno::ENOTTY, "it is not the process's controlling terminal");
const NOT_ALLOWED: Error = Error::new(Errno::EPERM, "the process may not take the terminal");

/// Whether the running process has a capability.
pub(crate) fn has_capability(number: u32) -> bool {
    process::current().is_none_or(|process| process.credentials().has(number))
}

impl ControllingTerminal for Terminal {
    fn device(&self) -> u64 {
        self.device
    }

    fn foreground(&self) -> u32 {
        self.control.lock().foreground
    }

    fn hang_up(&self) {
        self.hang_up_for(false);
    }

    fn leader_ends(&self, leader: &Process) {
        if self.control.lock().session != leader.session() {
            return;
        }
        match self.line {
            Line::Console { .. } => self.hang_up_for(true),
            Line::Pair(_) => {
                let foreground = self.release();
                if foreground != 0 {
                    signals::send_group(foreground, Info::kernel(Signal::HUP));
                }
            }
        }
        forget(leader.session(), self);
    }
}

/// Takes the terminal from the processes of a session.
fn forget(session: u32, terminal: &Terminal) {
    for member in session::members(session) {
        if member.is_controlled_by(terminal) {
            member.set_terminal(None);
        }
    }
}

impl Terminal {
    /// It is nobody's; returns the group that was in the foreground.
    fn release(&self) -> u32 {
        core::mem::take(&mut *self.control.lock()).foreground
    }

    /// Makes it the controlling terminal of a process, whose group is in the foreground then, if the session with that number still has it (0 for none). Whether it is.
    pub fn control(self: &Arc<Self>, process: &Process, before: u32) -> bool {
        let mut control = self.control.lock();
        if control.session != before {
            return false;
        }
        *control = Control {
            session: process.session(),
            foreground: process.group(),
        };
        drop(control);
        process.set_terminal(Some(Arc::clone(self) as _));
        true
    }

    /// Hangs up: who has it open has no terminal any more, and the leader of its session is told; so is the foreground if it is the leader's end.
    pub(crate) fn hang_up_for(&self, leader_ends: bool) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        let control = core::mem::take(&mut *self.control.lock());
        let mut state = self.state.lock();
        state.typed.clear();
        state.discipline.flush_input();
        drop(state);
        self.wake_everybody();
        if control.session == 0 {
            return;
        }
        for member in session::members(control.session) {
            let leads = member.leads_session() && member.status().is_none();
            if leads {
                // Before the leader can end of what follows: it looks here when it has no terminal.
                member.former_foreground.store(control.foreground, Ordering::Release);
            }
            if member.is_controlled_by(self) {
                member.set_terminal(None);
            }
            if leads {
                signals::send(&member, Info::kernel(Signal::HUP));
                signals::send(&member, Info::kernel(Signal::CONT));
            }
        }
        if leader_ends && control.foreground != 0 {
            signals::send_group(control.foreground, Info::kernel(Signal::HUP));
        }
    }
}

/// The controlling terminal of the running process.
#[must_use]
pub fn current() -> Option<Arc<Terminal>> {
    let terminal: Arc<dyn core::any::Any + Send + Sync> = process::current()?.terminal()?;
    terminal.downcast().ok()
}

/// Makes a terminal that is nobody's the controlling one of the running process, if that leads a session and has none.
pub(crate) fn acquire(terminal: &Arc<Terminal>) {
    let Some(process) = process::current() else { return };
    if process.leads_session() && process.terminal().is_none() {
        terminal.control(&process, 0);
    }
}

/// Stops who uses its controlling terminal from the background.
///
/// # Errors
/// `EIO` where stopping would be for ever, or for a reader who does not hear of it; `ERESTARTSYS` for who is stopped.
pub(crate) fn check_background(terminal: &Terminal, signal: Signal) -> Result<()> {
    let foreground = terminal.foreground();
    let stopped = process::with_thread(|thread| {
        let own = &thread.process;
        if foreground == 0 || own.group() == foreground || !own.is_controlled_by(terminal) {
            return Ok(());
        }
        let alone = Error::new(Errno::EIO, "nobody would let the process go on");
        let ignores = thread.signals.mask().contains(signal) || own.signals.action(signal).handler == SIG_IGN;
        if ignores {
            return if signal == Signal::TTIN { Err(alone) } else { Ok(()) };
        }
        if session::is_orphaned(own.group()) {
            return Err(alone);
        }
        signals::send_group(own.group(), Info::kernel(signal));
        thread.add_work(Work::SIGNAL);
        Err(Error::new(Errno::ERESTARTSYS, "the process is in the background"))
    });
    stopped.unwrap_or(Ok(()))
}

/// `TIOCSCTTY`: the running process, which leads a session, takes the terminal; with `steal`, from another session if it may.
pub(crate) fn take(terminal: &Arc<Terminal>, readable: bool, steal: bool) -> Result<()> {
    let process = process::current().ok_or(NOT_ALLOWED)?;
    let session = terminal.control.lock().session;
    if process.leads_session() && process.session() == session {
        return Ok(());
    }
    if !process.leads_session() || process.terminal().is_some() {
        return Err(NOT_ALLOWED);
    }
    let may = process.credentials().has(capability::SYS_ADMIN);
    if session != 0 {
        if !(steal && may) {
            return Err(NOT_ALLOWED);
        }
        forget(session, terminal);
    }
    if !readable && !may {
        return Err(NOT_ALLOWED);
    }
    if terminal.control(&process, session) {
        Ok(())
    } else {
        Err(NOT_ALLOWED)
    }
}

/// `TIOCNOTTY`: the running process gives its terminal up, and if it leads the session, so do all others.
pub(crate) fn give_up(terminal: &Terminal) -> Result<()> {
    let process = process::current().ok_or(NOT_OWN)?;
    if !process.is_controlled_by(terminal) {
        return Err(NOT_OWN);
    }
    if process.leads_session() {
        let foreground = terminal.release();
        if foreground != 0 {
            let (pid, uid) = (process.pid, process.credentials().uid);
            for signal in [Signal::HUP, Signal::CONT] {
                signals::send_group(foreground, Info::sent(signal, SI_USER, pid, uid));
            }
        }
        forget(process.session(), terminal);
    }
    process.set_terminal(None);
    Ok(())
}

/// `TIOCGPGRP`: the group in the foreground. Through the master anybody may ask.
pub(crate) fn foreground_of(terminal: &Terminal, through_master: bool) -> Result<u32> {
    check_own(terminal, through_master)?;
    Ok(terminal.foreground())
}

/// `TIOCGSID`: the session.
pub(crate) fn session_of(terminal: &Terminal, through_master: bool) -> Result<u32> {
    check_own(terminal, through_master)?;
    match terminal.control.lock().session {
        0 => Err(Error::new(Errno::ENOTTY, "the terminal is nobody's")),
        session => Ok(session),
    }
}

fn check_own(terminal: &Terminal, through_master: bool) -> Result<()> {
    let own = || process::current().is_some_and(|process| process.is_controlled_by(terminal));
    if through_master || own() { Ok(()) } else { Err(NOT_OWN) }
}

/// `TIOCSPGRP`: puts a group of the session in the foreground.
pub(crate) fn set_foreground(terminal: &Terminal, group: impl FnOnce() -> Result<i32>) -> Result<()> {
    check_background(terminal, Signal::TTOU).map_err(|error| match error.errno {
        Errno::EIO => Error::new(Errno::ENOTTY, error.why()),
        _ => error,
    })?;
    let group = u32::try_from(group()?).map_err(|_| Error::new(Errno::EINVAL, "the group's number is negative"))?;
    let process = process::current().ok_or(NOT_OWN)?;
    let session = process.session();
    if !process.is_controlled_by(terminal) || terminal.control.lock().session != session {
        return Err(NOT_OWN);
    }
    // As in Linux a process's own number will do, whatever group it is in.
    let of_process = || process::registry::process(group).map(|process| process.session());
    match session::of_group(group).or_else(of_process) {
        Some(of_group) if of_group == session => {}
        Some(_) => return Err(Error::new(Errno::EPERM, "the process group is in another session")),
        None => return Err(Error::new(Errno::ESRCH, "there is no such process group")),
    }
    let mut control = terminal.control.lock();
    if control.session != session {
        return Err(NOT_OWN);
    }
    control.foreground = group;
    Ok(())
}
