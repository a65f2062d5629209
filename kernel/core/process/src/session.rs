//! Sessions and their terminals.
//!
//! A session may have one controlling terminal. Each of its processes knows it (a child has its maker's, `setsid` has none), and the terminal knows the session and
//! which of its process groups is in the foreground. What a terminal is, a driver says: here it is something that hears when the leader of its session ends.
//!
//! A process group is *orphaned* when nobody could let it go on: no member has a parent outside the group in the same session (who has lost his parent, and was
//! adopted by the kernel, has none). The stop signals of a terminal do nothing to such a group, and one that becomes orphaned while a member is stopped gets `SIGHUP`
//! and `SIGCONT`.

use crate::registry;
use crate::shared::Process;
use crate::signals::{self, Info};
use abi::signal::Signal;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use lock::atomic::Ordering;

/// A terminal, as the processes of its session know it.
pub trait ControllingTerminal: Any + Send + Sync {
    /// The number of its device.
    fn device(&self) -> u64;

    /// The process group in the foreground; 0 for none.
    fn foreground(&self) -> u32;

    /// It hangs up: who has it open has no terminal any more, and the leader of its session is told.
    fn hang_up(&self);

    /// The leader of its session ends: it is nobody's terminal afterwards.
    fn leader_ends(&self, leader: &Process);
}

impl Process {
    /// Its group.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.group.load(Ordering::Relaxed)
    }

    /// Its session.
    #[must_use]
    pub fn session(&self) -> u32 {
        self.session.load(Ordering::Relaxed)
    }

    /// Whether it leads its session.
    #[must_use]
    pub fn leads_session(&self) -> bool {
        self.session() == self.pid
    }

    /// Its controlling terminal.
    #[must_use]
    pub fn terminal(&self) -> Option<Arc<dyn ControllingTerminal>> {
        self.terminal.lock().clone()
    }

    /// Whether a terminal is its controlling one.
    #[must_use]
    pub fn is_controlled_by(&self, terminal: &dyn ControllingTerminal) -> bool {
        let own = self.terminal.lock();
        own.as_ref()
            .is_some_and(|own| core::ptr::addr_eq(Arc::as_ptr(own), terminal))
    }

    /// Gives it a controlling terminal, or none.
    pub fn set_terminal(&self, terminal: Option<Arc<dyn ControllingTerminal>>) {
        let before = core::mem::replace(&mut *self.terminal.lock(), terminal);
        drop(before);
    }

    /// Begins a session of its own, with a group of its own and no terminal. The caller has checked that it leads no group.
    pub fn begin_session(&self) {
        self.group.store(self.pid, Ordering::Relaxed);
        self.session.store(self.pid, Ordering::Relaxed);
        self.set_terminal(None);
    }
}

/// The processes of a session.
#[must_use]
pub fn members(session: u32) -> Vec<Arc<Process>> {
    let mut members = registry::processes();
    members.retain(|process| process.session() == session);
    members
}

/// The session that a process group is in; nothing if there is no such group.
#[must_use]
pub fn of_group(group: u32) -> Option<u32> {
    let processes = registry::processes();
    let member = processes.iter().find(|process| process.group() == group);
    member.map(|member| member.session())
}

/// A process ends: if it leads a session, that loses its terminal, and the group that was in the foreground when the terminal hung up is told.
pub(crate) fn leave(process: &Process) {
    if process.leads_session() {
        match process.terminal() {
            Some(terminal) => terminal.leader_ends(process),
            None => {
                let group = process.former_foreground.swap(0, Ordering::Relaxed);
                if group != 0 {
                    signals::send_group(group, Info::kernel(Signal::HUP));
                    signals::send_group(group, Info::kernel(Signal::CONT));
                }
            }
        }
    }
    process.set_terminal(None);
}

/// Whether a process group is orphaned.
#[must_use]
pub fn is_orphaned(group: u32) -> bool {
    !registry::processes()
        .iter()
        .filter(|process| process.group() == group && process.status().is_none())
        .filter(|process| !process.is_adopted.load(Ordering::Relaxed))
        .any(|process| {
            process
                .parent()
                .is_some_and(|parent| parent.group() != group && parent.session() == process.session())
        })
}

/// A process has ended, or lost its parent: tells its group if nobody can let it go on any more. `parent` is the one that could.
pub(crate) fn look_after_orphans(process: &Process, parent: &Process) {
    let group = process.group();
    if parent.group() == group || parent.session() != process.session() {
        return;
    }
    let stopped = |member: &Arc<Process>| member.group() == group && member.stop.is_stopped();
    if registry::processes().iter().any(stopped) && is_orphaned(group) {
        signals::send_group(group, Info::kernel(Signal::HUP));
        signals::send_group(group, Info::kernel(Signal::CONT));
    }
}
